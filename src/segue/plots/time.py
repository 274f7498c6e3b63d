"""What a time axis counts: steps, or the unit in which people would say so long a time."""

from __future__ import annotations

from typing import NamedTuple

_UNITS = (  # seconds, name, and from how many seconds on it is used
    (365.25 * 86_400, "years", 3 * 365.25 * 86_400),
    (86_400.0, "days", 3 * 86_400),
    (3_600.0, "hours", 3 * 3_600),
    (60.0, "minutes", 600),
    (1.0, "seconds", 0),
)


class TimeUnit(NamedTuple):
    """The unit of a time axis.

    Attributes:
        per_step: how much of it one step is.
        name: for the axis.
    """

    per_step: float
    name: str


STEPS = TimeUnit(1.0, "time step")


def time_unit(rate_hz: float | None, longest: int) -> TimeUnit:
    """The unit for sequences of up to `longest` steps.

    >>> time_unit(None, 100), time_unit(10.0, 30).name, time_unit(1 / 86_400, 76_000).name
    (TimeUnit(per_step=1.0, name='time step'), 'seconds', 'years')
    """
    if not rate_hz:
        return STEPS
    for seconds, name, least in _UNITS:
        if longest / rate_hz >= least:
            return TimeUnit(1 / (rate_hz * seconds), name)
    raise AssertionError("a length is never below zero")
