"""`Outcome`: predictions of a model and its baselines beside the targets.

A task computes an `Outcome` with a fitted estimator; metrics, tables and pictures come from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from segue.data.sequences import Array
from segue.errors import counted
from segue.metrics import UNDEFINED, ClassScore


class Baseline(NamedTuple):
    """Predictions that need no network.

    Attributes:
        name: in tables and in `metrics.json`.
        meaning: how it predicts.
        arrays: what replaces the model's own arrays in the first metric of the task.
        facts: what else `metrics.json` has of it.
    """

    name: str
    meaning: str
    arrays: Mapping[str, Any]
    facts: Mapping[str, Any] = {}


@dataclass(frozen=True, eq=False)
class Outcome:
    """The inputs of the metrics.

    Attributes:
        arrays: targets, predictions, and what else the metrics and pictures of a task take.
        baselines: the first is the one that a verdict is about.
        size: what is scored beside the sequences, in words: "9 classes", "812 labelled steps".
        saved: what `metrics.json` has of it.
    """

    arrays: Mapping[str, Any]
    baselines: tuple[Baseline, ...]
    size: str = ""
    saved: Mapping[str, Any] = field(default_factory=dict)


class Table(NamedTuple):
    """A table of an evaluation: headings, and rows whose first cell is their heading."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Picture(NamedTuple):
    """A picture of an evaluation.

    Attributes:
        name: letters and digits, unique in a report.
        axes: matplotlib axes of its figure.
        caption: what it shows.
        kind: "wide" where it is not scaled to the page.
    """

    name: str
    axes: Any
    caption: str
    kind: str = ""


class Section(NamedTuple):
    """A section of a report: tables, pictures and paragraphs below a heading."""

    name: str
    heading: str
    contents: tuple[Table | Picture | str, ...]


def number_table(
    title: str, heading: str, columns: Mapping[str, Iterable[float]], *, first: int
) -> Table:
    """Columns of numbers by their headings, below numbers of the rows that begin with `first`."""
    rows = (
        (str(number), *(f"{value:.4g}" for value in row))
        for number, row in enumerate(zip(*columns.values(), strict=True), first)
    )
    return Table(title, (heading, *columns), tuple(rows))


def class_outcome(
    classes: tuple[Any, ...],
    target_codes: Array,
    probabilities: Array,
    groups: Array | None,
    *,
    counts: Mapping[Any, int],
    what: str,
    size: str = "",
    **saved: Any,
) -> Outcome:
    """The outcome of a task with one class for each sequence or step.

    Args:
        classes: their names; those that the model does not have come last.
        target_codes: `[n]` class numbers.
        probabilities: `[n, class]`, 0 for classes that the model does not have.
        groups: `[n]`, who or what each comes from: the interval draws whole groups.
        counts: how often each class occurs in training; the baseline predicts the most frequent.
        what: what is counted there: "class" or "label".
        size: as in `Outcome`; how many classes, if left out.
        saved: as in `Outcome`.
    """
    names = np.asarray(classes)
    codes = np.asarray(np.argmax(probabilities, axis=1), np.int64)
    usual = max(counts, key=lambda name: counts[name])
    predicted = np.full(len(target_codes), names[classes.index(usual)])
    return Outcome(
        arrays={
            "classes": classes,
            "class_count": len(classes),
            "probabilities": probabilities,
            "target_codes": target_codes,
            "predicted_codes": codes,
            "targets": names[target_codes],
            "predictions": names[codes],
            "correct": target_codes == codes,
            "confidence": probabilities.max(axis=1),
            "groups": groups,
            "baseline_class": usual,
        },
        baselines=(
            Baseline(
                "majority baseline",
                f"always {usual!r}, the most frequent {what} in training",
                {"predictions": predicted},
                {"class": usual},
            ),
        ),
        size=size or counted(len(classes), "class"),
        saved={**saved, "classes": list(classes)},
    )


def class_table(
    scores: Iterable[ClassScore], what: str, unit: str, at_most: int | None = None
) -> Table:
    """Precision, recall, F1 and support of each class; of more than `at_most` the lowest F1.

    Args:
        scores: one a class.
        what: "class" or "label".
        unit: the heading of the support.
        at_most: how many rows; `None`: all.
    """
    chosen = list(scores)
    heading = what
    if at_most is not None and len(chosen) > at_most:
        chosen = sorted(chosen, key=lambda row: (row.f1 is None, row.f1))[:at_most]
        heading = f"{what} (the {at_most} with the lowest F1)"
    rows = (
        (
            str(row.name),
            *(
                UNDEFINED if value is None else f"{value:.4f}"
                for value in (row.precision, row.recall, row.f1)
            ),
            f"{row.support:,}",
        )
        for row in chosen
    )
    return Table(f"Scores by {what}", (heading, "precision", "recall", "F1", unit), tuple(rows))
