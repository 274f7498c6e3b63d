"""One case of a `.ts` file: its values, their times where it has such, and its label."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from segue.errors import DataError, counted
from segue.readers.cases import Case
from segue.readers.tsheader import Header, short
from segue.sequences import Array

_LARGEST = float(np.finfo(np.float32).max)
_COLON = re.compile(r":(?![^(]*\))")  # not that of a clock in brackets
_STAMPED = re.compile(r"\(([^()]*),([^(),]*)\)")
_WHOLE = re.compile(r"[+-]?[0-9]+")


def read_case(line: str, header: Header) -> Case:
    """Read one line.

    Args:
        line: without white space around it.
        header: of the file; what it leaves open is filled in by the first case.

    Raises:
        DataError: what is wrong.
    """
    channels = _COLON.split(line) if header.stamped else line.split(":")
    label = "" if header.labels == "none" else channels.pop().strip()
    header.channels = header.channels or len(channels)
    if len(channels) != header.channels:
        then = "" if header.labels == "none" else " and then the label"
        raise DataError(
            f"has {counted(len(channels), 'channel')}; expected "
            f"{counted(header.channels, 'channel')}{then}, separated by colons."
        )
    times = None
    if header.stamped:
        stamps, channels = zip(*map(_apart, channels, range(1, len(channels) + 1)), strict=True)
        times = _times(stamps, header)
    _check_steps([channel.count(",") + 1 for channel in channels], header)
    _check_label(label, header)
    return Case(_values(channels), label, times)


def _values(channels: Sequence[str]) -> Array:
    """`[time, channel]` float32."""
    try:
        values = [*map(float, ",".join(channels).replace("?", "nan").split(","))]
    except ValueError:
        raise _bad_value(channels) from None
    with np.errstate(over="ignore"):
        steps = np.array(values, np.float32)
    if np.isinf(steps).any():
        raise _bad_value(channels)
    return steps.reshape(len(channels), -1).T


def _check_steps(steps: list[int], header: Header) -> None:
    for channel, count in enumerate(steps, start=1):
        if count != steps[0]:
            raise DataError(
                f"channel 1 has {steps[0]} values and channel {channel} has {count}; the channels "
                "of a case must have the same steps. Mark missing values with `?`."
            )
    header.steps = header.steps or steps[0]
    if header.equal_length and steps[0] != header.steps:
        raise DataError(
            f"has {steps[0]} steps and the first case has {header.steps}, but the header says "
            "`@equalLength true`. Write `@equalLength false` if the lengths may differ."
        )


def _check_label(label: str, header: Header) -> None:
    if header.labels == "class" and label not in header.classes:
        known = short(" ".join(header.classes), 200)
        raise DataError(f"has the class {short(label)!r}; those of @classLabel are: {known}.")
    if header.labels == "target":
        try:
            float(label)
        except ValueError:
            message = f"ends with {short(label)!r}; expected a number (@targetLabel true)."
            raise DataError(message) from None


def _bad_value(channels: Sequence[str]) -> DataError:
    for channel, text in enumerate(channels, start=1):
        for step, value in enumerate(text.split(","), start=1):
            came = repr(short(value)) if value.strip() else "empty"
            where = f"value {step} of channel {channel} is {came}; expected a"
            try:
                if abs(float(value.replace("?", "nan"))) > _LARGEST:
                    return DataError(f"{where} finite number, or `?` where it is missing.")
            except ValueError:
                return DataError(f"{where} number, or `?` where it is missing.")
    return DataError("has a value that is not a number.")


# -- time stamps ----------------------------------------------------------------------------------


def _apart(channel: str, number: int) -> tuple[list[str], str]:
    """The time stamps of a channel, and its values with commas between them."""
    pairs = _STAMPED.findall(channel)
    rest = _STAMPED.sub("", channel).replace(" ", "")
    if rest != "," * (len(pairs) - 1) or not pairs:
        strange = short(rest.strip(",") or channel)
        raise DataError(
            f"channel {number} has {strange!r} where `@timeStamps true` expects a time and a value "
            "in brackets: (0.1,2.5) or (2024-12-31 23:59:59,2.5)."
        )
    return [time.strip() for time, _ in pairs], ",".join(value for _, value in pairs)


def _times(stamps: Iterable[list[str]], header: Header) -> Array:
    """The times that all channels have, from the first one on."""
    first, *others = stamps
    for number, other in enumerate(others, start=2):
        if other != first and len(other) == len(first):
            step = next(
                i for i, pair in enumerate(zip(first, other, strict=True)) if len({*pair}) > 1
            )
            raise DataError(
                f"channel 1 has the time {first[step]!r} at its value {step + 1} and channel "
                f"{number} has {other[step]!r}; the channels of a case must have the same times."
            )
    numbers = [_number(text) for text in first]
    found: Any = "numbers" if all(isinstance(n, int) for n in numbers) else "seconds"
    if any(n is None for n in numbers):
        found, numbers = "dates", _seconds(first)
    if found != (header.times or found) and "dates" in (found, header.times):
        raise DataError("has dates as time stamps where other cases have numbers, or otherwise.")
    header.times = "seconds" if "seconds" in (found, header.times) else found
    return np.array([number - numbers[0] for number in numbers], np.float64)


def _number(text: str) -> int | float | None:
    try:
        number = int(text) if _WHOLE.fullmatch(text) else float(text)
    except ValueError:
        return None
    return number if np.isfinite(float(number)) else None


def _seconds(texts: Sequence[str]) -> list[float]:
    seconds = []
    for text in texts:
        try:
            since = datetime.fromisoformat(text) - datetime.fromisoformat(texts[0])
        except (ValueError, TypeError):  # no date; or one with a time zone beside one without
            raise DataError(
                f"has the time stamp {short(text)!r}; expected a number, or a date and time such "
                "as 2024-12-31 23:59:59, all of one kind."
            ) from None
        seconds.append(since.total_seconds())
    return seconds


def in_time(cases: Sequence[Case], header: Header) -> tuple[float | None, tuple[str, ...]]:
    """Sort the steps of each case by their times.

    Returns:
        Steps in a second, where they are equally far apart and the unit is known: of dates, and of
        numbers with decimals, which are seconds; and notes on what is unusual.
    """
    from segue.readers.table.times import sampling  # brings pyarrow

    turned = 0
    for case in cases:
        if (np.diff(case.times) < 0).any():
            order = np.argsort(case.times, kind="stable")
            case.values, case.times = case.values[order], case.times[order]
            turned += 1
    found = sampling(
        np.concatenate([case.times for case in cases]),
        np.array([len(case.values) for case in cases]),
        "step" if header.times == "numbers" else "seconds",
        dates=header.times == "dates",
    )
    note = f"{counted(turned, 'sequence')} with time stamps out of order: sorted by them"
    return found.rate_hz, (*([note] if turned else []), *found.notes)
