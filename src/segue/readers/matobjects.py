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
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from segue.sequences import Array

MAGIC = 0xDD000000  # the first number of what stands for an object
_VERSIONS = (2, 3, 4)
_MISSING = 0xFFFFFFFFFFFFFFFF  # the length of a string that is <missing>
_DEEPEST = 4  # objects in objects
_AXES = 32  # of one array, at most


@dataclass(frozen=True)
class Cell:
    """A cell array: its contents, column by column."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class Opaque:
    """An object of a class whose inside is known to MATLAB only."""

    kind: str


@dataclass(frozen=True)
class Categorical:
    """A categorical array: `codes` are places among the names from 1 on, column by column.

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
        order: "<" or ">", how the bytes of a number stand.
        cell: gives the value of a property by its number, from 0 on: the third cell of the list.

    Raises:
        ValueError: the metadata are damaged, or of a version that is not known.
    """

    def __init__(self, metadata: bytes, order: str, cell: Callable[[int], Any]) -> None:
        self._cell = cell
        self._values: dict[int, Any] = {}
        self._found: dict[int, Any] = {}
        if len(metadata) < 40:
            raise ValueError("the list of its objects is cut off")
        head = np.frombuffer(metadata, f"{order}i4", 10)
        if head[0] not in _VERSIONS:
            raise ValueError(f"its objects are saved in version {head[0]}, which is not known")
        offsets = [40, *head[2:7].tolist()]
        if offsets != sorted(offsets) or offsets[-1] > len(metadata):
            raise ValueError("the list of its objects is damaged")
        self._names = metadata[40 : offsets[1]].decode("latin-1").split("\0")
        classes, saved, objects, plain = (
            np.frombuffer(metadata[first:last], f"{order}i4", (last - first) // 4)
            for first, last in pairwise(offsets[1:])
        )
        self._classes = classes[: len(classes) // 4 * 4].reshape(-1, 4)
        self._objects = objects[: len(objects) // 6 * 6].reshape(-1, 6)
        self._blocks = _blocks(saved), _blocks(plain)

    def decoded(self, reference: Any, depth: int = 0) -> Any:
        """The object that a variable or a property stands for, or `Opaque` if nobody knows it.

        Args:
            reference: numbers: the mark of an object, the number of axes, the size along each, the
                numbers of the objects, and that of their class.
            depth: objects around it.

        Raises:
            ValueError: there is no such object, or its properties do not fit its class.
        """
        numbers = np.asarray(reference).reshape(-1).tolist()
        axes = numbers[1] if len(numbers) > 1 else 0
        which = numbers[2 + axes : -1]
        kind = self._name(self._entry(self._classes, numbers[-1])[1])
        if len(which) != 1 or kind not in _DECODERS or depth > _DEEPEST:
            return Opaque(kind)
        number = which[0]
        if number not in self._found:
            self._found[number] = Opaque(kind)  # what an object that is inside itself sees there
            self._found[number] = _DECODERS[kind](self._properties(number, depth))
        return self._found[number]

    def _properties(self, number: int, depth: int) -> dict[str, Any]:
        _, _, _, saved, plain, _ = self._entry(self._objects, number)
        blocks = self._blocks[0] if saved else self._blocks[1]
        return {
            self._name(name): self._value(value, depth + 1)
            for name, kind, value in self._entry(blocks, saved or plain)
            if kind == 1  # the others are flags and names
        }

    def _value(self, number: int, depth: int) -> Any:
        if number not in self._values:
            self._values[number] = self._resolved(self._cell(number), depth)
        return self._values[number]

    def _resolved(self, value: Any, depth: int) -> Any:
        """A value, with the objects that it refers to in their place."""
        if is_reference(value):
            return self.decoded(value, depth)
        if isinstance(value, Cell):
            return Cell(tuple(self._resolved(item, depth) for item in value.items))
        return value

    def _name(self, number: int) -> str:
        return str(self._entry(self._names, number - 1))

    @staticmethod
    def _entry(rows: Any, number: int) -> Any:
        if not 0 <= number < len(rows):
            raise ValueError("the list of its objects is damaged")
        return rows[number]


def is_reference(value: Any) -> bool:
    """Whether an array stands for an object."""
    return (
        isinstance(value, np.ndarray)
        and value.dtype == np.uint32
        and value.size >= 5
        and int(value.flat[0]) == MAGIC
    )


def _blocks(region: Array) -> list[list[list[int]]]:
    """The properties of each object: (name, kind, value), a block for each."""
    numbers, blocks, place = region.tolist(), list[list[list[int]]](), 0
    while place < len(numbers):
        end = place + 1 + 3 * numbers[place]
        if not place < end <= len(numbers):
            raise ValueError("the list of its objects is damaged")
        block = numbers[place + 1 : end]
        blocks.append([block[i : i + 3] for i in range(0, len(block), 3)])
        place = end + end % 2  # a block begins at a multiple of 8 bytes
    return blocks


# -- classes --------------------------------------------------------------------------------------


def _categorical(properties: dict[str, Any]) -> Categorical:
    names, codes = properties.get("categoryNames", Cell(())), properties.get("codes", np.zeros(0))
    if isinstance(names, Cell):
        names = [item[0] for item in names.items if isinstance(item, list) and item]
    codes = np.asarray(codes)
    if not isinstance(names, list) or codes.dtype.kind not in "uif":
        raise ValueError("it has no categories")
    if codes.size and not 0 <= codes.min() <= codes.max() <= len(names):
        raise ValueError(f"it has codes {codes.min()} to {codes.max()} for {len(names)} categories")
    return Categorical(tuple(names), codes.reshape(-1, order="F"))


def _string(properties: dict[str, Any]) -> list[str]:
    """The texts of a string array, column by column; "" where one is missing.

    Saved as numbers of 64 bits: 1, the number of axes, the size along each, the length of each
    text, and the texts as UTF-16, four units in a number.
    """
    numbers = np.asarray(properties.get("any", np.zeros(0, np.uint64))).reshape(-1)
    if len(numbers) < 2 or numbers.dtype != np.uint64 or int(numbers[0]) != 1:
        raise ValueError("its texts are saved in a way that is not known")
    axes = min(int(numbers[1]), _AXES)
    count, first = math.prod(numbers[2 : 2 + axes].tolist()), 2 + axes
    if count > len(numbers) - first:
        raise ValueError("it is cut off")
    lengths = [0 if n == _MISSING else int(n) for n in numbers[first : first + count].tolist()]
    units = numbers[first + count :].astype("<u8").tobytes()
    if sum(lengths) * 2 > len(units):
        raise ValueError("it is cut off")
    texts, place = [], 0
    for length in lengths:
        texts.append(units[place : place + 2 * length].decode("utf-16-le"))
        place += 2 * length
    return texts


def _table(properties: dict[str, Any]) -> Table:
    names, data = properties.get("varnames", Cell(())), properties.get("data", Cell(()))
    if not isinstance(names, Cell) or not isinstance(data, Cell):
        raise ValueError("it has no columns")
    texts = [item[0] if isinstance(item, list) and item else "" for item in names.items]
    if len(texts) != len(data.items):
        raise ValueError(f"it has {len(texts)} names for {len(data.items)} columns")
    return Table(dict(zip(texts, data.items, strict=True)))


_DECODERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "categorical": _categorical,
    "string": _string,
    "table": _table,
}
KNOWN = frozenset(_DECODERS)  # the classes that are read
