"""`segue predict MODEL -`: standard input as a data set.

A table, as it would lie in a file: CSV of any dialect, also packed by gzip; Parquet or Feather.
Or JSON lines, of one of three forms:

    [0.5, 1.0]    [[0.5, 7], [1.0, 8]]       a sequence: numbers, or a list for each time step
    {"id": "a", "x": [[0.5, 7], [1.0, 8]]}   a sequence with its id; "values" for "x" will do
    {"id": "a", "time": 0, "ax": 0.5}        the row of a table
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.data.summary import one_line
from segue.errors import DataError, FileError, OptionError
from segue.readers import read

_EXPECTED = "expected a table (CSV), or JSON lines"
_VALUES = ("x", "values")
# How files begin that are no text, with their endings.
_BEGINNINGS = {b"PAR1": ".parquet", b"ARROW1": ".feather", b"\x1f\x8b": ".csv.gz"}
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")  # of byte order

Lines = list[tuple[str, Any]]  # where it stands, and its value


def read_standard_input(
    stream: BinaryIO,
    *,
    like: Any,
    part: str | None = None,
    limit: int | None = None,
    **columns: Any,
) -> Dataset:
    """Read all of a stream as the source of a model was read.

    Args:
        stream: of bytes.
        like: the model.
        part: as in `segue.read`.
        limit: likewise.
        columns: options of a table; `window_label` also goes with sequences.

    Raises:
        DataError: an empty stream, or what is no table and no JSON lines.
        OptionError: options of a table for sequences that are none.
    """
    content = stream.read()
    begin = content
    for mark in _MARKS:
        begin = begin.removeprefix(mark)
    begin = begin.lstrip(b" \t\r\n\0")[:1]  # with zeros: UTF-16
    if not begin:
        raise DataError(f"Standard input is empty; {_EXPECTED}.")
    lines = _json_lines(content) if begin in b"{[" else []
    if lines and _are_sequences(lines):
        unknown = [name for name in columns if name != "window_label"]
        if unknown:
            text = f"The option {unknown[0]!r} is for a table, and these are sequences."
            raise OptionError(text)
        data = _sequences(lines, like)
        return (data if part is None else data.part(part))[:limit]
    starts = (end for start, end in _BEGINNINGS.items() if content.startswith(start))
    ending = ".parquet" if lines else next(starts, ".csv")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"standard-input{ending}"
        if lines:
            from pyarrow import parquet

            parquet.write_table(_as_table(lines), path)
        else:
            path.write_bytes(content)
        try:
            return read(path, part=part, limit=limit, like=like, **columns)
        except FileError as error:
            raise DataError(str(error).replace(str(path), "standard input")) from error


# -- JSON -----------------------------------------------------------------------------------------


def _json_lines(content: bytes) -> Lines:
    """The value of each line; of a single list of objects, or of sequences, each of these.

    Raises:
        DataError: what is no JSON.
    """
    encoding = json.detect_encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = f"Standard input, line {line}: byte {error.start} is no {encoding}."
        raise DataError(text) from None
    try:
        value = json.loads(text)  # one value, also over several lines
    except ValueError:
        lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
        return [(f"line {n}", _parsed(line, n)) for n, line in lines]
    first = value[0] if isinstance(value, list) and value else None
    has_steps = isinstance(first, list) and bool(first) and isinstance(first[0], list)
    if isinstance(first, dict) or has_steps:
        return [(f"record {i}", one) for i, one in enumerate(value, 1)]
    return [("line 1", value)]


def _parsed(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        text = f"Standard input, line {number} is no JSON ({error}); {_EXPECTED}."
        raise DataError(text) from None


def _are_sequences(lines: Lines) -> bool:
    """Whether each is a sequence, and not the row of a table.

    Raises:
        DataError: some are and some are not, or they are neither.
    """
    kinds: dict[str, str] = {}
    for where, value in lines:
        if not isinstance(value, list) and not (isinstance(value, dict) and value):
            raise DataError(
                f"Standard input, {where} is {json.dumps(value)[:40]}; expected a list of numbers, "
                'or an object such as {"id": "a", "x": [0.5, 1.0]}.'
            )
        kind = "lists" if isinstance(value, list) else "rows of a table"
        if isinstance(value, dict) and any(isinstance(value.get(name), list) for name in _VALUES):
            kind = 'objects with a list "x" or "values"'
        kinds.setdefault(kind, where)
    if len(kinds) > 1:
        named = " and ".join(f"{kind} ({where})" for kind, where in kinds.items())
        raise DataError(f"Standard input has {named}; expected one of them throughout.")
    return "rows of a table" not in kinds


def _as_table(lines: Lines) -> pa.Table:
    columns = {}
    for name in dict.fromkeys(name for _, row in lines for name in row):
        values = [row.get(name) for _, row in lines]
        if any(type(value) is int and abs(value) >= 2**63 for value in values):
            values = [None if value is None else str(value) for value in values]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowException, TypeError) as error:
            kinds = sorted({type(value).__name__ for value in values if value is not None})
            raise DataError(
                f"Standard input: {name!r} is {' and '.join(kinds)}; expected values of one type."
            ) from error
    return pa.table(columns)


def _sequences(lines: Lines, like: Any) -> Dataset:
    """A data set of lists, or of objects with their ids, as "id" or as in training."""
    id_name = (getattr(like, "reading_", None) or {}).get("id", "id")
    values, ids, left_out = [], [], dict[str, None]()
    for where, row in lines:
        fields = row if isinstance(row, dict) else {"x": row}
        name = next(name for name in _VALUES if isinstance(fields.get(name), list))
        values.append(_steps(fields[name], where))
        id_ = id_name if id_name in fields else "id"
        ids.append(fields.get(id_))
        left_out |= dict.fromkeys(field for field in fields if field not in (name, id_))
    x = Sequences.from_list(values, exact=True)  # float64, as `predict` takes it
    data = Dataset(x, ids=_ids(ids, lines))
    note = f"JSON: {one_line(data).partition(';')[0]}"
    note += f"; left out {', '.join(map(repr, left_out))}" if left_out else ""
    return replace(data, notes=(note,))


def _steps(value: list[Any], where: str) -> npt.NDArray[Any]:
    """`[time]` or `[time, channel]`; null is NaN.

    Raises:
        DataError: something else.
    """
    try:
        steps = np.asarray(value)
        steps = steps if steps.dtype.kind in "iu" else np.asarray(value, np.float64)
    except (ValueError, TypeError):
        steps = np.array(0)
    if steps.ndim not in (1, 2) or steps.size == 0:
        raise DataError(
            f"Standard input, {where}: expected a list of numbers, or a list for each time step "
            "with a number for each channel, and null where one is missing."
        )
    return steps


def _ids(ids: list[Any], lines: Lines) -> npt.NDArray[Any] | None:
    if all(value is None for value in ids):
        return None
    if None in ids:
        where = lines[ids.index(None)][0]
        raise DataError(f"Standard input, {where} has no id, and others have one.")
    kinds = sorted({type(value).__name__ for value in ids})
    if len(kinds) > 1 or kinds[0] not in ("str", "int", "float"):
        listed = ", ".join(kinds)
        raise DataError(f"Standard input: the ids are {listed}; expected text, or whole numbers.")
    is_large = kinds == ["int"] and any(abs(value) >= 2**63 for value in ids)
    return np.array(ids, object if is_large else None)
