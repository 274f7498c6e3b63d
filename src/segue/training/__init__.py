"""Training: options, the loop, schedules, optimisers, history, checkpoints."""

import importlib
from typing import TYPE_CHECKING, Any

from segue.training.history import Callback, History, HistoryWriter
from segue.training.options import TrainingOptions

if TYPE_CHECKING:
    from segue.training.finder import LearningRates, find_learning_rate

__all__ = [
    "Callback",
    "History",
    "HistoryWriter",
    "LearningRates",
    "TrainingOptions",
    "find_learning_rate",
]


def __getattr__(name: str) -> Any:
    """Load modules that need torch when they are first used."""
    if name not in ("LearningRates", "find_learning_rate"):
        raise AttributeError(f"module 'segue.training' has no attribute {name!r}")
    return getattr(importlib.import_module("segue.training.finder"), name)
