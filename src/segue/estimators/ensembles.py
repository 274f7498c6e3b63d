"""The ensembles, one for each task: which answers of the members are averaged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from segue.dataset import Dataset
from segue.errors import DataError
from segue.estimators.autoregression import Numbers
from segue.estimators.base import SequenceEstimator
from segue.estimators.classifier import SequenceClassifier
from segue.estimators.ensemble import Ensemble, mean, mean_of_steps
from segue.estimators.forecaster import Forecaster, r_squared_of_windows
from segue.estimators.foreseeing import Foreseeing
from segue.estimators.hearing import Hearing, HearingTogether
from segue.estimators.labeler import SequenceLabeler, decide_steps, labelled_accuracy
from segue.estimators.language import LanguageModel
from segue.estimators.number_targets import as_numbers, r_squared
from segue.estimators.regressor import SequenceRegressor
from segue.estimators.stream import LabelStream, Stream
from segue.estimators.weighting import normalized
from segue.networks import Network
from segue.prepare.vocabulary import PADDING
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
        labels_, sequences_learnt_, channels_, reading_: as of the first member.
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

    kind, tasks, purpose = (
        SequenceClassifier,
        SequenceClassifier.tasks,
        SequenceClassifier.purpose,
    )
    alike: ClassVar[tuple[str, ...]] = ("classes_", "labels_.task")

    def __init__(self, members: Iterable[SequenceClassifier]) -> None:
        super().__init__(members)
        self.classes_, self.class_counts_ = self.first.classes_, self.first.class_counts_
        self.labels_, self.sequences_learnt_ = self.first.labels_, self.first.sequences_learnt_

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
        return self.labels_.decide(self.predict_proba(X, static), self.classes_)

    def score(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        sample_weight: npt.ArrayLike | None = None,
        static: Any = None,
    ) -> float:
        """The accuracy. Of a `Dataset` with a part "test", that part is asked."""
        data = self.scored_part(X, y)
        right = self.labels_.right(self.predict(data, static), data, self.classes_.tolist())
        return float(np.average(right, weights=normalized(sample_weight, len(right))))

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
        return Stream(HearingTogether([Hearing(one, static=static) for one in self.members]))

    def __repr__(self) -> str:
        return f"SequenceEnsemble({len(self)} members, classes={self.classes_.tolist()})"


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

    kind, tasks, purpose = SequenceLabeler, SequenceLabeler.tasks, SequenceLabeler.purpose
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
        return decide_steps(self.predict_proba(X), self.classes_)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: N803
        """The accuracy over labelled steps. Of a `Dataset` with a part "test", that is asked."""
        data = self.scored_part(X, y)
        given = None if sample_weight is None else self.first.as_weights(sample_weight)
        shares = self.predict_proba(data.x)
        return labelled_accuracy(shares, data, self.classes_, self.ignore, given)

    def stream(self) -> LabelStream:
        """Hear one sequence step by step: `push` gives the mean probabilities of that step.

        Raises:
            NotCausalError: a layer or a preparation step needs the whole sequence; it is named.
        """
        return LabelStream(HearingTogether([Hearing(member) for member in self.members]))


class RegressorEnsemble(Ensemble[SequenceRegressor]):
    """Several regressors as one: the mean of their numbers.

    Args:
        members: fitted regressors of the same channels and as many numbers for each sequence.

    Attributes:
        members: as given.
        target_scale_: as of the first member.
        n_features_in_, channels_, reading_, training_summary_: as in `SequenceEnsemble`.

    Raises:
        DataError: no members, or members that do not agree.
        NotFittedError: a member that is not fitted.

    >>> from segue import TrainingOptions
    >>> from segue.estimators import fit_seeds
    >>> x = np.random.default_rng(0).normal(size=(80, 5))
    >>> options = TrainingOptions(progress="none")
    >>> regressor = SequenceRegressor("gru(8)", epochs=5, validation=None, options=options)
    >>> results = fit_seeds(regressor, x, x.sum(axis=1), seeds=2)
    >>> one, other = (member.predict(x) for member in results.members)
    >>> bool((results.ensemble().predict(x) == (one + other) / 2).all())
    True
    """

    kind, tasks, purpose = SequenceRegressor, SequenceRegressor.tasks, SequenceRegressor.purpose
    alike: ClassVar[tuple[str, ...]] = ("target_shape_",)

    def __init__(self, members: Iterable[SequenceRegressor]) -> None:
        super().__init__(members)
        self.target_scale_ = self.first.target_scale_

    def predict(self, X: Any, static: Any = None) -> Numbers:  # noqa: N803
        """The mean of the members' numbers: `[n]`, or `[n, value]` as the training targets were.

        Args:
            X: as in `SequenceRegressor.fit`.
            static: `[n, feature]`, where the members were trained with static features.
        """
        X = self.first.as_read(X)  # noqa: N806
        return mean(member.predict(X, static) for member in self.members)

    def predict_linearly(self, data: Dataset) -> Numbers | None:
        """`[n, value]` of the first member's linear model; `None` for tokens and texts."""
        return self.first.predict_linearly(data)

    def score(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        sample_weight: Any = None,
        static: Any = None,
    ) -> float:
        """R², as scikit-learn's `r2_score`. Of a `Dataset` with a part "test", that is asked."""
        data = self.scored_part(X, y)
        self.first.check_shape(data)
        weights = normalized(sample_weight, len(data))
        return r_squared(as_numbers(data.y), self.predict(data, static), weights)


class ForecasterEnsemble(Ensemble[Forecaster]):
    """Several forecasters as one: the mean of their continuations.

    With the recursive strategy each member goes on from its own forecasts, and the mean is taken of
    the whole continuations; it is not fed back. So the forecast is exactly the mean of what the
    members forecast, at every step ahead and for both strategies: the expected continuation if one
    of them is right and it is not known which. Fed back, the mean would be the forecast of a model
    that none of them is.

    Args:
        members: fitted forecasters of the same channels, `size` and `horizon`.

    Attributes:
        members: as given.
        size, horizon: steps of a window, and how many are forecast.
        n_features_in_, channels_, reading_, training_summary_: as in `SequenceEnsemble`.

    Raises:
        DataError: no members, or members that do not agree.
        NotFittedError: a member that is not fitted.

    >>> from segue import TrainingOptions
    >>> from segue.estimators import fit_seeds
    >>> series = np.sin(0.3 * np.arange(300))
    >>> options = TrainingOptions(progress="none")
    >>> forecaster = Forecaster("gru(8)", size=12, epochs=8, options=options)
    >>> results = fit_seeds(forecaster, series, seeds=2)
    >>> one, other = (member.predict(5) for member in results.members)
    >>> bool((results.ensemble().predict(5) == (one + other) / 2).all())
    True
    """

    kind, tasks, purpose = Forecaster, Forecaster.tasks, Forecaster.purpose
    alike: ClassVar[tuple[str, ...]] = ("size", "horizon")

    def __init__(self, members: Iterable[Forecaster]) -> None:
        super().__init__(members)
        self.size, self.horizon = self.first.size, self.first.horizon

    def predict(self, series: Any = None, steps: int | None = None) -> Numbers:
        """Continue series: the mean of the members' continuations.

        Args:
            series: as in `Forecaster.predict`; the training series if left out.
            steps: how many; `horizon` if left out.

        Returns:
            `[steps]`, `[steps, channel]` or `[n, steps, channel]`, as `Forecaster.predict` says.

        Raises:
            DataError: a series shorter than a window, or with other channels; no series, and
                members that learnt from different ones.
            OptionError: more steps than a member with the direct strategy has learnt.
        """
        if isinstance(series, int | np.integer):
            series, steps = None, int(series)
        if series is None:
            self._check_ends()
        else:
            series = self.first.as_read(series)
        return mean(member.predict(series, steps) for member in self.members)

    def continued(self, x: Array, steps: int) -> Numbers:
        """`[n, steps, channel]`, the mean of what the members say follows `[n, size, channel]`."""
        return mean(member.continued(x, steps) for member in self.members)

    def continued_linearly(self, x: Array, steps: int) -> Numbers:
        """The same by the first member's linear model in closed form, to compare with."""
        return self.first.continued_linearly(x, steps)

    def cut(self, series: Dataset) -> Dataset:
        """Windows of these series with the `horizon` steps that follow as `[n, value]` targets."""
        return self.first.cut(series)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: N803
        """R² of the forecasts of `horizon` steps after every window, as in `Forecaster.score`."""
        return r_squared_of_windows(self, X, sample_weight)

    def _check_ends(self) -> None:
        first, *others = (member.ends_ for member in self.members)
        if not all(np.array_equal(first, ends, equal_nan=True) for ends in others):
            raise DataError(
                "The members learnt from different series, so it is not clear which are to go on: "
                "pass the series."
            )


class LanguageModelEnsemble(Foreseeing, Ensemble[LanguageModel]):
    """Several language models as one: the mean of their probabilities at every token.

    Args:
        members: fitted language models of the same tokens.

    Attributes:
        members: as given.
        classes_: `[token]`, the text of each.
        preparation_, token_counts_: as of the first member.
        training_summary_: what the members are, as pairs of a heading and a text.

    Raises:
        DataError: no members, or members that do not agree.
        NotFittedError: a member that is not fitted.

    >>> from segue import TrainingOptions
    >>> from segue.estimators import fit_seeds
    >>> texts = ["the cat sat on the mat", "the dog sat on the cat", "a dog ran"] * 10
    >>> options = TrainingOptions(progress="none")
    >>> model = LanguageModel("gru(16)", epochs=20, learning_rate=0.02, options=options)
    >>> fit_seeds(model, texts, seeds=2).ensemble().generate("a dog", length=8, temperature=0)
    'a dog ran'
    """

    kind, tasks, purpose = LanguageModel, LanguageModel.tasks, LanguageModel.purpose
    alike: ClassVar[tuple[str, ...]] = ("classes_",)

    def __init__(self, members: Iterable[LanguageModel]) -> None:
        super().__init__(members)
        self.preparation_ = self.first.preparation_
        self.token_counts_ = self.first.token_counts_

    @property
    def networks(self) -> tuple[Network, ...]:
        """Those of the members; the mean of their probabilities counts."""
        return tuple(member.network_ for member in self.members)

    @property
    def classes_(self) -> Array:
        """`[token]`, the text of each."""
        return self.first.classes_

    def check_input(self, X: Any) -> Sequences:  # noqa: N803
        """Take what the user passes as tokens, which are the same for all members."""
        return self.first.check_input(X)

    def scored_part(self, X: Any, y: Any) -> Dataset:  # noqa: N803
        """What a score is about: of a `Dataset` with a part "test", that part."""
        return self.first.scored_part(X, y)

    def stream(self) -> Stream:
        """Hear a text word by word: `push` gives the mean probabilities of what follows."""
        each = [Hearing(member, begin=PADDING) for member in self.members]
        return Stream(HearingTogether(each))


ENSEMBLES: dict[str, type[Ensemble[Any]]] = {
    kind.__name__: kind
    for kind in (
        *(SequenceEnsemble, LabelerEnsemble, RegressorEnsemble),
        *(ForecasterEnsemble, LanguageModelEnsemble),
    )
}


def ensemble_of(members: Iterable[SequenceEstimator]) -> Any:
    """Several fitted estimators of any one task as one model: the mean of what they answer.

    Args:
        members: fitted, of one task. Their networks and preparations may differ.

    Returns:
        The ensemble of that task, such as a `SequenceEnsemble` of classifiers.

    Raises:
        DataError: no members, or members that do not agree.
        NotFittedError: a member that is not fitted.

    >>> ensemble_of([])
    Traceback (most recent call last):
    segue.errors.DataError: An ensemble needs at least one member.
    """
    given = tuple(members)
    for kind in ENSEMBLES.values():
        if given and isinstance(given[0], kind.kind):
            return kind(given)
    if not given:
        raise DataError("An ensemble needs at least one member.")
    raise DataError(f"Member 1 is {given[0]!r}; an ensemble is made of estimators of segue.")
