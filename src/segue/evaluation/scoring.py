"""`evaluate`: run a fitted estimator over labelled sequences, after checking that they fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.errors import DataError, NotFittedError
from segue.evaluation.evaluation import Evaluation
from segue.evaluation.model_info import ModelInfo
from segue.evaluation.requirements import task_of
from segue.evaluation.trained_on import look_up
from segue.evaluation.word_trace import some_readings
from segue.readers.read_options import check_channels

if TYPE_CHECKING:
    from segue.estimators import SequenceEnsemble
    from segue.estimators.base import BaseSequenceEstimator


class FittedClassifier(Protocol):
    """What an estimator must offer to be evaluated.

    What it has beyond that (`history_`, `network_`, `training_summary_`) goes into the report.
    """

    @property
    def classes_(self) -> Any:
        """`[class]`, the labels in the order of the probabilities."""

    @property
    def class_counts_(self) -> dict[Any, int]:
        """How many training sequences had each class."""

    def predict_proba(self, x: Sequences, /) -> Any:
        """Return probabilities `[n, class]`."""


def evaluate(
    estimator: FittedClassifier | BaseSequenceEstimator | SequenceEnsemble,
    dataset: Dataset,
    *,
    part: str | None = None,
    everything: bool = False,
    own: bool | None = None,
) -> Evaluation:
    """Score a fitted estimator, beside baselines that need no network.

    Of data without a part "test", what the model was trained on is left out where they are what it
    was trained on, as long as something is left. Where sequences are scored that equal some of its
    training, every line with a score has a note. A model keeps hashes of what it was trained on; of
    one that was saved with `record=False`, or by an older segue, nothing is known.

    Args:
        estimator: fitted.
        dataset: sequences with their targets. If it has several parts, "test" is scored.
        part: another part to be scored, also if it was trained on.
        everything: score all parts, and what was trained on too.
        own: whether this is the source that the model was trained on; `None`: where more than half
            of the sequences that it was trained on are there.

    Returns:
        An `Evaluation`: the metrics of the task such as `.accuracy` or `.rmse`, `.metrics()`,
        `.report()`, `.plot_*()`, `.to_html(path)`. The baselines are, of classes and of labelled
        steps, the most frequent one; of several labels at once, the usual ones; of numbers, the
        mean and a linear regression; of forecasts, the last known value and a linear
        autoregression; of texts, the frequencies of words.

    Raises:
        DataError: no data set, no targets, no sequences, no such part, or targets of another kind
            than the model's.
        NotFittedError: before `fit`.

    Warns:
        UserWarning: a class occurs here that the model never saw; its sequences are mistakes.

    >>> import numpy as np
    >>> class Coin:
    ...     classes_, class_counts_ = np.array(["heads", "tails"]), {"heads": 6, "tails": 4}
    ...     def predict_proba(self, x):
    ...         return np.tile([0.6, 0.4], (len(x), 1))
    >>> tosses = Dataset([[1.0], [2.0, 3.0], [4.0]], ["heads", "tails", "heads"])
    >>> evaluate(Coin(), tosses)
    Evaluation(n=3, accuracy=0.6667 [0.0000, 1.0000], baseline=0.6667)
    """
    if not isinstance(dataset, Dataset):
        raise DataError(
            f"The data are {type(dataset).__name__}; expected a Dataset, which has the targets "
            "too: segue.Dataset(x, y), or segue.read(source)."
        )
    if not getattr(estimator, "__sklearn_is_fitted__", lambda: True)():
        raise NotFittedError(
            f"This {type(estimator).__name__} is not fitted yet: call `fit` first."
        )
    check_channels(dataset.channels, getattr(estimator, "channels_", None))
    task, names = task_of(estimator), dataset.part_names
    is_open = part is None and not everything and "test" not in names  # what is scored is chosen
    part = "test" if part is None and "test" in names else part
    data = replace(dataset, missing="refuse")
    if everything:
        data, part = replace(data, parts=None), ""
    elif part is not None:
        data = data.part(part)
    scored, seen = look_up(
        estimator,
        task.scored_examples(estimator, data),
        leave_out=is_open,
        own=own,
        unit=task.scored_unit,
    )
    if is_open and seen.left_out is None and len(names) > 1:
        raise DataError(
            f'This data set has the parts {", ".join(names)}, but no "test". '
            f"Name the one to be scored: part={names[-1]!r}."
        )
    outcome = task.outcome(estimator, scored)
    shown = scored if task.scored_unit == "sequence" else data
    traced = task.labels_each == "one" and shown.x.is_text
    return Evaluation(
        dataset=shown,
        part=seen.part(", ".join(names) if part is None else part),
        task_=task,
        outcome=outcome,
        model_info=ModelInfo.of(estimator),
        readings=tuple(some_readings(estimator, shown, outcome)) if traced else (),
        trained_on=seen,
    )
