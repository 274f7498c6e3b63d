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

Right-padded batches are handled so that each sequence's own length counts. For a gradient in
float32 on the CPU a recurrence runs in the native library (`autograd`); else either step by step
(`scan`) or in one call of PyTorch (`fused`).

Masks are those of Gal & Ghahramani, "A theoretically grounded application of dropout in recurrent
neural networks", NeurIPS 2016, with untied weights: one mask for each gate, the same at every step
of a sequence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from segue.kernels.autograd import recurrence

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], tuple[Tensor, State]]


class RecurrentWeights(NamedTuple):
    """The weights of a cell, in the layout of Keras; `gates` is 1 for rnn, 4 for lstm, 3 for gru.

    The gates of an LSTM are in the order input, forget, cell, output; those of a GRU in the order
    update, reset, candidate.
    """

    kernel: Tensor  # [channel, gates * units]
    recurrent_kernel: Tensor  # [units, gates * units]
    bias: Tensor  # [gates * units]; gru that resets after: [2, 3 * units] (input, recurrent)


class Masks(NamedTuple):
    """Dropout masks of the inputs and of h, one for each gate, constant over time."""

    inputs: Tensor | None  # [batch, gates, channel]; None: all of the inputs
    hidden: Tensor  # [batch, gates, units]


# -- ragged batches -----------------------------------------------------------------------------


def is_ragged(x: Tensor, lengths: Tensor) -> bool:
    """Whether any sequence of `x` `[batch, time, ...]` ends before the longest possible step."""
    return not bool((lengths == x.shape[1]).all())


def last_step(x: Tensor, lengths: Tensor) -> Tensor:
    """Return each sequence's own last step: `[batch, time, feature]` to `[batch, feature]`.

    >>> x = torch.arange(6.0).reshape(1, 3, 2)
    >>> last_step(x, torch.tensor([2]))
    tensor([[2., 3.]])
    """
    if not is_ragged(x, lengths):
        return x[:, -1]
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, x.shape[2])
    return x.gather(1, index).squeeze(1)


def reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each sequence of `[batch, time, feature]` by its own length; padding stays behind.

    Doing it twice gives back `x`.

    >>> x = torch.tensor([[1.0, 2.0, 0.0], [1.0, 2.0, 3.0]])[:, :, None]
    >>> reverse(x, torch.tensor([2, 3]))[:, :, 0]
    tensor([[2., 1., 0.],
            [3., 2., 1.]])
    """
    if not is_ragged(x, lengths):
        return x.flip(1)
    time = torch.arange(x.shape[1], device=x.device)
    mirrored = lengths[:, None] - 1 - time
    index = torch.where(mirrored >= 0, mirrored, time)
    return x.gather(1, index[:, :, None].expand_as(x))


# -- along time ---------------------------------------------------------------------------------


def scan(step: Step, x: Tensor, lengths: Tensor, state: State) -> tuple[Tensor, State]:
    """Apply `step` along time.

    Args:
        step: `(x_t [batch, channel], state) -> (y_t [batch, units], state)`.
        x: `[batch, time, channel]`, right-padded.
        lengths: `[batch]`.
        state: a tuple of `[batch, ...]` tensors.

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    ragged = is_ragged(x, lengths)
    outputs = []
    for time, x_t in enumerate(x.unbind(1)):
        y_t, new = step(x_t, state)
        outputs.append(y_t)
        if ragged:  # sequences that have ended keep their state
            running = lengths > time
            new = tuple(
                torch.where(running.view(-1, *[1] * (after.ndim - 1)), after, before)
                for after, before in zip(new, state, strict=True)
            )
        state = new
    return torch.stack(outputs, dim=1), state


def fused(
    run: Callable[..., Any], x: Tensor, lengths: Tensor, state: State, weights: list[Tensor]
) -> tuple[Tensor, State]:
    """Run `torch.lstm`, `torch.gru`, `torch.rnn_tanh` or `torch.rnn_relu` over a whole batch.

    Args:
        run: the function.
        x: `[batch, time, channel]`, right-padded.
        lengths: `[batch]`.
        state: before the first step, `[batch, units]` each.
        weights: as PyTorch has them: input, recurrent, and their biases.

    Returns:
        The outputs `[batch, time, units]`, and the state: h after each sequence's own last step; c
        after the last step of the batch, so it has no meaning for shorter sequences.
    """
    initial = tuple(part[None] for part in state)
    if x.is_cuda:  # cuDNN takes rows of memory only, and copies weights that are not in one piece
        initial = tuple(part.contiguous() for part in initial)
        pieces = torch.split(
            torch.cat([w.reshape(-1) for w in weights]), [w.numel() for w in weights]
        )
        weights = [piece.view(w.shape) for piece, w in zip(pieces, weights, strict=True)]
    outputs, h, *c = run(
        x,
        initial if len(initial) > 1 else initial[0],
        weights,
        has_biases=True,
        num_layers=1,
        dropout=0.0,
        train=torch.is_grad_enabled(),
        bidirectional=False,
        batch_first=True,
    )
    own = last_step(outputs, lengths) if is_ragged(x, lengths) else h[0]
    return outputs, (own, *(part[0] for part in c))


# -- products with dropout masks ----------------------------------------------------------------


def project(x: Tensor, kernel: Tensor, bias: Tensor, masks: Masks | None = None) -> Tensor:
    """The input part of all gates: `x @ kernel + bias`, `[batch, time, gates * units]`.

    Args:
        x: `[batch, time, channel]`.
        kernel: `[channel, gates * units]`.
        bias: `[gates * units]`.
        masks: the dropout of this batch.
    """
    if masks is None or masks.inputs is None:
        return x @ kernel + bias
    seen = x * masks.inputs.transpose(0, 1)[:, :, None]  # [gates, batch, time, channel]
    gates, batch, time, _ = seen.shape
    products = torch.bmm(seen.flatten(1, 2), _by_gate(kernel, gates))
    return products.view(gates, batch, time, -1).permute(1, 2, 0, 3).flatten(2) + bias


def recurrent(kernel: Tensor, mask: Tensor | None = None) -> Callable[[Tensor], Tensor]:
    """The product with the recurrent weights, as a function of h: `[batch, gates * units]`.

    Args:
        kernel: `[units, gates * units]`.
        mask: `[batch, gates, units]`. All gates at once are one batched product, which takes about
            as long as the one product without masks.
    """
    if mask is None:
        return lambda h: h @ kernel
    kernels = _by_gate(kernel, mask.shape[1]).contiguous()
    masks = mask.transpose(0, 1).contiguous()
    return lambda h: torch.bmm(h * masks, kernels).transpose(0, 1).flatten(1)


def _by_gate(kernel: Tensor, gates: int) -> Tensor:
    """`[in, gates * units]` to `[gates, in, units]`."""
    return kernel.view(len(kernel), gates, -1).transpose(0, 1)


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
    trained = recurrence(f"rnn_{activation}", x, lengths, weights, state, masks=masks)
    if trained is not None:
        return trained
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
    trained = recurrence("lstm", x, lengths, weights, state, masks=masks)
    if trained is not None:
        return trained[0], LSTMState(*trained[1])
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
    cell = "gru" if weights.bias.ndim == 2 else "gru_before"
    trained = recurrence(cell, x, lengths, weights, state, masks=masks)
    if trained is not None:
        return trained
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
