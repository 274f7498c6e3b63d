"""Several labelers as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from segue.estimators.ensembles.base import Ensemble, mean_of_steps
from segue.estimators.given import laid_on
from segue.estimators.labeler import SequenceLabeler
from segue.estimators.stream import LabelStream
from segue.estimators.streaming import EnsembleStream, ModelStream
from segue.sequences import Array, Sequences


class LabelerEnsemble(Ensemble[SequenceLabeler]):
    """Several labelers as one: the mean of their probabilities at each step.

    Args:
        members: fitted labelers of the same classes and channels.

    Attributes:
        members: as given.
        classes_: the class names, in the order of the probabilities.
        class_counts_, ignore: as of the first member.
        n_features_in_, channels_, reading_, training_summary_: as in `SequenceEnsemble`.

    Raises:
        DataError: no members, or members that do not agree.
        NotFittedError: a member that is not fitted.

    >>> from segue import TrainingOptions
    >>> from segue.estimators import fit_seeds
    >>> x = [[0.0, 1.0, 3.0, 2.0], [2.0, 0.0, 3.0], [0.0, 3.0, 1.0]] * 5
    >>> y = [["low", "low", "high", "high"], ["high", "low", "high"], ["low", "high", "low"]] * 5
    >>> options = TrainingOptions(progress="none")
    >>> labeler = SequenceLabeler("gru(8)", epochs=60, options=options)
    >>> fit_seeds(labeler, x, y, seeds=2).ensemble().predict([[3.0, 0.0]])
    [array(['high', 'low'], dtype='<U4')]
    """

    kind = SequenceLabeler
    alike: ClassVar[tuple[str, ...]] = ("classes_",)

    def __init__(self, members: Iterable[SequenceLabeler]) -> None:
        super().__init__(members)
        self.classes_, self.class_counts_ = self.first.classes_, self.first.class_counts_
        self.ignore = self.first.ignore

    def predict_proba(self, X: Any) -> Sequences:  # noqa: N803
        """The mean of the members' probabilities at each step: `Sequences` `[time, class]`."""
        X = self.first.as_read(X)  # noqa: N806
        return mean_of_steps([member.predict_proba(X) for member in self.members])

    def predict(self, X: Any) -> list[Array]:  # noqa: N803
        """The most probable class of each step: a `(time,)` array for each sequence."""
        return self.first.task_.decode(self.predict_proba(X))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: N803
        """The accuracy over labelled steps. Of a `Dataset` with a part "test", that is asked."""
        data = self.scored_part(X, y)
        given = laid_on(sample_weight, data, "sample_weight")
        given = None if given is None else self.first._as_weights(given)
        return self.first.task_.score(self.predict_proba(data.x), data, given)

    def stream(self) -> LabelStream:
        """Hear one sequence step by step: `push` gives the mean probabilities of that step.

        Raises:
            NotCausalError: a layer or a preparation step needs the whole sequence; it is named.
        """
        return LabelStream(EnsembleStream([ModelStream(member._parts) for member in self.members]))
