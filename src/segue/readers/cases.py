"""Text files with a labelled sequence in each line: the base of `.ts`, `.arff` and `.tsv`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np

from segue.data.arrays import is_infinite
from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, FileError
from segue.readers.blocks import Blocks, collected
from segue.readers.decoding import find_encoding, labels_of_texts, open_text

LabelKind = tuple[str, ...] | type[float] | type[str] | None


class Case(NamedTuple):
    """One sequence, `[time, channel]` float64, and its label as it is written, or ""."""

    values: Array
    label: str

    @property
    def size(self) -> int:
        """The number of values."""
        return self.values.size


class CaseFormat(ABC):
    """Base of the parsers of one file's lines; errors are `DataError`s without the line.

    Attributes:
        name: of the data.
        labels: the classes of the cases; or the type of their targets; `None` if they have neither.
        channels: of every case; 0 until the header or the first case is read.
        at_once: whether all cases are needed before a data set can be made.
    """

    name = ""
    labels: LabelKind = None
    channels = 0
    at_once = False

    @abstractmethod
    def read_tag(self, line: str) -> bool:
        """Take in one line of the header; return whether more of them are expected."""

    @abstractmethod
    def read_case(self, line: str) -> Case:
        """Read one line behind `@data`."""

    @abstractmethod
    def known(self) -> dict[str, Any]:
        """Further fields of the data set, beside name, values and labels."""

    def check_label(self, label: str, source: str) -> None:
        """Refuse a label that is none of the classes, or no number where it must be one."""
        if self.labels is float and not is_number(label):
            raise DataError(f"has the label {short(label)!r}; expected a number ({source}).")
        if isinstance(self.labels, tuple) and label not in self.labels:
            known = short(", ".join(self.labels), 200)
            raise DataError(f"has the class {short(label)!r}; those of {source} are {known}.")

    def data_set(self, cases: list[Case], note: str) -> Dataset:
        """Make a data set of some or all cases; classes that all are whole numbers become ints."""
        known = {"name": self.name, **self.known()}
        known["notes"] = (*([note] if note else []), *known.get("notes", ()))
        labels, y = [case.label for case in cases], None
        if isinstance(self.labels, tuple):
            names = dict(zip(self.labels, labels_of_texts(self.labels).tolist(), strict=True))
            known |= {"classes": tuple(sorted(names.values())), "task": "classify"}
            y = np.array([names[label] for label in labels])
        elif self.labels is not None:
            y = np.array(labels, self.labels)
        return Dataset(Sequences.from_list([case.values for case in cases]), y, **known)


def read_cases(
    path: Path, form: CaseFormat, *, values: int | None, limit: int | None, encoding: str | None
) -> Blocks:
    """Read a file, as the `blocks` of a reader do.

    Raises:
        FileError: what is wrong, with the number of the line.
    """
    found, size = find_encoding(path, encoding, head=limit is not None), path.stat().st_size
    with open_text(path, found.name) as file:
        coming, raw = _cases(file, form, limit, path), cast("IO[bytes]", file.buffer)
        first = next(coming)  # and with it the header
        for cases in collected(chain([first], coming), None if form.at_once else values):
            yield form.data_set(cases, found.note), min(1.0, raw.tell() / size)


def _cases(lines: Iterable[str], form: CaseFormat, limit: int | None, path: Path) -> Iterator[Case]:
    """The cases, behind a header; empty lines and comments are counted and skipped."""
    number, cases, in_header = 0, 0, True
    try:
        for number, line in enumerate(map(str.strip, lines), start=1):  # noqa: B007 (used below)
            if not line or line[0] in "#%":
                continue
            if in_header:
                in_header = form.read_tag(line)
            elif cases == limit:
                break
            else:
                cases += 1
                yield form.read_case(line)
    except DataError as error:
        raise FileError(str(error), path=path, line=number) from None
    if in_header or not cases:
        what = "no line @data" if in_header else "no cases after @data"
        raise FileError(f"has {what}; expected a header, @data and one case a line.", path=path)


def values_of(
    channels: Sequence[str], separator: str = ",", missing: str = "?", where: str = " of channel {}"
) -> Array:
    """Return `[time, channel]` float64 of channels, all with the same number of values.

    Args:
        channels: each with a separator between its values.
        separator: one character.
        missing: the mark of a missing value, beside `nan`.
        where: how a message names the channel.

    Raises:
        DataError: a value that is no number.

    >>> values_of(["1,2", "3,?"])
    array([[ 1.,  3.],
           [ 2., nan]])
    """
    text = separator.join(channels)
    numbers = text.replace(missing, "nan").split(separator)
    try:
        values = np.fromiter(map(float, numbers), np.float64, len(numbers))
    except ValueError:
        kind, bad = "number", next(i for i, one in enumerate(numbers) if not is_number(one))
    else:
        infinite = is_infinite(values)
        if not infinite.any():
            return values.reshape(len(channels), -1).T
        kind, bad = "finite number", int(infinite.argmax())
    channel, step = divmod(bad, len(numbers) // len(channels))
    value = text.split(separator)[bad]
    came = repr(short(value)) if value.strip() else "empty"
    raise DataError(
        f"value {step + 1}{where.format(channel + 1)} is {came}; expected a {kind}, or `{missing}` "
        "where it is missing."
    )


def is_number(text: str) -> bool:
    """Whether Python reads it as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def without_padding(values: Array) -> Array:
    """Cut off the steps at the end that have no value, unless there are no others.

    >>> without_padding(np.array([np.nan, 1.0, np.nan, 2.0, np.nan]))
    array([nan,  1., nan,  2.])
    """
    if not np.isnan(values[-1:]).all():
        return values
    present = np.flatnonzero(~np.isnan(values.reshape(len(values), -1)).all(axis=1))
    return values[: present[-1] + 1] if len(present) else values


def short(text: str, at_most: int = 40) -> str:
    """A text that fits into a message."""
    return text if len(text) <= at_most else text[: at_most - 3] + "..."
