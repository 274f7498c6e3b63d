"""Layers that end the sequence without a recurrence: `pool` and `flatten`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from segue.data.arrays import Array
from segue.errors import DataError, SpecError
from segue.kernels.ragged import Ragged, last_steps, quiet, reduce_steps
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.layers.inference import InferenceLayer, WeightShapes
from segue.onnx_graph import Steps, Value
from segue.onnx_graph import largest as largest_of
from segue.spec import Count, Name

if TYPE_CHECKING:
    from segue.kernels.training import Program

_TORCH_LINES = {
    "mean": "x = torch.where(real(x, lengths), x, 0).sum(1) / lengths[:, None]",
    "max": "x = torch.where(real(x, lengths), x, -torch.inf).amax(1)",
    "last": "x = last(x, lengths)",
}


class PoolInference(InferenceLayer):
    """The mean or the largest value of parts of each sequence; the base of the other kinds."""

    def __call__(self, x: Ragged) -> Array:
        how, parts = self.spec.how, self.spec.parts
        found: Array = self.kernels.pool(x.values, x.offsets, how=how, parts=parts)
        return found

    def write_onnx(self, x: Steps) -> Value:
        """Of each part the mean or the largest value of the steps in it."""
        graph, parts = x.values.graph, self.spec.parts
        lengths, number = x.lengths.unsqueeze(1), graph.constant(np.arange(parts))
        first, end = number * lengths // parts, ((number + 1) * lengths + (parts - 1)) // parts
        time = graph.range(x.values.size(1))
        inside = (time >= first.unsqueeze(2)) & (time < end.unsqueeze(2))  # [batch, part, time]
        if self.spec.how == "mean":
            found: Value = inside.cast(np.float64) @ x.filled(0.0).cast(np.float64)
            found = (found / (end - first).cast(np.float64).unsqueeze(2)).cast(np.float32)
        else:
            found = inside.unsqueeze(3).where(x.values.unsqueeze(1), -math.inf).max(2)
        return found.reshape(0, parts * self.inputs)


class PoolMeanInference(PoolInference):
    """The state is the sum so far, in float64, and the number of steps."""

    def initial_state(self, count: int) -> tuple[Array, Array]:
        return np.zeros((count, self.inputs)), np.zeros((count, 1))

    @quiet
    def step(self, x_t: Array, state: tuple[Array, Array]) -> tuple[Array, Any]:
        total, count = state[0] + x_t, state[1] + 1
        return (total / count).astype(np.float32), (total, count)

    @quiet
    def forward_from(self, x: Ragged, state: tuple[Array, Array]) -> tuple[Array, Any]:
        total = state[0] + reduce_steps(np.add, x.values, x.offsets, 0.0)
        count = state[1] + x.lengths[:, None]
        return (total / count).astype(np.float32), (total, count)

    def write_onnx(self, x: Steps) -> Value:
        total = x.filled(0.0).cast(np.float64).sum(1)
        return (total / x.lengths.cast(np.float64).unsqueeze(1)).cast(np.float32)

    def write_onnx_step(self, x_t: Value) -> Value:
        graph, names = x_t.graph, [f"{self.name}/sum", f"{self.name}/steps"]
        total = graph.state(names[0], (self.inputs,), 0.0, np.float64) + x_t.cast(np.float64)
        count = graph.state(names[1], (1,), 0.0, np.float64) + 1
        graph.keep(names[0], total)
        graph.keep(names[1], count)
        return (total / count).cast(np.float32)


class PoolMaxInference(PoolInference):
    """The state is the largest value so far."""

    def initial_state(self, count: int) -> Array:
        return np.full((count, self.inputs), -np.inf, np.float32)

    def step(self, x_t: Array, state: Array) -> tuple[Array, Array]:
        largest = np.maximum(state, x_t)
        return largest, largest

    def forward_from(self, x: Ragged, state: Array) -> tuple[Array, Array]:
        largest = np.maximum(state, reduce_steps(np.maximum, x.values, x.offsets, -np.inf))
        largest = largest.astype(np.float32)
        return largest, largest

    def write_onnx(self, x: Steps) -> Value:
        return x.filled(-math.inf).max(1)

    def write_onnx_step(self, x_t: Value) -> Value:
        name = f"{self.name}/largest"
        found = largest_of(x_t.graph.state(name, (self.inputs,), -math.inf), x_t)
        x_t.graph.keep(name, found)
        return found


class PoolLastInference(PoolInference):
    """Each sequence's own last step, which is the state."""

    def __call__(self, x: Ragged) -> Array:
        return last_steps(x)

    def initial_state(self, count: int) -> Array:
        return np.zeros((count, self.inputs), np.float32)

    def step(self, x_t: Array, state: Array) -> tuple[Array, Array]:
        return x_t, x_t

    def forward_from(self, x: Ragged, state: Array) -> tuple[Array, Array]:
        last, went_on = state.copy(), x.lengths > 0
        last[went_on] = x.values[x.offsets[1:][went_on] - 1]
        return last, last

    def prefix_outputs(self, x: Ragged) -> Ragged:
        return x

    def write_onnx(self, x: Steps) -> Value:
        return x.last()

    def write_onnx_step(self, x_t: Value) -> Value:
        return x_t


class PoolAttentionInference(PoolInference):
    """Weights: `query` [feature].

    The state is the largest score so far, and the sums of the weights and of the weighted steps,
    divided by exp(largest score), so that nothing overflows.
    """

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:  # noqa: ARG003
        return {"query": (context.shape.features,)}

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self._query = weights["query"].astype(np.float64)[:, None] / math.sqrt(self.inputs)

    def __call__(self, x: Ragged) -> Array:
        found: Array = self.kernels.pool_attention(x.values, x.offsets, self._given["query"])
        return found

    def initial_state(self, count: int) -> tuple[Array, Array, Array]:
        zeros = np.zeros((count, 1))
        return zeros - np.inf, zeros, np.zeros((count, self.inputs))

    def step(
        self, x_t: Array, state: tuple[Array, Array, Array]
    ) -> tuple[Array, tuple[Array, Array, Array]]:
        scores = x_t @ self._query
        return self._further(state, scores, np.ones_like(scores), x_t)

    @quiet
    def forward_from(
        self, x: Ragged, state: tuple[Array, Array, Array]
    ) -> tuple[Array, tuple[Array, Array, Array]]:
        scores = x.values @ self._query
        largest = reduce_steps(np.maximum, scores, x.offsets, -np.inf)
        new = np.exp(scores - np.repeat(largest, x.lengths, axis=0))
        weights = reduce_steps(np.add, new, x.offsets, 0.0)
        return self._further(
            state, largest, weights, reduce_steps(np.add, new * x.values, x.offsets, 0.0)
        )

    def write_onnx(self, x: Steps) -> Value:
        scores = x.values @ self._query
        shares = x._replace(values=scores).filled(-math.inf).softmax(1)  # [batch, time, 1]
        return (shares.transpose(0, 2, 1) @ x.filled(0.0)).squeeze(1)

    def write_onnx_step(self, x_t: Value) -> Value:
        graph, parts = x_t.graph, ("score", "weights", "sum")
        dims, first = ((1,), (1,), (self.inputs,)), (-math.inf, 0.0, 0.0)
        names = [f"{self.name}/{part}" for part in parts]
        score, weights, total = (
            graph.state(*one, np.float64) for one in zip(names, dims, first, strict=True)
        )
        x = x_t.cast(np.float64)
        now = x @ self._query
        highest = largest_of(score, now)
        before, share = (score - highest).op("Exp"), (now - highest).op("Exp")
        weights, total = before * weights + share, before * total + share * x
        for name, value in zip(names, (highest, weights, total), strict=True):
            graph.keep(name, value)
        return (total / weights).cast(np.float32)

    @quiet
    def _further(
        self, state: tuple[Array, Array, Array], score: Array, new: Array, total: Array
    ) -> tuple[Array, tuple[Array, Array, Array]]:
        """The state joined with a piece's largest score, sum of weights, and weighted sum."""
        largest = np.maximum(state[0], score)
        before, now = np.exp(np.array([state[0], score]) - np.where(largest == -np.inf, 0, largest))
        weights = before * state[1] + now * new
        total = before * state[2] + now * total
        return (total / weights).astype(np.float32), (largest, weights, total)


@dataclass(frozen=True)
class Pool(
    LayerSpec,
    kind="pool",
    module_name="pool_layer",
    inference=PoolInference,
    input_kind="sequence",
):
    """`pool(how)`: ends the sequence.

    Args:
        how: "last", "mean", "max", or "attention": a mean whose weights are learnt.
        parts: number of parts of equal length that a sequence is cut into; each gives its own mean
            or maximum, so that the next layers can tell early from late.
        name: the layer's own name.
    """

    how: Literal["last", "mean", "max", "attention"] = "mean"
    parts: Count = 1
    name: Name | None = None

    @property
    def is_causal(self) -> bool:
        return self.parts == 1

    def output_shape(self, context: BuildContext) -> Shape:
        if self.how == "last" and context.shape.backward is not None:
            raise SpecError(
                f"pool(last) after {context.shape.backward} would take the backward output where "
                "it has seen one step only. Leave pool(last) out: the layer's own last output "
                "joins the forward output at the end with the backward one at the beginning. Or "
                "use pool(mean) or pool(max)."
            )
        if self.parts > 1 and self.how not in ("mean", "max"):
            raise SpecError(
                f"{self} cuts sequences into parts, of which segue takes the mean or the largest "
                f"value: pool(mean, parts={self.parts}) or pool(max, parts={self.parts})."
            )
        return context.shape.ended(self.parts * context.shape.features)

    def _find_inference(self, context: BuildContext) -> Any:
        found = super()._find_inference(context)
        return found if found is not PoolInference or self.parts > 1 else _INFERENCE[self.how]

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        if self.parts > 1:
            source.steps.append(f"x = {self.how}_of_parts(x, lengths, {self.parts})")
        elif self.how == "attention":
            build = f"AttentionPool({context.shape.features})"
            name = source.module(context.name, build, "copy_named")
            source.steps.append(f"x = self.{name}(x, lengths)")
        else:
            source.steps.append(_TORCH_LINES[self.how])

    def write_training(self, program: Program, context: BuildContext) -> None:
        if self.how == "attention" or self.parts > 1:
            program.problems.append(f"{context.name} is {self}")
        else:
            program.pool(context.name, self.how)


_INFERENCE = {
    "last": PoolLastInference,
    "mean": PoolMeanInference,
    "max": PoolMaxInference,
    "attention": PoolAttentionInference,
}


def another_length(name: str, expected: int, shortest: int, longest: int) -> DataError:
    """The error for sequences of other lengths than the one that a layer was built for."""
    return DataError(
        f"{name} was built for sequences of {expected} steps; got {shortest} to {longest}."
    )


class FlattenInference(InferenceLayer):
    """No weights. Not causal: its output needs the last step."""

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        assert context.shape.length is not None
        self.fixed_length: int = context.shape.length

    def __call__(self, x: Ragged) -> Array:
        lengths = x.lengths
        if (lengths != self.fixed_length).any():
            shortest, longest = int(lengths.min()), int(lengths.max())
            raise another_length(self.name, self.fixed_length, shortest, longest)
        return x.values.reshape(len(lengths), -1)

    def write_onnx(self, x: Steps) -> Value:
        """Where a length is another one, there is no such entry of the table of one number."""
        whole = x.values.slice(0, self.fixed_length, 1)
        wrong = (x.lengths - self.fixed_length).op("Abs")
        nothing = x.values.graph.constant([0.0], np.float32).gather(wrong)
        return whole.reshape(0, self.fixed_length * self.inputs) + nothing.unsqueeze(1)


@dataclass(frozen=True)
class Flatten(
    LayerSpec, kind="flatten", input_kind="sequence", is_causal=False, inference=FlattenInference
):
    """`flatten`: `[time, feature]` becomes `[time * feature]`, step by step.

    All sequences must have one common length.
    """

    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        length = context.shape.length
        if length is None:
            raise SpecError(
                f"{context.name} needs sequences of one common length, and these differ. Use a "
                "layer that takes any length: lstm(32), or pool(mean) before a dense layer."
            )
        return context.shape.ended(length * context.shape.features)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        source.steps.append(f"x = x[:, :{context.shape.length}].flatten(1)")

    def write_training(self, program: Program, context: BuildContext) -> None:
        assert context.shape.length is not None
        program.flatten(context.name, context.shape.length)
