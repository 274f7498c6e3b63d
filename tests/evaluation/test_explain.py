"""Explanations hold: gates make the layer's output, shares add up, hidden pieces are hidden."""

from __future__ import annotations

import numpy as np
import pytest

from segue import SequenceClassifier, Sequences, TrainingOptions
from segue.data.dataset import Dataset
from segue.errors import DataError, OptionError, SpecError
from segue.evaluation.explain import gates, integrated_gradients, occlusion
from segue.testing.data import tiny_dataset

DATA = tiny_dataset(24, classes=("a", "b", "c"), seed=3)
RECURRENT = [
    ("lstm(4)", "lstm_1", "forward"),
    ("lstm(3, initial_state=learnt, name=memory) dense(2)", "memory", "forward"),
    ("gru(4)", "gru_1", "forward"),
    ("gru(4, reset=before)", "gru_1", "forward"),
    ("rnn(4)", "rnn_1", "forward"),
    ("rnn(4, activation=relu) pool(mean)", "rnn_1", "forward"),
    ("bilstm(3)", "bilstm_1", "forward"),
    ("bilstm(3)", "bilstm_1", "backward"),
    ("bigru(3, merge=none) birnn(2)", "birnn_1", "backward"),
    ("residual(lstm(2)) pool(mean)", "residual_1/lstm_1", "forward"),
]


def fit(network: str, data: Dataset = DATA, epochs: int = 4) -> SequenceClassifier:
    """A few epochs: gates and biases have left their first values."""
    options = TrainingOptions(progress="none")
    return SequenceClassifier(network, epochs=epochs, options=options).fit(data)


# -- gates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("network", "layer", "direction"), RECURRENT)
def test_gates_put_together_make_the_output(network: str, layer: str, direction: str) -> None:
    """Of ragged sequences, in either direction; a changed gate is noticed."""
    found = gates(fit(network), DATA.x, layer=layer, direction=direction)  # type: ignore[arg-type]
    assert found.difference < 1e-5
    assert np.abs(found.output.values).max() > 0.05
    np.testing.assert_allclose(found["hidden_state"].values, found.output.values, atol=1e-5)
    for part in found.values():
        assert part.lengths.tolist() == DATA.x.lengths.tolist()
    first = next(iter(found))
    broken = Sequences(found[first].values + 0.5, found[first].offsets)
    assert type(found)(**(vars(found) | {"parts": {**found, first: broken}})).difference > 1e-3


def test_gates_are_those_of_the_network() -> None:
    """The output taken apart is what `embed` gives, and gates lie between 0 and 1."""
    classifier = fit("bilstm(3, output=every) pool(mean)")
    both = classifier.embed(DATA, layer="bilstm_1", how="every")
    assert isinstance(both, Sequences)
    ahead, back = (gates(classifier, DATA, direction=d) for d in ("forward", "backward"))  # type: ignore[arg-type]
    np.testing.assert_allclose(ahead.output.values, both.values[:, :3], atol=1e-6)
    np.testing.assert_allclose(back.output.values, both.values[:, 3:], atol=1e-6)
    for name in ("input_gate", "forget_gate", "output_gate"):
        assert ahead[name].values.min() > 0
        assert ahead[name].values.max() < 1


def test_gates_of_one_sequence_do_not_depend_on_the_others() -> None:
    """Padding never matters, here neither."""
    classifier = fit("bilstm(3)")
    together = gates(classifier, DATA.x, direction="backward")
    alone = gates(classifier, DATA.x[5:6], direction="backward")
    for name in together:
        np.testing.assert_allclose(together[name][5], alone[name][0], atol=1e-6)


def test_the_only_recurrent_layer_need_not_be_named() -> None:
    """Of two, or of none, the message lists those that there are."""
    assert gates(fit("gru(2) dense(4)"), DATA.x).layer == "gru_1"
    with pytest.raises(OptionError, match=r"Which layer\? .*: gru_1, lstm_1"):
        gates(fit("gru(2) lstm(2)"), DATA.x)
    with pytest.raises(OptionError, match=r"dense_1 has no gates. .*: gru_1"):
        gates(fit("gru(2) dense(4)"), DATA.x, layer="dense_1")
    with pytest.raises(SpecError, match='Did you mean "gru_1"'):
        gates(fit("gru(2) dense(4)"), DATA.x, layer="gru1")


def test_directions_that_are_not_there() -> None:
    """A layer that goes forward only, and a word that is none."""
    with pytest.raises(OptionError, match="gru_1 goes forward only"):
        gates(fit("gru(2)"), DATA.x, direction="backward")
    with pytest.raises(OptionError, match="expected 'forward' or 'backward'"):
        gates(fit("bigru(2)"), DATA.x, direction="both")  # type: ignore[arg-type]


# -- integrated gradients -----------------------------------------------------------------------


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "network",
    [
        "lstm(6)",
        "bigru(4) dense(5, tanh)",
        "gru(4) dense(8, relu)",
        "rnn(4, activation=relu) pool(max)",
        "conv(4, 3) batchnorm relu pool(mean)",
        "position attention(1) pool(mean)",
    ],
)
def test_shares_add_up_to_the_change_of_the_logit(network: str) -> None:
    """Completeness, within the tolerance asked for and a little for kinks."""
    classifier = fit(network, epochs=20)
    found = integrated_gradients(classifier, DATA.x)
    assert found.difference < 5e-3
    assert np.abs(found.change).max() > 0.2
    logits = classifier.embed(DATA.x, layer="head")
    nothing = classifier.preparation_.fitted[0]["mean"]
    empty = [np.tile(nothing, (len(s), 1)) for s in DATA.x]
    codes = classifier.predict_proba(DATA.x).argmax(axis=1)
    change = (logits - classifier.embed(empty, layer="head"))[np.arange(24), codes]
    np.testing.assert_allclose(found.change, change, atol=1e-4)


def test_a_linear_model_is_explained_exactly() -> None:
    """The mean of the steps times weights: the share of each value is known."""
    classifier = fit("pool(mean)", epochs=20)
    found = integrated_gradients(classifier, DATA.x, target="b", steps=1)
    weights = classifier.network_.get_weights()["head/kernel"][:, 1]
    for shares, steps in zip(found.values, classifier.preparation_.apply(DATA.x), strict=True):
        np.testing.assert_allclose(shares, steps * weights / len(steps), atol=1e-5)
    assert found.targets.tolist() == ["b"] * 24


@pytest.mark.parametrize("method", [integrated_gradients, occlusion])
def test_shares_do_not_depend_on_batch_mates(method: object) -> None:
    """Each sequence alone gets the shares that it gets among others."""
    classifier = fit("bilstm(3) dense(4, relu)")
    together = method(classifier, DATA.x)  # type: ignore[operator]
    for number in (0, 1, 7):
        alone = method(classifier, DATA.x[number : number + 1])  # type: ignore[operator]
        np.testing.assert_allclose(together.values[number], alone.values[0], atol=1e-5)
    assert together.values.lengths.tolist() == DATA.x.lengths.tolist()


def test_one_logit_is_explained_from_both_sides() -> None:
    """What speaks for one of two classes speaks against the other."""
    data = tiny_dataset(24)
    classifier = fit("gru(3)", data)
    up, down = (integrated_gradients(classifier, data.x, target=c) for c in ("up", "down"))
    np.testing.assert_allclose(up.values.values, -down.values.values, atol=1e-6)
    np.testing.assert_allclose(up.change, -down.change, atol=1e-6)
    assert up.values.values.max() > 0.01


def test_tokens_get_one_share_each() -> None:
    """The features of a word's vector are summed; the shares still add up."""
    data = tiny_dataset(24, tokens=6)
    classifier = fit("embedding(4) gru(3)", data)
    found = integrated_gradients(classifier, data.x)
    assert found.values.channels == 1
    assert found.difference < 1e-3
    assert occlusion(classifier, data.x).values.channels == 1


def test_masks_of_missing_values_are_channels_too() -> None:
    """What the network sees is explained, and named."""
    data = tiny_dataset(24, missing=0.2)
    found = integrated_gradients(fit("gru(3)", data), Dataset(data.x, channels=("left", "right")))
    assert found.channels == ("left", "right", "left missing", "right missing")
    assert found.values.channels == 4


# -- occlusion ----------------------------------------------------------------------------------


def test_hidden_pieces_are_hidden() -> None:
    """Against hiding by hand: each piece replaced by the mean of training."""
    classifier = fit("lstm(4)")
    x = DATA.x[:1]
    found = occlusion(classifier, x, width=2, target="c").values[0]
    mean = classifier.preparation_.fitted[0]["mean"]
    logit = classifier.embed(x, layer="head")[0, 2]
    for first in range(0, len(x[0]), 2):
        for channel in range(2):
            hidden = x[0].copy()
            hidden[first : first + 2, channel] = mean[channel]
            fall = logit - classifier.embed([hidden], layer="head")[0, 2]
            np.testing.assert_allclose(found[first : first + 2, channel], fall, atol=1e-5)


def test_channels_together_and_everything_at_once() -> None:
    """One piece as long as the sequence hides all: the fall is the whole change."""
    found = occlusion(fit("gru(3)"), DATA.x, width=100, channels="together")
    assert found.values.channels == 1
    first = np.array([steps[0, 0] for steps in found.values])
    np.testing.assert_allclose(first, found.change, atol=1e-5)


# -- targets and arguments ----------------------------------------------------------------------


def test_the_predicted_class_is_explained_unless_another_is_named() -> None:
    """One for all or one for each; what is no class is refused."""
    classifier = fit("gru(3)")
    predicted = integrated_gradients(classifier, DATA.x)
    assert predicted.targets.tolist() == classifier.predict(DATA.x).tolist()
    given = integrated_gradients(classifier, DATA.x, target=DATA.y)
    assert given.targets.tolist() == DATA.y.tolist()
    with pytest.raises(DataError, match="there is no class 'd'"):
        integrated_gradients(classifier, DATA.x, target="d")
    with pytest.raises(DataError, match=r"shape \(2,\); expected one class, or 24"):
        integrated_gradients(classifier, DATA.x, target=["a", "b"])


def test_arguments_that_mean_nothing() -> None:
    """Refused with what was expected."""
    classifier = fit("gru(2)")
    with pytest.raises(OptionError, match="`steps` is 0"):
        integrated_gradients(classifier, DATA.x, steps=0)
    with pytest.raises(OptionError, match="`tolerance` is 0"):
        integrated_gradients(classifier, DATA.x, tolerance=0)
    with pytest.raises(OptionError, match="`width` is 0"):
        occlusion(classifier, DATA.x, width=0)
    with pytest.raises(OptionError, match="expected 'each' or 'together'"):
        occlusion(classifier, DATA.x, channels="all")  # type: ignore[arg-type]


def test_a_number_in_quotes_is_no_class() -> None:
    data = Dataset(DATA.x, np.arange(len(DATA)) % 2)
    classifier = fit("gru(2)", data, epochs=1)
    with pytest.raises(DataError, match="no class '1'. The classes are numbers: leave out the quo"):
        integrated_gradients(classifier, data.x, target="1")


def test_nothing_of_the_network_is_changed() -> None:
    """Weights and answers stay as they were."""
    classifier = fit("gru(3) dense(3, relu)")
    before, weights = classifier.predict_proba(DATA.x), classifier.network_.get_weights()
    integrated_gradients(classifier, DATA.x)
    gates(classifier, DATA.x)
    for name, weight in classifier.network_.get_weights().items():
        np.testing.assert_array_equal(weight, weights[name])
    np.testing.assert_array_equal(classifier.predict_proba(DATA.x), before)
