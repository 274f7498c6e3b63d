"""Whether a text that was decoded as cp1252 can be one of a Western language.

The bytes of a file in Shift-JIS, GBK, Big5, KOI8-R, cp1251, Mac Roman or an encoding of DOS may all
be characters of cp1252, too. But they stand where no Western text has them: in words without a
letter from a to z (`êîøêà`), as capitals inside of words (`cafŽ`), as signs between letters
(`ca³y`). Languages whose letters stand where Western ones do, such as Czech and Turkish, are not
told apart.
"""

from __future__ import annotations

import re

_SMALL, _CAPITALS = "ß-öø-ÿšžœ", "À-ÖØ-ÞŠŽŒŸ"
_OWN = _SMALL + _CAPITALS
_LETTER, _ANY = f"[a-zA-Z{_OWN}]", f"[{_OWN}]"
_BETWEEN = "¡-±µ¶¸-¿×÷€‚„†‡ˆ‰‹“”•˜™›"  # no sign in a word: but for m²K, col·lega, it´s
_FEW = 20  # one word in so many may be strange: a slip, a sign of its own
_WORD = re.compile(r"[^\s,;|]*[^\x00-\x7f][^\s,;|]*")
_STRANGE = re.compile(
    rf"""
      (?<!{_LETTER}){_ANY}{{2,}}(?!{_LETTER}) | {_ANY}{{5}}  # no letter from a to z
    | [a-z{_SMALL}][{_CAPITALS}](?![A-Z{_CAPITALS}])         # a capital inside of a word
    | (?<={_LETTER})[{_BETWEEN}](?={_LETTER}) | [a-z][²³][a-z]
    | [¡-©¬®±-³µ¶¸¹¼-¿]{{2}} | {_LETTER}[‚„] | (?<![\w.!?)])[”‰™›†‡]{_LETTER}
    | [¤¦¨¬¯¸ˆ˜ƒ] | (?<![\w.])[ªº]
    """,
    re.VERBOSE,
)
_LONE = re.compile(  # a letter alone, not beside other words (`il cielo è blu`)
    rf"(?<!{_LETTER})(?<![a-zA-Z][ '’-])(?<![\[(]){_ANY}(?!{_LETTER}|[ '’-][a-zA-Z])"
)


def is_western(text: str) -> bool:
    """Whether the letters and signs beyond ASCII stand where Western languages have them.

    Args:
        text: the lines that have any.

    >>> is_western("grün, 25 °C, «été»"), is_western("êîøêà, ñîáàêà")
    (True, False)
    """
    words, lone = len(_WORD.findall(text)), len(_LONE.findall(text))
    return _FEW * len(_STRANGE.findall(text)) <= words and lone < max(1, words)
