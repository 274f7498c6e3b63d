"""Module of `trees`."""

from __future__ import annotations

import torch
from torch import Tensor

from segue.layers.base import BuildContext
from segue.layers.trees import Trees, TreesInference
from segue.modules.base import PointwiseLayer


class TreesLayer(PointwiseLayer):
    """Weights: as of `TreesInference`; its gradient is zero wherever there is one."""

    feature: Tensor
    threshold: Tensor
    below: Tensor
    leaf: Tensor

    def __init__(self, spec: Trees, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.add_weights(TreesInference, context)

    def transform(self, x: Tensor) -> Tensor:
        trees, feature, next_below = self.spec.trees, self.feature.long(), self.below.long()
        node = torch.arange(trees, device=x.device).expand(*x.shape[:-1], trees)
        below = next_below[node]
        while (below >= 0).any():
            above = x.gather(-1, feature[node]) > self.threshold[node]
            node = torch.where(below >= 0, below + above, node)
            below = next_below[node]
        shares = self.leaf[-1 - below].mean(-2)
        smooth: Tensor = (trees * shares + 1 / self.leaf.shape[1]) / (trees + 1)
        return smooth.log() + 0 * x.sum(-1, keepdim=True)
