"""`SequenceLabeler`: a class for each step of a sequence."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np

from segue.data.dataset import Dataset
from segue.data.encoding import as_step_labels
from segue.data.sequences import Array, Layout, Sequences
from segue.errors import DataError, checked_arguments
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.inputs import (
    SequencesLike,
    aligned_with,
    as_dataset,
    position_note,
    two_targets,
)
from segue.estimators.streaming import LabelStream, ModelStream
from segue.kernels.ragged import Ragged
from segue.networks import NetworkLike
from segue.prepare.pipeline import PrepareLike
from segue.readers.objects import plain_sequences
from segue.tasks import Label, Task
from segue.training import TrainingOptions
from segue.training.inference import map_steps, probabilities


@checked_arguments(options=TrainingOptions)
@dataclass(eq=False, repr=False)
class SequenceLabeler(BaseSequenceEstimator):
    """Learns which class each step of a sequence belongs to.

    Sequences of any length go in as they are; the labels of one do not depend on the others in its
    batch, on padding, or on the batch size. A network of causal layers, such as "lstm(64)", labels
    a step by what came before; a bidirectional one sees the whole sequence.

    Args:
        network: a text such as "bilstm(100)", or a list of layer specs. The last dense layer is
            implied and answers at every step, so every layer must keep the number of steps.
        prepare: what is done to the sequences first, fitted on training data: "standardize",
            "interpolate standardize", or "none".
        epochs: how often all training sequences are seen, at most; "auto": as often as makes about
            a thousand updates, 10 to 300 times.
        batch_size: sequences in one update.
        learning_rate: the highest that occurs in the schedule.
        validation: "auto" (10 % of the training sequences, by group; none when there are fewer than
            100), a share, a `Dataset`, or `None`. With validation the weights of the best epoch are
            kept, without it the last.
        class_weight: `None`, "balanced" (the steps of each class count the same in all), or a
            weight for each class.
        ignore: a label that means "none", beside `None` and NaN, which always do. Such steps are
            neither learnt nor scored.
        classes: fixes the classes, also those that do not occur.
        seed: the same seed gives the same bits.
        device: "auto", "cpu", "cuda" or "mps".
        layout: the order of axes in X: "ntc", or "nct" ("ct" in lists) for channels first.
        options: `TrainingOptions`, the rest.

    Attributes:
        classes_: the class names, in the order of the probabilities.
        class_counts_: steps of each class that were trained on.
        network_, preparation_, history_, stopped_, training_summary_, n_features_in_: as in
            `SequenceClassifier`; the accuracy of the history is that of labelled steps.

    >>> x = [[0.0, 1.0, 3.0, 2.0], [2.0, 0.0, 3.0], [0.0, 3.0, 1.0]] * 5
    >>> y = [["low", "low", "high", "high"], ["high", "low", "high"], ["low", "high", "low"]] * 5
    >>> options = TrainingOptions(progress="none")
    >>> labeler = SequenceLabeler("gru(8)", epochs=30, options=options).fit(x, y)
    >>> labeler.predict([[3.0, 0.0]])
    [array(['high', 'low'], dtype='<U4')]
    """

    _task_type: ClassVar[type[Task]] = Label
    _shared: ClassVar[tuple[str, ...]] = (*BaseSequenceEstimator._shared, "ignore")

    task_: Label = field(init=False)

    network: NetworkLike = "bilstm(100)"
    _: KW_ONLY
    prepare: PrepareLike = "standardize"
    epochs: Literal["auto"] | int = "auto"
    batch_size: int = 32
    learning_rate: float = 0.004
    validation: Literal["auto"] | float | Dataset | None = "auto"
    class_weight: Literal["balanced"] | dict[Any, float] | None = None
    ignore: Any = None
    classes: Any = None
    seed: int = 0
    device: str = "auto"
    layout: Layout = "ntc"
    options: TrainingOptions | None = None

    # -- targets --------------------------------------------------------------------------------

    def _as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset:  # noqa: N803
        """Join what the user passes to a data set: `y` is a list of `(time,)` labels."""
        if isinstance(X, Dataset) and y is None:
            return as_dataset(X, groups=groups)
        if y is None:
            raise DataError(
                "`y` is missing: pass a list of the labels of each sequence's steps, or a Dataset."
            )
        data = X if isinstance(X, Dataset) else Dataset(plain_sequences(X, self.layout))
        if data.y is not None:
            raise two_targets()
        codes, classes, ignored = as_step_labels(aligned_with(y, data, "y"), ignore=self.ignore)
        notes = (*data.notes, *position_note(y, data, "y"))
        if ignored:
            steps = f"{ignored:,} of {len(codes.values):,} steps have no label, and are ignored"
            notes = (*notes, steps)
        data = replace(data, notes=notes, classes=None)
        data = (
            data if groups is None else replace(data, groups=aligned_with(groups, data, "groups"))
        )
        return replace(data, y=codes, classes=classes)

    def _as_weights(self, sample_weight: Any) -> Any:
        """`[n]`, or `Sequences` where a weight is given for each step."""
        if any(np.ndim(weights) for weights in sample_weight):
            return Sequences.from_list(sample_weight)
        return np.asarray(sample_weight, float)

    @property
    def classes_(self) -> Array:
        """The class names, in the order of the probabilities."""
        return np.asarray(self.task_.classes)

    @property
    def class_counts_(self) -> dict[Any, int]:
        """Steps of each class in what was trained on."""
        return dict(zip(self.task_.classes, self.task_.counts, strict=True))

    # -- predict --------------------------------------------------------------------------------

    def predict_proba(self, X: SequencesLike) -> Sequences:  # noqa: N803
        """The probability of each class at each step: `Sequences` `[time, class]`.

        Raises:
            NotFittedError: before `fit`.
            DataError: sequences that cannot be used, or other channels than in training.
        """
        return self._outputs(X)

    def _outputs(self, X: Any, static: Any = None) -> Sequences:  # noqa: N803
        def at_each_step(x: Ragged) -> Ragged:
            logits: Ragged = self.network_(x)
            found = probabilities(logits.values, "steps")
            return logits._replace(values=found.astype(np.float32))

        prepared, width = self._prepared(X, static), len(self.classes_)
        threads = self.training_options.threads
        return map_steps(self.network_, prepared, at_each_step, width, threads)

    def stream(self) -> LabelStream:
        """Take one sequence step by step: `stream.push(step)` returns the step's probabilities.

        `stream.extend(steps)` takes several steps and returns those of each, `[time, class]`.

        Raises:
            NotCausalError: a layer or a preparation step needs the whole sequence; it is named.
        """
        return LabelStream(self._stream_backend())

    def _stream_backend(self) -> ModelStream:
        return ModelStream(self)
