"""The layers give what Keras's own layers give: same weights by name, outputs and gradients.

Sequences of unequal lengths go to Keras padded, with a mask; what it says at the padding is not
looked at. All is in float32: on PyTorch, Keras rounds products to that, of float64 too, which
`test_keras_cells.py` has by formulas. Nothing is read from or written to the home folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from segue.layers import BuildContext, Shape
from segue.layers.activations import ACTIVATIONS
from segue.modules import Layer, Padded
from segue.networks import as_specs
from segue.randomness import Draws
from segue.testing.report import TOLERANCE

# Keras takes seconds to be imported; `test_keras_cells.py` has its formulas in the quick suite.
pytestmark = pytest.mark.slow

CHANNELS, UNITS, TIME = 3, 5, 9
EQUAL, RAGGED = [TIME] * 5, [4, 1, 9, 9, 2]
lengths = pytest.mark.parametrize("lengths", [EQUAL, RAGGED], ids=["equal", "ragged"])


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Parity:
    """One layer of Keras and one of segue with the same weights, on the same batch.

    Args:
        theirs: the layer of Keras.
        text: the layer of segue.
        every: whether a layer that needs a sequence follows.
    """

    def __init__(self, theirs: Any, text: str, *, every: bool = True) -> None:
        self.theirs = theirs
        draws = np.random.default_rng(3)
        values = draws.normal(size=(len(RAGGED), TIME, CHANNELS))
        self.x = torch.tensor(values, dtype=torch.float32)
        theirs.build(tuple(self.x.shape))
        # Not Keras's own, which are others on each run. So small that recurrence does not magnify
        # what either of the two rounds.
        for variable in theirs.weights:
            drawn = 0.3 * draws.normal(size=variable.shape)
            if drawn.ndim == 1:  # no bias is zero, no scale is one
                drawn = variable.value.detach().numpy() + np.abs(drawn)
            variable.assign(drawn.astype(np.float32))
        (spec,) = as_specs(text)
        self.ours: Layer = spec.build(BuildContext("layer", Shape(CHANNELS), every=every))
        self.names = named(theirs)
        weights = self.ours.weights()
        assert weights.keys() == self.names.keys()
        with torch.no_grad():
            for name, variable in self.names.items():
                assert weights[name].shape == variable.shape, name
                weights[name].copy_(variable.value)
        self.largest = 0.0

    def run(self, steps: list[int], *, training: bool = False, mask: bool = True) -> None:
        """Compare outputs, and the gradients of a sum of squares: inputs and every weight."""
        lengths = torch.tensor(steps)
        x, y = self.x.clone().requires_grad_(True), self.x.clone().requires_grad_(True)
        real = Padded(x, lengths).mask()
        answer = self.ours(Padded(x, lengths), Draws(0) if training else None)
        given = {"mask": real} if mask else {}
        wanted = self.theirs(y, **given, **({"training": True} if training else {}))
        got = answer
        if isinstance(answer, Padded):
            got, wanted = answer.values[real], wanted[real]
        self.near(got, wanted)
        self.square(got).backward()
        self.square(wanted).backward()
        self.near(x.grad[real], y.grad[real])  # type: ignore[index]
        weights = self.ours.weights()
        for name, variable in self.names.items():
            if weights[name].requires_grad:
                self.near(weights[name].grad, variable.value.grad)

    def square(self, values: Tensor) -> Tensor:
        """Each value counts in its own way, so that a normalised batch has a gradient too."""
        factors = torch.linspace(0.2, 1.0, values.numel(), dtype=values.dtype)
        return (values.square() * factors.view_as(values)).sum()

    def near(self, got: Any, wanted: Any) -> None:
        assert got.shape == wanted.shape
        got, wanted = got.detach(), wanted.detach()
        scale = max(1.0, float(wanted.abs().max()))
        difference = float((got - wanted).abs().max()) / scale
        assert difference <= TOLERANCE["float32"]
        self.largest = max(self.largest, difference)


def named(layer: Any) -> dict[str, Any]:
    """The variables of Keras by the names that segue has for them."""
    if hasattr(layer, "forward_layer"):
        directions = {"forward": layer.forward_layer, "backward": layer.backward_layer}
        return {f"{d}/{name}": v for d, one in directions.items() for name, v in named(one).items()}
    return {variable.name: variable for variable in layer.weights if variable.name != "seed"}


Compare = Callable[..., Parity]


@pytest.fixture
def compare(record_property: Callable[[str, object], None]) -> Iterator[Compare]:
    """Make a `Parity`; the largest difference that it saw goes into the report of the test."""
    made: list[Parity] = []

    def make(theirs: Any, text: str, **more: Any) -> Parity:
        made.append(Parity(theirs, text, **more))
        return made[-1]

    yield make
    record_property("largest", max((parity.largest for parity in made), default=0.0))


CELLS = {
    "lstm(5)": ("LSTM", {}),
    "gru(5)": ("GRU", {"reset_after": True}),
    "gru(5, reset=before)": ("GRU", {"reset_after": False}),
    "rnn(5)": ("SimpleRNN", {}),
    "rnn(5, activation=relu)": ("SimpleRNN", {"activation": "relu"}),
}


@lengths
@pytest.mark.parametrize("every", [True, False], ids=["every step", "last"])
@pytest.mark.parametrize("text", CELLS)
def test_recurrent(
    keras: Any, compare: Compare, *, text: str, every: bool, lengths: list[int]
) -> None:
    """`return_sequences` both ways, with and without padding."""
    name, more = CELLS[text]
    theirs = getattr(keras.layers, name)(UNITS, return_sequences=every, **more)
    parity = compare(theirs, text, every=every)
    parity.run(lengths)


@lengths
@pytest.mark.parametrize("merge", ["concat", "sum", "mean"])
@pytest.mark.parametrize("every", [True, False], ids=["every step", "last"])
@pytest.mark.parametrize("text", CELLS)
def test_bidirectional(
    keras: Any,
    compare: Compare,
    *,
    text: str,
    every: bool,
    merge: str,
    lengths: list[int],
) -> None:
    """The backward direction begins at each sequence's own end, as Keras's mask lets it."""
    name, more = CELLS[text]
    inner = getattr(keras.layers, name)(UNITS, return_sequences=every, **more)
    mode = {"mean": "ave"}.get(merge, merge)
    theirs = keras.layers.Bidirectional(inner, merge_mode=mode)
    parity = compare(theirs, f"bi{text[:-1]}, merge={merge})", every=every)
    parity.run(lengths)


@lengths
@pytest.mark.parametrize("recurrent", [0.0, 0.4], ids=["of the inputs", "of both"])
@pytest.mark.parametrize("text", CELLS)
def test_dropout_in_training(
    keras: Any, compare: Compare, *, text: str, recurrent: float, lengths: list[int]
) -> None:
    """Keras takes as many masks as segue draws, with the same gates in the same order."""
    name, more = CELLS[text]
    theirs = getattr(keras.layers, name)(
        UNITS, return_sequences=True, dropout=0.3, recurrent_dropout=recurrent, **more
    )
    parity = compare(theirs, f"{text[:-1]}, dropout=0.3, recurrent_dropout={recurrent})")
    gates = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}[name] if recurrent else 1
    assert (getattr(theirs.cell, "dropout_mask_count", None) or 1) == gates

    def masks(features: int, rate: float, part: str) -> Any:
        shape = (len(RAGGED), gates, features)
        drawn = Draws(0).keep_mask(shape, rate, parity.x, "layer", "forward", part).unbind(1)
        return drawn[0] if gates == 1 else list(drawn)

    # What it finds here, Keras takes for the masks of this call.
    theirs.cell._dropout_mask = masks(CHANNELS, 0.3, "x")
    if recurrent:
        theirs.cell._recurrent_dropout_mask = masks(UNITS, recurrent, "h")
    parity.run(lengths, training=True)


@pytest.mark.parametrize("bias", [True, False])
def test_dense(keras: Any, compare: Compare, *, bias: bool) -> None:
    """At every step."""
    theirs = keras.layers.Dense(UNITS, use_bias=bias, activation="tanh")
    parity = compare(theirs, f"dense(5, tanh, bias={bias})")
    parity.run(RAGGED, mask=False)


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("padding", ["same", "causal"])
def test_conv(keras: Any, compare: Compare, *, padding: str, width: int, dilation: int) -> None:
    """Of equal lengths, as Keras's convolution knows no mask; a causal one looks at no padding."""
    theirs = keras.layers.Conv1D(
        UNITS, width, padding=padding, dilation_rate=dilation, activation="relu"
    )
    text = f"conv(5, {width}, relu, dilation={dilation}, causal={padding == 'causal'})"
    compare(theirs, text).run(RAGGED if padding == "causal" else EQUAL, mask=False)


@pytest.mark.parametrize("stride", [2, 3])
def test_conv_with_a_stride(keras: Any, compare: Compare, *, stride: int) -> None:
    """Causal: with "same", Keras pads by the length of the batch, which segue never does."""
    theirs = keras.layers.Conv1D(UNITS, 4, strides=stride, padding="causal")
    parity = compare(theirs, f"conv(5, 4, stride={stride}, causal=true)")
    got = parity.ours(Padded(parity.x, torch.tensor(EQUAL)))
    parity.near(got.values, theirs(parity.x))


@lengths
@pytest.mark.parametrize("training", [True, False], ids=["training", "asking"])
def test_batch_normalization(
    keras: Any, compare: Compare, *, training: bool, lengths: list[int]
) -> None:
    """Statistics over real steps only, and the averages that are kept."""
    theirs = keras.layers.BatchNormalization(momentum=0.8)
    parity = compare(theirs, "batchnorm(momentum=0.8)")
    parity.run(lengths, training=training)
    for name in ("moving_mean", "moving_variance"):
        parity.near(parity.ours.weights()[name], parity.names[name].value)


@lengths
def test_layer_normalization(keras: Any, compare: Compare, *, lengths: list[int]) -> None:
    """Over the features of each step."""
    parity = compare(keras.layers.LayerNormalization(), "layernorm")
    parity.run(lengths, mask=False)


@lengths
def test_mean_over_time(keras: Any, compare: Compare, *, lengths: list[int]) -> None:
    """Of the real steps."""
    parity = compare(keras.layers.GlobalAveragePooling1D(), "pool(mean)")
    parity.run(lengths)


def test_embedding(keras: Any) -> None:
    """A row for each token."""
    theirs = keras.layers.Embedding(11, UNITS)
    theirs.build((None, None))
    (spec,) = as_specs("embedding(5)")
    ours = spec.build(BuildContext("layer", Shape(1, tokens=11)))
    ours.weights()["embeddings"].data = theirs.embeddings.value.detach()
    tokens = torch.tensor([[1, 0, 10], [3, 3, 0]])
    got = ours(Padded(tokens[:, :, None].int(), torch.tensor([3, 3])))
    assert torch.equal(got.values, theirs(tokens))


# Keras 3.15 subtracts too much (of 0.1, 1.2, 1.0 it leaves three zeros, and not 0, 0.6, 0.4): its
# sparsemax is not that of the paper. `test_layers.py` has it by bisection.
OTHERWISE = {"sparsemax"}


@pytest.mark.parametrize("word", [word for word in ACTIVATIONS if word not in OTHERWISE])
def test_activation(keras: Any, record_property: Callable[[str, object], None], word: str) -> None:
    """Each word means in segue what it means in Keras: values and derivatives, far out too."""
    function = keras.activations.get(word)
    assert function is not None
    (spec,) = as_specs(word)
    layer = spec.build(BuildContext("layer", Shape(6)))
    values = np.linspace(-12, 12, 60).reshape(10, 6)
    x = torch.tensor(values, dtype=torch.float32, requires_grad=True)
    y = torch.tensor(values, dtype=torch.float32, requires_grad=True)
    got, wanted = layer(x), function(y)
    got.square().sum().backward()
    wanted.square().sum().backward()
    largest = 0.0
    for ours, theirs in ((got, wanted), (x.grad, y.grad)):
        ours, theirs = ours.detach(), theirs.detach()  # type: ignore[union-attr]
        scale = theirs.abs().clamp(min=1.0)
        largest = max(largest, float(((ours - theirs).abs() / scale).max()))
    record_property("largest", largest)
    assert largest <= TOLERANCE["float32"]
