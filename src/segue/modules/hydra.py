"""Module of `hydra`."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from segue.modules.untrained import FeaturesLayer, differences, tap_differences
from segue.prepare.padded import Padded


class HydraLayer(FeaturesLayer):
    """Weights, not trained: `kernel` [9, dilation, group, kernel].

    Of several channels also `channels` [channel, dilation, group].
    """

    kernel: Tensor
    channels: Tensor

    def features(self, x: Padded) -> Tensor:
        dilations = self.spec.dilations(self._context.shape)
        found = [
            count
            for signal, groups in self._signals(x)
            for number, dilation in enumerate(dilations)
            for count in self._counts(signal, groups, number, dilation)
        ]
        return torch.cat(found, dim=1)

    def _signals(self, x: Padded) -> Iterator[tuple[Padded, slice]]:
        """As those of `segue.layers.hydra.HydraInference`."""
        half = self.spec.groups - self.spec.groups // 2
        yield x, slice(0, half)
        if half < self.spec.groups:
            yield differences(x), slice(half, self.spec.groups)

    def _counts(
        self, x: Padded, groups: slice, number: int, dilation: int
    ) -> tuple[Tensor, Tensor]:
        """`[batch, feature]`: what the largest responses are, and how often one is the least."""
        signal = x.filled(0.0)
        if self.inputs > 1:
            signal = signal @ self.channels[:, number, groups]
        kernel = self.kernel[:, number, groups]
        taps = tap_differences(signal, dilation).expand(-1, -1, -1, kernel.shape[1])
        response = torch.einsum("ibtg,igk->btgk", taps, kernel)
        real = x.mask()[:, :, None, None]
        numbers = torch.arange(kernel.shape[2], device=response.device)
        wins = (response.argmax(3, keepdim=True) == numbers) & real
        most = torch.where(wins, response, 0.0).sum(1)
        least = ((response.argmin(3, keepdim=True) == numbers) & real).to(most).sum(1)
        return _root_mean(most, x.lengths), _root_mean(least, x.lengths)


def _root_mean(total: Tensor, lengths: Tensor) -> Tensor:
    """`sqrt(total / lengths)`, 0 below 0, flat: the gradient is finite there."""
    some = total > 0
    roots = torch.sqrt(torch.where(some, total, 1.0) / lengths[:, None, None])
    return torch.where(some, roots, 0.0).flatten(1)
