"""The table of estimators, and loading a fitted one from a model file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from segue.errors import (
    DataError,
    DataNotFoundError,
    ModelFileError,
    OptionError,
    did_you_mean,
    refuse_pointer,
)
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.classifier import SequenceClassifier
from segue.estimators.ensemble import SequenceEnsemble
from segue.estimators.files import (
    Description,
    EnsembleDescription,
    ensemble_name,
    member_name,
    read,
)
from segue.estimators.forecaster import Forecaster
from segue.estimators.labeler import SequenceLabeler
from segue.estimators.language import LanguageModel
from segue.estimators.regressor import SequenceRegressor
from segue.estimators.restoring import restore_result
from segue.kernels import forward
from segue.layers import LayerSpec
from segue.layers.custom import is_torch_module
from segue.networks import (
    NetworkLike,
    as_specs,
    specs_from_json,
)
from segue.spec import to_text
from segue.tensorfile import Tensors
from segue.training import TrainingOptions

# By the name of the class, as a model file has it; and by that of the task, on the command line.
BY_NAME: dict[str, type[BaseSequenceEstimator]] = {
    kind.__name__: kind
    for kind in (SequenceClassifier, SequenceLabeler, SequenceRegressor, Forecaster, LanguageModel)
}
KNOWN: dict[str, type] = {**BY_NAME, "SequenceEnsemble": SequenceEnsemble}

BY_TASK = {kind.task: kind for kind in BY_NAME.values()}

STEP_GRAPH = (
    'is the graph of one step, which ONNX Runtime runs by a script such as that of "One step at a '
    'time" in docs/how-to/where-your-model-can-go.md. `segue stream` takes the run that it was '
    "exported from, or its model.safetensors."
)
_ONNX = (
    "is an ONNX file: `segue predict` and `segue info` take it, and in Python "
    "segue.weights.OnnxModel. What else there is takes the run that it was exported from, or its "
    "model.safetensors."
)


def estimator_for(task: str | None, found: str) -> type[BaseSequenceEstimator]:
    """Return the estimator of a task, or that for which a data set has targets.

    Args:
        task: classify, label, regress, forecast or language; `None`: that of the data.
        found: the task of the data set.

    Raises:
        OptionError: there is no such task.
        DataError: the data have no targets, and no task is named.

    >>> estimator_for(None, "multilabel").__name__, estimator_for("forecast", "none").__name__
    ('SequenceClassifier', 'Forecaster')
    """
    if task is None:
        if found == "none":
            raise DataError(
                "These sequences have no targets. To learn labels or numbers name the column that "
                "holds them: label='NAME'; to learn how sequences go on: task='forecast', or of "
                "texts task='language'."
            )
        task = "classify" if found == "multilabel" else found
    if task not in BY_TASK:
        raise OptionError(f"There is no task {task!r}.{did_you_mean(task, BY_TASK)}")
    return BY_TASK[task]


def load(
    path: str | Path, *, network: NetworkLike | Callable[[], NetworkLike] | None = None
) -> Any:
    """Read a fitted estimator from a model file or a run's folder.

    Args:
        path: the file or folder.
        network: for a model with a module or cell of your own, which no file can bring: the layers
            that it was made with, or a function that gives them. Their weights come from the file.

    Returns:
        The estimator that was saved, of its own class.

    Raises:
        DataNotFoundError: there is no such file.
        ModelFileError: not a model of segue, damaged, or of a newer format.
        OptionError: `SEGUE_KERNELS` names a path that is not to be had.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.safetensors"
    if not path.is_file():
        raise DataNotFoundError("there is no such model file.", path=path)
    refuse_pointer(path, ModelFileError)
    try:
        description, tensors = read(path)
    except ModelFileError as error:
        if path.suffix.lower() != ".onnx":
            raise
        is_step = path.name.lower().endswith(".step.onnx")
        raise ModelFileError(STEP_GRAPH if is_step else _ONNX, path=path) from error
    layers = _given(network)
    forward.backend()  # a path that cannot be had is no fault of the file
    try:
        if isinstance(description, EnsembleDescription):
            return SequenceEnsemble(_members(description, tensors, layers))
        return _restore(description, tensors, layers)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ModelFileError(
            f"its description does not hold together: {error}", path=path
        ) from error


def _members(
    description: EnsembleDescription,
    tensors: Tensors,
    layers: tuple[LayerSpec, ...] | None,
) -> Iterator[Any]:
    for number, entry in enumerate(description.members, start=1):
        if description.estimator != ensemble_name(entry.estimator):
            raise DataError(f"a {description.estimator} has no member {entry.estimator}.")
        begin = f"{member_name(number)}/"
        own = {name: tensors.pop(name) for name in list(tensors) if name.startswith(begin)}
        yield _restore(entry, {n.removeprefix(begin): t for n, t in own.items()}, layers)
    if tensors:
        raise DataError(f"it has weights of no member: {', '.join(sorted(tensors)[:5])}.")


def _given(network: Any) -> tuple[LayerSpec, ...] | None:
    if callable(network) and not is_torch_module(network):
        network = network()
    return None if network is None else as_specs(network)


def _restore(
    description: Description,
    tensors: Tensors,
    layers: tuple[LayerSpec, ...] | None,
) -> BaseSequenceEstimator:
    kind: Any = BY_NAME.get(description.estimator)
    if kind is None:
        raise DataError(
            f"there is no estimator {description.estimator!r}."
            f"{did_you_mean(description.estimator, BY_NAME)}"
        )
    given = description.parameters.model_dump(exclude_none=True)
    layers = _matching(layers, description.network)
    specs = specs_from_json(description.network) if layers is None else layers
    options = TrainingOptions.from_json(given.pop("options"))
    if isinstance(given.get("class_weight"), list):
        given["class_weight"] = dict(given["class_weight"])
    estimator: BaseSequenceEstimator = kind(
        network=to_text(specs) if layers is None else layers,
        options=None if options == TrainingOptions() else options,
        **{"validation": None, **given},
    )
    result = restore_result(description, tensors, estimator, specs)
    return estimator._take(result)


def _matching(
    layers: tuple[LayerSpec, ...] | None, network: list[dict[str, Any]]
) -> tuple[LayerSpec, ...] | None:
    """The given layers of a file's network, without a head that is written out behind them."""
    if layers is None:
        return None
    chosen = layers[: len(network)]
    if [spec.to_json() for spec in chosen] != network or (len(layers) > len(network) + 2):
        raise DataError(f"the file is of the network {network}, and another was given.")
    return chosen
