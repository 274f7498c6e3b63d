"""How an error falls with the number of training sequences, and what more of them would bring.

The error of learning machines falls as a power of the size of their training set, towards what
cannot be learnt:

    error(n) = a * n ** -b + c        a, b, c >= 0

(C. Cortes, L. D. Jackel, S. A. Solla, V. Vapnik and J. S. Denker, "Learning curves: asymptotic
values and rate of convergence", NIPS 1993; for deep networks J. Hestness et al., "Deep learning
scaling is predictable, empirically", arXiv:1712.00409, 2017.) The smallest sizes, at which a
network still guesses, do not follow it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.errors import DataError
from segue.randomness import numpy_generator

Floats = npt.NDArray[np.float64]

LEAST_SIZES = 3  # as many as the law has numbers
DRAWS = 1000
_ROUNDS = 12
_EXPONENTS = np.geomspace(0.02, 4.0, 120)


@dataclass(frozen=True)
class PowerLaw:
    """`error(n) = a * n ** -b + c`.

    Attributes:
        a: how much there is to be learnt.
        b: how fast it is learnt.
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
    """What a law fitted on the sizes up to `fitted_to` says of another size.

    Attributes:
        size: training sequences.
        error: the mean error over seeds that is expected.
        low: the lower end of the interval that holds 95 % of what the law says when the seeds are
            drawn again, with replacement.
        high: the upper end.
        fitted_to: the largest size that was looked at.
        truth: the mean error that was measured at `size`; `None`: it was not.
    """

    size: int
    error: float
    low: float
    high: float
    fitted_to: int
    truth: float | None = None

    @property
    def is_right(self) -> bool | None:
        """Whether the truth lies in the interval; `None` where it is not known."""
        return None if self.truth is None else self.low <= self.truth <= self.high

    def as_json(self) -> dict[str, Any]:
        """Its numbers by name."""
        return {**asdict(self), "is_right": self.is_right}


def fit_power_law(sizes: npt.ArrayLike, errors: npt.ArrayLike) -> PowerLaw:
    """Fit the law to mean errors by least squares.

    For a given exponent the rest is linear, and is solved in closed form under `a, c >= 0`; the
    exponent is searched for from 0.02 to 4. A size counts as much as its error is small, because
    errors vary the less the smaller they are.

    Args:
        sizes: `[size]`, three or more.
        errors: `[size]`, 0 or more.

    Raises:
        DataError: fewer sizes than the law has numbers, or errors that are none.

    >>> n = np.array([20, 50, 100, 200, 400])
    >>> law = fit_power_law(n, 2.0 * n**-0.7 + 0.03)
    >>> round(law.a, 2), round(law.b, 2), round(law.c, 3)
    (2.0, 0.7, 0.03)
    """
    x, y = np.asarray(sizes, np.float64), np.asarray(errors, np.float64)
    if x.ndim != 1 or x.shape != y.shape or len(np.unique(x)) < LEAST_SIZES:
        raise DataError(
            f"A power law has three numbers, so it needs the errors at {LEAST_SIZES} sizes or "
            f"more; got {x.size} sizes and {y.size} errors."
        )
    if not (np.isfinite(y).all() and (y >= 0).all() and (x > 0).all()):
        raise DataError("A power law is fitted to finite errors from 0 on, at sizes from 1 on.")
    return _fit(x, y)


def _fit(x: Floats, y: Floats) -> PowerLaw:
    a, b, c = _fit_many(x, y[None])
    return PowerLaw(float(a[0]), float(b[0]), float(c[0]))


def _fit_many(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Fit `[curve, size]` errors at once; return a, b and c, each `[curve]`."""
    weights = 1 / np.maximum(y, np.maximum(0.05 * y.max(axis=1, keepdims=True), 1e-12))
    rows = np.arange(len(y))
    exponents = np.tile(_EXPONENTS, (len(y), 1))
    width = np.log(_EXPONENTS[1] / _EXPONENTS[0])
    for _ in range(_ROUNDS):  # each looks closer around the best of the one before
        losses, a, c = _solve(x, y, weights, exponents)
        best = losses.argmin(axis=1)
        found = a[rows, best], exponents[rows, best], c[rows, best]
        exponents = found[1][:, None] * np.exp(width * np.linspace(-1, 1, 9))
        exponents = np.clip(exponents, _EXPONENTS[0], _EXPONENTS[-1])
        width /= 4
    return found


def _solve(x: Floats, y: Floats, weights: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    """`[curve, exponent]` weighted squares, a and c: the best under `a, c >= 0` for each b."""
    shape, y, w = x ** -b[:, :, None], y[:, None, :], weights[:, None, :]
    sw, sy = w.sum(axis=2), (w * y).sum(axis=2)
    sp, spp, spy = (w * shape).sum(axis=2), (w * shape**2).sum(axis=2), (w * shape * y).sum(axis=2)
    determinant = sw * spp - sp * sp
    free = np.maximum(determinant, 1e-12 * sw * spp)
    a_free, c_free = (sw * spy - sp * sy) / free, (spp * sy - sp * spy) / free
    alone, flat = spy / spp, np.broadcast_to(sy / sw, spy.shape)
    zero = np.zeros_like(spy)
    inside = (a_free >= 0) & (c_free >= 0)
    a = np.stack([np.where(inside, a_free, alone), alone, zero])
    c = np.stack([np.where(inside, c_free, zero), zero, flat])
    losses = (w * (a[..., None] * shape + c[..., None] - y) ** 2).sum(axis=3)
    best = losses.argmin(axis=0)[None]
    taken = [np.take_along_axis(values, best, axis=0)[0] for values in (losses, a, c)]
    return taken[0], taken[1], taken[2]


# -- forecasts ------------------------------------------------------------------------------------


def forecast(
    sizes: npt.ArrayLike, errors: npt.ArrayLike, size: int, *, draws: int = DRAWS
) -> Forecast:
    """Say what error to expect at another size.

    Args:
        sizes: `[size]`.
        errors: `[size, seed]`; two seeds or more.
        size: the size asked about.
        draws: how often the seeds are drawn again for the interval.

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
    chosen = generator.integers(0, table.shape[1], (draws, table.shape[1]))
    a, b, c = _fit_many(x, table[:, chosen].mean(axis=2).T)
    low, high = np.quantile(a * float(size) ** -b + c, [0.025, 0.975])
    return Forecast(size, error, float(low), float(high), int(x.max()))


def held_back(sizes: npt.ArrayLike, errors: npt.ArrayLike, *, draws: int = DRAWS) -> list[Forecast]:
    """Forecast sizes that were measured from the smaller ones alone, to see how right it is.

    Each size from the fourth on is forecast from all that are smaller, and from fewer, as long as
    there are three.

    Args:
        sizes: `[size]`, rising.
        errors: `[size, seed]`.
        draws: as in `forecast`.
    """
    x, table = np.asarray(sizes), np.asarray(errors, np.float64)
    if [True for a, b in pairwise(x) if b <= a]:
        raise DataError(f"`sizes` is {x.tolist()}; expected rising sizes.")
    found = []
    for known in range(LEAST_SIZES, len(x)):
        for later in range(known, len(x)):
            said = forecast(x[:known], table[:known], int(x[later]), draws=draws)
            truth = float(table[later].mean())
            found.append(Forecast(**{**asdict(said), "truth": truth}))
    return found
