"""NumPy's files: `.npz` with several arrays, `.npy` with one. Nothing is ever unpickled.

What the arrays of an `.npz` file mean is told from their names, which `namedarrays` lists. The
array of an `.npy` file is `x`; its labels are in `<name>_y.npy`, or in `y_train.npy` (or
`labels_train.npy`) beside `X_train.npy`.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np

from segue.atomic import replacing
from segue.dataset import Dataset
from segue.errors import DataError, FileError, OptionError
from segue.readers.blocks import Blocks
from segue.readers.mapping import mapped_file, mapped_member, npy_header
from segue.readers.namedarrays import by_part, dataset_of
from segue.readers.pieces import check_parts
from segue.sequences import Array, Layout


def blocks(path: Path, *, layout: Layout = "ntc") -> Blocks:
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
    if layout not in ("ntc", "nct"):
        raise OptionError(f"layout={layout!r}; expected 'ntc' or 'nct'.")
    arrays = _load_npy(path) if path.suffix.lower() == ".npy" else _load_npz(path)
    sets = {part: dataset_of(own, layout=layout) for part, own in by_part(arrays).items()}
    check_parts({str(part): data for part, data in sets.items()})
    whole = sets.get(None)
    yield whole or Dataset.concatenate({str(part): data for part, data in sets.items()}), 1.0


# -- files ----------------------------------------------------------------------------------------


def _load_npz(path: Path) -> dict[str, Array]:
    with path.open("rb") as stream:
        try:
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise FileError("is one array with the wrong ending: rename it .npy.", path=path)
            with file:
                return {key: _member(file, path, key) for key in file.files}
        except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise _unreadable(path, error) from error


def _member(file: np.lib.npyio.NpzFile, path: Path, key: str) -> Array:
    assert file.zip is not None
    name = f"{key}.npy" if f"{key}.npy" in file.zip.namelist() else key
    with file.zip.open(name) as stream:
        _check_size(stream, file.zip.getinfo(name).file_size)
    mapped = mapped_member(path, file.zip, name)
    return file[key] if mapped is None else mapped


def _check_size(stream: Any, size: int) -> None:
    """Refuse an array that is larger than its file, before memory is taken for it.

    Raises:
        ValueError: it is.
    """
    try:
        shape, _, dtype = npy_header(stream)
    except ValueError:
        return  # no array, or of a later version: NumPy says which
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"its header says {shape} values of {dtype.itemsize} bytes in {size:,}")


def _load_npy(path: Path) -> dict[str, Array]:
    arrays = {"x": _load_array(path)}
    labels = _labels_beside(path)
    return arrays if labels is None else {**arrays, "y": _load_array(labels)}


def _load_array(path: Path) -> Array:
    with path.open("rb") as stream:
        try:
            _check_size(stream, path.stat().st_size)
            stream.seek(0)
            mapped = mapped_file(path)
            array = np.load(stream, allow_pickle=False) if mapped is None else mapped
        except (ValueError, EOFError, zipfile.BadZipFile) as error:
            raise _unreadable(path, error) from error
        if not isinstance(array, np.ndarray):
            raise FileError("holds several arrays: rename it .npz.", path=path)
        return array


def _unreadable(path: Path, error: Exception) -> FileError:
    if isinstance(error, FileError):
        return error
    if "allow_pickle" in str(error) or "Python objects" in str(error):
        return FileError(
            "holds pickled Python objects, which can run any code and are not read. "
            "Save lists of unequal lengths as `values` [steps, channel] and `lengths` [n], "
            "and text with dtype=str.",
            path=path,
        )
    return FileError(f"is not a whole NumPy file ({error}).", path=path)


def _labels_beside(path: Path) -> Path | None:
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
    given = {
        "characters" if data.x.is_text else "values": data.x.values,
        "lengths": data.x.lengths,
        "y": _step_labels(data) if data.task == "label" else data.y,
        "classes": data.classes,
        "channels": data.channels,
        "rate_hz": data.rate_hz,
        "groups": data.groups,
        "parts": data.parts,
        "ids": data.ids,
        "static": data.static,
        "name": data.name or None,
        "task": data.task if data.task in ("classify", "multilabel", "regress") else None,
    }
    arrays = {key: _without_objects(value) for key, value in given.items() if value is not None}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **cast("dict[str, Any]", arrays))


def _step_labels(data: Dataset) -> Array:
    """`[steps]` labels; the code -1 takes the last place of the table, which is "none"."""
    names = np.array(data.classes)
    none = np.array([""] if names.dtype.kind == "U" else [-1])
    if none[0] in names and (data.y.values == -1).any():
        raise DataError(f"The class {none[0].item()!r} would be taken for steps without a label.")
    labels: Array = np.concatenate([names, none])[data.y.values[:, 0]]
    return labels


def _without_objects(value: Any) -> Array:
    array = np.asarray(value)
    return array.astype(str) if array.dtype == object else array
