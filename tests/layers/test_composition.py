"""Layers that hold layers: shapes, names, weights, and what does not fit together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segue.errors import DataError, NotCausalError, SpecError
from segue.layers import Conv, InceptionTime, ReLU, Repeat, Residual, Shape
from segue.layers.depthwise import handcrafted_filters
from segue.modules import Padded
from segue.modules.network import TorchNetwork
from segue.networks import Network, as_specs


def build(text: str, shape: Shape | None = None, *, every: bool = False) -> TorchNetwork:
    return TorchNetwork(as_specs(text), shape or Shape(2), 3, every=every)


def shapes(text: str, shape: Shape | None = None) -> list[str]:
    return [str(layer.shape) for layer in build(text, shape).chain][:-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv(4, 3) pool", ["[time, 4]", "[4]"]),
        ("conv(4, 3, stride=2) pool", ["[time, 4]", "[4]"]),
        ("parallel(conv(4, 3), conv(5, 3)) pool", ["[time, 9]", "[9]"]),
        ("parallel(lstm(4), conv(5, 3) pool)", ["[9]"]),
        ("parallel(lstm(4), conv(4, 3)) lstm(5)", ["[time, 8]", "[5]"]),
        ("residual(lstm(4)) pool", ["[time, 4]", "[4]"]),
        ("lstm(4) residual(dense(7))", ["[4]", "[7]"]),
        ("lstm(4) residual(conv(4, 3)) pool", ["[time, 4]", "[time, 4]", "[4]"]),
        ("lstm(4) parallel(dense(3), linear)", ["[4]", "[7]"]),
        ("repeat(2, lstm(4)) dense(5)", ["[time, 4]", "[4]", "[5]"]),
        ("lstm(4) repeat(1, conv(3, 3)) pool", ["[time, 4]", "[time, 3]", "[3]"]),
    ],
)
def test_shapes(text: str, expected: list[str]) -> None:
    """A recurrent layer gives every step if something inside a later layer needs it."""
    assert shapes(text) == expected


def test_a_common_length_goes_through_strides() -> None:
    """Rounded up, so that steps can be laid side by side behind them."""
    text = "conv(4, 3, stride=2) maxpool(3, 2) flatten"
    assert shapes(text, Shape(2, length=13)) == ["[7, 4]", "[4, 4]", "[16]"]


def test_names_and_weights_inside_are_paths() -> None:
    """The 1x1 convolution on the way around is called `shortcut`."""
    network = build(
        "residual(conv(4, 3) conv(5, 3, name=eyes)) parallel(conv(2, 3), lstm(3) dense(2)) pool"
    )
    assert {name: w.shape for name, w in network.get_weights().items()} == {
        "residual_1/conv_1/kernel": (3, 2, 4),
        "residual_1/conv_1/bias": (4,),
        "residual_1/eyes/kernel": (3, 4, 5),
        "residual_1/eyes/bias": (5,),
        "residual_1/shortcut/kernel": (1, 2, 5),
        "parallel_1/branch_1/conv_1/kernel": (3, 5, 2),
        "parallel_1/branch_1/conv_1/bias": (2,),
        "parallel_1/branch_2/lstm_1/kernel": (5, 12),
        "parallel_1/branch_2/lstm_1/recurrent_kernel": (3, 12),
        "parallel_1/branch_2/lstm_1/bias": (12,),
        "parallel_1/branch_2/dense_1/kernel": (3, 2),
        "parallel_1/branch_2/dense_1/bias": (2,),
        "head/kernel": (4, 3),
        "head/bias": (3,),
    }
    assert network.layer("residual_1/eyes").kind == "conv"
    with pytest.raises(SpecError, match='Did you mean "residual_1/eyes"?'):
        network.layer("residual/eyes")


def test_the_summary_shows_what_is_inside_and_counts_it_once() -> None:
    """Indented, with its name inside the layer that holds it."""
    summary = Network.from_torch(build("residual(conv(4, 3) relu) pool")).summary()
    assert summary.total == 3 * 2 * 4 + 4 + 2 * 4 + 4 * 3 + 3
    assert [line.split("  ")[0:2] for line in str(summary).splitlines()[4:6]] == [
        ["", "conv_1"],
        ["", "relu_1"],
    ]
    assert "\n  shortcut " in str(summary)


def test_weights_of_repeated_layers_are_their_own() -> None:
    """Each time other ones, numbered as if they had been written so often."""
    network = build("repeat(2, conv(2, 3) relu) repeat(2, dense(2, name=deep)) pool")
    names = ["conv_1", "relu_1", "conv_2", "relu_2", "deep_1", "deep_2", "pool_1", "head"]
    assert network.names == names
    weights = network.get_weights()
    assert not np.array_equal(weights["conv_1/kernel"], weights["conv_2/kernel"])


def test_branches_get_the_same_input_and_residuals_add_it() -> None:
    """By the numbers: twice x beside x, and x + relu(x)."""
    x = Padded(torch.tensor([[[1.0, -2.0]]]), torch.tensor([1]))
    both = build("parallel(linear, residual(linear)) pool").chain[0](x)
    assert both.values.tolist() == [[[1, -2, 2, -4]]]
    added = build("residual(relu) pool").chain[0](x)
    assert added.values.tolist() == [[[2, -2]]]
    mean = build("parallel(linear, residual(linear), merge=mean) pool").chain[0](x)
    assert mean.values.tolist() == [[[1.5, -3]]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parallel(lstm(3, output=last), conv(3, 3)) pool", "some branches end the sequence and"),
        ("parallel(conv(3, 3, stride=2), conv(3, 3)) pool", "strides of 2, 1 input steps"),
        ("parallel(conv(3, 3), conv(4, 3), merge=sum) pool", "merge=sum needs branches of equally"),
        ("parallel(bilstm(3, merge=none), conv(4, 3)) pool", "branch keeps its two directions"),
        ("residual(pool(mean))", "residual_1: the layers inside end the sequence"),
        ("residual(conv(3, 3), shortcut=conv(4, 1)) pool", "residual_1: merge=sum needs branches"),
        ("residual(conv(3, 3, name=shortcut)) pool", "`shortcut` is the name of the way around"),
        (
            "bilstm(3, output=every) parallel(pool(last), pool(mean))",
            r"pool\(last\) after bilstm_1",
        ),
        ("parallel(bilstm(3), linear) pool(last)", "after parallel_1/branch_1/bilstm_1"),
        ("lstm(3) parallel(conv(3, 3), pool)", "some branches end"),
        ("pool(attention, 3)", r"the mean or the largest value: pool\(mean, parts=3\)"),
        ("pool(mean) residual(conv(3, 3))", "residual_1 needs a sequence, but .* ended it"),
        ("pool residual(dense(3) gru(4))", "residual_1 needs a sequence"),
        ("conv(3, 3)", "still holds a sequence before its head"),
        ("repeat(2, conv(3, 3, name=head)) pool residual(flatten)", "residual_1 needs a sequence"),
        ("attention(4) pool", r"attention_1 has 4 heads, and 2 features .* such as dense\(64\)"),
        ("position(learnt) pool", "give the number of positions"),
        ("repeat(2000, repeat(2000, dense(3)))", "4,000,000 layers; at most 2,000 are built"),
        ("repeat(100, inception_time)", "layers; at most 2,000 are built"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, message: str) -> None:
    """With the path of the layer and what to do."""
    with pytest.raises(SpecError, match=message):
        build(text)


def test_an_answer_at_every_step_allows_no_strides() -> None:
    """There would be fewer answers than labels."""
    with pytest.raises(SpecError, match="has one for 6 steps: leave the strides out"):
        build("conv(3, 3, stride=2) maxpool(3)", every=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conv(3, 4)", "conv_1 looks 2 steps ahead, .* with causal=true it can"),
        (
            "conv(3, 3, stride=2, causal=true)",
            "conv_1 has stride=2: it gives one answer for 2 steps",
        ),
        ("maxpool(2)", "maxpool_1 has stride=2"),
        ("attention(2)", "attention_1 looks at the whole sequence"),
        ("residual(conv(2, 3))", "residual_1/conv_1 looks 1 step"),
        (
            "parallel(linear, residual(dense(3) bilstm(2)))",
            "parallel_1/branch_2/residual_1/bilstm_1",
        ),
    ],
)
def test_a_stream_is_refused_with_the_path_of_the_layer(text: str, message: str) -> None:
    """And with its own reason."""
    with pytest.raises(NotCausalError, match=message):
        build(f"{text} pool").initial_state()
    with pytest.raises(NotCausalError):
        build(f"{text} pool").chain[0].step(torch.zeros(1, 2), None)


def test_a_sequence_longer_than_the_learnt_places_is_refused() -> None:
    """Also step by step."""
    network = build("position(learnt, longest=3) pool")
    message = r"position_1 has learnt 3 positions, and here comes a sequence of 4 steps"
    with pytest.raises(DataError, match=message):
        network(Padded(torch.zeros(1, 4, 2), torch.tensor([4])))
    network(Padded(torch.zeros(1, 4, 2), torch.tensor([3])))
    state = network.initial_state(1)
    for _ in range(3):
        _, state = network.step(torch.zeros(1, 2), state)
    with pytest.raises(DataError, match=message):
        network.step(torch.zeros(1, 2), state)


def test_named_networks_are_compositions() -> None:
    """With the numbers of parameters of the authors' programs, and the names that follow."""
    inception = build("inception_time", Shape(1))
    assert Network.from_torch(inception).summary().total - 3 * 129 == 420_192
    assert inception.names == ["residual_1", "residual_2", "pool_1", "head"]
    assert (
        sum(layer.kind == "conv" for layer in inception.modules() if hasattr(layer, "kind")) == 31
    )
    fcn = Network.from_torch(build("lstm_fcn", Shape(1))).summary()
    convolutions = (8 * 1 + 1) * 128 + (5 * 128 + 1) * 256 + (3 * 256 + 1) * 128
    assert fcn.total == convolutions + 2 * 512 + 4 * 8 * (1 + 8 + 1) + (136 + 1) * 3


def test_lite_has_the_weights_of_the_authors_program() -> None:
    """9,814 beside the head; of several channels, LITEMV."""
    separable = 3 * (40 + 20 + 10) + 3 * 32 * 3 - 32 * (40 + 20 + 10)
    more = separable + 2 * 17 * (2 + 20 + 32)
    for channels, weights in ((1, 9_814), (3, 9_814 + more)):
        total = Network.from_torch(build("lite", Shape(channels))).summary().total
        assert total == weights + 33 * 3


def test_filters_made_by_hand_are_those_of_the_authors_program() -> None:
    """Written as there, loop by loop; each around the step that Keras's padding puts it on."""
    expected = []
    for kernel_size in (2, 4, 8, 16, 32, 64):
        rise = np.ones(kernel_size)
        rise[np.arange(kernel_size) % 2 == 0] *= -1
        expected.append(rise)
    expected += [-rise for rise in expected]
    for kernel_size in (4, 8, 16, 32, 64):
        peak = np.zeros(kernel_size + kernel_size // 2)
        left = np.linspace(0, 1, kernel_size // 4 + 1)[1:] ** 2
        right = left[::-1]
        quarter = kernel_size // 4
        for place, values in enumerate((-left, -right, 2 * left, 2 * right, -left, -right)):
            peak[place * quarter : (place + 1) * quarter] = values
        expected.append(peak)
    filters = handcrafted_filters()
    assert filters.shape == (96, len(expected))
    for column, values in zip(filters.T, expected, strict=True):
        first = 47 - (len(values) - 1) // 2  # of "same" padding of 96 taps and of these
        np.testing.assert_allclose(column[first : first + len(values)], values, rtol=1e-6)
        assert np.count_nonzero(column) == np.count_nonzero(values)


def test_depth_without_a_whole_group_has_no_shortcut() -> None:
    """As in the authors' program: around every third module."""
    kinds = [spec.kind for spec in InceptionTime(depth=4).expand(Shape(2))]
    assert kinds == ["residual", "parallel", "batchnorm", "relu", "pool"]


def test_lists_and_single_layers_are_taken_where_chains_are() -> None:
    """In Python one need not write a tuple for one layer."""
    assert Residual(Conv(3, 3)) == Residual([Conv(3, 3)]) == as_specs("residual(conv(3, 3))")[0]  # type: ignore[arg-type]
    assert Repeat(2, (Conv(3, 3), ReLU())) == as_specs("repeat(2, conv(3, 3) relu)")[0]
