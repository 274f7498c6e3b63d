"""The columns of a table: what each holds, and its values as numbers, labels or times."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from segue.data.arrays import float32_loses, is_infinite
from segue.data.labels import is_missing as is_missing_label
from segue.data.sequences import Array
from segue.errors import DataError, OptionError, did_you_mean
from segue.readers.table import cells
from segue.readers.table.cells import is_missing, is_number, whole
from segue.readers.table.loading import Loaded
from segue.readers.table.times import are_times
from segue.readers.table.words import NO_TEXT

Kind = Literal["number", "truth", "text", "time", "list", "other"]
NUMBERS = ("number", "truth")
_KINDS: dict[Kind, tuple[Callable[[pa.DataType], bool], ...]] = {
    "number": (types.is_integer, types.is_floating, types.is_decimal),
    "truth": (types.is_boolean,),
    "text": (types.is_string, types.is_large_string),
    "time": (types.is_temporal,),
    "list": (types.is_list, types.is_large_list, types.is_fixed_size_list),
}
_SHOWN = 5  # problems of one file in one message
_WORDS, _MARKED = 3, 0.5  # so few words that stand in so many fields mark what is missing
_COLUMNS_AT_ONCE, _VALUES_AT_ONCE = 64, 1_000_000


class Columns:
    """The columns that hold anything, by name, and what is asked about them.

    Args:
        loaded: the table.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.table: pa.Table = loaded.table
        self.rows: int = self.table.num_rows
        self._codes: dict[str, tuple[Array, list[Any]]] = {}
        self._converted: dict[str, Any] = {}
        found = {name: self._kind(name) for name in self.table.column_names}
        self.kinds: dict[str, Kind] = {n: kind for n, kind in found.items() if kind is not None}
        self.names = list(self.kinds)
        self.empty = [name for name, kind in found.items() if kind is None]

    def expect_numbers(self, names: Iterable[str | int]) -> None:
        """Take those of the columns that are empty for numbers that are all missing."""
        expected = set(self.empty).intersection(map(str, names))
        for name in expected:
            self._converted[name] = np.full(self.rows, np.nan)
            self.kinds[name] = "number"
        self.empty = [name for name in self.empty if name not in expected]
        self.names = [name for name in self.table.column_names if name in self.kinds]

    def of_kind(self, *kinds: Kind) -> list[str]:
        """The names of the columns of these kinds, in their order."""
        return [name for name in self.names if self.kinds[name] in kinds]

    def _kind(self, name: str) -> Kind | None:
        """The kind of values in a column; `None`: no values."""
        column = self.table.column(name)
        if column.null_count == len(column):
            return None
        kind = kind_of(column.type)
        return self._kind_of_text(name) if kind == "text" else kind

    def _kind_of_text(self, name: str) -> Kind | None:
        some = self._some_values(name)
        if not some:
            return None if all(str(v).strip() in NO_TEXT for v in self.values(name)) else "text"
        if cells.truth_values(some) and (meanings := cells.truth_values(self.values(name))):
            values = self.values(name)
            numbers = np.array([*(meanings.get(value, np.nan) for value in values), np.nan])
            self._converted[name] = numbers[self.codes(name)]
            return "truth"
        head, column, dialect = pa.array(some), self.table.column(name), self.loaded.dialect
        as_numbers = partial(cells.as_numbers, thousands=dialect.thousands)
        readings: dict[Kind, Any] = {"number": as_numbers, "list": cells.as_lists}
        for kind, reading in readings.items():
            found = reading(head, dialect.decimal)
            found = None if found is None else reading(column, dialect.decimal)
            if found is not None:
                self._converted[name] = found
                return kind
        return "time" if are_times(head) and are_times(column) else "text"

    def _some_values(self, name: str) -> list[str]:
        """The first values of a column of text that are there."""
        head = self.table.column(name).slice(0, 2000).to_pylist()
        return [text for text in head if text is not None and not is_missing(text)][:100]

    # -- values ---------------------------------------------------------------------------------

    def codes(self, name: str) -> Array:
        """`[rows]`, each different value a number in the order of appearance; -1: missing."""
        return self._encoded(name)[0]

    def values(self, name: str) -> list[Any]:
        """The different values, in the order of appearance."""
        return list(self._encoded(name)[1])

    def _encoded(self, name: str) -> tuple[Array, list[Any]]:
        if name not in self._codes:
            found = whole(self.table.column(name))
            if not types.is_dictionary(found.type):
                found = found.dictionary_encode()
            codes = found.indices.cast(pa.int32())
            codes = (codes.fill_null(-1) if codes.null_count else codes).to_numpy()
            self._codes[name] = _without_missing(codes, found.dictionary.to_pylist())
        return self._codes[name]

    def floats(self, name: str) -> Array:
        """`[rows]` float64, NaN where there is no value.

        Raises:
            FileError: a column that holds something else, as it may in another file.
        """
        column = self.table.column(name)
        if name in self.empty:
            return np.full(self.rows, np.nan)
        if name in self._converted:
            return np.asarray(self._converted[name])
        if kind_of(column.type) not in NUMBERS and not types.is_null(column.type):
            self.refuse_bad_numbers(name, units=False, at_most=1)
            raise self.loaded.error(f"column {name!r} holds {column.type}; expected numbers.")
        plain = column.cast(pa.uint8()) if types.is_boolean(column.type) else column
        return np.asarray(plain.cast(pa.float64(), safe=False).to_numpy(), np.float64)

    def numbers(self, names: Iterable[str]) -> Array:
        """`[rows, names]` numbers, NaN where there is no value; float32 where that holds them.

        A single column of whole numbers stays such: they may be tokens.
        """
        names = list(names)
        if len(names) == 1 and self._may_be_tokens(names[0]):
            return np.asarray(self.table.column(names[0]).to_numpy(), np.int32)[:, None]
        values = np.empty((self.rows, len(names)), np.float32)
        short = {field.name for field in self.table.schema if types.is_float32(field.type)}
        # Many short columns at once are many times faster, and a few long ones take no more memory.
        step = min(_COLUMNS_AT_ONCE, max(1, _VALUES_AT_ONCE // max(1, self.rows)))
        for start in range(0, len(names), step):
            some = names[start : start + step]
            columns = [
                np.asarray(self.table.column(name)) if name in short else self.floats(name)
                for name in some
            ]
            exact = columns[0][:, None] if len(some) == 1 else np.stack(columns, axis=1)
            infinite = is_infinite(exact)
            if infinite.any():
                column = int(infinite.any(axis=0).argmax())
                raise self.loaded.error(
                    f"column {some[column]!r} has an infinite value; leave it empty if it is "
                    "missing.",
                    int(infinite[:, column].argmax()),
                )
            kept = exact.astype(np.float32)
            if (coarse := float32_loses(exact)).any():
                kept = np.where(coarse, exact, kept)
                if values.dtype == np.float32:  # only what is there: the rest may be any bits
                    narrow, values = values, np.empty(values.shape, np.float64)
                    values[:, :start] = narrow[:, :start]
            values[:, start : start + step] = kept
        return values

    def _may_be_tokens(self, name: str) -> bool:
        column = self.table.column(name)
        if not types.is_integer(column.type) or column.null_count:
            return False
        ends = pc.min_max(column).as_py()
        return bool(ends["min"] >= -(2**31) and ends["max"] < 2**31)

    def lists(self, name: str) -> Any:
        """A column of lists, as an Arrow array."""
        return whole(self._converted.get(name, self.table.column(name)))

    def conversions(self, names: Iterable[str]) -> list[str]:
        """An example of each way of writing numbers in these columns that is not a plain one."""
        said: dict[str, str] = {}
        for name in names:
            text, value = self._converted_example(name)
            if text and len(said) < _SHOWN:
                kind = re.sub(r"\d+", "", text) if self.kinds[name] == "number" else "truth"
                said.setdefault(kind, f"{text!r} is read as {value:.10g} (channel {name!r})")
        return list(said.values())

    def _converted_example(self, name: str) -> tuple[str, float]:
        """The first field of a column that is written in another way than its number; or ""."""
        dialect, kind = self.loaded.dialect, self.kinds.get(name)
        if name in self._converted and kind in NUMBERS:
            texts = cells.trimmed(self.table.column(name))
            if kind == "number":
                plain = pc.match_substring_regex(texts, cells.PLAIN_NUMBER)
                texts = pc.if_else(plain, None, texts)
            row = pc.index(pc.is_valid(texts), True).as_py()
            return (texts[row].as_py(), float(self.floats(name)[row])) if row >= 0 else ("", 0.0)
        if dialect.decimal == "." or kind != "number" or name not in dialect.names:
            return "", 0.0
        place = dialect.names.index(name)
        fields = (row[place].strip() for row in dialect.first if place < len(row))
        text = next((field for field in fields if "," in field), "")
        return text, float(text.replace(",", ".") or 0)

    # -- what they are like ---------------------------------------------------------------------

    def is_whole(self, name: str) -> bool:
        """Whether a column holds whole numbers only."""
        if self.kinds[name] not in NUMBERS:
            return False
        if types.is_integer(self.table.schema.field(name).type):
            return True
        numbers = self.floats(name)
        numbers = numbers[~np.isnan(numbers)]
        return bool(np.isfinite(numbers).all() and (numbers == np.round(numbers)).all())

    def distinct(self, name: str) -> int:
        """How many different values there are."""
        return len(self.values(name))

    def mean_length(self, name: str) -> float:
        """The characters of a text column, on average."""
        texts = self.table.column(name).cast(pa.large_string())
        return float(pc.mean(pc.utf8_length(texts)).as_py())

    def is_running_text(self, name: str) -> bool:
        """Whether a column holds long texts without digits, which are no names of anything."""
        some = self._some_values(name)
        is_long = bool(some) and sum(map(len, some)) >= 20 * len(some)
        return is_long and not any(map(str.isdigit, "".join(some)))

    def is_row_number(self, name: str) -> bool:
        """0, 1, 2, ... or 1, 2, 3, ..."""
        if self.kinds[name] != "number" or not self.is_whole(name) or self.rows < 2:
            return False
        numbers = self.floats(name)
        return bool(numbers[0] in (0, 1) and (np.diff(numbers) == 1).all())

    def follows(self, name: str, other: str) -> bool:
        """Whether a column has one value only for each value of another one."""
        codes, others = self.codes(name), self.codes(other)
        pairs = np.unique(others.astype(np.int64) * (self.distinct(name) + 1) + codes)
        return len(pairs) == len(np.unique(others))

    # -- what is wrong --------------------------------------------------------------------------

    def refuse_bad_numbers(self, name: str, *, units: bool = True, at_most: float = 0.2) -> None:
        """Refuse a column of text most of whose values are numbers, or numbers with a unit.

        Args:
            name: of the column.
            units: whether numbers with a unit are refused.
            at_most: the share of the values that may be other text.

        Raises:
            FileError: the first such values, with their lines.
        """
        bad = self.bad_numbers(name, at_most)
        if bad:
            (row, first), *others = bad
            where = [f"{text!r} at {self.loaded.place(other)}" for other, text in others]
            more = f"; also {', '.join(where)}" if where else ""
            raise self.loaded.error(
                f"column {name!r} has {first!r} among its numbers{more}. Correct it, or leave the "
                "field empty if the value is missing.",
                row,
            )
        unit = cells.with_something_behind(self._some_values(name)) if units else None
        if unit is not None:
            raise self.loaded.error(
                f"column {name!r} has numbers with something behind them, such as {unit!r}: "
                "remove it, so that they can be read."
            )

    def has_numbers(self, name: str) -> bool:
        """Whether any value of a column of text is a number."""
        return any(is_number(str(v)) or is_number(str(v), ",") for v in self.values(name))

    def bad_numbers(self, name: str, at_most: float = 0.2) -> list[tuple[int, str]]:
        """The rows of a text column that hold no number, if at most this share does; else none."""
        if kind_of(self.table.schema.field(name).type) != "text":
            return []
        codes, values = self.codes(name), self.values(name)
        counts = np.bincount(codes[codes >= 0], minlength=len(values))
        full = np.array([not is_missing(value) for value in values], bool)
        marks = [np.array([is_number(v, mark) for v in values], bool) for mark in ".,"]
        good = max(marks, key=lambda numbers: int(counts[numbers].sum()))  # of one way of writing
        bad = full & ~good
        share = counts[bad].sum() / max(1, counts[full].sum())
        if share > at_most and not (bad.sum() <= _WORDS and share <= _MARKED):
            return []
        rows = np.flatnonzero((codes >= 0) & bad[codes])[:_SHOWN]
        return [(int(row), values[codes[row]][:40]) for row in rows]

    def described(self, name: str) -> str:
        """The name of a column and its kind, with an example of its texts."""
        some = self._some_values(name) if self.kinds[name] == "text" else []
        return f"{name} ({self.kinds[name]}{f' such as {some[0][:20]!r}' if some else ''})"

    def find(self, wanted: str | int, option: str) -> str:
        """The name of a column that a user names, or numbers from 1 on (from -1 at the end).

        Raises:
            OptionError: there is no such column; a near one is suggested.
        """
        everything, text = self.table.column_names, str(wanted)
        if text not in everything and text.lstrip("-").isdigit():
            number = int(text)
            if 1 <= abs(number) <= len(everything):
                text = everything[number - 1 if number > 0 else number]
        if text not in everything:
            near = did_you_mean(text, everything[:1000])
            raise OptionError(f"{option}={text!r}: there is no such column.{near}")
        if text in self.empty:
            raise DataError(f"{option}={text!r}: this column holds no value.")
        return text


def kind_of(kind: pa.DataType) -> Kind:
    """The kind of values of a column of an Arrow type."""
    if types.is_dictionary(kind):
        return kind_of(kind.value_type)
    found = (name for name, tests in _KINDS.items() if any(test(kind) for test in tests))
    return next(found, "other")


def _without_missing(codes: Array, values: list[Any]) -> tuple[Array, list[Any]]:
    """Codes and values without those that say that there is none."""
    none = [v.strip() in NO_TEXT if isinstance(v, str) else is_missing_label(v) for v in values]
    if not any(none):
        return codes, values
    places = np.cumsum(~np.array(none)) - 1
    table = np.append(np.where(none, -1, places), -1).astype(np.int32)
    return table[codes], [v for v, is_none in zip(values, none, strict=True) if not is_none]
