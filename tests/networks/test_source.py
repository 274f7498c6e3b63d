"""What is written as Python builds the same network: with segue's layers, and in plain PyTorch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from segue.errors import OptionError, SpecError
from segue.layers import LAYERS, Shape
from segue.modules import Cell, Padded
from segue.modules.network import TorchNetwork
from segue.networks import Network, as_specs
from segue.testing.network_checks import NetworkSubject

PLAIN = [
    "lstm(4, name=memory, dropout=0.1) dropout(0.2) dense(5, relu)",
    "bigru(4) bilstm(3, merge=sum)",
    "gru(4) rnn(3, activation=relu) pool(max)",
    "birnn(3, merge=mean) pool(mean)",
    "gru(3, output=every) pool(last) dense(4, gelu, bias=false) tanh",
    "repeat(2, lstm(3) dense(4, elu)) bilstm(3, name=forward)",
    "",
]


class Sum(Cell):
    """A cell of the user's own."""

    def initial_state(self, batch: int) -> torch.Tensor:
        return torch.zeros(batch, 1)

    def step(self, x_t: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        state = state + x_t.sum(1, keepdim=True)
        return state, state


def build(network: str, shape: Shape, *, every: bool = False) -> TorchNetwork:
    """Weights as if it had been trained: no bias is zero."""
    subject = NetworkSubject(as_specs(network or "pool(mean)"), shape, outputs=4, every=every)
    return subject.trained("float32")


def run(source: str) -> dict[str, Any]:
    """Execute written source."""
    names: dict[str, Any] = {}
    exec(source, names)
    return names


def batch(shape: Shape) -> Padded:
    """Three sequences, zeros behind each end."""
    lengths = torch.tensor([shape.length] * 3 if shape.length else [5, 2, 7])
    time = int(lengths.max())
    generator = torch.Generator().manual_seed(0)
    if shape.tokens:
        values = torch.randint(shape.tokens, (3, time, 1), generator=generator, dtype=torch.int32)
    else:
        values = torch.randn(3, time, shape.features, generator=generator)
    return Padded(values * (torch.arange(time) < lengths[:, None])[:, :, None], lengths)


@pytest.mark.parametrize(
    ("network", "shape", "every"),
    [
        *((network, Shape(3), False) for network in PLAIN),
        ("embedding(4) lstm(3)", Shape(1, tokens=6), False),
        ("flatten dense(4, tanh)", Shape(3, length=6), False),
        ("lstm(3) dense(2)", Shape(3), True),
        ("bigru(3)", Shape(3), True),
    ],
)
@torch.no_grad()
def test_plain_pytorch_gives_the_same_numbers(network: str, shape: Shape, every: bool) -> None:
    """The written module, with the weights copied by its own function, on a ragged batch."""
    original = build(network, shape, every=every)
    written = run(Network.from_torch(original).to_python("torch"))
    module = written["Network"]().eval()
    written["copy_weights"](module, original.get_weights())
    x = batch(shape)
    wanted, found = original(x), module(x.values, x.lengths)
    if every:
        wanted, found = wanted.values[x.mask()], found[x.mask()]
    assert (wanted - found).abs().max() < 1e-5
    assert wanted.abs().max() > 0.01


def test_plain_pytorch_has_every_weight() -> None:
    """No learnt number is left out: PyTorch's second biases of lstm and rnn are all that is new."""
    original = build("bilstm(3) gru(2) dense(4, relu)", Shape(3))
    module = run(Network.from_torch(original).to_python("torch"))["Network"]()
    count = sum(p.numel() for p in original.parameters())
    assert sum(p.numel() for p in module.parameters()) == count + 2 * 12


@pytest.mark.parametrize(
    "network",
    [
        *(n for n in PLAIN if n),
        "inception_time(8, depth=3)",
        "lstm_fcn",
        "repeat(2, residual(conv(8, 3, name=eyes) batchnorm relu, activation=relu)) pool(mean)",
        "parallel(conv(3, 5) relu, linear, merge=concat) pool(attention)",
        "lstm(2, initial_state=[[0.5, -1], [0, 2]])",
        'lstm(3, name="true")',
    ],
)
def test_segues_own_source_builds_the_same_network(network: str) -> None:
    """The same specs and the same names and shapes of weights."""
    original = Network(as_specs(network), Shape(3), 4)
    built = run(original.to_python())["network"]
    assert built.specs == original.specs
    shapes = [{k: w.shape for k, w in n.get_weights().items()} for n in (original, built)]
    assert shapes[0] == shapes[1]
    assert built.input_shape == original.input_shape


def test_shapes_and_labelers_go_along() -> None:
    """Common lengths, tokens, and a head that answers at every step."""
    words = Network(as_specs("embedding(2) gru(2)"), Shape(1, length=5, tokens=7), 3, every=True)
    built = run(words.to_python())["network"]
    assert built.input_shape == words.input_shape
    assert built.chain[-1].shape == words.chain[-1].shape


def test_lines_stay_short() -> None:
    """What does not fit a line is laid out, an argument a line."""
    network = Network(
        as_specs(
            "repeat(2, parallel(conv(32, 9, relu) batchnorm, conv(32, 19, "
            "relu) batchnorm, maxpool(3, stride=1))) lstm(20)"
        ),
        Shape(3),
        4,
    )
    assert max(map(len, network.to_python().splitlines())) <= 100


def test_what_plain_pytorch_is_not_written_for_is_named() -> None:
    """All of it in one message, with what to do."""
    network = Network(as_specs([Sum(), *as_specs("dense(2)"), Sum()]), Shape(3), 4)
    with pytest.raises(SpecError) as caught:
        network.to_python("torch")
    for text in (
        "cell_1 is of the kind",
        "cell_2 is of",
        "not written in plain PyTorch",
        "'segue'",
    ):
        assert text in str(caught.value)


def test_another_framework_is_refused() -> None:
    """With the two that there are."""
    with pytest.raises(OptionError, match="expected 'segue' or 'torch'"):
        Network(as_specs("gru(2)"), Shape(3), 4).to_python("keras")


def test_a_name_that_pytorch_needs_is_changed() -> None:
    """A layer may be called `forward` or `class`; attributes of a module may not."""
    original = build("lstm(2, name=forward) dense(2, name=class)", Shape(3))
    source = Network.from_torch(original).to_python("torch")
    assert "self.forward_ = " in source
    assert "self.class_ = " in source
    run(source)["copy_weights"](run(source)["Network"](), original.get_weights())


def test_a_layer_of_the_users_own_is_refused() -> None:
    """Its source is not segue's to write."""
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Own(LAYERS["dense"]):  # type: ignore[misc]
        kind = "own"

    network = Network((*as_specs("gru(2)"), Own(3)), Shape(3), 4)
    with pytest.raises(SpecError, match="a layer of your own"):
        network.to_python()
