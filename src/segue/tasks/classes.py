"""Tasks with classes: labels as class numbers, class weights, the outcome and its table."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from segue.data.dataset import named
from segue.data.sequences import Array
from segue.errors import DataError, OptionError, counted, first_few
from segue.metrics import UNDEFINED, ClassScore
from segue.tasks.base import Task, normalized
from segue.tasks.outcome import Baseline, Outcome, Table, cut_note


@dataclass(frozen=True)
class ClassTask(Task, abc.ABC):
    """A task with classes.

    Attributes:
        classes: their names, in the order of the probabilities.
        class_weight: `None`, "balanced", or a weight by class name.
        counts: how often each class occurs in what was trained on.
    """

    classes: tuple[Any, ...]
    class_weight: Any = None
    counts: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Classes, and how often each occurs in what was trained on."""
        return {"classes": list(self.classes), "class_counts": list(self.counts)}

    @classmethod
    def from_json(cls, state: Mapping[str, Any], **options: Any) -> Self:
        """The reverse of `to_json`.

        Raises:
            DataError: more counts than classes, or fewer; a class that occurs twice.
        """
        classes, counts = tuple(state["classes"]), tuple(state["class_counts"])
        if len(set(classes)) < len(classes):
            raise DataError(f"the classes are not different: {first_few(classes)}.")
        if len(counts) != len(classes):
            raise DataError(f"there are {len(classes)} classes and {len(counts)} counts.")
        return cls(**{**options, "classes": classes}, counts=counts)


def class_weights(
    codes: Array, classes: tuple[Any, ...], class_weight: Any, sample_weight: Array | None
) -> Array | None:
    """Combine sample weights and class weights, scaled to a mean of 1; `None` without either.

    Args:
        codes: `[n]` class numbers.
        classes: their names.
        class_weight: `None`, "balanced" (each class the same in all), or a weight by class name.
        sample_weight: `[n]`, or `None`.

    Raises:
        OptionError: a `class_weight` that means nothing.
        DataError: a `sample_weight` that means nothing.

    >>> class_weights(np.array([0, 0, 0, 1]), ("often", "rare"), "balanced", None).round(3)
    array([0.667, 0.667, 0.667, 2.   ])
    """
    if class_weight is None and sample_weight is None:
        return None
    given = np.ones(len(codes)) if sample_weight is None else sample_weight
    weights = np.asarray(normalized(given, len(codes)))
    if class_weight == "balanced":
        totals = np.bincount(codes, weights, minlength=len(classes))
        weights = weights / np.maximum(totals, 1e-12)[codes]
    elif isinstance(class_weight, Mapping):
        unknown = sorted(str(name) for name in class_weight if name not in classes)
        if unknown:
            raise OptionError(
                f"`class_weight` names {', '.join(unknown)}; the classes are {list(classes)}."
            )
        factors = np.array([class_weight.get(name, 1.0) for name in classes], float)
        weights = weights * factors[codes]
        if not np.isfinite(factors).all() or (factors < 0).any() or not weights.any():
            raise OptionError(
                f"`class_weight` is {dict(class_weight)}; expected finite weights, none negative "
                "and not all zero."
            )
    elif class_weight is not None:
        raise OptionError(
            f"`class_weight` is {class_weight!r}; expected 'balanced' (in Python also None, or a "
            "weight for each class such as {'rare': 5.0})."
        )
    return np.asarray(weights / weights.mean())


def class_outcome(
    classes: tuple[Any, ...],
    target_codes: Array,
    probabilities: Array,
    groups: Array | None,
    *,
    counts: Mapping[Any, int],
    what: str,
    size: str = "",
    **saved: Any,
) -> Outcome:
    """The outcome of a task with one class for each sequence or step.

    Args:
        classes: their names; those that the model does not have come last.
        target_codes: `[n]` class numbers.
        probabilities: `[n, class]`, 0 for classes that the model does not have.
        groups: `[n]`, who or what each comes from: the interval draws whole groups.
        counts: how often each class occurs in training; the baseline predicts the most frequent.
        what: what is counted there: "class" or "label".
        size: as in `Outcome`; how many classes, if left out.
        saved: as in `Outcome`.
    """
    names = np.asarray(classes)
    codes = np.asarray(np.argmax(probabilities, axis=1), np.int64)
    usual = max(counts, key=lambda name: counts[name])
    always = repr(usual) if isinstance(usual, str) else named(usual)
    predicted = np.full(len(target_codes), names[classes.index(usual)])
    return Outcome(
        arrays={
            "classes": classes,
            "class_count": len(classes),
            "probabilities": probabilities,
            "target_codes": target_codes,
            "predicted_codes": codes,
            "targets": names[target_codes],
            "predictions": names[codes],
            "correct": target_codes == codes,
            "confidence": probabilities.max(axis=1),
            "groups": groups,
            "baseline_class": usual,
        },
        baselines=(
            Baseline(
                "majority baseline",
                f"always {always}, the most frequent {what} in training",
                {"predictions": predicted},
                {"class": usual},
            ),
        ),
        size=size or counted(len(classes), "class"),
        saved={**saved, "classes": list(classes)},
    )


def class_table(
    scores: Iterable[ClassScore], what: str, unit: str, at_most: int | None = None
) -> Table:
    """Precision, recall, F1 and support of each class; of more than `at_most` the lowest F1.

    Args:
        scores: one a class.
        what: "class" or "label".
        unit: the heading of the support.
        at_most: how many rows; `None`: all.
    """
    chosen = list(scores)
    plural = {"class": "classes"}.get(what, f"{what}s")
    rest = f"metrics.json has all {plural}"
    note = cut_note("with the lowest F1", at_most, len(chosen), rest)
    if note:
        chosen = sorted(chosen, key=lambda row: (row.f1 is None, row.f1))[:at_most]
    rows = (
        (
            str(row.name),
            *(
                UNDEFINED if value is None else f"{value:.4f}"
                for value in (row.precision, row.recall, row.f1)
            ),
            f"{row.support:,}",
        )
        for row in chosen
    )
    headings = (what, "precision", "recall", "F1", unit)
    return Table(f"Scores by {what}", headings, tuple(rows), note)
