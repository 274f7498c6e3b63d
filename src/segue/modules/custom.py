"""Modules and recurrent cells of the user: the base to derive from, and the layers around them."""

from __future__ import annotations

import abc
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from segue.errors import SpecError
from segue.kernels.cells import State, scan
from segue.layers.base import BuildContext, Shape
from segue.layers.custom import CustomCell, CustomModule
from segue.modules.base import PieceLayer, SpecLayer
from segue.prepare.padded import Padded
from segue.randomness import Draws, key


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


class CustomCellLayer(PieceLayer):
    """Weights: those of the cell, with slashes for dots."""

    draws_weights = False
    inner = "cell."

    def __init__(self, spec: CustomCell, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.cell = copy.deepcopy(spec.cell)

    def forward_from(
        self, x: Padded, state: State, draws: Draws | None = None
    ) -> tuple[Padded | Tensor, State]:
        values, rate = x.values, self.spec.dropout
        state = tuple(part.to(values) for part in state)
        if draws is not None and rate:
            size = (len(values), 1, values.shape[2])
            values = values * draws.keep_mask(size, rate, values, self.name)
        outputs, state = scan(self.step, values, x.lengths, state)
        return self.last_or_every(outputs, x.lengths), state

    def initial_state(self, batch: int) -> State:
        parts = _parts(self.cell.initial_state(batch))
        like = next(self.cell.parameters(), None)  # a cell's `torch.zeros` is float32, on the CPU
        return parts if like is None else tuple(part.to(like) for part in parts)

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        y_t, new = self.cell.step(x_t, state[0] if len(state) == 1 else state)
        return y_t, _parts(new)


def _parts(state: Any) -> State:
    return (state,) if isinstance(state, Tensor) else tuple(state)


def units_of(cell: Cell, context: BuildContext) -> int:
    """The units of a cell, from a step of zeros for two sequences.

    Raises:
        SpecError: the cell fails, changes the shape of its state, or returns something else.
    """
    cell = copy.deepcopy(cell)
    what = f"{context.name} ({type(cell).__name__})"
    like = next(cell.parameters(), torch.zeros(0, device="cpu"))
    with _trial(f"{what} fails on a step of shape (2, {context.shape.features})"):
        state = cell.initial_state(2)
        y_t, new = cell.step(like.new_zeros(2, context.shape.features), state)
        before = [tuple(part.shape) for part in _parts(state)]
        after = [tuple(part.shape) for part in _parts(new)]
    if before != after or any(shape[:1] != (2,) for shape in before):
        raise SpecError(
            f"{what}: for a batch of 2 the state has the shapes {before} before a step and {after} "
            "after it; it is to keep them, and to begin with the batch."
        )
    if not isinstance(y_t, Tensor) or y_t.ndim != 2 or len(y_t) != 2:
        raise SpecError(f"{what} is to give [batch, units]; of a batch of 2 came {y_t!r}.")
    return y_t.shape[1]


class CustomModuleLayer(SpecLayer):
    """Weights: those of the module, with slashes for dots: `linear/weight`."""

    draws_weights = False
    inner = "module."

    def __init__(self, spec: CustomModule, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.module = copy.deepcopy(spec.module)

    def forward(self, x: Any, draws: Draws | None = None) -> Any:
        self.module.train(draws is not None)
        if draws is None:
            return self.module(x)
        like = x.values if isinstance(x, Padded) else x
        with torch.random.fork_rng([like.device] if like.is_cuda else []):
            torch.manual_seed(key(draws.seed, draws.epoch, draws.step, draws.first, self.name))
            return self.module(x)

    def initial_state(self, batch: int) -> Any:
        begin = getattr(self.module, "initial_state", None)
        return None if begin is None else begin(batch)

    def step(self, x_t: Tensor, state: Any) -> tuple[Tensor, Any]:
        if not self.causal:
            raise self.not_causal()
        self.module.eval()
        y_t, state = self.module.step(x_t, state)
        return y_t, state


def shape_of(spec: CustomModule, context: BuildContext) -> Shape:
    """The output shape of a module: from its `shape_out`, or from a run on a tiny batch."""
    module = copy.deepcopy(spec.module)
    if hasattr(module, "shape_out"):
        shape: Shape = module.shape_out(context.shape)
        return shape
    batch = _tiny_batch(context.shape, module)
    what = f"{context.name} ({type(module).__name__})"
    got = "[batch, feature]"
    if context.shape.sequence:
        got = "a Padded: `values` [batch, time, feature] and `lengths` [batch]"
    with _trial(f"{what} fails on a tiny batch of {context.shape}, given {got}"):
        output = module.eval()(batch)
    if isinstance(output, Padded) and isinstance(batch, Padded):
        if not torch.equal(output.lengths, batch.lengths):
            raise SpecError(
                f"{what} changes the lengths from {batch.lengths.tolist()} to "
                f"{output.lengths.tolist()}: give it a method shape_out(shape)."
            )
        return context.shape.with_features(output.values.shape[2])
    if isinstance(output, Tensor) and output.ndim == 2 and len(output) == 2:
        return context.shape.ended(output.shape[1])
    shown = f"shape {tuple(output.shape)}" if isinstance(output, Tensor) else repr(type(output))
    raise SpecError(
        f"{what} is to give a Padded or [batch, feature]; of a batch of 2 came {shown}."
    )


@contextmanager
def _trial(failure: str) -> Iterator[None]:
    """Run an object of the user without gradients; what it raises becomes a `SpecError`."""
    try:
        with torch.no_grad():
            yield
    except Exception as error:
        raise SpecError(f"{failure}: {error}") from error


def _tiny_batch(shape: Shape, module: nn.Module) -> Any:
    """Two sequences of 3 and 2 steps, of zeros, where the module has its weights."""
    like = next(module.parameters(), torch.zeros(0, device="cpu"))
    if not shape.sequence:
        return like.new_zeros(2, shape.features)
    dtype = like.dtype if shape.tokens is None else torch.int32
    steps = shape.length or 3
    lengths = torch.tensor([steps, shape.length or 2], device=like.device)
    return Padded(like.new_zeros(2, steps, shape.features, dtype=dtype), lengths)
