"""NumPy's files: `.npz` with several arrays, `.npy` with one. Nothing is ever unpickled.

What the arrays of an `.npz` file mean is told from their names, which `namedarrays` lists. The
array of an `.npy` file is `x`; its labels are in `<name>_y.npy`, or in `y_train.npy` (or
`labels_train.npy`) beside `X_train.npy`.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.lib import format as formats

from segue.atomic import replacing
from segue.dataset import Dataset
from segue.errors import DataError, FileError, WriteError
from segue.readers.blocks import Blocks, check_parts
from segue.readers.namedarrays import by_part, dataset_of
from segue.readers.streams import passing_folder
from segue.sequences import Array

# Bytes from which an array is mapped and not read.
LARGE = 256_000_000


def blocks(path: Path, *, layout: Literal["ntc", "nct"] = "ntc") -> Blocks:
    """Read one `.npz` or `.npy` file.

    Args:
        path: the file.
        layout: "nct" if the channels of `x` come before the time steps.

    Yields:
        One data set. Labels for each step become class numbers: the positions of the labels in
        `classes`, and -1 where there is none.

    Raises:
        OptionError: another layout.
        FileError: no NumPy file, one with pickled objects, or arrays that do not fit together.
    """
    arrays = _load(path)
    if (labels := _labels_beside(path)) is not None:
        arrays["y"] = _load(labels)["x"]
    sets = {part: dataset_of(own, layout=layout) for part, own in by_part(arrays).items()}
    named = {str(part): data for part, data in sets.items()}
    check_parts(named)
    yield sets.get(None) or Dataset.concatenate(named), 1.0


# -- files ----------------------------------------------------------------------------------------


def _load(path: Path) -> dict[str, Array]:
    """The arrays of a file by name; that of an `.npy` file is `x`."""
    is_single = path.suffix.lower() == ".npy"
    with path.open("rb") as stream:
        is_array = stream.read(6) == formats.MAGIC_PREFIX
        if is_array != is_single and (is_array or zipfile.is_zipfile(path)):
            what = "one array: rename it .npy" if is_array else "several arrays: rename it .npz"
            raise FileError(f"holds {what}.", path=path)
        stream.seek(0)
        try:
            if is_array:
                array = np.load(path, mmap_mode="r", allow_pickle=False)
                return {"x": array if array.nbytes >= LARGE else np.array(array)}
            with np.load(stream, allow_pickle=False) as file:
                return {key: _member(file, path, key) for key in file}
        except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise _unreadable(path, error) from error


def _member(file: np.lib.npyio.NpzFile, path: Path, key: str) -> Array:
    """One array; a large one is mapped, and written to a temporary file if it is compressed."""
    assert file.zip is not None
    name = f"{key}.npy" if f"{key}.npy" in file.zip.namelist() else key
    info = file.zip.getinfo(name)
    with file.zip.open(name) as stream:
        is_first = formats.read_magic(stream) == (1, 0)
        read = formats.read_array_header_1_0 if is_first else formats.read_array_header_2_0
        shape, is_fortran, dtype = read(stream)
        header = stream.tell()
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize > info.file_size:
        size = f"{shape} values of {dtype.itemsize} bytes in {info.file_size:,}"
        raise ValueError(f"its header says {size}")
    if info.file_size < LARGE or dtype.hasobject:
        return file[key]
    if info.compress_type == zipfile.ZIP_STORED:
        with path.open("rb") as stream:
            stream.seek(info.header_offset + 26)  # the lengths of its name and of what follows
            begin = info.header_offset + 30 + sum(struct.unpack("<HH", stream.read(4)))
        return np.memmap(path, dtype, "r", begin + header, shape, "F" if is_fortran else "C")
    with passing_folder() as folder:
        try:
            unpacked = file.zip.extract(name, folder)
        except OSError as error:
            said = f"{name} could not be unpacked ({error.strerror or error})."
            raise WriteError(f"{said} Free some space in {folder.parent}.") from error
        return cast("Array", np.load(unpacked, mmap_mode="r", allow_pickle=False))


def _unreadable(path: Path, error: Exception) -> FileError:
    if "allow_pickle" in str(error) or "Python objects" in str(error):
        return FileError(
            "holds pickled Python objects, which can run any code and are not read. "
            "Save lists of unequal lengths as `values` [steps, channel] and `lengths` [n], "
            "and text with dtype=str.",
            path=path,
        )
    return FileError(f"is not a whole NumPy file ({error}).", path=path)


def _labels_beside(path: Path) -> Path | None:
    if path.suffix.lower() != ".npy":
        return None
    there = {file.name.lower(): file for file in path.parent.glob("*.npy")}
    first, *rest = path.stem.lower().split("_")
    names = [f"{path.stem.lower()}_y"]
    if first == "x":
        names += ["_".join([name, *rest]) for name in ("y", "labels")]
    return next((there[f"{name}.npy"] for name in names if f"{name}.npy" in there), None)


# -- writing --------------------------------------------------------------------------------------


def write(folder: Path, data: Dataset) -> None:
    """Write `data.npz`, which holds all parts."""
    write_npz(folder / "data.npz", data)


def write_npz(path: str | Path, data: Dataset) -> None:
    """Write a data set as one `.npz` file with `values` and `lengths`, whole or not at all.

    Raises:
        DataError: a class that means "none" in this format, beside steps without a label.
        WriteError: the disk is full or read-only.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "two.npz")
    >>> write_npz(path, Dataset([[0.5, 1.0], [2.0]], ["slow", "fast"]))
    >>> sorted(np.load(path).files)
    ['classes', 'lengths', 'task', 'values', 'y']
    """
    names = ("classes", "channels", "rate_hz", "groups", "parts", "ids", "static")
    given = {name: getattr(data, name) for name in names} | {
        "characters" if data.x.is_text else "values": data.x.values,
        "lengths": data.x.lengths,
        "y": _step_labels(data) if data.task == "label" else data.y,
        "name": data.name or None,
        "task": data.task if data.task in ("classify", "multilabel", "regress") else None,
    }
    arrays = {key: np.asarray(value) for key, value in given.items() if value is not None}
    plain = {key: a.astype(str) if a.dtype == object else a for key, a in arrays.items()}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **cast("dict[str, Any]", plain))


def _step_labels(data: Dataset) -> Array:
    """`[steps]` labels; the code -1 takes the last place of the table, which is "none"."""
    names = np.array(data.classes)
    none = np.array([""] if names.dtype.kind == "U" else [-1])
    if none[0] in names and (data.y.values == -1).any():
        raise DataError(f"The class {none[0].item()!r} would be taken for steps without a label.")
    labels: Array = np.concatenate([names, none])[data.y.values[:, 0]]
    return labels
