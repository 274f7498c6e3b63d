"""Module of `rdst`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from segue.kernels.reference_features import LEAST_VARIANCE
from segue.layers.rdst import Shapelets
from segue.modules.untrained import FeaturesLayer
from segue.prepare.padded import Padded


class RDSTLayer(FeaturesLayer):
    """Weights, not trained: `shapelet` [size, channel, shapelet], `threshold` [shapelet]."""

    shapelet: Tensor
    threshold: Tensor

    def features(self, x: Padded) -> Tensor:
        groups = self.spec.groups(self._context.shape)
        # Gradients are small differences of large numbers; where there is no float64, so be it.
        exact = torch.float32 if x.values.device.type == "mps" else torch.float64
        given = x._replace(values=x.values.to(exact))
        found = [self._compared(given, group) for group in groups]
        return torch.cat(found, dim=2).flatten(1).to(x.values)

    def _compared(self, x: Padded, group: Shapelets) -> Tensor:
        """`[batch, 3, shapelet]`, as `segue.kernels.reference.rdst`."""
        windows = self._windows(x, group)
        shapelets = self.shapelet[:, :, group.own]
        far = (windows[:, :, :, :, None] - shapelets).abs().sum((2, 3))  # [batch, window, shapelet]
        count = torch.clamp(x.lengths - (len(shapelets) - 1) * group.dilation, min=1)
        there = (torch.arange(far.shape[1], device=far.device) < count[:, None])[:, :, None]
        far = torch.where(there, far, torch.inf)
        nearest = far.min(1)
        shares = count[:, None].to(far)
        place = (nearest.indices + 1) / shares
        near = (far < self.threshold[group.own]).sum(1) / shares
        return torch.stack([nearest.values, place, near], 1)

    def _windows(self, x: Padded, group: Shapelets) -> Tensor:
        """`[batch, window, size, channel]`, those that are there first."""
        size = self.shapelet.shape[0]
        reach = (size - 1) * group.dilation
        padded = functional.pad(x.filled(0.0), (0, 0, 0, max(0, reach + 1 - x.values.shape[1])))
        count = padded.shape[1] - reach
        taps = [padded[:, tap * group.dilation :][:, :count] for tap in range(size)]
        windows = torch.stack(taps, 2)
        if not group.normalized:
            return windows
        values = windows - windows[:, :, :1]
        values = values - values.mean(2, keepdim=True)
        variance = values.square().mean(2, keepdim=True)
        return values / torch.sqrt(variance + LEAST_VARIANCE)
