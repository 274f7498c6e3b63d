"""The activations in ONNX graphs: a row for each word of `segue.layers.activations`."""

from __future__ import annotations

import math
from collections.abc import Callable

from segue.onnx_graph import Value, largest


def _selu(x: Value) -> Value:
    return x.op("Selu", alpha=1.6732632423543772, gamma=1.0507009873554805)


def _silu(x: Value) -> Value:
    return x * x.op("Sigmoid")


def _hard_sigmoid(x: Value) -> Value:
    return (x / 6 + 0.5).clip(0, 1)


def _hard_silu(x: Value) -> Value:
    return x * _hard_sigmoid(x)


def _softplus(x: Value) -> Value:
    """ONNX Runtime's own operator loses digits far below 0."""
    return largest(x, 0) + ((-x.op("Abs")).op("Exp") + 1).op("Log")


def _sparse_plus(x: Value) -> Value:
    parabola = (x + 1) * (x + 1) / 4
    return (x <= -1).where(0, (x < 1).where(parabola, x))


def _soft_shrink(x: Value, threshold: float) -> Value:
    return x.op("Sign") * largest(x.op("Abs") - threshold, 0)


def _sparsemax(x: Value) -> Value:
    graph, axis = x.graph, x.graph.constant(-1, "int64")
    order = x.op("Shape", dtype="int64").slice(-1, 2**31, 0)  # as many as there are features
    found, _ = graph.node("TopK", x, order, dtypes=[x.dtype, "int64"], axis=-1)
    above = found.op("CumSum", axis) - 1
    rank = graph.range(order) + 1
    kept = (found * rank.cast(x.dtype) > above).cast("int64").sum(-1, keepdims=True)
    kept = largest(kept, 1)
    return largest(x - above.take_along(kept - 1, -1) / kept.cast(x.dtype), 0)


ONNX: dict[str, Callable[..., Value]] = {
    "linear": lambda x: x,
    "relu": lambda x: x.op("Relu"),
    "relu6": lambda x: x.clip(0, 6),
    "leaky_relu": lambda x, slope: x.op("LeakyRelu", alpha=slope),
    "elu": lambda x: x.op("Elu"),
    "celu": lambda x: x.op("Elu"),
    "selu": _selu,
    "gelu": lambda x: x * ((x / math.sqrt(2)).op("Erf") + 1) / 2,
    "silu": _silu,
    "swish": _silu,
    "hard_silu": _hard_silu,
    "hard_swish": _hard_silu,
    "mish": lambda x: x * _softplus(x).op("Tanh"),
    "softplus": _softplus,
    "squareplus": lambda x: (x + (x * x + 4).op("Sqrt")) / 2,
    "sparse_plus": _sparse_plus,
    "softsign": lambda x: x / (x.op("Abs") + 1),
    "tanh": lambda x: x.op("Tanh"),
    "hard_tanh": lambda x: x.clip(-1, 1),
    "tanh_shrink": lambda x: x - x.op("Tanh"),
    "soft_shrink": _soft_shrink,
    "hard_shrink": lambda x, threshold: (x.op("Abs") <= threshold).where(0, x),
    "sigmoid": lambda x: x.op("Sigmoid"),
    "hard_sigmoid": _hard_sigmoid,
    "sparse_sigmoid": lambda x: ((x + 1) / 2).clip(0, 1),
    "log_sigmoid": lambda x: -_softplus(-x),
    "softmax": lambda x: x.softmax(),
    "sparsemax": _sparsemax,
    "log_softmax": lambda x: x.op("LogSoftmax", axis=-1),
    "exponential": lambda x: x.op("Exp"),
}
