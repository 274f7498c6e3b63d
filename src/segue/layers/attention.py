"""A transformer block: every step looks at the others, then each is worked on by itself.

Vaswani et al., "Attention is all you need", NIPS 2017, with the normalisation before each part as
in Xiong et al., "On layer normalization in the transformer architecture", ICML 2020:

    a = x + attention(norm_1(x))
    y = a + feedforward_2(activation(feedforward_1(norm_2(a))))
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from segue.errors import NotCausalError, SpecError
from segue.kernels.ragged import is_ragged
from segue.layers.activations import Activation
from segue.layers.base import Layer, LayerSpec, Place, Shape
from segue.layers.dense import Dense, DenseLayer
from segue.layers.layernorm import LayerNorm, LayerNormLayer
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Count, Name, Rate


@dataclass(frozen=True)
class Attention(LayerSpec):
    """`attention(heads)`: self-attention and a feed-forward network, each added to its input.

    It does not know the order of the steps: put `position` before it. The normalisation stands
    before each part, so a `layernorm` behind the last block does good.

    Args:
        heads: parts of the features that look around on their own.
        feedforward: features inside the feed-forward network; four times as many as come in unless
            it is given.
        activation: of the feed-forward network.
        dropout: in training, of what each of the two parts adds.
        causal: whether a step sees itself and those before it only.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "attention"
    takes: ClassVar[Literal["sequence"]] = "sequence"

    heads: Count
    feedforward: Count | None = None
    activation: Activation = "gelu"
    dropout: Rate = 0.0
    causal: bool = False
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        features = place.shape.features
        if features % self.heads:
            raise SpecError(
                f"{place.name} has {self.heads} heads, and {features} features do not part into so "
                f"many. Put a layer of a multiple of {self.heads} before it, such as "
                f"dense({self.heads * 16})."
            )
        return AttentionLayer(self, place)


Cache = tuple[Tensor, Tensor]  # keys and values so far, [batch, head, time, feature]


class AttentionLayer(Layer):
    """The block's module.

    Weights: `kernel` and `bias` of each of `query`, `key`, `value`, `output`, `feedforward_1` and
    `feedforward_2`, as in `query/kernel`; `norm_1/gamma`, `norm_1/beta`, and so of `norm_2`.
    """

    def __init__(self, spec: Attention, place: Place) -> None:
        super().__init__(place.name, replace(place.shape, backward=None))
        features = place.shape.features
        inside = spec.feedforward or 4 * features
        self.heads, self.dropout = spec.heads, spec.dropout
        self.causal = spec.causal
        self.norm_1, self.norm_2 = _norm(place, "norm_1"), _norm(place, "norm_2")
        self.query = _dense(place, "query", Dense(features))
        self.key = _dense(place, "key", Dense(features))
        self.value = _dense(place, "value", Dense(features))
        self.output = _dense(place, "output", Dense(features))
        self.feedforward_1 = _dense(place, "feedforward_1", Dense(inside, spec.activation))
        self.feedforward_2 = _dense(place, "feedforward_2", Dense(features), inside)

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        values = x.filled(0.0)
        seen = self._look(self.norm_1(values), _visible(x, causal=self.causal))
        values = values + self._drop(seen, draws, "attention")
        worked = self._work(self.norm_2(values))
        return x._replace(values=values + self._drop(worked, draws, "feedforward"))

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
        seen = functional.scaled_dot_product_attention(query, keys, values)
        x_t = x_t + self._join(seen)[:, 0]
        return x_t + self._work(self.norm_2(x_t)), (keys, values)

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
        seen = functional.scaled_dot_product_attention(query, keys, known, attn_mask=visible)
        values = values + self._drop(self._join(seen), draws, "attention")
        worked = self._work(self.norm_2(values))
        return x._replace(values=values + self._drop(worked, draws, "feedforward")), (keys, known)

    def not_causal(self) -> NotCausalError:
        return NotCausalError(
            f"{self.name} looks at the whole sequence, so it cannot go step by step; with "
            "causal=true it can."
        )

    def _look(self, x: Tensor, visible: Tensor | None) -> Tensor:
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

    def _work(self, x: Tensor) -> Tensor:
        worked: Tensor = self.feedforward_2(self.feedforward_1(x))
        return worked

    def _drop(self, x: Tensor, draws: Draws | None, part: str) -> Tensor:
        if draws is None or not self.dropout:
            return x
        place = (self.name, part, draws.first) if draws.first else (self.name, part)
        return x * draws.keep_mask(tuple(x.shape), self.dropout, x, *place)

    def activation_size(self, time: int) -> int:
        features, inside = self.shape.features, self.feedforward_1.shape.features
        return time * (9 * features + 2 * inside + self.heads * time)


def _visible(x: Padded, *, causal: bool) -> Tensor | None:
    """`[batch, 1, query or 1, key]`, true where a key may be looked at; `None` for no other limit.

    Padding lies behind all real steps, so what looks back only never meets it.
    """
    if causal or not is_ragged(x.values, x.lengths):
        return None
    return x.mask()[:, None, None, :]


def _dense(place: Place, part: str, spec: Dense, features: int | None = None) -> DenseLayer:
    return DenseLayer(spec, _within(place, part, features))


def _norm(place: Place, part: str) -> LayerNormLayer:
    return LayerNormLayer(LayerNorm(), _within(place, part, None))


def _within(place: Place, part: str, features: int | None) -> Place:
    return replace(place.within(part), shape=Shape(features or place.shape.features))
