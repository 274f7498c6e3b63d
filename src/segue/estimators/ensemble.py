"""Several fitted estimators of any one task as one model: the mean of their outputs."""

from __future__ import annotations

import functools
import reprlib
import types
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from segue.data.sequences import Sequences
from segue.errors import DataError, NotFittedError, no_attribute
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.files import save_ensemble
from segue.estimators.fingerprint import SeenSequences
from segue.estimators.streaming import EnsembleStream
from segue.networks import Network


class SequenceEnsemble:
    """Several fitted estimators of one task as one model: the mean of their outputs.

    Networks that differ in nothing but their seed make different mistakes; together they are right
    more often, and less sure where they are wrong (Lakshminarayanan, Pritzel & Blundell, "Simple
    and scalable predictive uncertainty estimation using deep ensembles", NeurIPS 2017).
    `segue.fit_seeds` trains such members.

    An ensemble has the methods of its members' class that do not look into one network, with the
    same arguments. Of classifiers `predict_proba`, `predict`, `score`, `anytime` and `stream`; of
    labelers the same without `anytime`; of regressors `predict` and `score`; of forecasters
    `predict`, `continued` and `score`; of language models `predict_proba`, `predict`,
    `log_probability`, `perplexity`, `score`, `generate` and `stream`. Probabilities are the mean of
    the members', at each step where there are such; numbers and whole forecasts too.

    Args:
        members: fitted estimators of one task, of the same channels and classes, or as many numbers
            for each sequence. Their networks and preparations may differ.

    Attributes:
        members: as given.
        task_: the fitted task, as of the first member.
        classes_, class_counts_, n_features_in_, channels_, reading_: as of the first member.
        training_summary_: what the members are, as pairs of a heading and a text.

    Raises:
        DataError: no members, or members that do not agree.
        NotFittedError: a member that is not fitted.

    >>> from segue import SequenceClassifier, TrainingOptions
    >>> from segue.estimators import fit_seeds
    >>> x, y = [[0.0, 1.0, 2.0], [2.0, 1.0], [0.0, 3.0], [4.0, 3.0, 1.0]] * 5, ["up", "down"] * 10
    >>> options = TrainingOptions(progress="none")
    >>> classifier = SequenceClassifier("gru(8)", epochs=60, options=options)
    >>> ensemble = fit_seeds(classifier, x, y, seeds=3).ensemble()
    >>> ensemble.predict([[0.0, 2.0, 3.0]])
    array(['up'], dtype='<U4')
    """

    def __init__(self, members: Iterable[BaseSequenceEstimator]) -> None:
        given: Any = tuple(members) if isinstance(members, Iterable) else (members,)
        self.members: tuple[BaseSequenceEstimator, ...] = given
        _check(self.members)
        self._kind = type(self.members[0])
        self.task_ = self._kind._task_type.joint([member.task_ for member in self.members])
        networks = dict.fromkeys(member.network_.summary().text for member in self.members)
        self.training_summary_ = [
            ("ensemble", f"the mean of {len(self.members)} members"),
            ("network", "; ".join(networks)),
            ("seeds", ", ".join(str(member.seed) for member in self.members)),
        ]

    def __getattr__(self, name: str) -> Any:
        """The members' methods with the mean of their outputs, and what all members share."""
        kind = self.__dict__.get("_kind")
        if kind is not None and hasattr(kind, name):
            if name in kind._averaged:
                return functools.wraps(getattr(kind, name))(functools.partial(self._mean, name))
            if name in kind._on_outputs:
                return types.MethodType(getattr(kind, name), self)
        if kind is not None and name in kind._shared:
            return getattr(self.members[0], name)
        return no_attribute(self, name)

    def __dir__(self) -> list[str]:
        own = {*self._kind._averaged, *self._kind._on_outputs, *self._kind._shared}
        return sorted({*super().__dir__(), *(name for name in own if hasattr(self, name))})

    def _mean(self, name: str, X: Any, *given: Any, **options: Any) -> Any:  # noqa: N803
        """The mean of what a method of the members returns: arrays, or `Sequences`."""
        X = self.members[0].as_read(X)  # noqa: N806  (what comes one by one is read only once)
        found = [getattr(member, name)(X, *given, **options) for member in self.members]
        if not isinstance(found[0], Sequences):
            return np.mean([np.asarray(one, np.float64) for one in found], axis=0)
        if any(not np.array_equal(one.lengths, found[0].lengths) for one in found):
            raise DataError(
                "The members have outputs at different steps, because their preparations make "
                "other steps of the data's: query each of `members`."
            )
        values = np.mean([one.values.astype(np.float64) for one in found], axis=0)
        return Sequences(values.astype(np.float32), found[0].offsets)

    def _stream_backend(self, *given: Any) -> EnsembleStream:
        members: Any = self.members
        return EnsembleStream([member._stream_backend(*given) for member in members])

    @property
    def _networks(self) -> tuple[Network, ...]:
        return tuple(member.network_ for member in self.members)

    @property
    def seen_(self) -> tuple[SeenSequences, ...] | None:
        """The sequences that members were trained on; `None` where one member's are unknown."""
        found = [member.seen_ for member in self.members]
        return None if None in found else tuple(seen for own in found for seen in own or ())

    def save(self, path: str | Path, *, record: bool = True) -> None:
        """Write all members to one file, `*.safetensors`; `segue.load` reads it.

        Args:
            path: the file.
            record: whether each keeps the hashes of what it was trained on, as in
                `SequenceClassifier.save`.

        Raises:
            WriteError: the disk is full or read-only. No half-written file is left.
        """
        save_ensemble(self.members, path, record=record)

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} members of {self._kind.__name__})"


def _check(members: tuple[Any, ...]) -> None:
    """Raise unless all are fitted, of one kind, and for the same classes or numbers."""
    if not members:
        raise DataError("An ensemble needs at least one member.")
    kind = type(members[0])
    for number, member in enumerate(members, start=1):
        if not isinstance(member, BaseSequenceEstimator) or not isinstance(member, kind):
            raise DataError(
                f"Member {number} is {member!r}; an ensemble is made of estimators of segue, all "
                "of the same kind."
            )
        if not member.__sklearn_is_fitted__():
            raise NotFittedError(f"Member {number} is not fitted yet: call its `fit` first.")
    for name in ("n_features_in_", *(f"task_.{name}" for name in kind._task_type.shared)):
        found = [np.asarray(attrgetter(name)(member)).tolist() for member in members]
        own = name.removeprefix("task_.")
        if any(value != found[0] for value in found):
            raise DataError(
                f"The members differ in `{own}`: {'; '.join(map(reprlib.repr, found))}. An "
                "ensemble needs members that were trained for the same."
            )
