"""`Outcome`: predictions of a model and its baselines beside the targets.

A task computes an `Outcome` with a fitted estimator; metrics, tables and pictures come from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


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
    """A table of an evaluation: headings, and rows whose first cell is their heading.

    Attributes:
        title: what it is of.
        headings: of the columns.
        rows: the cells.
        note: what is left out, and where it is; empty where nothing is.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


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
    title: str,
    heading: str,
    columns: Mapping[str, Iterable[float]],
    *,
    first: int,
    at_most: int | None = None,
) -> Table:
    """Columns of numbers by their headings, below numbers of the rows that begin with `first`."""
    rows = [
        (str(number), *(f"{value:.4g}" for value in row))
        for number, row in enumerate(zip(*columns.values(), strict=True), first)
    ]
    note = cut_note("first", at_most, len(rows), "metrics.json has all")
    return Table(title, (heading, *columns), tuple(rows[:at_most]), note)


def cut_note(which: str, at_most: int | None, count: int, rest: str) -> str:
    """A note for a table that does not show everything; empty where it does.

    >>> cut_note("first", 30, 37, "metrics.json has all")
    'The 30 first; 7 of 37 are not shown: metrics.json has all.'
    >>> cut_note("first", 30, 30, "metrics.json has all")
    ''
    """
    if at_most is None or count <= at_most:
        return ""
    return f"The {at_most:,} {which}; {count - at_most:,} of {count:,} are not shown: {rest}."
