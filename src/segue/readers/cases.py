"""Files with a header, `@data` and a labelled sequence a line: what `.ts` and `.arff` share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple, Protocol, cast

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, FileError
from segue.precision import is_infinite
from segue.readers.blocks import Blocks, collected
from segue.readers.decoding import find_encoding, open_text
from segue.readers.labels import as_labels
from segue.sequences import Array

_NONE: Array = np.zeros(0)
_LARGEST = float(np.finfo(np.float32).max)


class Case(NamedTuple):
    """One sequence.

    Attributes:
        values: `[time, channel]` float64.
        label: as it is written; "" where there are none.
        times: `[time]` float64, from that of the first value on; `[0]` where there are none.
    """

    values: Array
    label: str = ""
    times: Array = _NONE

    @property
    def size(self) -> int:
        """How many values there are."""
        return self.values.size


class CaseFormat(Protocol):
    """How the lines of one file are understood; the problems are `DataError`s without the line."""

    @property
    def at_once(self) -> bool:
        """Whether all cases are needed before anything can be said of one."""

    def read_tag(self, line: str) -> bool:
        """Take in one line of the header; return whether more of them are expected."""

    def read_case(self, line: str) -> Case:
        """Read one line behind `@data`."""

    def data_set(self, cases: list[Case]) -> Dataset:
        """Make a data set of some or all cases."""


def read_cases(
    path: Path,
    form: CaseFormat,
    *,
    values: int | None,
    limit: int | None,
    encoding: str | None,
) -> Blocks:
    """Read a file, as the `blocks` of a reader do.

    Raises:
        FileError: what is wrong, with the number of the line.
    """
    found, size = find_encoding(path, encoding), path.stat().st_size
    notes = (found.note,) if found.note else ()
    with open_text(path, found.name) as file:
        coming, raw = _cases(file, form, limit, path), cast("IO[bytes]", file.buffer)
        first = next(coming)  # and with it the header
        for cases in collected(chain([first], coming), None if form.at_once else values):
            data = form.data_set(cases)
            yield replace(data, notes=(*notes, *data.notes)), min(1.0, raw.tell() / size)


def _cases(file: Iterable[str], form: CaseFormat, limit: int | None, path: Path) -> Iterator[Case]:
    number, cases, in_header = 0, 0, True
    try:
        for number, line in _lines(file):  # noqa: B007 (the message below needs it)
            if in_header:
                in_header = form.read_tag(line)
            elif cases != limit:
                cases += 1
                yield form.read_case(line)
            else:
                break
    except DataError as error:
        raise FileError(str(error), path=path, line=number) from None
    if in_header or not cases:
        what = "no line @data" if in_header else "no cases after @data"
        raise FileError(f"has {what}; expected a header, @data and one case a line.", path=path)


def _lines(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The lines that are neither empty nor comments, numbered as an editor numbers them."""
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text and text[0] not in "#%":
            yield number, text


def in_classes(cases: Sequence[Case], classes: Sequence[str]) -> tuple[Array, tuple[object, ...]]:
    """The label of each case, and all classes, sorted; ints where all are whole numbers."""
    names = dict(zip(classes, as_labels(classes).tolist(), strict=True))
    return np.array([names[case.label] for case in cases]), tuple(sorted(names.values()))


def values_of(channels: Sequence[str]) -> Array:
    """Return `[time, channel]` float64 of channels, each with commas between its values.

    Raises:
        DataError: a value that is no number.

    >>> values_of(["1,2", "3,?"])
    array([[ 1.,  3.],
           [ 2., nan]])
    """
    try:
        values = [*map(float, ",".join(channels).replace("?", "nan").split(","))]
    except ValueError:
        raise _bad_value(channels) from None
    steps = np.array(values)
    if is_infinite(steps).any():
        raise _bad_value(channels)
    return steps.reshape(len(channels), -1).T


def _bad_value(channels: Sequence[str]) -> DataError:
    for channel, text in enumerate(channels, start=1):
        for step, value in enumerate(text.split(","), start=1):
            came = repr(short(value)) if value.strip() else "empty"
            where = f"value {step} of channel {channel} is {came}; expected a"
            try:
                if abs(float(value.replace("?", "nan"))) > _LARGEST:
                    return DataError(f"{where} finite number, or `?` where it is missing.")
            except ValueError:
                return DataError(f"{where} number, or `?` where it is missing.")
    return DataError("has a value that is not a number.")


def without_padding(values: Array) -> Array:
    """Cut off the steps at the end that have no value, unless there are no others.

    >>> without_padding(np.array([np.nan, 1.0, np.nan, 2.0, np.nan]))
    array([nan,  1., nan,  2.])
    """
    missing = np.isnan(values)
    present = np.flatnonzero(~(missing if values.ndim == 1 else missing.all(axis=1)))
    return values[: present[-1] + 1] if len(present) else values


def short(text: str, at_most: int = 40) -> str:
    """A text that fits into a message."""
    return text if len(text) <= at_most else text[: at_most - 3] + "..."
