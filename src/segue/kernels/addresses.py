"""Arrays as the native library takes them: contiguous, and by their addresses."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from segue.data.arrays import Array


def floats(array: Array) -> Array:
    """As contiguous float32, without a copy where it is that."""
    return np.ascontiguousarray(array, np.float32)


def integers(array: Array) -> Array:
    """As contiguous int64, without a copy where it is that."""
    return np.ascontiguousarray(array, np.int64)


_Memory = ctypes.c_char * 0


def address(array: Array | None) -> Any:
    """Where an array lies, as an argument; it must be held until the call has returned."""
    if array is None:
        return None
    try:
        return _Memory.from_buffer(array.data)  # a third of the time that `ctypes.data` takes
    except TypeError:  # it may not be written, or has gaps
        return array.ctypes.data


def aligned(size: int) -> Array:
    """`size` floats, from the beginning of a line of the cache on."""
    line = 16
    block = np.empty(size + line, np.float32)
    first = -(block.ctypes.data // block.itemsize) % line
    return block[first : first + size]


def ragged(values: Array, offsets: Array, *more: Array) -> tuple[Any, ...]:
    """The arguments that a ragged batch is to the library."""
    return (*map(address, (values, offsets, *more)), len(offsets) - 1, values.shape[1])
