"""The columns of a table: what each holds, and its values as numbers, labels or times."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segue.errors import DataError, OptionError, did_you_mean
from segue.labels import is_missing as is_missing_label
from segue.precision import is_infinite
from segue.readers.table.cells import (
    as_lists,
    as_numbers,
    is_missing,
    is_number,
    truth_values,
    with_something_behind,
)
from segue.readers.table.loading import Loaded
from segue.readers.table.times import NotTimesError, SeveralOrdersError, parse_times
from segue.readers.table.words import NO_TEXT
from segue.sequences import Array
from segue.values import narrowed

Kind = Literal["number", "truth", "text", "time", "list", "other"]
NUMBERS = ("number", "truth")
_SHOWN = 5  # problems of one file in one message


class Columns:
    """The columns that hold anything, by name, and what is asked about them.

    Args:
        loaded: the table.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.table: pa.Table = loaded.table
        self._codes: dict[str, tuple[Array, list[Any]]] = {}
        self._converted: dict[str, Any] = {}
        found = {name: self._kind(name) for name in self.table.column_names}
        self.kinds: dict[str, Kind] = {n: kind for n, kind in found.items() if kind is not None}
        self.names = list(self.kinds)
        self.empty = [name for name, kind in found.items() if kind is None]

    def of_kind(self, *kinds: Kind) -> list[str]:
        """The names of the columns of these kinds, in their order."""
        return [name for name in self.names if self.kinds[name] in kinds]

    def _kind(self, name: str) -> Kind | None:
        """What a column holds; `None`: nothing."""
        column = self.table.column(name)
        if column.null_count == len(column):
            return None
        kind = kind_of(column.type)
        return self._kind_of_text(name) if kind == "text" else kind

    def _kind_of_text(self, name: str) -> Kind | None:
        values = self._some_values(name)
        if not values:
            return None if self._is_blank(name) else "text"
        text, decimal = self._text(name), self.loaded.decimal
        thousands = "" if self.loaded.dialect is None else self.loaded.dialect.thousands
        if truth_values(values) and truth_values(self._known(name)):
            return "truth"
        if as_numbers(pa.array(values), decimal, thousands) is not None:
            self._converted[name] = as_numbers(text, decimal, thousands)
        if self._converted.get(name) is not None:
            return "number"
        if (lists := as_lists(pa.array(values), decimal)) is not None and (
            lists := as_lists(text, decimal)
        ) is not None:
            self._converted[name] = lists
            return "list"
        return "time" if _may_be_times(values) and _are_times(text) else "text"

    def _some_values(self, name: str) -> list[str]:
        """The first values of a column of text that are there."""
        column = self.table.column(name)
        head = column.slice(0, 2000).cast(pa.large_string()).to_pylist()
        return [t for t in head if t is not None and not is_missing(t)][:100]

    def _is_blank(self, name: str) -> bool:
        return all(str(value).strip() in NO_TEXT for value in self.values(name))

    def _known(self, name: str) -> list[str]:
        return [value for value in self.values(name) if not is_missing(value)]

    def _text(self, name: str) -> Any:
        return self.table.column(name).cast(pa.large_string())

    # -- values ---------------------------------------------------------------------------------

    def codes(self, name: str) -> Array:
        """`[rows]`, each different value a number in the order of appearance; -1: missing."""
        return self._encoded(name)[0]

    def values(self, name: str) -> list[Any]:
        """The different values, in the order of appearance."""
        return list(self._encoded(name)[1])

    def _encoded(self, name: str) -> tuple[Array, list[Any]]:
        if name not in self._codes:
            column = self.table.column(name).combine_chunks()
            found = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
            if isinstance(found, pa.ChunkedArray):
                found = found.combine_chunks()
            found = found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
            indices = found.indices.cast(pa.int64())  # Polars has unsigned ones
            codes = indices.fill_null(-1).to_numpy(zero_copy_only=False)
            self._codes[name] = _without_missing(codes, found.dictionary.to_pylist())
        return self._codes[name]

    def floats(self, name: str) -> Array:
        """`[rows]` float64, NaN where there is no value.

        Raises:
            FileError: a column that holds something else.
        """
        column = self.table.column(name)
        if name in self._converted:
            return np.asarray(self._converted[name])
        if self.kinds.get(name) == "truth" and not pa.types.is_boolean(column.type):
            meaning = truth_values(self._known(name)) or {}
            table = np.array([*(meaning.get(value, np.nan) for value in self.values(name)), np.nan])
            return np.asarray(table[self.codes(name)], np.float64)
        self._check_number(name)
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.uint8())
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)

    def numbers(self, names: Iterable[str]) -> Array:
        """`[rows, names]` numbers, NaN where there is no value; float32 where that holds them.

        A single column of whole numbers stays such: they may be tokens.
        """
        names = list(names)
        if len(names) == 1 and self._may_be_tokens(names[0]):
            return np.asarray(self.table.column(names[0]).to_numpy(), np.int32)[:, None]
        values = np.empty((self.rows, len(names)), np.float32)
        for place, name in enumerate(names):
            column = self.floats(name)
            if is_infinite(column).any():
                raise self.loaded.error(
                    f"column {name!r} has an infinite value; leave it empty if it is missing.",
                    int(is_infinite(column).argmax()),
                )
            kept = narrowed(column[:, None])
            values = values.astype(np.float64) if kept.dtype == np.float64 else values
            values[:, place] = kept[:, 0]
        return values

    def _may_be_tokens(self, name: str) -> bool:
        column = self.table.column(name)
        if not pa.types.is_integer(column.type) or column.null_count:
            return False
        ends = pc.min_max(column).as_py()
        return bool(ends["min"] >= -(2**31) and ends["max"] < 2**31)

    def lists(self, name: str) -> Any:
        """A column of lists, as an Arrow array."""
        column = self._converted.get(name, self.table.column(name).combine_chunks())
        return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column

    # -- what they are like ---------------------------------------------------------------------

    def is_whole(self, name: str) -> bool:
        """Whether a column holds whole numbers only."""
        kind = self.table.schema.field(name).type
        if pa.types.is_integer(kind) or self.kinds[name] == "truth":
            return True
        if self.kinds[name] != "number":
            return False
        numbers = self.floats(name)
        numbers = numbers[~np.isnan(numbers)]
        return bool(np.isfinite(numbers).all() and (numbers == np.round(numbers)).all())

    def distinct(self, name: str) -> int:
        """How many different values there are."""
        return len(self.values(name))

    def mean_length(self, name: str) -> float:
        """The characters of a text column, on average."""
        return float(pc.mean(pc.utf8_length(self._text(name))).as_py())

    def is_row_number(self, name: str) -> bool:
        """0, 1, 2, ... or 1, 2, 3, ..."""
        if self.kinds[name] != "number" or not self.is_whole(name) or self.rows < 2:
            return False
        numbers = self.floats(name)
        return bool(numbers[0] in (0, 1) and (np.diff(numbers) == 1).all())

    def follows(self, name: str, other: str) -> bool:
        """Whether a column has one value only for each value of another one."""
        codes, others = self.codes(name), self.codes(other)
        pairs = np.unique(others * (self.distinct(name) + 1) + codes)
        return len(pairs) == len(np.unique(others))

    @cached_property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.table.num_rows)

    # -- what is wrong --------------------------------------------------------------------------

    def _check_number(self, name: str) -> None:
        """Refuse text in a column of a file that holds numbers in other files."""
        column = self.table.column(name)
        if kind_of(column.type) in NUMBERS or pa.types.is_null(column.type):
            return
        texts = [str(value) for value in column.to_pylist()]
        decimal = self.loaded.decimal
        bad = [r for r, t in enumerate(texts) if not is_missing(t) and not is_number(t, decimal)]
        row = bad[0] if bad else 0
        raise self.loaded.error(
            f"column {name!r} has {texts[row][:40]!r}; expected a number, or an empty field where "
            "the value is missing.",
            row,
        )

    def refuse_bad_numbers(self, name: str, *, units: bool = True) -> None:
        """Refuse a column of text most of whose values are numbers, or numbers with a unit.

        Raises:
            FileError: the first such values, with their lines.
        """
        bad = self.bad_numbers(name)
        if bad:
            place = self.loaded.place
            where = [f"{text[:40]!r} at {place(row)}" for row, text in bad[1:]]
            more = f"; also {', '.join(where)}" if where else ""
            raise self.loaded.error(
                f"column {name!r} has {bad[0][1][:40]!r} among its numbers{more}. Correct it, or "
                "leave the field empty if the value is missing.",
                bad[0][0],
            )
        unit = with_something_behind(self._some_values(name)) if units else None
        if unit is not None:
            raise self.loaded.error(
                f"column {name!r} has numbers with something behind them, such as {unit!r}: "
                "remove it, so that they can be read."
            )

    def bad_numbers(self, name: str) -> list[tuple[int, str]]:
        """The rows of a text column that hold no number, if most of them do; else nothing."""
        if kind_of(self.table.schema.field(name).type) != "text":
            return []
        codes, values = self.codes(name), [str(value) for value in self.values(name)]
        counts = np.bincount(codes[codes >= 0], minlength=len(values))
        good = np.array([is_number(v, m) for v in values for m in ".,"]).reshape(-1, 2).any(axis=1)
        full = np.array([not is_missing(value) for value in values])
        bad = full & ~good
        if counts[bad].sum() > 0.2 * counts[full].sum():
            return []
        rows = np.flatnonzero((codes >= 0) & bad[codes])[:_SHOWN]
        return [(int(row), values[codes[row]]) for row in rows]

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
    if pa.types.is_boolean(kind):
        return "truth"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    if pa.types.is_temporal(kind):
        return "time"
    return "list" if is_list(kind) else "other"


def is_list(kind: pa.DataType) -> bool:
    """Whether a type of Arrow is one of lists."""
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests)


def _without_missing(codes: Array, values: list[Any]) -> tuple[Array, list[Any]]:
    """Codes and values without those that say that there is none."""
    none = [v.strip() in NO_TEXT if isinstance(v, str) else is_missing_label(v) for v in values]
    if not any(none):
        return codes, values
    places = np.cumsum(~np.array(none)) - 1
    table = np.append(np.where(none, -1, places), -1)
    return table[codes], [v for v, is_none in zip(values, none, strict=True) if not is_none]


def _may_be_times(values: list[str]) -> bool:
    return all(any(c.isdigit() for c in value) for value in values) and _are_times(
        pa.array(values, pa.string())
    )


def _are_times(column: Any) -> bool:
    try:
        parse_times(column)
    except NotTimesError:
        return False
    except SeveralOrdersError:
        pass
    return True
