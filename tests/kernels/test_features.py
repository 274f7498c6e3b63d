"""Features of whole sequences: the native library against NumPy, and NumPy against definitions.

And to the bit: a sequence's features do not depend on what else is in its batch, nor on threads.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from segue.data.arrays import Array
from segue.kernels import reference_features as reference
from segue.kernels.native import NativeUnavailableError, load
from segue.kernels.native_features import NativeFeatures
from segue.kernels.ragged import offsets_of
from segue.layers.quant import dyadic_intervals

LENGTHS = np.array([1, 2, 9, 40, 16, 5, 130, 64, 17])


def can(path: str) -> bool:
    try:
        load(path)
    except NativeUnavailableError:
        return False
    return True


PATHS = [path for path in ("portable", "avx2", "avx512") if can(path)]


def native(path: str, threads: int) -> NativeFeatures:
    return NativeFeatures(load(path, threads))


def arguments(kind: str, features: int, lengths: Array = LENGTHS, seed: int = 0) -> Any:
    """Of a function: ragged values, offsets, and the rest as a function that calls it."""
    rng, offsets = np.random.default_rng(seed), offsets_of(lengths)
    values = rng.standard_normal((offsets[-1], features)).astype(np.float32)

    def draw(*size: int) -> Array:
        return rng.standard_normal(size).astype(np.float32)

    call: Callable[[Any, Array, Array], Array]
    if kind == "quantiles":
        intervals = dyadic_intervals(40, 5, 4)
        call = lambda kernels, x, at: kernels.quantiles(x, at, intervals)  # noqa: E731
    elif kind == "hydra":
        groups, dilation = int(rng.integers(1, 4)), int(rng.integers(1, 6))
        kernel = draw(9, groups, int(rng.integers(1, 10)))
        channels = None if features == 1 else draw(features, groups)
        call = lambda kernels, x, at: np.stack(  # noqa: E731
            kernels.hydra(x, at, channels, kernel, dilation=dilation)
        )
    elif kind == "rdst":
        size, dilation, normalized = int(rng.integers(1, 12)), int(rng.integers(1, 6)), seed % 2
        shapelets, thresholds = draw(size, features, 7), np.abs(draw(7)) * size
        call = lambda kernels, x, at: kernels.rdst(  # noqa: E731
            x, at, shapelets, thresholds, dilation=dilation, normalized=bool(normalized)
        )
    else:
        count, dilation, phase = int(rng.integers(1, 4)), int(rng.integers(1, 6)), seed % 2
        bias, channels = 3 * draw(84, count), None if features == 1 else draw(features, 84)
        call = lambda kernels, x, at: kernels.multirocket(  # noqa: E731
            x, at, channels, bias, dilation=dilation, phase=phase
        )
    return values, offsets, call


KINDS = ("quantiles", "hydra", "multirocket", "rdst")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("features", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_native_library_gives_what_numpy_gives(kind: str, features: int, path: str) -> None:
    kernels = native(path, 1)
    for seed in range(6):
        values, offsets, call = arguments(kind, features, seed=seed)
        found, wanted = call(kernels, values, offsets), call(reference, values, offsets)
        assert found.dtype == wanted.dtype == np.float32
        scale = max(1.0, float(np.abs(wanted).max()))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_has_the_same_bits_alone_and_with_any_threads(kind: str, path: str) -> None:
    lengths = np.tile(LENGTHS, 8)
    values, offsets, call = arguments(kind, 2, lengths)
    one = native(path, 1)
    together = call(one, values, offsets)
    assert np.array_equal(call(native(path, 3), values, offsets), together)
    axis = 1 if kind == "hydra" else 0
    for number in (0, 3, 6):
        own = values[offsets[number] : offsets[number + 1]]
        alone = call(one, own, np.array([0, len(own)]))
        assert np.array_equal(alone, together.take([number], axis=axis))


@pytest.mark.parametrize("path", ["numpy", *PATHS])
def test_where_nothing_changes_nothing_is_left_to_rounding(path: str) -> None:
    """Of a constant sequence no kernel has a response inside; the first of equal ones counts."""
    kernels: Any = reference if path == "numpy" else native(path, 1)
    values = np.full((50, 1), 0.1234567, np.float32)
    offsets, kernel = np.array([0, 50]), np.random.default_rng(0).normal(size=(9, 1, 4))
    inner = 50 - 8
    _, least = kernels.hydra(values, offsets, None, kernel.astype(np.float32), dilation=1)
    assert least[0, 0, 0] >= inner
    bias = np.zeros((84, 1), np.float32)
    found = kernels.multirocket(values, offsets, None, bias, dilation=1, phase=1)
    assert not found[0, :, ::2].any()  # those that lie within


def test_quantiles_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((41, 2)).astype(np.float32)
    intervals = np.array([[1, 0, 0, 11], [4, 2, 0, 3], [4, 2, 1, 3], [2, 0, 1, 1]])
    found = reference.quantiles(values, np.array([0, 41]), intervals)[0]
    parts = [values, values[20:30], values[26:36], values[11:31]]
    for channel in (0, 1):
        wanted = []
        for part, count in zip(parts, (11, 3, 3, 1), strict=True):
            own = part[:, channel].astype(np.float64)
            spread = np.quantile(own, np.linspace(0, 1, count) if count > 1 else [0.5])
            spread[1::2] -= own.mean()
            wanted.append(spread)
        np.testing.assert_allclose(found[channel], np.concatenate(wanted), atol=1e-6)


@pytest.mark.parametrize("path", PATHS)
def test_what_is_not_a_number_does_no_harm(path: str) -> None:
    values = np.array([[1], [np.nan], [-np.inf], [2], [np.inf]], np.float32)
    intervals = dyadic_intervals(5, 3, 1)
    found = native(path, 1).quantiles(values, np.array([0, 5]), intervals)
    assert found.shape == (1, 1, intervals[:, 3].sum())


def test_kernels_compete_as_defined() -> None:
    """Step by step, with the kernels' sums at zero, on what is zero beyond the ends."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(30).astype(np.float32)
    kernel = rng.standard_normal((9, 2, 4))
    kernel -= kernel.mean(0)
    most, least = np.zeros((2, 4)), np.zeros((2, 4))
    for step in range(30):
        places = [step + (tap - 4) * 3 for tap in range(9)]
        seen = np.array([x[place] if 0 <= place < 30 else 0 for place in places])
        for group in (0, 1):
            response = seen @ kernel[:, group]
            most[group, response.argmax()] += response.max()
            least[group, response.argmin()] += 1
    values, offsets = x[:, None], np.array([0, 30])
    found = reference.hydra(values, offsets, None, kernel.astype(np.float32), dilation=3)
    np.testing.assert_allclose(found[0][0], most, atol=1e-5)
    assert np.array_equal(found[1][0], least)


def test_fixed_kernels_are_pooled_as_defined() -> None:
    """The weights of MiniROCKET, and the poolings of MultiROCKET one after the other."""
    rng = np.random.default_rng(2)
    x, bias = rng.standard_normal(40), rng.standard_normal((84, 2)).astype(np.float32)
    values, offsets = x.astype(np.float32)[:, None], np.array([0, 40])
    found = reference.multirocket(values, offsets, None, bias, dilation=2, phase=1)[0]
    for number, heavy in enumerate(itertools.combinations(range(9), 3)):
        weights = np.where(np.isin(np.arange(9), heavy), 2, -1)
        padded = np.pad(values[:, 0].astype(np.float64), 8)
        response = np.array([padded[step : step + 17 : 2] @ weights for step in range(40)])
        response = response[8:-8] if number % 2 == 0 else response
        for which in (0, 1):
            above = response > bias[number, which]
            places = np.flatnonzero(above) + 1
            runs = [len(list(run)) for is_above, run in itertools.groupby(above) if is_above]
            steps = len(response)
            wanted = (
                above.mean(),
                max(runs, default=0) / steps,
                (response - bias[number, which])[above].mean() if above.any() else 0,
                places.mean() / steps if above.any() else 0,
            )
            np.testing.assert_allclose(found[:, number, which], wanted, atol=1e-5)


@pytest.mark.parametrize("normalized", [False, True])
def test_shapelets_are_compared_as_defined(normalized: bool) -> None:
    """Window by window, each normalised by itself."""
    rng = np.random.default_rng(3)
    values, shapelet = rng.standard_normal((40, 2)), rng.standard_normal((5, 2, 1))
    distances = []
    for first in range(40 - 4 * 3):
        window = values[first : first + 13 : 3]
        if normalized:
            window = (window - window.mean(0)) / window.std(0)
        distances.append(np.abs(window - shapelet[:, :, 0]).sum())
    threshold = float(np.median(distances))
    found = reference.rdst(
        values.astype(np.float32), np.array([0, 40]), shapelet.astype(np.float32),
        np.array([threshold]), dilation=3, normalized=normalized,
    )  # fmt: skip
    place = (int(np.argmin(distances)) + 1) / len(distances)
    np.testing.assert_allclose(found[0, :, 0], [min(distances), place, 0.5], atol=1e-5)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("period", [7, 130, 260, 1000])
def test_long_runs_go_on_from_word_to_word(period: int, path: str) -> None:
    """Slow waves: runs within a word of 64 steps, over its edge, and of many words."""
    offsets = np.array([0, 500])
    values = np.sin(np.arange(500) * 2 * np.pi / period + 0.1).astype(np.float32)[:, None]
    for bias in np.array([[-2.0], [-0.3], [-0.01], [0.02], [0.4]], np.float32):
        biases = np.tile(bias, (84, 1))
        found = native(path, 1).multirocket(values, offsets, None, biases, dilation=4, phase=1)
        wanted = reference.multirocket(values, offsets, None, biases, dilation=4, phase=1)
        assert np.abs(found - wanted).max() <= 1e-5
