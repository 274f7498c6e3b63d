"""Synthetic data sets, one file a family; a sequence is a pure function of a seed and its number.

    >>> waves(count=4, test=2, seed=0)
    Dataset(n=6, time=128, channels=1, classes=2, parts=train/test)

So the first 200 of 1,000 sequences are those that a call for 200 gives.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from segue.data.dataset import Dataset
from segue.errors import OptionError, did_you_mean
from segue.synth.examples import toy
from segue.synth.random_series import bayes_accuracy, clean_series, random_series
from segue.synth.waves import waves

__all__ = [
    "FAMILIES",
    "bayes_accuracy",
    "clean_series",
    "generate",
    "random_series",
    "toy",
    "waves",
]

FAMILIES: dict[str, Callable[..., Dataset]] = {
    "random-series": random_series,
    "toy": toy,
    "waves": waves,
}


def generate(family: str, **options: Any) -> Dataset:
    """Generate a data set of a family by its name.

    Raises:
        OptionError: no such family, or an option that it does not have.

    >>> generate("toy").classes
    (1, 2, 3)
    """
    if family not in FAMILIES:
        raise OptionError(
            f"There is no generated data named {family!r}.{did_you_mean(family, FAMILIES)}"
        )
    known = set(inspect.signature(FAMILIES[family]).parameters)
    strange = sorted(set(options) - known)
    if strange:
        hint = did_you_mean(strange[0], known) if known else " It has none."
        raise OptionError(f"{family} has no option {strange[0]!r}.{hint}")
    return FAMILIES[family](**options)
