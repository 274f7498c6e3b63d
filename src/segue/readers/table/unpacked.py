"""How much Parquet, Feather and Arrow files unpack to, told before pyarrow allocates it.

pyarrow does not give the sizes in Arrow's messages, and it ends the process where what a Parquet
footer says of a column is damaged: these few fields are read here.

Sources: `parquet.thrift` of Apache Parquet and Thrift's compact protocol; `File.fbs` and
`Message.fbs` of Apache Arrow, in Flatbuffers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from segue.data.sequences import Array

VALUE = 8  # bytes that a value counts for, whatever it is
_TAIL = 10  # bytes behind the footer of an Arrow file: its length, and ARROW1

# -- Parquet --------------------------------------------------------------------------------------

# Of the file the groups of rows (4), of each the columns (1), of each its metadata (3), and there
# the values (5), the packed bytes (7), and where its first page (9) and its dictionary (11) are.
_CHUNKS: dict[int, Any] = {4: {1: {3: {5: {}, 7: {}, 9: {}, 11: {}}}}}
_PAGE: dict[int, Any] = {2: {}, 3: {}}  # bytes when unpacked, and packed
_HEADER = 1 << 16  # bytes of the header of a page, at most


def parquet_sizes(path: str) -> tuple[int, int]:
    """The values of all columns, those in lists too, and the bytes of all pages when unpacked.

    The footer says how many values there are; how large a page is, says its own header, which
    pyarrow follows whatever the footer says.
    """
    with pa.OSFile(path) as source:
        size = source.size()
        (length,) = struct.unpack("<I", source.read_at(8, size - 8)[:4])
        footer = source.read_at(min(length, size - 8), max(0, size - 8 - length))
        groups = _struct(footer, 0, _CHUNKS)[0].get(4, ())
        chunks = [column.get(3, {}) for group in groups for column in group.get(1, ())]
        return sum(chunk.get(5, 0) for chunk in chunks), sum(_pages(source, c) for c in chunks)


def _pages(source: pa.NativeFile, chunk: dict[int, Any]) -> int:
    """The bytes of the pages of a column when unpacked."""
    at = min(place for place in (chunk[9], chunk.get(11, 0)) if place > 0)
    end, total = min(at + chunk[7], source.size()), 0
    while at < end:
        page, length = _struct(source.read_at(min(_HEADER, end - at), at), 0, _PAGE)
        if page[3] < 0:
            raise ValueError("a page has less than no bytes")
        total, at = total + page[2], at + length + page[3]
    return total


def _struct(content: bytes, at: int, wanted: dict[int, Any]) -> tuple[dict[int, Any], int]:
    """The wanted fields of a structure of Thrift by their numbers, and where it ends."""
    found: dict[int, Any] = {}
    field = 0
    while head := content[at]:
        step, at = head >> 4, at + 1
        if not step:
            step, at = _varint(content, at)
            field, step = 0, step >> 1
        field += step
        kind = head & 15
        if kind not in (1, 2):  # true and false, which are here the kind itself
            value, at = _value(content, at, kind, wanted.get(field))
            if field in wanted:
                found[field] = value
    return found, at + 1


def _value(content: bytes, at: int, kind: int, wanted: dict[int, Any] | None) -> tuple[Any, int]:
    if kind in (1, 2, 3):
        return 0, at + 1
    if kind in (4, 5, 6):
        number, at = _varint(content, at)
        return (number >> 1) ^ -(number & 1), at
    if kind == 7:
        return 0, at + 8
    if kind == 8:
        length, at = _varint(content, at)
        return 0, at + length
    if kind == 12:
        return _struct(content, at, wanted or {})
    if kind not in (9, 10):
        raise ValueError(f"its footer has a field of kind {kind}")
    count, kind, values, at = content[at] >> 4, content[at] & 15, [], at + 1
    if count == 15:
        count, at = _varint(content, at)
    for _ in range(count):
        value, at = _value(content, at, kind, wanted)
        if wanted is not None:
            values.append(value)
    return values, at


def _varint(content: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while content[at] > 127:
        number |= (content[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if shift > 63:
            raise ValueError("its footer has a number of more than 64 bits")
    return number | content[at] << shift, at + 1


# -- Arrow ----------------------------------------------------------------------------------------


class _Table(NamedTuple):
    """A table of Flatbuffers: its fields are found by their numbers."""

    content: bytes
    at: int

    def _unpack(self, form: str, at: int) -> int:
        (number,) = struct.unpack_from(f"<{form}", self.content, at)
        return int(number)

    def field(self, number: int) -> int | None:
        """Where a field is; `None`: it is not there."""
        fields = self.at - self._unpack("i", self.at)
        place = 4 + 2 * number
        offset = self._unpack("H", fields + place) if place < self._unpack("H", fields) else 0
        return self.at + offset if offset else None

    def number(self, number: int, form: str) -> int:
        """A field that is a number; 0: it is not there."""
        at = self.field(number)
        return 0 if at is None else self._unpack(form, at)

    def table(self, number: int) -> _Table | None:
        """A field that is a table."""
        at = self.field(number)
        return None if at is None else _Table(self.content, at + self._unpack("I", at))

    def rows(self, number: int, form: str) -> Iterator[tuple[int, ...]]:
        """The structures of a field that is a vector of them."""
        at = self.field(number)
        if at is None:
            return
        at += self._unpack("I", at)
        for _ in range(self._unpack("I", at)):
            yield struct.unpack_from(f"<{form}", self.content, at + 4)
            at += struct.calcsize(form)


def arrow_sizes(source: pa.NativeFile) -> Iterator[tuple[int, int]]:
    """Of each batch of an Arrow file, dictionaries too: its values, and bytes when unpacked."""

    def read(at: int, length: int) -> bytes:
        return bytes(source.read_at(max(0, min(length, source.size())), at))

    (length,) = struct.unpack("<i", read(source.size() - _TAIL, _TAIL)[:4])
    footer = _root(read(source.size() - _TAIL - length, length))
    blocks = [block for field in (2, 3) for block in footer.rows(field, "qixxxxq")]
    for at, metadata, _ in blocks:
        header = read(at, metadata)
        message = _root(header[8 if header.startswith(b"\xff\xff\xff\xff") else 4 :])
        batch = message.table(2)
        if batch is not None and message.number(1, "B") == 2:  # a dictionary
            batch = batch.table(1)
        if batch is None:
            continue
        bytes_ = 0
        for offset, size in batch.rows(2, "qq"):
            inside = size
            if batch.table(3) is not None and size > 0:  # compressed: its size stands before it
                (unpacked,) = struct.unpack("<q", read(at + metadata + offset, 8))
                inside = size if unpacked < 0 else unpacked
            bytes_ += inside
        yield sum(length for length, _ in batch.rows(1, "qq")), bytes_


def _root(content: bytes) -> _Table:
    return _Table(content, *struct.unpack_from("<I", content))


# -- what stands for more -------------------------------------------------------------------------


def stands_for_more(kind: pa.DataType) -> bool:
    """Whether values of a type may be in memory once, and stand in many places."""
    return any(word in str(kind) for word in ("dictionary", "view", "run_end"))


def written_out(array: pa.Array) -> int:
    """Bytes of an array when each of its entries has its own values.

    >>> written_out(pa.array(["long", "long", "long"]).dictionary_encode())
    36
    """
    return int(_sizes(array).sum(dtype=np.float64))


def _sizes(array: pa.Array) -> Array:
    """`[n]`, the bytes of each entry."""
    kind, sizes = array.type, np.full(len(array), VALUE, np.int64)
    if types.is_dictionary(kind):
        inside = np.append(_sizes(array.dictionary), 0)
        rows = array.indices.fill_null(len(inside) - 1).to_numpy(zero_copy_only=False)
        return cast("Array", inside[rows])
    if types.is_run_end_encoded(kind):
        ends = np.minimum(array.run_ends.to_numpy(), array.offset + len(array)) - array.offset
        lengths = np.diff(np.maximum(ends, 0), prepend=0)
        return np.repeat(_sizes(array.values), lengths)
    if types.is_string_view(kind) or types.is_binary_view(kind):
        views = np.frombuffer(array.buffers()[1], np.int32)
        sizes += views[4 * array.offset :: 4][: len(array)]
    elif types.is_struct(kind):
        sizes += sum(_sizes(array.field(i)) for i in range(kind.num_fields))
    elif types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind):
        sizes += pc.binary_length(array).fill_null(0).to_numpy()
    elif hasattr(array, "offsets"):  # lists of any kind, and maps
        sizes += _sizes_of_lists(array)
    return sizes


def _sizes_of_lists(array: Any) -> Array:
    starts = array.offsets.to_numpy()
    ends = starts + array.sizes.to_numpy() if hasattr(array, "sizes") else starts[1:]
    is_map = types.is_map(array.type)
    inside = _sizes(array.keys) + _sizes(array.items) if is_map else _sizes(array.values)
    before = np.concatenate([[0], np.cumsum(inside)])
    return cast("Array", before[ends] - before[starts[: len(ends)]])
