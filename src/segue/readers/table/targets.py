"""The column of labels: which values are classes, which are numbers, and which are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.readers.labels import as_classes, as_labels
from segue.readers.table.columns import Columns
from segue.readers.table.words import NO_TEXT
from segue.sequences import Array

Index = npt.NDArray[np.int64]

# Whole numbers that are more different than this are not classes but something that is measured.
_CLASSES_AT_MOST = 100


@dataclass(frozen=True)
class Labels:
    """A label column.

    Attributes:
        name: of the column.
        codes: `[rows]` positions in `values`; -1: none.
        values: the different labels: text, whole numbers, or real numbers.
    """

    name: str
    codes: Index
    values: Array

    def of_sequences(self, columns: Columns, rows: Index) -> Array | None:
        """`[n]`, the labels that stand in these rows; `None` where no row has one.

        Raises:
            FileError: some rows have none.
        """
        codes = self.codes[rows]
        absent = codes < 0
        if absent.all():
            return None
        if absent.any():
            row = int(rows[int(absent.argmax())])
            raise columns.loaded.error(
                f"column {self.name!r} has no label; {int(absent.sum()):,} of {len(rows):,} "
                "sequences have none. Leave those out, or read without labels: label='none'.",
                row,
            )
        values = self.values
        used = len(np.unique(codes))
        if values.dtype.kind in "iu" and used > _CLASSES_AT_MOST and used > len(rows) / 4:
            values = values.astype(np.float64)
        return np.asarray(values[codes])

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
        names = np.unique(self.values)
        return tuple(names.tolist()), np.searchsorted(names, self.values)


def labels_of(columns: Columns, name: str) -> Labels:
    """Take a column as labels."""
    codes, values = columns.codes(name), columns.values(name)
    if columns.kinds.get(name) == "number":
        numbers = np.array([float(value) for value in values])
        return Labels(name, codes, as_classes(numbers))
    texts = [str(value).strip() for value in values]
    kept = [text for text in dict.fromkeys(texts) if text not in NO_TEXT]
    places = {text: place for place, text in enumerate(kept)}
    table = np.array([*(places.get(text, -1) for text in texts), -1])
    return Labels(name, table[codes], as_labels(kept) if kept else np.array([], str))
