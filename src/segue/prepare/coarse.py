"""What is still too coarse for float32 once it is prepared."""

from __future__ import annotations

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError
from segue.precision import KEPT, distinct
from segue.prepare.pipeline import Preparation
from segue.prepare.steps import Array

_ROWS = 1000  # that are looked at


def refuse_coarse(preparation: Preparation, data: Dataset) -> None:
    """Raise where the network could not tell the values of a channel apart.

    Args:
        preparation: fitted on `data`.
        data: the training sequences; their channels' names stand in the message.

    Raises:
        DataError: a channel of which float32 merges more than a quarter of the different values.
    """
    if not preparation.exact:
        return
    exact = _rows(preparation, data)
    before, after = distinct(exact), distinct(exact.astype(np.float32))
    merged = np.flatnonzero((before > 1) & (after <= KEPT * before))
    if len(merged):
        channel = int(merged[0])
        raise DataError(
            f"{_named(preparation, data, channel)} has {before[channel]:,} different values among "
            f"{len(exact):,} that were looked at, and {after[channel]:,} once it is prepared "
            f"({preparation}): float32, in which networks compute, holds 7 digits, and these lie "
            "too far from 0, or too close together for how far they reach. Take off what they "
            "have in common (x - x[0]; prepare='standardize' takes off the mean), mark what "
            "stands for a missing value as NaN, or leave the channel out."
        )


def _rows(preparation: Preparation, data: Dataset) -> Array:
    """`[rows, channel]` prepared values, float64, from all over the data."""
    stride = 1 + data.x.total_steps // _ROWS
    blocks = preparation.exact_blocks(data.x)
    return np.concatenate([values[::stride] for values, _ in blocks])


def _named(preparation: Preparation, data: Dataset, channel: int) -> str:
    if preparation.channels_out == data.x.channels or preparation.what_changes_steps() is None:
        return f"Channel {data.channels[channel] if data.channels else channel}"
    return f"Feature {channel} of those that are made of the channels"
