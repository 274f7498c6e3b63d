"""Several fitted estimators as one model: what the ensembles of all tasks share."""

from __future__ import annotations

import abc
import reprlib
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from segue.dataset import Dataset
from segue.errors import DataError, NotFittedError
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.files import describe, describe_ensemble, tensors_of, write
from segue.estimators.seen import SeenSequences
from segue.sequences import Sequences

Member = TypeVar("Member", bound=BaseSequenceEstimator)


class Ensemble(abc.ABC, Generic[Member]):
    """Answers with the mean of what its members answer.

    Class attributes:
        kind: what it is made of.
        alike: what must be the same in all members.
        task, tasks: those of its kind.

    Args:
        members: fitted estimators of that kind. Their networks and preparations may differ.

    Attributes:
        members: as given.
        n_features_in_: channels.
        channels_, reading_: as of the first member.
        training_summary_: what the members are, as pairs of a heading and a text.

    Raises:
        DataError: no members, or members that do not agree.
        NotFittedError: a member that is not fitted.
    """

    kind: ClassVar[type[BaseSequenceEstimator]]
    alike: ClassVar[tuple[str, ...]]
    task: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.task, cls.tasks = cls.kind.task, cls.kind.tasks

    def __init__(self, members: Iterable[Member]) -> None:
        given: Any = tuple(members) if isinstance(members, Iterable) else (members,)
        self.members: tuple[Member, ...] = given
        self._check()
        self.n_features_in_ = self.first.n_features_in_
        self.channels_, self.reading_ = self.first.channels_, self.first.reading_
        networks = dict.fromkeys(member.network_.summary().text for member in self.members)
        self.training_summary_ = [
            ("ensemble", f"the mean of {len(self.members)} members"),
            ("network", "; ".join(networks)),
            ("seeds", ", ".join(str(member.seed) for member in self.members)),
        ]

    @property
    def task_(self) -> Any:
        """The fitted task of the first member."""
        return self.first.task_

    @property
    def first(self) -> Member:
        """The first member, for what all have in common."""
        return self.members[0]

    def scored_part(self, X: Any, y: Any) -> Dataset:  # noqa: N803
        """What a score is about: of a `Dataset` with a part "test", that part."""
        return self.first.scored_part(X, y)

    @property
    def seen_(self) -> tuple[SeenSequences, ...] | None:
        """What the members were trained on, of all; `None` where one does not know."""
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
        described = [describe(member, record=record) for member in self.members]
        tensors = {
            f"{member_name(number)}/{name}": tensor
            for number, member in enumerate(self.members, start=1)
            for name, tensor in tensors_of(member, record=record).items()
        }
        write(path, describe_ensemble(type(self).__name__, described), tensors)

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} members)"

    def _check(self) -> None:
        if not self.members:
            raise DataError("An ensemble needs at least one member.")
        for number, member in enumerate(self.members, start=1):
            if not isinstance(member, self.kind):
                raise DataError(
                    f"Member {number} is {member!r}; a {type(self).__name__} is made of "
                    f"{self.kind.__name__}s. segue.estimators.ensemble_of(members) takes those of "
                    "any task."
                )
            if not member.__sklearn_is_fitted__():
                raise NotFittedError(f"Member {number} is not fitted yet: call its `fit` first.")
        for name in ("n_features_in_", *self.alike):
            found = [np.asarray(attrgetter(name)(member)).tolist() for member in self.members]
            if any(value != found[0] for value in found):
                raise DataError(
                    f"The members differ in `{name}`: {'; '.join(map(reprlib.repr, found))}. An "
                    "ensemble needs members that were trained for the same."
                )


def member_name(number: int) -> str:
    """What a member's weights begin with in a file; counted from 1."""
    return f"member_{number}"


def mean(answers: Iterable[npt.ArrayLike]) -> npt.NDArray[np.float64]:
    """The mean of the members' answers, arrays of one shape.

    >>> mean([[1.0, 2.0], [3.0, 6.0]]).tolist()
    [2.0, 4.0]
    """
    return np.asarray(np.mean([np.asarray(answer, np.float64) for answer in answers], axis=0))


def mean_of_steps(answers: Iterable[Sequences]) -> Sequences:
    """The mean of what the members say at each step, float32.

    Raises:
        DataError: members that say it at other steps.

    >>> one, other = Sequences.from_list([[1.0, 2.0]]), Sequences.from_list([[3.0, 6.0]])
    >>> mean_of_steps([one, other])[0].ravel().tolist()
    [2.0, 4.0]
    """
    found = list(answers)
    lengths = [one.lengths.tolist() for one in found]
    if any(own != lengths[0] for own in lengths):
        raise DataError(
            "The members answer at different steps, because their preparations make other steps of "
            "the data's: ask each of `members`."
        )
    return Sequences(mean(one.values for one in found).astype(np.float32), found[0].offsets)
