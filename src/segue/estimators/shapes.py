"""What a network gets: the shape of a sequence, and channels that tell it nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.errors import DataError, SpecError, counted, first_few, warn_user
from segue.estimators.result import Lines
from segue.layers import Shape
from segue.prepare import Preparation
from segue.prepare.pipeline import refuse_coarse
from segue.tasks import Task

MOST_TOKENS = 10_000_000  # an embedding has a row for each


def shape_of(x: Sequences, preparation: Preparation) -> Shape:
    """The input shape of the network for one sequence."""
    lengths = np.unique(preparation.lengths(x.lengths))
    tokens = None
    if preparation.kind != "numbers":
        tokens = token_count(x) if preparation.kind == "tokens" else preparation.token_count
    return Shape(
        features=preparation.channels_out,
        length=int(lengths[0]) if len(lengths) == 1 and not x.is_text else None,
        tokens=tokens,
    )


def stages_of(x: Sequences, preparation: Preparation) -> Iterator[tuple[str, Shape]]:
    """The shape of a sequence as it comes, and what each step of the preparation makes of it.

    Args:
        x: the sequences.
        preparation: fitted on them.

    Returns:
        The kind of each step, first "", and the shape.
    """
    channels = preparation.channels_in
    for count in range(len(preparation.steps) + 1):
        steps, fitted = preparation.steps[:count], preparation.fitted[:count]
        if count:
            channels = steps[-1].channels(channels, fitted[-1])
        so_far = replace(preparation, steps=steps, fitted=fitted, channels_out=channels)
        plain = preparation.kind == "texts" and not count
        shape = Shape(channels) if plain else shape_of(x, so_far)
        yield steps[-1].kind if count else "", shape


def token_count(x: Sequences) -> int:
    """The number of tokens for an embedding: from 0 to the largest.

    Raises:
        DataError: several tokens a step, negative ones, or numbers too large to be such.
    """
    least = min(int(block.values.min()) for block in x.blocks())
    largest = max(int(block.values.max()) for block in x.blocks())
    if x.channels == 1 and least >= 0 and largest < MOST_TOKENS:
        return largest + 1
    raise DataError(
        "The network begins with an embedding, which takes one token a step, a number from 0 to "
        f"{MOST_TOKENS - 1:,} at most; these sequences have {counted(x.channels, 'channel')} of "
        f"whole numbers from {least:,} to {largest:,}. Number the tokens from 0 on, as "
        "np.unique(x, return_inverse=True) does; of measurements leave the embedding out."
    )


def check_channels(data: Dataset, preparation: Preparation) -> Lines:
    """What is to be told of channels with missing values, without any, or with only one.

    Raises:
        DataError: there is no value at all, or values that float32 cannot tell apart.
    """
    if preparation.exact:
        refuse_coarse(preparation, data)
    if data.x.kind != "numbers":
        return []
    least, most = np.full(data.x.channels, np.inf), np.full(data.x.channels, -np.inf)
    missing = np.zeros(data.x.channels, np.int64)
    for block in data.x.blocks():
        if len(block.values):
            missing += np.isnan(block.values).sum(axis=0)
            least = np.fmin(least, np.fmin.reduce(block.values, axis=0))
            most = np.fmax(most, np.fmax.reduce(block.values, axis=0))
    channels = np.array(data.channels or range(data.x.channels), object).astype(str)
    empty = channels[least > most].tolist()
    constant = channels[(least == most) & (data.x.total_steps > 1)].tolist()
    if empty:
        if len(empty) == data.x.channels and data.static is None:
            raise DataError(
                "Every value of the training sequences is missing (NaN): there is nothing to learn "
                "from. Look at how they were read with `segue data show`."
            )
        names = first_few(empty)
        warn_user(f"No training sequence has a value in channel {names}: all are missing (NaN).")
    about = {"has no value": empty, "has the same value in every step": constant}
    lines = [("channels", f"{first_few(names)} {text}") for text, names in about.items() if names]
    if missing.any():
        share = f"{missing.sum():,} of {data.x.total_steps * data.x.channels:,}"
        where = first_few(channels[missing > 0])
        lines.append(("missing values", f"{share}, in channel {where}; prepared by {preparation}"))
    return lines


def check_keeps_steps(preparation: Preparation, task: Task) -> None:
    """Raise where there is a target for each step, and the preparation makes other steps.

    Raises:
        SpecError: the step of the preparation is named.
    """
    step = preparation.what_changes_steps()
    if step is not None:
        raise SpecError(
            f"the preparation step `{step}` makes other steps of the data's, and to {task.name} is "
            "to answer at each of the data's own. Prepare with steps that keep them, such as "
            "'standardize', and let layers look around, such as conv(32, 9)."
        )
