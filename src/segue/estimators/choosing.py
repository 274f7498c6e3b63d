"""Which sequences a training learns from, and which it watches."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, OptionError, counted
from segue.estimators.inputs import check_sequences
from segue.estimators.learner import Learner
from segue.splits import offer_windows
from segue.summary import class_counts

# The targets that an estimator needs, by its task.
WANTED = {
    "classify": "one label for each sequence",
    "label": "a label for each step",
    "regress": "one or more numbers for each sequence",
}

# "auto" takes a validation set only where it can say something.
AUTO_SHARE, AUTO_LEAST_SEQUENCES, AUTO_LEAST_OF_A_CLASS = 0.1, 100, 5


@dataclass(frozen=True)
class Chosen:
    """What a training learns from and what it watches.

    Attributes:
        train: what is learnt from.
        validation: what is watched; `None`: nothing.
        weights: the user's own, for what is learnt from; `None`: all count the same.
        part: the whole training part, with what was taken from it for validation.
        part_weights: the user's own, for all of it.
        lines: what was chosen, as pairs of a heading and a text.
    """

    train: Dataset
    validation: Dataset | None
    weights: Any
    part: Dataset
    part_weights: Any
    lines: tuple[tuple[str, str], ...]

    def everything(self, epochs: int) -> Chosen:
        """The same with all of it learnt from and nothing watched, for so many epochs."""
        part, weights = self.part, self.part_weights
        if self.validation is not None and len(self.train) == len(part):  # it came from elsewhere
            joined = Dataset.concatenate({"train": part, "validation": self.validation})
            part = replace(joined, parts=None, ids=None)
            weights = _with_ones(weights, self.validation)
        text = f"all {len(part):,} sequences, for the {epochs} epochs that validation has chosen"
        return Chosen(part, None, weights, part, weights, (("refit", text),))


def _with_ones(weights: Any, validation: Dataset) -> Any:
    """A given validation set has no weights of its own: its sequences count like the mean one."""
    if weights is None:
        return None
    if not isinstance(weights, np.ndarray):
        raise OptionError(
            "refit=True with weights for each step needs a validation set that is taken from the "
            "training sequences (validation=0.1): another one has no weights."
        )
    return np.concatenate([weights, np.full(len(validation), weights.mean())])


def check_suits(learner: Learner, data: Dataset) -> None:
    """Raise `DataError` unless such an estimator can learn from such a data set."""
    name = type(learner).__name__
    if data.task not in learner.tasks:
        hint = ""
        if data.task == "label" and learner.tasks[0] == "classify":
            hint = f" {offer_windows(data.x.length_range[1])}; for each step: --task label."
        elif data.task == "regress" and "classify" in learner.tasks:
            hint = " Whole numbers are classes with Dataset(x, y, task='classify')."
        raise DataError(
            f"{name} needs {WANTED[learner.tasks[0]]}; the targets here are for the task "
            f"{data.task!r}.{hint}"
        )
    if data.static is not None and not learner.takes_static:
        raise DataError(
            f"The sequences have static features, and a {name} cannot use them: leave them out "
            "with dataclasses.replace(data, static=None)."
        )
    if data.x.is_text and not learner.takes_text:
        raise DataError(f"The sequences are texts, and a {name} takes numbers.")


def choose(
    part: Dataset, watched: Dataset | None, weights: Any, wanted: Any, *, seed: int, text: str
) -> Chosen:
    """Set a validation set aside, or take the one that is given.

    Args:
        part: the training part.
        watched: the validation part, if the source has one.
        weights: of the training part's sequences, or `None`.
        wanted: "auto", a share between 0 and 1, a `Dataset`, or `None`.
        seed: of the split.
        text: says what the training part is.
    """
    numbered = replace(part, parts=None, ids=np.arange(len(part)))
    train, validation, chosen = choose_validation(numbered, watched, wanted, seed)
    if validation is not None and validation in (watched, wanted):
        check_sequences(validation.x)
    kept = None if weights is None else weights[np.asarray(train.ids, np.int64)]
    notes = [("read as" if i == 0 else "note", note) for i, note in enumerate(part.notes)]
    lines = (*notes, ("training", text), ("validation", chosen))
    return Chosen(train, validation, kept, numbered, weights, lines)


def choose_training_part(data: Dataset) -> tuple[Dataset, Dataset | None, str]:
    """Return the training part, the validation part if the source has one, and a line on it."""
    if data.parts is None:
        return data, None, f"{len(data):,} sequences"
    if "train" not in data.part_names:
        raise DataError(
            f"The data set has the parts {', '.join(data.part_names)} and none named 'train'."
        )
    train = data.part("train")
    validation = data.part("validation") if "validation" in data.part_names else None
    text = f"{len(train):,} sequences, part train"
    if "test" in data.part_names:
        text += f" ({len(data.part('test')):,} of part test left alone)"
    return train, validation, text


def choose_validation(
    train: Dataset, watched: Dataset | None, wanted: Any, seed: int
) -> tuple[Dataset, Dataset | None, str]:
    """Decide what is validated on.

    Args:
        train: the training part.
        watched: the validation part, if the source has one.
        wanted: "auto", a share between 0 and 1, a `Dataset`, or `None`.
        seed: of the split.

    Returns:
        What is left for training, the validation set, and a line that says what was chosen.
    """
    if isinstance(wanted, Dataset):
        return train, wanted, f"{len(wanted):,} sequences given"
    if wanted is None or wanted == "none":
        return train, None, "none: the last weights are kept"
    if wanted == "auto":
        if watched is not None:
            return train, watched, f"{len(watched):,} sequences, the source's own part"
        reason = _too_few(train)
        if reason:
            return train, None, f"none ({reason}): the last weights are kept"
        return _set_aside(train, AUTO_SHARE, seed, only_if_nothing_is_lost=True)
    if isinstance(wanted, int | float) and not isinstance(wanted, bool) and 0 < wanted < 1:
        return _set_aside(train, float(wanted), seed)
    raise OptionError(
        f"`validation` is {wanted!r}; expected 'auto', a share between 0 and 1, a Dataset, or None."
    )


def _set_aside(
    train: Dataset, share: float, seed: int, *, only_if_nothing_is_lost: bool = False
) -> tuple[Dataset, Dataset | None, str]:
    """Split off a share, and warn where a class goes with it, or leave it then."""
    rest, validation = train.split(share, seed=seed)
    lost = ", ".join(str(name) for name in _present(train) if name not in _present(rest))
    taken = "last windows" if train.splits_by == "time" else "groups"
    if lost and only_if_nothing_is_lost:
        return train, None, f"none (its {taken} would take all of class {lost})"
    if lost:
        warnings.warn(
            f"The {taken} that are set aside for validation have all sequences of class "
            f"{lost}: it cannot be learnt. Give other {taken}, or validation=None.",
            stacklevel=6,
        )
    drawn = "stratified" if train.task == "classify" else "at random"
    how = {"group": "by group", "time": "the last of each series"}.get(train.splits_by, drawn)
    text = f"{len(validation):,} of the training sequences ({share:.0%}, {how})"
    if across := len(train) - len(rest) - len(validation):
        text += f", {counted(across, 'window')} across the cut left out"
    return rest, validation, text


def _present(data: Dataset) -> list[Any]:
    """The classes that occur in a data set; none where the targets are numbers."""
    return [name for name, count in class_counts(data).items() if count]


def _too_few(train: Dataset) -> str:
    if len(train) < AUTO_LEAST_SEQUENCES:
        return f"fewer than {AUTO_LEAST_SEQUENCES} sequences"
    if train.task == "classify":
        fewest = int(np.unique(train.y, return_counts=True)[1].min())
        if fewest < AUTO_LEAST_OF_A_CLASS:
            return f"a class with fewer than {AUTO_LEAST_OF_A_CLASS} sequences"
    if train.groups is not None and len(np.unique(train.groups)) < 2:
        return "one group only"
    return ""
