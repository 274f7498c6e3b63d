"""Predictions through PyTorch: of layers that have no other form, and on graphics processors.

Sequences are padded for the module, and the padding is taken off behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from segue.data.sequences import Array
from segue.kernels.ragged import Directions, Ragged
from segue.layers.base import BuildContext
from segue.layers.inference import InferenceLayer, WeightShapes
from segue.modules.base import Layer
from segue.modules.network import TorchNetwork
from segue.prepare.padded import Padded


def as_torch(signal: Any, device: torch.device | str = "cpu") -> Any:
    """A ragged signal, an array or a state, as PyTorch's modules take it."""
    if isinstance(signal, Ragged):
        values, lengths = signal.to_padded()
        static = None if signal.static is None else torch.from_numpy(signal.static).to(device)
        return Padded(
            torch.from_numpy(values).to(device), torch.from_numpy(lengths).to(device), static
        )
    if isinstance(signal, Directions):
        return Directions(*(as_torch(one, device) for one in signal))
    return torch.from_numpy(np.ascontiguousarray(signal)).to(device)


def as_ragged(signal: Any) -> Any:
    """The reverse of `as_torch`."""
    if isinstance(signal, Padded):
        lengths = signal.lengths.cpu().numpy()
        return Ragged.from_padded(signal.values.detach().cpu().numpy(), lengths)
    if isinstance(signal, Directions):
        return Directions(*(as_ragged(one) for one in signal))
    return signal.detach().cpu().numpy()


@torch.no_grad()
def answer(module: TorchNetwork, x: Ragged) -> Any:
    """Logits `[n, class]`, or `Ragged` `[steps, class]`, of the module where it lies."""
    return as_ragged(module(as_torch(x, next(module.parameters()).device)))


class TorchInference(InferenceLayer):
    """A layer without a form of its own for prediction: its module of PyTorch.

    Args:
        spec, context: of the layer.
        weights: by name.
    """

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        return {name: tuple(w.shape) for name, w in spec.build(context).weights().items()}

    @classmethod
    def initial_weights(cls, spec: Any, context: BuildContext) -> dict[str, Array]:
        weights = spec.build(context).weights().items()
        return {name: w.detach().cpu().numpy().copy() for name, w in weights}

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self.module: Layer = spec.build(context)
        for name, tensor in self.module.weights().items():
            tensor.detach().copy_(torch.from_numpy(np.array(weights[name])))
        self.module.eval()
        self.causal, self.shape = self.module.causal, self.module.shape
        self.token_weights = self.module.token_weights
        found = self.module.weights().items()
        self.fixed = [name for name, w in found if not isinstance(w, torch.nn.Parameter)]

    @torch.no_grad()
    def __call__(self, x: Any) -> Any:
        return as_ragged(self.module(as_torch(x)))

    def initial_state(self, count: int) -> Any:
        return self.module.initial_state(count)

    @torch.no_grad()
    def step(self, x_t: Array, state: Any) -> tuple[Array, Any]:
        y_t, state = self.module.step(as_torch(x_t), state)
        return as_ragged(y_t), state

    @torch.no_grad()
    def forward_from(self, x: Any, state: Any) -> tuple[Any, Any]:
        y, state = self.module.forward_from(as_torch(x), state)
        return as_ragged(y), state

    @torch.no_grad()
    def prefix_outputs(self, x: Ragged) -> Ragged:
        found: Ragged = as_ragged(self.module.prefix_outputs(as_torch(x)))
        return found

    @torch.no_grad()
    def last_output(self, x: Ragged) -> Array:
        found: Array = as_ragged(self.module.last_output(as_torch(x)))
        return found
