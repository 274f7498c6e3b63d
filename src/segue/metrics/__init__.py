"""Metrics: numbers from arrays, each a pure function and a row of one table.

A new metric is a function and a row of `METRICS`: it then stands in the tables, reports and
`metrics.json` of the tasks that the row names.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from segue.metrics.classification import (
    Answered,
    Calibration,
    ClassScore,
    accuracy,
    balanced_accuracy,
    calibration,
    calibration_interval,
    confusion_matrix,
    count_answers,
    coverage_curve,
    exact_match,
    f1_per_class,
    f1_per_label,
    log_loss,
    macro_f1,
    roc_auc,
)
from segue.metrics.intervals import bootstrap_interval, mcnemar, paired_interval, wilson_interval
from segue.metrics.paired import paired_score_interval, sign_flip_test
from segue.metrics.regression import (
    bits_per_token,
    mean_absolute_error,
    perplexity,
    r_squared,
    rmse,
    rmse_by_step,
    rmse_by_value,
    share_unknown,
)

__all__ = [
    "METRICS",
    "UNDEFINED",
    "Answered",
    "Calibration",
    "ClassScore",
    "Metric",
    "accuracy",
    "balanced_accuracy",
    "bits_per_token",
    "bootstrap_interval",
    "calibration",
    "calibration_interval",
    "confusion_matrix",
    "count_answers",
    "coverage_curve",
    "exact_match",
    "f1_per_class",
    "f1_per_label",
    "log_loss",
    "macro_f1",
    "mcnemar",
    "mean_absolute_error",
    "metrics_of",
    "paired_interval",
    "paired_score_interval",
    "perplexity",
    "r_squared",
    "rmse",
    "rmse_by_step",
    "rmse_by_value",
    "roc_auc",
    "share_unknown",
    "sign_flip_test",
    "wilson_interval",
]

UNDEFINED = "\N{EN DASH}"


class Metric(NamedTuple):
    """A number, or an array of numbers, that is computed from what a model predicts.

    Attributes:
        name: in `metrics.json`, and as an attribute of an `Evaluation`.
        function: computes it.
        arrays: what the function takes, by the names of `segue.tasks.Outcome` and of metrics.
        tasks: which have it. The first row of a task is what its baselines are compared by.
        direction: whether a better model has a "higher" or a "lower" one; "": neither.
        label: in tables; "": it stands in none.
        meaning: what it tells, in tables.
        form: how it is formatted.
        is_saved: whether `metrics.json` has it.
    """

    name: str
    function: Callable[..., Any]
    arrays: tuple[str, ...]
    tasks: tuple[str, ...]
    direction: Literal["higher", "lower", ""] = ""
    label: str = ""
    meaning: str = ""
    form: str = ".4f"
    is_saved: bool = True

    def text(self, value: float | None) -> str:
        """The value as it stands in tables; a dash for what is undefined.

        >>> METRICS[0].text(0.98765), METRICS[0].text(None)
        ('0.9877', '–')
        """
        return UNDEFINED if value is None else format(value, self.form)

    def is_better(self, value: float, other: float) -> bool:
        """Whether a value is better than another one."""
        return value > other if self.direction == "higher" else value < other


# Tasks, and arrays.
_CLASSES, _LABELS = ("classify", "label"), ("multilabel",)
_NUMBERS, _WORDS = ("regress", "forecast"), ("language",)
_PAIR, _CODES = ("targets", "predictions"), ("target_codes", "predicted_codes")
_SHARES, _SURE = ("target_codes", "probabilities"), ("correct", "confidence")
_LOGS = ("log_probability",)

METRICS: tuple[Metric, ...] = (
    Metric("accuracy", accuracy, _PAIR, _CLASSES, "higher", "accuracy", "share right"),
    Metric("accuracy", accuracy, _PAIR, _LABELS, "higher", "accuracy", "of the single labels"),
    Metric("exact", exact_match, _PAIR, _LABELS, "higher",
           "all labels right", "share of the sequences"),
    Metric("accuracy_interval", bootstrap_interval, ("correct", "groups"), _CLASSES),
    Metric("confusion", confusion_matrix, (*_CODES, "class_count"), _CLASSES),
    Metric("per_class", f1_per_class, (*_CODES, "classes"), _CLASSES),
    Metric("per_label", f1_per_label, (*_PAIR, "classes"), _LABELS),
    Metric("balanced_accuracy", balanced_accuracy, ("confusion",), _CLASSES, "higher",
           "balanced accuracy", "mean recall of the classes"),
    Metric("f1", macro_f1, ("per_class",), _CLASSES, "higher",
           "macro F1", "mean F1 of the classes"),
    Metric("f1", macro_f1, ("per_label",), _LABELS, "higher",
           "macro F1", "mean F1 of the labels"),
    Metric("roc_auc", roc_auc, _SHARES, ("classify",), "higher",
           "ROC AUC", "each class against the rest, mean"),
    Metric("log_loss", log_loss, _SHARES, _CLASSES, "lower",
           "log loss", "mean -log(probability of the true class), in nats"),
    Metric("calibration", calibration, _SURE, ("classify",), is_saved=False),
    Metric("calibration_error", attrgetter("error"), ("calibration",), ("classify",), "lower",
           "calibration error", "mean gap between confidence and accuracy"),
    Metric("calibration_error_interval", calibration_interval, (*_SURE, "groups"), ("classify",)),
    Metric("coverage_curve", coverage_curve, _SURE, ("classify",), is_saved=False),
    Metric("rmse", rmse, _PAIR, _NUMBERS, "lower",
           "RMSE", "root of the mean squared error, in the unit of the target", ".4g"),
    Metric("r2", r_squared, _PAIR, _NUMBERS, "higher",
           "R²", "1 is exact, 0 is no better than the mean of these targets"),
    Metric("mean_absolute_error", mean_absolute_error, _PAIR, ("regress",), "lower",
           "mean absolute error", "", ".4g"),
    Metric("rmse_by_value", rmse_by_value, _PAIR, ("regress",)),
    Metric("rmse_by_step", rmse_by_step, ("targets", "forecasts"), ("forecast",)),
    Metric("perplexity", perplexity, _LOGS, _WORDS, "lower",
           "perplexity", "of all tokens, ends and unknown ones too", ".4g"),
    Metric("known_perplexity", perplexity, (*_LOGS, "known"), _WORDS, "lower",
           "perplexity of known", "tokens of the vocabulary", ".4g"),
    Metric("bits", bits_per_token, _LOGS, _WORDS, "lower",
           "bits for a token", "the mean surprise", ".4g"),
    Metric("unknown_share", share_unknown, ("known",), _WORDS, "",
           "unknown", "tokens that the vocabulary does not have", ".2%"),
)  # fmt: skip


def metrics_of(task: str) -> dict[str, Metric]:
    """The metrics of a task by name, in the order of tables.

    >>> list(metrics_of("multilabel"))
    ['accuracy', 'exact', 'per_label', 'f1']
    """
    return {metric.name: metric for metric in METRICS if task in metric.tasks}
