"""Sonification: sequences as audio clips, one after the other or mixed, with their labels.

Sounds are played as they are. Of other data one channel is played, without its mean, scaled, at an
audible rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.atomic import replacing
from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.errors import DataError
from segue.extras import require
from segue.randomness import numpy_generator

__all__ = ["Clip", "Span", "draw", "make_clip", "pitch"]

Samples = npt.NDArray[np.float64]

GAP_SECONDS = 0.25
DEFAULT_HZ = 8000
_SLOWEST_HZ, _FASTEST_HZ = 1000, 768_000  # what players take
_PERIODIC = 0.9  # of the strongest peak: after two periods a note is as similar to itself
_LAGS_IN_A_SAMPLE = 32
_LOUD = 0.8  # the largest value of data that are scaled


@dataclass(frozen=True)
class Span:
    """A labelled time span of a clip.

    Attributes:
        start: in seconds.
        stop: in seconds.
        label: the class, or another target as text; may be empty.
        id: of the sequence in its data set.
    """

    start: float
    stop: float
    label: str
    id: str


@dataclass(frozen=True, eq=False)
class Clip:
    """An audio clip with the spans of its sequences.

    Attributes:
        samples: `[time]`, between -1 and 1.
        rate_hz: samples per second.
        spans: which sequence or label is played when, in order.
        notes: the changes made to the values, as sentences.
    """

    samples: Samples
    rate_hz: int
    spans: tuple[Span, ...]
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return len(self.samples) / self.rate_hz

    def write(self, path: Path) -> None:
        """Write a WAV file, 16 bits, one channel; it appears whole or not at all.

        Raises:
            WriteError: the disk is full or read-only.
        """
        with replacing(path) as temporary:
            self._write(temporary)

    def to_bytes(self) -> bytes:
        """What `write` writes, as bytes: a WAV file, 16 bits, one channel."""
        buffer = BytesIO()
        self._write(buffer)
        return buffer.getvalue()

    def _write(self, file: Any) -> None:
        wavfile = require("scipy.io.wavfile", purpose="to write sounds")
        wavfile.write(file, self.rate_hz, np.round(self.samples * 32767).astype("<i2"))


def draw(count: int, samples: int, seed: int = 0) -> list[int]:
    """Draw `samples` of `count` sequences without replacement.

    Args:
        count: number of sequences.
        samples: how many to draw.
        seed: another seed gives another draw.

    Returns:
        Their indices, in the order in which they were drawn.

    >>> sorted(draw(3, 5))
    [0, 1, 2]
    """
    order = numpy_generator(seed, "listen").permutation(count)
    return [int(i) for i in order[:samples]]


def make_clip(
    data: Dataset,
    index: Sequence[int],
    *,
    mix: bool = False,
    rate: int | None = None,
    gap_seconds: float = GAP_SECONDS,
) -> Clip:
    """Make an audio clip of sequences.

    Args:
        data: any measured data set.
        index: which sequences, in the order in which they are played.
        mix: all at once, instead of one after the other.
        rate: samples per second of the clip; that of the data if left out, where that is an audio
            rate.
        gap_seconds: silence between two sequences.

    Returns:
        The clip. Its samples are scaled only if they would clip or are no sound, which is noted.

    Raises:
        DataError: texts, or a rate that cannot be played.

    >>> data = Dataset([[0.0, 0.5], [0.25, -0.5, 0.1]], ["up", "down"], rate_hz=8000)
    >>> clip = make_clip(data, [1, 0], gap_seconds=0.5)
    >>> [(span.label, span.start) for span in clip.spans], len(clip.samples)
    ([('down', 0.0), ('up', 0.500375)], 4005)
    """
    if data.x.is_text:
        raise DataError("Texts cannot be played: expected sequences of numbers.")
    hertz, notes = _playing_rate(data, rate)
    pieces, changes = _as_waves(data, index)
    notes += changes
    gap = 0 if mix else round(gap_seconds * hertz)
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    starts = np.zeros_like(lengths) if mix else np.cumsum(lengths + gap) - lengths - gap
    samples = np.zeros(int((starts + lengths).max(initial=0)))
    for start, piece in zip(starts.tolist(), pieces, strict=True):
        samples[start : start + len(piece)] += piece
    peak = np.abs(samples).max(initial=0.0)
    if peak > 1:
        samples /= peak
        notes.append(f"Scaled by {1 / peak:.3f}, so that nothing is clipped.")
    played = zip(index, starts.tolist(), strict=True)
    spans = [span for i, start in played for span in _spans(data, i, start, hertz)]
    return Clip(samples, hertz, tuple(spans), tuple(notes))


def _playing_rate(data: Dataset, rate: int | None) -> tuple[int, list[str]]:
    own = data.rate_hz
    if rate is not None and not _SLOWEST_HZ <= rate <= _FASTEST_HZ:
        raise DataError(
            f"A rate of {rate:,} Hz cannot be played; expected {_SLOWEST_HZ:,} to {_FASTEST_HZ:,}."
        )
    if rate is None and own is not None and _SLOWEST_HZ <= own <= _FASTEST_HZ:
        return round(own), []
    chosen = rate or DEFAULT_HZ
    played = f"played at {chosen:,} steps per second"
    if own is None:
        note = f"The rate of the data is not known: {played}."
        return chosen, [note] if rate is None else []
    times = chosen / own
    factor = float(f"{max(times, 1 / times):.3g}")
    speed = f"{factor:,.10g} times as {'fast' if times >= 1 else 'slowly'} as the data are"
    return chosen, [] if own == chosen else [f"{played.capitalize()}, {speed}."]


def _as_waves(data: Dataset, index: Sequence[int]) -> tuple[list[Samples], list[str]]:
    """One channel of each sequence; unchanged if the data are sounds."""
    pieces = [np.ma.masked_invalid(np.asarray(data.x[i], np.float64)) for i in index]
    # The first channel that is not constant, as the margin of an image is.
    ranges = [piece.max(axis=0) - piece.min(axis=0) for piece in pieces if len(piece)]
    varies = [spread.filled(0.0) > 0 for spread in ranges]
    channel, notes = int(np.argmax(np.any(varies, axis=0))), []
    waves = [piece[:, channel] for piece in pieces]
    if data.x.channels > 1:
        name = data.channels[channel] if data.channels else channel + 1
        notes.append(f"Of {data.x.channels} channels, {name} is played.")
    if any(map(np.ma.is_masked, waves)):
        notes.append("Missing values are silent.")
    silent = [wave.filled(0.0) for wave in waves]
    if data.rate_hz is not None and data.rate_hz >= _SLOWEST_HZ and _largest(silent) <= 1:
        return silent, notes
    scaled = [(wave - wave.mean()).filled(0.0) for wave in waves]
    largest = _largest(scaled)
    notes.append("The values are no sound: their mean is taken away, and they are scaled to fit.")
    return [wave * (_LOUD / largest if largest else 1.0) for wave in scaled], notes


def _largest(waves: list[Samples]) -> float:
    return max((float(np.abs(wave).max(initial=0.0)) for wave in waves), default=0.0)


def _spans(data: Dataset, number: int, start: int, hertz: int) -> list[Span]:
    """The span of the sequence; where its steps have labels, one for each run of a label."""
    name = str(number if data.ids is None else data.ids[number])
    if isinstance(data.y, Sequences):
        runs = runs_of(data, number)
    else:
        runs = [(0, int(data.x.lengths[number]), label_of(data, number))]
    return [Span((start + a) / hertz, (start + b) / hertz, label, name) for a, b, label in runs]


def label_of(data: Dataset, number: int) -> str:
    """The target of a sequence as text: its class, its labels, its number; or empty."""
    if data.y is None:
        return ""
    target = data.y[number]
    if data.classes is None:
        return " ".join(f"{value:.6g}" for value in np.ravel(target))
    if np.ndim(target) == 0:
        return str(target)
    return " ".join(str(name) for name, there in zip(data.classes, target, strict=True) if there)


def runs_of(data: Dataset, number: int) -> list[tuple[int, int, str]]:
    """The runs of equal labels of the steps: first step, the step behind the last, label.

    >>> y = Sequences.from_list([np.array([0, 0, 1, -1], np.int32)])
    >>> runs_of(Dataset([[1.0, 2.0, 3.0, 4.0]], y, classes=("sit", "walk")), 0)
    [(0, 2, 'sit'), (2, 3, 'walk'), (3, 4, '')]
    """
    runs, names = runs_of_codes(data.y[number][:, 0]), data.classes
    labels = ("" if code < 0 else str(names[code] if names else code) for _, _, code in runs)
    return [(first, last, label) for (first, last, _), label in zip(runs, labels, strict=True)]


def runs_of_codes(codes: npt.NDArray[Any]) -> list[tuple[int, int, int]]:
    """The runs of equal numbers: first step, the step behind the last, number.

    >>> runs_of_codes(np.array([0, 0, 1]))
    [(0, 2, 0), (2, 3, 1)]
    """
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    return [(first, last, int(codes[first])) for first, last in pairwise(edges) if last > first]


def pitch(samples: npt.ArrayLike, rate_hz: float, low: float = 40.0, high: float = 2000.0) -> float:
    """The pitch of a note in Hz, from the first strong peak of its autocorrelation.

    Undefined for a sound without a pitch.

    Args:
        samples: `[time]`, or `[time, 1]`.
        rate_hz: samples per second.
        low: the lowest possible pitch, in Hz.
        high: the highest, in Hz.

    Source: Rabiner, "On the use of autocorrelation analysis for pitch detection", IEEE Trans. ASSP
    25(1), 1977; between samples the autocorrelation is interpolated.

    Raises:
        DataError: fewer samples than three periods of the lowest pitch.

    >>> time = np.arange(4000) / 8000
    >>> round(pitch(np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 880 * time), 8000))
    440
    """
    flat = np.asarray(samples, float).ravel()
    if len(flat) < 3 * rate_hz / low:
        raise DataError(
            f"{len(flat)} samples are too few for a pitch from {low:g} Hz on: expected "
            f"{math.ceil(3 * rate_hz / low)}. Look from a higher one on, with `low`."
        )
    size = 1 << (2 * len(flat) - 1).bit_length()
    power = np.abs(np.fft.rfft((flat - flat.mean()) * np.hanning(len(flat)), size)) ** 2
    fine = _LAGS_IN_A_SAMPLE * rate_hz
    alike = np.fft.irfft(power, _LAGS_IN_A_SAMPLE * size)[: int(fine / low) + 2]
    lags = np.arange(int(fine / high), int(fine / low) + 1)
    peaks = lags[(alike[lags] >= alike[lags - 1]) & (alike[lags] > alike[lags + 1])]
    strong = peaks[alike[peaks] > _PERIODIC * alike[peaks].max(initial=0)]
    return float(fine / (strong[0] if len(strong) else lags[-1]))
