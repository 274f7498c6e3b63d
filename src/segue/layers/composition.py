"""Layers that hold layers: `residual`, `parallel` and `repeat`."""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import pydantic

from segue.errors import SpecError
from segue.layers.activations import Activation
from segue.layers.base import (
    MOST_LAYERS,
    BuildContext,
    Composite,
    LayerSpec,
    Shape,
    chain_shape,
)
from segue.layers.conv import Conv
from segue.layers.custom import as_spec
from segue.layers.dense import Dense
from segue.spec import Name, Nested

_One = Annotated[pydantic.InstanceOf[LayerSpec], pydantic.BeforeValidator(as_spec)]

# The types of fields that hold layers: one chain, and several chains side by side.
Layers = Annotated[tuple[_One, ...], pydantic.Field(min_length=1), Nested(1)]
Branches = Annotated[tuple[Layers, ...], pydantic.Field(min_length=2), Nested(2)]

Merge = Literal["concat", "sum", "mean"]
Chains = tuple[tuple[tuple[LayerSpec, ...], BuildContext], ...]


class BranchesSpec(LayerSpec, abc.ABC, module_name="ParallelLayer"):
    """Chains side by side, whose outputs are merged."""

    merge: Merge
    activation: str

    @abc.abstractmethod
    def chains(self, context: BuildContext) -> Chains:
        """The layers of each branch, and what they are built with."""

    def output_shape(self, context: BuildContext) -> Shape:
        """The shape of the merged branches.

        Raises:
            SpecError: the branches do not fit together.
        """
        shapes = [chain_shape(specs, inner) for specs, inner in self.chains(context)]
        name, shown = context.name, ", ".join(str(shape) for shape in shapes)
        if len({shape.sequence for shape in shapes}) > 1:
            raise SpecError(
                f"{name}: some branches end the sequence and others keep it ({shown}). End all "
                "of them, such as with pool(mean) or a recurrent layer's last output, or none."
            )
        if len({shape.stride for shape in shapes}) > 1:
            strides = ", ".join(str(shape.stride) for shape in shapes)
            raise SpecError(
                f"{name}: the branches have strides of {strides} input steps, so their steps do "
                "not belong together. Give all of them the same stride."
            )
        if any(shape.directions != 1 for shape in shapes):
            raise SpecError(
                f"{name}: a branch keeps its two directions apart; use merge=concat, sum or mean "
                "in its bidirectional layer."
            )
        features = [shape.features for shape in shapes]
        if self.merge != "concat" and len(set(features)) > 1:
            raise SpecError(
                f"{name}: merge={self.merge} needs branches of equally many features; got {shown}. "
                "Use merge=concat, or end each branch with the same number of features."
            )
        backward = next((shape.backward for shape in shapes if shape.backward), None)
        joined = replace(shapes[0], backward=backward)
        return joined.with_features(sum(features) if self.merge == "concat" else features[0])


@dataclass(frozen=True)
class Parallel(BranchesSpec, kind="parallel", activation="linear"):
    """`parallel(conv(32, 9) relu, conv(32, 19) relu)`: branches, their features side by side.

    All branches keep the sequence, or all end it. A branch that changes nothing is `linear`.

    Args:
        branches: two or more, each of one or several layers.
        merge: "concat" puts the features side by side; "sum" and "mean" join equally many.
        name: the layer's own name. Those inside are called `parallel_1/branch_2/conv_1`.
    """

    branches: Branches
    merge: Merge = "concat"
    name: Name | None = None

    def sublayers(self) -> tuple[LayerSpec, ...]:
        return tuple(spec for branch in self.branches for spec in branch)

    def chains(self, context: BuildContext) -> Chains:
        return tuple(
            (branch, context.within(f"branch_{number}"))
            for number, branch in enumerate(self.branches, start=1)
        )


@dataclass(frozen=True)
class Residual(BranchesSpec, kind="residual", merge="sum"):
    """`residual(conv(64, 3) batchnorm relu)`: `activation(layers(x) + x)`.

    He, Zhang, Ren & Sun, "Deep residual learning for image recognition", CVPR 2016.

    Args:
        layers: of which the input is added to the output.
        shortcut: layers on the way around. Without them the input goes around as it is or, where
            the number of features or of steps differs, through a learnt product at each step.
        activation: of the sum; linear unless it is given.
        name: the layer's own name. Those inside are called `residual_1/conv_1`, and those on the
            way around `residual_1/shortcut/conv_1`.
    """

    layers: Layers
    shortcut: Layers | None = None
    activation: Activation = "linear"
    name: Name | None = None

    def sublayers(self) -> tuple[LayerSpec, ...]:
        return (*self.layers, *(self.shortcut or ()))

    def chains(self, context: BuildContext) -> Chains:
        if any(spec.name == "shortcut" for spec in self.layers):
            raise SpecError(
                f"{context.name}: `shortcut` is the name of the way around; use another."
            )
        inner = replace(context, every=context.shape.sequence)
        shape = chain_shape(self.layers, inner)
        if shape.sequence != context.shape.sequence:
            raise SpecError(
                f"{context.name}: the layers inside end the sequence, so the input cannot be "
                "added. Move the pooling or last-step layer after the residual."
            )
        if self.shortcut is not None:
            return (self.layers, inner), (self.shortcut, inner.within("shortcut"))
        return (self.layers, inner), (_product(context.shape, shape), inner)


def _product(given: Shape, wanted: Shape) -> tuple[LayerSpec, ...]:
    """What brings the input of a residual to the shape of its layers' output."""
    stride = wanted.stride // given.stride
    if (wanted.features, stride) == (given.features, 1):
        return ()
    if given.sequence:
        return (Conv(wanted.features, 1, stride=stride, bias=False, name="shortcut"),)
    return (Dense(wanted.features, bias=False, name="shortcut"),)


@dataclass(frozen=True)
class Repeat(Composite, kind="repeat"):
    """`repeat(3, conv(32, 5) relu)`: the same layers several times, each with its own weights.

    Args:
        times: how often.
        layers: what is repeated. Layers with a name of their own are numbered: `eyes_1`, `eyes_2`.
    """

    times: Annotated[int, pydantic.Field(ge=1, le=MOST_LAYERS)]
    layers: Layers

    def sublayers(self) -> tuple[LayerSpec, ...]:
        return self.layers

    def count(self) -> int:
        return self.times * sum(spec.count() for spec in self.layers)

    def expand(self, shape: Shape) -> tuple[LayerSpec, ...]:
        return tuple(
            _numbered(spec, time) for time in range(1, self.times + 1) for spec in self.layers
        )


def _numbered(spec: LayerSpec, number: int) -> LayerSpec:
    named: Any = spec
    if isinstance(spec, Repeat):
        return replace(spec, layers=tuple(_numbered(inner, number) for inner in spec.layers))
    return spec if spec.name is None else replace(named, name=f"{spec.name}_{number}")
