"""The smaller choices of `fit`: weights, device, epochs, frozen layers, memory."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segue.dataset import Dataset
from segue.errors import DataError, NotCausalError, OptionError, did_you_mean
from segue.layers import Layer, LayerSpec, Shape
from segue.networks import Network
from segue.prepare import Preparation
from segue.sequences import Array, Sequences
from segue.training import TrainingOptions
from segue.training.job import Job
from segue.training.objectives import Objective

AUTO_UPDATES, LEAST_EPOCHS, MOST_EPOCHS = 1000, 10, 300


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


def normalized(weights: Any, count: int) -> Array:
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
        chosen = torch.device(device)
    except RuntimeError as error:
        raise OptionError(f"`device` is {device!r}; expected auto, cpu or cuda.") from error
    try:
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise OptionError(
            f"`device` is {device!r}, and PyTorch has none here ({str(error).splitlines()[0]}): "
            "take device='cpu' or 'auto'."
        ) from error
    return chosen


def choose_epochs(count: int, batch_size: int) -> int:
    """As many as make about a thousand updates: small data sets are seen often, large ones less.

    >>> choose_epochs(200, 32), choose_epochs(20, 32), choose_epochs(55_000, 32)
    (143, 300, 10)
    """
    updates = -(-count // batch_size)
    return min(MOST_EPOCHS, max(LEAST_EPOCHS, round(AUTO_UPDATES / updates)))


def fit_options(options: TrainingOptions, network: Network, objective: Objective) -> None:
    """Freeze the layers that the options name, and refuse what they cannot mean here.

    Raises:
        OptionError: a layer to be frozen that there is not, nothing that is left to be trained, or
            a task without an accuracy to be monitored.
        NotCausalError: `truncate` with a layer that needs the whole sequence; it is named.
    """
    if options.monitor == "accuracy" and objective.metric != "accuracy":
        raise OptionError(
            f"`monitor` is 'accuracy', and this task has none: use 'loss', which "
            f"{objective.metric} follows."
        )
    layers = {layer.name: layer for layer in network.modules() if isinstance(layer, Layer)}
    strange = [name for name in options.frozen if name not in layers]
    if strange:
        near = did_you_mean(strange[0], layers)
        raise OptionError(f"`frozen` names {', '.join(strange)}, and there is no such layer.{near}")
    for name in options.frozen:
        layers[name].requires_grad_(False)
    if not any(weight.requires_grad for weight in network.parameters()):
        raise OptionError("`frozen` names every layer that has weights: nothing is left to learn.")
    if options.truncate is not None:
        _check_carries_state(network, options.truncate)


def _check_carries_state(network: Network, steps: int) -> None:
    try:
        network.initial_state(1)
    except NotCausalError as error:
        raise NotCausalError(
            f"truncate={steps} sends sequences through the network in pieces, and {error} "
            "Use truncate=None for this network."
        ) from error


def shape_of(x: Sequences, preparation: Preparation) -> Shape:
    """What the network sees of one sequence."""
    lengths = np.unique(preparation.lengths(x.lengths))
    tokens = preparation.token_count
    if x.is_tokens:
        tokens = max(int(block.values.max()) for block in x.blocks()) + 1
    return Shape(
        features=preparation.channels_out,
        length=int(lengths[0]) if len(lengths) == 1 and not x.is_text else None,
        tokens=tokens,
    )


def text_lines(
    preparation: Preparation, network: Network, wanted: tuple[LayerSpec, ...]
) -> list[tuple[str, str]]:
    """What became of texts, as pairs of a heading and a text; nothing where there are none.

    Args:
        preparation: fitted.
        network: what was built.
        wanted: the layers that were asked for.
    """
    if preparation.vocabulary is None:
        return []
    step, fitted = preparation.vocabulary
    lines = [("text", f"{step}: {step.said(fitted)}")]
    if len(network.specs) > len(wanted):
        lines.append(("network", f"{network.specs[0]} comes first, a vector for each {step.unit}"))
    return lines


def memory_warning(job: Job, train: Dataset) -> str:
    """A line when training will need more than a quarter of the memory that is free, else ""."""
    # As the network sees them: a text is fewer words than characters.
    longest = min(int(job.train.batches.lengths.max()), job.options.truncate or math.inf)
    batch_size = min(job.batch_size, len(job.train.batches))
    features = job.network.input_shape.features
    resident = 0 if train.x.is_mapped else 4 * train.x.total_steps * features
    needed = resident + job.network.activation_bytes(batch_size, int(longest))
    free = free_memory()
    if free is None or needed <= free / 4:
        return ""
    return (
        f"Training will need about {needed / 1e9:.1f} GB of memory (batches of {batch_size} "
        f"sequences of up to {longest:,} steps); {free / 1e9:.1f} GB are free. A smaller "
        "batch_size needs less; so does truncate=200 of TrainingOptions, for causal networks."
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
