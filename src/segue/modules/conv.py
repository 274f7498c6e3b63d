"""Modules of `conv`, `maxpool` and `random_conv`."""

from __future__ import annotations

import abc
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from segue.layers.activations import ACTIVATIONS
from segue.layers.base import BuildContext
from segue.layers.conv import (
    EDGE,
    Conv,
    ConvInference,
    MaxPool,
    RandomConv,
    RandomConvInference,
)
from segue.modules.activations import activate
from segue.modules.base import PieceLayer
from segue.prepare.padded import Padded
from segue.randomness import Draws


def slide(
    x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int = 1, dilation: int = 1
) -> Tensor:
    """The convolution of the windows that lie wholly inside `[batch, time, in]`.

    Computed as an image of height one in channels-last layout: on the CPU this takes half the time
    of `conv1d`, and nothing has to be transposed.

    Args:
        x: `[batch, time, in]`.
        kernel: `[kernel_size, in, out]`.
        bias: `[out]`.
        stride: steps from one window to the next.
        dilation: steps from one tap of a window to the next.
    """
    image = x.transpose(1, 2).unsqueeze(2)
    weight = kernel.permute(2, 1, 0).unsqueeze(2).contiguous()
    values = functional.conv2d(image, weight, bias, (1, stride), 0, (1, dilation))
    return values.squeeze(2).transpose(1, 2)


class WindowLayer(PieceLayer):
    """A function of windows along time; its state is the steps before the first one.

    Class attributes:
        padding: the value before and after each sequence.
    """

    padding: ClassVar[float] = 0.0

    def __init__(self, spec: Conv | MaxPool, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.windows, self.channels = spec.windows, context.shape.features
        self.reach = spec.windows.span - 1
        self.activation = ACTIVATIONS["linear"]

    @abc.abstractmethod
    def slide(self, x: Tensor) -> Tensor:
        """The output of the windows that lie wholly inside `[batch, time, in]`."""

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded | Tensor:
        values, windows = x.filled(self.padding), self.windows
        if windows.span > 1:
            around = (0, 0, windows.before, windows.after)
            values = functional.pad(values, around, value=self.padding)
        output = Padded(self.slide(values), windows.lengths(x.lengths))
        return activate(self.activation, output)

    def initial_state(self, batch: int) -> Tensor:
        """The steps before the first one, `[batch, span - 1, in]`."""
        like = next(self.parameters(), torch.empty(0))
        return like.new_full((batch, self.windows.span - 1, self.channels), self.padding)

    def forward_from(
        self, x: Padded, state: Tensor, draws: Draws | None = None
    ) -> tuple[Padded | Tensor, Tensor]:
        seen = torch.cat([state.to(x.values), x.filled(self.padding)], dim=1)
        output = activate(self.activation, Padded(self.slide(seen), x.lengths))
        return output, seen[:, seen.shape[1] - state.shape[1] :]


class ConvLayer(WindowLayer):
    """Weights: `kernel` [kernel_size, in, filters], `bias` [filters]."""

    kernel: Tensor
    bias: Tensor | None

    def __init__(self, spec: Conv, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.add_weights(ConvInference, context)
        if not spec.bias:
            self.register_parameter("bias", None)
        self.activation = ACTIVATIONS[spec.activation]

    def slide(self, x: Tensor) -> Tensor:
        return slide(x, self.kernel, self.bias, self.windows.stride, self.windows.dilation)


class MaxPoolLayer(WindowLayer):
    """No weights."""

    padding = -torch.inf

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        output = super().forward(x)
        assert isinstance(output, Padded)
        # Windows that begin beyond the end hold nothing but -infinity.
        return output._replace(values=output.filled(0.0))

    def slide(self, x: Tensor) -> Tensor:
        # An image of height one, as in `slide`: nothing has to be transposed.
        image = x.transpose(1, 2).unsqueeze(2)
        size, stride = (1, self.windows.width), (1, self.windows.stride)
        return functional.max_pool2d(image, size, stride).squeeze(2).transpose(1, 2)


class RandomConvLayer(PieceLayer):
    """Weights, not trained: `kernel` [kernel_size, in, kernels], `bias` [kernels].

    The kernels are sorted by dilation.
    """

    is_fixed = True
    kernel: Tensor
    bias: Tensor

    def __init__(self, spec: RandomConv, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.counts = spec.kernels_by_dilation(context.shape)
        self.reach = (spec.kernel_size - 1) << (len(self.counts) - 1)
        self.add_weights(RandomConvInference, context)

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor, Tensor, int]:
        """Earlier steps, sums of positive shares, largest responses, and the number of steps."""
        zeros = self.kernel.new_zeros(batch, len(self.bias))
        before = self.kernel.new_zeros(batch, self.reach, self.kernel.shape[1])
        return before, zeros, zeros - torch.inf, 0

    def forward_from(
        self, x: Padded, state: tuple[Tensor, Tensor, Tensor, int], draws: Draws | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, int]]:
        before, positive, largest, count = state
        seen, time = torch.cat([before, x.filled(0.0)], dim=1), x.values.shape[1]
        kernels = torch.split(self.kernel, self.counts, 2)
        biases = torch.split(self.bias, self.counts)
        shares, highest = [], []
        for power, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
            windows = seen[:, seen.shape[1] - time - (len(kernel) - 1) * 2**power :]
            response = slide(windows, kernel, bias, dilation=2**power)
            share = torch.clamp(response / EDGE + 0.5, 0.0, 1.0)
            shares.append(Padded(share, x.lengths).filled(0.0).sum(1))
            highest.append(Padded(response, x.lengths).filled(-torch.inf).amax(1))
        positive = positive + torch.cat(shares, dim=1)
        largest = torch.maximum(largest, torch.cat(highest, dim=1))
        features = torch.cat([positive / (count + x.lengths[:, None]), largest], dim=1)
        return features, (seen[:, seen.shape[1] - self.reach :], positive, largest, count + time)
