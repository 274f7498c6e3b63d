"""Missing values where training had none."""

from __future__ import annotations

import numpy as np

from segue.prepare.mask import Mask
from segue.prepare.pipeline import Preparation
from segue.sequences import Array


def unexpected_gaps(preparation: Preparation, values: Array, lengths: Array) -> Array:
    """The channels with gaps (NaN) that training did not have, as the preparation's mask sees them.

    They are interpolated, which looks ahead: a stream cannot wait for that.

    Args:
        preparation: fitted.
        values: `[total_steps, channel]`.
        lengths: `[n]`.
    """
    if values.dtype.kind != "f" or not np.isnan(values).any():
        return np.empty(0, np.int64)
    x = (values, lengths)
    for step, fitted in zip(preparation.steps, preparation.fitted, strict=True):
        if isinstance(step, Mask):
            return np.setdiff1d(_gaps(x[0]), fitted["expected"])
        x = step.apply(x, fitted)
    return _gaps(x[0])


def _gaps(values: Array) -> Array:
    return np.flatnonzero(np.isnan(values).any(axis=0))
