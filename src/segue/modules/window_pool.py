"""Modules of `maxpool` and `avgpool`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from segue.modules.windows import WindowLayer
from segue.prepare.padded import Padded
from segue.randomness import Draws


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


class AvgPoolLayer(WindowLayer):
    """No weights."""

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        output, windows = super().forward(x), self.windows
        assert isinstance(output, Padded)
        begin = torch.arange(output.values.shape[1], device=x.lengths.device) * windows.stride
        begin = begin - windows.before
        end = torch.minimum(begin + windows.width, x.lengths[:, None])  # [batch, window]
        real = (end - begin.clamp(min=0)).clamp(min=1)
        return output._replace(values=output.values * (windows.width / real)[:, :, None])

    def slide(self, x: Tensor) -> Tensor:
        image = x.transpose(1, 2).unsqueeze(2)
        size, stride = (1, self.windows.width), (1, self.windows.stride)
        return functional.avg_pool2d(image, size, stride).squeeze(2).transpose(1, 2)
