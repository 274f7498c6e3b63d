"""Candidates that can be done in a time: of large data fewer features are computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from segue.search.candidates import Candidate, DataSize
from segue.training.closed_form import MOST

FIRST = 2.5  # seconds that the first candidate is to take
_HALVED = 16  # times that the sequences are halved which are counted
_PARTS = 64  # of the features, one of which is the least that is computed
_FEWEST = 84  # kernels of `multirocket`, of eight features each
_LEAST_STEPS = 16  # that are left where steps are joined


def within(candidates: Sequence[Candidate], size: DataSize, seconds: float) -> list[Candidate]:
    """Candidates that can be done in a time, with fewer features where they have to be.

    What comes first is there soon; where it is another candidate with fewer features, that one
    comes last, and where it has counted some of the sequences, all of them are counted next.

    Args:
        candidates: in their order, with the one first that is there soonest.
        size: of the data.
        seconds: for all of them.

    >>> from segue.search.candidates import CANDIDATES
    >>> [one.name for one in within(CANDIDATES[:1], DataSize(60_000, 100, 1), 600)]
    ['rocket(125)', 'rocket']
    """
    first, *others = candidates
    if not first.has_parts:
        return list(candidates)
    soon = _soon(first, size, min(FIRST, seconds / 2))
    again = [] if soon is first else [first]
    rest = [*again, *others] if first.counts else [*others, *again]
    found = [soon, *(part_within(one, size, seconds / 2) for one in rest)]
    return list({one.name: one for one in found}.values())


def _soon(first: Candidate, size: DataSize, seconds: float) -> Candidate:
    """The first of the forms that can be done in a time, or else the one that is done soonest."""
    forms = list(_forms(first, size.steps))
    soonest = min(forms, key=lambda one: one.seconds(size))
    return next((one for one in forms if one.seconds(size) <= seconds), soonest)


def _forms(first: Candidate, steps: float) -> Iterator[Candidate]:
    """A candidate, and what can stand for it, with less and less to be computed."""
    if first.counts:
        yield from (first.part_of(2**halved) for halved in range(_HALVED))
        return
    yield from (first.part_of(parts) for parts in (1, 2, 4))
    for kernels in (8 * _FEWEST, 4 * _FEWEST, 2 * _FEWEST, _FEWEST):
        yield _kernels(kernels, 1)
    joined = 2
    while steps / joined >= _LEAST_STEPS:
        yield _kernels(_FEWEST, joined)
        joined *= 2
    yield from (first.part_of(parts) for parts in (8, 16, 32))


def _kernels(kernels: int, joined: int) -> Candidate:
    """So many kernels of `multirocket`, of the means of so many steps."""
    text = f"multirocket({kernels})" if joined == 1 else f"avgpool({joined}) multirocket({kernels})"
    share = 1 / joined
    return Candidate(
        text, text, _constant(8.0 * kernels), 0.2 * share, channel=0.01 * share, step=1e-4 * share
    )


def _constant(value: float) -> Callable[[float], float]:
    return lambda _: value


def part_within(candidate: Candidate, size: DataSize, seconds: float) -> Candidate:
    """The largest part of a candidate that can be done in a time, or else the smallest."""
    parts, found = 1, candidate
    while parts <= _PARTS:
        found, parts = candidate.part_of(parts), 2 * parts
        if found.has_features:
            width = found.width(size)
            if min(size.sequences, width) > MOST:
                continue
        if found.seconds(size) <= seconds:
            break
    return found
