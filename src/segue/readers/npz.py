"""NumPy's files: `.npz` with several arrays, `.npy` with one. Nothing is ever unpickled.

The arrays of an `.npz` file, by name (in whatever case):

    x           [n, time, channel] or [n, time]; with `lengths` [n], padded at the end
    values      instead of `x`: [steps, channel] of all sequences, one after the other,
    lengths     [n], the steps of each
    characters  instead of `values`: the code points of texts, uint32, with `lengths`
    y, labels   [n]: a class for each sequence, or a number to be predicted, if they are floats;
                [n, label] or [n, value]: several of them;
                [steps] or [n, time]: a class for each step, -1 or "" where there is none
    classes     the classes in order; without it those that occur, sorted
    groups      [n], also `group`, `user` or `subject`: who or what a sequence comes from
    parts       [n], also `part`: "train", "validation" or "test"
    static      [n, feature], what is known of each sequence as a whole
    ids, channels, rate_hz, name

or, as Keras has them, `x_train`, `y_train`, `x_test`, `y_test`. The array of an `.npy` file is `x`;
`y` is in `<name>_y.npy`, or in `y_train.npy` beside `X_train.npy`.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from segue.atomic import replacing
from segue.dataset import Dataset
from segue.errors import DataError, FileError, OptionError
from segue.readers.labels import as_classes
from segue.readers.mapping import mapped_file, mapped_member, npy_header, of_mapped
from segue.sequences import Array, Layout, Sequences
from segue.values import CODE_POINTS

_SYNONYMS = {
    "labels": "y",
    "label": "y",
    "group": "groups",
    "user": "groups",
    "subject": "groups",
    "part": "parts",
}


def read(path: Path, *, layout: Layout = "ntc") -> Dataset:
    """Read one `.npz` or `.npy` file.

    Args:
        path: the file.
        layout: "nct" if the channels of `x` come before the time steps.

    Returns:
        A data set. Labels for each step become class numbers: the positions of the labels in
        `classes`, and -1 where there is none.

    Raises:
        OptionError: another layout.
        FileError: no NumPy file, one with pickled objects, or arrays that do not fit together.
    """
    if layout not in ("ntc", "nct"):
        raise OptionError(f"layout={layout!r}; expected 'ntc' or 'nct'.")
    arrays = _load_npy(path) if path.suffix.lower() == ".npy" else _load_npz(path)
    try:
        parts = {key[2:]: _only(arrays, key[2:]) for key in arrays if key.startswith("x_")}
        if parts and "x" not in arrays:
            return Dataset.concatenate({k: dataset_of(v, layout=layout) for k, v in parts.items()})
        return dataset_of(arrays, layout=layout)
    except DataError as error:
        raise FileError(str(error), path=path) from error


def dataset_of(arrays: Mapping[str, Array], *, layout: Layout = "ntc") -> Dataset:
    """Make a data set of named arrays, as the head of this module lists them.

    Raises:
        DataError: no sequences among them, or arrays that do not fit together.

    >>> flat = {"values": np.arange(5.0), "lengths": [2, 3], "y": [7, 7, -1, 9, 9]}
    >>> data = dataset_of({name: np.array(array) for name, array in flat.items()})
    >>> data.classes, [steps.T.tolist() for steps in data.y]
    ((7, 9), [[[0, 0]], [[-1, 1, 1]]])
    """
    x = _sequences(arrays, layout)
    y, classes = _targets(arrays, x)
    rate = arrays.get("rate_hz")
    name = arrays.get("name")
    return Dataset(
        x,
        y,
        classes,
        channels=_names(arrays.get("channels")),
        rate_hz=None if rate is None else float(rate),
        groups=arrays.get("groups"),
        parts=arrays.get("parts"),
        ids=arrays.get("ids"),
        static=arrays.get("static"),
        name="" if name is None else str(name),
    )


# -- files ----------------------------------------------------------------------------------------


def _load_npz(path: Path) -> dict[str, Array]:
    with path.open("rb") as stream:
        try:
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise FileError("is one array with the wrong ending: rename it .npy.", path=path)
            with file:
                return _named_arrays(file, path)
        except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise _unreadable(path, error) from error


def _named_arrays(file: np.lib.npyio.NpzFile, path: Path) -> dict[str, Array]:
    names = {key: _SYNONYMS.get(key.lower(), key.lower()) for key in file.files}
    for name, count in Counter(names.values()).items():
        if count > 1:
            raise FileError(f"has more than one array for {name!r}.", path=path)
    return {name: _member(file, path, key) for key, name in names.items()}


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
    names = [f"{path.stem}_y.npy"]
    if path.stem.lower().split("_")[0] == "x":
        names += [f"y{path.stem[1:]}.npy", f"Y{path.stem[1:]}.npy"]
    there = [path.with_name(name) for name in names if path.with_name(name).is_file()]
    return there[0] if there else None


def _only(arrays: Mapping[str, Array], part: str) -> dict[str, Array]:
    """The arrays of one part, `x_train` as `x`, with those that belong to all of them."""
    own = {key.removesuffix(f"_{part}"): arrays[key] for key in arrays if key.endswith(f"_{part}")}
    shared = ("classes", "channels", "rate_hz", "name")
    return {**{key: arrays[key] for key in shared if key in arrays}, **own}


# -- arrays ---------------------------------------------------------------------------------------


def _sequences(arrays: Mapping[str, Array], layout: Layout) -> Sequences:
    lengths = arrays.get("lengths")
    turned = None if layout == "nct" else of_mapped(arrays.get("x", arrays.get("values")), lengths)
    if turned is not None:
        return turned
    if "characters" in arrays and lengths is not None:
        points = np.asarray(arrays["characters"], CODE_POINTS).reshape(-1, 1)
        return Sequences.from_chunks([(points, _offsets(lengths))])
    if "x" in arrays:
        x = arrays["x"]
        if x.ndim == 3 and layout == "nct":
            x = x.transpose(0, 2, 1)
        return Sequences.from_array(x) if lengths is None else Sequences.from_padded(x, lengths)
    if "values" not in arrays or lengths is None:
        raise DataError(
            f"The arrays are {', '.join(sorted(arrays)) or 'none'}; expected `x` (n, time, "
            "channel), or `values` (steps, channel) with `lengths` (n)."
        )
    return Sequences(arrays["values"], _offsets(lengths))


def _offsets(lengths: Array) -> Array:
    return np.concatenate([[0], np.cumsum(lengths)])


def _targets(arrays: Mapping[str, Array], x: Sequences) -> tuple[Any, tuple[Any, ...] | None]:
    """`y` for a `Dataset`, and the classes as far as they are known."""
    y = arrays.get("y")
    classes = _names(arrays.get("classes"))
    if y is None:
        return None, classes
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 1 and len(y) == len(x):
        return (y if y.dtype.kind != "f" or classes is None else as_classes(y)), classes
    padded = arrays["x"].shape[:2] if "x" in arrays else None
    if y.ndim == 2 and y.shape == padded and y.shape[1] > 1 and y.dtype.kind != "f":
        y = y[np.arange(y.shape[1]) < x.lengths[:, None]]
    if y.ndim == 1 and len(y) == x.total_steps:
        return _codes(y, x, classes)
    if y.ndim == 2 and len(y) == len(x):
        return y, classes
    raise DataError(
        f"The labels have shape {y.shape}; expected one for each of the {len(x):,} sequences, "
        f"or one for each of the {x.total_steps:,} steps."
    )


def _codes(
    labels: Array, x: Sequences, classes: tuple[Any, ...] | None
) -> tuple[Sequences, tuple[Any, ...]]:
    """Labels for each step as positions in `classes`, -1 where there is none."""
    if labels.dtype.kind == "f":
        raise DataError("Labels for each step are real numbers; expected whole numbers or text.")
    found, positions = np.unique(labels, return_inverse=True)
    none = "" if labels.dtype.kind == "U" else -1
    classes = classes or tuple(found[found != none].tolist())
    code_of = {name: code for code, name in enumerate(classes)}
    strange = [name for name in found.tolist() if name not in code_of and name != none]
    if strange:
        raise DataError(f"The steps have labels {strange}, which are not among {list(classes)}.")
    codes = np.array([code_of.get(name, -1) for name in found.tolist()], np.int32)
    return Sequences(codes[positions], x.offsets), classes


def _names(array: Array | None) -> tuple[Any, ...] | None:
    return None if array is None else tuple(array.tolist())


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
    ['classes', 'lengths', 'values', 'y']
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
