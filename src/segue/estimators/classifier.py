"""A class for each sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from segue.dataset import Dataset
from segue.errors import warn_user
from segue.estimators.anytime import anytime
from segue.estimators.asking import How, embed
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.given import laid_on
from segue.estimators.inputs import as_dataset, static_of
from segue.estimators.parameters import sklearn_tags
from segue.estimators.stream import Stream
from segue.estimators.streaming import ModelStream
from segue.networks import NetworkLike
from segue.prepare import Preparation
from segue.prepare.pipeline import PrepareLike
from segue.sequences import Array, Layout, Sequences
from segue.tasks import Classify, Task, label_task
from segue.training import TrainingOptions
from segue.training.objectives import probabilities

if TYPE_CHECKING:
    from sklearn.utils import Tags


@dataclass(eq=False, repr=False)
class SequenceClassifier(BaseSequenceEstimator):
    """Learns which class a sequence belongs to.

    Sequences of any length go in as they are; the answer for one does not depend on the others in
    its batch, on padding, or on the batch size. It follows scikit-learn's contract.

    Args:
        network: a text such as "bilstm(100) dense(32, relu)", or a list of layer specs. The last
            dense layer is implied.
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
        device: "auto", "cpu" or "cuda".
        layout: the order of axes in X: "ntc", or "nct" ("ct" in lists) for channels first.
        options: `TrainingOptions`, the rest.

    Attributes:
        classes_: the class names, in the order of the probabilities.
        class_counts_: sequences of each class that were learnt from.
        network_: the trained `Network`; `.summary()`, `.get_weights()`.
        preparation_: the fitted `Preparation`.
        history_: a `History`, a row per epoch.
        stopped_: how training ended: "finished", "early", "time" or "interrupted".
        training_summary_: what was done, as pairs of a heading and a text.
        n_features_in_: channels.

    >>> x = [[0.0, 1.0, 2.0], [2.0, 1.0], [0.0, 3.0], [4.0, 3.0, 1.0]] * 5
    >>> y = ["up", "down", "up", "down"] * 5
    >>> options = TrainingOptions(progress="none")
    >>> classifier = SequenceClassifier("gru(8)", epochs=20, options=options).fit(x, y)
    >>> classifier.predict([[1.0, 2.0, 4.0, 5.0]])
    array(['up'], dtype='<U4')
    """

    task: ClassVar[str] = "classify"
    _task_type: ClassVar[type[Task]] = Classify
    _takes_static: ClassVar[bool] = True
    _takes_text: ClassVar[bool] = True

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

    def _problems(self) -> list[str]:
        if self.head in ("softmax", "sigmoid"):
            return []
        return [f"`head` is {self.head!r}; expected 'softmax' or 'sigmoid'."]

    def _new_task(self, part: Dataset, data: Dataset, given: Any) -> Classify:
        kind = label_task(part.task)
        task = kind.of(part, classes=self.classes, head=self.head, class_weight=self.class_weight)
        unseen = [str(name) for name in data.classes or () if name not in task.classes]
        if unseen:
            warn_user(
                f"Class {', '.join(unseen)} does not occur in the training part: it cannot be "
                "learnt, and every sequence of it will count as a mistake."
            )
        return task

    def _task_from_json(self, state: Mapping[str, Any], preparation: Preparation) -> Classify:
        kind = label_task(state.get("task", "classify"))
        return kind.from_json(state, head=self.head, class_weight=self.class_weight)

    @property
    def classes_(self) -> Array:
        """The class names, in the order of the probabilities."""
        return np.asarray(self.task_.classes)

    @property
    def class_counts_(self) -> dict[Any, int]:
        """Sequences of each class in what was trained on."""
        return dict(zip(self.task_.classes, self.task_.counts, strict=True))

    # -- predict --------------------------------------------------------------------------------

    def predict_proba(self, X: Any, static: Any = None) -> npt.NDArray[np.float64]:  # noqa: N803
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
        logits = self._outputs(X, static)
        return np.asarray(probabilities(logits.double(), self.task_.objective.kind))

    def predict(self, X: Any, static: Any = None) -> Array:  # noqa: N803
        """The most probable class of each sequence, `[n]`; of several labels, 0 and 1 for each."""
        found = self.predict_proba(X, static)
        return self.task_.decode(found)

    def score(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        sample_weight: npt.ArrayLike | None = None,
        static: Any = None,
    ) -> float:
        """The accuracy. Of a `Dataset` with a part "test", that part is asked.

        Of several labels at once, a sequence is right if all of its labels are, as scikit-learn
        counts.
        """
        data = self.scored_part(X, y)
        weights = laid_on(sample_weight, data, "sample_weight")
        return self.task_.score(self.predict(data, static), data, weights)

    def scored_part(self, X: Any, y: Any) -> Dataset:  # noqa: N803
        """What `score` is computed on; labels without names are those of the training, in order."""
        data = super().scored_part(X, y)
        return self.task_.as_scored(data, is_dataset=isinstance(X, Dataset))

    # -- look inside ----------------------------------------------------------------------------

    def anytime(self, X: Any, every: int = 1, static: Any = None) -> Sequences:  # noqa: N803
        """What the classifier believes after each step: `Sequences` `[time, class]`.

        The last belief of a sequence is what `predict_proba` says of it. A causal network gives all
        of them in one pass; another sees each prefix anew, and so does a preparation that is not
        causal. What that costs is said before it starts (not with `progress="none"`).

        Steps are those that the network sees. Where the preparation makes others of the data's, as
        `frame(32)` does, `preparation_.prefix_lengths(length)` has the lengths of the prefixes in
        the data. Where they are no times, as with `logfrequency`, the data's own are counted.

        Args:
            X: as in `fit`.
            every: belief after every so many steps, and after the last.
            static: as in `predict_proba`; known from the first step on.

        Raises:
            NotCausalError: a layer that takes sequences of one length only; it is named.
        """
        X = self.as_read(X)  # noqa: N806
        static = laid_on(static_of(X, static), X, "static")
        return anytime(self, self.check_input(X), every, static)

    def stream(self, static: Any = None) -> Stream:
        """Hear one sequence step by step: `stream.push(step)` gives the probabilities so far.

        `stream.extend(steps)` takes several steps at once.

        Args:
            static: `[feature]` of the sequence, where the model was trained with static features;
                `stream.reset(static=...)` brings those of the next one.

        Raises:
            NotCausalError: a layer or a preparation step needs the whole sequence; it is named.
            DataError: static features that are missing, or of another number.
        """
        return Stream(ModelStream(self._parts, static=static))

    def embed(
        self,
        X: Any,  # noqa: N803
        layer: str,
        how: How = "auto",
        static: Any = None,
    ) -> Array | Sequences:
        """What a layer says of each sequence, `[n, feature]`.

        Args:
            X: as in `fit`.
            layer: its name, the user's own or such as "lstm_1"; also of a layer inside another.
            how: what to take of a layer that gives every step: "last" (each sequence's own last
                step; of a bidirectional layer, forward at the end joined with backward at the
                beginning), "mean" over the real steps, or "every", `Sequences` `[time, feature]`.
                "auto" is the last step where it has seen the whole sequence, else the mean.
            static: as in `predict_proba`; only the head asks for them.

        Raises:
            SpecError: there is no such layer; near misses are suggested.
            OptionError: a `how` that means nothing for this layer.
        """
        X = self.as_read(X)  # noqa: N806
        x, static = self.check_input(X), laid_on(static_of(X, static), X, "static")
        scaled = None if static is None or len(x) == 0 else self.check_static(len(x), static)
        return embed(self, x, layer, how, scaled)

    def __sklearn_tags__(self) -> Tags:
        return sklearn_tags("classifier", several_labels=self.head == "sigmoid")
