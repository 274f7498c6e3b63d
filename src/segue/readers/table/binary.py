"""Loading of Parquet, Feather and Arrow files as Arrow tables, each checked before it is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import types

from segue.errors import DataError, FileError, SegueError
from segue.readers.packed import check_unpacked
from segue.readers.table.names import distinct_names
from segue.readers.table.unpacked import (
    VALUE,
    arrow_sizes,
    parquet_sizes,
    stands_for_more,
    written_out,
)

BINARY = {".parquet": "Parquet", ".pq": "Parquet"}
BINARY |= dict.fromkeys((".feather", ".arrow"), "Feather or Arrow")

Chunks = Iterator[tuple[pa.Table, float]]  # with the share of the file that has been read
Batches = Iterator[tuple[pa.RecordBatch, pa.Schema, float]]  # and the types that are wanted


def binary_chunks(path: Path, kind: str, block: int | None) -> Chunks:
    """Read a file batch by batch.

    Args:
        path: the file.
        kind: as `BINARY` names it.
        block: bytes of values in a batch of a Parquet file.

    Raises:
        FileError: it is damaged, has two columns of one name, or unpacks to far more than it is.
    """
    batches = _parquet(path, block or 1 << 26) if kind == "Parquet" else _arrow(path)
    written = 0
    try:
        for batch, schema, share in batches:
            batch.validate()
            columns = [column for column in batch.columns if stands_for_more(column.type)]
            written += sum(map(written_out, columns))
            check_unpacked(written, path.stat().st_size)
            batch.validate(full=True)  # also each text, as often as it is there
            table = pa.Table.from_batches([batch]).cast(schema)
            yield table.rename_columns(distinct_names(table.column_names)), share
    except SegueError:
        raise
    except Exception as error:  # pyarrow raises whatever the bytes lead it to
        raise not_whole(f"{kind} file", error, path) from error


def _parquet(path: Path, block: int) -> Batches:
    from pyarrow import parquet  # brings file systems, and SSL

    with parquet.ParquetFile(path) as file:
        metadata, schema, size = file.metadata, file.schema_arrow, path.stat().st_size
        total, done = metadata.num_rows, 0
        groups = range(metadata.num_row_groups)
        values, unpacked = parquet_sizes(str(path))
        unpacked = max(unpacked, sum(metadata.row_group(i).total_byte_size for i in groups))
        # Lists may have more values than rows; a column of nulls may have no values at all.
        check_unpacked(max(VALUE * max(values, total * len(schema)), unpacked), size)
        # A few bytes may stand for a long text a million times: it is kept once until that is seen.
        texts = [field.name for field in schema if _is_text(field.type)]
        leaves = [file.schema.column(number) for number in range(metadata.num_columns)]
        in_lists = [
            leaf.path for leaf in leaves if leaf.max_repetition_level and _may_be_long(leaf)
        ]
        file = parquet.ParquetFile(path, metadata=metadata, read_dictionary=texts + in_lists)
    # Structures are of no use, so they are not read; each group of rows has texts of its own.
    used = [field.name for field in schema if not _holds_structures(field.type)]
    how: dict[str, Any] = {"batch_size": max(1, block // (8 * len(schema)))}
    how |= {} if len(used) == len(schema) else {"columns": used}
    with file:
        for numbers in [[number] for number in groups] if in_lists else [list(groups)]:
            for batch in file.iter_batches(row_groups=numbers, **how):
                done += len(batch)
                yield _with_structures(batch, schema), schema, done / total


def _may_be_long(leaf: Any) -> bool:
    return bool(leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type != "DECIMAL")


def _holds_structures(kind: pa.DataType) -> bool:
    while not types.is_map(kind) and hasattr(kind, "value_type"):  # lists of any kind
        kind = kind.value_type
    return bool(types.is_struct(kind) or types.is_map(kind))


def _with_structures(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with those columns that were not read: empty lists, or structures of nulls."""
    if len(batch.schema) == len(schema):
        return batch

    def empty(kind: pa.DataType) -> Any:
        if types.is_struct(kind):
            return {}
        size = kind.list_size if types.is_fixed_size_list(kind) else 0
        return [empty(kind.value_type)] * size if size else []

    found = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns = [
        found[field.name]
        if field.name in found
        else pa.array([empty(field.type)] * len(batch), field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema.names)


def _is_text(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (types.is_string, types.is_large_string, types.is_binary))


def _arrow(path: Path) -> Batches:
    with pa.OSFile(str(path)) as source:
        if source.read(4) == b"FEA1":
            raise DataError(
                "is Feather of version 1, which pyarrow gives up, and in which a damaged file ends "
                "the process. Write it anew: feather.write_feather(feather.read_table(path), path)."
            )
        reader = pa.ipc.open_file(source)
        check_arrow(source)
        for number in range(reader.num_record_batches):  # as whoever wrote the file cut it
            share = (number + 1) / reader.num_record_batches
            yield reader.get_batch(number), reader.schema, share


def check_arrow(source: pa.NativeFile) -> None:
    """Refuse an Arrow file that unpacks to far more than it is.

    Raises:
        DataError: it does.
        Exception: what the bytes of a damaged one lead to.
    """
    sizes = [(VALUE * values, unpacked) for values, unpacked in arrow_sizes(source)]
    check_unpacked(max(map(sum, zip(*sizes, strict=True)), default=0), source.size())


def not_whole(what: str, error: Exception, path: Path) -> FileError:
    """An error of pyarrow about a file as one of segue."""
    said = (str(error).strip() or "empty").splitlines()[0].rstrip(".")
    return FileError(f"is not a whole {what} ({said[:200]}).", path=path)
