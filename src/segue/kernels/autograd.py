"""Recurrences with gradients in the native library, for PyTorch on the CPU.

`recurrence` computes what the functions of `cells` do, in float32; the gradient is that of each
sequence's own steps, and what lies behind them is never read.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from segue.kernels import forward, native

# As `RecurrentWeights`, `State` and `Masks` of `cells`.
Weights = tuple[Tensor, Tensor, Tensor]
State = tuple[Tensor, ...]
Masks = tuple[Tensor | None, Tensor]

_SIZE, _DATA = ctypes.c_int64, ctypes.c_void_p
_GATES = {"lstm": 4, "gru": 3, "gru_before": 3, "rnn_tanh": 1, "rnn_relu": 1}


def recurrence(
    cell: str,
    x: Tensor,
    lengths: Tensor,
    weights: Weights,
    state: State,
    *,
    masks: Masks | None,
) -> tuple[Tensor, State] | None:
    """Run a cell over right-padded sequences, for a gradient.

    Args:
        cell: "lstm", "gru", "gru_before" (its reset gate acts before the product), "rnn_tanh" or
            "rnn_relu".
        x: `[batch, time, channel]`.
        lengths: `[batch]`.
        weights: as the cell in `cells` has them.
        state: before the first step, `[batch, units]` each.
        masks: of dropout.

    Returns:
        The outputs `[batch, time, units]`, 0 behind the ends, and the state after each sequence's
        own last step. `None` where PyTorch is to compute: no gradient is wanted, another device or
        precision, no native library, or arguments that do not fit together.
    """
    parts = [x, *weights, *state]
    if not torch.is_grad_enabled() or not any(part.requires_grad for part in parts):
        return None
    dropped = [mask for mask in masks or () if mask is not None]
    if any(mask.requires_grad for mask in dropped):
        return None
    if not all(p.dtype == torch.float32 and p.is_cpu for p in (*parts, *dropped)):
        return None
    kernels = forward.backend()
    if forward.is_torch() or not isinstance(kernels, native.Kernels):
        return None
    if not _fits(cell, x, lengths, weights, state, masks=masks):
        return None
    inputs, hidden = (None, None) if masks is None else masks
    outputs, *after = _Recurrence.apply(  # type: ignore[no-untyped-call]
        kernels, cell, lengths.contiguous(), inputs, hidden, x, *weights, *state
    )
    return outputs, tuple(after)


def _fits(
    cell: str,
    x: Tensor,
    lengths: Tensor,
    weights: Weights,
    state: State,
    *,
    masks: Masks | None,
) -> bool:
    """Whether the library may take these: it looks at no size."""
    kernel, recurrent_kernel, bias = weights
    if x.ndim != 3 or recurrent_kernel.ndim != 2 or x.numel() == 0:
        return False
    (batch, time, channels), gates, units = x.shape, _GATES[cell], len(recurrent_kernel)
    width = gates * units
    inputs, hidden = (None, None) if masks is None else masks
    return (
        kernel.shape == (channels, width)
        and recurrent_kernel.shape == (units, width)
        and bias.shape == ((2, width) if cell == "gru" else (width,))
        and all(part.shape == (batch, units) for part in state)
        and (inputs is None or inputs.shape == (batch, gates, channels))
        and (hidden is None or hidden.shape == (batch, gates, units))
        and (lengths.shape, lengths.dtype, lengths.is_cpu) == ((batch,), torch.int64, True)
        and units > 0
        and int(lengths.min()) >= 0
        and int(lengths.max()) <= time
    )


class _Call(ctypes.Structure):
    """`segue_recurrence` of native/include/segue.h."""

    _fields_ = (
        ("cell", ctypes.c_int),
        *((name, _SIZE) for name in ("channels", "units")),
        *((name, _DATA) for name in ("kernel", "recurrent_kernel", "bias", "lengths")),
        *((name, _SIZE) for name in ("batch", "time")),
        *((name, _DATA) for name in ("input_masks", "hidden_masks")),
    )


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, kernels: native.Kernels, cell: str, *parts: Tensor | None
    ) -> tuple[Tensor, ...]:
        """`parts`: lengths, both masks or `None`, x, kernel, recurrent kernel, bias, h, c."""
        ctx.set_materialize_grads(False)
        ctx.kernels, ctx.cell, ctx.threads = kernels, cell, torch.get_num_threads()
        saved = [None if part is None else part.contiguous() for part in parts]
        ctx.save_for_backward(*saved)
        results, ctx.tape = _run(ctx, saved)
        return results

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        # The first gradient overwrites the tape: for another one of the same graph it is made anew.
        tape = ctx.tape if ctx.tape is not None else _run(ctx, saved)[1]
        ctx.tape = None
        given = [None if part is None else part.contiguous() for part in gradients]
        wanted = ctx.needs_input_grad[5:]
        found = [
            torch.empty_like(part) if wants else None
            for part, wants in zip(saved[3:], wanted, strict=True)
        ]
        if any(wanted[1:4]):  # these are added to
            found[1:4] = map(torch.zeros_like, saved[4:7])
        call, results = _call(ctx, saved), [*_padded(given, 3), *found[1:4], found[0], *found[4:]]
        ctx.kernels.function("recurrent_backward")(
            ctypes.byref(call),
            *map(_address, (tape, *_padded(results, 9))),
            ctx.threads,
        )
        return (None,) * 5 + tuple(found)


def _padded(parts: Sequence[Any], count: int) -> list[Any]:
    """`count` parts, the last of them `None`: what only an LSTM has."""
    return [*parts, *[None] * (count - len(parts))]


def _call(ctx: Any, saved: Sequence[Any]) -> _Call:
    lengths, inputs, hidden, x, *weights = saved[:7]
    batch, time, channels = x.shape
    number, units = native.CELLS[ctx.cell], len(weights[1])
    addresses = map(_address, (*weights, lengths))
    masks = map(_address, (inputs, hidden))
    return _Call(number, channels, units, *addresses, batch, time, *masks)


def _run(ctx: Any, saved: Sequence[Any]) -> tuple[tuple[Tensor, ...], Tensor]:
    """Forward: the outputs and the state after them; and the tape."""
    x, units, states = saved[3], len(saved[5]), saved[7:]
    call = _call(ctx, saved)
    size = ctx.kernels.function("recurrent_tape_size")(ctypes.byref(call))
    if size < 0:
        raise MemoryError("there is no memory for the order of the sequences")
    tape = x.new_empty(size)
    outputs, after = x.new_empty(*x.shape[:2], units), [torch.empty_like(s) for s in states]
    arguments = (x, *_padded(states, 2), tape, outputs, *_padded(after, 2))
    ctx.kernels.function("recurrent_forward")(
        ctypes.byref(call), *map(_address, arguments), ctx.threads
    )
    return (outputs, *after), tape
