"""What is heard is measured: length, pitch, loudness, and what lies where."""

from __future__ import annotations

import json
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segue.cli import main
from segue.cli.listen import PLAYERS
from segue.data.dataset import Dataset
from segue.data.sequences import Sequences

RATE = 8000
PITCHES = {"low": 300.0, "high": 900.0}

Listen = Callable[..., str]


def tones(loudness: float = 0.5, rate_hz: float | None = RATE) -> Dataset:
    """One second of a low tone, half a second of a high one, and so on, six in all."""
    names = ["low", "high"] * 3
    waves = [
        loudness * np.sin(2 * np.pi * PITCHES[n] * np.arange(RATE if n == "low" else 4000) / RATE)
        for n in names
    ]
    return Dataset(
        waves, np.array(names), rate_hz=rate_hz, ids=np.array([f"{i}.wav" for i in range(6)])
    )


@pytest.fixture(autouse=True)
def _no_players(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is played on the machine that runs the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))


@pytest.fixture
def listen(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Listen:
    """Run `segue listen` on a data set and give what it prints."""

    def call(data: Dataset, *words: object, code: int = 0) -> str:
        data.write(tmp_path / "data.arrow")
        capsys.readouterr()
        came = main(["listen", str(tmp_path / "data.arrow"), *map(str, words)])
        out, err = capsys.readouterr()
        assert came == code, err
        return out if code == 0 else err

    return call


def heard(path: Path) -> tuple[np.ndarray, int]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        return samples, file.getframerate()


def pitch(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 16))
    return float(spectrum.argmax() * rate / (1 << 16))


def test_one_after_the_other(listen: Listen, tmp_path: Path) -> None:
    """Each span of the list has the pitch of its label; between them is silence."""
    said = json.loads(listen(tones(), "--samples", 4, "--out", tmp_path / "a.wav", "--json"))
    samples, rate = heard(tmp_path / "a.wav")
    assert rate == said["rate_hz"] == RATE
    spans = said["spans"]
    lengths = [1.0 if span["label"] == "low" else 0.5 for span in spans]
    assert len(samples) / rate == said["seconds"] == pytest.approx(sum(lengths) + 3 * 0.25)
    end = 0.0
    for span, length in zip(spans, lengths, strict=True):
        assert span["stop"] - span["start"] == pytest.approx(length)
        piece = samples[round(span["start"] * rate) : round(span["stop"] * rate)]
        assert pitch(piece, rate) == pytest.approx(PITCHES[span["label"]], abs=2)
        assert np.abs(piece).max() == pytest.approx(0.5, abs=1e-3)
        assert not samples[round(end * rate) : round(span["start"] * rate)].any()
        end = span["stop"]
    assert len({span["id"] for span in spans}) == 4
    assert said["notes"] == []


def test_all_at_once(listen: Listen, tmp_path: Path) -> None:
    """Both pitches; scaled only where the sum would clip, and then it is said."""
    out = tmp_path / "a.wav"
    text = listen(tones(0.1), "--mix", "--out", out)
    samples, rate = heard(out)
    assert len(samples) == RATE
    assert "Scaled" not in text
    assert np.abs(samples).max() == pytest.approx(0.3 * 1.5396, abs=1e-3)  # sin(a) + sin(3a)
    spectrum = np.abs(np.fft.rfft(samples[:4000]))
    assert set(np.argsort(spectrum)[-2:] * rate / 4000) == set(PITCHES.values())
    text = listen(tones(0.5), "--mix", "--out", out, "--overwrite")
    samples, _ = heard(out)
    assert "Scaled by 0.433" in text
    assert 0.99 < np.abs(samples).max() <= 1
    assert sum(line.startswith("0.000s") for line in text.splitlines()) == 6


def test_the_seed_draws(listen: Listen, tmp_path: Path) -> None:
    """The same again, or others."""

    def drawn(seed: int) -> list[str]:
        words = (
            "--samples",
            3,
            "--seed",
            seed,
            "--out",
            tmp_path / "a.wav",
            "--overwrite",
            "--json",
        )
        return [span["id"] for span in json.loads(listen(tones(), *words))["spans"]]

    assert drawn(1) == drawn(1)
    assert len({tuple(drawn(seed)) for seed in range(5)}) > 1


def test_without_a_player_a_file_is_written_and_named(listen: Listen, tmp_path: Path) -> None:
    """Into the present folder, never over another one."""
    assert listen(tones()).splitlines()[-1] == "sound  data.wav"
    assert listen(tones()).splitlines()[-1] == "sound  data-2.wav"
    assert heard(tmp_path / "data-2.wav")[1] == RATE


@pytest.fixture
def players(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Install a player that is a line of Python."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def install(name: str, code: str) -> None:
        path = tmp_path / "bin" / name
        path.write_text(f"#!{sys.executable}\nimport sys, shutil\n{code}\n")
        path.chmod(0o755)

    return install


@pytest.mark.parametrize("name", PLAYERS)
def test_a_player_gets_the_file(
    listen: Listen, players: Callable[[str, str], None], tmp_path: Path, name: str
) -> None:
    """And nothing is left in the folder."""
    players(name, f"shutil.copy(sys.argv[-1], {str(tmp_path / 'played')!r})")
    assert json.loads(listen(tones(), "--json"))["player"] == name
    assert heard(tmp_path / "played")[1] == RATE
    assert not list(tmp_path.glob("*.wav"))


def test_a_player_that_fails_is_said(
    listen: Listen, players: Callable[[str, str], None], tmp_path: Path
) -> None:
    """There may be no sound card: then the file is kept."""
    players("aplay", "sys.exit('no such device')")
    assert "sound  data.wav" in listen(tones())
    assert (tmp_path / "data.wav").is_file()


def test_data_that_are_no_sound(listen: Listen, tmp_path: Path) -> None:
    """The first channel without its mean, scaled, at a rate for ears; all of it is said."""
    rows = np.stack([1000 + np.arange(400.0) % 20, np.zeros(400)], axis=1)
    rows[5, 0] = np.nan
    out = tmp_path / "a.wav"
    text = listen(Dataset([rows, rows], rate_hz=10.0, channels=("volts", "amps")), "--out", out)
    samples, rate = heard(out)
    assert rate == 8000
    assert pitch(samples[10:400], rate) == pytest.approx(8000 / 20, abs=5)
    assert 0.7 < np.abs(samples).max() <= 0.81
    assert samples[5] == 0
    assert "Of 2 channels, volts is played." in text
    assert "Missing values are silent." in text
    assert "Played at 8,000 steps per second, 800 times as fast" in text
    assert "are no sound" in text
    text = listen(Dataset([rows[10:]]), "--out", out, "--overwrite")
    assert "is not known: played at 8,000" in text
    text = listen(Dataset([rows[10:]]), "--out", out, "--overwrite", "--rate", 2000)
    assert "do not say" not in text
    assert heard(out)[1] == 2000


def test_labels_of_steps_are_spans(listen: Listen, tmp_path: Path) -> None:
    """Each run of a label is one."""
    codes = np.repeat(np.array([0, 1, -1, 1], np.int32), [100, 200, 50, 650])
    y = Sequences(codes, [0, 1000])
    data = Dataset([np.sin(np.arange(1000.0))], y, classes=("sit", "walk"), rate_hz=1000.0)
    said = json.loads(listen(data, "--out", tmp_path / "a.wav", "--json"))
    found = [(span["label"], span["start"], span["stop"]) for span in said["spans"]]
    assert found == [("sit", 0, 0.1), ("walk", 0.1, 0.3), ("", 0.3, 0.35), ("walk", 0.35, 1.0)]


def test_a_picture(listen: Listen, tmp_path: Path) -> None:
    """In a file of its own, or beside the sound."""
    assert "picture" in listen(
        tones(), "--out", tmp_path / "a.wav", "--picture", tmp_path / "p.svg"
    )
    text = (tmp_path / "p.svg").read_text()
    assert text.startswith("<?xml")
    words = ("--out", tmp_path / "a.wav", "--picture", ".png", "--overwrite")
    listen(tones(), "--mix", *words)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--join", "--mix"], "exclude each other"),
        (["--out", "a.mp3"], "expected a file ending in .wav"),
        (["--rate", "10"], "A rate of 10 Hz cannot be played"),
        (["--out", "a.wav", "--picture", "a.wav"], "--picture is a.wav; expected a file ending in"),
    ],
)
def test_mistakes(listen: Listen, words: list[str], said: str) -> None:
    code = 1 if "--rate" in words else 2
    assert said in listen(tones(), *words, code=code)


def test_texts_cannot_be_heard(listen: Listen) -> None:
    data = Dataset(Sequences.from_texts(["abc", "de"]), ["a", "b"])
    assert "Texts cannot be played" in listen(data, code=1)


def test_a_channel_that_is_always_the_same_is_not_heard(listen: Listen, tmp_path: Path) -> None:
    """As the margin of a picture read row by row."""
    rows = np.stack([np.zeros(100), np.sin(np.arange(100.0))], axis=1)
    text = listen(Dataset([rows]), "--out", tmp_path / "a.wav")
    assert "Of 2 channels, 2 is played." in text
    assert heard(tmp_path / "a.wav")[0].any()
