"""One model of several: their logits, weighted by what each adds for sequences that are held out.

    logits = scale * (sum over members of weight * logits of the member) + offset

The sum is the logarithm of the weighted geometric mean of their probabilities, and the sum of the
weights is the inverse of a temperature; scale and offset, a number for each output, mend what is
too sure, or too frequent, of one class. Of numbers it is the weighted sum alone. All are those with
the least log loss, or squared error, of held-out sequences, drawn towards equal weights, scales of
one and offsets of zero as much as a few sequences would be able to tell.

Hinton, "Products of experts", ICANN 1999; Wolpert, "Stacked generalization", Neural Networks 5,
1992, with weights that are not negative as in Breiman, "Stacked regressions", Machine Learning 24,
1996; scale and offset: "vector scaling" in Guo et al., "On calibration of modern neural networks",
ICML 2017.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.extras import require
from segue.training.log_loss import Floats, log_losses, smoothed
from segue.training.ridge import LEAST_SPREAD

Logits = Sequence[Array] | Floats  # of each member

# What a difference between weights, and of a scale from one, costs: in units of the loss of one
# sequence, times its square. The same of an offset.
EVENNESS, LEVEL = 4.0, 0.25
_MOST = 200_000  # logits that weights are found from: some sequences tell as much as all
_ENOUGH, _STEPS = 1e-6, 100  # of the loss: a step that gains less of it is the last; most of them


class Combination(NamedTuple):
    """How members are joined.

    Attributes:
        weights: `[member]`.
        scale: `[output]`.
        offset: `[output]`.
    """

    weights: Floats
    scale: Floats
    offset: Floats

    def join(self, logits: Logits) -> Floats:
        """`[n, output]` of those of each member."""
        return np.tensordot(self.weights, np.asarray(logits), 1) * self.scale + self.offset


def combine(
    logits: Logits,
    wanted: Array,
    form: str,
    weights: Array | None = None,
    *,
    start: Combination | None = None,
    by_weights: bool = False,
) -> Combination:
    """Find the weights of members, and scale and offset of each output.

    Args:
        logits: of each member, `[n, output]`, of held-out sequences.
        wanted: `[n, output]`: 0 and 1, or numbers.
        form: "softmax", "squared", or the name of another objective: independent logits.
        weights: `[n]`, how much each sequence counts, 1 on average; `None`: all the same.
        start: where to look first; `None`: equal weights.
        by_weights: whether scales stay 1 and offsets 0, as they do of numbers, and where a class is
            not among the targets.

    >>> right = np.array([[2.0, 0.0], [0.0, 2.0]] * 50)
    >>> found = combine([right, 0 * right], right / 2, "softmax")
    >>> bool(found.weights[0] > found.weights[1] >= 0)
    True
    """
    minimize: Any = require("scipy.optimize").minimize
    stacked = np.stack([np.asarray(one, np.float64) for one in logits])
    some = slice(None, None, math.ceil(stacked.size / _MOST))
    members, _, outputs = stacked.shape
    seen, aim = stacked[:, some], (wanted if form == "squared" else smoothed(wanted, form))[some]
    counted = None if weights is None else np.asarray(weights, np.float64)[some]
    count = len(aim)

    def cost(given: Floats) -> tuple[float, Floats]:
        shares, scale, offset = np.split(given, (members, members + outputs))
        plain = np.tensordot(shares, seen, 1)
        loss, slope = loss_and_slope(plain * scale + offset, aim, form, counted)
        apart = np.concatenate([shares - shares.mean(), scale - 1, offset])
        slopes = [np.tensordot(seen, slope * scale, 2), (slope * plain).sum(0), slope.sum(0)]
        return (
            loss + float(costs @ apart**2) / count,
            (np.concatenate(slopes) + 2 * costs * apart) / count,
        )

    costs = np.repeat([EVENNESS, LEVEL], [members + outputs, outputs])
    even = np.full(members, 1 / members), np.ones(outputs), np.zeros(outputs)
    first = np.concatenate(start or even)
    bounds: list[Any] = [(0.0, None)] * members
    is_seen = wanted.any(0) & ((form == "softmax") | (wanted < 1).any(0))
    # Members that predict numbers are right on average; and a class of which nothing was held out
    # would be told never again.
    if by_weights or form == "squared" or not is_seen.all():
        bounds += [(1.0, 1.0)] * outputs + [(0.0, 0.0)] * outputs
    else:
        bounds += [(0.0, None)] * outputs + [(None, None)] * outputs
    enough = {"ftol": _ENOUGH, "maxiter": _STEPS}
    found = minimize(cost, first, jac=True, method="L-BFGS-B", bounds=bounds, options=enough).x
    combination = Combination(*np.split(found, (members, members + outputs)))
    if form == "squared" or _spread(combination.join(seen)) >= LEAST_SPREAD:
        return combination
    # Held-out logits tell nothing, such as of classes of one sequence each.
    plain = Combination(*even)
    spread = max(_spread(plain.join(seen)), LEAST_SPREAD)
    return plain._replace(weights=plain.weights * LEAST_SPREAD / spread)


def _spread(logits: Floats) -> float:
    """The deviation of the logits of each output."""
    return float((logits - logits.mean(0)).std())


def combine_by_groups(
    logits: Logits,
    wanted: Array,
    form: str,
    weights: Array | None = None,
    *,
    parts: Array,
) -> tuple[Combination, Floats]:
    """The combination for sequences that come in groups, and `[n, output]` what it holds out.

    Groups differ in which classes they have, and of few groups a scale and an offset of each class
    would learn that: they are taken only where they lessen the loss of groups without which they
    were found.

    Args:
        logits: as of `combine`.
        wanted: likewise.
        form: likewise.
        weights: likewise.
        parts: `[n]`, the number of the part in which each is; groups are whole.
    """
    several = []
    is_known = form == "squared" or len(np.unique(parts)) < 2  # that weights have to do
    for by_weights in (True,) if is_known else (True, False):
        found = combine(logits, wanted, form, weights, by_weights=by_weights)
        joined = join_held_out(
            logits, wanted, form, weights, parts=parts, found=found, by_weights=by_weights
        )
        several.append((found, joined))
    return min(several, key=lambda pair: loss_and_slope(pair[1], wanted, form, weights)[0])


def join_held_out(
    logits: Logits,
    wanted: Array,
    form: str,
    weights: Array | None = None,
    *,
    parts: Array,
    found: Combination,
    by_weights: bool = False,
) -> Floats:
    """`[n, output]`: of each part of the sequences, by a combination of which they had no share.

    Args:
        logits: as of `combine`.
        wanted: likewise.
        form: likewise.
        weights: likewise.
        parts: `[n]`, the number of the part in which each is.
        found: the combination that was found from all.
        by_weights: as of `combine`.
    """
    stacked = np.stack([np.asarray(one, np.float64) for one in logits])
    joined = found.join(stacked)
    numbers = np.unique(parts)
    for number in numbers if len(numbers) > 1 else ():
        own = parts == number
        counted = None if weights is None else weights[~own]
        rest = combine(
            stacked[:, ~own], wanted[~own], form, counted, start=found, by_weights=by_weights
        )
        joined[own] = rest.join(stacked[:, own])
    return joined


def loss_and_slope(
    logits: Floats, wanted: Array, form: str, weights: Floats | None = None
) -> tuple[float, Floats]:
    """The mean loss, and `[n, output]` the derivative of each sequence's loss by its logits."""
    if form == "squared":
        losses = ((logits - wanted) ** 2).mean(1)
        slopes = 2 * (logits - wanted) / logits.shape[1]
    else:
        losses, probabilities = log_losses(logits, wanted, form)
        slopes = (probabilities - wanted) / (1 if form == "softmax" else logits.shape[1])
    if weights is not None:
        losses, slopes = weights * losses, weights[:, None] * slopes
    return float(losses.mean()), slopes
