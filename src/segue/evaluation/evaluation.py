"""Evaluation: the scores of a model on labelled sequences, in numbers, words and pictures."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.errors import DataError, NotFittedError, OptionError, renamed_arguments, warn_user
from segue.evaluation import text
from segue.evaluation.model_info import ModelInfo, task_of
from segue.evaluation.sets import SetScores, score_sets
from segue.evaluation.trained_on import TrainedOn, look_up
from segue.evaluation.word_trace import Reading, some_readings
from segue.metrics import Answered, Metric, count_answers
from segue.readers.read_options import check_channels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from segue.estimators import SequenceEnsemble
    from segue.estimators.base import BaseSequenceEstimator
    from segue.estimators.inputs import SequencesLike, TargetsLike
    from segue.plots import AxesArray
    from segue.plots.display import Kind
    from segue.tasks import Task
    from segue.tasks.outcome import Outcome


Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_RENAMED = {"background": "model_info", "errors": "scores_by_model", "by_step": "rmse_by_step"}


@dataclass(frozen=True)
class Mistake:
    """A wrong prediction.

    Attributes:
        index: the position of the sequence in `Evaluation.dataset`.
        id: what the source calls it; the index where it has no name.
        target: the true class.
        prediction: the predicted class.
        confidence: the probability of the predicted class.
    """

    index: int
    id: Any
    target: Any
    prediction: Any
    confidence: float


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """The scores of one model on one set of sequences. Made by `evaluate`.

    Its metrics are attributes, computed when they are used; which there are depends on the task
    (`segue.metrics.METRICS` has them all):

    - classify: `accuracy`, `balanced_accuracy`, `f1`, `roc_auc`, `log_loss`, `calibration`,
      `calibration_error`, `calibration_error_interval`, `coverage_curve`, `confusion`,
      `per_class`; the arrays `targets`, `predictions` `[n]`, `probabilities` `[n, class]`,
      `classes`, `baseline_class`;
    - label: the same over labelled steps, without `roc_auc` and calibration;
    - multilabel: `accuracy`, `exact`, `f1`, `per_label`; `targets`, `predictions`,
      `probabilities` `[n, label]`, `classes`;
    - regress: `rmse`, `r2`, `mean_absolute_error`, `rmse_by_value`; `targets`, `predictions`
      `[n, value]`;
    - forecast: `rmse`, `r2`, `rmse_by_step`; `targets`, `predictions` `[window, step, channel]`;
    - language: `perplexity`, `known_perplexity`, `bits`, `unknown_share`; `log_probability`,
      `by_frequency`, `tokens`, `known`, `counts`, `texts` `[token]`.

    Attributes:
        dataset: the sequences that were scored.
        part: the part they are: "test", another part, or "" where the data set has no parts.
        task_: the fitted task of the model.
        outcome: what the model and the baselines predict.
        model_info: how the model was made.
        readings: of a classifier of texts, its probabilities along a few of them.
        trained_on: how many of the sequences the model was trained on.
        sets: what `predict_set` is worth at a coverage of 0.9; `None`: the model has no sets.
    """

    dataset: Dataset
    part: str
    task_: Task
    outcome: Outcome
    model_info: ModelInfo = field(default_factory=ModelInfo)
    readings: tuple[Reading, ...] = ()
    trained_on: TrainedOn = field(default_factory=TrainedOn)
    sets: SetScores | None = None

    @property
    def task(self) -> str:
        """The name of the task, as on the command line."""
        return self.task_.name

    # -- scores ---------------------------------------------------------------------------------

    @property
    def main_metric(self) -> Metric:
        """The metric by which the model and its baselines are compared."""
        return next(iter(self.task_.metrics().values()))

    def __getattr__(self, name: str) -> Any:
        """An array of the outcome, or a metric of the task."""
        if name.startswith("__") or name in type(self).__dataclass_fields__:  # before they are set
            raise AttributeError(name)
        if name in _RENAMED:
            warn_user(f"`{name}` of an Evaluation is now `{_RENAMED[name]}`.", DeprecationWarning)
            return getattr(self, _RENAMED[name])
        if name in self.outcome.arrays:
            return self.outcome.arrays[name]
        metrics = self.task_.metrics()
        if name not in metrics:
            there = ", ".join([*metrics, *self.outcome.arrays])
            raise AttributeError(
                f"An evaluation of the task {self.task} has no {name}; it has {there}."
            )
        self.__dict__[name] = value = self._compute(metrics[name])
        return value

    def _compute(self, metric: Metric, instead: Mapping[str, Any] | None = None) -> Any:
        """A metric, with some arrays in place of the model's own."""
        given = instead or {}
        arrays = (given[n] if n in given else getattr(self, n) for n in metric.arrays)
        return metric.function(*arrays)

    @cached_property
    def baselines(self) -> dict[str, float]:
        """The score of each baseline by its name, in the first metric of the task."""
        found = self.outcome.baselines
        return {one.name: self._compute(self.main_metric, one.arrays) for one in found}

    @property
    def baseline(self) -> float:
        """The score of the first baseline; of classes, predicting the most frequent one."""
        return next(iter(self.baselines.values()))

    @property
    def scores_by_model(self) -> dict[str, float]:
        """The first metric of the task for "model" and each baseline, by name."""
        return {"model": getattr(self, self.main_metric.name), **self.baselines}

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % bootstrap interval of the accuracy; whole groups are drawn where there are.

        `None` for tasks whose first metric has none.
        """
        return self.accuracy_interval if "accuracy_interval" in self.task_.metrics() else None

    def answered(self, threshold: Any) -> Answered:
        """Count predictions of at least this confidence, and how many of them are right.

        Args:
            threshold: from 0 to 1, or what `segue.evaluation.reject_threshold` has chosen on
                validation data.

        Raises:
            OptionError: something else.
        """
        threshold = getattr(threshold, "threshold", threshold)
        if not isinstance(threshold, float | int) or not 0 <= threshold <= 1:
            raise OptionError(f"`threshold` is {threshold!r}; expected a confidence from 0 to 1.")
        return count_answers(self.correct, self.confidence, threshold)

    def mistakes(self, n: int | None = None) -> list[Mistake]:
        """Return the `n` (or all) wrong predictions, those with the highest confidence first."""
        wrong = np.flatnonzero(~self.correct)
        wrong = wrong[np.argsort(-self.confidence[wrong], kind="stable")][:n].tolist()
        ids = range(len(self.dataset)) if self.dataset.ids is None else self.dataset.ids.tolist()
        targets, found = (
            [self.classes[codes[i]] for i in wrong]
            for codes in (self.target_codes, self.predicted_codes)
        )
        sure = self.confidence[wrong].tolist()
        return list(map(Mistake, wrong, [ids[i] for i in wrong], targets, found, sure))

    # -- in words -------------------------------------------------------------------------------

    def metrics(self) -> dict[str, Any]:
        """Return every score as plain numbers, lists and text: what `metrics.json` holds."""
        first, name = self.outcome.baselines[0], self.main_metric.name
        means = {one.name: one.meaning for one in self.outcome.baselines}
        saved = (metric.name for metric in self.task_.metrics().values() if metric.is_saved)
        return {
            "task": self.task,
            "part": self.part,
            "sequences": len(self.dataset),
            **self.outcome.saved,
            **{metric: _as_json(getattr(self, metric)) for metric in saved},
            **({} if self.sets is None else {"sets": self.sets._asdict()}),
            "baseline": {**first.facts, name: self.baseline},
            "baselines": {
                one: {name: value, "meaning": means[one]} for one, value in self.baselines.items()
            },
            "trained_on": self.trained_on.metrics(),
            "model_id": self.model_info.model_id,
        }

    def report(self) -> str:
        """Return a table: the scores beside the baselines, what to think of them, and details."""
        return text.report(self)

    def verdict(self) -> str:
        """One sentence on whether the model is better than its baselines."""
        return text.verdict(self)

    def __repr__(self) -> str:
        name, (low, high) = self.main_metric.name, self.interval or (None, None)
        interval = "" if low is None else f" [{low:.4f}, {high:.4f}]"
        model, baseline = (self.main_metric.text(v) for v in (getattr(self, name), self.baseline))
        note = self.trained_on.note and f", {self.trained_on.note}"
        scores = f"{name}={model}{interval}, baseline={baseline}{note}"
        return f"Evaluation(n={len(self.dataset)}, {scores})"

    def _repr_html_(self) -> str:
        """For notebooks: the text of `report()`."""
        return f'<pre style="font-family:monospace">{html.escape(self.report())}</pre>'

    def to_html(
        self,
        path: str | Path,
        *,
        train: Dataset | None = None,
        model_path: str | Path | None = None,
        source: str | None = None,
        facts: Iterable[tuple[str, str]] = (),
        selection: tuple[str, Sequence[tuple[str, ...]]] | None = None,
    ) -> None:
        """Write everything to one HTML file that needs nothing beside it.

        Args:
            path: the file.
            train: the training data, for the pictures and the summary of the data.
            model_path: where the model lies, for the lines that show how to use it.
            source: what `segue.read` was given, for the same lines.
            facts: what else is known of the training, as pairs of a heading and a text.
            selection: of a network that was chosen among several, how, and a table: headings, and
                a row for each network with its scores, as of `segue.studies.Selection`.

        Raises:
            WriteError: the disk is full or read-only. No half-written file is left.
        """
        from segue.atomic import write_text
        from segue.evaluation import report

        page = report.render(
            self,
            train=train,
            model_path=model_path,
            source=source,
            facts=facts,
            selection=selection,
        )
        write_text(path, page)

    # -- in pictures: each returns matplotlib axes, whose `.figure` a notebook shows --------------

    def plot_confusion(self, axes: Axes | None = None) -> Axes:
        """Draw the confusion matrix, coloured by the share of each true class."""
        from segue import plots

        return plots.plot_confusion(self.confusion, self.classes, axes=axes)

    def plot_calibration(self, axes: Axes | None = None) -> Axes:
        """Draw accuracy over confidence: on the diagonal the model is as right as it is sure."""
        from segue import plots

        interval = self.calibration_error_interval
        return plots.plot_calibration(self.calibration, interval=interval, axes=axes)

    def plot_predictions(self, axes: Axes | None = None) -> Axes:
        """Draw predicted over true numbers, of forecasts those of the first step ahead."""
        from segue import plots

        return plots.plot_predictions(self.targets, self.predictions, axes=axes)

    def plot_surprise(
        self, beside: Mapping[str, Floats] | None = None, axes: AxesArray | None = None
    ) -> AxesArray:
        """Draw how surprising the first words of the first text were.

        Args:
            beside: `[token]` log-probabilities by other models; by frequency alone if left out.
            axes: where to draw, as in `segue.plots.plot_surprise`.
        """
        from segue import plots

        words, count = [token.text for token in self.beginning], len(self.beginning)
        bits = {name: -logs[:count] / np.log(2) for name, logs in self._logs(beside).items()}
        known = [token.is_known for token in self.beginning]
        return plots.plot_surprise(words, bits, known=known, axes=axes)

    def plot_by_count(
        self, beside: Mapping[str, Floats] | None = None, axes: Axes | None = None
    ) -> Axes:
        """Draw the perplexity of rare and of frequent words, that of the first model beside is 1.

        The arguments are as in `plot_surprise`.
        """
        from segue import plots

        words = self.known & (self.tokens != 0)  # 0 is an end
        logs = {name: values[words] for name, values in self._logs(beside).items()}
        _, reference, *_ = (*logs, None)
        return plots.plot_perplexity(self.counts[words], logs, reference=reference, axes=axes)

    def _logs(self, beside: Mapping[str, Floats] | None) -> dict[str, Floats]:
        others = {"by frequency": self.by_frequency} if beside is None else beside
        return {"model": self.log_probability, **others}

    def plot_history(self, axes: Axes | None = None) -> Axes:
        """Draw loss and accuracy over the epochs (the loss alone into `axes`).

        Raises:
            DataError: the model has no history.
        """
        from segue import plots

        return plots.plot_history(self.model_info, axes=axes)

    def plot_mistakes(
        self, n: int = 9, axes: Array | None = None, *, kind: Kind | None = None
    ) -> Array:
        """Draw the `n` mistakes with the highest confidence: one of the axes for each.

        `kind` is as in `segue.plots.plot_sequences`.
        """
        from segue import plots

        return plots.plot_mistakes(self.dataset, self.mistakes(n), kind=kind, axes=axes)

    def plot_answers(self, n: int = 9, axes: Array | None = None) -> Array:
        """Draw the first `n` sequences with their predictions: one of the axes for each."""
        from segue import plots

        numbers = range(min(n, len(self.targets)))
        answers = list(zip(numbers, self.targets, self.predictions, self.confidence, strict=False))
        return plots.plot_answers(self.dataset, answers, axes=axes)

    def plot_examples(self, samples: int = 3, axes: Array | None = None) -> Array:
        """Draw some sequences of each class: axes `[class, sample]`."""
        from segue import plots

        return plots.plot_sequences(self.dataset, samples=samples, axes=axes)

    def plot_lengths(self, axes: Axes | None = None) -> Axes:
        """Draw how long the sequences are."""
        from segue import plots

        return plots.plot_lengths(self.dataset, axes=axes)

    def plot_classes(self, axes: Axes | None = None) -> Axes:
        """Draw how many sequences there are of each class."""
        from segue import plots

        return plots.plot_class_balance(self.dataset, axes=axes)


def _as_json(value: Any) -> Any:
    """Arrays as lists, named tuples by name."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [row._asdict() if hasattr(row, "_asdict") else row for row in value]
    return value


class FittedClassifier(Protocol):
    """Protocol of estimators that can be evaluated.

    What it has beyond that (`history_`, `network_`, `training_summary_`) goes into the report.
    """

    @property
    def classes_(self) -> Any:
        """`[class]`, the labels in the order of the probabilities."""

    @property
    def class_counts_(self) -> dict[Any, int]:
        """The number of training sequences of each class."""

    def predict_proba(self, x: Sequences, /) -> Any:
        """Return probabilities `[n, class]`."""


@renamed_arguments(dataset="X")
def evaluate(
    estimator: FittedClassifier | BaseSequenceEstimator | SequenceEnsemble,
    X: SequencesLike,  # noqa: N803  (scikit-learn's name)
    y: TargetsLike = None,
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
        X: a `Dataset`, of which the part "test" is scored if it has several; or sequences, as in
            `fit`.
        y: their targets; none for a `Dataset`.
        part: another part to be scored, also if it was trained on.
        everything: score all parts, and what was trained on too.
        own: whether this is its training's source; `None`: if it holds half of what it has seen.

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
    if y is None and not isinstance(X, Dataset):
        raise DataError(
            f"The data are {type(X).__name__}, without targets: pass evaluate(estimator, X, y), or "
            "a Dataset such as segue.read(source)."
        )
    if not getattr(estimator, "__sklearn_is_fitted__", lambda: True)():
        raise NotFittedError(
            f"This {type(estimator).__name__} is not fitted yet: call `fit` first."
        )
    dataset = X if y is None else getattr(estimator, "scored_part", Dataset)(X, y)
    check_channels(dataset.channels, getattr(estimator, "channels_", None))
    task, names = task_of(estimator), dataset.part_names
    data, part, is_open = _part_to_score(dataset, part, everything=everything)
    examples, unit = task.scored_examples(estimator, data), task.scored_unit
    scored, seen = look_up(estimator, examples, leave_out=is_open, own=own, unit=unit)
    if is_open and seen.left_out is None and len(names) > 1:
        raise DataError(
            f'This data set has the parts {", ".join(names)}, but no "test". '
            f"Name the one to be scored: part={names[-1]!r}."
        )
    outcome, shown = task.outcome(estimator, scored), scored if unit == "sequence" else data
    is_traced = task.labels_each == "one" and shown.x.is_text
    return Evaluation(
        shown,
        seen.part(", ".join(names) if part is None else part),
        task,
        outcome,
        ModelInfo.of(estimator),
        readings=tuple(some_readings(estimator, shown, outcome)) if is_traced else (),
        trained_on=seen,
        sets=score_sets(estimator, outcome),
    )


def _part_to_score(
    dataset: Dataset, part: str | None, *, everything: bool
) -> tuple[Dataset, str | None, bool]:
    """The part that is scored, its name, and whether what was trained on is left out of it."""
    data, names = replace(dataset, missing="refuse"), dataset.part_names
    if everything:
        return replace(data, parts=None), "", False
    part = "test" if part is None and "test" in names else part
    return (data, None, True) if part is None else (data.part(part), part, False)
