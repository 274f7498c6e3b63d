"""A table of predictions, and the formats in which it is written.

Ids and labels are written as they came, so that the table can be joined with its source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from segue.atomic import replacing
from segue.cli.shared import plain
from segue.errors import DataError

_NEEDS_QUOTES = re.compile(r'[",\r\n]|^\s|\s$')
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Predictions:
    """A row for each sequence, or each step.

    Attributes:
        columns: the values of all rows, by heading.
        probabilities: likewise, by class; empty where there are none.
    """

    columns: dict[str, Any]
    probabilities: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["id"])

    def write(self, path: Path, *, spreadsheet: bool = False) -> None:
        """Write a file of the format that its ending says, one of `FORMATS`, whole or not at all.

        Args:
            path: the file.
            spreadsheet: as in `to_csv`.

        Raises:
            DataError: values that Parquet cannot hold.
            WriteError: the disk is full or read-only.
        """
        ending = path.suffix.lower()
        with replacing(path) as temporary:
            if ending == ".csv":
                text = self.to_csv(spreadsheet=spreadsheet)
                temporary.write_bytes(text.encode("utf-8", "surrogateescape"))
            elif ending == ".parquet":
                self._write_parquet(temporary)
            else:
                # What is no character, as in a file's name in another encoding, is \udc80 in JSON.
                text = self.to_json() if ending == ".json" else self.to_json_lines()
                temporary.write_bytes(text.encode("utf-8", "backslashreplace"))

    def to_csv(self, *, spreadsheet: bool = False) -> str:
        """The table below a line of headings; probabilities with six digits.

        Args:
            spreadsheet: put an apostrophe before text that a spreadsheet would take for a formula.

        >>> print(Predictions({"id": ["007", "a,b"], "prediction": ["=up", "-1"]}).to_csv())
        id,prediction
        007,=up
        "a,b",-1
        <BLANKLINE>
        """
        shown = {heading: _texts(values) for heading, values in self.columns.items()}
        for name, values in self.probabilities.items():
            shown[f"probability_{name}"] = [f"{value:.6g}" for value in np.asarray(values).tolist()]
        rows = [tuple(shown), *zip(*shown.values(), strict=True)]
        prepare = _guarded if spreadsheet else str
        return "".join(",".join(_quoted(prepare(cell)) for cell in row) + "\n" for row in rows)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One object for each row, for JSON: the probabilities are an object, by class."""
        values = zip(*map(_listed, self.columns.values()), strict=True)
        shares = zip(*map(_listed, self.probabilities.values()), strict=True)
        for row in values:
            named = dict(zip(self.columns, row, strict=True))
            if self.probabilities:
                named["probabilities"] = dict(zip(self.probabilities, next(shares), strict=True))
            yield plain(named)

    def to_json(self) -> str:
        """A list with an object for each row, in a line each."""
        return "[" + ",\n".join(map(_as_json, self.rows())) + "]\n"

    def to_json_lines(self) -> str:
        """An object for each row, in a line each."""
        return "".join(_as_json(row) + "\n" for row in self.rows())

    def _write_parquet(self, path: Path) -> None:
        from pyarrow import parquet

        named = {f"probability_{name}": v for name, v in self.probabilities.items()}
        columns = {name: _typed(name, v) for name, v in {**self.columns, **named}.items()}
        parquet.write_table(pa.table(columns), path)


FORMATS = (".csv", ".json", ".jsonl", ".parquet")


def _listed(values: Any) -> list[Any]:
    """Values of Python."""
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def _texts(values: Any) -> list[str]:
    """Each value in full: of a number the shortest text that is read as the same number."""
    return ["" if value is None else str(value) for value in values]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def _guarded(text: str) -> str:
    """A formula of a spreadsheet as text; numbers stay numbers.

    >>> [_guarded(text) for text in ("=1+1", "-0.5", "-up", "up")]
    ["'=1+1", '-0.5', "'-up", 'up']
    """
    return "'" + text if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _as_json(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False)


def _typed(name: str, values: Any) -> pa.Array:
    """A column of Parquet, of the type that the values have; whole numbers beyond 64 bits as text.

    Raises:
        DataError: values of several types, or what is no text of Unicode.
    """
    if not isinstance(values, np.ndarray) or values.dtype == object:
        values = _listed(values)
        if any(type(value) is int and not -(2**63) <= value < 2**63 for value in values):
            values = [str(value) for value in values]
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, UnicodeError) as error:
        raise DataError(
            f"Parquet cannot hold the column {name!r} ({error}). Write a file that ends in .csv or "
            ".jsonl."
        ) from error
