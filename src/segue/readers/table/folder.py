"""A folder of tables with one sequence each: in class folders, listed, or labelled by a column."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, FileError
from segue.readers.labels import as_labels
from segue.readers.registry import part_named, reader_named
from segue.readers.table.building import build
from segue.readers.table.columns import Columns
from segue.readers.table.listing import LISTS, Listing, read_listing
from segue.readers.table.loading import Loaded, load
from segue.readers.table.layout import Plan, make_plan
from segue.readers.table.like import recall, with_lasting
from segue.readers.table.roles import NONE, TableOptions
from segue.sequences import Array, Sequences

_SHOWN = 10  # problems of one folder in one message
_FEW = 8  # columns that may be channels, where nothing else says that a row is a step


@dataclass(frozen=True)
class _Found:
    """The tables of a folder.

    Attributes:
        files: relative to the folder, in order.
        labels: the class folder of each; `None` where there are no class folders.
        listing: the table of labels; `None` where there is none.
    """

    files: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    listing: Listing | None = None


def is_data_set(folder: Path) -> bool:
    """Whether the tables of a folder belong together, one sequence (or more) each.

    Looked at are the names of the files, and the first of them.
    """
    try:
        return _find(folder) is not None
    except FileError:
        return True  # reading it will say what is wrong


def read_folder(
    folder: Path,
    options: TableOptions,
    like: Mapping[str, Any] | None = None,
    *,
    join: bool | None = None,
) -> Dataset:
    """Read a folder of tables.

    Raises:
        FileError: no such folder, or files that do not fit; the first ten are named.
    """
    found = _find(folder)
    if found is None:
        raise FileError("holds no tables with one sequence each.", path=folder)
    wanted = options.roles
    plan, sets = _read_all(folder, found, options, like)
    counts = [len(data) for data in sets]
    ids = _ids(found.files, sets)
    data = _joined(sets, ids, counts)
    y = data.y
    if found.labels is not None and wanted.get("label") is None:
        y = np.repeat(as_labels(found.labels), counts)
    data = replace(data, y=y, classes=data.classes if y is data.y else None)
    if found.listing is not None:
        data = found.listing.put_into(data, counts, is_labelled=wanted.get("label") is not None)
    return replace(data, notes=(_note(plan, found, data), *data.notes))


def _note(plan: Plan, found: _Found, data: Dataset) -> str:
    how = "one file a sequence" if len(found.files) == len(data) else "several sequences a file"
    source = ""
    if found.labels is not None:
        source = ", the folder is the label"
    elif found.listing is not None:
        source = f", {found.listing.note()}"
    rest = plan.note().removeprefix("one row a step: ")
    return f"{how}{source}; {rest.removeprefix('no label, ') if source else rest}"


# -- files ----------------------------------------------------------------------------------------


def _find(folder: Path) -> _Found | None:
    files, folders = _listing(folder)
    inside = {name: _listing(folder / name)[0] for name in folders}
    inside = {name: tables for name, tables in inside.items() if tables}
    listing = _find_listing(folder, files, inside)
    if listing is not None:
        return _Found(listing.files, listing=listing)
    plain = {n: tables for n, tables in inside.items() if part_named(n) is None}
    if not files and len(plain) > 1 and len(plain) == len(inside):
        return _of_classes(plain)
    if len(files) > 1 and not _are_named_parts(files) and _has_steps(folder / files[0], len(files)):
        return _Found(tuple(files))
    return None


def _of_classes(classes: dict[str, list[str]]) -> _Found | None:
    pairs = [(name, f"{name}/{file}") for name, tables in classes.items() for file in tables]
    single = len(pairs) == len(classes)  # one table in each folder: as many data sets
    if single or any(_are_named_parts(tables) for tables in classes.values()):
        return None
    return _Found(tuple(file for _, file in pairs), tuple(name for name, _ in pairs))


def _find_listing(folder: Path, files: list[str], inside: dict[str, list[str]]) -> Listing | None:
    """The table that names the others, if there is one."""
    for name in files:
        if name.lower().partition(".")[0] in LISTS:
            others = [file for file in files if file != name]
            others += [f"{place}/{file}" for place, tables in inside.items() for file in tables]
            listing = read_listing(folder / name, others)
            if listing is not None:
                return listing
    return None


def _listing(folder: Path) -> tuple[list[str], list[str]]:
    """The tables and the folders in a folder, sorted, without the hidden ones."""
    reader = reader_named("table")
    try:
        with os.scandir(folder) as entries:
            seen = sorted((e.name, e.is_dir()) for e in entries if not e.name.startswith("."))
    except OSError as error:
        raise FileError(f"cannot be read ({error.strerror or error}).", path=folder) from error
    files = [name for name, is_folder in seen if not is_folder and reader.matches(name)]
    if files and not reader.accepts(folder / files[0]):
        files = []
    return files, [name for name, is_folder in seen if is_folder]


def _are_named_parts(files: list[str]) -> bool:
    """`train.csv` and `test.csv`: each is a part of a data set, once."""
    reader = reader_named("table")
    matches = [match for file in files if (match := reader.matches(file))]
    parts = Counter((match["name"], match["part"]) for match in matches)
    return any(part for _, part in parts) and len({name for name, _ in parts}) == 1


def _has_steps(file: Path, count: int) -> bool:
    """Whether the rows of the first file look like the steps of a sequence."""
    plan = make_plan(Columns(load(file)))
    return plan.layout == "steps" or (count > 2 and len(plan.channels) < _FEW)


# -- reading --------------------------------------------------------------------------------------


def _read_all(
    folder: Path, found: _Found, options: TableOptions, like: Mapping[str, Any] | None
) -> tuple[Plan, list[Dataset]]:
    sets: list[Dataset] = []
    problems: list[FileError] = []
    plan: Plan | None = None
    outside = found.labels is not None or (found.listing is not None and found.listing.has_labels)
    if outside and options.roles.get("label") is None:
        options = replace(options, roles={**options.roles, "label": NONE})
    first: Columns | None = None
    for file in found.files:
        try:
            columns = Columns(_upright(load(folder / file)))
            if plan is None or first is None:
                first, plan = columns, _plan(columns, options, like)
            _check_same(columns, first, found.files[0])
            sets.append(build(columns, plan))
        except FileError as error:
            problems.append(error)
            if plan is None or len(problems) >= _SHOWN:
                break
    if problems or plan is None:
        raise _report(problems, folder)
    return plan, sets


def _plan(columns: Columns, options: TableOptions, like: Mapping[str, Any] | None) -> Plan:
    """The plan for the first file, in which each row is a step."""
    try:
        found = options if like is None else recall(columns, like, with_lasting(options, like))
        return make_plan(columns, replace(found, layout="steps"))
    except DataError as error:
        if isinstance(error, FileError) or columns.loaded.path is None:
            raise
        raise FileError(str(error), path=columns.loaded.path) from error


def _upright(loaded: Loaded) -> Loaded:
    """A file with one row of numbers is a sequence that lies down: its fields are the steps."""
    import pyarrow as pa

    table = loaded.table
    if table.num_rows > 1 or table.num_columns < 3 or loaded.named:
        return loaded
    values = [column[0].as_py() for column in table.columns]
    if not all(isinstance(value, int | float) for value in values):
        return loaded
    return replace(loaded, table=pa.table({"column 1": [float(value) for value in values]}))


def _check_same(columns: Columns, first: Columns, file: str) -> None:
    mine, theirs = columns.table.column_names, first.table.column_names
    if mine == theirs:
        return
    missing = [name for name in theirs if name not in mine]
    more = [name for name in mine if name not in theirs]
    said = [f"has no column {missing[0]!r}"] if missing else []
    said += [f"has a column {more[0]!r}"] if more else []
    what = " and ".join(said) or "has its columns in another order"
    raise columns.loaded.error(f"{what}; expected the columns of {file}.")


def _report(problems: list[FileError], folder: Path) -> FileError:
    if len(problems) == 1:
        return problems[0]
    lines = [f"  {str(error).replace(str(folder) + os.sep, '')}" for error in problems]
    more = " (and there may be more)" if len(problems) == _SHOWN else ""
    text = f"{len(problems)} files cannot be used{more}:\n"
    return FileError(text + "\n".join(lines), path=folder)


# -- joining --------------------------------------------------------------------------------------


def _ids(files: Sequence[str], sets: list[Dataset]) -> Array:
    names: list[str] = []
    for file, data in zip(files, sets, strict=True):
        inside = [""] if len(data) == 1 or data.ids is None else [f":{i}" for i in data.ids]
        names += [f"{file}{name}" for name in inside * (len(data) // len(inside))]
    return np.array(names)


def _joined(sets: list[Dataset], ids: Array, counts: list[int]) -> Dataset:
    """All sequences, with what each file says of its own."""
    first = sets[0]
    y, classes = _targets(sets)
    files = np.repeat(np.arange(len(sets)), counts)
    several = len(ids) > len(sets)
    groups = _column(sets, "groups")
    rates = [data.rate_hz for data in sets]
    same = all(r is not None and rates[0] and abs(r - rates[0]) < 1e-3 * rates[0] for r in rates)
    return Dataset(
        _joined_values([data.x for data in sets]),
        y,
        classes=classes,
        channels=first.channels,
        rate_hz=first.rate_hz if same else None,
        # Sequences out of one file are of one kind: a split must not part them.
        groups=files if groups is None and several else groups,
        parts=_column(sets, "parts"),
        ids=ids,
        notes=_notes(sets),
        reading=first.reading,
    )


def _joined_values(parts: list[Sequences]) -> Sequences:
    """All sequences in one array, where each file was one of its own."""
    joined = Sequences.concatenate(parts)
    return Sequences(joined.values, joined.offsets)


def _column(sets: list[Dataset], name: str) -> Array | None:
    values = [getattr(data, name) for data in sets]
    return None if any(value is None for value in values) else np.concatenate(values)


def _targets(sets: list[Dataset]) -> tuple[Any, tuple[Any, ...] | None]:
    if all(isinstance(data.y, np.ndarray) for data in sets):
        ys = [data.y for data in sets]
        kinds = {y.dtype.kind for y in ys}
        return np.concatenate([y.astype(str) for y in ys] if len(kinds) > 1 else ys), None
    if all(data.y is None for data in sets):
        return None, None
    known = [data for data in sets if data.y is not None]
    names = {label for data in known for label in data.classes or ()}
    if len(known) < len(sets) or len({type(name) for name in names}) > 1:
        raise DataError("Some of the files have labels, and others have none or of another kind.")
    classes = tuple(sorted(names))
    return _joined_values([_in_order(data, classes) for data in sets]), classes


def _in_order(data: Dataset, classes: tuple[Any, ...]) -> Sequences:
    """The labels of each step as places in other classes."""
    if not isinstance(data.y, Sequences):
        codes = [classes.index(label) for label in data.y.tolist()]
        return Sequences(np.repeat(codes, data.x.lengths).astype(np.int32), data.x.offsets)
    places = [*(classes.index(name) for name in data.classes or ()), -1]
    return Sequences(np.array(places, np.int32)[data.y.values[:, 0]], data.y.offsets)


def _notes(sets: list[Dataset]) -> tuple[str, ...]:
    """What is unusual in the files, the same kind of thing once."""
    said = [(number, note) for number, data in enumerate(sets) for note in data.notes[1:]]
    if not said:
        return ()
    files = len({number for number, _ in said})
    text = said[0][1]
    return (text if files == 1 and len(said) == 1 else f"in {files} files, such as: {text}",)
