"""Windows that lie wholly inside a sequence (`padding=valid`): what becomes of short sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue import SequenceClassifier, TrainingOptions
from segue.errors import DataError, NotCausalError, SpecError
from segue.kernels.ragged import Ragged
from segue.layers import BuildContext, Shape
from segue.layers.base import chain_shape
from segue.layers.inference import InferenceChain
from segue.networks import as_specs
from segue.testing import tiny_dataset
from segue.weights import to_onnx

NETWORK = "conv(4, 3, relu, stride=2, padding=valid) maxpool(2, 1, padding=valid) pool(mean)"
SHORTEST = 5  # two windows of three steps, two steps apart


def shape_of(text: str, length: int | None = None, *, every: bool = False) -> Shape:
    return chain_shape(as_specs(text), BuildContext("", Shape(3, length=length), every))


@pytest.fixture(scope="module")
def classifier() -> SequenceClassifier:
    options = TrainingOptions(progress="none")
    model = SequenceClassifier(NETWORK, epochs=1, validation=None, options=options)
    return model.fit(tiny_dataset(12, lengths=(SHORTEST, 9)))


@pytest.mark.parametrize("text", ["conv(4, {})", "maxpool({}, 1)", "avgpool({}, 1)"])
@pytest.mark.parametrize("width", [1, 2, 5])
def test_lengths(text: str, width: int) -> None:
    layer = text.format(width).replace(")", ", padding=valid)")
    assert shape_of(layer, 9, every=True).length == 9 - width + 1
    assert shape_of(layer, every=True).least == width


def test_the_shortest_sequence_is_counted_through_strides() -> None:
    assert shape_of(NETWORK).least == SHORTEST
    assert shape_of("conv(2, 3, stride=2, dilation=2, padding=valid) flatten", 9).features == 2 * 3


def test_shorter_ones_are_refused_by_the_layer(classifier: SequenceClassifier) -> None:
    width = classifier.preparation_.channels_in
    assert classifier.predict([np.zeros((SHORTEST, width))]).shape == (1,)
    message = "maxpool_1 has padding=valid: it needs sequences of at least 2 steps.* here has 1"
    for short in (4, 3):
        with pytest.raises(DataError, match=message):
            classifier.predict([np.zeros((9, width)), np.zeros((short, width))])
    with pytest.raises(DataError, match="conv_1 has padding=valid: .* at least 3 steps.* has 2"):
        classifier.predict([np.zeros((2, width))])


def test_shorter_ones_are_refused_in_training() -> None:
    options = TrainingOptions(progress="none")
    model = SequenceClassifier(NETWORK, epochs=1, validation=None, options=options)
    with pytest.raises(DataError, match="Leave shorter ones out, or use padding=same"):
        model.fit(tiny_dataset(12, lengths=(2, 9)))


def test_shorter_ones_are_refused_by_the_file(
    classifier: SequenceClassifier, tmp_path: Path
) -> None:
    """A graph has no messages: there is no such entry of a table."""
    onnx = pytest.importorskip("onnxruntime")
    path = tmp_path / "model.onnx"
    report = to_onnx(classifier, path)
    assert report.largest() <= 1
    session = onnx.InferenceSession(path)
    x = np.zeros((2, 9, classifier.preparation_.channels_in), np.float32)

    def run(*lengths: int) -> Any:
        return session.run(None, {"x": x, "lengths": np.array(lengths)})

    run(9, SHORTEST)
    with pytest.raises(Exception, match="out of data bounds"):
        run(9, SHORTEST - 1)


def test_prefixes_begin_where_there_is_an_answer(classifier: SequenceClassifier) -> None:
    x = tiny_dataset(2, lengths=(8, 8)).x
    with pytest.raises(NotCausalError, match="no probabilities after fewer than 5 steps"):
        classifier.anytime(x)
    assert len(classifier.anytime(x, every=SHORTEST)[0]) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conv(4, 3, causal=true, padding=valid) pool(mean)", "causal=true.* padding=valid.*one"),
        ("parallel(conv(2, 3, padding=valid), linear) pool(mean)", "lose different numbers"),
        ("residual(conv(3, 3, padding=valid)) pool(mean)", "lose different numbers of steps"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        shape_of(text)


def test_all_sequences_are_too_short() -> None:
    with pytest.raises(SpecError, match="at least 6 steps, and the shortest here has 5"):
        shape_of("conv(2, 6, padding=valid) pool(mean)", 5)


def test_an_answer_at_every_step_needs_every_step() -> None:
    model = segue.SequenceLabeler("conv(4, 3, padding=valid)", epochs=1, validation=None)
    with pytest.raises(SpecError, match="has none for 2 of them: use padding=same"):
        model.fit(tiny_dataset(6, task="label"))


def test_the_mean_of_a_window_is_that_of_its_real_steps() -> None:
    chain = InferenceChain(as_specs("avgpool(3, 1)"), BuildContext("", Shape(1), every=True), {})
    x = np.array([[2, 4, 9, 5, 7, 8]], np.float32).T
    found = chain(Ragged(x, np.array([0, 4, 6]))).values[:, 0]
    np.testing.assert_allclose(found, [3, 5, 6, 7, 7.5, 7.5])
