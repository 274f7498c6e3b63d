"""Texts as characters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from segue.prepare.vocabulary import Normal, VocabularyStep


@dataclass(frozen=True)
class Characters(VocabularyStep):
    """`characters(size)`: a character is a step, spaces and line ends too.

    Args:
        size: so many different characters at most, the most frequent.
        min_count: so often one must occur in the training texts; a rarer one is unknown.
        lower: whether capitals count as small letters.
        normalize: the Unicode form: NFC, NFKC, or none.

    >>> Characters().cut("I did.")
    ['I', ' ', 'd', 'i', 'd', '.']
    """

    kind: ClassVar[str] = "characters"
    unit: ClassVar[str] = "character"

    size: int = 5_000
    min_count: int = 2
    lower: bool = False
    normalize: Normal = "NFC"

    def cut(self, text: str) -> list[str]:
        return list(text)

    def join(self, tokens: Iterable[str]) -> str:
        return "".join(tokens)
