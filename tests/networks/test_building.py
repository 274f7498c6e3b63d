"""From specs to a network: names, shapes, where a sequence ends, what may stand where."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from segue.errors import DataError, NotCausalError, SpecError
from segue.layers import Padded, Shape
from segue.networks import Network, as_specs


def build(
    text: str, shape: Shape | None = None, outputs: int = 3, *, every: bool = False
) -> Network:
    return Network(as_specs(text), shape or Shape(2), outputs, every=every)


def shapes(network: Network) -> list[str]:
    return [row.shape for row in network.summary().rows]


def test_the_summary_of_mnist_by_rows() -> None:
    """28 channels, LSTM 128, ten classes: 80,384 + 1,290 numbers, as Keras counts them."""
    summary = build("lstm(128)", Shape(28, length=28), 10).summary()
    assert [(r.name, r.kind, r.shape, r.parameters) for r in summary.rows] == [
        ("lstm_1", "lstm", "[128]", 80_384),
        ("head", "dense", "[10]", 1_290),
    ]
    assert summary.total == 81_674
    assert re.search(r"lstm_1 +\[128\] +80,384", str(summary))
    assert "81,674" in str(summary)


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("rnn(5)", 5 * (2 + 5 + 1)),
        ("lstm(5)", 4 * 5 * (2 + 5 + 1)),
        ("gru(5)", 3 * 5 * (2 + 5 + 2)),
        ("gru(5, reset=before)", 3 * 5 * (2 + 5 + 1)),
        ("bilstm(5)", 2 * 4 * 5 * (2 + 5 + 1)),
        ("lstm(5, initial_state=learnt)", 4 * 5 * (2 + 5 + 1) + 10),
        ("rnn(1, initial_state=[[3]])", 2 + 1 + 1),
        ("pool", 0),
    ],
)
def test_parameters_are_counted(text: str, parameters: int) -> None:
    """Learnt numbers only: given initial states are not among them."""
    assert build(text).summary().rows[0].parameters == parameters


def test_layers_are_named_by_kind_and_number_or_by_the_user() -> None:
    """The numbers count each kind, named ones too."""
    text = "lstm(3) dense(2, name=middle) dropout(0.1) lstm(3) lstm(2, name=memory) lstm(2)"
    network = build(text)
    names = ["lstm_1", "middle", "dropout_1", "lstm_2", "memory", "lstm_4", "head"]
    assert network.names == names
    assert network.layer("memory").name == "memory"
    assert set(network.get_weights()) >= {"memory/kernel", "middle/bias", "head/kernel"}
    with pytest.raises(SpecError, match="no layer 'memroy'. Did you mean \"memory\"?"):
        network.layer("memroy")


@pytest.mark.parametrize(
    "text", ["dense(2, name=head)", "lstm(2, name=a) dense(2, name=a)", "rnn(1,name=rnn_2) rnn(1)"]
)
def test_names_must_differ(text: str) -> None:
    """Weights are found by the names."""
    with pytest.raises(SpecError, match="layer names must differ, and `head` is taken; used: "):
        build(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lstm(4)", ["[4]", "[3]"]),
        ("lstm(4) gru(5)", ["[time, 4]", "[5]", "[3]"]),
        (
            "lstm(4) dropout(0.1) dense(6) gru(5)",
            ["[time, 4]", "[time, 4]", "[time, 6]", "[5]", "[3]"],
        ),
        ("lstm(4) dense(6) dropout(0.1)", ["[4]", "[6]", "[6]", "[3]"]),
        ("lstm(4) dense(6) pool(mean)", ["[time, 4]", "[time, 6]", "[6]", "[3]"]),
        ("bilstm(4)", ["[8]", "[3]"]),
        ("bilstm(4, merge=sum) bilstm(3, merge=mean)", ["[time, 4]", "[3]", "[3]"]),
        ("bilstm(4, merge=none) bilstm(3)", ["[time, 4] x 2", "[6]", "[3]"]),
    ],
)
def test_a_layer_gives_every_step_where_a_later_one_needs_it(
    text: str, expected: list[str]
) -> None:
    """Else its last output; dense and dropout pass the question on."""
    assert shapes(build(text)) == expected


def test_a_head_at_every_step_keeps_the_sequence() -> None:
    """And `output=last` in front of it is refused."""
    assert shapes(build("lstm(4) dense(5)", every=True)) == ["[time, 4]", "[time, 5]", "[time, 3]"]
    with pytest.raises(SpecError, match="ends the sequence, and an output at every step is wanted"):
        build("lstm(4, output=last)", every=True)


def test_a_common_length_is_shown() -> None:
    """Only then can steps be laid side by side."""
    network = build("lstm(4, output=every) flatten", Shape(2, length=7))
    assert shapes(network) == ["[7, 4]", "[28]", "[3]"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dense(4)", "still holds a sequence before its head.*end with pool\\(mean\\)"),
        ("lstm(4, output=every)", "still holds a sequence before its head"),
        ("", "the network has no layer: name one or several, such as .lstm\\(128\\)"),
        ("flatten", "flatten_1 needs sequences of one common length, and these differ"),
        ("lstm(4) pool(mean) gru(3)", "gru_1 needs a sequence, but .* ended it \\(lstm_1, pool_1"),
        ("lstm(4, output=last) gru(3)", "gru_1 needs a sequence.*write output=every"),
        ("embedding(3) lstm(4)", "embedding_1 takes tokens.*here come 2 measured channels"),
        ("bilstm(4, output=every) pool(last)", "pool\\(last\\) after bilstm.*has seen one step"),
        ("bigru(4) dropout(0.2) dense(3) pool(last)", "pool\\(last\\) after bigru.*one step"),
        ("bilstm(4, merge=none)", "keeps its two directions apart, and the head takes one signal"),
        ("bilstm(4, merge=none) dense(3)", "only another bidirectional layer can follow"),
        ("bilstm(4, merge=none) lstm(3)", "only another bidirectional layer can follow"),
        ("bilstm(4, merge=none) pool(mean)", "only another bidirectional layer can follow"),
        ("lstm(2, initial_state=[[1, 2]])", "must be zeros, learnt, or 2 list\\(s\\) of 2 numbers"),
        ("rnn(3, initial_state=[[1, 2]])", "1 list\\(s\\) of 3 numbers \\(h\\); got lists of 2"),
    ],
)
def test_what_cannot_stand_where_it_stands(text: str, message: str) -> None:
    """The message names the layer and says what to do."""
    with pytest.raises(SpecError, match=message):
        build(text)


@pytest.mark.parametrize(
    "text", ["bigru(4) lstm(3) pool(last)", "lstm(4) pool(last)", "pool(last)"]
)
def test_the_last_step_of_a_forward_layer_may_be_taken(text: str) -> None:
    """Only the backward output has not seen the rest there."""
    assert shapes(build(text))[-1] == "[3]"


def test_tokens_need_an_embedding_that_is_large_enough() -> None:
    """And only tokens take one."""
    tokens = Shape(1, tokens=5)
    assert shapes(build("embedding(3) lstm(2)", tokens)) == ["[time, 3]", "[2]", "[3]"]
    with pytest.raises(SpecError, match="lstm_1 cannot take tokens: begin the network with an emb"):
        build("lstm(2)", tokens)
    with pytest.raises(SpecError, match="embedding_1 has tokens=2, but the data has 5"):
        build("embedding(3, tokens=2) lstm(2)", tokens)
    network = build("embedding(3) lstm(2)", tokens)
    for bad in (5, -1):
        batch = Padded(torch.tensor([[[bad]]], dtype=torch.int32), torch.tensor([1]))
        with pytest.raises(DataError, match=f"embedding_1 has the tokens 0 to 4; got {bad}"):
            network(batch)


def test_flatten_refuses_another_length() -> None:
    """Rather than to multiply what does not belong together."""
    network = build("flatten", Shape(2, length=4))
    with pytest.raises(DataError, match="flatten_1 was built for sequences of 4 steps; got 2 to 3"):
        network(Padded(torch.zeros(2, 4, 2), torch.tensor([2, 3])))


@pytest.mark.parametrize(
    ("text", "guilty"),
    [("bilstm(3)", "bilstm_1"), ("lstm(3) bigru(2, name=eyes) dense(3)", "eyes")],
)
def test_a_stream_is_refused_with_the_name_of_the_layer(text: str, guilty: str) -> None:
    """Of the first that is in the way."""
    network = build(text)
    assert not network.causal
    with pytest.raises(NotCausalError, match=f"{guilty} needs the whole sequence"):
        network.initial_state()
    with pytest.raises(NotCausalError, match=guilty):
        network.layer(guilty).step(torch.zeros(1, 3), None)


def test_weights_have_the_documented_names_and_shapes() -> None:
    """Those of Keras, so that they can be read and copied."""
    text = "bilstm(3, initial_state=learnt) gru(4, output=last, name=memory) dense(5)"
    sizes = {k: w.shape for k, w in build(text).get_weights().items()}
    assert sizes == {
        **{
            f"bilstm_1/{way}/{part}": size
            for way in ("forward", "backward")
            for part, size in (
                ("kernel", (2, 12)),
                ("recurrent_kernel", (3, 12)),
                ("bias", (12,)),
                ("initial_h", (3,)),
                ("initial_c", (3,)),
            )
        },
        "memory/kernel": (6, 12),
        "memory/recurrent_kernel": (4, 12),
        "memory/bias": (2, 12),
        "dense_1/kernel": (4, 5),
        "dense_1/bias": (5,),
        "head/kernel": (5, 3),
        "head/bias": (3,),
    }


def test_set_weights_reports_every_problem_and_changes_nothing() -> None:
    """A name that is not there and a shape that does not fit, in one message."""
    network = build("lstm(3)")
    before = network.get_weights()
    wrong = {"lstm_1/kernal": [1.0], "head/bias": np.zeros(7), "lstm_1/bias": np.ones(12)}
    with pytest.raises(DataError, match=r"no weight 'lstm_1/kernal'.*head/bias has shape \(7,\)"):
        network.set_weights(wrong)
    for name, array in network.get_weights().items():
        np.testing.assert_array_equal(array, before[name])


def test_weights_that_are_read_are_copies() -> None:
    """What a user does with them does not reach the network."""
    network = build("lstm(3)")
    network.get_weights()["head/kernel"][:] = 7
    assert not (network.get_weights()["head/kernel"] == 7).any()


def test_initial_weights_are_those_of_keras() -> None:
    """Glorot uniform kernels, orthogonal recurrent ones, the forget gate's bias 1."""
    weights = build("lstm(40)", Shape(10)).get_weights()
    kernel, recurrent = weights["lstm_1/kernel"], weights["lstm_1/recurrent_kernel"]
    bound = (6 / (10 + 160)) ** 0.5
    assert 0.95 * bound < np.abs(kernel).max() <= bound
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(40), atol=1e-5)
    np.testing.assert_array_equal(weights["lstm_1/bias"].reshape(4, 40).sum(1), [0, 40, 0, 0])
