"""What is known of a training before and after it: its arguments, its fingerprint, its summary."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import OptionError
from segue.layers import LayerSpec
from segue.networks import Network
from segue.prepare import Preparation
from segue.sequences import Sequences
from segue.training.job import Job
from segue.training.loop import TrainingState

if TYPE_CHECKING:
    from segue.estimators.base import SequenceEstimator

Lines = list[tuple[str, str]]


def check_arguments(estimator: SequenceEstimator) -> None:
    """Raise `OptionError` for all that is wrong with the constructor's arguments, together."""
    problems = [
        f"`{name}` is {getattr(estimator, name)!r}; expected {wanted}."
        for name, wanted in (
            ("epochs", "'auto' or a whole number from 1 on"),
            ("batch_size", "a whole number from 1 on"),
            ("learning_rate", "a number above 0"),
        )
        if not _is_positive(getattr(estimator, name), whole=name != "learning_rate")
        and (name, getattr(estimator, name)) != ("epochs", "auto")
    ]
    seed = estimator.seed
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool):
        problems.append(f"`seed` is {seed!r}; expected a whole number.")
    problems += estimator.problems()
    if problems:
        raise OptionError(" ".join(problems))


def _is_positive(value: Any, *, whole: bool) -> bool:
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    return isinstance(value, kinds) and not isinstance(value, bool) and bool(value > 0)


def fingerprint(estimator: SequenceEstimator, data: Dataset) -> dict[str, Any]:
    """What two trainings must share for one to go on from the other."""
    digest = hashlib.blake2b(data.x.lengths.tobytes(), digest_size=8)
    targets = data.y.values if isinstance(data.y, Sequences) else data.y
    digest.update(str(np.asarray(targets).tolist()).encode())
    chosen = {
        name: str(value)
        for name, value in estimator.get_params().items()
        if name not in ("options", "options__progress", "options__time_limit_seconds")
    }
    network = str(estimator.network_.summary().text)
    return {**chosen, "network": network, "data": digest.hexdigest()}


def training_summary(
    estimator: SequenceEstimator, job: Job, state: TrainingState, lines: Iterable[tuple[str, str]]
) -> Lines:
    """What was done, as pairs of a heading and a text.

    Args:
        estimator: trained.
        job: what it was told.
        state: how far it came.
        lines: what was chosen before it began.
    """
    options = job.options
    return [
        ("network", estimator.network_.summary().text),
        ("preparation", str(estimator.preparation_)),
        *lines,
        ("optimizer", f"{options.optimizer}, {options.schedule} up to {job.learning_rate:g}"),
        ("batch size", str(job.batch_size)),
        ("epochs", f"{len(state.rows)} of {job.epochs}, {estimator.stopped_}"),
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
