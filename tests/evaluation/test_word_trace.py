"""How the belief of a classifier goes along a text: in lines, in a picture, in the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segue import Dataset, SequenceClassifier, Sequences, TrainingOptions, evaluate, plots
from segue.errors import DataError
from segue.evaluation import read_along
from segue.plots.explanations import rows_of_words

X = ["the cat sat on the mat", "a dog ran in the park", "the cat sleeps", "the dog barks"] * 5
Y = ["cat", "dog", "cat", "dog"] * 5
OPTIONS = TrainingOptions(progress="none")


def fit(network: str = "gru(4)") -> SequenceClassifier:
    return SequenceClassifier(network, epochs=2, options=OPTIONS).fit(X, Y)


@pytest.mark.parametrize("network", ["gru(4)", "bigru(3)"])
def test_a_belief_for_each_word(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The last is the answer; a shorter look ends earlier; nothing is printed."""
    classifier = fit(network)
    texts = ["the cat saw a zebra", "dog"]
    whole = read_along(classifier, texts, ["cat", "dog"])
    answers = classifier.predict_proba(texts)
    for found, answer in zip(whole, answers, strict=True):
        np.testing.assert_allclose(found.probabilities[-1], answer, atol=1e-5)
    assert [token.text for token in whole[0].tokens] == texts[0].split()
    assert whole[0].target == "cat"
    (short, _) = read_along(classifier, texts, words=2)
    np.testing.assert_allclose(short.probabilities, whole[0].probabilities[:2], atol=1e-6)
    assert capsys.readouterr() == ("", "")
    with pytest.warns(DeprecationWarning, match="`beliefs` of a Reading is now `probabilities`"):
        assert short.beliefs is short.probabilities


def test_as_lines() -> None:
    """A line a word, with a bar; what is unknown stands in brackets."""
    (found,) = read_along(fit(), ["the zebra"])
    first, second = str(found).splitlines()
    assert first.startswith("the      ")
    assert second.startswith("(zebra)  ")
    assert first.endswith(" %")


def test_as_a_picture() -> None:
    """Rows of words below steps of belief; a long text has several rows."""
    (found,) = read_along(fit(), ["the cat \n sat on the mat " * 6], ["cat"])
    axes = found.plot()
    assert len(axes) == len(rows_of_words([token.text for token in found.tokens])) == 2
    written = [text.get_text() for one in axes for text in one.texts]
    assert written == [token.text for token in found.tokens]
    axes[0].figure.canvas.draw()


@pytest.mark.slow
def test_the_report_shows_some(tmp_path: Path) -> None:
    data = Dataset(Sequences.from_texts(X), Y, name="pets")
    evaluation = evaluate(fit(), data)
    assert 1 <= len(evaluation.readings) <= 3
    evaluation.to_html(tmp_path / "r.html", train=data)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Probabilities along some texts" in page
    assert "sat on the mat" in page


def test_a_data_set_of_texts_can_be_drawn() -> None:
    """Lengths in words, and the beginnings of the texts."""
    data = Dataset(Sequences.from_texts([*X, "word " * 900]), [*Y, "cat"])
    figure = plots.overview(data, samples=2)
    figure.canvas.draw()
    assert plots.plot_lengths(data).get_xlabel() == "length (words)"
    axes = plots.plot_sequences(data, samples=6)
    written = [one.texts[0].get_text() for one in axes.flat if one.texts]
    assert any(text.endswith("…") for text in written)
    assert data.summary().words == (3, 6.0, 900)


def test_what_is_no_text() -> None:
    numbers = SequenceClassifier("gru(2)", epochs=1, options=OPTIONS).fit([[1.0], [2.0]] * 4, Y[:8])
    with pytest.raises(DataError, match="was not trained on texts; `anytime` takes"):
        read_along(numbers, [[1.0]])
    with pytest.raises(DataError, match="`texts` are numbers; expected texts"):
        read_along(fit(), [[1.0]])
