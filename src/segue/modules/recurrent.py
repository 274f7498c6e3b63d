"""Modules of the recurrent layers: one direction or two, every step or the last, dropout."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from segue.kernels import Masks, last_step, reverse
from segue.kernels.scan import State
from segue.layers.base import BuildContext
from segue.layers.recurrent import BidirectionalSpec, RecurrentSpec
from segue.modules.base import Directions, Layer, Signal
from segue.modules.cells import CELLS, RecurrentCell
from segue.padded import Padded
from segue.randomness import Draws


def _dropped(
    cell: RecurrentCell,
    spec: RecurrentSpec,
    x: Tensor,
    draws: Draws | None,
    *path: str,
) -> tuple[Tensor, Masks | None]:
    """The inputs after dropout; or, where each gate has a mask of its own, those masks."""
    if draws is None:
        return x, None

    def mask(masks: int, features: int, rate: float, part: str) -> Tensor:
        # Sequences come first, so that those that continue in the next piece keep their masks.
        return draws.keep_mask((len(x), masks, features), rate, x, *path, part)

    channels, gates = x.shape[2], cell.gates
    if not spec.recurrent_dropout:
        return (x * mask(1, channels, spec.dropout, "x") if spec.dropout else x), None
    inputs = mask(gates, channels, spec.dropout, "x") if spec.dropout else None
    return x, Masks(inputs, mask(gates, spec.units, spec.recurrent_dropout, "h"))


class RecurrentLayer(Layer):
    """One direction. Weights: those of its cell, and learnt or given `initial_h`, `initial_c`."""

    def __init__(self, spec: RecurrentSpec, context: BuildContext) -> None:
        super().__init__(context.name, spec.output_shape(context))
        self.spec = spec
        self.cell = CELLS[spec.cell](spec, context)

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded | Tensor:
        return self.forward_from(x, self.cell.initial_state(len(x.values)), draws)[0]

    def forward_from(
        self, x: Padded, state: State, draws: Draws | None = None
    ) -> tuple[Padded | Tensor, State]:
        values, masks = _dropped(self.cell, self.spec, x.values, draws, self.name, "forward")
        outputs, state = self.cell.scan(values, x.lengths, state, masks)
        if self.shape.sequence:
            return Padded(outputs, x.lengths), state
        return last_step(outputs, x.lengths), state

    def prefix_outputs(self, x: Padded) -> Padded:
        state = self.cell.initial_state(len(x.values))
        return Padded(self.cell.scan(x.values, x.lengths, state, None)[0], x.lengths)

    def cells(self) -> dict[str, nn.Module]:
        return {"forward": self.cell}

    def initial_state(self, batch: int) -> State:
        return self.cell.initial_state(batch)

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        return self.cell.step(x_t, state)

    def weights(self) -> dict[str, Tensor]:
        return {name.removeprefix("cell/"): w for name, w in super().weights().items()}

    def activation_size(self, time: int) -> int:
        return 12 * self.spec.units * time


class BidirectionalLayer(Layer):
    """Two directions. Weights: `forward/kernel`, ..., `backward/kernel`, ...

    The last output is the forward one after each sequence's own last step, joined with the backward
    one after its first: both have then seen the whole sequence.
    """

    causal = False

    def __init__(self, spec: BidirectionalSpec, context: BuildContext) -> None:
        super().__init__(context.name, spec.output_shape(context))
        self.spec = spec
        self.sees_whole = spec.merge in ("concat", "none")
        self.forward_cell = CELLS[spec.cell](spec, context, "forward/")
        self.backward_cell = CELLS[spec.cell](spec, context, "backward/")

    def forward(self, x: Padded | Directions, draws: Draws | None = None) -> Signal:
        before, behind = x if isinstance(x, Directions) else (x, x)
        lengths = before.lengths
        first = self._run(self.forward_cell, before.values, lengths, draws, "forward")
        mirrored = reverse(behind.values, lengths)
        second = self._run(self.backward_cell, mirrored, lengths, draws, "backward")
        if not self.shape.sequence:
            ends: Signal = self._merge(last_step(first, lengths), last_step(second, lengths))
            return ends
        second = reverse(second, lengths)
        if self.spec.merge == "none":
            return Directions(Padded(first, lengths), Padded(second, lengths))
        return Padded(self._merge(first, second), lengths)

    def _run(
        self,
        cell: RecurrentCell,
        values: Tensor,
        lengths: Tensor,
        draws: Draws | None,
        direction: str,
    ) -> Tensor:
        values, masks = _dropped(cell, self.spec, values, draws, self.name, direction)
        return cell.scan(values, lengths, cell.initial_state(len(values)), masks)[0]

    def _merge(self, first: Tensor, second: Tensor) -> Any:
        if self.spec.merge == "concat":
            return torch.cat([first, second], dim=-1)
        if self.spec.merge == "none":
            return Directions(first, second)
        total = first + second
        return total if self.spec.merge == "sum" else total / 2

    def last_output(self, x: Padded) -> Tensor:
        """The end of the forward direction joined with the beginning of the backward one."""
        first = last_step(x.values[:, :, : self.spec.units], x.lengths)
        return torch.cat([first, x.values[:, 0, self.spec.units :]], dim=-1)

    def cells(self) -> dict[str, nn.Module]:
        return {"forward": self.forward_cell, "backward": self.backward_cell}

    def weights(self) -> dict[str, Tensor]:
        return {name.replace("_cell/", "/"): w for name, w in super().weights().items()}

    def activation_size(self, time: int) -> int:
        return 24 * self.spec.units * time
