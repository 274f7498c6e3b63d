"""Texts go into fit and predict as they are, and what comes out is about their words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import segue
from segue import Dataset, SequenceClassifier, Sequences
from segue.errors import DataError, ModelFileError, SpecError
from segue.estimators.files import read as read_model
from segue.estimators.files import write
from segue.evaluation.explain import integrated_gradients, occlusion

Quick = Callable[..., SequenceClassifier]
X = ["the cat sat on the mat", "a dog ran in the park", "the cat sleeps", "the dog barks"] * 6
Y = ["cat", "dog", "cat", "dog"] * 6
NEW = ["where is the cat ?", "dog"]


@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        np.array,
        lambda x: np.array(x, object),
        lambda x: np.array(x)[:, None],
        pd.Series,
        Sequences.from_texts,
    ],
    ids="list tuple str object column pandas sequences".split(),
)
def test_every_form_of_texts_is_the_same(quick: Quick, form: Callable[..., object]) -> None:
    """The same bits come out of a list, NumPy's and pandas' texts, and Sequences."""
    wanted = quick(epochs=1).fit(X, Y).predict_proba(NEW)
    got = quick(epochs=1).fit(form(X), Y).predict_proba(form(NEW))
    np.testing.assert_array_equal(got, wanted)


def test_words_are_learnt(quick: Quick) -> None:
    """An animal tells the class; the network gets an embedding of its own, and both are said."""
    classifier = quick("gru(8)", epochs=40, learning_rate=0.02).fit(X, Y)
    assert classifier.predict(["I saw a cat", "the dog"]).tolist() == ["cat", "dog"]
    said = dict(classifier.training_summary_)
    assert said["preparation"] == "words"
    assert said["text"].startswith("words: ")
    assert said["network"] == "embedding_1(64) gru(8)" or "embedding(64)" in said["network"]
    assert classifier.network_.input_shape.tokens == classifier.preparation_.token_count


@pytest.mark.parametrize(
    ("network", "wanted"),
    [
        ("gru(3)", ["embedding_1", "gru_1", "head"]),
        ("embedding(5) pool(mean)", ["embedding_1", "pool_1", "head"]),
        ("parallel(embedding(2), embedding(3)) gru(2)", ["parallel_1", "gru_1", "head"]),
    ],
)
def test_an_embedding_comes_first_where_none_is(
    quick: Quick, network: str, wanted: list[str]
) -> None:
    assert quick(network, epochs=1).fit(X, Y).network_.names == wanted


@pytest.mark.parametrize("prepare", ["words(6)", "characters"])
def test_a_file_keeps_the_vocabulary(quick: Quick, tmp_path: Path, prepare: str) -> None:
    classifier = quick(prepare=prepare).fit(X, Y)
    classifier.save(tmp_path / "m.safetensors")
    loaded = segue.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(NEW), classifier.predict_proba(NEW))
    assert loaded.preparation_.tokens(NEW[0]) == classifier.preparation_.tokens(NEW[0])


def test_a_file_whose_tokens_do_not_agree_is_refused(quick: Quick, tmp_path: Path) -> None:
    """The vocabulary says how many tokens there are."""
    path = tmp_path / "m.safetensors"
    quick().fit(X, Y).save(path)
    description, tensors = read_model(path)
    description.preparation["fitted"][0]["vocabulary"].append("zebra")  # type: ignore[union-attr]
    write(path, description, tensors)
    with pytest.raises(ModelFileError, match="the texts become"):
        segue.load(path)


def test_only_the_training_part_is_learnt_from(quick: Quick) -> None:
    """Words of the test part are unknown."""
    data = Dataset(
        Sequences.from_texts([*X, "zebra zebra", "zebra"]),
        [*Y, "cat", "dog"],
        parts=np.array(["train"] * len(X) + ["test"] * 2),
    )
    classifier = quick().fit(data)
    assert [t.is_known for t in classifier.preparation_.tokens("the zebra")] == [True, False]


def test_padding_and_batch_mates_do_not_matter(quick: Quick) -> None:
    """One text alone and beside longer ones gives the same."""
    classifier = quick("bigru(4)").fit(X, Y)
    alone = np.concatenate([classifier.predict_proba([text]) for text in X[:4]])
    np.testing.assert_allclose(alone, classifier.predict_proba(X[:4]), atol=1e-6)


@pytest.mark.parametrize("network", ["gru(4)", "bigru(4)"])
@pytest.mark.parametrize("prepare", ["words", "characters"])
def test_belief_after_each_word(quick: Quick, network: str, prepare: str) -> None:
    """In one pass or prefix by prefix, each belief is that of the text up to this word."""
    classifier = quick(network, prepare=prepare).fit(X, Y)
    text = "the cat, the dog"
    tokens = classifier.preparation_.tokens(text)
    (found,) = classifier.anytime([text])
    assert len(found) == len(tokens)
    prefixes = ["the", "the cat", "the cat,", "the cat, the", text]
    if prepare == "characters":
        prefixes = [text[: i + 1] for i in range(len(text))]
    np.testing.assert_allclose(found, classifier.predict_proba(prefixes), atol=1e-5)
    assert len(classifier.anytime([text], every=2)[0]) == -(-len(tokens) // 2)


@pytest.mark.parametrize("prepare", ["words", "characters"])
def test_a_stream_of_words(quick: Quick, prepare: str) -> None:
    """A step is a word, or a character; their numbers do as well."""
    classifier = quick("gru(4)", prepare=prepare).fit(X, Y)
    text = "the cat is a zebra"
    stream, numbered = classifier.stream(), classifier.stream()
    for token in classifier.preparation_.tokens(text):
        found = stream.push(token.text)
        np.testing.assert_array_equal(numbered.push(token.number), found)
    np.testing.assert_allclose(found, classifier.predict_proba([text])[0], atol=1e-5)
    steps = stream.steps
    with pytest.raises(DataError, match=f"A step is 'two cats', . {prepare}|8 characters"):
        stream.push("two cats")
    with pytest.raises(DataError, match=f"A step is '', 0 {prepare}"):
        stream.push("")
    assert stream.steps == steps


def test_explanations_are_of_words(quick: Quick) -> None:
    """One share for each word."""
    classifier = quick("gru(4)").fit(X, Y)
    for found in (occlusion(classifier, NEW), integrated_gradients(classifier, NEW, steps=4)):
        assert found.values.lengths.tolist() == [5, 1]


def test_numbers_can_be_learnt_of_texts() -> None:
    """Without the linear model beside, which knows no words."""
    options = segue.TrainingOptions(progress="none")
    regressor = segue.SequenceRegressor("gru(3)", epochs=1, options=options)
    regressor.fit(X, np.arange(len(X), dtype=float))
    assert regressor.predict(NEW).shape == (2,)


def test_a_mapped_data_set_learns_the_same(quick: Quick, tmp_path: Path) -> None:
    data = Dataset(Sequences.from_texts(X), Y)
    data.write(tmp_path / "t.arrow")
    mapped = Dataset.open(tmp_path / "t.arrow")
    assert mapped.x.is_mapped
    got = quick(epochs=1).fit(mapped).predict_proba(NEW)
    assert got.shape == (2, 2)


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda c: c.fit(["a", 3.0, "b"], ["x", "y", "x"]), DataError, "Text 1 is 3.0 .float."),
        (lambda c: c.fit("one text", ["x"]), DataError, "a list of .* arrays or of texts"),
        (lambda c: c.fit(["a", ""], ["x", "y"]), DataError, "have length 0 .the first is number 1"),
        (
            lambda c: c.fit([[1.0], [2.0]] * 2, Y[:4]).predict(["a"]),
            DataError,
            "not trained on texts",
        ),
        (lambda c: c.fit(X, Y).predict([[1.0]]), DataError, "was trained on texts; .* are numbers"),
        (
            lambda c: segue.SequenceLabeler("gru(2)").fit(X, [[0] * len(text) for text in X]),
            DataError,
            "a SequenceLabeler takes numbers",
        ),
        (
            lambda c: segue.Forecaster("gru(2)").fit(Sequences.from_texts(X)),
            DataError,
            "a Forecaster takes numbers",
        ),
        (
            lambda c: c.set_params(prepare="frame(2)").fit(X, Y),
            SpecError,
            "unknown preparation step|is for numbers",
        ),
    ],
)
def test_mistakes(
    quick: Quick, ask: Callable[..., object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        ask(quick(epochs=1))


# -- the vectors of another vocabulary ------------------------------------------------------------

OTHERS = ["a cow sat on the mat", "the dog ran", "a cow sleeps in the park", "dog and cat"] * 6


@pytest.fixture(scope="module")
def of_others() -> SequenceClassifier:
    """Of texts with some words that `X` does not have, and without some that it has."""
    options = segue.TrainingOptions(progress="none")
    one = SequenceClassifier("gru(3)", epochs=2, validation=None, options=options)
    return one.fit(OTHERS, ["cow", "dog"] * 12)


def vectors(classifier: SequenceClassifier) -> dict[str, list[float]]:
    """By word."""
    preparation = classifier.preparation_
    assert preparation.vocabulary is not None
    step, fitted = preparation.vocabulary
    values = classifier.network_.get_weights()["embedding_1/embeddings"]
    return dict(zip(step.names(fitted).tolist(), values.tolist(), strict=True))


@pytest.mark.parametrize("form", ["estimator", "file"])
def test_words_keep_their_vectors_in_another_vocabulary(
    quick: Quick, of_others: SequenceClassifier, form: str, tmp_path: Path
) -> None:
    """By the word, not by its number; words that are new keep the vectors they are born with."""
    initial: object = of_others
    if form == "file":
        of_others.save(tmp_path / "model.safetensors")
        initial = tmp_path / "model.safetensors"
    still: dict[str, Any] = {"epochs": 1, "learning_rate": 1e-30}
    born = vectors(quick("gru(3)", **still).fit(X, Y))
    with pytest.warns(
        UserWarning, match="classes of `initial` are 'cow', 'dog'; those of the data"
    ):
        begun = quick("gru(3)", **still).fit(X, Y, initial=initial)
    theirs, found = vectors(of_others), vectors(begun)
    both = found.keys() & theirs.keys()
    assert {"the", "dog", "cat", "<unknown>"} <= both
    assert {"where", "barks"} & found.keys() == {"barks"}
    for word, vector in found.items():
        np.testing.assert_allclose(vector, (theirs if word in both else born)[word], atol=1e-12)
    assert dict(begun.training_summary_)["initial weights"] == (
        f"embedding_1, gru_1 taken (vectors of {len(both)} tokens of {len(found)}); head new"
    )


def test_characters_are_no_words(quick: Quick, of_others: SequenceClassifier) -> None:
    """Though "a" is both: the vectors of a model of words mean nothing to one of characters."""
    with pytest.warns(UserWarning, match="The head begins anew"):
        begun = quick("gru(3)", epochs=1, prepare="characters").fit(X, Y, initial=of_others)
    assert dict(begun.training_summary_)["initial weights"] == "gru_1 taken; embedding_1, head new"
