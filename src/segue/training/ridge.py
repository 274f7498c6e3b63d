"""A linear head in closed form: ridge regression, and what it predicts for a case that is held out.

    scores = (features - mean) / deviation @ coefficients        least squares with a penalty
    logits = scale * scores + logits of the class shares

The score of each training case by a regression without that case, or without its group, follows
from one decomposition for all penalties. The intercept is not penalised, and without a case it is
another one: were the means those of all cases, features in plenty would tell the case's own target.
The penalty and the scale are those whose held-out probabilities have the least log loss.

Dempster, Webb & Schmidt, "Prevalidated ridge regression is a highly-efficient drop-in replacement
for logistic regression for high-dimensional data", arXiv 2401.15610, 2024. Unlike there columns are
scaled, the offset of the logits is that of the class shares, and targets are smoothed by one part
in `n + 1`, so that a scale exists where every held-out case is right.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.deadline import check_time
from segue.training.log_loss import Floats, log_losses, smoothed

# Times the mean square of a case's scaled features.
PENALTIES = np.logspace(-7, 3, 21)
_CHUNK = 16e6  # numbers that are scaled at once
_AT_ONCE = 1e10  # multiplications of a product that are done between two looks at the clock
_EIGEN = 10  # times those of a product of two such matrices, that their eigenvectors take
_LEAST_DEVIATION = 1e-5  # of a column, beside its mean: less is rounding
_LEAST_SHARE = 1e-9  # of the largest of all values: a column that varies less than that is rounding
_LARGEST_SCALE = 1e4
# Deviation of the logits, where held-out scores tell nothing, such as of classes of one case each:
# probabilities are nearly those of the class shares, and of equal ones the largest score decides.
LEAST_SPREAD = 0.01
_SHARED = 5e10  # multiplications from which on several threads share them
_MANY, _MOST = 2e5, 2e6  # scores, from which on fewer penalties, and fewer still, are tried
_JUDGED = 4e5  # scores of some cases, from which the scale of many is found


@dataclass(frozen=True)
class RidgeFit:
    """A fitted head.

    Attributes:
        kernel: `[feature, output]`.
        bias: `[output]`.
        held_out: `[n, output]`, the outputs for each case of a head that was fitted without it.
        penalty: as a multiple of the mean square of a case's scaled features.
        scale: what scores are multiplied with; 1 of numbers.
        loss: of the held-out outputs, the least of all penalties.
    """

    kernel: Floats
    bias: Floats
    held_out: Floats
    penalty: float
    scale: float
    loss: float


def fit_ridge(
    x: Array,
    targets: Array,
    form: str,
    *,
    weights: Array | None = None,
    groups: Array | None = None,
) -> RidgeFit:
    """Fit a head on features.

    Args:
        x: `[n, feature]`.
        targets: `[n, output]`: 0 and 1, or numbers.
        form: what the outputs are, a row of `segue.training.objectives.OBJECTIVES`: "softmax";
            "binary", "sigmoid" and "multilabel", an independent logit each; "squared", numbers.
        weights: `[n]`, how much each case counts; `None`: all the same.
        groups: `[n]`, which cases are held out together; `None`: each alone.

    >>> x = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
    >>> head = fit_ridge(x, x[:, :1] * 2 + 1, "squared")
    >>> (x @ head.kernel + head.bias).round(2).ravel().tolist()
    [1.0, 3.0, 5.0, 7.0]
    """
    weights = np.ones(len(x)) if weights is None else np.asarray(weights, np.float64)
    weights = np.maximum(weights, 1e-12 * weights.max()) / weights.mean()
    with _one_thread() if x.size * min(x.shape) < _SHARED else contextlib.nullcontext():
        return _fit(x, targets, form, weights, groups)


def _fit(x: Array, targets: Array, form: str, weights: Floats, groups: Array | None) -> RidgeFit:
    is_class = form != "squared"
    codes = 2.0 * targets - 1 if is_class else np.asarray(targets, np.float64)
    mean = np.average(codes, axis=0, weights=weights)
    columns, codes = Columns.of(x, weights), codes - mean
    solution = _decompose(x, columns, codes * columns.roots[:, None])
    size = targets.size
    penalties = PENALTIES[:: 1 + int(size > _MANY) + 2 * int(size > _MOST)]
    width = max(min(x.shape), len(penalties) * codes.shape[1])
    members = _held_out_together(groups, len(x), width)
    scores = solution.held_out(codes, columns.roots, members, penalties)
    offset = _share_logits(targets, form, weights) if is_class else mean
    judge = _Judge(targets, offset, form, weights)
    best, scale, loss = 0, 1.0, np.inf
    for number in range(len(penalties)):
        check_time()
        found = judge.scale_and_loss(scores[:, number])
        if found[1] < loss:
            best, (scale, loss) = number, found
    kernel = solution.coefficients(penalties[best])
    if is_class and not kernel.any():
        scale = 0.0  # held-out scores are those of another intercept
    kernel *= scale
    return RidgeFit(
        kernel=kernel,
        bias=offset - columns.mean @ kernel,
        held_out=scale * scores[:, best] + offset,
        penalty=float(penalties[best]),
        scale=scale,
        loss=loss,
    )


# -- features -------------------------------------------------------------------------------------


class Columns(NamedTuple):
    """How features are scaled: to mean zero and a common size; constant ones are left out."""

    mean: Floats  # [feature]
    inverse: Floats  # [feature], 0 of those that are left out
    roots: Floats  # [n], of the weights

    @classmethod
    def of(cls, x: Array, weights: Floats) -> Columns:
        """The scaling of `[n, feature]`, by `[n]` weights of mean 1."""
        mean, inverse = np.zeros(x.shape[1]), np.zeros(x.shape[1])
        least = _LEAST_SHARE * max(x.max(initial=0), -x.min(initial=0))
        for index in _slices(x.shape[1], len(x)):
            check_time()
            part = np.asarray(x[:, index], np.float64)
            own = weights @ part / len(x)
            deviation = np.sqrt(np.maximum(weights @ (part - own) ** 2 / len(x), 0))
            is_kept = deviation > np.maximum(_LEAST_DEVIATION * np.abs(part).max(0), least)
            mean[index] = own
            inverse[index] = np.where(is_kept, 1 / np.where(is_kept, deviation, 1), 0)
        scaled = cls(mean, inverse, np.sqrt(weights))
        squares = sum(float((part**2).sum()) for _, part in scaled.parts(x))
        return scaled._replace(inverse=inverse / np.sqrt(squares / len(x)) if squares else inverse)

    def rows(self, x: Array) -> Floats:
        """All features of some cases, scaled; not weighted."""
        return np.asarray((x - self.mean) * self.inverse, np.float64)

    def parts(self, x: Array) -> Iterator[tuple[slice, Floats]]:
        """Some features of all cases at a time, scaled and weighted."""
        for part in _slices(x.shape[1], len(x)):
            check_time()
            scaled = (x[:, part] - self.mean[part]) * self.inverse[part]
            yield part, np.asarray(scaled * self.roots[:, None], np.float64)


# -- the regression -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Solution:
    """Ridge regressions for all penalties, by the eigenvectors of the smaller product of features.

    Attributes:
        squares: `[r]`, the eigenvalues.
        rows: gives for the numbers of some cases their rows `[m, r]` in the basis of eigenvectors.
        moments: `[r, output]`, these rows times the targets.
        coefficients: gives for a penalty `[feature, output]`, of features as they come.
    """

    squares: Floats
    rows: Callable[[Any], Floats]
    moments: Floats
    coefficients: Callable[[float], Floats]

    def held_out(
        self, codes: Floats, roots: Floats, members: list[Any], penalties: Floats
    ) -> Floats:
        """`[n, penalty, output]`: the scores of each case by a regression without it.

        Args:
            codes: `[n, output]`, the centred targets.
            roots: `[n]`, of the weights.
            members: the numbers of the cases of each group, or slices of cases that are held out
                one by one.
            penalties: of the regressions.
        """
        shrunk = 1 / (self.squares[:, None] + penalties)  # [r, penalty]
        alphas = (self.moments[:, None] * shrunk[:, :, None]).reshape(len(shrunk), -1)
        found = np.empty((len(codes), len(penalties), codes.shape[1]))
        for index in members:
            check_time()
            rows, root = self.rows(index), roots[index, None, None]
            fitted = (rows @ alphas).reshape(len(rows), len(penalties), -1)
            errors = root * codes[index, None] - fitted
            own = root[:, :, 0] / np.sqrt(len(codes))  # of the intercept, which is found anew too
            if isinstance(index, slice):
                left = np.maximum(1 - own**2 - (rows * rows) @ shrunk, 1e-12)
                errors /= left[:, :, None]
            else:
                errors = _without_group(rows, own, shrunk, errors)
            found[index] = codes[index, None] - errors / root
        return found


def _without_group(rows: Floats, own: Floats, shrunk: Floats, errors: Floats) -> Floats:
    """`[m, penalty, output]`, the errors for cases of a group that a regression has not seen.

    They are `(1 - own own' - rows shrunk rows')^-1 errors`. Where there are more cases than
    eigenvectors, the inverse follows from one of the size of these (Woodbury's formula).

    Args:
        rows: `[m, r]`, of the cases.
        own: `[m, 1]`, of the intercept.
        shrunk: `[r, penalty]`.
        errors: `[m, penalty, output]`, of the regression that has seen them.
    """
    found, solve = np.empty_like(errors), np.linalg.solve
    if is_small := len(rows) <= len(shrunk):
        rest = np.eye(len(rows)) - own @ own.T
    else:
        scaled = own / max(1 - float((own**2).sum()), 1e-12)  # (1 - own own')^-1 = 1 + scaled own'
        turned = rows + scaled @ (own.T @ rows)
        seen = rows.T @ turned
    for number in range(shrunk.shape[1]):
        check_time()
        error = errors[:, number]
        if is_small:
            found[:, number] = solve(rest - (rows * shrunk[:, number]) @ rows.T, error)
        else:
            error = error + scaled @ (own.T @ error)
            inner = np.diag(1 / shrunk[:, number]) - seen
            found[:, number] = error + turned @ solve(inner, rows.T @ error)
    return found


def _decompose(x: Array, columns: Columns, codes: Floats) -> _Solution:
    """The regressions of `[n, output]` centred, weighted targets on `[n, feature]`."""
    if len(x) <= x.shape[1]:
        return _decompose_cases(x, columns, codes)
    gram, moments = np.zeros((x.shape[1],) * 2), np.zeros((x.shape[1], codes.shape[1]))

    def scaled(index: Any) -> Floats:
        return np.asarray(columns.rows(x[index]) * columns.roots[index, None])

    pace = _Pace()
    for index in _slices(len(x), x.shape[1]):
        rows = scaled(index)
        pace.add_product(gram, rows.T)
        moments += rows.T @ codes[index]
    squares, vectors = pace.eigenvectors(gram)
    moments = vectors.T @ moments

    def coefficients(penalty: float) -> Floats:
        alpha = moments / (squares[:, None] + penalty)
        return np.asarray(columns.inverse[:, None] * (vectors @ alpha))

    return _Solution(squares, lambda index: scaled(index) @ vectors, moments, coefficients)


def _decompose_cases(x: Array, columns: Columns, codes: Floats) -> _Solution:
    """The same where there are more features than cases."""
    gram = np.zeros((len(x), len(x)))
    pace = _Pace()
    for _, part in columns.parts(x):
        pace.add_product(gram, part)
    squares, vectors = pace.eigenvectors(gram)
    rows, turned = vectors * np.sqrt(squares), vectors.T @ codes

    def coefficients(penalty: float) -> Floats:
        dual = vectors @ (turned / (squares[:, None] + penalty))
        found = np.empty((x.shape[1], codes.shape[1]))
        for chosen, part in columns.parts(x):
            found[chosen] = columns.inverse[chosen, None] * (part.T @ dual)
        return found

    return _Solution(squares, rows.__getitem__, rows.T @ codes, coefficients)


class _Pace:
    """The costly products, cut where the time is up, and how fast they are on this machine now."""

    def __init__(self) -> None:
        self.seconds, self.products = 1e-9, 0.0

    def add_product(self, gram: Floats, part: Floats) -> None:
        """Add `part @ part.T`, some rows of it at a time; of what is above its diagonal little."""
        count, width = part.shape
        rows = max(1, round(_AT_ONCE / (count * width)))
        began = time.perf_counter()
        for first in range(0, count, rows):
            check_time()
            last = min(count, first + rows)
            gram[first:last, :last] += part[first:last] @ part[:last].T
        self.seconds += time.perf_counter() - began
        self.products += float(count) ** 2 * width

    def eigenvectors(self, gram: Floats) -> tuple[Floats, Floats]:
        """Eigenvalues, not below 0, and eigenvectors; not begun where they would come too late.

        What is above the diagonal is not looked at.

        On one thread: those of a BLAS library wait for each other turning, and where other programs
        have the processors they take many times as long.
        """
        check_time(_EIGEN * len(gram) ** 3 * self.seconds / max(1.0, self.products))
        with _one_thread():
            squares, vectors = np.linalg.eigh(gram, "L")
        return np.maximum(squares, 0), vectors


def _one_thread() -> contextlib.AbstractContextManager[Any]:
    """A context in which a BLAS library computes on one thread, where it can be told so."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return contextlib.nullcontext()
    limited: contextlib.AbstractContextManager[Any] = threadpool_limits(1, "blas")
    return limited


def _slices(count: int, numbers: int) -> list[slice]:
    """So many rows or columns, of so many numbers each, in parts."""
    step = max(1, int(_CHUNK / max(1, numbers)))
    return [slice(first, first + step) for first in range(0, count, step)]


def _held_out_together(groups: Array | None, count: int, width: int) -> list[Any]:
    """The numbers of the cases of each group; slices of cases that are held out one by one."""
    if groups is None:
        return list(_slices(count, width))
    _, numbers = np.unique(groups, return_inverse=True)
    ends = np.cumsum(np.bincount(numbers))
    return np.split(np.argsort(numbers, kind="stable"), ends[:-1])


# -- the scale of the logits ----------------------------------------------------------------------


def _share_logits(targets: Array, form: str, weights: Floats) -> Floats:
    """`[output]`, the logits of the shares of the classes."""
    least = 0.5 / len(targets)
    shares = np.average(targets, axis=0, weights=weights).clip(least, 1 - least)
    return np.asarray(np.log(shares) if form == "softmax" else np.log(shares / (1 - shares)))


def best_scale(scores: Floats, targets: Array, form: str, weights: Array | None = None) -> float:
    """The scale of logits that are known but for it, such as of trees, with the least log loss.

    Args:
        scores: `[n, output]`, of held-out cases.
        targets: as of `fit_ridge`.
        form: likewise.
        weights: likewise.
    """
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, np.float64)
    return _Judge(targets, np.zeros(scores.shape[1]), form, weights).scale_and_loss(scores)[0]


@dataclass(frozen=True)
class _Judge:
    """The loss of scores for the targets.

    Attributes:
        targets: `[n, output]`: 0 and 1, or numbers.
        offset: `[output]`, of the outputs.
        form: as of `fit_ridge`.
        weights: `[n]`.
    """

    targets: Array
    offset: Floats
    form: str
    weights: Floats

    def scale_and_loss(self, scores: Floats) -> tuple[float, float]:
        """The scale of `[n, output]` scores with the least log loss, by Newton's method, and that.

        Numbers keep their scale; their loss is the mean squared error.
        """
        if self.form == "squared":
            errors = scores + self.offset - self.targets
            return 1.0, float(np.average((errors**2).mean(1), weights=self.weights))
        wanted = smoothed(self.targets, self.form)
        some = slice(None, None, math.ceil(scores.size / _JUDGED))
        low, high, scale = 0.0, _LARGEST_SCALE, 1.0
        for _ in range(60):
            slope, bend = self._derivatives(scale, scores[some], wanted[some], self.weights[some])
            low, high = (scale, high) if slope < 0 else (low, scale)
            after = scale - slope / bend if bend > 0 else -1.0
            after = after if low < after < high else (low + high) / 2
            is_near = abs(after - scale) <= max(1e-6 * scale, 1e-10)
            scale = after
            if is_near:
                break
        spread = float(scores.std())
        scale = max(scale, LEAST_SPREAD / spread) if spread > 0 else 0.0
        losses, _ = log_losses(scale * scores + self.offset, wanted, self.form)
        return scale, float(np.average(losses, weights=self.weights))

    def _derivatives(
        self, scale: float, scores: Floats, wanted: Floats, weights: Floats
    ) -> tuple[float, float]:
        """The first and the second derivative of the log loss by the scale."""
        _, p = log_losses(scale * scores + self.offset, wanted, self.form)
        if self.form == "softmax":
            bends = (p * scores**2).sum(1) - (p * scores).sum(1) ** 2
        else:
            bends = (p * (1 - p) * scores**2).sum(1)
        slopes = ((p - wanted) * scores).sum(1)
        return float(weights @ slopes), float(weights @ bends)
