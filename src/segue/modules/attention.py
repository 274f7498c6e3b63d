"""Module of `attention`, a transformer block."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from segue.errors import NotCausalError
from segue.kernels.ragged import is_ragged
from segue.layers.attention import Attention
from segue.layers.base import BuildContext, Shape
from segue.layers.dense import Dense
from segue.layers.normalization import LayerNorm
from segue.modules.base import Layer
from segue.modules.dense import DenseLayer
from segue.modules.normalization import LayerNormLayer
from segue.padded import Padded
from segue.randomness import Draws

Cache = tuple[Tensor, Tensor]  # keys and values so far, [batch, head, time, feature]


class AttentionLayer(Layer):
    """The block's module.

    Weights: `kernel` and `bias` of each of `query`, `key`, `value`, `output`, `feedforward_1` and
    `feedforward_2`, as in `query/kernel`; `norm_1/gamma`, `norm_1/beta`, and so of `norm_2`.
    """

    def __init__(self, spec: Attention, context: BuildContext) -> None:
        super().__init__(context.name, spec.output_shape(context))
        features = context.shape.features
        inside = spec.feedforward or 4 * features
        self.heads, self.dropout = spec.heads, spec.dropout
        self.causal = spec.causal
        self.norm_1, self.norm_2 = _norm(context, "norm_1"), _norm(context, "norm_2")
        self.query = _dense(context, "query", Dense(features))
        self.key = _dense(context, "key", Dense(features))
        self.value = _dense(context, "value", Dense(features))
        self.output = _dense(context, "output", Dense(features))
        self.feedforward_1 = _dense(context, "feedforward_1", Dense(inside, spec.activation))
        self.feedforward_2 = _dense(context, "feedforward_2", Dense(features), inside)

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        values = x.filled(0.0)
        attended = self._attend(self.norm_1(values), _visible(x, causal=self.causal))
        values = values + self._drop(attended, draws, "attention")
        fed = self._feed_forward(self.norm_2(values))
        return x._replace(values=values + self._drop(fed, draws, "feedforward"))

    def initial_state(self, batch: int) -> Cache:
        """No keys and values yet; each step adds one of each, so a stream grows with its steps."""
        size = (batch, self.heads, 0, self.shape.features // self.heads)
        nothing = self.query.kernel.new_zeros(size)
        return nothing, nothing

    def step(self, x_t: Tensor, state: Cache) -> tuple[Tensor, Cache]:
        if not self.causal:
            raise self.not_causal()
        query, key, value = self._project(self.norm_1(x_t[:, None]))
        keys, values = torch.cat([state[0], key], dim=2), torch.cat([state[1], value], dim=2)
        attended = functional.scaled_dot_product_attention(query, keys, values)
        x_t = x_t + self._join(attended)[:, 0]
        return x_t + self._feed_forward(self.norm_2(x_t)), (keys, values)

    def forward_from(
        self, x: Padded, state: Cache, draws: Draws | None = None
    ) -> tuple[Padded, Cache]:
        if not self.causal:
            raise self.not_causal()
        values = x.filled(0.0)
        query, key, value = self._project(self.norm_1(values))
        keys, known = torch.cat([state[0], key], dim=2), torch.cat([state[1], value], dim=2)
        size = (query.shape[2], keys.shape[2])
        visible = torch.ones(size, dtype=torch.bool, device=keys.device).tril(state[0].shape[2])
        attended = functional.scaled_dot_product_attention(query, keys, known, attn_mask=visible)
        values = values + self._drop(self._join(attended), draws, "attention")
        fed = self._feed_forward(self.norm_2(values))
        return x._replace(values=values + self._drop(fed, draws, "feedforward")), (keys, known)

    def not_causal(self) -> NotCausalError:
        return NotCausalError(
            f"{self.name} looks at the whole sequence, so it cannot go step by step; with "
            "causal=true it can."
        )

    def _attend(self, x: Tensor, visible: Tensor | None) -> Tensor:
        """Multi-head attention of `[batch, time, feature]` to itself."""
        query, key, value = self._project(x)
        alone = visible is None and self.causal
        return self._join(
            functional.scaled_dot_product_attention(
                query, key, value, attn_mask=visible, is_causal=alone
            )
        )

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, `[batch, head, time, feature]` each."""
        query, key, value = (
            part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        return query, key, value

    def _join(self, heads: Tensor) -> Tensor:
        joined: Tensor = self.output(heads.transpose(1, 2).flatten(2))
        return joined

    def _feed_forward(self, x: Tensor) -> Tensor:
        fed: Tensor = self.feedforward_2(self.feedforward_1(x))
        return fed

    def _drop(self, x: Tensor, draws: Draws | None, part: str) -> Tensor:
        if draws is None or not self.dropout:
            return x
        path = (self.name, part, draws.first) if draws.first else (self.name, part)
        return x * draws.keep_mask(tuple(x.shape), self.dropout, x, *path)

    def activation_size(self, time: int) -> int:
        features, inside = self.shape.features, self.feedforward_1.shape.features
        return time * (9 * features + 2 * inside + self.heads * time)


def _visible(x: Padded, *, causal: bool) -> Tensor | None:
    """`[batch, 1, query or 1, key]`, true where a key is visible; `None` for no limit.

    Padding lies behind all real steps, so causal attention never meets it.
    """
    if causal or not is_ragged(x.values, x.lengths):
        return None
    return x.mask()[:, None, None, :]


def _dense(
    context: BuildContext, part: str, spec: Dense, features: int | None = None
) -> DenseLayer:
    return DenseLayer(spec, _within(context, part, features))


def _norm(context: BuildContext, part: str) -> LayerNormLayer:
    return LayerNormLayer(LayerNorm(), _within(context, part, None))


def _within(context: BuildContext, part: str, features: int | None) -> BuildContext:
    return replace(context.within(part), shape=Shape(features or context.shape.features))
