"""Six short sequences; the class is the number that occurs in them."""

from __future__ import annotations

import numpy as np

from segue.dataset import Dataset
from segue.sequences import Sequences

_SIX = """
    0 1 1 0 0 0
    0 0 0 2 2 0
    0 0 0 0 3 3
    0 2 2 0 0 0
    0 0 3 3 0 0
    0 0 0 0 1 1
"""


def toy() -> Dataset:
    """Return six sequences of six steps; the class, 1 to 3, is the number that is not zero.

    Source: Heaton, course T81-558 "Applications of deep neural networks", module 10.

    >>> data = toy()
    >>> data.x[0].ravel().tolist(), data.y.tolist()
    ([0.0, 1.0, 1.0, 0.0, 0.0, 0.0], [1, 2, 3, 2, 3, 1])
    """
    values = np.array([line.split() for line in _SIX.split("\n") if line.strip()], np.float32)
    return Dataset(
        Sequences.from_array(values),
        values.max(axis=1).astype(np.int64),
        ids=np.arange(1, len(values) + 1),
        name="toy",
    )
