"""Inference without gradients: outputs, values at each step, activations and metrics.

Prediction, validation, evaluation, embeddings, explanations, cached activations and the scores of
studies all go through `predict_batches`.

Activations of first layers with fixed weights are cached: computed once for all epochs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from segue.data.sequences import Array, Sequences
from segue.errors import DataError, OptionError
from segue.kernels.threads import choose_threads, threads, usable_threads
from segue.modules import Directions, Layer, Padded
from segue.networks import Network, PartialInput
from segue.prepare.batches import Batches
from segue.training import memory
from segue.training.objectives import Objective
from segue.training.optimizers import RunningMetrics
from segue.training.setup import Gathered, TrainingData, TrainingSetup

How = Literal["auto", "last", "mean", "every"]

# Steps (with padding) of one batch, and numbers that its head gives at once.
STEPS_AT_ONCE, OUTPUTS_AT_ONCE = 20_000, 20_000_000
BYTES_AT_ONCE = 4 * 10**9  # of a batch, unless a single sequence takes more


@torch.no_grad()
def predict_batches(
    network: Network,
    batches: Gathered | None,
    function: Callable[[Array, Any], None],
    thread_count: int | None = None,
) -> None:
    """Call a function with every batch, from short sequences to long ones, without gradients.

    PyTorch has the number of threads that suits the batches while this runs, and no longer: it is
    no generator, which would leave that to whoever holds it.

    Args:
        network: that of the function; the number of its outputs limits the size of a batch.
        batches: the prepared sequences; `None`: there are none.
        function: gets the indices `[batch]` of the members of each batch, and the batch.
        thread_count: of PyTorch; `None`: what suits the network and the batches.
    """
    if batches is None:
        return
    longest = int(batches.lengths.max())
    needed = 4 * sum(network.numbers_at_once(longest).values())
    if needed >= memory.UNCHECKED:
        memory.check_prediction(network, longest)
    steps = min(STEPS_AT_ONCE, max(1, OUTPUTS_AT_ONCE // network.chain.shape.features))
    if needed * min(len(batches), steps) > BYTES_AT_ONCE:  # windows longer than the sequences
        shortest = int(batches.lengths.min())
        least = 4 * sum(network.numbers_at_once(shortest).values())
        steps = min(steps, shortest * (BYTES_AT_ONCE // least))
    size = min(len(batches), steps // longest + 1)
    with threads(thread_count or choose_threads(network, size)):
        for index, x in batches.in_order(steps):
            function(index, x)


def predict_outputs(
    network: Network, batches: Gathered | None, thread_count: int | None = None
) -> Tensor:
    """`[n, output]` of a network with one output for each sequence, in the order of these."""
    outputs = torch.empty(0 if batches is None else len(batches), network.chain.shape.features)

    def keep(index: Array, x: Any) -> None:
        found = network(x)
        if not bool(torch.isfinite(found).all()):
            refuse_not_finite(network, index, x, found)
        outputs[torch.from_numpy(index)] = found.cpu()

    predict_batches(network, batches, keep, thread_count)
    return outputs


def probabilities(logits: Tensor, head: str) -> Tensor:
    """`[..., class]` probabilities of logits; they sum to one, but for "multilabel".

    Args:
        logits: `[..., class]`, or `[..., 1]` of the head "binary".
        head: "softmax", "binary", "sigmoid", or "multilabel": several labels at once, each with a
            probability of its own.
    """
    if head in ("softmax", "steps", "next-token"):
        return torch.softmax(logits, dim=-1)
    if head == "binary":
        return torch.cat([torch.sigmoid(-logits), torch.sigmoid(logits)], dim=-1)
    if head == "multilabel":
        return torch.sigmoid(logits)
    return torch.softmax(functional.logsigmoid(logits), dim=-1)  # p / sum(p), also for tiny p


def refuse_not_finite(network: Network, index: Array, x: Any, found: Any) -> None:
    """Raise `DataError` that names the first sequence without a finite answer.

    Args:
        network: whose layers are then run once more, to name the one that gave such a number first.
        index: `[batch]`, the numbers of the sequences.
        x: the batch.
        found: what came of it, `[batch, ...]` or `Padded`.
    """
    good = _finite_rows(found)
    if bool(good.all()):
        return
    row = int(torch.nonzero(~good)[0])
    passed, signal = (x.passed, x.signal) if isinstance(x, PartialInput) else (0, x)
    where = "head"
    for layer in network.chain[passed:-1]:
        signal = layer(signal)
        if not bool(_finite_rows(signal)[row]):
            where = layer.name
            break
    weights = network.weight_tensors().items()
    broken = [name for name, weight in weights if not bool(torch.isfinite(weight).all())]
    if broken:
        cause = f"The weights {', '.join(broken[:3])} are not finite: train again."
    else:
        cause = "Are its values far larger than those of the training? Scale them, or leave it out."
    raise DataError(
        f"The answer for sequence {index[row]} is not finite; the first layer with such a number "
        f"is {where}. {cause}"
    )


def _finite_rows(signal: Any) -> Tensor:
    """`[batch]`, whether all numbers of a signal are finite; padding does not count."""
    if isinstance(signal, Directions):
        return _finite_rows(signal.forward) & _finite_rows(signal.backward)
    values = signal.filled(0.0) if isinstance(signal, Padded) else signal
    return torch.isfinite(values).flatten(1).all(1)


def map_steps(
    network: Network,
    batches: Gathered | None,
    function: Callable[[Any], Padded],
    width: int,
    thread_count: int | None = None,
) -> Sequences:
    """Apply a function to every batch; the real steps of what it returns, `[time, width]` each."""
    if batches is None:
        return Sequences(np.zeros((0, width), np.float32), [0])
    rows: list[Any] = [None] * len(batches)

    def keep(index: Array, x: Any) -> None:
        signal = function(x)
        refuse_not_finite(network, index, x, signal)
        lengths = signal.lengths.tolist()
        for i, values, length in zip(index, signal.values.cpu().numpy(), lengths, strict=True):
            rows[i] = values[:length]

    predict_batches(network, batches, keep, thread_count)
    return Sequences.from_list(rows)


def measure(
    network: Network, data: TrainingData, objective: Objective, thread_count: int | None = None
) -> RunningMetrics:
    """Loss and score of a network on sequences with their targets."""
    means = RunningMetrics(objective)

    def add(index: Array, x: Any) -> None:
        outputs, targets = network(x), data.targets.gather(index)
        means.add(outputs, targets, objective.losses(outputs, targets))

    predict_batches(network, data.batches, add, thread_count)
    return means


# -- activations --------------------------------------------------------------------------------


def capture_activations(network: Network, layer: Layer, x: Padded) -> tuple[Any, Any]:
    """The input and the output of a layer for a batch; layers behind it are not computed."""
    captured: list[tuple[Any, Any]] = []
    hook = layer.register_forward_hook(lambda _, given, came: captured.append((given[0], came)))
    signal: Any = x
    *before_head, head = network.chain
    try:
        for link in before_head:
            signal = signal if captured else link(signal)
        if layer is head:
            network(x)
    finally:
        hook.remove()
    return captured[-1]


def embed(
    network: Network,
    batches: Batches | None,
    name: str,
    how: How = "auto",
    thread_count: int | None = None,
) -> Array | Sequences:
    """The activations of a layer: `[n, feature]`, or `Sequences` `[time, feature]` for "every".

    See `SequenceClassifier.embed`.
    """
    layer = network.layer(name)
    _check_reduction(network, layer, how)
    width = layer.shape.features * layer.shape.directions
    if how == "every":

        def at_every_step(x: Padded) -> Padded:
            return _joined(capture_activations(network, layer, x)[1])

        return map_steps(network, batches, at_every_step, width, thread_count)
    rows = np.zeros((0 if batches is None else len(batches), width), np.float32)

    def keep(index: Array, x: Padded) -> None:
        signal = capture_activations(network, layer, x)[1]
        refuse_not_finite(network, index, x, signal)
        rows[index] = _sequence_embedding(network, layer, signal, how).cpu().numpy()

    predict_batches(network, batches, keep, thread_count)
    return rows


def _check_reduction(network: Network, layer: Layer, how: str) -> None:
    """Check how a layer's steps are to be reduced to one embedding.

    Raises:
        OptionError: an unknown `how`; "every" of a layer without steps; "last" where the last step
            does not depend on the whole sequence.
    """
    if how not in ("auto", "last", "mean", "every"):
        raise OptionError(f"`how` is {how!r}; expected auto, last, mean or every.")
    if how == "every" and not layer.shape.sequence:
        names = [name for name, one in network.layers.items() if one.shape.sequence]
        raise OptionError(
            f"{layer.name} has one output for each sequence, {layer.shape}, so how='every' has no "
            f"steps to return. Layers with an output at every step: {', '.join(names) or 'none'}."
        )
    if how == "last" and layer.shape.sequence and not _sees_all_at_the_end(network, layer):
        raise OptionError(
            f"how='last' of {layer.name}: this layer or one before it is not causal, so the output "
            "at the last step does not depend on the whole sequence (a backward direction has "
            "seen that step only). Take how='mean'."
        )


def _sees_all_at_the_end(network: Network, layer: Layer) -> bool:
    """Whether the output at the last step depends on the whole sequence."""
    if layer.sees_whole is not None:
        return layer.sees_whole
    for link in network.chain:
        if not link.causal:
            return False
        if layer in link.modules():
            return True
    return False


def _sequence_embedding(network: Network, layer: Layer, signal: Any, how: How) -> Tensor:
    """`[batch, feature]`: a layer's output, its steps reduced to one embedding."""
    if not layer.shape.sequence:
        return torch.cat(signal, dim=-1) if isinstance(signal, Directions) else signal
    joined = _joined(signal)
    if how == "mean" or not _sees_all_at_the_end(network, layer):
        return joined.filled(0).sum(1) / joined.lengths[:, None]
    return layer.last_output(joined)


def _joined(signal: Any) -> Padded:
    """One signal, also of a layer that keeps its two directions apart."""
    if not isinstance(signal, Directions):
        assert isinstance(signal, Padded)
        return signal
    values = torch.cat([signal.forward.values, signal.backward.values], dim=-1)
    return Padded(values, signal.forward.lengths)


_MOST_BYTES = 2**30  # of what is kept; more is computed anew each time


def cache_fixed_layers(job: TrainingSetup) -> TrainingSetup:
    """Let the job begin behind the layers that training leaves as they are.

    Only where they end the sequence, where every epoch sees the same sequences, and where what they
    put out is not too much to be kept. The same weights come of it, up to rounding.
    """
    passed = fixed_layers(job.network)
    if not passed or job.train.augmenter is not None or job.options.truncate is not None:
        return job
    shape = job.network.chain[passed - 1].shape
    parts = [part for part in (job.train, job.validation) if part is not None]
    if shape.sequence or 4 * shape.features * sum(len(p.batches) for p in parts) > _MOST_BYTES:
        return job
    validation = None if job.validation is None else _passed(job.validation, job.network, passed)
    return replace(job, train=_passed(job.train, job.network, passed), validation=validation)


def fixed_layers(network: Network) -> int:
    """Return how many layers at the beginning have the same outputs in every epoch."""
    return sum(1 for _ in takewhile(lambda layer: layer.is_fixed, network.chain.layers))


def _passed(examples: TrainingData, network: Network, passed: int) -> TrainingData:
    assert isinstance(examples.batches, Batches)
    return replace(examples, batches=CachedActivations(examples.batches, network, passed))


class CachedActivations:
    """Like `Batches`, of signals that have gone through the first layers of a network.

    Args:
        batches: the sequences.
        network: it begins with the layers.
        passed: how many of them.

    Attributes:
        lengths: `[n]`, of the sequences.
    """

    def __init__(self, batches: Batches, network: Network, passed: int) -> None:
        self.lengths = batches.lengths
        self.passed = passed
        features = network.chain[passed - 1].shape.features
        self._signal = torch.empty(len(batches), features, device=batches.device)
        self._static: Tensor | None = None

        def keep(index: Array, x: Any) -> None:
            chosen, signal = torch.from_numpy(index), x
            for layer in network.chain[:passed]:
                signal = layer(signal)
            self._signal[chosen] = signal
            if x.static is not None:
                if self._static is None:
                    self._static = x.static.new_empty(len(self), x.static.shape[1])
                self._static[chosen] = x.static

        predict_batches(network, batches, keep, usable_threads())

    def __len__(self) -> int:
        return len(self.lengths)

    def gather(self, index: Array) -> PartialInput:
        """The chosen signals `[batch, feature]`."""
        chosen = torch.from_numpy(index)
        static = None if self._static is None else self._static[chosen]
        return PartialInput(self._signal[chosen], self.passed, static)

    def in_order(self, steps: int) -> Iterator[tuple[Array, PartialInput]]:
        """All signals once, in their order."""
        size = max(1, steps // 16)
        for first in range(0, len(self), size):
            index = np.arange(first, min(first + size, len(self)))
            yield index, self.gather(index)
