"""Modules of the activations, `glu` and `prelu`."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from segue.expressions import function_of_x, parsed
from segue.layers.activations import ActivationSpec, PReLU, PReLUInference
from segue.layers.base import BuildContext
from segue.modules.base import PointwiseLayer, each_step
from segue.prepare.padded import Padded


def sparsemax(x: Tensor) -> Tensor:
    """The nearest point whose coordinates are not negative and have the sum 1.

    Martins & Astudillo, "From softmax to sparsemax", ICML 2016, algorithm 1, over the last axis.

    >>> sparsemax(torch.tensor([0.1, 1.2, 1.0]))
    tensor([0.0000, 0.6000, 0.4000])
    """
    largest_first = x.sort(dim=-1, descending=True).values
    rank = torch.arange(1, x.shape[-1] + 1, device=x.device, dtype=x.dtype)
    above = largest_first.cumsum(-1) - 1
    kept = (rank * largest_first > above).sum(-1, keepdim=True).clamp(min=1)  # NaN stays NaN
    return torch.relu(x - above.gather(-1, kept - 1) / kept)


@functools.cache
def function_of(spec: ActivationSpec) -> Callable[[Tensor], Tensor]:
    """An activation as a function of a tensor whose last axis is the features.

    The expression of the table is evaluated, so that exported source computes the same.
    """
    names = {"torch": torch, "functional": functional, "sparsemax": sparsemax}
    return function_of_x(parsed(spec.expression, "eval").body, names)


def activate(spec: ActivationSpec, x: Padded | Tensor) -> Padded | Tensor:
    """Apply an activation at every step of a sequence, or to the whole."""
    if isinstance(x, Padded) and spec.overflows:
        x = x._replace(values=x.filled(0.0))
    return x if spec.kind == "linear" else each_step(function_of(spec), x)


class ActivationLayer(PointwiseLayer):
    """No weights, no state."""

    def __init__(self, spec: ActivationSpec, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.activation, self.overflows = spec, spec.overflows

    def transform(self, x: Tensor) -> Tensor:
        return function_of(self.activation)(x)


class GLULayer(PointwiseLayer):
    """No weights, no state."""

    def transform(self, x: Tensor) -> Tensor:
        return functional.glu(x)


class PReLULayer(PointwiseLayer):
    """Weights: `alpha` [feature]."""

    alpha: Tensor

    def __init__(self, spec: PReLU, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.add_weights(PReLUInference, context)

    def transform(self, x: Tensor) -> Tensor:
        return torch.where(x < 0, self.alpha * x, x)
