"""One sound file: its header, checked against what is there, and its samples."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segue.errors import FileError
from segue.sequences import Array

CHANNELS_AT_MOST = 256
# FLAC and OGG write a second of silence in a few bytes; no format writes more samples in one.
_SAMPLES_IN_A_BYTE = 20_000
_UNKNOWN = 0xFFFFFFFF  # the size in the header of a WAV file that was written to a pipe


@dataclass(frozen=True)
class Header:
    """What the header of a sound says.

    Attributes:
        path: the file.
        frames: samples of each channel.
        rate: samples per second.
        channels: how many.
    """

    path: Path
    frames: int
    rate: int
    channels: int


def read_header(path: Path, soundfile: Any) -> Header:
    """Read a header, and see whether the rest can be what it says.

    Raises:
        FileError: empty, no sound, without samples, cut off, or a header that cannot be true.
    """
    size = path.stat().st_size
    if size == 0:
        raise FileError("is empty (0 bytes).", path=path)
    _refuse_cut_off_wave(path, size)
    try:
        info = soundfile.info(str(path))
    except soundfile.SoundFileError as error:
        raise FileError(_not_a_sound(path, error), path=path) from None
    if info.frames == 0:
        raise FileError("holds no samples: its sound has length 0.", path=path)
    if info.channels > CHANNELS_AT_MOST or info.frames > size * _SAMPLES_IN_A_BYTE:
        raise FileError(
            f"has a header that cannot be true: {info.frames:,} samples of {info.channels:,} "
            f"channels in {size:,} bytes.",
            path=path,
        )
    if not 1 <= info.samplerate <= 10_000_000:
        raise FileError(f"has a sampling rate of {info.samplerate:,} Hz.", path=path)
    return Header(path, int(info.frames), int(info.samplerate), int(info.channels))


def read_samples(header: Header, soundfile: Any) -> Array:
    """Read `[time, channel]` float32 between -1 and 1.

    Raises:
        FileError: damaged, shorter than its header says, or with samples that are no numbers.
    """
    try:
        samples, _ = soundfile.read(str(header.path), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, MemoryError) as error:
        raise FileError(f"is damaged or cut off: {_said(error)}.", path=header.path) from None
    if len(samples) != header.frames:
        raise FileError(
            f"is cut off: its header says {header.frames:,} samples, and {len(samples):,} are "
            "there.",
            path=header.path,
        )
    wrong = ~np.isfinite(samples).all(axis=1)
    if wrong.any():
        raise FileError(
            f"has {int(wrong.sum()):,} samples that are no numbers (NaN or infinite), the first "
            f"at {int(wrong.argmax()) / header.rate:.3f} s.",
            path=header.path,
        )
    found: Array = samples
    return found


def _refuse_cut_off_wave(path: Path, size: int) -> None:
    """Compare a WAV file's own sizes with the file: libsndfile reads what is there, and is silent.

    Source: Microsoft & IBM, "Multimedia programming interface and data specifications 1.0", 1991.
    """
    with path.open("rb") as file:
        begin = file.read(12)
        if begin[:4] != b"RIFF" or begin[8:12] != b"WAVE":
            return
        place = 12
        while len(head := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", head)
            place += 8
            if name == b"fmt " and length >= 16:
                _refuse_silly_format(file.read(16), path)
            if name == b"data":
                if place + length > size and length != _UNKNOWN:
                    raise FileError(
                        f"is cut off: its header says {length:,} bytes of sound, and "
                        f"{size - place:,} are there.",
                        path=path,
                    )
                return
            place += length + length % 2
            file.seek(place)
    raise FileError("is cut off: its header is there, and no sound behind it.", path=path)


def _refuse_silly_format(fields: bytes, path: Path) -> None:
    channels, rate = struct.unpack("<2xHI8x", fields.ljust(16, b"\1"))
    if channels == 0 or rate == 0:
        raise FileError(
            f"has a header that cannot be true: {channels} channels at {rate:,} Hz.", path=path
        )


def _not_a_sound(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        begin = file.read(64)
    text = begin.decode("latin-1")
    if text.isprintable() or text.replace("\n", "").replace("\r", "").isprintable():
        return f"is text ({text.splitlines()[0][:40]!r}) and no sound."
    return f"is no sound that can be read: {_said(error)}."


def _said(error: Exception) -> str:
    """The reason that libsndfile gives, without the name of the file."""
    text = getattr(error, "error_string", "") or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")
