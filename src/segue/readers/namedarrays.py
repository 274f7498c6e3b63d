"""What arrays mean by their names, as in `.npz` files (in whatever case).

    x           [n, time, channel] or [n, time]; with `lengths` [n], padded at the end. Also `data`
    lengths     [n], the steps of each sequence: beside `x` [steps, channel] of all sequences, one
                after the other, which may be called `values`
    characters  instead of `x`: the code points of texts, uint32, with `lengths`
    offsets     instead of `lengths`: where the sequences begin, or are split. Also `splits`,
                `split_points`, `ptr`, `indptr`; the 0 at its beginning and the end may be left out
    y, labels   [n]: a class for each sequence, or a number to be predicted (numbers with
                fractions, or with very many values);
                [n, label] or [n, value]: several of them; one-hot rows are classes;
                [steps] or [n, time]: a class for each step, -1, NaN or "" where there is none
    task        "classify", "multilabel" or "regress": what `y` asks for, where that is not so
    classes     the classes in order; without it those that occur, sorted
    groups      [n], also `group`, `user` or `subject`: who or what a sequence comes from
    parts       [n], also `part`: "train", "validation" or "test"
    static      [n, feature], what is known of each sequence as a whole
    ids, channels, rate_hz, name

or, as Keras has them, `x_train`, `y_train`, `x_test`, `y_test` (or `train_x`); likewise the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError
from segue.labels import as_labels, is_one_hot
from segue.readers.registry import PART, part_named
from segue.readers.streams import of_mapped
from segue.sequences import Array, Layout, Sequences
from segue.values import CODE_POINTS

_SYNONYMS = {
    "labels": "y",
    "label": "y",
    "group": "groups",
    "user": "groups",
    "subject": "groups",
    "part": "parts",
    **dict.fromkeys(("ptr", "indptr", "splits", "split_points"), "offsets"),
}
_SHARED = ("classes", "channels", "rate_hz", "name", "task")
_COLUMNS = ("groups", "parts", "ids", "static")
_OWN = ("x", "values", "characters", "lengths", "offsets", "y", *_COLUMNS)
_X = {"x", "values", "characters"}
_NAME = re.compile(rf"(?:(?P<before>{PART})_)?(?P<name>.+?)(?:_(?P<behind>{PART}))?")


def by_part(arrays: Mapping[str, Array]) -> dict[str | None, dict[str, Array]]:
    """Sort arrays by the part that their names end or begin with; those of all are in each.

    Raises:
        DataError: two arrays that mean the same.

    >>> sorted(by_part({"X_train": np.zeros((2, 3)), "Y_Train": np.zeros(2)})["train"])
    ['x', 'y']
    """
    found: dict[str | None, dict[str, Array]] = {None: {}}
    for key, array in arrays.items():
        match = _NAME.fullmatch(key.lower())
        words = match.groupdict() if match else {"name": key.lower()}
        name = _SYNONYMS.get(words["name"], words["name"])
        own = found.setdefault(part_named(words.get("before") or words.get("behind")), {})
        if name in own:
            raise DataError(f"has more than one array for {name!r}.")
        own[name] = _decoded(array, key)
    for own in found.values():
        if "data" in own and not _X & own.keys():
            own["x"] = own.pop("data")
    whole = found.pop(None)
    parts = {part: own for part, own in found.items() if _X & own.keys()}
    if parts and not _X & whole.keys():
        shared = {name: array for name, array in whole.items() if name not in _OWN}
        return {part: {**shared, **own} for part, own in parts.items()}
    for part, own in found.items():
        whole.update({f"{name}_{part}": array for name, array in own.items()})
    return {None: whole}


def _decoded(array: Array, name: str) -> Array:
    """Bytes as text."""
    try:
        return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array
    except UnicodeDecodeError as error:
        raise DataError(f"The bytes of {name!r} are no text in UTF-8: save them as str.") from error


def dataset_of(arrays: Mapping[str, Array], *, layout: Layout = "ntc") -> Dataset:
    """Make a data set of named arrays, as the head of this module lists them.

    Raises:
        DataError: no sequences among them, or arrays that do not fit together.

    >>> flat = {"x": np.arange(5.0), "lengths": [2, 3], "y": [7, 7, -1, 9, 9]}
    >>> data = dataset_of({name: np.array(array) for name, array in flat.items()})
    >>> data.classes, [steps.T.tolist() for steps in data.y]
    ((7, 9), [[[0, 0]], [[-1, 1, 1]]])
    """
    x, is_padded = _sequences(arrays, layout)
    y, classes = _targets(arrays, x, is_padded=is_padded)
    aside = ", ".join(repr(key) for key in arrays if key not in (*_OWN, *_SHARED))
    columns: dict[str, Any] = {name: arrays[name] for name in _COLUMNS if name in arrays}
    task: Any = str(arrays["task"]) if "task" in arrays else None
    if task not in (None, "classify", "multilabel", "regress"):
        raise DataError(f"`task` is {task!r}; expected classify, multilabel or regress.")
    return Dataset(
        x,
        y,
        classes,
        channels=_names(arrays.get("channels")),
        rate_hz=float(arrays["rate_hz"]) if "rate_hz" in arrays else None,
        name=str(arrays.get("name", "")),
        notes=(f"arrays that are left out: {aside}",) if aside else (),
        task=task,  # labels for each step are told by their shape
        missing="keep",
        **columns,
    )


def _names(array: Array | None) -> tuple[Any, ...] | None:
    return None if array is None else tuple(array.tolist())


# -- sequences ------------------------------------------------------------------------------------


def _sequences(arrays: Mapping[str, Array], layout: Layout) -> tuple[Sequences, bool]:
    """The sequences, and whether they are rows of an array of equal steps."""
    x, values = arrays.get("x"), arrays.get("values")
    lengths, offsets = arrays.get("lengths"), arrays.get("offsets")
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
    if joined and offsets is not None:
        lengths = np.diff(_offsets(offsets, len(x)))
    turned = None if layout == "nct" else of_mapped(x, lengths, joined=joined)
    if turned is not None:
        return turned, not joined
    if joined:
        return Sequences(x, lengths=lengths), False
    x = x.transpose(0, 2, 1) if x.ndim == 3 and layout == "nct" else x
    return Sequences.from_array(x) if lengths is None else Sequences.from_padded(x, lengths), True


def _are_joined(x: Array, lengths: Array | None, offsets: Array | None) -> bool:
    """Whether all sequences stand in `x` one after the other, and not each in a row of its own.

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


def _offsets(cuts: Array, steps: int) -> Array:
    """`[n + 1]` of places where sequences begin, or are split: with the 0 and the end."""
    if cuts.ndim != 1 or cuts.dtype.kind not in "iu" or (cuts > steps).any():
        raise DataError(
            f"`offsets` has shape {cuts.shape} and type {cuts.dtype}; expected whole numbers that "
            f"rise from 0 to {steps:,}, the steps of all sequences."
        )
    inner = cuts.astype(np.int64).tolist()
    first = [] if inner[:1] == [0] else [0]
    last = [] if inner[-1:] == [steps] else [steps]
    return np.array([*first, *inner, *last], np.int64)


# -- targets --------------------------------------------------------------------------------------


def _targets(
    arrays: Mapping[str, Array], x: Sequences, *, is_padded: bool
) -> tuple[Any, tuple[Any, ...] | None]:
    """`y` for a `Dataset`, and the classes as far as they are known."""
    y = arrays.get("y")
    classes = _names(arrays.get("classes"))
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
    labels, missing = as_labels(labels)
    if labels.dtype.kind == "f":
        raise DataError("Labels for each step are real numbers; expected whole numbers or text.")
    if labels.dtype.kind == "i" and -1 not in (classes or ()):
        missing |= labels == -1
    names, positions = np.unique(labels[~missing], return_inverse=True)
    classes = classes or tuple(names.tolist())
    strange = [name for name in names.tolist() if name not in classes]
    if strange:
        raise DataError(f"The steps have labels {strange}, which are not among {list(classes)}.")
    codes = np.full(len(labels), -1, np.int32)
    codes[~missing] = np.array([classes.index(name) for name in names.tolist()], int)[positions]
    return Sequences(codes, x.offsets), classes
