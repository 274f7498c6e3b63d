"""Waves of a random frequency; the class is the shape: sine, square, triangle or sawtooth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array
from segue.errors import OptionError, did_you_mean
from segue.synth.examples import check_noise, examples

_TURN = 2 * np.pi


def _square(angle: Array) -> Array:
    return np.where(np.mod(angle, _TURN) < np.pi, 1.0, -1.0)


def _sawtooth(angle: Array) -> Array:
    wave: Array = np.mod(angle, _TURN) / np.pi - 1
    return wave


def _triangle(angle: Array) -> Array:
    wave: Array = 1 - 2 * np.abs(_sawtooth(angle))
    return wave


# From an angle in radians to a value between -1 and 1. Square, sawtooth and triangle begin as in
# SciPy and MATLAB: the square high, the other two at -1 and rising.
KINDS: dict[str, Callable[[Array], Array]] = {
    "sine": np.sin,
    "square": _square,
    "triangle": _triangle,
    "sawtooth": _sawtooth,
}


def waves(
    count: int = 200,
    *,
    test: int = 100,
    validation: int = 0,
    kinds: tuple[str, ...] = ("sine", "square"),
    length: int = 128,
    frequency: tuple[float, float] = (0.1, 0.4),
    phase: Literal["fixed", "random"] = "fixed",
    noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Make waves `kind(f * x + phase)` with `x = 1..length` and a frequency `f` of their own.

    Args:
        count: sequences in the part "train"; without `test` and `validation` there are no parts.
        test: sequences in the part "test".
        validation: sequences in the part "validation".
        kinds: the shapes; class 0 is the first, class 1 the second, each equally likely.
        length: steps of a sequence.
        frequency: the range from which `f` is drawn evenly, in radians a step.
        phase: "fixed": every wave begins at angle 0; then the first sample alone nearly tells the
            kind. "random": drawn evenly from a whole turn.
        noise: standard deviation of normal noise added to each value.
        seed: another seed gives other waves. Waves that differ only in phase, noise, length or
            frequency range share their other draws.

    Returns:
        One channel; `y` is `[n]` class numbers, as the .dat files have them; `ids` are 1, 2, ...

    Raises:
        OptionError: an unknown kind, or a value that means nothing.

    Source: "sine or square", a tutorial on classifying sequences with Keras.

    >>> data = waves(count=3, test=0, kinds=("sine", "square", "triangle"), length=16)
    >>> data
    Dataset(n=3, time=16, channels=1, classes=3)
    """
    _check(kinds, length, frequency, phase)
    check_noise(noise)
    x = np.arange(1, length + 1)
    shapes = [KINDS[kind] for kind in kinds]

    def wave(draws: np.random.Generator) -> tuple[Array, int]:
        label = int(draws.integers(len(kinds)))
        f = draws.uniform(*frequency)
        start = draws.uniform(0, _TURN)
        values = shapes[label](f * x + (start if phase == "random" else 0.0))
        return values + noise * draws.standard_normal(length), label

    counts = {"train": count, "validation": validation, "test": test}
    return examples("waves", wave, counts=counts, classes=tuple(range(len(kinds))), seed=seed)


def _check(kinds: tuple[str, ...], length: int, frequency: tuple[float, float], phase: str) -> None:
    for kind in kinds:
        if kind not in KINDS:
            raise OptionError(f"There is no kind of wave {kind!r}.{did_you_mean(kind, KINDS)}")
    if len(set(kinds)) < max(2, len(kinds)):
        raise OptionError(f"kinds={kinds}; expected at least two different ones.")
    if length < 1:
        raise OptionError(f"length={length}; expected at least 1 step.")
    if not 0 < frequency[0] <= frequency[1]:
        raise OptionError(f"frequency={frequency}; expected two rising numbers above 0.")
    if phase not in ("fixed", "random"):
        raise OptionError(f"phase={phase!r}; expected 'fixed' or 'random'.")
