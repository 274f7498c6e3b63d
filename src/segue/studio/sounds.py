"""Sequences as sounds: one alone, several one after the other, or all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from segue.errors import OptionError
from segue.sonify import Clip, make_clip
from segue.studio.opened import OpenData

LONGEST = 30_000_000  # samples
MOST = 100  # sequences
_RATES = (8000, 192_000)  # that every browser plays


def sound(opened: OpenData, index: Sequence[int], *, mix: bool = False) -> Clip:
    """Some sequences as a sound, as `segue listen` makes it.

    Args:
        opened: the data set.
        index: which sequences, in their order.
        mix: all at once, in place of one after the other.

    Raises:
        OptionError: no such sequence, none, too many, or too long ones.
        DataError: texts.

    >>> from segue.data.dataset import Dataset
    >>> notes = Dataset([[0.0, 0.5], [0.25, -0.5, 0.1]], ["up", "down"], rate_hz=8000)
    >>> len(sound(OpenData("", "", {}, notes), [0, 1], mix=True).samples)
    3
    """
    steps = [opened.row(each).steps for each in index]
    if not 0 < len(steps) <= MOST:
        raise OptionError(f"{len(steps)} sequences; expected 1 to {MOST}.")
    if sum(steps) > LONGEST:
        raise OptionError(
            f"{sum(steps):,} steps are too long to be played here; expected {LONGEST:,} at most. "
            "`segue listen` writes them to a file."
        )
    return _playable(make_clip(opened.data, index, mix=mix))


def _playable(clip: Clip) -> Clip:
    """The same sound at a rate that browsers play."""
    up = max(1, -(-_RATES[0] // clip.rate_hz))
    down = max(1, -(-clip.rate_hz // _RATES[1]))
    count = len(clip.samples) * up // down
    if up == down or not count:
        return clip
    # Exact for what is below half of both rates, by the spectrum of the whole.
    spectrum = np.fft.rfft(clip.samples)
    samples = np.fft.irfft(spectrum, count) * (count / len(clip.samples))
    return replace(clip, samples=samples.clip(-1, 1), rate_hz=round(clip.rate_hz * up / down))
