"""Several classifiers as one model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from segue.dataset import Dataset
from segue.errors import DataError, NotFittedError
from segue.estimators.classifier import SequenceClassifier
from segue.estimators.files import describe, describe_ensemble, tensors_of, write
from segue.estimators.fitting import normalized
from segue.sequences import Array


class SequenceEnsemble:
    """Answers with the mean of its members' probabilities.

    Networks that differ in nothing but their seed make different mistakes; together they are right
    more often, and less sure where they are wrong (Lakshminarayanan, Pritzel & Blundell, "Simple
    and scalable predictive uncertainty estimation using deep ensembles", NeurIPS 2017).
    `segue.fit_seeds` trains such members.

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

    tasks: ClassVar[tuple[str, ...]] = SequenceClassifier.tasks

    def __init__(self, members: Iterable[SequenceClassifier]) -> None:
        self.members = tuple(members) if isinstance(members, Iterable) else (members,)
        _check(self.members)
        first = self.members[0]
        self.classes_ = first.classes_
        self.class_counts_ = first.class_counts_
        self.labels_, self.sequences_learnt_ = first.labels_, first.sequences_learnt_
        self.n_features_in_ = first.n_features_in_
        self.channels_, self.reading_ = first.channels_, first.reading_
        networks = dict.fromkeys(member.network_.summary().text for member in self.members)
        self.training_summary_ = [
            ("ensemble", f"the mean of {len(self.members)} members"),
            ("network", "; ".join(networks)),
            ("seeds", ", ".join(str(member.seed) for member in self.members)),
        ]

    def predict_proba(self, X: Any, static: Any = None) -> npt.NDArray[np.float64]:  # noqa: N803
        """The mean of the members' probabilities, `[n, class]`, in the order of `classes_`.

        Args:
            X: as in `SequenceClassifier.fit`.
            static: `[n, feature]`, where the members were trained with static features.
        """
        found = [member.predict_proba(X, static) for member in self.members]
        return np.asarray(np.mean(found, axis=0))

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
        weights = None if sample_weight is None else normalized(sample_weight, len(right))
        return float(np.average(right, weights=weights))

    def scored_part(self, X: Any, y: Any) -> Dataset:  # noqa: N803
        """What a score is about: of a `Dataset` with a part "test", that part."""
        return self.members[0].scored_part(X, y)

    def save(self, path: str | Path) -> None:
        """Write all members to one file, `*.safetensors`; `segue.load` reads it.

        Raises:
            WriteError: the disk is full or read-only. No half-written file is left.
        """
        described = [describe(member) for member in self.members]
        tensors = {
            f"{member_name(number)}/{name}": tensor
            for number, member in enumerate(self.members, start=1)
            for name, tensor in tensors_of(member).items()
        }
        write(path, describe_ensemble(described), tensors)

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        return f"SequenceEnsemble({len(self)} members, classes={self.classes_.tolist()})"


def member_name(number: int) -> str:
    """What a member's weights begin with in a file; counted from 1."""
    return f"member_{number}"


def _check(members: tuple[SequenceClassifier, ...]) -> None:
    if not members:
        raise DataError("An ensemble needs at least one member.")
    for number, member in enumerate(members, start=1):
        if not isinstance(member, SequenceClassifier):
            raise DataError(
                f"Member {number} is {member!r}; an ensemble is made of SequenceClassifiers."
            )
        if not member.__sklearn_is_fitted__():
            raise NotFittedError(f"Member {number} is not fitted yet: call its `fit` first.")
    for name in ("classes_", "n_features_in_"):
        found = [np.asarray(getattr(member, name)).tolist() for member in members]
        if any(value != found[0] for value in found):
            raise DataError(
                f"The members differ in `{name}`: {'; '.join(map(str, found))}. An ensemble needs "
                "members that were trained for the same."
            )
