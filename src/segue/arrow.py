"""Ragged rows in an Arrow IPC file: written batch by batch, mapped when read.

A file has one column `x`, `large_list<fixed_size_list<T, channels>>` with T float32, float64, int32
or uint32 (see `segue.values`), and any number of further columns, one value a row (or one list a
row). Names and units are JSON in the schema's metadata under `segue`. Reading maps the file: the
arrays that come back are views of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from segue.atomic import replacing
from segue.errors import DataError, DataNotFoundError, FileError
from segue.precision import float32_loses

Array = npt.NDArray[Any]
Row = tuple[Array, Mapping[str, Any]]

# Values in a record batch, if nothing else is asked for: 16 MB of float32.
BATCH_VALUES = 4_000_000


@dataclass(frozen=True)
class Rows:
    """What a file holds.

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
    """Write rows as they come; return how many the file then holds.

    Args:
        path: the file; it appears whole or not at all.
        rows: pairs of `[time, channel]` values and a mapping of the further columns.
        metadata: what the schema is to remember (JSON).
        append: copy the batches of an existing file first.
        batch_steps: write a record batch whenever so many steps have come together; `None`:
            whenever about `BATCH_VALUES` values have.

    Raises:
        DataError: no rows, or a row with other channels than the first.
        WriteError: the disk is full or read-only.
    """
    path = Path(path)
    with replacing(path) as temporary:
        file = _Writer(temporary, {"segue": json.dumps(dict(metadata or {}))})
        try:
            if append and path.exists():
                file.copy(path)
            for batch in _batches(rows, batch_steps, first_row=file.count):
                file.write(batch)
        finally:
            file.close()
        if not file.is_begun:
            raise DataError(f"No sequences came, so {path} was not written.")
    return file.count


def narrow(path: str | Path) -> None:
    """Make float32 of the values of a file that has float64, unless float32 is too coarse."""
    found = read(path)
    chunks = [values for values, _ in found.chunks]
    if chunks[0].dtype != np.float64 or float32_loses(chunks).any():
        return
    with replacing(path) as temporary:
        file = _Writer(temporary, {})
        try:
            file.copy(Path(path), pa.float32())
        finally:
            file.close()


class _Writer:
    """An Arrow file on the way; its values become of a wider type when wider ones come.

    Args:
        path: of the file.
        metadata: of its schema, where no file is copied that has its own.

    Attributes:
        count: the rows so far.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str]) -> None:
        self._path, self._metadata = path, metadata
        self._file: Any = None
        self._schema: Any = None
        self.count = 0

    @property
    def is_begun(self) -> bool:
        """Whether any batch was written."""
        return self._file is not None

    def copy(self, path: Path, kind: pa.DataType | None = None) -> None:
        """Write all batches of another file, with its metadata; `kind`: in this type of values."""
        with pa.memory_map(str(path)) as source:
            reader = _reader(source, path)
            self._metadata = reader.schema.metadata
            for number in range(reader.num_record_batches):
                self.write(_with_values(reader.get_batch(number), kind))

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch.

        Raises:
            DataError: one with other columns, or of other channels.
        """
        if self._schema is None:
            self._begin(batch.schema)
        kind = _wider(_kind_of(self._schema), _kind_of(batch.schema))
        if kind not in (None, _kind_of(self._schema)):
            self._widen(kind)
        fitting = _with_values(batch, kind)
        if not fitting.schema.equals(self._schema, check_metadata=False):
            raise DataError(_other_schema(self.count, batch.schema, self._schema))
        self._file.write_batch(fitting)
        self.count += batch.num_rows

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()

    def _begin(self, schema: pa.Schema) -> None:
        self._schema = schema.with_metadata(self._metadata)
        self._file = pa.ipc.new_file(str(self._path), self._schema)

    def _widen(self, kind: pa.DataType) -> None:
        """Write anew what there is so far; in the wider type every value is what it was."""
        self.close()
        before = self._path.with_name(self._path.name + ".before")
        self._path.rename(before)
        try:
            self._schema, self.count = None, 0
            self.copy(before, kind)
        finally:
            before.unlink()


def _kind_of(schema: pa.Schema) -> pa.DataType:
    return schema.field("x").type.value_type.value_type


def _wider(kind: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """What holds the values of both; `None`: nothing, for one of them is text."""
    if kind == other:
        return kind
    return None if pa.uint32() in (kind, other) else pa.float64()


def _with_values(batch: pa.RecordBatch, kind: pa.DataType | None) -> pa.RecordBatch:
    """The batch with its sequences in a type of values; `None`: as they are."""
    if kind is None or kind == _kind_of(batch.schema):
        return batch
    place = batch.schema.get_field_index("x")
    old = batch.column(place)
    new = old.cast(pa.large_list(pa.list_(kind, old.type.value_type.list_size)))
    columns = [new if i == place else column for i, column in enumerate(batch.columns)]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def read(path: str | Path) -> Rows:
    """Map a file that `write` made.

    Raises:
        DataNotFoundError: no such file.
        FileError: not an Arrow IPC file, or one without a column of sequences.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError("there is no such file.", path=path)
    source = pa.memory_map(str(path))
    reader = _reader(source, path)
    try:
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    except (pa.ArrowException, OSError) as error:
        raise FileError(f"is not a whole Arrow IPC file ({error}).", path=path) from error
    names = [name for name in reader.schema.names if name != "x"]
    table = pa.Table.from_batches(batches, reader.schema)
    columns = {name: _to_numpy(table.column(name)) for name in names}
    chunks = [_chunk(batch.column("x"), path) for batch in batches]
    return Rows(chunks, columns, _metadata(reader.schema, path))


def _metadata(schema: pa.Schema, path: Path) -> dict[str, Any]:
    text = (schema.metadata or {}).get(b"segue", b"{}")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise FileError(f"has metadata that cannot be read ({error}).", path=path) from error
    if not isinstance(found, dict):
        raise FileError(
            f"has metadata that cannot be read: {str(found)[:40]}; expected names and values.",
            path=path,
        )
    return found


def _reader(source: pa.MemoryMappedFile, path: Path) -> pa.RecordBatchFileReader:
    try:
        reader = pa.ipc.open_file(source)
    except (pa.ArrowException, OSError) as error:
        raise FileError(
            f"is not a whole Arrow IPC file ({error}); expected one that "
            "`Sequences.write` or `Dataset.write` made.",
            path=path,
        ) from error
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
    try:
        column.validate(full=True)  # looks at the offsets, not at the values
    except pa.ArrowException as error:
        raise FileError(f"is not a whole Arrow IPC file ({error}).", path=path) from error
    steps = column.values  # the fixed_size_list below, whatever slice the column is
    if column.null_count or steps.null_count or steps.values.null_count:
        raise FileError(
            "has empty places in its sequences; expected numbers, and NaN where one is missing.",
            path=path,
        )
    channels = steps.type.list_size
    values = steps.values.to_numpy(zero_copy_only=True).reshape(-1, channels)
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
    if pa.types.is_large_list(column.type):
        entries = np.empty(len(column), object)
        for number, entry in enumerate(column):
            entries[number] = entry.values.to_numpy(zero_copy_only=False)
        return entries
    array: Array = column.to_numpy()
    return array.astype(str) if array.dtype == object else array


def _other_schema(row: int, came: pa.Schema, expected: pa.Schema) -> str:
    return (
        f"From row {row} on the rows are of another kind than before: {came} after {expected}. "
        "Every row must have the same channels, type and columns."
    )
