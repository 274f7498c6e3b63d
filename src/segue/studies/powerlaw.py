"""Power law of the error over the number of training sequences, and forecasts from it.

The error of learning machines falls as a power of the size of their training set, towards an error
that remains:

    error(n) = a * n ** -b + c        a, b, c >= 0

(C. Cortes, L. D. Jackel, S. A. Solla, V. Vapnik and J. S. Denker, "Learning curves: asymptotic
values and rate of convergence", NIPS 1993; for deep networks J. Hestness et al., "Deep learning
scaling is predictable, empirically", arXiv:1712.00409, 2017.) The smallest sizes, at which a
network still guesses, do not follow it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.errors import DataError
from segue.randomness import numpy_generator

Floats = npt.NDArray[np.float64]

LEAST_SIZES = 3  # as many as the law has parameters
DRAWS = 1000
_LOG_EXPONENTS = np.log(np.geomspace(0.02, 4.0, 25))


@dataclass(frozen=True)
class PowerLaw:
    """`error(n) = a * n ** -b + c`.

    Attributes:
        a: the error that falls, at one sequence.
        b: how fast it falls.
        c: the error that remains.

    >>> PowerLaw(a=2.0, b=0.5, c=0.25)(64)
    0.5
    """

    a: float
    b: float
    c: float

    def __call__(self, size: float) -> float:
        """The error at a size."""
        return float(self.a * float(size) ** -self.b + self.c)

    def __str__(self) -> str:
        return f"error(n) = {self.a:.3g} * n^-{self.b:.3g} + {self.c:.3g}"


@dataclass(frozen=True)
class Forecast:
    """The error that a law fitted on the sizes up to `fitted_to` predicts for another size.

    Attributes:
        size: training sequences.
        error: the expected mean error over the seeds.
        low: lower end of the 95 % bootstrap interval over the seeds.
        high: its upper end.
        fitted_to: the largest size that the law was fitted to.
        truth: the mean error that was measured at `size`; `None`: not measured.
    """

    size: int
    error: float
    low: float
    high: float
    fitted_to: int
    truth: float | None = None

    @property
    def is_right(self) -> bool | None:
        """Whether the truth lies in the interval; `None`: it is not known."""
        return None if self.truth is None else self.low <= self.truth <= self.high

    def as_json(self) -> dict[str, Any]:
        """Its numbers by name."""
        return {**asdict(self), "is_right": self.is_right}


def fit_power_law(sizes: npt.ArrayLike, errors: npt.ArrayLike) -> PowerLaw:
    """Fit the law to mean errors by weighted least squares.

    For a given exponent a and c are a non-negative linear least-squares problem; the exponent is
    searched for from 0.02 to 4. A size counts as much as its error is small, because errors vary
    the less the smaller they are.

    Args:
        sizes: `[size]`, three or more.
        errors: `[size]`, 0 or more.

    Raises:
        DataError: fewer sizes than the law has parameters, or invalid errors.

    >>> n = np.array([20, 50, 100, 200, 400])
    >>> law = fit_power_law(n, 2.0 * n**-0.7 + 0.03)
    >>> round(law.a, 2), round(law.b, 2), round(law.c, 3)
    (2.0, 0.7, 0.03)
    """
    from scipy.optimize import minimize_scalar, nnls

    x, y = np.asarray(sizes, np.float64), np.asarray(errors, np.float64)
    if x.ndim != 1 or x.shape != y.shape or len(np.unique(x)) < LEAST_SIZES:
        raise DataError(
            f"A power law has three numbers, so it needs the errors at {LEAST_SIZES} sizes or "
            f"more; got {x.size} sizes and {y.size} errors."
        )
    if not (np.isfinite(y).all() and (y >= 0).all() and (x > 0).all()):
        raise DataError("A power law is fitted to finite errors from 0 on, at sizes from 1 on.")
    weights = 1 / np.sqrt(np.maximum(y, max(0.05 * y.max(), 1e-12)))

    def solve(log_b: float) -> tuple[Floats, float]:
        """The best a and c for an exponent, and the norm of the weighted residuals."""
        design = np.stack([weights * x ** -np.exp(log_b), weights], axis=1)
        parameters, norm = nnls(design, weights * y)
        return parameters, float(norm)

    norms = [solve(log_b)[1] for log_b in _LOG_EXPONENTS]
    best = int(np.argmin(norms))
    bounds = _LOG_EXPONENTS[max(best - 1, 0)], _LOG_EXPONENTS[best : best + 2][-1]
    refined = minimize_scalar(
        lambda log_b: solve(log_b)[1], bounds=bounds, method="bounded", options={"xatol": 1e-9}
    )
    norm, log_b = min((refined.fun, float(refined.x)), (norms[best], _LOG_EXPONENTS[best]))
    mean = np.average(y, weights=weights**2)
    if np.linalg.norm(weights * (y - mean)) <= norm + 1e-9 * np.linalg.norm(weights * y):
        return PowerLaw(
            0.0, float(np.exp(_LOG_EXPONENTS[0])), float(mean)
        )  # no decrease: constant fit
    a, c = solve(log_b)[0].tolist()
    return PowerLaw(a, float(np.exp(log_b)), c)


# -- forecasts ------------------------------------------------------------------------------------


def forecast(
    sizes: npt.ArrayLike, errors: npt.ArrayLike, size: int, *, draws: int = DRAWS
) -> Forecast:
    """Predict the error at another size, with a bootstrap interval over the seeds.

    Args:
        sizes: `[size]`.
        errors: `[size, seed]`; two seeds or more.
        size: the size to predict for.
        draws: resamples of the seeds, with replacement, for the interval.

    Raises:
        DataError: too few sizes or seeds.
    """
    x, table = np.asarray(sizes, np.float64), np.asarray(errors, np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise DataError(
            f"An interval comes from two seeds or more; `errors` has shape {table.shape}, expected "
            "[size, seed]."
        )
    error = fit_power_law(x, table.mean(axis=1))(size)
    generator = numpy_generator(0, "study", "seeds")
    drawn = np.sort(generator.integers(0, table.shape[1], (draws, table.shape[1])), axis=1)
    resamples, index = np.unique(drawn, axis=0, return_inverse=True)  # of 5 seeds there are 126
    forecasts = [fit_power_law(x, table[:, seeds].mean(axis=1))(size) for seeds in resamples]
    low, high = np.quantile(np.array(forecasts)[index.ravel()], [0.025, 0.975])
    return Forecast(size, error, float(low), float(high), int(x.max()))


def backtest(sizes: npt.ArrayLike, errors: npt.ArrayLike, *, draws: int = DRAWS) -> list[Forecast]:
    """Forecast measured sizes from the smaller ones alone, to test such forecasts.

    Each size from the fourth on is forecast from all smaller sizes, and from fewer, down to three.

    Args:
        sizes: `[size]`, rising.
        errors: `[size, seed]`.
        draws: as in `forecast`.

    Raises:
        DataError: sizes that do not rise, or too few seeds.
    """
    x, table = np.asarray(sizes), np.asarray(errors, np.float64)
    if any(b <= a for a, b in pairwise(x)):
        raise DataError(f"`sizes` is {x.tolist()}; expected rising sizes.")
    return [
        replace(
            forecast(x[:known], table[:known], int(x[later]), draws=draws),
            truth=float(table[later].mean()),
        )
        for known in range(LEAST_SIZES, len(x))
        for later in range(known, len(x))
    ]
