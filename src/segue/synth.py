"""Synthetic data sets of several families; a sequence is a pure function of a seed and its number.

    >>> waves(count=4, test=2, seed=0)
    Dataset(n=6, time=128, channels=1, classes=2, parts=train/test)

So the first 200 of 1,000 sequences are those that a call for 200 gives. `waves`: the class is the
shape (sine, square, triangle, sawtooth); `random_series`: three random numbers each, with the best
accuracy that noise leaves possible; `toy`: six fixed sequences.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import OptionError, did_you_mean
from segue.extras import require
from segue.randomness import numpy_generator

__all__ = [
    "FAMILIES",
    "bayes_accuracy",
    "clean_series",
    "generate",
    "random_series",
    "toy",
    "waves",
]


Example = Callable[[np.random.Generator], tuple[Array, int]]


def examples(
    family: str, example: Example, *, counts: dict[str, int], classes: tuple[int, ...], seed: int
) -> Dataset:
    """Make examples numbered 1, 2, ... in each part.

    Args:
        family: its name; draws of two families never agree.
        example: from a generator of random numbers to `[time]` values and a class. It is called
            with a generator that depends only on the seed, the family, the part and the number.
        counts: examples in each part; parts of none are left out.
        classes: all classes, also those that no example has.
        seed: another seed gives other examples.

    Returns:
        A data set with the numbers as `ids`; without parts if only "train" has examples.

    Raises:
        OptionError: counts below zero, or no example at all.
    """
    if min(counts.values()) < 0 or not any(counts.values()):
        raise OptionError(f"The numbers of sequences are {counts}; expected at least one.")
    parts = np.repeat(list(counts), list(counts.values()))
    ids = np.concatenate([np.arange(1, count + 1) for count in counts.values()])
    made = [
        example(numpy_generator(seed, family, str(part), int(number)))
        for part, number in zip(parts, ids, strict=True)
    ]
    values, labels = zip(*made, strict=True)
    x, y = Sequences.from_list(values), np.array(labels, np.int64)
    named = None if set(parts) == {"train"} else parts
    return Dataset(x, y, classes, parts=named, ids=ids, name=family)


def check_noise(noise: float) -> None:
    """Validate a standard deviation.

    Raises:
        OptionError: below zero, or not a number.
    """
    if not 0 <= noise < np.inf:
        raise OptionError(f"noise={noise}; expected a standard deviation of 0 or more.")


# -- toy ------------------------------------------------------------------------------------------

_SIX = "011000 000220 000033 022000 003300 000011".split()


def toy() -> Dataset:
    """Return six sequences of six steps; the class, 1 to 3, is the number that is not zero.

    Source: Heaton, course T81-558 "Applications of deep neural networks", module 10.

    >>> data = toy()
    >>> data.x[0].ravel().tolist(), data.y.tolist()
    ([0.0, 1.0, 1.0, 0.0, 0.0, 0.0], [1, 2, 3, 2, 3, 1])
    """
    values = np.array([list(digits) for digits in _SIX], np.float32)
    x, y = Sequences.from_array(values), values.max(axis=1).astype(np.int64)
    return Dataset(x, y, ids=np.arange(1, len(values) + 1), name="toy")


_FAMILY = "random-series"


def random_series(
    count: int = 200,
    *,
    test: int = 100,
    validation: int = 0,
    classes: int = 4,
    length: int = 10,
    noise: float = 0.02,
    seed: int = 0,
) -> Dataset:
    """Make noisy copies of the series of `clean_series`; the class is which series it was.

    Args:
        count: sequences in the part "train"; without `test` and `validation` there are no parts.
        test: sequences in the part "test".
        validation: sequences in the part "validation".
        classes: how many series; the classes are 1, 2, ..., equally likely.
        length: steps of a sequence.
        noise: standard deviation of the normal noise added to each value; the values of a clean
            series lie between 0 and 1 and sum to one.
        seed: another seed gives other series and other noise.

    Raises:
        OptionError: a value that means nothing.

    >>> data = random_series(count=50, test=0, classes=3, length=15)
    >>> data
    Dataset(n=50, time=15, channels=1, classes=3)
    """
    check_noise(noise)
    clean = clean_series(classes, length, seed=seed)

    def series(draws: np.random.Generator) -> tuple[Array, int]:
        label = int(draws.integers(classes))
        return clean[label] + noise * draws.standard_normal(length), label + 1

    counts = {"train": count, "validation": validation, "test": test}
    names = tuple(range(1, classes + 1))
    return examples(_FAMILY, series, counts=counts, classes=names, seed=seed)


def clean_series(classes: int = 4, length: int = 10, *, seed: int = 0) -> Array:
    """Return `[class, length]` float64: the series before any noise.

    Each comes from three normal numbers a, b, c: softmax over i of `i * a * b + c`, with
    i = 0..length - 1. c cancels in the softmax and only the product of a and b counts, so two
    series can nearly coincide; `bayes_accuracy` gives the accuracy that remains possible.

    Raises:
        OptionError: less than one class or step.

    >>> series = clean_series(classes=2, length=10, seed=0)
    >>> series.shape, series.sum(axis=1).round(12).tolist()
    ((2, 10), [1.0, 1.0])
    """
    softmax = require("scipy.special", purpose="to draw these series").softmax
    if classes < 1 or length < 1:
        raise OptionError(f"classes={classes} and length={length}; expected at least 1 of each.")
    draws = [numpy_generator(seed, _FAMILY, "class", n) for n in range(1, classes + 1)]
    numbers = [generator.standard_normal(3) for generator in draws]
    return np.stack([softmax(np.arange(length) * a * b + c) for a, b, c in numbers])


def bayes_accuracy(clean: Array, noise: float, *, draws: int = 100_000, seed: int = 0) -> float:
    """Return the best accuracy that any classifier can reach on noisy copies of known series.

    The classes are equally likely and the noise is normal, so the nearest series is the most
    likely one. For two series at distance d that is right with probability Phi(d / (2 noise)),
    exactly; for more it is estimated with a standard error of at most `0.5 / sqrt(draws)`.

    Args:
        clean: `[class, length]`, such as `clean_series` gives.
        noise: standard deviation of the noise on each value.
        draws: noisy copies to be classified, where there are more than two series.
        seed: of these copies.

    Raises:
        OptionError: a shape or value that means nothing.

    Source: Duda, Hart, Stork, "Pattern classification", 2nd edition, sections 2.6 and 2.7.

    >>> bayes_accuracy(np.array([[0.0, 0.0], [0.0, 0.2]]), noise=0.1)
    0.841344746...
    """
    clean = np.asarray(clean, dtype=np.float64)
    check_noise(noise)
    if clean.ndim != 2 or len(clean) == 0 or draws < 1:
        raise OptionError(
            f"clean has shape {clean.shape} and draws={draws}; expected (class, length) and 1 or "
            "more."
        )
    if noise == 0:
        return len(np.unique(clean, axis=0)) / len(clean)  # of equal ones only one can be right
    if len(clean) == 2:
        distance = float(np.linalg.norm(clean[0] - clean[1]))
        return 0.5 * (1 + math.erf(distance / (2 * noise) / math.sqrt(2)))
    right, block = 0, 10_000
    for first in range(0, draws, block):  # the share that lies nearest to its own series
        generator = numpy_generator(seed, _FAMILY, "bayes", first)
        labels = np.arange(first, min(first + block, draws)) % len(clean)
        noisy = clean[labels] + noise * generator.standard_normal((len(labels), clean.shape[1]))
        # |x - s|^2 without |x|^2, which is the same for every series s
        distances = (clean**2).sum(axis=1) - 2 * noisy @ clean.T
        right += int((distances.argmin(axis=1) == labels).sum())
    return right / draws


_TURN = 2 * np.pi


def _square(angle: Array) -> Array:
    return np.where(np.mod(angle, _TURN) < np.pi, 1.0, -1.0)


def _sawtooth(angle: Array) -> Array:
    return np.asarray(np.mod(angle, _TURN) / np.pi - 1)


def _triangle(angle: Array) -> Array:
    return np.asarray(1 - 2 * np.abs(_sawtooth(angle)))


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


Family = Callable[..., Dataset]
FAMILIES: dict[str, Family] = {"random-series": random_series, "toy": toy, "waves": waves}


def generate(family: str, **options: Any) -> Dataset:
    """Generate a data set of a family by its name.

    Raises:
        OptionError: no such family, or an option that it does not have.

    >>> generate("toy").classes
    (1, 2, 3)
    """
    if family not in FAMILIES:
        raise OptionError(
            f"There is no generated data named {family!r}.{did_you_mean(family, FAMILIES)}"
        )
    known = inspect.signature(FAMILIES[family]).parameters
    for name in sorted(options.keys() - known):
        hint = did_you_mean(name, known) if known else " It has none."
        raise OptionError(f"{family} has no option {name!r}.{hint}")
    return FAMILIES[family](**options)
