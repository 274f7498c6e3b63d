"""Several classifiers as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from segue.estimators.classifier import SequenceClassifier
from segue.estimators.ensembles.base import Ensemble, mean, mean_of_steps
from segue.estimators.given import laid_on
from segue.estimators.stream import Stream
from segue.estimators.streaming import EnsembleStream, ModelStream
from segue.sequences import Array, Sequences


class SequenceEnsemble(Ensemble[SequenceClassifier]):
    """Several classifiers as one: the mean of their probabilities.

    Networks that differ in nothing but their seed make different mistakes; together they are right
    more often, and less sure where they are wrong (Lakshminarayanan, Pritzel & Blundell, "Simple
    and scalable predictive uncertainty estimation using deep ensembles", NeurIPS 2017).
    `segue.fit_seeds` trains such members. For the other tasks there are `LabelerEnsemble`,
    `RegressorEnsemble`, `ForecasterEnsemble` and `LanguageModelEnsemble` in `segue.estimators`.

    Args:
        members: fitted classifiers of the same classes and channels. Their networks and
            preparations may differ.

    Attributes:
        members: as given.
        classes_: the class names, in the order of the probabilities.
        class_counts_: how many sequences of each class the first member has learnt from.
        n_features_in_: channels.
        task_, channels_, reading_: as of the first member.
        training_summary_: what the members are, as pairs of a heading and a text.

    Raises:
        DataError: no members, or members that do not agree.
        NotFittedError: a member that is not fitted.

    >>> from segue import TrainingOptions
    >>> from segue.estimators import fit_seeds
    >>> x, y = [[0.0, 1.0, 2.0], [2.0, 1.0], [0.0, 3.0], [4.0, 3.0, 1.0]] * 5, ["up", "down"] * 10
    >>> options = TrainingOptions(progress="none")
    >>> classifier = SequenceClassifier("gru(8)", epochs=60, options=options)
    >>> ensemble = fit_seeds(classifier, x, y, seeds=3).ensemble()
    >>> ensemble.predict([[0.0, 2.0, 3.0]])
    array(['up'], dtype='<U4')
    """

    kind = SequenceClassifier
    alike: ClassVar[tuple[str, ...]] = ("classes_", "task_.name")

    def __init__(self, members: Iterable[SequenceClassifier]) -> None:
        super().__init__(members)
        self.classes_, self.class_counts_ = self.first.classes_, self.first.class_counts_

    def predict_proba(self, X: Any, static: Any = None) -> npt.NDArray[np.float64]:  # noqa: N803
        """The mean of the members' probabilities, `[n, class]`, in the order of `classes_`.

        Args:
            X: as in `SequenceClassifier.fit`.
            static: `[n, feature]`, where the members were trained with static features.
        """
        X = self.first.as_read(X)  # noqa: N806  (what comes one by one is read only once)
        return mean(member.predict_proba(X, static) for member in self.members)

    def predict(self, X: Any, static: Any = None) -> Array:  # noqa: N803
        """The most probable class of each sequence, `[n]`; of several labels, 0 and 1 for each."""
        return self.first.task_.decode(self.predict_proba(X, static))

    def score(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        sample_weight: npt.ArrayLike | None = None,
        static: Any = None,
    ) -> float:
        """The accuracy. Of a `Dataset` with a part "test", that part is asked."""
        data = self.scored_part(X, y)
        weights = laid_on(sample_weight, data, "sample_weight")
        return self.first.task_.score(self.predict(data, static), data, weights)

    def anytime(self, X: Any, every: int = 1, static: Any = None) -> Sequences:  # noqa: N803
        """The mean of what the members believe after each step: `Sequences` `[time, class]`.

        The last belief of a sequence is what `predict_proba` says of it. Each member that is not
        causal says what it costs, as in `SequenceClassifier.anytime`.

        Raises:
            NotCausalError: a layer that takes sequences of one length only; it is named.
            DataError: members whose preparations make other steps of the data's.
        """
        X = self.first.as_read(X)  # noqa: N806
        return mean_of_steps([member.anytime(X, every, static) for member in self.members])

    def stream(self, static: Any = None) -> Stream:
        """Hear one sequence step by step: `push` gives the mean of the members' probabilities.

        Args:
            static: as in `SequenceClassifier.stream`.

        Raises:
            NotCausalError: a layer or a preparation step needs the whole sequence; it is named.
        """
        return Stream(
            EnsembleStream([ModelStream(one._parts, static=static) for one in self.members])
        )

    def __repr__(self) -> str:
        return f"SequenceEnsemble({len(self)} members, classes={self.classes_.tolist()})"
