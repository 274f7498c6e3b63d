"""The tab-separated files of the UCR archive of 2018: one series a line, its label first.

Series of one file have the same number of columns: a shorter one is filled up with NaN at its end.
A NaN before the end is a missing value.

Source: Dau et al., "The UCR time series archive", IEEE/CAA J. Autom. Sinica 6(6), 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, FileError
from segue.readers.blocks import Blocks, collected
from segue.readers.cases import is_number, values_of, without_padding
from segue.readers.decoding import find_encoding, labels_of_texts, open_for_a_look, open_text


def blocks(
    path: Path, *, values: int | None = None, limit: int | None = None, encoding: str | None = None
) -> Blocks:
    """Read one `.tsv` file.

    Args:
        path: the file.
        values: about so many values at a time; `None`: everything at once.
        limit: read only the first so many lines.
        encoding: such as "cp1252"; inferred from the file if left out.

    Yields:
        Data sets of one channel. NaN at the end is cut off, NaN before it stays as a missing
        value; a series that is all NaN keeps its full length. Labels that all are whole numbers
        become ints.

    Raises:
        FileError: what is wrong, with the number of the line.
    """
    found = find_encoding(path, encoding, head=limit is not None)
    with open_text(path, found.name) as file:  # what is a number is inferred from all labels
        texts = [line.partition("\t")[0].strip() for line in islice(file, limit)]
    if not texts:
        raise FileError("is empty; expected a label and values in each line.", path=path)
    labels = labels_of_texts(texts)
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
    number = expected = 0
    try:
        for number, line in enumerate(lines, start=1):  # noqa: B007 (used below)
            label, _, texts = line.rstrip("\r\n").partition("\t")
            label = label.strip()
            if not label or not texts:
                raise DataError("expected a label, a tab and then values separated by tabs.")
            if label.lower() == "nan":  # the sign of this format for what is missing
                raise DataError(f"has no label ({label!r}): leave such lines out.")
            values = values_of([texts], "\t", missing="NaN", where="")[:, 0]
            expected = expected or len(values)
            if len(values) != expected:
                raise DataError(
                    f"has {len(values)} values; the lines before have {expected}. "
                    "Fill shorter series up with NaN at their end."
                )
            yield without_padding(values)
    except DataError as error:
        raise FileError(str(error), path=path, line=number) from None


def accepts(path: Path) -> bool:
    """Whether a `.tsv` file is one of the archive; a table with names, or more text, is not."""
    with open_for_a_look(path) as file:
        first, second = (file.readline().rstrip("\r\n").split("\t")[1:] for _ in range(2))
    numbers = [is_number(text) for text in first]
    # A value that is no number is a mistake in the file, if the next line has one there.
    return all(numbers) or (any(numbers) and all(is_number(text) for text in second if text))
