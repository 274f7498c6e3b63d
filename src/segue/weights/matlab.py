"""Layers of MATLAB as estimators, from a `.mat` file with a struct for each.

MATLAB's network objects can be opened by MATLAB only. What they hold it writes so:

    layers = {};
    for layer = net.Layers'
      one = struct('Type', class(layer), 'Name', layer.Name);
      for field = ["InputWeights" "RecurrentWeights" "Weights" "Bias" "OutputMode" ...
          "ResetGateMode" "StateActivationFunction" "GateActivationFunction" "InputSize" ...
          "Normalization" "Mean" "StandardDeviation" "Probability" "Scale" "Offset" ...
          "TrainedMean" "TrainedVariance" "Epsilon"]
        if isprop(layer, field), one.(field) = layer.(field); end
      end
      layers{end+1} = one;
    end
    save('layers.mat', 'layers')

Source: `lstmLayer`, `bilstmLayer`, `gruLayer` and `fullyConnectedLayer` in the documentation of the
Deep Learning Toolbox (MathWorks). The gates of an LSTM stand in the order input, forget, cell
candidate, output, those of a GRU in the order reset, update, candidate, one below the other; of
`bilstmLayer` the forward half comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.errors import DataError, DataNotFoundError, FileError, ModelFileError, SpecError
from segue.estimators.base import BaseSequenceEstimator
from segue.layers import GRU, LAYERS, LSTM, BatchNorm, BiLSTM, Dense, Dropout, LayerSpec, Shape
from segue.readers.matfiles import load
from segue.readers.matobjects import Cell, Structs
from segue.weights.foreign import (
    ForeignLayer,
    ForeignNetwork,
    TaskName,
    check_features,
    estimator_of,
    preparation_for,
    problems_found,
)

Fields = Mapping[str, Any]


def from_matlab(
    path: str | Path,
    *,
    variable: str | None = None,
    classes: Sequence[Any] | None = None,
    task: TaskName | None = None,
) -> BaseSequenceEstimator:
    """Make an estimator of the layers of a network that MATLAB has trained.

    MATLAB saves them as a cell array of structs, a struct a layer, as the page "Where your model
    can go" shows: `sequenceInputLayer` (with zscore or zerocenter, too), `lstmLayer`,
    `bilstmLayer`, `gruLayer`, `fullyConnectedLayer`, `batchNormalizationLayer`, dropout, relu,
    tanh, sigmoid and softmax. Nothing in the file is run.

    `training_summary_` has what became of each layer.

    Args:
        path: the `.mat` file, of version 5 to 7.3.
        variable: the one with the layers; if left out, the only one that has some.
        classes: the names of the classes, in the order of the outputs; 0, 1, ... if left out.
        task: as in `from_keras`: "classify" or "label" where no softmax stands at the end.

    Raises:
        DataNotFoundError: there is no such file.
        ModelFileError: no such structs, weights that do not fit, or layers that segue does not
            have; each is named with the reason.
        MissingPackageError: scipy, or for version 7.3 h5py, is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError("there is no such MATLAB file.", path=path)
    try:
        variables = load(path, structs=True)
    except FileError as error:
        raise ModelFileError(str(error).removeprefix(f"{path}: "), path=path) from error
    except DataError as error:
        raise ModelFileError(str(error), path=path) from error
    layers = _layers_in(variables, variable, path)
    found = _Translation(str(path))
    for number, one in enumerate(layers, start=1):
        found.translate(one, number)
    if found.problems:
        raise problems_found(found.problems, path)
    shape = found.shape or _entering(found.layers, path)
    preparation = preparation_for(shape, found.moments)
    network = ForeignNetwork(tuple(found.layers), shape, preparation, str(path))
    return estimator_of(network, classes, task)


def _layers_in(variables: Mapping[str, Any], variable: str | None, path: Path) -> list[Fields]:
    """The structs of the layers, in order."""
    found = {name: _structs(value) for name, value in variables.items()}
    found = {name: structs for name, structs in found.items() if structs}
    if variable is None and len(found) == 1:
        (variable,) = found
    if variable not in found:
        known = ", ".join(found) or "none"
        raise ModelFileError(
            "holds no layers under that name: expected a cell array of structs with the field Type "
            f"and the weights; variables that have such: {known}. Name one, variable='layers'.",
            path=path,
        )
    return found[variable]


def _structs(value: Any) -> list[Fields]:
    items = value.items if isinstance(value, Cell) else (value,)
    found = [one for item in items if isinstance(item, Structs) for one in item.items]
    return found if all("Type" in one for one in found) else []


def _entering(layers: list[ForeignLayer], path: Path) -> Shape:
    """The channels that the first layer with weights takes."""
    for layer in layers:
        kernel = next((w for name, w in layer.weights.items() if name.endswith("kernel")), None)
        if kernel is not None:
            return Shape(kernel.shape[0])
    raise ModelFileError("has no layer with weights.", path=path)


@dataclass
class _Translation:
    """The layers on their way to segue."""

    source: str
    shape: Shape | None = None
    moments: tuple[Array, Array] | None = None
    layers: list[ForeignLayer] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def translate(self, layer: Fields, number: int) -> None:
        """Add a layer, or note why it cannot be represented."""
        kind = _text(layer.get("Type")).rpartition(".")[2].removesuffix("Layer").lower()
        name = _text(layer.get("Name")) or f"layer {number}"
        title = f"layer {name} ({_text(layer.get('Type'))})"
        convert = _LAYERS.get(kind)
        if convert is None:
            known = ", ".join(_LAYERS)
            self.problems.append(f"{title} is of a kind that segue does not have; it has {known}")
            return
        try:
            spec, weights, note = convert(self, layer)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            text = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            self.problems.append(f"{title}: {text.rstrip('.')}")
            return
        self.layers.append(ForeignLayer(name, kind, spec, weights, note))


Converted = tuple[LayerSpec | None, dict[str, Array], str]


def _text(value: Any) -> str:
    """A char or string array as text; "" where there is none."""
    if isinstance(value, list | tuple) and value:
        value = value[0]
    return value if isinstance(value, str) else ""


def _matrix(layer: Fields, name: str) -> Array:
    """`[rows, columns]` float32.

    Raises:
        ValueError: no numbers.
    """
    value = layer[name]
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub" or value.ndim > 2:
        raise ValueError(f"its {name} is no matrix of numbers")
    return np.atleast_2d(np.asarray(value, np.float32))


def _number(layer: Fields, name: str) -> float:
    value = _matrix(layer, name)
    if value.size != 1:
        raise ValueError(f"its {name} is no number")
    return float(value.ravel()[0])


def _functions(layer: Fields) -> None:
    """Raise unless the cell has the functions that segue's have."""
    for name, wanted in (
        ("StateActivationFunction", "tanh"),
        ("GateActivationFunction", "sigmoid"),
    ):
        given = _text(layer.get(name)) or wanted
        if given != wanted:
            raise SpecError(f"it has {name}={given!r}; segue has {wanted!r} only")


def _units(recurrent: Array, gates: int) -> int:
    rows, units = map(int, recurrent.shape)
    if rows != gates * units:
        raise ValueError(f"its RecurrentWeights are {rows} by {units}, not {gates} units by units")
    return units


def _mode(layer: Fields) -> Any:
    return "every" if _text(layer.get("OutputMode")) == "sequence" else "last"


def _lstm(_: _Translation, layer: Fields) -> Converted:
    _functions(layer)
    recurrent = _matrix(layer, "RecurrentWeights")
    weights = _cell(_matrix(layer, "InputWeights"), recurrent, _matrix(layer, "Bias"))
    return LSTM(_units(recurrent, 4), output=_mode(layer)), weights, ""


def _cell(kernel: Array, recurrent: Array, bias: Array) -> dict[str, Array]:
    return {"kernel": kernel.T, "recurrent_kernel": recurrent.T, "bias": bias.reshape(-1)}


def _bilstm(_: _Translation, layer: Fields) -> Converted:
    _functions(layer)
    parts = [_matrix(layer, name) for name in ("InputWeights", "RecurrentWeights")]
    parts.append(_matrix(layer, "Bias").reshape(-1))
    halves = [np.split(part, 2) for part in parts]
    weights = {
        f"{way}/{name}": values
        for number, way in enumerate(("forward", "backward"))
        for name, values in _cell(*(half[number] for half in halves)).items()
    }
    return BiLSTM(_units(halves[1][0], 4), output=_mode(layer)), weights, ""


def _gru(_: _Translation, layer: Fields) -> Converted:
    _functions(layer)
    mode = _text(layer.get("ResetGateMode")) or "after-multiplication"
    recurrent, bias = _matrix(layer, "RecurrentWeights"), _matrix(layer, "Bias").reshape(-1)
    units = _units(recurrent, 3)
    if mode == "recurrent-bias-after-multiplication":
        both = np.stack([_update_first(half) for half in np.split(bias, 2)])
    elif mode in ("after-multiplication", "before-multiplication"):
        both = np.stack([_update_first(bias), np.zeros(len(bias), np.float32)])
    else:
        raise SpecError(f"it has ResetGateMode={mode!r}, which segue does not know")
    kernel = _update_first(_matrix(layer, "InputWeights"))
    weights = {"kernel": kernel.T, "recurrent_kernel": _update_first(recurrent).T, "bias": both}
    before = mode == "before-multiplication"
    if before:
        weights["bias"] = both[0]
    return GRU(units, output=_mode(layer), reset="before" if before else "after"), weights, ""


def _update_first(gates: Array) -> Array:
    reset, update, candidate = np.split(gates, 3)
    return np.concatenate([update, reset, candidate])


def _dense(_: _Translation, layer: Fields) -> Converted:
    kernel = _matrix(layer, "Weights")
    return Dense(len(kernel)), {"kernel": kernel.T, "bias": _matrix(layer, "Bias").reshape(-1)}, ""


def _batch_norm(_: _Translation, layer: Fields) -> Converted:
    names = {"gamma": "Scale", "beta": "Offset", "moving_mean": "TrainedMean"}
    names["moving_variance"] = "TrainedVariance"
    weights = {ours: _matrix(layer, theirs).reshape(-1) for ours, theirs in names.items()}
    return BatchNorm(epsilon=_number(layer, "Epsilon")), weights, ""


def _input(found: _Translation, layer: Fields) -> Converted:
    channels = check_features(int(_number(layer, "InputSize")))
    found.shape, how = Shape(channels), _text(layer.get("Normalization")) or "none"
    if how == "none":
        return None, {}, ""
    if how not in ("zscore", "zerocenter"):
        raise SpecError(f"it has Normalization={how!r}; segue has zscore, zerocenter and none")
    mean = _matrix(layer, "Mean").reshape(-1)
    scale = np.ones_like(mean)
    if how == "zscore":
        scale = _matrix(layer, "StandardDeviation").reshape(-1)
    if {mean.size, scale.size} - {1, channels} or not (scale > 0).all():
        raise ValueError(f"its Mean and StandardDeviation do not fit {channels} channels")
    found.moments = np.broadcast_to(mean, channels).copy(), np.broadcast_to(scale, channels).copy()
    return None, {}, "becomes the preparation, standardize"


def _dropout(_: _Translation, layer: Fields) -> Converted:
    return Dropout(_number(layer, "Probability")), {}, ""


def _plain(kind: str | None) -> Callable[[_Translation, Fields], Converted]:
    return lambda *_: (None if kind is None else LAYERS[kind](), {}, "")


_LAYERS: dict[str, Callable[[_Translation, Fields], Converted]] = {
    "sequenceinput": _input, "lstm": _lstm, "bilstm": _bilstm, "gru": _gru,
    "fullyconnected": _dense, "batchnormalization": _batch_norm, "dropout": _dropout,
    "relu": _plain("relu"), "tanh": _plain("tanh"), "sigmoid": _plain("sigmoid"),
    "softmax": _plain("softmax"), "classificationoutput": _plain(None),
    "regressionoutput": _plain(None),
}  # fmt: skip
