"""Recurrent layers in one or two directions: `rnn`, `lstm`, `gru`, `birnn`, `bilstm`, `bigru`.

The arithmetic of the cells and its sources are in `segue.kernels`.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import FiniteFloat

from segue.data.arrays import Array
from segue.errors import SpecError
from segue.kernels.onnx_cells import write_cell
from segue.kernels.ragged import Directions, Ragged
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.layers.inference import (
    InferenceLayer,
    PieceInference,
    Signal,
    WeightShapes,
    joined,
    joined_onnx,
    weights_below,
)
from segue.layers.initial import glorot_uniform, orthogonal
from segue.onnx_graph import Steps, Value
from segue.spec import Alias, Aliases, Count, Name, Rate

if TYPE_CHECKING:
    from segue.kernels.training import Program

GATES = {"rnn": 1, "lstm": 4, "gru": 3}  # so many times the units are the columns of a kernel
Output = Literal["auto", "last", "every"]
Merge = Literal["concat", "sum", "mean", "product", "none"]
InitialState = Literal["zeros", "learnt"] | tuple[tuple[FiniteFloat, ...], ...]


def recurrent_shape(units: int, output: Output, context: BuildContext) -> Shape:
    """The output shape of a recurrent layer: every step, or the last of each sequence."""
    if output == "every" or (output == "auto" and context.every):
        return replace(context.shape.with_features(units), backward=None)
    return context.shape.ended(units)


State = tuple[Array, ...]
_TORCH_MERGES = {
    "concat": "x = torch.cat((first, second), dim=-1)",
    "sum": "x = first + second",
    "mean": "x = (first + second) / 2",
    "product": "x = first * second",
    "none": "x = first, second",
}


class RecurrentInference(PieceInference):
    """One direction. Weights: those of its cell, and learnt or given `initial_h`, `initial_c`."""

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        shapes: WeightShapes = spec.cell_shapes(context)
        return shapes

    @classmethod
    def initial_weights(cls, spec: Any, context: BuildContext) -> dict[str, Array]:
        weights: dict[str, Array] = spec.initial_weights_of(context, "")
        return weights

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self.fixed = spec.given_states()
        self._packed = spec.pack(self.kernels, weights)
        self._initial = spec.initial_values(weights)

    def __call__(self, x: Ragged) -> Ragged | Array:
        state = self.initial_state(len(x.offsets) - 1) if self._initial else None
        return self.forward_from(x, state)[0]

    def forward_from(self, x: Ragged, state: State | None) -> tuple[Ragged | Array, State]:
        every = self.shape.sequence
        outputs, state = self.kernels.recurrent(
            self._packed, x.values, x.offsets, state, every=every
        )
        return Ragged(outputs, x.offsets) if every else state[0], state

    def prefix_outputs(self, x: Ragged) -> Ragged:
        state = self.initial_state(len(x.offsets) - 1)
        return Ragged(
            self.kernels.recurrent(self._packed, x.values, x.offsets, state)[0], x.offsets
        )

    def initial_state(self, count: int) -> State:
        return initial_states(self.spec, self._initial, count)

    def write_onnx(self, x: Steps) -> Steps | Value:
        every, (last, *_) = write_direction(self.spec, x, self._given, self._initial)
        return x._replace(values=every) if self.shape.sequence else last

    def write_onnx_step(self, x_t: Value) -> Value:
        graph, spec = x_t.graph, self.spec
        names = [f"{self.name}/{state}" for state in spec.states]
        first = self._initial or [0.0] * len(names)
        states = [graph.state(*one) for one in zip(names, [(spec.units,)] * 2, first, strict=False)]
        cell, x = spec.packed_cell, x_t.unsqueeze(1)
        _, after = write_cell(cell, x, self._given, lengths=None, states=states)
        for name, state in zip(names, after, strict=True):
            graph.keep(name, state)
        return after[0]


def write_direction(
    spec: Any, x: Steps, weights: Mapping[str, Array], initial: State, *, backward: bool = False
) -> tuple[Value, list[Value]]:
    """Add one direction to an ONNX graph: the outputs of all steps, and the states at the end."""
    batch = x.values.size(0)
    states = [x.values.graph.constant(value).expand(batch, spec.units) for value in initial]
    return write_cell(
        spec.packed_cell, x.values, weights, lengths=x.lengths, states=states, backward=backward
    )


def initial_states(spec: Any, values: State, count: int) -> State:
    """The states of so many sequences before the first step, `[n, units]` each.

    Args:
        spec: of a recurrent layer.
        values: `[units]` each, or none, for zeros.
        count: how many.
    """
    if not values:
        return tuple(np.zeros((count, spec.units), np.float32) for _ in spec.states)
    return tuple(np.tile(value, (count, 1)) for value in values)


@dataclass(frozen=True)
class RecurrentSpec(
    LayerSpec,
    abc.ABC,
    module_name="RecurrentLayer",
    inference=RecurrentInference,
    input_kind="sequence",
    is_causal=True,
):
    """The arguments of every recurrent layer.

    Class attributes:
        cell: "rnn", "lstm" or "gru".
        states: the names of the cell's states.

    Args:
        units: the size of the hidden state.
        dropout: of the inputs, in training; one mask for a sequence, constant over time.
        recurrent_dropout: of the hidden state before each step, likewise. Where there is any, each
            gate has a mask of its own, of the inputs too; else all gates share that of the inputs
            (Gal & Ghahramani, "A theoretically grounded application of dropout in recurrent neural
            networks", NeurIPS 2016: untied and tied weights; Keras does the same).
        output: "last" ends the sequence, "every" keeps it; "auto" does what the next layers need.
        initial_state: "zeros", "learnt", or values: a list of `units` numbers for each state.
        name: the layer's own name.
    """

    cell: ClassVar[str]
    states: ClassVar[tuple[str, ...]] = ("h",)
    aliases: ClassVar[Aliases] = {
        "return_sequences": Alias("output", {True: "every", False: "last"}),
        "OutputMode": Alias("output", {"sequence": "every"}),
    }

    units: Count
    dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0
    output: Output = "auto"
    initial_state: InitialState = "zeros"
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        given = self.initial_state
        if isinstance(given, tuple) and [len(v) for v in given] != [self.units] * len(self.states):
            raise SpecError(
                f"{context.name}: `initial_state` must be zeros, learnt, or {len(self.states)} "
                f"list(s) of {self.units} numbers ({', '.join(self.states)}); "
                f"got lists of {', '.join(str(len(values)) for values in given)}."
            )
        return recurrent_shape(self.units, self.output, context)

    @property
    def packed_cell(self) -> str:
        """The cell's name in `segue.kernels.forward`."""
        return self.cell

    def cell_shapes(self, context: BuildContext) -> WeightShapes:
        """The shapes of the weights of one direction."""
        columns = GATES[self.cell] * self.units
        shapes: WeightShapes = {
            "kernel": (context.shape.features, columns),
            "recurrent_kernel": (self.units, columns),
            "bias": (2, columns) if self.packed_cell == "gru" else (columns,),
        }
        if self.initial_state != "zeros":
            shapes |= {f"initial_{state}": (self.units,) for state in self.states}
        return shapes

    def initial_weights_of(self, context: BuildContext, part: str) -> dict[str, Array]:
        """The weights of one direction before a training; `part` is its prefix, such as "forward/".

        The forget gate's bias is 1, so that the cell remembers until it learns to forget
        (Jozefowicz et al., ICML 2015).
        """
        shapes = self.cell_shapes(context)
        weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        for name, draw in (("kernel", glorot_uniform), ("recurrent_kernel", orthogonal)):
            weights[name] = draw(shapes[name], context.generator(part + name))
        if self.cell == "lstm":
            weights["bias"][self.units : 2 * self.units] = 1.0
        if isinstance(self.initial_state, tuple):
            for name, values in zip(self.given_states(), self.initial_state, strict=True):
                weights[name][:] = values
        return weights

    def given_states(self) -> list[str]:
        """The names of initial states that were given, and are not learnt."""
        given = self.initial_state not in ("zeros", "learnt")
        return [f"initial_{state}" for state in self.states if given]

    def pack(self, kernels: Any, weights: Mapping[str, Array], part: str = "") -> Any:
        """The weights of one direction, prepared for the kernels."""
        names = ("kernel", "recurrent_kernel", "bias")
        return kernels.pack_recurrent(self.packed_cell, *(weights[part + name] for name in names))

    def initial_values(self, weights: Mapping[str, Array], part: str = "") -> tuple[Array, ...]:
        """The states before the first step, `[units]` each; none of them where they are zeros."""
        if self.initial_state == "zeros":
            return ()
        return tuple(weights[f"{part}initial_{state}"] for state in self.states)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        run = self._torch_run(source, context, "", "x")
        ends = not self.output_shape(context).sequence
        source.steps.append(f"x = {f'last({run}, lengths)' if ends else run}")

    def _torch_run(self, source: TorchSource, context: BuildContext, part: str, x: str) -> str:
        """Add one direction, and return the expression of its outputs for `x`."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        size, copy = f"{context.shape.features}, {self.units}", "copy_recurrent"
        build = f"nn.{self.cell.upper()}({size}, batch_first=True"
        build += ', nonlinearity="relu")' if given.get("activation") == "relu" else ")"
        if self.cell == "gru":
            copy = "copy_gru"
        if given.get("reset") == "before":
            build, copy = f"ClassicGRU({size})", "copy_named"
        name = source.module(f"{context.name}{part}", build, copy)
        arguments = [f"self.{name}", x]
        for state in self.states if self.initial_state != "zeros" else ():
            initial = source.attribute(f"{name}_initial_{state}")
            source.modules.append(f"self.{initial} = nn.Parameter(torch.zeros({self.units}))")
            weight = f'weights["{context.name}{part}/initial_{state}"]'
            source.copies.append(f"model.{initial}.copy_(torch.as_tensor({weight}))")
            arguments.append(f"self.{initial}")
        if self.dropout or self.recurrent_dropout:
            source.steps.append(f"# In training segue drops inputs or states of {name} here.")
        return f"recur({', '.join(arguments)})"

    def write_training(self, program: Program, context: BuildContext) -> None:
        merge = getattr(self, "merge", "")
        if merge in ("none", "product") or context.shape.directions > 1:
            program.problems.append(f"{context.name} has merge={merge}")
            return
        states = self.given_states()
        parts = ("forward/", "backward/") if merge else ("",)
        program.fixed |= {f"{context.name}/{part}{state}" for part in parts for state in states}
        program.recurrent(
            context.name,
            self.packed_cell,
            context.shape.features,
            self.units,
            keeps_sequence=self.output_shape(context).sequence,
            merge=merge,
            rate=self.dropout,
            recurrent_rate=self.recurrent_dropout,
        )


class BidirectionalInference(InferenceLayer):
    """Two directions. Weights: `forward/kernel`, ..., `backward/kernel`, ...

    The last output is the forward one after each sequence's own last step, joined with the backward
    one after its first: both have then seen the whole sequence.
    """

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        cell = spec.cell_shapes(context)
        return {f"{part}/{name}": s for part in ("forward", "backward") for name, s in cell.items()}

    @classmethod
    def initial_weights(cls, spec: Any, context: BuildContext) -> dict[str, Array]:
        return {
            part + name: weight
            for part in ("forward/", "backward/")
            for name, weight in spec.initial_weights_of(context, part).items()
        }

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self.sees_whole = spec.merge in ("concat", "none")
        parts = ("forward/", "backward/")
        self.fixed = [part + name for part in parts for name in spec.given_states()]
        self._packed = [spec.pack(self.kernels, weights, part) for part in parts]
        self._initial = [spec.initial_values(weights, part) for part in parts]

    def __call__(self, x: Ragged | Directions) -> Signal:
        signals = x if isinstance(x, Directions) else (x, x)
        units, offsets, merge = self.spec.units, signals[0].offsets, self.spec.merge
        if not self.shape.sequence:
            ends = [self._run(way, signal)[1][0] for way, signal in enumerate(signals)]
            return Directions(*ends) if merge == "none" else joined(self.kernels, ends, merge)
        if merge == "concat":  # each direction writes its half
            whole = np.empty((len(signals[0].values), 2 * units), np.float32)
            for way, out in enumerate((whole[:, :units], whole[:, units:])):
                self._run(way, signals[way], out)
            return Ragged(whole, offsets)
        both = [self._run(way, signal)[0] for way, signal in enumerate(signals)]
        if merge == "none":
            return Directions(*(Ragged(values, offsets) for values in both))
        return Ragged(joined(self.kernels, both, merge), offsets)

    def _run(self, way: int, x: Ragged, out: Array | None = None) -> tuple[Array, State]:
        """One direction: 0 is forward, 1 backward."""
        initial, every = self._initial[way], self.shape.sequence
        state = initial_states(self.spec, initial, len(x.offsets) - 1) if initial else None
        run: tuple[Array, State] = self.kernels.recurrent(
            self._packed[way], x.values, x.offsets, state, backward=way == 1, out=out, every=every
        )
        return run

    def write_onnx(self, x: Steps | Directions) -> Any:
        signals = x if isinstance(x, Directions) else (x, x)
        found: list[Any] = []
        for way, (part, signal) in enumerate(zip(("forward", "backward"), signals, strict=True)):
            weights, initial = weights_below(self._given, part), self._initial[way]
            every, (last, *_) = write_direction(
                self.spec, signal, weights, initial, backward=way == 1
            )
            found.append(every if self.shape.sequence else last)
        if self.spec.merge == "none":
            steps = [signals[0]._replace(values=one) for one in found]
            return Directions(*(steps if self.shape.sequence else found))
        merged = joined_onnx(found, self.spec.merge)
        return signals[0]._replace(values=merged) if self.shape.sequence else merged

    def last_output(self, x: Ragged) -> Array:
        """The end of the forward direction joined with the beginning of the backward one."""
        units = self.spec.units
        ends = [x.values[x.offsets[1:] - 1, :units], x.values[x.offsets[:-1], units:]]
        return np.concatenate(ends, axis=1)


@dataclass(frozen=True)
class BidirectionalSpec(
    RecurrentSpec,
    abc.ABC,
    module_name="BidirectionalLayer",
    inference=BidirectionalInference,
    is_causal=False,
):
    """A recurrent layer and its mirror image, which reads each sequence from its own end.

    Schuster & Paliwal, "Bidirectional recurrent neural networks", IEEE TSP 45(11), 1997.

    Args:
        merge: "concat" puts both outputs side by side, "sum", "mean" and "product" join them, and
            "none" keeps them apart: of the next layer each direction sees its own only.
    """

    takes_directions: ClassVar[bool] = True

    merge: Merge = "concat"

    def output_shape(self, context: BuildContext) -> Shape:
        shape = super().output_shape(context)
        features = 2 * self.units if self.merge == "concat" else self.units
        directions = 2 if self.merge == "none" else 1
        backward = context.name if shape.sequence else None
        return replace(shape, features=features, directions=directions, backward=backward)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        before, behind = ("x", "x") if context.shape.directions == 1 else ("x[0]", "x[1]")
        forward = self._torch_run(source, context, "/forward", before)
        backward = self._torch_run(source, context, "/backward", f"backwards({behind}, lengths)")
        source.steps.append(f"first, second = {forward}, {backward}")
        if self.output_shape(context).sequence:
            source.steps.append("second = backwards(second, lengths)")
        else:
            source.steps.append("first, second = last(first, lengths), last(second, lengths)")
        source.steps.append(_TORCH_MERGES[self.merge])


@dataclass(frozen=True)
class RNN(RecurrentSpec, kind="rnn", cell="rnn"):
    """`rnn(units, activation=tanh)`: the simple recurrent network.

    Weights: `kernel` [channel, units], `recurrent_kernel` [units, units], `bias` [units].

    Elman, "Finding structure in time", Cognitive Science 14(2), 1990.

    Args:
        activation: of the state, "tanh" or "relu".

    >>> str(RNN(16, activation="relu"))
    'rnn(16, activation=relu)'
    """

    activation: Literal["tanh", "relu"] = "tanh"

    @property
    def packed_cell(self) -> str:
        return f"rnn_{self.activation}"


class LSTM(RecurrentSpec, kind="lstm", cell="lstm", states=("h", "c")):
    """`lstm(units)`: long short-term memory.

    Weights: `kernel` [channel, 4 * units], `recurrent_kernel` [units, 4 * units], `bias`
    [4 * units]; gates in the order input, forget, cell, output.

    Hochreiter & Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997; with the
    forget gate of Gers, Schmidhuber & Cummins, Neural Computation 12(10), 2000.

    >>> str(LSTM(64, dropout=0.2, name="memory"))
    'lstm(64, dropout=0.2, name=memory)'
    """


@dataclass(frozen=True)
class GRU(RecurrentSpec, kind="gru", cell="gru"):
    """`gru(units, reset=after)`: gated recurrent unit.

    Weights: `kernel` [channel, 3 * units], `recurrent_kernel` [units, 3 * units], `bias`
    [2, 3 * units] (input, recurrent); gates in the order update, reset, candidate.

    Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.

    Args:
        reset: "after": the reset gate acts on the recurrent product, as in cuDNN and Keras;
            "before": on the state, as in the paper, with a `bias` of [3 * units].

    >>> str(GRU(32, reset="before"))
    'gru(32, reset=before)'
    """

    reset: Literal["after", "before"] = "after"

    @property
    def packed_cell(self) -> str:
        return "gru" if self.reset == "after" else "gru_before"


@dataclass(frozen=True)
class BiRNN(BidirectionalSpec, kind="birnn", cell="rnn"):
    """`birnn(units)`: a simple recurrent network in both directions, 2 * units features.

    Weights as of `RNN`, below `forward/` and `backward/`.

    Args:
        activation: as of `RNN`.
    """

    activation: Literal["tanh", "relu"] = "tanh"

    @property
    def packed_cell(self) -> str:
        return f"rnn_{self.activation}"


class BiLSTM(BidirectionalSpec, kind="bilstm", cell="lstm", states=("h", "c")):
    """`bilstm(units)`: an LSTM in both directions, 2 * units features.

    Weights as of `LSTM`, below `forward/` and `backward/`.
    """


@dataclass(frozen=True)
class BiGRU(BidirectionalSpec, kind="bigru", cell="gru"):
    """`bigru(units)`: a GRU in both directions, 2 * units features.

    Weights as of `GRU`, below `forward/` and `backward/`.

    Args:
        reset: as of `GRU`.
    """

    reset: Literal["after", "before"] = "after"

    @property
    def packed_cell(self) -> str:
        return "gru" if self.reset == "after" else "gru_before"
