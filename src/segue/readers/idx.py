"""IDX files, as MNIST has them: a small header and an array, plain or packed with gzip.

The header is two zero bytes, a byte for the type, a byte for the number of axes, and the length of
each axis as a big-endian 32-bit number; the values follow, big-endian too.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, counted
from segue.readers.blocks import Blocks, errors_of
from segue.readers.packed import check_unpacked, open_bytes

_PACKED = 1100  # times that gzip makes values smaller, at most
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def blocks(
    path: Path,
    *,
    values: int | None = None,
    limit: int | None = None,
    scale: bool = True,
    labels: bool = True,
) -> Blocks:
    """Read images as sequences: each row of an image is a step, each column a channel.

    Args:
        path: the file of the images, such as `train-images-idx3-ubyte.gz`.
        values: about so many values at a time; `None`: everything at once.
        limit: read only the first so many images.
        scale: divide unsigned bytes by 255.
        labels: read `train-labels-idx1-ubyte[.gz]` beside it.

    Raises:
        FileError: a file that is no IDX file, is cut off or too long, or has no labels beside it.
    """
    y, done = None, 0
    task: Literal["classify", "regress"] = "classify"
    for images, count in _pieces(path, limit, values):
        if images.ndim not in (2, 3):
            shape = (count, *images.shape[1:])
            raise DataError(
                f"has an array of shape {shape}; expected (n, time) or (n, row, column)."
            )
        if labels and y is None:
            y = _labels(path, limit, count)
            task = "regress" if (y % 1 != 0).any() else "classify"
        if scale and images.dtype == np.uint8:
            images = np.divide(images, 255, dtype=np.float32)
        own = None if y is None else y[done : done + len(images)]
        done += len(images)
        yield Dataset(Sequences.from_array(images), own, task=task), done / count


def _labels(path: Path, limit: int | None, count: int) -> Array:
    name = re.sub(r"images([-.])idx\d", r"labels\1idx1", path.name, flags=re.IGNORECASE)
    plain = name.removesuffix(".gz")
    candidates = (path.with_name(n) for n in (name, plain, f"{plain}.gz") if n != path.name)
    beside = next(filter(Path.is_file, candidates), None)
    if beside is None:
        mend = "Put it there, or read the images alone with labels=False."
        raise DataError(f"has no {name} beside it. {mend}")
    y = read_idx(beside, limit=limit)
    if y.shape != (count,):
        images = counted(count, "image")
        raise DataError(f"has {images}, but there are labels of shape {y.shape} beside it.")
    return y if y.dtype.kind == "f" else y.astype(np.int64)


def read_idx(path: Path, *, limit: int | None = None) -> Array:
    """Read the array of an IDX file, or its first `limit` rows.

    Returns:
        The array with the file's shape and type, in the byte order of this machine.

    Raises:
        FileError: no IDX file, cut off, longer than its header says, or damaged.
    """
    ((array, _),) = _pieces(path, limit, None)
    return array


def _pieces(path: Path, limit: int | None, most: int | None) -> Iterator[tuple[Array, int]]:
    """The rows, so many values at a time, and how many rows there are in all."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with errors_of(path), open_bytes(path, packed=packed) as file:
        yield from _arrays(file, path.stat().st_size, limit, most, is_packed=packed)


def _arrays(
    file: IO[bytes], size: int, limit: int | None, most: int | None, *, is_packed: bool
) -> Iterator[tuple[Array, int]]:
    kind, shape = _header(file)
    count, *row = shape
    largest, size = size * (_PACKED if is_packed else 1), math.prod(row)
    wanted = count if limit is None else min(count, limit)
    if is_packed:
        check_unpacked(wanted * size * kind.itemsize, largest // _PACKED)
    at_once = wanted if most is None else max(1, most // size)
    for start in range(0, wanted, at_once):
        rows = min(at_once, wanted - start)
        expected = rows * size * kind.itemsize
        content = file.read(min(expected, largest))  # no more than there can be
        if len(content) < expected:
            there = start * size * kind.itemsize + len(content)
            raise DataError(
                f"is cut off: its header says {shape} values of {kind.itemsize} bytes, but only "
                f"{there:,} of {wanted * size * kind.itemsize:,} bytes are there."
            )
        array = np.frombuffer(content, kind).reshape(rows, *row)
        yield array.astype(kind.newbyteorder("="), copy=False), wanted
    if wanted == count and file.read(1):
        raise DataError(f"is longer than the {shape} values of its header.")


def _header(file: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The type and the shape of the array."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or magic[3] == 0:
        raise DataError(
            f"begins with {magic.hex(' ') or 'nothing'}; an IDX file begins with two zero bytes, "
            "a type (08, 09, 0b, 0c, 0d or 0e) and the number of axes."
        )
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError("is cut off inside its header.")
    shape = struct.unpack(f">{magic[3]}I", sizes)
    if 0 in shape:
        raise DataError(f"holds nothing: its header says {shape} values.")
    return np.dtype(_TYPES[magic[2]]), shape
