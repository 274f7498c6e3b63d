"""Texts as tokens: words or characters of a vocabulary.

The vocabulary is fitted on training data only. Token 0 is for padding and stands for nothing in a
text, token 1 is whatever the vocabulary does not have, and the vocabulary follows, the most
frequent first: the numbering of Keras's `TextVectorization`.
"""

from __future__ import annotations

import abc
import functools
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
import pydantic

from segue.data.arrays import decode, encode
from segue.data.sequences import Array
from segue.deadline import check_time
from segue.errors import SpecError, warn_user
from segue.onnx_graph import Steps
from segue.prepare.character_runs import Alphabet, interleaved, looked_up
from segue.prepare.steps import Blocks, Ragged, StepSpec, check_names
from segue.spec import Count

Normal = Literal["NFC", "NFKC", "none"]
Size = Annotated[int, pydantic.Field(ge=1, le=1_000_000)]

_MANY = 50_000  # characters of texts from which on they are looked up all at once
PADDING, UNKNOWN, FIRST = 0, 1, 2
NAMES = ("<end>", "<unknown>")  # of the first two, where they are answers: neither is ever a token


class Token(NamedTuple):
    """One step of a text, as the network sees it.

    Attributes:
        text: as it stands in the text.
        number: what the network gets; 1 for what the vocabulary does not have.
    """

    text: str
    number: int

    @property
    def is_known(self) -> bool:
        """Whether the vocabulary has it."""
        return self.number != UNKNOWN


@dataclass(frozen=True)
class VocabularyStep(StepSpec, abc.ABC, takes="text"):
    """A step that turns texts into tokens: words or characters.

    Args:
        size: so many different tokens at most, the most frequent.
        min_count: so often a token must occur in the training texts; what is rarer is unknown.
        lower: whether capitals count as small letters.
        normalize: the Unicode form that texts are brought to, so that an accent is the same however
            it was typed; "NFKC" also takes ligatures and full-width letters apart.
    """

    unit: ClassVar[str]  # what one token is called

    size: Size = 20_000
    min_count: Count = 2
    lower: bool = True
    normalize: Normal = "NFC"

    @abc.abstractmethod
    def cut(self, text: str) -> list[str]:
        """The tokens of a text in their order, as they stand there."""

    @abc.abstractmethod
    def join(self, tokens: Iterable[str]) -> str:
        """A text that would be cut into these tokens."""

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        """Count the tokens of all texts; `seen` is different ones, all, and unknown ones."""
        counts = self._counted(blocks)
        if not counts:
            raise SpecError(f"{self.kind}: the training texts have no {self.unit}s.")
        frequent = [token for token, count in counts.items() if count >= self.min_count]
        if not frequent:
            warn_user(
                f"No {self.unit} of the training texts occurs {self.min_count} times, so all are "
                f"kept, as with {self.kind}(min_count=1)."
            )
        kept = sorted(frequent or counts, key=lambda token: (-counts[token], token))[: self.size]
        total = sum(counts.values())
        unknown = total - sum(counts[token] for token in kept)
        seen = np.array([len(counts), total, unknown], np.int64)
        return {"vocabulary": np.array(kept, object), "seen": seen}

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        """Texts become tokens `[total_tokens, 1]`; what are tokens already stays as it is.

        A text without any token is one unknown token: a sequence has a step at least.
        """
        if x[0].dtype == np.int32:
            return x
        values, lengths = self._numbered(x, fitted)
        none = np.flatnonzero(lengths == 0)
        values = np.insert(values, (np.cumsum(lengths) - lengths)[none], UNKNOWN)
        return values[:, None], np.maximum(lengths, 1)

    def write_onnx(self, x: Steps, fitted: dict[str, Array], channels: int) -> Steps:
        """Texts come into a graph as tokens."""
        return x

    def tokens(self, text: str, fitted: dict[str, Array]) -> list[Token]:
        """The steps of a text, one for each that `apply` gives."""
        pieces, numbers = self._pieces(text), _numbers(fitted)
        pairs = zip(pieces, self._folded(pieces), strict=True)
        tokens = [Token(piece, numbers.get(key, UNKNOWN)) for piece, key in pairs]
        return tokens or [Token("", UNKNOWN)]

    def count(self, fitted: dict[str, Array]) -> int:
        """The size of the vocabulary, padding and unknown included."""
        return FIRST + len(fitted["vocabulary"])

    def names(self, fitted: dict[str, Array]) -> Array:
        """`[token]`, the text of each; "<end>" for what stands for nothing, and "<unknown>"."""
        return np.array([*NAMES, *fitted["vocabulary"].tolist()])

    def describe(self, fitted: dict[str, Array]) -> str:
        """The vocabulary's size, in one line."""
        (different, total, unknown), kept = fitted["seen"].tolist(), len(fitted["vocabulary"])
        share = f"{kept:,} of {different:,}" if kept < different else f"all {kept:,}"
        text = f"{share} different {self.unit}s in the training texts"
        if not unknown:
            return text
        return f"{text}; {100 * unknown / total:.2g} % of all {self.unit}s there are unknown"

    def restore(self, numbers: Mapping[str, Any], channels: int) -> dict[str, Array]:
        check_names(self.kind, numbers, ("vocabulary", "seen"))
        words, seen = numbers["vocabulary"], numbers["seen"]
        good = isinstance(words, list) and all(isinstance(w, str) and w for w in words)
        if not good or not words or len(set(words)) < len(words) or len(words) > self.size:
            raise SpecError(f"{self.kind} needs a list of different {self.unit}s.")
        if not (isinstance(seen, list) and len(seen) == 3 and all(type(n) is int for n in seen)):
            raise SpecError(f"{self.kind} needs three counts of the training texts; got {seen!r}.")
        return {"vocabulary": np.array(words, object), "seen": np.array(seen, np.int64)}

    def _counted(self, blocks: Blocks) -> dict[str, int]:
        """How often each token occurs."""
        counts: Counter[str] = Counter()
        for x in blocks():
            for text in _texts(x):
                counts.update(self._folded(self._pieces(text)))
        return counts

    def _numbered(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        """`[token]` the numbers of the tokens of all texts, and `[text]` how many each has."""
        return _looked_up([self._folded(self._pieces(text)) for text in _texts(x)], fitted)

    def _normal(self, text: str) -> str:
        return text if self.normalize == "none" else unicodedata.normalize(self.normalize, text)

    def _pieces(self, text: str) -> list[str]:
        return self.cut(self._normal(text))

    def _folded(self, pieces: list[str]) -> list[str]:
        return [piece.lower() for piece in pieces] if self.lower else pieces


def _looked_up(rows: list[list[str]], fitted: dict[str, Array]) -> Ragged:
    numbers, every = _numbers(fitted), itertools.chain.from_iterable(rows)
    values = np.fromiter(map(numbers.get, every, itertools.repeat(UNKNOWN)), np.int32)
    return values, np.array([len(row) for row in rows], np.int64)


def _numbers(fitted: dict[str, Array]) -> dict[str, int]:
    return {token: number for number, token in enumerate(fitted["vocabulary"].tolist(), FIRST)}


def _texts(x: Ragged) -> Iterable[str]:
    values, lengths = x
    ends = np.cumsum(lengths)
    for start, end in zip((ends - lengths).tolist(), ends.tolist(), strict=True):
        check_time()
        yield decode(values[start:end])


# Written without spaces, so that each character counts as a word: kana and the ideographs of
# Chinese, Japanese and Korean. Thai, Lao and Khmer stay in runs: take `characters` for those.
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"

# No space follows these, and none stands before those.
_OPENING, _CLOSING = frozenset("([{“‘„«¿¡$£€#"), frozenset(")]}”’»,.;:!?%…")


@dataclass(frozen=True)
class Words(VocabularyStep, kind="words", unit="word"):
    """`words(size)`: a word is a step, and so is each mark of punctuation.

    A word is a run of letters, digits and the marks upon them, with apostrophes and hyphens inside:
    `don't` and `well-known` are one word each, `1,234.5` is three and two marks between them.

    Args:
        size: so many different words at most, the most frequent.
        min_count: so often a word must occur in the training texts; a rarer one is unknown.
        lower: whether capitals count as small letters.
        normalize: the Unicode form: NFC, NFKC, or none.

    >>> Words().cut("“Who wrote this?” she didn't say.")
    ['“', 'Who', 'wrote', 'this', '?', '”', 'she', "didn't", 'say', '.']
    """

    def cut(self, text: str) -> list[str]:
        return _pattern().findall(text)

    def join(self, tokens: Iterable[str]) -> str:
        """Words with spaces between them, and none on the inner side of punctuation.

        >>> Words().join(["“", "who", "wrote", "this", "?", "”", "it", "cost", "$", "3", "."])
        '“who wrote this?” it cost $3.'
        """
        text, is_open = "", True
        for token in tokens:
            close = is_open or token in _CLOSING
            text += token if close else f" {token}"
            is_open = token in _OPENING
        return text


@functools.cache
def _pattern() -> re.Pattern[str]:
    """The class of word characters of `re` leaves out combining marks: the vowels of India."""
    letters = rf"[^\W{_IDEOGRAPHS}]++"
    run = rf"{letters}(?:{letters}|[{_marks()}\u200c\u200d]++)*+"
    return re.compile(rf"{run}(?:['’\-]{run})*+|\S")


@functools.cache
def _marks() -> str:
    """All combining marks, as ranges for a pattern."""
    marks = [c for c in range(0x300, 0x1F000) if unicodedata.category(chr(c)).startswith("M")]
    runs = itertools.groupby(enumerate(marks), lambda pair: pair[1] - pair[0])
    ranges = [[code for _, code in run] for _, run in runs]
    return "".join(f"{chr(codes[0])}-{chr(codes[-1])}" for codes in ranges)


@dataclass(frozen=True)
class Characters(VocabularyStep, kind="characters", unit="character"):
    """`characters(size)`: a character is a step, spaces and line ends too.

    Args:
        size: so many different characters at most, the most frequent.
        min_count: so often one must occur in the training texts; a rarer one is unknown.
        lower: whether capitals count as small letters.
        normalize: the Unicode form: NFC, NFKC, or none.

    >>> Characters().cut("I did.")
    ['I', ' ', 'd', 'i', 'd', '.']
    """

    size: Size = 5_000
    lower: bool = False

    def cut(self, text: str) -> list[str]:
        return list(text)

    def join(self, tokens: Iterable[str]) -> str:
        return "".join(tokens)


@dataclass(frozen=True)
class NGrams(VocabularyStep, kind="ngrams", unit="n-gram"):
    """`ngrams(words=2, characters=5)`: each run of up to so many of them in a text is a step.

    They overlap, so that a mean over them, `embedding(16) pool(mean)`, knows of the order of words
    and of parts of words. First come the words and their runs, then runs of two characters and
    more, line ends and spaces too.

    Joulin, Grave, Bojanowski & Mikolov, "Bag of tricks for efficient text classification", EACL
    2017; Bojanowski et al., "Enriching word vectors with subword information", Transactions of the
    ACL 5, 2017.

    Args:
        size: so many different ones at most, the most frequent.
        min_count: so often one must occur in the training texts; a rarer one is unknown.
        lower: whether capitals count as small letters.
        normalize: the Unicode form: NFC, NFKC, or none.
        words: of the longest run of words; 0: there are none.
        characters: of the longest run of characters; 0: there are none.

    >>> NGrams(words=2, characters=3).cut("I am")
    [' I ', ' am ', ' I am ', 'I ', ' a', 'am', 'I a', ' am']
    """

    size: Size = 100_000
    lower: bool = False
    words: Annotated[int, pydantic.Field(ge=0, le=5)] = 2
    characters: Annotated[int, pydantic.Field(ge=0, le=8)] = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.words and self.characters < 2:
            raise SpecError("ngrams: expected words from 1 on, or characters from 2 on; got none.")

    def why_whole(self) -> str:
        return "takes runs of words and characters out of a whole text"

    def causal_instead(self) -> str:
        return (
            "prepare='words' and a network that takes a word at each step, such as "
            "network='embedding(32) lstm(32)'"
        )

    def cut(self, text: str) -> list[str]:
        sizes = range(2, self.characters + 1)
        of_characters = ([text[i : i + n] for i in range(len(text) - n + 1)] for n in sizes)
        return list(itertools.chain(*self._of_words(text), *of_characters))

    def _of_words(self, text: str) -> list[list[str]]:
        """The runs of one word, of two, and so on."""
        check_time()
        words = _pattern().findall(text) if self.words else []
        later = [words[n:] for n in range(self.words)]
        return [
            [f" {' '.join(run)} " for run in zip(*later[: n + 1], strict=False)]
            for n in range(self.words)
        ]

    def _counted(self, blocks: Blocks) -> dict[str, int]:
        """As of any vocabulary, a few times as fast where an alphabet is not too large."""
        points = np.concatenate([encode(map(self._normal, _texts(x)))[0] for x in blocks()])
        alphabet = Alphabet.of(points, self.characters)
        if alphabet is None or self.lower:
            return super()._counted(blocks)
        counts: Counter[str] = Counter()
        for x in blocks():
            texts = [self._normal(text) for text in _texts(x)]
            for text in texts:
                counts.update(itertools.chain(*self._of_words(text)))
            for size, runs, _ in alphabet.runs(texts):
                different, often = np.unique(runs, return_counts=True)
                counts.update(
                    dict(zip(alphabet.texts(different, size), often.tolist(), strict=True))
                )
        return counts

    def _numbered(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        if len(x[0]) < _MANY or self.lower:
            return super()._numbered(x, fitted)
        texts = [self._normal(text) for text in _texts(x)]
        alphabet = Alphabet.of(encode(texts)[0], self.characters)
        if alphabet is None:
            return super()._numbered(x, fitted)
        known = np.array(fitted["vocabulary"].tolist())
        sizes, numbers = np.char.str_len(known), np.arange(FIRST, FIRST + len(known))
        of_words = [self._of_words(text) for text in texts]
        parts = [_looked_up(list(rows), fitted) for rows in zip(*of_words, strict=True)]
        for size, runs, counts in alphabet.runs(texts):
            own = sizes == size
            found = looked_up(runs, alphabet.numbers(known[own], size), numbers[own], UNKNOWN)
            parts.append((found, counts))
        return interleaved(parts)

    def join(self, tokens: Iterable[str]) -> str:
        """One behind the other: they overlap, and are no text."""
        return "".join(tokens)
