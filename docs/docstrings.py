"""How the reference reads docstrings: examples as code, and not as quotations.

Griffe loads this file when the site is built. In the sources an example stands at the end of its
docstring, as `>>> f(1)` below the last section; Markdown would take that for a quotation.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^( *)>>> .*(?:\n\1(?! *$).+)*", re.MULTILINE)


class Examples(griffe.Extension):
    """Puts every example of a package's docstrings into a block of code."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        fence_below(pkg)


def fence_below(thing: griffe.Object) -> None:
    if thing.docstring is not None:
        thing.docstring.value = fenced(thing.docstring.value)
    for member in thing.members.values():
        if isinstance(member, griffe.Object):
            fence_below(member)


def fenced(text: str) -> str:
    return _EXAMPLE.sub(_block, text)


def _block(match: re.Match[str]) -> str:
    indent = len(match[1])
    lines = "\n".join(line[indent:] for line in match[0].splitlines())
    return f"```pycon\n{lines}\n```"
