"""IDX files, as MNIST has them: a small header and an array, plain or packed with gzip.

The header is two zero bytes, a byte for the type, a byte for the number of axes, and the length of
each axis as a big-endian 32-bit number; the values follow, big-endian too.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import numpy as np

from segue.dataset import Dataset
from segue.errors import FileError, counted
from segue.readers.blocks import Blocks
from segue.readers.labels import as_classes
from segue.sequences import Array, Sequences

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
    y: Array | None = None
    done = 0
    for images, count in _pieces(path, limit, values):
        if images.ndim not in (2, 3):
            raise FileError(
                f"has an array of shape {(count, *images.shape[1:])}; expected (n, time) or "
                "(n, row, column).",
                path=path,
            )
        if labels and y is None:
            y = _labels(path, limit, count)
        if scale and images.dtype == np.uint8:
            images = np.divide(images, 255, dtype=np.float32)
        own = None if y is None else y[done : done + len(images)]
        done += len(images)
        yield Dataset(Sequences.from_array(images), own, task="classify"), done / max(1, count)


def _labels(path: Path, limit: int | None, count: int) -> Array:
    y = read_idx(_labels_beside(path), limit=limit)
    if y.shape != (count,):
        raise FileError(
            f"has {counted(count, 'image')}, but there are labels of shape {y.shape} beside it.",
            path=path,
        )
    return as_classes(y) if y.dtype.kind == "f" else y.astype(np.int64)


def read_idx(path: Path, *, limit: int | None = None) -> Array:
    """Read the array of an IDX file, or its first `limit` rows.

    Returns:
        The array with the file's shape and type, in the byte order of this machine.

    Raises:
        FileError: no IDX file, cut off, longer than its header says, or damaged.
    """
    return next(_pieces(path, limit, None))[0]


def _pieces(path: Path, limit: int | None, most: int | None) -> Iterator[tuple[Array, int]]:
    """The rows, so many values at a time, and how many rows there are in all."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        # A GzipFile reads as any binary file does, but the type checker does not know it.
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
        try:
            yield from _arrays(file, path, limit, most)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileError(
                f"is damaged or cut off ({error}). Fetch it again.", path=path
            ) from error


def _arrays(
    file: IO[bytes], path: Path, limit: int | None, most: int | None
) -> Iterator[tuple[Array, int]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or magic[3] == 0:
        raise FileError(
            f"begins with {magic.hex(' ') or 'nothing'}; an IDX file begins with two zero bytes, "
            "a type (08, 09, 0b, 0c, 0d or 0e) and the number of axes.",
            path=path,
        )
    axes = magic[3]
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise FileError("is cut off inside its header.", path=path)
    count, *row = struct.unpack(f">{axes}I", sizes)
    wanted = count if limit is None else min(count, limit)
    kind = np.dtype(_TYPES[magic[2]])
    values = math.prod(row)
    _check_size(count, row, values * kind.itemsize, path)
    at_once = wanted if most is None else min(wanted, max(1, most // max(1, values)))
    done = 0
    while True:
        rows = min(at_once, wanted - done)
        content = file.read(rows * values * kind.itemsize)
        if len(content) < rows * values * kind.itemsize:
            there = done * values * kind.itemsize + len(content)
            raise FileError(
                f"is cut off: its header says {(count, *row)} values of {kind.itemsize} bytes, "
                f"but only {there:,} of {wanted * values * kind.itemsize:,} bytes are there.",
                path=path,
            )
        done += rows
        if done == count and file.read(1):
            raise FileError(f"is longer than the {(count, *row)} values of its header.", path=path)
        array = np.frombuffer(content, kind).reshape(rows, *row)
        yield array.astype(kind.newbyteorder("="), copy=False), wanted
        if done == wanted:
            return


def _check_size(count: int, row: list[int], bytes_a_row: int, path: Path) -> None:
    """Refuse a header that promises nothing, or more than the file can be packed with."""
    if count == 0 or bytes_a_row == 0:
        raise FileError(f"holds nothing: its header says {(count, *row)} values.", path=path)
    size = path.stat().st_size
    if count * bytes_a_row > size * _PACKED:
        raise FileError(
            f"is cut off: its header says {(count, *row)} values, {count * bytes_a_row:,} bytes, "
            f"and the file has {size:,}.",
            path=path,
        )


def _labels_beside(path: Path) -> Path:
    name = re.sub(r"images([-.])idx\d", r"labels\1idx1", path.name, flags=re.IGNORECASE)
    plain = path.with_name(name.removesuffix(".gz"))
    for candidate in (path.with_name(name), plain, plain.with_name(plain.name + ".gz")):
        if candidate.is_file() and candidate != path:
            return candidate
    raise FileError(
        f"has no {name} beside it. Put it there, or read the images alone with labels=False.",
        path=path,
    )
