"""The base of tasks: frozen objects with targets, objective, predictions, scores and checks.

An estimator, an ensemble, the evaluation and the command line query the object; none of them
compares which task it is.

Sample weights and class weights are checked, combined, and scaled to a mean of 1.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError
from segue.layers.base import TorchSource
from segue.metrics import Metric, metrics_of
from segue.onnx_graph import Dims, Steps, Value, concat, smallest
from segue.prepare import Preparation
from segue.tasks.outcome import Outcome, Picture, Section, Table

_TORCH_PROBABILITIES = {
    "binary": "torch.sigmoid(torch.cat((-x, x), dim=-1))",
    "multilabel": "torch.sigmoid(x)",
    "sigmoid": "torch.softmax(functional.logsigmoid(x), dim=-1)",
}


def normalized(weights: Any, count: int) -> Array | None:
    """Check `[n]` weights and scale them to a mean of 1; `None`, all the same, stays.

    Raises:
        DataError: weights of another number, negative, not finite, or all zero.

    >>> normalized([1.0, 3.0], 2)
    array([0.5, 1.5])
    """
    if weights is None:
        return None
    weights = np.asarray(weights, float)
    good = np.isfinite(weights).all() and (weights >= 0).all() and weights.any()
    if weights.shape != (count,) or not good:
        raise DataError(
            f"`sample_weight` has shape {weights.shape}; expected {count} finite weights, "
            "none negative and not all zero."
        )
    return np.asarray(weights / weights.mean())


def spread(weights: Any, x: Sequences) -> Array:
    """`[total_steps]` weights: those of the steps, or each sequence's own at all of its steps.

    Raises:
        DataError: weights of other lengths than the sequences.

    >>> spread(np.array([1.0, 3.0]), Sequences.from_list([[5.0, 6.0], [7.0]])).tolist()
    [1.0, 1.0, 3.0]
    """
    if not isinstance(weights, Sequences):
        if len(weights) != len(x):
            raise DataError(
                f"`sample_weight` has {len(weights)} entries; expected {len(x)}, one for each "
                "sequence or a list of one for each step."
            )
        return np.repeat(np.asarray(weights, float), x.lengths)
    if not np.array_equal(weights.lengths, x.lengths):
        row = int(np.argmax(weights.lengths != x.lengths))
        raise DataError(
            f"Sequence {row} has {x.lengths[row]} steps and {weights.lengths[row]} weights in "
            "`sample_weight`; expected one for each step, or one for each sequence."
        )
    return weights.values[:, 0].astype(float)


def weights_of_part(weights: Any, data: Dataset, part: Dataset) -> Any:
    """Select the weights of the training part, from those of all sequences or of it alone.

    Raises:
        DataError: weights of another number.
    """
    if len(weights) not in (len(data), len(part)):
        raise DataError(
            f"`sample_weight` has {len(weights)} entries; expected {len(data)}, one for each "
            "sequence."
        )
    if len(weights) != len(part) and data.parts is not None:
        weights = weights[data.parts == "train"]
    return weights


class Encoded(NamedTuple):
    """Targets as numbers.

    Attributes:
        values: `[n]` class numbers, `[n, value]` numbers, or `[total_steps]` class numbers.
        per_step: whether there is one for each step.
    """

    values: Array
    per_step: bool = False


class ObjectiveName(NamedTuple):
    """The name of the loss: a row of `segue.training.objectives.OBJECTIVES`.

    Attributes:
        kind: "softmax", "binary", "sigmoid", "multilabel", "steps", "next-token" or "squared".
        outputs: units of the head.
        scale: `[value]` of numbers, what one scaled unit is in the target's own unit.
    """

    kind: str
    outputs: int
    scale: tuple[float, ...] = ()


ROWS_ON_PAGE = 100  # of a table of details in a report


@dataclass(frozen=True)
class Task(abc.ABC):
    """One task, with the statistics of the targets of the training part.

    Class attributes:
        name: as on the command line.
        data_tasks: the tasks of the data sets that it is trained on, as in `Dataset.task`.
        needs: the targets that it needs, in words.
        score_name: what `score` returns: accuracy, r2 or log_probability.
        per_step: whether the network has an output at every step.
        targets_inside: whether the targets are in the sequences, so that `fit` takes no `y`.
        sklearn_type: "classifier" or "regressor"; `None` for what scikit-learn does not know.
        takes_static: whether static features are joined before the head.
        takes_numbers, takes_text: what the sequences may be.
        options: the arguments of the estimator that the task has as attributes.
        shared: attributes in which the members of an ensemble must agree.
        labels_each: "one" class for each sequence, "several" labels, or "" for other targets.
        scored_unit: what a score is a mean of: "sequence", or "window" of a series.
        arguments: those of its estimator that the task needs, beside those of the user.
        usage: lines of Python that predict with `model` for `data`.
        footnote: how the scores are computed, for a report.
    """

    name: ClassVar[str]
    data_tasks: ClassVar[tuple[str, ...]]
    needs: ClassVar[str]
    score_name: ClassVar[str] = "accuracy"
    per_step: ClassVar[bool] = False
    targets_inside: ClassVar[bool] = False
    sklearn_type: ClassVar[str | None] = None
    takes_static: ClassVar[bool] = False
    takes_numbers: ClassVar[bool] = True
    takes_text: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[tuple[str, ...]] = ()
    labels_each: ClassVar[Literal["", "one", "several"]] = ""
    scored_unit: ClassVar[str] = "sequence"
    arguments: ClassVar[Mapping[str, Any]] = {}
    usage: ClassVar[tuple[str, ...]] = ()
    footnote: ClassVar[str] = ""

    # -- training --------------------------------------------------------------------------------

    @classmethod
    def of(cls, part: Dataset, **options: Any) -> Self:  # noqa: ARG003
        """The task of a training part, with its classes or the shape of its targets.

        Args:
            part: the training part.
            options: the arguments of the estimator that `options` names.

        Raises:
            DataError: targets that cannot be trained on.
        """
        return cls(**options)

    @classmethod
    def for_training(
        cls, part: Dataset, _data: Dataset, _x: Any, /, **options: Any
    ) -> tuple[Self, Dataset]:
        """The task of a training part, and the part as this task takes it.

        Args:
            part: the training part.
            _data: the whole data set.
            _x: `X` as it was passed to `fit`.
            options: the arguments of the estimator that `options` names.

        Raises:
            DataError: targets that cannot be trained on.
        """
        return cls.of(part, **options), part

    @classmethod
    def joint(cls, tasks: Sequence[Task]) -> Task:
        """The task of an ensemble, of those of its members: that of the first one."""
        return tasks[0]

    @property
    @abc.abstractmethod
    def objective(self) -> ObjectiveName:
        """The loss, and how many outputs the head has."""

    @abc.abstractmethod
    def fitted(self, train: Dataset, preparation: Preparation) -> Self:
        """The same task with statistics of the targets that are trained on.

        Args:
            train: what is trained on, without the validation part.
            preparation: fitted on the training part.
        """

    def examples(self, data: Dataset, preparation: Preparation) -> Dataset:
        """The sequences and targets that the network is trained on."""
        return data

    def check_network(self, network: Any) -> None:  # noqa: B027 (most take any network)
        """Refuse a network that cannot learn this task.

        Raises:
            NotCausalError: a layer that would see its own target; it is named.
        """

    def summary_line(
        self, history: Any, targets: Array, *, validated: bool
    ) -> tuple[str, str] | None:
        """Scores next to the baselines, as a heading and a text.

        Args:
            history: of the training; its row `kept` is that of the epoch whose weights are kept.
            targets: encoded, of the same sequences.
            validated: whether these are those of the validation.
        """
        return None

    @abc.abstractmethod
    def encode(self, data: Dataset) -> Encoded:
        """The targets of a data set as numbers.

        Raises:
            DataError: targets of another kind, or labels that are not among the classes.
        """

    def weights(self, data: Dataset, sample_weight: Any) -> Array | None:
        """`[n]` (or `[total_steps]`) weights of mean 1; `None`: all the same.

        Raises:
            DataError: weights that cannot be used.
        """
        return normalized(sample_weight, len(data))

    @abc.abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The state of the targets in a model file."""

    @classmethod
    @abc.abstractmethod
    def from_json(cls, state: Mapping[str, Any], **options: Any) -> Self:
        """The reverse of `to_json`.

        Args:
            state: what `to_json` has returned.
            options: the arguments of the estimator that `options` names.

        Raises:
            DataError: numbers that no training can have given.
        """

    # -- reading a source ------------------------------------------------------------------------

    @classmethod
    def as_targets(cls, data: Dataset) -> Dataset:
        """The data set with targets that may be taken in two ways taken in that of this task."""
        return data

    @classmethod
    def is_cut_in_time(cls, data: Dataset, *, named: bool) -> bool:  # noqa: ARG003
        """Whether the test part is the end of each series, not some of the sequences.

        Args:
            data: as it was read.
            named: whether the task was named, not found from the targets.
        """
        return False

    @classmethod
    def choice_note(cls, data: Dataset) -> str:  # noqa: ARG003
        """A note for the user where the task was inferred from the targets; "": none."""
        return ""

    # -- predictions and scores ------------------------------------------------------------------

    def decode(self, outputs: Any) -> Any:
        """The predictions: classes of probabilities, or the numbers themselves."""
        return outputs

    def restore(self, outputs: Array) -> Array:
        """Numbers in the target's own unit, where they are scaled for training."""
        return outputs

    def check_held_out(self, outputs: Array, targets: Array) -> None:
        """Check predictions for training sequences that were held out, as a model file has them.

        Args:
            outputs: probabilities, or numbers in the target's own unit.
            targets: encoded.

        Raises:
            DataError: they are not those of this task.
        """
        classes = getattr(self, "classes", None)
        is_whole = targets.dtype == np.int64
        fits = len(outputs) == len(targets) and bool(np.isfinite(outputs).all())
        if classes is not None and fits:
            fits = is_whole and outputs.shape[1:] == (len(classes),) and targets.size > 0
            most = len(classes) if targets.ndim == 1 else 2
            fits = fits and targets.min() >= 0 and targets.max() < most
        if not fits or outputs.dtype != np.float32:
            raise DataError("the predictions for what was held out are damaged.")

    def inputs_onnx(self, x: Steps) -> Steps:
        """In an ONNX graph the sequences that are prepared, of those that come in."""
        return x

    def write_onnx(self, logits: Value, x: Steps) -> tuple[str, Value, Dims]:
        """Add to an ONNX graph what a model answers, of the outputs of its network.

        Args:
            logits: `[batch, output]`, or `[batch, time, output]`.
            x: the sequences as they came.

        Returns:
            What it is called, the tensor, and its axes: probabilities, unless the task has another.
        """
        classes = max(self.objective.outputs, 1 + (self.objective.kind == "binary"))
        axes: Dims = ("batch", "time") if self.per_step else ("batch",)
        return "probabilities", probabilities_onnx(logits, self.objective.kind), (*axes, classes)

    def write_torch(self, source: TorchSource) -> None:
        """Add to plain PyTorch source what a model answers, of the outputs `x` of its network."""
        if self.targets_inside:
            source.problems.append(f"the task {self.name} is not for one answer to what comes in")
        line = _TORCH_PROBABILITIES.get(self.objective.kind, "torch.softmax(x, dim=-1)")
        source.steps.append(f"x = {line}")

    @abc.abstractmethod
    def score(self, outputs: Any, data: Dataset, sample_weight: Any = None) -> float:
        """The score of an estimator's outputs, of the kind that `score_name` names.

        Args:
            outputs: of these sequences: probabilities, or numbers in the target's own unit.
            data: the sequences with their targets.
            sample_weight: how much each counts; `None`: all the same.
        """

    def as_scored(self, data: Dataset, *, is_dataset: bool) -> Dataset:
        """The data set with the targets in the form of the training part's.

        Args:
            data: to be scored.
            is_dataset: whether it was a `Dataset`, whose classes have names of their own.
        """
        return data

    @classmethod
    def metrics(cls) -> dict[str, Metric]:
        """The metrics by name, the main one first: its own, or those of the task it derives from.

        >>> from segue.tasks import Regress
        >>> list(Regress.metrics())
        ['rmse', 'r2', 'mean_absolute_error', 'rmse_by_value']
        """
        names = (vars(task).get("name", "") for task in cls.__mro__)
        return next((found for name in names if (found := metrics_of(name))), {})

    def scored_examples(self, estimator: Any, data: Dataset) -> Dataset:
        """The examples that are scored: sequences with targets, or windows of series.

        Raises:
            DataError: targets of another kind than the model's.
        """
        scored: Dataset = estimator.scored_part(data, None)
        return scored

    @abc.abstractmethod
    def outcome(self, estimator: Any, data: Dataset) -> Outcome:
        """Predict for labelled sequences, with the model and its baselines.

        Args:
            estimator: fitted, or an ensemble.
            data: what `scored_examples` returns, or a part of it.

        Raises:
            DataError: targets or predictions that cannot be scored.
        """

    @abc.abstractmethod
    def details(self, scores: Any, at_most: int | None = None) -> Table:
        """A table by class, by value, by step ahead or by text.

        Args:
            scores: a `segue.Evaluation` of this task.
            at_most: how many rows, where a table may be long.
        """

    def pictures(self, scores: Any) -> tuple[Picture, ...]:
        """Pictures of the scores."""
        return ()

    def sections(self, scores: Any) -> tuple[Section, ...]:
        """The sections of a report that only this task has."""
        table = self.details(scores, ROWS_ON_PAGE)
        return (Section("details", table.title, (*self.pictures(scores), table)),)

    # -- checks ----------------------------------------------------------------------------------

    @classmethod
    def check(cls, data: Dataset, estimator: str) -> None:
        """Refuse a data set of another task, or with what the task cannot use.

        Raises:
            DataError: with what the estimator of that name needs.
        """
        if data.task not in cls.data_tasks:
            raise DataError(
                f"{estimator} needs {cls.needs}; the targets here are for the task "
                f"{data.task!r}.{cls._hint(data)}"
            )
        if data.static is not None and not cls.takes_static:
            raise DataError(
                f"The sequences have static features, and a {estimator} cannot use them: leave "
                "them out with dataclasses.replace(data, static=None)."
            )
        if data.x.is_text and not cls.takes_text:
            raise DataError(f"The sequences are texts, and a {estimator} takes numbers.")

    @classmethod
    def _hint(cls, data: Dataset) -> str:  # noqa: ARG003
        """A hint for targets of another task; "" without any."""
        return ""


def probabilities_onnx(logits: Value, head: str) -> Value:
    """As `segue.training.inference.probabilities`, in an ONNX graph."""
    if head == "binary":
        return concat([-logits, logits], -1).op("Sigmoid")
    if head == "multilabel":
        return logits.op("Sigmoid")
    if head == "sigmoid":  # p / sum(p), also for tiny p
        log_p = smallest(logits, 0) - ((-logits.op("Abs")).op("Exp") + 1).op("Log")
        return log_p.softmax()
    return logits.softmax()


def weighted_mean(values: Array, sample_weight: Any) -> float:
    """The mean of `[n]` numbers, by how much each counts."""
    return float(np.average(values, weights=normalized(sample_weight, len(values))))
