"""The base of layers that predict without torch, and layers in sequence.

A kind of layer has its class beside its spec, with the forward pass of `segue.modules` on ragged
batches, and names it in the spec: `class Dense(LayerSpec, inference=DenseInference, ...)`.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from segue.data.arrays import Array
from segue.errors import NotCausalError, SpecError
from segue.kernels import forward
from segue.kernels.ragged import Directions, Ragged, last_steps, one_step_each, quiet, steps_within
from segue.layers.base import BuildContext, LayerSpec, plan_layers
from segue.layers.initial import Initializers, zeros
from segue.onnx_graph import Steps, Value, concat

Signal = Ragged | Array | Directions
WeightShapes = dict[str, tuple[int, ...]]


class InferenceLayer(abc.ABC):
    """A layer that predicts without torch; what its module has in training is absent here.

    `Ragged` is its input and output while there is a time axis; a layer that ends the sequence
    returns `[n, feature]`. Values are float32.

    Args:
        spec: its arguments.
        context: as of the torch module.
        weights: by the names of the module's; float32. They are packed for the kernels here, once.

    Attributes:
        name: unique in the network; of a layer inside another one, its path: `residual_1/conv_2`.
        kind: that of its spec.
        shape: of its output.
        causal: whether the output at a step depends on that step and earlier ones only, and each
            input step gives one output step.
        fixed_length: the only sequence length that it takes; `None`: any.
        activation: applied to its output, as a spec; `None`: none of its own.
        chains: the layers inside it, side by side.
        merge: how the outputs of these are joined: "concat", "sum", "mean" or "product".
        inputs: features of its input.
        reach: steps around a sequence that it takes in, such as those of a window.
        sees_whole: whether `last_output` depends on the whole sequence; `None`: it does where this
            layer and all before it are causal.
        reads_steps: whether its input has a time axis.
        keeps_steps: whether memory is needed for its features at every step.
        fixed: the names of weights that are not trained.
        fitted: the names of those that follow from the training sequences.
        is_untrained: whether it gives features of a sequence that are not trained at all.
        token_weights: names of weights with a row for each token.
        initializers: what draws the weights before a training, by name; others are zeros.
        kernels: the functions that it calls, `segue.kernels.native` or `segue.kernels.reference`.
    """

    fixed_length: int | None = None
    activation: Any = None
    chains: Sequence[InferenceChain] = ()
    merge: str = ""
    sees_whole: bool | None = None
    reach: int = 0
    keeps_steps: bool = True
    fixed: Sequence[str] = ()
    fitted: Sequence[str] = ()
    is_untrained: ClassVar[bool] = False
    token_weights: Sequence[str] = ()
    initializers: ClassVar[Initializers] = {}

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        self.spec = spec
        self.name, self.kind = context.name, spec.kind
        self.shape = spec.output_shape(context)
        self.causal: bool = spec.is_causal
        self.inputs = context.shape.features
        self.reads_steps = context.shape.sequence
        self.kernels: Any = forward.backend()
        self._given = weights

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:  # noqa: ARG003
        """The weights that the layer needs, and their shapes."""
        return {}

    @classmethod
    def initial_weights(cls, spec: Any, context: BuildContext) -> dict[str, Array]:
        """The weights before a training, by the names of `weight_shapes`."""
        return {
            part: cls.initializers.get(part, zeros)(shape, context.generator(part))
            for part, shape in cls.weight_shapes(spec, context).items()
        }

    def fitted_weights(
        self, x: Any, classes: Array | None, generator: Generator
    ) -> dict[str, Array]:
        """The weights named in `fitted`, from training sequences, before a training begins.

        Args:
            x: the layer's input for some training sequences.
            classes: `[n]`, the numbers of their classes; `None`: they have none.
            generator: for what is drawn.
        """
        return {}

    @abc.abstractmethod
    def __call__(self, x: Any) -> Any:
        """Compute whole sequences at once."""

    def initial_state(self, count: int) -> Any:
        """The state of so many sequences before the first step; `None` for a layer without."""
        return None

    def step(self, x_t: Array, state: Any) -> tuple[Array, Any]:
        """One step: `[n, feature]` and the state to `[n, feature]` and the new state.

        Raises:
            NotCausalError: the layer needs the whole sequence; the message names it.
        """
        raise self.not_causal()

    def forward_from(self, x: Any, state: Any) -> tuple[Any, Any]:
        """A piece of longer sequences, of unequal lengths from 0 on: the output and the new state.

        A layer without state treats a piece like a whole sequence. The output of a layer that ends
        the sequence is that for the sequence so far.

        Raises:
            NotCausalError: the layer needs the whole sequence; the message names it.
        """
        if not self.causal:
            raise self.not_causal()
        return self(x), None

    def prefix_outputs(self, x: Ragged) -> Ragged:
        """The output of a causal layer that ends the sequence, for every prefix of each sequence.

        Returns:
            `[steps, feature]`: at each step the output for the sequence up to that step.
        """
        within, last = steps_within(x.offsets), x.offsets[1:] - 1
        state, found = self.initial_state(len(last)), None
        for time in range(within.max() + 1):  # sequences that have ended take their last step again
            y_t, state = self.step(x.values[np.minimum(x.offsets[:-1] + time, last)], state)
            found = np.empty((len(within), y_t.shape[1]), y_t.dtype) if found is None else found
            running = x.lengths > time
            found[x.offsets[:-1][running] + time] = y_t[running]
        assert found is not None
        return Ragged(found, x.offsets)

    def last_output(self, x: Ragged) -> Array:
        """`[n, feature]`, the last outputs of each sequence, from its outputs at every step."""
        return last_steps(x)

    def write_onnx(self, x: Any) -> Any:
        """Add the layer to an ONNX graph: its input there to its output.

        Args:
            x: `Steps` while there is a time axis, `Directions` of them, or a `Value`
                `[batch, feature]`.

        Raises:
            SpecError: it has no such form; the message names it.
        """
        raise SpecError(
            f"{self.name} is {self.spec}, which has no form in ONNX: only segue's own layers have."
        )

    def write_onnx_step(self, x_t: Value) -> Value:
        """Add one step of the layer to an ONNX graph: `[batch, feature]` to `[batch, feature]`.

        What it keeps from step to step are states of the graph (`Graph.state`).

        Raises:
            NotCausalError: the layer needs the whole sequence; the message names it.
            SpecError: it has no such form; the message names it.
        """
        if not self.causal:
            raise self.not_causal()
        y_t: Value = self.write_onnx(x_t)
        return y_t

    def not_causal(self) -> NotCausalError:
        """The error to raise where this layer cannot go step by step."""
        return NotCausalError(self.spec.not_causal_message(self.name))

    def sublayers(self) -> tuple[InferenceLayer, ...]:
        """The layers directly inside this one."""
        return tuple(layer for chain in self.chains for layer in chain)

    def walk(self) -> Iterator[InferenceLayer]:
        """This layer, and all that are inside it."""
        yield self
        for layer in self.sublayers():
            yield from layer.walk()

    @property
    def parameters(self) -> int:
        """How many numbers were learnt, those of layers inside this one too."""
        if self.chains:
            return sum(layer.parameters for layer in self.sublayers())
        return sum(w.size for name, w in self.weights().items() if name not in self.fixed)

    def weights(self) -> Mapping[str, Array]:
        """The weights by name, such as `kernel`, as they were given."""
        return self._given


class PieceInference(InferenceLayer):
    """A layer with `forward_from`: a whole sequence and a single step are pieces as others are."""

    def __call__(self, x: Ragged) -> Any:
        return self.forward_from(x, self.initial_state(len(x.offsets) - 1))[0]

    def step(self, x_t: Array, state: Any) -> tuple[Array, Any]:
        if not self.causal:
            raise self.not_causal()
        y, state = self.forward_from(Ragged(x_t, one_step_each(len(x_t))), state)
        return y.values if self.shape.sequence else y, state

    @abc.abstractmethod
    def forward_from(self, x: Ragged, state: Any) -> tuple[Any, Any]: ...


class PointwiseInference(InferenceLayer):
    """A layer without state that does the same to each step of a sequence, and to a vector."""

    @abc.abstractmethod
    def transform(self, values: Array) -> Array:
        """The function of the last axis: `[rows, feature]` to `[rows, feature]`."""

    def __call__(self, x: Ragged | Array) -> Ragged | Array:
        if isinstance(x, Ragged):
            return Ragged(self.transform(x.values), x.offsets)
        return self.transform(x)

    def step(self, x_t: Array, state: None) -> tuple[Array, None]:
        return self.transform(x_t), None

    def transform_onnx(self, x: Value) -> Value:
        """The same function in an ONNX graph, of the last of two or three axes."""
        found: Value = InferenceLayer.write_onnx(self, x)  # it has none
        return found

    def write_onnx(self, x: Steps | Value) -> Steps | Value:
        if isinstance(x, Steps):
            return x._replace(values=self.transform_onnx(x.values))
        return self.transform_onnx(x)


@quiet
def joined(kernels: Any, values: list[Array], merge: str) -> Array:
    """Join the outputs of branches or directions: "concat", "sum", "mean" or "product"."""
    if merge == "product":
        return functools.reduce(np.multiply, values)
    if merge == "concat":
        together: Array = kernels.concat(values)
        return together
    total: Array = kernels.add(values)
    return total if merge == "sum" else total / np.float32(len(values))


def joined_onnx(values: Sequence[Value], merge: str) -> Value:
    """As `joined`, in an ONNX graph."""
    if merge == "concat":
        return concat(values, -1)
    if merge == "product":
        return functools.reduce(lambda first, second: first * second, values)
    total = values[0].op("Sum", *values[1:])
    return total if merge == "sum" else total / len(values)


class InferenceChain:
    """Layers in sequence; the output of one is the input of the next.

    Args:
        specs: the layers; composites are expanded.
        context: of the chain, as of the chain of torch modules.
        weights: by the name of the layer within the chain and their own, `conv_1/kernel`.

    Attributes:
        layers: first to last.
        shape: of the output.

    Raises:
        SpecError: a layer that does not fit its input; the message has the reason and what to do.
        NoInferenceError: a layer that needs torch.

    >>> from segue.layers import Dense, Shape
    >>> weights = {"dense_1/kernel": np.eye(2, dtype=np.float32)}
    >>> chain = InferenceChain([Dense(2, "relu", bias=False)], BuildContext("", Shape(2)), weights)
    >>> chain(np.array([[1.0, -1.0]], np.float32))
    array([[1., 0.]], dtype=float32)
    """

    def __init__(
        self, specs: Iterable[LayerSpec], context: BuildContext, weights: Mapping[str, Array]
    ) -> None:
        self.layers: list[InferenceLayer] = []
        self.shape = context.shape
        own = _by_layer(weights)
        for spec, planned, shape in plan_layers(specs, context):
            given = own.get(planned.name.rpartition("/")[2], {})
            self.layers.append(spec.inference_layer(planned, given))
            self.shape = shape

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[InferenceLayer]:
        return iter(self.layers)

    def __getitem__(self, index: Any) -> Any:
        """A layer by its position, or several by a slice."""
        return self.layers[index]

    @property
    def causal(self) -> bool:
        """Whether every layer can go step by step."""
        return all(layer.causal for layer in self.layers)

    def __call__(self, x: Any) -> Any:
        """Whole sequences through all layers."""
        for layer in self.layers:
            x = layer(x)
        return x

    def initial_state(self, count: int) -> list[Any]:
        """The state of every layer before the first step.

        Raises:
            NotCausalError: a layer needs the whole sequence; the message names it.
        """
        for layer in self.layers:
            if not layer.causal:
                raise layer.not_causal()
        return [layer.initial_state(count) for layer in self.layers]

    def step(self, x_t: Array, state: list[Any]) -> tuple[Array, list[Any]]:
        """One step through all layers: `[n, feature]`, and the new states."""
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            x_t, new = layer.step(x_t, before)
            after.append(new)
        return x_t, after

    def forward_from(self, x: Any, state: list[Any]) -> tuple[Any, list[Any]]:
        """A piece of longer sequences through all layers: the output and the new states."""
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            x, new = layer.forward_from(x, before)
            after.append(new)
        return x, after

    def fitted_weights(
        self, x: Any, classes: Array | None, generator: Generator
    ) -> dict[str, Array]:
        """The weights of all layers that follow from training sequences, by the names of `weights`.

        Args:
            x: the chain's input for some training sequences.
            classes: `[n]`, the numbers of their classes; `None`: they have none.
            generator: for what is drawn.
        """
        found: dict[str, Array] = {}
        waiting = [layer for layer in self.layers if any(one.fitted for one in layer.walk())]
        for layer in self.layers:
            if not waiting:
                break
            if layer is waiting[0]:
                name = layer.name.rpartition("/")[2]
                weights = waiting.pop(0).fitted_weights(x, classes, generator)
                found |= {f"{name}/{part}": array for part, array in weights.items()}
            x = layer(x) if waiting else x
        return found

    def prefix_outputs(self, x: Ragged) -> Ragged:
        """The output of causal layers for every prefix of each sequence: `[steps, feature]`.

        The layers before the one that ends the sequence have an output at every step anyway; to
        those behind it each step is an example.
        """
        ended = False
        for layer in self.layers:
            if ended:
                x = Ragged(layer(x.values), x.offsets)
            else:
                ended = not layer.shape.sequence
                x = layer.prefix_outputs(x) if ended else layer(x)
        return x

    def write_onnx(self, x: Any) -> Any:
        """Add all layers to an ONNX graph; nodes are named after the layers."""
        return write_layers(self.layers, x, lambda layer, signal: layer.write_onnx(signal))

    def write_onnx_step(self, x_t: Value) -> Value:
        """Add one step of all layers to an ONNX graph."""
        y_t: Value = write_layers(self.layers, x_t, lambda layer, x: layer.write_onnx_step(x))
        return y_t

    def weights(self) -> dict[str, Array]:
        """Every weight by the name of its layer and its own, `conv_1/kernel`."""
        return {
            f"{layer.name.rpartition('/')[2]}/{part}": array
            for layer in self.layers
            for part, array in layer.weights().items()
        }


def write_layers(
    layers: Iterable[InferenceLayer], x: Any, write: Callable[[InferenceLayer, Any], Any]
) -> Any:
    """Add layers in sequence to an ONNX graph, each with nodes of its own name."""
    first = x.forward if isinstance(x, Directions) else x
    graph = (first if isinstance(first, Value) else first.values).graph
    outer = graph.scope
    for layer in layers:
        graph.scope = layer.name
        x = write(layer, x)
    graph.scope = outer
    return x


def chain_weight_shapes(specs: Iterable[LayerSpec], context: BuildContext) -> WeightShapes:
    """The weights that a chain of layers needs, and their shapes.

    Raises:
        SpecError: a layer that does not fit its input.
        NoInferenceError: a layer that needs torch.

    >>> from segue.layers import LSTM, Shape
    >>> chain_weight_shapes([LSTM(2)], BuildContext("", Shape(3)))["lstm_1/kernel"]
    (3, 8)
    """
    return {
        f"{planned.name.rpartition('/')[2]}/{part}": shape
        for spec, planned, _ in plan_layers(specs, context)
        for part, shape in spec.weight_shapes(planned).items()
    }


def chain_initial_weights(specs: Iterable[LayerSpec], context: BuildContext) -> dict[str, Array]:
    """The weights of a chain of layers before a training, by the names of `chain_weight_shapes`.

    Raises:
        SpecError: a layer that does not fit its input.
    """
    return {
        f"{planned.name.rpartition('/')[2]}/{part}": weight
        for spec, planned, _ in plan_layers(specs, context)
        for part, weight in spec.initial_weights(planned).items()
    }


def weights_below(weights: Mapping[str, Array], part: str) -> Mapping[str, Array]:
    """The weights whose names begin with a part, without it; all of them for ""."""
    start = f"{part}/"
    if not part:
        return weights
    return {name.removeprefix(start): w for name, w in weights.items() if name.startswith(start)}


def _by_layer(weights: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    """Weights by the first part of their names, and by the rest."""
    found: dict[str, dict[str, Array]] = {}
    for name, array in weights.items():
        first, _, rest = name.partition("/")
        found.setdefault(first, {})[rest] = array
    return found
