"""What is kept of a training: its fingerprint, and its summary in words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.estimators.learner import Learner, Lines
from segue.layers import LayerSpec
from segue.networks import Network
from segue.prepare import Preparation
from segue.sequences import Sequences
from segue.training.job import Job
from segue.training.loop import TrainingState


def fingerprint(learner: Learner, data: Dataset) -> dict[str, Any]:
    """What two trainings must share for one to go on from the other."""
    digest = hashlib.blake2b(data.x.lengths.tobytes(), digest_size=8)
    targets = data.y.values if isinstance(data.y, Sequences) else data.y
    digest.update(str(np.asarray(targets).tolist()).encode())
    chosen = {
        name: str(value)
        for name, value in learner.get_params().items()
        if name not in ("options", "options__progress", "options__time_limit_seconds")
    }
    network = str(learner.network_.summary().text)
    return {**chosen, "network": network, "data": digest.hexdigest()}


def training_summary(
    learner: Learner, job: Job, state: TrainingState, lines: Iterable[tuple[str, str]]
) -> Lines:
    """What was done, as pairs of a heading and a text.

    Args:
        learner: trained.
        job: what it was told.
        state: how far it came.
        lines: what was chosen before it began.
    """
    options = job.options
    return [
        ("network", learner.network_.summary().text),
        ("preparation", str(learner.preparation_)),
        *lines,
        ("optimizer", f"{options.optimizer}, {options.schedule} up to {job.learning_rate:g}"),
        ("batch size", str(job.batch_size)),
        ("epochs", f"{len(state.rows)} of {job.epochs}, {learner.stopped_}"),
        ("weights kept", f"of epoch {state.best_epoch or len(state.rows)}"),
        ("time", f"{state.seconds:.1f} s"),
        ("seed", str(job.seed)),
    ]


def text_lines(preparation: Preparation, network: Network, wanted: tuple[LayerSpec, ...]) -> Lines:
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
