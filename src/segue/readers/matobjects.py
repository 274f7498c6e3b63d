"""Objects of MATLAB's classes in `.mat` files: `categorical` and `string` arrays, and `table`s.

MATLAB keeps what is in its objects apart from the variables, in a part of the file that is called
the subsystem: a list of cells. The first cell is a table of numbers that says which object has
which properties, the others are the values of these. A variable holds the number of its object.

    version, number of names, 8 offsets      int32 each
    names                                     ASCII, each with a zero byte at its end
    region 1    classes: (namespace, name, 0, 0)
    region 2    properties of objects that were turned into something else before they were saved
    region 3    objects: (class, 0, 0, block in region 2, block in region 4, further objects)
    region 4    properties of all others. A block is a count and so many (name, kind, value)

Everything is looked up in what is there; nothing of a file is run, and an object is read once. The
layout is not published by MathWorks. Source: "Subsystem data format" and "Field contents" of the
project matio (https://github.com/foreverallama/matio, docs/), held against files that MATLAB wrote.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from segue.data.sequences import Array
from segue.errors import DataError

MAGIC = 0xDD000000  # the first number of what stands for an object
_VERSIONS = (2, 3, 4)
_MISSING = 0xFFFFFFFFFFFFFFFF  # the length of a string that is <missing>
_DAMAGED = "the list of its objects is damaged"


@dataclass(frozen=True)
class Cell:
    """A cell array: its contents, column by column."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class Structs:
    """A struct array: the fields of each of its elements, column by column."""

    items: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Opaque:
    """An object of a class whose inside is known to MATLAB only."""

    kind: str


@dataclass(frozen=True)
class Categorical:
    """A categorical array: `codes` are positions among the names from 1 on, column by column.

    0 is <undefined>.
    """

    names: tuple[str, ...]
    codes: Array


@dataclass(frozen=True)
class Table:
    """A table: its columns by name."""

    columns: dict[str, Any]


class Objects:
    """All objects of one file.

    Args:
        metadata: the first cell, as bytes.
        order: "<" or ">", the byte order of numbers.
        value: gives the value of a property by its number, from 0 on: the third cell of the list.

    Raises:
        ValueError: the metadata are damaged, or of a version that is not known.
    """

    def __init__(self, metadata: bytes, order: str, value: Callable[[int], Any]) -> None:
        self._value = value
        self._found: dict[int, Any] = {}
        if len(metadata) < 40:
            raise ValueError("the list of its objects is cut off")
        head = np.frombuffer(metadata, f"{order}u4", 10).tolist()
        if head[0] not in _VERSIONS:
            raise ValueError(f"its objects are saved in version {head[0]}, which is not known")
        offsets = [40, *head[2:7]]
        if offsets != sorted(offsets) or offsets[-1] > len(metadata):
            raise ValueError(_DAMAGED)
        names, *regions = (metadata[first:last] for first, last in pairwise(offsets))
        self._names = ["", *names.decode("latin-1").split("\0")]
        # Without a sign, what should be negative lies behind the end of every list.
        classes, saved, objects, plain = (
            np.frombuffer(region, f"{order}u4", len(region) // 4).tolist() for region in regions
        )
        self._classes, self._objects = _rows(classes, 4), _rows(objects, 6)
        self._saved, self._plain = _blocks(saved), _blocks(plain)

    def decoded(self, reference: Any) -> Any:
        """The object that a variable or a property stands for, or `Opaque` if nobody knows it.

        Args:
            reference: numbers: the mark of an object, the number of axes, the size along each, the
                numbers of the objects, and that of their class.

        Raises:
            ValueError: there is no such object, or its properties do not fit its class.
        """
        _, axes, *numbers, class_number = np.asarray(reference).reshape(-1).tolist()
        which = numbers[axes:]
        try:
            kind = self._names[self._classes[class_number][1]]
            if len(which) != 1 or kind not in _DECODERS:
                return Opaque(kind)
            if which[0] not in self._found:
                self._found[which[0]] = Opaque(kind)  # what one inside itself sees there
                self._found[which[0]] = _DECODERS[kind](self._properties(which[0]))
        except IndexError as error:
            raise ValueError(_DAMAGED) from error
        return self._found[which[0]]

    def _properties(self, number: int) -> dict[str, Any]:
        _, _, _, saved, plain, _ = self._objects[number]
        block = self._saved[saved] if saved else self._plain[plain]
        return {
            self._names[name]: self._resolved(self._value(value))
            for name, kind, value in block
            if kind == 1  # the others are flags and names
        }

    def _resolved(self, value: Any) -> Any:
        """A value, with the objects that it refers to inserted."""
        if is_reference(value):
            return self.decoded(value)
        if isinstance(value, Cell):
            return Cell(tuple(map(self._resolved, value.items)))
        return value


def is_reference(value: Any) -> bool:
    """Whether an array is a reference to an object."""
    return (
        isinstance(value, np.ndarray)
        and value.dtype == np.uint32
        and value.size >= 5
        and int(value.flat[0]) == MAGIC
    )


def _rows(numbers: list[int], size: int) -> list[list[int]]:
    return [numbers[i : i + size] for i in range(0, len(numbers) - size + 1, size)]


def _blocks(numbers: list[int]) -> list[list[list[int]]]:
    """The properties of each object: (name, kind, value), a block for each."""
    blocks, place = list[list[list[int]]](), 0
    while place < len(numbers):
        end = place + 1 + 3 * numbers[place]
        if end > len(numbers):
            raise ValueError(_DAMAGED)
        blocks.append(_rows(numbers[place + 1 : end], 3))
        place = end + end % 2  # a block begins at a multiple of 8 bytes
    return blocks


# -- classes --------------------------------------------------------------------------------------


def _categorical(properties: dict[str, Any]) -> Categorical:
    names = _texts(properties.get("categoryNames", Cell(())))
    codes = np.asarray(properties.get("codes", np.zeros(0)))
    if names is None or codes.dtype.kind not in "uif":
        raise ValueError("it has no categories")
    if codes.size and not 0 <= codes.min() <= codes.max() <= len(names):
        raise ValueError(f"it has codes {codes.min()} to {codes.max()} for {len(names)} categories")
    return Categorical(tuple(names), codes.reshape(-1, order="F").astype(np.int64))


def _string(properties: dict[str, Any]) -> list[str]:
    """The texts of a string array, column by column; "" where one is missing.

    Saved as numbers of 64 bits: 1, the number of axes, the size along each, the length of each
    text, and the texts as UTF-16, four units in a number.
    """
    values = np.asarray(properties.get("any")).reshape(-1)
    if values.dtype != np.uint64 or values[:1].tolist() != [1]:
        raise ValueError("its texts are saved in a way that is not known")
    axes, *numbers = values[1:].tolist()
    count = math.prod(numbers[:axes])
    lengths = [0 if length == _MISSING else length for length in numbers[axes : axes + count]]
    units = values[2 + axes + count :].astype("<u8").tobytes()
    ends = [2 * end for end in accumulate(lengths, initial=0)]
    if len(lengths) < count or ends[-1] > len(units):
        raise ValueError("it is cut off")
    return [units[first:last].decode("utf-16-le") for first, last in pairwise(ends)]


def _table(properties: dict[str, Any]) -> Table:
    names, data = _texts(properties.get("varnames", Cell(()))), properties.get("data", Cell(()))
    if names is None or not isinstance(data, Cell):
        raise ValueError("it has no columns")
    if len(names) != len(data.items):
        raise ValueError(f"it has {len(names)} names for {len(data.items)} columns")
    return Table(dict(zip(names, data.items, strict=True)))


def _texts(value: Any) -> list[str] | None:
    """The texts in a cell array, "" where there is none; of a string array its own."""
    if isinstance(value, Cell):
        return [item[0] if isinstance(item, list) and item else "" for item in value.items]
    return value if isinstance(value, list) else None


_DECODERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "categorical": _categorical,
    "string": _string,
    "table": _table,
}
KNOWN = frozenset(_DECODERS)  # the classes that are read


# How MATLAB saves an object so that others can read it.
_READABLE = {
    **dict.fromkeys(("categorical", "string", "datetime"), "cellstr({0})"),
    "table": "table2cell({0})",
    "duration": "seconds({0})",
    "timetable": "table2cell(timetable2table({0}))",
}


def refuse_opaque(value: Any, name: str) -> None:
    """Refuse an object that cannot be read, with the line of MATLAB that makes it readable.

    Raises:
        DataError: it is such.
    """
    if not isinstance(value, Opaque):
        return
    plain, cell, _ = name.partition("{")
    cure = " Save it as numbers or text."
    if line := _READABLE.get(value.kind):
        line = f"cellfun(@cellstr, {plain}, 'UniformOutput', false)" if cell else line.format(plain)
        cure = f" In MATLAB: {plain} = {line}; and save again."
    why = "whose values are not in the file" if value.kind in KNOWN else "which is not read"
    raise DataError(f"{name} is a MATLAB {value.kind}, {why}.{cure}")
