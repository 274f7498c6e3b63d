"""NumPy's files as arrays: nothing is unpickled, large ones are mapped, bombs are refused."""

from __future__ import annotations

import math
import struct
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as formats

from segue.data.sequences import Array
from segue.errors import FileError, SegueError, WriteError
from segue.readers.npzrows import Shape, needed_rows
from segue.readers.packed import check_unpacked
from segue.readers.streams import passing_folder

LARGE = 256_000_000  # bytes from which an array is mapped and not read
_PICKLED = (
    "holds pickled Python objects, which can run any code and are not read. Save lists of unequal "
    "lengths as `values` [steps, channel] and `lengths` [n], and text with dtype=str."
)


class _Header(NamedTuple):
    """Of an array in an archive: its member, and the content of its header, which ends at `end`."""

    info: zipfile.ZipInfo
    shape: Shape
    is_fortran: bool
    dtype: np.dtype[Any]
    end: int


def load(path: Path, limit: int | None = None) -> tuple[dict[str, Array], dict[str | None, Array]]:
    """Return the arrays of a file by name; that of an `.npy` file is `x`.

    Args:
        path: the file.
        limit: so many sequences of each part are enough.

    Returns:
        The arrays, cut where that can be told from names and sizes; and for each part whose
        sequences are joined and cut, the lengths of all of them.

    Raises:
        FileError: it is damaged, holds pickled objects, or unpacks to far more than it is.
    """
    is_single = path.suffix.lower() == ".npy"
    with path.open("rb") as stream:
        is_array = stream.read(6) == formats.MAGIC_PREFIX
        if is_array != is_single and (is_array or zipfile.is_zipfile(path)):
            what = "one array: rename it .npy" if is_array else "several arrays: rename it .npz"
            raise FileError(f"holds {what}.", path=path)
        stream.seek(0)
        try:
            if is_array:
                array = _mapped(path)
                is_mapped = array.nbytes >= LARGE or (limit is not None and array.size > 0)
                return {"x": array if is_mapped else np.array(array)}, {}
            with zipfile.ZipFile(stream) as archive:
                _check_members(archive.infolist(), path)
            with np.load(path, allow_pickle=False) as file:
                headers = {key: _header(file, key) for key in file}
                needed = needed_rows(
                    {key: header.shape for key, header in headers.items()},
                    {key: header.dtype.kind for key, header in headers.items()},
                    limit,
                    lambda key: _member(file, path, key, headers[key], None),
                )
                rows = needed.rows
                arrays = {key: _member(file, path, key, headers[key], rows[key]) for key in file}
                return arrays, needed.lengths
        except (SegueError, FileNotFoundError, PermissionError):
            raise
        except Exception as error:  # NumPy and zipfile raise whatever the bytes lead them to
            if "allow_pickle" in str(error) or "Python objects" in str(error):
                raise FileError(_PICKLED, path=path) from error
            said = (str(error) or type(error).__name__).splitlines()[0]
            raise FileError(f"is not a whole NumPy file ({said}).", path=path) from error


def _mapped(path: Path) -> Array:
    """The array of an `.npy` file."""
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    if min(array.shape, default=0) < 0:
        raise ValueError(f"its header says {array.shape} values")
    return array


def _check_members(members: list[zipfile.ZipInfo], path: Path) -> None:
    """Refuse an archive that unpacks to far more than it is, or has two members of one name."""
    check_unpacked(sum(member.file_size for member in members), path.stat().st_size)
    names = [member.filename.removesuffix(".npy") for member in members]
    if len(set(names)) < len(names):
        raise ValueError("it has two members of one name")


def _header(file: np.lib.npyio.NpzFile, key: str) -> _Header:
    assert file.zip is not None
    name = f"{key}.npy" if f"{key}.npy" in file.zip.namelist() else key
    with file.zip.open(name) as stream:
        is_first = formats.read_magic(stream) == (1, 0)
        read = formats.read_array_header_1_0 if is_first else formats.read_array_header_2_0
        return _Header(file.zip.getinfo(name), *read(stream), stream.tell())


def _member(
    file: np.lib.npyio.NpzFile, path: Path, key: str, header: _Header, rows: int | None
) -> Array:
    """One array, or its first rows; a large one is mapped, from a temporary file if compressed."""
    assert file.zip is not None
    info, shape, is_fortran, dtype, begin = header
    if rows is not None and not (is_fortran or dtype.hasobject):
        shape = (min(rows, shape[0]), *shape[1:])
        with file.zip.open(info) as stream:
            content = stream.read(begin + math.prod(shape) * dtype.itemsize)
        return np.frombuffer(content, dtype, offset=begin).reshape(shape)
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize > info.file_size:
        size = f"{shape} values of {dtype.itemsize} bytes in {info.file_size:,}"
        raise ValueError(f"its header says {size}")
    if info.file_size < LARGE or dtype.hasobject:
        return file[key]
    if info.compress_type == zipfile.ZIP_STORED:
        with path.open("rb") as stream:
            stream.seek(info.header_offset + 26)  # the lengths of its name and of what follows
            begin += info.header_offset + 30 + sum(struct.unpack("<HH", stream.read(4)))
        return np.memmap(path, dtype, "r", begin, shape, "F" if is_fortran else "C")
    with passing_folder() as folder:
        try:
            unpacked = file.zip.extract(info, folder)
        except OSError as error:
            said = f"{info.filename} could not be unpacked ({error.strerror or error})."
            raise WriteError(f"{said} Free some space in {folder.parent}.") from error
        return _mapped(Path(unpacked))
