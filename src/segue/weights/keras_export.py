"""Estimators as `.keras` files, which Keras 3 opens: written with json and h5py, without Keras."""

from __future__ import annotations

import io
import json
import math
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from segue.atomic import replacing
from segue.data.arrays import Array
from segue.data.sequences import Sequences
from segue.errors import ModelFileError, OptionError, SpecError
from segue.extras import require
from segue.layers import Dense
from segue.layers.base import PlannedLayer
from segue.networks import Network
from segue.prepare import Preparation
from segue.prepare.steps import MissingIndicator, Standardize
from segue.weights.keras import from_keras
from segue.weights.keras_config import snake_case
from segue.weights.keras_file import CONFIG, LAYERS, METADATA, WEIGHTS
from segue.weights.keras_run import KerasModel
from segue.weights.keras_specs import KerasEntry, NotInKerasError, entry_of
from segue.weights.keras_translation import LOSES_MASK
from segue.weights.parity import (
    TransferReport,
    answers,
    check_one_network,
    compare,
    trial_sequences,
)

_VERSION = "3.6.0"  # of Keras, whose form of files this is
_DATE = (1980, 1, 1, 0, 0, 0)  # of members: equal models give equal files


def to_keras(
    estimator: Any,
    path: str | Path,
    *,
    mask_value: float | None = None,
    prepared: bool = False,
    data: Sequences | None = None,
    with_keras: bool = False,
) -> TransferReport:
    """Write a fitted estimator as a `.keras` file, which Keras opens.

    The file is read back and answers `data` as the estimator does before it gets its name. The
    model in it gives what the estimator's last layer gives: probabilities (of two classes that of
    the second), or numbers in their own unit. `standardize` becomes a Normalization layer; another
    preparation is refused, unless `prepared` says that Keras will get prepared sequences.

    Keras sees padding as data unless it is masked: with `mask_value` the model begins with a
    Masking layer (of tokens: token 0 is masked), and takes sequences that are padded with it; a
    layer in which Keras loses its mask is refused then.

    Args:
        estimator: a fitted `SequenceClassifier`, `SequenceLabeler` or `SequenceRegressor`.
        path: the file, `*.keras`.
        mask_value: a number that no real step consists of, or `None`: no mask.
        prepared: leave the preparation out; Keras then takes `preparation_.apply(x)`.
        data: what is compared on; drawn sequences of 1 to 34 steps if left out.
        with_keras: compare with Keras itself too; with a mask also on a padded batch, and where
            Keras is imported already.

    Returns:
        A report of what was written and compared; print it.

    Raises:
        NotFittedError: before `fit`.
        SpecError: layers or a preparation that Keras does not have, or that lose the mask; all are
            named.
        OptionError: a `mask_value` that is no finite number.
        ModelFileError: what was written answers otherwise.
        WriteError: the disk is full or read-only. No half-written file is left.
        MissingPackageError: h5py is not installed.
    """
    check_one_network(estimator)
    if mask_value is not None and not math.isfinite(mask_value):
        raise OptionError(f"`mask_value` is {mask_value}; expected a finite number, such as -999.")
    entries, lines = _entries(estimator, mask_value=mask_value, prepared=prepared)
    path = Path(path)
    if path.suffix != ".keras":
        raise SpecError(f"{path}: Keras opens files that end in .keras; name it so.")
    x = trial_sequences(estimator) if data is None else estimator.check_input(data)
    if data is None and x.is_whole and mask_value is not None:  # token 0 is masked
        x = Sequences(np.maximum(x.values, 1), x.offsets)
    wanted = answers(estimator, x)
    if prepared:
        x = estimator.preparation_.apply(x)
    with replacing(path) as temporary:
        _write(temporary, entries, estimator)
        found = from_keras(temporary, task=_task_of(estimator))
        own = answers(found, x)
        places = iter(own)
        comparisons = [compare("read back by segue", x, wanted, lambda _: next(places))]
        if with_keras:
            comparisons.append(compare("answered by Keras", x, wanted, KerasModel(temporary)))
        if mask_value is not None and (with_keras or "keras" in sys.modules):
            padded = iter(KerasModel(temporary).padded(x, mask_value))
            what = "answered by Keras, padded"
            comparisons.append(compare(what, x, wanted, lambda _: next(padded)))
    return TransferReport(str(path), tuple(lines), tuple(comparisons))


def _task_of(estimator: Any) -> Any:
    kind = estimator.task_.objective.kind
    return {"steps": "label", "squared": "regress", "multilabel": "multilabel"}.get(kind)


def _entries(
    estimator: Any, *, mask_value: float | None, prepared: bool
) -> tuple[list[KerasEntry], list[tuple[str, str]]]:
    """The layers of the model, behind its input, and what is said of each.

    Raises:
        SpecError: with all that Keras does not have.
    """
    network: Network = estimator.network_
    problems: list[str] = []
    entries, lines = _beginning(estimator, mask_value, prepared=prepared, problems=problems)
    if estimator.task_.objective.kind not in _HEADS or network.static:
        problems.append(
            "static features are joined before the head"
            if network.static
            else f"a {type(estimator).__name__} answers with more than a model of Keras"
        )
    for planned, weights in _layers(network):
        try:
            if planned.context.name == "head":
                entry = _head(estimator, planned, weights)
            else:
                entry = entry_of(planned, weights)
        except NotInKerasError as error:
            problems.append(str(error))
            continue
        if mask_value is not None and entry.kind == "Embedding":
            entry = replace(entry, config={**entry.config, "mask_zero": True})
            lines.append(("mask", "mask_zero of the Embedding: pad with token 0"))
        entries.append(entry)
        lines.append((f"{planned.context.name} ({planned.spec})", entry.kind))
    losing = [entry for entry in entries if entry.kind in LOSES_MASK]
    if mask_value is not None and losing:
        problems.append(
            f"{_titles(losing)}: Keras loses the mask there and padding would count as data; leave "
            "`mask_value` out, and give Keras sequences of one length at a time"
        )
    if mask_value is None:
        lines.append(("padding", _advice(losing, network.input_shape.tokens is not None)))
    if problems:
        raise SpecError(f"This model cannot be written for Keras: {'; '.join(problems)}.")
    return entries, lines


def _advice(losing: list[KerasEntry], is_tokens: bool) -> str:
    """How to have sequences of several lengths in one batch of Keras."""
    if losing:
        text = f"Keras counts it as data, and loses a mask in {_titles(losing)}"
        return f"{text}: give sequences of one length at a time"
    value = "0" if is_tokens else "-999.0"
    return f"Keras counts it as data; with mask_value={value}, and padded with that, it does not"


def _titles(entries: list[KerasEntry]) -> str:
    return ", ".join(f"{entry.config['name']} ({entry.kind})" for entry in entries)


def _layers(network: Network) -> Iterator[tuple[PlannedLayer, dict[str, Array]]]:
    weights = network.get_weights()
    for planned in network.plan():
        begin = f"{planned.context.name}/"
        own = {n.removeprefix(begin): w for n, w in weights.items() if n.startswith(begin)}
        yield planned, own


def _beginning(
    estimator: Any, mask_value: float | None, *, prepared: bool, problems: list[str]
) -> tuple[list[KerasEntry], list[tuple[str, str]]]:
    """What stands before the network: the mask, and the preparation."""
    preparation: Preparation = estimator.preparation_
    entries, lines = [], []
    if mask_value is not None and estimator.network_.input_shape.tokens is None:
        entries.append(KerasEntry("Masking", {"name": "masking", "mask_value": mask_value}))
        lines.append(("mask", f"Masking: pad with {mask_value:g}"))
    if prepared:
        lines.append(("preparation", f"left out ({preparation}): give prepared sequences"))
        return entries, lines
    moments = None
    for step, fitted in zip(preparation.steps, preparation.fitted, strict=True):
        if isinstance(step, Standardize) and moments is None and not preparation.exact:
            moments = fitted
        elif not isinstance(step, MissingIndicator) or len(fitted["expected"]):
            problems.append(
                f"the preparation `{step}` has no layer in Keras; with prepared=True it is left out"
            )
    if moments is not None:
        shape = [(fitted.astype(np.float32)) for fitted in (moments["mean"], moments["scale"] ** 2)]
        groups = {"": (*shape, np.zeros((), np.int32))}
        entries.append(KerasEntry("Normalization", {"name": "normalization", "axis": -1}, groups))
        lines.append(("preparation (standardize)", "Normalization"))
    return entries, lines


_HEADS = {
    "softmax": "softmax", "steps": "softmax", "binary": "sigmoid", "sigmoid": "sigmoid",
    "multilabel": "sigmoid", "squared": "linear",
}  # fmt: skip


def _head(estimator: Any, planned: PlannedLayer, weights: Mapping[str, Array]) -> KerasEntry:
    """The last dense layer, with its activation; of numbers, in their own unit."""
    kind, given = estimator.task_.objective.kind, dict(weights)
    if kind == "squared":
        scale = estimator.task_.scale
        given["kernel"] = (given["kernel"] * scale.scale).astype(np.float32)
        given["bias"] = (given["bias"] * scale.scale + scale.mean).astype(np.float32)
    spec = planned.spec
    assert isinstance(spec, Dense)
    entry = entry_of(planned, given)
    return replace(entry, config={**entry.config, "activation": _HEADS.get(kind, "linear")})


# -- the file -------------------------------------------------------------------------------------


def _write(path: Path, entries: list[KerasEntry], estimator: Any) -> None:
    config = json.dumps(_config(entries, estimator))
    version = json.dumps({"keras_version": _VERSION, "date_saved": "by segue"})
    members = {METADATA: version.encode(), CONFIG: config.encode(), WEIGHTS: _weights(entries)}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)


def _config(entries: list[KerasEntry], estimator: Any) -> dict[str, Any]:
    """The JSON of a Sequential model."""
    shape = estimator.network_.input_shape
    fixed = shape.length if any(entry.kind == "Flatten" for entry in entries) else None
    axes: list[int | None] = [None, fixed]
    if shape.tokens is None:
        axes.append(shape.features)
    start = {"name": "input", "batch_shape": axes, "dtype": "float32"}
    layers = [KerasEntry("InputLayer", start), *entries]
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {
            "name": "segue",
            "layers": [entry.to_json() for entry in layers],
            "build_input_shape": axes,
        },
        "registered_name": None,
        "build_config": {"input_shape": axes},
    }


def _weights(entries: list[KerasEntry]) -> bytes:
    """The HDF5 file of the weights; layers are counted by class, and have their names beside."""
    h5py = require("h5py", "keras", "to write files of Keras")
    counts: Counter[str] = Counter()
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for entry in entries:
            name = snake_case(entry.kind)
            own = f"{LAYERS}/{name}_{counts[name]}" if counts[name] else f"{LAYERS}/{name}"
            counts[name] += 1
            file.create_group(f"{own}/vars").attrs["name"] = entry.config["name"]
            for group, arrays in entry.groups.items():
                place = f"{own}/{group}/vars" if group else f"{own}/vars"
                for number, array in enumerate(arrays):
                    if array is None:
                        raise ModelFileError(f"{entry.config['name']} lacks a weight.")
                    file[f"{place}/{number}"] = array
    return content.getvalue()
