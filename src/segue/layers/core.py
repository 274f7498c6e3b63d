"""Layers of single steps: fully connected, dropout, vectors for tokens, normalisations.

`dense` and `dropout`; `embedding` has vectors for tokens, and `position` vectors that are added to
features; `batchnorm` normalises over the steps of a batch, `layernorm` over a step's features.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import pydantic

from segue.data.arrays import Array
from segue.errors import DataError, SpecError
from segue.kernels.ragged import Ragged, quiet, steps_within
from segue.layers.activations import ACTIVATIONS, Activation
from segue.layers.base import BuildContext, LayerSpec, PointwiseSpec, Shape, TorchSource
from segue.layers.inference import InferenceLayer, PointwiseInference, WeightShapes
from segue.layers.initial import Initializers, glorot_uniform, normal, ones, uniform
from segue.onnx_graph import Steps, Value
from segue.spec import Alias, Aliases, Count, Name, Rate

if TYPE_CHECKING:
    from segue.kernels.training import Program


# Products that are added in float32, one after the other; of more inputs than `WIDE` the sums of so
# many, and the bias, are added in float64. Of the 55,000 features of a `multirocket` and a `hydra`
# sums went up to 74, and what the bias left of them, logits of 7, was off by 1e-4.
PART, WIDE = 1024, 4096


class DenseInference(PointwiseInference):
    """Weights: `kernel` [in, out], `bias` [out]."""

    initializers: ClassVar[Initializers] = {"kernel": glorot_uniform}

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        shapes: WeightShapes = {"kernel": (context.shape.features, spec.units)}
        return {**shapes, "bias": (spec.units,)} if spec.bias else shapes

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        kernel, self._bias = weights["kernel"], weights.get("bias")
        size = PART if len(kernel) > WIDE else len(kernel)
        self._parts = [
            (slice(first, first + size), self.kernels.pack(kernel[first : first + size]))
            for first in range(0, len(kernel), size)
        ]
        self.activation = ACTIVATIONS[spec.activation]
        linear = self.activation.kind == "linear"
        self._activate: Callable[[Array], Array] | None = (
            None if linear else self.activation.function()
        )

    def transform(self, values: Array) -> Array:
        if self.inputs > WIDE:
            found = self._wide_sums(values)
        else:
            found = self.kernels.dense(values, self._parts[0][1], self._bias)
        return found if self._activate is None else self._activate(found)

    def _wide_sums(self, values: Array) -> Array:
        total = np.zeros((len(values), self.spec.units))
        for own, packed in self._parts:
            total += self.kernels.dense(values[:, own], packed, None)
        return (total if self._bias is None else total + self._bias).astype(np.float32)

    def transform_onnx(self, x: Value) -> Value:
        kernel = x.graph.constant(self._given["kernel"])
        if self.inputs > WIDE:
            x, kernel = x.cast(np.float64), kernel.cast(np.float64)
        found = x @ kernel
        found = found if self._bias is None else found + self._bias
        activated: Value = self.activation.onnx(found.cast(np.float32))
        return activated


@dataclass(frozen=True)
class Dense(LayerSpec, kind="dense", input_kind="either", is_causal=True, inference=DenseInference):
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
        size = f"{context.shape.features}, {self.units}{'' if self.bias else ', bias=False'}"
        name = source.module(context.name, f"nn.Linear({size})", "copy_linear")
        is_wide = context.shape.features > WIDE
        source.steps.append(f"x = wide(self.{name}, x)" if is_wide else f"x = self.{name}(x)")
        if self.activation != "linear":
            ACTIVATIONS[self.activation].write_torch(source, context)

    def write_training(self, program: Program, context: BuildContext) -> None:
        activation = ACTIVATIONS[self.activation]
        program.dense(context.name, context.shape.features, self.units, activation)


class DropoutInference(PointwiseInference):
    """No weights; the identity, as all that is dropped is dropped in training."""

    def transform(self, values: Array) -> Array:
        return values

    def transform_onnx(self, x: Value) -> Value:
        return x


@dataclass(frozen=True)
class Dropout(PointwiseSpec, kind="dropout", inference=DropoutInference):
    """`dropout(rate)`: in training each value becomes 0 with probability `rate`, the rest grow.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", Journal
    of Machine Learning Research 15, 2014.
    """

    rate: Rate
    name: Name | None = None

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        name = source.module(context.name, f"nn.Dropout({self.rate})")
        source.steps.append(f"x = self.{name}(x)")

    def write_training(self, program: Program, context: BuildContext) -> None:
        program.dropout(context.name, self.rate)


def unknown_token(name: str, rows: int, low: int, high: int) -> DataError:
    """The error for tokens from `low` to `high` where there are vectors for 0 to `rows - 1`."""
    return DataError(f"{name} has the tokens 0 to {rows - 1}; got {low if low < 0 else high}.")


class EmbeddingInference(InferenceLayer):
    """Weights: `embeddings` [tokens, features], uniform within 0.05 at first, as in Keras."""

    token_weights = ("embeddings",)
    initializers: ClassVar[Initializers] = {"embeddings": functools.partial(uniform, bound=0.05)}

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        return {"embeddings": (spec.rows(context), spec.features)}

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self._embeddings = weights["embeddings"]

    def __call__(self, x: Ragged) -> Ragged:
        return Ragged(self._look_up(x.values), x.offsets)

    def step(self, x_t: Array, state: None) -> tuple[Array, None]:
        return self._look_up(x_t), None

    def write_onnx(self, x: Steps | Value) -> Steps | Value:
        table = (x.values if isinstance(x, Steps) else x).graph.constant(self._embeddings)
        if isinstance(x, Steps):
            return x._replace(values=table.gather(x.values.squeeze(2)))
        return table.gather(x.squeeze(1))

    def _look_up(self, values: Array) -> Array:
        tokens, rows = values[:, 0], len(self._embeddings)
        if len(tokens):
            low, high = int(tokens.min()), int(tokens.max())
            if low < 0 or high >= rows:
                raise unknown_token(self.name, rows, low, high)
        vectors: Array = self.kernels.embed(tokens, self._embeddings)
        return vectors


@dataclass(frozen=True)
class Embedding(
    LayerSpec, kind="embedding", input_kind="tokens", is_causal=True, inference=EmbeddingInference
):
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
        tokens = "torch.where(real(x, lengths), x, 0)[:, :, 0].long()"
        source.steps.append(f"x = self.{name}({tokens})")
        weights = f'weights["{context.name}/embeddings"]'
        source.copies.append(f"model.{name}.weight.copy_(torch.as_tensor({weights}))")

    def write_training(self, program: Program, context: BuildContext) -> None:
        program.embedding(context.name, self.rows(context), self.features)


def too_many_positions(name: str, learnt: int, steps: int) -> DataError:
    """The error for a sequence that is longer than the positions that were learnt."""
    return DataError(
        f"{name} has learnt {learnt} positions, and here comes a "
        f"sequence of {steps} steps. Cut it, train with position(learnt, "
        f"longest={steps}), or with position, which has no limit."
    )


class PositionInference(InferenceLayer):
    """Weights of learnt ones: `positions` [longest, feature], normal with deviation 0.02 at first.

    The state is the number of steps so far, of each sequence.
    """

    initializers: ClassVar[Initializers] = {"positions": functools.partial(normal, deviation=0.02)}

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        if spec.how == "sinusoidal":
            return {}
        return {"positions": (spec.rows(context), context.shape.features)}

    def __call__(self, x: Ragged) -> Ragged:
        return self.forward_from(x, self.initial_state(len(x.offsets) - 1))[0]

    def initial_state(self, count: int) -> Array:
        return np.zeros(count, np.int64)

    @quiet
    def step(self, x_t: Array, state: Array) -> tuple[Array, Array]:
        return x_t + self._vectors(state), state + 1

    @quiet
    def forward_from(self, x: Ragged, state: Array) -> tuple[Ragged, Array]:
        positions = steps_within(x.offsets) + np.repeat(state, x.lengths)
        return Ragged(x.values + self._vectors(positions), x.offsets), state + x.lengths

    def write_onnx(self, x: Steps) -> Steps:
        graph = x.values.graph
        time = graph.range(x.values.size(1))
        if self.spec.how == "learnt":  # in the padding may be more positions than were learnt
            time = (time < x.lengths.max(0, keepdims=True)).where(time, 0)
        return x._replace(values=x.values + self._vectors_onnx(time))

    def write_onnx_step(self, x_t: Value) -> Value:
        count = x_t.graph.state(f"{self.name}/steps", (), 0, np.int64)
        x_t.graph.keep(f"{self.name}/steps", count + 1)
        return x_t + self._vectors_onnx(count)

    def _vectors_onnx(self, positions: Value) -> Value:
        """`[steps, feature]` of `[steps]` positions; more than were learnt are an error there."""
        graph = positions.graph
        if self.spec.how == "learnt":
            return graph.constant(self._given["positions"]).gather(positions)
        feature = np.arange(self.inputs)
        wave = 10_000.0 ** (-(feature - feature % 2) / self.inputs)
        angles = positions.cast(np.float64).unsqueeze(1) * wave + feature % 2 * (np.pi / 2)
        return angles.op("Sin").cast(np.float32)

    def _vectors(self, positions: Array) -> Array:
        """`[steps, feature]` of `[steps]` positions.

        Raises:
            DataError: more positions than were learnt.
        """
        if not len(positions):
            return np.zeros((0, self.inputs), np.float32)
        if self.spec.how == "learnt":
            learnt, last = self._given["positions"], int(positions.max())
            if last >= len(learnt):
                raise too_many_positions(self.name, len(learnt), last + 1)
            vectors: Array = learnt[positions]
            return vectors
        first = int(positions.min())
        waves = sinusoids(np.arange(first, positions.max() + 1), self.inputs)
        return np.asarray(waves[positions - first], np.float32)


def sinusoids(positions: Array, features: int) -> Array:
    """Sines and cosines of wavelengths from 2 pi to 10,000 * 2 pi, alternating.

    Args:
        positions: `[steps]`, counted from 0.
        features: how many waves.

    Returns:
        `[steps, features]`, float64.

    >>> sinusoids(np.arange(2), 3).round(4)
    array([[0.    , 1.    , 0.    ],
           [0.8415, 0.5403, 0.0022]])
    """
    even = np.arange(0, features, 2)
    angles = positions[:, None] * 10_000.0 ** (-even / features)
    waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    return waves.reshape(len(positions), -1)[:, :features]


@dataclass(frozen=True)
class Position(
    LayerSpec, kind="position", input_kind="sequence", is_causal=True, inference=PositionInference
):
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

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        if self.how == "sinusoidal":
            source.steps.append("x = positions(x)")
            return
        size = f"{self.rows(context)}, {context.shape.features}"
        name = source.module(context.name, f"LearntPositions({size})", "copy_named")
        source.steps.append(f"x = self.{name}(x, lengths)")


Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]


class BatchNormInference(PointwiseInference):
    """Weights: `gamma`, `beta`, `moving_mean`, `moving_variance`; [feature] each."""

    fixed = ("moving_mean", "moving_variance")
    initializers: ClassVar[Initializers] = {"moving_variance": ones}

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:  # noqa: ARG003
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        return dict.fromkeys(parts, (context.shape.features,))

    @classmethod
    def initial_weights(cls, spec: Any, context: BuildContext) -> dict[str, Array]:
        weights = super().initial_weights(spec, context)
        weights["gamma"][:] = spec.gamma
        return weights

    @quiet
    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        gamma, beta, mean, variance = (
            weights[part].astype(np.float64) for part in self.weight_shapes(spec, context)
        )
        scale = gamma / np.sqrt(variance + spec.epsilon)
        self._scale = scale.astype(np.float32)
        self._shift = (beta - mean * scale).astype(np.float32)

    def transform(self, values: Array) -> Array:
        found: Array = self.kernels.scale_shift(values, self._scale, self._shift)
        return found

    def transform_onnx(self, x: Value) -> Value:
        found: Value = x * self._scale + self._shift
        return found


@dataclass(frozen=True)
class BatchNorm(PointwiseSpec, kind="batchnorm", inference=BatchNormInference):
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

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        options = f"eps={self.epsilon}, momentum={round(1 - self.momentum, 10)}"
        build = f"nn.BatchNorm1d({context.shape.features}, {options})"
        name = source.module(context.name, build, "copy_norm")
        source.steps.append(f"x = each_step(self.{name}, x)")


class LayerNormInference(PointwiseInference):
    """Weights: `gamma`, `beta` [feature]."""

    initializers: ClassVar[Initializers] = {"gamma": ones}

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:  # noqa: ARG003
        return dict.fromkeys(("gamma", "beta"), (context.shape.features,))

    def transform(self, values: Array) -> Array:
        gamma, beta = self._given["gamma"], self._given["beta"]
        found: Array = self.kernels.layer_norm(values, gamma, beta, self.spec.epsilon)
        return found

    def transform_onnx(self, x: Value) -> Value:
        x = x.cast(np.float64)  # the mean of large values would be rounded to their last digit
        x = x - x.mean(-1, keepdims=True)
        deviation = ((x * x).mean(-1, keepdims=True) + self.spec.epsilon).op("Sqrt")
        found: Value = x / deviation * self._given["gamma"] + self._given["beta"]
        return found.cast(np.float32)


@dataclass(frozen=True)
class LayerNorm(PointwiseSpec, kind="layernorm", inference=LayerNormInference):
    """`layernorm`: the features of each step less their mean, divided by their deviation.

    Ba, Kiros & Hinton, "Layer normalization", 2016.

    Args:
        epsilon: added to the variance, as in Keras.
        name: the layer's own name.
    """

    epsilon: Positive = 1e-3
    name: Name | None = None

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        build = f"nn.LayerNorm({context.shape.features}, eps={self.epsilon})"
        name = source.module(context.name, build, "copy_norm")
        source.steps.append(f"x = self.{name}(x)")
