"""The tab-separated files of the UCR archive of 2018: one series a line, its label first.

Series of one file have the same number of columns: a shorter one is filled up with NaN at its end.
A NaN before the end is a missing value.

Source: Dau et al., "The UCR time series archive", IEEE/CAA J. Autom. Sinica 6(6), 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, FileError
from segue.precision import is_infinite
from segue.readers.blocks import Blocks, collected
from segue.readers.cases import without_padding
from segue.readers.decoding import find_encoding, open_for_a_look, open_text
from segue.readers.labels import as_labels
from segue.sequences import Array, Sequences


def blocks(
    path: Path, *, values: int | None = None, limit: int | None = None, encoding: str | None = None
) -> Blocks:
    """Read one `.tsv` file.

    Args:
        path: the file.
        values: about so many values at a time; `None`: everything at once.
        limit: read only the first so many lines.
        encoding: such as "cp1252"; told from the file if left out.

    Yields:
        Data sets of one channel. NaN at the end is cut off, NaN before it stays as a missing
        value; a series that is all NaN keeps its full length. Labels that all are whole numbers
        become ints.

    Raises:
        FileError: what is wrong, with the number of the line.
    """
    found = find_encoding(path, encoding)
    with open_text(path, found.name) as file:  # what is a number is told from all labels
        texts = [line.partition("\t")[0].strip() for line in islice(file, limit)]
    if not texts:
        raise FileError("is empty; expected a label and values in each line.", path=path)
    for number, text in enumerate(texts, start=1):
        if text.lower() == "nan":  # the sign of this format for what is missing
            message = f"has no label ({text!r}): leave such lines out."
            raise FileError(message, path=path, line=number)
    labels = as_labels(texts)
    notes = (found.note,) if found.note else ()
    done = 0
    with open_text(path, found.name) as file:
        for series in collected(_series(islice(file, limit), path), values):
            y = labels[done : done + len(series)]
            done += len(series)
            data = Dataset(Sequences.from_list(series), y, notes=notes, task="classify")
            yield data, done / len(labels)


def _series(lines: Iterable[str], path: Path) -> Iterator[Array]:
    """The values of each line, without what fills them up."""
    expected = 0
    for number, line in enumerate(lines, start=1):
        label, *texts = line.rstrip("\r\n").split("\t")
        expected = expected or len(texts)
        try:
            values = _values(label, texts, expected)
        except DataError as error:
            raise FileError(str(error), path=path, line=number) from None
        yield without_padding(values)


def accepts(path: Path) -> bool:
    """Whether a `.tsv` file is one of the archive; a table with names, or more text, is not."""
    with open_for_a_look(path) as file:
        first, second = (file.readline().rstrip("\r\n").split("\t") for _ in range(2))
    if len(first) < 2:
        return True
    strange = [text for text in first[1:] if not _is_number(text)]
    # A value that is no number is a mistake in the file, if the next line has one there.
    is_header = len(strange) == len(first) - 1 or any(
        not _is_number(text) for text in second[1:] if text
    )
    return not (strange and is_header)


def _values(label: str, texts: list[str], expected: int) -> Array:
    if not texts or not label.strip():
        raise DataError("expected a label, a tab and then values separated by tabs.")
    if len(texts) != expected:
        raise DataError(
            f"has {len(texts)} values; the lines before have {expected}. "
            "Fill shorter series up with NaN at their end."
        )
    try:
        values = np.array([*map(float, texts)])
    except ValueError:
        column = next(i for i, text in enumerate(texts) if not _is_number(text))
        kind = "a number"
    else:
        infinite = is_infinite(values)
        if not infinite.any():
            return values
        column, kind = int(infinite.argmax()), "a finite number"
    raise DataError(
        f"value {column + 1} is {texts[column][:40]!r}; expected {kind}, "
        "or NaN where it is missing."
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
