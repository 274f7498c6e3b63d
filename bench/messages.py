"""Messages of errors that no test contains.

Of each error (and warning) that a folder of the source raises, the fixed words are taken: those of
its text, of what a name in it was set to before, and of what a function of the same file that makes
the text returns. A message counts as tested where a string of the tests is a part of it, with at
least three fixed words, a third of all (a regular expression
`.*` to the next). Docstrings are no such strings.
    python bench/messages.py [FOLDER, src/segue unless given] [--tests FOLDER ...] [--all]
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FEWEST = 3  # fixed words
_WORD = re.compile(r"[\w@<>=/'`-]+")
_ADDS = ("add", "error", "warn", "mistake", "refuse")  # methods that take a message
_BREAK = "\0"  # stands for a value in a text


class Message(NamedTuple):
    """Where a message stands, and its text with a sign for each value in it."""

    where: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words of the text, and a sign for each value and what it is joined to."""
        plain = re.sub(rf"\S*{_BREAK}\S*", f" {_BREAK} ", self.text)
        return re.findall(rf"{_BREAK}|{_WORD.pattern}", plain)

    def has(self, part: Sequence[str]) -> bool:
        """Whether words are a part of the text, with any words in the place of its values.

        >>> Message("", f"has {_BREAK} values; expected {_BREAK}").has(["has", "2", "values"])
        False
        >>> Message("", f"it has {_BREAK} values here").has(["it", "has", "2", "values"])
        True
        """
        words = [_BREAK, *self.words, _BREAK]  # a file and its line come first
        fewest = min(FEWEST, sum(word != _BREAK for word in words))
        best = dict.fromkeys(range(len(words)), 0)  # fixed words so far, by what comes next
        for number, word in enumerate(part, start=1):
            after: dict[int, int] = {}
            for place, fixed in best.items():
                here = place
                while here < len(words) and words[here] == _BREAK:
                    after[here] = max(after.get(here, 0), fixed)  # one of the words of a value
                    here += 1
                is_last = number == len(part)  # and may be cut off
                if here < len(words) and (
                    words[here] == word or (is_last and words[here].startswith(word))
                ):
                    after[here + 1] = max(after.get(here + 1, 0), fixed + 1)
            best = after
        most = max(best.values(), default=0)
        return most >= fewest and 3 * most >= len(part)


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
            return f"{_BREAK} {text} {_BREAK}" if (text := text_of(value, known, {})) else _BREAK
        case ast.BinOp(left=left, right=right):
            return text_of(left, known, functions) + text_of(right, known, functions)
        case ast.IfExp(body=body, orelse=other):
            texts = (text_of(one, known, functions) for one in (body, other))
            return f" {_BREAK} ".join(texts)
        case ast.Name(id=name):
            return f"{_BREAK} {known.get(name, '')} {_BREAK}"
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
    parts = {
        tuple(words)
        for folder in arguments.tests
        for path in folder.rglob("*.py")
        for text in strings(path)
        for piece in text.split(_BREAK)
        if (words := _WORD.findall(piece))
    }
    by_word: dict[str, list[tuple[str, ...]]] = {}
    for part in parts:
        for word in set(part):
            by_word.setdefault(word, []).append(part)
    missing = [
        message
        for message in found
        if not any(message.has(part) for word in message.words for part in by_word.get(word, ()))
    ]
    for message in found if arguments.all else missing:
        sign = "-" if message in missing else "+"
        print(f"{sign} {message.where}: {re.sub(f'{_BREAK}+', '...', message.text)}")
    print(f"{len(missing)} of {len(found)} messages are in no test")


if __name__ == "__main__":
    main()
