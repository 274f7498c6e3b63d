"""The layers give what PyTorch's own modules give, with packed sequences as the reference."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from segue.layers import LAYERS, BuildContext, Shape
from segue.modules import Layer, Padded
from segue.testing.report import TOLERANCE

LENGTHS = torch.tensor([4, 1, 9, 9, 2])
CHANNELS, UNITS = 3, 5
DTYPES = {"float32": torch.float32, "float64": torch.float64}

# The order of PyTorch's gates, as places in segue's.
GATES = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn": (0,)}


def torch_module(kind: str, dtype: torch.dtype, **options: Any) -> Any:
    modules = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return modules[kind](CHANNELS, UNITS, batch_first=True, dtype=dtype, **options)


def copy_weights(kind: str, module: nn.Module, layer: Layer, *, both: bool) -> None:
    """Put PyTorch's weights into segue's layout: turned, gates in their order, biases joined."""

    def turned(name: str) -> Tensor:
        rows = getattr(module, name).detach().chunk(len(GATES[kind]))
        return torch.cat([rows[place] for place in GATES[kind]]).t()

    weights = layer.weights()
    ends = [("forward/", "l0"), ("backward/", "l0_reverse")] if both else [("", "l0")]
    for part, end in ends:
        weights[f"{part}kernel"].data = turned(f"weight_ih_{end}")
        weights[f"{part}recurrent_kernel"].data = turned(f"weight_hh_{end}")
        first, second = turned(f"bias_ih_{end}"), turned(f"bias_hh_{end}")
        joined = torch.stack([first, second]) if kind == "gru" else first + second
        weights[f"{part}bias"].data = joined


def build(text: str, dtype: torch.dtype, *, every: bool) -> Layer:
    from segue.networks import as_specs

    (spec,) = as_specs(text)
    return spec.build(BuildContext("layer", Shape(CHANNELS), every=every)).to(dtype)


def batch(dtype: torch.dtype, *, grad: bool = False) -> Tensor:
    x = torch.randn(5, 9, CHANNELS, generator=torch.Generator().manual_seed(1), dtype=dtype)
    return x.requires_grad_(grad)


def packed(module: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """All outputs, and the last hidden state of every direction `[direction, batch, units]`."""
    outputs, state = module(
        pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    )
    values, _ = pad_packed_sequence(outputs, batch_first=True)
    return values, state[0] if isinstance(state, tuple) else state


def assert_near(got: Tensor, wanted: Tensor, dtype: str) -> None:
    scale = max(1.0, float(wanted.detach().abs().max()))
    assert float((got - wanted).detach().abs().max()) <= TOLERANCE[dtype] * scale


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("lstm(5)", {}),
        ("gru(5)", {}),
        ("rnn(5)", {}),
        ("rnn(5, activation=relu)", {"nonlinearity": "relu"}),
    ],
)
def test_one_direction(text: str, options: dict[str, Any], dtype: str) -> None:
    """Every step and the last one are those of PyTorch's packed run."""
    kind = text.partition("(")[0]
    module = torch_module(kind, DTYPES[dtype], **options)
    x = batch(DTYPES[dtype])
    outputs, last = packed(module, x)
    for every in (True, False):
        layer = build(text, DTYPES[dtype], every=every)
        copy_weights(kind, module, layer, both=False)
        got = layer(Padded(x, LENGTHS))
        if every:
            real = got.mask()
            assert_near(got.values[real], outputs[real], dtype)
        else:
            assert_near(got, last[0], dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_two_directions(kind: str, dtype: str) -> None:
    """The backward direction begins at each sequence's own end, as PyTorch's packed run does."""
    module = torch_module(kind, DTYPES[dtype], bidirectional=True)
    x = batch(DTYPES[dtype])
    outputs, last = packed(module, x)
    every = build(f"bi{kind}(5)", DTYPES[dtype], every=True)
    copy_weights(kind, module, every, both=True)
    got = every(Padded(x, LENGTHS))
    assert_near(got.values[got.mask()], outputs[got.mask()], dtype)
    ends = build(f"bi{kind}(5)", DTYPES[dtype], every=False)
    copy_weights(kind, module, ends, both=True)
    assert_near(ends(Padded(x, LENGTHS)), torch.cat([last[0], last[1]], dim=1), dtype)


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_two_directions_are_each_sequence_run_by_itself(kind: str) -> None:
    """Without any batch: the second direction is the turned sequence, and its outputs turned."""
    module = torch_module(kind, torch.float64, bidirectional=True)
    layer = build(f"bi{kind}(5)", torch.float64, every=True)
    copy_weights(kind, module, layer, both=True)
    x = batch(torch.float64)
    got = layer(Padded(x, LENGTHS))
    for row, length in enumerate(LENGTHS.tolist()):
        alone, _ = module(x[row : row + 1, :length])
        assert_near(got.values[row, :length], alone[0], "float64")


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_gradients(kind: str) -> None:
    """Gradients of inputs and weights are those of PyTorch's packed run."""
    module = torch_module(kind, torch.float64)
    layer = build(f"{kind}(5)", torch.float64, every=True)
    copy_weights(kind, module, layer, both=False)
    x, y = batch(torch.float64, grad=True), batch(torch.float64, grad=True)
    got = layer(Padded(x, LENGTHS))
    (got.values[got.mask()] ** 2).sum().backward()
    outputs, _ = packed(module, y)
    (outputs[got.mask()] ** 2).sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    assert_near(x.grad, y.grad, "float64")
    kernel = layer.weights()["kernel"].grad
    rows = module.weight_ih_l0.grad.chunk(len(GATES[kind]))
    wanted = torch.cat([rows[place] for place in GATES[kind]]).t()
    assert kernel is not None
    assert_near(kernel, wanted, "float64")


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "sigmoid"])
def test_dense(activation: str) -> None:
    """A dense layer is PyTorch's linear one with its activation, at every step or on the whole."""
    module = nn.Linear(CHANNELS, UNITS, dtype=torch.float64)
    layer = build(f"dense(5, {activation})", torch.float64, every=True)
    layer.weights()["kernel"].data = module.weight.detach().t()
    layer.weights()["bias"].data = module.bias.detach()
    x = batch(torch.float64)
    wanted = module(x)
    wanted = wanted if activation == "linear" else getattr(torch, activation)(wanted)
    assert_near(layer(Padded(x, LENGTHS)).values, wanted, "float64")
    assert_near(layer(x[:, 0]), wanted[:, 0], "float64")


def test_embedding() -> None:
    """An embedding is PyTorch's."""
    (spec,) = (LAYERS["embedding"](features=4),)  # type: ignore[call-arg]
    layer = spec.build(BuildContext("layer", Shape(1, tokens=9)))
    tokens = torch.tensor([[1, 8, 0], [3, 3, 7]], dtype=torch.int32)
    got = layer(Padded(tokens[:, :, None], torch.tensor([3, 3])))
    wanted = nn.functional.embedding(tokens.long(), layer.weights()["embeddings"])
    assert torch.equal(got.values, wanted)
