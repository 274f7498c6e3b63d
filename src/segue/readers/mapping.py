"""NumPy's arrays where they lie: `.npy` files and members of `.npz`, mapped."""

from __future__ import annotations

import shutil
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.errors import WriteError
from segue.precision import float32_loses
from segue.readers.pairs import passing_folder, written
from segue.sequences import Array, Sequences

# Bytes from which an array is mapped and not read.
LARGE = 256_000_000


def mapped_file(path: Path) -> Array | None:
    """Return the array of a large `.npy` file, mapped; `None` if it is small.

    Raises:
        ValueError: not an array, or one of Python objects.
    """
    if path.stat().st_size < LARGE:
        return None
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def mapped_member(path: Path, file: zipfile.ZipFile, name: str) -> Array | None:
    """Return a large member of an `.npz` file, mapped; `None` if it is small.

    One that is compressed is written to a temporary file first.

    Raises:
        WriteError: the disk is full.
    """
    info = file.getinfo(name)
    if info.file_size < LARGE:
        return None
    if info.compress_type != zipfile.ZIP_STORED:
        return _unpacked(file, name)
    with path.open("rb") as stream:
        stream.seek(info.header_offset)
        header = stream.read(30)  # of the member, whose name and extra field follow
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        stream.seek(info.header_offset + 30 + name_length + extra_length)
        shape, is_fortran, dtype = npy_header(stream)
        if is_fortran or dtype.hasobject:
            return None
        return np.memmap(path, dtype, "r", stream.tell(), shape)


def npy_header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the shape, the order and the type at the beginning of an array's file.

    Raises:
        ValueError: it is none, or of a version that is not known.
    """
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"version {version} of NumPy's format is not known")
    shape, is_fortran, dtype = read(stream)
    return shape, is_fortran, dtype


def _unpacked(file: zipfile.ZipFile, name: str) -> Array:
    with passing_folder() as folder:
        with file.open(name) as source, (folder / "x.npy").open("wb") as target:
            try:
                shutil.copyfileobj(source, target, 1 << 20)
            except OSError as error:
                said = f"{name} could not be unpacked ({error.strerror or error})."
                raise WriteError(f"{said} Free some space in {folder.parent}.") from error
        array: Array = np.load(folder / "x.npy", mmap_mode="r", allow_pickle=False)
        return array


def of_mapped(
    values: Array, lengths: npt.NDArray[np.int64] | None, *, joined: bool
) -> Sequences | None:
    """Sequences of a mapped array that cannot be used where it lies: turned row by row.

    Args:
        values: `(n, time[, channel])`; or `(steps[, channel])` of all, one after the other.
        lengths: `[n]`; `None`: each has all of its steps.
        joined: whether it is the latter.

    Returns:
        `None` for an array in memory, and for one that can be used as it is.
    """
    if not isinstance(values, np.memmap) or values.dtype.kind not in "fiub" or values.ndim > 3:
        return None
    joined = lengths is not None and int(lengths.sum()) == len(values) != len(lengths)
    kind = _kind_in_place(values, joined=joined)
    if lengths is None:
        return (
            None
            if kind == values.dtype or values.ndim == 1
            else written(_as(row, kind) for row in values)
        )
    if joined:
        return None if kind == values.dtype else written(_cut(values, lengths, kind))
    return written(_as(row[:n], kind) for row, n in zip(values, lengths.tolist(), strict=True))


def _kind_in_place(values: Array, *, joined: bool) -> np.dtype[Any] | None:
    """The type that the values get; `None`: as whole numbers fit."""
    if values.dtype.kind in "iu":
        return values.dtype if values.dtype == np.int32 else None
    steps = values if values.ndim == 3 or (joined and values.ndim == 2) else values[..., None]
    is_coarse = values.dtype == np.float64 and bool(float32_loses(steps).any())
    return np.dtype(np.float64 if is_coarse else np.float32)


def _cut(
    values: Array, lengths: npt.NDArray[np.int64], kind: np.dtype[Any] | None
) -> Iterator[Array]:
    first = 0
    for length in lengths.tolist():
        yield _as(values[first : first + length], kind)
        first += length


def _as(values: Array, kind: np.dtype[Any] | None) -> Array:
    return np.asarray(values, kind)
