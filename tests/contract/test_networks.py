"""Composed networks keep every promise, in float32 and in float64."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings

from segue.layers import LAYERS, LayerSpec, Shape
from segue.layers.activations import ACTIVATIONS
from segue.layers.base import Composite
from segue.modules import Padded
from segue.networks import Network, as_specs
from segue.testing import check_network, strategies
from segue.testing.network_checks import NetworkSubject

TOKENS = Shape(1, tokens=11)

# A network, the shape of its data, and whether it answers at every step.
NETWORKS: list[tuple[str, Shape, bool]] = [
    ("lstm(8) dense(5, relu)", Shape(3), False),
    ("bilstm(6) dense(8, relu) dropout(0.3)", Shape(2), False),
    ("gru(5) gru(4) dense(3, tanh)", Shape(1), False),
    ("bilstm(4) bilstm(3)", Shape(3), False),
    ("bilstm(3, merge=none) bigru(4, merge=none) birnn(2)", Shape(2), False),
    ("dense(6, tanh) lstm(5, output=every) pool(mean)", Shape(4), False),
    ("bigru(4, merge=sum) pool(max) dense(4, gelu)", Shape(2), False),
    ("bigru(3) lstm(4) pool(last)", Shape(2), False),
    ("embedding(5) dropout(0.2) bilstm(4, dropout=0.2, recurrent_dropout=0.3)", TOKENS, False),
    ("embedding(4) pool(mean) dense(4, silu)", TOKENS, False),
    ("embedding(4) gru(3)", TOKENS, True),
    ("flatten dense(16, relu) dense(8, tanh)", Shape(1, length=7), False),
    ("lstm(4, output=every) flatten dense(5, elu)", Shape(2, length=4), False),
    ("rnn(5, activation=relu) dense(4) gru(4, reset=before, initial_state=learnt)", Shape(3), True),
    ("bilstm(4) dense(5, sigmoid)", Shape(2), True),
    ("pool(mean)", Shape(3), False),
    ("conv(3, 3, relu) parallel(pool(mean), pool(max, 2)) dense(3)", Shape(2), False),
    ("lstm(3, initial_state=learnt) lstm(3) lstm(2) lstm(2)", Shape(1), True),
    ("dropout(0.5) birnn(4, merge=mean) rnn(3)", Shape(5), False),
    ("lstm(40) dense(20, relu)", Shape(12), False),
    ("bigru(32, recurrent_dropout=0.2)", Shape(6), False),
    ("rocket(20)", Shape(3), False),
    ("conv(2, 3, causal=true) random_conv(5, kernel_size=4)", Shape(2), False),
    ("parallel(random_conv(8), conv(3, 3) pool(max)) batchnorm dense(4, relu)", Shape(2), False),
    ("multirocket(84) batchnorm dropout(0.2)", Shape(2), False),
    ("parallel(hydra(2, 3, 20), quant(2, 3, 9)) dense(3, relu)", Shape(1), False),
    ("rdst(9, 3, 10) layernorm", Shape(2), False),
    ("inception_time(3, 6, 8)", Shape(1), False),
    ("inception_time(2, 4, 10)", Shape(5), False),
    ("lstm_fcn(4)", Shape(1), False),
    ("lstm_fcn(3, 0) dense(4, mish)", Shape(3), False),
    ("gru_fcn(3)", Shape(2), False),
    ("fcn(2)", Shape(2), False),
    ("resnet(3)", Shape(6), False),
    ("lite(3, 8)", Shape(1), False),
    ("lite(2, 6)", Shape(3), False),
    ("tst(8, 2, 2)", Shape(2), False),
    ("tcn(4, 3, 3)", Shape(2), False),
    ("tcn(3, 2, 2, output=every)", Shape(1), True),
    ("depthwise_conv(3, 2, causal=true) conv(4, 1) gru(3)", Shape(3), True),
    ("handcrafted_conv relu depthwise_conv(4, stride=2) pool(max)", Shape(2), False),
    (
        "conv(6, 8) batchnorm relu conv(5, 5) batchnorm relu conv(4, 3) batchnorm relu pool",
        Shape(1),
        False,
    ),
    (
        "repeat(3, residual(conv(4, 5) batchnorm relu conv(4, 3) batchnorm, activation=relu)) pool",
        Shape(2),
        False,
    ),
    (
        "conv(6, 5, relu, stride=2) maxpool(2) conv(4, 3, relu) maxpool(3, 2) pool(max)",
        Shape(3),
        False,
    ),
    ("conv(5, 7, stride=3) bilstm(4)", Shape(3), False),
    ("conv(5, 3) avgpool(3, 2) pool(max)", Shape(2), False),
    ("conv(4, 3, relu, stride=2) flatten dense(5)", Shape(2, length=7), False),
    ("repeat(3, residual(conv(4, 2, tanh, dilation=2, causal=true))) pool(last)", Shape(2), False),
    (
        "conv(4, 3, causal=true) conv(4, 3, tanh, 1, 2, true) conv(4, 3, dilation=4, causal=true)",
        Shape(2),
        True,
    ),
    ("conv(4, 4) batchnorm leaky_relu(0.1) dropout(0.2) bigru(3)", Shape(3), True),
    ("dense(8) position attention(2) attention(4, causal=true) layernorm pool", Shape(3), False),
    ("dense(6) position(learnt, longest=20) attention(3, 5, relu, 0.1, true)", Shape(2), True),
    ("embedding(4) position attention(2, dropout=0.2) pool(attention)", TOKENS, False),
    (
        "embedding(4) parallel(conv(3, 2, relu) pool(max), conv(3, 3, relu) pool(max))",
        TOKENS,
        False,
    ),
    ("parallel(embedding(3), embedding(2) tanh) lstm(4)", TOKENS, False),
    ("conv(4, 1) attention(2, causal=true) gru(3)", Shape(3), False),
    (
        "parallel(lstm(4), pool(attention), gru(3, output=every) pool(max)) dense(4, selu)",
        Shape(3),
        False,
    ),
    ("residual(bilstm(3)) layernorm attention(1) pool(max)", Shape(2), False),
    (
        "parallel(linear, residual(gru(2)), conv(3, 3, causal=true) softsign) lstm(3)",
        Shape(2),
        True,
    ),
    ("lstm(5) residual(dense(5, gelu) dense(5)) layernorm", Shape(2), False),
    ("lstm(5) batchnorm dense(4, hard_sigmoid) log_softmax", Shape(2), False),
    ("bilstm(3) pool(attention)", Shape(2), False),
    ("maxpool(3, causal=true, stride=1) batchnorm gru(3) batchnorm", Shape(3), True),
    ("repeat(2, parallel(conv(2, 3), maxpool(3, 1)) batchnorm relu) lstm(3)", Shape(2), False),
    ("repeat(2, repeat(2, lstm(3)) dropout(0.3))", Shape(2), False),
    (
        "residual(residual(residual(conv(3, 3))), shortcut=conv(3, 1) batchnorm) pool(max)",
        Shape(2),
        False,
    ),
    ("parallel(pool(last), pool(mean), pool(max), pool(attention))", Shape(4), False),
    ("layernorm exponential pool", Shape(3), False),
    ("quant(2, 4, 9) trees(3, nodes=7, leaves=4, classes=3)", Shape(2), False),
    ("conv(6, 3, causal=true) glu prelu gru(3)", Shape(2), True),
]


# Each tenth is quick: the layers' own tests are, and the rest runs with the whole suite.
CASES = [
    pytest.param(*network, id=network[0], marks=[pytest.mark.slow] if number % 10 else [])
    for number, network in enumerate(NETWORKS)
]


def kinds(specs: Iterable[LayerSpec]) -> Iterator[str]:
    for spec in specs:
        yield spec.kind
        yield from kinds(spec.sublayers())


def test_every_kind_of_layer_is_in_some_network() -> None:
    """In forty networks and more; activations stand in for each other, as their layers show."""
    assert len({text for text, _, _ in NETWORKS}) >= 40
    there = {kind for text, _, _ in NETWORKS for kind in kinds(as_specs(text))}
    assert LAYERS.keys() - there <= ACTIVATIONS.keys()
    assert {every for _, _, every in NETWORKS} == {True, False}


@pytest.mark.parametrize(("text", "shape", "every"), CASES)
def test_a_network_keeps_every_promise(text: str, shape: Shape, every: bool) -> None:
    """Padding, stream, gradients, weights, seeds, dropout, text and JSON, through all layers."""
    assert check_network(text, shape, every=every).largest() <= 1


@pytest.mark.slow
@settings(max_examples=6)
@given(strategies.networks())
def test_networks_nobody_thought_of_keep_every_promise(network: tuple[LayerSpec, ...]) -> None:
    """Random chains of recurrent, dense, dropout and pooling layers."""
    assert check_network(network, Shape(2)).largest() <= 1


@pytest.mark.slow
@settings(max_examples=60)
@given(strategies.networks(layers=4, units=9))
def test_many_networks_nobody_thought_of_keep_every_promise(
    network: tuple[LayerSpec, ...],
) -> None:
    """The same over more and larger ones."""
    assert check_network(network, Shape(3)).largest() <= 1


# -- as source of plain PyTorch -------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize(("text", "shape", "every"), [pytest.param(*n, id=n[0]) for n in NETWORKS])
def test_written_source_gives_the_same_numbers(text: str, shape: Shape, every: bool) -> None:
    """On a ragged batch with anything behind the ends, by PyTorch alone."""
    original = NetworkSubject(as_specs(text), shape, outputs=4, every=every).trained("float32")
    names: dict[str, Any] = {}
    exec(Network.from_torch(original).to_python("torch"), names)
    module = names["Network"]().eval()
    names["copy_weights"](module, original.get_weights())
    x = ragged(shape)
    wanted, found = original(x), module(x.values, x.lengths)
    if every:
        wanted, found = wanted.values[x.mask()], found[x.mask()]
    assert (wanted - found).abs().max() <= 1e-5 * max(1, wanted.abs().max())
    assert "segue" not in {line.split()[1].split(".")[0] for line in imports(names)}


def imports(names: dict[str, Any]) -> list[str]:
    """What the source imports: modules of PyTorch, and those of Python."""
    return [f"import {value.__name__}" for value in names.values() if isinstance(value, ModuleType)]


def ragged(shape: Shape) -> Padded:
    """Six sequences; behind each end there is what must not count."""
    lengths = torch.tensor([shape.length] * 6 if shape.length else [5, 1, 9, 2, 9, 3])
    generator, time = torch.Generator().manual_seed(0), int(lengths.max()) + 2
    if shape.tokens:
        draws = torch.randint(shape.tokens, (6, time, 1), generator=generator, dtype=torch.int32)
        return Padded(draws, lengths)
    draws = torch.randn(6, time, shape.features, generator=generator)
    return Padded(draws, lengths)


@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer_is_written_as_source(kind: str) -> None:
    """A new one must have `write_torch`; those that stand for others are written by these."""
    spec = LAYERS[kind]
    assert issubclass(spec, Composite) or spec.write_torch is not LayerSpec.write_torch
