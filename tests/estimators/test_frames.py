"""Preparations that make other steps of the data's: what every question makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from segue import (
    Dataset,
    SequenceClassifier,
    SequenceLabeler,
    Sequences,
    TrainingOptions,
    load,
)
from segue.errors import DataError, NotCausalError, SpecError
from segue.evaluation import explain
from segue.testing import check_estimator

QUIET = TrainingOptions(progress="none")
RATE = 100.0
CAUSAL = ["frame(4)", "frame(4, hop=3)", "spectrogram(8, 3)", "logmel(3, 16, 5) standardize",
          "logmel(3, 16, 5) cepstrum(2)"]  # fmt: skip


def tones(count: int = 24, *, least: int = 18, most: int = 40, seed: int = 0) -> Dataset:
    """Slow and fast waves of unequal length."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(least, most, count)
    waves = [
        np.sin((0.4 + (i % 2)) * np.arange(n) + generator.uniform(0, 6))
        for i, n in enumerate(lengths.tolist())
    ]
    return Dataset(waves, np.array(["slow", "fast"])[np.arange(count) % 2], rate_hz=RATE)


def fit(prepare: str, network: str = "gru(3)", data: Dataset | None = None) -> SequenceClassifier:
    made = SequenceClassifier(network, prepare=prepare, epochs=2, options=QUIET)
    return made.fit(tones() if data is None else data)


@pytest.mark.parametrize("prepare", CAUSAL)
def test_a_stream_of_samples_is_the_answer_to_the_samples_so_far(prepare: str) -> None:
    """Sample after sample, also before the first frame is full, and in chunks of any size."""
    classifier = fit(prepare)
    wave = tones(seed=1).x[0]
    stream, chunks = classifier.stream(), classifier.stream()
    for time, sample in enumerate(wave):
        wanted = classifier.predict_proba([wave[: time + 1]])[0]
        np.testing.assert_allclose(stream.push(sample), wanted, atol=1e-5)
    for first in range(0, len(wave), 7):
        wanted = classifier.predict_proba([wave[: first + 7]])[0]
        np.testing.assert_allclose(chunks.extend(wave[first : first + 7]), wanted, atol=1e-5)
    assert stream.steps == chunks.steps == len(wave)
    stream.reset()
    np.testing.assert_array_equal(stream.push(wave[0]), classifier.stream().push(wave[0]))


@pytest.mark.parametrize("network", ["conv(3, 2, causal=true) pool(mean)", "lstm(2) pool(max)",
                                     "attention(1, causal=true) pool(last)"])  # fmt: skip
def test_what_is_tried_leaves_no_trace(network: str) -> None:
    """Before the first frame is full, the belief is that of a frame filled up with zeros."""
    classifier = fit("frame(6)", network)
    wave, stream = tones(seed=2).x[0], classifier.stream()
    for time in range(len(wave)):
        wanted = classifier.predict_proba([wave[: time + 1]])[0]
        np.testing.assert_allclose(stream.push(wave[time]), wanted, atol=1e-5)


def test_chunks_without_frames() -> None:
    """`extend` is `push` for several steps; what cannot be used does not count."""
    classifier = fit("standardize")
    one, all_at_once = classifier.stream(), classifier.stream()
    for value in (0.5, 0.1, -2.0):
        last = one.push(value)
    np.testing.assert_allclose(all_at_once.extend([0.5, 0.1, -2.0]), last, atol=1e-6)
    for wrong in ([], 3.0, [[1.0, 2.0]], [[[1.0]]]):
        with pytest.raises(DataError, match="shape"):
            all_at_once.extend(wrong)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="has no value"):
        all_at_once.extend([1.0, np.nan])
    assert all_at_once.steps == 3


def test_missing_samples_in_a_stream() -> None:
    """Where training had some, they go through the mask; else the sample is refused."""
    data = tones()
    gaps = [steps.copy() for steps in data.x]
    for number, steps in enumerate(gaps):
        steps[number % 4 :: 9] = np.nan
    known = fit("frame(4)", data=Dataset(gaps, data.y))
    stream = known.stream()
    for time, sample in enumerate(gaps[1]):
        wanted = known.predict_proba([gaps[1][: time + 1]])[0]
        np.testing.assert_allclose(stream.push(sample), wanted, atol=1e-5)
    with pytest.raises(DataError, match="has no value"):
        fit("frame(4)").stream().push(np.nan)


@pytest.mark.parametrize("prepare", ["spectrogram(8, 4, centred=true)", "frame(4, end=pad)"])
def test_what_looks_ahead_does_not_stream(prepare: str) -> None:
    with pytest.raises(NotCausalError, match=prepare.partition("(")[0]):
        fit(prepare).stream()


@pytest.mark.slow
def test_every_promise() -> None:
    """Padding, streams, parts, files: as for any classifier."""
    for prepare in ("frame(4)", "spectrogram(8, 3)"):
        check_estimator(SequenceClassifier("gru(3)", prepare=prepare, epochs=1, options=QUIET))


@pytest.mark.parametrize("network", ["gru(3)", "bigru(2)"])
@pytest.mark.parametrize("prepare", ["frame(4)", "spectrogram(8, 4, centred=true)"])
def test_beliefs_count_the_steps_that_the_network_sees(network: str, prepare: str) -> None:
    """Belief k is of the samples that have been heard by then, the last one of all samples."""
    classifier, x = fit(prepare, network), tones(4, seed=3).x
    preparation = classifier.preparation_
    beliefs = classifier.anytime(x)
    assert beliefs.lengths.tolist() == preparation.lengths(x.lengths).tolist()
    for wave, belief in zip(x, beliefs, strict=True):
        heard = preparation.input_steps(np.arange(1, len(belief) + 1))
        prefixes = [wave[:n] for n in heard]
        prefixes[-1] = wave
        np.testing.assert_allclose(belief, classifier.predict_proba(prefixes), atol=1e-5)
    thinned = classifier.anytime(x, every=2)
    np.testing.assert_allclose(thinned[0][0], beliefs[0][1], atol=1e-5)


def test_explanations_are_of_what_the_network_sees() -> None:
    """Values, sequence and picture have the same steps."""
    classifier, x = fit("frame(4)", "lstm(3)"), tones(3, seed=4).x
    for found in (
        explain.integrated_gradients(classifier, x),
        explain.occlusion(classifier, x, channels="together"),
        explain.gates(classifier, x),
    ):
        steps = found.parts["hidden_state"] if isinstance(found, explain.Gates) else found.values
        assert found.x.lengths.tolist() == steps.lengths.tolist() == (x.lengths // 4).tolist()
        found.plot(0)


def test_labels_of_steps_need_their_steps() -> None:
    """A labeler refuses by name what takes them away."""
    data = tones()
    labels = [["up" if value > 0 else "down" for value in steps[:, 0]] for steps in data.x]
    labeler = SequenceLabeler("gru(2)", prepare="frame(4)", epochs=1, options=QUIET)
    with pytest.raises(SpecError, match=r"`frame\(4\)` makes other steps of the data's, and to la"):
        labeler.fit(data.x, labels)


def test_a_common_length_is_that_of_the_prepared_steps() -> None:
    """So flatten takes sounds of unequal length that have equally many frames."""
    data = tones(least=20, most=23)
    assert fit("frame(4)", "flatten dense(4)", data).network_.input_shape.length == 5


def test_mapped_sequences(tmp_path) -> None:
    """They are prepared batch by batch, to the same predictions."""
    data = tones()
    data.write(tmp_path / "tones.arrow")
    mapped = Dataset.open(tmp_path / "tones.arrow")
    prepare = "logmel(3, 16, 5) standardize"
    assert mapped.x.is_mapped
    np.testing.assert_allclose(
        fit(prepare, data=mapped).predict_proba(mapped), fit(prepare).predict_proba(data), atol=1e-6
    )


def test_the_rate_belongs_to_the_model(tmp_path) -> None:
    """It is kept in the file, and data of another rate are refused."""
    classifier = fit("logmel(3, 16, 5)")
    classifier.save(tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    data = tones(4, seed=5)
    np.testing.assert_array_equal(again.predict_proba(data), classifier.predict_proba(data))
    other = Dataset(Sequences.from_list(data.x.to_list()), data.y, rate_hz=200.0)
    with pytest.raises(DataError, match="is for 100 samples per second, and the data have 200"):
        again.predict(other)
    with pytest.raises(DataError, match="needs the sampling rate"):
        SequenceClassifier("gru(2)", prepare="logmel(3)", options=QUIET).fit(data.x, data.y)


def test_several_words_at_once() -> None:
    """`extend` takes texts as `push` does."""
    texts = ["up and up again", "down and down"] * 12
    classifier = SequenceClassifier("gru(3)", epochs=1, options=QUIET).fit(texts, ["u", "d"] * 12)
    stream = classifier.stream()
    wanted = classifier.predict_proba(["up and down"])[0]
    np.testing.assert_allclose(stream.extend(["up", "and", "down"]), wanted, atol=1e-5)
    assert stream.steps == 3
