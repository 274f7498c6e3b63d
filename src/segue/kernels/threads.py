"""How PyTorch computes, as a context that other threads do not disturb.

That is the number of threads, and on a graphics processor float32 in cuDNN as everywhere else: left
to itself it rounds what it multiplies to ten bits (TF32), and answers differ in the third digit.

PyTorch has one number for each thread that has begun to compute, and one for those that begin
later. Two contexts at once, each restoring the number that it found, would leave that of the other
behind; so the number before the first of them is kept until the last has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_lock = threading.Lock()
_here = threading.local()  # `count`: the number in this thread
_open = 0  # contexts, in all threads
_outside = 0  # the number of threads before the first of them
_tf32 = True  # whether cuDNN rounded before the first of them


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
    global _open, _outside, _tf32  # noqa: PLW0603 (PyTorch's settings are global, too)
    with _lock:
        if _open == 0:
            _outside, _tf32 = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
            torch.backends.cudnn.allow_tf32 = False
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
                torch.backends.cudnn.allow_tf32 = _tf32


def usable_threads() -> int:
    """The threads that PyTorch may use here: of this thread's context, or the user's setting."""
    enclosing: int | None = getattr(_here, "count", None)
    if enclosing is not None:
        return enclosing
    with _lock:
        return _outside if _open else torch.get_num_threads()
