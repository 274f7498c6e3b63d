"""Where sentences end, told by rules.

A sentence ends at `.`, `!`, `?` or an ellipsis, with the quotes and brackets that close there, if
white space and then something that can begin a sentence follows: a capital, a digit, an opening
quote or bracket, a letter of a script without capitals. It also ends at the full stops of Chinese,
Japanese, Hindi and Arabic.

A single full stop does not end one behind a title (`Mr.`), an initial (`Thomas A. Hendricks`), the
number of a paragraph (`1. The ...`) or `No.` before a number. Behind other abbreviations (`U.S.`,
`etc.`, `p.m.`) it does if the next word is one that often begins sentences (`The`, `It`, `In`).

What rules cannot tell: a sentence that ends in a title or an initial; one that begins with a small
letter; a German ordinal (`am 3. Mai`); text all in capitals. Source of the idea that the words
around a full stop decide: T. Kiss, J. Strunk, "Unsupervised multilingual sentence boundary
detection", Computational Linguistics 32(4), 2006.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

_LISTS = tomllib.loads((Path(__file__).parent / "data" / "sentences.toml").read_text("utf-8"))
_TITLES, _OTHERS, _STARTERS = (frozenset(_LISTS[name].split()) for name in _LISTS)
_END = re.compile(
    r"""
    (?<![.!?…؟])(?P<mark>[.!?…؟]++)(?P<closing>["'’”»)\]]*+)\s
    (?=["'‘“”«(\[¿¡—–-]*+(?P<next>[^\W_]))
    | [。！？｡।॥]["'’”»)\]」』]*\s*
    """,
    re.VERBOSE,
)
_LAST = re.compile(r"[\w.'’&-]*$")
_LONGEST_WORD = 60
_WORD = re.compile(r"\w+")
_SPACE = re.compile(r"\s+")


def split_sentences(text: str) -> list[str]:
    """Cut a paragraph into its sentences; white space inside becomes one space.

    >>> split_sentences("Mr. A. Hill came at 3 p.m. today. “Why?” he asked. It rained in the U.S.")
    ['Mr. A. Hill came at 3 p.m. today.', '“Why?” he asked.', 'It rained in the U.S.']
    """
    text = _SPACE.sub(" ", text).strip()
    found, start = [], 0
    for match in _END.finditer(text):
        if match["mark"] is None or _ends(text, start, match):
            found.append(text[start : match.end()].rstrip())
            start = match.end()
    return [sentence for sentence in (*found, text[start:]) if sentence]


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    if match["next"].islower():
        return False
    if match["mark"] != "." or match["closing"]:
        return True
    # Not the whole sentence, which may be as long as the text.
    shown = text[max(start, match.start() - _LONGEST_WORD) : match.start()]
    last = _LAST.search(shown)
    word = last[0] if last else ""
    before = shown[: len(shown) - len(word)].split()
    key = word.lower()
    if not before and re.fullmatch(r"\d{1,3}|[ivxlc]{1,6}|[a-z]", key):
        return False  # the number of a paragraph
    if key in ("no", "nos", "nr"):
        return not match["next"].isdigit()
    if key in _TITLES:
        return False
    if len(word) == 1 and word.isalpha():
        return word == "I" and bool(before) and before[-1].islower()
    if key in _OTHERS or re.fullmatch(r"(?:\w\.)+\w", word):
        following = _WORD.match(text, match.end("next") - 1)
        return following is not None and following[0].lower() in _STARTERS
    return True
