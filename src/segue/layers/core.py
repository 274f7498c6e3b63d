"""Layers of single steps: fully connected, dropout, vectors for tokens, normalisations.

`dense` and `dropout`; `embedding` has vectors for tokens, and `position` vectors that are added to
features; `batchnorm` normalises over the steps of a batch, `layernorm` over a step's features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import pydantic

from segue.errors import SpecError
from segue.layers.activations import ACTIVATIONS, Activation
from segue.layers.base import BuildContext, LayerSpec, PointwiseSpec, Shape, TorchSource
from segue.spec import Alias, Aliases, Count, Name, Rate


@dataclass(frozen=True)
class Dense(LayerSpec, kind="dense", input_kind="either", is_causal=True):
    """`dense(units, activation=linear)`: `activation(x @ kernel + bias)`.

    On a sequence it acts on each step, as Keras's `TimeDistributed(Dense(...))` does.

    Args:
        units: features of the output.
        activation: linear unless it is given.
        bias: whether there is one.
        name: the layer's own name.
    """

    aliases: ClassVar[Aliases] = {"use_bias": Alias("bias")}

    units: Count
    activation: Activation = "linear"
    bias: bool = True
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        return context.shape.with_features(self.units)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        name, bias = source.attribute(context.name), "" if self.bias else ", bias=False"
        size = f"{context.shape.features}, {self.units}"
        source.modules.append(f"self.{name} = nn.Linear({size}{bias})")
        source.steps.append(f"x = self.{name}(x)")
        if self.activation != "linear":
            ACTIVATIONS[self.activation].write_torch(source, context)
        source.copies.append(f'copy_linear(model.{name}, weights, "{context.name}/")')
        source.helpers.add("copy_linear")


@dataclass(frozen=True)
class Dropout(PointwiseSpec, kind="dropout"):
    """`dropout(rate)`: in training each value becomes 0 with probability `rate`, the rest grow.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", Journal
    of Machine Learning Research 15, 2014.
    """

    rate: Rate
    name: Name | None = None

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        name = source.attribute(context.name)
        source.modules.append(f"self.{name} = nn.Dropout({self.rate})")
        source.steps.append(f"x = self.{name}(x)")


@dataclass(frozen=True)
class Embedding(LayerSpec, kind="embedding", input_kind="tokens", is_causal=True):
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
class Position(LayerSpec, kind="position", input_kind="sequence", is_causal=True):
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


Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class BatchNorm(PointwiseSpec, kind="batchnorm"):
    """`batchnorm`: each feature less its mean, divided by its standard deviation, times gamma.

    In training, mean and variance are those of all real steps of the batch; padding does not count.
    At prediction they are moving averages of the training batches. Ioffe & Szegedy, "Batch
    normalization: accelerating deep network training by reducing internal covariate shift", ICML
    2015.

    Args:
        momentum: how much of a moving average stays at each update. 0.9, PyTorch's choice, follows
            the last ten batches or so; Keras's 0.99 has hardly left its first values where a small
            data set makes a hundred updates.
        epsilon: added to the variance, as in Keras.
        gamma: initial value of every gamma. With small ones in front of very many features, an
            optimizer's first steps do not throw their sum far off.
        name: the layer's own name.
    """

    momentum: Rate = 0.9
    epsilon: Positive = 1e-3
    gamma: Positive = 1.0
    name: Name | None = None


@dataclass(frozen=True)
class LayerNorm(PointwiseSpec, kind="layernorm"):
    """`layernorm`: the features of each step less their mean, divided by their deviation.

    Ba, Kiros & Hinton, "Layer normalization", 2016.

    Args:
        epsilon: added to the variance, as in Keras.
        name: the layer's own name.
    """

    epsilon: Positive = 1e-3
    name: Name | None = None
