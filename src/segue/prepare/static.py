"""Static features: what is known of a sequence as a whole, scaled like the channels are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from segue.errors import DataError
from segue.prepare.numeric import mean_and_scale, read_mean_and_scale
from segue.prepare.steps import Array


@dataclass(frozen=True)
class StaticScale:
    """Zero mean and unit variance for each feature, over the training sequences.

    Attributes:
        mean: `[feature]`.
        scale: `[feature]`, the standard deviation; 1 for a feature that never varies.
    """

    mean: Array
    scale: Array

    @classmethod
    def fit(cls, static: Array) -> Self:
        """Look at `[n, feature]` of the training sequences.

        Raises:
            DataError: a feature is missing or infinite.

        >>> StaticScale.fit(np.array([[1.0], [3.0]])).apply(np.array([[3.0]]), count=1)
        array([[1.]], dtype=float32)
        """
        _check_finite(static)
        return cls(*mean_and_scale(static, least=1e-7 if static.dtype == np.float32 else 1e-12))

    def apply(self, static: Array | None, *, count: int) -> Array:
        """Scale the features of `count` sequences: `[n, feature]`, float32.

        Raises:
            DataError: none are given, or of another number, or some are missing.
        """
        features = len(self.mean)
        if static is None:
            raise DataError(
                f"The model was trained with {features} static features of each sequence, and here "
                f"are none: pass a Dataset with `static`, or static=[n, {features}]."
            )
        static = as_table_of_numbers(static)
        if static.shape != (count, features):
            raise DataError(
                f"`static` has shape {static.shape}; expected {(count, features)}: a row for each "
                "sequence, and the features of the training."
            )
        _check_finite(static)
        return np.asarray((static - self.mean) / self.scale, np.float32)

    def to_json(self) -> dict[str, list[float]]:
        """As plain lists."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The reverse of `to_json`.

        Raises:
            DataError: numbers that no training can have given.
        """
        found = read_mean_and_scale(data)
        if found is None:
            raise DataError(f"the static features have {data}: expected a mean and a scale each.")
        return cls(*found)


def as_table_of_numbers(static: Any) -> Array:
    """Take what a user passes as static features: `[n, feature]`, float64.

    Raises:
        DataError: they are no numbers.
    """
    try:
        table = np.asarray(static, np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"`static` holds no numbers ({error}); expected [n, feature]. Turn a category into "
            "one feature of 0 and 1 for each of its values."
        ) from error
    return table[:, None] if table.ndim == 1 else table


def _check_finite(static: Array) -> None:
    strange = ~np.isfinite(static).all(axis=1)
    if strange.any():
        raise DataError(
            f"A static feature is missing or infinite for {int(strange.sum())} of {len(static)} "
            f"sequences, first for sequence {int(strange.argmax())}: fill it in, for instance with "
            "the mean and one more feature that says so."
        )
