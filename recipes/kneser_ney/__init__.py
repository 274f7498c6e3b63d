"""N-gram language models with Kneser-Ney smoothing: the baseline of `next_word.py`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

import segue
from segue.errors import DataError, OptionError

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

# Discount of a count where there are too few n-grams to estimate it.
_USUAL_DISCOUNT = 0.5
_DISCOUNTED = 3  # counts of 1, of 2, and of 3 or more have a discount each


@dataclass(frozen=True, eq=False)
class _Counts:
    """The n-grams of one length.

    Attributes:
        keys: `[ngram]`, sorted: tokens as the digits of one number, the newest last.
        left: `[ngram]`, the count of each, after the discount.
        contexts: `[context]`, sorted: the same without the last token.
        totals: `[context]`, the counts of all its n-grams together, before the discount.
        spared: `[context]`, the share that the discounts leave to shorter n-grams.
        discounts: of counts of 1, of 2, and of 3 or more.
    """

    keys: Whole
    left: Floats
    contexts: Whole
    totals: Floats
    spared: Floats
    discounts: tuple[float, ...]

    @classmethod
    def of(cls, keys: Whole, counts: Whole, tokens: int) -> _Counts:
        """Discount the counts of sorted n-grams."""
        discounts = _discounts(counts)
        off = np.array([0.0, *discounts])[np.minimum(counts, _DISCOUNTED)]
        contexts, place = np.unique(keys // tokens, return_inverse=True)
        totals = np.bincount(place, counts).astype(np.float64)
        return cls(
            keys, counts - off, contexts, totals, np.bincount(place, off) / totals, discounts
        )

    def shares(self, keys: Whole, tokens: int, shorter: Floats) -> Floats:
        """`[n]` probabilities of the last token of n-grams, from those by shorter ones."""
        found, place = _look_up(self.keys, keys)
        known, context = _look_up(self.contexts, keys // tokens)
        own = np.where(found, self.left[place], 0.0) / self.totals[context]
        return np.where(known, own + self.spared[context] * shorter, shorter)


@dataclass(frozen=True, eq=False, repr=False)
class NGram:
    """The probability of a token after the `order` - 1 before it. Made by `ngram`.

    Attributes:
        order: 1 has no context (unigram), 2 one token (bigram), 3 two tokens.
        preparation: the fitted preparation of a language model: texts to tokens.
        tokens: the size of its vocabulary, with "<end>" and "<unknown>".
    """

    order: int
    preparation: Any
    tokens: int
    _levels: tuple[_Counts, ...]  # from unigrams on

    @cached_property
    def discounts(self) -> tuple[tuple[float, ...], ...]:
        """For each length of n-gram, the discounts of counts of 1, of 2, and of 3 or more."""
        return tuple(level.discounts for level in self._levels)

    def log_probability(self, texts: Any) -> list[Floats]:
        """Log-probability of each token: `(tokens + 1,)` in nats for each text.

        As `LanguageModel.log_probability`: the last is that of the end.
        """
        rows = _windows(_tokens(texts, self.preparation), self.order)
        found = np.log(self.shares(np.concatenate(rows)))
        return np.split(found, np.cumsum([len(row) for row in rows])[:-1])

    def perplexity(self, texts: Any) -> float:
        """exp(-mean log-probability), over all tokens and the ends of these texts."""
        return float(np.exp(-np.concatenate(self.log_probability(texts)).mean()))

    def shares(self, windows: Whole) -> Floats:
        """`[n]` probabilities of the last token of each window.

        Args:
            windows: `[n, order]` tokens; 0 stands before the beginning of a text, and is its end.
        """
        found = np.full(len(windows), 1 / self.tokens)
        for length, level in enumerate(self._levels, start=1):
            keys = _keys(windows[:, self.order - length :], self.tokens)
            found = level.shares(keys, self.tokens, found)
        return found

    def __repr__(self) -> str:
        return f"NGram(order={self.order}, tokens={self.tokens})"


def ngram(texts: Any, order: int = 2, *, like: segue.LanguageModel) -> NGram:
    """Count the n-grams of texts: a language model in closed form.

    Interpolated Kneser-Ney smoothing with three discounts, which follow from the counts; nothing is
    tuned. Unigrams are interpolated with the uniform distribution over all tokens.

    Args:
        texts: the training texts: a data set, `Sequences` of texts, or a list of texts.
        order: 1 for unigrams, 2 for bigrams, 3 for trigrams, ...
        like: a fitted language model; perplexities can be compared with those of this model, as
            both have the same vocabulary.

    Raises:
        OptionError: an order below 1, or too long for so many tokens.
        DataError: anything but texts.

    Source: S. F. Chen, J. Goodman, "An empirical study of smoothing techniques for language
    modeling", Computer Speech and Language 13 (1999).

    >>> from segue import LanguageModel, TrainingOptions
    >>> texts = ["the cat sat on the mat", "the dog sat on the cat", "a dog ran"] * 10
    >>> options = TrainingOptions(progress="none")
    >>> model = LanguageModel("gru(8)", epochs=2, options=options).fit(texts)
    >>> [round(ngram(texts, order, like=model).perplexity(texts), 1) for order in (1, 2, 3)]
    [8.1, 1.7, 1.4]
    """
    preparation, count = like.preparation_, len(like.classes_)
    if not isinstance(order, int | np.integer) or isinstance(order, bool) or order < 1:
        raise OptionError(f"`order` is {order!r}; expected 1 (unigrams), 2 (bigrams), 3, ...")
    if order * np.log2(count) > 62:
        most = int(62 / np.log2(count))
        raise OptionError(f"order={order} is too long for {count:,} tokens: at most {most}.")
    windows = np.concatenate(_windows(_tokens(texts, preparation), int(order)))
    levels = [_count(windows, length, count) for length in range(1, int(order) + 1)]
    return NGram(int(order), preparation, count, tuple(levels))


def _count(windows: Whole, length: int, tokens: int) -> _Counts:
    """The n-grams of one length.

    The longest count as often as they occur; shorter ones as often as there are different tokens
    before them, but where they stand at the beginning of a text, where there is none.
    """
    order = windows.shape[1]
    keys, counts = np.unique(_keys(windows[:, order - length :], tokens), return_counts=True)
    if length < order:
        longer = np.unique(_keys(windows[:, order - length - 1 :], tokens))
        _, before = np.unique(longer % tokens**length, return_counts=True)
        begins = (keys // tokens ** (length - 1) == 0) & (length > 1)
        counts = np.where(begins, counts, before)
    return _Counts.of(keys, counts, tokens)


def _discounts(counts: Whole) -> tuple[float, ...]:
    """The discounts of counts of 1, of 2, and of 3 or more, by how many n-grams have 1, 2, 3, 4.

    >>> [round(d, 3) for d in _discounts(np.repeat([1, 2, 3, 4], [80, 30, 20, 10]))]
    [0.571, 0.857, 1.857]
    """
    n = np.bincount(np.minimum(counts, 5), minlength=6)
    if not n[1:5].all():
        return (_USUAL_DISCOUNT,) * _DISCOUNTED
    share = n[1] / (n[1] + 2 * n[2])
    found = tuple(float(k - (k + 1) * share * n[k + 1] / n[k]) for k in (1, 2, 3))
    usable = all(0 < discount < k for k, discount in enumerate(found, start=1))
    return found if usable else (_USUAL_DISCOUNT,) * _DISCOUNTED


def _tokens(texts: Any, preparation: Any) -> list[Whole]:
    texts = texts.x if isinstance(texts, segue.Dataset) else texts
    texts = list(texts.texts() if isinstance(texts, segue.Sequences) else texts)
    if not all(isinstance(text, str) for text in texts):
        raise DataError("N-grams are trained on texts; got sequences of numbers.")
    return [np.array([t.number for t in preparation.tokens(text)], np.int64) for text in texts]


def _windows(texts: list[Whole], order: int) -> list[Whole]:
    """`[tokens + 1, order]` for each text: each token, and the end, with those before it."""
    padded = (np.concatenate([np.zeros(order - 1, np.int64), text, [0]]) for text in texts)
    return [np.lib.stride_tricks.sliding_window_view(text, order) for text in padded]


def _keys(windows: Whole, tokens: int) -> Whole:
    """`[n]`, the tokens of each window as the digits of one number."""
    keys = np.zeros(len(windows), np.int64)
    for column in windows.T:
        keys = keys * tokens + column
    return keys


def _look_up(there: Whole, wanted: Whole) -> tuple[npt.NDArray[np.bool_], Whole]:
    """Whether each number is among sorted ones, and where; anywhere, if it is not."""
    place = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
    return there[place] == wanted, place
