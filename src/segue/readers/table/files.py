"""Tables with one sequence a file, or several by an id, as one data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, FileError
from segue.readers.labels import as_labels
from segue.readers.problems import Problems
from segue.readers.table.building import build
from segue.readers.table.columns import Columns
from segue.readers.table.joined import Related
from segue.readers.table.layout import make_plan
from segue.readers.table.listing import Listing
from segue.readers.table.loading import Loaded, load
from segue.readers.table.plan import Plan, recall
from segue.readers.table.roles import NONE, TableOptions
from segue.readers.table.sampling import time_column
from segue.sequences import Array, Sequences

_SHOWN = 10  # problems of one folder in one message

Like = Mapping[str, Any] | None


@dataclass(frozen=True)
class Found:
    """The tables of a folder, and how they belong together.

    Attributes:
        files: relative to the folder, in order.
        labels: the class folder of each; `None` where there are no class folders.
        listing: the table of labels; `None` where there is none.
        related: tables of values with their tables of labels.
        partitions: the columns in the names of the folders of each file.
        is_one_table: the files are one table, one after the other.
    """

    files: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    listing: Listing | None = None
    related: tuple[Related, ...] = ()
    partitions: tuple[dict[str, str], ...] = ()
    is_one_table: bool = False


@dataclass(frozen=True)
class _File:
    """A file that was read: its name, its sequences, and from when to when its times go."""

    name: str
    data: Dataset
    times: tuple[float, float] | None


def read_files(
    folder: Path,
    found: Found,
    options: TableOptions,
    like: Like = None,
    *,
    join: bool | None = None,
) -> Dataset:
    """Read files with one sequence each, or several by an id.

    Args:
        folder: of the files.
        found: which files there are, and where their labels stand.
        options: what is said about the tables.
        like: how another table was read.
        join: False: ids are others in each file.

    Raises:
        FileError: files that do not fit; the first ten are named. Ids that several files have in
            common, where nothing tells what that means.
    """
    wanted = options.roles
    plan, files = _read_all(folder, found, options, like)
    sets = [file.data for file in files]
    if join is None and found.labels is None and found.listing is None:
        _ask_about_ids(folder, files)
    counts = [len(data) for data in sets]
    data = _joined(sets, _ids(found.files, sets), counts)
    if found.labels is not None and wanted.get("label") is None:
        y = np.repeat(as_labels(found.labels), counts)
        data = replace(data, y=y, classes=None, task="classify")
    if found.listing is not None:
        data = found.listing.put_into(data, counts, is_labelled=wanted.get("label") is not None)
    return replace(data, notes=(_note(plan, found, data), *data.notes))


def _note(plan: Plan, found: Found, data: Dataset) -> str:
    how = "one file a sequence" if len(found.files) == len(data) else "several sequences a file"
    source = ""
    if found.labels is not None:
        source = ", the folder is the label"
    elif found.listing is not None:
        source = f", {found.listing.note()}"
    rest = plan.note().removeprefix("one row a step: ")
    return f"{how}{source}; {rest.removeprefix('no label, ') if source else rest}"


def _ask_about_ids(folder: Path, files: Sequence[_File]) -> None:
    """Refuse ids that several files have, unless the time begins anew in each.

    Raises:
        FileError: they may be one sequence each, or others in each file.
    """
    seen: dict[Any, _File] = {}
    for file in files:
        for name in [] if file.data.ids is None else file.data.ids.tolist():
            before = seen.setdefault(name, file)
            if before is file or file.data.groups is not None:
                continue
            if before.times and file.times and file.times[0] <= before.times[1]:
                return
            raise FileError(
                f"has the id {name!r} in {before.name} and in {file.name}: is this one sequence, "
                "whose steps go on, or is it another one in each file? Say join=True or join=False "
                "(on the command line --read join=true).",
                path=folder,
            )


def _range(columns: Columns, plan: Plan) -> tuple[float, float] | None:
    """The first and the last time of a file."""
    name = plan.roles.get("time")
    if name is None:
        return None
    times = time_column(columns, name, plan.options.dates)
    values = columns.floats(name) if times.ticks is None else times.ticks[~times.missing]
    return float(np.nanmin(values)), float(np.nanmax(values))


# -- reading --------------------------------------------------------------------------------------


def _read_all(
    folder: Path, found: Found, options: TableOptions, like: Like
) -> tuple[Plan, list[_File]]:
    outside = found.labels is not None or (found.listing is not None and found.listing.has_labels)
    if outside and options.roles.get("label") is None:
        options = replace(options, roles={**options.roles, "label": NONE})
    problems = Problems(folder, "file", most=_SHOWN)
    files: list[_File] = []
    plan: Plan | None = None
    first: Columns | None = None
    for file in found.files:
        with problems.of(folder / file):
            columns = Columns(_upright(load(folder / file, options.text)))
            if plan is None or first is None:
                first, plan = columns, _plan(columns, options, like)
            _check_same(columns, first, found.files[0])
            files.append(_File(file, build(columns, plan), _range(columns, plan)))
        if problems.is_full or plan is None:
            break
    problems.raise_any()
    assert plan is not None
    return plan, files


def _plan(columns: Columns, options: TableOptions, like: Like) -> Plan:
    """The plan for the first file, in which each row is a step."""
    try:
        found = recall(columns, like, options)
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
