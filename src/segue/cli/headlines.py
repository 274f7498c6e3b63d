"""The few numbers that `segue fit` ends with, for each task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segue.errors import counted

Row = tuple[str, str]
Metrics = dict[str, Any]


def headline(metrics: Metrics) -> list[Row]:
    """Return the score of a run beside its baselines, as pairs of a heading and a text.

    Args:
        metrics: what `metrics.json` holds.
    """
    note = metrics.get("trained_on", {}).get("note")
    rows = HEADLINES[metrics.get("task", "classify")](metrics)
    return [(name, f"{text}; {note}") for name, text in rows] if note else rows


def _classes(metrics: Metrics) -> list[Row]:
    return _accuracy(metrics, _sequences(metrics))


def _steps(metrics: Metrics) -> list[Row]:
    return _accuracy(metrics, f"{metrics['steps']:,} labelled steps of {_sequences(metrics)}")


def _accuracy(metrics: Metrics, count: str) -> list[Row]:
    low, high = metrics["accuracy_interval"]
    baseline = metrics["baseline"]
    return [
        (
            f"{metrics['part']} accuracy",
            f"{metrics['accuracy']:.4f}  95 % interval {low:.4f} to {high:.4f}, {count}",
        ),
        (
            "majority baseline",
            f"{baseline['accuracy']:.4f}  always {baseline['class']!r}, "
            "the most frequent class in training",
        ),
    ]


def _tags(metrics: Metrics) -> list[Row]:
    said = f"of the single labels, {_sequences(metrics)}; all labels right {metrics['exact']:.4f}"
    usual = f"{metrics['baseline']['accuracy']:.4f}  always what most of training has"
    return [
        (f"{metrics['part']} accuracy", f"{metrics['accuracy']:.4f}  {said}"),
        ("usual labels", usual),
    ]


def _errors(metrics: Metrics) -> list[Row]:
    count = _sequences(metrics)
    if "windows" in metrics:
        count = f"{counted(int(metrics['windows']), 'window')} of {count}"
    found = f"{metrics['rmse']:.4g}  R² {metrics['r2']:.4f}, {count}"
    baselines = metrics["baselines"].items()
    return [
        (f"{metrics['part']} RMSE", found),
        *((name, f"{scores['rmse']:.4g}") for name, scores in baselines),
    ]


def _perplexity(metrics: Metrics) -> list[Row]:
    unknown = metrics["unknown"] / metrics["tokens"]
    said = f"{metrics['tokens']:,} tokens of {_sequences(metrics)}, {unknown:.1%} unknown"
    return [
        (f"{metrics['part']} perplexity", f"{metrics['perplexity']:.4g}  {said}"),
        ("unigram baseline", f"{metrics['baseline']['perplexity']:.4g}  by frequency alone"),
    ]


def _sequences(metrics: Metrics) -> str:
    return counted(int(metrics["sequences"]), "sequence")


HEADLINES: dict[str, Callable[[Metrics], list[Row]]] = {
    "classify": _classes,
    "multilabel": _tags,
    "label": _steps,
    "regress": _errors,
    "forecast": _errors,
    "language": _perplexity,
}
