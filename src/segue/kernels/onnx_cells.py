"""The recurrent cells as operators of ONNX, whose order of gates and biases are others.

Source: the operators LSTM, GRU and RNN of https://onnx.ai/onnx/operators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.onnx_graph import Value

# Of segue's gates, in the order of ONNX: input, output, forget, cell; update, reset, candidate.
_ORDER = {"lstm": (0, 3, 1, 2), "gru": (0, 1, 2), "rnn": (0,)}


def write_cell(
    cell: str,
    x: Value,
    weights: Mapping[str, Array],
    *,
    lengths: Value | None,
    states: Sequence[Value],
    backward: bool = False,
) -> tuple[Value, list[Value]]:
    """Add one direction of a recurrent layer to a graph.

    Args:
        cell: as in `segue.kernels.reference.pack_recurrent`.
        x: `[batch, time, channel]`.
        weights: `kernel`, `recurrent_kernel` and `bias`.
        lengths: `[batch]` int64; `None`: all have the time axis's.
        states: before the first step, `[batch, units]` each; none: zeros.
        backward: run from each sequence's end to its beginning.

    Returns:
        The outputs at every step `[batch, time, units]`, with zeros behind the ends, and the states
        after the last step taken.
    """
    graph, kind = x.graph, cell.partition("_")[0]
    units = len(weights["recurrent_kernel"])
    inputs: list[Value | None] = [
        x.transpose(1, 0, 2),
        *(graph.constant(array[None], np.float32) for array in _arranged(kind, weights)),
        None if lengths is None else lengths.cast(np.int32),
        *(state.unsqueeze(0) for state in states),
    ]
    attributes: dict[str, Any] = {"hidden_size": units}
    if backward:
        attributes["direction"] = "reverse"
    if kind == "gru":
        attributes["linear_before_reset"] = int(cell == "gru")
    if cell == "rnn_relu":
        attributes["activations"] = ["Relu"]
    count = 3 if kind == "lstm" else 2
    every, *ends = graph.node(kind.upper(), *inputs, dtypes=[np.float32] * count, **attributes)
    return every.squeeze(1).transpose(1, 0, 2), [end.squeeze(0) for end in ends]


def _arranged(kind: str, weights: Mapping[str, Array]) -> list[Array]:
    """`[gates * units, channel]`, `[gates * units, units]` and `[2 * gates * units]`."""
    kernels = [_reordered(kind, weights[name].T) for name in ("kernel", "recurrent_kernel")]
    bias = weights["bias"]
    both = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    return [*kernels, np.concatenate([_reordered(kind, part) for part in both])]


def _reordered(kind: str, rows: Array) -> Array:
    gates = np.split(rows, len(_ORDER[kind]))
    return np.concatenate([gates[number] for number in _ORDER[kind]])
