"""What the lines of a `.ts` file before `@data` say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from segue.errors import DataError
from segue.readers.cases import short

Labels = Literal["class", "target", "none"]


@dataclass
class Header:
    """What the lines before `@data` say.

    Attributes:
        name: of the problem.
        labels: whether a case ends with its class, with a number to be predicted, or with neither;
            `None` if the header does not say.
        classes: as the header names them, in its order.
        stamped: whether a value comes with its time, `(0.1,2.5)`.
        channels: values at each step; 0: the first case decides.
        equal_length: whether all cases must have as many steps as the first.
        steps: of the first case, once it has been read.
        times: the types of the time stamps so far.
        unsorted: the cases so far whose time stamps were out of order.
    """

    name: str = ""
    labels: Labels | None = None
    classes: tuple[str, ...] = ()
    stamped: bool = False
    channels: int = 0
    equal_length: bool = False
    steps: int = 0
    times: set[type] = field(default_factory=set)
    unsorted: int = 0


def read_tag(line: str, header: Header) -> bool:
    """Take in one line of the header; return whether more of them are expected."""
    tag, *words = line.split()
    match tag.lower():
        case "@problemname":
            header.name = " ".join(words)
        case "@timestamps":
            header.stamped = _truth(tag, words)
        case "@univariate" if _truth(tag, words):
            header.channels = 1
        case "@dimension" | "@dimensions":
            header.channels = _count(tag, words)
        case "@equallength":
            header.equal_length = _truth(tag, words)
        case "@targetlabel":
            _set_labels(header, "target" if _truth(tag, words) else "none")
        case "@classlabel":
            _set_labels(header, "class" if _truth(tag, words) else "none")
            header.classes = tuple(dict.fromkeys(words[1:]))
            if header.labels == "class" and not header.classes:
                raise _bad_tag(tag, words, "`true` and then the classes")
        case "@data":
            _check_header(header)
            return False
        case _ if not tag.startswith("@"):
            raise DataError(f"{short(line)!r} stands before @data; expected a line with @ first.")
    return True


def _set_labels(header: Header, labels: Labels) -> None:
    if labels != "none" or header.labels is None:  # `@targetLabel false` after `@classLabel true`
        header.labels = labels


def _check_header(header: Header) -> None:
    if header.labels is None:
        raise DataError(
            "the header has neither @classLabel nor @targetLabel. "
            "Write `@classLabel true` with the classes, or `@classLabel false` if there are none."
        )


def _truth(tag: str, words: list[str]) -> bool:
    word = words[0].lower() if words else ""
    if word not in ("true", "false"):
        raise _bad_tag(tag, words, "`true` or `false`")
    return word == "true"


def _count(tag: str, words: list[str]) -> int:
    if len(words) != 1 or not words[0].isdecimal() or int(words[0]) < 1:
        raise _bad_tag(tag, words, "one number of channels")
    return int(words[0])


def _bad_tag(tag: str, words: list[str], expected: str) -> DataError:
    came = repr(short(" ".join(words))) if words else "nothing"
    return DataError(f"{tag} is followed by {came}; expected {expected}.")
