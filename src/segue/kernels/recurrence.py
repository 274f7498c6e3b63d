"""Shared parts of the recurrent kernels: ragged batches, both directions, dropout masks.

Right-padded batches are handled so that each sequence's own length counts. A recurrence runs either
step by step (`scan`) or in one call of PyTorch (`fused`).

Masks are those of Gal & Ghahramani, "A theoretically grounded application of dropout in recurrent
neural networks", NeurIPS 2016, with untied weights: one mask for each gate, the same at every step
of a sequence.

`threads` is a context with PyTorch's flags that is safe with other threads: the
number of threads, and on a graphics processor float32 in cuDNN as everywhere else: left to itself
it rounds what it multiplies to ten bits (TF32), and answers differ in the third digit. PyTorch has
one number for each thread that has begun to compute, and one for those that begin later. Two
contexts at once, each restoring the number that it found, would leave that of the other behind; so
the number before the first of them is kept until the last has ended.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from segue.errors import warn_user

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


MOST_THREADS = 64  # or as many as there are processors: a file may ask for millions

_lock = threading.Lock()
_here = threading.local()  # `count`: the number in this thread
_open = 0  # contexts, in all threads
_outside = 0  # the number of threads before the first of them
_precision: list[Any] = []  # of cuDNN before the first of them
_OPERATIONS: list[tuple[Any, str, Any]] = [  # where cuDNN's precision stands, and what float32 is
    (getattr(torch.backends.cudnn, kind), "fp32_precision", "ieee")
    for kind in ("conv", "rnn")
    if hasattr(torch.backends.cudnn, kind)
] or [(torch.backends.cudnn, "allow_tf32", False)]  # before PyTorch 2.9


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let PyTorch use `count` threads for a while, and what it could use before behind it.

    On a graphics processor cuDNN computes in float32 for that while.

    >>> before = torch.get_num_threads()
    >>> with threads(1):
    ...     torch.get_num_threads()
    1
    >>> torch.get_num_threads() == before
    True
    """
    global _open, _outside, _precision, _used  # noqa: PLW0603 (PyTorch's settings are global, too)
    count = _after_fork(min(count, max(MOST_THREADS, os.cpu_count() or 1)))
    with _lock:
        _used = _used or count > 1
        if _open == 0:
            _outside = torch.get_num_threads()
            _precision = [getattr(where, name) for where, name, _ in _OPERATIONS]
            for where, name, exact in _OPERATIONS:
                setattr(where, name, exact)
        _open += 1
        outside = _outside
    enclosing = getattr(_here, "count", None)
    _here.count = count
    torch.set_num_threads(count)
    try:
        yield
    finally:
        _here.count = enclosing
        torch.set_num_threads(outside if enclosing is None else enclosing)
        with _lock:
            _open -= 1
            if _open == 0:
                for (where, name, _), found in zip(_OPERATIONS, _precision, strict=True):
                    setattr(where, name, found)


_used = False  # several threads, in this process
_forked = False  # from a process that had used several
_said = False  # that one is used


def _after_fork(count: int) -> int:
    """One thread, in a process that was forked from one with several; said once.

    GCC's OpenMP has none of the parent's threads after a fork, and waits for them for ever.
    """
    global _said  # noqa: PLW0603
    if not _forked or count == 1:
        return count
    if not _said:
        _said = True
        warn_user(
            "This process was forked from one in which PyTorch had used several threads, which "
            "would never answer here: one is used. Processes that are spawned can use several: "
            "multiprocessing.set_start_method('spawn')."
        )
    return 1


def _in_child() -> None:
    global _forked, _open, _lock  # noqa: PLW0603
    _lock, _open = threading.Lock(), 0  # another thread of the parent may have held it
    _here.__dict__.clear()
    if _used:
        _forked = True
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def usable_threads() -> int:
    """The threads that PyTorch may use here: of this thread's context, or the user's setting."""
    enclosing: int | None = getattr(_here, "count", None)
    if enclosing is not None:
        return enclosing
    with _lock:
        return _outside if _open else torch.get_num_threads()
