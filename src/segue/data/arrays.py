"""Arrays of other libraries as NumPy's: tensors, masked arrays, frames, what speaks DLPack.

What is missing (masked, NA, None) becomes NaN. None of the libraries is imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segue.data.labels import is_missing

Array = npt.NDArray[Any]


def as_array(value: Any) -> Array:
    """Return whatever holds numbers as an array of NumPy, without a copy where it can be.

    Args:
        value: an array, list, tensor (also on a GPU, with a gradient, or bfloat16), masked array,
            frame or Series (also of nullable types), or anything with `__array__` or `__dlpack__`.

    Raises:
        ValueError: lists of unequal length.

    >>> as_array(np.ma.masked_array([1, 2], [False, True]))
    array([ 1., nan])
    >>> as_array([1.0, None])
    array([ 1., nan])
    """
    array = _unwrapped(value)
    if isinstance(array, np.ma.MaskedArray):
        return _with_gaps(array)
    # The name takes NumPy longer to say than a short sequence takes to be joined.
    if array.dtype.itemsize == 2 and array.dtype.name == "bfloat16":  # of JAX
        return array.astype(np.float32)
    return _as_numbers(array) if array.dtype == object else array


def _unwrapped(value: Any) -> Array:
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach"):  # a tensor of PyTorch
        value = value.detach().cpu()
        return np.asarray(value.float() if "bfloat16" in str(value.dtype) else value)
    if hasattr(value, "to_numpy"):  # pandas, Polars, Arrow
        return np.asarray(value.to_numpy())
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.from_dlpack(value)
    return np.asarray(value)


def cells_as_steps(x: Any) -> Any:
    """Rows of an `[n, channel]` array of objects, each cell a series, as `[time, channel]` arrays.

    >>> cells = np.empty((1, 2), object)
    >>> cells[0, 0], cells[0, 1] = [1, 2, 3], [4, 5, 6]
    >>> cells_as_steps(cells)[0].shape
    (3, 2)
    """
    if not isinstance(x, np.ndarray) or x.dtype != object or x.ndim != 2:
        return x
    if as_array(x).dtype != object:
        return x
    return [np.stack([as_array(cell) for cell in row], axis=-1) for row in x]


def _with_gaps(array: np.ma.MaskedArray[Any, Any]) -> Array:
    """A masked array as floats with NaN; as it is where nothing is masked."""
    if not np.ma.is_masked(array):
        return np.ma.getdata(array)
    kind = array.dtype if array.dtype.kind == "f" else np.float64
    return np.where(np.ma.getmaskarray(array), np.nan, np.ma.getdata(array)).astype(kind)


def _as_numbers(array: Array) -> Array:
    """Objects that are numbers or missing as float64; others stay what they are."""
    items: list[Any] = [
        np.nan if is_missing(item) and not isinstance(item, str) else item for item in array.flat
    ]
    if any(isinstance(item, str | bytes) for item in items):
        return array
    if array.ndim == 1 and all(isinstance(item, np.ndarray) for item in items):
        return np.stack(items) if len({item.shape for item in items}) == 1 else array
    try:
        return np.array(items, np.float64).reshape(array.shape)
    except (TypeError, ValueError):
        return array
