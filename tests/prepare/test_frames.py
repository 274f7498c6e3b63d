"""Frames, spectrograms and mel bands: as librosa has them, whatever lies next to a sequence."""

from __future__ import annotations

import itertools
import json

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.data.sequences import Sequences
from segue.errors import DataError, NotCausalError, SpecError
from segue.prepare import Frame, LogMel, Preparation, Spectrogram
from segue.prepare.frames import Framing
from segue.prepare.spectra import from_mel, mel_filters, to_mel, window_of
from segue.testing import strategies

RATE = 8000.0
NAN = float("nan")


def sound(n: int = 3000, seed: int = 0) -> np.ndarray:
    """A tone that rises, with a little noise."""
    time = np.arange(n) / RATE
    noise = np.random.default_rng(seed).normal(size=n)
    return (0.5 * np.sin(2 * np.pi * (300 + 400 * time) * time) + 0.01 * noise).astype(np.float32)


def prepared(text: str, *sequences: np.ndarray, rate: float | None = RATE) -> Sequences:
    x = Sequences.from_list(sequences)
    return Preparation.fit(text, x, rate_hz=rate).apply(x)


def close(found: np.ndarray, wanted: np.ndarray) -> None:
    """1e-5 of the largest value."""
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())


# -- as librosa has them ----------------------------------------------------------------------


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "rectangle"])
@pytest.mark.slow
def test_windows_are_those_of_scipy(window: str) -> None:
    name = {"rectangle": "boxcar"}.get(window, window)
    for size in (1, 2, 7, 256):
        wanted = librosa.filters.get_window(name, size, fftbins=True)
        np.testing.assert_allclose(window_of(window, size), wanted, atol=1e-12)


@pytest.mark.slow
@pytest.mark.sampled(3)
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(("frame", "hop", "window"), [(256, 64, "hann"), (101, 40, "blackman")])
@pytest.mark.parametrize("scale", ["power", "magnitude", "log"])
def test_spectrogram(frame: int, hop: int, window: str, scale: str, centred: bool) -> None:
    """The same powers, as many frames."""
    y = sound().astype(np.float64)
    centre = str(centred).lower()
    text = f"spectrogram({frame}, {hop}, {window}, scale={scale}, centred={centre})"
    options = {"n_fft": frame, "hop_length": hop, "window": window, "center": centred}
    wanted = np.abs(librosa.stft(y, **options)).T ** (1 if scale == "magnitude" else 2)
    if scale == "log":
        wanted = np.log(np.maximum(wanted, 1e-10))
    close(prepared(text, y)[0], wanted)


@pytest.mark.parametrize("mel", ["slaney", "htk"])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(("bands", "low", "high"), [(32, 0, None), (20, 100, 3000)])
@pytest.mark.slow
def test_logmel(mel: str, centred: bool, bands: int, low: float, high: float | None) -> None:
    """The same bands; librosa's decibels are 10 / ln 10 times the natural logarithm."""
    y = sound().astype(np.float64)
    ends = f"low={low}" + (f", high={high}" if high else "")
    text = f"logmel({bands}, {ends}, mel={mel}, centred={str(centred).lower()})"
    wanted = librosa.feature.melspectrogram(
        y=y, sr=RATE, n_fft=256, hop_length=64, center=centred, n_mels=bands, fmin=low, fmax=high,
        htk=mel == "htk",
    )  # fmt: skip
    close(prepared(text, y)[0], librosa.power_to_db(wanted, top_db=None).T * np.log(10) / 10)


def test_cepstrum() -> None:
    """After `logmel`: librosa's MFCC, but for the decibels."""
    y = sound().astype(np.float64)
    wanted = librosa.feature.mfcc(
        y=y, sr=RATE, n_mfcc=13, n_fft=256, hop_length=64, center=False, n_mels=32, htk=True
    )
    bands = librosa.feature.melspectrogram(
        y=y, sr=RATE, n_fft=256, hop_length=64, center=False, n_mels=32, htk=True
    )
    whole = librosa.feature.mfcc(S=librosa.power_to_db(bands, top_db=None), n_mfcc=13)
    np.testing.assert_allclose(whole, wanted, atol=1e-6)  # nothing was cut at 80 decibels
    close(prepared("logmel(32, mel=htk) cepstrum(13)", y)[0], whole.T * np.log(10) / 10)


def test_cepstrum_has_no_more_terms_than_channels() -> None:
    with pytest.raises(SpecError, match="keeps 20 terms, and 8 channels come in"):
        prepared("logmel(8) cepstrum(20)", sound())


@pytest.mark.parametrize("formula", ["slaney", "htk"])
def test_mel_scale(formula: str) -> None:
    hertz = np.linspace(0, 20_000, 101)
    wanted = librosa.hz_to_mel(hertz, htk=formula == "htk")
    np.testing.assert_allclose(to_mel(hertz, formula), wanted, rtol=1e-12)
    np.testing.assert_allclose(from_mel(wanted, formula), hertz, rtol=1e-10, atol=1e-10)


def test_filters() -> None:
    wanted = librosa.filters.mel(sr=22050, n_fft=512, n_mels=40, dtype=np.float64).T
    np.testing.assert_allclose(
        mel_filters(22050.0, 512, 40, (0, 11025), "slaney"), wanted, atol=1e-12
    )


def test_silence_is_the_floor() -> None:
    """No infinity comes of nothing."""
    assert prepared("spectrogram(8, 4)", np.zeros(20))[0] == pytest.approx(np.log(1e-10))


# -- frames -----------------------------------------------------------------------------------


def test_frame_takes_samples_side_by_side() -> None:
    """Channel by channel; what does not fill a frame is left out, or filled up with zeros."""
    x = np.stack([np.arange(7), 10 + np.arange(7)], axis=1)
    np.testing.assert_array_equal(
        prepared("frame(3)", x)[0], [[0, 1, 2, 10, 11, 12], [3, 4, 5, 13, 14, 15]]
    )
    np.testing.assert_array_equal(
        prepared("frame(3, hop=2, end=pad)", x[:6, :1])[0], [[0, 1, 2], [2, 3, 4], [4, 5, 0]]
    )
    np.testing.assert_array_equal(prepared("frame(3)", x[:2, :1])[0], [[0, 1, 0]])


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=5),
    st.integers(1, 9),
    st.integers(1, 12),
    st.booleans(),
    st.sampled_from(["drop", "pad"]),
)
def test_frames_lie_where_they_are_said_to_lie(
    lengths: list[int], frame: int, hop: int, centred: bool, end: str
) -> None:
    """Against a plain loop over every sequence and frame."""
    framing = Framing(frame, hop, centred, end)  # type: ignore[arg-type]
    values = 1.0 + np.arange(2 * sum(lengths), dtype=np.float32).reshape(-1, 2)
    wanted, counts, begin = [], [], 0
    for length in lengths:
        own = values[begin : begin + length]
        begin += length
        padded = np.pad(own, ((framing.left, framing.left if centred else 0), (0, 0)))
        starts = list(range(0, max(1, len(padded) - frame + 1), hop)) if length else []
        while end == "pad" and not centred and starts and starts[-1] + frame < length:
            if starts[-1] + hop >= length:
                break
            starts.append(starts[-1] + hop)
        counts.append(len(starts))
        padded = np.pad(padded, ((0, 100), (0, 0)))
        wanted += [padded[s : s + frame].T for s in starts]
    assert framing.counts(np.array(lengths)).tolist() == counts
    found = list(framing.frames(values, np.array(lengths)))
    if wanted:
        np.testing.assert_array_equal(np.concatenate(found), np.stack(wanted))
    else:
        assert not found


STEPS = [
    "frame(4)",
    "frame(3, hop=2)",
    "frame(2, hop=5)",
    "frame(3, hop=2, end=pad)",
    "spectrogram(6, 2)",
    "spectrogram(5, 3, centred=true)",
    "logmel(2, 8, 3, rate=100)",
    "logmel(2, 8, 3, rate=100, centred=true)",
    "frame(3, hop=1) spectrogram(4, 2)",
]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("text", STEPS)
@given(x=strategies.sequences(most=20))
def test_neighbours_change_nothing(text: str, x: Sequences) -> None:
    """A sequence is prepared as if it were alone; lengths and channels are as they are said."""
    preparation = Preparation.fit(text, x)
    together = preparation.apply(x)
    assert together.channels == preparation.channels_out
    assert together.lengths.tolist() == preparation.lengths(x.lengths).tolist()
    for number, steps in enumerate(together):
        alone = preparation.apply(x[number : number + 1])[0]
        np.testing.assert_allclose(steps, alone, rtol=1e-5, atol=1e-6)
        assert np.isfinite(steps).all()


def test_work_is_done_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for frames does not grow with the number of sequences."""
    x = [sound(500, seed) for seed in range(5)]
    whole = prepared("spectrogram", *x)
    monkeypatch.setattr("segue.prepare.frames._VALUES_AT_ONCE", 256 * 3)
    np.testing.assert_allclose(prepared("spectrogram", *x).values, whole.values, rtol=1e-6)


def test_missing_samples_make_missing_frames() -> None:
    """And the mask says so; the other frames are as they were."""
    y = sound(1000)
    gap = y.copy()
    gap[500] = NAN
    whole, found = prepared("spectrogram", y)[0], prepared("spectrogram", gap)[0]
    missing = found[:, 129:].any(axis=1)
    np.testing.assert_array_equal(
        np.flatnonzero(missing), [k for k in range(12) if 64 * k <= 500 < 64 * k + 256]
    )
    np.testing.assert_array_equal(found[~missing, :129], whole[~missing])
    assert (found[missing, :129] == 0).all()


# -- time -------------------------------------------------------------------------------------


def test_rates() -> None:
    """Steps per second after the step."""
    x = Sequences.from_list([sound()])
    for text, wanted in {
        "frame(32)": 250,
        "spectrogram(256, 64)": 125,
        "standardize": 8000,
    }.items():
        preparation = Preparation.fit(text, x, rate_hz=RATE)
        assert preparation.rate_after(RATE) == wanted
        assert preparation.rate_after(None) is None


@pytest.mark.parametrize("text", STEPS)
def test_what_has_been_heard(text: str) -> None:
    """A step is there, and final, from `heard` on and not before."""
    y = sound(60)
    preparation = Preparation.fit(text, Sequences.from_list([y]))
    whole = preparation.apply(Sequences.from_list([y]))[0]
    for count in range(1, len(whole) + 1):
        heard = int(preparation.input_steps(np.array(count)))
        if heard > len(y):
            assert "centred" in text or count == len(whole)  # filled up with zeros
            continue
        found = preparation.apply(Sequences.from_list([y[:heard]]))[0]
        np.testing.assert_allclose(found[:count], whole[:count], rtol=1e-5, atol=1e-6)
        earlier = preparation.apply(Sequences.from_list([y[: heard - 1]]))[0]
        final = [np.allclose(a, b) for a, b in zip(earlier, whole, strict=False)]
        assert sum(itertools.takewhile(bool, final)) < count


def test_logmel_knows_its_rate() -> None:
    """That of the data, kept with the model; sounds of another rate are refused."""
    x = Sequences.from_list([sound()])
    preparation = Preparation.fit("logmel(20)", x, rate_hz=RATE)
    assert str(preparation) == "logmel(bands=20, rate=8000.0)"
    again = Preparation.from_json(json.loads(json.dumps(preparation.to_json())))
    assert again.apply(x) == preparation.apply(x)
    preparation.check_rate(8000)
    preparation.check_rate(None)
    with pytest.raises(DataError, match=r"is for 8000 samples per second, and the data have 16000"):
        preparation.check_rate(16000)
    with pytest.raises(DataError, match="needs the sampling rate, and the data have none"):
        Preparation.fit("logmel(20)", x)
    with pytest.raises(DataError, match="is for 4000 samples per second"):
        Preparation.fit("logmel(20, rate=4000)", x, rate_hz=RATE)
    with pytest.raises(SpecError, match="needs the sampling rate"):
        LogMel(20).apply((x.values, x.lengths), {})


@pytest.mark.parametrize("ends", ["low=5000", "high=4001", "low=300, high=200"])
def test_bands_outside_the_spectrum(ends: str) -> None:
    with pytest.raises(SpecError, match="expected low < high, and high up to 4000 Hz"):
        prepared(f"logmel(4, {ends})", sound())


def test_bands_that_are_always_empty_are_said() -> None:
    with pytest.warns(UserWarning, match="bands are narrower than the distance of two frequencies"):
        prepared("logmel(64, frame=64)", sound())


# -- bit by bit -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [text for text in STEPS if "centred" not in text and "pad" not in text]
)
@given(data=st.data())
def test_a_stream_makes_what_the_whole_makes(text: str, data: st.DataObject) -> None:
    """However the samples come; what is final, and what would follow, are the whole at any time."""
    x = data.draw(strategies.sequences(least=1, most=30))[:1]
    preparation = Preparation.fit(f"{text} standardize", x)
    stream, final, heard = preparation.stream(), [], 0
    while heard < len(x[0]):
        size = data.draw(st.integers(1, 12))
        final.append(stream.push(x[0][heard : heard + size]))
        heard = min(heard + size, len(x[0]))
        tail = stream.tail()
        found = np.concatenate([*final, *([] if tail is None else [tail])])
        wanted = preparation.apply(Sequences.from_list([x[0][:heard]]))[0]
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("step", "cure"),
    [
        (Spectrogram(centred=True), "centred=false"),
        (LogMel(4, centred=True, rate=8000.0), "centred=false"),
        (Frame(4, end="pad"), "end=drop"),
    ],
)
def test_what_looks_ahead_is_refused_by_name(step: object, cure: str) -> None:
    """With what to write instead."""
    preparation = Preparation.fit(step, Sequences.from_list([sound()]))  # type: ignore[arg-type]
    with pytest.raises(NotCausalError, match=f"`{step.kind}.*Train with {cure}"):  # type: ignore[attr-defined]
        preparation.stream()
