"""`attention`: a transformer block of self-attention and a feed-forward network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from segue.data.arrays import Array
from segue.errors import SpecError
from segue.kernels.ragged import Ragged, append
from segue.layers.activations import ACTIVATIONS, Activation
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.layers.core import Dense, LayerNorm
from segue.layers.inference import (
    PieceInference,
    PointwiseInference,
    WeightShapes,
    weights_below,
)
from segue.onnx_graph import Steps, Value, concat
from segue.spec import Alias, Aliases, Count, Name, Rate

Cache = tuple[Ragged, Ragged]  # keys and values so far, [steps, feature]


class AttentionInference(PieceInference):
    """Weights: `query/kernel`, ..., as of the torch module; each step adds to the state."""

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        return {
            f"{part}/{name}": shape
            for part, (layer, inner) in spec.parts(context).items()
            for name, shape in layer.weight_shapes(inner).items()
        }

    @classmethod
    def initial_weights(cls, spec: Any, context: BuildContext) -> dict[str, Array]:
        return {
            f"{part}/{name}": weight
            for part, (layer, inner) in spec.parts(context).items()
            for name, weight in layer.initial_weights(inner).items()
        }

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        parts: dict[str, PointwiseInference] = {
            part: layer.inference_layer(inner, weights_below(weights, part))
            for part, (layer, inner) in spec.parts(context).items()
        }
        self._parts = parts
        self._norms = [parts[f"norm_{number}"].transform for number in (1, 2)]
        self._projections = [parts[part].transform for part in ("query", "key", "value")]
        self._output = parts["output"].transform
        self._feedforward = [parts[f"feedforward_{number}"].transform for number in (1, 2)]

    def initial_state(self, count: int) -> Cache:
        """No keys and values yet; each step adds one of each, so a stream grows with its steps."""
        nothing = Ragged(np.zeros((0, self.inputs), np.float32), np.zeros(count + 1, np.int64))
        return nothing, nothing

    def forward_from(self, x: Ragged, state: Cache) -> tuple[Ragged, Cache]:
        normal = self._norms[0](x.values)
        query, key, value = (project(normal) for project in self._projections)
        keys, values = (
            append(before, Ragged(new, x.offsets)) if len(before.values) else Ragged(new, x.offsets)
            for before, new in zip(state, (key, value), strict=True)
        )
        heads = self.kernels.attention(
            query,
            keys.values,
            values.values,
            x.offsets,
            keys.offsets,
            heads=self.spec.heads,
            causal=self.causal,
        )
        attended = self.kernels.add([x.values, self._output(heads)])
        fed = self._norms[1](attended)
        for dense in self._feedforward:
            fed = dense(fed)
        return Ragged(self.kernels.add([attended, fed]), x.offsets), (keys, values)

    def write_onnx(self, x: Steps) -> Steps:
        graph, time = x.values.graph, x.values.graph.range(x.values.size(1))
        seen = x.mask().unsqueeze(1, 2)  # [batch, 1, 1, key]
        if self.causal:
            seen = seen & (time.unsqueeze(0) <= time.unsqueeze(1))
        query, key, value = self._projected_onnx(x.filled(0.0))
        graph.scope = self.name
        return x._replace(values=self._attended_onnx(x.values, query, key, value, seen))

    def write_onnx_step(self, x_t: Value) -> Value:
        """Keys and values of all sequences begin at one step; `valid` of them are a sequence's."""
        if not self.causal:
            raise self.not_causal()
        graph, x = x_t.graph, x_t.unsqueeze(1)
        query, *new = self._projected_onnx(x)
        parts = []
        for part, now in zip(("keys", "values"), new, strict=True):
            name = f"{self.name}/{part}"
            parts.append(concat([graph.state(name, ("past", self.inputs), 0.0), now], 1))
            graph.keep(name, parts[-1])
        key, value = parts
        valid = graph.state(f"{self.name}/valid", (), 0, np.int64) + 1
        graph.keep(f"{self.name}/valid", valid)
        count = key.size(1)
        seen = (graph.range(count) >= (count - valid).unsqueeze(1)).unsqueeze(1, 2)
        return self._attended_onnx(x, query, key, value, seen).squeeze(1)

    def _projected_onnx(self, x: Value) -> list[Value]:
        normal = self._parts["norm_1"].transform_onnx(x)
        return [self._parts[part].transform_onnx(normal) for part in ("query", "key", "value")]

    def _attended_onnx(
        self, x: Value, query: Value, key: Value, value: Value, seen: Value
    ) -> Value:
        """`[batch, query, feature]`; `seen` is `[batch, 1, query or 1, key]`."""
        heads, size = self.spec.heads, self.inputs // self.spec.heads
        query, key, value = (
            part.reshape(0, 0, heads, size).transpose(0, 2, 1, 3) for part in (query, key, value)
        )
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(size)
        shares = seen.where(scores, -1e30).softmax()  # a query in the padding sees a step too
        found = (shares @ value).transpose(0, 2, 1, 3).reshape(0, 0, self.inputs)
        attended = x + self._parts["output"].transform_onnx(found)
        fed = self._parts["norm_2"].transform_onnx(attended)
        for number in (1, 2):
            fed = self._parts[f"feedforward_{number}"].transform_onnx(fed)
        return attended + fed


@dataclass(frozen=True)
class Attention(LayerSpec, kind="attention", input_kind="sequence", inference=AttentionInference):
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

    def parts(self, context: BuildContext) -> dict[str, tuple[LayerSpec, BuildContext]]:
        """The layers inside by name, and what they are built with."""
        features = context.shape.features
        inside = self.feedforward or 4 * features
        layers: dict[str, tuple[LayerSpec, int]] = {
            "norm_1": (LayerNorm(), features),
            "norm_2": (LayerNorm(), features),
            "query": (Dense(features), features),
            "key": (Dense(features), features),
            "value": (Dense(features), features),
            "output": (Dense(features), features),
            "feedforward_1": (Dense(inside, self.activation), features),
            "feedforward_2": (Dense(features), inside),
        }
        return {
            part: (layer, replace(context.within(part), shape=Shape(given)))
            for part, (layer, given) in layers.items()
        }

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        features = context.shape.features
        inside, epsilon = self.feedforward or 4 * features, LayerNorm().epsilon
        sizes = f"{features}, {self.heads}, {inside}, {self.causal}, {epsilon}"
        name = source.module(context.name, f"Attention({sizes})", "copy_attention")
        source.steps.append(f"attended = self.{name}(x, lengths)")
        source.steps.append(f"x = self.{name}.feedforward_1(self.{name}.norm_2(attended))")
        ACTIVATIONS[self.activation].write_torch(source, context)
        source.steps.append(f"x = attended + self.{name}.feedforward_2(x)")

    def not_causal_message(self, name: str) -> str:
        return (
            f"{name} looks at the whole sequence, so it cannot go step by step; with "
            "causal=true it can."
        )
