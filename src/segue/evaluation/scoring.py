"""`evaluate`: run a fitted classifier over labelled sequences, after checking that they fit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, overload

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, NotFittedError, warn_user
from segue.evaluation import metrics
from segue.evaluation.background import Background
from segue.evaluation.evaluation import Evaluation
from segue.evaluation.reading import some_readings
from segue.evaluation.scores import Scores
from segue.evaluation.trained_on import look_up
from segue.readers.read_options import check_channels
from segue.sequences import Sequences

if TYPE_CHECKING:
    from segue.estimators.base import BaseSequenceEstimator


class FittedClassifier(Protocol):
    """What an estimator must offer to be evaluated.

    What it says beyond that (`history_`, `network_`, `training_summary_`) goes into the report.
    """

    @property
    def classes_(self) -> Any:
        """`[class]`, the labels in the order of the probabilities."""

    @property
    def class_counts_(self) -> dict[Any, int]:
        """How many training sequences had each class."""

    def predict_proba(self, x: Sequences, /) -> Any:
        """Return probabilities `[n, class]`."""


@overload
def evaluate(
    estimator: FittedClassifier,
    dataset: Dataset,
    *,
    part: str | None = None,
    everything: bool = False,
    own: bool | None = None,
) -> Evaluation: ...
@overload
def evaluate(
    estimator: BaseSequenceEstimator,
    dataset: Dataset,
    *,
    part: str | None = None,
    everything: bool = False,
    own: bool | None = None,
) -> Any: ...
def evaluate(
    estimator: Any,
    dataset: Dataset,
    *,
    part: str | None = None,
    everything: bool = False,
    own: bool | None = None,
) -> Any:
    """Score a fitted estimator, beside what answers without looking or in closed form.

    Of data without a part "test", what the model was trained on is left out where they are what it
    was trained on, as long as something is left. Where sequences are scored that equal some of its
    training, every line with a score says so. What a model was trained on it knows by hashes: one
    that was saved with `record=False`, or by an older segue, says that it does not know.

    Args:
        estimator: fitted.
        dataset: sequences with their targets. If it has several parts, "test" is scored.
        part: another part to be scored, also if it was trained on.
        everything: score all parts, and what was trained on too.
        own: whether this is the source that the model was trained on; `None`: where more than half
            of the sequences that it was trained on are there.

    Returns:
        Of a classifier an `Evaluation`: `.accuracy`, `.report()`, `.confusion`, `.plot_*()`,
        `.to_html(path)`. Of the other estimators `Scores`, which have `.metrics()`, `.report()` and
        `.to_html(path)` too: over labelled steps, beside the most frequent label; of numbers,
        beside the mean and a linear regression; of forecasts, beside "as yesterday" and a linear
        autoregression; of several labels at once, beside the usual ones; of texts, perplexity
        beside that of the frequencies of words.

    Raises:
        DataError: no data set, no targets, no sequences, no such part, or targets of another kind
            than the model's.
        NotFittedError: before `fit`.

    Warns:
        UserWarning: a class occurs here that the model never saw; its sequences are mistakes.

    >>> class Coin:
    ...     classes_, class_counts_ = np.array(["heads", "tails"]), {"heads": 6, "tails": 4}
    ...     def predict_proba(self, x):
    ...         return np.tile([0.6, 0.4], (len(x), 1))
    >>> tosses = Dataset([[1.0], [2.0, 3.0], [4.0]], ["heads", "tails", "heads"])
    >>> evaluate(Coin(), tosses)
    Evaluation(n=3, accuracy=0.6667 [0.0000, 1.0000], baseline=0.6667)
    """
    _check_asked(estimator, dataset)
    check_channels(dataset.channels, getattr(estimator, "channels_", None))
    unasked = part is None and not everything and "test" not in dataset.part_names
    choose = partial(look_up, estimator, leave_out=unasked, own=own)
    dataset = replace(dataset, missing="refuse")
    data, name = _scored_part(dataset, part, everything=everything)
    purpose = getattr(estimator, "task", "classify")
    if purpose == "forecast":
        _check_one_part(dataset, unasked=unasked)
        return _score_forecasts(estimator, data, name, choose)
    data, seen = choose(data)
    _check_one_part(dataset, unasked=unasked and seen.left_out is None)
    name = seen.part(name)
    if purpose != "classify" or _has_several(estimator, data):
        purpose = "multilabel" if purpose == "classify" else purpose
        return replace(_score_others(estimator, data, name, purpose), trained_on=seen)
    known = tuple(np.asarray(estimator.classes_).tolist())
    _check_labels(data, known)
    unseen_classes = _unseen_classes(data, known)
    if unseen_classes:
        warn_user(_unseen_warning(unseen_classes, data, name))
    shares = _probabilities(estimator, data, len(known), len(unseen_classes))
    return Evaluation(
        dataset=data,
        part=name,
        classes=(*known, *unseen_classes),
        probabilities=shares,
        baseline_class=metrics.majority(estimator.class_counts_),
        background=Background.of(estimator),
        readings=tuple(some_readings(estimator, data, shares)),
        trained_on=seen,
    )


def _has_several(estimator: Any, data: Dataset) -> bool:
    """Whether several labels at once are scored: the model gives such, or the data have them."""
    if getattr(getattr(estimator, "task_", None), "name", "") == "multilabel":
        return data.task in ("classify", "multilabel")
    return data.task == "multilabel" and "multilabel" in getattr(estimator, "tasks", ())


def _score_forecasts(estimator: Any, data: Dataset, part: str, choose: Any) -> Scores:
    """Windows of series are looked up, and not the series."""
    from segue.evaluation import forecasts

    return forecasts.score_forecasts(estimator, data, part, choose)


def _score_others(estimator: Any, data: Dataset, part: str, purpose: str) -> Scores:
    """Of a task other than one class for each sequence; the arithmetic is loaded when asked for."""
    from segue.evaluation import language, numbers, steps, tags

    data = estimator.scored_part(data, None)
    score: dict[str, Any] = {
        "label": steps.score_steps,
        "regress": numbers.score_numbers,
        "multilabel": tags.score_tags,
        "language": language.score_language,
    }
    found: Scores = score[purpose](estimator, data, part)
    return found


def _check_asked(estimator: Any, dataset: Any) -> None:
    if not isinstance(dataset, Dataset):
        raise DataError(
            f"The data are {type(dataset).__name__}; expected a Dataset, which has the answers "
            "too: segue.Dataset(x, y), or segue.read(source)."
        )
    if not getattr(estimator, "__sklearn_is_fitted__", lambda: True)():
        raise NotFittedError(
            f"This {type(estimator).__name__} is not fitted yet: call `fit` first."
        )


def _scored_part(dataset: Dataset, part: str | None, *, everything: bool) -> tuple[Dataset, str]:
    names = dataset.part_names
    if everything:
        return replace(dataset, parts=None), ""
    if part is not None:
        return dataset.part(part), part
    if "test" in names:
        return dataset.part("test"), "test"
    return dataset, ", ".join(names)


def _check_one_part(dataset: Dataset, *, unasked: bool) -> None:
    """Several parts without a test are not scored as if they were one."""
    names = dataset.part_names
    if unasked and len(names) > 1:
        raise DataError(
            f'This data set has the parts {", ".join(names)}, but no "test". '
            f"Name the one to be scored: part={names[-1]!r}."
        )


def _check_labels(data: Dataset, known: tuple[Any, ...]) -> None:
    if data.task != "classify":
        came = {
            "none": "These sequences have no labels",
            "multilabel": "These sequences have several labels each",
            "label": "These sequences have a label at each step",
            "regress": "These sequences have numbers as targets",
        }[data.task]
        raise DataError(
            f"{came}; expected one label for each sequence. Give a Dataset with `y`, as in "
            "segue.Dataset(x, labels), or take `predict` where there is nothing to compare with."
        )
    if len(data) == 0:
        raise DataError("There are no sequences to be scored; expected at least one.")
    labels = set(np.unique(data.y).tolist())
    if not labels & set(known):
        raise DataError(
            f"None of the labels {_some(labels)} ({_kind(labels)}) is a class of the model: "
            f"{_some(known)} ({_kind(known)}). Is this the data for another model, or are the "
            "same labels text in one place and numbers in the other?"
        )


def _unseen_classes(data: Dataset, known: tuple[Any, ...]) -> tuple[Any, ...]:
    """The labels that occur here and that the model does not have."""
    return tuple(label for label in np.unique(data.y).tolist() if label not in set(known))


def _unseen_warning(unseen_classes: tuple[Any, ...], data: Dataset, part: str) -> str:
    count = int(np.isin(data.y, unseen_classes).sum())
    where = f"only in the {part} part" if part else "in these data, but not in the model's training"
    subject = (
        "A class occurs" if len(unseen_classes) == 1 else f"{len(unseen_classes)} classes occur"
    )
    return (
        f"{subject} {where}: {_some(unseen_classes)} (sequences: {count}). "
        "The model cannot predict what it never saw, so each of these counts as a mistake."
    )


def _probabilities(
    estimator: FittedClassifier, data: Dataset, known: int, unseen_classes: int
) -> metrics.Floats:
    """`[n, class]` of the model, with a column of zeros for each class that it does not have."""
    x: Any = data.x if data.static is None else data
    found = np.asarray(estimator.predict_proba(x), np.float64)
    if found.shape != (len(data), known):
        raise DataError(
            f"`predict_proba` gave shape {found.shape}; expected {(len(data), known)}: "
            "a row for each sequence, a column for each class."
        )
    strange = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(strange):
        raise DataError(
            f"`predict_proba` gave no finite numbers for {len(strange)} of {len(data)} sequences, "
            f"first for sequence {strange[0]}. Does it hold infinite values, or did training "
            "end with a loss that is not a number?"
        )
    return np.pad(found, ((0, 0), (0, unseen_classes)))


def _some(labels: Any, at_most: int = 6) -> str:
    """The first labels as text: `'run', 'walk' and 3 more`."""
    names = [repr(label) for label in sorted(labels, key=str)]
    text = ", ".join(names[:at_most])
    return text + (f" and {len(names) - at_most} more" if len(names) > at_most else "")


def _kind(labels: Any) -> str:
    return "text" if all(isinstance(label, str) for label in labels) else "numbers"
