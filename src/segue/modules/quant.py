"""Module of `quant`."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from segue.layers.quant import SMOOTHED
from segue.modules.untrained import FeaturesLayer, differences
from segue.prepare.padded import Padded


class QuantLayer(FeaturesLayer):
    """No weights."""

    def features(self, x: Padded) -> Tensor:
        shape = self.spec.intervals(self._context.shape)
        found = [
            interval_quantiles(signal, interval)
            for signal, intervals in zip(_representations(x), shape, strict=True)
            for interval in intervals.tolist()
        ]
        return torch.cat(found, dim=2).flatten(1)


def _representations(x: Padded) -> Iterator[Padded]:
    """As `segue.layers.quant.representations`."""
    change = differences(x)
    yield x
    yield _smoothed(change)
    yield differences(change)
    yield _spectrum(x)


def _smoothed(x: Padded) -> Padded:
    last, half = x.lengths[:, None] - 1, SMOOTHED // 2
    time = torch.arange(x.values.shape[1], device=x.lengths.device)
    around = (torch.minimum((time + step).clamp(min=0), last) for step in range(-half, half + 1))
    total = sum(_taken(x.values, steps) for steps in around)
    return x._replace(values=torch.as_tensor(total) / SMOOTHED)


def _spectrum(x: Padded) -> Padded:
    values, lengths = x.filled(0.0), x.lengths // 2 + 1
    size = (len(values), int(lengths.max()), values.shape[2])
    found = values.new_zeros(size)
    for length in torch.unique(x.lengths).tolist():
        rows = torch.nonzero(x.lengths == length)[:, 0]
        amplitudes = torch.fft.rfft(values[rows, :length], dim=1).abs()
        found = found.index_put((rows[:, None], torch.arange(length // 2 + 1)), amplitudes)
    return Padded(found, lengths)


def interval_quantiles(x: Padded, interval: list[int]) -> Tensor:
    """`[batch, feature, quantiles]` of an interval, as `segue.kernels.reference.quantiles`."""
    parts, number, shifted, count = interval
    lengths = x.lengths
    shift = (lengths + 2 * parts - 1) // (2 * parts) if shifted else torch.zeros_like(lengths)
    first = torch.minimum(number * lengths // parts + shift, lengths - 1)
    end = torch.minimum((number + 1) * lengths // parts + shift, lengths)
    last = torch.maximum(end, first + 1) - first - 1  # counted from the first step
    time = torch.arange(int(last.max()) + 1, device=lengths.device)
    inside = (time <= last[:, None])[:, :, None]
    own = _taken(x.values, first[:, None] + torch.minimum(time, last[:, None]))
    ordered = torch.where(inside, own, torch.inf).sort(dim=1).values
    between = 2 if count == 1 else count - 1
    numbers = torch.arange(count, device=lengths.device) + (count == 1)
    place = numbers * last[:, None]
    low = place // between
    share = (place % between).to(own.dtype) / between
    below = _taken(ordered, low)
    above = _taken(ordered, torch.minimum(low + 1, last[:, None]))
    spread = below + (above - below) * share[:, :, None]
    mean = torch.where(inside, own, 0.0).sum(1, keepdim=True) / (last + 1)[:, None, None]
    odd = (torch.arange(count, device=lengths.device) % 2 == 1)[:, None]
    return torch.where(odd, spread - mean, spread).transpose(1, 2)


def _taken(values: Tensor, steps: Tensor) -> Tensor:
    """Steps `[batch, chosen]` of `[batch, time, feature]`."""
    return values.gather(1, steps[:, :, None].expand(-1, -1, values.shape[2]))
