"""What the evaluations of all further tasks share: a table, a verdict, a page.

An evaluation says its scores beside their baselines (`score_rows`), what to think of them
(`comparison`), a further table (`details`) and its pictures; the text and the HTML are made here.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from segue.dataset import Dataset
from segue.evaluation import text
from segue.evaluation.background import Background
from segue.evaluation.trained_on import TrainedOn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ScoreRow = tuple[str, str, str]  # name, value, what it says


@dataclass(frozen=True)
class Table:
    """A further table: headings, and rows whose first cell is their heading."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        return self.text()

    def text(self, note: str = "") -> str:
        """The rows below the headings; a note stands at the end of each row."""
        lines = [self.headings, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.headings))]
        return "\n".join(
            "  ".join(
                f"{cell:<{width}}" if i == 0 else f"{cell:>{width}}"
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            + (f"  {note}" if note and number else "")
            for number, line in enumerate(lines)
        )


@dataclass(frozen=True, eq=False, repr=False)
class Scores(abc.ABC):
    """The scores of one model on one set of sequences. Made by `evaluate`.

    Attributes:
        dataset: the sequences that were scored.
        part: the part they are: "test", another part, or "" where the data set has no parts.
        background: how the model was made.
        trained_on: how many of the sequences the model was trained on.
    """

    dataset: Dataset
    part: str
    background: Background
    trained_on: TrainedOn = field(default_factory=TrainedOn, kw_only=True)

    task: ClassVar[str]
    calls: ClassVar[tuple[str, ...]]  # lines of Python that ask such a model

    @abc.abstractmethod
    def metrics(self) -> dict[str, Any]:
        """Return every score as plain numbers, lists and text: what `metrics.json` holds."""

    @abc.abstractmethod
    def score_rows(self) -> list[ScoreRow]:
        """Name, value and meaning of each score; the model's comes first, then a baseline's."""

    @abc.abstractmethod
    def comparison(self) -> str:
        """Say in one sentence whether the scores are better than those of the baselines."""

    def verdict(self) -> str:
        """The same, with what follows from it for a model that was trained on what is scored."""
        return self.trained_on.verdict(self.comparison())

    @abc.abstractmethod
    def details(self) -> Table:
        """A table by class, by value or by step ahead."""

    @abc.abstractmethod
    def pictures(self) -> list[tuple[Axes, str]]:
        """What is drawn, each with its caption."""

    def marked_rows(self) -> list[ScoreRow]:
        """The score rows; each says how much of what was scored was trained on."""
        return [(a, b, self.trained_on.marked(said)) for a, b, said in self.score_rows()]

    def heading(self) -> str:
        """Say what was scored."""
        return f"{text.where(self.part)}: {text.counted(len(self.dataset), 'sequence')}"

    def report(self) -> str:
        """Return a table: the scores beside their baselines, and what to think of them."""
        rows = self.marked_rows()
        width = max(len(name) for name, _, _ in rows)
        size = max(len(value) for _, value, _ in rows)
        table = "\n".join(f"{a:<{width}}  {b:>{size}}   {c}".rstrip() for a, b, c in rows)
        said = [self.verdict(), *self.caveats()]
        details = self.details().text(self.trained_on.note)
        return "\n\n".join([self.heading(), table, "\n".join(said), details])

    def caveats(self) -> list[str]:
        """What a reader of the scores ought to know about these data, one sentence each."""
        said = text.trained_on_caveats(self.trained_on)
        if self.part == "train":
            said.append("These are training sequences: the scores on new ones are likely lower.")
        return said

    def __repr__(self) -> str:
        (name, value, _), (baseline, other, _) = self.score_rows()[:2]
        kind, note = type(self).__name__, self.trained_on.note and f", {self.trained_on.note}"
        return f"{kind}(n={len(self.dataset)}, {name}={value}, {baseline}={other}{note})"

    def to_html(
        self,
        path: str | Path,
        *,
        train: Dataset | None = None,
        model_path: str | Path | None = None,
        source: str | None = None,
        facts: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Write everything to one HTML file that needs nothing beside it.

        Args:
            path: the file.
            train: the training data, whose summary stands beside that of the scored data.
            model_path: where the model lies, for the lines that show how to use it.
            source: what `segue.read` was given, for the same lines.
            facts: what else is known of the training, as pairs of a heading and a text.

        Raises:
            WriteError: the disk is full or read-only. No half-written file is left.
        """
        from segue.atomic import write_text

        write_text(path, self._html(train, model_path, source, facts))

    def _html(
        self,
        train: Dataset | None,
        model_path: str | Path | None,
        source: str | None,
        facts: Iterable[tuple[str, str]],
    ) -> str:
        from segue.evaluation import page
        from segue.evaluation.glance import summaries
        from segue.evaluation.html import items, picture, section, table

        if train is not None and "train" in train.part_names:
            train = train.part("train")
        sets = ({} if train is None else {"train": train}) | {self.part or "scored": self.dataset}
        rows, details = self.marked_rows(), self.details()
        (name, value, said), (baseline, other, other_said) = rows[:2]
        numbers = range(1, len(details.headings))
        return page.page(
            title=self.dataset.name or "Evaluation",
            subtitle=self.heading(),
            headline=page.headline((value, name, said), (other, baseline, other_said))
            + f'\n<p class="verdict">{escape(self.verdict())}</p>',
            sections=[
                section("made", "What was done", page.made(self.background, facts)),
                section("data", "The data at a glance", summaries(sets)),
                section("network", "The network", page.network(self.background)),
                section("history", "The training", *page.history(self.background)),
                section(
                    "scores",
                    "Scores",
                    table(["score", "value", "what it says"], rows, numbers=[1]),
                    items(self.caveats()),
                ),
                section(
                    "details",
                    self.trained_on.titled(details.title),
                    *(picture(axes, f"p{i}", s) for i, (axes, s) in enumerate(self.pictures())),
                    table(details.headings, details.rows, numbers=list(numbers)),
                ),
                section(
                    "use",
                    "Use the model",
                    *page.use(model_path, source, self.calls, self.trained_on),
                ),
            ],
            footnote=[said] if (said := text.of_the_test(self.part)) else [],
        )


def number(value: float) -> str:
    """Four significant figures, in whatever unit.

    >>> number(14.4342), number(0.000123)
    ('14.43', '0.000123')
    """
    return f"{value:.4g}"


def rmse(errors: Any) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.mean(np.square(errors))))
