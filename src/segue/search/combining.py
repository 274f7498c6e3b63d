"""One model of several: their logits, weighted by what each adds for sequences that are held out.

    logits = sum over members of weight * logits of the member

That is the weighted geometric mean of their probabilities, brought to a sum of one; the sum of the
weights is the inverse of a temperature. Of numbers it is their weighted sum. The weights are those
with the least log loss, or squared error, of held-out sequences, drawn towards each other as much
as a few sequences would be able to tell.

Hinton, "Products of experts", ICANN 1999; Wolpert, "Stacked generalization", Neural Networks 5,
1992, with weights that are not negative as in Breiman, "Stacked regressions", Machine Learning 24,
1996.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from segue.data.arrays import Array
from segue.extras import require

Floats = npt.NDArray[np.float64]

# What a difference between weights costs, in units of the loss of one sequence.
EVENNESS = 4.0
_MOST = 1_000_000  # logits that weights are found from: some sequences tell as much as all


class Combination(NamedTuple):
    """How members are joined.

    Attributes:
        weights: `[member]`.
        logits: `[n, output]`, of held-out sequences.
        loss: theirs.
    """

    weights: Floats
    logits: Floats
    loss: float


def combine(logits: Sequence[Array], wanted: Array, form: str) -> Combination:
    """Find the weights of members.

    Args:
        logits: of each member, `[n, output]`, of held-out sequences.
        wanted: `[n, output]`: 0 and 1, or numbers.
        form: "softmax", "squared", or the name of another objective: independent logits.

    >>> right = np.array([[2.0, 0.0], [0.0, 2.0]] * 50)
    >>> found = combine([right, 0 * right], right / 2, "softmax")
    >>> bool(found.weights[0] > found.weights[1] >= 0), found.loss < 0.1
    (True, True)
    """
    minimize: Any = require("scipy.optimize").minimize
    stacked = np.stack([np.asarray(one, np.float64) for one in logits])
    even = 1 / wanted.shape[1] if form == "softmax" else 0.5
    smooth = wanted if form == "squared" else wanted + (even - wanted) / (len(wanted) + 1)
    some = slice(None, None, math.ceil(stacked.size / _MOST))
    seen, aim = stacked[:, some], smooth[some]

    def cost(weights: Floats) -> tuple[float, Floats]:
        loss, slope = loss_and_slope(np.tensordot(weights, seen, 1), aim, form)
        apart = weights - weights.mean()
        share = EVENNESS / len(aim)
        slopes = np.tensordot(seen, slope, 2) / len(aim) + 2 * share * apart
        return loss + share * float(apart @ apart), slopes

    start = np.full(len(stacked), 1 / len(stacked))
    bounds = [(0.0, None)] * len(stacked)
    weights = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    joined = np.tensordot(weights, stacked, 1)
    return Combination(weights, joined, loss_and_slope(joined, smooth, form)[0])


def loss_and_slope(logits: Floats, wanted: Array, form: str) -> tuple[float, Floats]:
    """The mean loss, and `[n, output]` the derivative of each sequence's loss by its logits."""
    if form == "softmax":
        largest = logits.max(1, keepdims=True)
        powers = np.exp(logits - largest)
        total = powers.sum(1, keepdims=True)
        losses = (largest + np.log(total))[:, 0] - (wanted * logits).sum(1)
        return float(losses.mean()), powers / total - wanted
    outputs = logits.shape[1]
    if form == "squared":
        return float(((logits - wanted) ** 2).mean()), 2 * (logits - wanted) / outputs
    shares = np.exp(-np.logaddexp(0, -logits))
    losses = (np.logaddexp(0, logits) - wanted * logits).mean(1)
    return float(losses.mean()), (shares - wanted) / outputs
