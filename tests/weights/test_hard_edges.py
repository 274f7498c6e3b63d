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
from segue.layers import BuildContext, Shape
from segue.layers.base import TorchSource
from segue.layers.inference import InferenceChain, chain_initial_weights
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
    (layer,), source = chain, TorchSource()
    context = BuildContext(layer.name, Shape(x.shape[2], length=100))
    layer.spec.write_torch(source, context)
    names: dict[str, Any] = {}
    facts = {"network": "", "shape": context.shape, "output": layer.shape, "static": 0}
    exec(rendered("torch_network.txt", facts | torch_facts(source)), names)
    module, weights = names["Network"](), layer._given
    names["copy_weights"](module, {f"{layer.name}/{part}": w for part, w in weights.items()})
    answer: Array = module(torch.from_numpy(x), torch.from_numpy(LENGTHS)).numpy()
    return answer


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("text", LAYERS)
@pytest.mark.parametrize("way", [in_onnx, in_pytorch])
def test_nothing_is_decided_otherwise(way: Any, text: str, channels: int) -> None:
    chain, x = of_size(text, channels)
    wanted, found = chain(Ragged.from_padded(x, LENGTHS)), way(chain, x)
    assert np.abs(found - wanted).max() <= 1e-5 * max(1, np.abs(wanted).max())
