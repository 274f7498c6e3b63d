"""The search: candidate after candidate, as long as there is time and each can be done in it."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from segue.data.arrays import Array
from segue.deadline import run_until
from segue.errors import OutOfTimeError, SegueError
from segue.search.candidates import Candidate

MARGIN = 1.2  # times what is expected, that must be left for a candidate to begin
_SLOWEST = 10.0  # times what is expected, as far as the last candidate tells


@dataclass(frozen=True)
class Member:
    """A candidate that is fitted.

    Attributes:
        candidate: which.
        result: of its training.
        logits: `[n, output]`, for training sequences that were held out.
        seconds: that it took.
    """

    candidate: Candidate
    result: Any
    logits: Array
    seconds: float


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes:
        members: at least one, in the order in which they were fitted.
        left_out: what was not fitted: the name of each candidate, and why.
        stopped: "finished", "time" or "interrupted".
    """

    members: tuple[Member, ...]
    left_out: tuple[tuple[str, str], ...]
    stopped: str


def search(
    candidates: Iterable[Candidate],
    fit: Callable[[Candidate, float], tuple[Any, Array]],
    expected: Callable[[Candidate], float],
    *,
    until: float,
    tell: Callable[[Member], None],
    starts: Callable[[Candidate], None] = lambda _: None,
) -> Found:
    """Fit candidates in their order.

    The first is fitted whatever it takes; another that is not done in time is left out. A Ctrl-C
    ends the search with what is there.

    Args:
        candidates: in their order.
        fit: fits one until a time, by `time.perf_counter`: the result, and logits for held-out
            training sequences. It is called in a thread of its own (`run_until`).
        expected: about how many seconds that takes.
        until: when it ends, by `time.perf_counter`.
        tell: called with each member.
        starts: called with each candidate before it is fitted.

    Raises:
        SegueError: none could be fitted; the error is that of the first.
        KeyboardInterrupt: before there was one.
    """
    members: list[Member] = []
    left_out: list[tuple[str, str]] = []
    first: SegueError | None = None
    slower, stopped = 1.0, "finished"
    try:
        for candidate in candidates:
            began = time.perf_counter()
            if members and began + MARGIN * slower * expected(candidate) > until:
                left_out.append((candidate.name, "no time"))
                stopped = "time"
                continue
            starts(candidate)
            end = until if members else math.inf
            try:
                result, logits = run_until(functools.partial(fit, candidate, end), end)
            except OutOfTimeError:
                left_out.append((candidate.name, "no time"))
                stopped = "time"
                continue
            except SegueError as error:
                first = first or error
                left_out.append((candidate.name, str(error)))
                continue
            seconds = time.perf_counter() - began
            slower = min(_SLOWEST, (1 + seconds) / (1 + expected(candidate)))
            members.append(Member(candidate, result, logits, seconds))
            tell(members[-1])
    except KeyboardInterrupt:
        if not members:
            raise
        stopped = "interrupted"
    if first is not None and not members:
        raise first
    return Found(tuple(members), tuple(left_out), stopped)
