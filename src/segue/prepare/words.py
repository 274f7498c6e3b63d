"""Texts as words."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from segue.prepare.vocabulary import Normal, VocabularyStep

# Written without spaces, so that each character counts as a word: kana and the ideographs of
# Chinese, Japanese and Korean. Thai, Lao and Khmer stay in runs: take `characters` for those.
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"

# No space follows these, and none stands before those.
_OPENING, _CLOSING = frozenset("([{“‘„«¿¡$£€#"), frozenset(")]}”’»,.;:!?%…")


@dataclass(frozen=True)
class Words(VocabularyStep):
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

    kind: ClassVar[str] = "words"
    unit: ClassVar[str] = "word"

    size: int = 20_000
    min_count: int = 2
    lower: bool = True
    normalize: Normal = "NFC"

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
    runs = groupby(enumerate(marks), lambda pair: pair[1] - pair[0])
    ranges = [[code for _, code in run] for _, run in runs]
    return "".join(f"{chr(codes[0])}-{chr(codes[-1])}" for codes in ranges)
