"""Storage of sequences in an Arrow IPC file: written batch by batch, memory-mapped when read.

A file has one column `x`, `large_list<fixed_size_list<T, channels>>` with T float32, float64, int32
or uint32 (text), and any number of further columns, one value a row (or one list a row). Names and
units are JSON in the schema's metadata under `segue`. Reading maps the file: the arrays that come
back are views of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from segue.atomic import replacing
from segue.data.arrays import Array, float32_loses
from segue.errors import DataError, DataNotFoundError, FileError, refuse_pointer

Row = tuple[Array, Mapping[str, Any]]

# Values in a record batch, unless another number is given: 16 MB of float32.
BATCH_VALUES = 4_000_000


class Rows(NamedTuple):
    """The contents of a file.

    Attributes:
        chunks: for each record batch, values `[steps, channel]` and offsets `[rows + 1]` (views of
            the mapped file; the offsets need not begin with 0).
        columns: the further columns, one entry a row.
        metadata: the JSON of the schema.
    """

    chunks: list[tuple[Array, npt.NDArray[np.int64]]]
    columns: dict[str, Array]
    metadata: dict[str, Any]


def write(
    path: str | Path,
    rows: Iterable[Row],
    *,
    metadata: Mapping[str, Any] | None = None,
    append: bool = False,
    batch_steps: int | None = None,
) -> int:
    """Write sequences to a file, each as one row, and return the number of rows in the file.

    The rows are written as the iterable yields them, so they need not fit into memory.

    Args:
        path: the file; it appears whole or not at all.
        rows: one for each sequence: `[time, channel]` values, and a mapping with the entries of the
            further columns, such as its label.
        metadata: kept in the schema, as JSON.
        append: copy the batches of an existing file first.
        batch_steps: steps in a record batch; `None`: as many as hold about `BATCH_VALUES` values.

    Raises:
        DataError: no rows, or a row with other channels than the first.
        WriteError: the disk is full or read-only.
    """
    path = Path(path)
    described = {"segue": json.dumps(dict(metadata or {}))}
    with replacing(path) as temporary, _Writer(temporary, described) as file:
        if append and path.exists():
            file.copy(path)
        for batch in _batches(rows, batch_steps, first_row=file.count):
            file.write(batch)
        if file.schema is None:
            raise DataError(f"No sequences came, so {path} was not written.")
    return file.count


def narrow(path: str | Path) -> None:
    """Make float32 of the values of a file that has float64, unless float32 is too coarse."""
    chunks = [values for values, _ in read(path).chunks]
    if chunks[0].dtype != np.float64 or float32_loses(chunks).any():
        return
    with replacing(path) as temporary, _Writer(temporary, {}) as file:
        file.copy(Path(path), pa.float32())


class _Writer:
    """An Arrow file that is being written; its values become float64 when types are mixed.

    Args:
        path: of the file.
        metadata: of its schema, where no file is copied that has its own.

    Attributes:
        schema: of the batches so far; `None` before the first.
        count: the rows so far.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str]) -> None:
        self._path, self._metadata = path, metadata
        self._file: Any = None
        self.schema: Any = None
        self.count = 0

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def copy(self, path: Path, kind: pa.DataType | None = None) -> None:
        """Write all batches of another file, with its metadata; `kind`: in this type of values."""
        with pa.memory_map(str(path)) as source:
            reader = _reader(source, path)
            self._metadata = reader.schema.metadata
            for batch in _checked(reader, path):
                self.write(batch if kind is None else _with_values(batch, kind))

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch.

        Raises:
            DataError: one with other columns, or of other channels.
        """
        if self.schema is None:
            self.schema = batch.schema.with_metadata(self._metadata)
            self._file = pa.ipc.new_file(str(self._path), self.schema)
        kinds = {_kind_of(self.schema), _kind_of(batch.schema)}
        if len(kinds) > 1 and pa.uint32() not in kinds:  # numbers; text is never mixed with them
            self._widen()
            batch = _with_values(batch, pa.float64())
        if not batch.schema.equals(self.schema, check_metadata=False):
            raise DataError(
                f"From row {self.count} on the rows are of another kind than before: "
                f"{batch.schema} after {self.schema}. "
                "Every row must have the same channels, type and columns."
            )
        self._file.write_batch(batch)
        self.count += batch.num_rows

    def _widen(self) -> None:
        """Write anew what there is so far, as float64, in which every value is what it was."""
        if _kind_of(self.schema) == pa.float64():
            return
        self._file.close()
        before = self._path.with_name(self._path.name + ".before")
        self._path.rename(before)
        try:
            self.schema, self.count = None, 0
            self.copy(before, pa.float64())
        finally:
            before.unlink()


def _kind_of(schema: pa.Schema) -> pa.DataType:
    return schema.field("x").type.value_type.value_type


def _with_values(batch: pa.RecordBatch, kind: pa.DataType) -> pa.RecordBatch:
    """The batch with its sequences in a type of values."""
    old = batch.column("x")
    new = old.cast(pa.large_list(pa.list_(kind, old.type.value_type.list_size)))
    return batch.set_column(batch.schema.get_field_index("x"), "x", new)


def read(path: str | Path) -> Rows:
    """Map a file that `write` made.

    Raises:
        DataNotFoundError: no such file.
        FileError: not an Arrow IPC file, or one without a column of sequences.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError("there is no such file.", path=path)
    refuse_pointer(path)
    reader = _reader(pa.memory_map(str(path)), path)
    batches = list(_checked(reader, path))
    with _refusing_damage(path):
        table = pa.Table.from_batches(batches, reader.schema)
        columns = {n: _to_numpy(table.column(n)) for n in reader.schema.names if n != "x"}
        chunks = [_chunk(batch.column("x"), path) for batch in batches]
    return Rows(chunks, columns, _metadata(reader.schema, path))


def _checked(reader: pa.RecordBatchFileReader, path: Path) -> Iterator[pa.RecordBatch]:
    """The batches of a file, each checked: offsets, lengths and text, not the values."""
    with _refusing_damage(path):
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            batch.validate(full=True)
            yield batch


@contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # pyarrow raises whatever the bytes lead it to
        raise FileError(
            f"is not a whole Arrow IPC file ({str(error)[:200]!r}); expected one that "
            "`Sequences.write` or `Dataset.write` made.",
            path=path,
        ) from error


def _metadata(schema: pa.Schema, path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((schema.metadata or {}).get(b"segue", b"{}")))
    except (TypeError, ValueError) as error:
        raise FileError(
            f"has metadata that cannot be read ({error}); expected names and values.", path=path
        ) from error


def _reader(source: pa.MemoryMappedFile, path: Path) -> pa.RecordBatchFileReader:
    with _refusing_damage(path):
        reader = pa.ipc.open_file(source)
    kind = reader.schema.field("x").type if "x" in reader.schema.names else None
    if kind is None or not (
        pa.types.is_large_list(kind) and pa.types.is_fixed_size_list(kind.value_type)
    ):
        raise FileError(
            f"has no column `x` of sequences (large_list<fixed_size_list>); its columns are "
            f"{', '.join(reader.schema.names)}.",
            path=path,
        )
    return reader


def _chunk(column: pa.LargeListArray, path: Path) -> tuple[Array, npt.NDArray[np.int64]]:
    steps = column.values  # the fixed_size_list below, whatever slice the column is
    if column.null_count or steps.null_count or steps.values.null_count:
        raise FileError(
            "has null values in its sequences; expected numbers, and NaN where one is missing.",
            path=path,
        )
    values = steps.values.to_numpy(zero_copy_only=True).reshape(-1, steps.type.list_size)
    return values, column.offsets.to_numpy(zero_copy_only=True)


def _batches(
    rows: Iterable[Row], batch_steps: int | None, *, first_row: int
) -> Iterator[pa.RecordBatch]:
    waiting: list[Row] = []
    steps = 0
    for number, (values, columns) in enumerate(rows):
        if waiting and values.shape[1:] != waiting[0][0].shape[1:]:
            raise DataError(
                f"Sequence {first_row + number} has {values.shape[1]} channels; "
                f"the sequences before it have {waiting[0][0].shape[1]}."
            )
        waiting.append((values, columns))
        steps += len(values)
        if steps >= (batch_steps or BATCH_VALUES // values.shape[1]):
            yield _batch(waiting)
            waiting, steps = [], 0
    if waiting:
        yield _batch(waiting)


def _batch(rows: list[Row]) -> pa.RecordBatch:
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(values) for values, _ in rows], out=offsets[1:])
    values = np.concatenate([values for values, _ in rows])
    steps = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
    columns = {"x": pa.LargeListArray.from_arrays(pa.array(offsets), steps)}
    for name in rows[0][1]:
        columns[name] = _column([row[name] for _, row in rows])
    return pa.RecordBatch.from_pydict(columns)


def _column(values: list[Any]) -> pa.Array:
    first = values[0]
    if isinstance(first, np.ndarray) and first.ndim > 0:
        kind = pa.large_list(pa.from_numpy_dtype(first.dtype))
        return pa.array([value.reshape(-1) for value in values], type=kind)
    return pa.array(np.asarray(values).tolist() if isinstance(first, str) else np.asarray(values))


def _to_numpy(column: pa.ChunkedArray) -> Array:
    """One entry a row: numbers and text as plain arrays, lists as an object array of arrays."""
    array: Array = column.to_numpy()
    return array.astype(str) if pa.types.is_string(column.type) and not column.null_count else array
