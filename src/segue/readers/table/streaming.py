"""Large tables batch by batch, as data sets that follow each other."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from segue.dataset import Dataset
from segue.errors import FileError
from segue.readers.table.building import build
from segue.readers.table.columns import Columns
from segue.readers.table.dialect import Dialect, TextOptions, sniff
from segue.readers.table.layout import make_plan
from segue.readers.table.loading import (
    Lines,
    Loaded,
    convert_options,
    is_plain,
    parse_options,
    read_options,
    with_plain_text,
)
from segue.readers.table.plan import Plan
from segue.readers.table.roles import TableOptions

_BLOCK = 1 << 22  # bytes of text in a batch, of which Arrow reads 32 ahead; or so many of values


class CannotStreamError(Exception):
    """A table that must be read as a whole; the reason is for nobody but the caller."""


def stream(path: Path, options: TableOptions) -> Iterator[tuple[Dataset, float]]:
    """Give the sequences of a table in batches, with the share of the file that has been read.

    Raises:
        CannotStreamError: the rows of a sequence do not stand together, its steps are labelled, or
            it is not a table that has batches.
        FileError: what is wrong, with file and line.
    """
    waiting: Loaded | None = None
    plan: Plan | None = None
    seen: set[Any] = set()
    first: Dataset | None = None
    for loaded, share in _batches(path, options.text):
        if plan is None:
            plan = make_plan(Columns(loaded), options)
        whole, waiting = _cut(_joined(waiting, loaded), plan, seen)
        if whole is not None:
            data = build(Columns(whole), plan)
            first = first or data
            _check_same(data, first)
            yield data, share
    if waiting is not None and plan is not None:
        data = build(Columns(waiting), plan)
        _check_same(data, first or data)
        yield data, 1.0


def _check_same(data: Dataset, first: Dataset) -> None:
    kinds = [getattr(d.y, "dtype", None) for d in (data, first)]
    if data.task != first.task or data.task == "label" or len({k and k.kind for k in kinds}) > 1:
        raise CannotStreamError


def _batches(path: Path, text: TextOptions) -> Iterator[tuple[Loaded, float]]:
    if path.suffix.lower() in (".parquet", ".pq"):
        yield from _parquet_batches(path)
    elif path.suffix.lower() in (".feather", ".arrow"):
        yield from _arrow_batches(path)
    else:
        yield from _text_batches(path, text)


def _parquet_batches(path: Path) -> Iterator[tuple[Loaded, float]]:
    try:
        with parquet.ParquetFile(path) as file:
            total, done = max(1, file.metadata.num_rows), 0
            rows = max(1, _BLOCK // (8 * len(file.schema_arrow)))
            for batch in file.iter_batches(rows):
                table = pa.Table.from_batches([batch])
                yield Loaded(table, path, first_row=done), (done + len(batch)) / total
                done += len(batch)
    except pa.ArrowException as error:
        raise FileError(f"is not a whole Parquet file ({error}).", path=path) from error


def _arrow_batches(path: Path) -> Iterator[tuple[Loaded, float]]:
    """Record by record, as whoever wrote the file cut it."""
    done = 0
    try:
        with pa.memory_map(str(path)) as source:
            reader = pa.ipc.open_file(source)
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                if len(batch):
                    table = with_plain_text(pa.Table.from_batches([batch]))
                    yield (
                        Loaded(table, path, first_row=done),
                        (number + 1) / reader.num_record_batches,
                    )
                done += len(batch)
    except pa.ArrowException as error:  # the first version of Feather, or no such file
        raise CannotStreamError from error


def _text_batches(path: Path, text: TextOptions) -> Iterator[tuple[Loaded, float]]:
    dialect = sniff(path, text)
    if not is_plain(dialect):
        raise CannotStreamError
    lines = Lines(path, dialect)
    size, bytes_a_row, done = path.stat().st_size, _bytes_a_row(path, dialect), 0
    parse = parse_options(dialect)
    try:
        with arrow_csv.open_csv(
            path,
            read_options=read_options(dialect, _BLOCK),
            parse_options=parse,
            convert_options=convert_options(dialect, _types(path, dialect, parse)),
        ) as reader:
            for batch in reader:
                if len(batch) == 0:
                    continue
                yield (
                    Loaded(
                        pa.Table.from_batches([batch]),
                        path,
                        dialect,
                        dialect.header,
                        lines.of,
                        first_row=done,
                    ),
                    min(1.0, (done + len(batch)) * bytes_a_row / size),
                )
                done += len(batch)
    except pa.ArrowException as error:
        # A value of another type than before, or a row of another length: reading the whole tells
        # which, and what to do about it.
        raise CannotStreamError from error


def _types(path: Path, dialect: Dialect, parse: arrow_csv.ParseOptions) -> dict[str, pa.DataType]:
    """Those of the first block; whole numbers may have decimals later on."""
    with arrow_csv.open_csv(
        path,
        read_options=read_options(dialect, _BLOCK),
        parse_options=parse,
        convert_options=convert_options(dialect),
    ) as reader:
        first = reader.read_next_batch()
    columns = Columns(Loaded(pa.Table.from_batches([first]), path, dialect, dialect.header))
    few = {name for name in columns.of_kind("number") if _may_be_a_name(columns, name)}
    floats = (n for n in columns.of_kind("number") if n not in few)
    return {
        **{field.name: field.type for field in first.schema if not pa.types.is_null(field.type)},
        **dict.fromkeys(floats, pa.float64()),
    }


def _may_be_a_name(columns: Columns, name: str) -> bool:
    """Whole numbers that repeat may be labels or sequences, and keep their type."""
    return columns.is_whole(name) and columns.distinct(name) < 0.5 * columns.rows


def _bytes_a_row(path: Path, dialect: Dialect) -> float:
    """Of the file, which may be packed."""
    with path.open("rb") as file:
        if path.suffix.lower() == ".gz":
            head = gzip.GzipFile(fileobj=file).read(1 << 20)
            used = file.tell()
        else:
            head = file.read(1 << 18)
            used = len(head)
    return used / max(1, head.count(b"\n") - dialect.skip)


def _joined(waiting: Loaded | None, loaded: Loaded) -> Loaded:
    if waiting is None:
        return loaded
    table = pa.concat_tables([waiting.table, loaded.table]).combine_chunks()
    return replace(loaded, table=table, first_row=waiting.first_row)


def _cut(loaded: Loaded, plan: Plan, seen: set[Any]) -> tuple[Loaded | None, Loaded | None]:
    """The sequences that are whole, and the rows of the last one, which may go on."""
    if plan.layout != "steps":
        return loaded, None
    if "id" not in plan.roles:
        raise CannotStreamError
    columns = Columns(loaded)
    codes = columns.codes(plan.roles["id"])
    if (group := plan.roles.get("group")) is not None:
        codes = codes * (columns.distinct(group) + 1) + columns.codes(group)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1])
    keys = _keys(loaded.table, plan, starts)
    if len(set(keys)) < len(keys) or not seen.isdisjoint(keys):
        raise CannotStreamError  # a sequence goes on behind another one
    last = int(starts[-1])
    if last == 0:
        return None, loaded
    seen.update(keys[:-1])
    rest = replace(loaded, table=loaded.table.slice(last), first_row=loaded.first_row + last)
    return replace(loaded, table=loaded.table.slice(0, last)), rest


def _keys(table: pa.Table, plan: Plan, starts: Any) -> list[Any]:
    names = [name for role in ("id", "group") if (name := plan.roles.get(role)) is not None]
    rows = table.select(names).take(pa.array(starts))
    return list(zip(*(rows.column(name).to_pylist() for name in names), strict=True))
