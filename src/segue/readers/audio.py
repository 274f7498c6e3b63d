"""Sounds: WAV, FLAC, OGG, MP3 and what else libsndfile reads, one sequence a file.

A folder holds either one folder for each class, with its sounds inside,

    instruments/flute/001.wav
    instruments/piano/001.wav

or sounds side by side, with their labels in a table beside them (`labels.csv`, or the only .csv or
.tsv file that is there; see `segue.readers.table.listing`), or without any labels. Train, test and
validation folders may stand above all of these. One file alone is one sequence.

Headers are read first, so that the values have their place in memory before the first is read; then
one file after the other. What is cut off can be told of WAV and FLAC; an OGG or MP3
file that ends early is a shorter sound.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from segue.dataset import Dataset
from segue.errors import FileError, OptionError
from segue.extras import require
from segue.readers.blocks import Blocks, runs
from segue.readers.problems import Problems
from segue.readers.samples import Examples, find_examples
from segue.readers.soundfiles import Header, read_header, read_samples
from segue.sequences import Array, Sequences

ENDINGS = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff")
_RATES = (1, 10_000_000)  # Hz


@dataclass(frozen=True)
class _Plan:
    """What becomes of the files: their common rate and channels, and each one's steps."""

    rate: int
    channels: int
    mono: bool
    steps: Array


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
            `segue.readers.table.listing`.

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
    if rate is not None and not (isinstance(rate, int) and _RATES[0] <= rate <= _RATES[1]):
        raise OptionError(f"rate={rate!r}; expected samples per second, such as 8000.")
    if channels not in ("mono", "all"):
        raise OptionError(f"channels={channels!r}; expected 'mono' or 'all'.")
    soundfile = require("soundfile", "audio", "to read sounds")
    found = find_examples(path, ENDINGS, limit=limit, labels=labels, what="sound")
    problems = Problems(path, "sound", total=len(found.files))
    headers = list(problems.collect(lambda file: read_header(file, soundfile), found.files))
    plan = _plan(headers, rate, mono=channels == "mono", folder=path)
    for block in runs(plan.steps * plan.channels, values):
        samples = _read_all(headers[block], plan, plan.steps[block], soundfile, problems)
        if not problems:  # else the rest is looked through for more of them
            offsets = np.concatenate([[0], np.cumsum(plan.steps[block])])
            data = _data_set(Sequences(samples, offsets), plan, found[block])
            yield data, block.stop / len(headers)
    problems.raise_any()


def _data_set(x: Sequences, plan: _Plan, found: Examples) -> Dataset:
    return Dataset(
        x,
        found.labels,
        rate_hz=float(plan.rate),
        groups=found.groups,
        parts=found.parts,
        ids=np.array(found.ids),
        notes=found.notes,
        task="classify",
        reading={"rate": plan.rate},
    )


def _plan(headers: list[Header], rate: int | None, *, mono: bool, folder: Path) -> _Plan:
    rates = Counter(header.rate for header in headers)
    most = max(rates.values(), default=0)
    chosen = rate or min((r for r, count in rates.items() if count == most), default=1)
    if rate is None and len(rates) > 1:
        shown = ", ".join(f"{count:,} of {r:,} Hz" for r, count in sorted(rates.items()))
        warnings.warn(
            f"{folder}: the sounds have several sampling rates ({shown}); all are resampled to "
            f"{chosen:,} Hz. rate=... chooses another.",
            stacklevel=2,
        )
    counts = Counter(header.channels for header in headers)
    if not mono and len(counts) > 1:
        shown = ", ".join(f"{n:,} with {c}" for c, n in sorted(counts.items()))
        raise FileError(
            f"holds sounds with different numbers of channels ({shown}). Read them with "
            "channels='mono', which takes their mean.",
            path=folder,
        )
    steps = np.array([resampled_length(h.frames, h.rate, chosen) for h in headers], np.int64)
    return _Plan(chosen, 1 if mono else next(iter(counts), 1), mono, steps)


def resampled_length(frames: int, rate: int, wanted: int) -> int:
    """How many samples there are at another rate: as long in seconds, one at least.

    >>> resampled_length(44_100, 44_100, 8_000)
    8000
    """
    return max(1, round(frames * wanted / rate))


def _read_all(
    headers: list[Header], plan: _Plan, lengths: Array, soundfile: Any, problems: Problems
) -> Array:
    """`[total_steps, channel]`, allocated once; what cannot be read is added to the problems."""
    values = np.empty((int(lengths.sum()), plan.channels), np.float32)
    start = 0
    for header, steps in zip(headers, lengths.tolist(), strict=True):
        if problems.is_full:
            break
        with problems.of(header.path):
            samples = read_samples(header, soundfile)
            samples = samples.mean(axis=1, keepdims=True) if plan.mono else samples
            values[start : start + steps] = resample(samples, header.rate, plan.rate, steps)
        start += steps
    return values


def resample(samples: Array, rate: int, wanted: int, steps: int) -> Array:
    """`[time, channel]` at another rate, exactly `steps` long."""
    if rate == wanted:
        return samples
    soxr = require("soxr", "audio", "to resample sounds")
    made: Array = soxr.resample(samples, rate, wanted, quality="HQ")[:steps]
    return np.pad(made, ((0, steps - len(made)), (0, 0)))  # soxr may round the other way
