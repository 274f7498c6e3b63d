"""What the values of sequences are, told by their type alone; and texts as numbers and back.

    float32   "numbers": measurements, any number of channels
    int32     "tokens": numbers that stand for something, such as words
    uint32    "text": one character a step, its Unicode code point (as NumPy itself lays out text)

So whatever slices, joins, writes or maps sequences keeps texts as texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segue.errors import DataError

Array = npt.NDArray[Any]
Kind = Literal["numbers", "tokens", "text"]

CODE_POINTS = np.dtype(np.uint32)
KINDS: dict[np.dtype[Any], Kind] = {np.dtype(np.int32): "tokens", CODE_POINTS: "text"}
_ENCODING = "utf-32-le"


def as_values(values: npt.ArrayLike) -> Array:
    """Return `[total_steps, channel]` of one of the three types.

    Raises:
        DataError: another shape, or no numbers.
    """
    array = np.asarray(values)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] == 0:
        raise DataError(f"`values` has shape {array.shape}; expected [total_steps, channel].")
    if array.dtype.kind not in "fiub":
        raise DataError(f"`values` are of type {array.dtype}; expected numbers.")
    kept = array.dtype == np.int32 or (array.dtype == CODE_POINTS and array.shape[1] == 1)
    return array if kept else array.astype(np.float32, copy=False)


def without_text(array: Array) -> Array:
    """Unsigned numbers that come as a block are numbers: texts are not all of one length."""
    return array.astype(np.float32) if array.dtype == CODE_POINTS else array


def encode(texts: Iterable[str]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return the code points of all texts, `[characters]`, and where each begins, `[n + 1]`.

    Raises:
        DataError: an item that is no text, or half a character (a lone surrogate).

    >>> values, offsets = encode(["hé", "", "!"])
    >>> values.tolist(), offsets.tolist()
    ([104, 233, 33], [0, 2, 2, 3])
    """
    buffer, ends = bytearray(), [0]  # grows in place, so that a generator needs no second copy
    for number, text in enumerate(texts):
        buffer += _encoded(text, number)
        ends.append(len(buffer) // CODE_POINTS.itemsize)
    return np.frombuffer(buffer, "<u4").astype(CODE_POINTS, copy=False), np.asarray(ends, np.int64)


def decode(steps: npt.NDArray[Any]) -> str:
    """Return the text of code points `[time, 1]` or `[time]`.

    Raises:
        DataError: numbers that are no code points.

    >>> decode(np.array([[104], [233]], np.uint32))
    'hé'
    """
    try:
        return np.asarray(steps, "<u4").tobytes().decode(_ENCODING)
    except UnicodeDecodeError as error:
        value = int(np.asarray(steps).reshape(-1)[error.start // CODE_POINTS.itemsize])
        raise DataError(
            f"The value {value} is no Unicode character. uint32 means text; pass other whole "
            "numbers as int32 (tokens) or as floats (measurements)."
        ) from error


def _encoded(text: Any, number: int) -> bytes:
    if not isinstance(text, str):
        raise DataError(
            f"Text {number} is {text!r} ({type(text).__name__}); expected str. Leave out what is "
            "missing."
        )
    try:
        return text.encode(_ENCODING)
    except UnicodeEncodeError as error:
        raise DataError(
            f"Text {number} has half a character ({text[error.start]!r}) at {error.start}: it was "
            "read with the wrong encoding, or cut inside a character."
        ) from error
