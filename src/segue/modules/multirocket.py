"""Module of `multirocket`."""

from __future__ import annotations

import torch
from torch import Tensor

from segue.kernels.reference_features import HEAVY, MIDDLE
from segue.layers.multirocket import KERNELS, Dilation
from segue.modules.untrained import FeaturesLayer, differences, tap_differences
from segue.prepare.padded import Padded


class MultiRocketLayer(FeaturesLayer):
    """Weights, not trained: `bias` [bias], of several channels `channels` too."""

    bias: Tensor
    channels: Tensor

    def features(self, x: Padded) -> Tensor:
        plan = self.spec.plan(self._context.shape)
        found = [
            self._pooled(signal, one)
            for signal, dilations in zip((x, differences(x)), plan, strict=True)
            for one in dilations
        ]
        return torch.cat([part.flatten(2) for part in found], dim=2).flatten(1)

    def _pooled(self, x: Padded, one: Dilation) -> Tensor:
        """`[batch, 4, 84, count]`, as `segue.kernels.reference.multirocket`."""
        signal = x.filled(0.0)
        if self.inputs > 1:
            signal = signal @ self.channels[:, one.channels]
        taps = tap_differences(signal, one.steps).expand(-1, -1, -1, KERNELS)
        numbers = torch.arange(KERNELS, device=signal.device)
        heavy = torch.from_numpy(HEAVY).to(signal.device)
        triples = torch.stack([taps[tap, :, :, numbers] for tap in heavy.T]).sum(0)  # [84, b, t]
        response = 3 * triples.permute(1, 2, 0) - taps.sum(0)
        more = response[:, :, :, None] - self.bias[one.biases].reshape(KERNELS, one.each)
        return pool_excess(more, *_windows(x.lengths, numbers, one))


def _windows(lengths: Tensor, numbers: Tensor, one: Dilation) -> tuple[Tensor, Tensor]:
    """The first step with a response that counts, and their number, `[batch, 84]` each."""
    reach = MIDDLE * one.steps
    within = ((numbers + one.phase) % 2 == 1) & (lengths[:, None] > 2 * reach)
    first = torch.where(within, reach, 0)
    return first, lengths[:, None] - 2 * first


def pool_excess(more: Tensor, first: Tensor, steps: Tensor) -> Tensor:
    """Four numbers of what responses are above a bias.

    Args:
        more: `[batch, time, kernel, bias]`.
        first: `[batch, kernel]`, the step with the first that counts.
        steps: `[batch, kernel]`, how many count.

    Returns:
        `[batch, 4, kernel, bias]`: their share above 0, the longest run of such, the mean of them,
        and the mean of their places.
    """
    time = torch.arange(more.shape[1], device=more.device)
    place = (time[:, None] - first[:, None] + 1)[:, :, :, None]  # from 1 on
    above = (more > 0) & (place > 0) & (place <= steps[:, None, :, None])
    count = above.sum(1)
    passed, all_steps = count.clamp(min=1), steps[:, :, None]
    below = torch.where(above, 0, place).cummax(1).values
    longest = (place - below).amax(1)
    mean = torch.where(above, more, 0.0).sum(1) / passed
    places = (above * place).sum(1).to(more) / passed / all_steps
    return torch.stack([count.to(more) / all_steps, longest.to(more) / all_steps, mean, places], 1)
