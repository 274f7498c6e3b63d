"""Layers of MATLAB answer as the formulas of its documentation say, from both kinds of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from segue.errors import DataNotFoundError, ModelFileError
from segue.weights import from_matlab

Floats = NDArray[np.float64]
CHANNELS, UNITS = 3, 4


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


# The formulas of the documentation of lstmLayer and gruLayer, column by column, in float64.


def lstm(x: Floats, w: Floats, r: Floats, b: Floats) -> Floats:
    h, c, found = np.zeros(UNITS), np.zeros(UNITS), []
    for step in x:
        i, f, g, o = np.split(w @ step + r @ h + b.ravel(), 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        found.append(h)
    return np.array(found)


def gru(x: Floats, w: Floats, r: Floats, b: Floats, mode: str) -> Floats:
    h, found, b = np.zeros(UNITS), [], b.ravel()
    b, rb = (b[: 3 * UNITS], b[3 * UNITS :]) if len(b) > 3 * UNITS else (b, np.zeros(3 * UNITS))
    wr, wz, wh = np.split(w, 3)
    rr, rz, rh = np.split(r, 3)
    br, bz, bh = np.split(b, 3)
    cr, cz, ch = np.split(rb, 3)
    for step in x:
        reset = sigmoid(wr @ step + br + rr @ h + cr)
        update = sigmoid(wz @ step + bz + rz @ h + cz)
        if mode == "before-multiplication":
            candidate = np.tanh(wh @ step + bh + rh @ (reset * h))
        else:
            candidate = np.tanh(wh @ step + bh + reset * (rh @ h + ch))
        h = (1 - update) * candidate + update * h
        found.append(h)
    return np.array(found)


draws = np.random.default_rng(0)


def random(*shape: int) -> Floats:
    return draws.normal(size=shape)


def cell(kind: str, gates: int, **more: Any) -> dict[str, Any]:
    return {
        "Type": f"nnet.cnn.layer.{kind}Layer", "Name": kind.lower(),
        "InputWeights": random(gates * UNITS, CHANNELS),
        "RecurrentWeights": random(gates * UNITS, UNITS), "Bias": random(gates * UNITS, 1),
        "StateActivationFunction": "tanh", "GateActivationFunction": "sigmoid",
        "OutputMode": "last", **more,
    }  # fmt: skip


def dense(width: int, outputs: int = 3) -> dict[str, Any]:
    return {
        "Type": "nnet.cnn.layer.FullyConnectedLayer", "Name": "fc",
        "Weights": random(outputs, width), "Bias": random(outputs, 1),
    }  # fmt: skip


INPUT = {
    "Type": "nnet.cnn.layer.SequenceInputLayer", "Name": "in", "InputSize": float(CHANNELS),
    "Normalization": "zscore", "Mean": random(CHANNELS, 1),
    "StandardDeviation": np.abs(random(CHANNELS, 1)) + 0.5,
}  # fmt: skip
SOFTMAX = {"Type": "nnet.cnn.layer.SoftmaxLayer", "Name": "softmax"}


def to_mat(path: Path, layers: list[dict[str, Any]]) -> None:
    """A cell array of structs, in version 7."""
    cells = np.empty((1, len(layers)), object)
    for number, layer in enumerate(layers):
        cells[0, number] = layer
    savemat(path, {"layers": cells, "unrelated": 3.0}, do_compression=True)


def to_hdf5(path: Path, layers: list[dict[str, Any]]) -> None:
    """The same in version 7.3, as MATLAB lays it out."""
    with h5py.File(path, "w", userblock_size=512) as file:
        references = []
        for number, layer in enumerate(layers):
            group = file.create_group(f"#refs#/{number}")
            group.attrs["MATLAB_class"] = np.bytes_("struct")
            for name, value in layer.items():
                is_text = isinstance(value, str)
                codes = np.array([[ord(c)] for c in value], np.uint16) if is_text else None
                plain = np.atleast_2d(np.asarray(value)).T if codes is None else codes
                group[name] = plain
                group[name].attrs["MATLAB_class"] = np.bytes_("char" if is_text else "double")
            references.append(group.ref)
        data = file.create_dataset("layers", (len(layers), 1), h5py.ref_dtype)
        data[:, 0] = references
        data.attrs["MATLAB_class"] = np.bytes_("cell")


def expected(layers: list[dict[str, Any]], x: Floats) -> Floats:
    """Probabilities by the formulas."""
    own = layers[1]
    x = (x - INPUT["Mean"].ravel()) / INPUT["StandardDeviation"].ravel()
    w, r, b = own["InputWeights"], own["RecurrentWeights"], own["Bias"]
    if "BiLSTM" in own["Type"]:
        halves = [np.split(part, 2) for part in (w, r, b)]
        ahead, back = ([part[way] for part in halves] for way in (0, 1))
        h = np.concatenate([lstm(x, *ahead)[-1], lstm(x[::-1], *back)[-1]])
    elif "LSTM" in own["Type"]:
        h = lstm(x, w, r, b)[-1]
    else:
        h = gru(x, w, r, b, own["ResetGateMode"])[-1]
    logits = layers[2]["Weights"] @ h + layers[2]["Bias"].ravel()
    return np.exp(logits) / np.exp(logits).sum()


MODES = ("after-multiplication", "before-multiplication", "recurrent-bias-after-multiplication")
CASES = {
    "lstm": [INPUT, cell("LSTM", 4), dense(UNITS), SOFTMAX],
    "bilstm": [INPUT, cell("BiLSTM", 8), dense(2 * UNITS), SOFTMAX],
    **{
        mode: [
            INPUT,
            cell("GRU", 3, ResetGateMode=mode)
            | ({"Bias": random(6 * UNITS, 1)} if mode.startswith("recurrent") else {}),
            dense(UNITS),
            SOFTMAX,
        ]
        for mode in MODES
    },
}


@pytest.mark.parametrize("write", [to_mat, to_hdf5])
@pytest.mark.parametrize("name", CASES)
def test_layers_answer_by_the_formulas(
    tmp_path: Path, name: str, write: Callable[..., None]
) -> None:
    layers, path = CASES[name], tmp_path / "layers.mat"
    write(path, layers)
    model = from_matlab(path, classes=["a", "b", "c"])
    assert str(model.preparation_) == "standardize"
    for length in (1, 2, 9):
        x = draws.normal(size=(length, CHANNELS)).astype(np.float32)
        got = model.predict_proba([x])[0]
        assert np.abs(got - expected(layers, x.astype(np.float64))).max() <= 1e-5
    assert "becomes the preparation" in dict(model.training_summary_)["in (sequenceinput)"]


def test_a_struct_array_will_do(tmp_path: Path) -> None:
    names = sorted({name for layer in CASES["lstm"] for name in layer})
    array = np.zeros((1, 4), [(name, object) for name in names])
    for number, layer in enumerate(CASES["lstm"]):
        for name in names:
            array[0, number][name] = layer.get(name, np.zeros((0, 0)))
    savemat(tmp_path / "m.mat", {"net": array})
    x = draws.normal(size=(1, 5, CHANNELS))
    got = from_matlab(tmp_path / "m.mat").predict_proba(x)[0]
    assert np.abs(got - expected(CASES["lstm"], x[0])).max() <= 1e-5


REFUSED = {
    "functions": (
        cell("LSTM", 4, StateActivationFunction="softsign"),
        "'softsign'; segue has 'tanh",
    ),
    "gates": (cell("GRU", 3, GateActivationFunction="hard-sigmoid"), "'hard-sigmoid'; segue has"),
    "kind": ({"Type": "MyLayer", "Name": "mine"}, "layer mine (MyLayer) is of a kind that segue"),
    "weights": (cell("LSTM", 3), "RecurrentWeights are 12 by 4, not 4 units by units"),
    "none": ({"Type": "LSTMLayer", "Name": "l"}, "it has no 'RecurrentWeights'"),
    "text": (cell("LSTM", 4, Bias="abc"), "its Bias is no matrix of numbers"),
    "mode": (cell("GRU", 3, ResetGateMode="other"), "ResetGateMode='other'"),
    "shape": (cell("LSTM", 4, Bias=random(5, 1)), "bias is [5], expected [16]"),
    "absurd": (
        {**INPUT, "InputSize": 1e12, "Mean": 0.0, "StandardDeviation": 1.0},
        "numbers for each st",
    ),
    "nan": (cell("LSTM", 4, Bias=random(16, 1) * np.nan), "is not finite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_brought(tmp_path: Path, name: str) -> None:
    layer, message = REFUSED[name]
    to_mat(tmp_path / "m.mat", [INPUT, layer, dense(UNITS), SOFTMAX])
    with pytest.raises(ModelFileError) as caught:
        from_matlab(tmp_path / "m.mat")
    assert message in str(caught.value)


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "m.mat"
    with pytest.raises(DataNotFoundError):
        from_matlab(path)
    path.write_bytes(b"nothing of the kind" * 20)
    with pytest.raises(ModelFileError, match="is not a whole MATLAB file"):
        from_matlab(path)
    savemat(path, {"x": [1.0]})
    with pytest.raises(ModelFileError, match="holds no layers under that name.*such: none"):
        from_matlab(path)
    to_mat(path, CASES["lstm"])
    with pytest.raises(ModelFileError, match="variables that have such: layers"):
        from_matlab(path, variable="other")
