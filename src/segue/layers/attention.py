"""`attention`: a transformer block of self-attention and a feed-forward network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from segue.errors import SpecError
from segue.layers.activations import Activation
from segue.layers.base import BuildContext, LayerSpec, Shape
from segue.spec import Alias, Aliases, Count, Name, Rate


@dataclass(frozen=True)
class Attention(LayerSpec, kind="attention", input_kind="sequence"):
    """`attention(heads)`: self-attention and a feed-forward network, each added to its input.

        a = x + attention(norm_1(x))
        y = a + feedforward_2(activation(feedforward_1(norm_2(a))))

    It does not know the order of the steps: put `position` before it. The normalisation stands
    before each part, so a `layernorm` after the last block helps. Vaswani et al., "Attention is all
    you need", NIPS 2017; Xiong et al., "On layer normalization in the transformer architecture",
    ICML 2020.

    Args:
        heads: parts of the features that attend separately.
        feedforward: features inside the feed-forward network; four times the input's unless given.
        activation: of the feed-forward network.
        dropout: in training, of what each of the two parts adds.
        causal: whether a step attends to itself and earlier ones only.
        name: the layer's own name.
    """

    aliases: ClassVar[Aliases] = {"num_heads": Alias("heads")}

    heads: Count
    feedforward: Count | None = None
    activation: Activation = "gelu"
    dropout: Rate = 0.0
    causal: bool = False
    name: Name | None = None

    @property
    def is_causal(self) -> bool:
        return self.causal

    def output_shape(self, context: BuildContext) -> Shape:
        features = context.shape.features
        if features % self.heads:
            raise SpecError(
                f"{context.name} has {self.heads} heads, and {features} features do not part into "
                f"so many. Put a layer of a multiple of {self.heads} before it, such as "
                f"dense({self.heads * 16})."
            )
        return replace(context.shape, backward=None)
