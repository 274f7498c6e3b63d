"""MATLAB files: `XTrain`, `YTrain`, `XTest`, `YTest` as in MATLAB's own examples, or other names.

    XTrain      cell array with a sequence in each cell, channel x time (or time x channel);
                or an array with one sequence a row (n x time), or channel x time x n
    YTrain      labels: numbers, a cell array of text, a char array with one row each;
                or a cell array with a vector of numbers or of text for each step

`T` is known for `Y`, `data` and `labels` too; `XValidation` and the like are a part of their own.
Categorical arrays, strings and tables are objects that only MATLAB can open. They are saved
readably by a line of MATLAB, which the message names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, FileError, OptionError, did_you_mean
from segue.readers.labels import as_classes, as_labels
from segue.readers.matfiles import Cell, Opaque, load
from segue.readers.registry import part_named
from segue.sequences import Array, Sequences

_X, _Y = "x|data|sequences|signals|inputs", "y|t|labels?|targets?|responses?|classes"
_ROLE = re.compile(
    rf"(?:(?P<x>{_X})|(?P<y>{_Y}))_?(?P<part>train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?)?",
    re.IGNORECASE,
)
_READABLE = {
    "categorical": "{name} = cellstr({name});",
    "string": "{name} = cellstr({name});",
    "table": "{name} = table2cell({name});",
    "datetime": "{name} = cellstr({name});",
}
MatLayout = Literal["ct", "tc"]


def read(
    path: Path, *, x: str | None = None, y: str | None = None, layout: MatLayout | None = None
) -> Dataset:
    """Read one `.mat` file.

    Args:
        path: the file.
        x: the variable with the sequences; found by its name if left out.
        y: the variable with their labels, likewise; "none": there are no labels.
        layout: "ct" if each sequence is channel x time, "tc" if it is time x channel; if left out,
            the axis of which all sequences have the same size is that of the channels.

    Raises:
        FileError: no MATLAB file, no sequences in it, or something that only MATLAB can open.
        OptionError: a variable that is not there.
    """
    if layout not in (None, "ct", "tc"):
        raise OptionError(f"layout={layout!r}; expected 'ct' or 'tc'.")
    variables = load(path)
    pairs = _pairs(variables, x, y, path)
    sets = {}
    for part, (x_name, y_name) in pairs.items():
        try:
            sets[part] = _data_set(variables, x_name, y_name, layout)
        except DataError as error:
            raise FileError(str(error), path=path) from error
    if set(sets) == {None}:
        return sets[None]
    order = ("train", "validation", "test")
    return Dataset.concatenate({part: sets[part] for part in order if part in sets})


def _pairs(
    variables: dict[str, Any], x: str | None, y: str | None, path: Path
) -> dict[str | None, tuple[str, str | None]]:
    """The names of sequences and labels, by part."""
    wanted = [name for name in (x, y) if name is not None and name != "none"]
    for name in wanted:
        if name not in variables:
            hint = did_you_mean(name, variables) if variables else ""
            raise OptionError(f"There is no variable {name!r} in {path}.{hint}")
    found: dict[str | None, dict[str, str]] = {}
    for name in variables:
        match = _ROLE.fullmatch(name)
        if match:
            part = part_named(match["part"])
            found.setdefault(part, {}).setdefault("x" if match["x"] else "y", name)
    if x is not None:
        match = _ROLE.fullmatch(x)
        part = part_named(match["part"]) if match else None
        return {None: (x, None if y == "none" else y or found.get(part, {}).get("y"))}
    pairs = {
        part: (names["x"], None if y == "none" else y or names.get("y"))
        for part, names in found.items()
        if "x" in names
    }
    if None in pairs and len(pairs) > 1:  # data beside XTrain: what is named for a part is meant
        del pairs[None]
    return pairs or {None: _guessed(variables, y, path)}


def _guessed(variables: dict[str, Any], y: str | None, path: Path) -> tuple[str, str | None]:
    """The only variable that can be sequences, and the only one that can be their labels."""
    cells = [name for name, value in variables.items() if _is_cell_of_numbers(value)]
    if len(cells) != 1:
        said = ", ".join(f"{name} ({_kind(value)})" for name, value in variables.items())
        raise FileError(
            f"holds {said or 'no variables'}; expected XTrain and YTrain (and XTest, YTest), or "
            "one cell array of sequences. Name them with x='...', y='...'.",
            path=path,
        )
    (x,) = cells
    count = len(variables[x].items)
    like = [n for n, value in variables.items() if n != x and _length(value) == count]
    return x, None if y == "none" else y or (like[0] if len(like) == 1 else None)


def _is_cell_of_numbers(value: Any) -> bool:
    return isinstance(value, Cell) and all(
        isinstance(item, np.ndarray) and item.size > 1 for item in value.items
    )


def _kind(value: Any) -> str:
    if isinstance(value, Cell):
        return f"a cell array of {len(value.items)}"
    if isinstance(value, Opaque):
        return f"a MATLAB {value.kind}"
    return "text" if isinstance(value, list) else " x ".join(map(str, np.shape(value)))


def _length(value: Any) -> int:
    if isinstance(value, Cell):
        return len(value.items)
    return len(value) if isinstance(value, list) else int(np.size(value))


# -- one part -------------------------------------------------------------------------------------


def _data_set(
    variables: dict[str, Any], x_name: str, y_name: str | None, layout: MatLayout | None
) -> Dataset:
    labels = None if y_name is None else variables[y_name]
    count = None if labels is None or isinstance(labels, Opaque) else _length(labels)
    sequences, note = _sequences(variables[x_name], x_name, layout, count)
    said = f"sequences {x_name!r} ({note}), " + (
        "no labels" if y_name is None else f"labels {y_name!r}"
    )
    if y_name is None:
        return Dataset(sequences, notes=(said,))
    y, classes = _targets(labels, y_name, sequences)
    return Dataset(sequences, y, classes=classes, notes=(said,))


def _sequences(
    value: Any, name: str, layout: MatLayout | None, count: int | None
) -> tuple[Sequences, str]:
    _refuse_opaque(value, name)
    if isinstance(value, Cell):
        for number, item in enumerate(value.items, start=1):
            _refuse_opaque(item, f"{name}{{{number}}}")
            if not isinstance(item, np.ndarray) or item.ndim != 2:
                raise DataError(
                    f"{name}{{{number}}} is {_kind(item)}; expected numbers, channel x time."
                )
        layout = layout or _guess_layout([item.shape for item in value.items], name)
        how = {"ct": "channel x time", "tc": "time x channel"}[layout]
        return Sequences.from_list(value.items, layout=layout), how
    if not isinstance(value, np.ndarray) or value.ndim not in (2, 3):
        raise DataError(f"{name} is {_kind(value)}; expected a cell array of sequences.")
    return _of_array(value, layout, count)


def _guess_layout(shapes: list[tuple[int, ...]], name: str) -> MatLayout:
    rows, columns = {shape[0] for shape in shapes}, {shape[1] for shape in shapes}
    if len(rows) > 1 and len(columns) > 1:
        raise DataError(
            f"The sequences in {name} have neither the same number of rows ({min(rows)} to "
            f"{max(rows)}) nor of columns ({min(columns)} to {max(columns)}); expected the same "
            "channels in all."
        )
    if len(rows) == 1 and len(columns) == 1:
        return "ct" if min(rows) <= min(columns) else "tc"
    return "ct" if len(rows) == 1 else "tc"


def _of_array(value: Array, layout: MatLayout | None, count: int | None) -> tuple[Sequences, str]:
    if value.ndim == 2:
        if count == value.shape[1] != value.shape[0]:
            return Sequences.from_array(value.T), "a sequence a column"
        return Sequences.from_array(value), "a sequence a row"
    if count == value.shape[0] != value.shape[2]:
        array = value.transpose(0, 2, 1) if layout == "ct" else value
        return Sequences.from_array(array), "sequence x time x channel"
    order = (2, 0, 1) if layout == "tc" else (2, 1, 0)
    return Sequences.from_array(value.transpose(order)), "channel x time x sequence"


def _targets(value: Any, name: str, x: Sequences) -> tuple[Any, tuple[Any, ...] | None]:
    _refuse_opaque(value, name)
    if isinstance(value, Cell) and any(_length(item) > 1 for item in value.items):
        return _step_labels(value, name)
    if isinstance(value, Cell):
        items = [_single(item, f"{name}{{{i}}}") for i, item in enumerate(value.items, start=1)]
        return as_labels([str(item) for item in items]), None
    if isinstance(value, list):
        return as_labels(value), None
    if value.size != len(x):
        raise DataError(f"{name} is {_kind(value)}; expected one label for each of {len(x)}.")
    numbers = value.reshape(-1).astype(np.float64)
    if np.isnan(numbers).any():
        raise DataError(f"{name}({int(np.isnan(numbers).argmax()) + 1}) is NaN: no label.")
    return as_classes(numbers), None


def _single(item: Any, name: str) -> str:
    _refuse_opaque(item, name)
    if isinstance(item, list) and item[0]:
        return str(item[0])
    if isinstance(item, np.ndarray) and item.size == 1:
        return f"{item.reshape(-1)[0]:g}"
    raise DataError(f"{name} has no label.")


def _step_labels(value: Cell, name: str) -> tuple[Sequences, tuple[Any, ...]]:
    rows = []
    for number, item in enumerate(value.items, start=1):
        _refuse_opaque(item, f"{name}{{{number}}}")
        texts = [_single(one, name) for one in item.items] if isinstance(item, Cell) else None
        if isinstance(item, list):
            texts = item
        rows.append(
            np.array(texts) if texts is not None else as_classes(np.ravel(item).astype(float))
        )
    names, codes = np.unique(np.concatenate(rows), return_inverse=True)
    if names.dtype.kind == "f":
        raise DataError(f"{name} has real numbers for each step; expected classes.")
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return Sequences(codes.astype(np.int32), offsets), tuple(names.tolist())


def _refuse_opaque(value: Any, name: str) -> None:
    if isinstance(value, Opaque):
        plain = name.partition("{")[0]
        line = _READABLE.get(value.kind, "").format(name=plain)
        if line and plain != name:
            line = f"{plain} = cellfun(@cellstr, {plain}, 'UniformOutput', false);"
        cure = f" In MATLAB: {line} and save again." if line else " Save it as numbers or text."
        raise DataError(f"{name} is a MATLAB {value.kind}, which only MATLAB can open.{cure}")
