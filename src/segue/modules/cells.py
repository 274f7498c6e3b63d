"""The recurrent cells: weights, scan over a batch, one step, and the values of their gates.

`decompose` returns every gate and state at all steps at once, from the hidden states before each
step; `recompose` computes the output from these alone, step by step, so that the parts can be
checked against the cell's own output. The equations and their sources are in `segue.kernels`.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from segue.kernels import (
    GRUWeights,
    LSTMState,
    LSTMWeights,
    Masks,
    RNNWeights,
    gru,
    gru_step,
    lstm,
    lstm_step,
    rnn,
    rnn_step,
)
from segue.kernels.scan import State
from segue.layers.base import BuildContext
from segue.layers.recurrent import RecurrentSpec
from segue.modules.base import glorot_uniform, orthogonal
from segue.sequences import Array


class RecurrentCell(nn.Module, abc.ABC):
    """The weights of a recurrent layer in one direction, and its recurrence.

    Args:
        spec: of the layer.
        context: of the layer; `context.shape.features` channels are its input.
        part: prefix of the weights' names: "", "forward/" or "backward/".

    Class attributes:
        gates: how many times `units` columns the kernels have.
        part_names: the gates and states that `decompose` returns, in the order of computation.
    """

    gates: ClassVar[int] = 1
    part_names: ClassVar[tuple[str, ...]]

    def __init__(self, spec: RecurrentSpec, context: BuildContext, part: str = "") -> None:
        super().__init__()
        self.spec = spec
        self.units = spec.units
        columns = self.gates * spec.units
        size = (context.shape.features, columns)
        self.kernel = glorot_uniform(size, context.generator(part + "kernel"))
        recurrent = context.generator(part + "recurrent_kernel")
        self.recurrent_kernel = orthogonal(spec.units, columns, recurrent)
        self.bias = nn.Parameter(self.initial_bias())
        self._make_initial_state()

    def initial_bias(self) -> Tensor:
        """The initial value of `bias`."""
        return torch.zeros(self.gates * self.units)

    def _make_initial_state(self) -> None:
        given = self.spec.initial_state
        for number, state in enumerate(self.spec.states):
            name = f"initial_{state}"
            if given == "learnt":
                self.register_parameter(name, nn.Parameter(torch.zeros(self.units)))
            elif given != "zeros":
                self.register_buffer(name, torch.tensor(given[number]))

    def initial_state(self, batch: int) -> State:
        """The state before the first step, `[batch, units]` each."""
        zeros = self.kernel.new_zeros(self.units)
        values = (getattr(self, f"initial_{state}", zeros) for state in self.spec.states)
        return tuple(value.expand(batch, self.units).contiguous() for value in values)

    @abc.abstractmethod
    def scan(
        self, x: Tensor, lengths: Tensor, state: State, masks: Masks | None
    ) -> tuple[Tensor, State]:
        """All outputs `[batch, time, units]`, and the state after the last step of the batch.

        Of a sequence that is shorter, the state has no meaning.
        """

    @abc.abstractmethod
    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: `[batch, channel]` and the state to `[batch, units]` and the new state."""

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

    Gates in the order input, forget, cell, output. The forget gate's bias is 1 at first, so that
    the cell remembers until it learns to forget (Jozefowicz et al., ICML 2015).
    """

    gates = 4
    part_names = (
        "input_gate",
        "forget_gate",
        "cell_candidate",
        "output_gate",
        "cell_state",
        "hidden_state",
    )

    def initial_bias(self) -> Tensor:
        bias = torch.zeros(4, self.units)
        bias[1] = 1.0
        return bias.flatten()

    @property
    def _weights(self) -> LSTMWeights:
        return LSTMWeights(self.kernel, self.recurrent_kernel, self.bias)

    def scan(
        self, x: Tensor, lengths: Tensor, state: State, masks: Masks | None
    ) -> tuple[Tensor, State]:
        return lstm(x, lengths, self._weights, LSTMState(*state), masks=masks, final_state=False)

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        return lstm_step(x_t, self._weights, LSTMState(*state))

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

    gates = 3
    part_names = ("update_gate", "reset_gate", "candidate", "hidden_state")

    def initial_bias(self) -> Tensor:
        spec: Any = self.spec
        return torch.zeros((2, 3 * self.units) if spec.reset == "after" else (3 * self.units,))

    @property
    def _weights(self) -> GRUWeights:
        return GRUWeights(self.kernel, self.recurrent_kernel, self.bias)

    def scan(
        self, x: Tensor, lengths: Tensor, state: State, masks: Masks | None
    ) -> tuple[Tensor, State]:
        return gru(x, lengths, self._weights, state, masks=masks)

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        return gru_step(x_t, self._weights, state)

    def decompose(self, x: Tensor, before: Tensor, state: State) -> dict[str, Tensor]:
        after = self._weights.resets_after
        recurrent_bias = self.bias[1] if after else 0.0
        z_x, r_x, n_x = (x @ self.kernel + self._weights.input_bias).chunk(3, dim=-1)
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

    part_names = ("from_input", "from_state", "hidden_state")

    @property
    def _weights(self) -> RNNWeights:
        return RNNWeights(self.kernel, self.recurrent_kernel, self.bias)

    @property
    def _activation(self) -> Any:
        spec: Any = self.spec
        return spec.activation

    def scan(
        self, x: Tensor, lengths: Tensor, state: State, masks: Masks | None
    ) -> tuple[Tensor, State]:
        return rnn(x, lengths, self._weights, state, activation=self._activation, masks=masks)

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        return rnn_step(x_t, self._weights, state, activation=self._activation)

    def decompose(self, x: Tensor, before: Tensor, state: State) -> dict[str, Tensor]:
        from_input = x @ self.kernel + self.bias
        from_state = before @ self.recurrent_kernel
        total = from_input + from_state
        h = torch.tanh(total) if self._activation == "tanh" else torch.relu(total)
        return dict(zip(self.part_names, (from_input, from_state, h), strict=True))

    def recompose(self, parts: Mapping[str, Array], state: tuple[Array, ...]) -> Array:
        total: Array = parts["from_input"] + parts["from_state"]
        return np.asarray(np.tanh(total) if self._activation == "tanh" else np.maximum(total, 0))


CELLS: dict[str, type[RecurrentCell]] = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}
