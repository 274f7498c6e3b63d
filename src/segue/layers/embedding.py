"""Vectors for tokens and for positions: `embedding`, and `position`, which is added to features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from segue.errors import SpecError
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.spec import Alias, Aliases, Count, Name


@dataclass(frozen=True)
class Embedding(LayerSpec, kind="embedding", input_kind="tokens"):
    """`embedding(features)`: tokens `[time, 1]` become learnt vectors `[time, features]`.

    Args:
        features: the size of each vector.
        tokens: the number of different tokens, if more than the training data has.
        name: the layer's own name.
    """

    aliases: ClassVar[Aliases] = {"output_dim": Alias("features"), "input_dim": Alias("tokens")}

    features: Count
    tokens: Count | None = None
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        self.rows(context)
        return context.shape.with_features(self.features)

    def rows(self, context: BuildContext) -> int:
        """The number of vectors; raise `SpecError` if the data has more tokens."""
        found = context.shape.tokens or 0
        tokens = self.tokens or found
        if tokens < found:
            raise SpecError(
                f"{context.name} has tokens={tokens}, but the data has {found} of them: the "
                f"largest is {found - 1}."
            )
        return tokens

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        name = source.attribute(context.name)
        size = f"{self.rows(context)}, {self.features}"
        source.modules.append(f"self.{name} = nn.Embedding({size})")
        source.steps.append(f"x = self.{name}(x[:, :, 0].long())")
        weights = f'weights["{context.name}/embeddings"]'
        source.copies.append(f"model.{name}.weight.copy_(torch.as_tensor({weights}))")


@dataclass(frozen=True)
class Position(LayerSpec, kind="position", input_kind="sequence"):
    """`position`: adds a vector that encodes a step's position, counted from the first real step.

    Args:
        how: "sinusoidal", for sequences of any length (Vaswani et al., "Attention is all you
            need", NIPS 2017, section 3.5), or "learnt", a vector for each position.
        longest: of learnt ones, the number of positions; needed unless all sequences have one
            length.
        name: the layer's own name.
    """

    how: Literal["sinusoidal", "learnt"] = "sinusoidal"
    longest: Count | None = None
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        if self.how == "learnt":
            self.rows(context)
        return context.shape

    def rows(self, context: BuildContext) -> int:
        """The number of learnt positions; raise `SpecError` where neither spec nor data has it."""
        longest = self.longest or context.shape.length
        if longest is None:
            raise SpecError(
                f"{context.name} learns a vector for each position: give the number of positions, "
                "as in position(learnt, longest=500), or use position, which has no limit."
            )
        return longest
