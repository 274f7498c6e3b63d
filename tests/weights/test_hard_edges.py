"""Layers in which the last bit may decide, at the size that models have: it decides nothing.

A response that is above its bias by rounding only, two kernels that are equal up to rounding: among
a million responses there are some. Where one falls on the other side, a feature is another one by a
whole step of its count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from segue.data.arrays import Array
from segue.kernels import forward, reference
from segue.kernels.ragged import Ragged
from segue.layers import BuildContext, Dense, LayerSpec, Shape
from segue.layers.base import TorchSource
from segue.layers.inference import InferenceChain, InferenceLayer, chain_initial_weights
from segue.networks import as_specs
from segue.networks.source import rendered, torch_facts
from segue.onnx_graph import Graph, Steps
from segue.weights.onnx_runtime import session_of

LENGTHS = np.array([100, 1, 83, 100, 40, 5, 97, 64])
LAYERS = ["multirocket(2000)", "hydra(64)", "rdst(600)", "rdst(400, 6)"]


def of_size(text: str, channels: int) -> tuple[InferenceChain, Array]:
    """A layer with fitted weights, and padded sequences; one of them stands still for a while."""
    draws = np.random.default_rng(3)
    x = draws.standard_normal((len(LENGTHS), 100, channels)).astype(np.float32)
    x[3, 20:70] = 0.1234567
    specs, context = as_specs(text), BuildContext("", Shape(channels, length=100))
    weights = chain_initial_weights(specs, context)
    seen = Ragged.from_padded(x, LENGTHS)
    fitted = InferenceChain(specs, context, weights).fitted_weights(seen, None, draws)
    return InferenceChain(specs, context, {**weights, **fitted}), x


@pytest.fixture(autouse=True)
def needs_the_library() -> None:
    if forward.backend() is reference:
        pytest.skip("the native library is not there; NumPy computes in float64")


def in_onnx(chain: InferenceChain, x: Array) -> Array:
    graph = Graph()
    values = graph.input("x", np.float32, ("batch", "time", x.shape[2]))
    found: Any = chain.write_onnx(Steps(values, graph.input("lengths", np.int64, ("batch",))))
    graph.output("y", found, (None, None))
    session = session_of(graph.model("segue", {}).SerializeToString())
    answer: Array = session.run(None, {"x": x, "lengths": LENGTHS})[0]
    return answer


def in_pytorch(chain: InferenceChain, x: Array) -> Array:
    (layer,) = chain
    names = written(layer.spec, BuildContext(layer.name, Shape(x.shape[2], length=100)))
    names["copy_weights"](module := names["Network"](), weights_of(layer))
    answer: Array = module(torch.from_numpy(x), torch.from_numpy(LENGTHS)).numpy()
    return answer


def written(spec: LayerSpec, context: BuildContext) -> dict[str, Any]:
    """What the source of a layer alone defines."""
    source, names = TorchSource(), dict[str, Any]()
    spec.write_torch(source, context)
    facts = {"network": "", "shape": context.shape, "output": spec.output_shape(context)}
    exec(rendered("torch_network.txt", {**facts, "static": 0, **torch_facts(source)}), names)
    return names


def weights_of(layer: InferenceLayer) -> dict[str, Array]:
    return {f"{layer.name}/{part}": weight for part, weight in layer._given.items()}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("text", LAYERS)
@pytest.mark.parametrize("way", [in_onnx, in_pytorch])
@pytest.mark.slow
def test_nothing_is_decided_otherwise(way: Any, text: str, channels: int) -> None:
    chain, x = of_size(text, channels)
    wanted, found = chain(Ragged.from_padded(x, LENGTHS)), way(chain, x)
    assert np.abs(found - wanted).max() <= 1e-5 * max(1, np.abs(wanted).max())


@pytest.mark.parametrize("way", ["segue", "onnx", "pytorch"])
def test_sums_of_many_features_lose_no_digits(way: str) -> None:
    """Those of 50,000 features go up to 200, and a bias takes them back: what is left is right."""
    draws = np.random.default_rng(0)
    x = (0.5 + draws.standard_normal((6, 50_000))).astype(np.float32)
    kernel = (0.01 * draws.standard_normal((50_000, 3)) + 0.008).astype(np.float32)
    sums = x.astype(np.float64) @ kernel
    bias = -sums.mean(0).astype(np.float32)
    context = BuildContext("dense_1", Shape(50_000, sequence=False))
    layer = Dense(3).inference_layer(context, {"kernel": kernel, "bias": bias})
    found = layer(x)
    if way == "onnx":
        graph = Graph()
        graph.output(
            "y", layer.write_onnx(graph.input("x", np.float32, (None, None))), (None, None)
        )
        session = session_of(graph.model("segue", {}).SerializeToString())
        (found,) = session.run(None, {"x": x})
    elif way == "pytorch":
        names = written(layer.spec, context)
        names["copy_weights"](module := names["Network"](), weights_of(layer))
        found = module(torch.from_numpy(x), torch.ones(6)).detach().numpy()
    wanted = sums + bias
    assert 1 < np.abs(wanted).max() < 9
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()
