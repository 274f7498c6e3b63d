"""What is kept of a training: its fingerprint, and its summary in words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from segue.estimators.choosing import Chosen
from segue.estimators.learner import Learner, Lines
from segue.estimators.seen import LIMIT, SALT_BYTES, Digests, SeenSequences, digests, joined
from segue.layers import LayerSpec
from segue.networks import Network
from segue.prepare import Preparation
from segue.sequences import Sequences
from segue.spec import to_text
from segue.training.job import Job
from segue.training.loop import TrainingState


def fingerprint(learner: Learner, chosen: Chosen, values: Digests) -> dict[str, Any]:
    """What two trainings must share for one to go on from the other.

    Args:
        learner: about to be trained.
        chosen: what it is trained on.
        values: the hashes of these sequences.
    """
    data = chosen.train
    digest = hashlib.blake2b(data.x.lengths.tobytes(), digest_size=8)
    targets = data.y.values if isinstance(data.y, Sequences) else data.y
    digest.update(str(np.asarray(targets).tolist()).encode())
    return {
        **_settings(learner),
        "network": str(learner.network_.summary().text),
        "data": digest.hexdigest(),
        # Lengths and targets alone once stood for the data: a checkpoint of then has no such line.
        "set of values": joined([values, *_beside(chosen)]),
    }


def seen_by(
    learner: Learner, chosen: Chosen, values: Digests, before: tuple[SeenSequences, ...]
) -> tuple[SeenSequences, ...] | None:
    """The record of the sequences of a training; `None` of more than a million.

    The salt is a hash of the settings and of all values, not a random draw: the same training
    writes the same file (its weights are the same anyway, so the salt tells nothing that they do
    not), while another training, also on the same data, has another salt.

    Args:
        learner: trained.
        chosen: what it was trained on, and validated with.
        values: the hashes of the sequences of the training.
        before: what the weights that the training began with had been fitted on.
    """
    watched = chosen.validation
    if len(values) + (0 if watched is None else len(watched)) > LIMIT:
        return None
    theirs = values[:0] if watched is None else digests(watched.x)
    text = repr(sorted(_settings(learner).items())).encode()
    salt = bytes.fromhex(joined([values, theirs, text]))[:SALT_BYTES]
    own = SeenSequences.of(values, theirs, salt)
    return (own, *(one for one in before if one.salt != salt))


def _settings(learner: Learner) -> dict[str, str]:
    """The arguments that change what is learnt, as text."""
    return {
        name: str(value)
        for name, value in learner.get_params().items()
        if name not in ("options", "options__progress", "options__time_limit_seconds")
    }


def _beside(chosen: Chosen) -> Iterable[bytes]:
    """What is learnt from beside values and targets: static features and weights."""
    if chosen.train.static is not None:
        yield chosen.train.static.tobytes()
    if chosen.weights is not None:
        weights = getattr(chosen.weights, "values", chosen.weights)  # of each step: `Sequences`
        yield np.asarray(weights, np.float64).tobytes()


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


def head_lines(head: tuple[LayerSpec, ...]) -> Lines:
    """That the end of the network is its head, as a heading and a text; nothing if it is implied.

    Args:
        head: the layers that are the head, as they are written.
    """
    return [("head", f"{to_text(head)}, as the network ends")] if head else []
