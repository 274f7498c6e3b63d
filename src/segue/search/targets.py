"""Targets of a model: members that would make it too large, or too slow, are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """What a member takes, or what all of them may take together.

    Attributes:
        kilobytes: of its weights.
        milliseconds: of an answer to one sequence.
    """

    kilobytes: float
    milliseconds: float

    def within(self, most: Cost) -> bool:
        """Whether neither is more than that."""
        return self.kilobytes <= most.kilobytes and self.milliseconds <= most.milliseconds

    def plus(self, other: Cost) -> Cost:
        """That of both."""
        return Cost(self.kilobytes + other.kilobytes, self.milliseconds + other.milliseconds)


def affordable(costs: Sequence[Cost], losses: Sequence[float], most: Cost) -> list[int]:
    """The members of which a model may consist: the best first, as long as all of them fit.

    Args:
        costs: of each member.
        losses: of each, for sequences that were held out.
        most: that all of them may cost together.

    Returns:
        Their numbers, in order; none, where not even one is within the targets.

    >>> affordable([Cost(90, 1), Cost(20, 3), Cost(10, 1)], [0.1, 0.2, 0.3], Cost(100, 9))
    [0, 2]
    """
    total, chosen = Cost(0.0, 0.0), []
    for number in sorted(range(len(costs)), key=lambda one: losses[one]):
        after = total.plus(costs[number])
        if after.within(most):
            total = after
            chosen.append(number)
    return sorted(chosen)


def cheapest(costs: Sequence[Cost], most: Cost) -> int:
    """The member that is nearest to the targets."""
    return min(
        range(len(costs)),
        key=lambda one: max(
            costs[one].kilobytes / most.kilobytes, costs[one].milliseconds / most.milliseconds
        ),
    )
