"""Layers of features that are not trained: as in their papers, and fitted to training data."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.data.sequences import Array
from segue.kernels.ragged import Ragged, offsets_of
from segue.layers import RDST, BuildContext, Hydra, MultiRocket, Quant, Shape
from segue.layers.hydra import competing_kernels, some_channels
from segue.layers.inference import InferenceChain
from segue.layers.multirocket import channels_of_kernels, dilations_of
from segue.networks import Network, as_specs


def waves(count: int = 40, seed: int = 0) -> tuple[list[Array], Array]:
    """Slow and fast waves of unequal lengths, two channels."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = [
        np.sin(np.arange(n) * (0.3 + 0.5 * kind) + rng.random((2, 1)) * 6).T
        + 0.1 * rng.standard_normal((n, 2))
        for n, kind in zip(rng.integers(9, 40, count), y, strict=True)
    ]
    return x, np.array(["slow", "fast"])[y]


# -- quant ----------------------------------------------------------------------------------------


def quant_of_paper(x: Array, depth: int, divisor: int) -> Array:
    """QUANT of one series: its intervals and quantiles, one after the other."""
    change = np.diff(x)
    padded = np.pad(change, 2, "edge")
    smooth = np.convolve(padded, np.ones(5) / 5, "valid")
    found = []
    for series in (x, smooth, np.diff(x, n=2), np.abs(np.fft.rfft(x))):
        length = len(series)
        intervals: list[tuple[int, int]] = []
        for level in range(min(depth, int(np.log2(length)) + 1)):
            ends = np.linspace(0, length, 2**level + 1).astype(int)
            own = list(pairwise(ends))
            intervals += own
            sizes = sorted(end - first for first, end in own)
            if level and sizes[(len(sizes) - 1) // 2] > 1:
                shift = int(np.ceil(length / 2**level / 2))
                intervals += [(first + shift, end + shift) for first, end in own[:-1]]
        for first, end in intervals:
            part = series[first:end]
            count = 1 + (len(part) - 1) // divisor
            places = [0.5] if count == 1 else np.linspace(0, 1, count)
            quantiles = np.quantile(part, places)
            quantiles[1::2] -= part.mean()
            found.append(quantiles)
    return np.concatenate(found)


@pytest.mark.parametrize("length", [16, 37, 64, 101])
@pytest.mark.parametrize(("depth", "divisor"), [(6, 4), (3, 1), (2, 10)])
def test_quant_is_that_of_the_paper(length: int, depth: int, divisor: int) -> None:
    """Of sequences of one length."""
    x = np.random.default_rng(length).standard_normal((3, length)).astype(np.float32)
    layer = Quant(depth, divisor).inference_layer(
        BuildContext("quant_1", Shape(1, length=length)), {}
    )
    found = layer(Ragged(x.reshape(-1, 1), length * np.arange(4)))
    wanted = np.array([quant_of_paper(row.astype(np.float64), depth, divisor) for row in x])
    assert found.shape == wanted.shape == (3, layer.shape.features)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_the_spectrum_does_not_depend_on_the_batch() -> None:
    """To the bit, also through NumPy's Fourier transform."""
    lengths = np.array([30, 31, 30, 7, 30, 1])
    offsets = offsets_of(lengths)
    values = np.random.default_rng(0).standard_normal((offsets[-1], 3)).astype(np.float32)
    layer = Quant().inference_layer(BuildContext("quant_1", Shape(3)), {})
    together = layer(Ragged(values, offsets))
    for number, length in enumerate(lengths):
        own = values[offsets[number] : offsets[number + 1]]
        alone = layer(Ragged(own, np.array([0, length])))
        assert np.array_equal(alone[0], together[number])


# -- the kernels of hydra and multirocket ---------------------------------------------------------


def test_hydra_has_the_kernels_of_the_paper() -> None:
    """Sums 0, absolute sums 1; eight in each of 64 groups; dilations up to the length."""
    kernels = competing_kernels((9, 2, 3, 4), np.random.default_rng(0))
    np.testing.assert_allclose(kernels.sum(0), 0, atol=1e-6)
    np.testing.assert_allclose(np.abs(kernels).sum(0), 1, atol=1e-6)
    assert Hydra().dilations(Shape(1, length=150)) == [1, 2, 4, 8, 16]
    assert Hydra().output_shape(BuildContext("", Shape(1, length=150))).features == 5 * 512 * 2
    seen = some_channels((20, 5, 6), np.random.default_rng(0)).sum(0)
    assert (seen == 8).all()
    assert some_channels((2, 5), np.random.default_rng(0)).all()


def test_multirocket_has_the_kernels_of_the_paper() -> None:
    """49,728 features by default; dilations as in MiniROCKET; a few channels, most often one."""
    assert MultiRocket().output_shape(BuildContext("", Shape(1, length=150))).features == 49_728
    for length, each in [(9, 74), (24, 74), (150, 74), (1000, 119), (5, 3), (2, 1)]:
        found = dilations_of(length, each)
        assert sum(count for _, count in found) == each
        assert found[0][0] == 1
        assert all(8 * dilation <= max(8, length - 1) for dilation, _ in found)
    seen = channels_of_kernels((30, 500), np.random.default_rng(0)).sum(0)
    assert seen.min() == 1
    assert seen.max() == 9
    assert (seen == 1).mean() > 0.2


# -- what is fitted -------------------------------------------------------------------------------


def test_biases_are_quantiles_of_the_responses_to_training_sequences() -> None:
    """Of one sequence, the share of responses above a bias is what its quantile leaves."""
    length = 200
    x = np.random.default_rng(0).standard_normal((length, 1)).astype(np.float32)
    network = Network(as_specs("multirocket(840)"), Shape(1, length=length), 2)
    before = network.get_weights()["multirocket_1/bias"]
    network.fit_weights(Ragged(x, np.array([0, length])))
    bias = network.get_weights()["multirocket_1/bias"]
    assert not np.array_equal(before, bias)
    network.fit_weights(Ragged(x, np.array([0, length])))
    assert np.array_equal(bias, network.get_weights()["multirocket_1/bias"])
    shares = network.chain[0](Ragged(x, np.array([0, length])))[0, : len(bias)]
    quantiles = np.arange(1, len(bias) + 1) * ((np.sqrt(5) + 1) / 2) % 1
    plan = network.specs[0].plan(Shape(1, length=length))  # type: ignore[attr-defined]
    for one in (one for part in plan for one in part):
        whole = np.arange(84) % 2 == one.phase  # those that see zeros beyond the ends
        own, wanted = (
            values[one.biases].reshape(84, -1)[whole] for values in (shares, 1 - quantiles)
        )
        assert np.abs(own - wanted).max() <= 1.01 / (length - 1)


def test_a_chain_fits_what_is_inside_branches() -> None:
    text = "dense(3) parallel(pool(mean), parallel(multirocket(84, name=a), quant)) dense(2)"
    network = Network(as_specs(text), Shape(2), 2)
    before = network.get_weights()
    x, _ = waves()
    values = np.concatenate(x).astype(np.float32)
    network.fit_weights(Ragged(values, offsets_of(np.array([len(one) for one in x]))))
    after = network.get_weights()
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    assert changed == ["parallel_1/branch_2/parallel_1/branch_1/a/bias"]


def test_shapelets_are_parts_of_training_sequences() -> None:
    """Each is found in one of them; thresholds are low quantiles of distances to another one."""
    x = np.random.default_rng(0).standard_normal((4, 60)).astype(np.float32)
    ragged = Ragged(x.reshape(-1, 1), 60 * np.arange(5))
    network = Network(as_specs("rdst(200)"), Shape(1, length=60), 2)
    classes = np.array([0, 0, 1, 1])
    network.fit_weights(ragged, classes)
    least, _, near = network.chain[0](ragged).reshape(4, 3, 200).transpose(1, 0, 2)
    assert least.min(0).max() <= 1e-5
    own = least.argmin(0)
    other = np.array([1, 0, 3, 2])[own]
    spans = [60 - 10 * one.dilation for one in RDST(200).groups(Shape(1, length=60))
             for _ in range(one.own.start, one.own.stop)]  # fmt: skip
    shares = near[other, np.arange(200)]
    assert (np.abs(shares - 0.075) <= 0.026 + 1 / np.array(spans)).all()


def test_shapelets_have_dilations_up_to_the_length() -> None:
    """Most are normalised; short sequences have short ones."""
    groups = RDST(1000).groups(Shape(1, length=101))
    assert {one.dilation for one in groups} == set(range(1, 10))
    normalized = sum(one.own.stop - one.own.start for one in groups if one.normalized)
    assert abs(normalized - 800) < 20
    assert groups[-1].own.stop == 1000
    assert RDST(5).groups(Shape(1, length=1))[-1].own.stop == 5


TEXT = "parallel(multirocket(84), hydra(4), quant(4), rdst(50)) batchnorm dropout(0.2)"


@pytest.fixture(scope="module")
def fitted() -> segue.SequenceClassifier:
    x, y = waves()
    return segue.SequenceClassifier(TEXT, epochs=20, seed=3).fit(x, y)


def test_a_classifier_fits_them_before_it_trains(fitted: Any) -> None:
    x, y = waves(seed=1)
    weights = fitted.network_.get_weights()
    fresh = Network(fitted.network_.specs, Shape(2), 1, seed=3).get_weights()
    (name,) = (name for name in weights if name.endswith("multirocket_1/bias"))
    assert not np.array_equal(weights[name], fresh[name])
    kernel = name.replace("branch_1/multirocket_1/bias", "branch_2/hydra_1/kernel")
    assert np.array_equal(weights[kernel], fresh[kernel])  # drawn, and not trained
    assert fitted.score(x, y) >= 0.9


def test_probabilities_of_a_row_do_not_depend_on_others(fitted: Any) -> None:
    x, _ = waves(seed=2)
    together = fitted.predict_proba(x)
    for number in (0, 7, 39):
        assert np.array_equal(fitted.predict_proba([x[number]])[0], together[number])


def test_they_are_kept_in_the_file(fitted: Any, tmp_path: Path) -> None:
    x, _ = waves(seed=2)
    fitted.save(tmp_path / "model.safetensors")
    again = segue.load(tmp_path / "model.safetensors")
    assert np.array_equal(again.predict_proba(x), fitted.predict_proba(x))


def test_memory_is_asked_for_features_once() -> None:
    """50,000 features of a sequence are not those of each of its steps."""
    network = Network(as_specs("multirocket"), Shape(1), 2)
    assert sum(network.numbers_at_once(10_000).values()) < 10**6


def test_one_layer_in_a_chain_is_enough() -> None:
    chain = InferenceChain(as_specs("pool(mean)"), BuildContext("", Shape(2)), {})
    ragged = Ragged(np.zeros((3, 2), np.float32), np.array([0, 3]))
    assert chain.fitted_weights(ragged, None, np.random.default_rng(0)) == {}
