"""NumPy's files: `.npz` with several arrays, `.npy` with one. Nothing is ever unpickled.

What the arrays of an `.npz` file mean is inferred from their names, in whatever case:

    x           [n, time, channel] or [n, time]; with `lengths` [n], padded at the end. Also `data`
    lengths     [n], the steps of each sequence: beside `x` [steps, channel] of all sequences, one
                after the other, which may be called `values`
    mask        [n, time], 1 where a step of `x` is there and 0 where it is padding
    characters  instead of `x`: the code points of texts, uint32, with `lengths`
    offsets     instead of `lengths`: where the sequences begin, or are split; also `splits`, `ptr`,
                `indptr`, `split_points`. The 0 at its beginning and the end may be left out
    y, labels   [n]: a class for each sequence, or a number to be predicted (numbers with
                fractions, or with very many values);
                [n, label] or [n, value]: several of them; one-hot rows are classes;
                [steps] or [n, time]: a class for each step, -1, NaN or "" where there is none
    task        "classify", "multilabel" or "regress", where `y` does not tell
    classes     the classes in order; without it those that occur, sorted
    groups      [n], also `user`, `subject_id` and so on: who or what a sequence comes from
    parts       [n], also `split`: "train", "validation" or "test"
    static      [n, feature], what is known of each sequence as a whole
    ids, channels, rate_hz, name

or, as Keras has them, `x_train`, `y_train`, `x_test`, `y_test` (or `train_x`); likewise the others.
The array of an `.npy` file is `x`; its labels are in `<name>_y.npy`, or beside `X_train.npy` in
`y_train.npy` (`labels_train.npy`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from segue.data.arrays import CODE_POINTS, real_steps
from segue.data.dataset import Dataset
from segue.data.labels import is_one_hot
from segue.data.sequences import Array, Sequences
from segue.errors import DataError
from segue.readers.array_names import name_arrays
from segue.readers.blocks import Blocks, check_parts
from segue.readers.npzfiles import load
from segue.readers.npzrows import SHARED, X, beginning, first_rows, name_of, offsets_of
from segue.readers.streams import classes_of_steps, sequences_from_mapped

_COLUMNS = ("groups", "parts", "ids", "static")
_OWN = ("x", "values", "characters", "lengths", "offsets", "y", *_COLUMNS)


def blocks(
    path: Path, *, limit: int | None = None, layout: Literal["ntc", "nct"] = "ntc"
) -> Blocks:
    """Read one `.npz` or `.npy` file.

    Args:
        path: the file.
        limit: so many sequences of each part are enough: of arrays with a row or steps for each no
            more is taken.
        layout: "nct" if the channels of `x` come before the time steps.

    Yields:
        One data set. Labels for each step become class numbers: the positions of the labels in
        `classes`, and -1 where there is none.

    Raises:
        OptionError: another layout.
        FileError: no NumPy file, one with pickled objects, or arrays that do not fit together.
    """
    arrays, lengths = load(path, limit)
    if (labels := _labels_beside(path)) is not None:
        arrays["y"] = load(labels)[0]["x"]
    sets = {
        part: _dataset_of(own, layout, limit, lengths.get(part))
        for part, own in _by_part(arrays).items()
    }
    named = {str(part): data for part, data in sets.items()}
    check_parts(named)
    yield sets[None] if None in sets else Dataset.concatenate(named), 1.0  # it may be empty


def _labels_beside(path: Path) -> Path | None:
    if path.suffix.lower() != ".npy":
        return None
    there = {file.name.lower(): file for file in path.parent.glob("*.npy")}
    first, *rest = path.stem.lower().split("_")
    names = [f"{path.stem.lower()}_y"]
    if first == "x":
        names += ["_".join([name, *rest]) for name in ("y", "labels")]
    return next((there[f"{name}.npy"] for name in names if f"{name}.npy" in there), None)


# -- arrays by name -------------------------------------------------------------------------------


def _by_part(arrays: Mapping[str, Array]) -> dict[str | None, dict[str, Array]]:
    """The arrays of each part that their names end or begin with; those of all are in each."""
    found: dict[str | None, dict[str, Array]] = {None: {}}
    for key, array in arrays.items():
        part, name = name_of(key, array.dtype.kind)
        own = found.setdefault(part, {})
        if name in own:
            raise DataError(f"has more than one array for {name!r}.")
        own[name] = _decoded(array, key)
    for own in found.values():
        if "data" in own and not X & own.keys():
            own["x"] = own.pop("data")
    whole = found.pop(None)
    parts = {part: own for part, own in found.items() if X & own.keys()}
    if parts and not X & whole.keys():
        shared = {name: array for name, array in whole.items() if name not in _OWN}
        return {part: {**shared, **own} for part, own in parts.items()}
    for part, own in found.items():
        whole.update({f"{name}_{part}": array for name, array in own.items()})
    return {None: whole}


def _decoded(array: Array, name: str) -> Array:
    """Bytes as text; numbers that stand for no letter would stop Python later."""
    if array.dtype.kind == "V":
        raise DataError(f"{name!r} has type {array.dtype}; expected numbers or text.")
    if array.dtype.kind == "U" or (name == "characters" and array.dtype == CODE_POINTS):
        points = np.ascontiguousarray(array).view(f"{array.dtype.byteorder}u4")
        if points.max(initial=0) > sys.maxunicode:
            raise DataError(f"The text of {name!r} is damaged: it has numbers that are no letters.")
    try:
        return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array
    except UnicodeDecodeError as error:
        raise DataError(f"The bytes of {name!r} are no text in UTF-8: save them as str.") from error


def _dataset_of(
    arrays: Mapping[str, Array], layout: str, limit: int | None, lengths: Array | None
) -> Dataset:
    """Make a data set of the arrays of one part; `lengths`: all, where only the first are there."""
    if lengths is not None and limit is not None:
        first = beginning(arrays, lengths, limit)
        return _with_targets(_dataset_of(first, layout, None, None), arrays, lengths)
    rows = first_rows({name: array.shape for name, array in arrays.items()}, limit)
    arrays = {
        name: array if rows[name] is None else np.array(array[: rows[name]])
        for name, array in arrays.items()
    }
    if layout == "nct" and "x" in arrays and arrays["x"].ndim == 3:
        arrays = {**arrays, "x": arrays["x"].transpose(0, 2, 1)}
    arrays = name_arrays(arrays, arrays.get("x"))
    x, is_padded = _sequences(arrays)
    y, classes = _targets(arrays, x, is_padded=is_padded)
    aside = ", ".join(repr(key) for key in arrays if key not in (*_OWN, *SHARED))
    columns: dict[str, Any] = {name: arrays[name] for name in _COLUMNS if name in arrays}
    return Dataset(
        x,
        y,
        classes,
        channels=_names(arrays.get("channels")),
        rate_hz=_rate(arrays.get("rate_hz")),
        name=str(arrays.get("name", "")),
        notes=(f"arrays that are left out: {aside}",) if aside else (),
        task=_task(arrays),  # labels for each step have a shape of their own
        missing="keep",
        **columns,
    )


def _task(arrays: Mapping[str, Array]) -> Any:
    task = str(arrays["task"]) if "task" in arrays else None
    if task not in (None, "classify", "multilabel", "regress"):
        raise DataError(f"`task` is {task!r}; expected classify, multilabel or regress.")
    return task


def _rate(array: Array | None) -> float | None:
    if array is not None and (array.size != 1 or array.dtype.kind not in "iuf"):
        raise DataError(f"`rate_hz` has shape {array.shape} of {array.dtype}; expected a number.")
    return None if array is None else float(array.item())


def _names(array: Array | None) -> tuple[Any, ...] | None:
    return None if array is None else tuple(array.tolist())


def _sequences(arrays: Mapping[str, Array]) -> tuple[Sequences, bool]:
    """The sequences, and whether they are rows of an array of equal steps."""
    x, values = arrays.get("x"), arrays.get("values")
    lengths, offsets = arrays.get("lengths"), arrays.get("offsets")
    if lengths is not None and (lengths.dtype.kind not in "iub" or lengths.ndim == 0):
        raise DataError(
            f"`lengths` has type {lengths.dtype} and shape {lengths.shape}; expected whole "
            "numbers, one for each sequence."
        )
    points = arrays.get("characters")
    if points is None and values is not None and values.dtype == CODE_POINTS:
        points = values  # as older versions wrote texts
    if points is not None and lengths is not None:
        ends = np.concatenate([[0], np.cumsum(lengths)])
        return Sequences.from_chunks([(points.astype(CODE_POINTS).reshape(-1, 1), ends)]), False
    joined = x is None or _are_joined(x, lengths, offsets)
    x = values if x is None else x
    if x is None or (joined and lengths is None and offsets is None):
        raise DataError(
            f"The arrays are {', '.join(sorted(arrays)) or 'none'}; expected `x` (n, time, "
            "channel), or `values` (steps, channel) with `lengths` (n)."
        )
    if x.ndim == 0:
        raise DataError(f"The sequences are a single value, {x}; expected an array.")
    if joined and offsets is not None:
        lengths = np.diff(offsets_of(offsets, len(x)))
    if (turned := sequences_from_mapped(x, lengths, joined=joined)) is not None:
        return turned, not joined
    if joined:
        return Sequences(x, lengths=lengths), False
    return Sequences.from_array(x) if lengths is None else Sequences.from_padded(x, lengths), True


def _are_joined(x: Array, lengths: Array | None, offsets: Array | None) -> bool:
    """Whether `x` holds all sequences one after the other, and not each in a row of its own.

    Raises:
        DataError: both are possible, or neither.
    """
    if x.ndim > 2 or lengths is None or lengths.ndim != 1:
        return x.ndim <= 2 and lengths is None and offsets is not None
    joined = int(lengths.sum()) == len(x)
    padded = len(lengths) == len(x) and x.ndim == 2 and lengths.max(initial=0) <= x.shape[1]
    if joined != padded:
        return joined
    both = "may be" if joined else "is neither"
    raise DataError(
        f"`x` has shape {x.shape} and {len(lengths):,} `lengths`, {int(lengths.sum()):,} in all: "
        f"it {both} {len(x):,} steps of all sequences, one after the other (save it as `values`), "
        f"{'or' if joined else 'nor'} {len(x):,} padded sequences of {x.shape[-1]} steps (save it "
        "with a third axis, x[:, :, None])."
    )


# -- targets --------------------------------------------------------------------------------------


def _targets(
    arrays: Mapping[str, Array], x: Sequences, *, is_padded: bool
) -> tuple[Any, tuple[Any, ...] | None]:
    """`y` for a `Dataset`, and the classes as far as they are known."""
    y, classes = arrays.get("y"), _names(arrays.get("classes"))
    if y is None:
        return None, classes
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 1 and len(y) == len(x):
        return y, classes
    padded = arrays["x"].shape[:2] if is_padded else None
    if y.ndim == 2 and y.shape == padded and y.shape[1] > 1 and y.dtype.kind != "f":
        if is_one_hot(y):
            raise DataError(
                f"`y` has shape {y.shape} and one 1 in each row: it may be one of {y.shape[1]} "
                "classes for each sequence (save y.argmax(axis=1)), or a label for each step "
                "(save them one after the other, y.reshape(-1))."
            )
        y = y[real_steps(arrays.get("lengths", x.lengths), y.shape[1])]
    if y.ndim == 1 and len(y) == x.total_steps:
        none = -1 if y.dtype.kind in "iu" and -1 not in (classes or ()) else None
        return classes_of_steps(np.split(y, x.offsets[1:-1]), classes, none=none)
    if y.ndim == 2 and len(y) == len(x):
        return y, classes
    raise DataError(
        f"The labels have shape {y.shape}; expected one for each of the {len(x):,} sequences, "
        f"or one for each of the {x.total_steps:,} steps."
    )


def _with_targets(data: Dataset, arrays: Mapping[str, Array], lengths: Array) -> Dataset:
    """The first sequences with the targets that they have among all: their kind, all classes."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    steps = Sequences(np.zeros((offsets[-1], 1), np.float32), offsets)  # never looked at
    y, classes = _targets(arrays, steps, is_padded=False)
    known = Dataset(steps, y, classes, task=_task(arrays), missing="keep")[: len(data)]
    return replace(data, y=known.y, classes=known.classes, task=known.task)


# -- writing --------------------------------------------------------------------------------------


def write(folder: Path, data: Dataset) -> None:
    """Write `data.npz`, which holds all parts, with `values` and `lengths`.

    Raises:
        DataError: a class that means "none" in this format, beside steps without a label.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write(folder, Dataset([[0.5, 1.0], [2.0]], ["slow", "fast"]))
    >>> sorted(np.load(folder / "data.npz").files)
    ['classes', 'lengths', 'task', 'values', 'y']
    """
    names, of_steps = ("classes", "channels", "rate_hz", *_COLUMNS), isinstance(data.y, Sequences)
    given = {name: getattr(data, name) for name in names} | {
        "characters" if data.x.is_text else "values": data.x.values,
        "lengths": data.x.lengths,
        "y": _step_labels(data) if of_steps else data.y,
        "name": data.name or None,
        "task": None if of_steps or data.y is None else data.task,
    }
    arrays = {key: np.asarray(value) for key, value in given.items() if value is not None}
    plain = {key: a.astype(str) if a.dtype == object else a for key, a in arrays.items()}
    np.savez(folder / "data.npz", **cast("dict[str, Any]", plain))


def _step_labels(data: Dataset) -> Array:
    """`[steps]` labels; the code -1 takes the last one, which is "none"."""
    names = np.array(data.classes)
    none = np.array([""] if names.dtype.kind == "U" else [-1])
    if none[0] in names and (data.y.values == -1).any():
        raise DataError(f"The class {none[0].item()!r} would be taken for steps without a label.")
    return cast("Array", np.concatenate([names, none])[data.y.values[:, 0]])
