"""What makes an epoch better than the best so far: pure functions of two rows of the history."""

from __future__ import annotations

from collections.abc import Callable

from segue.errors import OptionError
from segue.training.history import Row
from segue.training.objectives import Objective
from segue.training.options import TrainingOptions

Monitor = Callable[[Row, Row, float], bool]


def lower_loss(row: Row, best: Row, min_delta: float) -> bool:
    """The validation loss is lower, by more than `min_delta`."""
    return row["validation_loss"] < best["validation_loss"] - min_delta


def higher_accuracy(row: Row, best: Row, min_delta: float) -> bool:
    """More of the validation answers are right, or as many with a lower loss.

    >>> best = {"validation_accuracy": 0.9, "validation_loss": 0.5}
    >>> higher_accuracy({"validation_accuracy": 0.9, "validation_loss": 0.4}, best, 0.0)
    True
    """
    if row["validation_accuracy"] != best["validation_accuracy"]:
        return row["validation_accuracy"] > best["validation_accuracy"]
    return lower_loss(row, best, min_delta)


def later(row: Row, best: Row, min_delta: float) -> bool:
    """The epoch is a later one, whatever its scores; of two trainings, the loss is lower."""
    return row["epoch"] > best["epoch"] or lower_loss(row, best, min_delta)


MONITORS: dict[str, Monitor] = {"loss": lower_loss, "accuracy": higher_accuracy, "last": later}


def check_monitor(options: TrainingOptions, objective: Objective, *, validated: bool) -> None:
    """Raise `OptionError` where what is to be monitored is not there.

    Args:
        options: of the training.
        objective: of the task, which may have no accuracy.
        validated: whether there is a validation part, which the schedule "plateau" needs.
    """
    if options.schedule == "plateau" and not validated:
        raise OptionError(
            "`schedule` is 'plateau', which lowers the rate when the validation loss stands still, "
            "and there is no validation: choose another schedule, or a validation share, such as "
            "validation=0.2."
        )
    if options.monitor == "accuracy" and objective.metric != "accuracy":
        raise OptionError(
            f"`monitor` is 'accuracy', and this task has none: use 'loss', which "
            f"{objective.metric} follows."
        )
