"""The log loss of logits that are known for all cases, in float64: where no gradients are needed.

The losses of batches in training stand in `segue.training.losses` and in the native library.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segue.data.arrays import Array

Floats = npt.NDArray[np.float64]


def log_losses(logits: Floats, wanted: Array, form: str) -> tuple[Floats, Floats]:
    """`[n]`, the log loss of each case, and `[n, output]`, its probabilities.

    Of independent outputs the loss is the mean over them.

    Args:
        logits: `[n, output]`.
        wanted: `[n, output]`, of 0 and 1, or in between.
        form: "softmax": one of the outputs; any other name of an objective: each for itself.

    >>> losses, probabilities = log_losses(np.array([[3.0, 3.0]]), np.array([[1, 0]]), "softmax")
    >>> losses.round(4).tolist(), probabilities.tolist()
    ([0.6931], [[0.5, 0.5]])
    """
    if form == "softmax":
        largest = logits.max(1, keepdims=True)
        powers = np.exp(logits - largest)
        total = powers.sum(1, keepdims=True)
        return (largest + np.log(total))[:, 0] - (wanted * logits).sum(1), powers / total
    probabilities = np.exp(-np.logaddexp(0, -logits))
    return (np.logaddexp(0, logits) - wanted * logits).mean(1), probabilities


def smoothed(wanted: Array, form: str) -> Array:
    """Targets with one case's share for all classes, so that of none the best logit is infinite.

    Args:
        wanted: `[n, output]`, of 0 and 1.
        form: as of `log_losses`.

    >>> smoothed(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), "softmax").tolist()
    [[0.875, 0.125], [0.125, 0.875], [0.125, 0.875]]
    """
    even = 1 / wanted.shape[1] if form == "softmax" else 0.5
    return wanted + (even - wanted) / (len(wanted) + 1)
