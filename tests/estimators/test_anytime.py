"""Belief after each step is the answer to each prefix, in one pass or prefix by prefix."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from segue import SequenceClassifier, Sequences, TrainingOptions
from segue.data.dataset import Dataset
from segue.errors import DataError, NotCausalError, NotFittedError, OptionError
from segue.prepare.pipeline import every_th
from segue.testing.data import tiny_dataset

QUIET = TrainingOptions(progress="none")
CAUSAL = [
    "lstm(4)",
    "gru(3) dense(4, relu)",
    "rnn(3) gru(2) pool(max) dropout(0.2) dense(3, tanh)",
    "lstm(3, initial_state=learnt, output=every) pool(last)",
    "pool(mean)",
    "conv(4, 3, causal=true) batchnorm relu pool(attention)",
    "residual(conv(2, 3, causal=true)) lstm(3)",
    "parallel(lstm(2), conv(3, 2, causal=true) pool(max)) layernorm",
    "position attention(1, causal=true) pool(mean)",
]
NOT_CAUSAL = ["bilstm(3)", "conv(3, 3) pool(mean)", "conv(3, 2, stride=2) pool(max)"]


def fit(network: str, data: Dataset | None = None, **more: object) -> SequenceClassifier:
    """Two epochs: the weights are no longer those of the beginning."""
    data = tiny_dataset(24, classes=("a", "b", "c")) if data is None else data
    options = more.pop("options", QUIET)
    return SequenceClassifier(network, epochs=2, options=options, **more).fit(data)  # type: ignore[arg-type]


def of_prefixes(classifier: SequenceClassifier, x: Sequences, every: int = 1) -> Iterator[object]:
    """What the classifier says of each prefix when it is asked for it alone."""
    for steps in x:
        ends = sorted({*range(every, len(steps) + 1, every), len(steps)})
        yield np.concatenate([classifier.predict_proba([steps[:end]]) for end in ends])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("network", CAUSAL + NOT_CAUSAL)
def test_each_belief_is_the_answer_to_that_prefix(network: str) -> None:
    """Also the last one, which is that of the whole sequence; each row sums to one."""
    classifier = fit(network)
    x = tiny_dataset(10, seed=1).x
    beliefs = classifier.anytime(x)
    assert beliefs.lengths.tolist() == x.lengths.tolist()
    for found, wanted in zip(beliefs, of_prefixes(classifier, x), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    last = np.array([found[-1] for found in beliefs])
    np.testing.assert_allclose(last, classifier.predict_proba(x), atol=1e-6)
    np.testing.assert_allclose(beliefs.values.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("network", ["gru(3)", "bigru(3)"])
@pytest.mark.parametrize("every", [1, 2, 4, 100])
def test_every_thins_and_keeps_the_last(network: str, every: int) -> None:
    """After every so many steps, and after the last, both ways of computing it."""
    classifier = fit(network)
    x = tiny_dataset(6, seed=2).x
    for found, wanted in zip(
        classifier.anytime(x, every=every), of_prefixes(classifier, x, every), strict=True
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_steps_of_beliefs() -> None:
    """A multiple of `every` at the end does not count twice."""
    assert every_th(8, 4).tolist() == [4, 8]
    assert every_th(9, 4).tolist() == [4, 8, 9]
    assert every_th(1, 4).tolist() == [1]


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize("classes", [("a", "b"), ("a", "b", "c")])
def test_every_head(head: str, classes: tuple[str, ...]) -> None:
    """One logit for two classes, several, or independent ones."""
    data = tiny_dataset(24, classes=classes)
    classifier = fit("gru(3)", data, head=head)
    last = [belief[-1] for belief in classifier.anytime(data.x)]
    np.testing.assert_allclose(last, classifier.predict_proba(data.x), atol=1e-6)


@pytest.mark.parametrize("prepare", ["standardize", "none", "interpolate standardize"])
def test_each_prefix_is_prepared_for_itself(prepare: str) -> None:
    """Interpolation looks ahead, so it must not see what comes after the prefix."""
    data = tiny_dataset(24, missing=0.3, lengths=(4, 9))
    classifier = fit("gru(3)", data, prepare=prepare)
    x = data.x[:6]
    first = Sequences.from_list([np.where(np.arange(len(s))[:, None] == 0, 0, s) for s in x])
    for found, wanted in zip(
        classifier.anytime(first), of_prefixes(classifier, first), strict=True
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_gaps_that_training_did_not_have_are_not_filled_from_the_future() -> None:
    """They are interpolated: a causal network then has to see each prefix anew."""
    classifier = fit("gru(3)")
    x = Sequences.from_list([[[0.0, 1.0], [np.nan, 1.0], [9.0, 1.0]]])
    with pytest.warns(UserWarning, match="had none in training"):
        found = classifier.anytime(x)[0]
    with pytest.warns(UserWarning, match="had none in training"):
        wanted = next(of_prefixes(classifier, x))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_tokens() -> None:
    """A network that reads words believes something after each word."""
    data = tiny_dataset(24, tokens=6)
    classifier = fit("embedding(3) lstm(3)", data)
    for found, wanted in zip(
        classifier.anytime(data.x[:4]), of_prefixes(classifier, data.x[:4]), strict=True
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_the_cost_is_said_before(capsys: pytest.CaptureFixture[str]) -> None:
    """How many prefixes, how many steps, and which layer is the reason."""
    options = TrainingOptions(progress="lines")
    classifier = fit("bilstm(2)", options=options)
    capsys.readouterr()
    classifier.anytime([[[0.0, 1.0]] * 4, [[0.0, 1.0]] * 2])
    said = capsys.readouterr().err
    assert "bilstm_1 needs the whole sequence, so each of 6 prefixes is seen anew" in said
    assert "13 time steps in place of 6, 2 times the work" in said
    fit("lstm(2)", options=options)
    capsys.readouterr()
    fitted = fit("lstm(2)")
    fitted.anytime([[[0.0, 1.0]] * 4])
    assert capsys.readouterr().err == ""


def test_long_sequences_go_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the blocks of prefixes are, the beliefs are the same."""
    classifier = fit("bilstm(2)")
    x = tiny_dataset(5, seed=3).x
    whole = classifier.anytime(x)
    monkeypatch.setattr("segue.estimators.anytime._PREFIX_STEPS", 4)
    np.testing.assert_allclose(classifier.anytime(x).values, whole.values, atol=1e-6)


def test_a_layer_of_one_length_is_refused_by_name() -> None:
    """There is no belief after fewer steps than it takes."""
    data = tiny_dataset(24, lengths=(5, 5))
    with pytest.raises(NotCausalError, match="flatten_1 takes sequences of 5 steps only"):
        fit("flatten dense(3)", data).anytime(data.x)


@pytest.mark.parametrize("every", [0, -1, 1.5, True, "2"])
def test_every_must_be_a_number_of_steps(every: object) -> None:
    """Said with what came."""
    with pytest.raises(OptionError, match="expected a whole number of steps from 1 on"):
        fit("gru(2)").anytime([[[0.0, 1.0]]], every=every)  # type: ignore[arg-type]


def test_what_predict_refuses_is_refused() -> None:
    """Not fitted, or other channels than in training."""
    with pytest.raises(NotFittedError):
        SequenceClassifier("gru(2)").anytime([[0.0]])
    with pytest.raises(DataError, match="trained on 2 channels"):
        fit("gru(2)").anytime([[0.0, 1.0]])
