"""Lines of code of a folder of Python files.

Blank lines, comments and docstrings do not count; of what is left, a statement over three lines
counts as three. By tokens and the syntax tree, so a `#` within a text is no comment, and a text
that is no docstring is code.

    python bench/size.py [FOLDER, src/segue unless given] [--files: each file, not only each room]
"""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

LONGEST = 10
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


class Size(NamedTuple):
    """A file, or several: its name, its lines of code, and all of its lines."""

    name: str
    code: int
    lines: int


def code_lines(source: str) -> int:
    """How many lines of a Python source hold code.

    >>> code_lines('x = [\\n    1,  # one\\n]\\n\\n# nothing\\ndef f():\\n    "What it does."\\n')
    4
    """
    described = docstring_lines(ast.parse(source))
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        docstring = token.type == tokenize.STRING and token.start[0] in described
        if token.type not in NO_CODE and not docstring:
            found.update(range(token.start[0], token.end[0] + 1))
    return len(found)


def docstring_lines(tree: ast.Module) -> set[int]:
    """The lines of the docstrings of a module, of its classes and functions."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            found.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return found


def files(folder: Path) -> list[Size]:
    """Every Python file below a folder, by path."""
    sources = ((path, path.read_text("utf-8")) for path in sorted(folder.rglob("*.py")))
    return [
        Size(path.relative_to(folder).as_posix(), code_lines(text), len(text.splitlines()))
        for path, text in sources
    ]


def rooms(found: Iterable[Size]) -> list[Size]:
    """What is in each subfolder; `.` is what lies in the folder itself."""

    def room(size: Size) -> str:
        return size.name.split("/", maxsplit=1)[0] if "/" in size.name else "."

    return [total(name, list(those)) for name, those in groupby(sorted(found, key=room), room)]


def total(name: str, sizes: Sequence[Size]) -> Size:
    """All of them together, under a name that says how many they are."""
    some = f"{name} ({len(sizes)} {'file' if len(sizes) == 1 else 'files'})"
    return Size(some, sum(s.code for s in sizes), sum(s.lines for s in sizes))


def show(title: str, sizes: Sequence[Size]) -> None:
    """Print a table."""
    width = max(len(title), *(len(size.name) for size in sizes))
    print(f"{title:{width}}    code   lines")
    for size in sizes:
        print(f"{size.name:{width}} {size.code:7,} {size.lines:7,}")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", nargs="?", default="src/segue", type=Path)
    parser.add_argument("--files", action="store_true", help="print each file too")
    arguments = parser.parse_args()
    found = files(arguments.folder)
    if not found:
        parser.error(f"{arguments.folder} is no folder with Python files")
    if arguments.files:
        show("file", found)
    show("room", [*rooms(found), total("total", found)])
    show("longest by all lines", sorted(found, key=lambda size: -size.lines)[:LONGEST])


if __name__ == "__main__":
    main()
