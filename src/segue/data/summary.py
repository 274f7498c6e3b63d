"""`Summary` of a data set: counts, lengths, class balance, missing values, duplicates."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from segue.data.sequences import Sequences
from segue.data.values import Kind, decode
from segue.errors import counted
from segue.text_table import text_table

_UNITS = {"numbers": "steps", "whole numbers": "steps", "text": "characters"}


class DatasetLike(Protocol):
    """Protocol: the attributes of a `segue.Dataset` that summaries and checks use."""

    @property
    def x(self) -> Sequences: ...
    @property
    def y(self) -> Any: ...
    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> Any: ...
    @property
    def classes(self) -> tuple[Any, ...] | None: ...
    @property
    def channels(self) -> tuple[str, ...] | None: ...
    @property
    def rate_hz(self) -> float | None: ...
    @property
    def groups(self) -> Any: ...
    @property
    def parts(self) -> Any: ...
    @property
    def ids(self) -> Any: ...
    @property
    def spans(self) -> Any: ...
    @property
    def static(self) -> Any: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def part_names(self) -> tuple[str, ...]: ...
    @property
    def task(self) -> str: ...
    def part(self, name: str) -> Self: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: Any) -> Self: ...


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


def _range(extremes: tuple[int, float, int], unit: str = "") -> str:
    """`3 to 9 steps, median 5`; words have no unit."""
    least, median, most = extremes
    if unit and least == most:
        return f"{least:,} {unit if least != 1 else unit[:-1]}, all the same"
    return f"{least:,} to {most:,} {unit}".rstrip() + f", median {median:,.10g}"


def _rate(hertz: float) -> str:
    return f"{hertz:,.10g} Hz" if hertz >= 0.1 else f"a step every {1 / hertz:,.10g} s"


def _shares(classes: dict[Any, int], at_most: int = 12, *, shares: bool = True) -> str:
    total = max(1, sum(classes.values()))
    items = list(classes.items())
    text = ", ".join(
        f"{name} {count:,}" + (f" ({count / total:.0%})" if shares else "")
        for name, count in items[:at_most]
    )
    return text + (f", and {len(items) - at_most} more" if len(items) > at_most else "")


def summarize(data: DatasetLike) -> Summary:
    """Look at every value once; a mapped data set is read block by block."""
    parts = np.full(len(data), "") if data.parts is None else data.parts
    seen: dict[bytes, Counter[str]] = defaultdict(Counter)
    missing_values = missing_sequences = 0
    for steps, part in zip(data.x, parts, strict=True):
        digest = hashlib.blake2b(steps.tobytes(), digest_size=16).digest()
        seen[digest][str(part)] += 1
        if steps.dtype.kind == "f":
            gaps = int(np.isnan(steps).sum())
            missing_values += gaps
            missing_sequences += gaps > 0
    inside = sum(count - 1 for where in seen.values() for count in where.values())
    across = sum(sum(where.values()) for where in seen.values() if len(where) > 1)
    return Summary(
        name=data.name,
        sequences=len(data),
        channels=data.x.channels,
        lengths=_extremes(data.x.lengths),
        parts={name: int((parts == name).sum()) for name in data.part_names},
        classes=class_counts(data),
        groups=0 if data.groups is None else len(np.unique(data.groups)),
        missing=(missing_values, missing_sequences),
        duplicates=inside,
        duplicates_across_parts=across,
        groups_across_parts=_groups_across(data),
        kind=data.x.kind,
        notes=data.notes,
        words=_extremes(word_counts(data.x)) if data.x.is_text else None,
        rate_hz=data.rate_hz,
    )


def one_line(data: DatasetLike) -> str:
    """Return what a data set holds in one line: counts, lengths, channels, classes, groups.

    >>> from segue import Dataset
    >>> one_line(Dataset([[0.1, 0.2], [0.3]], ["a", "b"]))
    '2 sequences of 1 to 2 steps, 1 channel; classes a 1, b 1; no groups'
    """
    shortest, _, longest = _extremes(data.x.lengths)
    reach = f"{shortest:,}" if shortest == longest else f"{shortest:,} to {longest:,}"
    unit = _UNITS[data.x.kind]
    parts = ", ".join(
        f"{name} {(np.asarray(data.parts) == name).sum():,}" for name in data.part_names
    )
    what = counted(len(data), "sequence") + (f" ({parts})" if parts else "")
    channels = "" if data.x.is_text else f", {counted(data.x.channels, 'channel')}"
    classes = _shares(class_counts(data), shares=False)
    groups = "no groups" if data.groups is None else counted(len(np.unique(data.groups)), "group")
    steps = " (steps of each)" if data.task == "label" else ""
    targets = "no targets" if data.y is None else "targets are numbers"
    targets = f"classes{steps} {classes}" if classes else targets
    return f"{what} of {reach} {unit if longest != 1 else unit[:-1]}{channels}; {targets}; {groups}"


def word_counts(x: Sequences) -> npt.NDArray[np.int64]:
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
        return {name: int((codes == code).sum()) for code, name in enumerate(data.classes)}
    if data.task == "multilabel":
        return dict(zip(data.classes, data.y.sum(axis=0).astype(int).tolist(), strict=True))
    return {name: int((data.y == name).sum()) for name in data.classes}


def _groups_across(data: DatasetLike) -> int:
    if data.groups is None or data.parts is None:
        return 0
    pairs = {(g, p) for g, p in zip(data.groups.tolist(), data.parts.tolist(), strict=True)}
    return sum(count > 1 for count in Counter(group for group, _ in pairs).values())
