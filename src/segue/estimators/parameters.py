"""Constructor arguments of estimators: `get_params`, `set_params` and scikit-learn's tags.

Importing scikit-learn takes longer than a whole prediction may, so nothing is inherited from it;
`clone`, `cross_val_score`, `GridSearchCV` and `Pipeline` work all the same.
"""

from __future__ import annotations

import abc
import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Layout
from segue.errors import DataError, OptionError, did_you_mean, is_whole
from segue.estimators.inputs import as_dataset, as_pair
from segue.networks import NetworkLike
from segue.prepare.pipeline import PrepareLike
from segue.tasks import TASKS, Task
from segue.training import TrainingOptions

if TYPE_CHECKING:
    from sklearn.utils import Tags


class EstimatorParameters(abc.ABC):
    """The arguments of a constructor, kept under their names, and what each task does with them.

    Class attributes:
        task: as on the command line: classify, label, regress, forecast or language.
        tasks: of the data sets that it is trained on, as in `Dataset.task`.
        score_name: what `score` returns: accuracy, r2 or log_probability.
    """

    task: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]
    score_name: ClassVar[str]
    _task_type: ClassVar[type[Task]]

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

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        kind: type[Task] | None = getattr(cls, "_task_type", None)
        if kind is not None:
            cls.task, cls.tasks, cls.score_name = kind.name, kind.data_tasks, kind.score_name

    @property
    def training_options(self) -> TrainingOptions:
        """`options`, or the defaults."""
        return TrainingOptions() if self.options is None else self.options

    def _task_kind(self, name: str) -> type[Task]:
        """The type of task of a data set or a model file with such a `task`."""
        kind = TASKS.get(name, Task)
        return kind if issubclass(kind, self._task_type) else self._task_type

    @property
    def _task_options(self) -> dict[str, Any]:
        """The arguments that the task has as attributes."""
        return {name: getattr(self, name) for name in self._task_type.options}

    # -- data and targets -------------------------------------------------------------------------

    def _as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset:  # noqa: N803
        """Join what the user passes to a data set."""
        return as_dataset(X, y, groups=groups, layout=self.layout)

    def _as_validation(self, given: Any, reading: Mapping[str, Any] | None) -> Dataset:
        """Take what the user passes as `validation_data`: a `Dataset`, or a pair (X, y).

        Raises:
            DataError: something else.
        """
        if isinstance(given, Dataset):
            return self._as_dataset(given, None)
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise DataError(
                f"`validation_data` is {type(given).__name__}; expected a Dataset or a pair (X, y)."
            )
        x, y = given
        return self._as_dataset(*as_pair(x, y, reading))

    def _as_weights(self, sample_weight: Any) -> Any:
        """Take what the user passes as `sample_weight`: `[n]`, to be indexed like a data set."""
        return np.asarray(sample_weight, float)

    # -- scikit-learn's contract ------------------------------------------------------------------

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

    def __sklearn_tags__(self) -> Tags:
        """The tags of scikit-learn: the type of estimator, and what it takes."""
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        task, arrays = self._task_type, InputTags(three_d_array=True, allow_nan=True)
        several = getattr(self, "head", "softmax") == "sigmoid"
        is_classifier = task.sklearn_type == "classifier"
        is_regressor = task.sklearn_type == "regressor"
        return Tags(
            estimator_type=task.sklearn_type,
            target_tags=TargetTags(required=not task.targets_inside),
            classifier_tags=ClassifierTags(multi_label=several) if is_classifier else None,
            regressor_tags=RegressorTags() if is_regressor else None,
            input_tags=arrays if task.takes_numbers else InputTags(two_d_array=False, string=True),
        )

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


_WHOLE = "a whole number from 1 on"

# For an argument: which values are allowed, and what is expected.
_ALLOWED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "epochs": (
        lambda value: value == "auto" or is_whole(value, least=1),
        f"'auto' or {_WHOLE}",
    ),
    "batch_size": (lambda value: is_whole(value, least=1), _WHOLE),
    "learning_rate": (
        lambda value: (
            isinstance(value, int | float | np.integer | np.floating)
            and not isinstance(value, bool)
            and bool(value > 0)
        ),
        "a number above 0",
    ),
    "seed": (is_whole, "a whole number"),
    "head": (lambda value: value in ("softmax", "sigmoid"), "'softmax' or 'sigmoid'"),
    "strategy": (lambda value: value in ("recursive", "direct"), "'recursive' or 'direct'"),
    "size": (lambda value: is_whole(value, least=1), _WHOLE),
    "horizon": (lambda value: is_whole(value, least=1), _WHOLE),
}


def check_arguments(estimator: EstimatorParameters) -> None:
    """Raise `OptionError` for all that is wrong with the constructor's arguments, together."""
    problems = [
        f"`{name}` is {value!r}; expected {expected}."
        for name, (allows, expected) in _ALLOWED.items()
        if not allows(value := getattr(estimator, name, None)) and hasattr(estimator, name)
    ]
    if problems:
        raise OptionError(" ".join(problems))
