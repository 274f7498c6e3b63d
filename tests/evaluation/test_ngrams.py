"""Counted words: Kneser-Ney against its formula word by word, and the scores of language models."""

from __future__ import annotations

import doctest
import json
from collections import Counter
from functools import cache
from pathlib import Path

import kneser_ney
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kneser_ney import NGram, _discounts, ngram

import segue
from segue import Dataset, LanguageModel, Sequences, TrainingOptions, plots
from segue.errors import DataError, OptionError

TEXTS = [
    " ".join(
        "the cat sat on a mat and saw two dogs who ran".split()[(k * n) % 11 - k % 3]
        for k in range(9)
    )
    for n in range(1, 15)
]


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    options = TrainingOptions(progress="none")
    return LanguageModel("gru(4)", prepare="words(8)", epochs=1, options=options).fit(TEXTS)


def by_the_book(texts: list[list[int]], order: int, tokens: int, found: NGram):  # type: ignore[no-untyped-def]
    """Chen & Goodman's interpolated form with dictionaries, one probability at a time."""
    grams = [
        tuple(padded[i - k + 1 : i + 1])
        for text in texts
        for padded in [[0] * (order - 1) + text + [0]]
        for i in range(order - 1, len(padded))
        for k in range(1, order + 1)
    ]
    raw = Counter(grams)
    before: dict[tuple[int, ...], set[int]] = {}
    for gram in raw:
        if len(gram) > 1:
            before.setdefault(gram[1:], set()).add(gram[0])

    def count(gram: tuple[int, ...]) -> int:
        begins = len(gram) > 1 and gram[0] == 0  # nothing stands before the beginning
        if len(gram) == order or begins:
            return raw[gram]
        return len(before.get(gram, ()))

    def off(gram: tuple[int, ...]) -> float:
        return (0.0, *found.discounts[len(gram) - 1])[min(3, count(gram))]

    @cache
    def share(gram: tuple[int, ...]) -> float:
        if not gram:
            return 1 / tokens
        rivals = [g for g in raw if len(g) == len(gram) and g[:-1] == gram[:-1]]
        if not rivals:
            return share(gram[1:])
        total = sum(map(count, rivals))
        spared = sum(map(off, rivals)) / total
        own = (count(gram) - off(gram)) / total if gram in raw else 0.0
        return own + spared * share(gram[1:])

    return share


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_every_probability_is_that_of_the_formula(model: LanguageModel, order: int) -> None:
    found = ngram(TEXTS, order, like=model)
    new = ["two dogs sat on the cat", "zebra zebra", TEXTS[3], "a"]
    numbers = {t: [k.number for k in model.preparation_.tokens(t)] for t in [*TEXTS, *new]}
    share = by_the_book([numbers[t] for t in TEXTS], order, len(model.classes_), found)
    for text, logs in zip(new, found.log_probability(new), strict=True):
        padded = [0] * (order - 1) + numbers[text] + [0]
        wanted = [share(tuple(padded[i : i + order])) for i in range(len(logs))]
        np.testing.assert_allclose(np.exp(logs), wanted, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
@settings(max_examples=20, deadline=None)
@given(history=st.lists(st.integers(0, 9), min_size=2, max_size=2))
def test_the_probabilities_of_all_tokens_sum_to_one(
    model: LanguageModel, order: int, history: list[int]
) -> None:
    """After whatever came before, also what was never seen."""
    found = ngram(TEXTS, order, like=model)
    windows = np.array([[*history, token] for token in range(found.tokens)])[:, 3 - order :]
    shares = found.shares(windows)
    assert shares.min() > 0
    assert shares.sum() == pytest.approx(1, abs=1e-12)


def test_the_discounts_follow_from_the_counts() -> None:
    """Equation 17 of Chen & Goodman, worked out by hand; too few n-grams leave the usual one."""
    y = 80 / (80 + 2 * 30)
    wanted = (1 - 2 * y * 30 / 80, 2 - 3 * y * 20 / 30, 3 - 4 * y * 10 / 20)
    counts = np.repeat([1, 2, 3, 4, 9], [80, 30, 20, 10, 5])
    assert _discounts(counts) == pytest.approx(wanted)
    assert _discounts(np.array([1, 1, 2])) == (0.5, 0.5, 0.5)


def test_a_unigram_knows_frequencies_only(model: LanguageModel) -> None:
    """The order of words plays no role to it, and to a bigram it does."""
    straight, turned = ["the cat sat on a mat"], ["mat a on sat cat the"]
    one, two = (ngram(TEXTS, order, like=model) for order in (1, 2))
    assert one.perplexity(straight) == pytest.approx(one.perplexity(turned))
    assert two.perplexity(straight) != pytest.approx(two.perplexity(turned))
    assert repr(two) == "NGram(order=2, tokens=10)"


@pytest.mark.parametrize("order", [0, 1.5, True, 100])
def test_an_order_that_means_nothing_is_refused(model: LanguageModel, order: int) -> None:
    with pytest.raises(OptionError, match=f"order`? ?(is|=) ?{order}"):
        ngram(TEXTS, order, like=model)


def test_the_examples_of_the_docstrings_run() -> None:
    assert doctest.testmod(kneser_ney).failed == 0


def test_the_former_name_says_where_it_is() -> None:
    with pytest.raises(AttributeError, match="ngram has moved: it is in recipes/kneser_ney"):
        segue.evaluation.ngram  # noqa: B018


def test_only_texts_can_be_counted(model: LanguageModel) -> None:
    with pytest.raises(DataError, match="trained on texts"):
        ngram([[1.0, 2.0]], like=model)


# -- the scores of a language model ---------------------------------------------------------------


@pytest.fixture(scope="module")
def scored(model: LanguageModel) -> Dataset:
    texts = [*TEXTS, "two cats sat on the zebra", "a mat"]
    parts = np.array(["train"] * len(TEXTS) + ["test"] * 2)
    return Dataset(Sequences.from_texts(texts), parts=parts, name="cats")


def test_perplexity_stands_beside_that_of_the_frequencies(
    model: LanguageModel, scored: Dataset
) -> None:
    """All tokens and ends count; those that are unknown are told, and left out of one number."""
    scores = segue.evaluate(model, scored)
    logs = np.concatenate(model.log_probability(scored.part("test")))
    known = [
        t.is_known
        for text in scored.part("test").x.texts()
        for t in (*model.preparation_.tokens(text), None)
        if t
    ]
    assert scores.perplexity == pytest.approx(np.exp(-logs.mean()))
    assert scores.metrics()["tokens"] == len(logs) == len(known) + 2
    assert scores.unknown == known.count(False) > 0
    assert scores.known_perplexity == pytest.approx(np.exp(-logs[scores.known].mean()))
    counts = model.token_counts_ + 1
    tokens = [
        t.number for text in scored.part("test").x.texts() for t in model.preparation_.tokens(text)
    ]
    wanted = np.log(counts / counts.sum())[[*tokens, 0, 0]].mean()
    assert scores.baseline == pytest.approx(np.exp(-wanted))


@pytest.mark.usefixtures("empty_pictures")
def test_the_report_says_what_was_scored(
    model: LanguageModel, scored: Dataset, tmp_path: Path
) -> None:
    scores = segue.evaluate(model, scored)
    report = scores.report()
    assert "test part: 2 sequences, 10 tokens" in report
    assert "unigram baseline" in report
    assert "Perplexity by text" not in report  # a table without its title
    json.dumps(scores.metrics())
    scores.to_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Perplexity by text" in page
    assert "How surprising the first words were" in page
    (axes,) = scores.plot_surprise()
    assert [text.get_text() for text in axes.texts][:2] == ["two", "cats"]
    assert axes.get_ylim()[1] > -scores.log_probability.min() / np.log(2)


def test_rare_and_frequent_words_are_drawn_apart(model: LanguageModel, scored: Dataset) -> None:
    """A point for each power of ten: exp of the mean over its words, without ends and unknown."""
    scores = segue.evaluate(model, scored)
    bigram = np.concatenate(ngram(TEXTS, like=model).log_probability(scored.part("test")))
    axes = scores.plot_by_count({"bigram": bigram})
    words = scores.tokens > 1
    many = words & (scores.counts >= 10)
    assert [line.get_label() for line in axes.lines] == ["model", "bigram"]
    ratio = np.exp(bigram[many].mean() - scores.log_probability[many].mean())
    assert axes.lines[0].get_ydata()[-1] == pytest.approx(ratio)
    assert axes.lines[1].get_ydata().tolist() == [1, 1]
    plain = plots.plot_perplexity(scores.counts[words], {"bigram": bigram[words]})
    assert plain.lines[0].get_ydata()[-1] == pytest.approx(np.exp(-bigram[many].mean()))
    assert axes.get_xticklabels()[-1].get_text() == f"10 to 99\n{many.sum() / words.sum():.0%}"
