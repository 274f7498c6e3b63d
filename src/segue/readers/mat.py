"""MATLAB files: `XTrain`, `YTrain`, `XTest`, `YTest` as in MATLAB's own examples, or other names.

    XTrain      cell array with a sequence in each cell, channel x time (or time x channel);
                or an array with one sequence a row (n x time), or channel x time x n
    YTrain      labels: a categorical or string array, numbers, a cell array of text, a char array
                with one row each; or a cell array with a vector of any of these, one for each step

`T` is known for `Y`, `data` and `labels` too; `XValidation` and the like are a part of their own.
A table with a column of sequences in cells and one of labels will do as well. The classes have the
order of the categories; categories that do not occur are left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, FileError, OptionError, did_you_mean
from segue.readers.blocks import Blocks
from segue.readers.matfiles import load
from segue.readers.matlabels import length, only_used, refuse_opaque, said, same_classes, targets
from segue.readers.matobjects import Categorical, Cell, Opaque, Table
from segue.readers.registry import part_named
from segue.sequences import Array, Sequences

_X, _Y = "x|data|sequences|signals|inputs", "y|t|labels?|targets?|responses?|classes"
_ROLE = re.compile(
    rf"(?:(?P<x>{_X})|(?P<y>{_Y}))_?(?P<part>train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?)?",
    re.IGNORECASE,
)
# A word of a name such as tblTrain or test_data.
_PART = re.compile(
    r"(?:^|_|(?<=[a-z0-9])(?=[A-Z]))((?i:train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?))"
    r"(?=$|_|[A-Z0-9])"
)
MatLayout = Literal["ct", "tc"]


def blocks(
    path: Path, *, x: str | None = None, y: str | None = None, layout: MatLayout | None = None
) -> Blocks:
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
    found = load(path)
    variables = _with_columns(found)
    pairs = (
        _pairs(variables, x, y, path) or _of_tables(found) or {None: _guessed(variables, y, path)}
    )
    sets = {part: _data_set(variables, *names, layout) for part, names in pairs.items()}
    order = ("train", "validation", "test")
    parts = {part: sets[part] for part in order if part in sets}
    data = Dataset.concatenate(same_classes(parts)) if parts else sets[None]
    yield only_used(data), 1.0


def _with_columns(found: dict[str, Any]) -> dict[str, Any]:
    """The variables, with the columns of tables in their place: `tbl.Signal`."""
    variables: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, Table):
            variables.update({f"{name}.{c}": column for c, column in value.columns.items()})
        else:
            variables[name] = value
    return variables


def _of_tables(found: dict[str, Any]) -> dict[str | None, tuple[str, str | None]]:
    """The columns with sequences and labels of the tables that have such."""
    pairs: dict[str | None, tuple[str, str | None]] = {}
    tables = {name: value.columns for name, value in found.items() if isinstance(value, Table)}
    for name, columns in tables.items():
        x = [c for c, value in columns.items() if _is_cell_of_numbers(value)]
        others = {c: value for c, value in columns.items() if c not in x}
        named = [c for c in others if (match := _ROLE.fullmatch(c)) and not match["x"]]
        texts = [c for c, v in others.items() if isinstance(v, Categorical | list | Cell)]
        y = named or texts or list(others)
        if len(x) == 1:
            match = _PART.search(name)
            part = part_named(match[1]) if match else None
            pairs[part] = f"{name}.{x[0]}", f"{name}.{y[0]}" if len(y) == 1 else None
    if None in pairs and len(pairs) > 1:
        del pairs[None]
    return pairs


def _pairs(
    variables: dict[str, Any], x: str | None, y: str | None, path: Path
) -> dict[str | None, tuple[str, str | None]]:
    """The names of sequences and labels, by part; nothing if the names do not tell."""
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
    return pairs


def _guessed(variables: dict[str, Any], y: str | None, path: Path) -> tuple[str, str | None]:
    """The only variable that can be sequences, and the only one that can be their labels."""
    cells = [name for name, value in variables.items() if _is_cell_of_numbers(value)]
    if len(cells) != 1:
        listed = ", ".join(f"{name} ({said(value)})" for name, value in variables.items())
        raise FileError(
            f"holds {listed or 'no variables'}; expected XTrain and YTrain (and XTest, YTest), or "
            "one cell array of sequences, or a table with a column of such. Name them with "
            "x='...', y='...'.",
            path=path,
        )
    (x,) = cells
    count = len(variables[x].items)
    like = [n for n, value in variables.items() if n != x and length(value) == count]
    return x, None if y == "none" else y or (like[0] if len(like) == 1 else None)


def _is_cell_of_numbers(value: Any) -> bool:
    return isinstance(value, Cell) and all(
        isinstance(item, np.ndarray) and item.size > 1 for item in value.items
    )


# -- one part -------------------------------------------------------------------------------------


def _data_set(
    variables: dict[str, Any], x_name: str, y_name: str | None, layout: MatLayout | None
) -> Dataset:
    labels = None if y_name is None else variables[y_name]
    count = None if labels is None or isinstance(labels, Opaque) else length(labels)
    sequences, note = _sequences(variables[x_name], x_name, layout, count)
    source = "no labels" if y_name is None else f"labels {y_name!r}"
    notes = (f"sequences {x_name!r} ({note}), {source}",)
    if y_name is None:
        return Dataset(sequences, notes=notes)
    y, classes = targets(labels, y_name, sequences)
    return Dataset(sequences, y, classes=classes, notes=notes)


def _sequences(
    value: Any, name: str, layout: MatLayout | None, count: int | None
) -> tuple[Sequences, str]:
    refuse_opaque(value, name)
    if isinstance(value, Cell):
        for number, item in enumerate(value.items, start=1):
            refuse_opaque(item, f"{name}{{{number}}}")
            if not isinstance(item, np.ndarray) or item.ndim != 2:
                raise DataError(
                    f"{name}{{{number}}} is {said(item)}; expected numbers, channel x time."
                )
        layout = layout or _guess_layout([item.shape for item in value.items], name)
        how = {"ct": "channel x time", "tc": "time x channel"}[layout]
        return Sequences.from_list(value.items, layout=layout), how
    if not isinstance(value, np.ndarray) or value.ndim not in (2, 3):
        raise DataError(f"{name} is {said(value)}; expected a cell array of sequences.")
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
