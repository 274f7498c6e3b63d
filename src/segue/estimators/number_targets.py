"""Numbers as targets: checked, scaled for training, and brought back to their own unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from segue.errors import DataError
from segue.prepare.moments import mean_and_scale, read_mean_and_scale
from segue.sequences import Array
from segue.training.objectives import SquaredObjective
from segue.training.targets import WholeTargets

Numbers = npt.NDArray[np.float64]


def as_numbers(y: Any) -> Numbers:
    """Check the targets that a user passes: `[n]`, or `[n, value]`, all finite.

    Raises:
        DataError: another shape, text, or a target that is missing or infinite.
    """
    if y is None:
        raise DataError("`y` is missing: pass one or more numbers for each sequence, or a Dataset.")
    try:
        numbers = np.asarray(y, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"`y` holds no numbers ({error}); expected [n] or [n, value].") from error
    if numbers.ndim not in (1, 2) or 0 in numbers.shape:
        raise DataError(f"`y` has shape {numbers.shape}; expected [n] or [n, value] numbers.")
    strange = ~np.isfinite(numbers).reshape(len(numbers), -1).all(axis=1)
    if strange.any():
        raise DataError(
            f"{int(strange.sum())} of {len(numbers)} targets in `y` are missing or infinite, first "
            f"that of sequence {int(strange.argmax())}: leave those sequences out."
        )
    return numbers


@dataclass(frozen=True)
class TargetScale:
    """Zero mean and unit variance for each value, as the training targets have them.

    Attributes:
        mean: `[value]`, in the target's own unit.
        scale: `[value]`, the standard deviation; 1 for a value that never varies.
    """

    mean: Numbers
    scale: Numbers

    @classmethod
    def fit(cls, y: Array) -> Self:
        """Take mean and deviation of `[n]` or `[n, value]` training targets.

        >>> TargetScale.fit(np.array([1.0, 3.0]))
        TargetScale(mean=array([2.]), scale=array([1.]))
        """
        return cls(*mean_and_scale(as_table(y), least=1e-12))

    @classmethod
    def none(cls, y: Array) -> Self:
        """Leave `[n]` or `[n, value]` targets as they are.

        >>> TargetScale.none(np.array([1.0, 3.0]))
        TargetScale(mean=array([0.]), scale=array([1.]))
        """
        values = as_table(y).shape[1]
        return cls(np.zeros(values), np.ones(values))

    def targets(self, y: Array, device: torch.device) -> WholeTargets:
        """The scaled targets `[n, value]`, as training wants them."""
        scaled = (as_table(y) - self.mean) / self.scale
        return WholeTargets(torch.from_numpy(scaled.astype(np.float32)).to(device))

    def objective(self) -> SquaredObjective:
        """The mean squared error; reported in the target's own unit."""
        return SquaredObjective(len(self.scale), tuple(self.scale.tolist()))

    def restored(self, outputs: torch.Tensor) -> Numbers:
        """`[n, value]` outputs of the network, in the target's own unit."""
        return outputs.double().numpy() * self.scale + self.mean

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        """The reverse of `facts`.

        Raises:
            DataError: numbers that no training can have given.
        """
        found = read_mean_and_scale(facts)
        if found is None:
            raise DataError(f"the targets have mean {facts['mean']} and scale {facts['scale']}.")
        return cls(*found)


def as_table(y: Array) -> Numbers:
    """`[n, value]` of `[n]` or `[n, value]`."""
    return np.asarray(y, np.float64).reshape(len(y), -1)


def r_squared(targets: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return the coefficient of determination: 1 is exact, 0 what the targets' own mean would have.

    Of several values the plain mean, as scikit-learn's `r2_score` has it; so also for targets that
    do not vary, where it is 1 if all are met, else 0.

    Args:
        targets: `[n]` or `[n, value]`.
        predictions: in the same shape.
        weights: `[n]`, how much each sequence counts.

    >>> r_squared(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0]))
    0.5
    """
    wanted, found = as_table(targets), as_table(predictions)
    errors = np.average((wanted - found) ** 2, axis=0, weights=weights)
    mean = np.average(wanted, axis=0, weights=weights)
    spread = np.average((wanted - mean) ** 2, axis=0, weights=weights)
    flat = spread == 0
    shares = np.where(flat, errors > 0, errors / np.where(flat, 1.0, spread))
    return float(np.mean(1.0 - shares))
