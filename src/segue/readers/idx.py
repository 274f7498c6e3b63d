"""IDX files, as MNIST has them: a small header and an array, plain or packed with gzip.

The header is two zero bytes, a byte for the type, a byte for the number of axes, and the length of
each axis as a big-endian 32-bit number; the values follow, big-endian too.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from segue.dataset import Dataset
from segue.errors import FileError
from segue.sequences import Array, Sequences

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read(
    path: Path, *, limit: int | None = None, scale: bool = True, labels: bool = True
) -> Dataset:
    """Read images as sequences: each row of an image is a step, each column a channel.

    Args:
        path: the file of the images, such as `train-images-idx3-ubyte.gz`.
        limit: read only the first so many images.
        scale: divide unsigned bytes by 255.
        labels: read `train-labels-idx1-ubyte[.gz]` beside it.

    Raises:
        FileError: a file that is no IDX file, is cut off or too long, or has no labels beside it.
    """
    images = read_idx(path, limit=limit)
    if images.ndim not in (2, 3):
        raise FileError(
            f"has an array of shape {images.shape}; expected (n, time) or (n, row, column).",
            path=path,
        )
    if scale and images.dtype == np.uint8:
        images = np.divide(images, 255, dtype=np.float32)
    y = read_idx(_labels_beside(path), limit=limit) if labels else None
    if y is not None and y.shape != images.shape[:1]:
        raise FileError(
            f"has {len(images)} images, but there are labels of shape {y.shape} beside it.",
            path=path,
        )
    return Dataset(Sequences.from_array(images), None if y is None else y.astype(np.int64))


def read_idx(path: Path, *, limit: int | None = None) -> Array:
    """Read the array of an IDX file, or its first `limit` rows.

    Returns:
        The array with the file's shape and type, in the byte order of this machine.

    Raises:
        FileError: no IDX file, cut off, longer than its header says, or damaged.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        # A GzipFile reads as any binary file does, but the type checker does not know it.
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
        try:
            return _read_array(file, path, limit)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileError(
                f"is damaged or cut off ({error}). Fetch it again.", path=path
            ) from error


def _read_array(file: IO[bytes], path: Path, limit: int | None) -> Array:
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
    size = wanted * int(np.prod(row, dtype=np.int64)) * kind.itemsize
    content = file.read(size)
    if len(content) < size:
        raise FileError(
            f"is cut off: its header says {(count, *row)} values of {kind.itemsize} bytes, "
            f"but only {len(content):,} of {size:,} bytes are there.",
            path=path,
        )
    if wanted == count and file.read(1):
        raise FileError(f"is longer than the {(count, *row)} values of its header.", path=path)
    array = np.frombuffer(content, kind).reshape(wanted, *row)
    return array.astype(kind.newbyteorder("="), copy=False)


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
