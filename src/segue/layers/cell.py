"""A recurrent cell of the user's own, run over ragged batches as the others are."""

from __future__ import annotations

import abc
import copy
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import pydantic
import torch
from torch import Tensor, nn

from segue.errors import SpecError
from segue.kernels import last_step, scan
from segue.kernels.scan import State
from segue.layers.base import Layer, LayerSpec, Place
from segue.layers.own import refuse_note
from segue.layers.recurrent import Output
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Name, Rate


class Cell(nn.Module, abc.ABC):
    """One step of a recurrence: derive from it, and put an instance into a network.

    Its weights are what it sets as `nn.Parameter`; the initial state too, if it is to be learnt.

    >>> class Sum(Cell):
    ...     def initial_state(self, batch):
    ...         return torch.zeros(batch, 1)
    ...
    ...     def step(self, x_t, state):
    ...         state = state + x_t.sum(1, keepdim=True)
    ...         return state, state
    >>> from segue.layers import Shape
    >>> from segue.networks import Network, as_specs
    >>> Network(as_specs([Sum()]), Shape(3), outputs=2).names
    ['cell_1', 'head']
    """

    @abc.abstractmethod
    def initial_state(self, batch: int) -> Tensor | tuple[Tensor, ...]:
        """The state before the first step: a tensor `[batch, ...]`, or several."""

    @abc.abstractmethod
    def step(self, x_t: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One step: `[batch, feature]` and the state to the output `[batch, units]` and the new
        state, in the form that `initial_state` has.
        """  # noqa: D205


@dataclass(frozen=True)
class OwnCell(LayerSpec):
    """A cell of one's own: `[MyCell(12, 64)]`, or `OwnCell(MyCell(12, 64), output="every")`.

    Each network gets a copy of it, with the weights as they are.

    Args:
        cell: the cell.
        dropout: of the inputs, in training; one mask for a sequence, constant over time.
        output: "last" ends the sequence, "every" keeps it; "auto" does what the next layers need.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "cell"
    takes: ClassVar[Literal["sequence"]] = "sequence"
    is_own: ClassVar[bool] = True

    cell: pydantic.InstanceOf[Cell]
    dropout: Rate = 0.0
    output: Output = "auto"
    name: Name | None = None

    def __post_init__(self) -> None:
        refuse_note(self.cell)
        super().__post_init__()

    def __str__(self) -> str:
        return f"{self.kind}({type(self.cell).__name__})"

    def to_json(self) -> dict[str, Any]:
        """A note of what was there; nothing can be made of it again."""
        return {"kind": self.kind, "cell": type(self.cell).__name__}

    def build(self, place: Place) -> Layer:
        return CellLayer(self, place)


class CellLayer(Layer):
    """Weights: those of the cell, with slashes for dots."""

    draws_weights = False

    def __init__(self, spec: OwnCell, place: Place) -> None:
        cell = copy.deepcopy(spec.cell)
        shape = place.shape.with_features(_units_of(cell, place))
        every = spec.output == "every" or (spec.output == "auto" and place.every)
        shape = replace(shape, backward=None) if every else shape.ended(shape.features)
        super().__init__(place.name, shape)
        self.cell = cell
        self.dropout = spec.dropout

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded | Tensor:
        state = tuple(part.to(x.values) for part in self.initial_state(len(x.values)))
        return self.forward_from(x, state, draws)[0]

    def forward_from(
        self, x: Padded, state: State, draws: Draws | None = None
    ) -> tuple[Padded | Tensor, State]:
        values = x.values
        if draws is not None and self.dropout:
            size = (len(values), 1, values.shape[2])
            values = values * draws.keep_mask(size, self.dropout, values, self.name)
        outputs, state = scan(self.step, values, x.lengths, state)
        if self.shape.sequence:
            return Padded(outputs, x.lengths), state
        return last_step(outputs, x.lengths), state

    def initial_state(self, batch: int) -> State:
        parts = _parts(self.cell.initial_state(batch))
        like = next(self.cell.parameters(), None)  # a cell's `torch.zeros` is float32, on the CPU
        return parts if like is None else tuple(part.to(like) for part in parts)

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        y_t, new = self.cell.step(x_t, state[0] if len(state) == 1 else state)
        return y_t, _parts(new)

    def weights(self) -> dict[str, Tensor]:
        return {name.removeprefix("cell/"): w for name, w in super().weights().items()}


def _parts(state: Any) -> State:
    return (state,) if isinstance(state, Tensor) else tuple(state)


def _units_of(cell: Cell, place: Place) -> int:
    """What comes out of a step of zeros, for two sequences."""
    what = f"{place.name} ({type(cell).__name__})"
    like = next(cell.parameters(), torch.zeros(0, device="cpu"))
    try:
        with torch.no_grad():
            state = cell.initial_state(2)
            y_t, new = cell.step(like.new_zeros(2, place.shape.features), state)
        before = [tuple(part.shape) for part in _parts(state)]
        after = [tuple(part.shape) for part in _parts(new)]
    except Exception as error:
        raise SpecError(
            f"{what} fails on a step of shape (2, {place.shape.features}): {error}"
        ) from error
    if before != after or any(shape[:1] != (2,) for shape in before):
        raise SpecError(
            f"{what}: for a batch of 2 the state has the shapes {before} before a step and {after} "
            "after it; it is to keep them, and to begin with the batch."
        )
    if not isinstance(y_t, Tensor) or y_t.ndim != 2 or len(y_t) != 2:
        raise SpecError(f"{what} is to give [batch, units]; of a batch of 2 came {y_t!r}.")
    return y_t.shape[1]
