"""Schedules of the learning rate.

A schedule is a pure function of how much of the training is done: a factor between 0 and 1 of the
learning rate, which is thus the highest that occurs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[float], float]

_RISE = 0.3  # share of the training in which one-cycle rises
_START, _END = 1 / 25, 1e-4  # factors at the beginning and at the end


def constant(done: float) -> float:  # noqa: ARG001  (all schedules have one signature)
    """Always the whole rate."""
    return 1.0


def cosine(done: float) -> float:
    """Falls along half a cosine; Loshchilov & Hutter, "SGDR", ICLR 2017, without restarts."""
    return _between(1.0, _END, done)


def one_cycle(done: float) -> float:
    """Rises to the whole rate over the first 30 %, then falls to almost nothing.

    Smith & Topin, "Super-convergence", 2018, with cosine pieces.

    >>> [round(one_cycle(done), 3) for done in (0.0, 0.3, 1.0)]
    [0.04, 1.0, 0.0]
    """
    if done < _RISE:
        return _between(_START, 1.0, done / _RISE)
    return _between(1.0, _END, (done - _RISE) / (1 - _RISE))


def _between(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


# "plateau" follows the validation loss, not the share that is done: see `loop._close_epoch`.
SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "cosine": cosine,
    "one-cycle": one_cycle,
    "plateau": constant,
}
