"""The forward pass of every kind of layer in NumPy: slow and exact, the reference of the tests.

It computes in float64, and rounds to float32 at the end of each function. `segue.kernels.native`
has the same functions; `segue.kernels.forward` chooses one of the two. Signals are ragged: `values`
`[steps, feature]` of all sequences of a batch one behind the other, and `offsets` `[n + 1]`, where
each begins. Sources of the equations are in `segue.kernels.cells` and in the files of the layers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.kernels.ragged import offsets_of, quiet, reduce_steps, steps_within

State = tuple[Array, ...]  # [n, units] each

# What every backend has.
FUNCTIONS = (
    "pack", "dense", "conv", "max_pool", "pack_random_conv", "random_conv", "pack_recurrent",
    "recurrent", "attention", "pool", "pool_attention", "layer_norm", "scale_shift", "embed", "add",
    "concat", "activate",
)  # fmt: skip


def _rounded(values: Array) -> Array:
    return np.ascontiguousarray(values, np.float32)


# -- products -----------------------------------------------------------------------------------


def pack(kernel: Array) -> Array:
    """A kernel `[in, out]` in the form that `dense` and `conv` take."""
    return kernel.astype(np.float64)


@quiet
def dense(x: Array, packed: Array, bias: Array | None) -> Array:
    """`x @ kernel + bias`: `[rows, in]` to `[rows, out]`."""
    product = x @ packed
    return _rounded(product if bias is None else product + bias)


@quiet
def conv(
    values: Array,
    offsets: Array,
    out_offsets: Array,
    packed: Array,
    bias: Array | None,
    *,
    size: int,
    stride: int,
    dilation: int,
    before: int,
) -> Array:
    """A convolution over each sequence; what lies outside it is 0.

    Args:
        values: `[steps, in]`.
        offsets: `[n + 1]`, of the sequences.
        out_offsets: `[n + 1]`, of the outputs.
        packed: of the kernel `[size, in, out]` as `[size * in, out]`.
        bias: `[out]`.
        size: taps of a window.
        stride: steps from one window to the next.
        dilation: steps from one tap to the next.
        before: output j of a sequence sees the steps `j * stride - before + i * dilation`.

    Returns:
        `[out_steps, out]`.
    """
    taps = packed.reshape(size, values.shape[1], -1)
    rows = _windows(
        offsets, out_offsets, size=size, stride=stride, dilation=dilation, before=before
    )
    padded = np.concatenate([values, np.zeros((1, values.shape[1]))])
    total = np.zeros((len(rows), taps.shape[2]))
    for tap, seen in zip(taps, rows.T, strict=True):
        total += padded[seen] @ tap
    return _rounded(total if bias is None else total + bias)


def max_pool(
    values: Array, offsets: Array, out_offsets: Array, *, width: int, stride: int, before: int
) -> Array:
    """The largest value of each feature in windows as those of `conv`, of real steps only."""
    rows = _windows(offsets, out_offsets, size=width, stride=stride, dilation=1, before=before)
    padded = np.concatenate([values, np.full((1, values.shape[1]), -np.inf)])
    largest = padded[rows[:, 0]]
    for seen in rows.T[1:]:
        largest = np.maximum(largest, padded[seen])
    return _rounded(largest)


def avg_pool(
    values: Array, offsets: Array, out_offsets: Array, *, width: int, stride: int, before: int
) -> Array:
    """The mean of each feature in windows as those of `conv`, of real steps only."""
    rows = _windows(offsets, out_offsets, size=width, stride=stride, dilation=1, before=before)
    padded = np.concatenate([values, np.zeros((1, values.shape[1]))])
    total = np.zeros((len(rows), values.shape[1]))
    for seen in rows.T:
        total += padded[seen]
    return _rounded(total / (rows >= 0).sum(1)[:, None])


def _windows(
    offsets: Array, out_offsets: Array, *, size: int, stride: int, dilation: int, before: int
) -> Array:
    """`[out_steps, size]`, the rows that each window sees; -1 outside its sequence."""
    counts = out_offsets[1:] - out_offsets[:-1]
    first, end = np.repeat(offsets[:-1], counts), np.repeat(offsets[1:], counts)
    begin = first + steps_within(out_offsets) * stride - before
    rows = begin[:, None] + np.arange(size) * dilation
    return np.where((rows >= first[:, None]) & (rows < end[:, None]), rows, -1)


def pack_random_conv(kernel: Array, counts: Sequence[int]) -> list[tuple[int, Array]]:
    """The kernels `[size, in, kernels]` by their dilations 1, 2, 4, ..., `counts` of each."""
    parts = np.split(kernel.astype(np.float64), np.cumsum(counts)[:-1], axis=2)
    return [(2**power, part) for power, part in enumerate(parts)]


@quiet
def random_conv(
    values: Array,
    offsets: Array,
    packed: list[tuple[int, Array]],
    biases: Array,
    *,
    skip: int,
    edge: float,
) -> tuple[Array, Array]:
    """Sums of positive shares and largest responses of random causal convolutions.

    Args:
        values: `[steps, in]`; zeros before the beginning of each sequence.
        offsets: `[n + 1]`.
        packed: from `pack_random_conv`.
        biases: `[kernels]`.
        skip: so many first steps of each sequence are seen, and have no response.
        edge: where a response passes from not positive to positive.

    Returns:
        The sums of `clamp(response / edge + 0.5, 0, 1)`, and the maxima of the responses,
        `[n, kernels]` each.
    """
    out_offsets = offsets_of(offsets[1:] - offsets[:-1] - skip)
    padded = np.concatenate([values, np.zeros((1, values.shape[1]))])
    positive, largest, first = [], [], 0
    for dilation, kernel in packed:  # one dilation at a time, since the responses are many numbers
        size, last = len(kernel), first + kernel.shape[2]
        before = (size - 1) * dilation - skip
        rows = _windows(offsets, out_offsets, size=size, stride=1, dilation=dilation, before=before)
        pairs = zip(rows.T, kernel, strict=True)
        response = sum((padded[seen] @ tap for seen, tap in pairs), biases[first:last])
        shares = np.clip(response / edge + 0.5, 0.0, 1.0)
        positive.append(reduce_steps(np.add, shares, out_offsets, 0.0))
        largest.append(reduce_steps(np.maximum, response, out_offsets, -np.inf))
        first = last
    return _rounded(np.concatenate(positive, 1)), _rounded(np.concatenate(largest, 1))


# -- recurrences --------------------------------------------------------------------------------


class PackedCell(NamedTuple):
    """The weights of a recurrent cell in float64, and its step from the input part of all gates."""

    kernel: Array
    bias: Array
    states: int
    units: int
    step: Callable[[Array, State], State]


def pack_recurrent(cell: str, kernel: Array, recurrent_kernel: Array, bias: Array) -> PackedCell:
    """The weights of a cell in the form that `recurrent` takes.

    Args:
        cell: "lstm", "gru" (the reset gate acts after the product, `bias` [2, 3 * units]),
            "gru_before", "rnn_tanh" or "rnn_relu".
        kernel: `[channel, gates * units]`.
        recurrent_kernel: `[units, gates * units]`.
        bias: `[gates * units]`.
    """
    kernel, weights, bias = (w.astype(np.float64) for w in (kernel, recurrent_kernel, bias))
    input_bias = bias[0] if bias.ndim == 2 else bias
    steps: dict[str, Callable[[Array, State], State]] = {
        "lstm": functools.partial(_lstm, weights),
        "gru": functools.partial(_gru, weights, bias[-1]),
        "gru_before": functools.partial(_gru_before, weights),
        "rnn_tanh": lambda x, state: (np.tanh(x + state[0] @ weights),),
        "rnn_relu": lambda x, state: (np.maximum(x + state[0] @ weights, 0),),
    }
    return PackedCell(kernel, input_bias, 1 + (cell == "lstm"), len(weights), steps[cell])


def _lstm(weights: Array, x: Array, state: State) -> State:
    h, c = state
    i, f, g, o = _gates(x + h @ weights, 4)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def _gru(weights: Array, bias: Array, x: Array, state: State) -> State:
    (h,) = state
    z_x, r_x, n_x = _gates(x, 3)
    z_h, r_h, n_h = _gates(h @ weights + bias, 3)
    z, r = _sigmoid(z_x + z_h), _sigmoid(r_x + r_h)
    return (z * h + (1 - z) * np.tanh(n_x + r * n_h),)


def _gru_before(weights: Array, x: Array, state: State) -> State:
    (h,) = state
    units = len(weights)
    z, r = _gates(_sigmoid(x[:, : 2 * units] + h @ weights[:, : 2 * units]), 2)
    return (z * h + (1 - z) * np.tanh(x[:, 2 * units :] + (r * h) @ weights[:, 2 * units :]),)


def _gates(values: Array, count: int) -> list[Array]:
    """`[n, gates * units]` by gate."""
    units = values.shape[1] // count
    return [values[:, first * units : (first + 1) * units] for first in range(count)]


@quiet
def recurrent(
    packed: PackedCell,
    values: Array,
    offsets: Array,
    state: State | None = None,
    *,
    backward: bool = False,
    out: Array | None = None,
    every: bool = True,
) -> tuple[Array | None, State]:
    """Run a recurrent cell over each sequence.

    Args:
        packed: from `pack_recurrent`.
        values: `[steps, channel]`.
        offsets: `[n + 1]`.
        state: before the first step, `[n, units]` each; `None`: zeros.
        backward: run from each sequence's end to its beginning; the outputs stand at the steps that
            they belong to.
        out: `[steps, units]` float32, where the outputs are written, with any stride of its rows.
        every: whether the outputs of all steps are wanted.

    Returns:
        The outputs `[steps, units]` (`None` without `every`), and the state after the last step
        taken, `[n, units]` each.
    """
    lengths = offsets[1:] - offsets[:-1]
    order = np.argsort(-lengths, kind="stable")
    if state is None:
        states = [np.zeros((len(lengths), packed.units)) for _ in range(packed.states)]
    else:
        states = [part[order].astype(np.float64) for part in state]
    if out is None and every:
        out = np.empty((len(values), packed.units), np.float32)
    projected = values @ packed.kernel + packed.bias
    first, turn = (offsets[1:] - 1, -1) if backward else (offsets[:-1], 1)
    for step in range(lengths.max(initial=0)):
        running = order[: np.count_nonzero(lengths > step)]
        rows, count = first[running] + turn * step, len(running)
        after = packed.step(projected[rows], tuple(part[:count] for part in states))
        if out is not None:
            out[rows] = after[0]
        for part, new in zip(states, after, strict=True):
            part[:count] = new
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return out, tuple(_rounded(part[back]) for part in states)


# -- attention and pooling ----------------------------------------------------------------------


@quiet
def attention(
    q: Array, k: Array, v: Array, q_offsets: Array, k_offsets: Array, *, heads: int, causal: bool
) -> Array:
    """Scaled dot-product attention of each sequence, in several heads.

    Args:
        q: `[q_steps, feature]`, queries.
        k: `[k_steps, feature]`, keys.
        v: `[k_steps, feature]`, values.
        q_offsets: `[n + 1]`, of the queries.
        k_offsets: `[n + 1]`, of keys and values.
        heads: parts of the features that attend separately.
        causal: query i of a sequence with a queries and b keys sees the keys up to b - a + i.

    Returns:
        `[q_steps, feature]`.
    """
    out, size = np.empty_like(q), q.shape[1] // heads
    for number in range(len(q_offsets) - 1):
        own = slice(q_offsets[number], q_offsets[number + 1])
        seen = slice(k_offsets[number], k_offsets[number + 1])
        query, key, value = (
            part.astype(np.float64).reshape(len(part), heads, size).transpose(1, 0, 2)
            for part in (q[own], k[seen], v[seen])
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(size)
        if causal:
            queries, keys = scores.shape[1:]
            hidden = ~np.tri(queries, keys, keys - queries, dtype=bool)
            scores = np.where(hidden, -np.inf, scores)
        out[own] = (_softmax(scores) @ value).transpose(1, 0, 2).reshape(-1, heads * size)
    return out


@quiet
def pool(values: Array, offsets: Array, *, how: str, parts: int) -> Array:
    """The mean or the largest value of each part of each sequence.

    Args:
        values: `[steps, feature]`.
        offsets: `[n + 1]`.
        how: "mean" or "max".
        parts: part k of a sequence of n steps goes from step `floor(k n / parts)` up to, not
            including, `ceil((k + 1) n / parts)`.

    Returns:
        `[n, parts * feature]`, the features of the first part first.
    """
    lengths, number = (offsets[1:] - offsets[:-1])[:, None], np.arange(parts)
    first = offsets[:-1, None] + number * lengths // parts
    end = offsets[:-1, None] - (-(number + 1) * lengths // parts)
    function = np.add if how == "mean" else np.maximum
    # Every other one is what lies between the end of a part and the next.
    padded = np.concatenate([values, np.zeros((1, values.shape[1]))])
    found = function.reduceat(padded, np.stack([first, end], axis=-1).ravel(), axis=0)[::2]
    if how == "mean":
        found /= (end - first).ravel()[:, None]
    return _rounded(found.reshape(len(lengths), -1))


@quiet
def pool_attention(values: Array, offsets: Array, query: Array) -> Array:
    """The mean over steps weighted by `softmax(values @ query / sqrt(feature))`: `[n, feature]`."""
    scores = values @ query.astype(np.float64)[:, None] / math.sqrt(values.shape[1])
    largest = reduce_steps(np.maximum, scores, offsets, 0.0)
    weights = np.exp(scores - np.repeat(largest, offsets[1:] - offsets[:-1], axis=0))
    total = reduce_steps(np.add, weights, offsets, 1.0)
    return _rounded(reduce_steps(np.add, weights * values, offsets, 0.0) / total)


# -- single steps -------------------------------------------------------------------------------


@quiet
def layer_norm(values: Array, gamma: Array, beta: Array, epsilon: float) -> Array:
    """The features of each step less their mean, divided by their deviation."""
    x = values.astype(np.float64)
    x -= x.mean(axis=1, keepdims=True)
    x /= np.sqrt(np.square(x).mean(axis=1, keepdims=True) + epsilon)
    return _rounded(x * gamma + beta)


@quiet
def scale_shift(values: Array, scale: Array, shift: Array) -> Array:
    """`values * scale + shift`, by feature."""
    return _rounded(values * scale.astype(np.float64) + shift)


def embed(tokens: Array, embeddings: Array) -> Array:
    """The vectors `[steps, feature]` of tokens `[steps]`, which must be rows of the embeddings."""
    return embeddings[tokens]


@quiet
def add(values: Sequence[Array]) -> Array:
    """The sum of signals of the same shape."""
    return _rounded(np.asarray(np.sum(list(values), axis=0, dtype=np.float64)))


def concat(values: Sequence[Array]) -> Array:
    """Signals side by side: `[rows, sum of features]`."""
    return np.concatenate(values, axis=1)


@quiet
def activate(kind: str, parameters: tuple[float, ...], values: Array) -> Array:
    """An activation of `[rows, feature]`, by the word that `segue.layers.activations` has for it.

    Args:
        kind: the word.
        parameters: its arguments, such as the slope of "leaky_relu".
        values: `[rows, feature]`.

    >>> activate("leaky_relu", (0.5,), np.array([[-1.0, 2.0]], np.float32))
    array([[-0.5,  2. ]], dtype=float32)
    """
    numbers = (float(np.float32(p)) for p in parameters)
    return _rounded(ACTIVATIONS[kind](values.astype(np.float64), *numbers))


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _softplus(x: Array) -> Array:
    return np.asarray(np.logaddexp(0, x))


def _elu(x: Array) -> Array:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _selu(x: Array) -> Array:
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _gelu(x: Array) -> Array:
    erf = np.asarray(np.frompyfunc(math.erf, 1, 1)(x / math.sqrt(2)), np.float64)
    return x * (1 + erf) / 2


def _hard_sigmoid(x: Array) -> Array:
    return np.clip(x / 6 + 0.5, 0, 1)


def _sparse_plus(x: Array) -> Array:
    return np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x))


def _soft_shrink(x: Array, threshold: float) -> Array:
    return np.asarray(np.sign(x) * np.maximum(np.abs(x) - threshold, 0))


def _softmax(x: Array) -> Array:
    weights = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _log_softmax(x: Array) -> Array:
    x = x - x.max(axis=-1, keepdims=True)
    return np.asarray(x - np.log(np.exp(x).sum(axis=-1, keepdims=True)))


def _sparsemax(x: Array) -> Array:
    largest_first = -np.sort(-x, axis=-1)
    above = largest_first.cumsum(axis=-1) - 1
    rank = np.arange(1, x.shape[-1] + 1)
    kept = np.maximum((rank * largest_first > above).sum(axis=-1, keepdims=True), 1)
    return np.asarray(np.maximum(x - np.take_along_axis(above, kept - 1, axis=-1) / kept, 0))


ACTIVATIONS: dict[str, Callable[..., Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x),
    "elu": _elu,
    "celu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "silu": lambda x: x * _sigmoid(x),
    "swish": lambda x: x * _sigmoid(x),
    "hard_silu": lambda x: x * _hard_sigmoid(x),
    "hard_swish": lambda x: x * _hard_sigmoid(x),
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "softplus": _softplus,
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "sparse_plus": _sparse_plus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanh": np.tanh,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "soft_shrink": _soft_shrink,
    "hard_shrink": lambda x, threshold: np.where(np.abs(x) <= threshold, 0, x),
    "sigmoid": _sigmoid,
    "hard_sigmoid": _hard_sigmoid,
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "log_sigmoid": lambda x: -_softplus(-x),
    "softmax": _softmax,
    "sparsemax": _sparsemax,
    "log_softmax": _log_softmax,
    "exponential": np.exp,
}
