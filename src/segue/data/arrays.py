"""Arrays of numbers and texts: other libraries' arrays as NumPy's, types of values, precision.

Networks compute in float32, which has 24 binary digits. Of a channel that lies far from 0 for how
little it varies (seconds since 1970, a pressure in pascal) they are used up by its level, and what
it does is lost. Such values stay float64 until a preparation has taken the level off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segue.data.labels import is_missing, native
from segue.errors import DataError, NotNumbersError

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
    array = value if isinstance(value, np.ndarray) else np.asanyarray(native(value))
    if isinstance(array, np.ma.MaskedArray):
        return _with_missing(array)
    # The name takes NumPy longer to say than a short sequence takes to be joined.
    if array.dtype.itemsize == 2 and array.dtype.name == "bfloat16":  # of JAX
        return array.astype(np.float32)
    return _as_numbers(array) if array.dtype == object else array


def as_numbers(values: Any, what: str, expected: str) -> Array:
    """Return what a user passes as float64 of one axis or two.

    Args:
        values: as in `as_array`.
        what: what they are called in messages.
        expected: their shape, and how to mend others; the end of a message.

    Raises:
        DataError: no numbers, or another shape.
    """
    try:
        numbers = as_array(values).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"`{what}` holds no numbers ({error}); expected {expected}.") from error
    if numbers.ndim not in (1, 2) or 0 in numbers.shape[1:]:
        raise DataError(f"`{what}` has shape {numbers.shape}; expected {expected}.")
    return numbers


def as_features(static: Any) -> Array:
    """Return what a user passes as static features: `[n, feature]`, float64.

    Raises:
        DataError: no numbers, or another shape.
    """
    category = "a category as one feature of 0 and 1 for each of its values"
    table = as_numbers(static, "static", f"[n, feature] numbers: {category}")
    return table[:, None] if table.ndim == 1 else table


def refuse_not_finite(table: Array, what: str, remedy: str) -> None:
    """Raise where a row of `[n]` or `[n, column]` numbers has one that is not finite.

    Args:
        table: a row for each sequence.
        what: what such a number is called.
        remedy: what to do about it.

    Raises:
        DataError: it counts the rows and names the first.
    """
    wrong = ~np.isfinite(table).reshape(len(table), -1).all(axis=1)
    if wrong.any():
        raise DataError(
            f"{what} is missing or infinite for {int(wrong.sum())} of {len(table)} sequences, "
            f"first for sequence {int(wrong.argmax())}: {remedy}."
        )


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


def _with_missing(array: np.ma.MaskedArray[Any, Any]) -> Array:
    """A masked array as floats with NaN; as it is where nothing is masked."""
    if not np.ma.is_masked(array):
        return np.ma.getdata(array)
    kind = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    return np.asarray(np.ma.filled(array.astype(kind), np.nan))


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


Kind = Literal["numbers", "whole numbers", "text"]

CODE_POINTS = np.dtype(np.uint32)
KINDS: dict[np.dtype[Any], Kind] = {np.dtype(np.int32): "whole numbers", CODE_POINTS: "text"}
_INT32 = np.iinfo(np.int32)
_LARGEST_EXACT = 2**53  # up to here float64 has every whole number
_SINGLE = (
    " A single sequence is passed as a list of one, [x]. Reshape your data: x[None] of an array."
)
# What an array of so many axes may be, in place of one of sequences.
SHAPE_HINTS = {
    1: _SINGLE,
    4: " Images in colours, (n, height, width, colour), become sequences of rows or columns by "
    "segue.readers.images.images_to_sequences(images, 'rows').",
}
_ENCODING = "utf-32-le"


def narrowed(array: Array) -> Array:
    """`[rows, channel]` as float32 where it is float64 that float32 is not too coarse for."""
    if array.dtype != np.float64 or float32_loses(array).any():
        return array
    return array.astype(np.float32)


def as_steps(array: npt.ArrayLike, number: int | None = None, layout: str = "tc") -> Array:
    """Return `[time, channel]` without any loss: int32, float32, or float64.

    Args:
        array: `(time, channel)`, or `(time,)` for one channel.
        number: of the sequence, for messages; `None`: these are the values of all sequences.
        layout: "ct" or "nct" where the channels come first.

    Raises:
        DataError: another shape, no numbers, or whole numbers that float64 cannot tell apart.
    """
    try:
        steps = as_array(array)
    except ValueError:  # rows of unequal length
        steps = np.empty(0, object)
    if steps.ndim not in (1, 2) or steps.shape[1:] == (0,) or steps.dtype.kind not in "fiub":
        raise _no_steps(array, steps, number)
    if steps.ndim == 1:
        steps = steps[:, None]
    elif layout in ("ct", "nct"):
        steps = steps.T
    if steps.dtype.kind in "iu":
        return _whole(steps)
    is_small = steps.dtype.kind == "b" or steps.dtype.itemsize <= 4
    return steps.astype(np.float32 if is_small else np.float64, copy=False)


def _no_steps(array: Any, steps: Array, number: int | None) -> DataError:
    """The error for what is no array of time steps."""
    if steps.dtype.kind == "c":
        return DataError(
            f"The values are of type {steps.dtype}: Complex data not supported. Pass real and "
            "imaginary part, or magnitude and phase, as two channels."
        )
    if number is not None and steps.dtype == object and steps.ndim in (1, 2) and steps.size:
        try:
            steps.astype(np.float64)
        except (TypeError, ValueError) as error:
            return NotNumbersError(f"Sequence {number} holds something else than numbers: {error}.")
    if number is not None:
        shape = np.shape(array) if isinstance(array, np.ndarray) else type(array).__name__
        return DataError(
            f"Sequence {number} is {shape}; expected a (time, channel) or (time,) array of numbers."
            + (_SINGLE if isinstance(array, int | float | np.number) else "")
        )
    if steps.ndim in (1, 2) and steps.shape[1:] != (0,):
        return DataError(f"`values` are of type {steps.dtype}; expected numbers.")
    return DataError(f"`values` has shape {steps.shape}; expected [total_steps, channel].")


def real_steps(lengths: Array, longest: int) -> npt.NDArray[np.bool_]:
    """Return the mask `[n, longest]` of what is no padding.

    Args:
        lengths: `[n]`, or such a mask, whose real steps must be one run in each row.
        longest: the steps of the padded array.

    Raises:
        DataError: lengths that are longer, or a mask with a gap.
    """
    if lengths.ndim == 1:
        if (lengths < 0).any() or (lengths > longest).any():
            raise DataError(
                f"Lengths from {lengths.min()} to {lengths.max()} for an array padded to "
                f"{longest} steps."
            )
        return np.asarray(np.arange(longest) < lengths[:, None])
    mask = lengths.astype(bool)
    runs = (np.diff(mask.astype(np.int8), axis=1, prepend=0) == 1).sum(axis=1)
    if (runs > 1).any():
        row = int(np.argmax(runs > 1))
        raise DataError(
            f"The mask of sequence {row} has a gap: its real steps must be one run, with the "
            "padding on one side. Mark missing values inside a sequence as NaN instead."
        )
    return mask


def join(items: list[Array], layout: str, *, exact: bool) -> Array:
    """`[total_steps, channel]` of exact `[time, channel]` arrays, one after the other.

    Args:
        items: what `as_steps` gives.
        layout: in which they were passed.
        exact: float64 stays, also where float32 is not too coarse.

    Raises:
        DataError: unequal channels; the message suggests a layout where axes look swapped.
    """
    counts = [item.shape[1] for item in items]
    if len(set(counts)) > 1:
        other = next(number for number, count in enumerate(counts) if count != counts[0])
        message = (
            f"Sequence 0 has {counts[0]} channels and sequence {other} has {counts[other]}: "
            "every sequence must be (time, channel) with the same channels."
        )
        if len({len(item) for item in items}) == 1:
            turned = "tc" if layout in ("ct", "nct") else "ct"
            axes = "time, channel" if turned == "tc" else "channel, time"
            message += (
                f" Here the last axis varies and the first is always {len(items[0])}, so these "
                f"look like ({axes}): pass layout={turned!r}."
            )
        raise DataError(message)
    kind = np.result_type(*{item.dtype for item in items})
    if kind == np.float64 and not exact and not float32_loses(items).any():
        kind = np.dtype(np.float32)
    # At once into the type that is wanted: nothing is there twice.
    return np.concatenate(items, dtype=kind, casting="same_kind")


def _whole(array: Array) -> Array:
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    if _INT32.min <= low and high <= _INT32.max:
        return array.astype(np.int32, copy=False)
    if max(-low, high) <= _LARGEST_EXACT:
        return array.astype(np.float64)
    value = high if high > _LARGEST_EXACT else low
    channel = int((array == value).any(axis=0).argmax())
    raise DataError(
        f"Channel {channel} has the whole number {value}. Beyond 2**53 = {_LARGEST_EXACT} float64 "
        "makes the same number of some that differ. Of times take the first one off while they are "
        "whole numbers, x - x[0], or take a larger unit, x // 1000; an id is no channel: leave it "
        "out."
    )


def encode(texts: Iterable[str]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return the code points of all texts, `[characters]`, and where each begins, `[n + 1]`.

    Raises:
        DataError: an item that is no text, or half a character (a lone surrogate).

    >>> values, offsets = encode(["hé", "", "!"])
    >>> values.tolist(), offsets.tolist()
    ([104, 233, 33], [0, 2, 2, 3])
    """
    buffer, ends = bytearray(), [0]  # grows itself, so that a generator needs no second copy
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(
                f"Text {number} is {text!r} ({type(text).__name__}); expected str. Leave out what "
                "is missing."
            )
        try:
            buffer += text.encode(_ENCODING)
        except UnicodeEncodeError as error:
            raise DataError(
                f"Text {number} has half a character ({text[error.start]!r}) at {error.start}: it "
                "was read with the wrong encoding, or cut inside a character."
            ) from error
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
            f"The value {value} is no Unicode character: the values are no text, which "
            "Sequences.from_texts makes."
        ) from error


# -- where float32 is too coarse -------------------------------------------------------------------

ROWS, RUN = 4096, 16  # rows that are looked at, in runs of neighbours
MAX_VALUES = 500_000  # that are looked at, at most; of very many channels there are fewer rows
TOLERANCE = 1e-4  # of the standard deviation, for the error that rounding makes
KEPT = 0.75  # of the values that differ must still differ
NOISE = 2.0**-48  # of the largest value: less of a difference is rounding in float64 already
END = (2 - 2.0**-24) * 2.0**127  # from here on float32 is infinite
LARGEST_WHOLE = 2.0**24  # up to here float32 has every whole number


def float32_loses(items: Any) -> Array:
    """`[channel]`, whether a channel would lose information if it were rounded to float32.

    It would where the error of rounding is more than 1e-4 of the standard deviation, or where more
    than a quarter of the values that differ would be the same. A channel that never varies loses
    something where it is changed beyond 2**24: its level may vary elsewhere.

    Args:
        items: `Sequences` or a list of arrays `[time, channel]`, or one array of all of them,
            `[total_steps, channel]` or `[n, time, channel]`.

    >>> x = np.array([[0.0, 0.0], [0.5, 0.5], [2.0, 2.0]]) + [0, 1e9]
    >>> float32_loses(x), float32_loses(x.astype(np.float32))
    (array([False,  True]), array([False, False]))
    """
    rows = sample(items)
    if rows.dtype == np.float32:
        return np.zeros(rows.shape[1], bool)
    exact = rows.astype(np.float64, copy=False)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        rounded = exact.astype(np.float32)
        if not len(exact) or bool(((rounded == exact) | np.isnan(exact)).all()):
            return np.zeros(exact.shape[1], bool)
        known = np.isfinite(rounded)
        low = np.fmin.reduce(np.where(known, exact, np.inf))
        above = np.where(known, exact - low, 0)  # taken off before anything is summed
        largest = np.abs(np.where(known, exact, 0)).max(axis=0)
        count = np.maximum(known.sum(axis=0), 1)
        mean = above.sum(axis=0) / count
        deviation = np.sqrt((np.where(known, above - mean, 0) ** 2).sum(axis=0) / count)
        error = np.sqrt((np.where(known, exact - rounded, 0) ** 2).sum(axis=0) / count)
        noise = NOISE * largest
        different = distinct(exact, noise)
        merges = (different > 1) & (distinct(rounded, noise) <= KEPT * different)
        coarse = (error > TOLERANCE * deviation) | merges
        changed = (error > 0) & (largest > LARGEST_WHOLE)
        return np.asarray(np.where(deviation > noise, coarse, changed))


def is_infinite(values: Array) -> Array:
    """Whether numbers are infinite, or too large for float32, which comes to the same."""
    if values.dtype == np.float64:
        return np.asarray(np.abs(values) >= END)
    return np.isinf(values)


def hashes(values: Array, lengths: Array) -> bytes:
    """16 bytes for each sequence, `[n, 16]`: a hash of its values, so of its length too.

    The same values have the same hash whatever they are stored as; missing values are all alike.

    Args:
        values: `[step, channel]`, one sequence after the other.
        lengths: `[n]`.
    """
    start, found = hashlib.blake2b(f"{values.shape[1]}".encode(), digest_size=16), bytearray()
    single, rest = np.add(values, 0.0, dtype="<f4", casting="same_kind"), None  # -0.0 becomes 0.0
    single[np.isnan(single)] = np.nan
    if values.dtype != np.float32:  # and what float32 leaves of a wider type, if anything
        left = np.nan_to_num(values - single.astype(np.float64)).astype("<f4") + np.float32(0)
        rest = memoryview(left.tobytes()) if left.any() else None
    raw = memoryview(single.tobytes())
    ends = (np.cumsum(lengths) * 4 * values.shape[1]).tolist()
    for first, last in pairwise([0, *ends]):
        one = start.copy()
        one.update(raw[first:last])
        if rest is not None and any(rest[first:last]):
            one.update(rest[first:last])
        found += one.digest()
    return bytes(found)


def distinct(rows: Array, noise: Array | float = 0.0) -> Array:
    """`[channel]`, how many values there are that are further than `noise` from the next one."""
    return np.asarray(1 + (np.diff(np.sort(rows, axis=0), axis=0) > noise).sum(axis=0))


def sample(items: Any) -> Array:
    """`[rows, channel]` from all over the items of `float32_loses`; all rows of a few."""
    if isinstance(items, np.ndarray) and items.ndim == 2:
        items = [items]
    known = getattr(items, "lengths", None)  # of `Sequences`
    lengths = np.array([len(item) for item in items], np.int64) if known is None else known
    ends, total = np.cumsum(lengths), int(lengths.sum())
    rows = min(ROWS, max(RUN, MAX_VALUES // items[0].shape[1]))
    if total <= rows:
        return np.concatenate(list(items))
    # Multiples of the golden ratio lie evenly, and in no step with the lengths of sequences.
    positions = np.sort(np.arange(rows // RUN) * 0.6180339887498949 % 1)
    starts = (positions * (total - RUN)).astype(np.int64)
    which = np.searchsorted(ends, starts, side="right")
    begins = starts - (ends - lengths)[which]
    pairs = zip(which.tolist(), begins.tolist(), strict=True)
    return np.concatenate([items[i][begin : begin + RUN] for i, begin in pairs])
