"""A time axis in the names of columns: t0, t1, ...; x_1, y_1, x_2, ...; 10:00, 10:30, ..."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segue.errors import DataError
from segue.readers.table.times import are_times, month_named
from segue.readers.table.words import MONTHS

NUMBERED = re.compile(
    r"(.*?)[ _\-.:(\[]*(\d+(?:\.\d+)?)\s?(nm|ms|s|cm|mm|um|µm|hz|khz)?[)\]]?", re.IGNORECASE
)
_NUMBER_FIRST = re.compile(r"[tT]?(\d+(?:\.\d+)?)[ _\-:.]+([^\W\d].*)")
_AXIS = 4  # columns that make an axis, at least


@dataclass(frozen=True)
class Axes:
    """The columns of each channel in the order of time, one channel after the other.

    Attributes:
        columns: those of the axis.
        channels: the names of the channels; `None`: there is one without a name.
        rest: columns that are none of the axis.
    """

    columns: tuple[str, ...]
    channels: tuple[str, ...] | None = None
    rest: tuple[str, ...] = ()


def find_axes(names: Sequence[str]) -> Axes:
    """Find the axis that the names of columns are.

    Names that are all times, months or numbers are one axis; numbered names are one for each
    beginning (or ending, where the number stands first). Other names are one channel, in their
    order.

    Raises:
        DataError: channels with different steps.

    >>> find_axes(["x_2", "y_1", "x_1", "y_2"])
    Axes(columns=('x_1', 'x_2', 'y_1', 'y_2'), channels=('x', 'y'), rest=())
    >>> find_axes(["t0", "t1", "t2", "t3", "age"]).rest
    ('age',)
    """
    times = list(filter(_is_time, names))
    if len(times) >= _AXIS and (are_times(times) or all(map(month_named, times))):
        return Axes(tuple(times), rest=_without(names, times))
    axes = _by_channel(names)
    is_whole = sum(map(len, axes.values())) == len(names) and len(axes) < len(names)
    if not is_whole or len({tuple(sorted(axis)) for axis in axes.values()}) > 1:
        axes = {channel: axis for channel, axis in axes.items() if len(axis) >= _AXIS}
    if not axes:
        return Axes(tuple(names))
    first, *others = axes
    for other in others:
        if axes[other].keys() != axes[first].keys():
            raise DataError(
                f"has {len(axes[first])} columns {first!r} and {len(axes[other])} columns "
                f"{other!r} with other numbers: expected the same steps for each channel. Name "
                f"those that belong together, such as channels='{first}*' (--column-channels)."
            )
    columns = tuple(axis[step] for axis in axes.values() for step in sorted(axis))
    return Axes(columns, tuple(axes) if others else None, _without(names, columns))


def _without(names: Sequence[str], others: Iterable[str]) -> tuple[str, ...]:
    taken = set(others)
    return tuple(name for name in names if name not in taken)


def is_axis(names: Sequence[str]) -> bool:
    """Whether some names are numbered or times, so that they are a time axis."""
    longest = max(map(len, _by_channel(names).values()), default=0)
    return max(longest, sum(map(_is_time, names))) >= _AXIS


def with_number(pattern: str, names: Iterable[str]) -> list[str]:
    """The names that a pattern stands for: `*` is a number.

    >>> with_number("x_*", ["x_1", "x_2.5", "x_mean", "y_1"])
    ['x_1', 'x_2.5']
    """
    if pattern.count("*") != 1:
        return []
    begin, end = map(re.escape, pattern.split("*"))
    wanted = re.compile(rf"{begin}\d+(?:\.\d+)?{end}")
    return [name for name in names if wanted.fullmatch(name)]


def _is_time(name: str) -> bool:
    if name.isalpha() or name.endswith("."):
        return month_named(name) is not None and (len(name) <= 5 or name.lower() in MONTHS)
    if re.fullmatch(r"[\d.]+", name) or not re.match(r"\d{1,4}\s?[-/.:]\s?\w", name):
        return False
    return are_times([name])


def _by_channel(names: Sequence[str]) -> dict[str, dict[float, str]]:
    """The columns of each channel by the number in their names."""
    found: dict[str, dict[float, str]] = defaultdict(dict)
    first = [_NUMBER_FIRST.fullmatch(name) for name in names]
    is_first = sum(match is not None for match in first) > len(names) / 2
    for name, number_first in zip(names, first, strict=True):
        if is_first and number_first:
            found[number_first[2]][float(number_first[1])] = name
        elif not is_first and (match := NUMBERED.fullmatch(name)):
            found[match[1]][float(match[2])] = name
    return found
