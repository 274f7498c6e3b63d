"""Module of `attention`, a transformer block."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from segue.kernels.cells import is_ragged
from segue.layers.attention import Attention
from segue.layers.base import BuildContext
from segue.modules.base import SpecLayer, drop
from segue.modules.core import DenseLayer, LayerNormLayer
from segue.prepare.padded import Padded
from segue.randomness import Draws

Cache = tuple[Tensor, Tensor]  # keys and values so far, [batch, head, time, feature]


class AttentionLayer(SpecLayer):
    """The block's module.

    Weights: `kernel` and `bias` of each of `query`, `key`, `value`, `output`, `feedforward_1` and
    `feedforward_2`, as in `query/kernel`; `norm_1/gamma`, `norm_1/beta`, and so of `norm_2`.
    """

    norm_1: LayerNormLayer
    norm_2: LayerNormLayer
    query: DenseLayer
    key: DenseLayer
    value: DenseLayer
    output: DenseLayer
    feedforward_1: DenseLayer
    feedforward_2: DenseLayer

    def __init__(self, spec: Attention, context: BuildContext) -> None:
        super().__init__(spec, context)
        for part, (layer, inner) in spec.parts(context).items():
            self.add_module(part, layer.build(inner))

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        visible: dict[str, Any] = {"is_causal": self.causal}
        # Padding lies behind all real steps, so causal attention never meets it.
        if not self.causal and is_ragged(x.values, x.lengths):
            visible = {"attn_mask": x.mask()[:, None, None, :]}  # [batch, head, query, key]
        return x._replace(values=self._block(x.filled(0.0), draws, None, visible)[0])

    def initial_state(self, batch: int) -> Cache:
        """No keys and values yet; each step adds one of each, so a stream grows with its steps."""
        size = (batch, self.spec.heads, 0, self.shape.features // self.spec.heads)
        nothing = self.query.kernel.new_zeros(size)
        return nothing, nothing

    def step(self, x_t: Tensor, state: Cache) -> tuple[Tensor, Cache]:
        if not self.causal:
            raise self.not_causal()
        values, state = self._block(x_t[:, None], None, state, {})
        return values[:, 0], state

    def forward_from(
        self, x: Padded, state: Cache, draws: Draws | None = None
    ) -> tuple[Padded, Cache]:
        known, time = state[0].shape[2], x.values.shape[1]
        steps = torch.ones(time, known + time, dtype=torch.bool, device=x.values.device)
        mask = {"attn_mask": steps.tril(known)}
        values, state = self._block(x.filled(0.0), draws, state, mask)
        return x._replace(values=values), state

    def _block(
        self, values: Tensor, draws: Draws | None, past: Cache | None, visible: dict[str, Any]
    ) -> tuple[Tensor, Cache]:
        """Both parts on `[batch, time, feature]`, and the keys and values after these steps."""
        rate = self.spec.dropout
        attended, cache = self._attend(self.norm_1(values), past, visible)
        values = values + drop(attended, rate, draws, self.name, "attention")
        fed = self.feedforward_2(self.feedforward_1(self.norm_2(values)))
        return values + drop(fed, rate, draws, self.name, "feedforward"), cache

    def _attend(
        self, x: Tensor, past: Cache | None, visible: dict[str, Any]
    ) -> tuple[Tensor, Cache]:
        """Multi-head attention, and the keys and values after these steps.

        Args:
            x: `[batch, time, feature]`.
            past: the keys and values of earlier steps.
            visible: arguments of PyTorch's attention: which keys each query can see.
        """
        query, key, value = (
            part(x).unflatten(-1, (self.spec.heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        heads = functional.scaled_dot_product_attention(query, key, value, **visible)
        return self.output(heads.transpose(1, 2).flatten(2)), (key, value)
