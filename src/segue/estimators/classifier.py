"""`SequenceClassifier`: a class for each sequence."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Layout, Sequences
from segue.errors import checked_arguments
from segue.estimators.anytime import anytime
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.inputs import PerSequence, SequencesLike, as_dataset
from segue.estimators.prediction_sets import prediction_sets, require_held_out
from segue.estimators.streaming import ModelStream, Stream
from segue.networks import NetworkLike
from segue.prepare.pipeline import PrepareLike
from segue.tasks import Classify, Task
from segue.training import TrainingOptions
from segue.training.inference import How, embed, probabilities

Floats = npt.NDArray[np.float64]


@checked_arguments(options=TrainingOptions)
@dataclass(eq=False, repr=False)
class SequenceClassifier(BaseSequenceEstimator):
    """Learns which class a sequence belongs to.

    Sequences of any length go in as they are; the answer for one does not depend on the others in
    its batch, on padding, or on the batch size. It follows scikit-learn's contract.

    Args:
        network: a text such as "bilstm(100) dense(32, relu)", or a list of layer specs. The last
            dense layer is implied. "auto": several are fitted and joined, within
            `options.time_limit_seconds`, or two minutes without it.
        prepare: what is done to the sequences first, fitted on training data: "standardize",
            "interpolate standardize", or "none".
        epochs: how often all training sequences are seen, at most; "auto": as often as makes about
            a thousand updates, 10 to 300 times.
        batch_size: sequences in one update.
        learning_rate: the highest that occurs in the schedule.
        validation: "auto" (10 % of the training sequences; none when there are fewer than 100, or
            than 5 of a class), a share, a `Dataset`, or `None`. With validation the weights of the
            best epoch are kept, without it the last.
        class_weight: `None`, "balanced", or a weight for each class.
        head: "softmax" (two classes share one logit), or "sigmoid": an independent output per
            class. With "sigmoid", `y` may also be `(n, labels)` of 0 and 1, several labels at once.
        classes: fixes the classes, also those that do not occur; the names of several labels.
        seed: the same seed gives the same bits.
        device: "auto", "cpu", "cuda" or "mps".
        layout: the order of axes in X: "ntc", or "nct" ("ct" in lists) for channels first.
        options: `TrainingOptions`, the rest.

    Attributes:
        classes_: the class names, in the order of the probabilities.
        class_counts_: sequences of each class that were trained on.
        network_: the trained `Network`; `.summary()`, `.get_weights()`.
        preparation_: the fitted `Preparation`.
        history_: a `History`, a row per epoch.
        stopped_: how training ended: "finished", "early", "time", "callback" or "interrupted".
        held_out_: `.outputs` `[n, class]`, the probabilities for each training sequence of a model
            that was fitted without it, and `.targets`; `None` unless the network is "auto", or only
            its head is trained.
        training_summary_: what was done, as pairs of a heading and a text.
        n_features_in_: channels.

    >>> x = [[0.0, 1.0, 2.0], [2.0, 1.0], [0.0, 3.0], [4.0, 3.0, 1.0]] * 5
    >>> y = ["up", "down", "up", "down"] * 5
    >>> options = TrainingOptions(progress="none")
    >>> classifier = SequenceClassifier("gru(8)", epochs=20, learning_rate=0.05, options=options)
    >>> classifier.fit(x, y).predict([[0.0, 1.0, 3.0]])
    array(['up'], dtype='<U4')
    """

    _task_type: ClassVar[type[Task]] = Classify

    task_: Classify = field(init=False)

    network: NetworkLike = "bilstm(100)"
    _: KW_ONLY
    prepare: PrepareLike = "standardize"
    epochs: Literal["auto"] | int = "auto"
    batch_size: int = 32
    learning_rate: float = 0.004
    validation: Literal["auto"] | float | Dataset | None = "auto"
    class_weight: Literal["balanced"] | dict[Any, float] | None = None
    head: Literal["softmax", "sigmoid"] = "softmax"
    classes: Any = None
    seed: int = 0
    device: str = "auto"
    layout: Layout = "ntc"
    options: TrainingOptions | None = None

    # -- targets --------------------------------------------------------------------------------

    def _as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset:  # noqa: N803
        """Join what the user passes to a data set; labels may be text or numbers of any kind."""
        return as_dataset(
            X,
            y,
            groups=groups,
            layout=self.layout,
            classes=self.classes,
            task="classify",
            rows="multilabel" if self.head == "sigmoid" else None,  # one-hot, or it is an error
        )

    @property
    def classes_(self) -> Array:
        """The class names, in the order of the probabilities."""
        return np.asarray(self.task_.classes)

    @property
    def class_counts_(self) -> dict[Any, int]:
        """Sequences of each class in what was trained on."""
        return dict(zip(self.task_.classes, self.task_.counts, strict=True))

    # -- predict --------------------------------------------------------------------------------

    def predict_proba(self, X: SequencesLike, static: PerSequence = None) -> Floats:  # noqa: N803
        """The probability of each class, `[n, class]`, in the order of `classes_`.

        They sum to one; those of several labels at once do not, each stands for itself.

        Args:
            X: as in `fit`.
            static: `[n, feature]`, where the model was trained with static features; a `Dataset`
                brings its own.

        Raises:
            NotFittedError: before `fit`.
            DataError: sequences that cannot be used, or other channels than in training.
        """
        return self._outputs(X, static)

    def predict_set(
        self,
        X: SequencesLike,  # noqa: N803
        coverage: float = 0.9,
        *,
        per_class: bool = False,
        static: PerSequence = None,
    ) -> list[Array]:
        """The classes of which each sequence may be: one, or several where the model is unsure.

        Sets are as small as can be so that the share `coverage` of new sequences like those of the
        training have their class in their set. What is needed for it are predictions for training
        sequences by a model without them, which "auto" has, and networks of which only the head is
        trained, such as "rocket" or "parallel(multirocket, hydra)".

        Args:
            X: as in `fit`.
            coverage: the share of sequences whose class is to be in their set.
            per_class: whether it is to be so among the sequences of each class.
            static: as in `predict_proba`.

        Returns:
            For each sequence an array of classes, the most probable first.

        Raises:
            NotFittedError: before `fit`.
            DataError: the model has no such predictions; sequences that cannot be used.
            OptionError: a coverage that is no share.
        """
        found, held_out = self.predict_proba(X, static), require_held_out(self)
        sets = prediction_sets(
            found, held_out, self.classes_, coverage=coverage, per_class=per_class
        )
        order = (-found).argsort(axis=1, kind="stable")
        return [self.classes_[own[chosen[own]]] for own, chosen in zip(order, sets, strict=True)]

    def _outputs(self, X: Any, static: Any = None) -> Floats:  # noqa: N803
        logits = self._head_outputs(X, static)
        return probabilities(logits, self.task_.objective.kind)

    # -- look inside ----------------------------------------------------------------------------

    def anytime(self, X: SequencesLike, every: int = 1, static: PerSequence = None) -> Sequences:  # noqa: N803
        """The probabilities after each step: `Sequences` `[time, class]`.

        The last ones of a sequence are those of `predict_proba`. A causal network gives all of them
        in one pass; another sees each prefix anew, and so does a preparation that is not causal.
        What that costs is printed before it starts (not with `progress="none"`).

        Steps are those that the network sees. Where the preparation makes others of the data's, as
        `frame(32)` does, `preparation_.prefix_lengths(length)` has the lengths of the prefixes in
        the data. Where they are no times, as with `logfrequency`, the data's own are counted.

        Args:
            X: as in `fit`.
            every: after every so many steps, and after the last.
            static: as in `predict_proba`; known from the first step on.

        Raises:
            NotCausalError: a layer that takes sequences of one length only; it is named.
        """
        return anytime(self, *self._input(X, static), every)

    def stream(self, static: PerSequence = None) -> Stream:
        """Take one sequence step by step: `stream.push(step)` returns the probabilities so far.

        `stream.extend(steps)` takes several steps at once.

        Args:
            static: `[feature]` of the sequence, where the model was trained with static features;
                `stream.reset(static=...)` brings those of the next one.

        Raises:
            NotCausalError: a layer or a preparation step needs the whole sequence; it is named.
            DataError: static features that are missing, or of another number.
        """
        return Stream(self._stream_backend(static))

    def _stream_backend(self, static: Any = None) -> ModelStream:
        return ModelStream(self, static=static)

    def embed(
        self,
        X: SequencesLike,  # noqa: N803
        layer: str,
        how: How = "auto",
        static: PerSequence = None,
    ) -> Array | Sequences:
        """The activations of a layer for each sequence, `[n, feature]`.

        Args:
            X: as in `fit`.
            layer: its name, the user's own or such as "lstm_1"; also of a layer inside another.
            how: what to take of a layer that gives every step: "last" (each sequence's own last
                step; of a bidirectional layer, forward at the end joined with backward at the
                beginning), "mean" over the real steps, or "every", `Sequences` `[time, feature]`.
                "auto" is the last step where it has seen the whole sequence, else the mean.
            static: as in `predict_proba`; only the head uses them.

        Raises:
            SpecError: there is no such layer; near misses are suggested.
            OptionError: a `how` that means nothing for this layer.
        """
        prepared = self._prepared(X, static, needs_static=False)
        return embed(self.network_, prepared, layer, how, self.training_options.threads)
