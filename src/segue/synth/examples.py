"""Numbered examples of a family, part by part; the smallest family, six fixed sequences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import OptionError
from segue.randomness import numpy_generator

Example = Callable[[np.random.Generator], tuple[Array, int]]


def examples(
    family: str,
    example: Example,
    *,
    counts: dict[str, int],
    classes: tuple[int, ...],
    seed: int,
) -> Dataset:
    """Make examples numbered 1, 2, ... in each part.

    Args:
        family: its name; draws of two families never agree.
        example: from a generator of random numbers to `[time]` values and a class. It is called
            with a generator that depends only on the seed, the family, the part and the number.
        counts: examples in each part; parts of none are left out.
        classes: all classes, also those that no example has.
        seed: another seed gives other examples.

    Returns:
        A data set with the numbers as `ids`; without parts if only "train" has examples.

    Raises:
        OptionError: counts below zero, or no example at all.
    """
    wrong = {part: count for part, count in counts.items() if count < 0}
    if wrong or not any(counts.values()):
        raise OptionError(f"The numbers of sequences are {counts}; expected at least one.")
    parts = np.repeat(list(counts), list(counts.values()))
    ids = np.concatenate([np.arange(1, count + 1) for count in counts.values()])
    made = [
        example(numpy_generator(seed, family, str(part), int(number)))
        for part, number in zip(parts, ids, strict=True)
    ]
    return Dataset(
        Sequences.from_list([values for values, _ in made]),
        np.array([label for _, label in made], np.int64),
        classes,
        parts=None if set(parts) == {"train"} else parts,
        ids=ids,
        name=family,
    )


def check_noise(noise: float) -> None:
    """Validate a standard deviation.

    Raises:
        OptionError: below zero, or not a number.
    """
    if not 0 <= noise < np.inf:
        raise OptionError(f"noise={noise}; expected a standard deviation of 0 or more.")


# -- toy ------------------------------------------------------------------------------------------

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
