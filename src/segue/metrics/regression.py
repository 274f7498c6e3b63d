"""Scores of predicted numbers, and of predicted tokens, as pure functions of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.errors import DataError

Array = npt.NDArray[Any]

_BITS = 1 / np.log(2)  # in a nat


def rmse(targets: Array, predictions: Array) -> float:
    """Return the root of the mean squared error, in the unit of the targets.

    >>> rmse(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 2.0, 3.0, 4.0]))
    1.0
    """
    _check_values(targets, predictions)
    return float(np.sqrt(np.mean(np.square(targets - predictions))))


def _check_values(targets: Array, predictions: Array) -> None:
    """Raise where NumPy would pair each target with numbers that are not its own.

    Raises:
        DataError: another number of predictions than of targets.
    """
    wanted, found = np.shape(targets), np.shape(predictions)
    if len(found) > len(wanted) or wanted[len(wanted) - len(found) :] != found:
        raise DataError(
            f"The predictions have shape {list(found)} and the targets {list(wanted)}; expected a "
            "prediction for each target. A model of several numbers is scored on as many."
        )


def rmse_by_value(targets: Array, predictions: Array) -> list[float]:
    """Return the same for each value of `[n, value]` targets.

    >>> rmse_by_value(np.array([[1.0, 2.0]]), np.array([[4.0, 6.0]]))
    [3.0, 4.0]
    """
    _check_values(targets, predictions)
    return [rmse(wanted, found) for wanted, found in zip(targets.T, predictions.T, strict=True)]


def rmse_by_step(targets: Array, forecasts: Mapping[str, Array]) -> dict[str, list[float]]:
    """Return the root of the mean squared error of each step ahead, for each model.

    Args:
        targets: `[window, step, channel]`.
        forecasts: in the same shape, by the name of the model.
    """
    return {
        name: np.sqrt(np.mean((targets - values) ** 2, axis=(0, 2))).tolist()
        for name, values in forecasts.items()
    }


def mean_absolute_error(targets: Array, predictions: Array) -> float:
    """Return the mean distance between target and prediction, in the unit of the targets.

    >>> mean_absolute_error(np.array([1.0, 2.0]), np.array([4.0, 6.0]))
    3.5
    """
    _check_values(targets, predictions)
    return float(np.abs(targets - predictions).mean())


def r_squared(targets: Array, predictions: Array, weights: Array | None = None) -> float:
    """Return the coefficient of determination: 1 is exact, 0 what the targets' own mean would have.

    Of several values the plain mean, as scikit-learn's `r2_score` has it; so also for targets that
    do not vary, where it is 1 if all are met, else 0.

    Args:
        targets: `[n]`, `[n, value]` or `[n, step, channel]`.
        predictions: in the same shape.
        weights: `[n]`, how much each sequence counts.

    >>> r_squared(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0]))
    0.5
    """
    _check_values(targets, predictions)
    rows = len(targets)
    wanted = np.asarray(targets, np.float64).reshape(rows, -1)
    found = np.asarray(predictions, np.float64).reshape(rows, -1)
    errors = np.average((wanted - found) ** 2, axis=0, weights=weights)
    mean = np.average(wanted, axis=0, weights=weights)
    spread = np.average((wanted - mean) ** 2, axis=0, weights=weights)
    flat = spread == 0
    shares = np.where(flat, errors > 0, errors / np.where(flat, 1.0, spread))
    return float(np.mean(1.0 - shares))


def perplexity(log_probability: Array, chosen: Array | None = None) -> float:
    """Return exp(-mean) of the log-probabilities (nats) of tokens; NaN of none.

    Args:
        log_probability: `[token]`.
        chosen: `[token]`, which of them count; all if left out.

    >>> round(perplexity(np.log([0.5, 0.125])), 6)
    4.0
    """
    logs = log_probability if chosen is None else log_probability[chosen]
    return float(np.exp(-np.mean(logs))) if len(logs) else float("nan")


def bits_per_token(log_probability: Array) -> float:
    """Return the mean surprise: -log2 of the probability of `[token]`, given in nats.

    >>> round(bits_per_token(np.log([0.5, 0.125])), 6)
    2.0
    """
    return float(-log_probability.mean() * _BITS)


def share_unknown(known: Array) -> float:
    """Return the share of tokens that a vocabulary does not have, of `[token]` whether it has it.

    >>> share_unknown(np.array([True, False]))
    0.5
    """
    return float(np.mean(~known))
