"""Parsing of text fields as numbers, booleans and lists, with one notation for a column."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from segue.readers.table.words import MISSING

Floats = npt.NDArray[np.float64]

_WORD = r"[+-]?(?:inf(?:inity)?|nan)"
_PATTERNS = {
    mark: rf"(?i)^(?:[+-]?(?:\d+[{mark}]?\d*|[{mark}]\d+)(?:e[+-]?\d+)?|{_WORD})$" for mark in ".,"
}
PLAIN_NUMBER = _PATTERNS["."]
_NUMBERS = {mark: re.compile(pattern) for mark, pattern in _PATTERNS.items()}
_WITH_MARKS = re.compile(r"[+-]?[\d.,]+(?:[eE][+-]?\d+)?")
_BLANKS = "\u00a0\u202f\u2009\u2007'\u2019 "
_WITH_SOMETHING = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s*[^\d\s.,:/+-][^\d\s.,:]{0,5}|[$€£]\s?\d.*")
_TRUTH = (("false", "true"), ("no", "yes"), ("off", "on"))
_SEPARATORS = (",", ";", r"\|", r"\s")
_BRACKETS = r"(?s)^(?:\[.*\]|\(.*\)|\{.*\})$"
_NESTED = r"(?s)^\[\s*\[.*\]\s*\]$"


def is_number(text: str, decimal: str = ".") -> bool:
    """Whether a field is a number.

    >>> is_number(" -1.5e3"), is_number("1,5"), is_number("1,5", ","), is_number("a1")
    (True, False, True, False)
    """
    return _NUMBERS[decimal].fullmatch(text.strip()) is not None


def is_missing(text: str) -> bool:
    """Whether a field is a marker of a missing value."""
    return text.strip() in MISSING


def written_plainly(text: str, decimal: str = ".") -> bool:
    """Whether a field is a number that is nothing but its value: no zeros before it, not too long.

    >>> written_plainly("12.5"), written_plainly("007"), written_plainly("20190523143012123456")
    (True, False, False)
    """
    text = text.strip()
    if not is_number(text, decimal):
        return False
    digits = re.split(r"[.,eE]", text.lstrip("+-"))[0]
    return not (len(digits) > 1 and digits[0] == "0") and len(digits) < 18


# -- numbers --------------------------------------------------------------------------------------


def whole(column: Any) -> Any:
    """A column of Arrow in one piece."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def trimmed(column: Any) -> Any:
    """Text without blanks around it or `;` behind it, null where a word says that there is none."""
    texts = whole(pc.utf8_trim_whitespace(column.cast(pa.large_string())))
    texts = pc.utf8_rtrim(texts, characters="; ")
    return pc.if_else(pc.is_in(texts, pa.array(sorted(MISSING), texts.type)), None, texts)


def as_numbers(column: Any, decimal: str = ".", thousands: str = "") -> Floats | None:
    """`[rows]` numbers of a column of text, NaN where there is none; `None` if it has other text.

    Read are a decimal comma, marks or blanks between thousands, `%`, and the minus sign of
    typographers; each in all of the column.

    Args:
        column: of text, an Arrow array.
        decimal: the mark that the file has; the column may have the other one.
        thousands: the mark between thousands, where it is known.

    >>> as_numbers(pa.array(["1.5", "NA", "-2"])), as_numbers(pa.array(["1,000.5", "2,000,000"]))
    (array([ 1.5,  nan, -2. ]), array([1.0005e+03, 2.0000e+06]))
    >>> as_numbers(pa.array(["5 %", "12 %"])), as_numbers(pa.array(["5", "a"])) is None
    (array([ 5., 12.]), True)
    """
    texts = pc.replace_substring(trimmed(column), "\u2212", "-")
    head = texts.drop_null().slice(0, 20).to_pylist()
    if not all(any(c.isdigit() for c in text) or is_number(text) for text in head):
        return None  # a quick look is enough for most texts
    if thousands:
        return _floats(pc.replace_substring(texts, thousands, ""), decimal)
    if all_match(texts, "%$"):
        texts = pc.replace_substring_regex(texts, r"\s*%$", "")
    for _ in range(2):  # a digit that ends one group may be what the next one begins behind
        texts = pc.replace_substring_regex(texts, rf"(\d)[{_BLANKS}](\d{{3}})", r"\1\2")
    found = _floats(texts, decimal)
    if found is not None:
        return found
    other = "," if decimal == "." else "."
    for mark, between in ((decimal, other), (other, decimal)):
        if _are_grouped(texts, between, mark):
            return _floats(pc.replace_substring(texts, between, ""), mark)
    return _floats(texts, other)


def _are_grouped(texts: Any, thousands: str, decimal: str) -> bool:
    """Whether numbers have marks between thousands, and the others are below 1000.

    One mark alone is more likely a slip. Where the column has both marks, a number must show which
    of them stands between thousands: 4.120 beside 3,999 does not.
    """
    if (pc.sum(pc.count_substring(texts, thousands)).as_py() or 0) < 2:
        return False
    shows = rf"[{thousands}]\d{{3}}[{thousands}{decimal}]"
    has_both = pc.any(pc.match_substring(texts, decimal)).as_py()
    if has_both and not pc.any(pc.match_substring_regex(texts, shows)).as_py():
        return False
    groups = rf"[1-9]\d{{0,2}}(?:[{thousands}]\d{{3}})+"
    return all_match(texts, rf"^[+-]?(?:{groups}|\d{{1,3}})(?:[{decimal}]\d*)?$")


def all_match(texts: Any, pattern: str) -> bool:
    """Whether all texts of a column that are there match a pattern."""
    return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())


def _floats(texts: Any, decimal: str) -> Floats | None:
    if not all_match(texts, _PATTERNS[decimal]):
        return None
    plain = pc.utf8_ltrim(pc.replace_substring(texts, decimal, "."), "+")
    return np.asarray(plain.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def decimal_mark(texts: Iterable[str]) -> str:
    """The decimal mark that most numbers have: the last mark of each, if it stands there once."""
    numbers = [text for text in map(str.strip, texts) if _WITH_MARKS.fullmatch(text)]
    marks = [(max(".,", key=text.rfind), text) for text in numbers]
    votes = Counter(mark for mark, text in marks if text.count(mark) == 1)
    return "," if votes[","] > votes["."] else "."


def with_something_behind(texts: Iterable[str]) -> str | None:
    """A value of texts that are numbers with a unit or a sign behind them.

    >>> with_something_behind(["0.5;", "1.25;"]), with_something_behind(["a", "b"])
    ('0.5;', None)
    """
    texts = list(texts)
    strange = [text for text in texts if _WITH_SOMETHING.fullmatch(text.strip())]
    return strange[0] if len(strange) > 0.8 * len(texts) else None


# -- truth values ---------------------------------------------------------------------------------


def truth_values(texts: Iterable[str]) -> dict[str, bool] | None:
    """The truth values of texts such as yes and no; `None` for other texts.

    >>> truth_values(["TRUE", "false"]), truth_values(["yes", "maybe"])
    ({'TRUE': True, 'false': False}, None)
    """
    meanings = {text: text.strip().lower() for text in texts}
    words = {word for text, word in meanings.items() if not is_missing(text)}
    pair = next((pair for pair in _TRUTH if words and words <= set(pair)), None)
    if pair is None:
        return None
    return {text: word == pair[1] for text, word in meanings.items() if word in pair}


# -- lists ----------------------------------------------------------------------------------------


def as_lists(column: Any, decimal: str = ".") -> Any | None:
    """An Arrow array of lists, of texts that are lists of numbers; `None` if they are not.

    >>> as_lists(pa.array(["[1, 2.5]", "[3]"])).to_pylist(), as_lists(pa.array(["1 2", "a"]))
    ([[1.0, 2.5], [3.0]], None)
    """
    texts = trimmed(column)
    if all_match(texts.drop_null().slice(0, 20), _NESTED):
        return _nested(texts)
    in_brackets = pc.match_substring_regex(texts, _BRACKETS)
    inside = pc.replace_substring_regex(texts, r"^[\[({]\s*|\s*,?\s*[\])}]$", "")
    inside = pc.if_else(pc.equal(inside, ""), None, inside)
    for separator in _SEPARATORS:
        lists = pc.split_pattern_regex(inside, rf"\s*{separator}+\s*")
        several = pc.greater(pc.list_value_length(lists), 1)
        shares = [
            pc.mean(mask.cast(pa.float64())).as_py() or 0.0 for mask in (several, in_brackets)
        ]
        if separator == decimal or shares[0] == 0 or max(shares[0] + 0.5, shares[1]) < 1:
            continue
        if (numbers := _floats(trimmed(lists.flatten()), decimal)) is not None:
            starts = lists.offsets.cast(pa.int64())
            return pa.LargeListArray.from_arrays(starts, numbers, mask=lists.is_null())
    return None


def _nested(texts: Any) -> Any | None:
    """Lists of lists, as JSON writes them: steps of channels."""
    try:
        lists = [text and json.loads(text) for text in texts.to_pylist()]
        return pa.array(lists, pa.list_(pa.list_(pa.float64())))
    except (ValueError, pa.ArrowException, TypeError, RecursionError):
        return None
