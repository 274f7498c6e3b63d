"""The recurrent cells: the simple recurrent network, long short-term memory, gated recurrent unit.

`rnn`: Elman, "Finding structure in time", Cognitive Science 14, 1990:

    h' = tanh(x_t @ kernel + h @ recurrent_kernel + bias), or relu instead of tanh

`lstm`: Hochreiter & Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997, with the
forget gate of Gers, Schmidhuber & Cummins, "Learning to forget", Neural Computation 12(10), 2000:

    i, f, g, o = split(x_t @ kernel + h @ recurrent_kernel + bias)
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h' = sigmoid(o) * tanh(c')

`gru`: Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014. The
reset gate acts after the product with the recurrent weights (the form of Keras `reset_after=True`,
PyTorch and cuDNN), or before it (the classic cell):

    after:   n = tanh(x_n + b_n + r * (h @ R_n + rb_n))
    before:  n = tanh(x_n + b_n + (r * h) @ R_n)
    h' = z * h + (1 - z) * n
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from segue.kernels.recurrence import (
    Masks,
    RecurrentWeights,
    State,
    Step,
    fused,
    is_ragged,
    project,
    recurrent,
    scan,
)

# -- rnn -----------------------------------------------------------------------------------------

Activation = Literal["tanh", "relu"]


def rnn(
    x: Tensor,
    lengths: Tensor,
    weights: RecurrentWeights,
    state: State,
    *,
    activation: Activation = "tanh",
    masks: Masks | None = None,
) -> tuple[Tensor, State]:
    """Run a simple recurrent network over right-padded sequences.

    Args:
        x: `[batch, time, channel]`.
        lengths: `[batch]`.
        weights: `RecurrentWeights`.
        state: `(h [batch, units],)` before the first step.
        activation: "tanh" or "relu".
        masks: recurrent dropout, and that of the inputs beside it.

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    kernel, recurrent_kernel, bias = weights
    if masks is not None:
        product = recurrent(recurrent_kernel, masks.hidden)
        projected = project(x, kernel, bias, masks)
        return scan(
            lambda p, s: _rnn_cell(p + product(s[0]), activation), projected, lengths, state
        )
    if is_ragged(x, lengths) and activation == "relu":
        x, kernel = _silent_after_the_end(x, lengths, kernel)
    run = torch.rnn_tanh if activation == "tanh" else torch.rnn_relu
    theirs = [kernel.t(), recurrent_kernel.t(), bias, torch.zeros_like(bias)]
    return fused(run, x, lengths, state, theirs)


def rnn_step(
    x_t: Tensor, weights: RecurrentWeights, state: State, *, activation: Activation = "tanh"
) -> tuple[Tensor, State]:
    """Take one step: `x_t` `[batch, channel]` to the output `[batch, units]` and the new state."""
    projected = torch.addmm(weights.bias, x_t, weights.kernel)
    return _rnn_cell(torch.addmm(projected, state[0], weights.recurrent_kernel), activation)


def _rnn_cell(z: Tensor, activation: Activation) -> tuple[Tensor, State]:
    h = torch.tanh(z) if activation == "tanh" else torch.relu(z)
    return h, (h,)


_SHUT = -1e30  # below any sum that a relu could see


def _silent_after_the_end(x: Tensor, lengths: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Make the state 0 behind each sequence's end, where a relu could grow without bound.

    No output would be wrong, but its gradient would: 0 times infinity. So one more channel is 1 on
    padding, with weights that shut the relu there.
    """
    padding = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
    x = torch.where(padding[:, :, None], 0, x)
    x = torch.cat([x, padding[:, :, None].to(x.dtype)], dim=2)
    return x, torch.cat([kernel, kernel.new_full((1, kernel.shape[1]), _SHUT)])


# -- lstm ----------------------------------------------------------------------------------------


class LSTMState(NamedTuple):
    """The state of an LSTM between two steps."""

    h: Tensor  # [batch, units], hidden state: the output
    c: Tensor  # [batch, units], cell state


def lstm(
    x: Tensor,
    lengths: Tensor,
    weights: RecurrentWeights,
    state: State,
    *,
    masks: Masks | None = None,
    final_state: bool = True,
) -> tuple[Tensor, LSTMState]:
    """Run an LSTM over right-padded sequences.

    Args:
        x: `[batch, time, channel]`.
        lengths: `[batch]`.
        weights: `RecurrentWeights`, gates in the order input, forget, cell, output.
        state: `(h, c)` before the first step, `[batch, units]` each.
        masks: recurrent dropout, and that of the inputs beside it.
        final_state: whether the state after the last step is needed. Where the lengths differ it
            is computed step by step, which takes longer; without it the returned `c` has no
            meaning there.

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    kernel, recurrent_kernel, bias = weights
    if masks is None and not (final_state and is_ragged(x, lengths)):
        theirs = [kernel.t(), recurrent_kernel.t(), bias, torch.zeros_like(bias)]
        outputs, final = fused(torch.lstm, x, lengths, state, theirs)
        return outputs, LSTMState(*final)
    product = recurrent(recurrent_kernel, None if masks is None else masks.hidden)

    def step(projected: Tensor, before: State) -> tuple[Tensor, State]:
        h, c = before
        return _lstm_cell(projected + product(h), c)

    outputs, final = scan(step, project(x, kernel, bias, masks), lengths, state)
    return outputs, LSTMState(*final)


def lstm_step(x_t: Tensor, weights: RecurrentWeights, state: State) -> tuple[Tensor, LSTMState]:
    """Take one step: `x_t` `[batch, channel]` to the output `[batch, units]` and the new state."""
    projected = torch.addmm(weights.bias, x_t, weights.kernel)
    return _lstm_cell(torch.addmm(projected, state[0], weights.recurrent_kernel), state[1])


def _lstm_cell(gates: Tensor, c: Tensor) -> tuple[Tensor, LSTMState]:
    i, f, g, o = gates.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, LSTMState(h, c)


# -- gru -----------------------------------------------------------------------------------------


def gru(
    x: Tensor,
    lengths: Tensor,
    weights: RecurrentWeights,
    state: State,
    *,
    masks: Masks | None = None,
) -> tuple[Tensor, State]:
    """Run a GRU over right-padded sequences.

    Args:
        x: `[batch, time, channel]`.
        lengths: `[batch]`.
        weights: `RecurrentWeights`, gates in the order update, reset, candidate. With a bias of two
            rows (input, recurrent) the reset gate acts after the recurrent product, else before.
        state: `(h [batch, units],)` before the first step.
        masks: recurrent dropout, and that of the inputs beside it.

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    kernel, recurrent_kernel, bias = weights
    if masks is None and bias.ndim == 2:
        # PyTorch has the reset gate before the update gate.
        parts = (part.chunk(3, dim=-1) for part in (kernel, recurrent_kernel, bias))
        theirs = [torch.cat([reset, update, candidate], -1) for update, reset, candidate in parts]
        theirs = [theirs[0].t(), theirs[1].t(), *theirs[2]]
        return fused(torch.gru, x, lengths, state, theirs)
    projected = project(x, kernel, input_bias(bias), masks)
    return scan(_gru_cell(weights, masks), projected, lengths, state)


def gru_step(x_t: Tensor, weights: RecurrentWeights, state: State) -> tuple[Tensor, State]:
    """Take one step: `x_t` `[batch, channel]` to the output `[batch, units]` and the new state."""
    return _gru_cell(weights)(torch.addmm(input_bias(weights.bias), x_t, weights.kernel), state)


def input_bias(bias: Tensor) -> Tensor:
    """The part of the bias that the input projection has."""
    return bias[0] if bias.ndim == 2 else bias


def _gru_cell(weights: RecurrentWeights, masks: Masks | None = None) -> Step:
    """The step from the input part of all gates."""
    _, kernel, bias = weights
    units, mask = len(kernel), None if masks is None else masks.hidden

    def reset_after(projected: Tensor, state: State) -> tuple[Tensor, State]:
        z_x, r_x, n_x = projected.chunk(3, dim=1)
        z_h, r_h, n_h = (to_all(state[0]) + bias[1]).chunk(3, dim=1)
        z, r = torch.sigmoid(z_x + z_h), torch.sigmoid(r_x + r_h)
        return _mix(state[0], z, torch.tanh(n_x + r * n_h))

    def reset_before(projected: Tensor, state: State) -> tuple[Tensor, State]:
        gates_x, n_x = projected.tensor_split([2 * units], dim=1)
        z, r = torch.sigmoid(gates_x + to_gates(state[0])).chunk(2, dim=1)
        return _mix(state[0], z, torch.tanh(n_x + to_candidate(r * state[0])))

    if bias.ndim == 2:
        to_all = recurrent(kernel, mask)
        return reset_after
    gates, candidate = kernel.tensor_split([2 * units], dim=1)
    to_gates = recurrent(gates, None if mask is None else mask[:, :2])
    to_candidate = recurrent(candidate, None if mask is None else mask[:, 2:])
    return reset_before


def _mix(h: Tensor, z: Tensor, candidate: Tensor) -> tuple[Tensor, State]:
    h = z * h + (1 - z) * candidate
    return h, (h,)
