"""The search: candidate after candidate, as long as there is time and each can be done in it."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable, Mapping
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
        logits: `[n, output]`, for training sequences that were held out; NaN for others.
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
        members: at least one, in the order of the candidates; without what was there until another
            was.
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
    done: Iterable[Member] = (),
) -> Found:
    """Fit candidates in their order.

    The first is fitted whatever it takes; another that is not done in time, or fails, is left out.
    A Ctrl-C ends the search with what is there.

    Args:
        candidates: in their order.
        fit: fits one until a time, by `time.perf_counter`: the result, and logits for training
            sequences that were held out, NaN for those that were not. It is called in a thread of
            its own (`run_until`).
        expected: about how many seconds that takes.
        until: when it ends, by `time.perf_counter`.
        tell: called with each member.
        starts: called with each candidate before it is fitted.
        done: members that there are already.

    Raises:
        Exception: none could be fitted; the error is that of the first, mostly a `SegueError`.
        KeyboardInterrupt: before there was one.
    """
    members = list(done)
    left_out: list[tuple[str, str]] = []
    first: Exception | None = None
    slower, stopped, candidates = 1.0, "finished", list(candidates)
    try:
        there = {member.candidate.name for member in members}
        waiting = [one for one in candidates if one.name not in there]
        while waiting:
            candidate = waiting.pop(0)
            began = time.perf_counter()
            needed = functools.partial(_needed, expected, slower)
            if members and began + MARGIN * needed(candidate) > until:
                left_out.append((candidate.name, "no time"))
                stopped = "time"
                continue
            starts(candidate)
            needs = {one.name: MARGIN * needed(one) for one in (candidate, *waiting)}
            hard = until if members else math.inf
            end = end_of(candidate, waiting, needs, until) if candidate.trained else hard
            try:
                result, logits = run_until(functools.partial(fit, candidate, end), hard)
            except OutOfTimeError:
                left_out.append((candidate.name, "no time"))
                stopped = "time"
                continue
            except Exception as error:
                first = first or error
                kind = "" if isinstance(error, SegueError) else f"{type(error).__name__}: "
                left_out.append((candidate.name, f"{kind}{error}"))
                continue
            seconds = time.perf_counter() - began
            if not candidate.trained:  # which takes what it is given
                slower = min(_SLOWEST, (1 + seconds) / (1 + expected(candidate)))
            members.append(Member(candidate, result, logits, seconds))
            tell(members[-1])
    except KeyboardInterrupt:
        if not members:
            raise
        stopped = "interrupted"
    if first is not None and not members:
        raise first
    members = [one for one in members if not one.candidate.soon] or members[-1:]
    places = {one.name: place for place, one in enumerate(candidates)}
    members.sort(key=lambda one: places.get(one.candidate.name, -1))
    return Found(tuple(members), tuple(left_out), stopped)


def _needed(expected: Callable[[Candidate], float], slower: float, one: Candidate) -> float:
    """The seconds that a candidate takes here; one that is trained takes those that there are."""
    return expected(one) if one.trained else slower * expected(one)


def end_of(
    candidate: Candidate, waiting: Iterable[Candidate], needs: Mapping[str, float], until: float
) -> float:
    """When a network that is trained has to end, by `time.perf_counter`.

    It leaves what those need that are not trained; the rest it shares with as many other networks
    as there is time for.

    Args:
        candidate: that begins now.
        waiting: those behind it.
        needs: the seconds that each takes, by name; of a trained one the least that it is worth.
        until: when the search ends.
    """
    now, waiting = time.perf_counter(), list(waiting)
    left = until - now
    for other in waiting:
        if not other.trained and needs[other.name] < left / 2:
            left -= needs[other.name]
    least = [needs[one.name] for one in (candidate, *waiting) if one.trained]
    several = next((n for n in range(len(least), 1, -1) if left / n >= max(least[:n])), 1)
    return now + left / several
