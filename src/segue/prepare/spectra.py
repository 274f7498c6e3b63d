"""Spectra of frames: power, mel bands and their cepstrum, and octaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
import pydantic

from segue.data.sequences import Array
from segue.errors import DataError, SpecError, warn_user
from segue.onnx_graph import Steps, Value, largest
from segue.prepare.frames import FramedStep, Framing, Lengths
from segue.prepare.steps import Blocks, Ragged, StepSpec
from segue.spec import Size

Window = Literal["hann", "hamming", "blackman", "rectangle"]

FLOOR = 1e-10  # of powers, before their logarithm is taken
_COSINES: dict[str, tuple[float, ...]] = {
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "rectangle": (1.0,),
}


@dataclass(frozen=True)
class Spectrogram(FramedStep, kind="spectrogram"):
    """`spectrogram(frame, hop)`: each step is the spectrum of a frame, frame // 2 + 1 frequencies.

    Frames as in `frame`, each times a window. Frame t begins at sample t * hop, and what does not
    fill a last frame is left out; `centred=true` puts it around sample t * hop with zeros beyond
    both ends, as librosa does, which looks ahead.

    Args:
        frame: samples of a frame.
        hop: samples from one frame to the next.
        window: "hann", "hamming", "blackman" or "rectangle", periodic ones.
        scale: "log", the natural logarithm of the power, at least 1e-10; "power", or "magnitude".
        centred: where a frame lies.
    """

    frame: Size = 256
    hop: Size = 64
    window: Window = "hann"
    scale: Literal["log", "power", "magnitude"] = "log"
    centred: bool = False

    @property
    def framing(self) -> Framing:
        return Framing(self.frame, self.hop, self.centred)

    def features(self) -> int:
        return self.frame // 2 + 1

    def of_frames(self, frames: Array) -> Array:
        power = powers(frames, self.window)
        if self.scale == "power":
            return power
        return np.sqrt(power) if self.scale == "magnitude" else log(power)

    def of_frames_onnx(self, frames: Value) -> Value:
        power = powers_onnx(frames, self.window, self.frame)
        if self.scale == "power":
            return power
        return power.op("Sqrt") if self.scale == "magnitude" else log_onnx(power)

    def write_torch_features(self, source: Any) -> None:
        window = source.constant("prepare_window", window_of(self.window, self.frame))
        power = f"powers(x, {window}, {self.frame})"
        written = {"power": power, "magnitude": f"{power}.sqrt()", "log": _torch_log(power)}
        source.steps.append(f"x = {written[self.scale]}")


def powers(frames: Array, window: Window, size: int | None = None) -> Array:
    """`[..., frame]` to the power of each frequency, `[..., frame // 2 + 1]` float64.

    With `size`, each frame is filled up with zeros to so many samples: `size // 2 + 1` frequencies.
    """
    spectrum = np.fft.rfft(frames * window_of(window, frames.shape[-1]), size, axis=-1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2)


def powers_onnx(frames: Value, window: Window, frame: int, size: int | None = None) -> Value:
    """As `powers`, in an ONNX graph: a product with waves, which are made there from one period."""
    graph, table = frames.graph, window_of(window, frame)
    size = size or frame
    sample, frequency = (graph.constant(np.arange(n)) for n in (frame, size // 2 + 1))
    phase = (sample.unsqueeze(1) * frequency).op("Mod", size)
    period = 2 * np.pi * np.arange(size) / size
    weighted = frames.cast(np.float64) * table
    parts = [weighted @ graph.constant(wave(period)).gather(phase) for wave in (np.cos, np.sin)]
    return parts[0] * parts[0] + parts[1] * parts[1]


def log_onnx(power: Value) -> Value:
    """As `log`, in an ONNX graph."""
    return largest(power, FLOOR).op("Log")


def log(power: Array) -> Array:
    """The natural logarithm, of at least 1e-10; what is missing stays missing."""
    return np.asarray(np.log(np.maximum(power, FLOOR)))


def _torch_log(power: str) -> str:
    return f"torch.log(({power}).clamp(min={FLOOR}))"


def refuse_large(frame: int, bands: int) -> None:
    """Raise `SpecError` where the table from frequencies to bands is out of proportion."""
    if frame * bands > MOST_WEIGHTS:
        raise SpecError(
            f"{bands:,} bands of frames of {frame:,} samples are {frame * bands:,} weights; at "
            f"most {MOST_WEIGHTS:,} are made. Take shorter frames, or fewer bands."
        )


@lru_cache(maxsize=32)
def window_of(name: Window, size: int) -> Array:
    """`[size]` float64: one period of a sum of cosines.

    Source: F. J. Harris, "On the use of windows for harmonic analysis with the discrete Fourier
    transform", Proc. IEEE 66(1), 1978.

    >>> window_of("hann", 4).round(6).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    angles = 2 * np.pi * np.arange(size) / size
    terms = [(-1) ** k * share * np.cos(k * angles) for k, share in enumerate(_COSINES[name])]
    window: Array = np.sum(terms, axis=0) if size > 1 else np.ones(1)
    window.flags.writeable = False
    return window


def known_rate(step: StepSpec, own: float | None, rate_hz: float | None) -> float:
    """Samples per second: the step's own, or those of the data.

    Args:
        step: as it is written; for the messages.
        own: of the step, if it has one.
        rate_hz: of the data, where known.

    Raises:
        DataError: neither has one, or they differ.
    """
    if own is None and rate_hz is None:
        raise DataError(
            f"`{step}` needs the sampling rate, and the data have none: pass a Dataset "
            f"with rate_hz, or write it, as in {step.kind}(rate=8000)."
        )
    if own is not None and rate_hz is not None and not np.isclose(own, rate_hz):
        raise DataError(
            f"`{step}` is for {own:g} samples per second, and the data have {rate_hz:g}. Sounds "
            f"are read at another rate with segue.read(..., rate={own:g})."
        )
    return float(own or rate_hz or 0.0)


Hertz = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Formula = Literal["slaney", "htk"]


@dataclass(frozen=True)
class LogMel(FramedStep, kind="logmel"):
    """`logmel(bands, frame=256, hop=64)`: the logarithm of the power in bands on the mel scale.

    Frames as in `spectrogram`. Bands are triangles that overlap by half, equally wide on the mel
    scale of Slaney's Auditory Toolbox (librosa's default; `mel=htk` takes that of the HTK book,
    2595 log10(1 + f / 700)), each of area one. The logarithm is natural, of a power of at least
    1e-10.

    Args:
        bands: how many.
        frame: samples of a frame.
        hop: samples from one frame to the next.
        low: lower end of the first band, in Hz.
        high: upper end of the last band, in Hz; half the sampling rate if left out.
        window: as in `spectrogram`.
        mel: the formula of the mel scale, "slaney" or "htk".
        centred: as in `spectrogram`.
        rate: samples per second; that of the training data if left out.
    """

    bands: Size = 64
    frame: Size = 256
    hop: Size = 64
    low: Hertz = 0.0
    high: Hertz | None = None
    window: Window = "hann"
    mel: Formula = "slaney"
    centred: bool = False
    rate: Positive | None = None

    @property
    def framing(self) -> Framing:
        return Framing(self.frame, self.hop, self.centred)

    def at_rate(self, rate_hz: float | None) -> LogMel:
        rate = known_rate(self, self.rate, rate_hz)
        found = replace(self, rate=rate)
        if not self.low < found.highest <= rate / 2:
            raise SpecError(
                f"`{self}` has bands from {self.low:g} to {found.highest:g} Hz; expected low < "
                f"high, and high up to {rate / 2:g} Hz, half the sampling rate."
            )
        return found

    @property
    def highest(self) -> float:
        """Upper end of the last band, in Hz."""
        if self.rate is None:
            raise SpecError(f"`{self}` needs the sampling rate; write it, as in rate=8000.")
        return self.rate / 2 if self.high is None else self.high

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        empty = int((self.filters.sum(axis=0) == 0).sum())
        if empty:
            warn_user(
                f"`{self}`: {empty} of {self.bands} bands are narrower than the distance of two "
                "frequencies and always empty. Take a longer frame, or fewer bands."
            )
        return {}

    @property
    def filters(self) -> Array:
        """`[frequency, band]`: what each frequency adds to each band."""
        ends = (self.low, self.highest)
        return mel_filters(self.rate or 0.0, self.frame, self.bands, ends, self.mel)

    def features(self) -> int:
        return self.bands

    def of_frames(self, frames: Array) -> Array:
        return log(powers(frames, self.window) @ self.filters)

    def of_frames_onnx(self, frames: Value) -> Value:
        return log_onnx(powers_onnx(frames, self.window, self.frame) @ self.filters)

    def write_torch_features(self, source: Any) -> None:
        window = source.constant("prepare_window", window_of(self.window, self.frame))
        filters = source.constant("prepare_filters", self.filters)
        power = f"powers(x, {window}, {self.frame}) @ {filters}"
        source.steps.append(f"x = {_torch_log(power)}")


# -- the mel scale ------------------------------------------------------------------------------

# Slaney's scale is straight below 1000 Hz, 200/3 Hz a mel, and logarithmic above.
_STRAIGHT, _BREAK, _STEP = 200 / 3, 1000.0, np.log(6.4) / 27


def to_mel(hertz: Array, formula: Formula) -> Array:
    """Frequencies on the mel scale.

    Source: M. Slaney, "Auditory Toolbox", technical report 1998-010, Interval Research; S. Young
    et al., "The HTK book", section 5.4.

    >>> to_mel(np.array([0.0, 1000.0]), "slaney").round(6).tolist()
    [0.0, 15.0]
    """
    if formula == "htk":
        return 2595 * np.log10(1 + hertz / 700)
    above = _BREAK / _STRAIGHT + np.log(np.maximum(hertz, _BREAK) / _BREAK) / _STEP
    return np.where(hertz < _BREAK, hertz / _STRAIGHT, above)


def from_mel(mels: Array, formula: Formula) -> Array:
    """The reverse of `to_mel`."""
    if formula == "htk":
        return np.asarray(700 * (10 ** (mels / 2595) - 1))
    above = _BREAK * np.exp(_STEP * (np.maximum(mels, 15.0) - _BREAK / _STRAIGHT))
    return np.where(mels < _BREAK / _STRAIGHT, mels * _STRAIGHT, above)


@lru_cache(maxsize=32)
def mel_filters(
    rate: float, frame: int, bands: int, ends: tuple[float, float], formula: Formula
) -> Array:
    """`[frame // 2 + 1, band]` float64: triangles of area one over the frequencies of a frame."""
    refuse_large(frame, bands)
    first, last = to_mel(np.array(ends), formula).tolist()
    edges = from_mel(np.linspace(first, last, bands + 2), formula)
    frequencies = np.arange(frame // 2 + 1)[:, None] * rate / frame
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    filters: Array = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    filters.flags.writeable = False
    return filters


@dataclass(frozen=True)
class Cepstrum(StepSpec, kind="cepstrum"):
    """`cepstrum(coefficients)`: of each step the first terms of its cosine transform over channels.

    After `logmel` these are the mel-frequency cepstral coefficients (MFCC): the first terms are the
    broad shape of the spectrum, and the harmonics of a pitch, which make its fine structure, are in
    the terms that are left out. The transform is the orthonormal DCT-II.

    Davis & Mermelstein, "Comparison of parametric representations for monosyllabic word recognition
    in continuously spoken sentences", IEEE Trans. ASSP 28(4), 1980.

    Args:
        coefficients: how many terms are kept, at most as many as there are channels.
    """

    coefficients: Size = 20

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        values, lengths = x
        kept = self.channels(values.shape[1], fitted)
        return (values @ cosines(values.shape[1], kept)).astype(values.dtype), lengths

    def write_onnx(self, x: Steps, fitted: dict[str, Array], channels: int) -> Steps:
        found = x.values.cast(np.float64) @ cosines(channels, self.coefficients)
        return x._replace(values=found.cast(x.values.dtype))

    def write_torch(self, source: Any, fitted: dict[str, Array]) -> None:
        source.steps.append(f"x = cosine_transform(x, {self.coefficients})")

    def channels(self, channels: int, fitted: dict[str, Array]) -> int:
        if self.coefficients > channels:
            raise SpecError(
                f"`{self}` keeps {self.coefficients} terms, and {channels} channels come in: "
                "expected at most as many. It is made for spectra, as in `logmel(64) cepstrum(20)`."
            )
        return self.coefficients


@lru_cache(maxsize=32)
def cosines(channels: int, kept: int) -> Array:
    """`[channel, term]` float64, the orthonormal DCT-II.

    >>> cosines(2, 2).round(3).tolist()
    [[0.707, 0.707], [0.707, -0.707]]
    """
    angles = np.pi / channels * np.outer(np.arange(channels) + 0.5, np.arange(kept))
    table = np.sqrt(2 / channels) * np.cos(angles)
    table[:, 0] = np.sqrt(1 / channels)
    return np.asarray(table)


MOST_WEIGHTS = 2**25  # from the frequencies of a frame to its bands
_OVERSAMPLING = 4  # of the spectrum, by zeros behind the frame: bands are narrow at low frequencies


@dataclass(frozen=True)
class LogFrequency(StepSpec, kind="logfrequency", along="frequency", causal=False):
    """`logfrequency(bands)`: steps are frequencies, evenly spaced in octaves; channels are times.

    Another pitch moves the harmonics of a sound by a number of steps and leaves their distances as
    they are, so a convolution meets the same pattern elsewhere, where over time it would have to
    learn every pitch anew. The sequence becomes `frames` spectra, of frames evenly spread from its
    beginning to its end, whatever its length; a sequence shorter than a frame is filled up with
    zeros. Each gives a channel for each of the data's. Values are natural logarithms of the power,
    with a floor under the strongest one of the sequence.

    The bands have the even spacing of Brown, "Calculation of a constant Q spectral transform",
    JASA 89(1), 1991, but are triangles over the spectrum of frames of one length.

    Args:
        bands: how many frequencies, the steps that come out.
        per_octave: bands from one frequency to its double.
        low: the first frequency, in Hz.
        frame: samples of a frame.
        frames: how many.
        window: as in `spectrogram`.
        floor: what is weaker than the strongest by more than this, in decibels, counts as this.
        rate: samples per second; that of the training data if left out.
    """

    bands: Size = 126
    per_octave: Size = 24
    low: Positive = 100.0
    frame: Size = 1024
    frames: Size = 5
    window: Window = "hann"
    floor: Positive = 70.0
    rate: Positive | None = None

    def at_rate(self, rate_hz: float | None) -> LogFrequency:
        rate = known_rate(self, self.rate, rate_hz)
        found = replace(self, rate=rate)
        highest = found.frequencies[-1]
        if highest > rate / 2:
            raise SpecError(
                f"`{self}` goes up to {highest:.0f} Hz; of {rate:g} samples per second there "
                f"is {rate / 2:g} Hz at most. Take fewer bands, or more of them per octave."
            )
        return found

    @property
    def frequencies(self) -> Array:
        """`[bands]`, in Hz."""
        return np.asarray(self.low * 2 ** (np.arange(self.bands) / self.per_octave))

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        values, lengths = x
        ends = np.cumsum(lengths)
        bounds = zip(ends - lengths, ends, strict=True)
        rows = [self._of_one(values[start:end]) for start, end in bounds if end > start]
        none = np.empty((0, self.channels(values.shape[1], fitted)), np.float32)
        return np.concatenate(rows) if rows else none, self.steps(lengths)

    def write_torch(self, source: Any, fitted: dict[str, Array]) -> None:
        place = (self.rate or 0.0, self.frame, self.bands, self.per_octave, self.low)
        window = source.constant("prepare_window", window_of(self.window, self.frame))
        filters = source.constant("prepare_filters", triangles(*place))
        size = _OVERSAMPLING * self.frame
        sizes = f"{self.frame}, {self.frames}, {window}, {size}, {filters}, {self.floor}"
        source.steps.append(f"x, lengths = log_frequency(x, lengths, {sizes})")

    def _of_one(self, steps: Array) -> Array:
        """`[time, channel]` of one sequence to `[band, frame * channel]`."""
        if len(steps) < self.frame:
            steps = np.pad(steps, ((0, self.frame - len(steps)), (0, 0)))
        starts = np.linspace(0, len(steps) - self.frame, self.frames).round().astype(int)
        cut = np.stack([steps[start : start + self.frame].T for start in starts])
        bands = triangles(self.rate or 0.0, self.frame, self.bands, self.per_octave, self.low)
        power = powers(cut, self.window, _OVERSAMPLING * self.frame) @ bands
        weakest = max(power.max() * 10 ** (-self.floor / 10), np.finfo(np.float32).tiny)
        found: Array = np.log(np.maximum(power, weakest))  # [frame, channel, band]
        return found.reshape(-1, self.bands).T.astype(steps.dtype)

    def write_onnx(self, x: Steps, fitted: dict[str, Array], channels: int) -> Steps:
        graph, lengths = x.values.graph, x.lengths
        room = (largest(lengths, self.frame) - self.frame).cast(np.float64).unsqueeze(1)
        starts = (
            (room / max(self.frames - 1, 1) * np.arange(self.frames))
            .op("Round")
            .cast(np.int64)
            .unsqueeze(2)
        )
        samples = starts + np.arange(self.frame)  # [batch, frame, sample]
        inside = samples < x.values.size(1)
        cut = x.filled(0.0).op("GatherND", inside.where(samples, 0).unsqueeze(3), batch_dims=1)
        cut = inside.unsqueeze(3).where(cut, 0.0).transpose(0, 1, 3, 2)
        size = _OVERSAMPLING * self.frame
        bands = triangles(self.rate or 0.0, self.frame, self.bands, self.per_octave, self.low)
        power = powers_onnx(cut, self.window, self.frame, size) @ bands
        weakest = power.max(1, 2, 3, keepdims=True) * 10 ** (-self.floor / 10)
        found = largest(power, weakest, np.finfo(np.float32).tiny).op("Log")
        steps = found.reshape(0, -1, self.bands).transpose(0, 2, 1).cast(x.values.dtype)
        return Steps(steps, lengths * 0 + graph.constant(self.bands))

    def channels(self, channels: int, fitted: dict[str, Array]) -> int:
        return channels * self.frames

    def steps(self, lengths: Lengths) -> Lengths:
        return np.where(lengths > 0, self.bands, 0)

    def rate_after(self, rate_hz: float | None) -> float | None:
        return None

    def causal_instead(self) -> str:
        return "steps that are times, such as prepare='logmel(64) standardize'"


@lru_cache(maxsize=32)
def triangles(rate: float, frame: int, bands: int, per_octave: int, low: float) -> Array:
    """`[frequency, band]` float64: weights of sum one around each band's frequency.

    A triangle reaches to the neighbours of its band, and at least to the next frequencies of the
    spectrum, so that none is empty.
    """
    size = _OVERSAMPLING * frame
    refuse_large(frame, bands)
    there = np.arange(size // 2 + 1)[:, None] * rate / size
    wanted = low * 2 ** (np.arange(bands) / per_octave)
    reach = np.maximum(wanted * (2 ** (1 / per_octave) - 1), rate / size)
    weights: Array = np.maximum(1 - np.abs(there - wanted) / reach, 0)
    weights /= weights.sum(axis=0)
    weights.flags.writeable = False
    return weights
