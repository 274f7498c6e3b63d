"""The sampling rate of steps that think in Hz."""

from __future__ import annotations

import numpy as np

from segue.errors import DataError
from segue.prepare.steps import StepSpec


def settled_rate(step: StepSpec, own: float | None, rate_hz: float | None) -> float:
    """Samples per second: what the step says, or the data.

    Args:
        step: as it is written; for the messages.
        own: what it says, if it does.
        rate_hz: what the data say, if they do.

    Raises:
        DataError: neither says it, or each says something else.
    """
    if own is None and rate_hz is None:
        raise DataError(
            f"`{step}` needs the sampling rate, and the data do not say it: pass a Dataset "
            f"with rate_hz, or write it, as in {step.kind}(rate=8000)."
        )
    if own is not None and rate_hz is not None and not np.isclose(own, rate_hz):
        raise DataError(
            f"`{step}` is for {own:g} samples per second, and the data have {rate_hz:g}. Sounds "
            f"are read at another rate with segue.read(..., rate={own:g})."
        )
    return float(own or rate_hz or 0.0)
