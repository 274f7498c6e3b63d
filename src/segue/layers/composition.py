"""Layers that hold layers: `residual`, `parallel`, `repeat`."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import pydantic
from numpy.random import Generator

from segue.data.arrays import Array
from segue.errors import NotCausalError, SpecError
from segue.kernels.ragged import Ragged
from segue.layers.activations import ACTIVATIONS, Activation
from segue.layers.base import (
    MOST_LAYERS,
    BuildContext,
    Composite,
    LayerSpec,
    Shape,
    TorchSource,
    chain_shape,
    plan_layers,
)
from segue.layers.conv import Conv
from segue.layers.core import Dense
from segue.layers.custom import as_spec
from segue.layers.inference import (
    InferenceChain,
    InferenceLayer,
    WeightShapes,
    chain_initial_weights,
    chain_weight_shapes,
    joined,
    joined_onnx,
    weights_below,
)
from segue.onnx_graph import Steps, Value
from segue.spec import Name, Nested

_One = Annotated[pydantic.InstanceOf[LayerSpec], pydantic.BeforeValidator(as_spec)]

# The types of fields that hold layers: one chain, and several chains side by side.
Layers = Annotated[tuple[_One, ...], pydantic.Field(min_length=1), Nested(1)]
Branches = Annotated[tuple[Layers, ...], pydantic.Field(min_length=2), Nested(2)]

Merge = Literal["concat", "sum", "mean", "product"]
Chains = tuple[tuple[tuple[LayerSpec, ...], BuildContext], ...]


class BranchesInference(InferenceLayer):
    """Chains side by side, merged. Weights: those of the chains, such as `branch_1/conv_1/kernel`.

    The way around in a residual, without layers, is a chain of none.
    """

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        return {
            "/".join(filter(None, [_inside(inner, context), name])): shape
            for specs, inner in spec.chains(context)
            for name, shape in chain_weight_shapes(specs, inner).items()
        }

    @classmethod
    def initial_weights(cls, spec: Any, context: BuildContext) -> dict[str, Array]:
        return {
            "/".join(filter(None, [_inside(inner, context), name])): weight
            for specs, inner in spec.chains(context)
            for name, weight in chain_initial_weights(specs, inner).items()
        }

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self._insides = [_inside(inner, context) for _, inner in spec.chains(context)]
        self.chains = [
            InferenceChain(specs, inner, weights_below(weights, _inside(inner, context)))
            for specs, inner in spec.chains(context)
        ]
        self.merge = spec.merge
        self.activation = ACTIVATIONS[spec.activation]
        self._activate: Callable[[Array], Array] = self.activation.function()

    def __call__(self, x: Any) -> Any:
        return self._join([chain(x) for chain in self.chains])

    def _join(self, signals: list[Any]) -> Any:
        if not isinstance(signals[0], Ragged):
            return self._activate(joined(self.kernels, signals, self.merge))
        values = joined(self.kernels, [signal.values for signal in signals], self.merge)
        return Ragged(self._activate(values), signals[0].offsets)

    def fitted_weights(
        self, x: Any, classes: Array | None, generator: Generator
    ) -> dict[str, Array]:
        return {
            "/".join(filter(None, [inside, name])): weight
            for inside, chain in zip(self._insides, self.chains, strict=True)
            for name, weight in chain.fitted_weights(x, classes, generator).items()
        }

    def initial_state(self, count: int) -> list[Any]:
        return [chain.initial_state(count) for chain in self.chains]

    def forward_from(self, x: Any, state: list[Any]) -> tuple[Any, list[Any]]:
        pairs = zip(self.chains, state, strict=True)
        pieces = [chain.forward_from(x, before) for chain, before in pairs]
        return self._join([signal for signal, _ in pieces]), [after for _, after in pieces]

    def step(self, x_t: Array, state: list[Any]) -> tuple[Array, list[Any]]:
        if not self.causal:
            raise self.not_causal()
        steps = [chain.step(x_t, before) for chain, before in zip(self.chains, state, strict=True)]
        return self._join([y_t for y_t, _ in steps]), [after for _, after in steps]

    def prefix_outputs(self, x: Ragged) -> Ragged:
        prefixes: Ragged = self._join([chain.prefix_outputs(x) for chain in self.chains])
        return prefixes

    def write_onnx(self, x: Any) -> Any:
        return self._joined_onnx([chain.write_onnx(x) for chain in self.chains])

    def write_onnx_step(self, x_t: Value) -> Value:
        if not self.causal:
            raise self.not_causal()
        y_t: Value = self._joined_onnx([chain.write_onnx_step(x_t) for chain in self.chains])
        return y_t

    def _joined_onnx(self, signals: list[Any]) -> Any:
        if isinstance(signals[0], Steps):
            values = joined_onnx([signal.values for signal in signals], self.merge)
            return signals[0]._replace(values=self.activation.onnx(values))
        return self.activation.onnx(joined_onnx(signals, self.merge))

    def not_causal(self) -> NotCausalError:
        return next(layer for layer in self.sublayers() if not layer.causal).not_causal()


def _inside(inner: BuildContext, outer: BuildContext) -> str:
    """The name of a chain within its layer: "branch_1", or "" of the layers of a residual."""
    return inner.name.removeprefix(outer.name).removeprefix("/")


class BranchesSpec(LayerSpec, abc.ABC, module_name="ParallelLayer", inference=BranchesInference):
    """Chains side by side, whose outputs are merged."""

    merge: Merge
    activation: str

    @abc.abstractmethod
    def chains(self, context: BuildContext) -> Chains:
        """The layers of each branch, and what they are built with."""

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        branches = source.attribute(context.name)
        given = source.attribute(f"{context.name}_input")
        source.steps += [f"{given}, {branches} = (x, lengths), []"]
        for specs, inner in self.chains(context):
            source.steps.append(f"x, lengths = {given}")
            for planned in plan_layers(specs, inner):
                planned.spec.write_torch(source, planned.context)
            source.steps.append(f"{branches}.append(x)")
        merged = {
            "concat": f"torch.cat({branches}, dim=-1)",
            "sum": f"sum({branches})",
            "mean": f"sum({branches}) / {len(self.chains(context))}",
            "product": f"torch.stack({branches}).prod(0)",
        }
        source.steps.append(f"x = {merged[self.merge]}")
        ACTIVATIONS[self.activation].write_torch(source, context)

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
        least = max(shape.least for shape in shapes)
        if shapes[0].sequence and any(shape.least < least for shape in shapes):
            raise SpecError(
                f"{name}: the branches lose different numbers of steps, so what is left does not "
                "belong together. Use padding=same in all of them."
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
        joined = replace(shapes[0], backward=backward, least=least)
        return joined.with_features(sum(features) if self.merge == "concat" else features[0])


@dataclass(frozen=True)
class Parallel(BranchesSpec, kind="parallel", activation="linear"):
    """`parallel(conv(32, 9) relu, conv(32, 19) relu)`: branches, their features side by side.

    All branches keep the sequence, or all end it. A branch that changes nothing is `linear`.

    Args:
        branches: two or more, each of one or several layers.
        merge: "concat" puts the features side by side; "sum", "mean" and "product" join as
            many of each.
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
    """The projection of a residual's input to the shape of its layers' output."""
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
