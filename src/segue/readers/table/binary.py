"""Loading of Parquet, Feather and Arrow files as Arrow tables, each checked before it is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from segue.errors import DataError, FileError, SegueError
from segue.readers.packed import check_unpacked
from segue.readers.table.names import distinct_names

BINARY = {".parquet": "Parquet", ".pq": "Parquet"}
BINARY |= dict.fromkeys((".feather", ".arrow"), "Feather or Arrow")

Chunks = Iterator[tuple[pa.Table, float]]  # with the share of the file that has been read


def binary_chunks(path: Path, kind: str, block: int | None) -> Chunks:
    """Read a file batch by batch.

    Args:
        path: the file.
        kind: as `BINARY` names it.
        block: bytes of values in a batch of a Parquet file.

    Raises:
        FileError: it is damaged, has two columns of one name, or unpacks to far more than it is.
    """
    chunks = _parquet(path, block or 1 << 26) if kind == "Parquet" else _arrow(path)
    try:
        for table, share in chunks:
            table.validate(full=True)
            yield table.rename_columns(distinct_names(table.column_names)), share
    except SegueError:
        raise
    except Exception as error:  # pyarrow raises whatever the bytes lead it to
        raise not_whole(f"{kind} file", error, path) from error


def _parquet(path: Path, block: int) -> Chunks:
    with parquet.ParquetFile(path) as file:
        total, done = file.metadata.num_rows, 0
        # The metadata of columns say more, but damaged ones end the process.
        check_unpacked(8 * total * len(file.schema_arrow), path.stat().st_size)
        for batch in file.iter_batches(max(1, block // (8 * len(file.schema_arrow)))):
            done += len(batch)
            yield pa.Table.from_batches([batch]), done / total


def _arrow(path: Path) -> Chunks:
    with pa.OSFile(str(path)) as source:
        if source.read(4) == b"FEA1":
            raise DataError(
                "is Feather of version 1, which pyarrow gives up, and in which a damaged file ends "
                "the process. Write it anew: feather.write_feather(feather.read_table(path), path)."
            )
        reader, total = pa.ipc.open_file(source), 0
        for number in range(reader.num_record_batches):  # as whoever wrote the file cut it
            batch = reader.get_batch(number)
            total += batch.get_total_buffer_size()
            check_unpacked(total, source.size())
            yield pa.Table.from_batches([batch]), (number + 1) / reader.num_record_batches


def not_whole(what: str, error: Exception, path: Path) -> FileError:
    """An error of pyarrow about a file as one of segue."""
    said = (str(error).strip() or "empty").splitlines()[0].rstrip(".")
    return FileError(f"is not a whole {what} ({said[:200]}).", path=path)
