"""Initial weights: their distributions, and the same ones with PyTorch and without."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from segue.layers import Shape
from segue.layers.initial import glorot_uniform, normal, orthogonal, random_kernels, uniform
from segue.modules.network import TorchNetwork
from segue.networks import Network, as_specs
from segue.randomness import numpy_generator

NETWORKS = [
    ("lstm(5, initial_state=learnt) dense(4) prelu", Shape(3)),
    ("gru(4, reset=before, output=every) batchnorm(gamma=0.5) pool(attention)", Shape(2)),
    ("birnn(3, activation=relu) layernorm", Shape(2)),
    ("rnn(2, initial_state=[[0.5, -1.0]])", Shape(2)),
    ("embedding(6) position(learnt, longest=9) attention(2) bigru(3)", Shape(1, tokens=7)),
    ("residual(conv(4, 3, bias=false)) parallel(conv(2, 1), dense(3)) pool", Shape(2)),
    ("rocket(30)", Shape(4)),
    ("lstm_fcn(3)", Shape(2)),
]


def draws(*path: str) -> np.random.Generator:
    return numpy_generator(0, *path)


@pytest.mark.parametrize(("text", "shape"), NETWORKS)
def test_a_module_has_the_weights_of_the_network(text: str, shape: Shape) -> None:
    """To the bit, in one order: a seed means the same whichever way a network is trained."""
    specs = as_specs(text)
    weights = Network(specs, shape, 3, seed=4, static=2).get_weights()
    module = TorchNetwork(specs, shape, 3, seed=4, static=2).get_weights()
    assert list(weights) == list(module)
    for name, weight in weights.items():
        assert weight.dtype == module[name].dtype == np.float32
        np.testing.assert_array_equal(weight, module[name], err_msg=name)
    others = Network(specs, shape, 3, seed=5, static=2).get_weights()
    assert any(not np.array_equal(weight, others[name]) for name, weight in weights.items())


def test_no_two_weights_are_alike() -> None:
    """Each has draws of its own, though its shape may be another's."""
    weights = Network(as_specs("bilstm(4) dense(8) dense(8)"), Shape(4), 8).get_weights()
    drawn = [w for name, w in weights.items() if "kernel" in name and w.shape == (8, 8)]
    assert len(drawn) == 3
    assert len({w.tobytes() for w in drawn}) == 3


def test_uniform_and_normal() -> None:
    """Bounds, means and deviations, within four standard errors."""
    even, bell = uniform((400, 500), draws("a"), 0.05), normal((400, 500), draws("b"), 0.02)
    assert -0.05 <= even.min() < -0.0499
    assert 0.0499 < even.max() <= 0.05
    assert abs(even.mean()) < 4 * even.std() / even.size**0.5
    assert even.std() == pytest.approx(0.05 / 3**0.5, rel=0.01)
    assert abs(bell.mean()) < 4 * 0.02 / bell.size**0.5
    assert bell.std() == pytest.approx(0.02, rel=0.01)


@pytest.mark.parametrize(
    ("shape", "bound"), [((30, 70), 0.06**0.5), ((5, 30, 70), (6 / 500) ** 0.5)]
)
def test_glorot_counts_inputs_and_outputs(shape: tuple[int, ...], bound: float) -> None:
    """And each tap of a convolution."""
    largest = np.abs(glorot_uniform(shape, draws("c"))).max()
    assert 0.99 * bound < largest <= bound * (1 + 1e-6)


@pytest.mark.parametrize("shape", [(1, 4), (16, 64), (64, 16), (33, 33)])
def test_orthogonal(shape: tuple[int, int]) -> None:
    """Rows, or columns where these are fewer; and both signs occur on the diagonal."""
    found = orthogonal(shape, draws("d")).astype(np.float64)
    short = found if shape[0] <= shape[1] else found.T
    np.testing.assert_allclose(short @ short.T, np.eye(len(short)), atol=1e-6)
    if shape == (33, 33):
        assert 0 < (np.diagonal(found) < 0).sum() < 33


def test_random_kernels_are_centred_and_see_some_channels() -> None:
    kernels = random_kernels((9, 5, 200), draws("e"))
    np.testing.assert_allclose(kernels.mean(0), 0, atol=1e-6)
    seen = (kernels != 0).any(0).sum(0)
    assert set(seen.tolist()) == {1, 2, 3, 4, 5}


SCRIPT = """
import sys
import numpy as np
from segue.layers import Shape
from segue.networks import Network, as_specs
text = "bilstm(100) dense(8)"
weights = Network(as_specs(text), Shape(20), 3, seed=1).get_weights()
assert "torch" not in sys.modules
sys.stdout.buffer.write(b"".join(weight.tobytes() for weight in weights.values()))
"""


@pytest.mark.slow
def test_the_number_of_threads_changes_no_bit() -> None:
    """And no PyTorch is needed."""
    found = []
    for count in ("1", "2", "4"):
        threads = {"OPENBLAS_NUM_THREADS": count, "OMP_NUM_THREADS": count}
        command = [sys.executable, "-c", SCRIPT]
        found.append(
            subprocess.run(command, capture_output=True, check=True, env={**os.environ, **threads})
        )
    assert found[0].stdout
    assert found[0].stdout == found[1].stdout == found[2].stdout
