"""Labelled sequences as the files of the UEA and UCR archives have them, one case a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from segue.dataset import Dataset
from segue.readers.labels import as_labels
from segue.sequences import Array, Sequences

Labels = Literal["class", "target", "none"]


_NONE: Array = np.zeros(0)


class Case(NamedTuple):
    """One sequence.

    Attributes:
        values: `[time, channel]` float32.
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


def of_cases(
    cases: Sequence[Case], labels: Labels | None, classes: Sequence[str], **known: Any
) -> Dataset:
    """Make a data set of cases.

    Args:
        cases: the sequences, in their order.
        labels: whether they end with a class, with a number to be predicted, or with neither.
        classes: the names of all classes.
        known: what else the data set has.
    """
    x = Sequences.from_list([case.values for case in cases])
    if labels == "class":
        names = dict(zip(classes, as_labels(classes).tolist(), strict=True))
        y = np.array([names[case.label] for case in cases])
        return Dataset(x, y, tuple(sorted(names.values())), **known)
    targets = np.array([float(case.label) for case in cases]) if labels == "target" else None
    return Dataset(x, targets, **known)
