"""Sounds: from folders and tables, at any rate, and what is said of files that are none."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from segue.errors import DataError, FileError, MissingPackageError, OptionError
from segue.readers import audio, read
from segue.testing import check_reader


def tone(hertz: float = 440.0, seconds: float = 0.1, rate: int = 8000) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def put(path: Path, samples: np.ndarray | None = None, rate: int = 8000, **more: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(rate=rate) if samples is None else samples, rate, **more)
    return path


def pitch(samples: np.ndarray, rate: float) -> float:
    """The frequency with the most energy."""
    spectrum = np.abs(np.fft.rfft(samples[:, 0] * np.hanning(len(samples)), 1 << 17))
    return float(spectrum.argmax() * rate / (1 << 17))


# -- folders and tables -----------------------------------------------------------------------


def test_instruments_in_one_call() -> None:
    """Class folders below train and test, at 8 kHz."""
    data = read("instruments", limit=3)
    assert data.rate_hz == 8000
    assert data.classes == ("flute", "piano", "trumpet")
    assert data.y.tolist() == ["flute", "piano", "trumpet"] * 2
    assert data.parts.tolist() == ["train"] * 3 + ["test"] * 3
    assert data.x.lengths.tolist() == [3528] * 6
    check_reader("instruments")


@pytest.fixture(autouse=True)
def _instruments(request: pytest.FixtureRequest, data_folder: Callable[[str], Path]) -> None:
    if "instruments" in request.node.name:
        data_folder("instruments")


@pytest.mark.parametrize(
    ("files", "classes", "parts"),
    [
        (["a/1.wav", "b/1.wav"], ("a", "b"), ()),
        (["train/a/1.wav", "train/b/1.wav", "Test/a/1.wav"], ("a", "b"), ("train", "test")),
        (["car/1.wav", "train/1.wav", "plane/1.wav"], ("car", "plane", "train"), ()),
        (["0/1.wav", "1/1.wav"], (0, 1), ()),
        (["1.wav", "2.wav"], None, ()),
        (["train/1.wav", "test/1.wav"], None, ("train", "test")),
        (["a/1.wav", "b/1.WAV", "c/notes.txt", "notes.md"], ("a", "b"), ()),
    ],
)
def test_folders_are_classes_or_parts(
    tmp_path: Path, files: list[str], classes: tuple[object, ...] | None, parts: tuple[str, ...]
) -> None:
    """A folder called train among other classes is a class: all its neighbours have sounds too."""
    for name in files:
        if name.lower().endswith(".wav"):
            put(tmp_path / name)
        else:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("words")
    data = read(tmp_path)
    assert data.classes == classes
    assert data.part_names == parts
    assert len(data) == sum(name.lower().endswith(".wav") for name in files)


TABLES = {
    "labels.csv": "filename,label,speaker,part\n1.wav,up,anna,train\n2.wav,down,ben,test\n",
    "labels.tsv": "File\tCategory\tgroup\tsplit\n1.wav\tup\tanna\ttraining\n"
    "2.wav\tdown\tben\tTEST\n",
    "list.csv": "\ufefffilename;extra;label;group;part\n\n1.wav;x;up;anna;train\n"
    "2.wav;;down;ben;test\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_a_flat_folder_with_a_table(tmp_path: Path, name: str) -> None:
    """Labels, groups and parts by the names of their columns, whatever separates them."""
    put(tmp_path / "1.wav")
    put(tmp_path / "2.wav")
    (tmp_path / name).write_text(TABLES[name], encoding="utf-8")
    data = read(tmp_path)
    assert data.y.tolist() == ["up", "down"]
    assert data.groups.tolist() == ["anna", "ben"]
    assert data.parts.tolist() == ["train", "test"]
    assert data.ids.tolist() == ["1.wav", "2.wav"]
    assert data.notes[0].startswith(f"{name} says file '")


def test_a_table_somewhere_else(tmp_path: Path) -> None:
    """`labels=` names it; a table without headings is file and label."""
    for name in ("1.wav", "2.wav", "3.wav"):
        put(tmp_path / "audio" / name)
    (tmp_path / "meta.csv").write_text("2.wav,b\n1.wav,a\n3.wav,b\n")
    data = read(tmp_path / "audio", labels="../meta.csv")
    assert data.ids.tolist() == ["2.wav", "1.wav", "3.wav"]
    assert data.y.tolist() == ["b", "a", "b"]
    assert read(tmp_path / "audio", labels="../meta.csv", limit=2).y.tolist() == ["b", "a"]
    with pytest.raises(OptionError, match="labels='mta.csv': there is no such file"):
        read(tmp_path / "audio", labels="mta.csv")


def test_what_the_table_leaves_out_is_left_out_with_a_warning(tmp_path: Path) -> None:
    """The table says what belongs to the data set."""
    put(tmp_path / "1.wav")
    put(tmp_path / "2.wav")
    (tmp_path / "labels.csv").write_text("filename,label\n1.wav,a\n")
    with pytest.warns(UserWarning, match="no line for 1 of the sounds, such as 2.wav"):
        assert len(read(tmp_path)) == 1


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("nr,score\n7,3\n", "has the columns nr, score; expected one with the names of files"),
        ("filename,label\n", "has a line of names and no rows"),
        ("filename,label\n1.wav\n", "line 2: has 1 field; expected 2"),
        ("filename,label\n1.wav,\n", "column 'label' has no label in any line"),
        ("filename,label\n1.wav,a\n2.wav,\n", "line 3: column 'label' has no label; 1 of 2"),
        ("filename\n1.wav\n", "names files in column 'filename' and has no column with their la"),
        (
            "filename,label\n1.wav,a\n1.wav,b\n",
            "line 3: names the file '1.wav' a second time; the first is line 2",
        ),
        (
            "filename,label,part\n1.wav,a,train\n2.wav,a,tset\n",
            "line 3: column 'part' has 'tset'; expected train, validation or test",
        ),
        ('filename,label\n"1.wav,a\n', "labels.csv"),
        (
            "filename,label\n1.wv,a\n",
            "labels.csv, line 2: names the file '1.wv', which is not there",
        ),
    ],
)
def test_a_table_that_does_not_fit(tmp_path: Path, table: str, said: str) -> None:
    """The message has the line."""
    put(tmp_path / "1.wav")
    put(tmp_path / "2.wav")
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(FileError, match=said):
        read(tmp_path)


def test_one_file_is_one_sequence(tmp_path: Path) -> None:
    """To be predicted, or looked at."""
    data = read(put(tmp_path / "test.wav"))
    assert (len(data), data.y, data.parts, data.ids.tolist()) == (1, None, None, ["test.wav"])


def test_sounds_beside_folders_of_sounds(tmp_path: Path) -> None:
    """It cannot be told what the classes are."""
    put(tmp_path / "1.wav")
    put(tmp_path / "a" / "1.wav")
    with pytest.raises(FileError, match=r"holds sounds \(1.wav, ...\) beside folders of sounds"):
        read(tmp_path)


def test_two_tables(tmp_path: Path) -> None:
    """One must be named."""
    put(tmp_path / "1.wav")
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("filename,label\n1.wav,x\n")
    with pytest.raises(FileError, match=r"several tables \(a.csv, b.csv\): name the one"):
        read(tmp_path)
    assert read(tmp_path, labels="b.csv").y.tolist() == ["x"]


# -- kinds, rates, channels -------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "aiff"])
def test_every_kind_of_file(tmp_path: Path, ending: str) -> None:
    """A tone has its pitch and its loudness in each of them."""
    path = put(tmp_path / f"a.{ending}", tone(440, 1.0, 16000), 16000)
    data = read(path)
    assert data.rate_hz == 16000
    assert pitch(data.x[0], 16000) == pytest.approx(440, abs=1)
    assert np.abs(data.x[0][2000:14000]).max() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_kind_of_sample(tmp_path: Path, subtype: str) -> None:
    """Values lie between -1 and 1, whatever the numbers in the file."""
    data = read(put(tmp_path / "a.wav", tone(), subtype=subtype))
    np.testing.assert_allclose(data.x[0][:, 0], tone(), atol=0.01)


@pytest.mark.parametrize(("rate", "wanted"), [(44100, 8000), (11025, 16000), (48000, 44100)])
def test_resampling_keeps_pitch_and_length(tmp_path: Path, rate: int, wanted: int) -> None:
    """As long in seconds, as high in pitch; what lies above the new band is gone, not folded."""
    samples = tone(1000, 0.5, rate) * np.hanning(rate // 2)[: round(0.5 * rate)].mean() * 2
    data = read(put(tmp_path / "a.wav", samples, rate), rate=wanted)
    assert data.rate_hz == wanted
    assert len(data.x[0]) == round(len(samples) * wanted / rate)
    assert pitch(data.x[0], wanted) == pytest.approx(1000, abs=2)
    if wanted < rate:
        high = read(put(tmp_path / "b.wav", tone(0.48 * rate, 0.5, rate), rate), rate=wanted)
        assert np.abs(high.x[0][500:-500]).max() < 1e-3


def test_mixed_rates_go_to_the_most_frequent_and_of_those_the_lowest(tmp_path: Path) -> None:
    """It is said; a rate that is wanted is taken without a word."""
    for number, rate in enumerate([8000, 16000, 16000, 8000, 44100]):
        put(tmp_path / f"{number}.wav", tone(500, 0.25, rate), rate)
    with pytest.warns(UserWarning, match=r"2 of 8,000 Hz, 2 of 16,000 Hz, 1 of 44,100 Hz.*8,000"):
        data = read(tmp_path)
    assert data.x.lengths.tolist() == [2000] * 5
    assert read(tmp_path, rate=16000).x.lengths.tolist() == [4000] * 5


def test_parts_of_different_rates_are_refused(tmp_path: Path) -> None:
    """Else one step would mean two lengths of time."""
    put(tmp_path / "train" / "a" / "1.wav", rate=8000)
    put(tmp_path / "test" / "a" / "1.wav", rate=16000)
    with pytest.raises(DataError, match="sampling rates: 8000 Hz in part 'train', 16000 Hz"):
        read(tmp_path)
    assert read(tmp_path, rate=8000).rate_hz == 8000


def test_channels(tmp_path: Path) -> None:
    """Their mean, or all of them."""
    both = np.stack([tone(300), tone(600)], axis=1)
    put(tmp_path / "a.wav", both, subtype="FLOAT")
    np.testing.assert_allclose(read(tmp_path).x[0][:, 0], both.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(read(tmp_path, channels="all").x[0], both, atol=1e-6)
    put(tmp_path / "b.wav", tone())
    assert len(read(tmp_path)) == 2
    with pytest.raises(FileError, match=r"different numbers of channels \(1 with 1, 1 with 2\)"):
        read(tmp_path, channels="all")


@pytest.mark.parametrize("options", [{"rate": 0}, {"rate": 8000.5}, {"channels": "left"}])
def test_options_that_mean_nothing(tmp_path: Path, options: dict[str, object]) -> None:
    put(tmp_path / "a.wav")
    with pytest.raises(OptionError, match="expected"):
        read(tmp_path, **options)


def test_without_the_extra_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "a.wav")
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(MissingPackageError, match=r"to read sounds .*pip install 'segue\[audio\]'"):
        read(tmp_path)


def test_files_are_read_one_by_one(
    tmp_path: Path, holds_less: Callable[[int, Callable[[], Any]], bool]
) -> None:
    """Beside the values there is never more than one file in memory."""
    for number in range(20):
        put(tmp_path / f"{number}.wav", np.zeros(200_000))
    read(tmp_path, limit=1)
    assert read(tmp_path).x.values.nbytes == 16_000_000
    assert holds_less(16_000_000 + 4 * 800_000, lambda: read(tmp_path))


def test_peaks_are_of_the_call_and_not_of_python_itself(
    holds_less: Callable[[int, Callable[[], Any]], bool],
) -> None:
    """What happens once in the process is not counted; what each call holds is."""
    once = [8_000_000]
    assert holds_less(1_000_000, lambda: bytes(once.pop() if once else 0))
    assert not holds_less(8_000_000, lambda: bytes(8_000_000))


# -- files that are none ----------------------------------------------------------------------


def wave(samples: bytes, *, rate: int = 8000, channels: int = 1, size: int | None = None) -> bytes:
    """A WAV file of 16 bits with whatever header."""
    fields = (1, channels, rate, 2 * rate % 2**32, 2 * channels % 2**16, 16)
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, *fields)
    data = b"data" + struct.pack("<I", len(samples) if size is None else size) + samples
    return b"RIFF" + struct.pack("<I", len(head + data)) + head + data


def damaged_flac(path: Path) -> bytes:
    content = put(path, np.random.default_rng(0).uniform(-1, 1, 8000)).read_bytes()
    return content[: len(content) // 2]


BROKEN: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "empty.wav": (lambda _: b"", r"is empty \(0 bytes\)"),
    "text.wav": (
        lambda _: b"once upon a time\nthere was",
        r"is text \('once upon a time'\) and no",
    ),
    "noise.wav": (lambda _: bytes(range(256)), "is no sound that can be read"),
    "silent.wav": (lambda _: wave(b""), "holds no samples"),
    "short.wav": (
        lambda _: wave(bytes(100), size=1000),
        "is cut off: its header says 1,000 bytes of sound, and 100 are there",
    ),
    "head.wav": (
        lambda _: wave(b"")[:36],
        "is no sound .*No 'data' chunk marker.*: its header is damaged",
    ),
    "rate.wav": (
        lambda _: wave(bytes(8), rate=0),
        "is no sound that can be read .*: its header is damaged",
    ),
    "many.wav": (
        lambda _: wave(bytes(8000), channels=1000),
        "cannot be true: 4 samples of 1,000 channels",
    ),
    "nan.wav": (
        lambda p: put(p, np.array([0, np.nan, np.inf, 0.5]), subtype="FLOAT").read_bytes(),
        "has 2 samples that are no numbers .* the first at 0.000 s",
    ),
    "half.flac": (damaged_flac, "is damaged or cut off"),
    "text.mp3": (lambda _: b"no sound at all", "is text|is no sound"),
    "huge.flac": (
        lambda p: _claiming_billions(put(p, tone()).read_bytes()),
        "cannot be true: 34,359,738,367 samples",
    ),
}


def _claiming_billions(flac: bytes) -> bytes:
    """The 36 bits of STREAMINFO that count the samples, nearly all set."""
    return flac[:21] + bytes([flac[21] & 0xF0 | 0x07]) + b"\xff" * 4 + flac[26:]


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_sound(tmp_path: Path, name: str) -> None:
    """One clear message with the file."""
    make, said = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(make(path))
    with pytest.raises(FileError, match=said) as caught:
        read(path)
    assert caught.value.path == path
    assert str(caught.value).count(name) == 1


def test_all_problems_of_a_folder_together(tmp_path: Path) -> None:
    """Each with its file; and no more than twenty."""
    for name, (make, _) in BROKEN.items():
        (tmp_path / name).write_bytes(make(tmp_path / name))
    put(tmp_path / "good.wav")
    with pytest.raises(FileError, match="12 of 13 sounds cannot be used:") as caught:
        read(tmp_path)
    assert all(f"\n  {name}: " in str(caught.value) for name in BROKEN)
    for number in range(30):
        (tmp_path / f"empty{number}.wav").write_bytes(b"")
    with pytest.raises(FileError, match=r"20 of 43 .* \(and there may be more\)"):
        read(tmp_path)


def test_a_wave_file_written_to_a_pipe(tmp_path: Path) -> None:
    """Its header cannot know the length, and says so: that is no damage."""
    (tmp_path / "a.wav").write_bytes(wave(bytes(200), size=0xFFFFFFFF))
    assert len(read(tmp_path).x[0]) == 100


def test_lengths_at_another_rate() -> None:
    assert audio.resampled_length(1, 48000, 8000) == 1
    assert audio.resampled_length(3528, 8000, 16000) == 7056
