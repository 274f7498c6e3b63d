"""What an estimator is made with, as scikit-learn asks for it: by duck typing.

Importing scikit-learn takes longer than a whole prediction may, so nothing is inherited from it;
`clone`, `cross_val_score`, `GridSearchCV` and `Pipeline` work all the same.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from segue.errors import OptionError, did_you_mean
from segue.networks import NetworkLike
from segue.prepare.pipeline import PrepareLike
from segue.sequences import Layout
from segue.training import TrainingOptions

if TYPE_CHECKING:
    from sklearn.utils import Tags


class Parameters:
    """The arguments of a constructor, kept under their names. These are those that all have."""

    network: NetworkLike
    prepare: PrepareLike
    epochs: Any
    batch_size: int
    learning_rate: float
    validation: Any
    seed: int
    device: str
    layout: Layout = "ntc"  # texts and single series have no other
    options: TrainingOptions | None

    @property
    def training_options(self) -> TrainingOptions:
        """`options`, or the defaults."""
        return TrainingOptions() if self.options is None else self.options

    def problems(self) -> list[str]:
        """What is wrong with the constructor's arguments beyond those that all share."""
        return []

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments; nested ones as `options__patience`."""
        values = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        if deep:
            options = self.training_options
            values |= {f"options__{f.name}": getattr(options, f.name) for f in fields(options)}
        return values

    def set_params(self, **values: Any) -> Self:
        """Set arguments, nested ones as `options__patience=5`.

        Raises:
            OptionError: a name that is not there; near misses are suggested.
        """
        known = self.get_params(deep=True)
        for name in values:
            if name not in known:
                raise OptionError(
                    f"{type(self).__name__} has no parameter {name!r}.{did_you_mean(name, known)}"
                )
        for name, value in values.items():
            if "__" not in name:
                setattr(self, name, value)
        nested = {n.partition("__")[2]: value for n, value in values.items() if "__" in n}
        if nested:
            self.options = replace(self.training_options, **nested)
        return self

    def __repr__(self) -> str:
        """The call that makes the estimator; arguments with their default value are left out."""
        arguments = inspect.signature(type(self)).parameters.values()
        values = self.get_params(deep=False)
        changed = [
            f"{argument.name}={values[argument.name]!r}"
            for argument in arguments
            if argument.default is argument.empty
            or repr(values[argument.name]) != repr(argument.default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"


def check_arguments(estimator: Parameters) -> None:
    """Raise `OptionError` for all that is wrong with the constructor's arguments, together."""
    problems = []
    if estimator.epochs != "auto" and not is_whole(estimator.epochs, least=1):
        problems.append(
            f"`epochs` is {estimator.epochs!r}; expected 'auto' or a whole number from 1 on."
        )
    if not is_whole(estimator.batch_size, least=1):
        problems.append(
            f"`batch_size` is {estimator.batch_size!r}; expected a whole number from 1 on."
        )
    rate = estimator.learning_rate
    is_number = isinstance(rate, int | float | np.integer | np.floating)
    if not is_number or isinstance(rate, bool) or not rate > 0:
        problems.append(f"`learning_rate` is {rate!r}; expected a number above 0.")
    if not is_whole(estimator.seed):
        problems.append(f"`seed` is {estimator.seed!r}; expected a whole number.")
    problems += estimator.problems()
    if problems:
        raise OptionError(" ".join(problems))


def is_whole(value: Any, least: float = -math.inf) -> bool:
    """Whether a value is a whole number from `least` on; NumPy's too, and not True.

    >>> is_whole(3), is_whole(np.int64(0), least=1), is_whole(3.0), is_whole(True)
    (True, False, False, False)
    """
    is_number = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return is_number and bool(value >= least)


def sklearn_tags(
    estimator_type: str | None,
    *,
    needs_targets: bool = True,
    several_labels: bool = False,
    texts: bool = False,
) -> Tags:
    """What scikit-learn is told of an estimator.

    Args:
        estimator_type: "classifier", "regressor", or `None` for what scikit-learn does not know.
        needs_targets: whether `fit` needs `y`.
        several_labels: whether a classifier takes several labels at once.
        texts: whether the inputs are texts, else arrays `(n, time, channel)`.
    """
    from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

    inputs = InputTags(three_d_array=True, allow_nan=True)
    return Tags(
        estimator_type=estimator_type,
        target_tags=TargetTags(required=needs_targets),
        classifier_tags=(
            ClassifierTags(multi_label=several_labels) if estimator_type == "classifier" else None
        ),
        regressor_tags=RegressorTags() if estimator_type == "regressor" else None,
        input_tags=InputTags(two_d_array=False, string=True) if texts else inputs,
    )
