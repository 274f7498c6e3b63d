"""Every layer and every network of the contract tests gives in ONNX Runtime what it gives here."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from segue.data.sequences import Array
from segue.errors import NotCausalError, SpecError
from segue.kernels.ragged import Directions, Ragged
from segue.layers import LAYERS, BuildContext, LayerSpec, Shape
from segue.layers.activations import ACTIVATIONS
from segue.layers.activations_onnx import ONNX
from segue.layers.inference import InferenceChain, chain_initial_weights, chain_weight_shapes
from segue.networks import as_specs
from segue.onnx_graph import Graph, Steps, Value
from segue.spec import to_text
from segue.testing import strategies
from segue.weights.onnx_check import TOLERANCE
from segue.weights.onnx_runtime import session_of

CONTRACT = Path(__file__).parents[1] / "contract"
VARIANTS: dict[str, list[str]] = runpy.run_path(str(CONTRACT / "test_layers.py"))["VARIANTS"]
NETWORKS: list[Any] = runpy.run_path(str(CONTRACT / "test_networks.py"))["NETWORKS"]
SHAPES = {"embedding": Shape(1, tokens=7), "flatten": Shape(4, length=6), "attention": Shape(6)}
LAYERS_ALONE = [
    (text, SHAPES.get(kind, Shape(4)), False) for kind, texts in VARIANTS.items() for text in texts
]
BATCHES = ([5, 1, 9, 2, 9, 3], [4], [1, 1], [12, 3, 7])
TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}


def chain_of(text: str, shape: Shape, every: bool) -> InferenceChain:
    """A chain whose weights are all random, also those that begin with zeros."""
    specs, context = as_specs(text), BuildContext("", shape, every)
    draws, weights = np.random.default_rng(0), {}
    for name, size in chain_weight_shapes(specs, context).items():
        weight = draws.normal(size=size) / 2
        weight = np.abs(weight) + 0.5 if "variance" in name else weight
        weights[name] = weight.astype(np.float32)
    if any(spec.kind == "trees" for spec in specs):  # whose nodes must lead to leaves
        weights |= chain_initial_weights(specs, context)
    return InferenceChain(specs, context, weights)


def batch_of(shape: Shape, lengths: list[int], least: int = 1) -> tuple[Array, Array]:
    """Padded values with garbage behind the ends, and the lengths, from `least` on."""
    lengths = [length + least - 1 for length in lengths]
    lengths = [shape.length] * len(lengths) if shape.length else lengths
    draws, time = np.random.default_rng(1), max(lengths) + (0 if shape.length else 3)
    size = (len(lengths), time, shape.features)
    if shape.tokens is not None:
        return draws.integers(0, shape.tokens, size), np.array(lengths)
    values = draws.normal(size=size).astype(np.float32)
    values[np.arange(time) >= np.array(lengths)[:, None]] = 77
    return values, np.array(lengths)


def session_for(graph: Graph, signals: list[Any]) -> Any:
    for number, signal in enumerate(signals):
        value = signal.values if isinstance(signal, Steps) else signal
        graph.output(f"y{number}", value, (None,) * (2 + isinstance(signal, Steps)))
    return session_of(graph.model("network", {}).SerializeToString())


def ported(values: Array) -> Array:
    """As segue's own layers take them."""
    return values.astype(np.int32) if values.dtype == np.int64 else values


def difference(came: Array, wanted: Array) -> float:
    return float(np.abs(came - wanted).max() / max(1, np.abs(wanted).max()))


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("text", "shape", "every"), LAYERS_ALONE + NETWORKS)
def test_onnx_runtime_gives_what_segue_gives(text: str, shape: Shape, every: bool) -> None:
    """One graph for batches of six, one, two and three sequences of unequal lengths."""
    chain, graph = chain_of(text, shape, every), Graph()
    dtype = np.int64 if shape.tokens else np.float32
    x = graph.input("x", dtype, ("batch", "time", shape.features))
    found = chain.write_onnx(Steps(x, graph.input("lengths", np.int64, ("batch",))))
    session = session_for(graph, list(found) if isinstance(found, Directions) else [found])
    for lengths in BATCHES:
        values, counts = batch_of(shape, lengths, chain.shape.least)
        came = session.run(None, {"x": values, "lengths": counts})
        wanted: Any = chain(Ragged.from_padded(ported(values), counts))
        pairs = zip(came, wanted if isinstance(wanted, Directions) else [wanted], strict=True)
        for got, reference in pairs:
            if isinstance(reference, Ragged):
                rows = [row[:n] for row, n in zip(got, reference.lengths, strict=True)]
                got, reference = np.concatenate(rows), reference.values
            assert got.shape == reference.shape
            assert difference(got, reference) <= TOLERANCE


STEPPED = [one for one in LAYERS_ALONE + NETWORKS if not one[1].length]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("text", "shape", "every"), STEPPED)
def test_the_graph_of_one_step_gives_what_a_stream_gives(
    text: str, shape: Shape, every: bool
) -> None:
    """Three streams side by side, of which the last begins again at the sixth step."""
    chain, graph = chain_of(text, shape, every), Graph()
    x_t = graph.input("x", np.int64 if shape.tokens else np.float32, ("batch", shape.features))
    graph.reset = graph.input("reset", bool, ("batch",))
    if not chain.causal:
        with pytest.raises(NotCausalError, match=r"cannot go step by step"):
            chain.write_onnx_step(x_t)
        return
    session, values = session_for(graph, [chain.write_onnx_step(x_t)]), batch_of(shape, [12] * 3)[0]
    states = {
        one.name: np.zeros([{"batch": 3, "past": 0}.get(d, d) for d in one.shape], TYPES[one.type])
        for one in session.get_inputs()
        if one.name.startswith("state/")
    }
    names = [one.name for one in session.get_outputs()]
    state, again = chain.initial_state(3), chain.initial_state(1)
    for time in range(12):
        reset = np.array([time == 0, time == 0, time in (0, 5)])
        given = {"x": values[:, time], "reset": reset, **states}
        found = dict(zip(names, session.run(None, given), strict=True))
        states = {f"state/{n.removeprefix('next/')}": v for n, v in found.items() if n != "y0"}
        wanted, state = chain.step(ported(values[:, time]), state)
        assert difference(found["y0"][:2], wanted[:2]) <= TOLERANCE
        if time >= 5:
            wanted, again = chain.step(ported(values[2:, time]), again)
            assert difference(found["y0"][2:], wanted) <= TOLERANCE


@pytest.mark.slow
@settings(max_examples=40)
@given(strategies.networks(layers=4, units=9))
def test_networks_nobody_thought_of(network: tuple[LayerSpec, ...]) -> None:
    """Random chains of recurrent, dense, dropout and pooling layers."""
    test_onnx_runtime_gives_what_segue_gives(to_text(network), Shape(3), False)


@pytest.mark.parametrize(
    ("text", "steps", "level"),
    [
        ("pool(mean)", 50_000, 100),
        ("pool(mean, 3)", 50_000, 100),
        ("pool(attention)", 20_000, 10),
        ("layernorm pool(last)", 9, 1000),
        ("lstm(8)", 3000, 0),
        ("bilstm(8) gru(8, reset=before)", 2000, 0),
        ("random_conv(40)", 20_000, 0),
        ("position pool(last)", 50_000, 0),
        ("multirocket(84)", 20_000, 0),
        ("hydra(2, 4)", 20_000, 0),
        ("quant", 5_001, 10),
        ("rdst(20)", 5_000, 10),
    ],
)
def test_long_sequences_and_high_levels_lose_no_digits(text: str, steps: int, level: float) -> None:
    chain, graph = chain_of(text, Shape(3), False), Graph()
    x = graph.input("x", np.float32, ("batch", "time", 3))
    found = chain.write_onnx(Steps(x, graph.input("lengths", np.int64, ("batch",))))
    values, lengths = batch_of(Shape(3), [steps, steps // 2, 3])
    values += level
    came = session_for(graph, [found]).run(None, {"x": values, "lengths": lengths})[0]
    assert difference(came, chain(Ragged.from_padded(values, lengths))) <= TOLERANCE


def test_every_activation_has_its_row() -> None:
    assert ONNX.keys() == ACTIVATIONS.keys()


def test_every_layer_is_here() -> None:
    """The table is that of the contracts, which a test there compares with the layers."""
    assert VARIANTS.keys() == LAYERS.keys()


def test_a_module_of_ones_own_is_refused_by_name() -> None:
    from torch import nn

    specs = as_specs([*as_specs("lstm(3)"), nn.Linear(3, 2)])
    context = BuildContext("", Shape(2))
    chain = InferenceChain(specs, context, dict(_given(specs, context)))
    graph = Graph()
    x = Steps(graph.input("x", np.float32, ("n", "t", 2)), graph.input("n", np.int64, ("n",)))
    message = r"own_1 is own(Linear), which has no form in ONNX: only segue's own layers have."
    with pytest.raises(SpecError, match=re.escape(message)):
        chain.write_onnx(x)


def _given(specs: Any, context: BuildContext) -> Any:
    for name, size in chain_weight_shapes(specs, context).items():
        yield name, np.zeros(size, np.float32)


def test_more_steps_than_a_layer_takes_are_an_error_there_too() -> None:
    """ONNX Runtime refuses what segue refuses: no wrong answer without a word."""
    for text, shape, longest in (
        ("position(learnt, longest=4) pool", Shape(2), 4),
        ("flatten", Shape(2, length=4), 4),
    ):
        chain, graph = chain_of(text, shape, False), Graph()
        x = graph.input("x", np.float32, ("batch", "time", 2))
        found: Value = chain.write_onnx(Steps(x, graph.input("lengths", np.int64, ("batch",))))
        session = session_for(graph, [found])
        values = np.zeros((2, 7, 2), np.float32)
        assert session.run(None, {"x": values, "lengths": np.full(2, longest)})[0].shape[0] == 2
        with pytest.raises(Exception, match=r"out of data bounds"):
            session.run(None, {"x": values, "lengths": np.array([longest, longest + 1])})
