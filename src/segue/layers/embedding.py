"""A learnt vector for each token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from segue.errors import DataError, SpecError
from segue.layers.base import Layer, LayerSpec, Place
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Count, Name


@dataclass(frozen=True)
class Embedding(LayerSpec):
    """`embedding(features)`: tokens `[time, 1]` become vectors `[time, features]`.

    Args:
        features: the size of each vector.
        tokens: how many different tokens there are, if more than the training data shows.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "embedding"
    takes: ClassVar[Literal["tokens"]] = "tokens"

    features: Count
    tokens: Count | None = None
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        return EmbeddingLayer(self, place)


class EmbeddingLayer(Layer):
    """Weights: `embeddings` [tokens, features], uniform within 0.05 at first, as in Keras."""

    def __init__(self, spec: Embedding, place: Place) -> None:
        seen = place.shape.tokens or 0
        tokens = spec.tokens or seen
        if tokens < seen:
            raise SpecError(
                f"{place.name} has tokens={tokens}, but the data has {seen} of them: the largest "
                f"is {seen - 1}."
            )
        super().__init__(place.name, place.shape.with_features(spec.features))
        values = torch.empty(tokens, spec.features)
        values.uniform_(-0.05, 0.05, generator=place.generator("embeddings"))
        self.embeddings = nn.Parameter(values)

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        tokens = torch.where(x.mask(), x.values[:, :, 0], 0)
        return x._replace(values=self._look_up(tokens))

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return self._look_up(x_t[:, 0]), None

    def _look_up(self, tokens: Tensor) -> Tensor:
        low, high = int(tokens.min()), int(tokens.max())
        if low < 0 or high >= len(self.embeddings):
            raise DataError(
                f"{self.name} knows the tokens 0 to {len(self.embeddings) - 1}; "
                f"got {low if low < 0 else high}."
            )
        return nn.functional.embedding(tokens.long(), self.embeddings)
