"""Each cell's equations, apart and together; their sources are in `segue.kernels`.

`apart` gives every part at all steps at once: the hidden states before each step are known from the
layer's own run. `together` goes step by step and uses the parts alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from segue.layers.gru import GRURecurrence
from segue.layers.lstm import LSTMRecurrence
from segue.layers.recurrent import Recurrence
from segue.layers.rnn import RNNRecurrence
from segue.sequences import Array


class Cell(Protocol):
    """How a recurrent cell is taken apart and put together."""

    @property
    def names(self) -> tuple[str, ...]:
        """The parts, in the order in which they are computed."""

    def apart(
        self, recurrence: Any, x: Tensor, before: Tensor, state: tuple[Tensor, ...]
    ) -> dict[str, Tensor]:
        """The parts `[batch, time, unit]`.

        Args:
            recurrence: the weights.
            x: `[batch, time, channel]`, what goes in.
            before: `[batch, time, unit]`, the hidden state before each step.
            state: the initial state, `[batch, unit]` each.
        """

    def together(self, parts: Mapping[str, Array], state: tuple[Array, ...]) -> Array:
        """The output `[time, unit]` of one sequence, from its parts and the initial state."""


class LSTMCell:
    """c' = forget * c + input * candidate, h' = output * tanh(c')."""

    names = (
        "input_gate",
        "forget_gate",
        "cell_candidate",
        "output_gate",
        "cell_state",
        "hidden_state",
    )

    def apart(
        self, recurrence: Any, x: Tensor, before: Tensor, state: tuple[Tensor, ...]
    ) -> dict[str, Tensor]:
        sums = x @ recurrence.kernel + before @ recurrence.recurrent_kernel + recurrence.bias
        i, f, g, o = sums.chunk(4, dim=-1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        cell, cells = state[1], []
        for keep, new in zip(f.unbind(1), (i * g).unbind(1), strict=True):
            cell = keep * cell + new
            cells.append(cell)
        c = torch.stack(cells, dim=1)
        return dict(zip(self.names, (i, f, g, o, c, o * c.tanh()), strict=True))

    def together(self, parts: Mapping[str, Array], state: tuple[Array, ...]) -> Array:
        cell, outputs = state[1], []
        i, f, g, o = (parts[name] for name in self.names[:4])
        for t in range(len(i)):
            cell = f[t] * cell + i[t] * g[t]
            outputs.append(o[t] * np.tanh(cell))
        return np.stack(outputs)


class GRUCell:
    """h' = update * h + (1 - update) * candidate."""

    names = ("update_gate", "reset_gate", "candidate", "hidden_state")

    def apart(
        self, recurrence: Any, x: Tensor, before: Tensor, state: tuple[Tensor, ...]
    ) -> dict[str, Tensor]:
        after = recurrence.bias.ndim == 2
        bias, recurrent_bias = recurrence.bias if after else (recurrence.bias, 0.0)
        z_x, r_x, n_x = (x @ recurrence.kernel + bias).chunk(3, dim=-1)
        z_h, r_h, n_h = (before @ recurrence.recurrent_kernel + recurrent_bias).chunk(3, dim=-1)
        z, r = (z_x + z_h).sigmoid(), (r_x + r_h).sigmoid()
        last = recurrence.recurrent_kernel[:, 2 * before.shape[-1] :]
        n = torch.tanh(n_x + (r * n_h if after else (r * before) @ last))
        return dict(zip(self.names, (z, r, n, z * before + (1 - z) * n), strict=True))

    def together(self, parts: Mapping[str, Array], state: tuple[Array, ...]) -> Array:
        h, outputs = state[0], []
        z, n = parts["update_gate"], parts["candidate"]
        for t in range(len(z)):
            h = z[t] * h + (1 - z[t]) * n[t]
            outputs.append(h)
        return np.stack(outputs)


class RNNCell:
    """h' = tanh(from_input + from_state), or relu."""

    names = ("from_input", "from_state", "hidden_state")

    def __init__(self, activation: str) -> None:
        self.activation = activation

    def apart(
        self, recurrence: Any, x: Tensor, before: Tensor, state: tuple[Tensor, ...]
    ) -> dict[str, Tensor]:
        seen = x @ recurrence.kernel + recurrence.bias
        kept = before @ recurrence.recurrent_kernel
        h = torch.tanh(seen + kept) if self.activation == "tanh" else torch.relu(seen + kept)
        return dict(zip(self.names, (seen, kept, h), strict=True))

    def together(self, parts: Mapping[str, Array], state: tuple[Array, ...]) -> Array:
        sums: Array = parts["from_input"] + parts["from_state"]
        return np.asarray(np.tanh(sums) if self.activation == "tanh" else np.maximum(sums, 0))


def cell_of(recurrence: Recurrence) -> Cell | None:
    """The cell of a recurrence; `None` for one that segue does not know, such as a user's own."""
    if isinstance(recurrence, LSTMRecurrence):
        return LSTMCell()
    if isinstance(recurrence, GRURecurrence):
        return GRUCell()
    if isinstance(recurrence, RNNRecurrence):
        return RNNCell(recurrence.activation)
    return None
