"""The training and the validation part: what `fit` trains on, and what it validates with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, ClassVar, Protocol

import numpy as np

from segue.data.arrays import as_features
from segue.data.dataset import Dataset
from segue.data.sequences import check_sequences
from segue.data.summary import class_counts
from segue.errors import DataError, OptionError, counted, warn_user
from segue.estimators.inputs import (
    PerSequence,
    SequencesLike,
    TargetsLike,
    ValidationLike,
    aligned_with,
    as_pair,
    warn_of_axes,
)
from segue.layers.untrained import trains_only_head
from segue.networks import NetworkLike, as_specs
from segue.prepare.augmentation import Augmentation
from segue.prepare.pipeline import PrepareLike, as_steps
from segue.readers.objects import adapted
from segue.tasks import Task
from segue.tasks.base import weights_of_part
from segue.training import TrainingOptions
from segue.training.options import is_count, is_number

# "auto" takes a validation set only where it means something.
AUTO_SHARE, AUTO_LEAST_SEQUENCES, AUTO_LEAST_OF_A_CLASS = 0.1, 100, 5


class EstimatorArguments(Protocol):
    """What `fit` reads of an estimator: its arguments, and how it takes in what the user passes."""

    _task_type: ClassVar[type[Task]]
    network: NetworkLike
    prepare: PrepareLike
    epochs: Any
    batch_size: int
    learning_rate: float
    validation: Any
    seed: int
    device: str

    @property
    def training_options(self) -> TrainingOptions: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def _task_for(self, name: str) -> tuple[type[Task], dict[str, Any]]: ...
    def _as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset: ...  # noqa: N803
    def _as_validation(self, given: Any, reading: Mapping[str, Any] | None) -> Dataset: ...
    def _as_weights(self, sample_weight: Any) -> Any: ...


@dataclass(frozen=True)
class TrainValidationSplit:
    """The training and the validation part of a fit.

    Attributes:
        train: the sequences that are trained on.
        validation: those of the validation; `None`: there is none.
        weights: the user's own, of the sequences that are trained on; `None`: all the same.
        part: the whole training part, with what was set aside for validation.
        part_weights: the user's own, of all of it.
        lines: what was chosen, as pairs of a heading and a text.
        task: with the classes of the training part.
        channels: the names of the channels; `None` where the data have none.
        reading: how the source was read; `None` where it was no file or data frame.
    """

    train: Dataset
    validation: Dataset | None
    weights: Any
    part: Dataset
    part_weights: Any
    lines: tuple[tuple[str, str], ...]
    task: Task
    channels: tuple[str, ...] | None = None
    reading: Mapping[str, Any] | None = None

    def everything(self, epochs: int = 0) -> TrainValidationSplit:
        """A split with all data for training, and none for validation.

        Args:
            epochs: that validation has chosen; 0: it chose none.
        """
        part, weights = self.part, self.part_weights
        if self.validation is not None and len(self.train) == len(part):  # it came from elsewhere
            own = self.validation
            if part.groups is not None and own.groups is None:  # each alone
                part = replace(part, groups=np.char.add("train ", part.groups.astype(str)))
                own = replace(own, groups=np.char.add("new ", np.arange(len(own)).astype(str)))
            joined = Dataset.concatenate({"train": part, "validation": own})
            part = replace(joined, parts=None, ids=None)
            weights = _with_ones(weights, self.validation)
        count = counted(len(part), "sequence")
        chosen = f", for the {epochs} epochs that validation has chosen" if epochs else ""
        return replace(
            self, train=part, validation=None, weights=weights, part=part, part_weights=weights,
            lines=(("refit", f"all {count}{chosen}"),),
        )  # fmt: skip


def split_data(
    estimator: EstimatorArguments,
    X: SequencesLike,  # noqa: N803
    y: TargetsLike = None,
    *,
    sample_weight: PerSequence = None,
    groups: PerSequence = None,
    validation_data: ValidationLike = None,
    static: PerSequence = None,
    split_seed: int | None = None,
) -> TrainValidationSplit:
    """The split that `fit` would make; the estimator stays as it is.

    Args:
        estimator: about to be fitted.
        X: as in `fit`.
        y: as in `fit`.
        sample_weight: as in `fit`.
        groups: as in `fit`.
        validation_data: as in `fit`.
        static: as in `fit`.
        split_seed: what a validation set is drawn with; `None`: the estimator's own seed.

    Raises:
        DataError: sequences or targets that cannot be used.
        OptionError: arguments of the estimator that cannot be used.
    """
    check_arguments(estimator)
    labelled = not estimator._task_type.targets_inside
    X, y = (adapted(X, labelled=labelled), None) if y is None else as_pair(X, y)  # noqa: N806
    data = estimator._as_dataset(X, y, groups)
    if static is not None:
        data = replace(data, static=as_features(aligned_with(static, data, "static")))
    estimator._task_type.check(data, type(estimator).__name__)
    part, own_validation, text = data, None, counted(len(data), "sequence")
    if data.parts is not None:
        part, own_validation, text = training_part(data)
    check_sequences(part.x, part.channels)
    if (part.x.lengths == part.x.lengths[0]).all():
        warn_of_axes(part.x)
    kind, options = estimator._task_for(part.task)
    task, part = kind.for_training(part, data, X, **options)
    weights = None
    if sample_weight is not None:
        given = aligned_with(sample_weight, data, "sample_weight")
        weights = weights_of_part(estimator._as_weights(given), data, part)
    wanted = estimator.validation if validation_data is None else adapted(validation_data)
    reading = X.reading if isinstance(X, Dataset) else None
    if isinstance(wanted, Dataset) or validation_data is not None:
        wanted = estimator._as_validation(wanted, reading)
    seed = estimator.seed if split_seed is None else split_seed
    numbered = replace(part, parts=None, ids=np.arange(len(part)))
    if holds_out(estimator, numbered) and not takes_part(wanted, own_validation):
        train, validation, chosen = numbered, None, held_out_line(numbered)
    else:
        train, validation, chosen = choose_validation(numbered, own_validation, wanted, seed)
    if validation is not None and validation in (own_validation, wanted):
        check_sequences(validation.x, validation.channels)
    notes = [("read as" if i == 0 else "note", note) for i, note in enumerate(part.notes)]
    training = estimator.training_options
    if part.x.is_whole and is_automatic(estimator):
        text = "whole numbers are taken as amounts; for tokens name a network with an embedding"
        notes.append(("note", text))
    if validation is not None and training.patience not in (None, 20) and training.has_fixed_length:
        notes += [
            (
                "note",
                f"patience {training.patience} does not end the training: the schedule "
                f"{training.schedule} needs all epochs; plateau and constant stop early",
            )
        ]
    return TrainValidationSplit(
        train=train,
        validation=validation,
        weights=None if weights is None else weights[np.asarray(train.ids, np.int64)],
        part=numbered,
        part_weights=weights,
        lines=(*notes, ("training", text), ("validation", chosen)),
        task=task,
        channels=X.channels if isinstance(X, Dataset) else None,
        reading=reading,
    )


def fits_in_closed_form(estimator: EstimatorArguments) -> bool:
    """Whether `fit` solves for the head of the network, and no epochs are trained.

    That is so where all before the head is not trained, each sequence has one target, and nothing
    is asked for that only gradients know: augmentation, smoothed labels, a loss of one's own.
    """
    if estimator._task_type.per_step or is_automatic(estimator):
        return False
    return trains_only_head(as_specs(estimator.network)) and _is_plain(estimator)


def is_automatic(estimator: EstimatorArguments) -> bool:
    """Whether the network is to be chosen."""
    return isinstance(estimator.network, str) and estimator.network.strip() == "auto"


def has_candidates(estimator: EstimatorArguments, train: Dataset) -> bool:
    """Whether there are several networks for such data, of which some can be joined.

    Windows of a series overlap: none can be held out.
    """
    if train.splits_by == "time" or not _is_plain(estimator):
        return False
    is_sigmoid = train.task == "classify" and getattr(estimator, "head", None) == "sigmoid"
    if train.x.is_text and is_sigmoid:  # for which there is one network
        return False
    if estimator._task_type.per_step or train.x.is_text:
        return _can_be_split(train)
    return True


def _can_be_split(train: Dataset) -> bool:
    """Whether some sequences can be set aside without all of what they come from, or of a class."""
    if train.groups is not None and len(np.unique(train.groups)) < 2:
        return False
    one_each = train.task == "classify" and np.unique(train.y, return_counts=True)[1].max() < 2
    return len(train) > 1 and not one_each


def _is_plain(estimator: EstimatorArguments) -> bool:
    """Whether nothing is asked for that only a training of one network knows."""
    options = estimator.training_options
    if estimator._task_type.targets_inside or options.objective or options.metric:
        return False
    steps = as_steps(estimator.prepare)
    return not options.label_smoothing and not any(isinstance(s, Augmentation) for s in steps)


def holds_out(estimator: EstimatorArguments, train: Dataset) -> bool:
    """Whether each training sequence is also predicted by a model that is fitted without it.

    Windows of a series overlap: those are not.
    """
    if is_automatic(estimator):
        return has_candidates(estimator, train)
    return train.splits_by != "time" and fits_in_closed_form(estimator)


def held_out_groups(train: Dataset) -> Any:
    """`[n]`, the training sequences that are held out together; `None`: each alone."""
    several = train.groups is not None and len(np.unique(train.groups)) > 1
    return train.groups if several else None


def held_out_line(train: Dataset) -> str:
    """How training sequences are held out, in words."""
    groups = held_out_groups(train)
    if groups is None:
        return "each sequence, by a model that is fitted without it"
    return f"each of {len(np.unique(groups))} groups, by a model that is fitted without it"


def takes_part(wanted: Any, own: Dataset | None) -> bool:
    """Whether a part is validated with: one that is given or taken aside, or the source's own."""
    if wanted is None or (isinstance(wanted, str) and wanted == "none"):
        return False
    return not isinstance(wanted, str) or wanted != "auto" or own is not None


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


def training_part(data: Dataset) -> tuple[Dataset, Dataset | None, str]:
    """The training part of a source with parts, the validation part if there is one, and a line."""
    if "train" not in data.part_names:
        raise DataError(
            f"The data set has the parts {', '.join(data.part_names)} and none named 'train'."
        )
    train = data.part("train")
    validation = data.part("validation") if "validation" in data.part_names else None
    text = f"{counted(len(train), 'sequence')}, part train"
    if "test" in data.part_names:
        text += f" ({len(data.part('test')):,} of part test are kept for the scores)"
    return train, validation, text


def choose_validation(
    train: Dataset, own: Dataset | None, wanted: Any, seed: int
) -> tuple[Dataset, Dataset | None, str]:
    """Decide what is validated on.

    Args:
        train: the training part.
        own: the validation part, if the source has one.
        wanted: "auto", a share between 0 and 1, a `Dataset`, or `None`.
        seed: of the split.

    Returns:
        What is left for training, the validation set, and a line that says what was chosen.
    """
    if isinstance(wanted, Dataset):
        return train, wanted, f"{counted(len(wanted), 'sequence')} given"
    if wanted is None or wanted == "none":
        return train, None, "none: the last weights are kept"
    if wanted == "auto":
        if own is not None:
            return train, own, f"{counted(len(own), 'sequence')}, the source's own part"
        reason = ""
        few = AUTO_LEAST_OF_A_CLASS
        if len(train) < AUTO_LEAST_SEQUENCES:
            reason = f"fewer than {AUTO_LEAST_SEQUENCES} sequences"
        elif train.task == "classify" and np.unique(train.y, return_counts=True)[1].min() < few:
            reason = f"a class with fewer than {few} sequences"
        elif train.groups is not None and len(np.unique(train.groups)) < 2:
            reason = "one group only"
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
        warn_user(
            f"The {taken} that are set aside for validation have all sequences of class "
            f"{lost}: it cannot be learnt. Give other {taken}, or validation=None."
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


_WHOLE = "a whole number from 1 on"

# For arguments of a constructor: which values are allowed, and what is expected.
_ALLOWED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "epochs": (lambda value: value == "auto" or is_count(value), f"'auto' or {_WHOLE}"),
    "batch_size": (is_count, _WHOLE),
    "learning_rate": (lambda value: is_number(value) and value > 0, "a number above 0"),
    "seed": (lambda value: is_number(value) and isinstance(value, Integral), "a whole number"),
    "device": (lambda value: isinstance(value, str), "auto, cpu or cuda"),
    "classes": (
        lambda value: value is None or (np.iterable(value) and not isinstance(value, str | bytes)),
        "the names of all classes, such as ['no', 'yes'], or None",
    ),
    "head": (lambda value: value in ("softmax", "sigmoid"), "'softmax' or 'sigmoid'"),
    "strategy": (lambda value: value in ("recursive", "direct"), "'recursive' or 'direct'"),
    "size": (is_count, _WHOLE),
    "horizon": (is_count, _WHOLE),
}


def check_arguments(estimator: EstimatorArguments) -> None:
    """Raise `OptionError` for all that is wrong with the constructor's arguments, together."""
    given = estimator.get_params(deep=False)
    problems = [
        f"`{name}` is {given[name]!r}; expected {expected}."
        for name, (allows, expected) in _ALLOWED.items()
        if name in given and not allows(given[name])
    ]
    if problems:
        raise OptionError(" ".join(problems))
    options = estimator.training_options
    if (options.target_ms or options.target_kb) and not is_automatic(estimator):
        warn_of_targets()


def warn_of_targets() -> None:
    """Warn that there is but one network, where targets choose among several."""
    warn_user(
        "target_ms and target_kb choose among the members of network='auto'. Here one network is "
        "fitted, whatever its size and speed."
    )
