"""Steps of sequences, a line each, as `segue stream` reads them: JSON, or CSV.

    [0.5, 1.0]                       a number for each channel; null is a missing value
    0.5                              of a model with one channel
    {"ax": 0.5, "ay": 1.0}           by the names of the channels
    {"id": "a", "x": [0.5, 1.0]}     "x" or "values"; with the name of the stream

Of CSV the separator (comma, semicolon, tab) and whether there is a header are recognised.
"""

from __future__ import annotations

import abc
import csv
import json
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from segue.errors import DataError, OptionError, did_you_mean, first_few, nearest

FORMATS = ("csv", "csv-no-header", "json")
_VALUES = ("x", "values")
_BESIDE = {"time", "t", "step", "timestamp"}  # no channels, where these have no names


@cache
def _words(kind: str) -> frozenset[str]:
    """The words of tables for what is missing; they stand there, which is slow to import."""
    path = Path(__file__).parents[1] / "readers" / "data" / "words.toml"
    return frozenset(tomllib.loads(path.read_text(encoding="utf-8"))["values"][kind])


class Step(NamedTuple):
    """A line.

    Attributes:
        values: of the channels; a token, or a word.
        name: of the stream.
        sequence: what tells one sequence of the stream from the next; `None`: nothing does.
        begins: whether the step is the first of a sequence.
    """

    values: Any
    name: str | int
    sequence: Any = None
    begins: bool = False


@dataclass(frozen=True)
class Wanted:
    """What is looked for in the lines.

    Attributes:
        channels: their names; `None` where they have none.
        count: how many there are.
        kind: "numbers", "tokens" or "texts".
        key: the column or field that names the stream; `None`: all steps are of one stream.
        is_usual: whether `key` is only what it is usually called, and may be missing.
        is_trained: whether the training data had the column `key`.
        reset: the column or field that tells one sequence from the next; `None`: none does.
        value: of `reset`, which begins a sequence; `None`: each change of it does.
    """

    channels: tuple[str, ...] | None
    count: int
    kind: str = "numbers"
    key: str | None = None
    is_usual: bool = False
    is_trained: bool = False
    reset: str | None = None
    value: str | None = None

    @property
    def expected(self) -> str:
        """The channels in words."""
        if self.kind == "texts":
            return "a word or character"
        if self.kind == "tokens":
            return "a token (a whole number)"
        if self.channels is not None:
            return first_few(self.channels, 8)
        return "1 number" if self.count == 1 else f"{self.count} numbers"


class StepLines(abc.ABC):
    """Takes lines apart; made by `lines_of`.

    Attributes:
        note: how they are read, for people.
        has_key: whether the streams have names.
        is_json: whether they are JSON.
    """

    note: str = ""
    has_key: bool = False
    is_json: bool = False

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted

    @abc.abstractmethod
    def step(self, line: str) -> Step | None:
        """The step of a line; `None` where it is the header.

        Raises:
            DataError: something else; the message says what came and what was expected.
        """

    def _near(self, missing: Sequence[str], names: Iterable[str]) -> str:
        """The name that was probably meant by the first that is missing, if there is one."""
        own = self.wanted.channels or ()
        others = [name for name in names if missing[0] not in own or name not in own]
        near = nearest(missing[0], others)
        return "" if near is None else f' Did you mean "{near}"?'

    def without_key(self, first: str) -> str | None:
        """What to say where the training data had a column that names the streams, and these none.

        Args:
            first: the first line.
        """
        key = self.wanted.key
        if key is None or self.has_key or not self.wanted.is_trained:
            return None
        near = self._near([key], self._names_in(first))
        return (
            f"There is no {key!r}, which told the sequences apart in training: all steps are one "
            f"sequence, as far as no empty line ends it.{near} --key NAME tells what names the "
            "sequences here; --key none says that they are one."
        )

    @abc.abstractmethod
    def _names_in(self, first: str) -> Sequence[str]:
        """The names in the first line; empty: there are none."""

    def _made(self, values: Any, name: Any, reset: Any) -> Step:
        if type(name) not in (str, int):
            kind = f"the name of the stream ({self.wanted.key!r}) is {_shown(name)}"
            raise DataError(f"{kind}; expected text or a whole number.")
        if self.has_key and type(name) is str and name.strip() in ("", *_words("no_text")):
            raise DataError(f"{self.wanted.key!r} is empty: whose step is this?")
        if self.wanted.value is None:
            return Step(values, name, reset)
        found = reset if isinstance(reset, str) else json.dumps(reset)
        return Step(values, name, None, found == self.wanted.value)


def lines_of(first: str, format_: str | None, wanted: Wanted) -> StepLines:
    """What takes lines apart, of the first of them that is not empty.

    Args:
        first: the line.
        format_: one of `FORMATS`; `None`: it is recognised.
        wanted: what is looked for.

    Raises:
        DataError: columns that are wanted are missing.
        OptionError: another format.
    """
    if format_ not in (None, *FORMATS):
        near = did_you_mean(str(format_), FORMATS)
        raise OptionError(f"--format is {format_!r}; expected {', '.join(FORMATS)}.{near}")
    if format_ == "json" or (format_ is None and first.lstrip()[:1] in ("{", "[")):
        return JsonLines(wanted, first)
    return CsvLines(wanted, first, format_)


# -- JSON -----------------------------------------------------------------------------------------


class JsonLines(StepLines):
    """A JSON value a line."""

    is_json = True

    def __init__(self, wanted: Wanted, first: str) -> None:
        super().__init__(wanted)
        is_object = first.lstrip()[:1] == "{"
        self.has_key = wanted.key is not None and (
            not wanted.is_usual or (is_object and wanted.key in _parsed(first))
        )
        self.note = "JSON lines" + (f"; a stream for each {wanted.key!r}" if self.has_key else "")
        if not is_object and (self.has_key or wanted.reset is not None):
            name = wanted.key if self.has_key else wanted.reset
            raise DataError(f"{_shown(first)} has no field {name!r}; expected an object.")

    def step(self, line: str) -> Step:
        value = _parsed(line)
        if not isinstance(value, dict):
            if self.has_key:
                raise DataError(f"{_shown(line)} has no field {self.wanted.key!r}.")
            return self._made(self._list(value), "", None)
        key, reset = self.wanted.key, self.wanted.reset
        for name in (key if self.has_key else None, reset):
            if name is not None and name not in value:
                near = self._near([name], value)
                raise DataError(
                    f"there is no field {name!r}; the fields are {_names(value)}.{near}"
                )
        return self._made(self._values(value), value[key] if self.has_key else "", value.get(reset))

    def _names_in(self, first: str) -> Sequence[str]:
        value = _parsed(first)
        return list(value) if isinstance(value, dict) else ()

    def _values(self, fields: dict[str, Any]) -> Any:
        channels = self.wanted.channels
        for name in _VALUES:
            if isinstance(fields.get(name), list):
                return self._list(fields[name])
        if channels is not None:
            missing = [name for name in channels if name not in fields]
            if not missing:
                return self._list([fields[name] for name in channels])
        for name in _VALUES:
            if name in fields:
                return self._list(fields[name])
        if channels is None:
            raise DataError(
                f'the fields are {_names(fields)}; expected "x" with {self.wanted.expected}.'
            )
        raise DataError(
            f"there is no field {_names(missing)}; expected {self.wanted.expected}, or a list "
            f'"x" of them.{self._near(missing, fields)}'
        )

    def _list(self, value: Any) -> Any:
        """Numbers with NaN for null; a token; a text."""
        wanted = self.wanted
        given = value if isinstance(value, list) else [value]
        if len(given) != wanted.count:
            came = "1 value" if len(given) == 1 else f"{len(given)} values"
            raise DataError(f"{_shown(value)} has {came}; expected {wanted.expected}.")
        kinds: tuple[type, ...] = (int, float)
        kinds = (str,) if wanted.kind == "texts" else (int,) if wanted.kind == "tokens" else kinds
        for one in given:
            missing = one is None and wanted.kind == "numbers"
            if not missing and type(one) not in kinds:
                raise DataError(f"a value is {_shown(one)}; expected {wanted.expected}.")
        if wanted.kind != "numbers":
            return given[0]
        return [float("nan") if one is None else one for one in given]


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{_shown(line)} is no JSON ({error}).") from None


# -- CSV ------------------------------------------------------------------------------------------


class CsvLines(StepLines):
    """Cells between separators, below a header or without one."""

    def __init__(self, wanted: Wanted, first: str, format_: str | None) -> None:
        super().__init__(wanted)
        self.separator = next((one for one in "\t;," if one in first), ",")
        self._decimal = "," if self.separator == ";" else "."
        cells = [cell.strip() for cell in self._cells(first)]
        self._waits = format_ == "csv" or (format_ is None and self._is_header(cells))
        names = cells if self._waits else [str(n) for n in range(1, len(cells) + 1)]
        self._width = len(names)
        self.has_key = wanted.key is not None and (not wanted.is_usual or wanted.key in names)
        if wanted.is_usual and not self._waits:
            self.has_key = False
        key = self._column(wanted.key, names) if self.has_key else None
        self._key, self._reset = key, self._column(wanted.reset, names)
        self._columns = self._channels(names)
        self.note = self._described(names)

    def _names_in(self, first: str) -> Sequence[str]:
        return [cell.strip() for cell in self._cells(first)] if self._waits else ()

    def _is_header(self, cells: Sequence[str]) -> bool:
        """Whether one of the names is there, or something that is no number."""
        wanted = self.wanted
        known = {*(wanted.channels or ()), wanted.key, wanted.reset}
        if wanted.kind == "texts":
            return len(cells) > 1 and bool(known & set(cells))
        read = [name for name in (wanted.key, wanted.reset) if name and name.isdigit()]
        others = [cell for n, cell in enumerate(cells, 1) if str(n) not in read]
        return bool(known & set(cells)) or not all(map(self._is_number, others))

    def _is_number(self, cell: str) -> bool:
        try:
            self._number(cell)
        except ValueError:
            return False
        return True

    def _column(self, name: str | None, names: Sequence[str]) -> int | None:
        if name is None:
            return None
        if name not in names:
            hint = " Without a header columns are numbers, from 1 on."
            hint = self._near([name], names) if self._waits else hint
            raise DataError(f"there is no column {name!r}; they are {_names(names)}.{hint}")
        return names.index(name)

    def _channels(self, names: Sequence[str]) -> list[int]:
        """The columns of the channels: by their names, or all that are nothing else."""
        wanted = self.wanted
        if wanted.channels is not None and self._waits:
            missing = [name for name in wanted.channels if name not in names]
            if missing:
                raise DataError(
                    f"there is no column {_names(missing)}; the columns are {_names(names)}."
                    f"{self._near(missing, names)}"
                )
            return [names.index(name) for name in wanted.channels]
        taken = {self._key, self._reset}
        beside = _BESIDE if self._waits else set()
        rest = [n for n, name in enumerate(names) if n not in taken and name.lower() not in beside]
        if len(rest) != wanted.count:
            raise DataError(
                f"there are {len(rest)} columns of values ({_names([names[n] for n in rest])}); "
                f"expected {wanted.expected}."
            )
        return rest

    def _described(self, names: Sequence[str]) -> str:
        kind = "CSV with a header" if self._waits else "CSV without a header"
        shown = first_few([names[n] for n in self._columns], 8)
        channels = f"; channels {shown}" if self._waits else ""
        key = f"; a stream for each {names[self._key]!r}" if self._key is not None else ""
        return f"{kind}{channels}{key}"

    def _cells(self, line: str) -> list[str]:
        if '"' not in line:
            return line.split(self.separator)
        try:
            return next(csv.reader([line], delimiter=self.separator), [])
        except csv.Error as error:
            raise DataError(f"{_shown(line)} is no line of CSV: {error}.") from error

    def step(self, line: str) -> Step | None:
        cells = self._cells(line)
        if self._waits:
            self._waits = False
            return None
        if len(cells) != self._width:
            raise DataError(f"{_shown(line)} has {len(cells)} cells; expected {self._width}.")
        given = [cells[n] for n in self._columns]
        if self.wanted.kind == "texts":
            values: Any = given[0]
        else:
            values = self._numbers(given)
        name = cells[self._key] if self._key is not None else ""
        return self._made(values, name, None if self._reset is None else cells[self._reset])

    def _numbers(self, cells: list[str]) -> Any:
        kind: Callable[[str], Any] = int if self.wanted.kind == "tokens" else self._number
        try:
            values = [kind(cell) for cell in cells]
        except ValueError:
            wrong = next(cell for cell in cells if not self._is_number(cell) or kind is int)
            raise DataError(
                f"a value is {_shown(wrong)}; expected {self.wanted.expected}"
                f"{'' if kind is int else ', and nothing where one is missing'}."
            ) from None
        return values[0] if kind is int else values

    def _number(self, cell: str) -> float:
        try:
            return float(cell)
        except ValueError:
            if cell.strip() in _words("missing"):
                return float("nan")
            if self._decimal == ",":
                return float(cell.replace(",", "."))
            raise


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else text[:60] + "..."


def _names(names: Any) -> str:
    return first_few(list(map(repr, names)), 8)
