"""Messages of errors that no test contains.

Of each error (and warning) that a folder of the source raises, the fixed words are taken: those of
its text, of what a name in it was set to before, and of what a function of the same file that makes
the text returns. A message counts as tested where three words of it that follow each other, and
follow each other in no other message, stand in a string of the tests (a regular expression counts
without its signs). Docstrings are no such strings.

    python bench/messages.py [FOLDER, src/segue unless given] [--tests FOLDER ...] [--all]
"""

from __future__ import annotations

import argparse
import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
RUN = 3  # words
_WORD = re.compile(r"[\w@<>=/'`-]+")
_ADDS = ("add", "error", "warn", "mistake", "refuse")  # methods that take a message
_BREAK = "\0"  # stands for a value in a text


class Message(NamedTuple):
    """Where a message stands, and its text with a sign for each value in it."""

    where: str
    text: str

    @property
    def runs(self) -> set[tuple[str, ...]]:
        """Words of the text that follow each other."""
        return runs(self.text)


def runs(text: str) -> set[tuple[str, ...]]:
    """Three words each that follow each other; of what has fewer, all.

    >>> sorted(runs("is no file"))
    [('is', 'no', 'file')]
    """
    found: set[tuple[str, ...]] = set()
    pieces = [_WORD.findall(piece) for piece in text.split(_BREAK)]
    size = min(RUN, max(map(len, pieces)))
    for words in pieces:
        found.update(tuple(words[i : i + size]) for i in range(len(words) - size + 1))
    return found - {()}


def messages(path: Path) -> Iterator[Message]:
    """The messages of one file of the source."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for function in functions.values():
        known: dict[str, str] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        before = known.get(target.id, "")
                        known[target.id] = before + _BREAK + text_of(node.value, {}, {})
        for node in ast.walk(function):
            if (argument := message_in(node)) is None:
                continue
            text = text_of(argument, known, functions)
            if _WORD.search(text):
                yield Message(f"{path.relative_to(ROOT)}:{node.lineno}", text)


def message_in(node: ast.AST) -> ast.expr | None:
    """The argument that is the text of an error or a warning."""
    if not isinstance(node, ast.Call) or not node.args:
        return None
    name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
    is_error = name.endswith(("Error", "Warning")) or name in _ADDS
    return node.args[0] if is_error else None


def text_of(node: ast.expr, known: dict[str, str], functions: dict[str, ast.FunctionDef]) -> str:
    """The fixed text of an expression."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(text_of(value, known, functions) for value in values)
        case ast.FormattedValue(value=value):
            return _BREAK + text_of(value, known, {}) + _BREAK
        case ast.BinOp(left=left, right=right):
            return text_of(left, known, functions) + text_of(right, known, functions)
        case ast.IfExp(body=body, orelse=other):
            return text_of(body, known, functions) + _BREAK + text_of(other, known, functions)
        case ast.Name(id=name):
            return _BREAK + known.get(name, "") + _BREAK
        case ast.Call(func=ast.Name(id=name)) if name in functions:
            returned = [n for n in ast.walk(functions[name]) if isinstance(n, ast.Return)]
            return _BREAK.join(text_of(n.value, {}, {}) for n in returned if n.value)
    return _BREAK


def strings(path: Path) -> Iterator[str]:
    """The strings of a test file, without docstrings, as plain text."""
    tree = ast.parse(path.read_text("utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    described = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in described:
            text = text_of(node, {}, {})
            plain = re.sub(r"\\n|\.[*+]\??|\|", _BREAK, text)
            yield re.sub(r"[\\()]", "", plain)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", nargs="?", default=ROOT / "src" / "segue", type=Path)
    parser.add_argument("--tests", nargs="+", default=[ROOT / "tests"], type=Path)
    parser.add_argument("--all", action="store_true", help="print those that are tested too")
    arguments = parser.parse_args()
    found = [m for path in sorted(arguments.folder.resolve().rglob("*.py")) for m in messages(path)]
    counts = Counter(run for message in found for run in message.runs)
    tested: set[tuple[str, ...]] = set()
    for folder in arguments.tests:
        for path in folder.rglob("*.py"):
            for text in strings(path):
                pieces = [_WORD.findall(piece) for piece in text.split(_BREAK)]
                for size in range(1, RUN + 1):
                    tested.update(
                        tuple(words[i : i + size])
                        for words in pieces
                        for i in range(len(words) - size + 1)
                    )
    missing = [m for m in found if not any(counts[run] == 1 for run in m.runs & tested)]
    for message in found if arguments.all else missing:
        sign = "-" if message in missing else "+"
        print(f"{sign} {message.where}: {message.text.replace(_BREAK, '...')}")
    print(f"{len(missing)} of {len(found)} messages are in no test")


if __name__ == "__main__":
    main()
