"""Metrics: numbers from arrays, each a pure function and a row of one table.

A new metric is a function and a row of `METRICS`: it then stands in the tables, reports and
`metrics.json` of the tasks that the row names.
"""

from segue.metrics.classification import (
    Calibration,
    ClassScore,
    accuracy,
    balanced_accuracy,
    calibration,
    confusion_matrix,
    exact_match,
    f1_per_class,
    f1_per_label,
    log_loss,
    macro_f1,
    roc_auc,
)
from segue.metrics.coverage import Answered, count_answers, coverage_curve
from segue.metrics.intervals import bootstrap_interval, mcnemar, paired_interval, wilson_interval
from segue.metrics.metric import METRICS, UNDEFINED, Metric, metrics_of
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
    "perplexity",
    "r_squared",
    "rmse",
    "rmse_by_step",
    "rmse_by_value",
    "roc_auc",
    "share_unknown",
    "wilson_interval",
]
