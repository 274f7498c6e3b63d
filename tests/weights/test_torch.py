"""Weights of PyTorch, both ways: modules in memory, state dicts, and modules that segue writes."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import segue
from segue import SequenceClassifier, SequenceLabeler, SequenceRegressor, TrainingOptions
from segue.errors import DataError, DataNotFoundError, ModelFileError, OptionError, SpecError
from segue.kernels.ragged import Ragged
from segue.layers import Shape
from segue.networks import Network, as_specs
from segue.testing import tiny_dataset
from segue.weights import from_torch, to_torch

CHANNELS, TOKENS = 3, 11
LENGTHS = (6, 2, 9, 1, 4)
SETTINGS = settings(
    max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
WRITTEN = [
    "lstm({})", "gru({})", "bilstm({}, merge=sum)", "bigru({})", "rnn({}, activation=relu)",
    "dense({}, tanh)", "dropout(0.2)",
]  # fmt: skip
units = st.integers(1, 6)


class Chain(nn.Module):
    """Layers of PyTorch one after the other, on one sequence at a time, each with its words."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        self.how: list[str] = []
        self.texts: list[str] = []

    def add(self, layer: nn.Module, how: str, text: str) -> None:
        self.layers.append(layer)
        self.how.append(how)
        self.texts.append(text)

    def forward(self, x: Tensor) -> Tensor:
        for layer, how in zip(self.layers, self.how, strict=True):
            if how == "every":
                x = layer(x)[0]
            elif how == "last":
                h = layer(x)[1]
                h = h[0] if isinstance(h, tuple) else h
                x = torch.cat([h[-2], h[-1]], -1) if layer.bidirectional else h[-1]
            elif how == "channels first":
                x = layer(x.transpose(1, 2)).transpose(1, 2)
            elif how == "mean":
                x = x.mean(1)
            else:
                x = layer(x)
        return x

    @property
    def network(self) -> str:
        return " ".join(self.texts)


def add_recurrent(draw: Any, chain: Chain, size: int, *, last: bool) -> int:
    kind, wide = draw(st.sampled_from(["LSTM", "GRU", "RNN"])), draw(units)
    both, count = draw(st.booleans()), draw(st.integers(1, 2))
    more = {"nonlinearity": draw(st.sampled_from(["tanh", "relu"]))} if kind == "RNN" else {}
    layer = getattr(nn, kind)(
        size, wide, count, batch_first=True, bidirectional=both, bias=draw(st.booleans()), **more
    )
    text = f"{'bi' * both}{kind.lower()}({wide}{', activation=relu' * ('relu' in more.values())})"
    chain.add(layer, "last" if last else "every", " ".join([text] * count))
    return wide * (1 + both)


def add_kept(draw: Any, chain: Chain, size: int) -> int:
    """Add a layer that keeps the sequence, and give its features."""
    kind = draw(st.sampled_from("recurrent recurrent conv norm batch linear prelu relu".split()))
    wide = draw(units)
    if kind == "recurrent":
        return add_recurrent(draw, chain, size, last=False)
    if kind == "conv":
        width, bias = draw(st.sampled_from([1, 3, 5])), draw(st.booleans())
        stride = draw(st.sampled_from([1, 2]))
        layer = nn.Conv1d(size, wide, width, stride, padding=width // 2, bias=bias)
        text = f"conv({wide}, {width}, stride={stride}, bias={str(bias).lower()})"
        chain.add(layer, "channels first", text)
        return wide
    if kind == "norm":
        chain.add(nn.LayerNorm(size), "", "layernorm(epsilon=1e-5)")
    elif kind == "batch":
        batch = nn.BatchNorm1d(size)
        nn.init.uniform_(batch.running_var, 0.5, 2.0)
        nn.init.normal_(batch.running_mean)
        chain.add(batch, "channels first", "batchnorm(epsilon=1e-5)")
    elif kind == "linear":
        chain.add(nn.Linear(size, wide), "", f"dense({wide})")
        return wide
    elif kind == "prelu":
        chain.add(nn.PReLU(size), "channels first", "prelu")
    else:
        chain.add(nn.ReLU(), "", "relu")
    return size


@st.composite
def chains(draw: Any) -> Chain:
    torch.manual_seed(draw(st.integers(0, 999)))
    chain, size = Chain(), CHANNELS
    if draw(st.integers(0, 3)) == 0:
        chain.add(nn.Embedding(TOKENS, 4), "", "embedding(4)")
        size = 4
    for _ in range(draw(st.integers(0, 3))):
        size = add_kept(draw, chain, size)
    if draw(st.booleans()):
        size = add_recurrent(draw, chain, size, last=True)
    else:
        chain.add(nn.Identity(), "mean", "pool(mean)")
    outputs, activation = draw(st.sampled_from([(3, ", softmax"), (1, ", sigmoid"), (2, "")]))
    chain.add(nn.Linear(size, outputs), "", f"dense({outputs}{activation})")
    for parameter in chain.parameters():
        nn.init.normal_(parameter, std=0.5)
    return chain


@pytest.mark.slow
@SETTINGS
@given(chain=chains())
def test_a_module_answers_as_in_pytorch(chain: Chain, tmp_path: Path) -> None:
    """The comparison with the module stands in the summary; the state dict alone gives the same."""
    task: Any = "regress" if chain.network.endswith(" dense(2)") else None
    estimator = from_torch(chain, chain.network, task=task)
    assert "largest difference" in dict(estimator.training_summary_)["compared"]
    again = from_torch(chain.state_dict(), chain.network, task=task)
    mine, theirs = (one.network_.get_weights() for one in (estimator, again))
    assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
    save_file(chain.state_dict(), tmp_path / "model.safetensors")
    from_file = from_torch(tmp_path / "model.safetensors", chain.network, task=task)
    theirs = from_file.network_.get_weights()
    assert all(np.array_equal(mine[name], theirs[name]) for name in mine)


@st.composite
def networks(draw: Any) -> tuple[str, str]:
    """A task and a network, of layers that have a form in plain PyTorch."""
    task = draw(st.sampled_from(["two", "three", "label", "regress", "tokens"]))
    layers = ["embedding(4)"] if task == "tokens" else []
    for _ in range(draw(st.integers(0, 2))):
        cell = draw(st.sampled_from(["lstm({})", "gru({})", "bilstm({}, merge=sum)", "bigru({})"]))
        step = draw(
            st.sampled_from(["rnn({}, activation=relu)", "dense({}, tanh)", "dropout(0.2)"])
        )
        layers.append(draw(st.sampled_from([cell, step])).format(draw(units)))
    if task != "label":
        layers.append(draw(st.sampled_from(["pool(mean)", "bilstm(3)", "gru(4)", "pool(max)"])))
        layers += draw(st.sampled_from([[], ["dense(5, relu)"]]))
    return task, " ".join(layers or ["gru(2)"])


def fitted(task: str, network: str) -> Any:
    draws = np.random.default_rng(0)
    lengths = [*LENGTHS, 3, 5, 8]
    x: list[Any] = [draws.normal(3.0, 2.0, (n, 3)).astype(np.float32) for n in lengths]
    y: Any = np.arange(len(x)) % (3 if task == "three" else 2)
    make: Any = SequenceClassifier
    if task == "tokens":
        x = [np.append(draws.integers(0, 7, n - 1), 6) for n in lengths]
    if task == "label":
        make, y = SequenceLabeler, [draws.integers(0, 3, n) for n in lengths]
    if task == "regress":
        make, y = SequenceRegressor, draws.normal(50.0, 9.0, (len(x), 2))
    options = TrainingOptions(progress="none")
    return make(network, epochs=1, validation=None, options=options).fit(x, y)


@pytest.mark.slow
@SETTINGS
@given(plan=networks())
def test_pytorch_takes_what_is_written(plan: tuple[str, str], tmp_path: Path) -> None:
    """It is compared on padded batches; the files alone give a module that takes the weights."""
    estimator, path = fitted(*plan), tmp_path / "model.safetensors"
    report = to_torch(estimator, path)
    assert report.comparisons[0].largest <= 1e-5
    written = runpy.run_path(str(path.with_suffix(".py")))  # no bytecode: the next is as new
    written["Network"]().load_state_dict(load_file(path), strict=True)
    weights = estimator.network_.get_weights()
    names = {
        name: _group(name) for name in estimator.network_.names
        if any(known.startswith(f"{name}/") for known in weights)
    }  # fmt: skip
    network = f"{plan[1]} dense({estimator.network_.outputs})"
    ends = any(word in plan[1] for word in ("pool", "lstm", "gru", "rnn"))
    task: Any = "regress" if ends else None
    back = from_torch(load_file(path), network, names=names, task=task)
    for name, found in back.network_.get_weights().items():
        if not name.startswith("head"):
            assert np.array_equal(found, weights[name])


def _group(name: str) -> str:
    return name if name.startswith(("dense", "embedding", "head")) else f"{name}.l0"


# -- what is refused ------------------------------------------------------------------------------


class LastStep(nn.Module):
    def __init__(self, cell: nn.Module, outputs: int = 3) -> None:
        super().__init__()
        self.cell, self.head = cell, nn.Linear(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0][:, -1])


def test_other_names_for_what_would_fit_twice(tmp_path: Path) -> None:
    state = {
        "b.weight": torch.zeros(3, 3),
        "a.weight": torch.ones(3, 3),
        "z.weight": torch.ones(2, 3),
    }
    save_file(state, tmp_path / "m.safetensors")
    network = "dense(3) dense(3) pool(mean) dense(2, softmax)"
    with pytest.raises(ModelFileError, match=r"dense_1 \(dense\(3\)\) could be a or b: name it"):
        from_torch(tmp_path / "m.safetensors", network)
    found = from_torch(tmp_path / "m.safetensors", network, names={"dense_1": "b", "dense_2": "a"})
    assert not found.network_.get_weights()["dense_1/kernel"].any()
    with pytest.raises(ModelFileError, match="`names` has 'c', and there is"):
        from_torch(tmp_path / "m.safetensors", network, names={"dense_1": "c"})


@pytest.mark.parametrize(
    ("module", "network", "said"),
    [
        (nn.LSTM(3, 4, batch_first=True), "gru(4) dense(3, softmax)", "no weights fit gru_1"),
        (nn.LSTM(3, 4, 2, batch_first=True), "lstm(4) dense(3, softmax)", "of no layer of the net"),
        (nn.LSTM(3, 8, proj_size=4, batch_first=True), "lstm(8) dense(3, softmax)", "proj_size"),
        (nn.LSTM(3, 5, batch_first=True), "lstm(4) dense(3, softmax)", "no weights fit lstm_1"),
        (
            nn.RNN(3, 4, nonlinearity="relu", batch_first=True),
            "rnn(4) dense(3, softmax)",
            "has nonlinearity='relu', and rnn_1 (rnn(4)) 'tanh'",
        ),
        (
            nn.GRU(3, 4, batch_first=True),
            "gru(4, reset=before) dense(3, softmax)",
            "no weights fit gru_1",
        ),
    ],
)
def test_modules_that_compute_something_else(module: nn.Module, network: str, said: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        from_torch(LastStep(module), network)
    assert said in str(caught.value)


def test_arguments_of_windows_and_norms_are_compared() -> None:
    chain = Chain()
    chain.add(nn.Conv1d(3, 4, 3), "channels first", "conv(4, 3)")
    chain.add(nn.LayerNorm(4), "", "layernorm")
    chain.add(nn.Identity(), "mean", "pool(mean)")
    chain.add(nn.Linear(4, 3), "", "dense(3)")
    with pytest.raises(ModelFileError) as caught:
        from_torch(chain, chain.network)
    assert "has padding=0, and conv_1" in str(caught.value)
    assert "has eps=1e-05, and layernorm_1 (layernorm) 0.001" in str(caught.value)


def test_a_module_that_answers_otherwise() -> None:
    module = LastStep(nn.LSTM(3, 4, batch_first=True))
    with pytest.raises(ModelFileError, match="answered by the module.*differs by"):
        from_torch(module, "lstm(4) tanh dense(3, softmax)")
    with pytest.raises(ModelFileError, match="differs by"):
        from_torch(module, "lstm(4) dense(3, softmax)", call=lambda x: module(2 * x))


def test_a_module_that_is_called_otherwise() -> None:
    class Other(LastStep):
        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:  # type: ignore[override]
            return super().forward(x)

    module = Other(nn.LSTM(3, 4, batch_first=True))
    found = from_torch(module, "lstm(4) dense(3, softmax)")
    assert "pass `call`" in dict(found.training_summary_)["compared"]
    found = from_torch(module, "lstm(4) dense(3, softmax)", call=lambda x: module(x, None))
    assert "largest difference" in dict(found.training_summary_)["compared"]


def test_files_that_are_none(tmp_path: Path) -> None:
    network = "lstm(4) dense(3, softmax)"
    with pytest.raises(DataNotFoundError):
        from_torch(tmp_path / "none.safetensors", network)
    (tmp_path / "m.pt").write_bytes(b"\x80\x04")
    with pytest.raises(ModelFileError, match="is a pickle, which can run code"):
        from_torch(tmp_path / "m.pt", network)
    (tmp_path / "m.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(ModelFileError, match="not a whole safetensors file"):
        from_torch(tmp_path / "m.safetensors", network)
    with pytest.raises(DataError, match="expected a safetensors file, a state dict or"):
        from_torch(3, network)
    with pytest.raises(SpecError, match="no layer with weights"):
        from_torch({}, "pool(mean)")
    with pytest.raises(ModelFileError, match="not finite"):
        from_torch({"weight": np.full((3, 2), np.nan)}, "pool(mean) dense(3, softmax)")


def test_what_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = fitted("three", "gru(3)")
    with pytest.raises(OptionError, match="name it so"):
        to_torch(estimator, tmp_path / "m.pt")
    monkeypatch.setattr("segue.weights.parity.TOLERANCE", -1.0)
    with pytest.raises(ModelFileError, match="nothing was written"):
        to_torch(estimator, tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def test_static_features_are_not_in_plain_weights(tmp_path: Path) -> None:
    x, static = tiny_dataset(40), np.ones((40, 2))
    static[::2] = 0
    options = TrainingOptions(progress="none")
    model = SequenceClassifier("lstm(3)", epochs=1, validation=None, options=options)
    with pytest.raises(SpecError, match=r"has static features, .* write \*.onnx or \*.py"):
        to_torch(model.fit(x, static=static), tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("every", [False, True])
def test_source_of_a_network_with_static_features(tmp_path: Path, *, every: bool) -> None:
    """The module takes them as its third argument; segue's own source names their number."""
    output = "every" if every else "last"
    specs = as_specs(f"lstm(4, output={output})")
    network, file = Network(specs, Shape(3), 2, every=every, static=2), tmp_path / "model.py"
    file.write_text(network.to_python("torch"), encoding="utf-8")
    written = runpy.run_path(str(file))
    module = written["Network"]().eval()
    written["copy_weights"](module, network.get_weights())
    draws = np.random.default_rng(0)
    x, static = draws.normal(size=(2, 5, 3)), draws.normal(size=(2, 2))
    x, static = x.astype(np.float32), static.astype(np.float32)
    with torch.no_grad():
        found = module(torch.as_tensor(x), torch.tensor([5, 5]), torch.as_tensor(static)).numpy()
    batch = Ragged(x.reshape(-1, 3), np.array([0, 5, 10]), static=static)
    ours = network(batch)
    ours = ours.values.reshape(2, 5, 2) if isinstance(ours, Ragged) else ours
    assert np.abs(found - ours).max() <= 1e-5
    file.write_text(network.to_python(), encoding="utf-8")
    assert runpy.run_path(str(file))["network"].static == 2


def test_training_goes_on_here() -> None:
    data = tiny_dataset(40)
    module = LastStep(nn.LSTM(data.x.channels, 4, batch_first=True), outputs=2)
    imported = from_torch(module, "lstm(4) dense(2, softmax)", classes=data.classes)
    own = SequenceClassifier(
        imported.network, prepare="none", epochs=2, options=TrainingOptions(progress="none")
    )
    own.fit(data, initial=imported)
    assert ("initial weights", "lstm_1, head taken") in own.training_summary_
    assert isinstance(segue.evaluate(imported, data).accuracy, float)
