"""MATLAB files as plain values: version 5 to 7 by SciPy, version 7.3 (HDF5) by h5py.

A number array stays an array in MATLAB's own order of axes; a char array is a list of its rows, and
a string array a list of its texts; a cell array is a `Cell` of such values, column by column;
categorical arrays and tables are what `matobjects` makes of them, and objects of other classes are
`Opaque`.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from segue.errors import DataError, FileError
from segue.extras import require
from segue.readers.matobjects import Cell, Objects, Opaque, Structs, is_reference
from segue.readers.packed import check_unpacked

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HEADER = 512  # bytes before the HDF5 part of a MATLAB file
_DEEPEST = 4  # cells in cells
_PACKED = 1100  # times that zlib makes values smaller, at most
_LEAST = 64  # bytes that a value counts for, whatever is in it
_COMPRESSED = 15
_VARIABLES = (14, _COMPRESSED)
_SUBSYSTEM = "__function_workspace__"  # SciPy's name for it


def load(path: Path, *, structs: bool = False) -> dict[str, Any]:
    """Return the variables of a file by name; nothing in it is run.

    Args:
        path: the file.
        structs: whether structs become `Structs`; else they are `Opaque`.

    Raises:
        FileError: no MATLAB file, or a damaged one.
        MissingPackageError: version 7.3, and h5py is not installed.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER + len(_HDF5))
    is_hdf5 = head.startswith(_HDF5) or head[_HEADER:] == _HDF5
    try:
        if is_hdf5:
            return _load_hdf5(path, structs=structs)
        return _load_old(path, head[:128], structs=structs)
    except (FileNotFoundError, PermissionError, ImportError, DataError):
        raise
    except Exception as error:  # SciPy and h5py raise whatever the bytes lead them to
        raise FileError(f"is not a whole MATLAB file ({error}).", path=path) from error


def _decoded(values: Mapping[str, Any], plain: Callable[[Any], Any]) -> dict[str, Any]:
    """Each variable as a plain value; the message names the one that does not hold together."""
    found = {}
    for name, value in values.items():
        try:
            found[name] = plain(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return found


def _text(value: Any) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


# -- versions 5 to 7 ------------------------------------------------------------------------------


def _load_old(path: Path, head: bytes, *, structs: bool) -> dict[str, Any]:
    loadmat = require("scipy.io", purpose="to read MATLAB files").loadmat
    order = {b"IM": "<", b"MI": ">"}.get(head[126:128])  # None: version 4
    with path.open("rb") as file:
        # SciPy gives all objects the same name, so each variable is read for itself.
        single = [loadmat(part) for part in ([file] if order is None else _parts(file, order))]
    subsystem = next((found[_SUBSYSTEM] for found in single if _SUBSYSTEM in found), None)
    objects = None if subsystem is None else _objects_in(subsystem.tobytes())
    variables = {name: value for found in single for name, value in _named(found).items()}
    return _decoded(variables, lambda value: _from_scipy(value, objects, structs=structs))


def _parts(file: BinaryIO, order: str) -> Iterator[BinaryIO]:
    """Each variable of a file as one of its own.

    Raises:
        ValueError: the file ends inside one.
        DataError: they unpack to far more than the file is.
    """
    left = size = file.seek(0, io.SEEK_END) - 128
    unpacked = 0
    file.seek(0)
    head = file.read(128)
    while left > 0:
        tag = file.read(8)
        kind, length = struct.unpack(f"{order}II", tag.ljust(8, b"\0"))
        left -= 8 + length
        if kind not in _VARIABLES or left < 0:
            raise ValueError(f"at byte {file.tell() - 8:,} is no variable, or one that is cut off")
        content = file.read(length)
        if kind == _COMPRESSED:
            inside = zlib.decompressobj().decompress(content, 8)
            unpacked += struct.unpack(f"{order}II", inside.ljust(8, b"\0"))[1]
            check_unpacked(unpacked, size)
        yield io.BytesIO(head + tag + content)


def _named(found: dict[str, Any]) -> dict[str, Any]:
    """The variables that SciPy has read, by name; an object holds its own name."""
    from scipy.io.matlab import MatlabOpaque

    return {
        _text(value.reshape(-1)[0]["s0"]) if isinstance(value, MatlabOpaque) else name: value
        for name, value in found.items()
        if isinstance(value, MatlabOpaque) or not name.startswith("__")
    }


def _objects_in(raw: bytes) -> Objects:
    """The objects of a subsystem, which is a file in the file, with a shorter header."""
    from scipy.io import loadmat

    order = ">" if raw[2:4] == b"MI" else "<"
    part = next(_parts(io.BytesIO(b"MATLAB".ljust(124) + raw[:4] + raw[8:]), order))
    inside = loadmat(part)[_SUBSYSTEM]["MCOS"].reshape(-1)[0]
    metadata, _, *values = inside.reshape(-1)[0]["arr"].reshape(-1)
    return Objects(metadata.tobytes(), order, lambda number: _from_scipy(values[number], None))


def _from_scipy(
    value: Any, objects: Objects | None, depth: int = 0, *, structs: bool = False
) -> Any:
    """Convert a variable that SciPy has read to a plain value."""
    if type(value).__name__ == "MatlabOpaque":
        record = value.reshape(-1)[0]
        if objects is None or not is_reference(record["arr"]):
            return Opaque(_text(record["s2"]))
        return objects.decoded(record["arr"])
    inner = partial(_from_scipy, objects=objects, depth=depth + 1, structs=structs)
    is_struct = isinstance(value, np.ndarray) and value.dtype.names is not None
    if is_struct and structs and depth <= _DEEPEST:
        names = value.dtype.names
        return Structs(tuple({n: inner(one[n]) for n in names} for one in value.ravel(order="F")))
    if not isinstance(value, np.ndarray) or is_struct or depth > _DEEPEST:
        return Opaque("struct")
    if value.dtype.kind == "U":
        rows = value.reshape(-1) if value.ndim < 2 else ["".join(row) for row in value.tolist()]
        return [str(row).rstrip() for row in rows] or [""]
    if value.dtype == object:
        return Cell(tuple(inner(item) for item in value.ravel(order="F")))
    return value


# -- version 7.3 ----------------------------------------------------------------------------------


def _load_hdf5(path: Path, *, structs: bool) -> dict[str, Any]:
    h5py = require("h5py", "matlab", "to read MATLAB files of version 7.3")
    with h5py.File(path, "r") as file:
        variables = {name: file[name] for name in file if not name.startswith("#")}
        reader = _Hdf5(file, h5py, path.stat().st_size, structs=structs)
        return _decoded(variables, reader.value)


class _Hdf5:
    """One open file: its values, and no more of them than fit into a file of its size."""

    def __init__(self, file: Any, h5py: Any, size: int, *, structs: bool = False) -> None:
        self._file, self._h5py, self._structs = file, h5py, structs
        self._left = size * _PACKED  # bytes
        self._read: dict[tuple[int, int], tuple[Any, int]] = {}

    def value(self, item: Any, depth: int = 0) -> Any:
        """A value and what it refers to, read once, and counted each time."""
        key, before = (self._h5py.h5o.get_info(item.id).addr, depth), self._left
        if key not in self._read:
            self._read[key] = self._new_value(item, depth), before - self._left
        value, size = self._read[key]
        self._left = before - size
        if self._left < 0:
            raise ValueError("it refers to the same values again and again")
        return value

    def _new_value(self, item: Any, depth: int) -> Any:
        kind = _text(item.attrs.get("MATLAB_class", b""))
        if self._structs and isinstance(item, self._h5py.Group) and depth <= _DEEPEST:
            return self._struct(item, depth)
        if not isinstance(item, self._h5py.Dataset) or depth > _DEEPEST:
            return Opaque(kind or "struct")
        self._left -= item.nbytes + _LEAST
        value = item[()]
        if "MATLAB_object_decode" in item.attrs:
            objects = self._class_objects if is_reference(value) else None
            return Opaque(kind) if objects is None else objects.decoded(value)
        empty = bool(item.attrs.get("MATLAB_empty"))
        if kind == "cell":
            references = [] if empty else value.ravel()
            return Cell(tuple(self.value(self._file[r], depth + 1) for r in references))
        if empty:
            return [""] if kind == "char" else np.zeros((0, 0))
        if kind == "char":
            rows = np.atleast_2d(value.T).astype("<u2")
            return [row.tobytes().decode("utf-16-le").rstrip() for row in rows]
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
            return Opaque(kind or str(getattr(value, "dtype", "object")))
        return value.T  # HDF5 counts the axes from the other end

    def _struct(self, group: Any, depth: int) -> Structs:
        """A struct; of an array of structs each field is a list of references."""
        columns = {}
        for name, item in group.items():
            is_list = "MATLAB_class" not in item.attrs and hasattr(item, "dtype")
            if is_list and self._h5py.check_ref_dtype(item.dtype) is not None:
                self._left -= item.nbytes
                found = [self.value(self._file[one], depth + 1) for one in item[()].ravel()]
            else:
                found = [self.value(item, depth + 1)]
            columns[name] = found
        rows = zip(*columns.values(), strict=True)
        return Structs(tuple(dict(zip(columns, row, strict=True)) for row in rows))

    @cached_property
    def _class_objects(self) -> Objects | None:
        """The objects of MATLAB classes in the file, such as tables; `None`: it has none."""
        if "#subsystem#/MCOS" not in self._file:
            return None
        metadata, _, *values = (self._file[r] for r in self._file["#subsystem#/MCOS"][()].ravel())
        numbers = np.asarray(self.value(metadata), np.uint8)
        return Objects(numbers.tobytes(), "<", lambda number: self.value(values[number]))
