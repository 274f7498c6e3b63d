"""The candidates of an automatic choice, in the order in which they are tried."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from segue.layers.trees import MOST_TRIED
from segue.training.ridge import PENALTIES
from segue.training.trees import FOLDS

LEAST_TRAINED = 300  # sequences from which on networks are trained
LARGE = 5000  # sequences from which on one part may be all that is held out
# Of a training that is worth to begin.
LEAST_UPDATES, MOST_EPOCHS, LEAST_EPOCHS, BATCH = 200, 20, 6, 32

_BLOCK = 25e9  # multiplications a second of a product of matrices
_EIGEN = 25e9  # of a decomposition by eigenvectors
_PREPARED = 40e-9  # seconds of a number of the sequences, before there are features
_OVERHEAD = 200  # features that would take as long as what is around them
_GROWN = 1e-5  # seconds of a feature that is tried, of each case at each level of all trees
TREES, FEWEST_TREES = 200, 10  # as many as `trees` has, and the least that are tried
_PLANTED = 2.0  # seconds of all trees, however little they grow
_SCORED = 5e-7  # seconds of an output of a sequence, to find penalty and scale


def no_features(steps: float) -> float:  # noqa: ARG001
    """None, of a network that is trained."""
    return 0.0


class DataSize(NamedTuple):
    """How large training data are; what `Candidate.seconds` depends on.

    Attributes:
        sequences: how many.
        steps: of them, on average.
        channels: of a step.
        length: steps for which there are features, where that is another number.
        outputs: of a network.
        together: how many sequences are held out together, in the group of a usual one.
    """

    sequences: int
    steps: float
    channels: int
    length: float | None = None
    outputs: int = 2
    together: float = 1.0


@dataclass(frozen=True)
class Candidate:
    """A network that may be fitted.

    Attributes:
        name: in tables.
        network: its text.
        features: gives, for sequences of so many steps, how many features there are.
        nanoseconds: that a feature takes for each step; where trees are grown, all of them.
        once: seconds whatever there is to be fitted.
        grows: whether trees are grown on the features.
        channel: nanoseconds more, for each channel but the first.
        step: seconds more for each step, in which kernels are fitted.
        smaller: gives the text of a network with one of so many parts of the features, or trees.
        parts: of which this is one; of what is counted, of the sequences.
        trained: whether it is trained by gradients, fold after fold; `nanoseconds` are then those
            of a step of an update, and there are no features.
        soon: whether it is trained for a few seconds only, or on a part of the sequences, so that
            there is a model until another one is there.
        counts: whether its weights are found by counting tokens; `nanoseconds` are then those of a
            step of a sequence, from text to token.
    """

    name: str
    network: str
    features: Callable[[float], float] = no_features
    nanoseconds: float = 0.0
    once: float = 0.1
    grows: bool = False
    trained: bool = False
    soon: bool = False
    counts: bool = False
    channel: float = 0.0
    step: float = 0.0
    smaller: Callable[[int], str] | None = None
    parts: int = 1

    @property
    def has_features(self) -> bool:
        """Whether its head is found in closed form, from the products of features."""
        return not (self.trained or self.grows)

    @property
    def has_parts(self) -> bool:
        """Whether it can be done with less."""
        return self.counts or self.smaller is not None

    def part_of(self, parts: int) -> Candidate:
        """The same with one of so many parts of its features; itself, where that cannot be."""
        if parts == 1 or not self.has_parts:
            return self
        if self.smaller is None:
            name = f"{self.name}, 1/{parts} of the texts"
            return replace(self, name=name, parts=parts, soon=True)
        text = self.smaller(parts)
        return replace(self, name=text, network=text, parts=parts)

    def width(self, size: DataSize) -> float:
        """How many features it has for data of a size."""
        found = self.features(size.length or size.steps)
        return found * size.channels if self.grows else found / self.parts

    def seconds(self, size: DataSize) -> float:
        """About how long it takes for data of a size, on one processor of a usual kind."""
        count, steps, channels, _, outputs, together = size
        if self.counts:
            return self.once + 1e-9 * self.nanoseconds * count * steps / self.parts
        if self.trained:
            return (FOLDS if count < LARGE else 1) * self.training_seconds(count, steps)
        width, numbers = self.width(size), count * steps * channels
        each = self.nanoseconds + self.channel * (channels - 1)
        found = self.once + self.step * steps + _PREPARED * numbers
        if self.grows:
            tried = min(0.1 * width, MOST_TRIED)
            grown = _PLANTED + _GROWN * count * math.log2(count + 1) * tried
            share = max(FEWEST_TREES, TREES / self.parts) / TREES
            return found + 1e-9 * self.nanoseconds * numbers + grown * share
        found += 1e-9 * each * count * steps * (width + _OVERHEAD)
        least, most = sorted((count, width))
        found += (_SCORED + 20 * least / _BLOCK) * count * outputs
        # Of each group and penalty a system of equations.
        found += len(PENALTIES) * count / together * least * min(together, least) ** 2 / _BLOCK
        return found + 2 * least**2 * most / _BLOCK + 10 * least**3 / _EIGEN

    def training_seconds(self, count: int, steps: float) -> float:
        """About how long one training takes that is worth to begin, for one of the folds."""
        seen = max(min(LEAST_UPDATES * BATCH, MOST_EPOCHS * count), LEAST_EPOCHS * count)
        return self.once + 1e-9 * self.nanoseconds * seen * steps


def _dilations(steps: float, size: int) -> float:
    return max(1, math.log2(max(2, steps) / size) + 1)


CANDIDATES = (
    Candidate(
        "rocket", "rocket", lambda _: 4000, 0.6, channel=0.12,
        smaller=lambda parts: f"rocket({2000 // parts})",
    ),
    Candidate(
        "multirocket and hydra", "parallel(multirocket, hydra)",
        lambda steps: 49_728 + 1024 * _dilations(steps, 8), 0.3, once=1.0,
        channel=0.002, step=3e-4,
        smaller=lambda n: f"parallel(multirocket({6250 // n}), hydra({max(2, 64 // n)}))",
    ),
    Candidate(
        "quant and trees", "quant trees", lambda steps: 8 * steps, 1500, once=1.5, grows=True,
        smaller=lambda parts: f"quant trees({max(FEWEST_TREES, TREES // parts)})",
    ),
    Candidate(
        "rdst", "rdst", lambda _: 30_000, 0.7, once=2.0, channel=0.8, step=1.2e-3,
        smaller=lambda parts: f"rdst({10_000 // parts})",
    ),
)  # fmt: skip


TRAINED = (
    Candidate(
        "inception", "inception_time(16, depth=3)", trained=True, nanoseconds=5_000, once=1.0
    ),
    Candidate(
        "convolutions and gru",
        "conv(128, 5) batchnorm relu conv(128, 3) batchnorm relu bigru(64)",
        trained=True, nanoseconds=8_000, once=1.0,
    ),
)  # fmt: skip


TEXTS = (
    Candidate("n-grams, at first", "embedding(16) pool(mean)", trained=True, soon=True),
    Candidate("n-grams", "embedding(16) pool(mean)", trained=True, nanoseconds=1_000, once=0.5),
)

STEPS = (
    Candidate("lstm, at first", "bilstm(64)", trained=True, soon=True),
    Candidate("lstm both ways", "bilstm(64)", trained=True, nanoseconds=4_000, once=0.5),
    Candidate(
        "dilated convolutions and gru",
        "conv(64, 9) batchnorm relu conv(64, 9, dilation=4) batchnorm relu bigru(64)",
        trained=True, nanoseconds=8_000, once=1.0,
    ),
)  # fmt: skip


def in_order(
    size: DataSize,
    kind: Literal["series", "texts", "steps"] = "series",
    *,
    one_class: bool = True,
) -> list[Candidate]:
    """The candidates for data of a size; what is there soon comes first.

    Networks that are trained have the time that is left by those that are not; of many sequences
    they come early.

    Args:
        size: of the data.
        kind: of them: series of numbers, or texts, with one target each; or targets at each step.
        one_class: whether that target is a class, and not numbers or several labels.

    >>> [one.name for one in in_order(DataSize(100, 20, 1))][:2]
    ['rocket', 'multirocket and hydra']
    >>> [one.network for one in in_order(DataSize(100, 20, 1, outputs=3), "texts")]
    ['embedding(3) pool(mean)', 'embedding(16) pool(mean)']
    """
    if kind == "steps":
        return list(STEPS)
    if kind == "texts":
        at_first, *others = TEXTS
        network = f"embedding({size.outputs}) pool(mean)"
        counted = Candidate("naive Bayes", network, counts=True, nanoseconds=3_500)
        return [counted if one_class else at_first, *others]
    first, *others = (one for one in CANDIDATES if one_class or not one.grows)
    trained = TRAINED if size.sequences >= LEAST_TRAINED else ()
    if size.sequences >= LARGE:
        return [first, *trained, *others]
    return [first, *others, *trained]
