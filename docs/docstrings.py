"""How the reference reads docstrings; Griffe loads this file when the site is built.

In the sources an example stands at the end of its docstring, as `>>> f(1)` below the last section:
Markdown would take that for a quotation. The arguments that a layer has from its base are explained
there and not again. A colon in a sentence on what is returned is no end of a type.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^( *)>>> .*(?:\n\1(?! *$).+)*", re.MULTILINE)
_ARGUMENTS = re.compile(r"^Args:\n((?:(?: {4}.*)?\n)*(?: {4}.*)?)", re.MULTILINE)
_RETURNED = re.compile(r"^Returns:\n(?: {4}.*\n?)+", re.MULTILINE)
_COLON = re.compile(r": (?=(?:[^`]*`[^`]*`)*[^`]*$)")  # not inside `code`


class Docstrings(griffe.Extension):
    """Makes of the docstrings of a package what the site shows."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        everything = list(_below(pkg))
        own = {id(thing): thing.docstring.value for thing in everything if thing.docstring}
        for thing in everything:
            if thing.docstring is None:
                continue
            bases = thing.mro() if isinstance(thing, griffe.Class) else []
            inherited = [own[id(base)] for base in bases if id(base) in own]
            if inherited and "dataclass" in thing.labels:
                thing.docstring.value = with_arguments(thing.docstring.value, inherited)
            thing.docstring.value = fenced(without_types(thing.docstring.value))


def _below(thing: griffe.Object) -> list[griffe.Object]:
    members = [member for member in thing.members.values() if isinstance(member, griffe.Object)]
    return [thing, *(inner for member in members for inner in _below(member))]


def with_arguments(text: str, bases: list[str]) -> str:
    """A docstring with the arguments that its bases explain, theirs first, the nearest counts."""
    found: dict[str, str] = {}
    for other in (*reversed(bases), text):
        found |= arguments(other)
    if found.keys() == arguments(text).keys():
        return text
    section = "Args:\n" + "\n".join(found.values())
    if _ARGUMENTS.search(text):
        return _ARGUMENTS.sub(lambda _: f"{section}\n\n", text, count=1).rstrip()
    said, example, rest = text.partition("\n\n>>> ")
    return f"{said.rstrip()}\n\n{section}{example}{rest}"


def arguments(text: str) -> dict[str, str]:
    """The lines on each argument, by its name."""
    block = _ARGUMENTS.search(text)
    lines = re.split(r"^(?= {4}\w+:)", block[1].rstrip() if block else "", flags=re.MULTILINE)
    return {line.split(":")[0].strip(): line.rstrip() for line in lines if line.strip()}


def without_types(text: str) -> str:
    """What is returned, such as "A pair: the first and the last", as one sentence."""
    return _RETURNED.sub(lambda m: "\n".join(map(_sentence, m[0].split("\n"))), text)


def _sentence(line: str) -> str:
    return _COLON.sub("&#58; ", line)


def fenced(text: str) -> str:
    """Every example as a block of code."""
    return _EXAMPLE.sub(_block, text)


def _block(match: re.Match[str]) -> str:
    indent = len(match[1])
    lines = "\n".join(line[indent:] for line in match[0].splitlines())
    return f"```pycon\n{lines}\n```"
