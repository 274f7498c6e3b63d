"""Modules that end the sequence in many features and are not trained."""

from __future__ import annotations

import abc
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from segue.kernels import forward, reference
from segue.kernels.reference_features import MIDDLE, TAPS
from segue.layers.base import BuildContext
from segue.modules.base import SpecLayer
from segue.modules.inference import as_ragged
from segue.prepare.padded import Padded
from segue.randomness import Draws


class FeaturesLayer(SpecLayer, abc.ABC):
    """Features of whole sequences; each sequence is taken by its own length.

    On a processor the native library computes them, where there is no gradient of the input.
    """

    is_fixed = True
    keeps_steps = False

    def __init__(self, spec: Any, context: BuildContext) -> None:
        super().__init__(spec, context)
        self._context = context
        self.add_weights(spec.inference, context)

    @abc.abstractmethod
    def features(self, x: Padded) -> Tensor:
        """`[batch, feature]`."""

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        if not _can_be_native(x.values):
            return self.features(x)
        weights = {name: tensor.numpy() for name, tensor in self.weights().items()}
        layer = self.spec.inference_layer(self._context, weights)
        return torch.from_numpy(layer(as_ragged(x)))


def _can_be_native(values: Tensor) -> bool:
    if forward.is_torch() or forward.backend() is reference:
        return False
    needs_gradient = values.requires_grad and torch.is_grad_enabled()
    return values.device.type == "cpu" and values.dtype == torch.float32 and not needs_gradient


def differences(x: Padded) -> Padded:
    """What each step is more than the one before it; of a sequence of one step, one zero.

    >>> differences(Padded(torch.tensor([[[1.0], [4.0]], [[9.0], [0.0]]]), torch.tensor([2, 1])))[0]
    tensor([[[3.]],
    <BLANKLINE>
            [[0.]]])
    """
    values, lengths = x.filled(0.0), torch.clamp(x.lengths - 1, min=1)
    if values.shape[1] == 1:
        return Padded(torch.zeros_like(values), lengths)
    alone = (x.lengths == 1)[:, None, None]
    return Padded(torch.where(alone, 0.0, values[:, 1:] - values[:, :-1]), lengths)


def tap_differences(signal: Tensor, dilation: int) -> Tensor:
    """`[9, batch, time, signal]`, what the taps around each step are more than it.

    Args:
        signal: `[batch, time, signal]`, zeros behind each end.
        dilation: steps from one tap to the next.
    """
    reach, time = MIDDLE * dilation, signal.shape[1]
    padded = functional.pad(signal, (0, 0, reach, reach))
    seen = [padded[:, tap * dilation : tap * dilation + time] for tap in range(TAPS)]
    return torch.stack(seen) - signal
