"""Several regressors as one."""

from __future__ import annotations

from typing import Any, ClassVar

from segue.estimators.ensembles.base import Ensemble, mean
from segue.estimators.given import laid_on
from segue.estimators.regressor import SequenceRegressor
from segue.tasks.linear import Numbers


class RegressorEnsemble(Ensemble[SequenceRegressor]):
    """Several regressors as one: the mean of their numbers.

    Args:
        members: fitted regressors of the same channels and as many numbers for each sequence.

    Attributes:
        members: as given.
        task_: as of the first member.
        n_features_in_, channels_, reading_, training_summary_: as in `SequenceEnsemble`.

    Raises:
        DataError: no members, or members that do not agree.
        NotFittedError: a member that is not fitted.

    >>> import numpy as np
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

    kind = SequenceRegressor
    alike: ClassVar[tuple[str, ...]] = ("task_.shape",)

    def predict(self, X: Any, static: Any = None) -> Numbers:  # noqa: N803
        """The mean of the members' numbers: `[n]`, or `[n, value]` as the training targets were.

        Args:
            X: as in `SequenceRegressor.fit`.
            static: `[n, feature]`, where the members were trained with static features.
        """
        X = self.first.as_read(X)  # noqa: N806
        return mean(member.predict(X, static) for member in self.members)

    def score(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        sample_weight: Any = None,
        static: Any = None,
    ) -> float:
        """R², as scikit-learn's `r2_score`. Of a `Dataset` with a part "test", that is asked."""
        data = self.scored_part(X, y)
        self.first.task_.check_shape(data)
        weights = laid_on(sample_weight, data, "sample_weight")
        return self.first.task_.score(self.predict(data, static), data, weights)
