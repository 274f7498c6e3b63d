"""The shape of a spectrum without its fine structure: what a sound is like, whatever its pitch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from segue.errors import SpecError
from segue.prepare.steps import Array, Blocks, Ragged, StepSpec
from segue.spec import Count


@dataclass(frozen=True)
class Cepstrum(StepSpec):
    """`cepstrum(coefficients)`: of each step the first terms of its cosine transform over channels.

    After `logmel` these are the mel-frequency cepstral coefficients (MFCC): the first terms are the
    broad shape of the spectrum, and the harmonics of a pitch, which make its fine structure, are in
    the terms that are left out. The transform is the orthonormal DCT-II.

    Davis & Mermelstein, "Comparison of parametric representations for monosyllabic word recognition
    in continuously spoken sentences", IEEE Trans. ASSP 28(4), 1980.

    Args:
        coefficients: how many terms are kept, at most as many as there are channels.
    """

    kind: ClassVar[str] = "cepstrum"

    coefficients: Count = 20

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        return {}

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        values, lengths = x
        kept = self.channels(values.shape[1], fitted)
        return (values @ cosines(values.shape[1], kept)).astype(values.dtype), lengths

    def channels(self, channels: int, fitted: dict[str, Array]) -> int:
        if self.coefficients > channels:
            raise SpecError(
                f"`{self}` keeps {self.coefficients} terms, and {channels} channels come in: "
                "expected at most as many. It is made for spectra, as in `logmel(64) cepstrum(20)`."
            )
        return self.coefficients


@lru_cache(maxsize=32)
def cosines(channels: int, kept: int) -> Array:
    """`[channel, term]` float64, the orthonormal DCT-II.

    >>> cosines(2, 2).round(3).tolist()
    [[0.707, 0.707], [0.707, -0.707]]
    """
    angles = np.pi / channels * np.outer(np.arange(channels) + 0.5, np.arange(kept))
    table = np.sqrt(2 / channels) * np.cos(angles)
    table[:, 0] = np.sqrt(1 / channels)
    return np.asarray(table)
