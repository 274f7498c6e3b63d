"""From a model file back to a fitted estimator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from segue.errors import DataError, DataNotFoundError, ModelFileError, SpecError
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
    except (SpecError, DataError, ValueError, KeyError, TypeError) as error:
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
        seed=given.seed,
        device=given.device,
        layout=given.layout,
        options=None if options == TrainingOptions() else options,
    )
    classifier.classes_ = np.asarray(description.classes)
    names = classifier.classes_.tolist()
    classifier.class_counts_ = dict(zip(names, description.class_counts, strict=True))
    classifier.preparation_ = Preparation.from_json(description.preparation)
    shape = description.input_shape
    classifier.network_ = classifier._build(
        Shape(shape.features, length=shape.length, tokens=shape.tokens), torch.device("cpu")
    )
    _fill(classifier.network_, tensors)
    classifier.n_features_in_ = classifier.preparation_.channels_in
    classifier.history_ = History(description.history, description.best_epoch)
    classifier.stopped_ = description.stopped
    classifier.training_summary_ = description.training_summary
    return classifier


def _fill(network: Network, tensors: dict[str, torch.Tensor]) -> None:
    absent = sorted(set(network.weight_tensors()) - set(tensors))
    if absent:
        raise DataError(f"weights are missing: {', '.join(absent)}.")
    network.set_weights({name: tensor.numpy() for name, tensor in tensors.items()})
