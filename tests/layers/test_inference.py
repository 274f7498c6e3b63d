"""Layers without torch give what their torch modules give in float64: whole, in pieces, by steps.

Every kind of layer, on every path that this machine has (`SEGUE_KERNELS`).
"""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from segue.data.sequences import Array
from segue.errors import (
    DataError,
    NotCausalError,
    OptionError,
    SegueError,
    SpecError,
)
from segue.kernels import forward
from segue.kernels.ragged import Directions, Ragged, append, offsets_of
from segue.layers import LAYERS, LSTM, BuildContext, Composite, LayerSpec, Shape
from segue.layers.activations import ACTIVATIONS, PlainActivation, Tanh
from segue.layers.base import chain_shape, input_kind_of
from segue.layers.inference import InferenceChain, chain_weight_shapes
from segue.modules import Chain, Padded
from segue.modules.activations import function_of
from segue.modules.inference import TorchInference
from segue.networks import as_specs
from segue.testing import strategies
from segue.testing.report import TOLERANCE

LENGTHS = np.array([5, 1, 9, 2, 9, 3])
FEATURES = 4
TOKENS = 7


def can(path: str) -> bool:
    try:
        return forward._choose(path)[1] == path
    except OptionError:
        return False


PATHS = [path for path in ("numpy", *forward.NATIVE) if can(path)]


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(forward.VARIABLE, request.param)
    return str(request.param)


def shape_for(specs: tuple[LayerSpec, ...]) -> Shape:
    if any(spec.kind == "flatten" for spec in specs):
        return Shape(FEATURES, length=6)
    return Shape(1, tokens=TOKENS) if input_kind_of(specs) == "tokens" else Shape(FEATURES)


class Pair:
    """Layers as torch modules in float64, and without torch, of the same weights."""

    def __init__(self, network: str | tuple[LayerSpec, ...], *, every: bool = False) -> None:
        self.specs = as_specs(network)
        self.shape = shape_for(self.specs)
        context = BuildContext("", self.shape, every)
        self.module = Chain(self.specs, context)
        draws = np.random.default_rng(0)
        weights: dict[str, Array] = {}
        for name, tensor in self.module.weights().items():
            if "trees" in name:  # what leads from node to node cannot be drawn
                weights[name] = tensor.detach().numpy().copy()
                continue
            size = tuple(tensor.shape)
            noise = draws.normal(size=size) * (0.7 / np.sqrt(size[0]) if len(size) > 1 else 0.5)
            noise = np.abs(noise) + 0.3 if name.endswith("moving_variance") else noise
            weights[name] = noise.astype(np.float32)
        with torch.no_grad():
            for name, tensor in self.module.weights().items():
                tensor.copy_(torch.from_numpy(weights[name]))
        self.module.double()
        self.chain = InferenceChain(self.specs, context, weights)
        self.context, self.weights = context, weights

    def data(self, lengths: Array = LENGTHS) -> Ragged:
        draws = np.random.default_rng(1)
        lengths = lengths + chain_shape(self.specs, self.context).least - 1
        lengths = np.full_like(lengths, self.shape.length) if self.shape.length else lengths
        size = (int(lengths.sum()), self.shape.features)
        if self.shape.tokens:
            values = draws.integers(0, TOKENS, size).astype(np.int32)
        else:
            values = draws.normal(size=size).astype(np.float32)
        return Ragged(values, offsets_of(lengths))

    @torch.no_grad()
    def wanted(self, x: Ragged) -> Any:
        """What the modules give, as arrays."""
        values, lengths = x.to_padded()
        given = torch.from_numpy(values)
        given = given if self.shape.tokens else given.double()
        return _arrays(self.module(Padded(given, torch.from_numpy(lengths))))


def _arrays(signal: Any) -> Any:
    if isinstance(signal, Directions):
        return Directions(*map(_arrays, signal))
    if isinstance(signal, Padded):
        return Ragged.from_padded(signal.values.numpy(), signal.lengths.numpy())
    return signal.numpy()


def assert_near(got: Any, wanted: Any) -> None:
    assert type(got) is type(wanted)
    if isinstance(got, Directions):
        for a, b in zip(got, wanted, strict=True):
            assert_near(a, b)
        return
    if isinstance(got, Ragged):
        assert np.array_equal(got.offsets, wanted.offsets)
        got, wanted = got.values, wanted.values
    assert got.shape == wanted.shape
    assert got.dtype == np.float32
    scale = max(1.0, float(np.abs(wanted).max(initial=0)))
    assert float(np.abs(got - wanted).max(initial=0)) <= TOLERANCE["float32"] * scale


def cut(x: Ragged, at: Array) -> tuple[Ragged, Ragged]:
    """The first `at` `[n]` steps of each sequence, and the rest."""
    within = np.arange(len(x.values)) - np.repeat(x.offsets[:-1], x.lengths)
    first = within < np.repeat(at, x.lengths)
    return (
        Ragged(x.values[first], offsets_of(at)),
        Ragged(x.values[~first], offsets_of(x.lengths - at)),
    )


def assert_the_same(pair: Pair, lengths: Array = LENGTHS) -> None:
    """Whole sequences; of causal layers pieces, steps and prefixes too."""
    x = pair.data(lengths)
    shapes = {name: array.shape for name, array in pair.weights.items()}
    assert chain_weight_shapes(pair.specs, pair.context) == shapes
    assert pair.chain.weights().keys() == pair.weights.keys()
    assert str(pair.chain.shape) == str(pair.module.shape)
    for layer, module in zip(pair.chain, pair.module, strict=True):
        names = "name causal fixed_length merge sees_whole inputs reach activation".split()
        assert [getattr(layer, n) for n in names] == [getattr(module, n) for n in names]
        inside = [[one.name for one in whole.sublayers()] for whole in (layer, module)]
        assert inside[0] == inside[1]
    wanted = pair.wanted(x)
    assert_near(pair.chain(x), wanted)
    if not pair.chain.causal:
        with pytest.raises(NotCausalError) as refusal:
            pair.chain.initial_state(1)
        with pytest.raises(NotCausalError) as theirs:
            pair.module.initial_state(1)
        assert str(refusal.value) == str(theirs.value)
        return
    assert_pieces(pair, x, wanted)
    assert_steps(pair, x, wanted)


def assert_pieces(pair: Pair, x: Ragged, wanted: Any) -> None:
    draws = np.random.default_rng(2)
    for _ in range(2):
        rest, outputs, state = x, [], pair.chain.initial_state(len(x.lengths))
        for number in range(3):
            least = 1 if number == 0 else 0  # there is no answer before the first step
            at = draws.integers(least, rest.lengths, endpoint=True)
            piece, rest = cut(rest, rest.lengths if number == 2 else at)
            output, state = pair.chain.forward_from(piece, state)
            outputs.append(output)
        if isinstance(wanted, Ragged):
            assert_near(append(append(outputs[0], outputs[1]), outputs[2]), wanted)
        else:
            assert_near(outputs[2], wanted)


def assert_steps(pair: Pair, x: Ragged, wanted: Any) -> None:
    """Equally long sequences, a step of each at a time; and each prefix."""
    longest = min(6, int(x.lengths.max()))
    equal = pair.data(np.full(3, longest))
    at_each, state = [], pair.chain.initial_state(3)
    steps = equal.values.reshape(3, longest, -1)
    for time in range(longest):
        y_t, state = pair.chain.step(np.ascontiguousarray(steps[:, time]), state)
        at_each.append(y_t)
    got = np.stack(at_each, axis=1)
    if isinstance(wanted, Ragged):
        assert_near(got.reshape(3 * longest, -1), pair.wanted(equal).values)
        return
    for time in range(longest):
        so_far = Ragged(steps[:, : time + 1].reshape(3 * (time + 1), -1), (time + 1) * np.arange(4))
        assert_near(got[:, time], pair.wanted(so_far))
    prefixes = pair.chain.prefix_outputs(equal)
    assert_near(prefixes.values, got.reshape(3 * longest, -1).astype(np.float64))
    ragged = pair.chain.prefix_outputs(x)
    assert_near(ragged.values[x.offsets[1:] - 1], wanted)


def _recurrent(word: str, states: int) -> list[str]:
    given = ", ".join(["[0.5, -1, 0.25]", "[2, 0, -0.5]"][:states])
    return [
        f"{word}(3, output=last)",
        f"{word}(17, output=every)",
        f"{word}(3, output=last, initial_state=learnt)",
        f"{word}(3, dropout=0.5, recurrent_dropout=0.3, initial_state=[{given}])",
    ]


def _bidirectional(word: str, states: int) -> list[str]:
    merges = [f"{word}(3, merge={merge})" for merge in ("sum", "mean", "none")]
    every = [f"{word}(3, output=every, merge={m})" for m in ("concat", "sum", "mean", "none")]
    return [*_recurrent(word, states), *merges, *every]


VARIANTS: dict[str, list[str]] = {
    "dense": [
        "dense(5)",
        "dense(33, relu, bias=false)",
        "dense(1, exponential)",
        "dense(5, softmax)",
        "pool dense(5, tanh)",
    ],
    "flatten": ["flatten", "flatten dense(3)", "conv(3, 3, stride=2) flatten"],
    "dropout": ["dropout(0.5)", "pool dropout(0.5)"],
    "embedding": ["embedding(3)", "embedding(2, tokens=20)", "embedding(5) lstm(3)"],
    "rnn": [*_recurrent("rnn", 1), "rnn(3, activation=relu)"],
    "lstm": _recurrent("lstm", 2),
    "gru": [*_recurrent("gru", 1), "gru(3, reset=before)", "gru(9, reset=before, output=every)"],
    "birnn": [*_bidirectional("birnn", 1), "birnn(3, activation=relu)"],
    "bilstm": [
        *_bidirectional("bilstm", 2),
        "bilstm(3, merge=none) bigru(4, merge=none) birnn(2)",
        "bilstm(3) lstm(5)",
    ],
    "bigru": [*_bidirectional("bigru", 1), "bigru(3, reset=before)"],
    "conv": [
        "conv(5, 3)",
        "conv(5, 4)",
        "conv(5, 1, tanh)",
        "conv(1, 2)",
        "conv(5, 12)",
        "conv(5, 5, relu, bias=false)",
        "conv(5, 3, dilation=3)",
        "conv(5, 3, stride=2)",
        "conv(5, 2, stride=3, dilation=2) conv(3, 2, stride=2)",
        "conv(5, 3, causal=true)",
        "conv(5, 4, gelu, dilation=3, causal=true)",
        "conv(5, 3, stride=2, causal=true)",
        "conv(5, 1, causal=true) pool(last)",
        "conv(5, 3, padding=valid)",
        "conv(5, 3, tanh, stride=2, dilation=2, padding=valid) conv(3, 2, padding=valid)",
    ],
    "depthwise_conv": [
        "depthwise_conv(3)",
        "depthwise_conv(4, 2)",
        "depthwise_conv(12, bias=false)",
        "depthwise_conv(3, 2, stride=2)",
        "depthwise_conv(2, stride=3, dilation=2) depthwise_conv(3, stride=2)",
        "depthwise_conv(3, 2, dilation=3, causal=true)",
        "depthwise_conv(3, 2, 2, 2, padding=valid)",
    ],
    "handcrafted_conv": ["handcrafted_conv"],
    "random_conv": ["random_conv(6)", "random_conv(7, 3)", "random_conv(1, 1)", "rocket(11)"],
    "multirocket": ["multirocket(84)", "multirocket(400, 12)"],
    "hydra": ["hydra(2, 3)", "hydra(5, 8, 20)", "hydra(1, 1)"],
    "rdst": ["rdst(30)", "rdst(9, 3, 9)"],
    "quant": ["quant", "quant(3, 2, 12)", "conv(3, 3) quant(2, 1, 9) dense(2)"],
    "trees": ["trees(3)", "pool trees(2, nodes=7, leaves=4, classes=3)"],
    "maxpool": [
        "maxpool(3, 1)",
        "maxpool(4, 1)",
        "maxpool(1)",
        "maxpool(2)",
        "maxpool(2, 5)",
        "maxpool(12, 1)",
        "maxpool(3, 1, causal=true)",
        "maxpool(3, causal=true)",
        "maxpool(3, 1, padding=valid)",
        "maxpool(2, 3, padding=valid)",
    ],
    "avgpool": [
        "avgpool(3, 1)",
        "avgpool(4, 1)",
        "avgpool(1)",
        "avgpool(2)",
        "avgpool(2, 5)",
        "avgpool(12, 1)",
        "avgpool(3, 1, padding=valid)",
        "avgpool(3, padding=valid)",
    ],
    "pool": [
        "pool(last)",
        "pool(mean)",
        "pool(max)",
        "pool(attention)",
        "pool(mean, 3)",
        "pool(max, 4)",
    ],
    "batchnorm": ["batchnorm", "pool batchnorm"],
    "layernorm": ["layernorm", "layernorm(0.1)", "pool layernorm"],
    "attention": [
        "attention(2)",
        "attention(4, 3, relu, 0.1)",
        "attention(1, causal=true)",
        "attention(2, causal=true) attention(4, causal=true) pool",
    ],
    "position": ["position", "position(learnt, longest=9)", "position pool(max)"],
    "residual": [
        "residual(conv(4, 3))",
        "residual(conv(7, 3, stride=2) batchnorm, activation=relu)",
        "residual(dense(7), shortcut=dense(7, tanh) layernorm) pool",
        "residual(lstm(3)) residual(residual(gru(3)), activation=softmax)",
        "pool residual(dense(7), activation=relu) residual(dense(7))",
        "residual(conv(4, 3, causal=true, name=a) conv(4, 3, causal=true))",
    ],
    "parallel": [
        "parallel(conv(3, 3), linear)",
        "parallel(lstm(3, output=last), gru(3, output=last) dense(3), pool dense(3), merge=sum)",
        "parallel(pool(mean), pool(max), merge=mean) parallel(dense(2), dense(3))",
        "parallel(conv(3, 3, causal=true), lstm(3, output=every), merge=mean) dense(2)",
        "parallel(embedding(3), embedding(2) tanh) lstm(4)",
        "parallel(random_conv(5), pool(attention), lstm(2, output=last) dense(3))",
        "parallel(multirocket(84), hydra(4), quant(length=9)) batchnorm",
    ],
    "repeat": ["repeat(3, conv(4, 3) relu) pool(max, 2)", "repeat(2, repeat(2, lstm(3)))"],
    "fcn": ["fcn(3)"],
    "resnet": ["resnet(3)"],
    "inception_time": ["inception_time(3, 4, 8)"],
    "lite": ["lite(3, 9)"],
    "lstm_fcn": ["lstm_fcn(4)"],
    "gru_fcn": ["gru_fcn(4)"],
    "tst": ["tst(8, 2)"],
    "tcn": ["tcn(3, 3, 3)", "tcn(4, 2, 2, output=every) pool"],
    "rocket": ["rocket(20)"],
    "glu": ["glu", "pool glu"],
    "prelu": ["prelu", "pool prelu"],
    "leaky_relu": ["leaky_relu", "leaky_relu(0.7)"],
    "soft_shrink": ["soft_shrink(0.3)"],
    "hard_shrink": ["hard_shrink(1.5)"],
}
ALL = [text for kind in LAYERS for text in VARIANTS.get(kind, [kind])]


@pytest.mark.sampled(13)
@pytest.mark.parametrize("text", ALL)
def test_a_layer_gives_what_its_module_gives(text: str, path: str) -> None:
    """Every kind of layer and many of its options."""
    for every in (False, True):
        assert_the_same(Pair(text, every=every))


@pytest.mark.sampled(13)
@pytest.mark.parametrize("text", ALL)
def test_one_step_and_one_sequence(text: str, path: str) -> None:
    """Nothing is squeezed away where there is one of everything."""
    pair = Pair(text)
    assert_the_same(pair, np.array([1]))
    assert_the_same(pair, np.array([6]))


def test_every_kind_of_layer_has_a_form_without_torch() -> None:
    for kind in LAYERS.values():
        assert kind.inference is not None or issubclass(kind, Composite), kind


def test_nothing_here_imports_torch() -> None:
    """Neither layers nor the functions that they call."""
    text = "import segue.layers, segue.layers.inference, segue.kernels.forward, sys; "
    text += "segue.kernels.forward.backend(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", text], check=True)


def _message(run: Any, *arguments: Any) -> str:
    with pytest.raises(SegueError) as error:
        run(*arguments)
    return str(error.value)


@pytest.mark.parametrize("token", [-1, TOKENS])
def test_an_unknown_token_is_refused_as_by_the_module(token: int) -> None:
    pair = Pair("embedding(3)")
    x = Ragged(np.array([[1], [token]], np.int32), np.array([0, 2]))
    message = _message(pair.chain, x)
    assert message == _message(pair.wanted, x)
    assert f"got {token}" in message
    with pytest.raises(DataError, match="embedding_1 has the tokens 0 to 6"):
        pair.chain.step(x.values[1:], pair.chain.initial_state(1))


def test_too_many_positions_are_refused_as_by_the_module() -> None:
    pair = Pair("position(learnt, longest=3)")
    message = _message(pair.chain, pair.data())
    assert message == _message(pair.wanted, pair.data())
    assert "3 positions" in message
    state = pair.chain.initial_state(1)
    x_t = np.zeros((1, FEATURES), np.float32)
    for _ in range(3):
        _, state = pair.chain.step(x_t, state)
    with pytest.raises(DataError, match="a sequence of 4 steps"):
        pair.chain.step(x_t, state)


def test_flatten_refuses_other_lengths_as_the_module_does() -> None:
    pair = Pair("flatten")
    x = Ragged(np.zeros((9, FEATURES), np.float32), np.array([0, 6, 9]))
    message = _message(pair.chain, x)
    assert message == _message(pair.wanted, x)
    assert "6 steps; got 3 to 6" in message


EXTREMES = [np.inf, 1e30, 1e4, 200, 89, 30, 20.5, 3, 1, 0.5, 1e-3, 1e-20, 0]


def test_activations_agree_at_extremes(path: str) -> None:
    """What is not finite in float64 is not finite here, and refused with the answers."""
    rows = np.array([[x, -x] for x in EXTREMES] + [[np.nan, 1], [2, np.nan]], np.float32)
    for spec in ACTIVATIONS.values():
        for values in (rows, rows.reshape(-1, 1)):
            exact = function_of(spec)(torch.from_numpy(values).double()).float().numpy()
            got, wanted = (
                np.nan_to_num(each, nan=np.nan, posinf=3e38, neginf=-3e38).astype(np.float64)
                for each in (spec.function()(values), exact)
            )
            scale = np.maximum(1, np.abs(wanted))
            np.testing.assert_allclose(got / scale, wanted / scale, 0, 1e-5, True, str(spec))


class Steeper(PlainActivation, kind="steeper", code="torch.tanh(2 * x)"):
    """`steeper`: an activation of the user's."""


class OtherLSTM(LSTM, kind="other_lstm"):
    """A kind of the user's that is built as its base is."""


class OwnLSTM(LSTM, kind="own_lstm"):
    """A kind of the user's with a module of its own."""

    def build(self, context: BuildContext) -> Any:
        raise NotImplementedError


class OwnTanh(Tanh, kind="tanh", code="torch.tanh(3 * x)"):
    """Another function under the word of one of segue's."""


def test_a_kind_of_the_user_answers_through_its_module_unless_it_is_built_as_its_base_is() -> None:
    """So that it never predicts with another arithmetic than that which was trained."""
    context = BuildContext("layer", Shape(2))
    for spec in (Steeper(), OwnTanh()):
        shapes = spec.weight_shapes(context)
        weights = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
        assert isinstance(spec.inference_layer(context, weights), TorchInference)
    assert OtherLSTM(3).weight_shapes(context) == LSTM(3).weight_shapes(context)
    with pytest.raises(NotImplementedError):  # its own module is asked
        OwnLSTM(3).weight_shapes(context)


def test_values_beyond_float32_become_infinite_without_a_warning(path: str) -> None:
    """They are refused with a message where the answers are looked at."""
    pair = Pair("dense(4, exponential) batchnorm glu prelu pool")
    x = pair.data()
    found = pair.chain(x._replace(values=x.values * np.float32(1e30)))
    assert not np.isfinite(found).all()
    state = pair.chain.initial_state(len(x.lengths))
    pair.chain.forward_from(x._replace(values=x.values * np.float32(1e30)), state)


def test_a_path_is_forced_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(forward.VARIABLE, "numpy")
    assert forward.path() == ("numpy", "SEGUE_KERNELS=numpy")
    assert forward.backend().__name__ == "segue.kernels.reference"
    monkeypatch.setenv(forward.VARIABLE, "torch")
    assert forward.path()[0] == "torch"
    assert forward.is_torch()
    monkeypatch.setenv(forward.VARIABLE, "fast")
    with pytest.raises(OptionError, match="SEGUE_KERNELS=fast is unknown; expected avx512"):
        forward.backend()


class Author:
    """Writes networks of all kinds of layers, lengths and options at random."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)

    def one(self, *words: str) -> str:
        return self.pick.choice(words)

    def every_step(self, depth: int = 0) -> str:
        """One or two layers that keep the sequence."""
        a, b, c, d = (self.pick.randint(1, 4) for _ in range(4))
        units, word = self.pick.randint(1, 20), self.one(*ACTIVATIONS)
        causal, bias = self.one("true", "false"), self.one("true", "false")
        reset, cell = self.one("before", "after"), self.one("tanh", "relu")
        merge = self.one("concat", "sum", "mean", "product")
        recurrent = f"output=every, initial_state={self.one('zeros', 'learnt')}"
        texts = [
            f"lstm({units}, {recurrent})",
            f"gru({units}, {recurrent}, reset={reset})",
            f"rnn({units}, {recurrent}, activation={cell})",
            f"bilstm({units}, {recurrent}, merge={merge})",
            f"bigru({units}, {recurrent}, merge={merge}, reset={reset})",
            f"birnn({units}, {recurrent}, merge={merge}, activation={cell})",
            f"birnn({units}, merge=none) bilstm({a}, merge=none) bigru({b}, {recurrent})",
            f"conv({units}, {a}, {word}, {b}, {c}, {causal}, {bias})",
            f"maxpool({a}, {b}, causal={causal})",
            f"avgpool({a}, {b})",
            f"dense({units}, {word}, bias={bias})",
            f"dense({2 * units}) glu prelu",
            f"dense({a * b}) position attention({a}, {units}, {word}, causal={causal})",
            f"position(learnt, longest=50) layernorm({d / 10}) {word}",
            f"dropout(0.{a}) batchnorm leaky_relu(0.{b}) soft_shrink(0.{c}) hard_shrink(0.{d})",
        ]
        if depth == 2 or self.pick.random() < 0.7:
            return self.one(*texts)
        inside = self.every_step(depth + 1)
        return self.one(
            f"residual({inside}, activation={word})",
            f"repeat({min(a, 2)}, {inside})",
            f"parallel({inside}, dense({units}))",
            f"parallel({inside} dense({units}), conv({units}, {a}), merge={merge})",
        )

    def network(self) -> str:
        units, parts = self.pick.randint(1, 20), self.pick.randint(1, 4)
        chain = [self.one("linear", "linear", "linear", f"embedding({units})")]
        chain += [self.every_step() for _ in range(self.pick.randint(0, 3))]
        pool = self.one("last", "mean", "max", "attention", f"mean, {parts}", f"max, {parts}")
        if self.pick.random() < 0.7:
            chain.append(
                self.one(
                    f"pool({pool})",
                    f"lstm({units}, output=last)",
                    f"bigru({units}, output=last)",
                    f"random_conv({units}, {parts})",
                    f"parallel(pool({pool}), gru({units}, output=last))",
                )
            )
            chain.append(self.one("linear", f"residual(dense({units}, {self.one(*ACTIVATIONS)}))"))
        return " ".join(chain)

    def lengths(self) -> Array:
        return np.array([self.pick.randint(1, 40) for _ in range(self.pick.randint(1, 8))])


@settings(max_examples=4)
@given(strategies.networks(), strategies.lengths())
def test_networks_nobody_thought_of(network: tuple[LayerSpec, ...], lengths: list[int]) -> None:
    """Random chains of recurrent, dense, dropout and pooling layers."""
    assert_the_same(Pair(network), np.array(lengths))


def rows_of(signal: Ragged | Array) -> list[Array]:
    if isinstance(signal, Ragged):
        return np.split(signal.values, signal.offsets[1:-1])
    return list(signal[:, None])


@pytest.mark.parametrize("count", [5, pytest.param(200, marks=pytest.mark.slow)])
def test_batch_mates_change_no_bit(count: int, path: str) -> None:
    """A sequence alone, and among others in the reverse order; NumPy's products may round anew."""
    for seed in range(count):
        author = Author(seed)
        network, lengths = author.network(), author.lengths()
        try:
            pair = Pair(network)
        except SpecError:
            continue
        x = pair.data(lengths)
        sequences = rows_of(x)
        turned = Ragged(np.concatenate(sequences[::-1]), offsets_of(lengths[::-1]))
        together = rows_of(pair.chain(x))
        others = rows_of(pair.chain(turned))[::-1]
        for own, other, sequence in zip(together, others, sequences, strict=True):
            (alone,) = rows_of(pair.chain(Ragged(sequence, np.array([0, len(sequence)]))))
            for again in (alone, other):
                if path == "numpy":
                    np.testing.assert_allclose(again, own, 1e-4, 1e-4, err_msg=network)
                else:
                    assert np.array_equal(again, own, equal_nan=True), network


@pytest.mark.slow
def test_a_thousand_networks_nobody_thought_of(path: str) -> None:
    """Random ones of all kinds of layers, lengths and options."""
    done, seed = 0, 0
    while done < 1000:
        seed += 1
        author = Author(seed)
        network, lengths = author.network(), author.lengths()
        try:
            pair = Pair(network)
        except SpecError:  # such as branches of other strides
            continue
        try:
            assert_the_same(pair, lengths)
        except Exception as error:
            raise AssertionError(f"{network} on lengths {lengths.tolist()}: {error}") from error
        done += 1
    assert seed < 1500
