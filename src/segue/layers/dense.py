"""`dense`, a fully connected layer, and `dropout`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from segue.layers.activations import ACTIVATIONS, Activation
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.spec import Alias, Aliases, Count, Name, Rate


@dataclass(frozen=True)
class Dense(LayerSpec, kind="dense"):
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
class Dropout(LayerSpec, kind="dropout"):
    """`dropout(rate)`: in training each value becomes 0 with probability `rate`, the rest grow.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", Journal
    of Machine Learning Research 15, 2014.
    """

    rate: Rate
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        return context.shape

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        name = source.attribute(context.name)
        source.modules.append(f"self.{name} = nn.Dropout({self.rate})")
        source.steps.append(f"x = self.{name}(x)")
