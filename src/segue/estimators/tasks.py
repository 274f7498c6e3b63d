"""Which estimators there are, and what each does."""

from __future__ import annotations

from segue.errors import DataError, OptionError, did_you_mean
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.classifier import SequenceClassifier
from segue.estimators.forecaster import Forecaster
from segue.estimators.labeler import SequenceLabeler
from segue.estimators.language import LanguageModel
from segue.estimators.regressor import SequenceRegressor

_KINDS: tuple[type[BaseSequenceEstimator], ...] = (
    SequenceClassifier,
    SequenceLabeler,
    SequenceRegressor,
    Forecaster,
    LanguageModel,
)

# By the name of the class, as a model file has it; and by that of the task, on the command line.
BY_NAME = {kind.__name__: kind for kind in _KINDS}
BY_TASK = {kind.task: kind for kind in _KINDS}


def estimator_for(task: str | None, found: str) -> type[BaseSequenceEstimator]:
    """Return the estimator of a task, or that for which a data set has targets.

    Args:
        task: classify, label, regress, forecast or language; `None`: what the data ask for.
        found: the task of the data set.

    Raises:
        OptionError: there is no such task.
        DataError: the data have no targets, and no task is named.

    >>> estimator_for(None, "multilabel").__name__, estimator_for("forecast", "none").__name__
    ('SequenceClassifier', 'Forecaster')
    """
    if task is None:
        if found == "none":
            raise DataError(
                "These sequences have no targets, so there is nothing to be learnt but how they go "
                "on: that is the task forecast (--task forecast), or of texts language."
            )
        task = "classify" if found == "multilabel" else found
    if task not in BY_TASK:
        raise OptionError(f"There is no task {task!r}.{did_you_mean(task, BY_TASK)}")
    return BY_TASK[task]
