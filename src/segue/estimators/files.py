"""A fitted estimator in one safetensors file: weights, and JSON of a closed schema.

Nothing in such a file can run: tensors are numbers, the description is checked field by field, and
unknown kinds and fields are refused by name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pydantic
import safetensors
import safetensors.torch
import torch

from segue._version import __version__
from segue.atomic import replacing
from segue.errors import ModelFileError

if TYPE_CHECKING:
    from segue.estimators.classifier import SequenceClassifier

FORMAT = 1

Names = list[str] | list[int] | list[float] | list[bool]


class _Closed(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)


class _Shape(_Closed):
    features: int
    length: int | None = None
    tokens: int | None = None


class _Parameters(_Closed):
    prepare: str
    epochs: Literal["auto"] | int
    batch_size: int
    learning_rate: float
    validation: Literal["auto"] | float | None
    class_weight: Literal["balanced"] | list[tuple[str | int | float | bool, float]] | None
    head: Literal["softmax", "sigmoid"]
    classes: Names | None = None
    seed: int
    device: str
    layout: Literal["ntc", "nct", "tc", "ct"]
    options: dict[str, str | int | float | None]


class Description(_Closed):
    """The JSON of a model file."""

    format: int
    segue: str
    estimator: Literal["SequenceClassifier"]
    network: list[dict[str, Any]]
    input_shape: _Shape
    preparation: dict[str, Any]
    classes: Names
    class_counts: list[int]
    parameters: _Parameters
    history: list[dict[str, float]]
    best_epoch: int | None
    stopped: str
    training_summary: list[tuple[str, str]]


def save_classifier(classifier: SequenceClassifier, path: str | Path) -> None:
    """Write the file, whole or not at all."""
    text = describe(classifier).model_dump_json()
    weights = classifier.network_.weight_tensors()
    tensors = {name: w.detach().cpu().contiguous().clone() for name, w in weights.items()}
    content = safetensors.torch.save(tensors, {"segue": text})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def describe(classifier: SequenceClassifier) -> Description:
    """The description of a fitted classifier."""
    params = classifier.get_params(deep=False)
    weight = params["class_weight"]
    validation = params["validation"]
    shape = classifier.network_.input_shape
    return Description(
        format=FORMAT,
        segue=__version__,
        estimator="SequenceClassifier",
        network=[spec.to_json() for spec in classifier.network_.specs],
        input_shape=_Shape(features=shape.features, length=shape.length, tokens=shape.tokens),
        preparation=classifier.preparation_.to_json(),
        classes=classifier.classes_.tolist(),
        class_counts=list(classifier.class_counts_.values()),
        parameters=_Parameters(
            prepare=params["prepare"]
            if isinstance(params["prepare"], str)
            else str(classifier.preparation_),
            epochs="auto" if params["epochs"] == "auto" else int(params["epochs"]),
            batch_size=int(params["batch_size"]),
            learning_rate=float(params["learning_rate"]),
            validation=validation if validation in ("auto", None) else _share(validation),
            class_weight=list(weight.items()) if isinstance(weight, dict) else weight,
            head=params["head"],
            classes=None if params["classes"] is None else np.asarray(params["classes"]).tolist(),
            seed=int(params["seed"]),
            device=params["device"],
            layout=params["layout"],
            options=vars(classifier.training_options),
        ),
        history=classifier.history_.rows,
        best_epoch=classifier.history_.best_epoch,
        stopped=classifier.stopped_,
        training_summary=classifier.training_summary_,
    )


def _share(validation: Any) -> float | None:
    """A data set that was given for validation is not kept."""
    return float(validation) if isinstance(validation, int | float) else None


def read(path: Path) -> tuple[Description, dict[str, torch.Tensor]]:
    """Read and check the description, and the weights.

    Raises:
        ModelFileError: not a model of segue, damaged, or of a newer format.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("segue")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ModelFileError(
            f"is not a whole safetensors file ({error}). Copy it again, or train again.", path=path
        ) from error
    if text is None:
        raise ModelFileError(
            "is a safetensors file, but not one that segue wrote: it has no description.", path=path
        )
    try:
        facts = json.loads(text)
        if isinstance(facts, dict) and int(facts.get("format", 0)) > FORMAT:
            raise ModelFileError(
                f"has format {facts['format']}, written by segue {facts.get('segue')}; this is "
                f"segue {__version__}, which reads up to format {FORMAT}. Update segue.",
                path=path,
            )
        return Description.model_validate_json(text), tensors
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(
            f"its description is not valid: {_first_line(error)}", path=path
        ) from error


def _first_line(error: Exception) -> str:
    if isinstance(error, pydantic.ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}"
            for e in error.errors(include_url=False)[:5]
        )
    return str(error)
