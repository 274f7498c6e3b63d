"""What cannot be brought from Keras, and files that mean harm: each refused by its own message."""

from __future__ import annotations

import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from segue.errors import DataNotFoundError, ModelFileError, OptionError
from segue.weights import from_keras

Layer = dict[str, Any]


def layer(kind: str, module: str = "keras.layers", **config: Any) -> Layer:
    name = config.setdefault("name", kind.lower())
    return {"module": module, "class_name": kind, "config": {"name": name, **config}}


def lstm(**more: Any) -> Layer:
    usual = {"units": 2, "activation": "tanh", "recurrent_activation": "sigmoid"}
    return layer("LSTM", **{**usual, **more})


HEAD = layer("Dense", units=3, activation="softmax")
WEIGHTS = {
    "lstm/cell/vars/0": np.zeros((4, 8)), "lstm/cell/vars/1": np.zeros((2, 8)),
    "lstm/cell/vars/2": np.zeros(8), "dense/vars/0": np.zeros((2, 3)), "dense/vars/1": np.zeros(3),
}  # fmt: skip


def config_of(*layers: Layer) -> Any:
    start = {"module": "keras.layers", "class_name": "InputLayer"}
    start["config"] = {"name": "input", "batch_shape": [None, None, 4]}
    chain = {"name": "model", "layers": [start, *layers]}
    return {"module": "keras", "class_name": "Sequential", "config": chain}


def weights_to(path: Path, weights: dict[str, Any]) -> Path:
    with h5py.File(path, "w") as file:
        file.create_group("layers")
        for name, values in weights.items():
            file[f"layers/{name}"] = np.asarray(values, np.float32)
    return path


@pytest.fixture
def keras_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a `.keras` file of layers and weights, and of further members."""

    def write(
        *layers: Layer,
        weights: dict[str, Any] = WEIGHTS,
        config: Any = None,
        members: dict[str, bytes] | None = None,
        **packing: Any,
    ) -> Path:
        path, inside = tmp_path / "model.keras", weights_to(tmp_path / "inside.h5", weights)
        with zipfile.ZipFile(path, "w", **packing) as archive:
            archive.writestr("metadata.json", "{}")
            archive.writestr("config.json", json.dumps(config or config_of(*layers)))
            archive.write(inside, "model.weights.h5")
            for name, content in (members or {}).items():
                archive.writestr(name, content)
        return path

    return write


def test_the_plain_file_is_read(keras_file: Callable[..., Path]) -> None:
    """So that what the tests below change is what is refused."""
    found = from_keras(keras_file(lstm(), HEAD), classes=["a", "b", "c"])
    assert found.predict(np.zeros((1, 3, 4))).tolist() == ["a"]
    text = dict(found.training_summary_)["lstm (LSTM)"]
    assert "lstm_1" in text
    assert "[4, 8]" in text


REFUSED = {
    "lambda": ([layer("Lambda", function="..."), HEAD], "is a Lambda, which holds Python code"),
    "unknown": ([layer("Dense", "evil.package", units=1)], "the class Dense of evil.package"),
    "registered": (
        [{**layer("Mine"), "module": "keras.layers", "registered_name": "my>Mine"}],
        "is none of Keras's own",
    ),
    "no such layer": ([layer("ConvLSTM1D"), HEAD], "layer convlstm1d (ConvLSTM1D) is of a kind"),
    "backwards": ([lstm(go_backwards=True), HEAD], "go_backwards=True; segue has go_backwards=F"),
    "stateful": ([lstm(stateful=True), HEAD], "has stateful=True"),
    "return_state": ([lstm(return_state=True), HEAD], "has return_state=True"),
    "gates": (
        [layer("GRU", units=2, recurrent_activation="hard_sigmoid"), HEAD],
        "recurrent_activation='hard_sigmoid'",
    ),
    "activation": ([lstm(), layer("Dense", units=3, activation="mine")], "activation 'mine'"),
    "mask inside": (
        [lstm(return_sequences=True), layer("Masking", mask_value=0.0), HEAD],
        "masks steps by what layers before it compute",
    ),
    "two outputs": (
        [layer("Bidirectional", layer=lstm(), merge_mode=None), HEAD],
        "merge_mode=None; segue has concat, sum, ave, mul, which give one",
    ),
    "no head": ([lstm()], "ends with lstm (LSTM); an estimator ends with a dense layer"),
    "head": ([lstm(), layer("Dense", units=3, activation="tanh")], "probabilities come from"),
    "absurd": (
        [lstm(return_sequences=True, name="l"), layer("Dense", units=2**31), HEAD],
        "should be less than 2147483648",
    ),
    "large": ([lstm(), {**HEAD, "config": {**HEAD["config"], "units": 10**9}}], "1000000000"),
    "sequence": ([lstm(), layer("GRU", units=2), HEAD], "comes when the sequence has ended"),
    "nothing": ([], "ends with nothing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_layers_that_segue_does_not_have(keras_file: Callable[..., Path], name: str) -> None:
    layers, message = REFUSED[name]
    more = {"gru/cell/vars/0": [[0]], "gru/cell/vars/1": [[0]], "gru/cell/vars/2": [0]}
    weights = {**WEIGHTS, **more, "conv1d/vars/0": [0], "conv1d/vars/1": [0]}
    weights |= {"dense_1/vars/0": [0], "dense_1/vars/1": [0]}
    if name in ("large", "head", "no head", "nothing"):  # layers that are all understood
        parts = {"no head": "lstm", "nothing": "-"}.get(name, "")
        weights = {path: values for path, values in WEIGHTS.items() if path.startswith(parts)}
    with pytest.raises(ModelFileError) as caught:
        from_keras(keras_file(*layers, weights=weights))
    assert message in str(caught.value)
    assert "model.keras: " in str(caught.value)


def test_all_problems_are_named_together(keras_file: Callable[..., Path]) -> None:
    path = keras_file(layer("Reshape"), layer("Permute"), lstm(stateful=True), HEAD)
    with pytest.raises(ModelFileError) as caught:
        from_keras(path)
    assert all(word in str(caught.value) for word in ("Reshape", "Permute", "stateful"))


def test_members_elsewhere(keras_file: Callable[..., Path]) -> None:
    for name in ("../../.bashrc", "/etc/passwd", "..\\x"):
        with pytest.raises(ModelFileError, match="members that would lie outside of it"):
            from_keras(keras_file(lstm(), HEAD, members={name: b"x"}))


def test_a_zip_bomb(keras_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """What it declares is held against its size before anything is unpacked."""
    monkeypatch.setenv("SEGUE_MEMORY_GB", "0.01")
    bomb = {"assets/zeros": bytes(20_000_000)}
    path = keras_file(lstm(), HEAD, members=bomb, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelFileError, match="unpacks to 20 MB or more from"):
        from_keras(path)


def test_a_zip_bomb_that_declares_less(keras_file: Callable[..., Path], tmp_path: Path) -> None:
    """A member is unpacked no further than it says, and packed in the way of Keras only."""
    path = tmp_path / "lies.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(config_of(lstm(), HEAD)))
        archive.writestr("model.weights.h5", bytes(60_000_000))
        archive.infolist()[-1].file_size = 1000
    tracemalloc.start()
    with pytest.raises(ModelFileError, match="is not a whole .keras file"):
        from_keras(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
    for way in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(ModelFileError, match="packs .* in a way that Keras does not"):
            from_keras(keras_file(lstm(), HEAD, compression=way))


def test_a_member_twice(keras_file: Callable[..., Path]) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        path = keras_file(lstm(), HEAD, members={"config.json": b"{}"})
    with pytest.raises(ModelFileError, match="a member twice"):
        from_keras(path)


def test_an_array_that_declares_more_than_the_file(tmp_path: Path) -> None:
    path = tmp_path / "absurd.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/dense/vars/0", (10**6, 10**6), "f4", chunks=(1000, 1000))
    with pytest.raises(ModelFileError, match="declares the shape .*, more than the file holds"):
        from_keras(path, network="dense(3)")


def test_groups_that_are_their_own_neighbours(tmp_path: Path) -> None:
    """Two ways into each of 35 levels would be 2**35 groups."""
    path = tmp_path / "ways.weights.h5"
    with h5py.File(path, "w") as file:
        below = file.create_group("layers")
        for _ in range(35):
            group = below.create_group("a")
            below["b"], below = group, group
    with pytest.raises(ModelFileError, match="holds a group twice"):
        from_keras(path, network="dense(3)")


def test_pieces_that_are_larger_than_their_array(tmp_path: Path) -> None:
    path = tmp_path / "pieces.weights.h5"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"shape": (10,), "maxshape": (None,), "chunks": (500_000_000,)}, "in pieces of .50000000"),
        ({"shape": (0, 10**12)}, "which has no values"),
        ({"data": np.zeros(10_000), "compression": "gzip"}, "more than the file holds"),
        ({"data": np.zeros(100), "compression": "gzip"}, "is packed, as Keras does not write it"),
    ]
    for how, message in cases:
        with h5py.File(path, "w") as file:
            file.create_dataset("layers/dense/vars/0", dtype="f4", **how)
        with pytest.raises(ModelFileError, match=message):
            from_keras(path, network="dense(3)")


CODE = {
    "module": ({"module": "evil", "class_name": "Zeros", "config": {}}, "class Zeros of evil"),
    "near": ({"module": "keras_evil", "class_name": "Zeros", "config": {}}, "of keras_evil"),
    "builtins": (
        {"module": "builtins", "class_name": "function", "config": "eval"}, "of builtins",
    ),
    "registered": (
        {"module": "keras", "class_name": "Zeros", "registered_name": "evil>Zeros"}, "Keras's own",
    ),
    "lambda": ({"class_name": "__lambda__", "config": {"value": "..."}}, "holds Python code"),
    "deep": ({"config": {"a": [{"b": {"class_name": "Lambda"}}]}}, "holds Python code"),
}  # fmt: skip


@pytest.mark.parametrize("name", CODE)
def test_code_is_found_wherever_it_stands(keras_file: Callable[..., Path], name: str) -> None:
    """Not in layers only: Keras imports what an initializer names."""
    given, message = CODE[name]
    for part in ("kernel_initializer", "bias_regularizer", "recurrent_constraint", "dtype"):
        with pytest.raises(ModelFileError, match=message) as caught:
            from_keras(keras_file(lstm(**{part: given}), HEAD))
        assert f"{part} of layer lstm" in str(caught.value)


def test_how_a_model_was_compiled_does_not_matter(keras_file: Callable[..., Path]) -> None:
    loss = {"module": "mine", "class_name": "function", "config": "loss"}
    config = {**config_of(lstm(kernel_initializer={"module": "keras.initializers",
        "class_name": "Zeros", "config": {}, "registered_name": None}), HEAD),
        "compile_config": {"loss": loss}}  # fmt: skip
    assert from_keras(keras_file(config=config)).network_.outputs == 3


def test_absurd_numbers_of_features(keras_file: Callable[..., Path]) -> None:
    """Refused before arrays of as many values are made."""
    plain = layer("LayerNormalization", center=False, scale=False, epsilon=0.1)
    moments = layer("Normalization", mean=[0.0], variance=[1.0])
    for layers in ([moments, lstm(), HEAD], [plain, lstm(), HEAD]):
        config = config_of(*layers)
        config["config"]["layers"][0]["config"]["batch_shape"] = [None, None, 10**12]
        with pytest.raises(ModelFileError, match="declares 1,000,000,000,000 numbers"):
            from_keras(keras_file(config=config))
    wide = {**HEAD, "config": {**HEAD["config"], "units": 10**9}}
    with pytest.raises(ModelFileError, match="declares 1,000,000,000 numbers"):
        from_keras(keras_file(lstm(), wide, plain))


def test_links_to_other_files(tmp_path: Path) -> None:
    path = tmp_path / "links.weights.h5"
    other = weights_to(tmp_path / "other.h5", WEIGHTS)
    with h5py.File(path, "w") as file:
        file["layers/lstm"] = h5py.ExternalLink(str(other), "layers/lstm")
    with pytest.raises(ModelFileError, match="is a link to elsewhere"):
        from_keras(path, network="lstm(2) dense(3)")
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/dense/vars/0", (3,), "f4", external=str(tmp_path / "other.h5"))
    with pytest.raises(ModelFileError, match="lies in another file"):
        from_keras(path, network="dense(3)")


def test_other_files(tmp_path: Path, keras_file: Callable[..., Path]) -> None:
    path = tmp_path / "other"
    cases: dict[bytes, str] = {
        b"": "is no file of Keras 3",
        b"PK\x03\x04 and no more": "is not a whole .keras file",
        b"\x89HDF\r\n\x1a\n and no more": "no whole HDF5 file",
    }
    for content, message in cases.items():
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=message):
            from_keras(path, network="dense(3)")
    with pytest.raises(DataNotFoundError, match="no such file of Keras"):
        from_keras(tmp_path / "nowhere.keras")
    with h5py.File(path, "w") as file:
        file["x"] = [1.0]
    with pytest.raises(ModelFileError, match="without weights of layers"):
        from_keras(path)
    with h5py.File(path, "w") as file:
        file.create_group("model_weights")
    with pytest.raises(ModelFileError, match="of Keras 2. Open it with Keras and save it anew"):
        from_keras(path)
    whole = keras_file(lstm(), HEAD)
    path.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(ModelFileError, match="not a whole .keras file"):
        from_keras(path)


def test_weights_that_are_not_those_of_the_layers(keras_file: Callable[..., Path]) -> None:
    less = {name: values for name, values in WEIGHTS.items() if name != "lstm/cell/vars/1"}
    with pytest.raises(ModelFileError, match="weights are missing: there is no layers/lstm/cell/v"):
        from_keras(keras_file(lstm(), HEAD, weights=less))
    with pytest.raises(ModelFileError, match=r"has weights of no layer: layers/dense_1/vars/0"):
        from_keras(keras_file(lstm(), HEAD, weights={**WEIGHTS, "dense_1/vars/0": [0.0]}))
    with pytest.raises(
        ModelFileError, match=r"layer dense \(Dense\) do not fit it: kernel is \[2, 5"
    ):
        from_keras(keras_file(lstm(), HEAD, weights={**WEIGHTS, "dense/vars/0": np.zeros((2, 5))}))
    with pytest.raises(ModelFileError, match="bias of layer dense is not finite"):
        from_keras(keras_file(lstm(), HEAD, weights={**WEIGHTS, "dense/vars/1": [np.nan] * 3}))


def test_descriptions_that_do_not_hold_together(keras_file: Callable[..., Path]) -> None:
    deep: Any = {"module": "keras", "class_name": "Sequential", "config": {"layers": []}}
    for _ in range(30):
        deep = {"module": "keras", "class_name": "Sequential", "config": {"layers": [deep]}}
    empty, wrong = {**config_of(), "config": {}}, config_of(lstm(units="x"), HEAD)
    for config in ({"a": 3}, {"class_name": 3}, empty, deep, wrong):
        with pytest.raises(ModelFileError):
            from_keras(keras_file(config=config))


def test_a_model_that_is_no_chain(keras_file: Callable[..., Path]) -> None:
    def taking(one: Layer, *names: str) -> Layer:
        tensors = [
            {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}
            for name in names
        ]
        nodes = [{"args": tensors, "kwargs": {}}] if names else []
        return {**one, "name": one["config"]["name"], "inbound_nodes": nodes}

    start = taking(layer("InputLayer", batch_shape=[None, None, 4], name="input"))
    chain = [start, taking(lstm(), "input"), taking(layer("Add"), "lstm", "input")]
    config = {
        "module": "keras", "class_name": "Functional",
        "config": {"name": "f", "layers": chain, "output_layers": ["add", 0, 0]},
    }  # fmt: skip
    with pytest.raises(ModelFileError, match=r"no chain: layer add \(Add\) has 2 inputs"):
        from_keras(keras_file(config=config))


def test_weights_need_their_layers(tmp_path: Path, keras_file: Callable[..., Path]) -> None:
    path = weights_to(tmp_path / "only.weights.h5", WEIGHTS)
    with pytest.raises(OptionError, match="give these as `network`"):
        from_keras(path)
    found = from_keras(path, network="lstm(2) dense(3, softmax)")
    assert found.network_.input_shape.features == 4
    with pytest.raises(OptionError, match="leave `network` out"):
        from_keras(keras_file(lstm(), HEAD), network="lstm(2)")
    with pytest.raises(OptionError, match="expected 3 different names"):
        from_keras(path, network="lstm(2) dense(3, softmax)", classes=["a", "b"])
    with pytest.raises(OptionError, match="that is no regress"):
        from_keras(path, network="lstm(2) dense(3, softmax)", task="regress")


def test_an_output_that_is_a_text(keras_file: Callable[..., Path]) -> None:
    config = config_of(lstm(), HEAD)
    config["class_name"] = "Functional"
    config["config"] |= {"input_layers": [["input", 0, 0]], "output_layers": "add"}
    with pytest.raises(ModelFileError, match="does not hold together"):
        from_keras(keras_file(config=config))
