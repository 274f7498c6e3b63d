"""The little language: what it reads, and what it says about what it cannot read."""

from __future__ import annotations

import pytest

from segue.errors import SpecError
from segue.layers import (
    GRU,
    LSTM,
    BatchNorm,
    BiLSTM,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Parallel,
    Pool,
    ReLU,
    Repeat,
    Residual,
    Tanh,
)
from segue.networks import as_specs, current_json, specs_from_json
from segue.prepare import Interpolate, Standardize, as_steps
from segue.spec import to_text


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("lstm(128)", [LSTM(128)]),
        ("bilstm(100) dense(32, relu)", [BiLSTM(100), Dense(32, "relu")]),
        ("lstm(units=8, dropout=.2)", [LSTM(8, dropout=0.2)]),
        ("lstm(8, 0.1, 0.2, every)", [LSTM(8, 0.1, 0.2, "every")]),
        ("flatten, dropout(5e-1) | pool", [Flatten(), Dropout(0.5), Pool("mean")]),
        ("bilstm(4, merge=none)", [BiLSTM(4, merge="none")]),
        ('lstm(4, name="memory")', [LSTM(4, name="memory")]),
        ("lstm(4, name=memory)", [LSTM(4, name="memory")]),
        ("dense(4, bias=false)", [Dense(4, bias=False)]),
        ("gru(2, initial_state=[[1, -2.5]])", [GRU(2, initial_state=((1.0, -2.5),))]),
        ("lstm(4,)", [LSTM(4)]),
        ("", []),
        ("residual(conv(8, 3) batchnorm relu)", [Residual((Conv(8, 3), BatchNorm(), ReLU()))]),
        ("residual(relu)", [Residual((ReLU(),))]),
        ("residual(relu, activation=relu)", [Residual((ReLU(),), activation="relu")]),
        ("residual(relu, shortcut=none)", [Residual((ReLU(),))]),
        ("residual(relu | tanh -> relu)", [Residual((ReLU(), Tanh(), ReLU()))]),
        (
            "residual(layers=relu, shortcut=conv(4,1) relu)",
            [Residual(ReLU(), (Conv(4, 1), ReLU()))],
        ),
        ("repeat(3, conv(8, 5) relu)", [Repeat(3, (Conv(8, 5), ReLU()))]),
        ("repeat(layers=relu, times=2)", [Repeat(2, (ReLU(),))]),
        (
            "parallel(conv(8, 9) relu, conv(8, 19), merge=sum)",
            [Parallel(((Conv(8, 9), ReLU()), (Conv(8, 19),)), "sum")],
        ),
        ("parallel(branches=[relu tanh, tanh])", [Parallel(((ReLU(), Tanh()), (Tanh(),)))]),
        (
            "parallel(residual(repeat(2, relu)), parallel(relu, tanh) tanh)",
            [
                Parallel(
                    (
                        (Residual((Repeat(2, (ReLU(),)),)),),
                        (Parallel(((ReLU(),), (Tanh(),))), Tanh()),
                    )
                )
            ],
        ),
    ],
)
def test_texts_that_are_read(text: str, specs: list[object]) -> None:
    """By place and by name, with any separator."""
    assert as_specs(text) == tuple(specs)


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("lstmm(4)", "unknown layer 'lstmm'. Did you mean \"lstm\"?", 0),
        ("dense(3) Gru(4)", "unknown layer 'Gru'. Did you mean \"gru\"?", 9),
        (
            "kalman(4)",
            "unknown layer 'kalman'. Known: attention, avgpool, batchnorm, bigru",
            0,
        ),
        ("lstm(-3)", "`units` is -3: input should be greater than or equal to 1", 0),
        ("lstm(0)", "`units` is 0: input should be greater than or equal to 1", 0),
        ("lstm(4.5)", "`units` is 4.5: input should be a valid integer", 0),
        ("lstm(true)", "`units` is True: input should be a valid integer", 0),
        ("lstm()", "lstm needs units: lstm(units, dropout,", 0),
        ("dense(3) lstm", "lstm needs units", 9),
        ("lstm(4, units=5)", "lstm has 'units' twice", 8),
        ("lstm(4, unit=5)", "lstm has no argument 'unit'. Did you mean \"units\"?", 8),
        ("dense(4, relu, true, a, 5)", "too many arguments: dense(units, activation,", 24),
        ("lstm(4, dropout=1)", "`dropout` is 1: input should be less than 1", 0),
        ("dropout(-0.1)", "`rate` is -0.1: input should be greater than or equal to 0", 0),
        ("pool(median)", "`how` is 'median': input should be 'last', 'mean', 'max' or", 0),
        ("dense(3, name=3)", "`name` is 3: input should be a valid string", 0),
        ('dense(3, name="a b")', "`name` is 'a b': string should match", 0),
        ("lstm(4", "expected ',' or ')', and it ends", 6),
        ("lstm(4 5)", "expected ',' or ')', found '5'", 7),
        ("lstm(4))", "expected the name of a layer, found ')'", 7),
        ("lstm 4", "arguments stand in parentheses: lstm(4)", 5),
        ("lstm(4) % dense(2)", "unexpected '%'", 8),
        ("lstm(4),, dense(3)", "expected the name of a layer, found ','", 8),
        ("lstm(=4)", "expected a value, found '='", 5),
        ("dense(99999999999)", "`units` is 99999999999: input should be less than 2147483648", 0),
        ("lstm(" + "[" * 50_000, "lists in lists too deep", 11),
        ("lstm(1, initial_state=[[1e999],[0]])", "`initial_state` is ((inf,), (0,))", 0),
        ("residual(conv(8, 3) relus)", "unknown layer 'relus'. Did you mean \"relu\"?", 20),
        ("dense(3) repeat(2, lstm(0))", "`units` is 0: input should be greater", 19),
        ("repeat(2, lstm(4, unit=5))", "lstm has no argument 'unit'. Did you mean \"units\"?", 18),
        ("residual(conv(8, 3), batchnorm, relu)", "without commas, as in residual(a b c)", 21),
        ("repeat(3, relu, tanh)", "without commas, as in repeat(a b c)", 16),
        ("dense(conv(3, 3))", "`units` takes a value, and here stands conv(...)", 6),
        ("dense(4, relu tanh)", "`activation` takes a value, and here stands relu", 9),
        ("residual(5)", "`layers` takes layers, such as layers=dense; got 5", 9),
        ("residual()", "residual needs layers: residual(layers, shortcut,", 0),
        ("parallel(relu)", "tuple should have at least 2 items", 0),
        ("parallel(relu, 5)", "`branches` takes layers", 15),
        ("repeat(0, relu)", "`times` is 0: input should be greater than or equal to 1", 0),
        ("repeat(relu)", "repeat needs layers: repeat(times, layers)", 0),
        ("repeat(3 relu)", "expected ',' or ')', found 'relu'", 9),
        ("residual(relu", "expected ',' or ')', and it ends", 13),
        ("dense(8, rellu)", "`activation` is 'rellu': did you mean \"relu\"?", 0),
        ("dense(8, leaky_relu(0.3))", "with arguments it is a layer of its own, behind this", 9),
        ("SimpleRNN(8)", "unknown layer 'SimpleRNN': write rnn(units)", 0),
        ("dense(8, return_sequences=true)", "no argument 'return_sequences': write output=e", 9),
        ("lstm(8, return_sequences=3)", "`output` is 3: input should be 'auto'", 0),
        (
            "bilstm(9, 'OutputMode', 'sequence')",
            r"without quotes, as in bilstm(..., output=every)",
            10,
        ),
        ("lstm(9, 'Name', 'memory')", "without quotes, as in lstm(..., name=memory)", 8),
        ("dense(9, 'Name', 'fc')", "without quotes, as in dense(..., name=fc)", 9),
        ("conv(9, 3, 'DilationFactor', 2)", "as in conv(..., dilation=2)", 11),
        ("conv(8, kernel_sise=3)", "no argument 'kernel_sise'. Did you mean \"kernel_size\"?", 8),
        ("conv(8, 3, width=3)", "conv has 'kernel_size' twice", 11),
        ("residual(relu ->)", "expected the name of a layer, found ')'", 16),
        ("residual(" * 50_000, "more than 10 calls in each other", 90),
        ("conv(8, 3, stride=0)", "`stride` is 0: input should be greater", 0),
        ("batchnorm(epsilon=0)", "`epsilon` is 0: input should be greater than 0", 0),
    ],
)
def test_texts_that_are_refused(text: str, message: str, position: int) -> None:
    """The message says what is wrong, and points at the place."""
    with pytest.raises(SpecError) as caught:
        as_specs(text)
    lines = str(caught.value).splitlines()
    assert message in lines[0]
    assert caught.value.position == position
    assert lines[-1] == "  " + " " * position + "^"
    assert lines[-2] == "  " + text[: position + 100]


def test_several_problems_are_reported_together() -> None:
    """Nobody has to mend one after the other."""
    with pytest.raises(SpecError, match="`units` is -1.*`dropout` is 2.*`output` is 'lst'"):
        as_specs("lstm(-1, dropout=2, output=lst)")
    with pytest.raises(SpecError, match="`units` is 'a'.*`activation` is 'rel'"):
        Dense("a", "rel")  # type: ignore[arg-type]


def test_a_place_far_inside_a_long_text_is_shown_with_what_is_around_it() -> None:
    """The mark stands under the place, and the message stays short."""
    text = "dense(3) " * 100 + "dens(3)" + " dense(3)" * 100
    with pytest.raises(SpecError) as caught:
        as_specs(text)
    _, shown, mark = str(caught.value).splitlines()
    assert shown[mark.index("^") :].startswith("dens(3)")
    assert len(shown) < 250


@pytest.mark.parametrize("network", [5, None, 2.5, {"lstm": 4}, ["lstm(4)"], [LSTM]])
def test_what_is_neither_a_text_nor_specs_is_refused(network: object) -> None:
    """With the two forms that there are."""
    with pytest.raises(SpecError, match=r"a network is a text such as 'lstm\(128\)', or a list"):
        as_specs(network)  # type: ignore[arg-type]


def nested(depth: int) -> dict[str, object]:
    return {"kind": "residual", "layers": [nested(depth - 1)]} if depth else {"kind": "relu"}


def test_json_of_an_unknown_kind_or_field_is_refused_by_name() -> None:
    """The schema is closed."""
    with pytest.raises(SpecError, match="unknown layer 'lambda'. Known: "):
        specs_from_json([{"kind": "lambda", "code": "import os"}])
    with pytest.raises(SpecError, match="unknown layer None"):
        specs_from_json([{}])
    with pytest.raises(SpecError, match="dense has no field code, path."):
        specs_from_json([{"kind": "dense", "units": 3, "path": "x", "code": "y"}])
    with pytest.raises(SpecError, match="dense has no field code."):
        specs_from_json([{"kind": "residual", "layers": [{"kind": "dense", "code": 1}]}])
    with pytest.raises(SpecError, match="unknown layer 'lambda'"):
        specs_from_json([{"kind": "parallel", "branches": [[], [{"kind": "lambda"}]]}])
    with pytest.raises(SpecError, match="residual: expected a list of layers; got {'kind'"):
        specs_from_json([{"kind": "residual", "layers": {"kind": "relu"}}])
    with pytest.raises(SpecError, match="layers in layers too deep"):
        specs_from_json([nested(50)])
    with pytest.raises(SpecError, match="dense needs units."):
        specs_from_json([{"kind": "dense"}])


def test_preparations_have_the_same_language() -> None:
    """With their own words in the messages."""
    assert as_steps("interpolate standardize") == (Interpolate(), Standardize())
    assert as_steps("none") == as_steps("") == as_steps(None) == ()
    assert as_steps(Standardize()) == as_steps([Standardize()]) == (Standardize(),)
    with pytest.raises(SpecError, match="unknown preparation step 'standardise'. Did you mean \"s"):
        as_steps("standardise")
    with pytest.raises(SpecError, match="a preparation is a text such as 'standardize'"):
        as_steps(5)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"too many arguments: standardize\(\)"):
        as_steps("standardize(3)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv(filters=8, kernel_size=5, strides=2)", "conv(8, 5, stride=2)"),
        ("conv(8, 5, dilation_rate=3, use_bias=false)", "conv(8, 5, dilation=3, bias=false)"),
        ("conv(8, width=5)", "conv(8, 5)"),
        ("random_conv(6, width=3)", "random_conv(6, kernel_size=3)"),
        ("inception_time(width=8)", "inception_time(kernel_size=8)"),
        ("maxpool(pool_size=2, strides=1)", "maxpool(2, stride=1)"),
        ("lstm(units=8, return_sequences=true)", "lstm(8, output=every)"),
        ("bigru(8, return_sequences=False)", "bigru(8, output=last)"),
        ("dropout(rate=0.2)", "dropout(0.2)"),
        ("embedding(input_dim=9, output_dim=4)", "embedding(4, tokens=9)"),
        ("attention(num_heads=2)", "attention(2)"),
        ("residual(conv(8, width=3)) pool", "residual(conv(8, 3)) pool"),
    ],
)
def test_arguments_of_keras_and_older_ones_are_understood(text: str, expected: str) -> None:
    """They are printed in segue's own form."""
    assert to_text(as_specs(text)) == expected


def test_json_of_older_files_is_read() -> None:
    """Also inside other layers; it is written with the new name."""
    conv = {"kind": "conv", "filters": 8, "width": 3}
    specs = specs_from_json([conv, {"kind": "residual", "layers": [conv]}])
    assert specs == (Conv(8, 3), Residual(Conv(8, 3)))  # type: ignore[arg-type]
    assert specs[0].to_json() == {"kind": "conv", "filters": 8, "kernel_size": 3}
    assert current_json([conv]) == [specs[0].to_json()]


def test_a_renamed_argument_warns() -> None:
    """In Python for one release; in texts and files it is read without a word."""
    with pytest.warns(DeprecationWarning, match="Conv: `width` is now called `kernel_size`"):
        assert Conv(8, width=3) == Conv(8, 3)  # type: ignore[call-arg]
