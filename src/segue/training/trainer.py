"""What computes a training: the interface between the loop and the code that does the arithmetic.

The loop decides when to stop, which weights are the best and what is written; a trainer has the
weights and the state of the optimizer, and performs updates.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from segue.data.arrays import Array
from segue.errors import OptionError
from segue.training.objectives import RunningMetrics
from segue.training.setup import TrainingData, TrainingSetup, Update


class Advance(NamedTuple):
    """What a trainer has done in one call."""

    done: int  # updates that have changed the weights
    loss: float  # the mean loss of the last update that was tried
    norm: float  # the length of its gradient before it was shortened

    @property
    def is_finite(self) -> bool:
        """Whether all updates that were tried are done: else the one behind them has failed."""
        return math.isfinite(self.loss) and math.isfinite(self.norm)


class Trainer(abc.ABC):
    """The weights of a network and the state of its optimizer, and how they change.

    Attributes:
        job: what is trained.
        at_once: the most updates that one call of `advance` can use.
        trained: the names of the weights that are trained, in their order.
        precision: of the products of recurrent layers, "float32" or "bfloat16".
    """

    job: TrainingSetup
    at_once: int = 1
    trained: Collection[str]
    precision: str = "float32"

    @abc.abstractmethod
    def computing(self) -> AbstractContextManager[None]:
        """A context in which updates and measurements are to be made, such as of threads.

        Behind its beginning `job` may be another one that gives the same, such as one that begins
        with the outputs of layers that are not trained.
        """

    @abc.abstractmethod
    def advance(
        self,
        epoch: int,
        updates: Sequence[Update],
        rates: Sequence[float],
        means: RunningMetrics,
        until: float = math.inf,
    ) -> Advance:
        """Perform at least one of some updates, in their order, and at most all of them.

        It comes back after about 50 milliseconds, or with the first update whose loss or gradient
        is not finite; that one changes nothing.

        Args:
            epoch: counted from 1.
            updates: the next ones of the epoch, each with its batches.
            rates: the learning rate of each.
            means: loss and scores are added to them.
            until: of `time.perf_counter`: nothing is begun after it, once there is something to
                learn from. An update of several batches may be cut; it is then one of what is done.
        """

    @abc.abstractmethod
    def measure(self, data: TrainingData) -> RunningMetrics:
        """Loss and score on sequences with their targets, without dropout."""

    @abc.abstractmethod
    def update_bytes(self, longest: int) -> Callable[[int], float]:
        """About the memory of an update: activations, gradients and what is in between.

        Args:
            longest: steps of the longest sequence.

        Returns:
            The bytes by the size of a batch.
        """

    def target_count(self, update: Update, epoch: int) -> float:
        """How many targets the sequences of an update have in an epoch."""
        return float(sum(self.job.train.count(index) for _, index in update))

    def training_bytes(self, batch_size: int, longest: int) -> int:
        """The bytes of an update with a batch of so many sequences."""
        return int(self.update_bytes(longest)(batch_size))

    @abc.abstractmethod
    def weights(self) -> dict[str, Array]:
        """Copies of all weights, by `<layer>/<part>`; those that are not trained too."""

    @abc.abstractmethod
    def set_weights(self, weights: Mapping[str, Array]) -> None:
        """Set all weights."""

    @abc.abstractmethod
    def optimizer_parts(self) -> dict[str, bool]:
        """What the optimizer keeps for a weight: whether it has the weight's shape, or is a number.

        Adam has `exp_avg` and `exp_avg_sq`, means of the gradient and of its square, and `step`,
        how many updates were made; RMSprop has `square_avg` and `step`; where there is momentum
        RMSprop and SGD have `momentum_buffer`.
        """

    @abc.abstractmethod
    def optimizer_state(self) -> dict[str, Array]:
        """Copies of all that the optimizer keeps, by `<weight>/<part>`; empty before an update."""

    @abc.abstractmethod
    def set_optimizer_state(self, state: Mapping[str, Array]) -> None:
        """Set what the optimizer keeps."""

    def use_precision(self, precision: str) -> None:
        """Go on in the precision that a training was begun in.

        Raises:
            OptionError: it cannot be had here.
        """
        raise OptionError(f"PyTorch trains in {self.precision}, not in {precision}.")

    @abc.abstractmethod
    def environment(self) -> dict[str, str]:
        """What the last bits of a result depend on, beside the data and the options.

        Two trainings are the same to the bit where all of this is the same.
        """
