"""Training: options, the loop, trainers, schedules, history, checkpoints.

The loop and all that it is given need no PyTorch; `torch_trainer.py` and what it imports do.
"""

from typing import TYPE_CHECKING

from segue.extras import lazy_names
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

_LATER = ("LearningRates", "find_learning_rate")
__getattr__ = lazy_names(__name__, {name: f"segue.training.finder.{name}" for name in _LATER})
