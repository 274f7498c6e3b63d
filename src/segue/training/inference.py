"""Predictions of a network: outputs, values at each step, activations.

Prediction, evaluation, embeddings and streams go through `predict_blocks`: sequences one behind the
other, without padding and without PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segue.data.sequences import Array, Sequences
from segue.errors import DataError, OptionError
from segue.kernels import forward
from segue.kernels.ragged import Directions, Ragged
from segue.layers.inference import InferenceLayer
from segue.limits import VARIABLE, memory_limit, size_text
from segue.networks import Network
from segue.prepare.pipeline import Preparation

How = Literal["auto", "last", "mean", "every"]
Floats = npt.NDArray[np.float64]

# Steps of one block, and numbers that its head gives at once.
STEPS_AT_ONCE, OUTPUTS_AT_ONCE = 20_000, 20_000_000
BYTES_AT_ONCE = 4 * 10**9  # of a block, unless a single sequence takes more
UNCHECKED = 10**8  # bytes that are taken as free, so that nobody asks about less


class Prepared:
    """Prepared sequences, in their order, in blocks of a few thousand steps.

    Data in memory is prepared once; a mapped data set block by block.

    Args:
        x: the sequences as they came.
        preparation: fitted.
        static: `[n, feature]` float32, scaled; `None` for none.

    Attributes:
        lengths: `[n]`, as the network sees them.
    """

    def __init__(self, x: Sequences, preparation: Preparation, static: Array | None = None) -> None:
        self._source, self._preparation, self._static = x, preparation, static
        self._values: Array | None = None
        if x.is_mapped:
            self.lengths: Array = preparation.lengths(x.lengths)
        else:
            self._values, self.lengths = preparation.apply_by_blocks(x)

    def __len__(self) -> int:
        return len(self.lengths)

    def blocks(self, steps: int) -> Iterator[tuple[slice, Ragged]]:
        """All sequences once, so many at a time that their steps are at most `steps`, or one."""
        ends = np.cumsum(self.lengths)
        first = 0
        while first < len(ends):
            begin = 0 if first == 0 else int(ends[first - 1])
            last = max(first + 1, int(np.searchsorted(ends, begin + steps, "right")))
            chosen = slice(first, last)
            if self._values is None:
                index = np.arange(chosen.start, chosen.stop)
                values, _ = self._preparation.apply_ragged(self._source.gather(index))
            else:
                values = self._values[begin : ends[last - 1]]
            offsets = np.concatenate([[0], ends[chosen] - begin])
            static = None if self._static is None else self._static[chosen]
            yield chosen, Ragged(values, offsets, static)
            first = last


def predict_blocks(
    network: Network,
    prepared: Prepared | None,
    function: Callable[[slice, Ragged], None],
    thread_count: int | None = None,
) -> None:
    """Call a function with every block of sequences.

    Args:
        network: that of the function; the number of its outputs limits the size of a block.
        prepared: the sequences; `None`: there are none.
        function: gets the numbers of the sequences of each block, and the block.
        thread_count: of the kernels; `None`: what suits the work.

    Raises:
        DataError: one sequence needs more memory than there is.
    """
    if prepared is None:
        return
    longest = int(prepared.lengths.max())
    needed = 4 * sum(network.numbers_at_once(longest).values())
    if needed >= UNCHECKED:
        _check_memory(needed, longest)
    steps = min(STEPS_AT_ONCE, max(1, OUTPUTS_AT_ONCE // network.outputs))
    if needed > BYTES_AT_ONCE * longest / steps:
        steps = max(1, int(BYTES_AT_ONCE * longest / needed))
    with forward.threads(thread_count):
        for chosen, x in prepared.blocks(steps):
            function(chosen, x)


def _check_memory(needed: int, longest: int) -> None:
    """Raise where one sequence of so many steps needs more memory than there is."""
    limit = memory_limit()
    if limit is not None and needed > limit:
        raise DataError(
            f"A sequence of {longest:,} steps needs about {size_text(needed)} of memory in this "
            f"network, and {size_text(limit)} are free: cut it into windows. {VARIABLE} in the "
            "environment sets another limit."
        )


def predict_outputs(
    network: Network, prepared: Prepared | None, thread_count: int | None = None
) -> Array:
    """`[n, output]` of a network with one output for each sequence, in the order of these."""
    outputs = np.empty((0 if prepared is None else len(prepared), network.outputs), np.float32)

    def keep(chosen: slice, x: Ragged) -> None:
        found = network(x)
        if not np.isfinite(found).all():
            refuse_not_finite(network, chosen.start, x, found)
        outputs[chosen] = found

    predict_blocks(network, prepared, keep, thread_count)
    return outputs


def probabilities(logits: Array, head: str) -> Floats:
    """`[..., class]` probabilities of logits, in float64; they sum to one, but for "multilabel".

    Args:
        logits: `[..., class]`, or `[..., 1]` of the head "binary".
        head: "softmax", "binary", "sigmoid", or "multilabel": several labels at once, each with a
            probability of its own.

    >>> probabilities(np.array([[0.0, 0.0]]), "softmax")
    array([[0.5, 0.5]])
    """
    logits = np.asarray(logits, np.float64)
    if head == "binary":
        return _sigmoid(np.concatenate([-logits, logits], axis=-1))
    if head == "multilabel":
        return _sigmoid(logits)
    if head not in ("softmax", "steps", "next-token"):
        logits = -np.logaddexp(0, -logits)  # p / sum(p), also for tiny p
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -x)))


def refuse_not_finite(network: Network, first: int, x: Ragged, found: Any) -> None:
    """Raise `DataError` that names the first sequence without a finite answer.

    Args:
        network: whose layers are then run once more, to name the one that gave such a number first.
        first: the number of the first sequence of the block.
        x: the block.
        found: what came of it, `[n, feature]` or `Ragged`.
    """
    bad = _not_finite(found)
    if bad is None:
        return
    signal: Any = x
    where = "head"
    for layer in network.chain[:-1]:
        signal = layer(signal)
        if _not_finite(signal) == bad:
            where = layer.name
            break
    weights = network.get_weights().items()
    broken = [name for name, weight in weights if not np.isfinite(weight).all()]
    if broken:
        cause = f"The weights {', '.join(broken[:3])} are not finite: train again."
    else:
        cause = "Are its values far larger than those of the training? Scale them, or leave it out."
    raise DataError(
        f"The answer for sequence {first + bad} is not finite; the first layer with such a number "
        f"is {where}. {cause}"
    )


def _not_finite(signal: Any) -> int | None:
    """The first sequence of a signal with a number that is not finite; `None`: there is none."""
    if isinstance(signal, Directions):
        found = [_not_finite(one) for one in signal]
        return min((one for one in found if one is not None), default=None)
    values = signal.values if isinstance(signal, Ragged) else signal
    if np.isfinite(values).all():
        return None
    row = int(np.flatnonzero(~np.isfinite(values).all(axis=-1))[0])
    if isinstance(signal, Ragged):
        return int(np.searchsorted(signal.offsets, row, "right")) - 1
    return row


def map_steps(
    network: Network,
    prepared: Prepared | None,
    function: Callable[[Ragged], Ragged],
    width: int,
    thread_count: int | None = None,
) -> Sequences:
    """Apply a function to every block; the steps of what it returns, `[time, width]` each."""
    blocks: list[Ragged] = []

    def keep(chosen: slice, x: Ragged) -> None:
        found = function(x)
        refuse_not_finite(network, chosen.start, x, found)
        blocks.append(found)

    predict_blocks(network, prepared, keep, thread_count)
    if not blocks:
        return Sequences(np.zeros((0, width), np.float32), [0])
    lengths = np.concatenate([block.lengths for block in blocks])
    return Sequences(np.concatenate([block.values for block in blocks]), lengths=lengths)


# -- activations --------------------------------------------------------------------------------


def embed(
    network: Network,
    prepared: Prepared | None,
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

        def at_every_step(x: Ragged) -> Ragged:
            return _joined(network.activations(x, layer))

        return map_steps(network, prepared, at_every_step, width, thread_count)
    rows = np.zeros((0 if prepared is None else len(prepared), width), np.float32)

    def keep(chosen: slice, x: Ragged) -> None:
        signal = network.activations(x, layer)
        refuse_not_finite(network, chosen.start, x, signal)
        rows[chosen] = _sequence_embedding(network, layer, signal, how)

    predict_blocks(network, prepared, keep, thread_count)
    return rows


def _check_reduction(network: Network, layer: InferenceLayer, how: str) -> None:
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


def _sees_all_at_the_end(network: Network, layer: InferenceLayer) -> bool:
    """Whether the output at the last step depends on the whole sequence."""
    if layer.sees_whole is not None:
        return layer.sees_whole
    for link in network.chain:
        if not link.causal:
            return False
        if layer in link.walk():
            return True
    return False


def _sequence_embedding(network: Network, layer: InferenceLayer, signal: Any, how: How) -> Array:
    """`[n, feature]`: a layer's output, its steps reduced to one embedding."""
    if not layer.shape.sequence:
        return np.concatenate(signal, axis=-1) if isinstance(signal, Directions) else signal
    joined = _joined(signal)
    if how == "mean" or not _sees_all_at_the_end(network, layer):
        sums = np.add.reduceat(joined.values, joined.offsets[:-1], axis=0, dtype=np.float64)
        return np.asarray(sums / joined.lengths[:, None])
    return layer.last_output(joined)


def _joined(signal: Any) -> Ragged:
    """One signal, also of a layer that keeps its two directions apart."""
    if not isinstance(signal, Directions):
        assert isinstance(signal, Ragged)
        return signal
    values = np.concatenate([signal.forward.values, signal.backward.values], axis=-1)
    return Ragged(values, signal.forward.offsets)
