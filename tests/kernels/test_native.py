"""The native kernels, on every path that this processor has, against those of NumPy in float64.

And the promise that they make to the bit: a row's or a sequence's result does not depend on what
else is in its batch, on the pieces it comes in, or on the number of threads.
"""

from __future__ import annotations

import numpy as np
import pytest

from segue.data.arrays import Array
from segue.kernels import reference
from segue.kernels.native import Kernels, NativeUnavailableError, load
from segue.kernels.ragged import offsets_of

try:
    load("portable")
except NativeUnavailableError as error:
    pytest.skip(str(error), allow_module_level=True)

TOLERANCE = 1e-5  # of the largest value, or of 1
GATES = {"lstm": 4, "gru": 3, "gru_before": 3, "rnn_tanh": 1, "rnn_relu": 1}


@pytest.fixture(params=("portable", "avx2", "avx512"))
def native(request: pytest.FixtureRequest) -> Kernels:
    try:
        return load(request.param, 1)
    except NativeUnavailableError as error:
        pytest.skip(str(error))


def draws(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(rng: np.random.Generator, *size: int, scale: float = 1.0) -> Array:
    return (rng.standard_normal(size) * scale).astype(np.float32)


def ragged(rng: np.random.Generator, n: int, longest: int, shortest: int = 1) -> Array:
    return offsets_of(rng.integers(shortest, longest + 1, n))


def assert_close(found: Array, expected: Array) -> None:
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    largest = np.abs(expected).max(initial=1.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * largest)


def test_a_dense_layer_agrees_with_float64(native: Kernels) -> None:
    rng = draws(0)
    for rows, depth, columns in [
        (1, 1, 1),
        (3, 5, 7),
        (33, 70, 100),
        (100, 513, 97),
        (9, 1100, 48),
    ]:
        x, kernel, bias = (
            normal(rng, rows, depth),
            normal(rng, depth, columns),
            normal(rng, columns),
        )
        for given in (bias, None):
            found = native.dense(x, native.pack(kernel), given)
            assert_close(found, reference.dense(x, reference.pack(kernel), given))


def test_a_row_has_the_same_bits_alone(native: Kernels) -> None:
    rng = draws(1)
    x, packed = normal(rng, 101, 600), native.pack(normal(rng, 600, 50))
    together = native.dense(x, packed, None)
    for rows in (slice(0, 1), slice(7, 10), slice(95, 101)):
        assert np.array_equal(native.dense(x[rows], packed, None), together[rows])


def cell_of(rng: np.random.Generator, cell: str, channels: int, units: int) -> list[Array]:
    gates = GATES[cell]
    scale = (0.5 if cell == "rnn_relu" else 1.5) / np.sqrt(units)
    bias = (2, gates * units) if cell == "gru" else (gates * units,)
    return [
        normal(rng, channels, gates * units),
        normal(rng, units, gates * units, scale=scale),
        normal(rng, *bias),
    ]


def state_of(rng: np.random.Generator, cell: str, n: int, units: int) -> tuple[Array, ...]:
    return tuple(normal(rng, n, units) for _ in range(2 if cell == "lstm" else 1))


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("backward", [False, True])
def test_a_recurrence_agrees_with_float64(native: Kernels, cell: str, backward: bool) -> None:
    rng = draws(2)
    for channels, units, n in [(1, 1, 1), (3, 5, 4), (7, 64, 1), (2, 33, 7), (12, 100, 55)]:
        weights, offsets = cell_of(rng, cell, channels, units), ragged(rng, n, 9, shortest=0)
        values, given = normal(rng, offsets[-1], channels), state_of(rng, cell, n, units)
        for state in (given, None):
            found, after = native.recurrent(
                native.pack_recurrent(cell, *weights), values, offsets, state, backward=backward
            )
            expected, theirs = reference.recurrent(
                reference.pack_recurrent(cell, *weights), values, offsets, state, backward=backward
            )
            assert_close(found, expected)
            for mine, wanted in zip(after, theirs, strict=True):
                assert_close(mine, wanted)


@pytest.mark.parametrize("cell", GATES)
def test_a_sequence_has_the_same_bits_alone_and_in_pieces(native: Kernels, cell: str) -> None:
    rng = draws(3)
    packed = native.pack_recurrent(cell, *cell_of(rng, cell, 3, 21))
    offsets = ragged(rng, 60, 12)
    values = normal(rng, offsets[-1], 3)
    together, state = native.recurrent(packed, values, offsets)
    for i in (0, 17, 59):
        own = values[offsets[i] : offsets[i + 1]]
        before, outputs = None, []
        for piece in np.array_split(own, 3):
            ends = np.array([0, len(piece)])
            output, before = native.recurrent(packed, piece, ends, before)
            outputs.append(output)
        assert np.array_equal(np.concatenate(outputs), together[offsets[i] : offsets[i + 1]])
        for mine, all_of_them in zip(before, state, strict=True):
            assert np.array_equal(mine[0], all_of_them[i])


def test_threads_do_not_change_the_bits(native: Kernels) -> None:
    rng = draws(4)
    kernel, weights = normal(rng, 400, 300), cell_of(rng, "lstm", 8, 100)
    x, offsets = normal(rng, 700, 400), ragged(rng, 110, 40)
    values = normal(rng, offsets[-1], 8)
    results = []
    for kernels in (native, load(native.path, 3)):
        outputs, state = kernels.recurrent(
            kernels.pack_recurrent("lstm", *weights), values, offsets, backward=True
        )
        results.append([kernels.dense(x, kernels.pack(kernel), None), outputs, *state])
    for one, three in zip(*results, strict=True):
        assert np.array_equal(one, three)


def test_outputs_go_where_they_are_wanted(native: Kernels) -> None:
    """Both halves of a bidirectional output; and none where only the state is wanted."""
    rng = draws(5)
    packed = native.pack_recurrent("gru", *cell_of(rng, "gru", 2, 5))
    offsets = ragged(rng, 4, 6)
    values = normal(rng, offsets[-1], 2)
    both = np.zeros((len(values), 12), np.float32)
    native.recurrent(packed, values, offsets, out=both[:, :5])
    native.recurrent(packed, values, offsets, out=both[:, 7:], backward=True)
    expected, state = native.recurrent(packed, values, offsets)
    assert np.array_equal(both[:, :5], expected)
    assert not both[:, 5:7].any()
    nothing, (h,) = native.recurrent(packed, values, offsets, every=False)
    assert nothing.shape == (0, 5)
    assert np.array_equal(h, state[0])
