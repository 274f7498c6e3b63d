"""The base of studies: trials as rows, statistics over them, and the files of the folder."""

from __future__ import annotations

import abc
import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from segue.atomic import replacing, write_text
from segue.errors import counted
from segue.progress import duration
from segue.tasks.outcome import Picture
from segue.text_table import number, text_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = dict[str, Any]

BAND = (0.1, 0.9)  # quantiles of the seeds
ROWS_ON_PAGE = 100
CAPTIONS = {
    "grid.png": "The score of each combination",
    "learning-curve.png": "Score and loss over the number of training sequences",
    "epochs.png": "Score and loss over the epochs",
}
FILES = (
    ("summary.csv", "a row for each setting: mean and band over the seeds"),
    ("trials.csv", "a row for each training"),
    ("study.jsonl", "the history of each training, and its seconds"),
    ("study.json", "the summary, and what follows from it"),
)
NEAR = 0.01  # to the best: an accuracy this much lower, or an error this share larger


@dataclass(frozen=True, kw_only=True)
class Study(abc.ABC):
    """The trials of a study and their statistics.

    Class attributes:
        kind: as on the command line.

    Attributes:
        metric: the score: "accuracy", or "rmse" of numbers.
        seeds: of the trainings.
        rows: one a trial, in the order of seeds and settings: "trial", the score, "loss", "epochs",
            "kept", "history", "seconds"; or "error".
        baseline: the score of a constant prediction.
        until: the level of the score whose epoch is reported, if any.
        folder: the study's folder.
    """

    kind: ClassVar[str]
    metric: str
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    baseline: float
    until: float | None = None
    folder: Path | None = None

    @property
    @abc.abstractmethod
    def follow(self) -> str:
        """The score's column of the histories."""

    @property
    @abc.abstractmethod
    def settings(self) -> list[Row]:
        """The settings, which differ between trials besides the seed; in the table's order."""

    @abc.abstractmethod
    def notes(self) -> list[str]:
        """The lines below the table of the report."""

    @abc.abstractmethod
    def as_json(self) -> Row:
        """The summary and what follows from it, as in `study.json`."""

    @abc.abstractmethod
    def pictures(self) -> dict[str, Callable[[], Axes]]:
        """The figures that `save` writes, by file name."""

    @cached_property
    def summary(self) -> list[Row]:
        """A row for each setting: mean and band over the seeds."""
        return self.summaries(self.settings)

    def summaries(self, settings: Iterable[Row]) -> list[Row]:
        """A row for each of some settings, or parts of settings, over all trials with it."""
        return [{**setting, **self.summarize(self.trials(setting))} for setting in settings]

    @property
    def done(self) -> list[Row]:
        """The rows of `summary` of which at least one trial did not fail."""
        return [row for row in self.summary if row["trials"]]

    def trials(self, setting: Row) -> list[Row]:
        """The rows of a setting, one a seed."""
        return [row for row in self.rows if setting.items() <= row["trial"].items()]

    def histories(self, setting: Row) -> list[list[Row]]:
        """The histories of a setting's trials that did not fail."""
        return [row["history"] for row in without_failed(self.trials(setting))]

    def summarize(self, rows: Sequence[Row]) -> Row:
        """Mean and band over some trials; None where every one failed."""
        done = without_failed(rows)
        summary: Row = {"trials": len(done), "failed": len(rows) - len(done)}
        for name in (self.metric, "loss"):
            summary |= _spread(name, [row[name] for row in done])
        for name in ("epochs", "kept"):
            summary[name] = _spread(name, [row[name] for row in done])[name]
        summary["epochs_enough"] = epochs_enough([row["history"] for row in done], self.follow)
        summary["parameters"] = done[0]["parameters"] if done else None
        if self.until is not None:
            epochs = [epochs_until(row["history"], self.follow, self.until) for row in done]
            known = [epoch for epoch in epochs if epoch is not None]
            summary |= {**_spread("epochs_until", known), "reached": len(known)}
        return summary

    # -- text -----------------------------------------------------------------------------------

    @property
    @abc.abstractmethod
    def headline(self) -> tuple[Row, str]:
        """The row of `summary` whose score stands above all on the page, and what it is of."""

    def ranked(self) -> list[Row]:
        """The rows of which at least one trial did not fail; of a grid the best first."""
        return self.done

    def report(self) -> str:
        """The table over the settings, and what follows from it."""
        return "\n".join([text_table(self.table_of(self.summary)), "", *self.remarks()])

    def table_of(self, rows: Iterable[Row]) -> list[list[str]]:
        """A line with the headings, and one for each of some rows of `summary`."""
        names = list(self.settings[0])
        heads = ["sequences" if name == "size" else name for name in names]
        heads += [self.metric, "10-90 % over seeds", "loss", "epochs"]
        heads.append(f"to {self.near} of best")
        heads += [] if self.until is None else [f"epochs until {self.until:g}"]
        table = [heads]
        for row in rows:
            cells = [f"{row[name]:,}" if name == "size" else str(row[name]) for name in names]
            cells += [number(row[self.metric]), self.band(row), number(row["loss"])]
            cells += [_whole(row["epochs"]), _whole(row["epochs_enough"])]
            table.append(cells if self.until is None else [*cells, reached(row)])
        return table

    def remarks(self) -> list[str]:
        """The notes, and how many trials failed."""
        failed = [row["error"] for row in self.rows if "error" in row]
        count = f"{len(failed)} of {len(self.rows)} trials failed."
        return [*self.notes(), *([f"{count} The first one: {failed[0]}"] if failed else [])]

    def band(self, row: Row) -> str:
        """The interval of the score over the seeds, of a row of `summary`."""
        return " to ".join(number(row[f"{self.metric}_{end}"]) for end in ("low", "high"))

    @property
    def bands(self) -> str:
        """A description of the bands of the table."""
        count = len(self.seeds)
        return "one seed" if count == 1 else f"mean and 10 % to 90 % of {count} seeds"

    def scored_on(self, what: str) -> str:
        """A line on the scores of the table.

        Args:
            what: the data that they are of.
        """
        constant = f"a constant prediction: {self.metric} {number(self.baseline)}"
        return f"scored on {what}, {self.bands}; {constant}"

    @property
    def near(self) -> str:
        """The tolerance of `epochs_enough`: how near to the best score."""
        return f"{100 * NEAR:g} %" if self.metric == "rmse" else f"{NEAR:g}"

    # -- files ----------------------------------------------------------------------------------

    def save(self, folder: str | Path, facts: Iterable[tuple[str, str]] = ()) -> None:
        """Write tables, `study.json`, the pictures and a page with all of it, each whole or not.

        Args:
            folder: for `trials.csv`, `summary.csv`, `study.json`, the pictures and `report.html`.
            facts: what the page has of data and settings, as pairs of a heading and a text.

        Raises:
            WriteError: the disk is full or read-only.
        """
        folder = Path(folder)
        _write_csv(folder / "trials.csv", map(self._line, self.rows))
        _write_csv(folder / "summary.csv", self.summary)
        drawn = {name: draw() for name, draw in self.pictures().items()}
        for name, axes in drawn.items():
            with replacing(folder / name) as temporary:
                axes.figure.savefig(temporary)  # type: ignore[union-attr]  # no SubFigure
        write_text(folder / "study.json", json.dumps(self.as_json(), indent=2) + "\n")
        write_text(folder / "report.html", self._page(drawn, dict(facts)))

    def _page(self, drawn: Mapping[str, Axes], facts: dict[str, str]) -> str:
        """The page: scores, settings and times in words and pictures."""
        from segue.evaluation.report import templates, versions

        rows = self.ranked()[:ROWS_ON_PAGE]
        times = [
            self._seconds(self.trials({name: row[name] for name in self.settings[0]}))
            for row in rows
        ]
        head, *lines = self.table_of(rows)
        table = [
            [*head, "time of each"],
            *([*line, duration(t)] for line, t in zip(lines, times, strict=True)),
        ]
        trials, (best, about) = len(self.rows), self.headline
        left = len(self.summary) - len(rows)
        pictures = [
            Picture(f"picture{place}", axes, CAPTIONS[name], "wide")
            for place, (name, axes) in enumerate(drawn.items())
        ]
        total = duration(sum(row.get("seconds", 0.0) for row in self.rows))
        return (
            templates()
            .get_template("study.html")
            .render(
                title=f"{self.kind.capitalize().replace('-', ' ')}: {facts.get('source', 'study')}",
                size=f"{counted(trials, 'training')}, {counted(len(self.seeds), 'seed')}",
                headline=[
                    (self.metric, number(best[self.metric]), f"{about}, {self.bands}"),
                    ("constant prediction", number(self.baseline), "for comparison"),
                ],
                rows=table,
                numbers=len(self.settings[0]),
                left_out=f"{left:,} of {len(self.summary):,} are not shown here." if left else "",
                notes=self.remarks(),
                pictures=pictures,
                facts=[*facts.items(), ("time", f"{total} for {counted(trials, 'training')}")],
                files=FILES,
                versions=versions(),
            )
        )

    def _seconds(self, rows: Sequence[Row]) -> float:
        """The mean duration of some trials that did not fail."""
        return float(np.mean([row["seconds"] for row in without_failed(rows)]))

    def _line(self, row: Row) -> Row:
        """A trial in `trials.csv`, without what differs between two runs of it (seconds)."""
        names = (self.metric, "loss", "epochs", "kept", "parameters")
        line = {**row["trial"], **{name: row.get(name) for name in names}}
        if self.until is not None:
            line["epochs_until"] = epochs_until(row.get("history", []), self.follow, self.until)
        return {**line, "error": row.get("error")}


def without_failed(rows: Iterable[Row]) -> list[Row]:
    """The rows of the trials that did not fail."""
    return [row for row in rows if "error" not in row]


def epochs_until(history: Sequence[Row], name: str, until: float) -> float | None:
    """The first epoch at which a column of the history reaches `until`; `None`: never.

    >>> epochs_until([{"accuracy": 0.5}, {"accuracy": 0.9}], "accuracy", 0.8)
    2.0
    """
    sign = -1 if name.endswith("rmse") else 1
    reached = (n for n, epoch in enumerate(history, 1) if sign * epoch[name] >= sign * until)
    first = next(reached, None)
    return None if first is None else float(first)


def epochs_enough(trainings: Sequence[Sequence[Row]], name: str) -> int | None:
    """The first epoch at which the mean of some trainings is nearly as good as its best.

    Nearly: an accuracy 0.01 lower than the best, an error 1 % larger. A training that ended before
    the others counts with its last epoch.

    >>> histories = [[{"accuracy": 0.5}, {"accuracy": 0.985}, {"accuracy": 0.99}]]
    >>> epochs_enough(histories, "accuracy")
    2
    """
    if not trainings:
        return None
    longest = max(map(len, trainings))
    means = np.mean([[r[min(e, len(r) - 1)][name] for e in range(longest)] for r in trainings], 0)
    if name.endswith("rmse"):
        return int(np.argmax(means <= means.min() * (1 + NEAR))) + 1
    return int(np.argmax(means >= means.max() - NEAR)) + 1


def _spread(name: str, values: Sequence[float]) -> Row:
    """The mean under its name, and the two quantiles that a band shows."""
    low, high = np.quantile(values, BAND).tolist() if values else (None, None)
    mean = float(np.mean(values)) if values else None
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def _write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as CSV, whole or not at all; an empty cell where there is nothing."""
    rows, text = list(rows), io.StringIO()
    names = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def reached(summary: Row) -> str:
    """The mean epoch of the trials that reached the level, and how many reached it."""
    return f"{_whole(summary['epochs_until'])} ({summary['reached']} of {summary['trials']})"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
