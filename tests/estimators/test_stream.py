"""A stream says after each step what the model says of the steps so far, or refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segue import SequenceClassifier, SequenceLabeler, TrainingOptions, load
from segue.data.dataset import Dataset
from segue.errors import DataError, NotCausalError, NotFittedError
from segue.testing.data import tiny_dataset

QUIET = TrainingOptions(progress="none")


def fit(network: str, data: Dataset | None = None, **more: object) -> SequenceClassifier:
    """Two epochs: the weights are no longer those of the beginning."""
    data = tiny_dataset(24) if data is None else data
    return SequenceClassifier(network, epochs=2, options=QUIET, **more).fit(data)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "network",
    [
        "lstm(4)",
        "gru(3, reset=before) dense(4, relu)",
        "rnn(3, activation=relu) gru(2) pool(max)",
        "lstm(3, initial_state=learnt) pool(mean) dropout(0.2)",
        "conv(4, 3, causal=true, dilation=2) batchnorm pool(attention)",
        "residual(conv(2, 3, causal=true)) position attention(1, causal=true) pool(mean)",
        "parallel(lstm(2), conv(3, 2, causal=true) pool(max))",
    ],
)
def test_each_push_is_the_answer_to_the_steps_so_far(network: str) -> None:
    """Sequence after sequence, with a reset between them."""
    classifier = fit(network)
    stream = classifier.stream()
    for steps in tiny_dataset(4, seed=1).x:
        for time, step in enumerate(steps):
            wanted = classifier.predict_proba([steps[: time + 1]])[0]
            np.testing.assert_allclose(stream.push(step), wanted, atol=1e-5)
        assert stream.steps == len(steps)
        stream.reset()
        assert stream.steps == 0


def test_two_streams_do_not_disturb_each_other() -> None:
    """Each has a state of its own; predicting in between changes nothing."""
    classifier = fit("gru(3)")
    first, second = classifier.stream(), classifier.stream()
    alone = [classifier.stream().push([1.0, 2.0]), classifier.stream().push([-1.0, 0.0])]
    together = [first.push([1.0, 2.0]), second.push([-1.0, 0.0])]
    classifier.predict([[[5.0, 5.0]]])
    np.testing.assert_array_equal(alone, together)
    assert not np.array_equal(first.push([0.0, 0.0]), second.push([0.0, 0.0]))


def test_missing_values_where_training_had_some() -> None:
    """They go through the mask as in a whole sequence."""
    data = tiny_dataset(24, missing=0.3)
    classifier = fit("gru(3)", data)
    stream = classifier.stream()
    steps = np.array([[1.0, np.nan], [np.nan, np.nan], [0.5, 2.0]], np.float32)
    for time, step in enumerate(steps):
        wanted = classifier.predict_proba([steps[: time + 1]])[0]
        np.testing.assert_allclose(stream.push(step), wanted, atol=1e-5)


def test_tokens_and_single_channels() -> None:
    """A token or a number may come without brackets."""
    words = tiny_dataset(24, tokens=6)
    classifier = fit("embedding(3) lstm(3)", words)
    stream = classifier.stream()
    for token in (1, 5, 2):
        found = stream.push(token)
    wanted = classifier.predict_proba([np.array([[1], [5], [2]], np.int32)])[0]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    numbers = fit("gru(2)", tiny_dataset(24, channels=1))
    np.testing.assert_array_equal(numbers.stream().push(0.5), numbers.stream().push([0.5]))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ([1.0], r"shape \(1,\); expected \[2\]"),
        ([[1.0, 2.0], [1.0, 2.0]], "One step is pushed at a time"),
        (3.0, r"expected \[2\]"),
        (["a", "b"], "expected numbers"),
        ([np.inf, 0.0], "Step 1 has a value in channel 0 that is infinite"),
        ([0.0, np.nan], r"Step 1 has no value \(NaN\) in channel 1"),
    ],
)
def test_a_step_that_cannot_be_used_does_not_count(step: object, said: str) -> None:
    """It is refused, and the stream goes on as if it had not come."""
    classifier = fit("gru(3)")
    stream = classifier.stream()
    stream.push([1.0, 2.0])
    with pytest.raises(DataError, match=said):
        stream.push(step)  # type: ignore[arg-type]
    assert stream.steps == 1

    wanted = classifier.predict_proba([[[1.0, 2.0], [3.0, 4.0]]])[0]
    np.testing.assert_allclose(stream.push([3.0, 4.0]), wanted, atol=1e-5)


def test_a_gap_is_told_by_the_name_of_the_channel(tmp_path: Path) -> None:
    """In a stream and in a prediction, also of a model that was loaded; of frames by number."""
    data = replace(tiny_dataset(12), channels=("left", "right"))
    options = TrainingOptions(progress="none")
    model = SequenceClassifier("gru(2)", epochs=1, options=options).fit(data)
    model.save(tmp_path / "m.safetensors")
    for one in (model, load(tmp_path / "m.safetensors")):
        with pytest.raises(DataError, match="in channel right, which had none"):
            one.stream().push([0.0, np.nan])
        with pytest.warns(UserWarning, match="in channel right, which had none"):
            one.predict([np.array([[0.0, 1.0], [0.0, np.nan], [0.0, 2.0]])])
        with pytest.raises(DataError, match="at step 1, channel left, or one beyond"):
            one.predict([np.array([[0.0, 1.0], [np.inf, 1.0]])])
    frames = model.set_params(prepare="frame(2)").fit(data)
    with pytest.warns(UserWarning, match="in channel 3, which had none"):
        frames.predict([np.array([[0.0, 1.0], [0.0, np.nan]])])


def test_a_token_must_be_whole() -> None:
    """1.5 is no word."""
    with pytest.raises(DataError, match="expected a token"):
        fit("embedding(2) gru(2)", tiny_dataset(24, tokens=6)).stream().push(1.5)


@pytest.mark.parametrize(
    ("network", "prepare", "name"),
    [
        ("bilstm(2)", "standardize", "bilstm_1"),
        ("gru(2) bigru(2, name=both)", "standardize", "both"),
        ("conv(3, 3) pool(mean)", "standardize", "conv_1"),
        ("gru(2)", "interpolate standardize", "interpolate"),
    ],
)
def test_what_looks_ahead_is_named(network: str, prepare: str, name: str) -> None:
    """A layer or a preparation that needs the whole sequence refuses to stream."""
    with pytest.raises(NotCausalError, match=name):
        fit(network, prepare=prepare).stream()


def test_it_must_be_fitted() -> None:
    """There is nothing to stream through before `fit`."""
    with pytest.raises(NotFittedError):
        SequenceClassifier("gru(2)").stream()


def test_it_says_what_it_is() -> None:
    """For a person at a prompt."""
    stream = fit("gru(2)").stream()
    stream.push([0.0, 0.0])
    assert repr(stream) == "Stream(steps=1, classes=2)"
    assert stream.classes == ("down", "up")


# -- labels --------------------------------------------------------------------------------------


def label(network: str, data: Dataset | None = None, **more: object) -> SequenceLabeler:
    data = tiny_dataset(24, task="label") if data is None else data
    return SequenceLabeler(network, epochs=2, options=QUIET, **more).fit(data)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "network", ["lstm(4)", "conv(4, 3, causal=true) batchnorm gru(2)", "dense(3, tanh)"]
)
def test_each_push_is_the_label_of_that_step(network: str) -> None:
    """One at a time, several at once, and some of each: what the whole sequence gives there."""
    labeler = label(network)
    stream = labeler.stream()
    for steps in tiny_dataset(4, seed=1, lengths=(2, 9)).x:
        wanted = labeler.predict_proba([steps])[0]
        np.testing.assert_allclose([stream.push(step) for step in steps], wanted, atol=1e-5)
        assert stream.steps == len(steps)
        stream.reset()
        np.testing.assert_allclose(stream.extend(steps), wanted, atol=1e-5)
        stream.reset()
        first = stream.push(steps[0])
        rest = stream.extend(steps[1:])
        np.testing.assert_allclose([first, *rest], wanted, atol=1e-5)
        stream.reset()
        assert stream.steps == 0
    assert repr(stream) == "LabelStream(steps=0, classes=2)"


def test_labels_of_tokens_and_of_missing_values() -> None:
    """As in a whole sequence."""
    words = label("embedding(3) gru(3)", tiny_dataset(24, tokens=6, task="label"))
    wanted = words.predict_proba([np.array([[1], [5], [2]], np.int32)])[0]
    np.testing.assert_allclose(words.stream().extend([1, 5, 2]), wanted, atol=1e-5)
    gaps = label("gru(3)", tiny_dataset(24, missing=0.3, task="label"))
    steps = np.array([[1.0, np.nan], [np.nan, np.nan], [0.5, 2.0]], np.float32)
    np.testing.assert_allclose(
        gaps.stream().extend(steps), gaps.predict_proba([steps])[0], atol=1e-5
    )


def test_a_labeler_that_looks_ahead_refuses_by_name() -> None:
    """A layer, or a preparation."""
    with pytest.raises(NotCausalError, match="bilstm_1"):
        label("bilstm(3)").stream()
    with pytest.raises(NotCausalError, match="interpolate"):
        label("gru(3)", prepare="interpolate standardize").stream()
    with pytest.raises(NotFittedError):
        SequenceLabeler("gru(3)").stream()


def test_a_step_that_cannot_be_labelled_does_not_count() -> None:
    """Nor do those beside it: the stream goes on as if it had not come."""
    labeler = label("gru(3)")
    stream, other = labeler.stream(), labeler.stream()
    stream.push([1.0, 2.0])
    other.push([1.0, 2.0])
    for strange in ([[0.0, 1.0], [np.nan, 1.0]], [[0.0, 1.0, 2.0]], np.zeros((0, 2))):
        with pytest.raises(DataError):
            stream.extend(strange)
    assert stream.steps == 1
    np.testing.assert_array_equal(stream.push([0.5, 0.5]), other.push([0.5, 0.5]))


def test_the_former_name_of_the_probabilities_warns() -> None:
    stream = fit("gru(2)").stream()
    pushed = stream.push([0.5, 0.5])
    np.testing.assert_array_equal(stream.probabilities, pushed)
    with pytest.warns(DeprecationWarning, match="Stream.probabilities"):
        np.testing.assert_array_equal(stream.belief, pushed)
