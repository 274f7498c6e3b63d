"""`embed` gives what a layer says, by its own name, one row for each sequence in order."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segue import SequenceClassifier, Sequences, TrainingOptions
from segue.errors import OptionError, SpecError
from segue.layers import Padded
from segue.testing.data import tiny_dataset

DATA = tiny_dataset(24, seed=4)


def fit(network: str) -> SequenceClassifier:
    """One epoch is enough."""
    options = TrainingOptions(progress="none")
    return SequenceClassifier(network, epochs=1, prepare="none", options=options).fit(DATA)


def outputs(classifier: SequenceClassifier, steps: object, count: int) -> object:
    """What the first so many layers make of one sequence, run by hand."""
    signal: object = Padded(torch.tensor(np.array(steps))[None], torch.tensor([len(steps)]))  # type: ignore[arg-type]
    with torch.no_grad():
        for layer in list(classifier.network_.to_torch().chain)[:count]:
            signal = layer(signal)
    return signal


def test_a_layer_that_ends_the_sequence() -> None:
    """One row each, those of the user's own name too, in the order of the sequences."""
    classifier = fit("lstm(5, name=memory) dense(3, tanh)")
    found = classifier.embed(DATA, layer="memory")
    assert found.shape == (24, 5)
    for row, steps in zip(found, DATA.x, strict=True):
        np.testing.assert_allclose(row, outputs(classifier, steps, 1)[0], atol=1e-6)  # type: ignore[index]
    logits = classifier.embed(DATA.x, layer="head")
    wanted = 1 / (1 + np.exp(-logits[:, 0]))
    np.testing.assert_allclose(wanted, classifier.predict_proba(DATA.x)[:, 1], atol=1e-6)


def test_a_layer_that_gives_every_step() -> None:
    """Its last real step (all of the sequence has been seen there), the mean, or every step."""
    classifier = fit("gru(4) dense(3, relu) pool(mean)")
    every = classifier.embed(DATA, layer="gru_1", how="every")
    assert isinstance(every, Sequences)
    assert every.lengths.tolist() == DATA.x.lengths.tolist()
    for steps, given in zip(every, DATA.x, strict=True):
        wanted = outputs(classifier, given, 1).values[0]  # type: ignore[attr-defined]
        np.testing.assert_allclose(steps, wanted, atol=1e-6)
    last = np.array([steps[-1] for steps in every])
    np.testing.assert_allclose(classifier.embed(DATA, layer="gru_1"), last, atol=1e-6)
    np.testing.assert_allclose(classifier.embed(DATA, layer="gru_1", how="last"), last, atol=1e-6)
    means = np.array([steps.mean(axis=0) for steps in every])
    np.testing.assert_allclose(classifier.embed(DATA, "gru_1", how="mean"), means, atol=1e-6)


def test_both_directions_are_taken_where_they_have_seen_everything() -> None:
    """Forward at the end, backward at the beginning: what the layer would say as a last layer."""
    classifier = fit("bilstm(3, output=every) pool(mean)")
    alone = fit("bilstm(3)")
    alone.network_.set_weights(classifier.network_.get_weights())
    found = classifier.embed(DATA, layer="bilstm_1")
    np.testing.assert_allclose(found, alone.embed(DATA, layer="bilstm_1"), atol=1e-6)


def test_directions_that_are_kept_apart() -> None:
    """Their features stand side by side."""
    classifier = fit("bigru(3, merge=none) bigru(2)")
    every = classifier.embed(DATA, layer="bigru_1", how="every")
    assert isinstance(every, Sequences)
    ends = [np.concatenate([steps[-1, :3], steps[0, 3:]]) for steps in every]
    np.testing.assert_allclose(classifier.embed(DATA, layer="bigru_1"), ends, atol=1e-6)


def test_what_has_not_seen_everything_gives_its_mean() -> None:
    """The last step of a layer behind a bidirectional one is refused, with what to take."""
    classifier = fit("bilstm(3) dense(4) pool(mean)")
    mean = classifier.embed(DATA, layer="dense_1", how="mean")
    np.testing.assert_array_equal(classifier.embed(DATA, layer="dense_1"), mean)
    with pytest.raises(OptionError, match=r"dense_1.*not causal.*Take how='mean'"):
        classifier.embed(DATA, layer="dense_1", how="last")


def test_a_layer_inside_another() -> None:
    """By its path, as the summary shows it."""
    classifier = fit("residual(gru(2)) pool(mean)")
    assert classifier.embed(DATA, layer="residual_1/gru_1").shape == (24, 2)


def test_a_near_miss_is_suggested() -> None:
    """The names that there are are known."""
    with pytest.raises(SpecError, match="there is no layer 'memry'. Did you mean \"memory\"?"):
        fit("lstm(2, name=memory)").embed(DATA, layer="memry")


def test_what_means_nothing_is_refused() -> None:
    """A word that is none, or steps of a layer that has none."""
    classifier = fit("gru(2) dropout(0.1) lstm(2)")
    with pytest.raises(OptionError, match="expected auto, last, mean or every"):
        classifier.embed(DATA, layer="gru_1", how="first")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"lstm_1 has one output.*gru_1, dropout_1"):
        classifier.embed(DATA, layer="lstm_1", how="every")
