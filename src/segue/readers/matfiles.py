"""MATLAB files as plain values: version 5 to 7 by SciPy, version 7.3 (HDF5) by h5py.

A number array stays an array in MATLAB's own order of axes; a char array is a list of its rows; a
cell array is a `Cell` of such values, column by column; objects that only MATLAB can open are
`Opaque`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segue.errors import FileError
from segue.extras import require

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HEADER = 512  # bytes before the HDF5 part of a MATLAB file
_DEEPEST = 4  # cells in cells


@dataclass(frozen=True)
class Cell:
    """A cell array: its contents, column by column."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class Opaque:
    """An object of a MATLAB class whose inside is known to MATLAB only."""

    kind: str


def load(path: Path) -> dict[str, Any]:
    """Return the variables of a file by name; nothing in it is run.

    Raises:
        FileError: no MATLAB file, or a damaged one.
        MissingPackageError: version 7.3, and h5py is not installed.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER + len(_HDF5))
    if head.startswith(_HDF5) or head[_HEADER:] == _HDF5:
        return _load_hdf5(path)
    return _load_old(path)


# -- versions 5 to 7 ------------------------------------------------------------------------------


def _load_old(path: Path) -> dict[str, Any]:
    from scipy import io

    try:
        found = io.loadmat(path, chars_as_strings=True)
    except Exception as error:  # SciPy raises whatever the bytes lead it to
        if isinstance(error, FileNotFoundError | PermissionError | MemoryError):
            raise
        raise FileError(f"is not a whole MATLAB file ({error}).", path=path) from error
    values: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, io.matlab.MatlabOpaque):
            record = value.reshape(-1)[0]
            values[_decoded(record["s0"])] = Opaque(_decoded(record["s2"]))
        elif not name.startswith("__"):
            values[name] = _plain(value)
    return values


def _decoded(text: Any) -> str:
    return text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)


def _plain(value: Any, depth: int = 0) -> Any:
    """What SciPy made of a variable, as plain values."""
    if type(value).__name__ == "MatlabOpaque":
        return Opaque(_decoded(value.reshape(-1)[0]["s2"]))
    if not isinstance(value, np.ndarray) or value.dtype.names is not None or depth > _DEEPEST:
        return Opaque("struct")
    if value.dtype.kind == "U":
        return [str(row).rstrip() for row in value.reshape(-1)] or [""]
    if value.dtype == object:
        return Cell(tuple(_plain(item, depth + 1) for item in value.ravel(order="F")))
    return value


# -- version 7.3 ----------------------------------------------------------------------------------


def _load_hdf5(path: Path) -> dict[str, Any]:
    h5py = require("h5py", "matlab", "to read MATLAB files of version 7.3")
    try:
        with h5py.File(path, "r") as file:
            return {
                name: _from_hdf5(file, file[name], h5py)
                for name in file
                if not name.startswith("#")
            }
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise FileError(f"is not a whole MATLAB file ({error}).", path=path) from error


def _from_hdf5(file: Any, item: Any, h5py: Any, depth: int = 0) -> Any:
    kind = item.attrs.get("MATLAB_class", b"")
    kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    if not isinstance(item, h5py.Dataset) or depth > _DEEPEST:
        return Opaque(kind or "struct")
    if "MATLAB_object_decode" in item.attrs or kind in ("categorical", "string", "table"):
        return Opaque(kind)
    if kind == "cell":
        references = [] if item.attrs.get("MATLAB_empty") else item[()].ravel()
        return Cell(tuple(_from_hdf5(file, file[r], h5py, depth + 1) for r in references))
    if item.attrs.get("MATLAB_empty"):
        return [""] if kind == "char" else np.zeros((0, 0))
    value = item[()]
    if kind == "char":
        codes = np.atleast_2d(value.T)
        return ["".join(map(chr, row)).rstrip() for row in codes.tolist()]
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        return Opaque(kind or str(getattr(value, "dtype", "object")))
    return value.T  # HDF5 counts the axes from the other end
