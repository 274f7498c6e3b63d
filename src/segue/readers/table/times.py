"""Times as numbers: seconds where they are dates or clocks, else what the file counts in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from segue.errors import counted
from segue.readers.table.loading import Loaded
from segue.readers.table.words import NO_TEXT, plain

# Dates that are no ISO 8601, which pyarrow reads by itself. Days and months first are told apart.
_FORMS = (
    ("%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    ("%d.%m.%Y",),
    ("%d/%m/%Y", "%d-%m-%Y"),
    ("%m/%d/%Y", "%m-%d-%Y"),
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S")
_PER_SECOND = {"ms": 1e3, "msec": 1e3, "milliseconds": 1e3, "timems": 1e3, "us": 1e6, "ns": 1e9}
_SECONDS = {"timestamp", "time", "t", "timesec", "seconds", "secs", "sec", "times", "elapsed"}
_EQUAL = 0.02  # of a step: by so much may the steps of equal sampling differ


def is_time(kind: pa.DataType) -> bool:
    """Whether a column holds dates, clocks or both."""
    return bool(pa.types.is_temporal(kind))


def as_times(loaded: Loaded, name: str) -> npt.NDArray[np.float64]:
    """`[rows]`, NaN where there is none; dates and clocks in seconds.

    Raises:
        FileError: text that is no time, with its line.
    """
    column = loaded.table.column(name)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = _dates(loaded, name, column)
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s"))
    if pa.types.is_temporal(column.type):
        unit = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[column.type.unit]
        width = pa.int32() if pa.types.is_time32(column.type) else pa.int64()
        numbers = column.cast(width).cast(pa.int64())
        first = pc.min(numbers).as_py() or 0  # seconds since 1970 in float64 lose nanoseconds
        return _floats(pc.subtract(numbers, first)) / unit
    return _floats(column)


def parses_as_time(loaded: Loaded, name: str) -> bool:
    """Whether all of a text column are dates of one form."""
    head = loaded.table.column(name).slice(0, 50)
    return bool(_parsed(head)) if head.null_count < len(head) else False


def _dates(loaded: Loaded, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    found = _parsed(column)
    if len(found) > 1 and found[0] != found[1]:
        text = next(t for t in column.to_pylist() if t)
        raise loaded.error(
            f"column {name!r} has dates such as {text!r}, whose day and month cannot be told "
            "apart: write them as 2024-12-31."
        )
    if found:
        return found[0]
    row = _first_strange(column)
    raise loaded.error(
        f"column {name!r} has {str(column[row].as_py())[:40]!r} as a time; expected a number, or a "
        "date and time such as 2024-12-31T23:59:59.",
        row,
    )


def _parsed(column: pa.ChunkedArray) -> list[pa.ChunkedArray]:
    """The readings of a text column as dates; two where days and months may be exchanged."""
    texts = pc.replace_substring(pc.utf8_trim_whitespace(column), ",", ".")
    texts = pc.if_else(pc.is_in(texts, pa.array(NO_TEXT)), pa.scalar(None, pa.string()), texts)
    try:
        return [texts.cast(pa.timestamp("ns"))]
    except pa.ArrowInvalid:
        pass
    found = []
    for forms in _FORMS:
        for form in (day + clock for day in forms for clock in _CLOCKS):
            times = pc.strptime(texts, form, "s", error_is_null=True)
            if times.null_count == texts.null_count:
                found.append(times)
                break
    return found


def _first_strange(column: pa.ChunkedArray) -> int:
    """The first row that is unlike the row before it, in its digits and marks."""
    shapes = ["".join("0" if c.isdigit() else c for c in str(t or "")) for t in column.to_pylist()]
    usual = max(set(shapes), key=shapes.count)
    return next((row for row, shape in enumerate(shapes) if shape != usual), 0)


def _floats(column: Any) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return found


@dataclass(frozen=True)
class Sampling:
    """What the times within the sequences say.

    Attributes:
        rate_hz: where the steps are equally far apart and the unit is known.
        notes: what a user should know.
    """

    rate_hz: float | None
    notes: tuple[str, ...]


def sampling(times: Any, lengths: Any, name: str, *, dates: bool) -> Sampling:
    """Look at the distances between the steps.

    Args:
        times: `[steps]`, sorted within each sequence.
        lengths: `[n]`.
        name: of the column; it may say the unit.
        dates: whether the times are in seconds for certain.
    """
    ends = np.cumsum(lengths)[:-1]
    gaps = np.delete(np.diff(times), ends - 1) if len(times) > 1 else np.zeros(0)
    if len(gaps) == 0:
        return Sampling(None, ())
    same = int((gaps == 0).sum())
    notes = []
    if same:
        notes.append(
            f"{counted(same, 'step')} {'has' if same == 1 else 'have'} the same time {name!r} as "
            f"the step before: {'it is' if same == 1 else 'they are'} kept, in the file's order"
        )
    usual = float(np.median(gaps[gaps > 0])) if same < len(gaps) else 0.0
    uneven = int((np.abs(gaps - usual) > _EQUAL * usual).sum()) - same
    unit = " s" if dates else ""
    if uneven > 0:
        notes.append(
            f"{uneven:,} of {counted(len(gaps), 'step')} {'is' if uneven == 1 else 'are'} not as "
            "far from the one before as usual "
            f"({name!r}: {gaps.min():g} to {gaps.max():g}{unit}, median {usual:g}{unit}): "
            "sampling is unequal, and the steps are taken as they are"
        )
    if same or uneven or usual == 0:
        return Sampling(None, tuple(notes))
    scale = 1.0 if dates else _scale(name, usual)
    # The mean of many gaps has lost the rounding that each of them has.
    return Sampling(None if scale is None else _round(scale / float(gaps.mean())), ())


def _round(rate: float) -> float:
    """100.00000002 is 100."""
    short = round(rate, 3)
    return short if abs(short - rate) <= 1e-6 * rate else rate


def _scale(name: str, gap: float) -> float | None:
    """Units of a time column in a second, as its name says; none where it only counts steps."""
    unit = (
        name[name.rfind("[") :] if "[" in name else name[name.rfind("(") :] if "(" in name else ""
    )
    inside = plain(unit.strip("[]()"))
    word = plain(name)
    for found in (inside, word, *word.split("time")[1:]):
        if found in _PER_SECOND:
            return _PER_SECOND[found]
    if inside in ("s", "sec", "seconds"):
        return 1.0
    return 1.0 if word in _SECONDS and gap != 1 else None
