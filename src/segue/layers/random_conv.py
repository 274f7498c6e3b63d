"""Many random convolutions that are not trained, each told by two numbers of its own.

Dempster, Petitjean & Webb, "ROCKET: exceptionally fast and accurate time series classification
using random convolutional kernels", Data Mining and Knowledge Discovery 34, 2020.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from segue.layers.base import Layer, LayerSpec, Place
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Count, Name

# Where a response passes from not positive to positive. A sharp edge would turn the rounding of one
# sum into another answer; across a soft one nothing jumps.
_EDGE = 0.1
_LONGEST = 256  # where neither the data nor the user say how far kernels are to reach


@dataclass(frozen=True)
class RandomConv(LayerSpec):
    """`random_conv(kernels)`: ends the sequence in two features for each random kernel.

    They are the share of steps at which the kernel's response is positive, and its largest
    response. Kernels are drawn once, from the seed, and are not trained: their weights from a
    normal distribution, less their mean, their biases evenly from -1 to 1, so the input should be
    standardized; their dilations are powers of two, equally many kernels of each, and of several
    channels each kernel sees some. Each looks back only, so that a sequence can be followed step by
    step.

    Against the paper all kernels have one width, look at the steps before their own, and "positive"
    has an edge of a tenth.

    Args:
        kernels: how many.
        width: taps of each.
        longest: steps that the widest kernels may span; the length of the sequences if they have
            one, else 256.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "random_conv"
    takes: ClassVar[Literal["sequence"]] = "sequence"

    kernels: Count
    width: Count = 9
    longest: Count | None = None
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        return RandomConvLayer(self, place)


class RandomConvLayer(Layer):
    """Weights, not trained: `kernel` [width, in, kernels], `bias` [kernels], by rising dilation."""

    is_fixed = True
    kernel: Tensor
    bias: Tensor

    def __init__(self, spec: RandomConv, place: Place) -> None:
        super().__init__(place.name, place.shape.ended(2 * spec.kernels))
        longest = spec.longest or place.shape.length or _LONGEST
        self.counts = split_by_dilation(spec.kernels, spec.width, longest)
        size = (spec.width, place.shape.features, spec.kernels)
        self.register_buffer("kernel", _kernels(size, place.generator("kernel")))
        bias = torch.empty(spec.kernels).uniform_(-1, 1, generator=place.generator("bias"))
        self.register_buffer("bias", bias)

    @property
    def memory(self) -> int:
        """Steps before its own that the widest kernel sees."""
        return (len(self.kernel) - 1) << (len(self.counts) - 1)

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        return self._told(*self._look(x, self._nothing(len(x.values))), x.lengths[:, None])

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor, Tensor, int]:
        """The steps before, the sums of what was positive, the largest responses, the steps."""
        zeros = self.kernel.new_zeros(batch, len(self.bias))
        return self._nothing(batch), zeros, zeros - torch.inf, 0

    def forward_from(
        self, x: Padded, state: tuple[Tensor, Tensor, Tensor, int], draws: Draws | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, int]]:
        before, positive, largest, count = state
        more, highest = self._look(x, before)
        positive, largest = positive + more, torch.maximum(largest, highest)
        seen = torch.cat([before, x.filled(0.0)], dim=1)
        kept = seen[:, seen.shape[1] - self.memory :]
        told = self._told(positive, largest, count + x.lengths[:, None])
        return told, (kept, positive, largest, count + x.values.shape[1])

    def step(
        self, x_t: Tensor, state: tuple[Tensor, Tensor, Tensor, int]
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, int]]:
        one = torch.ones(len(x_t), dtype=torch.int64, device=x_t.device)
        return self.forward_from(Padded(x_t[:, None], one), state)

    def activation_size(self, time: int) -> int:
        return 4 * time * max(self.counts)

    def _nothing(self, batch: int) -> Tensor:
        return self.kernel.new_zeros(batch, self.memory, self.kernel.shape[1])

    def _told(self, positive: Tensor, largest: Tensor, count: Tensor) -> Tensor:
        return torch.cat([positive / count, largest], dim=1)

    def _look(self, x: Padded, before: Tensor) -> tuple[Tensor, Tensor]:
        """Sums of what is positive, and the largest responses, `[batch, kernels]` each."""
        seen = torch.cat([before, x.filled(0.0)], dim=1)
        positive, largest = [], []
        for response in self._responses(seen, x.values.shape[1]):
            share = torch.clamp(response / _EDGE + 0.5, 0.0, 1.0)
            positive.append(Padded(share, x.lengths).filled(0.0).sum(1))
            largest.append(Padded(response, x.lengths).filled(-torch.inf).amax(1))
        return torch.cat(positive, dim=1), torch.cat(largest, dim=1)

    def _responses(self, seen: Tensor, time: int) -> Iterator[Tensor]:
        """`[batch, time, some kernels]` for each dilation, of `[batch, memory + time, in]`."""
        kernels = torch.split(self.kernel, self.counts, dim=2)
        biases = torch.split(self.bias, self.counts)
        for power, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
            span = (len(kernel) - 1) * 2**power
            # A picture of height one, as in conv: nothing has to be turned.
            picture = seen[:, seen.shape[1] - time - span :].transpose(1, 2).unsqueeze(2)
            weight = kernel.permute(2, 1, 0).unsqueeze(2).contiguous()
            response = functional.conv2d(picture, weight, bias, dilation=(1, 2**power))
            yield response.squeeze(2).transpose(1, 2)


def split_by_dilation(kernels: int, width: int, longest: int) -> list[int]:
    """Return how many kernels have the dilations 1, 2, 4, ...; none spans more than `longest`.

    >>> split_by_dilation(10, 9, 50)
    [4, 3, 3]
    """
    reach = max(1, longest - 1) // max(1, width - 1)
    groups = min(kernels, max(1, math.floor(math.log2(max(1, reach))) + 1))
    return [len(range(first, kernels, groups)) for first in range(groups)]


def _kernels(size: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """Normal weights, centred over the taps; channels that a kernel does not see have zeros."""
    _, channels, kernels = size
    weights = torch.empty(size).normal_(generator=generator)
    weights = weights - weights.mean(0)
    power = torch.rand(kernels, generator=generator) * math.log2(channels + 1)
    wanted = torch.floor(2**power).clamp(1, channels)
    order = torch.rand(kernels, channels, generator=generator).argsort(1).argsort(1)
    return weights * (order < wanted[:, None]).t()
