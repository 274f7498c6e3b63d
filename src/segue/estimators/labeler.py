"""A class for each step of a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from segue.dataset import Dataset
from segue.encoding import as_step_labels
from segue.errors import DataError
from segue.estimators.asking import no_steps, per_step
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.given import laid_on, position_note
from segue.estimators.inputs import as_dataset, as_sequences, refuse_two_targets
from segue.estimators.parameters import sklearn_tags
from segue.estimators.stream import LabelStream
from segue.estimators.streaming import ModelStream
from segue.networks import NetworkLike
from segue.padded import Padded
from segue.prepare import Preparation
from segue.prepare.pipeline import PrepareLike
from segue.sequences import Array, Layout, Sequences
from segue.tasks import Label, Task
from segue.training import TrainingOptions
from segue.training.objectives import probabilities

if TYPE_CHECKING:
    from sklearn.utils import Tags


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
        device: "auto", "cpu" or "cuda".
        layout: the order of axes in X: "ntc", or "nct" ("ct" in lists) for channels first.
        options: `TrainingOptions`, the rest.

    Attributes:
        classes_: the class names, in the order of the probabilities.
        class_counts_: steps of each class that were learnt from.
        network_, preparation_, history_, stopped_, training_summary_, n_features_in_: as in
            `SequenceClassifier`; the accuracy of the history is that of labelled steps.

    >>> x = [[0.0, 1.0, 3.0, 2.0], [2.0, 0.0, 3.0], [0.0, 3.0, 1.0]] * 5
    >>> y = [["low", "low", "high", "high"], ["high", "low", "high"], ["low", "high", "low"]] * 5
    >>> options = TrainingOptions(progress="none")
    >>> labeler = SequenceLabeler("gru(8)", epochs=30, options=options).fit(x, y)
    >>> labeler.predict([[3.0, 0.0]])
    [array(['high', 'low'], dtype='<U4')]
    """

    task: ClassVar[str] = "label"
    _task_type: ClassVar[type[Task]] = Label

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
        data = X if isinstance(X, Dataset) else Dataset(as_sequences(X, self.layout))
        refuse_two_targets(data)
        codes, classes, ignored = as_step_labels(laid_on(y, data, "y"), ignore=self.ignore)
        notes = (*data.notes, *position_note(y, data, "y"))
        if ignored:
            steps = f"{ignored:,} of {len(codes.values):,} steps have no label, and are ignored"
            notes = (*notes, steps)
        data = replace(data, notes=notes, classes=None)
        data = data if groups is None else replace(data, groups=laid_on(groups, data, "groups"))
        return replace(data, y=codes, classes=classes)

    def _new_task(self, part: Dataset, data: Dataset, given: Any) -> Label:
        return Label.of(
            part, classes=self.classes, class_weight=self.class_weight, ignore=self.ignore
        )

    def _task_from_json(self, state: Mapping[str, Any], preparation: Preparation) -> Label:
        return Label.from_json(state, class_weight=self.class_weight, ignore=self.ignore)

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

    def predict_proba(self, X: Any) -> Sequences:  # noqa: N803
        """The probability of each class at each step: `Sequences` `[time, class]`.

        Raises:
            NotFittedError: before `fit`.
            DataError: sequences that cannot be used, or other channels than in training.
        """
        x = self.check_input(X)
        if len(x) == 0:
            return no_steps(len(self.classes_))
        return per_step(self, x, self._probabilities)

    @torch.no_grad()
    def _probabilities(self, batch: Padded) -> Padded:
        logits: Padded = self.network_(batch)
        shares = probabilities(logits.values.double(), "softmax")
        return logits._replace(values=shares.float())

    def predict(self, X: Any) -> list[Array]:  # noqa: N803
        """The most probable class of each step: a `(time,)` array for each sequence."""
        found = self.predict_proba(X)
        return self.task_.decode(found)

    def stream(self) -> LabelStream:
        """Hear one sequence step by step: `stream.push(step)` gives the probabilities of that step.

        `stream.extend(steps)` takes several steps and gives those of each, `[time, class]`.

        Raises:
            NotCausalError: a layer or a preparation step needs the whole sequence; it is named.
        """
        return LabelStream(ModelStream(self._parts))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: N803
        """The accuracy over labelled steps. Of a `Dataset` with a part "test", that is asked.

        Args:
            X: as in `fit`.
            y: a list of `(time,)` labels.
            sample_weight: `[n]`, or a list of `(time,)` weights.
        """
        data = self.scored_part(X, y)
        given = laid_on(sample_weight, data, "sample_weight")
        given = None if given is None else self._as_weights(given)
        return self.task_.score(self.predict_proba(data.x), data, given)

    def __sklearn_tags__(self) -> Tags:
        return sklearn_tags(None)
