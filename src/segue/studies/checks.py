"""What is checked before the first trial, so that mistakes are told at once and not in each."""

from __future__ import annotations

from typing import Any

from segue.dataset import Dataset
from segue.errors import DataError, OptionError, SegueError
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.parameters import check_arguments
from segue.networks import as_specs
from segue.prepare.pipeline import as_steps
from segue.studies.trials import Row, configured

PURPOSES = ("classify", "label", "regress")


def check_study(estimator: Any, train: Dataset, settings: list[Row] | None = None) -> None:
    """Look at an estimator, and at all settings that it is to be given.

    Args:
        estimator: what is to be trained.
        train: what it is to learn from.
        settings: arguments that trials set; all problems with them are told together.

    Raises:
        OptionError: no estimator, or one that a study cannot train; arguments that mean nothing.
        DataError: targets of another kind than the estimator's.
    """
    if not isinstance(estimator, BaseSequenceEstimator):
        raise OptionError(
            f"`estimator` is {estimator!r}; expected an estimator that is not fitted, such as "
            "segue.SequenceClassifier('lstm(16)')."
        )
    if estimator.task not in PURPOSES:
        instead = "train it yourself, on part of the texts"
        if estimator.task == "forecast":
            instead = "cut windows with segue.windows, and train a SequenceRegressor on them"
        raise OptionError(f"A study does not train a {type(estimator).__name__}: {instead}.")
    if train.task not in estimator.tasks:
        raise DataError(
            f"{type(estimator).__name__} learns from targets of the kind {estimator.tasks[0]!r}; "
            f"the targets here are for the task {train.task!r}."
        )
    problems: dict[str, None] = {}
    kinds: set[type[SegueError]] = set()
    for values in settings or [{}]:
        try:
            _check(estimator, values)
        except SegueError as error:
            problems[str(error)] = None
            kinds.add(type(error))
    if problems:
        kind = kinds.pop() if len(kinds) == 1 else OptionError
        raise kind("\n".join(problems))


def _check(estimator: BaseSequenceEstimator, values: Row) -> None:
    one = configured(estimator, values)
    check_arguments(one)
    as_specs(one.network)
    as_steps(one.prepare)


def check_until(until: Any) -> float | None:
    """A level of a score, or none.

    Raises:
        OptionError: something else.
    """
    is_number = isinstance(until, int | float) and not isinstance(until, bool)
    if until is None or (is_number and until > 0):
        return None if until is None else float(until)
    raise OptionError(f"`until` is {until!r}; expected a score such as 0.95, or None.")


def scored_classes(estimator: BaseSequenceEstimator, data: Dataset) -> BaseSequenceEstimator:
    """The estimator with all classes of the data, where it would find them in what it learns from.

    A small subset may lack one; it is then a mistake on the test part, and no other problem.
    """
    names = data.classes
    params = estimator.get_params(deep=False)
    if "classes" not in params or params["classes"] is not None or names is None:
        return configured(estimator, {})
    if params.get("ignore") is not None:
        names = tuple(name for name in names if name != params["ignore"])
    return configured(estimator, {"classes": list(names)})
