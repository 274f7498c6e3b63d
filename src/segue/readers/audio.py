"""Sounds: WAV, FLAC, OGG, MP3 and what else libsndfile reads, one sequence a file.

A folder holds either one folder for each class, with its sounds inside,

    instruments/flute/001.wav
    instruments/piano/001.wav

or sounds side by side, with their labels in a table beside them (`labels.csv`, or the only .csv or
.tsv file that is there; see `segue.readers.table.beside`), or without any labels. Train, test and
validation folders may stand above all of these. One file alone is one sequence.

Headers are read first, so that the values have their place in memory before the first is read; then
one file after the other. What is cut off can be told of WAV and FLAC; an OGG or MP3
file that ends early is a shorter sound.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np

from segue.data.sequences import Array
from segue.errors import DataError, OptionError
from segue.extras import require
from segue.readers.blocks import Blocks, Problems
from segue.readers.labelled_files import find_labelled_files, read_files, read_headers

ENDINGS = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff")
_FASTEST = 10_000_000  # Hz
_CHANNELS_AT_MOST = 256
# FLAC and OGG write a second of silence in a few bytes; no format writes more samples in one.
_SAMPLES_IN_A_BYTE = 20_000
# In libsndfile's log: the size of the samples as the header has it, and as it is.
_CUT_OFF = re.compile(r"^data *: (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN = 0xFFFFFFFF  # the size in the header of a WAV file that was written to a pipe


def blocks(
    path: Path,
    *,
    values: int | None = None,
    limit: int | None = None,
    rate: int | None = None,
    channels: Literal["mono", "all"] = "mono",
    labels: str | None = None,
) -> Blocks:
    """Read one sound, or the sounds of one folder.

    Args:
        path: a file or a folder.
        values: about so many values at a time; `None`: everything at once.
        limit: so many sounds, the first of each class in turn.
        rate: samples per second that are wanted; others are resampled (soxr, high quality). If left
            out, the rate that most files have, and of those the lowest.
        channels: "mono" takes the mean of a sound's channels, "all" keeps them.
        labels: the table with the labels, in or relative to the folder; see
            `segue.readers.table.beside`.

    Yields:
        Values between -1 and 1, `rate_hz`, and the names of the files as `ids`.

    Raises:
        FileError: files that are no sounds, empty, cut off or damaged; the first twenty are named.
            Headers are looked at first, the rest of a file when it is its turn.
        OptionError: a rate or channels that mean nothing.
        MissingPackageError: the extra `audio` is not installed.

    Warns:
        UserWarning: files of several rates, which are resampled to one.
    """
    if rate is not None and not (isinstance(rate, int) and 1 <= rate <= _FASTEST):
        raise OptionError(f"rate={rate!r}; expected samples per second, such as 8000.")
    require("soundfile", "audio", "to read sounds")
    found = find_labelled_files(path, ENDINGS, limit=limit, labels=labels, what="sound")
    problems = Problems(path, "sound", total=len(found.files))
    headers = read_headers(found, problems, _header, _samples)
    rate = rate or _usual_rate(Counter(header.samplerate for header in headers), path)
    counts, mono = Counter(header.channels for header in headers), channels == "mono"
    if not mono and len(counts) > 1:
        shown = ", ".join(f"{n:,} with {c}" for c, n in sorted(counts.items()))
        raise DataError(
            f"holds sounds with different numbers of channels ({shown}). Read them with "
            "channels='mono', which takes their mean."
        )

    def read(file: Path) -> Array:
        samples, own = _samples(file)
        return resample(samples.mean(axis=1, keepdims=True) if mono else samples, own, rate)

    lengths = [resampled_length(header.frames, header.samplerate, rate) for header in headers]
    known = {"rate_hz": float(rate), "reading": {"rate": rate}}
    width = 1 if mono else next(iter(counts))
    yield from read_files(found, problems, read, lengths, channels=width, values=values, **known)


def _usual_rate(rates: Counter[int], folder: Path) -> int:
    """The rate that most files have, and of those the lowest."""
    chosen = min(rates, key=lambda rate: (-rates[rate], rate))
    if len(rates) > 1:
        shown = ", ".join(f"{count:,} of {r:,} Hz" for r, count in sorted(rates.items()))
        warnings.warn(
            f"{folder}: the sounds have several sampling rates ({shown}); all are resampled to "
            f"{chosen:,} Hz. rate=... chooses another.",
            stacklevel=2,
        )
    return chosen


def resampled_length(frames: int, rate: int, wanted: int) -> int:
    """How many samples there are at another rate: as long in seconds, one at least.

    >>> resampled_length(44_100, 44_100, 8_000)
    8000
    """
    return max(1, round(frames * wanted / rate))


def resample(samples: Array, rate: int, wanted: int) -> Array:
    """`[time, channel]` at another rate, `resampled_length` steps long."""
    if rate == wanted:
        return samples
    soxr = require("soxr", "audio", "to resample sounds")
    steps = resampled_length(len(samples), rate, wanted)
    made: Array = soxr.resample(samples, rate, wanted, quality="HQ")[:steps]
    return np.pad(made, ((0, steps - len(made)), (0, 0)))  # soxr may round the other way


# -- one file -------------------------------------------------------------------------------------


def _header(path: Path) -> Any:
    """The header of a file: its `frames`, `samplerate` and `channels`.

    Raises:
        DataError: empty, no sound, without samples, cut off, or a header that cannot be true.
    """
    import soundfile

    size = path.stat().st_size
    if size == 0:
        raise DataError("is empty (0 bytes).")
    try:
        header = soundfile.info(str(path))
    except soundfile.SoundFileError as error:
        raise DataError(_not_a_sound(path, error)) from None
    cut_off = _CUT_OFF.search(header.extra_info)
    if cut_off and int(cut_off[1]) != _UNKNOWN:
        said, there = (f"{int(number):,}" for number in cut_off.groups())
        raise DataError(
            f"is cut off: its header says {said} bytes of sound, and {there} are there."
        )
    if header.frames == 0:
        raise DataError("holds no samples: its sound has length 0.")
    too_many = header.channels > _CHANNELS_AT_MOST or header.frames > size * _SAMPLES_IN_A_BYTE
    if too_many or header.samplerate > _FASTEST:
        raise DataError(
            f"has a header that cannot be true: {header.frames:,} samples of {header.channels:,} "
            f"channels at {header.samplerate:,} Hz in {size:,} bytes."
        )
    return header


def _samples(path: Path) -> tuple[Array, int]:
    """`[time, channel]` float32 between -1 and 1, and the rate.

    Raises:
        DataError: damaged, shorter than its header says, or with samples that are no numbers.
    """
    import soundfile

    try:
        with soundfile.SoundFile(str(path)) as sound:
            samples: Array = sound.read(dtype="float32", always_2d=True)
            frames, rate = sound.frames, sound.samplerate
    except (soundfile.SoundFileError, MemoryError) as error:
        raise DataError(f"is damaged or cut off: {_described(error)}.") from None
    if len(samples) != frames:
        there = f"{len(samples):,} are there"
        raise DataError(f"is cut off: its header says {frames:,} samples, and {there}.")
    wrong = ~np.isfinite(samples).all(axis=1)
    if wrong.any():
        raise DataError(
            f"has {int(wrong.sum()):,} samples that are no numbers (NaN or infinite), the first "
            f"at {int(wrong.argmax()) / rate:.3f} s."
        )
    return samples, rate


def _not_a_sound(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        text = file.read(64).decode("latin-1")
    if text.replace("\n", "").replace("\r", "").isprintable():
        return f"is text ({text.splitlines()[0][:40]!r}) and no sound."
    return (
        f"is no sound that can be read ({_described(error)}): its header is damaged or none at all."
    )


def _described(error: Exception) -> str:
    """The reason that libsndfile gives, without the name of the file."""
    return str(getattr(error, "error_string", None) or error or "no memory").strip(" .")
