"""All runs of characters of many texts at once, as whole numbers: to count them and look them up.

A run is a number in the base of the alphabet, so that equal runs are equal numbers. In memory they
are eight bytes each, and NumPy sorts them a few times as fast as Python makes strings of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from segue.data.arrays import CODE_POINTS, encode
from segue.data.sequences import Array

_LARGEST = 2**62


class Alphabet(NamedTuple):
    """Characters that are told apart; any other is 0, the same for all of them.

    Attributes:
        points: `[n]`, their code points, which rise.
        longest: characters of the longest run.
    """

    points: Array
    longest: int

    @classmethod
    def of(cls, points: Array, longest: int) -> Alphabet | None:
        """That of some code points; `None`: runs of so many are too many to have a number each."""
        found = np.unique(points)
        is_clear = len(found) and found[0] > 0  # NumPy's texts do not end with a zero
        return cls(found, longest) if is_clear and (len(found) + 1) ** longest < _LARGEST else None

    def runs(self, texts: Sequence[str]) -> Iterator[tuple[int, Array, Array]]:
        """Of 2, 3 and more characters: how many, the number of each run, and `[text]` their counts.

        >>> alphabet = Alphabet.of(np.frombuffer(b"ab", np.uint8), 3)
        >>> for size, numbers, counts in alphabet.runs(["abb", "b"]):
        ...     print(size, alphabet.texts(numbers, size), counts)
        2 ['ab', 'bb'] [2 0]
        3 ['abb'] [1 0]
        """
        points, offsets = encode(texts)
        lengths, digits = np.diff(offsets), self._digits(points)
        left = np.repeat(offsets[1:], lengths) - np.arange(len(points))  # characters to the end
        numbers, base = digits, len(self.points) + 1
        for size in range(2, self.longest + 1):
            numbers = numbers[:-1] * base + digits[size - 1 :]
            yield size, numbers[left[: len(numbers)] >= size], np.maximum(lengths - size + 1, 0)

    def numbers(self, texts: Array, size: int) -> Array:
        """The numbers of some runs, all of so many characters."""
        points = np.ascontiguousarray(texts, f"<U{size}").view(CODE_POINTS)
        places = (len(self.points) + 1) ** np.arange(size - 1, -1, -1)
        return self._digits(points).reshape(-1, size) @ places

    def _digits(self, points: Array) -> Array:
        found = np.searchsorted(self.points, points)
        found[found == len(self.points)] = 0
        return np.where(self.points[found] == points, found + 1, 0)

    def texts(self, numbers: Array, size: int) -> list[str]:
        """The runs of some numbers, of so many characters that are all in the alphabet."""
        base, found = len(self.points) + 1, np.empty((len(numbers), size), CODE_POINTS)
        for place in range(size - 1, -1, -1):
            numbers, digit = np.divmod(numbers, base)
            found[:, place] = self.points[digit - 1]
        texts: list[str] = found.view(f"<U{size}").ravel().tolist()
        return texts


def looked_up(found: Array, known: Array, values: Array, other: int) -> Array:
    """The values of some numbers by a table of known ones; another number where they are not there.

    >>> looked_up(np.array([5, 3, 4]), np.array([3, 5]), np.array([7, 9]), 1).tolist()
    [9, 7, 1]
    """
    if not len(known):
        return np.full(len(found), other)
    order = np.argsort(known)
    known, values = known[order], values[order]
    places = np.minimum(np.searchsorted(known, found), len(known) - 1)
    return np.where(known[places] == found, values[places], other)


def interleaved(parts: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Texts whose tokens come in parts, one text behind the other.

    Args:
        parts: of each `[token]` numbers of all texts, and `[text]` how many each has.

    Returns:
        `[token]` the numbers, each text whole, and `[text]` how many it has.

    >>> first, second = (np.array([1, 2]), np.array([1, 1])), (np.array([8, 9]), np.array([0, 2]))
    >>> values, lengths = interleaved([first, second])
    >>> values.tolist(), lengths.tolist()
    ([1, 2, 8, 9], [1, 3])
    """
    counts = np.stack([lengths for _, lengths in parts], axis=1)
    begins = (np.cumsum(counts) - counts.ravel()).reshape(counts.shape)
    found = np.empty(counts.sum(), np.int32)
    for (numbers, lengths), first in zip(parts, begins.T, strict=True):
        place = np.arange(len(numbers)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        found[np.repeat(first, lengths) + place] = numbers
    return found, counts.sum(axis=1)
