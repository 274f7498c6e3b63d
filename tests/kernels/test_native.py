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


# -- windows ---------------------------------------------------------------------------------------


def outputs_of(offsets: Array, stride: int) -> Array:
    return offsets_of(-(-(offsets[1:] - offsets[:-1]) // stride))


WINDOWS = [
    # size, stride, dilation, before, features, columns
    (1, 1, 1, 0, 3, 4),
    (3, 1, 1, 1, 5, 50),
    (5, 1, 4, 16, 1, 8),
    (4, 3, 1, 1, 2, 7),
    (7, 2, 3, 20, 16, 97),
]


@pytest.mark.parametrize("case", WINDOWS)
def test_a_convolution_agrees_with_float64(
    native: Kernels, case: tuple[int, int, int, int, int, int]
) -> None:
    size, stride, dilation, before, features, columns = case
    rng = draws(6)
    offsets = ragged(rng, 30, 25)
    values = normal(rng, offsets[-1], features)
    kernel, bias = normal(rng, size * features, columns), normal(rng, columns)
    shape = {"size": size, "stride": stride, "dilation": dilation, "before": before}
    out_offsets = outputs_of(offsets, stride)
    packed, theirs = native.pack(kernel), reference.pack(kernel)
    for given in (bias, None):
        found = native.conv(values, offsets, out_offsets, packed, given, **shape)
        expected = reference.conv(values, offsets, out_offsets, theirs, given, **shape)
        assert_close(found, expected)
    ends = np.array([0, offsets[8] - offsets[7]])
    alone = native.conv(
        values[offsets[7] : offsets[8]], ends, outputs_of(ends, stride), packed, None, **shape
    )
    assert np.array_equal(alone, found[out_offsets[7] : out_offsets[8]])


@pytest.mark.parametrize(
    ("width", "stride", "before"), [(1, 1, 0), (3, 1, 1), (4, 4, 0), (5, 2, 4)]
)
def test_the_largest_in_windows(native: Kernels, width: int, stride: int, before: int) -> None:
    rng = draws(7)
    offsets = ragged(rng, 12, 20)
    values = normal(rng, offsets[-1], 19)
    shape = {"width": width, "stride": stride, "before": before}
    found = native.max_pool(values, offsets, outputs_of(offsets, stride), **shape)
    expected = reference.max_pool(values, offsets, outputs_of(offsets, stride), **shape)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(("features", "skip"), [(1, 0), (3, 0), (2, 4)])
def test_random_convolutions_agree_with_float64(native: Kernels, features: int, skip: int) -> None:
    rng = draws(8)
    kernel, biases = normal(rng, 9, features, 130, scale=0.3), normal(rng, 130)
    counts = [50, 0, 60, 20]
    offsets = ragged(rng, 7, 150, skip + 1)
    values = normal(rng, offsets[-1], features)
    packed = native.pack_random_conv(kernel, counts)
    found = native.random_conv(values, offsets, packed, biases, skip=skip, edge=0.1)
    theirs = reference.pack_random_conv(kernel, counts)
    expected = reference.random_conv(values, offsets, theirs, biases, skip=skip, edge=0.1)
    for mine, wanted in zip(found, expected, strict=True):
        assert_close(mine, wanted)
    own, ends = values[offsets[2] : offsets[3]], np.array([0, offsets[3] - offsets[2]])
    alone = native.random_conv(own, ends, packed, biases, skip=skip, edge=0.1)
    for mine, all_of_them in zip(alone, found, strict=True):
        assert np.array_equal(mine[0], all_of_them[2])


# -- attention and pooling -------------------------------------------------------------------------


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("heads", "features"), [(1, 3), (4, 20), (2, 128)])
def test_attention_agrees_with_float64(
    native: Kernels, heads: int, features: int, causal: bool
) -> None:
    """Also where there are more keys than queries: those of earlier steps."""
    rng = draws(9)
    k_offsets = offsets_of(np.array([1, 90, 40, 7]))
    q_offsets = offsets_of(np.array([1, 90, 3, 1]))
    q, k, v = (normal(rng, ends[-1], features) for ends in (q_offsets, k_offsets, k_offsets))
    given = {"heads": heads, "causal": causal}
    found = native.attention(3 * q, k, v, q_offsets, k_offsets, **given)
    assert_close(found, reference.attention(3 * q, k, v, q_offsets, k_offsets, **given))


def test_attention_has_the_same_bits_alone_and_in_pieces(native: Kernels) -> None:
    rng = draws(10)
    offsets = offsets_of(np.array([5, 70, 2]))
    q, k, v = (normal(rng, 77, 12) for _ in range(3))
    given = {"heads": 3, "causal": True}
    together = native.attention(q, k, v, offsets, offsets, **given)
    own = slice(offsets[1], offsets[2])
    pieces = []
    for first, end in [(0, 1), (1, 40), (40, 70)]:
        queries, seen = q[own][first:end], slice(offsets[1], offsets[1] + end)
        ends = np.array([0, len(queries)]), np.array([0, end])
        pieces.append(native.attention(queries, k[seen], v[seen], *ends, **given))
    assert np.array_equal(np.concatenate(pieces), together[own])


@pytest.mark.parametrize("how", ["mean", "max"])
@pytest.mark.parametrize("parts", [1, 3])
def test_pooling_agrees_with_float64(native: Kernels, how: str, parts: int) -> None:
    rng = draws(11)
    offsets = ragged(rng, 9, 30)
    values = normal(rng, offsets[-1], 21)
    given = {"how": how, "parts": parts}
    assert_close(native.pool(values, offsets, **given), reference.pool(values, offsets, **given))


def test_the_mean_of_many_steps_keeps_its_digits(native: Kernels) -> None:
    values = draws(12).uniform(0, 1, (1_000_000, 1)).astype(np.float32)
    found = native.pool(values, np.array([0, len(values)]), how="mean", parts=1)
    assert abs(found[0, 0] - values.mean(dtype=np.float64)) < 1e-7


def test_weighted_pooling_agrees_with_float64(native: Kernels) -> None:
    rng = draws(13)
    offsets = ragged(rng, 9, 70)
    values, query = 3 * normal(rng, offsets[-1], 21), 3 * normal(rng, 21)
    found = native.pool_attention(values, offsets, query)
    assert_close(found, reference.pool_attention(values, offsets, query))


# -- single steps ----------------------------------------------------------------------------------


def test_normalisation_agrees_with_float64(native: Kernels) -> None:
    """Also of features that lie far from 0 for how little they vary."""
    rng = draws(14)
    for rows, features in [(1, 1), (3, 7), (40, 16), (5, 100)]:
        x, gamma, beta = (
            normal(rng, *size) for size in ((rows, features), (features,), (features,))
        )
        for values in (x, x + np.float32(3000), 1e-4 * x):
            found = native.layer_norm(values, gamma, beta, 1e-3)
            assert_close(found, reference.layer_norm(values, gamma, beta, 1e-3))
        assert_close(native.scale_shift(x, gamma, beta), reference.scale_shift(x, gamma, beta))


PARAMETERS = {"leaky_relu": (0.2,), "soft_shrink": (0.5,), "hard_shrink": (0.5,)}


@pytest.mark.parametrize("kind", reference.ACTIVATIONS)
def test_activations_agree_with_float64(native: Kernels, kind: str) -> None:
    rng = draws(15)
    given = PARAMETERS.get(kind, ())
    edges = np.array([[0, -0.0, 1, -1, 0.5, -0.5, 6, -6, 3, -3, 88, -88, 1e4, -1e4]], np.float32)
    for values in (normal(rng, 40, 3), 10 * normal(rng, 7, 37), edges, normal(rng, 3, 1)):
        if kind == "exponential":
            values = values[:, :12]
        found, expected = (f.activate(kind, given, values) for f in (native, reference))
        assert_close(found, expected)
        alone = native.activate(kind, given, values[-1:])
        assert np.array_equal(alone, found[-1:])
    small = (1e-4 * normal(rng, 40, 3)).astype(np.float32)  # with its own precision
    if kind not in ("tanh_shrink", "softmax", "log_softmax", "sparsemax"):
        np.testing.assert_allclose(
            native.activate(kind, given, small), reference.activate(kind, given, small), rtol=1e-5
        )


@pytest.mark.parametrize("kind", reference.ACTIVATIONS)
def test_what_is_not_a_number_stays_so(native: Kernels, kind: str) -> None:
    values = np.full((1, 5), np.nan, np.float32)
    assert np.isnan(native.activate(kind, PARAMETERS.get(kind, ()), values)).all()


def test_exponentials_reach_infinity_and_zero(native: Kernels) -> None:
    values = np.array([[88.7, 88.8, 1e30, np.inf, -87.3, -104, -1e30, -np.inf]], np.float32)
    with np.errstate(over="ignore"):
        expected = np.exp(values.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(
        native.activate("exponential", (), values), expected, rtol=1e-5, atol=1e-38
    )


def test_what_only_moves_numbers(native: Kernels) -> None:
    rng = draws(16)
    a, b, c = (normal(rng, 4, 3) for _ in range(3))
    assert_close(native.add([a, b, c]), reference.add([a, b, c]))
    assert np.array_equal(native.concat([a, b]), reference.concat([a, b]))
    tokens = np.array([2, 0, 2], np.int32)
    assert np.array_equal(native.embed(tokens, a), reference.embed(tokens, a))


def test_it_has_every_function_of_the_reference(native: Kernels) -> None:
    assert [name for name in reference.FUNCTIONS if not hasattr(native, name)] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_random_shapes_agree_with_float64(native: Kernels, seed: int) -> None:
    rng = draws(100 + seed)
    n, channels, units, features = (int(rng.integers(1, top)) for top in (100, 40, 130, 70))
    offsets = ragged(rng, n, int(rng.integers(1, 60)))
    values = normal(rng, offsets[-1], channels)
    cell, backward = str(rng.choice(list(GATES))), bool(rng.integers(2))
    weights, state = cell_of(rng, cell, channels, units), state_of(rng, cell, n, units)
    found, after = native.recurrent(
        native.pack_recurrent(cell, *weights), values, offsets, state, backward=backward
    )
    expected, theirs = reference.recurrent(
        reference.pack_recurrent(cell, *weights), values, offsets, state, backward=backward
    )
    for mine, wanted in zip((found, *after), (expected, *theirs), strict=True):
        assert_close(mine, wanted)

    size, dilation, stride = (int(rng.integers(1, top)) for top in (8, 5, 4))
    kernel = normal(rng, size * channels, features, scale=0.3)
    shape = {"size": size, "stride": stride, "dilation": dilation}
    shape["before"] = int(rng.integers((size - 1) * dilation + 1))
    ends = outputs_of(offsets, stride)
    assert_close(
        native.conv(values, offsets, ends, native.pack(kernel), None, **shape),
        reference.conv(values, offsets, ends, reference.pack(kernel), None, **shape),
    )

    heads = int(rng.integers(1, 4))
    q, k, v = (normal(rng, offsets[-1], heads * features) for _ in range(3))
    given = {"heads": heads, "causal": backward}
    assert_close(
        native.attention(q, k, v, offsets, offsets, **given),
        reference.attention(q, k, v, offsets, offsets, **given),
    )
