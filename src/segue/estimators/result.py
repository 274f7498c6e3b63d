"""The result of a training, as an estimator takes it over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from segue.estimators.fingerprint import SeenSequences
from segue.networks import Network
from segue.prepare import Preparation
from segue.prepare.steps import MeanScale
from segue.tasks import Task
from segue.training.closed_form import HeldOut
from segue.training.history import History

Lines = list[tuple[str, str]]


@dataclass(frozen=True)
class FitResult:
    """The result of a training: the fitted attributes of an estimator, without their underscore."""

    network: Network
    preparation: Preparation
    static: MeanScale | None
    task: Task
    history: History
    stopped: str
    training_summary: Lines
    seen: tuple[SeenSequences, ...] | None
    channels: tuple[str, ...] | None
    reading: Any
    held_out: HeldOut | None = None
