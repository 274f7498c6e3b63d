"""Training: options, the loop, schedules, optimisers, history, checkpoints."""

from segue.training.callbacks import Callback
from segue.training.history import History, HistoryWriter
from segue.training.options import TrainingOptions

__all__ = ["Callback", "History", "HistoryWriter", "TrainingOptions"]
