"""A model file: the same bits come back, and whatever else is in it cannot hurt."""

from __future__ import annotations

import errno
import json
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import segue
from segue import SequenceClassifier, TrainingOptions, tensorfile
from segue.data.sequences import Array
from segue.errors import DataNotFoundError, ModelFileError, NotFittedError, WriteError
from segue.testing import tiny_dataset

Quick = Callable[..., SequenceClassifier]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    options = TrainingOptions(progress="none")
    data = tiny_dataset(30, missing=0.1)
    SequenceClassifier("bilstm(3) dense(4, relu)", epochs=2, options=options).fit(data).save(path)
    return path


def unpack(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    text, tensors, _ = tensorfile.read(path)
    return json.loads(text), tensors


def without_seconds(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def change_in(description: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Change fields wherever they stand; a field that stands nowhere is added at the top."""
    left = dict(change)

    def walk(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: left.pop(k) if k in left else walk(v) for k, v in value.items()}

    return {**walk(description), **left}


def pack(path: Path, description: Any, tensors: dict[str, Array]) -> Path:
    text = description if isinstance(description, str) else json.dumps(description)
    path.write_bytes(tensorfile.to_bytes(text, tensors))
    return path


@pytest.mark.parametrize(
    ("network", "more"),
    [
        ("lstm(3, dropout=0.1, name=memory)", {"epochs": np.int64(2)}),
        ("gru(3, reset=before, initial_state=learnt)", {"head": "sigmoid"}),
        ("rnn(2, initial_state=[[0.1, -0.2]])", {"class_weight": {"up": 2.0}}),
        ([segue.layers.BiGRU(3, merge="sum")], {"class_weight": "balanced", "prepare": "none"}),
        ("bilstm(3, merge=none) bilstm(2)", {"classes": ["up", "down", "left"]}),
        ("pool(max)", {"options": TrainingOptions("sgd", "constant", progress="none")}),
    ],
)
def test_the_same_bits_come_back(quick: Quick, tmp_path: Path, network: Any, more: Any) -> None:
    """Weights, classes, preparation, history and parameters, with a validation that was watched."""
    data = tiny_dataset(40, missing=0.2, parts=True)
    fitted = quick(network, **more).fit(data)
    fitted.save(tmp_path / "m.safetensors")
    loaded = segue.load(tmp_path / "m.safetensors")
    assert isinstance(loaded, SequenceClassifier)
    np.testing.assert_array_equal(loaded.predict_proba(data), fitted.predict_proba(data))
    np.testing.assert_array_equal(loaded.predict(data), fitted.predict(data))
    assert loaded.network_.names == fitted.network_.names
    assert loaded.class_counts_ == fitted.class_counts_
    assert loaded.history_.rows == without_seconds(fitted.history_.rows)
    assert loaded.history_.best_epoch == fitted.history_.best_epoch
    assert loaded.stopped_ == fitted.stopped_ == "finished"
    assert loaded.training_summary_ == [p for p in fitted.training_summary_ if p[0] != "time"]
    ours, theirs = fitted.get_params(), loaded.get_params()
    for name in ours:
        if name not in ("network", "options"):
            assert theirs[name] == ours[name], name
    assert loaded.fit(data).predict_proba(data).shape == fitted.predict_proba(data).shape
    np.testing.assert_array_equal(loaded.predict_proba(data), fitted.predict_proba(data))


@pytest.mark.parametrize("classes", [("a", "b"), (1, 2), (0.0, 1.5), (False, True)])
def test_classes_come_back_with_their_type(quick: Quick, tmp_path: Path, classes: Any) -> None:
    """Text, whole numbers, floats, truth values."""
    data = tiny_dataset(12)
    y = np.where(data.y == "up", classes[1], classes[0])
    fitted = quick("pool").fit(data.x, y)
    fitted.save(tmp_path / "m.safetensors")
    loaded = segue.load(tmp_path / "m.safetensors")
    assert loaded.classes_.dtype == fitted.classes_.dtype
    np.testing.assert_array_equal(loaded.classes_, fitted.classes_)


def test_a_folder_with_a_model_is_taken(model: Path) -> None:
    """A run's folder, for example."""
    assert segue.load(model.parent).classes_.tolist() == ["down", "up"]


def test_nothing_is_saved_before_fit(quick: Quick, tmp_path: Path) -> None:
    """And no file is left."""
    with pytest.raises(NotFittedError, match="not fitted yet"):
        quick().save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_disk_leaves_nothing(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """One message; the older file of that name is as it was."""
    loaded = segue.load(model)
    target = tmp_path / "m.safetensors"
    target.write_bytes(b"older")

    def fail(self: Path, content: bytes) -> int:
        raise OSError(code, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(WriteError, match=r"m.safetensors could not be written \(No space left"):
        loaded.save(target)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]
    assert target.read_bytes() == b"older"


def test_a_really_full_disk_leaves_nothing(full_disk: Path, quick: Quick) -> None:
    """A megabyte, and a network of two."""
    fitted = quick("dense(700) dense(700) pool", epochs=1).fit(tiny_dataset(8))
    with pytest.raises(WriteError, match="could not be written"):
        fitted.save(full_disk / "m.safetensors")
    assert list(full_disk.iterdir()) == []


# -- files that are none -------------------------------------------------------------------------


def test_files_that_are_no_model(tmp_path: Path) -> None:
    """Absent, a text, a pickle, another program's safetensors."""
    path = tmp_path / "m.safetensors"
    with pytest.raises(DataNotFoundError, match="there is no such model file"):
        segue.load(path)
    with pytest.raises(DataNotFoundError, match="model.safetensors: there is no such model file"):
        segue.load(tmp_path)
    for content in (b"", b"hello", b"\x80\x04\x95" + b"x" * 100, b"\xff" * 1000):
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match="is not a whole safetensors file"):
            segue.load(path)
    path.write_bytes(safetensors.numpy.save({"a": np.zeros(3, np.float32)}))
    with pytest.raises(ModelFileError, match="but not one that segue wrote: it has no description"):
        segue.load(path)


def test_a_truncated_model(model: Path, tmp_path: Path) -> None:
    """Wherever it ends."""
    whole = model.read_bytes()
    path = tmp_path / "m.safetensors"
    for size in (1, 8, 50, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelFileError, match="is not a whole safetensors file"):
            segue.load(path)


def test_a_newer_format(model: Path, tmp_path: Path) -> None:
    """Says which segue wrote it, and to update; not which fields are strange."""
    description, tensors = unpack(model)
    newer = {**description, "format": 7, "segue": "9.1", "unheard": "of"}
    with pytest.raises(ModelFileError, match="has format 7, written by segue 9.1.*Update segue"):
        segue.load(pack(tmp_path / "m.safetensors", newer, tensors))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"code": "import os"}, "code: extra inputs are not permitted"),
        ({"network": [{"kind": "os.system", "units": 3}]}, "unknown layer 'os.system'"),
        ({"network": [{"kind": "lstm", "units": 3, "path": "/"}]}, "lstm has no field path"),
        ({"network": [{"kind": "lstm", "units": -3}]}, "`units` is -3"),
        (
            {"network": [{"kind": "lstm", "units": 2**31 - 1}]},
            "no such network can be built|differ",
        ),
        ({"network": [{"kind": "lstm", "units": 10**6}]}, "description and the weights differ"),
        ({"network": []}, "does not hold together"),
        ({"network": [{"kind": "pool"}]}, "weights differ: bilstm_1/backward/bias is .*, not None"),
        ({"classes": ["a"]}, "does not hold together"),
        (
            {"classes": ["a", "b", "c"], "class_counts": [1, 2, 3]},
            "head/bias is \\(1,\\), not \\(3,\\)",
        ),
        ({"classes": "ab"}, "classes"),
        ({"class_counts": [1]}, "does not hold together"),
        ({"estimator": "os.system"}, "estimator.*SequenceClassifier"),
        ({"input_shape": {"features": 10**15}}, "network takes 1000000000000000 channels and the"),
        ({"preparation": {}}, "does not hold together"),
        ({"format": 1e999}, "is not valid"),
        ({"format": [1]}, "is not valid"),
        ({"history": [{"epoch": "one"}]}, "history.0.epoch: input should be a valid number"),
        ({"best_epoch": 9, "history": [{"epoch": 1.0}]}, "best_epoch is 9, and the history has 1"),
    ],
)
def test_a_description_that_does_not_hold_together(
    model: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    """Unknown kinds and fields are refused by name, and no memory is taken on trust."""
    description, tensors = unpack(model)
    path = pack(tmp_path / "m.safetensors", change_in(description, change), tensors)
    with pytest.raises(ModelFileError, match=message):
        segue.load(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "3",
        '"segue"',
        "[" * 100_000,
        '{"format": ' + "9" * 5000 + "}",
        "\x00",
    ],
)
def test_a_description_that_is_no_json_object(model: Path, tmp_path: Path, text: str) -> None:
    """Also a hundred thousand brackets, which no parser survives that trusts its stack."""
    _, tensors = unpack(model)
    with pytest.raises(ModelFileError, match="m.safetensors"):
        segue.load(pack(tmp_path / "m.safetensors", text, tensors))


def test_weights_that_are_not_those_of_the_network(model: Path, tmp_path: Path) -> None:
    """One missing, one more, one of another shape or kind."""
    description, tensors = unpack(model)
    path = tmp_path / "m.safetensors"
    fewer = {k: v for k, v in tensors.items() if k != "head/bias"}
    for changed, message in (
        (fewer, r"head/bias is None, not \(1,\)"),
        ({**tensors, "more/kernel": np.zeros(2, np.float32)}, r"more/kernel is \(2,\), not None"),
        ({**tensors, "head/bias": np.zeros(2, np.float32)}, r"head/bias is \(2,\), not \(1,\)"),
        ({}, "is None, not"),
    ):
        with pytest.raises(ModelFileError, match=message):
            segue.load(pack(path, description, changed))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=5,
)


@pytest.mark.slow
@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_to_the_description_can_do_harm(model: Path, tmp_path: Path, data: Any) -> None:
    """Any value replaced by anything: it loads and answers, or is refused as a model file."""
    description, tensors = unpack(model)
    place: Any = description
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(list(keys)))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        place = inner
    if isinstance(place, dict) and data.draw(st.integers(0, 9)) == 0:
        del place[key]
    else:
        place[key] = data.draw(_JSON)
    path = pack(tmp_path / "m.safetensors", description, tensors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            loaded = segue.load(path)
        except ModelFileError:
            return
        assert loaded.predict_proba(tiny_dataset(6).x).shape == (6, 2)


def test_a_single_changed_bit_is_found(model: Path, tmp_path: Path) -> None:
    """In the description and in every tensor."""
    whole, path = bytearray(model.read_bytes()), tmp_path / "m.safetensors"
    for place in range(8, len(whole), 101):
        whole[place] ^= 4
        path.write_bytes(whole)
        with pytest.raises(ModelFileError, match=r"m\.safetensors: "):
            segue.load(path)
        whole[place] ^= 4


def test_a_model_outlives_its_file(model: Path, tmp_path: Path) -> None:
    """It is not mapped: a file that is cut or removed changes no answer."""
    path, x = tmp_path / "m.safetensors", tiny_dataset(9).x
    path.write_bytes(model.read_bytes())
    loaded = segue.load(path)
    before = loaded.predict_proba(x)
    path.write_bytes(b"")
    np.testing.assert_array_equal(loaded.predict_proba(x), before)


# -- what a file may cost -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "field", "value", "message"),
    [
        (
            "conv(2, 3, causal=true) pool(mean)",
            "dilation",
            2**27,
            "single step takes about .*conv_1",
        ),
        ("conv(2, 3) pool(mean)", "dilation", 2**30, "single step takes about .* GB"),
        ("conv(2, 3) pool(mean)", "dilation", 2**40, "dilation"),
        ("maxpool(3) pool(mean)", "width", 2**29, "single step takes about .*maxpool_1"),
        ("random_conv(40)", "longest", 2**30, "single step takes about .*random_conv_1"),
        ("residual(conv(1, 3)) pool(mean)", "dilation", 2**29, "single step takes .*residual_1"),
    ],
)
def test_a_layer_that_would_take_gigabytes_is_refused(
    tmp_path: Path, network: str, field: str, value: int, message: str
) -> None:
    """A small file may not ask for more than its tensors say: before anything is allocated."""
    path, options = tmp_path / "m.safetensors", TrainingOptions(progress="none")
    SequenceClassifier(network, epochs=1, options=options).fit(tiny_dataset(12)).save(path)
    description, tensors = unpack(path)
    layer = description["network"][0]
    inner = layer["layers"][0] if layer["kind"] == "residual" else layer
    inner[field] = value
    pack(path, description, tensors)
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=message):
            segue.load(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_another_limit_is_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, options = tmp_path / "m.safetensors", TrainingOptions(progress="none")
    network = "conv(2, 3, dilation=1000) pool(mean)"
    SequenceClassifier(network, epochs=1, options=options).fit(tiny_dataset(12)).save(path)
    segue.load(path)
    monkeypatch.setenv("SEGUE_MEMORY_GB", "0.00001")
    with pytest.raises(ModelFileError, match="SEGUE_MEMORY_GB in the environment sets another"):
        segue.load(path)


@pytest.mark.parametrize(
    ("prepare", "change"),
    [
        ("logmel(2, frame=4, hop=2, rate=8)", {"frame": 2**30}),
        ("logmel(2, frame=4, hop=2, rate=8)", {"frame": 2**20, "bands": 2**20}),
        ("spectrogram(frame=4, hop=2)", {"frame": 2**30}),
        ("frame(2)", {"n": 2**40}),
    ],
)
def test_a_preparation_out_of_proportion_is_refused(
    tmp_path: Path, prepare: str, change: dict[str, int]
) -> None:
    path, options = tmp_path / "m.safetensors", TrainingOptions(progress="none")
    x = np.random.default_rng(0).normal(size=(12, 16, 1))
    model = SequenceClassifier("gru(2)", prepare=prepare, epochs=1, options=options)
    model.fit(x, np.arange(12) % 2).save(path)
    description, tensors = unpack(path)
    for step in description["preparation"]["steps"]:
        step.update({name: value for name, value in change.items() if step["kind"] != "x"})
    pack(path, description, tensors)
    with pytest.raises(ModelFileError, match=r"m\.safetensors"):
        segue.load(path).predict(x)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(model: Path, tmp_path: Path, value: float) -> None:
    description, tensors = unpack(model)
    name = next(name for name in tensors if name.endswith("kernel"))
    tensors[name] = np.full_like(tensors[name], value)
    with pytest.raises(ModelFileError, match=f"the weight {name} is not finite"):
        segue.load(pack(tmp_path / "m.safetensors", description, tensors))


def test_classes_that_occur_twice_are_refused(tmp_path: Path) -> None:
    path, options = tmp_path / "m.safetensors", TrainingOptions(progress="none")
    x = np.random.default_rng(0).normal(size=(12, 6, 1))
    SequenceClassifier("gru(2)", epochs=1, options=options).fit(x, list("abc") * 4).save(path)
    description, tensors = unpack(path)
    description["targets"]["classes"] = ["a", "b", "b"]
    with pytest.raises(ModelFileError, match="classes"):
        segue.load(pack(path, description, tensors))


def test_equal_trainings_give_equal_files(tmp_path: Path) -> None:
    """Byte for byte: how long they took, and when, stands in a run and not in its model."""
    data, paths = tiny_dataset(30), [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path in paths:
        options = TrainingOptions(progress="none", refit=True)
        SequenceClassifier("gru(3)", epochs=2, validation=0.3, options=options).fit(data).save(path)
        time.sleep(0.1)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert "seconds" not in segue.load(paths[0]).history_.rows[0]


def test_weights_of_another_type_are_refused(model: Path, tmp_path: Path) -> None:
    description, tensors = unpack(model)
    name = next(name for name in tensors if name.endswith("kernel"))
    tensors[name] = tensors[name].astype(np.float64)
    with pytest.raises(ModelFileError, match=rf"the weight {name} has type float64, not"):
        segue.load(pack(tmp_path / "m.safetensors", description, tensors))


@pytest.mark.parametrize("threads", [10**5, 2**31, 2**40])
def test_a_file_cannot_ask_for_a_million_threads(model: Path, tmp_path: Path, threads: int) -> None:
    description, tensors = unpack(model)
    description["parameters"]["options"]["threads"] = threads
    loaded = segue.load(pack(tmp_path / "m.safetensors", description, tensors))
    assert len(loaded.predict(tiny_dataset(9).x)) == 9


@pytest.mark.parametrize(
    ("value", "is_small"),
    [
        ([{}] * 30_000, True),
        ([{}] * 100_000, False),
        ([[]] * 100_000, False),
        ([1] * 400_000, False),
        ([{"a": 1.0}] * 100_000, False),
    ],
)
def test_a_small_file_cannot_become_large(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any, is_small: bool
) -> None:
    """It is refused before it is taken apart, unless its reader allows more."""
    description, tensors = unpack(model)
    path = pack(tmp_path / "m.safetensors", {**description, "history": value}, tensors)
    if not is_small:
        with pytest.raises(
            ModelFileError, match=r"describes about [\d,]+ values in .*_MEMORY_GB=8"
        ):
            segue.load(path)
        monkeypatch.setenv("SEGUE_MEMORY_GB", "8")
    if isinstance(value[0], dict):
        assert len(segue.load(path).history_) == len(value)
    else:
        with pytest.raises(ModelFileError, match=r"history\.0: [^;]*$"):  # the first of many
            segue.load(path)


@pytest.mark.slow
def test_tensors_without_end_are_refused(model: Path, tmp_path: Path) -> None:
    description, tensors = unpack(model)
    more = {f"strange/{number}": np.zeros(0, np.float32) for number in range(50_000)}
    path = pack(tmp_path / "m.safetensors", description, {**tensors, **more})
    with pytest.raises(ModelFileError, match="describes about"):
        segue.load(path)


def test_an_object_of_many_fields_is_refused(model: Path, tmp_path: Path) -> None:
    """An error for each would take more memory than they do."""
    description, tensors = unpack(model)
    description["parameters"]["options"] = {f"field {number}": [] for number in range(1001)}
    with pytest.raises(ModelFileError, match="an object has 1,001 fields, from 'field 0' on"):
        segue.load(pack(tmp_path / "m.safetensors", description, tensors))
