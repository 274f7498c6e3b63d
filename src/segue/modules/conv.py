"""Modules of `conv`, `maxpool` and `random_conv`."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from segue.errors import NotCausalError
from segue.layers.activations import ACTIVATIONS
from segue.layers.base import BuildContext
from segue.layers.conv import Conv, MaxPool, RandomConv, Windows
from segue.modules.activations import activate, function_of
from segue.modules.base import Layer, glorot_uniform
from segue.padded import Padded
from segue.randomness import Draws


def _pad(x: Tensor, windows: Windows, value: float) -> Tensor:
    """Add a value before and after `[batch, time, feature]`, so that all windows fit."""
    if windows.span == 1:
        return x
    return functional.pad(x, (0, 0, windows.before, windows.after), value=value)


class ConvLayer(Layer):
    """Weights: `kernel` [kernel_size, in, filters], `bias` [filters]."""

    def __init__(self, spec: Conv, context: BuildContext) -> None:
        super().__init__(context.name, spec.output_shape(context))
        self.windows, self.causal = spec.windows, spec.is_causal
        size = (spec.kernel_size, context.shape.features, spec.filters)
        self.kernel = glorot_uniform(size, context.generator("kernel"))
        self.bias = nn.Parameter(torch.zeros(spec.filters)) if spec.bias else None
        self.activation = ACTIVATIONS[spec.activation]

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded | Tensor:
        values = self._multiply(_pad(x.filled(0.0), self.windows, 0.0))
        return activate(self.activation, Padded(values, self.windows.lengths(x.lengths)))

    def initial_state(self, batch: int) -> Tensor:
        """The steps before the first one, `[batch, span - 1, in]`."""
        return self.kernel.new_zeros(batch, self.windows.span - 1, self.kernel.shape[1])

    def forward_from(
        self, x: Padded, state: Tensor, draws: Draws | None = None
    ) -> tuple[Padded | Tensor, Tensor]:
        if not self.causal:
            raise self.not_causal()
        seen = torch.cat([state, x.filled(0.0)], dim=1)
        values = activate(self.activation, Padded(self._multiply(seen), x.lengths))
        return values, seen[:, seen.shape[1] - state.shape[1] :]

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        if not self.causal:
            raise self.not_causal()
        seen = torch.cat([state, x_t[:, None]], dim=1)
        return function_of(self.activation)(self._multiply(seen)[:, 0]), seen[:, 1:]

    def _multiply(self, x: Tensor) -> Tensor:
        """Windows of `[batch, time, in]` that lie wholly inside.

        Computed as an image of height one in channels-last layout: on the CPU this takes half the
        time of `conv1d`, and nothing has to be transposed.
        """
        image = x.transpose(1, 2).unsqueeze(2)
        kernel = self.kernel.permute(2, 1, 0).unsqueeze(2).contiguous()
        stride, dilation = (1, self.windows.stride), (1, self.windows.dilation)
        values = functional.conv2d(image, kernel, self.bias, stride, 0, dilation)
        return values.squeeze(2).transpose(1, 2)

    def not_causal(self) -> NotCausalError:
        return NotCausalError(self.windows.refusal(self.name))

    def activation_size(self, time: int) -> int:
        return (self.kernel.shape[1] + 2 * self.shape.features) * time


class MaxPoolLayer(Layer):
    """No weights."""

    def __init__(self, spec: MaxPool, context: BuildContext) -> None:
        super().__init__(context.name, spec.output_shape(context))
        self.windows, self.causal = spec.windows, spec.is_causal

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        values = _pad(x.filled(-torch.inf), self.windows, -torch.inf)
        # An image of height one, as in conv: nothing has to be transposed.
        image = values.transpose(1, 2).unsqueeze(2)
        size, stride = (1, self.windows.width), (1, self.windows.stride)
        largest = functional.max_pool2d(image, size, stride).squeeze(2).transpose(1, 2)
        # Windows that begin beyond the end hold nothing but -infinity.
        lengths = self.windows.lengths(x.lengths)
        return Padded(Padded(largest, lengths).filled(0.0), lengths)

    def initial_state(self, batch: int) -> Tensor:
        """The steps before the first one, `[batch, width - 1, feature]`."""
        return torch.full((batch, self.windows.span - 1, self.shape.features), -torch.inf)

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        if not self.causal:
            raise self.not_causal()
        seen = torch.cat([state.to(x_t), x_t[:, None]], dim=1)
        return seen.amax(1), seen[:, 1:]

    def not_causal(self) -> NotCausalError:
        return NotCausalError(self.windows.refusal(self.name))


# Where a response passes from not positive to positive. A sharp edge would turn the rounding of one
# sum into another feature; across a soft one nothing jumps.
_EDGE = 0.1


class RandomConvLayer(Layer):
    """Weights, not trained: `kernel` [kernel_size, in, kernels], `bias` [kernels].

    The kernels are sorted by dilation.
    """

    is_fixed = True
    kernel: Tensor
    bias: Tensor

    def __init__(self, spec: RandomConv, context: BuildContext) -> None:
        super().__init__(context.name, spec.output_shape(context))
        self.counts = spec.kernels_by_dilation(context.shape)
        size = (spec.kernel_size, context.shape.features, spec.kernels)
        self.register_buffer("kernel", _kernels(size, context.generator("kernel")))
        bias = torch.empty(spec.kernels).uniform_(-1, 1, generator=context.generator("bias"))
        self.register_buffer("bias", bias)

    @property
    def memory(self) -> int:
        """Earlier steps that the widest kernel sees."""
        return (len(self.kernel) - 1) << (len(self.counts) - 1)

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        return self._features(
            *self._responses_of(x, self._zeros(len(x.values))), x.lengths[:, None]
        )

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor, Tensor, int]:
        """Earlier steps, sums of positive shares, largest responses, and the number of steps."""
        zeros = self.kernel.new_zeros(batch, len(self.bias))
        return self._zeros(batch), zeros, zeros - torch.inf, 0

    def forward_from(
        self, x: Padded, state: tuple[Tensor, Tensor, Tensor, int], draws: Draws | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, int]]:
        before, positive, largest, count = state
        more, highest = self._responses_of(x, before)
        positive, largest = positive + more, torch.maximum(largest, highest)
        seen = torch.cat([before, x.filled(0.0)], dim=1)
        kept = seen[:, seen.shape[1] - self.memory :]
        features = self._features(positive, largest, count + x.lengths[:, None])
        return features, (kept, positive, largest, count + x.values.shape[1])

    def step(
        self, x_t: Tensor, state: tuple[Tensor, Tensor, Tensor, int]
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, int]]:
        one = torch.ones(len(x_t), dtype=torch.int64, device=x_t.device)
        return self.forward_from(Padded(x_t[:, None], one), state)

    def activation_size(self, time: int) -> int:
        return 4 * time * max(self.counts)

    def _zeros(self, batch: int) -> Tensor:
        return self.kernel.new_zeros(batch, self.memory, self.kernel.shape[1])

    def _features(self, positive: Tensor, largest: Tensor, count: Tensor) -> Tensor:
        return torch.cat([positive / count, largest], dim=1)

    def _responses_of(self, x: Padded, before: Tensor) -> tuple[Tensor, Tensor]:
        """Sums of the positive shares, and the largest responses, `[batch, kernels]` each."""
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
            # An image of height one, as in conv: nothing has to be transposed.
            image = seen[:, seen.shape[1] - time - span :].transpose(1, 2).unsqueeze(2)
            weight = kernel.permute(2, 1, 0).unsqueeze(2).contiguous()
            response = functional.conv2d(image, weight, bias, dilation=(1, 2**power))
            yield response.squeeze(2).transpose(1, 2)


def _kernels(size: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """Normal weights, centred over the taps; channels that a kernel does not see have zeros."""
    _, channels, kernels = size
    weights = torch.empty(size).normal_(generator=generator)
    weights = weights - weights.mean(0)
    power = torch.rand(kernels, generator=generator) * math.log2(channels + 1)
    wanted = torch.floor(2**power).clamp(1, channels)
    order = torch.rand(kernels, channels, generator=generator).argsort(1).argsort(1)
    return weights * (order < wanted[:, None]).t()
