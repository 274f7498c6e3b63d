"""What the recurrent layers share: one direction or two, every step or the last, dropout, states.

Which cell it is stands in `lstm.py`, `gru.py` and `rnn.py`, each a `Recurrence` and two specs.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from pydantic import FiniteFloat
from torch import Tensor, nn

from segue.errors import SpecError
from segue.kernels import Masks, last_step, reverse
from segue.kernels.scan import State
from segue.layers.base import (
    Directions,
    Layer,
    LayerSpec,
    Place,
    Shape,
    Signal,
    refuse_directions,
)
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Count, Name, Rate

Output = Literal["auto", "last", "every"]
Merge = Literal["concat", "sum", "mean", "none"]
InitialState = Literal["zeros", "learnt"] | tuple[tuple[FiniteFloat, ...], ...]


class Recurrence(nn.Module, abc.ABC):
    """One cell's weights, and its recurrence in one direction.

    Args:
        place: where it stands; `place.shape.features` channels come in.
        part: what its weights' names begin with: "", "forward/" or "backward/".
        spec: the layer's arguments.
    """

    states: ClassVar[tuple[str, ...]] = ("h",)
    gates: ClassVar[int] = 1

    def __init__(self, place: Place, part: str, spec: RecurrentSpec) -> None:
        super().__init__()
        self.units = spec.units
        self.make_weights(place, part, spec)
        self._make_initial_state(place, spec)

    @abc.abstractmethod
    def make_weights(self, place: Place, part: str, spec: Any) -> None:
        """Set `kernel`, `recurrent_kernel` and `bias` to parameters with their initial values."""

    @abc.abstractmethod
    def carry(
        self, x: Tensor, lengths: Tensor, state: State, masks: Masks | None
    ) -> tuple[Tensor, State]:
        """All outputs `[batch, time, units]`, and the state after the last step of the batch.

        Of a sequence that is shorter, the state has no meaning.
        """

    def run(self, x: Tensor, lengths: Tensor, state: State, masks: Masks | None) -> Tensor:
        """All outputs `[batch, time, units]`."""
        return self.carry(x, lengths, state, masks)[0]

    @abc.abstractmethod
    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        """One step."""

    def _make_initial_state(self, place: Place, spec: RecurrentSpec) -> None:
        given = spec.initial_state
        if given == "zeros":
            return
        if given == "learnt":
            for state in self.states:
                self.register_parameter(f"initial_{state}", nn.Parameter(torch.zeros(self.units)))
            return
        if [len(values) for values in given] != [self.units] * len(self.states):
            raise SpecError(
                f"{place.name}: `initial_state` must be zeros, learnt, or {len(self.states)} "
                f"list(s) of {self.units} numbers ({', '.join(self.states)}); "
                f"got lists of {', '.join(str(len(values)) for values in given)}."
            )
        for state, values in zip(self.states, given, strict=True):
            self.register_buffer(f"initial_{state}", torch.tensor(values))

    def initial_state(self, batch: int) -> State:
        """The state before the first step, `[batch, units]` each."""
        like: Tensor = self.get_parameter("kernel")
        zeros = like.new_zeros(self.units)
        values = (getattr(self, f"initial_{state}", zeros) for state in self.states)
        return tuple(value.expand(batch, self.units).contiguous() for value in values)


@dataclass(frozen=True)
class RecurrentSpec(LayerSpec, abc.ABC):
    """The arguments that all recurrent layers have.

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

    takes: ClassVar[Literal["sequence"]] = "sequence"
    recurrence: ClassVar[type[Recurrence]]

    units: Count
    dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0
    output: Output = "auto"
    initial_state: InitialState = "zeros"
    name: Name | None = None

    def wants_every(self, place: Place) -> bool:
        """Whether every step is to come out."""
        return self.output == "every" or (self.output == "auto" and place.every)

    def build(self, place: Place) -> Layer:
        refuse_directions(self, place.shape)
        return RecurrentLayer(self, place)


@dataclass(frozen=True)
class BidirectionalSpec(RecurrentSpec, abc.ABC):
    """A recurrent layer and its mirror image, which reads each sequence from its own end.

    Schuster & Paliwal, "Bidirectional recurrent neural networks", IEEE TSP 45(11), 1997.

    Args:
        merge: "concat" puts the two outputs side by side (2 * units features), "sum" and "mean"
            join them, "none" keeps them apart for the next bidirectional layer, whose forward part
            then sees the forward output only, and its backward part the backward output.
    """

    takes_directions: ClassVar[bool] = True

    merge: Merge = "concat"

    def build(self, place: Place) -> Layer:
        return BidirectionalLayer(self, place)


def _shape(spec: RecurrentSpec, place: Place, features: int) -> Shape:
    shape = replace(place.shape.with_features(features), backward=None)
    return shape if spec.wants_every(place) else shape.ended(features)


def _dropped(
    recurrence: Recurrence,
    spec: RecurrentSpec,
    x: Tensor,
    draws: Draws | None,
    *path: str,
) -> tuple[Tensor, Masks | None]:
    """The inputs after dropout; or, where each gate has a mask of its own, those masks."""
    if draws is None:
        return x, None

    def mask(masks: int, features: int, rate: float, part: str) -> Tensor:
        # Sequences come first, so that those that go on in the next piece keep their masks.
        return draws.keep_mask((len(x), masks, features), rate, x, *path, part)

    channels, gates = x.shape[2], recurrence.gates
    if not spec.recurrent_dropout:
        return (x * mask(1, channels, spec.dropout, "x") if spec.dropout else x), None
    inputs = mask(gates, channels, spec.dropout, "x") if spec.dropout else None
    return x, Masks(inputs, mask(gates, spec.units, spec.recurrent_dropout, "h"))


class RecurrentLayer(Layer):
    """One direction. Weights: those of its cell, and `initial_h`, `initial_c` where there are."""

    def __init__(self, spec: RecurrentSpec, place: Place) -> None:
        super().__init__(place.name, _shape(spec, place, spec.units))
        self.spec = spec
        self.recurrence = spec.recurrence(place, "", spec)

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded | Tensor:
        values, masks = _dropped(self.recurrence, self.spec, x.values, draws, self.name, "forward")
        state = self.recurrence.initial_state(len(values))
        outputs = self.recurrence.run(values, x.lengths, state, masks)
        return Padded(outputs, x.lengths) if self.shape.sequence else last_step(outputs, x.lengths)

    def forward_from(
        self, x: Padded, state: State, draws: Draws | None = None
    ) -> tuple[Padded | Tensor, State]:
        values, masks = _dropped(self.recurrence, self.spec, x.values, draws, self.name, "forward")
        outputs, state = self.recurrence.carry(values, x.lengths, state, masks)
        if self.shape.sequence:
            return Padded(outputs, x.lengths), state
        return last_step(outputs, x.lengths), state

    def initial_state(self, batch: int) -> State:
        return self.recurrence.initial_state(batch)

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        return self.recurrence.step(x_t, state)

    def weights(self) -> dict[str, Tensor]:
        return {name.removeprefix("recurrence/"): w for name, w in super().weights().items()}

    def activation_size(self, time: int) -> int:
        return 12 * self.spec.units * time


class BidirectionalLayer(Layer):
    """Two directions. Weights: `forward/kernel`, ..., `backward/kernel`, ...

    The last output is the forward one after each sequence's own last step, joined with the backward
    one after its first: both have then seen the whole sequence.
    """

    causal = False

    def __init__(self, spec: BidirectionalSpec, place: Place) -> None:
        features = 2 * spec.units if spec.merge == "concat" else spec.units
        shape = _shape(spec, place, features)
        directions = 2 if spec.merge == "none" else 1
        backward = place.name if shape.sequence else None
        super().__init__(place.name, replace(shape, directions=directions, backward=backward))
        self.spec = spec
        self.ahead = spec.recurrence(place, "forward/", spec)
        self.back = spec.recurrence(place, "backward/", spec)

    def forward(self, x: Padded | Directions, draws: Draws | None = None) -> Signal:
        ahead, back = x if isinstance(x, Directions) else (x, x)
        lengths = ahead.lengths
        first = self._run(self.ahead, ahead.values, lengths, draws, "forward")
        mirrored = reverse(back.values, lengths)
        second = self._run(self.back, mirrored, lengths, draws, "backward")
        if not self.shape.sequence:
            ends: Signal = self._merge(last_step(first, lengths), last_step(second, lengths))
            return ends
        second = reverse(second, lengths)
        if self.spec.merge == "none":
            return Directions(Padded(first, lengths), Padded(second, lengths))
        return Padded(self._merge(first, second), lengths)

    def _run(
        self,
        recurrence: Recurrence,
        values: Tensor,
        lengths: Tensor,
        draws: Draws | None,
        direction: str,
    ) -> Tensor:
        values, masks = _dropped(recurrence, self.spec, values, draws, self.name, direction)
        return recurrence.run(values, lengths, recurrence.initial_state(len(values)), masks)

    def _merge(self, ahead: Tensor, back: Tensor) -> Any:
        if self.spec.merge == "concat":
            return torch.cat([ahead, back], dim=-1)
        if self.spec.merge == "none":
            return Directions(ahead, back)
        total = ahead + back
        return total if self.spec.merge == "sum" else total / 2

    def weights(self) -> dict[str, Tensor]:
        return {
            name.replace("ahead/", "forward/").replace("back/", "backward/"): w
            for name, w in super().weights().items()
        }

    def activation_size(self, time: int) -> int:
        return 24 * self.spec.units * time
