"""MATLAB files: `XTrain`, `YTrain`, `XTest`, `YTest` as in MATLAB's own examples, or other names.

    XTrain      cell array with a sequence in each cell, channel x time (or time x channel);
                or an array with one sequence a row (n x time), or channel x time x n
    YTrain      labels: a categorical or string array, numbers, a cell array of text, a char array
                with one row each; or a cell array with a vector of any of these, one for each step

`T` is known for `Y`, `data` and `labels` too; `XValidation` and the like are a part of their own;
`subject`, `split`, `mask` and the like as in NumPy's files. A table with a column of sequences in
cells and one of labels will do as well. The classes have the order of the categories; categories
that do not occur are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from segue.data.dataset import Dataset
from segue.data.labels import as_label, as_labels
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, FileError, OptionError, did_you_mean
from segue.readers.array_names import name_arrays
from segue.readers.blocks import Blocks
from segue.readers.decoding import labels_of_texts
from segue.readers.matfiles import load
from segue.readers.matobjects import Categorical, Cell, Opaque, Table, refuse_opaque
from segue.readers.registry import PART, part_named
from segue.readers.streams import classes_of_steps

_X, _Y = "x|data|sequences|signals|inputs", "y|t|labels?|targets?|responses?|classes"
_ROLE = re.compile(rf"(?:(?P<x>{_X})|(?P<y>{_Y}))_?(?P<part>{PART})?", re.IGNORECASE)
# A word of a name such as tblTrain or test_data.
_PART = re.compile(rf"(?:^|_|(?<=[a-z0-9])(?=[A-Z]))((?i:{PART}))(?=$|_|[A-Z0-9])")
_PARTS = ("train", "validation", "test")
_BESIDE = re.compile(rf"(?P<name>.+?)_?(?P<part>{PART})?", re.IGNORECASE)
_COLUMNS = ("groups", "ids", "parts")
_Names = tuple[str, ...] | None  # categories in their order; None: there are none
MatLayout = Literal["ct", "tc"]
Pairs = dict[str | None, tuple[str, str | None]]  # names of sequences and of labels, by part


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
    tables, plain = {}, {}
    for name, value in load(path).items():
        if isinstance(value, Table):
            tables[name] = {f"{name}.{column}": v for column, v in value.columns.items()}
        else:
            plain[name] = value
    variables = {**plain, **{name: v for columns in tables.values() for name, v in columns.items()}}
    for wanted in (x, y):
        if wanted not in (None, "none", *variables):
            hint = did_you_mean(str(wanted), variables) if variables else ""
            raise OptionError(f"There is no variable {wanted!r} in {path}.{hint}")
    pairs = _by_name(variables, x) or _by_table(tables) or _by_table({"": plain})
    if not pairs:
        listed = ", ".join(f"{name} ({_described(value)})" for name, value in plain.items())
        raise FileError(
            f"holds {listed or 'no variables'}; expected XTrain and YTrain (and XTest, YTest), or "
            "one cell array of sequences, or a table with a column of such. Name them with "
            f"x='...', y='...'.{_of_structs(plain)}",
            path=path,
        )
    xs, ys, notes, besides = [], [], [], []
    left = [name for name in plain if not any(name in (y, *pair) for pair in pairs.values())]
    for part, (x_name, found) in pairs.items():
        y_name = None if y == "none" else y or found
        labels = None if y_name is None else variables[y_name]
        sequences, how = _sequences(variables[x_name], x_name, layout, labels)
        is_array = isinstance(variables[x_name], np.ndarray) and len(sequences) > 0
        padded = np.stack(list(sequences)) if is_array else None
        vectors = _vectors(plain, left, part)
        beside = name_arrays(vectors, padded, len(sequences))
        taken = [repr(name) for name in vectors if name not in beside or name in _COLUMNS]
        roles = [role for role in beside if role in (*_COLUMNS, "lengths")]
        if padded is not None and "lengths" in beside:
            sequences = Sequences.from_padded(padded, beside["lengths"])
        source = "no labels" if y_name is None else f"labels {y_name!r}"
        xs.append(sequences)
        ys.append(None if y_name is None else _labels_of(labels, y_name, sequences))
        with_them = f", {', '.join(taken)} as {', '.join(roles)}" if taken else ""
        notes.append(f"sequences {x_name!r} ({how}), {source}{with_them}")
        besides.append(beside)
    aside = [repr(name) for own in besides for name in own if name not in (*_COLUMNS, "lengths")]
    notes += [f"variables that are left out: {', '.join(aside)}"] if aside else []
    shared = [role for role in _COLUMNS if all(role in own for own in besides)]
    columns: dict[str, Any] = {
        role: np.concatenate([own[role] for own in besides]) for role in shared
    }
    if None not in pairs:
        columns["parts"] = np.repeat(list(pairs), [len(each) for each in xs])
    targets, classes = _encoded(ys)
    yield Dataset(Sequences.concatenate(xs), targets, classes, notes=tuple(notes), **columns), 1.0


def _of_structs(plain: Mapping[str, Any]) -> str:
    """How to save the contents of a struct so that they can be read; "": there is none."""
    name = next((n for n, v in plain.items() if _described(v) == "a MATLAB struct"), None)
    if name is None:
        return ""
    return (
        f" A struct is not read: save its fields as variables, X = {{{name}.signal}}; "
        f"Y = {{{name}.label}}; save('file.mat', 'X', 'Y')."
    )


def _vectors(plain: Mapping[str, Any], names: Iterable[str], part: str | None) -> dict[str, Array]:
    """The variables of a part beside its sequences and labels, by their names without the part."""
    found: dict[str, Array] = {}
    for name, match in ((name, _BESIDE.fullmatch(name)) for name in names):
        if match and part_named(match["part"]) == part:
            value = plain[name]
            with suppress(DataError):  # several in a cell, or an object: no column
                entries = value if isinstance(value, np.ndarray) else _entries(value, name)[0]
                is_whole = entries.dtype.kind == "f" and (entries == np.round(entries)).all()
                found[match["name"]] = entries.astype(np.int64) if is_whole else entries
    return found


# -- which variable is what -----------------------------------------------------------------------


def _by_name(variables: Mapping[str, Any], x: str | None) -> Pairs:
    """By the names of sequences and labels, or that of the sequences which the user gives."""
    found: dict[str | None, dict[str, str]] = {}
    for name in variables:
        if match := _ROLE.fullmatch(name):
            role = "x" if match["x"] else "y"
            found.setdefault(part_named(match["part"]), {}).setdefault(role, name)
    if x is not None:
        match = _ROLE.fullmatch(x)
        part = part_named(match["part"]) if match else None
        return {None: (x, found.get(part, {}).get("y"))}
    return _parts_first({p: (own["x"], own.get("y")) for p, own in found.items() if "x" in own})


def _parts_first(pairs: Pairs) -> Pairs:
    """In order; `data` beside `XTrain` is left out: what is named for a part is meant."""
    return {part: pairs[part] for part in _PARTS if part in pairs} or pairs


def _by_table(tables: Mapping[str, Mapping[str, Any]]) -> Pairs:
    """The columns with sequences and labels of the tables that have such."""
    pairs: Pairs = {}
    for name, columns in tables.items():
        if found := _pair_in(columns):
            match = _PART.search(name)
            pairs[part_named(match[1]) if match else None] = found
    return _parts_first(pairs)


def _pair_in(columns: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """The only cell array of numbers, and what has a label for each: by its name, or text."""
    cells = [name for name, value in columns.items() if _is_cell_of_numbers(value)]
    if len(cells) != 1:
        return None
    count = _length(columns[cells[0]])
    others = {n: v for n, v in columns.items() if n != cells[0] and _length(v) == count}
    named = [n for n in others if (m := _ROLE.fullmatch(n.rpartition(".")[2])) and m["y"]]
    texts = [n for n, value in others.items() if isinstance(value, Categorical | list | Cell)]
    labels = named or texts or list(others)
    return cells[0], labels[0] if len(labels) == 1 else None


def _is_cell_of_numbers(value: Any) -> bool:
    return isinstance(value, Cell) and all(
        isinstance(item, np.ndarray) and item.size > 1 for item in value.items
    )


# -- sequences ------------------------------------------------------------------------------------


def _sequences(
    value: Any, name: str, layout: MatLayout | None, labels: Any
) -> tuple[Sequences, str]:
    """The sequences of a part, and how they were understood."""
    refuse_opaque(value, name)
    if not isinstance(value, Cell):
        if not isinstance(value, np.ndarray) or value.ndim not in (2, 3):
            raise DataError(f"{name} is {_described(value)}; expected a cell array of sequences.")
        return _sequences_from_array(value, layout, None if labels is None else _length(labels))
    for number, item in enumerate(value.items, start=1):
        refuse_opaque(item, f"{name}{{{number}}}")
        if not isinstance(item, np.ndarray) or item.ndim != 2:
            raise DataError(
                f"{name}{{{number}}} is {_described(item)}; expected numbers, channel x time."
            )
    layout = layout or _guess_layout([item.shape for item in value.items], name)
    how = {"ct": "channel x time", "tc": "time x channel"}[layout]
    return Sequences.from_list(value.items, layout=layout), how


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


def _sequences_from_array(
    value: Array, layout: MatLayout | None, count: int | None
) -> tuple[Sequences, str]:
    """Sequences from an array: the axis with as many entries as labels is that of the sequences."""
    if value.ndim == 2:
        if count == value.shape[1] != value.shape[0]:
            return Sequences.from_array(value.T), "a sequence a column"
        return Sequences.from_array(value), "a sequence a row"
    if count == value.shape[0] != value.shape[2]:
        array = value.transpose(0, 2, 1) if layout == "ct" else value
        return Sequences.from_array(array), "sequence x time x channel"
    order = (2, 0, 1) if layout == "tc" else (2, 1, 0)
    return Sequences.from_array(value.transpose(order)), "channel x time x sequence"


# -- labels ---------------------------------------------------------------------------------------


class _Labels(NamedTuple):
    """The labels of one part.

    Attributes:
        values: `[n]`; or `[time]` for each sequence, with "" or NaN where there is none.
        names: the categories, wherever they come from.
    """

    values: list[Any]
    names: set[_Names]
    of_steps: bool


def _labels_of(value: Any, name: str, x: Sequences) -> _Labels:
    """The labels of the sequences of one part.

    Raises:
        DataError: labels of another number, or without a value; an object that cannot be read.
    """
    refuse_opaque(value, name)
    if isinstance(value, Table) or _length(value) != len(x):
        raise DataError(f"{name} is {_described(value)}; expected one label for each of {len(x)}.")
    if isinstance(value, Cell):
        found = [_entries(item, f"{name}{{{i}}}") for i, item in enumerate(value.items, start=1)]
        rows, names = [row for row, _ in found], {own for _, own in found}
        if any(len(row) > 1 for row in rows):
            return _Labels(rows, names, of_steps=True)
        entries = _one_each(rows, name)
    else:
        entries, own = _entries(value, name)
        names = {own}
    labels, missing = as_labels(entries, what=name)
    if missing.any():
        kind = "NaN" if entries.dtype.kind == "f" else "empty or <missing>"
        kind = kind if names == {None} else "<undefined>"
        raise DataError(f"{name}({int(missing.argmax()) + 1}) is {kind}: no label.")
    return _Labels(labels.tolist(), names, of_steps=False)


def _entries(value: Any, name: str) -> tuple[Array, _Names]:
    """`[n]` labels as numbers or text, and the categories."""
    refuse_opaque(value, name)
    if isinstance(value, Categorical):
        return np.array(["", *value.names])[value.codes], value.names
    if isinstance(value, Cell):
        return _one_each([_entries(item, name)[0] for item in value.items], name), None
    return np.array(value, dtype=str) if isinstance(value, list) else np.ravel(value), None


def _one_each(rows: list[Array], name: str) -> Array:
    """`[n]` labels of cells with one each; all text where some are; None for an empty cell."""
    if any(len(row) > 1 for row in rows):
        raise DataError(f"{name} has several labels in one cell; expected one for each step.")
    labels = [as_label(row.item()) if len(row) else None for row in rows]
    if any(isinstance(label, str) for label in labels):
        labels = [None if label is None else str(label) for label in labels]
    return np.fromiter(labels, object)


def _encoded(parts: list[_Labels | None]) -> tuple[Any, tuple[Any, ...] | None]:
    """The targets of all parts, and the classes in their order where the file has one.

    Without those of one part there are none.

    Raises:
        DataError: text in one part and numbers in another; or labels of steps and of sequences.
    """
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None, None
    if len({part.of_steps for part in known}) > 1:
        raise DataError("One part has a label for each sequence, another one for each step.")
    labels = [label for part in known for label in part.values]
    names = set[_Names]().union(*(part.names for part in known))
    order = next(iter(names)) if len(names) == 1 else None
    if known[0].of_steps:
        used = {label for row in labels for label in row.tolist()}
        return classes_of_steps(labels, order and [name for name in order if name in used])
    if names == {None} and all(isinstance(label, str) for label in labels):
        return labels_of_texts(labels), None
    return labels, order and tuple(name for name in order if name in set(labels))


# -- values ---------------------------------------------------------------------------------------


def _described(value: Any) -> str:
    """A description of a value, for messages."""
    if isinstance(value, Table):
        return "a table"
    if isinstance(value, Opaque):
        return f"a MATLAB {value.kind}"
    if isinstance(value, Cell | Categorical):
        kind = "cell" if isinstance(value, Cell) else "categorical"
        return f"a {kind} array of {_length(value)}"
    if isinstance(value, list):
        return "text" if len(value) == 1 else f"{len(value)} texts"
    return " x ".join(map(str, np.shape(value)))


def _length(value: Any) -> int:
    """How many entries there are."""
    if isinstance(value, Cell):
        return len(value.items)
    return int(np.size(value.codes if isinstance(value, Categorical) else value))
