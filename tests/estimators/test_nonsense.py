"""No answer is nonsense without a word: what is not finite, or says nothing, is named."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue import (
    SequenceClassifier,
    SequenceLabeler,
    SequenceRegressor,
    Sequences,
    TrainingOptions,
)
from segue.errors import DataError, OptionError, SegueError
from segue.testing import tiny_dataset

QUIET = TrainingOptions(progress="none")
NETWORKS = [
    "lstm(3)", "gru(3)", "rnn(3)", "rnn(3, activation=relu)", "bilstm(2)",
    "conv(3, 3) pool(mean)", "conv(3, 3) batchnorm relu pool(max)", "dense(3, relu) pool(mean)",
    "residual(conv(2, 3)) pool(mean)", "conv(4, 3) layernorm attention(2) pool(mean)",
    "random_conv(8)", "maxpool(2) pool(mean)", "dense(3, exponential) pool(last)",
]  # fmt: skip


def made(count: int = 24) -> Any:
    x = np.random.default_rng(0).normal(size=(count, 12, 2)).astype(np.float32)
    return x, np.arange(count) % 2


def fitted(network: str = "gru(3)", kind: Any = SequenceClassifier, **more: Any) -> Any:
    x, y = made()
    y = [np.repeat(label, 12) for label in y] if kind is SequenceLabeler else y
    y = y.astype(float) + 0.25 if kind is SequenceRegressor else y
    return kind(network, epochs=1, options=QUIET, **more).fit(x, y)


@pytest.mark.sampled(5)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("size", [1e10, 1e19, 1e30, 1e38, 3.4e38, 1e300])
@pytest.mark.parametrize("network", NETWORKS)
def test_huge_values_give_an_error_or_a_finite_answer(network: str, size: float) -> None:
    """Whether they come in training or in prediction, in float32 or in float64."""
    x, y = made()
    huge = x.astype(np.float64)
    huge[5] *= size
    single = np.float32(np.clip(huge, -3.4e38, 3.4e38))
    for prepare in ("standardize", "none"):
        model = fitted(network, prepare=prepare)
        assert all("equence 5" in outcome(model, values) for values in (huge, single))
        try:
            again = SequenceClassifier(network, epochs=1, prepare=prepare, options=QUIET)
            again.fit(huge, y)
        except SegueError:
            continue
        assert outcome(again, x)


def outcome(model: Any, x: Any) -> str:
    """The message of an error of segue, or the name of a sequence; nothing for a wrong answer."""
    try:
        found = model.predict_proba(x)
    except SegueError as error:
        return str(error)
    return "sequence 5" if np.isfinite(found).all() else ""


@pytest.mark.parametrize(
    ("kind", "network", "layer"),
    [
        (SequenceClassifier, "conv(3, 3) pool(mean) dense(4)", "conv_1"),
        (SequenceClassifier, "gru(3) dense(4)", "dense_1"),
        (SequenceRegressor, "bilstm(2) dense(4)", "bilstm_1"),
        (SequenceLabeler, "gru(3) dense(4)", "head"),
    ],
)
def test_an_answer_that_is_not_finite_names_sequence_and_layer(
    kind: Any, network: str, layer: str
) -> None:
    model = fitted(network, kind)
    name = next(n for n in model.network_.get_weights() if n.startswith(f"{layer}/"))
    weight = model.network_.get_weights()[name]
    model.network_.set_weights({name: np.full_like(weight, np.nan)})
    text = rf"answer for sequence 0 is not finite; the first layer .* {layer}\. The weights {name}"
    with pytest.raises(DataError, match=text):
        model.predict(made()[0])
    if kind is SequenceClassifier:
        with pytest.raises(DataError, match="sequence 0 is not finite"):
            segue.evaluate(model, segue.Dataset(*made()))


def test_values_that_overflow_are_refused_without_a_warning_of_numpy() -> None:
    """Scaled by what the training had, they are beyond float32."""
    x, y = made()
    model = SequenceClassifier("gru(3)", epochs=1, options=QUIET).fit(0.01 * x, y)
    with pytest.raises(DataError, match="answer for sequence 0 is not finite"):
        model.predict([np.full((3, 2), 1e38)])


def test_a_path_of_the_kernels_that_is_unknown_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted("gru(3)").save(tmp_path / "m.safetensors")
    monkeypatch.setenv("SEGUE_KERNELS", "AVX2")
    with pytest.raises(OptionError, match="^SEGUE_KERNELS=AVX2 is unknown; expected avx512"):
        segue.load(tmp_path / "m.safetensors")


def test_a_network_is_asked_for_what_modules_have() -> None:
    with pytest.raises(AttributeError, match="network_.to_torch.. is the module of PyTorch"):
        fitted("gru(3)").network_.named_parameters  # noqa: B018


def test_only_the_sequence_concerned_is_named() -> None:
    model = fitted("dense(3, exponential) pool(mean)", prepare="none")
    x = made()[0]
    x[7] *= 1e4
    with pytest.raises(DataError, match="answer for sequence 7 is not finite.*dense_1"):
        model.predict(x)
    with pytest.raises(DataError, match="sequence 7 is not finite"):
        model.embed(x, layer="dense_1")
    assert np.isfinite(model.predict_proba(np.delete(x, 7, axis=0))).all()


def test_a_stream_says_so_too() -> None:
    stream = fitted("dense(3, exponential) pool(mean)", prepare="none").stream()
    stream.push([0.5, 0.5])
    with pytest.raises(DataError, match="answer after step 1 is not finite"):
        stream.push([1e30, -1e30])


# -- channels that say nothing ---------------------------------------------------------------------


def test_a_channel_without_a_value_is_said() -> None:
    x, y = made()
    x[:, :, 1] = np.nan
    data = segue.Dataset(x, y, channels=("a", "b"))
    with pytest.warns(UserWarning, match="No training sequence has a value in channel b"):
        model = SequenceClassifier("gru(3)", epochs=1, options=QUIET).fit(data)
    assert ("channels", "b has no value") in model.training_summary_


@pytest.mark.parametrize("value", [0.0, 5.0, -1e30])
def test_a_constant_channel_is_said(value: float, capsys: pytest.CaptureFixture[str]) -> None:
    """In the summary, and in the lines that are printed; missing values do not hide it."""
    x, y = made()
    x[:, :, 0] = value
    x[3, 4, 0] = np.nan
    model = SequenceClassifier("gru(3)", epochs=1, options=TrainingOptions(progress="lines"))
    model.fit(x, y)
    assert ("channels", "0 has the same value in every step") in model.training_summary_
    assert "channels: 0 has the same value in every step" in capsys.readouterr().err


def test_a_name_with_commas_is_one_channel() -> None:
    x, y = made()
    x[:, :, 0] = np.nan
    data = segue.Dataset(x, y, channels=("a, b", "c"))
    with pytest.warns(UserWarning, match="value in channel a, b: all"):
        SequenceClassifier("gru(3)", epochs=1, options=QUIET).fit(data)


def test_data_without_any_value_are_refused() -> None:
    x, y = made()
    with pytest.raises(
        DataError, match=r"Every value of the training sequences is missing \(NaN\)"
    ):
        SequenceClassifier("gru(3)", epochs=1, options=QUIET).fit(x * np.nan, y)


def test_ordinary_data_are_not_commented() -> None:
    with warnings.catch_warnings(action="error"):
        assert "channels" not in dict(fitted().training_summary_)


# -- targets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-17, 1e-9, 1.0, 1e9, 1e17])
@pytest.mark.parametrize("columns", [(), (2,)])
def test_targets_of_any_size_give_the_same_model(scale: float, columns: tuple[int, ...]) -> None:
    """They are scaled in float64, so only the unit of the answer differs."""
    x = made()[0]
    y = np.random.default_rng(1).normal(size=(24, *columns))
    small, large = (
        SequenceRegressor("gru(3)", epochs=2, options=QUIET).fit(x, y * unit).predict(x)
        for unit in (1.0, scale)
    )
    np.testing.assert_allclose(large / scale, small, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e20, 1e39, 1e300])
def test_targets_whose_squares_float32_cannot_hold_are_refused(scale: float) -> None:
    x = made()[0]
    y = np.random.default_rng(1).normal(size=24) * scale
    with pytest.raises(DataError, match=r"targets reach .*beyond float32\. Give them in another u"):
        SequenceRegressor("gru(3)", epochs=1, options=QUIET).fit(x, y)
    series = [np.float32(np.cumsum(y[:12]) / scale * 1e20)]
    with pytest.raises(DataError, match="targets reach"):
        segue.Forecaster("gru(3)", size=4, epochs=1, options=QUIET).fit(series)


def test_a_few_missing_values_are_mentioned() -> None:
    """Where, how many, and what becomes of them; nothing where there are none."""
    data = replace(tiny_dataset(12), channels=("a", "b"))
    values = data.x.values.copy()
    values[3, 1] = np.nan
    options = TrainingOptions(progress="none")
    classifier = SequenceClassifier("gru(2)", epochs=1, options=options)
    assert "missing values" not in dict(classifier.fit(data).training_summary_)
    gaps = replace(data, x=Sequences(values, data.x.offsets))
    line = dict(classifier.fit(gaps).training_summary_)["missing values"]
    assert line == f"1 of {values.size:,}, in channel b; prepared by standardize mask"
