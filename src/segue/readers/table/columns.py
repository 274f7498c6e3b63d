"""The columns of a table, as far as it matters for guessing what they are."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segue.errors import DataError, OptionError, did_you_mean
from segue.readers.table.dialect import is_number
from segue.readers.table.loading import Loaded
from segue.readers.table.times import is_time
from segue.sequences import Array

Kind = Literal["number", "text", "time", "list", "other"]


class Columns:
    """The columns that hold anything, by name, and what is asked about them.

    Args:
        loaded: the table.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.table: pa.Table = loaded.table
        fields = [field for field in self.table.schema if not self._is_empty(field.name)]
        self.names = [field.name for field in fields]
        self.empty = [name for name in self.table.column_names if name not in self.names]
        self.kinds: dict[str, Kind] = {field.name: kind_of(field.type) for field in fields}
        self._codes: dict[str, tuple[Array, Array]] = {}

    def _is_empty(self, name: str) -> bool:
        column = self.table.column(name)
        return bool(column.null_count == len(column))

    def of_kind(self, *kinds: Kind) -> list[str]:
        """The names of the columns of these kinds."""
        return [name for name in self.names if self.kinds[name] in kinds]

    def codes(self, name: str) -> Array:
        """`[rows]`, each different value a number in the order of appearance; -1: missing."""
        return self._encoded(name)[0]

    def values(self, name: str) -> list[Any]:
        """The different values, in the order of appearance."""
        return list(self._encoded(name)[1])

    def _encoded(self, name: str) -> tuple[Array, Any]:
        if name not in self._codes:
            column = self.table.column(name).combine_chunks()
            found = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
            if isinstance(found, pa.ChunkedArray):
                found = found.combine_chunks()
            indices = found.indices.cast(pa.int64())  # Polars has unsigned ones
            codes = indices.fill_null(-1).to_numpy(zero_copy_only=False)
            self._codes[name] = codes, found.dictionary.to_pylist()
        return self._codes[name]

    def is_whole(self, name: str) -> bool:
        """Whether a column holds whole numbers only."""
        kind = self.table.schema.field(name).type
        if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
            return True
        if not pa.types.is_floating(kind):
            return False
        numbers = self.table.column(name).drop_null().to_numpy()
        return bool(np.isfinite(numbers).all() and (numbers == np.round(numbers)).all())

    def distinct(self, name: str) -> int:
        """How many different values there are."""
        return len(self.values(name))

    def mean_length(self, name: str) -> float:
        """The characters of a text column, on average."""
        return float(pc.mean(pc.utf8_length(self.table.column(name).cast(pa.string()))).as_py())

    def is_row_number(self, name: str) -> bool:
        """0, 1, 2, ... or 1, 2, 3, ..."""
        if self.kinds[name] != "number" or not self.is_whole(name) or self.rows < 2:
            return False
        numbers = self.table.column(name).to_numpy()
        return bool(numbers[0] in (0, 1) and (np.diff(numbers) == 1).all())

    @cached_property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.table.num_rows)

    def numbers(self, names: Iterable[str]) -> Array:
        """`[rows, names]` float32, NaN where there is no value."""
        names = list(names)
        values = np.empty((self.rows, len(names)), np.float32)
        for i, name in enumerate(names):
            self._check_number(name)
            values[:, i] = self.table.column(name).cast(pa.float64(), safe=False).to_numpy()
        infinite = np.isinf(values)
        if infinite.any():
            row, i = np.argwhere(infinite)[0].tolist()
            raise self.loaded.error(
                f"column {names[i]!r} has an infinite value; leave it empty if it is missing.", row
            )
        return values

    def _check_number(self, name: str) -> None:
        """Refuse text in a column of a file that holds numbers in other files."""
        column = self.table.column(name)
        if kind_of(column.type) == "number" or pa.types.is_null(column.type):
            return
        row = next((r for r, v in enumerate(column.to_pylist()) if v and not is_number(str(v))), 0)
        raise self.loaded.error(
            f"column {name!r} has {str(column[row].as_py())[:40]!r}; expected a number, or an "
            "empty field where the value is missing.",
            row,
        )

    def find(self, wanted: str | int, option: str) -> str:
        """The name of a column that a user names, or numbers from 1 on (from -1 at the end).

        Raises:
            OptionError: there is no such column; a near one is suggested.
        """
        everything = self.table.column_names
        text = str(wanted)
        if text in everything:
            return self._with_values(text, option)
        if text.lstrip("-").isdigit() and 1 <= abs(int(text)) <= len(everything):
            number = int(text)
            return self._with_values(everything[number - 1 if number > 0 else number], option)
        raise OptionError(
            f"{option}={text!r}: there is no such column.{did_you_mean(text, everything[:1000])}"
        )

    def _with_values(self, name: str, option: str) -> str:
        if name in self.empty:
            raise DataError(f"{option}={name!r}: this column holds no value.")
        return name


def kind_of(kind: pa.DataType) -> Kind:
    """What a column's type means here."""
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind):
        return "text"
    if is_time(kind):
        return "time"
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if is_list or pa.types.is_fixed_size_list(kind):
        return "list"
    return "other"
