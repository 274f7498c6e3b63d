"""Loading of Parquet, Feather and Arrow files as Arrow tables, each checked before it is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet, types

from segue.errors import DataError, FileError, SegueError
from segue.readers.packed import check_unpacked
from segue.readers.table.names import distinct_names
from segue.readers.table.unpacked import (
    VALUE,
    arrow_sizes,
    parquet_values,
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
    with parquet.ParquetFile(path) as file:
        metadata, schema, size = file.metadata, file.schema_arrow, path.stat().st_size
        total, done = metadata.num_rows, 0
        groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
        values = total * len(schema)
        if any(map(types.is_nested, schema.types)):  # lists may have more values than rows
            values = max(values, parquet_values(str(path)))
        check_unpacked(max(VALUE * values, sum(group.total_byte_size for group in groups)), size)
        # A few bytes may stand for a long text a million times: it is kept once until that is seen.
        texts = [field.name for field in schema if _is_text(field.type)]
        file = parquet.ParquetFile(path, metadata=metadata, read_dictionary=texts)
    with file:
        for batch in file.iter_batches(max(1, block // (8 * len(schema)))):
            done += len(batch)
            yield batch, schema, done / total


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
