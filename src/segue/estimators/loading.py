"""From a model file back to a fitted estimator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from segue.errors import DataError, DataNotFoundError, ModelFileError, did_you_mean
from segue.estimators.base import SequenceEstimator
from segue.estimators.classifier import SequenceClassifier
from segue.estimators.files import Description, read
from segue.estimators.forecaster import Forecaster
from segue.estimators.labeler import SequenceLabeler
from segue.estimators.regressor import SequenceRegressor
from segue.layers import Shape
from segue.networks import Network, specs_from_json
from segue.prepare import Preparation
from segue.spec import to_text
from segue.training import History, TrainingOptions

# What a model file may hold, by the name of its class.
ESTIMATORS: dict[str, type[SequenceEstimator]] = {
    kind.__name__: kind
    for kind in (SequenceClassifier, SequenceLabeler, SequenceRegressor, Forecaster)
}


def load(path: str | Path) -> Any:
    """Read a fitted estimator from a model file or a run's folder.

    Returns:
        The estimator that was saved, of its own class.

    Raises:
        DataNotFoundError: there is no such file.
        ModelFileError: not a model of segue, damaged, or of a newer format.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.safetensors"
    if not path.is_file():
        raise DataNotFoundError("there is no such model file.", path=path)
    description, tensors = read(path)
    try:
        return _restore(description, tensors)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ModelFileError(
            f"its description does not hold together: {error}", path=path
        ) from error


def _restore(description: Description, tensors: dict[str, torch.Tensor]) -> SequenceEstimator:
    kind: Any = ESTIMATORS.get(description.estimator)
    if kind is None:
        raise DataError(
            f"there is no estimator {description.estimator!r}."
            f"{did_you_mean(description.estimator, ESTIMATORS)}"
        )
    given = description.parameters.model_dump(exclude_unset=True)
    options = TrainingOptions(**given.pop("options"))
    if isinstance(given.get("class_weight"), list):
        given["class_weight"] = dict(given["class_weight"])
    estimator: SequenceEstimator = kind(
        network=to_text(specs_from_json(description.network)),
        options=None if options == TrainingOptions() else options,
        **{"validation": None, **given},
    )
    estimator.restore_facts(description.targets.model_dump(exclude_none=True))
    estimator.preparation_ = Preparation.from_json(description.preparation)
    estimator.network_ = _restore_network(estimator, description, tensors)
    estimator.n_features_in_ = estimator.preparation_.channels_in
    refit = None if description.refit is None else History(description.refit)
    estimator.history_ = History(description.history, description.best_epoch, refit)
    estimator.stopped_ = description.stopped
    estimator.training_summary_ = description.training_summary
    return estimator


def _restore_network(
    estimator: SequenceEstimator, description: Description, tensors: dict[str, torch.Tensor]
) -> Network:
    """Build the network only where the file has just its weights: none, and no memory, on trust."""
    shape = description.input_shape
    if shape.features != estimator.preparation_.channels_out:
        raise DataError(
            f"the network takes {shape.features} channels and the preparation gives "
            f"{estimator.preparation_.channels_out}."
        )
    given = Shape(shape.features, length=shape.length, tokens=shape.tokens)
    try:
        with torch.device("meta"):
            plan = estimator.build_network(given, torch.device("meta")).weight_tensors()
    except RuntimeError as error:
        raise DataError(f"no such network can be built ({error}).") from error
    expected = {name: tuple(weight.shape) for name, weight in plan.items()}
    found = {name: tuple(weight.shape) for name, weight in tensors.items()}
    wrong = sorted(n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n))
    if wrong:
        raise DataError(
            "the description and the weights differ: "
            + "; ".join(f"{n} is {found.get(n)}, not {expected.get(n)}" for n in wrong[:5])
        )
    network = estimator.build_network(given, torch.device("cpu"))
    network.set_weights({name: tensor.numpy() for name, tensor in tensors.items()})
    return network
