"""Texts: .txt files, a folder for each class, or with a table of labels beside them.

    authors/train/Grover_Cleveland/1885.txt
    authors/train/William_McKinley/1897.txt
    authors/test/Grover_Cleveland/1896.txt

A file is one sequence, or each of its sentences, lines, paragraphs, or pieces of so many words or
characters is. What comes of one file is one group, so that no split parts it. Files are read in
blocks, and with a limit no further than is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from segue.dataset import Dataset
from segue.errors import FileError, OptionError, did_you_mean
from segue.readers.blocks import Blocks
from segue.readers.decoding import check_encoding, lines, text_blocks
from segue.readers.problems import Problems
from segue.readers.registry import NOTES, part_named
from segue.readers.samples import Examples, find_examples
from segue.readers.sentences import split_sentences
from segue.sequences import Array, Sequences

ENDINGS = (".txt", ".text")
Unit = Literal["file", "paragraph", "sentence", "line", "words", "characters"]

_Text = tuple[tuple[int, int], str]


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
        unit: what one sequence is: a "file" (if nothing is said), "paragraph" (between empty
            lines), "sentence", "line", or so many "words" or "characters", as `chunk` says.
        chunk: words (or characters, with that unit) in one sequence; the last of a file has what is
            left.
        encoding: such as "cp1252"; if left out, what a file's mark says, else UTF-8.
        labels: the table with the labels, in or relative to the folder; see
            `segue.readers.table.listing`.

    Yields:
        Texts. `ids` are the names of the files, with the place in the file where there are several;
        `groups` are the files then.

    Raises:
        FileError: files that are empty or no texts of this encoding, found when it is their turn;
            the first twenty are named.
        OptionError: a unit, a chunk or an encoding that means nothing.
    """
    check_encoding(encoding)
    chosen = _unit(unit, chunk)
    cut = partial(_UNITS[chosen], encoding=encoding, **({} if chunk is None else {"count": chunk}))
    whole = chosen == "file"
    first = limit if whole else None
    found = find_examples(path, ENDINGS, limit=first, labels=labels, what="text", notes=NOTES)
    problems = Problems(path, "text", total=len(found.files))
    coming = _texts(found, cut, None if whole else limit, problems)
    while block := list(_some(coming, values)):
        if problems:  # the rest is looked through for more of them
            continue
        texts = Sequences.from_texts(text for _, text in block)
        places = np.array([place for place, _ in block], np.int64)
        data = _data_set(texts, places, found, path, whole=whole)
        yield replace(data, reading={"unit": chosen}), (places[-1, 0] + 1) / len(found.files)
    problems.raise_any()


def _some(coming: Iterator[_Text], values: int | None) -> Iterator[_Text]:
    """The next ones, of about so many characters."""
    characters = 0
    while values is None or characters < values:
        item = next(coming, None)
        if item is None:
            return
        yield item
        characters += len(item[1])


def _texts(
    found: Examples,
    cut: Callable[[Path], Iterator[str]],
    limit: int | None,
    problems: Problems,
) -> Iterator[_Text]:
    """The texts, each with the number of its file and its place there."""
    left = _shares(found, limit)
    for number, file in enumerate(found.files):
        key = None if found.labels is None else found.labels[number]
        if problems.is_full or left.get(key) == 0:
            continue
        count = 0
        with problems.of(file):
            for text in islice(cut(file), left.get(key)):
                yield (number, count), text
                count += 1
            if count == 0:
                raise FileError("is empty: remove it, there is nothing to read.", path=file)
        if key in left:
            left[key] -= count


def _shares(found: Examples, limit: int | None) -> dict[object, int]:
    """So many texts of each class are enough for a limit; nothing without one."""
    if limit is None:
        return {}
    names = {None} if found.labels is None else set(found.labels.tolist())
    return dict.fromkeys(names, limit if found.parts is not None else -(-limit // len(names)))


def _data_set(x: Sequences, places: Array, found: Examples, path: Path, *, whole: bool) -> Dataset:
    files, within = places[:, 0], places[:, 1]
    ids = np.array(found.ids)[files]
    groups = None if found.groups is None else found.groups[files]
    if not whole:
        # Files of one name in two parts are two groups.
        begin = f"{path.name}/" if part_named(path.name) else ""
        groups = np.array([begin + name for name in ids]) if groups is None else groups
        ids = np.array([f"{name}:{place + 1}" for name, place in zip(ids, within, strict=True)])
    return Dataset(
        x,
        None if found.labels is None else found.labels[files],
        groups=groups,
        parts=None if found.parts is None else found.parts[files],
        ids=ids,
        notes=found.notes,
        task="classify",
    )


# -- units ----------------------------------------------------------------------------------------


def _unit(unit: str | None, chunk: int | None) -> str:
    """What one sequence is, after checking that unit and chunk fit together."""
    if unit is not None and unit not in _UNITS:
        raise OptionError(f"unit={unit!r}.{did_you_mean(str(unit), _UNITS)}")
    unit = unit or ("file" if chunk is None else "words")
    if unit not in ("words", "characters"):
        if chunk is not None:
            raise OptionError(f"chunk={chunk} is for unit='words' or 'characters', not {unit!r}.")
    elif chunk is None or isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1:
        raise OptionError(f"unit={unit!r} needs how many, such as chunk=50; got {chunk!r}.")
    return unit


def _whole(path: Path, *, encoding: str | None) -> Iterator[str]:
    text = "".join(text_blocks(path, encoding))
    if text.strip():
        yield text


def _lines(path: Path, *, encoding: str | None) -> Iterator[str]:
    for line in lines(path, encoding):
        if line.strip():
            yield line.strip()


def _paragraphs(path: Path, *, encoding: str | None) -> Iterator[str]:
    waiting: list[str] = []
    for line in lines(path, encoding):
        if line.strip():
            waiting.append(line)
        elif waiting:
            yield _in_one_line(waiting)
            waiting = []
    if waiting:
        yield _in_one_line(waiting)


def _sentences(path: Path, *, encoding: str | None) -> Iterator[str]:
    for paragraph in _paragraphs(path, encoding=encoding):
        yield from split_sentences(paragraph)


def _words(path: Path, *, encoding: str | None, count: int) -> Iterator[str]:
    words = (word for line in lines(path, encoding) for word in line.split())
    while piece := list(islice(words, count)):
        yield " ".join(piece)


def _characters(path: Path, *, encoding: str | None, count: int) -> Iterator[str]:
    rest = ""
    for block in text_blocks(path, encoding):
        rest += block
        whole = len(rest) // count * count
        yield from (rest[start : start + count] for start in range(0, whole, count))
        rest = rest[whole:]
    if rest.strip():
        yield rest


def _in_one_line(parts: list[str]) -> str:
    return " ".join(" ".join(parts).split())


_UNITS: dict[str, Callable[..., Iterator[str]]] = {
    "file": _whole,
    "paragraph": _paragraphs,
    "sentence": _sentences,
    "line": _lines,
    "words": _words,
    "characters": _characters,
}
