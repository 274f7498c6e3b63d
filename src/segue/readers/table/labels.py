"""A column of labels, and columns of ids, groups and parts: their values as they came."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.labels import as_label, as_labels
from segue.readers.labels import LARGEST
from segue.readers.labels import as_labels as labels_of_texts
from segue.readers.registry import part_named
from segue.readers.table.cells import truth_values, written_plainly
from segue.readers.table.columns import Columns, kind_of
from segue.sequences import Array

Index = npt.NDArray[np.int64]
_WHOLE = re.compile(r"-?(?:0|[1-9]\d*)")


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
            return None, ~absent | True
        if absent.any() and not drop:
            row = int(rows[int(absent.argmax())])
            raise columns.loaded.error(
                f"column {self.name!r} has no label; {int(absent.sum()):,} of {len(rows):,} "
                "sequences have none. Leave those out: drop_missing=True (--drop-missing), or read "
                "without labels: label='none'.",
                row,
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
        names = np.unique(self.values)
        return tuple(names.tolist()), np.searchsorted(names, self.values)


def labels_of(columns: Columns, name: str) -> Labels:
    """Take a column as labels."""
    codes, values = columns.codes(name), columns.values(name)
    if not values:
        return Labels(name, codes, np.array([], str))
    if kind_of(columns.table.schema.field(name).type) != "text":
        labels, _ = as_labels(values, what=name)
        return Labels(name, codes, labels)
    texts = [str(value).strip() for value in values]
    kept = list(dict.fromkeys(texts))
    table = np.array([*map(kept.index, texts), -1])
    return Labels(name, table[codes], _of_texts(kept, columns.loaded.dialect.decimal))


def _of_texts(texts: list[str], decimal: str) -> Array:
    meanings = truth_values(texts)
    if meanings is not None and {"true", "false"} & {text.lower() for text in texts}:
        return np.array([meanings[text] for text in texts])
    if all(written_plainly(text, decimal) for text in texts):
        numbers = [text.replace(decimal, ".") for text in texts]
        labels = labels_of_texts(numbers)
        return labels if labels.dtype.kind == "i" else np.array([*map(float, numbers)])
    return labels_of_texts(texts)


def plain_values(columns: Columns, name: str | None) -> Array | None:
    """`[rows]` whole numbers, or text: ids and groups as they came.

    They are numbers only where nothing is lost: `007`, `1.10` and those beyond 2**53 stay text.

    Raises:
        FileError: an empty field.
    """
    if name is None:
        return None
    codes = columns.codes(name)
    if (codes < 0).any():
        raise columns.loaded.error(f"column {name!r} is empty.", int(codes.argmin()))
    is_text = kind_of(columns.table.schema.field(name).type) == "text"
    values = columns.values(name)
    return np.asarray((_ids_of_texts(values) if is_text else _ids(values))[codes])


def _ids_of_texts(texts: Sequence[str]) -> Array:
    stripped = [text.strip() for text in texts]
    whole = all(_WHOLE.fullmatch(text) and abs(int(text)) <= LARGEST for text in stripped)
    return np.array([*map(int, stripped)] if whole else stripped)


def _ids(values: Sequence[Any]) -> Array:
    plain = [as_label(value) for value in values]
    whole = all(isinstance(v, int) and not isinstance(v, bool) for v in plain)
    if whole and all(abs(int(value)) < 2**63 for value in plain if value is not None):
        return np.array(plain, np.int64)
    return np.array([str(value) for value in plain])


def parts_of(columns: Columns, name: str | None) -> Array | None:
    """`[rows]` train, validation or test.

    Raises:
        FileError: another word.
    """
    found = plain_values(columns, name)
    if found is None:
        return None
    parts = {text: part_named(str(text)) for text in np.unique(found).tolist()}
    strange = [text for text, part in parts.items() if part is None]
    if strange:
        row = int((found == strange[0]).argmax())
        raise columns.loaded.error(
            f"column {name!r} has {strange[0]!r}; expected train, validation or test.", row
        )
    return np.array([parts[text] for text in found.tolist()], dtype="<U10")
