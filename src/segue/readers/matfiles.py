"""MATLAB files as plain values: version 5 to 7 by SciPy, version 7.3 (HDF5) by h5py.

A number array stays an array in MATLAB's own order of axes; a char array is a list of its rows, and
a string array a list of its texts; a cell array is a `Cell` of such values, column by column;
categorical arrays and tables are what `matobjects` makes of them, and objects of other classes are
`Opaque`.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from segue.errors import FileError
from segue.extras import require
from segue.readers.matobjects import Cell, Objects, Opaque, is_reference

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HEADER = 512  # bytes before the HDF5 part of a MATLAB file
_DEEPEST = 4  # cells in cells
_PACKED = 1100  # times that zlib makes values smaller, at most
_LEAST = 64  # bytes that a value counts for, whatever is in it


def load(path: Path) -> dict[str, Any]:
    """Return the variables of a file by name; nothing in it is run.

    Raises:
        FileError: no MATLAB file, or a damaged one.
        MissingPackageError: version 7.3, and h5py is not installed.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER + len(_HDF5))
    is_hdf5 = head.startswith(_HDF5) or head[_HEADER:] == _HDF5
    try:
        return _load_hdf5(path) if is_hdf5 else _load_old(path, has_objects=_has_objects(head))
    except (FileNotFoundError, PermissionError, MemoryError, ImportError):
        raise
    except Exception as error:  # SciPy and h5py raise whatever the bytes lead them to
        raise FileError(f"is not a whole MATLAB file ({error}).", path=path) from error


# -- versions 5 to 7 ------------------------------------------------------------------------------


def _has_objects(head: bytes) -> bool:
    """Whether the header of a version 5 file says where its subsystem lies."""
    return head[126:128] in (b"IM", b"MI") and bool(head[116:124].strip(b"\0 "))


def _load_old(path: Path, *, has_objects: bool) -> dict[str, Any]:
    from scipy import io as scipy_io

    _check_lengths(path)
    if not has_objects:
        return _variables(scipy_io.loadmat(path), None)
    # SciPy gives all objects the same name, so each variable is read for itself. What has no name
    # is the subsystem, or another part that nobody needs.
    with path.open("rb") as file:
        single = [scipy_io.loadmat(part) for _, part in _parts(file)]
    subsystem = next((found[_SUBSYSTEM] for found in single if _SUBSYSTEM in found), None)
    objects = None if subsystem is None else _old_objects(subsystem.tobytes())
    return {k: v for found in single for k, v in _variables(found, objects).items()}


def _check_lengths(path: Path) -> None:
    """Refuse a file that ends inside a variable: SciPy leaves out what comes behind one.

    Raises:
        ValueError: it does.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(128)
        order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
        place = 128
        while order is not None and place < size:  # version 4 has another layout
            file.seek(place)
            kind, length = struct.unpack(f"{order}II", file.read(8).ljust(8, b"\0"))
            if kind not in _VARIABLES or place + 8 + length > size:
                raise ValueError(f"at byte {place:,} is no variable, or one that is cut off")
            place += 8 + length


_VARIABLES = (14, 15)  # as it is, or compressed
_SUBSYSTEM = "__function_workspace__"  # SciPy's name for it


def _parts(file: Any) -> list[tuple[str, Any]]:
    from scipy.io.matlab import varmats_from_mat

    found: list[tuple[str, Any]] = varmats_from_mat(file)
    return found


def _old_objects(raw: bytes) -> Objects:
    """The objects of a subsystem, which is a file in the file, with a shorter header."""
    from scipy import io as scipy_io

    _, part = _parts(io.BytesIO(b"MATLAB".ljust(124) + raw[:4] + raw[8:]))[0]
    inside = scipy_io.loadmat(part)[_SUBSYSTEM]["MCOS"].reshape(-1)[0]
    cells = inside.reshape(-1)[0]["arr"].reshape(-1)
    order = ">" if raw[2:4] == b"MI" else "<"

    def cell(number: int) -> Any:
        if not 0 <= number < len(cells) - 2:
            raise ValueError("the list of its objects is damaged")
        return _plain(cells[number + 2], None)

    return Objects(cells[0].tobytes(), order, cell)


def _variables(found: dict[str, Any], objects: Objects | None) -> dict[str, Any]:
    from scipy.io.matlab import MatlabOpaque

    values: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, MatlabOpaque):
            name = _decoded(value.reshape(-1)[0]["s0"])  # SciPy's is None
        elif name.startswith("__"):
            continue
        with _named(name):
            values[name] = _plain(value, objects)
    return values


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Say which variable it is that does not hold together."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _decoded(text: Any) -> str:
    return text.decode("ascii") if isinstance(text, bytes) else str(text)


def _plain(value: Any, objects: Objects | None, depth: int = 0) -> Any:
    """What SciPy made of a variable, as plain values."""
    if type(value).__name__ == "MatlabOpaque":
        record = value.reshape(-1)[0]
        if objects is None or not is_reference(record["arr"]):
            return Opaque(_decoded(record["s2"]))
        return objects.decoded(record["arr"])
    if not isinstance(value, np.ndarray) or value.dtype.names is not None or depth > _DEEPEST:
        return Opaque("struct")
    if value.dtype.kind == "U":
        rows = value.reshape(-1) if value.ndim < 2 else ["".join(row) for row in value.tolist()]
        return [str(row).rstrip() for row in rows] or [""]
    if value.dtype == object:
        return Cell(tuple(_plain(item, objects, depth + 1) for item in value.ravel(order="F")))
    return value


# -- version 7.3 ----------------------------------------------------------------------------------


def _load_hdf5(path: Path) -> dict[str, Any]:
    h5py = require("h5py", "matlab", "to read MATLAB files of version 7.3")
    with h5py.File(path, "r") as file:
        return _Hdf5(file, h5py, path.stat().st_size).variables()


class _Hdf5:
    """One open file: its values, and no more of them than fit into a file of its size."""

    def __init__(self, file: Any, h5py: Any, size: int) -> None:
        self._file, self._h5py = file, h5py
        self._left = size * _PACKED  # bytes
        self._read: dict[tuple[int, int], tuple[Any, int]] = {}
        self._objects: Objects | None = None

    def variables(self) -> dict[str, Any]:
        values = {}
        for name in self._file:
            if not name.startswith("#"):
                with _named(name):
                    values[name] = self._value(self._file[name])
        return values

    def _value(self, item: Any, depth: int = 0) -> Any:
        """A value and what it refers to, read once, and counted each time."""
        key = self._h5py.h5o.get_info(item.id).addr, depth
        if key in self._read:
            self._spend(self._read[key][1])
        else:
            before = self._left
            value = self._new_value(item, depth)
            self._read[key] = value, before - self._left
        return self._read[key][0]

    def _spend(self, size: int) -> None:
        self._left -= size + _LEAST
        if self._left < 0:
            raise ValueError("it refers to the same values again and again")

    def _new_value(self, item: Any, depth: int) -> Any:
        kind = _decoded(item.attrs.get("MATLAB_class", b""))
        if not isinstance(item, self._h5py.Dataset) or depth > _DEEPEST:
            return Opaque(kind or "struct")
        self._spend(item.size * item.dtype.itemsize)
        if "MATLAB_object_decode" in item.attrs:
            return self._object(item[()], kind)
        empty = bool(item.attrs.get("MATLAB_empty"))
        if kind == "cell":
            references = [] if empty else item[()].ravel()
            return Cell(tuple(self._value(self._file[r], depth + 1) for r in references))
        if empty:
            return [""] if kind == "char" else np.zeros((0, 0))
        value = item[()]
        if kind == "char":
            rows = np.atleast_2d(value.T).astype("<u2")
            return [row.tobytes().decode("utf-16-le").rstrip() for row in rows]
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
            return Opaque(kind or str(getattr(value, "dtype", "object")))
        return value.T  # HDF5 counts the axes from the other end

    def _object(self, value: Any, kind: str) -> Any:
        if not is_reference(value):
            return Opaque(kind)
        if self._objects is None:
            self._objects = self._all_objects()
        return Opaque(kind) if self._objects is None else self._objects.decoded(value)

    def _all_objects(self) -> Objects | None:
        if "#subsystem#/MCOS" not in self._file:
            return None
        references = self._file["#subsystem#/MCOS"][()].ravel()

        def cell(number: int) -> Any:
            if not 0 <= number < len(references) - 2:
                raise ValueError("the list of its objects is damaged")
            return self._value(self._file[references[number + 2]])

        metadata = self._value(self._file[references[0]])
        return Objects(np.asarray(metadata, np.uint8).tobytes(), "<", cell)
