"""PyTorch's number of threads and flags, as a context that is safe with other threads.

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
from typing import Any

import torch

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
    global _open, _outside, _precision  # noqa: PLW0603 (PyTorch's settings are global, too)
    with _lock:
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


def usable_threads() -> int:
    """The threads that PyTorch may use here: of this thread's context, or the user's setting."""
    enclosing: int | None = getattr(_here, "count", None)
    if enclosing is not None:
        return enclosing
    with _lock:
        return _outside if _open else torch.get_num_threads()
