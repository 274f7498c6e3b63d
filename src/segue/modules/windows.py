"""The base of the modules with windows along time."""

from __future__ import annotations

import abc
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from segue.layers.activations import ACTIVATIONS
from segue.layers.base import BuildContext
from segue.layers.windows import WindowSpec, check_lengths
from segue.modules.activations import activate
from segue.modules.base import PieceLayer
from segue.prepare.padded import Padded
from segue.randomness import Draws


def slide(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    stride: int = 1,
    dilation: int = 1,
    *,
    groups: int = 1,
) -> Tensor:
    """The convolution of the windows that lie wholly inside `[batch, time, in]`.

    Computed as an image of height one in channels-last layout: on the CPU this takes half the time
    of `conv1d`, and nothing has to be transposed.

    Args:
        x: `[batch, time, in]`.
        kernel: `[kernel_size, in / groups, out]`.
        bias: `[out]`.
        stride: steps from one window to the next.
        dilation: steps from one tap of a window to the next.
        groups: of features that share no weights; each has its own share of the outputs.
    """
    image = x.transpose(1, 2).unsqueeze(2)
    weight = kernel.permute(2, 1, 0).unsqueeze(2).contiguous()
    values = functional.conv2d(image, weight, bias, (1, stride), 0, (1, dilation), groups)
    return values.squeeze(2).transpose(1, 2)


class WindowLayer(PieceLayer):
    """A function of windows along time; its state is the steps before the first one.

    Class attributes:
        padding: the value before and after each sequence.
    """

    padding: ClassVar[float] = 0.0

    def __init__(self, spec: WindowSpec, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.windows, self.channels = spec.windows, context.shape.features
        self.reach = spec.windows.span - 1
        self.activation = ACTIVATIONS["linear"]

    @abc.abstractmethod
    def slide(self, x: Tensor) -> Tensor:
        """The output of the windows that lie wholly inside `[batch, time, in]`."""

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded | Tensor:
        values, windows = x.filled(self.padding), self.windows
        check_lengths(self.name, windows, x.lengths)
        if any(windows.padding):
            around = (0, 0, *windows.padding)
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
