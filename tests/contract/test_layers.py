"""Every kind of layer, in all its variants, keeps every promise, in float32 and in float64.

A new layer is one row in `VARIANTS`; a test fails while it is missing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from segue import layers
from segue.layers import LAYERS, Dense, LayerSpec, Pool, Shape
from segue.layers.activations import ACTIVATIONS, Activation
from segue.networks import as_specs
from segue.testing import check_layer

_DROPOUTS = "dropout=0.3, recurrent_dropout=0.4"


def _recurrent(word: str, states: int) -> list[str]:
    given = ", ".join(["[0.5, -1, 0.25]", "[2, 0, -0.5]"][:states])
    return [
        f"{word}(3)",
        f"{word}(1)",
        f"{word}(3, output=last)",
        f"{word}(3, output=every)",
        f"{word}(3, recurrent_dropout=0.4)",
        f"{word}(3, {_DROPOUTS})",
        f"{word}(3, initial_state=learnt)",
        f"{word}(3, initial_state=[{given}])",
    ]


def _bidirectional(word: str, states: int) -> list[str]:
    merges = [f"{word}(3, merge={merge})" for merge in ("sum", "mean", "product", "none")]
    return [*_recurrent(word, states), *merges, f"{word}(3, {_DROPOUTS}, merge=none)"]


VARIANTS: dict[str, list[str]] = {
    "dense": [
        "dense(4)",
        "dense(1)",
        "dense(4, bias=false)",
        *(f"dense(4, {word})" for word in get_args(Activation)),
    ],
    "flatten": ["flatten"],
    "dropout": ["dropout(0.5)", "dropout(0)"],
    "embedding": ["embedding(3)", "embedding(2, tokens=20)"],
    "rnn": [
        *_recurrent("rnn", 1),
        "rnn(3, activation=relu)",
        f"rnn(3, {_DROPOUTS}, activation=relu)",
    ],
    "lstm": _recurrent("lstm", 2),
    "gru": [*_recurrent("gru", 1), "gru(3, reset=before)", f"gru(3, {_DROPOUTS}, reset=before)"],
    "birnn": [*_bidirectional("birnn", 1), "birnn(3, activation=relu)"],
    "bilstm": _bidirectional("bilstm", 2),
    "bigru": [*_bidirectional("bigru", 1), "bigru(3, reset=before)"],
    "conv": [
        "conv(4, 3)",
        "conv(4, 4)",
        "conv(4, 1)",
        "conv(1, 2)",
        "conv(4, 12)",
        "conv(4, 5, relu, bias=false)",
        "conv(4, 3, dilation=3)",
        "conv(4, 3, stride=2) pool(mean)",
        "conv(4, 2, stride=3, dilation=2) pool(max)",
        "conv(4, 3, causal=true)",
        "conv(4, 4, exponential, dilation=3, causal=true)",
        "conv(4, 3, stride=2, causal=true) pool(mean)",
        "conv(4, 3, padding=valid) pool(mean)",
        "conv(4, 3, tanh, stride=2, dilation=2, padding=valid) conv(3, 2, padding=valid) pool(max)",
        "conv(4, 1, padding=valid)",
    ],
    "depthwise_conv": [
        "depthwise_conv(3)",
        "depthwise_conv(4, 2)",
        "depthwise_conv(1, bias=false)",
        "depthwise_conv(12)",
        "depthwise_conv(3, dilation=3)",
        "depthwise_conv(3, 3, stride=2) pool(mean)",
        "depthwise_conv(2, stride=3, dilation=2) pool(max)",
        "depthwise_conv(3, 2, causal=true)",
        "depthwise_conv(4, 1, 2, 2, padding=valid) pool(mean)",
    ],
    "handcrafted_conv": ["handcrafted_conv", "handcrafted_conv pool(max)"],
    "random_conv": [
        "random_conv(6)",
        "random_conv(7, 3)",
        "random_conv(1, 2)",
        "random_conv(40, longest=30)",
    ],
    "multirocket": ["multirocket(84)", "multirocket(200, 12)", "multirocket(500, longest=40)"],
    "hydra": ["hydra(2, 3)", "hydra(3, 2, longest=9)", "hydra(1, 8)", "hydra(2, 3, 40)"],
    "quant": ["quant(length=8)", "quant(3, 2, 12)", "quant(1, 1)", "quant(2, 9, 30)"],
    "rdst": ["rdst(6, 5)", "rdst(5, 3, 20)", "rdst(9)", "rdst(1, 1)", "rdst(20, 4, longest=9)"],
    "trees": [
        "trees(3)",
        "trees(2, nodes=7, leaves=4, classes=3)",
        "pool(mean) trees(1, classes=2)",
    ],
    "maxpool": [
        "maxpool(3, 1)",
        "maxpool(4, 1)",
        "maxpool(1)",
        "maxpool(2) pool(mean)",
        "maxpool(2, 5) pool(mean)",
        "maxpool(5, 2) pool(mean)",
        "maxpool(12, 1)",
        "maxpool(3, 1, causal=true)",
        "maxpool(3, causal=true) pool(mean)",
        "maxpool(3, 1, padding=valid) pool(mean)",
        "maxpool(2, padding=valid) pool(mean)",
    ],
    "avgpool": [
        "avgpool(3, 1)",
        "avgpool(4, 1)",
        "avgpool(1)",
        "avgpool(2) pool(mean)",
        "avgpool(2, 5) pool(mean)",
        "avgpool(5, 2) pool(mean)",
        "avgpool(12, 1)",
        "avgpool(3, 1, padding=valid) pool(mean)",
        "avgpool(3, padding=valid) pool(mean)",
    ],
    "pool": [
        "pool(last)",
        "pool(mean)",
        "pool(max)",
        "pool(attention)",
        "pool(mean, 2)",
        "pool(mean, parts=5)",
        "pool(max, parts=3)",
    ],
    "batchnorm": ["batchnorm", "batchnorm(momentum=0, epsilon=1e-05)", "batchnorm(gamma=0.1)"],
    "layernorm": ["layernorm", "layernorm(1e-05)"],
    "attention": [
        "attention(1)",
        "attention(3)",
        "attention(1, feedforward=5, activation=relu)",
        "attention(3, causal=true)",
        "attention(3, dropout=0.2)",
        "attention(1, 2, exponential, 0.2, true)",
    ],
    "position": ["position", "position(learnt, longest=12)"],
    "residual": [
        "residual(conv(3, 3) batchnorm relu)",
        "residual(conv(4, 3) batchnorm relu conv(5, 2))",
        "residual(dense(4, tanh))",
        "residual(conv(4, 3, stride=2), activation=relu) pool(mean)",
        "residual(lstm(3))",
        "residual(bilstm(2) dense(3))",
        "residual(residual(conv(4, 3)) relu, shortcut=conv(4, 1) batchnorm, activation=tanh)",
        "residual(conv(4, 3, causal=true) batchnorm, activation=exponential)",
    ],
    "parallel": [
        "parallel(conv(2, 9), conv(3, 4) relu)",
        "parallel(linear, dense(2), conv(3, 3, causal=true))",
        "parallel(lstm(3), pool(mean), pool(max))",
        "parallel(lstm(4), gru(4), merge=mean)",
        "parallel(lstm(4), conv(4, 3) pool(max), merge=product)",
        "parallel(bigru(2), conv(4, 3) pool(max), merge=sum)",
        "parallel(conv(2, 3, stride=2), maxpool(2)) pool(mean)",
    ],
    "repeat": [
        "repeat(3, conv(4, 3) relu)",
        "repeat(2, repeat(2, lstm(3, name=eyes)) dropout(0.2))",
    ],
    "fcn": ["fcn(2)"],
    "resnet": ["resnet(2)"],
    "inception_time": ["inception_time(2, kernel_size=6)", "inception_time(2, 5, 8)"],
    "lite": ["lite(2, 8)"],
    "lstm_fcn": ["lstm_fcn(3)", "lstm_fcn(3, 0)"],
    "gru_fcn": ["gru_fcn(3)", "gru_fcn(3, 0)"],
    "tst": ["tst(4, 2, 2)", "tst(6, 3, 1, 0)"],
    "tcn": ["tcn(3, 2, 2)", "tcn(4, 3, 3, 0, every)", "tcn(3, 1, 1, output=last)"],
    "rocket": ["rocket(6)", "rocket(9, dropout=0)"],
    "glu": ["dense(6) glu", "conv(4, 3, causal=true) glu"],
    "prelu": ["prelu", "prelu(0)"],
    **{word: [word] for word in get_args(Activation)},
    "soft_shrink": ["soft_shrink", "soft_shrink(0.1)", "soft_shrink(0)"],
    "hard_shrink": ["hard_shrink", "hard_shrink(0.1)"],
    "leaky_relu": ["leaky_relu", "leaky_relu(0.01)", "leaky_relu(0)"],
}


def inside(specs: Iterable[LayerSpec]) -> Iterator[LayerSpec]:
    """Specs, and those that they hold."""
    for spec in specs:
        yield spec
        yield from inside(spec.sublayers())


def choices(kind: type[LayerSpec]) -> dict[str, set[Any]]:
    """The words and the yes or no that each argument of a layer may be; activations of dense."""
    found: dict[str, set[Any]] = {}
    arguments = {field.name for field in dataclasses.fields(kind)}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        members = (hint, *get_args(hint))
        words = {word for m in members if get_origin(m) is Literal for word in get_args(m)}
        words |= {True, False} if bool in members else set()
        if words and name in arguments and (hint != Activation or kind is Dense):
            found[name] = words
    return found


# The first of each kind is quick; its other variants run with the whole suite.
ALL = [
    pytest.param(text, marks=pytest.mark.slow if number else ())
    for texts in VARIANTS.values()
    for number, text in enumerate(texts)
]


def test_every_kind_of_layer_is_in_the_table() -> None:
    """A layer without a row here is a layer without promises."""
    assert list(VARIANTS) == list(LAYERS)
    assert {kind.__name__ for kind in LAYERS.values()} <= set(layers.__all__)
    for kind, texts in VARIANTS.items():
        assert all(kind in {spec.kind for spec in inside(as_specs(text))} for text in texts)


@pytest.mark.parametrize("kind", LAYERS)
def test_every_choice_that_a_layer_gives_is_in_the_table(kind: str) -> None:
    """A pooling, a merge or an activation without a row is one without promises."""
    specs = [spec for text in VARIANTS[kind] for spec in inside(as_specs(text))]
    for name, words in choices(LAYERS[kind]).items():
        there = [getattr(spec, name) for spec in specs if spec.kind == kind]
        assert words <= {value for value in there if isinstance(value, Hashable)}, name


def test_the_choices_are_found() -> None:
    """Or the test above would show nothing."""
    assert choices(Pool) == {"how": {"last", "mean", "max", "attention"}}
    assert choices(Dense) == {"activation": set(get_args(Activation)), "bias": {True, False}}
    assert choices(LAYERS["bigru"]).keys() == {"output", "initial_state", "merge", "reset"}
    assert set(get_args(Activation)) == set(ACTIVATIONS) <= LAYERS.keys()


@pytest.mark.sampled(4)
@pytest.mark.parametrize("text", ALL)
def test_a_layer_keeps_every_promise(text: str) -> None:
    """Padding, stream, gradients, weights, seeds, dropout, text and JSON."""
    report = check_layer(text)
    assert report.largest() <= 1
    assert {f.contract for f in report.findings} >= {"padding", "gradient"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [k for k in LAYERS if k not in ("embedding", "flatten")])
def test_one_channel_is_enough(kind: str) -> None:
    """Where every sequence has one channel, nothing is squeezed away."""
    assert check_layer(VARIANTS[kind][0], Shape(1)).largest() <= 1


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=pytest.mark.slow if number % 6 else ())
        for number, kind in enumerate(LAYERS)
        if kind != "embedding"
    ],
)
@pytest.mark.parametrize("length", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_equal_lengths_take_the_same_way(kind: str, length: int) -> None:
    """Also where all lengths are the same, one step included, padding behind them is not seen."""
    assert check_layer(VARIANTS[kind][0], Shape(3, length=length)).largest() <= 1


CAUSAL = {
    **dict.fromkeys(
        ["rnn", "lstm", "gru", "dense", "pool", "dropout", "batchnorm", "relu", "rocket"], True
    ),
    **dict.fromkeys(
        ["bilstm", "conv", "maxpool", "avgpool", "residual", "parallel", "inception_time"], False
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", CAUSAL)
def test_causality_is_told_as_it_is(kind: str) -> None:
    """A causal layer is compared step by step; another refuses. Neither may be passed over."""
    report = check_layer(VARIANTS[kind][0], dtype="float64")
    streamed = any(f.contract == "stream" for f in report.findings)
    assert streamed != ("refuses to stream" in report.passed)
    assert streamed == CAUSAL[kind]
