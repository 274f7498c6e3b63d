"""`Summary` of a data set: counts, lengths, class balance, missing values, duplicates."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.data.arrays import Array, Kind, decode
from segue.data.sequences import Sequences
from segue.errors import counted, first_few
from segue.text_table import text_table

_UNITS = {"numbers": "steps", "whole numbers": "steps", "text": "characters"}

DatasetLike = Any  # a `segue.Dataset`; its file imports these functions


@dataclass(frozen=True)
class Summary:
    """The result of `Dataset.summary`; printing it shows a table.

    Attributes:
        sequences: how many.
        channels: values at each step (1 for tokens and texts).
        lengths: shortest, median and longest, in steps.
        parts: sequences in each part.
        classes: sequences of each class; for labels per step, steps of each class.
        groups: how many different groups.
        missing: values that are NaN, and the sequences that hold them.
        duplicates: sequences that occur before in the same part.
        duplicates_across_parts: sequences whose values also stand in another part.
        groups_across_parts: groups that stand in more than one part.
        kind: what the values are: "numbers", "whole numbers" or "text".
        notes: what the reader guessed, and what is unusual.
        words: of texts, the fewest, the median and the most.
        rate_hz: steps per second, where that is known.
    """

    name: str
    sequences: int
    channels: int
    lengths: tuple[int, float, int]
    parts: dict[str, int]
    classes: dict[Any, int]
    groups: int
    missing: tuple[int, int]
    duplicates: int
    duplicates_across_parts: int
    groups_across_parts: int
    kind: Kind = "numbers"
    notes: tuple[str, ...] = ()
    words: tuple[int, float, int] | None = None
    rate_hz: float | None = None

    def rows(self) -> list[tuple[str, str]]:
        """The table as pairs of a heading and its text."""
        whole = " of whole numbers" if self.kind == "whole numbers" else ""
        values, sequences = self.missing
        across = f"{self.duplicates_across_parts:,}" if self.duplicates_across_parts else "none"
        flattering = f"{self.groups_across_parts:,}: scores will flatter"
        rows = [
            *(("read as" if number == 0 else "", note) for number, note in enumerate(self.notes)),
            ("sequences", f"{self.sequences:,}"),
            ("values", "text") if self.kind == "text" else ("channels", f"{self.channels}{whole}"),
            ("length", _range(self.lengths, _UNITS[self.kind])),
            ("sampling rate", "" if self.rate_hz is None else _rate(self.rate_hz)),
            ("words", "" if self.words is None else _range(self.words)),
            ("parts", ", ".join(f"{name} {count:,}" for name, count in self.parts.items())),
            ("classes", _shares(self.classes)),
            ("groups", f"{self.groups:,}" if self.groups else ""),
            (
                "missing values",
                f"{values:,} in {counted(sequences, 'sequence')}" if values else "none",
            ),
            ("duplicates", f"{self.duplicates:,}" if self.duplicates else "none"),
            ("duplicates across parts", across if self.parts else ""),
            ("groups across parts", flattering if self.groups_across_parts else ""),
        ]
        return [(heading, text) for heading, text in rows if text]

    def __str__(self) -> str:
        return "\n".join([*filter(None, [self.name]), text_table(self.rows(), "<")])


def _reach(extremes: tuple[int, float, int], unit: str = "") -> str:
    """`3 to 9 steps`, or `1 step`; words have no unit."""
    least, _, most = extremes
    reach = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return f"{reach} {unit if most != 1 else unit[:-1]}".rstrip()


def _range(extremes: tuple[int, float, int], unit: str = "") -> str:
    """`3 to 9 steps, median 5`."""
    middle = f"median {extremes[1]:,.10g}" if extremes[0] != extremes[2] else "all the same"
    return f"{_reach(extremes, unit)}, {middle}"


def _rate(hertz: float) -> str:
    return f"{hertz:,.10g} Hz" if hertz >= 0.1 else f"a step every {1 / hertz:,.10g} s"


def _shares(classes: dict[Any, int], at_most: int = 12, *, shares: bool = True) -> str:
    total = max(1, sum(classes.values()))
    texts = (
        f"{name}: {count:,}" + (f" ({count / total:.0%})" if shares else "")
        for name, count in classes.items()
    )
    return first_few(texts, at_most)


def summarize(data: DatasetLike) -> Summary:
    """Look at every value once; a mapped data set is read block by block."""
    parts = np.full(len(data), "") if data.parts is None else data.parts
    equal, part = equal_ones(data.x), np.unique(parts, return_inverse=True)[1]
    found = np.unique(np.stack([equal, part]), axis=1)  # each sequence once in each part
    across = np.bincount(found[0], minlength=1)[equal] > 1
    missing = _missing(data.x)
    return Summary(
        name=data.name,
        sequences=len(data),
        channels=data.x.channels,
        lengths=_extremes(data.x.lengths),
        parts={name: int((parts == name).sum()) for name in data.part_names},
        classes=class_counts(data),
        groups=0 if data.groups is None else len(np.unique(data.groups)),
        missing=(int(missing.sum()), int((missing > 0).sum())),
        duplicates=len(data) - found.shape[1],
        duplicates_across_parts=int(across.sum()),
        groups_across_parts=len(groups_across_parts(data)),
        kind=data.x.kind,
        notes=data.notes,
        words=_extremes(word_counts(data.x)) if data.x.is_text else None,
        rate_hz=data.rate_hz,
    )


def one_line(data: DatasetLike) -> str:
    """Return what a data set holds in one line: counts, lengths, channels, classes, groups.

    >>> from segue import Dataset
    >>> one_line(Dataset([[0.1, 0.2], [0.3]], ["a", "b"]))
    '2 sequences of 1 to 2 steps, 1 channel; classes a: 1, b: 1; no groups'
    """
    reach = _reach(_extremes(data.x.lengths), _UNITS[data.x.kind])
    parts = ", ".join(f"{name} {(data.parts == name).sum():,}" for name in data.part_names)
    what = counted(len(data), "sequence") + (f" ({parts})" if parts else "")
    channels = "" if data.x.is_text else f", {counted(data.x.channels, 'channel')}"
    groups = "no groups" if data.groups is None else counted(len(np.unique(data.groups)), "group")
    steps = " (steps of each)" if data.task == "label" else ""
    targets = "no targets" if data.y is None else "targets are numbers"
    if classes := _shares(class_counts(data), shares=False):
        targets = f"classes{steps} {classes}"
    return f"{what} of {reach}{channels}; {targets}; {groups}"


def equal_ones(x: Sequences) -> npt.NDArray[np.int64]:
    """`[n]`, a number for each sequence: the same for sequences of the same values."""
    return np.unique(x.digests().view("V16")[:, 0], return_inverse=True)[1]


def _missing(x: Sequences) -> Array:
    """`[n]`, the missing values of each sequence."""
    found = [np.zeros(0, np.int64)]
    for block in x.blocks():
        so_far = np.append(0, np.isnan(block.values).sum(axis=1).cumsum())
        found.append(np.diff(so_far[np.append(0, block.lengths.cumsum())]))
    return np.concatenate(found)


def word_counts(x: Sequences) -> Array:
    """`[n]`, how many words the texts have, as white space parts them."""
    return np.array([len(decode(steps).split()) for steps in x], np.int64)


def _extremes(lengths: Any) -> tuple[int, float, int]:
    if len(lengths) == 0:
        return 0, 0.0, 0
    return int(lengths.min()), float(np.median(lengths)), int(lengths.max())


def class_counts(data: DatasetLike) -> dict[Any, int]:
    """Sequences of each class (steps, where there is a label for each); none for numbers."""
    if data.classes is None or data.y is None:
        return {}
    if data.task == "label":
        codes = data.y.values
        counts = np.bincount(codes[codes >= 0], minlength=len(data.classes))
        return dict(zip(data.classes, counts.tolist(), strict=False))
    if data.task == "multilabel":
        return dict(zip(data.classes, data.y.sum(axis=0).astype(int).tolist(), strict=True))
    found = Counter(data.y.tolist())
    return {name: found[name] for name in data.classes}


def groups_across_parts(data: DatasetLike) -> list[Any]:
    """The groups that stand in more than one part."""
    sides: dict[Any, set[Any]] = defaultdict(set)
    if data.groups is not None and data.parts is not None:
        for group, part in zip(data.groups.tolist(), data.parts.tolist(), strict=True):
            sides[group].add(part)
    return [group for group, parts in sides.items() if len(parts) > 1]
