"""Model files: a fitted estimator as safetensors weights with JSON of a closed schema.

Nothing in such a file can run: tensors are numbers, the description is checked field by field, and
unknown kinds and fields are refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import pydantic

from segue import tensorfile
from segue._version import __version__
from segue.errors import DataError, ModelFileError, fields_refused, warn_user
from segue.estimators.fingerprint import SALT_BYTES, SeenSequences
from segue.networks import current_json
from segue.tasks import Task
from segue.tensorfile import Tensors
from segue.training.closed_form import HeldOut

FORMAT = 2  # format 1 has other names of some fields (`_from_format_1`)

# What the files of other programs end in, which segue does not write.
_FOREIGN = (".h5", ".hdf5", ".keras", ".mat", ".onnx", ".pkl", ".pt", ".pth", ".tflite")

# What the names of hashes, and of predictions for what was held out, begin with among the tensors:
# no layer's name begins with a dot.
_SEEN, _HELD_OUT = ".seen/", ".held_out/"

# The name of an ensemble in a file, where it is not that of the members with "Ensemble" behind it.
_ENSEMBLES = {
    "SequenceClassifier": "SequenceEnsemble",
    "SequenceLabeler": "LabelerEnsemble",
    "SequenceRegressor": "RegressorEnsemble",
}
_Item = TypeVar("_Item")


class _FailFast(pydantic.FailFast):
    """Of a list, the first wrong item is named, not each of a million."""

    __hash__ = object.__hash__  # for unions


ListOf = Annotated[list[_Item], _FailFast()]
# How a source was read: options, and columns with their kinds and roles.
Reading = str | int | float | bool | ListOf[str] | ListOf[int] | ListOf[dict[str, str]] | None
Names = ListOf[str] | ListOf[int] | ListOf[float] | ListOf[bool]


class _Closed(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)


class _Shape(_Closed):
    features: int
    length: int | None = None
    tokens: int | None = None


class _Parameters(_Closed):
    prepare: str
    epochs: Literal["auto"] | int
    batch_size: int
    learning_rate: float
    validation: Literal["auto"] | float | None = None
    class_weight: Literal["balanced"] | ListOf[tuple[str | int | float | bool, float]] | None = None
    head: Literal["softmax", "sigmoid"] | None = None
    scale_target: bool | None = None
    ignore: str | int | float | None = None
    classes: Names | None = None
    seed: int
    device: str
    layout: Literal["ntc", "nct", "tc", "ct"] | None = None
    size: int | None = None
    horizon: int | None = None
    strategy: Literal["recursive", "direct"] | None = None
    options: dict[str, str | int | float | bool | ListOf[str] | None]


class _Scale(_Closed):
    mean: ListOf[float]
    scale: ListOf[float]


class _Targets(_Closed):
    """The state of an estimator's targets; each estimator has some of these."""

    classes: Names | None = None
    class_counts: ListOf[int] | None = None
    task: Literal["classify", "multilabel"] | None = None
    sequences: int | None = None
    mean: ListOf[float] | None = None
    scale: ListOf[float] | None = None
    shape: ListOf[int] | None = None
    linear: ListOf[ListOf[float]] | None = None
    ends: ListOf[ListOf[ListOf[float | None]]] | None = None
    one_series: bool | None = None
    token_counts: ListOf[int] | None = None


class _Seen(_Closed):
    """The salt of the hashes of the sequences that were seen; the hashes are tensors."""

    salt: str = pydantic.Field(pattern=rf"^[0-9a-f]{{{2 * SALT_BYTES}}}$")


class Description(_Closed):
    """The JSON of a model file."""

    format: int
    segue: str
    estimator: str
    network: ListOf[dict[str, Any]]
    input_shape: _Shape
    preparation: dict[str, Any]
    static: _Scale | None = None
    channels: ListOf[str] | None = None
    reading: dict[str, Reading] | None = None
    targets: _Targets
    parameters: _Parameters
    history: ListOf[dict[str, float]]
    best_epoch: int | None = None
    refit: ListOf[dict[str, float]] | None = None
    stopped: str
    training_summary: ListOf[tuple[str, str]]
    seen: ListOf[_Seen] | None = None


class EnsembleDescription(_Closed):
    """The JSON of the file of an ensemble: that of each member."""

    format: int
    segue: str
    estimator: str
    members: ListOf[Description] = pydantic.Field(min_length=1)


def save(estimator: Any, path: str | Path, *, record: bool = True) -> None:
    """Write the file, whole or not at all.

    Args:
        estimator: fitted.
        path: the file.
        record: whether hashes of the sequences that were trained on are kept with the model.
    """
    write(path, describe(estimator, record=record), tensors_of(estimator, record=record))


def save_ensemble(members: Sequence[Any], path: str | Path, *, record: bool = True) -> None:
    """Write the file of an ensemble; the arguments are as in `save`."""
    description = EnsembleDescription(
        format=FORMAT,
        segue=__version__,
        estimator=ensemble_name(type(members[0]).__name__),
        members=[describe(member, record=record) for member in members],
    )
    tensors = {
        f"{member_name(number)}/{name}": tensor
        for number, member in enumerate(members, start=1)
        for name, tensor in tensors_of(member, record=record).items()
    }
    write(path, description, tensors)


def ensemble_name(kind: str) -> str:
    """The name in a file of an ensemble of estimators of that name."""
    return _ENSEMBLES.get(kind, f"{kind}Ensemble")


def member_name(number: int) -> str:
    """The prefix of a member's weights in a file; members count from 1."""
    return f"member_{number}"


def write(
    path: str | Path,
    description: Description | EnsembleDescription,
    tensors: Tensors,
) -> None:
    """Write a description and tensors, whole or not at all."""
    if (kind := Path(path).suffix.lower()) in _FOREIGN:
        warn_user(f"{path} is written as safetensors, whatever its name says: no {kind} file.")
    text = description.model_dump_json(exclude_none=True)
    tensorfile.write(path, tensorfile.to_bytes(text, tensors))


def tensors_of(estimator: Any, *, record: bool) -> Tensors:
    """Copies of the weights, as a file takes them, and the hashes of what was seen."""
    found: Tensors = estimator.network_.get_weights()
    for number, seen in enumerate((estimator.seen_ or ()) if record else ()):
        for name, hashes in (("train", seen.train), ("validation", seen.validation)):
            found[_seen_name(number, name)] = hashes
    if estimator.held_out_ is not None:
        outputs, targets = estimator.held_out_.outputs, estimator.held_out_.targets
        found[f"{_HELD_OUT}outputs"] = outputs.astype(np.float32)
        is_number = targets.dtype.kind in "iub"
        found[f"{_HELD_OUT}targets"] = targets.astype(np.int64 if is_number else np.float64)
    return found


def weights_in(tensors: Tensors) -> Tensors:
    """The weights among the tensors of a file."""
    others = _SEEN, _HELD_OUT
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(others)}


def held_out_in(task: Task, tensors: Tensors) -> HeldOut | None:
    """The predictions for training sequences that were held out, of a file; `None`: it has none.

    Raises:
        DataError: others than the task has, or only a part of them.
    """
    given = {n.removeprefix(_HELD_OUT): t for n, t in tensors.items() if n.startswith(_HELD_OUT)}
    if not given:
        return None
    if given.keys() != {"outputs", "targets"}:
        raise DataError("the predictions for what was held out are not whole.")
    found = HeldOut(given["outputs"], given["targets"])
    task.check_held_out(found.outputs, found.targets)
    return found


def seen_in(description: Description, tensors: Tensors) -> tuple[SeenSequences, ...] | None:
    """The record of what was seen, of the tensors of a file; `None`: it has none.

    Raises:
        DataError: hashes that are missing, no hashes, or more than there are records.
    """
    salts = [entry.salt for entry in description.seen or ()]
    wanted = {_seen_name(n, part) for n in range(len(salts)) for part in ("train", "validation")}
    hashes = {name: tensor for name, tensor in tensors.items() if name.startswith(_SEEN)}
    sound = all(one.ndim == 1 and one.dtype == np.int64 for one in hashes.values())
    if hashes.keys() != wanted or not sound:
        raise DataError("the hashes of the sequences that were seen are missing or damaged.")
    if description.seen is None:
        return None
    return tuple(
        SeenSequences(
            bytes.fromhex(salt),
            hashes[_seen_name(number, "train")],
            hashes[_seen_name(number, "validation")],
        )
        for number, salt in enumerate(salts)
    )


def _seen_name(number: int, part: str) -> str:
    return f"{_SEEN}{number}/{part}"


def describe(estimator: Any, *, record: bool) -> Description:
    """The description of a fitted estimator, with or without the record of what was seen."""
    shape = estimator.network_.input_shape
    return Description(
        format=FORMAT,
        segue=__version__,
        estimator=type(estimator).__name__,
        network=[spec.to_json() for spec in estimator.network_.specs],
        input_shape=_Shape(features=shape.features, length=shape.length, tokens=shape.tokens),
        preparation=estimator.preparation_.to_json(),
        static=None if estimator.static_ is None else _Scale(**estimator.static_.to_json()),
        channels=None if estimator.channels_ is None else list(estimator.channels_),
        reading=_lasting(estimator.reading_),
        targets=_Targets(**estimator.task_.to_json()),
        parameters=_parameters(estimator),
        history=_untimed(estimator.history_.rows),
        best_epoch=estimator.history_.best_epoch,
        refit=None if estimator.history_.refit is None else _untimed(estimator.history_.refit.rows),
        stopped=estimator.stopped_,
        training_summary=[pair for pair in estimator.training_summary_ if pair[0] != "time"],
        seen=None
        if estimator.seen_ is None or not record
        else [_Seen(salt=seen.salt.hex()) for seen in estimator.seen_],
    )


def _untimed(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """Rows without the seconds, so that equal trainings give equal files; a run keeps them."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def _lasting(reading: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """How to read other sources; what each column of this one held stays with its data set."""
    if reading is None:
        return None
    columns = reading.get("columns")
    return {n: v for n, v in reading.items() if n != "columns" or not isinstance(columns, list)}


def _parameters(estimator: Any) -> _Parameters:
    """The constructor's arguments as plain JSON."""
    given = estimator.get_params(deep=False)
    given.pop("network")
    options = estimator.training_options
    prepare, validation, weight = given["prepare"], given["validation"], given.get("class_weight")
    plain = {
        "prepare": prepare if isinstance(prepare, str) else str(estimator.preparation_),
        "epochs": "auto" if given["epochs"] == "auto" else int(given["epochs"]),
        "batch_size": int(given["batch_size"]),
        "learning_rate": float(given["learning_rate"]),
        "validation": validation if validation in ("auto", None) else _share(validation),
        "seed": int(given["seed"]),
        "options": options.to_json(),
    }
    if isinstance(weight, dict):
        plain["class_weight"] = list(weight.items())
    if given.get("classes") is not None:
        plain["classes"] = np.asarray(given["classes"]).tolist()
    return _Parameters(**{**given, **plain})


def _share(validation: Any) -> float | None:
    """A data set that was given for validation is not kept."""
    return float(validation) if isinstance(validation, int | float) else None


_FRAMEWORKS = {".keras": "Keras", ".h5": "Keras", ".mat": "MATLAB", ".pt": "PyTorch"}


def _not_ours(path: Path, error: str) -> str:
    """What to do with a file that is no model of segue."""
    framework = _FRAMEWORKS.get(path.suffix.lower().replace(".pth", ".pt"))
    if framework is not None:
        return (
            f"is a file of {framework} by its ending, and no model of segue: `segue import {path} "
            "--out model.safetensors` makes one of it (in Python segue.weights)."
        )
    return (
        f"{error}. Expected a file that `save` has written: copy it again if it is one, or "
        "train again. Weights of PyTorch come by `segue import`; data are read with `segue.read`."
    )


def read(path: Path) -> tuple[Description | EnsembleDescription, Tensors]:
    """Read and check the description, and the weights.

    Raises:
        ModelFileError: not a model of segue, damaged, or of a newer format.
    """
    try:
        text, tensors, is_checked = tensorfile.read(path)
    except ValueError as error:
        raise ModelFileError(_not_ours(path, str(error)), path=path) from error
    try:
        facts = tensorfile.from_json(text)
        if isinstance(facts, dict) and int(facts.get("format", 0)) > FORMAT:
            raise ModelFileError(
                f"has format {facts['format']}, written by segue {facts.get('segue')}; this is "
                f"segue {__version__}, which reads up to format {FORMAT}. Update segue.",
                path=path,
            )
        several = isinstance(facts, dict) and "members" in facts
        schema = EnsembleDescription if several else Description
        if isinstance(facts, dict) and facts.get("format") == 1:
            text = json.dumps(_from_format_1(facts))
        description = schema.model_validate_json(text)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(
            f"its description is not valid: {fields_refused(error)}", path=path
        ) from error
    if not is_checked:
        warn_user(
            f"{path} has no checksum, as those of an older segue: damage to its numbers would not "
            "be seen. Once loaded, `save` writes it with one."
        )
    return description, tensors


def _from_format_1(facts: dict[str, Any]) -> dict[str, Any]:
    """The description of a file of format 1 with the names of fields that format 2 has.

    Several labels were the task "tag", and the `kernel_size` of convolutions was their `width`.
    """
    new = {**facts, "format": FORMAT}
    if isinstance(members := facts.get("members"), list):
        new["members"] = [_from_format_1(one) if isinstance(one, dict) else one for one in members]
    targets = facts.get("targets")
    if isinstance(targets, dict) and targets.get("task") == "tag":
        new["targets"] = {**targets, "task": "multilabel"}
    if "network" in facts:
        new["network"] = current_json(facts["network"])
    return new
