"""The choices that `fit` makes: which part is learnt from, what watches, how much each counts."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segue.dataset import Dataset
from segue.errors import DataError, OptionError
from segue.sequences import Array
from segue.summary import class_counts
from segue.training.job import Job

# "auto" takes a validation set only where it can say something.
AUTO_SHARE, AUTO_LEAST_SEQUENCES, AUTO_LEAST_OF_A_CLASS = 0.1, 100, 5

AUTO_UPDATES, LEAST_EPOCHS, MOST_EPOCHS = 1000, 10, 300


def choose_training_part(data: Dataset) -> tuple[Dataset, Dataset | None, str]:
    """Return the training part, the validation part if the source has one, and a line on it."""
    if data.parts is None:
        return data, None, f"{len(data):,} sequences"
    if "train" not in data.part_names:
        raise DataError(
            f"The data set has the parts {', '.join(data.part_names)} and none named 'train'."
        )
    train = data.part("train")
    validation = data.part("validation") if "validation" in data.part_names else None
    text = f"{len(train):,} sequences, part train"
    if "test" in data.part_names:
        text += f" ({len(data.part('test')):,} of part test left alone)"
    return train, validation, text


def choose_validation(
    train: Dataset, source: Dataset | None, wanted: Any, seed: int
) -> tuple[Dataset, Dataset | None, str]:
    """Decide what is validated on.

    Args:
        train: the training part.
        source: the source's own validation part.
        wanted: "auto", a share between 0 and 1, a `Dataset`, or `None`.
        seed: of the split.

    Returns:
        What is left for training, the validation set, and a line that says what was chosen.
    """
    if isinstance(wanted, Dataset):
        return train, wanted, f"{len(wanted):,} sequences given"
    if wanted is None or wanted == "none":
        return train, None, "none: the last weights are kept"
    if wanted == "auto":
        if source is not None:
            return train, source, f"{len(source):,} sequences, the source's own part"
        reason = _too_few(train)
        if reason:
            return train, None, f"none ({reason}): the last weights are kept"
        share = AUTO_SHARE
    elif isinstance(wanted, int | float) and not isinstance(wanted, bool) and 0 < wanted < 1:
        share = float(wanted)
    else:
        raise OptionError(
            f"`validation` is {wanted!r}; expected 'auto', a share between 0 and 1, a Dataset, "
            "or None."
        )
    rest, validation = train.split(share, seed=seed)
    lost = [str(name) for name in _present(train) if name not in _present(rest)]
    if lost and wanted == "auto":
        return train, None, f"none (its groups would take all of class {', '.join(lost)})"
    if lost:
        warnings.warn(
            f"The groups that are set aside for validation have all sequences of class "
            f"{', '.join(lost)}: it cannot be learnt. Give other groups, or validation=None.",
            stacklevel=4,
        )
    how = "at random" if train.groups is None else "by group"
    if train.groups is None and train.task == "classify":
        how = "stratified"
    return rest, validation, f"{len(validation):,} of the training sequences ({share:.0%}, {how})"


def _present(data: Dataset) -> list[Any]:
    """The classes that occur in a data set; none where the targets are numbers."""
    return [name for name, count in class_counts(data).items() if count]


def _too_few(train: Dataset) -> str:
    if len(train) < AUTO_LEAST_SEQUENCES:
        return f"fewer than {AUTO_LEAST_SEQUENCES} sequences"
    if train.task == "classify":
        fewest = int(np.unique(train.y, return_counts=True)[1].min())
        if fewest < AUTO_LEAST_OF_A_CLASS:
            return f"a class with fewer than {AUTO_LEAST_OF_A_CLASS} sequences"
    if train.groups is not None and len(np.unique(train.groups)) < 2:
        return "one group only"
    return ""


def sequence_weights(
    codes: Array, classes: tuple[Any, ...], class_weight: Any, sample_weight: Array | None
) -> Array | None:
    """How much each sequence counts, 1 on average; `None` where all count the same.

    Args:
        codes: `[n]` class numbers.
        classes: their names.
        class_weight: `None`, "balanced" (each class the same in all), or a weight by class name.
        sample_weight: `[n]`, or `None`.
    """
    if class_weight is None and sample_weight is None:
        return None
    weights = np.ones(len(codes)) if sample_weight is None else sample_weight
    weights = normalized(weights, len(codes))
    if class_weight == "balanced":
        totals = np.bincount(codes, weights, minlength=len(classes))
        weights = weights / np.maximum(totals, 1e-12)[codes]
    elif isinstance(class_weight, Mapping):
        strange = sorted(str(name) for name in class_weight if name not in classes)
        if strange:
            raise OptionError(
                f"`class_weight` names {', '.join(strange)}; the classes are {list(classes)}."
            )
        given = np.array([class_weight.get(name, 1.0) for name in classes], float)
        weights = weights * given[codes]
        if not np.isfinite(given).all() or (given < 0).any() or not weights.any():
            raise OptionError(
                f"`class_weight` is {dict(class_weight)}; expected finite weights, none negative "
                "and not all zero."
            )
    elif class_weight is not None:
        raise OptionError(
            f"`class_weight` is {class_weight!r}; expected 'balanced', None, or a weight for each "
            "class such as {'rare': 5.0}."
        )
    return np.asarray(weights / weights.mean())


def normalized(weights: Array, count: int) -> Array:
    """Check `[n]` weights and scale them to a mean of 1."""
    weights = np.asarray(weights, float)
    good = np.isfinite(weights).all() and (weights >= 0).all() and weights.any()
    if weights.shape != (count,) or not good:
        raise DataError(
            f"`sample_weight` has shape {weights.shape}; expected {count} finite weights, "
            "none negative and not all zero."
        )
    return np.asarray(weights / weights.mean())


def choose_device(device: str) -> torch.device:
    """Turn the name into a device; "auto" is the graphics processor if PyTorch sees one."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise OptionError(f"`device` is {device!r}; expected auto, cpu or cuda.") from error


def choose_epochs(count: int, batch_size: int) -> int:
    """As many as make about a thousand updates: small data sets are seen often, large ones less.

    >>> choose_epochs(200, 32), choose_epochs(20, 32), choose_epochs(55_000, 32)
    (143, 300, 10)
    """
    updates = -(-count // batch_size)
    return min(MOST_EPOCHS, max(LEAST_EPOCHS, round(AUTO_UPDATES / updates)))


def memory_warning(job: Job, train: Dataset) -> str:
    """A line when training will need more than a quarter of the memory that is free, else ""."""
    longest, batch_size = train.x.length_range[1], min(job.batch_size, len(train))
    features = job.network.input_shape.features
    resident = 0 if train.x.is_mapped else 4 * train.x.total_steps * features
    needed = resident + job.network.activation_bytes(batch_size, longest)
    free = free_memory()
    if free is None or needed <= free / 4:
        return ""
    return (
        f"Training will need about {needed / 1e9:.1f} GB of memory (batches of {batch_size} "
        f"sequences of up to {longest:,} steps); {free / 1e9:.1f} GB are free. A smaller "
        "batch_size needs less."
    )


def free_memory() -> int | None:
    """Bytes that can be taken without swapping; `None` where the system does not say."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (OSError, ValueError, AttributeError):
        return None
