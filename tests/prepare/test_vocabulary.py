"""Texts become tokens: what a word is, what is learnt, what is unknown, and what is kept."""

from __future__ import annotations

import json
import threading
import time
import unicodedata
import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segue import Sequences
from segue.deadline import run_until
from segue.errors import DataError, OutOfTimeError, SpecError
from segue.prepare import Characters, NGrams, Preparation, Words
from segue.prepare import text as module
from segue.prepare.character_runs import Alphabet
from segue.prepare.text import FIRST, PADDING, UNKNOWN

TEXTS = ["To be, or not to be: that is the question.", "To sleep, perchance to dream."]


def prepared(prepare: str, texts: list[str] = TEXTS) -> Preparation:
    return Preparation.fit(prepare, Sequences.from_texts(texts))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop.", ["Don't", "stop", "."]),
        ("a well-known ‘fact’", ["a", "well-known", "‘", "fact", "’"]),
        ("$1,234.50 – no!", ["$", "1", ",", "234", ".", "50", "–", "no", "!"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("ich weiß’s nicht", ["ich", "weiß’s", "nicht"]),
        ("漢字です ok", ["漢", "字", "で", "す", "ok"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("-- 'tis", ["-", "-", "'", "tis"]),
        ("\t\n  ", []),
        ("", []),
        ("😀 x_1", ["😀", "x_1"]),
    ],
)
def test_what_a_word_is(text: str, words: list[str]) -> None:
    """Letters, digits and marks with apostrophes and hyphens inside; and each other mark."""
    assert Words().cut(text) == words


@given(st.text())
def test_nothing_but_space_is_lost(text: str) -> None:
    """The words of a text are all of it that is not white space."""
    assert "".join(Words().cut(text)) == "".join(text.split())


@given(
    st.lists(st.text(min_size=1), min_size=1, max_size=5),
    st.sampled_from([Words, Characters, NGrams]),
)
def test_a_token_for_each_step(texts: list[str], kind: type) -> None:
    """`tokens` says what each step of a prepared text is, and none of them is the padding."""
    x = Sequences.from_texts([*texts, "some words"])
    preparation = Preparation.fit(kind(min_count=1), x)
    done = preparation.apply(x)
    assert (done.values >= UNKNOWN).all()
    assert done.values.max() < (preparation.token_count or 0)
    for text, steps in zip(x.texts(), done, strict=True):
        assert [token.number for token in preparation.tokens(text)] == steps[:, 0].tolist()


def test_numbers_go_from_the_most_frequent_down() -> None:
    """0 is padding, 1 unknown; capitals count as small letters, ties go by the alphabet."""
    preparation = prepared("words(4, min_count=1)")
    assert preparation.fitted[0]["vocabulary"].tolist() == ["to", ",", ".", "be"]
    assert (PADDING, UNKNOWN, FIRST, preparation.token_count) == (0, 1, 2, 6)
    found = preparation.tokens("TO dream, be.")
    assert found[0] == ("TO", 2)
    assert [token.number for token in found] == [2, 1, 3, 5, 4]
    assert [token.is_known for token in found] == [True, False, True, True, True]


def test_what_is_rare_is_unknown_in_training_too() -> None:
    """So the vector of the unknown is learnt; and the line says how much that is."""
    preparation = prepared("words")
    assert preparation.fitted[0]["vocabulary"].tolist() == ["to", ",", ".", "be"]
    step, fitted = preparation.vocabulary or (Words(), {})
    assert step.describe(fitted) == (
        "4 of 14 different words in the training texts; 50 % of all words there are unknown"
    )


def test_the_vocabulary_is_that_of_the_training_texts() -> None:
    """A word that only comes later stays unknown."""
    later = prepared("words(min_count=1)").tokenized(Sequences.from_texts(["to hamlet"]))
    assert later.values[:, 0].tolist() == [2, UNKNOWN]


def test_forms_of_unicode_are_one() -> None:
    """An accent typed as one character or as two is the same; NFKC joins more, none nothing."""
    two, one = "e\u0301", "\u00e9"
    assert prepared("characters(min_count=1)", [one]).tokens(two)[0].is_known
    assert not prepared("characters(min_count=1, normalize=none)", [one]).tokens(two)[0].is_known
    assert not prepared("words(min_count=1)", ["file"]).tokens("ﬁle")[0].is_known
    assert prepared("words(min_count=1, normalize=NFKC)", ["file"]).tokens("ﬁle")[0].is_known
    assert unicodedata.normalize("NFC", two) == one


def test_a_text_without_words_is_one_unknown() -> None:
    done = prepared("words").tokenized(Sequences.from_texts([" ", "to"]))
    assert [steps[:, 0].tolist() for steps in done] == [[UNKNOWN], [2]]
    assert prepared("words").tokens(" ") == [("", UNKNOWN)]


def test_texts_become_words_where_nothing_is_said() -> None:
    """Standardizing, the default, says nothing of texts."""
    for prepare in ("standardize", "none", "words", None):
        assert str(Preparation.fit(prepare, Sequences.from_texts(TEXTS))) == "words"


def test_tokens_pass_as_they_are() -> None:
    """What is tokenized once is not tokenized again."""
    preparation = prepared("words")
    tokens = preparation.tokenized(Sequences.from_texts(TEXTS))
    assert preparation.apply(tokens) == tokens
    assert preparation.tokenized(tokens) is tokens


def test_blocks_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are added block by block."""
    x = Sequences.from_texts(TEXTS)
    whole = Preparation.fit("words", x)
    monkeypatch.setattr("segue.data.sequences.BLOCK_VALUES", 5)
    pieces = Preparation.fit("words", x)
    assert pieces.to_json() == whole.to_json()
    assert pieces.tokenized(x) == whole.tokenized(x)


def test_nothing_twice_keeps_everything() -> None:
    """So that two short texts can be tried at all; it is said."""
    with pytest.warns(UserWarning, match=r"No word .* occurs 2 times, so all are kept"):
        assert prepared("words", ["one two"]).token_count == 4


@pytest.mark.parametrize(
    "prepare", ["words(lower=false)", "characters(100)", "words(3)", "ngrams(words=1)"]
)
def test_json_brings_it_back(prepare: str) -> None:
    preparation = prepared(prepare)
    back = Preparation.from_json(json.loads(json.dumps(preparation.to_json())))
    assert back.tokens(TEXTS[0]) == preparation.tokens(TEXTS[0])
    assert str(back) == str(preparation)


@pytest.mark.parametrize(
    ("vocabulary", "seen"),
    [
        ([], [0, 0, 0]),
        (["a", "a"], [1, 1, 0]),
        (["a", ""], [1, 1, 0]),
        (["a", 3], [1, 1, 0]),
        ("ab", [1, 1, 0]),
        (["a", "b", "c", "d"], [4, 4, 0]),
        (["a"], [1, 1]),
        (["a"], [1.5, 1, 0]),
    ],
)
def test_a_vocabulary_that_cannot_have_been_learnt(vocabulary: object, seen: object) -> None:
    with pytest.raises(SpecError, match="words needs"):
        Words(size=3).restore({"vocabulary": vocabulary, "seen": seen}, 1)


def test_steps_are_for_their_own_kind() -> None:
    numbers = Sequences.from_list([[1.0, 2.0]])
    with pytest.raises(SpecError, match="`words` is for texts, and these sequences are numbers"):
        Preparation.fit("words", numbers)
    with pytest.raises(SpecError, match="`words` is for texts, and these sequences are tokens"):
        Preparation.fit("words", Sequences.from_list([[1]]), tokens=True)
    with pytest.raises(SpecError, match="`interpolate` is for numbers, and these .* are texts"):
        prepared("interpolate words")
    with pytest.raises(SpecError, match="has one step that makes tokens"):
        prepared("words characters")
    with pytest.raises(SpecError, match="the training texts have no words"):
        prepared("words", ["  ", "\n"])
    with pytest.raises(DataError, match="was not trained on texts, so it has no words"):
        Preparation.fit("none", numbers).tokens("a")
    with pytest.raises(DataError, match="was not trained on texts, and these sequences are"):
        Preparation.fit("none", numbers).check(Sequences.from_texts(["a"]))


def test_runs_of_words_and_of_characters() -> None:
    """Those of one text are those of each part of it, and some across."""
    steps = NGrams(words=2, characters=3)
    assert steps.cut("to be") == [
        " to ",
        " be ",
        " to be ",
        "to",
        "o ",
        " b",
        "be",
        "to ",
        "o b",
        " be",
    ]
    assert NGrams(words=0, characters=2).cut("abc") == ["ab", "bc"]
    assert NGrams(words=1, characters=0).cut("ab, c") == [" ab ", " , ", " c "]
    with pytest.raises(SpecError, match="words from 1 on, or characters from 2 on"):
        NGrams(words=0, characters=1)


@given(
    st.lists(st.text(st.sampled_from("ab cÄ\u0308é日 ’-."), max_size=30), min_size=1, max_size=9),
    st.integers(0, 3),
    st.integers(0, 5),
)
def test_runs_of_many_texts_are_numbered_at_once(
    texts: list[str], words: int, characters: int
) -> None:
    """As one by one: the vocabulary, its counts, and the tokens, also of texts that are new."""
    assume(words or characters > 1)
    step = NGrams(size=60, words=words, characters=characters)
    x = Sequences.from_texts([*texts, "ab ab ab"])
    new = Sequences.from_texts(["ab cdé", "", *texts[::-1]])
    both = (x.values, x.lengths), (new.values, new.lengths)
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patched:
        warnings.simplefilter("ignore")
        patched.setattr(module, "_MANY", 0)
        fitted = step.fit(lambda: [both[0]])
        found = [step.apply(one, fitted) for one in both]
        patched.setattr(Alphabet, "of", lambda *_: None)
        plain = step.fit(lambda: [both[0]])
        expected = [step.apply(one, plain) for one in both]
    assert fitted["vocabulary"].tolist() == plain["vocabulary"].tolist()
    assert fitted["seen"].tolist() == plain["seen"].tolist()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.parametrize("prepare", ["ngrams", "words", "characters"])
def test_texts_are_left_where_the_time_is_up(prepare: str) -> None:
    """Nothing goes on beside what follows, and makes it slow."""
    texts = Sequences.from_texts(["to be or not to be " * 50] * 5000)
    before = threading.active_count()
    with pytest.raises(OutOfTimeError):
        run_until(lambda: Preparation.fit(prepare, texts), time.perf_counter() + 0.05)
    left = time.perf_counter()
    while threading.active_count() > before:
        time.sleep(0.01)
    assert time.perf_counter() - left < 0.5


def test_alphabets_that_are_too_large_have_no_numbers() -> None:
    assert Alphabet.of(np.arange(1, 30_000), 5) is None
    assert Alphabet.of(np.arange(10), 2) is None  # NumPy's texts do not end with a zero
    assert Alphabet.of(np.arange(1, 30_000), 4) is not None
