"""The candidates of an automatic choice, in the order in which they are tried."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from segue.layers.trees import MOST_TRIED

LEAST_TRAINED = 300  # sequences from which on networks are trained
FOLDS = 5  # of which each is held out by a network of its own
LARGE = 5000  # sequences from which on there is one part that is held out
LEAST_UPDATES, MOST_EPOCHS, BATCH = 200, 20, 32  # of a training that is worth to begin

_BLOCK = 25e9  # multiplications a second of a product of matrices
_EIGEN = 25e9  # of a decomposition by eigenvectors


@dataclass(frozen=True)
class Candidate:
    """A network that may be fitted.

    Attributes:
        name: in tables.
        network: its text.
        features: gives, for sequences of so many steps, how many features there are.
        nanoseconds: that a feature takes for each step.
        once: seconds whatever there is to be fitted.
        grows: whether trees are grown on the features.
        trained: whether it is trained by gradients, fold after fold; `nanoseconds` are then those
            of a step of an update, and there are no features.
    """

    name: str
    network: str
    features: Callable[[float], float] = lambda _: 0.0
    nanoseconds: float = 0.0
    once: float = 0.1
    grows: bool = False
    trained: bool = False

    def seconds(
        self, count: int, steps: float, channels: int, length: float | None = None
    ) -> float:
        """About how long it takes on one processor of a usual kind.

        Args:
            count: sequences.
            steps: of them, on average.
            channels: of a step.
            length: steps for which there are features, where that is another number.
        """
        if self.trained:
            seen = min(LEAST_UPDATES * BATCH, MOST_EPOCHS * count)
            folds = FOLDS if count < LARGE else 1
            return self.once + 1e-9 * self.nanoseconds * folds * seen * steps
        width = self.features(length or steps) * (channels if self.grows else 1)
        found = self.once + 1e-9 * self.nanoseconds * count * steps * width
        if self.grows:
            return found + 1.6e-6 * count * math.log2(count + 1) * min(0.1 * width, MOST_TRIED)
        least, most = sorted((count, width))
        return found + 2 * least**2 * most / _BLOCK + 10 * least**3 / _EIGEN


def _dilations(steps: float, size: int) -> float:
    return max(1, math.log2(max(2, steps) / size) + 1)


CANDIDATES = (
    Candidate("rocket", "rocket", lambda _: 4000, 0.6),
    Candidate(
        "multirocket and hydra", "parallel(multirocket, hydra)",
        lambda steps: 49_728 + 1024 * _dilations(steps, 8), 0.3, once=1.0,
    ),
    Candidate("quant and trees", "quant trees", lambda steps: 8 * steps, 0.1, once=1.5, grows=True),
    Candidate("rdst", "rdst", lambda _: 30_000, 0.7, once=2.0),
)  # fmt: skip


TRAINED = (
    Candidate(
        "inception", "inception_time(16, depth=3)", trained=True, nanoseconds=5_000, once=5.0
    ),
    Candidate(
        "convolutions and gru",
        "conv(128, 5) batchnorm relu conv(128, 3) batchnorm relu bigru(64)",
        trained=True, nanoseconds=8_000, once=5.0,
    ),
)  # fmt: skip


def in_order(
    count: int, steps: float, channels: int, length: float | None = None
) -> list[Candidate]:
    """The candidates for so many sequences; what is there soonest comes first.

    Networks that are trained have the time that is left by those that are not; of many sequences
    they come early.

    >>> [one.name for one in in_order(100, 150, 1)][:2]
    ['rocket', 'multirocket and hydra']
    """
    first = min(CANDIDATES, key=lambda one: one.seconds(count, steps, channels, length))
    others = [one for one in CANDIDATES if one is not first]
    trained = TRAINED if count >= LEAST_TRAINED else ()
    if count >= LARGE:
        return [first, *trained, *others]
    return [first, *others, *trained]
