"""Recurrent layers in one or two directions: `rnn`, `lstm`, `gru`, `birnn`, `bilstm`, `bigru`.

The arithmetic of the cells and its sources are in `segue.kernels`.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from pydantic import FiniteFloat

from segue.errors import SpecError
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.spec import Alias, Aliases, Count, Name, Rate

Output = Literal["auto", "last", "every"]
Merge = Literal["concat", "sum", "mean", "none"]
InitialState = Literal["zeros", "learnt"] | tuple[tuple[FiniteFloat, ...], ...]


def keeps_sequence(output: Output, context: BuildContext) -> bool:
    """Whether a recurrent layer with this `output` returns every step."""
    return output == "every" or (output == "auto" and context.every)


@dataclass(frozen=True)
class RecurrentSpec(LayerSpec, abc.ABC):
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

    module_path: ClassVar[str] = "segue.modules.recurrent.RecurrentLayer"
    cell: ClassVar[str]
    states: ClassVar[tuple[str, ...]] = ("h",)
    input_kind = "sequence"
    aliases: ClassVar[Aliases] = {
        "return_sequences": Alias("output", {True: "every", False: "last"})
    }

    units: Count
    dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0
    output: Output = "auto"
    initial_state: InitialState = "zeros"
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        return self._shape(self.units, context)

    def _shape(self, features: int, context: BuildContext) -> Shape:
        given = self.initial_state
        if isinstance(given, tuple) and [len(v) for v in given] != [self.units] * len(self.states):
            raise SpecError(
                f"{context.name}: `initial_state` must be zeros, learnt, or {len(self.states)} "
                f"list(s) of {self.units} numbers ({', '.join(self.states)}); "
                f"got lists of {', '.join(str(len(values)) for values in given)}."
            )
        shape = replace(context.shape.with_features(features), backward=None)
        return shape if keeps_sequence(self.output, context) else shape.ended(features)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        """Add a recurrent layer over packed sequences."""
        self._check_torch(source, context)
        name, sequence = source.attribute(context.name), self.output_shape(context).sequence
        options = ', nonlinearity="relu"' if getattr(self, "activation", "") == "relu" else ""
        size = f"{context.shape.features}, {self.units}, batch_first=True{options}"
        made = f"nn.{self.cell.upper()}({size}{self._torch_options})"
        source.modules.append(f"self.{name} = {made}")
        if self.dropout or self.recurrent_dropout:
            source.steps.append(
                f"# In training segue drops inputs or states of {context.name} here."
            )
        if sequence:
            source.steps.append(f"x = unpack(self.{name}(pack(x, lengths))[0], x.shape[1])")
        else:
            state = "(h, _)" if self.cell == "lstm" else "h"
            source.steps.append(f"_, {state} = self.{name}(pack(x, lengths))")
        source.steps += self._torch_outputs(sequence=sequence)
        copy = "copy_gru" if self.cell == "gru" else "copy_recurrent"
        source.helpers |= {"pack", copy} | ({"unpack"} if sequence else set())
        for part, suffix in self._torch_directions:
            source.copies.append(f'{copy}(model.{name}, weights, "{context.name}/{part}"{suffix})')

    _torch_options: ClassVar[str] = ""
    _torch_directions: ClassVar[tuple[tuple[str, str], ...]] = (("", ""),)

    def _torch_outputs(self, *, sequence: bool) -> list[str]:
        return [] if sequence else ["x = h[0]"]

    def _check_torch(self, source: TorchSource, context: BuildContext) -> None:
        if self.initial_state != "zeros":
            source.problems.append(f"{context.name} has initial_state={self.initial_state!r}")
        if getattr(self, "reset", "after") == "before":
            source.problems.append(f"{context.name} is a gru with reset=before")
        if getattr(self, "merge", "concat") == "none":
            source.problems.append(f"{context.name} keeps its two directions apart")


@dataclass(frozen=True)
class BidirectionalSpec(RecurrentSpec, abc.ABC):
    """A recurrent layer and its mirror image, which reads each sequence from its own end.

    Schuster & Paliwal, "Bidirectional recurrent neural networks", IEEE TSP 45(11), 1997.

    Args:
        merge: "concat" puts the two outputs side by side (2 * units features), "sum" and "mean"
            join them, "none" keeps them apart for the next bidirectional layer, whose forward part
            then sees the forward output only, and its backward part the backward output.
    """

    module_path: ClassVar[str] = "segue.modules.recurrent.BidirectionalLayer"
    takes_directions: ClassVar[bool] = True
    is_causal = False

    merge: Merge = "concat"

    def output_shape(self, context: BuildContext) -> Shape:
        shape = self._shape(2 * self.units if self.merge == "concat" else self.units, context)
        directions = 2 if self.merge == "none" else 1
        backward = context.name if shape.sequence else None
        return replace(shape, directions=directions, backward=backward)

    _torch_options: ClassVar[str] = ", bidirectional=True"
    _torch_directions: ClassVar[tuple[tuple[str, str], ...]] = (
        ("forward/", ""),
        ("backward/", ', "_reverse"'),
    )

    def _torch_outputs(self, *, sequence: bool) -> list[str]:
        forward, backward = "h[0]", "h[1]"
        if sequence:
            if self.merge == "concat":
                return []
            forward, backward = f"x[:, :, :{self.units}]", f"x[:, :, {self.units}:]"
        if self.merge == "concat":
            return [f"x = torch.cat([{forward}, {backward}], dim=-1)"]
        total = f"{forward} + {backward}"
        return [f"x = {total}" if self.merge == "sum" else f"x = ({total}) / 2"]


@dataclass(frozen=True)
class RNN(RecurrentSpec):
    """`rnn(units, activation=tanh)`: the simple recurrent network.

    Weights: `kernel` [channel, units], `recurrent_kernel` [units, units], `bias` [units].

    Elman, "Finding structure in time", Cognitive Science 14(2), 1990.

    Args:
        activation: of the state, "tanh" or "relu".

    >>> str(RNN(16, activation="relu"))
    'rnn(16, activation=relu)'
    """

    kind: ClassVar[str] = "rnn"
    cell: ClassVar[str] = "rnn"

    activation: Literal["tanh", "relu"] = "tanh"


@dataclass(frozen=True)
class LSTM(RecurrentSpec):
    """`lstm(units)`: long short-term memory.

    Weights: `kernel` [channel, 4 * units], `recurrent_kernel` [units, 4 * units], `bias`
    [4 * units]; gates in the order input, forget, cell, output.

    Hochreiter & Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997; with the
    forget gate of Gers, Schmidhuber & Cummins, Neural Computation 12(10), 2000.

    >>> str(LSTM(64, dropout=0.2, name="memory"))
    'lstm(64, dropout=0.2, name=memory)'
    """

    kind: ClassVar[str] = "lstm"
    cell: ClassVar[str] = "lstm"
    states: ClassVar[tuple[str, ...]] = ("h", "c")


@dataclass(frozen=True)
class GRU(RecurrentSpec):
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

    kind: ClassVar[str] = "gru"
    cell: ClassVar[str] = "gru"

    reset: Literal["after", "before"] = "after"


@dataclass(frozen=True)
class BiRNN(BidirectionalSpec):
    """`birnn(units)`: a simple recurrent network in both directions, 2 * units features.

    Weights as of `RNN`, below `forward/` and `backward/`.

    Args:
        activation: as of `RNN`.
    """

    kind: ClassVar[str] = "birnn"
    cell: ClassVar[str] = "rnn"

    activation: Literal["tanh", "relu"] = "tanh"


@dataclass(frozen=True)
class BiLSTM(BidirectionalSpec):
    """`bilstm(units)`: an LSTM in both directions, 2 * units features.

    Weights as of `LSTM`, below `forward/` and `backward/`.
    """

    kind: ClassVar[str] = "bilstm"
    cell: ClassVar[str] = "lstm"
    states: ClassVar[tuple[str, ...]] = ("h", "c")


@dataclass(frozen=True)
class BiGRU(BidirectionalSpec):
    """`bigru(units)`: a GRU in both directions, 2 * units features.

    Weights as of `GRU`, below `forward/` and `backward/`.

    Args:
        reset: as of `GRU`.
    """

    kind: ClassVar[str] = "bigru"
    cell: ClassVar[str] = "gru"

    reset: Literal["after", "before"] = "after"
