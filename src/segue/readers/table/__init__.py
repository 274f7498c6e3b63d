"""Tables: text of any dialect, Parquet, Feather; in one file or one a sequence.

    one row a sequence     label,t0,t1,t2,...        the values of one channel
                           label,x_0,x_1,y_0,y_1     of two channels, x and y
    one row a step         id,time,x,y,label         all steps of all sequences
    one row a sequence     id,series,label           its steps as a list in one field
    one row a text         text,label

The role of a column is inferred from its name (`label`, `class`, `id`, `trial`, `time`,
`timestamp`, `subject`, `split`, ...; `words` has them all) and its type. A column whose name
and values contradict one another is an error; where two readings are possible, the error shows
both, with the option for each. `Dataset.notes` has how a table was read.

A folder of tables is a data set too: see `folder`.

The files, in the order in which to read them:

    dialect     how a text is written; its line of names is in `names`
    loading     files into Arrow tables, whole, chunk by chunk, or several as one
    columns     what each column holds; fields of text are in `cells`, times in `times`
    roles       which column is what, by the words in `words`
    layout      what a row is; the result is the `plan`
    building    the data set, with the values of `labels` and the rate of `sampling`
    folder      several tables that are one data set, with those `beside` others
    several     reading of these
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.errors import DataError
from segue.readers.blocks import Blocks
from segue.readers.registry import reader_named
from segue.readers.table.building import build
from segue.readers.table.columns import Columns
from segue.readers.table.dialect import is_table_of_numbers
from segue.readers.table.folder import takes_folder
from segue.readers.table.layout import make_plan
from segue.readers.table.loading import (
    CannotStreamError,
    Loaded,
    load,
    load_chunks,
    with_plain_text,
)
from segue.readers.table.names import distinct_names
from segue.readers.table.plan import LASTING, Plan, recall
from segue.readers.table.several import read_folder
from segue.readers.table.words import ROLES, TableOptions, role_of

__all__ = ["Columns", "accepts", "as_loaded", "blocks", "read_frame", "role_of", "takes_folder"]

Column = str | int | None
_FRAMES = {"pandas.DataFrame", "polars.DataFrame", "pyarrow.Table"}  # none is imported for it
_BLOCK = 1 << 22  # bytes of text in a chunk, of which Arrow reads 32 ahead; or so many of values
_CERTAIN = (".csv", ".tsv", ".tab", ".parquet", ".pq", ".feather", ".arrow")


_NO_OPTIONS = ("path", "values", "limit", "join", "like")  # of `blocks`, that a table has not


def accepts(path: Path) -> bool:
    """Whether a file is a table: its ending says so, or it is a text that holds numbers."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(_CERTAIN) or is_table_of_numbers(path)


def blocks(
    path: Path,
    *,
    values: int | None = None,
    limit: int | None = None,
    label: Column = None,
    id: Column = None,  # noqa: A002 (its usual name)
    time: Column = None,
    group: Column = None,
    parts: Column = None,
    channels: Sequence[str | int] | str | None = None,
    layout: Literal["rows", "steps"] | None = None,
    drop_missing: bool = False,
    dates: Literal["dmy", "mdy", "ymd"] | None = None,
    falls: Literal["sequence", "day", "sort"] | None = None,
    join: bool | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    decimal: Literal[".", ","] | None = None,
    thousands: str | None = None,
    like: Mapping[str, Any] | None = None,
) -> Blocks:
    """Read one table, or a folder of tables.

    A column is its name, or its number from 1 on (from -1 on at the end); "none" says that there is
    no such column.

    Args:
        path: a file or a folder.
        values: read a file batch by batch; `None`: everything at once.
        limit: so many sequences are enough: of a large file only the beginning is read, unless it
            has parts; of a folder with a sequence or several in each file, so many files of each
            part.
        label: the column with the label of each sequence, or of each step.
        id: the column that says which sequence a row belongs to.
        time: the column by which the steps of a sequence are sorted; "date,time" joins two.
        group: the column that says who or what a sequence comes from.
        parts: the column that says train, validation or test.
        channels: the columns with values; all other columns of numbers if left out. `t*` is all
            columns that have a number there: t0, t1, t2, ...
        layout: "rows" if a row is a sequence, "steps" if it is a step.
        drop_missing: leave out the sequences that have no label.
        dates: the order of day, month and year in dates such as 01/02/2024.
        falls: where the time falls back, "sequence": a new sequence begins; "day": it is a clock,
            and a new day begins; "sort": the rows are in no order.
        join: of a folder whose files have ids in common, True: these are one sequence, False: each
            file has its own.
        encoding: of a text, such as "cp1252".
        header: whether a text begins with a line of names.
        decimal: the decimal mark of a text.
        thousands: the mark between thousands.
        like: how another table was read, `Dataset.reading`; what is said here comes first.

    Yields:
        One data set; its `notes` say how the table was read, and what is unusual about it.

    Raises:
        FileError: what is wrong, with file and line; or what can be read in two ways, with the
            option for each.
        OptionError: a column that is not there.
    """
    given = {name: value for name, value in locals().items() if name not in _NO_OPTIONS}
    options = options_of(given, like)
    if path.is_dir():
        yield read_folder(path, options, like, join=join, limit=limit), 1.0
    elif values is not None:
        yield from read_chunks(load_chunks(path, options, block=_BLOCK), options, like)
    elif limit is not None and (data := _beginning(path, limit, options, like)) is not None:
        yield data, 1.0
    else:
        yield from read_chunks(iter([(load(path, options), 1.0)]), options, like)


_UNREAD = "only the beginning was read: rows of these sequences further down are not in them"


def _beginning(path: Path, limit: int, options: TableOptions, like: Any) -> Dataset | None:
    """The first so many sequences of a large file, if its beginning holds them."""
    block, packed = _BLOCK // 4, 1000 if path.suffix.lower() == ".gz" else 1
    while 8 * block < path.stat().st_size * packed:
        try:
            chunks = read_chunks(load_chunks(path, options, block=block), options, like)
            data, _ = next(chunks)
            if data.parts is not None:
                return None
            is_all = next(chunks, None) is None
            if is_all or len(data) >= limit:
                unread = (
                    [] if is_all or (data.reading or {}).get("layout") != "steps" else [_UNREAD]
                )
                return replace(data[:limit], notes=(*data.notes, *unread))
        except (CannotStreamError, StopIteration):
            return None
        block *= 8
    return None


def read_frame(frame: object, **options: Any) -> Dataset:
    """Read a data frame (pandas, Polars) or an Arrow table, as `blocks` reads a file.

    >>> import pyarrow
    >>> frame = pyarrow.table({"id": [1, 1, 2], "x": [0.5, 1.0, 2.0], "label": ["a", "a", "b"]})
    >>> data = read_frame(frame)
    >>> data, data.notes
    (Dataset(n=2, time=1 to 2, channels=1, classes=2),
     ("one row a step: label 'label', id 'id', channels 'x'; a sequence for each 'id'",))
    """
    like = options.pop("like", None)
    given = options_of(reader_named("table").checked(options), like)
    ((data, _),) = read_chunks(iter([(as_loaded(frame), 1.0)]), given, like)
    return data


def options_of(given: Mapping[str, Any], like: Mapping[str, Any] | None = None) -> TableOptions:
    """The options of `blocks` and `read_frame` by their meaning; `None`: nothing is said.

    Args:
        given: by name.
        like: how another table was read, whose options hold where nothing else is said.
    """
    said: dict[str, Any] = {name: (like or {}).get(name) for name in LASTING}
    said |= {name: value for name, value in given.items() if value is not None}
    roles = {role: said.pop(role, None) for role in ROLES}
    if isinstance(said.get("channels"), str):
        said["channels"] = [name.strip() for name in said["channels"].split(",")]
    return TableOptions(roles, **said)


# -- chunk by chunk -------------------------------------------------------------------------------


def read_chunks(
    chunks: Iterator[tuple[Loaded, float]],
    options: TableOptions,
    like: Mapping[str, Any] | None = None,
) -> Blocks:
    """Read the sequences of a table chunk by chunk; a table that is read as a whole is one chunk.

    Args:
        chunks: the next rows, with the share of the file that has been read.
        options: what is said about the table, of which the first chunk decides the rest.
        like: how another table was read.

    Raises:
        CannotStreamError: the rows of a sequence do not stand together, or steps are labelled.
        FileError: what is wrong, with file and line.
    """
    plan: Plan | None = None
    first: Dataset | None = None
    waiting: list[Loaded] = []  # rows of a sequence that may go on
    seen: set[Any] = set()
    following = next(chunks, None)
    while following is not None:
        (loaded, share), following = following, next(chunks, None)
        if waiting:
            before = waiting.pop()
            joined = pa.concat_tables([before.table, loaded.table]).combine_chunks()
            loaded = replace(before, table=joined)
        columns = Columns(loaded)
        plan = plan or make_plan(columns, recall(columns, like, options))
        end = columns.rows
        if plan.layout == "steps" and (following or first):
            end = _end_of_whole(loaded, plan, seen, is_last=following is None)
        if end < columns.rows:
            waiting.append(loaded.rows(end))
            columns = Columns(loaded.rows(0, end))
        if end > 0:
            data = build(columns, plan)
            first = first or data
            _check_same(data, first)
            yield data, share if following else 1.0


def _end_of_whole(loaded: Loaded, plan: Plan, seen: set[Any], *, is_last: bool) -> int:
    """Where the sequences end that are whole: the last one may go on in the next chunk."""
    if "id" not in plan.roles:
        raise CannotStreamError
    names = [plan.roles[role] for role in ("id", "group") if role in plan.roles]
    columns = (loaded.table.column(name).to_pylist() for name in names)
    runs = [(key, len(list(rows))) for key, rows in groupby(zip(*columns, strict=True))]
    keys = [key for key, _ in runs]
    if len(set(keys)) < len(keys) or not seen.isdisjoint(keys):
        raise CannotStreamError  # a sequence goes on behind another one
    seen.update(keys[:-1])
    rows: int = loaded.table.num_rows
    return rows if is_last else rows - runs[-1][1]


def _check_same(data: Dataset, first: Dataset) -> None:
    types = [
        [getattr(v, "dtype", np.dtype(None)).kind for v in (d.x.values, d.y)] for d in (data, first)
    ]
    if data is not first and (
        data.task != first.task or isinstance(data.y, Sequences) or types[0] != types[1]
    ):
        raise CannotStreamError


# -- data frames ----------------------------------------------------------------------------------


def as_loaded(frame: Any) -> Loaded:
    """Take a data frame as a table; an index of pandas that has a name becomes a column.

    Raises:
        DataError: not a data frame, no rows, or columns that cannot be told apart.

    >>> as_loaded(pa.table({"x": [1, 2]})).table.num_rows
    2
    """
    kinds = type(frame).__mro__
    if not _FRAMES & {f"{kind.__module__.split('.')[0]}.{kind.__name__}" for kind in kinds}:
        raise DataError(
            f"{type(frame).__name__} is no source; expected a name, a path or a data frame."
        )
    names = [str(n) for n in (frame.schema.names if isinstance(frame, pa.Table) else frame.columns)]
    names = distinct_names(names)
    try:
        table = _as_arrow(frame)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError) as error:
        *_, why = map(str, error.args or ("no reason is known",))
        raise DataError(
            f"The data frame cannot be read: {why}. Expected one kind of values in a column: "
            "numbers, text, times, truth values, or lists of numbers; see pandas.to_numeric."
        ) from error
    if table.num_rows == 0:
        raise DataError("The data frame has no rows.")
    return Loaded(with_plain_text(table), named=not all(name.isdigit() for name in names))


def _as_arrow(frame: Any) -> pa.Table:
    if isinstance(frame, pa.Table):
        return frame
    if hasattr(frame, "to_arrow"):  # Polars
        return frame.to_arrow()
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    periods = [name for name in frame.columns if str(frame[name].dtype).startswith("period")]
    frame = frame.assign(**{name: frame[name].dt.to_timestamp() for name in periods})
    return pa.Table.from_pandas(frame.rename(columns=str), preserve_index=False)
