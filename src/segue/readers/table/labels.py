"""A column of labels, and columns of ids, groups and parts: their values as they came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.labels import as_label, as_labels
from segue.readers.decoding import labels_of_texts
from segue.readers.registry import part_named
from segue.readers.table.cells import truth_values, written_plainly
from segue.readers.table.columns import Columns
from segue.sequences import Array

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """A label column.

    Attributes:
        name: of the column.
        codes: `[rows]` positions in `values`; -1: none.
        values: the different labels: text, whole numbers, truth values, or real numbers.
    """

    name: str
    codes: Index
    values: Array

    def of_sequences(
        self, columns: Columns, rows: Index, *, drop: bool = False
    ) -> tuple[Array | None, npt.NDArray[np.bool_]]:
        """`[n]`, the labels that stand in these rows, and which sequences are kept.

        `None` where no row has one.

        Args:
            columns: of the table.
            rows: of the sequences.
            drop: leave out those that have none.

        Raises:
            FileError: some rows have none.
        """
        codes = self.codes[rows]
        absent = codes < 0
        if absent.all():
            return None, absent  # and all are kept
        if absent.any() and not drop:
            raise columns.loaded.error(
                f"column {self.name!r} has no label; {int(absent.sum()):,} of {len(rows):,} "
                "sequences have none. Leave those out: drop_missing=True (--drop-missing), or read "
                "without labels: label='none'.",
                int(rows[absent][0]),
            )
        return np.asarray(self.values[codes[~absent]]), ~absent

    def as_classes(self, columns: Columns) -> tuple[tuple[Any, ...], Index]:
        """The class names in order, and the place of each value in it.

        Raises:
            FileError: real numbers, which are no classes.
        """
        if self.values.dtype.kind == "f":
            raise columns.loaded.error(
                f"column {self.name!r} varies from step to step and holds real numbers, which are "
                "no classes: name another label, or none (label='none')."
            )
        names, places = np.unique(self.values, return_inverse=True)
        return tuple(names.tolist()), places


def labels_of(columns: Columns, name: str) -> Labels:
    """Take a column as labels."""
    codes, values = columns.codes(name), columns.values(name)
    if not _are_texts(values):
        return Labels(name, codes, as_labels(values, what=name)[0])
    texts, places = np.unique([value.strip() for value in values], return_inverse=True)
    labels = _of_texts(texts.tolist(), columns.loaded.dialect.decimal)
    return Labels(name, np.append(places, -1)[codes], labels)


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _of_texts(texts: list[str], decimal: str) -> Array:
    meanings = truth_values(texts)
    if meanings is not None and {"true", "false"} & {text.lower() for text in texts}:
        return np.array([meanings[text] for text in texts])
    if not all(written_plainly(text, decimal) for text in texts):
        return labels_of_texts(texts)
    numbers = [text.replace(decimal, ".") for text in texts]
    labels = labels_of_texts(numbers)
    return labels if labels.dtype.kind == "i" else labels.astype(np.float64)


def plain_values(columns: Columns, name: str) -> Array:
    """`[rows]` whole numbers, or text: ids and groups as they came.

    They are numbers only where nothing is lost: `007`, `1.10` and those beyond 2**53 stay text.

    Raises:
        FileError: an empty field.
    """
    codes, values = columns.codes(name), columns.values(name)
    if (codes < 0).any():
        raise columns.loaded.error(f"column {name!r} is empty.", int(codes.argmin()))
    if _are_texts(values):
        texts = [value.strip() for value in values]
        found = labels_of_texts(texts)
    else:
        texts = [str(as_label(value)) for value in values]
        found = as_labels(values, what=name)[0]
    is_whole = found.dtype.kind == "i" and list(map(str, found.tolist())) == texts
    return np.asarray((found if is_whole else np.array(texts))[codes])


def parts_of(columns: Columns, name: str) -> Array:
    """`[rows]` train, validation or test.

    Raises:
        FileError: another word.
    """
    found, places = np.unique(plain_values(columns, name), return_inverse=True)
    parts = [part_named(str(value)) for value in found]
    if None in parts:
        strange = parts.index(None)
        raise columns.loaded.error(
            f"column {name!r} has {found[strange].item()!r}; expected train, validation or test.",
            int((places == strange).argmax()),
        )
    return np.array(parts)[places]
