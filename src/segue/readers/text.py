"""Texts: .txt files, a folder for each class, or with a table of labels beside them.

    authors/train/Grover_Cleveland/1885.txt
    authors/train/William_McKinley/1897.txt
    authors/test/Grover_Cleveland/1896.txt

A file is one sequence, or each of its sentences, lines, paragraphs, or pieces of so many words or
characters is. What comes of one file is one group, so that no split parts it. Files are read in
blocks, and with a limit no further than is needed.

Sentences are found by rules. One ends at `.`, `!`, `?` or an ellipsis, with the quotes and brackets
that close there, if white space and then something that can begin a sentence follows: a capital, a
digit, an opening quote or bracket, a letter of a script without capitals. It also ends at the full
stops of Chinese, Japanese, Hindi and Arabic.

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
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from segue.data.sequences import Array, Sequences
from segue.errors import FileError, OptionError
from segue.readers.blocks import Blocks, LabelledFiles, Problems, collected
from segue.readers.decoding import check_encoding, lines, text_blocks
from segue.readers.labelled_files import find_labelled_files
from segue.readers.registry import NOTES, part_named

ENDINGS = (".txt", ".text")
Unit = Literal["file", "paragraph", "sentence", "line", "words", "characters"]
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


class _Text(NamedTuple):
    """A text, the number of its file from 0 on, and its own number there from 1 on."""

    row: int
    place: int
    text: str

    @property
    def size(self) -> int:
        return len(self.text)


def blocks(
    path: Path,
    *,
    values: int | None = None,
    limit: int | None = None,
    unit: Unit | None = None,
    chunk: int | None = None,
    encoding: str | None = None,
    labels: str | None = None,
) -> Blocks:
    """Read one text, or the texts of one folder.

    Args:
        path: a file or a folder.
        values: about so many characters at a time; `None`: everything at once.
        limit: so many sequences, the first of each class in turn.
        unit: what one sequence is: a "file" (if left out), "paragraph" (between empty lines),
            "sentence", "line", or so many "words" or "characters", their number in `chunk`.
        chunk: words (or characters, with that unit) in one sequence; the last of a file has what is
            left.
        encoding: such as "cp1252"; if left out, what a file's mark says, else UTF-8.
        labels: the table with the labels, in or relative to the folder; see
            `segue.readers.table.beside`.

    Yields:
        Texts. `ids` are the names of the files, with a number behind where a file has several;
        `groups` are the files then.

    Raises:
        FileError: files that are empty or no texts of this encoding, found when it is their turn;
            the first twenty are named.
        OptionError: a unit, a chunk or an encoding that means nothing.
    """
    check_encoding(encoding)
    chosen = _checked_unit(unit, chunk)
    whole = chosen == "file"
    first = limit if whole else None
    found = find_labelled_files(path, ENDINGS, limit=first, labels=labels, what="text", notes=NOTES)
    problems = Problems(path, "text", total=len(found.files))
    cut = partial(_cut, unit=chosen, count=chunk, encoding=encoding)
    coming = _texts(found, cut, None if whole else limit, problems)
    for block in collected(coming, values):
        if problems:  # the rest is looked through for more of them
            continue
        x = Sequences.from_texts(text.text for text in block)
        rows = np.array([text.row for text in block])
        known = {} if whole else _as_pieces(found, block, path)
        data = found[rows].dataset(x, reading={"unit": chosen}, **known)
        yield data, (block[-1].row + 1) / len(found.files)
    problems.raise_any()


def _texts(
    found: LabelledFiles,
    cut: Callable[[Path], Iterator[str]],
    limit: int | None,
    problems: Problems,
) -> Iterator[_Text]:
    """The texts of all files, one after the other."""
    left = _shares(found, limit)
    for number, file in enumerate(found.files):
        key = None if found.labels is None else found.labels[number]
        if problems.is_full or left.get(key) == 0:
            continue
        count = 0
        with problems.of(file):
            for text in islice(cut(file), left.get(key)):
                count += 1
                yield _Text(number, count, text)
            if count == 0:
                raise FileError("is empty: remove it, there is nothing to read.", path=file)
        if key in left:
            left[key] -= count


def _shares(found: LabelledFiles, limit: int | None) -> dict[object, int]:
    """So many texts of each class are enough for a limit; nothing without one."""
    if limit is None:
        return {}
    names = {None} if found.labels is None else set(found.labels.tolist())
    return dict.fromkeys(names, limit if found.parts is not None else -(-limit // len(names)))


def _as_pieces(found: LabelledFiles, pieces: Sequence[_Text], path: Path) -> dict[str, Array]:
    """The ids and groups of texts that are pieces of files: each file is a group."""
    begin = f"{path.name}/" if part_named(path.name) else ""  # of files in two parts
    names = [found.ids[piece.row] for piece in pieces]
    ids = [f"{name}:{piece.place}" for name, piece in zip(names, pieces, strict=True)]
    groups = {} if found.groups is not None else {"groups": np.array([begin + n for n in names])}
    return {"ids": np.array(ids), **groups}


# -- units ----------------------------------------------------------------------------------------


def _checked_unit(unit: str | None, chunk: int | None) -> str:
    """The unit of one sequence, after checking that unit and chunk fit together."""
    unit = unit or ("file" if chunk is None else "words")
    if unit not in ("words", "characters"):
        if chunk is not None:
            raise OptionError(f"chunk={chunk} is for unit='words' or 'characters', not {unit!r}.")
    elif chunk is None or isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1:
        raise OptionError(f"unit={unit!r} needs how many, such as chunk=50; got {chunk!r}.")
    return unit


def _cut(path: Path, *, unit: str, count: int | None, encoding: str | None) -> Iterator[str]:
    """The texts of one file that are not blank."""
    match unit:
        case "file":
            texts = iter(["".join(text_blocks(path, encoding))])
        case "line":
            texts = (line.strip() for line in lines(path, encoding))
        case "paragraph":
            texts = _paragraphs(path, encoding)
        case "sentence":
            texts = chain.from_iterable(map(split_sentences, _paragraphs(path, encoding)))
        case "words":
            words = (word for line in lines(path, encoding) for word in line.split())
            texts = _pieces(words, count, " ")
        case _:
            characters = chain.from_iterable(text_blocks(path, encoding))
            texts = _pieces(characters, count, "")
    return filter(str.strip, texts)


def _pieces(items: Iterator[str], count: int | None, between: str) -> Iterator[str]:
    """So many words or characters at a time."""
    while piece := between.join(islice(items, count)):
        yield piece


def _paragraphs(path: Path, encoding: str | None) -> Iterator[str]:
    """The paragraphs between empty lines, each in one line."""
    for is_blank, those in groupby(lines(path, encoding), lambda line: not line.strip()):
        if not is_blank:
            yield " ".join(" ".join(those).split())


# -- sentences ------------------------------------------------------------------------------------


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
