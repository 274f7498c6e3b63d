"""Sequences of equal or unequal length, laid out as Arrow lays out a list of vectors.

`values` holds every step of every sequence, one after the other: `[total_steps, channel]`;
`offsets` has where each begins: `[n + 1]`. Nothing is padded until a batch is made.

Inside, a `Sequences` is a table of contents (`chunk`, `start`, `length` of each sequence) over one
or more arrays. So a selection or a concatenation never copies values, and a file larger than
memory can be opened, shuffled and split like a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from segue.data import arrays
from segue.data.arrays import Array, as_array, as_steps, hashes, join, narrowed
from segue.errors import DataError

__all__ = ["Array", "Layout", "Sequences", "check_sequences", "refuse_infinite"]

Layout = Literal["ntc", "nct", "tc", "ct"]

# Values that are worked on at once where a data set may be larger than memory: 16 MB of float32.
BLOCK_VALUES = 4_000_000


class Sequences(Sequence[Array]):
    """A frozen list of sequences: `[time, channel]` arrays of numbers, or texts.

    Args:
        values: `[total_steps, channel]`, or `[total_steps]` for one channel. Floats become float32;
            float64 stays where float32 would lose information (values of 1e9 that differ by
            1). Whole numbers of any type become int32, or floats where they do not fit: tokens to a
            network that begins with an embedding, numbers to any other.
        offsets: `[n + 1]`, where each sequence begins in `values`, rising from 0 to `total_steps`.
        lengths: `[n]`, the steps of each, instead.
        exact: float64 stays in any case.

    Attributes:
        lengths: `[n]`, the number of steps of each sequence.
        channels: the number of values at each step.
        dtype: float32, float64 where that is too coarse, int32 (whole numbers), or uint32 (text).
        kind: what the values are: "numbers", "whole numbers" (tokens or counts) or "text".
        is_whole: whether they are whole numbers, which a network may take as tokens.
        is_text: whether they are code points (uint32), the characters of texts.
        is_mapped: whether they lie in a mapped file and not in memory.

    Raises:
        DataError: shapes that do not fit, offsets that fall or leave the values, or whole numbers
            beyond 2**53.

    >>> x = Sequences.from_list([[1.0, 2.0, 3.0], [4.0]])
    >>> len(x), x.channels, x.lengths.tolist()
    (2, 1, [3, 1])
    >>> x[1]
    array([[4.]], dtype=float32)
    >>> x[::-1].offsets.tolist()
    [0, 1, 4]
    """

    __slots__ = (
        "_chunk", "_chunks", "_start",
        "channels", "dtype", "is_mapped", "is_text", "is_whole", "kind", "lengths",
    )  # fmt: skip

    def __init__(
        self,
        values: npt.ArrayLike,
        offsets: Any = (),
        *,
        lengths: Any = None,
        exact: bool = False,
    ) -> None:
        values = as_steps(values) if exact else narrowed(as_steps(values))
        offsets = offsets if lengths is None else np.concatenate([[0], np.cumsum(lengths)])
        offsets = np.asarray(offsets, dtype=np.int64)
        if offsets.ndim != 1 or len(offsets) == 0 or offsets[0] != 0:
            raise DataError(
                f"`offsets` has shape {offsets.shape}; expected [n + 1] numbers beginning with 0."
            )
        lengths = np.diff(offsets)
        if (lengths < 0).any() or offsets[-1] != len(values):
            raise DataError(
                f"`offsets` must rise from 0 to the number of steps ({len(values)}); "
                f"it ends at {offsets[-1]} and its smallest step is {lengths.min(initial=0)}."
            )
        self._set((values,), np.zeros(len(lengths), np.int32), offsets[:-1], lengths)

    def _set(
        self, chunks: tuple[Array, ...], chunk: Array, start: Array, lengths: Array
    ) -> Sequences:
        self._chunks, self._chunk, self._start, self.lengths = chunks, chunk, start, lengths
        self.channels = int(chunks[0].shape[1])
        self.dtype = np.result_type(*{each.dtype for each in chunks})
        self.kind = arrays.KINDS.get(self.dtype, "numbers")
        self.is_whole, self.is_text = self.kind == "whole numbers", self.kind == "text"
        self.is_mapped = any(not each.flags.owndata and _is_mapped(each) for each in chunks)
        return self

    # -- making ---------------------------------------------------------------------------------

    @classmethod
    def from_list(
        cls, arrays: Iterable[npt.ArrayLike], *, layout: Layout = "tc", exact: bool = False
    ) -> Sequences:
        """Join `(time, channel)` or `(time,)` arrays of any lengths.

        Args:
            arrays: one for each sequence.
            layout: `"ct"` when the channels come first.
            exact: as in the class.

        Raises:
            DataError: arrays with different numbers of channels, or more than two axes. When the
                lengths look like channels, the message suggests a layout.
        """
        items = [as_steps(array, number, layout) for number, array in enumerate(arrays)]
        if not items:
            return cls(np.zeros((0, 1), np.float32), [0])
        values = join(items, layout, exact=exact)
        lengths = np.array([len(item) for item in items], np.int64)
        chunk = np.zeros(len(items), np.int32)
        return object.__new__(cls)._set((values,), chunk, np.cumsum(lengths) - lengths, lengths)

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Sequences:
        """Take texts; each character is a step. `.texts()` gives them back.

        >>> Sequences.from_texts(["Who wrote this?", "I did."])
        Sequences(n=2, time=6 to 15, text)
        """
        points, offsets = arrays.encode(texts)
        return cls.from_chunks([(points[:, None], offsets)])

    @classmethod
    def from_array(
        cls, array: npt.ArrayLike, *, layout: Layout = "ntc", exact: bool = False
    ) -> Sequences:
        """Take a `(n, time, channel)` or `(n, time)` array, without a copy where it is float32.

        Args:
            array: of numbers.
            layout: `"nct"` when the channels come first.
            exact: as in the class.
        """
        array = as_array(array)
        if array.ndim == 3 and layout in ("nct", "ct"):
            array = array.transpose(0, 2, 1)
        array = array[:, :, None] if array.ndim == 2 else array
        if array.ndim != 3:
            raise DataError(
                f"An array of sequences has shape {array.shape}; expected (n, time, channel), "
                "or (n, time) for one channel." + arrays.SHAPE_HINTS.get(array.ndim, "")
            )
        count, steps, channels = array.shape
        values = array.reshape(count * steps, channels)
        return cls(values, np.arange(count + 1, dtype=np.int64) * steps, exact=exact)

    @classmethod
    def from_padded(cls, array: npt.ArrayLike, lengths: npt.ArrayLike) -> Sequences:
        """Take the real steps of a padded `(n, time, channel)` or `(n, time)` array.

        Args:
            array: padded on either side.
            lengths: `[n]` lengths (the padding is on the right), or a mask `[n, time]` that is
                true at real steps, which must be one run in each row, on either side.

        >>> Sequences.from_padded([[0.0, 1, 2], [3, 0, 0]], [[0, 1, 1], [1, 0, 0]]).to_list()[0].T
        array([[1., 2.]], dtype=float32)
        """
        array, lengths = as_array(array), as_array(lengths)
        array = array[:, :, None] if array.ndim == 2 else array
        if array.ndim != 3 or lengths.shape not in (array.shape[:1], array.shape[:2]):
            raise DataError(
                f"A padded array has shape {array.shape} and its lengths or mask {lengths.shape}; "
                "expected (n, time, channel) with [n] lengths or an [n, time] mask."
            )
        mask = arrays.real_steps(lengths, array.shape[1])
        return cls(array[mask], lengths=mask.sum(axis=1))

    @classmethod
    def concatenate(cls, parts: Iterable[Sequences]) -> Sequences:
        """Join several `Sequences` of the same channels; values are not copied.

        Where whole numbers meet others, all are numbers.
        """
        parts = list(parts)
        if not parts:
            return cls.from_list([])
        if len({(part.channels, part.is_text) for part in parts}) > 1:
            kinds = ", ".join(f"{part.channels} ({part.kind})" for part in parts)
            raise DataError(f"Sequences to be joined must have the same channels; got {kinds}.")
        bases = np.cumsum([0, *(len(part._chunks) for part in parts)])
        return object.__new__(cls)._set(
            tuple(chunk for part in parts for chunk in part._chunks),
            np.concatenate([part._chunk + b for part, b in zip(parts, bases, strict=False)]),
            np.concatenate([part._start for part in parts]),
            np.concatenate([part.lengths for part in parts]),
        )

    @classmethod
    def from_chunks(cls, chunks: Sequence[tuple[Array, npt.NDArray[np.int64]]]) -> Sequences:
        """Take pairs of values `[steps, channel]` and their offsets `[rows + 1]`, not copied."""
        if not chunks:
            return cls.from_list([])
        values, offsets = zip(*chunks, strict=True)
        chunk = np.repeat(np.arange(len(chunks), dtype=np.int32), [len(o) - 1 for o in offsets])
        starts = np.concatenate([each[:-1] for each in offsets])
        return object.__new__(cls)._set(
            values, chunk, starts, np.concatenate(list(map(np.diff, offsets)))
        )

    # -- reading --------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Array: ...
    @overload
    def __getitem__(self, index: slice | npt.ArrayLike) -> Sequences: ...

    def __getitem__(self, index: Any) -> Any:
        """An int gives one `[time, channel]` view; a slice, mask or index array a selection."""
        if isinstance(index, int | np.integer):
            if not -len(self) <= index < len(self):
                raise IndexError(f"sequence {index} of {len(self)}")
            start = self._start[index]
            view = self._chunks[self._chunk[index]][start : start + self.lengths[index]]
            return self._read_only(view)
        if not isinstance(index, slice):
            index = np.asarray(index)
            if index.dtype == bool and index.shape != (len(self),):
                raise IndexError(f"a mask of shape {index.shape} for {len(self)} sequences")
            if index.size == 0:
                index = index.astype(np.int64)
        chunk, start, lengths = self._chunk[index], self._start[index], self.lengths[index]
        return object.__new__(Sequences)._set(self._chunks, chunk, start, lengths)

    def _read_only(self, view: Array) -> Array:
        """A piece of one array in the type of all of them."""
        view = view.astype(self.dtype, copy=False)
        view.flags.writeable = False
        return view

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequences):
            return NotImplemented
        return (
            self.dtype == other.dtype
            and self.channels == other.channels
            and np.array_equal(self.lengths, other.lengths)
            and np.array_equal(self.values, other.values, equal_nan=self.dtype.kind == "f")
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shortest, longest = self.length_range
        steps = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
        channels = "" if self.is_text else f", channels={self.channels}"
        kind = "" if self.kind == "numbers" else f", {self.kind}"
        return f"Sequences(n={len(self)}, time={steps}{channels}{kind})"

    @property
    def length_range(self) -> tuple[int, int]:
        """The shortest and the longest length (0, 0 when there are no sequences)."""
        if len(self) == 0:
            return 0, 0
        return int(self.lengths.min()), int(self.lengths.max())

    def texts(self) -> list[str]:
        """The texts, of sequences that are such."""
        return [arrays.decode(steps) for steps in self]

    @property
    def total_steps(self) -> int:
        """The sum of the lengths."""
        return int(self.lengths.sum())

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """`[n + 1]`, where each sequence begins in `values`."""
        offsets = np.zeros(len(self) + 1, np.int64)
        np.cumsum(self.lengths, out=offsets[1:])
        return offsets

    @property
    def values(self) -> Array:
        """`[total_steps, channel]`, all steps one after the other: a view where they lie so."""
        if len(self) == 1:
            return self[0]
        chunk, start = (self._chunk[0], int(self._start[0])) if len(self.lengths) else (0, 0)
        ends = self._start[:-1] + self.lengths[:-1]
        if (self._chunk == chunk).all() and (self._start[1:] == ends).all():
            end = start + int(self.lengths.sum())
            return self._read_only(self._chunks[chunk][start:end])
        return self.gather(np.arange(len(self)))[0]

    def pieces(
        self, index: npt.ArrayLike, start: npt.ArrayLike, length: npt.ArrayLike
    ) -> Sequences:
        """Cut pieces out of sequences; they may overlap, and values are not copied.

        Args:
            index: `[pieces]`, the sequence that each piece is of.
            start: `[pieces]`, its first step there.
            length: `[pieces]`, or one for all: its steps.

        Raises:
            DataError: a piece that begins before its sequence, or ends behind it.

        >>> Sequences.from_list([[1.0, 2, 3, 4]]).pieces([0, 0], [0, 1], 3).to_list()[1].T
        array([[2., 3., 4.]], dtype=float32)
        """
        index, start = np.asarray(index, np.int64), np.asarray(start, np.int64)
        steps = np.broadcast_to(np.asarray(length, np.int64), index.shape)
        outside = (start < 0) | (steps < 0) | (start + steps > self.lengths[index])
        if outside.any():
            piece = int(np.argmax(outside))
            raise DataError(
                f"Piece {piece} is steps {start[piece]} to {start[piece] + steps[piece]} of "
                f"sequence {index[piece]}, which has {self.lengths[index[piece]]}."
            )
        chunk, first = self._chunk[index], self._start[index] + start
        return object.__new__(Sequences)._set(self._chunks, chunk, first, steps)

    def gather(self, index: npt.ArrayLike) -> tuple[Array, npt.NDArray[np.int64]]:
        """Copy the chosen sequences: values `[their_steps, channel]` and lengths `[len(index)]`."""
        index = np.asarray(index, dtype=np.int64)
        chunk, start, length = self._chunk[index], self._start[index], self.lengths[index]
        values = np.empty((int(length.sum()), self.channels), self.dtype)
        if len(self._chunks) == 1:
            np.take(self._chunks[0], _ranges(start, length), axis=0, out=values)
            return values, length
        position = 0
        for c, s, steps in zip(chunk.tolist(), start.tolist(), length.tolist(), strict=True):
            values[position : position + steps] = self._chunks[c][s : s + steps]
            position += steps
        return values, length

    def blocks(self, steps: int | None = None) -> Iterator[Sequences]:
        """Cut into runs of whole sequences, to work through a large file.

        Args:
            steps: about so many in each; `None`: as many as make four million values.
        """
        steps = steps or max(1, BLOCK_VALUES // self.channels)
        if len(self.lengths) > 0 and self.lengths.sum() <= steps:
            yield self
            return
        offsets = self.offsets
        edges = np.searchsorted(offsets, np.arange(steps, offsets[-1], steps))
        bounds = np.unique(np.concatenate([[0], edges, [len(self.lengths)]]))
        for first, last in pairwise(bounds):
            yield self[int(first) : int(last)]

    def digests(self) -> npt.NDArray[np.uint8]:
        """`[n, 16]`, a hash of the values of each sequence; a mapped file is read by blocks.

        >>> first, second, third = Sequences.from_list([[1.0, 2.0], [1.0], [1.0, 2.0]]).digests()
        >>> bool((first == third).all()), bool((first == second).all())
        (True, False)
        """
        found = [hashes(block.values, block.lengths) for block in self.blocks()]
        return np.frombuffer(b"".join(found), np.uint8).reshape(-1, 16)

    def to_list(self) -> list[Array]:
        """Return the `[time, channel]` arrays as views."""
        return list(self)

    def to_padded(
        self, *, side: Literal["left", "right"] = "right", value: float = 0.0
    ) -> tuple[Array, npt.NDArray[np.bool_]]:
        """Return `(n, longest, channel)` filled up with `value`, and the mask `(n, longest)`."""
        longest = self.length_range[1]
        mask = np.arange(longest) < self.lengths[:, None]
        if side == "left":
            mask = mask[:, ::-1]
        padded = np.full((len(self), longest, self.channels), value, self.dtype)
        padded[mask] = self.values
        return padded, mask

    # -- files (Arrow IPC) ----------------------------------------------------------------------

    @staticmethod
    def write(
        path: str | Path,
        sequences: Iterable[npt.ArrayLike],
        *,
        append: bool = False,
        batch_steps: int | None = None,
    ) -> int:
        """Write sequences as they come to an Arrow IPC file, and return how many there are.

        Memory stays at about two record batches. The file appears whole or not at all. What comes
        as float64 is float32 there, unless that is too coarse.

        Args:
            path: the file to write; `.arrow` is its usual ending.
            sequences: any iterable of `(time, channel)` or `(time,)` arrays; a generator will do.
            append: keep the sequences that the file has already.
            batch_steps: steps in one record batch; `None`: as many as make four million values.

        Raises:
            DataError: a sequence with another number of channels than the first.
            WriteError: the disk is full or read-only.
        """
        from segue.data import (
            storage as arrow,  # pyarrow takes a tenth of a second: not everybody pays
        )

        known = isinstance(sequences, Sequences)  # whose values have their type
        rows = (
            (np.asarray(steps) if known else as_steps(steps, number), dict[str, Any]())
            for number, steps in enumerate(sequences)
        )
        written = arrow.write(path, rows, append=append, batch_steps=batch_steps)
        if not known:
            arrow.narrow(path)
        return written

    @classmethod
    def open(cls, path: str | Path) -> Sequences:
        """Map a file that `write` made: values stay on disk until they are used.

        Raises:
            FileError: not an Arrow file, or one without sequences.
        """
        from segue.data import storage as arrow

        return cls.from_chunks(arrow.read(path).chunks)


def check_sequences(x: Sequences, channels: tuple[str, ...] | None = None) -> None:
    """Check that there are sequences, each with steps and none with an infinite value.

    Missing values (NaN) are allowed.

    Args:
        x: the sequences.
        channels: their names, for messages.

    Raises:
        DataError: no sequences, an empty sequence, or an infinite value.
    """
    if len(x) == 0:
        raise DataError("There are no sequences.")
    empty = np.flatnonzero(x.lengths == 0)
    if len(empty):
        raise DataError(
            f"{len(empty)} of {len(x)} sequences have length 0 (the first is number {empty[0]}): "
            "remove them, there is nothing to learn from."
            + (
                f" Found 0 feature(s) (shape=({len(x)}, 0)) while a minimum of 1 is required."
                if len(empty) == len(x)
                else ""
            )
        )
    refuse_infinite(x, channels)


def refuse_infinite(x: Sequences, channels: tuple[str, ...] | None = None) -> None:
    """Raise `DataError` that names the first infinite value: sequence, step and channel."""
    first = 0
    for block in x.blocks():
        if x.kind == "numbers" and arrays.is_infinite(block.values).any():
            row = next(i for i, steps in enumerate(block) if arrays.is_infinite(steps).any())
            step, channel = np.argwhere(arrays.is_infinite(block[row]))[0]
            where = f"step {step}, channel {channels[channel] if channels else channel}"
            raise DataError(
                f"Sequence {first + row} has an infinite value at {where}, or one beyond float32 "
                "(3.4e38). Mark missing values as NaN; mend or remove the others."
            )
        first += len(block)


def _ranges(start: Array, length: Array) -> npt.NDArray[np.int64]:
    """Join `arange(start, start + length)` of every row."""
    before = np.cumsum(length) - length
    ranges: npt.NDArray[np.int64] = np.repeat(start - before, length)
    ranges += np.arange(len(ranges))
    return ranges


def _is_mapped(array: Array) -> bool:
    base: Any = array
    while base is not None:
        if isinstance(base, np.memmap) or type(base).__module__.startswith("pyarrow"):
            return True
        base = getattr(base, "base", None) if isinstance(base, np.ndarray) else None
    return False
