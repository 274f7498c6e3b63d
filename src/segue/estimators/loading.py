"""From a model file back to a fitted estimator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from segue.errors import DataError, DataNotFoundError, ModelFileError
from segue.estimators.classifier import SequenceClassifier
from segue.estimators.files import Description, read
from segue.layers import Shape
from segue.networks import Network, specs_from_json
from segue.prepare import Preparation
from segue.spec import to_text
from segue.training import History, TrainingOptions


def load(path: str | Path) -> SequenceClassifier:
    """Read a fitted estimator from a model file or a run's folder.

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


def _restore(description: Description, tensors: dict[str, torch.Tensor]) -> SequenceClassifier:
    given = description.parameters
    weight = given.class_weight
    options = TrainingOptions(**given.options)  # type: ignore[arg-type]
    classifier = SequenceClassifier(
        to_text(specs_from_json(description.network)),
        prepare=given.prepare,
        epochs=given.epochs,
        batch_size=given.batch_size,
        learning_rate=given.learning_rate,
        validation=given.validation,
        class_weight=dict(weight) if isinstance(weight, list) else weight,
        head=given.head,
        classes=given.classes,
        seed=given.seed,
        device=given.device,
        layout=given.layout,
        options=None if options == TrainingOptions() else options,
    )
    classifier.classes_ = np.asarray(description.classes)
    names = classifier.classes_.tolist()
    classifier.class_counts_ = dict(zip(names, description.class_counts, strict=True))
    classifier.preparation_ = Preparation.from_json(description.preparation)
    classifier.network_ = _restore_network(classifier, description, tensors)
    classifier.n_features_in_ = classifier.preparation_.channels_in
    classifier.history_ = History(description.history, description.best_epoch)
    classifier.stopped_ = description.stopped
    classifier.training_summary_ = description.training_summary
    return classifier


def _restore_network(
    classifier: SequenceClassifier, description: Description, tensors: dict[str, torch.Tensor]
) -> Network:
    """Build the network only where the file has just its weights: none, and no memory, on trust."""
    shape = description.input_shape
    if shape.features != classifier.preparation_.channels_out:
        raise DataError(
            f"the network takes {shape.features} channels and the preparation gives "
            f"{classifier.preparation_.channels_out}."
        )
    given = Shape(shape.features, length=shape.length, tokens=shape.tokens)
    try:
        with torch.device("meta"):
            plan = classifier._build(given, torch.device("meta")).weight_tensors()
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
    network = classifier._build(given, torch.device("cpu"))
    network.set_weights({name: tensor.numpy() for name, tensor in tensors.items()})
    return network
