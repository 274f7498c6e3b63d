"""Module of `random_conv`."""

from __future__ import annotations

import torch
from torch import Tensor

from segue.layers.base import BuildContext
from segue.layers.random_conv import EDGE, RandomConv, RandomConvInference
from segue.modules.base import PieceLayer
from segue.modules.windows import slide
from segue.prepare.padded import Padded
from segue.randomness import Draws


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
