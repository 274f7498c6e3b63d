"""A time axis in the names of columns: t0, t1, ...; x_1, y_1, x_2, ...; 10:00, 10:30, ..."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from segue.errors import DataError
from segue.readers.table.times import are_times, month_named

NUMBERED = re.compile(
    r"(.*?)[ _\-.:(\[]*(\d+(?:\.\d+)?)\s?(nm|ms|s|cm|mm|um|µm|hz|khz)?[)\]]?", re.IGNORECASE
)
_NUMBER_FIRST = re.compile(r"[tT]?(\d+(?:\.\d+)?)[ _\-:.]+([^\W\d].*)")
_MONTHS = frozenset(
    """january february march april june july august september october november december januar
    februar märz juni juli oktober dezember janvier février avril juillet septembre octobre novembre
    décembre enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre
    diciembre""".split()
)
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

    @property
    def about(self) -> str:
        """From where to where it goes."""
        return f"{self.columns[0]!r} to {self.columns[-1]!r}"


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
    names = tuple(names)
    times = [name for name in names if not re.fullmatch(r"[\d.]+", name) and _is_time(name)]
    if len(times) >= _AXIS and (are_times(times) or all(map(month_named, times))):
        return Axes(tuple(times), rest=tuple(name for name in names if name not in times))
    axes = _by_channel(names)
    steps = {channel: sorted(axis) for channel, axis in axes.items()}
    long = {channel for channel, axis in axes.items() if len(axis) >= _AXIS}
    inside = [name for axis in axes.values() for name in axis.values()]
    fits = len({tuple(s) for s in steps.values()}) == 1
    if len(inside) == len(names) and fits and len(axes) < len(names):
        return _ordered(axes)
    if not long:
        return Axes(names)
    chosen = {channel: axes[channel] for channel in axes if channel in long}
    _refuse_other_steps(chosen, steps)
    taken = {name for axis in chosen.values() for name in axis.values()}
    return _ordered(chosen, tuple(name for name in names if name not in taken))


def is_axis(names: Sequence[str]) -> bool:
    """Whether some names are numbered or times, so that they are a time axis."""
    if any(len(axis) >= _AXIS for axis in _by_channel(tuple(names)).values()):
        return True
    return sum(not re.fullmatch(r"[\d.]+", name) and _is_time(name) for name in names) >= _AXIS


def _is_time(name: str) -> bool:
    if name.isalpha() or name.endswith("."):
        return month_named(name) is not None and (len(name) <= 5 or name.lower() in _MONTHS)
    return re.match(r"\d{1,4}\s?[-/.:]\s?\w", name) is not None and are_times([name])


def _by_channel(names: tuple[str, ...]) -> dict[str, dict[float, str]]:
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


def _refuse_other_steps(axes: dict[str, dict[float, str]], steps: dict[str, list[float]]) -> None:
    first, *others = axes
    for other in others:
        if steps[other] != steps[first]:
            raise DataError(
                f"has {len(steps[first])} columns {first!r} and {len(steps[other])} columns "
                f"{other!r} with other numbers: expected the same steps for each channel. Name "
                f"those that belong together, such as channels='{first}*' (--column-channels)."
            )


def _ordered(axes: dict[str, dict[float, str]], rest: tuple[str, ...] = ()) -> Axes:
    columns = tuple(axis[step] for axis in axes.values() for step in sorted(axis))
    return Axes(columns, tuple(axes) if len(axes) > 1 else None, rest)
