"""One case of a `.ts` file: its values, their times where it has such, and its label."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from segue.errors import DataError, counted
from segue.readers.cases import Case, short, values_of
from segue.readers.tsheader import Header
from segue.sequences import Array

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
    stamps: list[list[str]] = []
    if header.stamped:
        pairs = [_apart(channel, number) for number, channel in enumerate(channels, start=1)]
        stamps, channels = [times for times, _ in pairs], [texts for _, texts in pairs]
    _check_steps([channel.count(",") + 1 for channel in channels], header)
    _check_label(label, header)
    values = values_of(channels)
    return _in_time(values, label, stamps, header) if stamps else Case(values, label)


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


def _in_time(values: Array, label: str, stamps: list[list[str]], header: Header) -> Case:
    """A case with its steps sorted by the times that all channels have."""
    for number, other in enumerate(stamps[1:], start=2):
        for step, (mine, first) in enumerate(zip(other, stamps[0], strict=True), start=1):
            if mine != first:
                raise DataError(
                    f"channel 1 has the time {first!r} at its value {step} and channel {number} "
                    f"has {mine!r}; the channels of a case must have the same times."
                )
    times = _since_first(stamps[0], header)
    order = np.argsort(times, kind="stable")
    header.unsorted += bool((np.diff(times) < 0).any())
    return Case(values[order], label, times[order])


def _since_first(texts: list[str], header: Header) -> Array:
    times = [_time(text) for text in texts]
    header.times |= {type(time) for time in times}
    try:
        since = [time - times[0] for time in times]
    except TypeError:
        since = []
    if not since or (datetime in header.times and len(header.times) > 1):
        raise DataError(
            f"has the time stamps {short(texts[0])!r} to {short(texts[-1])!r}; expected all of one "
            "kind: numbers, or dates, with or without a time zone."
        )
    return np.array([t.total_seconds() if isinstance(t, timedelta) else t for t in since], float)


def _time(text: str) -> Any:
    """An `int`, a `float` or a `datetime`."""
    if _WHOLE.fullmatch(text):
        return int(text)
    for read in (float, datetime.fromisoformat):
        with suppress(ValueError):
            time = read(text)
            if not isinstance(time, float) or math.isfinite(time):
                return time
    raise DataError(
        f"has the time stamp {short(text)!r}; expected a number, or a date and time such as "
        "2024-12-31 23:59:59."
    )


def sampled(cases: Sequence[Case], header: Header) -> tuple[float | None, tuple[str, ...]]:
    """What the times of all cases say.

    Returns:
        Steps in a second, where they are equally far apart and the unit is known: of dates, and of
        numbers with decimals, which are seconds; and notes on what is unusual.
    """
    from segue.readers.table.sampling import sampling  # brings pyarrow

    rate, notes = sampling(
        np.concatenate([case.times for case in cases]),
        np.array([len(case.values) for case in cases]),
        "seconds",
        None if header.times == {int} else 1.0,  # whole numbers may count in any unit
        dates=header.times == {datetime},
    )
    note = f"{counted(header.unsorted, 'sequence')} had time stamps out of order: sorted by them"
    return rate, (*([note] if header.unsorted else []), *notes)
