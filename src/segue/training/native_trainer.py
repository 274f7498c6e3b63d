"""Training in the native library: many updates in one call, without PyTorch.

It trains networks of dense and recurrent layers, embeddings, dropout, pooling and activations, in
float32; the products of recurrent layers in bfloat16, where that is chosen. Its results are those
of PyTorch up to rounding, with the same draws; they have the same bits with any number of threads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from segue._version import __version__
from segue.data.arrays import Array
from segue.errors import OptionError
from segue.kernels import forward
from segue.kernels.training import (
    LOSSES,
    Batches,
    Examples,
    LossForm,
    NativeNetwork,
    OptimizerForm,
    Outcome,
    Program,
)
from segue.layers.core import unknown_token
from segue.layers.pool import another_length
from segue.prepare.batches import Batches as SequenceBatches
from segue.randomness import key
from segue.training.objectives import RunningMetrics
from segue.training.setup import TrainingData, TrainingSetup, Update, processor
from segue.training.trainer import Advance, Trainer

CALL_SECONDS = 0.05  # after which a call comes back, to look at interrupts, limits and callbacks
SUMS = ("loss", "score", "count")  # over the targets of an epoch
STEPS_AT_ONCE = 100_000  # of a batch that is only measured

# Units of a recurrent layer, and sequences of a batch, from which on bfloat16 pays where there are
# tiles: less leaves most of one of 16 rows and 32 columns empty.
LEAST_UNITS, LEAST_BATCH = 32, 8

_ADVICE = 'Pass precision="float32", or "auto", which takes bfloat16 only where it can'

# The library's name of each loss; with targets at every step it is no other.
_LOSSES = {"steps": "softmax", "next-token": "softmax", **{name: name for name in LOSSES}}

# What an optimizer keeps for a weight, as PyTorch names it: `moments` of the library, in its order.
_MOMENTS = {
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
    "rmsprop": ("square_avg", "momentum_buffer"),
    "sgd": ("momentum_buffer",),
}


def native_program(job: TrainingSetup) -> Program | str:
    """The network as the library trains it, or why it does not."""
    options, network = job.options, job.network
    path, reason = forward.path()
    if path not in forward.NATIVE:
        return reason
    others = {
        "static features": network.static > 0,
        "augmentation": job.train.augmenter is not None,
        "truncate": options.truncate is not None,
        "an objective of its own": options.objective is not None,
        "a metric of its own": options.metric is not None,
        f"the optimizer {options.optimizer}": options.optimizer not in _MOMENTS,
        f"the objective {job.objective.form}": job.objective.form not in _LOSSES,
        "another device": network.device != "cpu",
        "a smoothed perplexity": job.objective.scores_losses and options.label_smoothing > 0,
    }
    problems = [name for name, is_there in others.items() if is_there]
    custom = [str(spec) for spec in network.specs if spec.inference is None]
    if problems or custom:
        return ", ".join([*problems, *custom])
    plan = network.plan()
    shapes = {
        f"{context.name}/{part}": shape
        for spec, context, _ in plan
        for part, shape in spec.weight_shapes(context).items()
    }
    program = Program(shapes, frozenset(options.frozen))
    for spec, context, _ in plan:
        spec.write_training(program, context)
    return ", ".join(program.problems) or program


def require_bfloat16(program: Program) -> None:
    """Raise `OptionError` where there are no products in bfloat16, or could be none."""
    if not forward.bfloat16():
        raise OptionError(
            "`precision` is 'bfloat16', which needs a processor with AMX (amx_bf16), Linux, and "
            f"the native library compiled for both; this processor is {processor()}."
        )
    if not program.units:
        raise OptionError(
            "`precision` is 'bfloat16', of the products of recurrent layers, and the network has "
            "none."
        )


def refuse_bfloat16(job: TrainingSetup, reason: str) -> None:
    """Raise `OptionError` where bfloat16 is asked for and PyTorch is what trains."""
    if job.options.precision == "bfloat16":
        raise OptionError(
            "`precision` is 'bfloat16', which the native library computes; this network is trained "
            f"with PyTorch, in float32 ({reason}). {_ADVICE}."
        )


def _sequences(data: TrainingData) -> SequenceBatches:
    assert isinstance(data.batches, SequenceBatches)  # what is cached is PyTorch's
    return data.batches


@dataclass
class TeamSize:
    """How many threads take part in the next calls: fewer while there are no processors for all.

    Threads that work together wait for the one whose processor another program has, many
    milliseconds for each update; fewer are faster then. It shows in the processor's time that a
    call took. After some calls all are tried again, after more each time that it is in vain.

    >>> size = TeamSize(2)
    >>> size.saw(2, seconds=0.05, of_processor=0.06)
    >>> (size.fewer, size.calls)
    (1, 3)

    Attributes:
        most: threads.
        fewer: threads while there are no processors for all.
        calls: that so few make before all are tried again.
        in_vain: calls that they made the last time, if all were tried in vain since.
    """

    most: int
    fewer: int = 1
    calls: int = 0
    in_vain: int = 0

    FREE: ClassVar[float] = 0.75  # of the seconds of all threads, where nothing else runs
    LONG_ENOUGH: ClassVar[float] = 0.01  # seconds of a call that tells something
    MOST_CALLS: ClassVar[int] = 63

    def saw(self, threads: int, seconds: float, of_processor: float) -> None:
        """Take in how a call of so many threads went.

        Args:
            threads: that took part.
            seconds: that passed.
            of_processor: the time that the processors gave to all threads.
        """
        if self.calls:
            self.calls -= 1
        elif threads > 1 and seconds >= self.LONG_ENOUGH:
            is_free = of_processor >= self.FREE * threads * seconds
            self.in_vain = 0 if is_free else min(4 * self.in_vain + 3, self.MOST_CALLS)
            self.calls = self.in_vain
            self.fewer = max(1, round(of_processor / seconds))


class NativeTrainer(Trainer):
    """A trainer for networks that `native_program` knows.

    Args:
        job: what is trained.
        program: its network.
    """

    def __init__(self, job: TrainingSetup, program: Program) -> None:
        self.job = job
        self.at_once = 64 if _sequences(job.train).is_resident else 1
        options, objective = job.options, job.objective
        self.loss = LossForm(
            _LOSSES[objective.form],
            every=objective.every,
            smoothing=options.label_smoothing,
            scores_losses=objective.scores_losses,
            reports_scores=objective.own_unit,
            scale=objective.scale,
        )
        clip_norm = options.clip_norm or 0.0
        self.rule = OptimizerForm(
            options.optimizer, options.momentum, options.weight_decay, clip_norm
        )
        self.program = program
        self.trained = program.trained()
        self.kernels = forward.backend()
        self.network = NativeNetwork(program, self.loss, self.rule)
        pays = job.batch_size >= LEAST_BATCH and max(program.units, default=0) >= LEAST_UNITS
        asked = options.precision
        if asked == "bfloat16" or (asked == "auto" and pays and forward.bfloat16()):
            try:
                self.use_precision("bfloat16")
            except OptionError as error:
                raise OptionError(f"{error} {_ADVICE}.") from None
        self.set_weights(job.network.get_weights())
        self._kind = np.int32 if program.has_tokens else np.float32
        self._team = TeamSize(options.threads or self.kernels.threads)
        self._examples: dict[int, tuple[TrainingData, Examples]] = {}

    @contextmanager
    def computing(self) -> Iterator[None]:
        with forward.threads(self.job.options.threads):
            yield

    def advance(
        self,
        epoch: int,
        updates: Sequence[Update],
        rates: Sequence[float],
        means: RunningMetrics,
        until: float = math.inf,
    ) -> Advance:
        outcome = self._run(
            self.job.train,
            updates,
            rates=rates,
            keys=self._keys(epoch),
            seconds=min(CALL_SECONDS, until - time.perf_counter()),
            sums=[means.sums.get(name, 0.0) for name in SUMS],
        )
        means.sums.update(zip(SUMS, outcome.sums, strict=True))
        if outcome.done == len(updates):
            self.at_once = max(self.at_once, 2 * outcome.done)
        else:  # the time was over; sequences on disk are read for all that are asked for
            self.at_once = max(1, outcome.done)
        return Advance(outcome.done, outcome.loss, outcome.norm)

    def measure(self, data: TrainingData) -> RunningMetrics:
        lengths = data.batches.lengths
        order = np.argsort(lengths, kind="stable")
        size = max(1, STEPS_AT_ONCE // max(1, int(lengths.max(initial=1))))
        updates = [[(0, order[first : first + size])] for first in range(0, len(order), size)]
        at_once = len(updates) if _sequences(data).is_resident else 1
        sums: Sequence[float] = (0.0, 0.0, 0.0)
        while updates:  # an interrupt is heard between two calls
            outcome = self._run(data, updates[:at_once], sums=sums, seconds=CALL_SECONDS)
            updates, sums = updates[outcome.done :], outcome.sums
        return RunningMetrics(self.job.objective, dict(zip(SUMS, sums, strict=True)))

    def _run(self, data: TrainingData, updates: Sequence[Update], **more: Any) -> Outcome:
        """Perform updates on all sequences of the data, or on those that are needed."""
        batches, (_, examples) = Batches.of(updates), self._examples.get(id(data), (data, None))
        if examples is None:
            chosen, is_resident = None, _sequences(data).is_resident
            if not is_resident:
                batches, chosen = batches.within()
            values, lengths = _sequences(data).ragged(chosen)
            targets = data.targets.ragged(chosen)
            self._check(values, lengths)
            is_whole = self.loss.kind in ("softmax", "binary", "sigmoid")
            examples = Examples(
                np.ascontiguousarray(values, self._kind),
                np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
                np.ascontiguousarray(targets, np.int64 if is_whole else np.float32),
                None if data.weights is None else np.ascontiguousarray(data.weights.ragged(chosen)),
            )
            if is_resident:
                self._examples[id(data)] = data, examples
        threads = self._team.fewer if self._team.calls else self._team.most
        seconds, of_processor = time.perf_counter(), time.process_time()
        outcome = self.network.run(self.kernels, examples, batches, threads=threads, **more)
        seconds, of_processor = time.perf_counter() - seconds, time.process_time() - of_processor
        self._team.saw(outcome.threads, seconds, of_processor)
        return outcome

    def _check(self, values: Array, lengths: Array) -> None:
        """Raise `DataError` for tokens and lengths that the network does not have."""
        if self.program.tokens is not None and len(values):
            low, high = int(values.min()), int(values.max())
            if low < 0 or high >= self.program.tokens[1]:
                raise unknown_token(*self.program.tokens, low, high)
        if self.program.length is not None and (lengths != self.program.length[1]).any():
            raise another_length(*self.program.length, int(lengths.min()), int(lengths.max()))

    def _keys(self, epoch: int) -> Array:
        """The keys of the dropout masks of an epoch, `[masks, 2]`."""
        numbers = [key(self.job.seed, epoch, *path, bits=128) for path in self.program.masks]
        words = [[number & (2**64 - 1), number >> 64] for number in numbers]
        return np.array(words, np.uint64).reshape(-1, 2)

    def update_bytes(self, longest: int) -> Callable[[int], float]:
        """A thread has the sequences of one shard at a time, of which one and two are tried."""
        first, each = self._bytes_of_sequences(longest)
        program, most = self.program, self.job.options.threads or self.kernels.threads

        def needed(batch_size: int) -> float:
            shards = self.network.shards(self.kernels, batch_size, batch_size * longest)
            at_once = min(batch_size, most * -(-batch_size // shards))
            # The weights, their gradients and two moments; gradients by shard, and packed weights.
            weights = 4 * program.size + (shards + 3) * program.shared
            return float(4 * weights + first + each * at_once)

        return needed

    def _bytes_of_sequences(self, longest: int) -> tuple[float, float]:
        """What a thread takes whatever the batch, and for each sequence."""
        objective, took = self.job.objective, []
        is_whole = self.loss.kind in ("softmax", "binary", "sigmoid")
        for count in (1, 2):
            network = NativeNetwork(self.program, self.loss, self.rule)
            if self.precision == "bfloat16":
                network.use_bfloat16(forward.bfloat16())
            rows = count * longest if objective.every else count
            shape = (rows,) if is_whole else (rows, objective.outputs)
            examples = Examples(
                np.zeros((count * longest, self.job.network.input_shape.features), self._kind),
                np.arange(count + 1, dtype=np.int64) * longest,
                np.zeros(shape, np.int64 if is_whole else np.float32),
            )
            batches = Batches.of([[(0, np.arange(count))]])
            keys = self._keys(1)
            took.append(network.run(self.kernels, examples, batches, rates=[0.0], keys=keys).bytes)
        return 2.0 * took[0] - took[1], float(took[1] - took[0])

    # -- weights, and the state of the optimizer --------------------------------------------------

    def weights(self) -> dict[str, Array]:
        places, weights = self.program.places, self.network.weights.copy()
        return {name: places[name].of(weights) for name in self.program.shapes}

    def set_weights(self, weights: Mapping[str, Array]) -> None:
        for name, place in self.program.places.items():
            place.of(self.network.weights)[...] = weights[name]

    def optimizer_parts(self) -> dict[str, bool]:
        options = self.job.options
        kept = _MOMENTS[options.optimizer]
        names = [name for name in kept if name != "momentum_buffer" or options.momentum]
        step = {} if options.optimizer == "sgd" else {"step": False}
        return {**step, **dict.fromkeys(names, True)}

    def optimizer_state(self) -> dict[str, Array]:
        network, kept = self.network, _MOMENTS[self.job.options.optimizer]
        if not network.steps:
            return {}
        state = {}
        for name in self.trained:
            for part, has_shape in self.optimizer_parts().items():
                value = np.array(network.steps, np.float32)
                if has_shape:
                    moments = network.moments[kept.index(part)]
                    value = self.program.places[name].of(moments).copy()
                state[f"{name}/{part}"] = value
        return state

    def set_optimizer_state(self, state: Mapping[str, Array]) -> None:
        kept = _MOMENTS[self.job.options.optimizer]
        for name, value in state.items():
            weight, _, part = name.rpartition("/")
            if part == "step":
                self.network.steps = int(value)
            else:
                self.program.places[weight].of(self.network.moments[kept.index(part)])[...] = value
        if state and not self.network.steps:
            self.network.steps = 1  # of SGD, which does not count them

    def use_precision(self, precision: str) -> None:
        if precision not in ("float32", "bfloat16"):
            raise OptionError(f"This version of segue does not train in {precision!r}.")
        if precision == "bfloat16":
            require_bfloat16(self.program)
        self.precision = precision
        self.network.use_bfloat16(forward.bfloat16() if precision == "bfloat16" else 0)

    def environment(self) -> dict[str, str]:
        bfloat16 = ", bfloat16" if self.precision == "bfloat16" else ""
        return {
            "segue": __version__,
            "kernels": f"native, {self.kernels.path}{bfloat16}",
            "processor": processor(),
            "precision": self.precision,
        }
