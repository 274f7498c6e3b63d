"""Recurrent layers in one direction or two, and their cells: weights, recurrence, gates.

A cell's `decompose` returns every gate and state at all steps at once, from the hidden states
before each step; `recompose` computes the output from these alone, step by step, so that the parts
can be checked against the cell's own output. The equations and their sources are in
`segue.kernels`.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from segue.data.sequences import Array
from segue.kernels.cells import (
    Masks,
    RecurrentWeights,
    State,
    gru,
    gru_step,
    input_bias,
    last_step,
    lstm,
    lstm_step,
    reverse,
    rnn,
    rnn_step,
)
from segue.kernels.ragged import Directions
from segue.layers.base import BuildContext
from segue.layers.recurrent import BidirectionalSpec, RecurrentSpec
from segue.modules import base
from segue.modules.base import PieceLayer, Signal, SpecLayer, add_weights
from segue.prepare.padded import Padded
from segue.randomness import Draws


class RecurrentCell(nn.Module, abc.ABC):
    """The weights of a recurrent layer in one direction, and its recurrence.

    Args:
        spec: of the layer.
        context: of the layer; `context.shape.features` channels are its input.
        part: prefix of the weights' names: "", "forward/" or "backward/".

    Class attributes:
        kernel_run: the function of `segue.kernels` that runs over a batch.
        kernel_step: that of one step.
        gates: how many times `units` columns the kernels have.
        part_names: the gates and states that `decompose` returns, in the order of computation.
    """

    kernel: Tensor
    recurrent_kernel: Tensor
    bias: Tensor
    kernel_run: ClassVar[Callable[..., tuple[Tensor, State]]]
    kernel_step: ClassVar[Callable[..., tuple[Tensor, State]]]
    gates: ClassVar[int] = 1
    part_names: ClassVar[tuple[str, ...]]

    def __init__(self, spec: RecurrentSpec, context: BuildContext, part: str = "") -> None:
        super().__init__()
        self.spec: Any = spec
        self.units: int = spec.units
        add_weights(self, spec.initial_weights_of(context, part), spec.given_states())
        # Further arguments of the two functions.
        self.options = {k: v for k, v in vars(spec).items() if k == "activation"}

    def initial_state(self, batch: int) -> State:
        """The state before the first step, `[batch, units]` each."""
        zeros = self.kernel.new_zeros(self.units)
        values = (getattr(self, f"initial_{state}", zeros) for state in self.spec.states)
        return tuple(value.expand(batch, self.units).contiguous() for value in values)

    def run(
        self,
        x: Padded,
        state: State | None = None,
        draws: Draws | None = None,
        path: tuple[str, ...] = (),
    ) -> tuple[Tensor, State]:
        """Run over a batch, with dropout in training.

        Args:
            x: `[batch, time, channel]`.
            state: before the first step, `[batch, units]` each; `None`: the initial one.
            draws: in training.
            path: of the masks among the draws.

        Returns:
            The outputs `[batch, time, units]`, and the state: h after each sequence's own last
            step; the c of an LSTM after that of the batch, so it has no meaning for shorter ones.
        """
        values, masks = x.values, None
        state = self.initial_state(len(values)) if state is None else state
        if draws is not None and (self.spec.dropout or self.spec.recurrent_dropout):
            values, masks = self._drop(values, draws, path)
        weights = RecurrentWeights(self.kernel, self.recurrent_kernel, self.bias)
        return self.kernel_run(values, x.lengths, weights, state, masks=masks, **self.options)

    def _drop(self, x: Tensor, draws: Draws, path: tuple[str, ...]) -> tuple[Tensor, Masks | None]:
        """The inputs after dropout; or, where each gate has a mask of its own, those masks."""
        spec, channels = self.spec, x.shape[2]

        def mask(gates: int, features: int, rate: float, part: str) -> Tensor:
            # Sequences come first, so that those that continue in the next piece keep their masks.
            return draws.keep_mask((len(x), gates, features), rate, x, *path, part)

        if not spec.recurrent_dropout:
            return x * mask(1, channels, spec.dropout, "x"), None
        inputs = mask(self.gates, channels, spec.dropout, "x") if spec.dropout else None
        return x, Masks(inputs, mask(self.gates, spec.units, spec.recurrent_dropout, "h"))

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: `[batch, channel]` and the state to `[batch, units]` and the new state."""
        weights = RecurrentWeights(self.kernel, self.recurrent_kernel, self.bias)
        return self.kernel_step(x_t, weights, state, **self.options)

    @abc.abstractmethod
    def decompose(self, x: Tensor, before: Tensor, state: State) -> dict[str, Tensor]:
        """Every part `[batch, time, units]` by its name.

        Args:
            x: `[batch, time, channel]`, the input.
            before: `[batch, time, units]`, the hidden state before each step.
            state: the initial state, `[batch, units]` each.
        """

    @abc.abstractmethod
    def recompose(self, parts: Mapping[str, Array], state: tuple[Array, ...]) -> Array:
        """The output `[time, units]` of one sequence, from its parts and the initial state."""


class LSTMCell(RecurrentCell):
    """Weights: `kernel` [channel, 4 * units], `recurrent_kernel` [units, 4 * units], `bias`.

    Gates in the order input, forget, cell, output.
    """

    kernel_run = staticmethod(functools.partial(lstm, final_state=False))
    kernel_step = staticmethod(lstm_step)
    gates = 4
    part_names = tuple(
        "input_gate forget_gate cell_candidate output_gate cell_state hidden_state".split()
    )

    def decompose(self, x: Tensor, before: Tensor, state: State) -> dict[str, Tensor]:
        sums = x @ self.kernel + before @ self.recurrent_kernel + self.bias
        i, f, g, o = sums.chunk(4, dim=-1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        cell, cells = state[1], []
        for keep, new in zip(f.unbind(1), (i * g).unbind(1), strict=True):
            cell = keep * cell + new
            cells.append(cell)
        c = torch.stack(cells, dim=1)
        return dict(zip(self.part_names, (i, f, g, o, c, o * c.tanh()), strict=True))

    def recompose(self, parts: Mapping[str, Array], state: tuple[Array, ...]) -> Array:
        cell, outputs = state[1], []
        i, f, g, o = (parts[name] for name in self.part_names[:4])
        for t in range(len(i)):
            cell = f[t] * cell + i[t] * g[t]
            outputs.append(o[t] * np.tanh(cell))
        return np.stack(outputs)


class GRUCell(RecurrentCell):
    """Weights: `kernel` [channel, 3 * units], `recurrent_kernel` [units, 3 * units], `bias`.

    Gates in the order update, reset, candidate. `bias` is [2, 3 * units] (input, recurrent) where
    the reset gate acts after the recurrent product, and [3 * units] where it acts before.
    """

    kernel_run = staticmethod(gru)
    kernel_step = staticmethod(gru_step)
    gates = 3
    part_names = ("update_gate", "reset_gate", "candidate", "hidden_state")

    def decompose(self, x: Tensor, before: Tensor, state: State) -> dict[str, Tensor]:
        after = self.bias.ndim == 2
        recurrent_bias = self.bias[1] if after else 0.0
        z_x, r_x, n_x = (x @ self.kernel + input_bias(self.bias)).chunk(3, dim=-1)
        z_h, r_h, n_h = (before @ self.recurrent_kernel + recurrent_bias).chunk(3, dim=-1)
        z, r = (z_x + z_h).sigmoid(), (r_x + r_h).sigmoid()
        last = self.recurrent_kernel[:, 2 * self.units :]
        n = torch.tanh(n_x + (r * n_h if after else (r * before) @ last))
        return dict(zip(self.part_names, (z, r, n, z * before + (1 - z) * n), strict=True))

    def recompose(self, parts: Mapping[str, Array], state: tuple[Array, ...]) -> Array:
        h, outputs = state[0], []
        z, n = parts["update_gate"], parts["candidate"]
        for t in range(len(z)):
            h = z[t] * h + (1 - z[t]) * n[t]
            outputs.append(h)
        return np.stack(outputs)


class RNNCell(RecurrentCell):
    """Weights: `kernel` [channel, units], `recurrent_kernel` [units, units], `bias` [units]."""

    kernel_run = staticmethod(rnn)
    kernel_step = staticmethod(rnn_step)
    part_names = ("from_input", "from_state", "hidden_state")

    def decompose(self, x: Tensor, before: Tensor, state: State) -> dict[str, Tensor]:
        from_input = x @ self.kernel + self.bias
        from_state = before @ self.recurrent_kernel
        total = from_input + from_state
        h = torch.tanh(total) if self.spec.activation == "tanh" else torch.relu(total)
        return dict(zip(self.part_names, (from_input, from_state, h), strict=True))

    def recompose(self, parts: Mapping[str, Array], state: tuple[Array, ...]) -> Array:
        total: Array = parts["from_input"] + parts["from_state"]
        return np.asarray(
            np.tanh(total) if self.spec.activation == "tanh" else np.maximum(total, 0)
        )


CELLS: dict[str, type[RecurrentCell]] = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}


class RecurrentLayer(PieceLayer):
    """One direction. Weights: those of its cell, and learnt or given `initial_h`, `initial_c`."""

    inner = "cell."

    def __init__(self, spec: RecurrentSpec, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.cell = CELLS[spec.cell](spec, context)

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded | Tensor:
        return self.forward_from(x, None, draws)[0]

    def forward_from(
        self, x: Padded, state: State | None, draws: Draws | None = None
    ) -> tuple[Padded | Tensor, State]:
        outputs, state = self.cell.run(x, state, draws, (self.name, "forward"))
        return Padded(outputs, x.lengths) if self.shape.sequence else state[0], state

    def prefix_outputs(self, x: Padded) -> Padded:
        return Padded(self.cell.run(x)[0], x.lengths)

    def cells(self) -> dict[str, nn.Module]:
        return {"forward": self.cell}

    def initial_state(self, batch: int) -> State:
        return self.cell.initial_state(batch)

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        return self.cell.step(x_t, state)


class BidirectionalLayer(SpecLayer):
    """Two directions. Weights: `forward/kernel`, ..., `backward/kernel`, ...

    The last output is the forward one after each sequence's own last step, joined with the backward
    one after its first: both have then seen the whole sequence.
    """

    def __init__(self, spec: BidirectionalSpec, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.sees_whole = spec.merge in ("concat", "none")
        self.forward_cell = CELLS[spec.cell](spec, context, "forward/")
        self.backward_cell = CELLS[spec.cell](spec, context, "backward/")

    def forward(self, x: Padded | Directions, draws: Draws | None = None) -> Signal:
        before, behind = x if isinstance(x, Directions) else (x, x)
        lengths = before.lengths
        mirrored = Padded(reverse(behind.values, lengths), lengths)
        runs = (self.forward_cell, before, "forward"), (self.backward_cell, mirrored, "backward")
        first, second = (
            cell.run(signal, None, draws, (self.name, direction))[0]
            for cell, signal, direction in runs
        )
        if not self.shape.sequence:
            ends: Signal = self._merge(last_step(first, lengths), last_step(second, lengths))
            return ends
        second = reverse(second, lengths)
        if self.spec.merge == "none":
            return Directions(Padded(first, lengths), Padded(second, lengths))
        return Padded(self._merge(first, second), lengths)

    def _merge(self, first: Tensor, second: Tensor) -> Any:
        if self.spec.merge == "none":
            return Directions(first, second)
        return base.merged([first, second], self.spec.merge)

    def last_output(self, x: Padded) -> Tensor:
        """The end of the forward direction joined with the beginning of the backward one."""
        first = last_step(x.values[:, :, : self.spec.units], x.lengths)
        return torch.cat([first, x.values[:, 0, self.spec.units :]], dim=-1)

    def cells(self) -> dict[str, nn.Module]:
        return {"forward": self.forward_cell, "backward": self.backward_cell}

    def weights(self) -> dict[str, Tensor]:
        return {name.replace("_cell/", "/"): w for name, w in super().weights().items()}
