"""How many threads PyTorch uses: a context that is safe with other threads, and a good number.

A recurrent network takes its steps one after the other, so the product of each step is divided
among the threads by itself. For small networks the threads then spend their time waiting for each
other, and on a busy machine one that must wait for a processor stops all of them.

`threads` is a context with PyTorch's flags: the number of threads, and on a graphics processor
float32 in cuDNN as everywhere else: left to itself it rounds what it multiplies to ten bits (TF32),
and answers differ in the third digit. PyTorch has one number for each thread that has begun to
compute, and one for those that begin later. Two contexts at once, each restoring the number that it
found, would leave that of the other behind; so the number before the first of them is kept until
the last has ended.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from segue.errors import warn_user

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
    count = min(count, max(MOST_THREADS, os.cpu_count() or 1))
    if _forked and count > 1:
        count = _one_after_fork()
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


def _one_after_fork() -> int:
    """One thread, in a process that was forked from one with several; said once.

    GCC's OpenMP has none of the parent's threads after a fork, and waits for them for ever.
    """
    global _said  # noqa: PLW0603
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


# Multiplications in one time step of a batch from which on more threads pay.
_WORTH_SHARING = 16_000_000


def choose_threads(network: nn.Module, batch_size: int) -> int:
    """One thread for small steps, else as many as PyTorch has; the same for the same sizes.

    Embeddings (`Layer.token_weights`) are looked up, not multiplied, so their size does not count.
    """
    looked_up = {
        id(layer.weights()[name])  # type: ignore[operator]
        for layer in network.modules()
        for name in getattr(layer, "token_weights", ())
    }
    multiplied = sum(p.numel() for p in network.parameters() if id(p) not in looked_up)
    return usable_threads() if multiplied * batch_size >= _WORTH_SHARING else 1
