"""Parser of the text language: tokens, a recursive-descent parser, and a builder of specs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

from segue.errors import SpecError, did_you_mean
from segue.spec.base import (
    CONSTANTS,
    DEEPEST,
    Spec,
    Table,
    is_required,
    nested_depth,
    resolve_alias,
    takes_none,
)


def parse(
    text: str,
    table: Table,
    *,
    what: str = "layer",
    hint: Callable[[str], str | None] | None = None,
) -> tuple[Spec, ...]:
    """Parse a text into specs.

    Args:
        text: such as `"bilstm(100) dense(32, relu)"`.
        table: every known kind by its name.
        what: what a kind is called in messages.
        hint: advice for a word of another library; `None` where there is none.

    Raises:
        SpecError: the message marks the position in the text and suggests near misses.
    """
    return _Builder(text, table, what, hint).chain(_Parser(text).network())


# -- tokens and calls ---------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<string>"[^"]*"|'[^']*')
      | (?P<mark>->|[()\[\],=|])
    )""",
    re.VERBOSE,
)
_DEEPEST_LISTS = 5  # no argument needs more than two


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


@dataclass(frozen=True)
class _Argument:
    name: str | None
    value: Any  # a number, text or constant, a tuple of values, or a chain
    position: int


@dataclass(frozen=True)
class _Call:
    word: str
    arguments: tuple[_Argument, ...] | None  # None without parentheses
    position: int


@dataclass(frozen=True)
class _Chain:
    """Calls one after the other. A single bare word may also mean a plain value."""

    calls: tuple[_Call, ...]

    @property
    def bare_word(self) -> str | None:
        only = self.calls[0] if len(self.calls) == 1 else None
        return only.word if only and only.arguments is None else None


class _Parser:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._split(text)
        self.next = 0
        self.depth = 0

    def _split(self, text: str) -> list[_Token]:
        tokens, position = [], 0
        end = len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                position += len(text[position:]) - len(text[position:].lstrip())
                raise self.fail(f"unexpected {text[position]!r}", position)
            kind = match.lastgroup or ""
            tokens.append(_Token(kind, match[kind], match.start(kind)))
            position = match.end()
        tokens.append(_Token("end", "the end", end))
        return tokens

    def fail(self, message: str, position: int) -> SpecError:
        return SpecError(message, text=self.text, position=position)

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def take(self, text: str | None = None) -> _Token:
        token = self.token
        if text is not None and token.text != text:
            raise self.fail(f"expected {text!r}, found {token.text!r}", token.position)
        self.next += 1
        return token

    def network(self) -> _Chain:
        calls = []
        while self.token.kind != "end":
            calls.append(self.call())
            if self.token.text in (",", "|", "->"):
                self.take()
        return _Chain(tuple(calls))

    def chain(self) -> _Chain:
        """Inside parentheses, where a comma ends the argument."""
        calls = [self.call()]
        while self.token.kind == "word" or self.token.text in ("|", "->"):
            if self.token.kind != "word":
                self.take()
            calls.append(self.call())
        return _Chain(tuple(calls))

    def call(self) -> _Call:
        token = self.take()
        if token.kind != "word":
            raise self.fail(f"expected a name, found {token.text!r}", token.position)
        if self.token.text != "(":
            return _Call(token.text, None, token.position)
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.fail(f"more than {DEEPEST} calls in each other", token.position)
        arguments = self.listed("(", self.argument, ")")
        self.depth -= 1
        return _Call(token.text, arguments, token.position)

    def listed(self, begin: str, read: Any, end: str) -> tuple[Any, ...]:
        entries = []
        self.take(begin)
        while self.token.text != end:
            entries.append(read())
            if self.token.text not in (",", end):
                found = f"found {self.token.text!r}" if self.token.kind != "end" else "and it ends"
                raise self.fail(f"expected ',' or {end!r}, {found}", self.token.position)
            if self.token.text == ",":
                self.take()
        self.take(end)
        return tuple(entries)

    def argument(self) -> _Argument:
        token = self.token
        following = self.tokens[min(self.next + 1, len(self.tokens) - 1)]
        if token.kind == "word" and following.text == "=":
            self.take()
            self.take("=")
            return _Argument(token.text, self.value(), token.position)
        return _Argument(None, self.value(), token.position)

    def value(self, depth: int = 0) -> Any:
        token = self.token
        if depth > _DEEPEST_LISTS:
            raise self.fail("lists in lists too deep", token.position)
        if token.kind == "word":
            return self.chain()
        if token.text == "[" and token.kind == "mark":
            return self.listed("[", lambda: self.value(depth + 1), "]")
        self.take()
        if token.kind == "number":
            return int(token.text) if re.fullmatch(r"[+-]?\d+", token.text) else float(token.text)
        if token.kind == "string":
            return token.text[1:-1]
        raise self.fail(f"expected a value, found {token.text!r}", token.position)


# -- calls to specs -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Builder:
    """Makes specs from calls; a field's type decides whether it takes a value or specs."""

    text: str
    table: Table
    what: str
    hint: Callable[[str], str | None] | None

    def fail(self, message: str, position: int) -> SpecError:
        return SpecError(message, text=self.text, position=position)

    def near(self, word: str, known: Iterable[str]) -> str:
        """The end of a message about an unknown word."""
        hint = None if self.hint is None else self.hint(word)
        return f": {hint}." if hint else f".{did_you_mean(word, known)}"

    def chain(self, chain: _Chain) -> tuple[Spec, ...]:
        return tuple(self.spec(call) for call in chain.calls)

    def spec(self, call: _Call) -> Spec:
        if call.word not in self.table:
            near = self.near(call.word, self.table)
            raise self.fail(f"unknown {self.what} {call.word!r}{near}", call.position)
        kind = self.table[call.word]
        given = self.arguments(call, kind)
        absent = [f.name for f in fields(kind) if is_required(f) and f.name not in given]
        if absent:
            message = f"{call.word} needs {', '.join(absent)}: {_signature(kind)}"
            raise self.fail(message, call.position)
        try:
            return kind(**given)
        except SpecError as error:
            raise self.fail(str(error), call.position) from error

    def arguments(self, call: _Call, kind: type[Spec]) -> dict[str, Any]:
        names = [f.name for f in fields(kind)]
        given: dict[str, Any] = {}
        for number, argument in enumerate(call.arguments or ()):
            written = argument.name or self.positional_name(call, kind, number)
            name, _ = resolve_alias(kind, written, None)
            if name not in names:
                message = f"{call.word} has no argument {name!r}{self.near(name, names)}"
                raise self.fail(message, argument.position)
            several = argument.name is None and nested_depth(kind, name) == 2
            if name in given and not several:
                raise self.fail(f"{call.word} has {name!r} twice", argument.position)
            if several:  # each positional argument from here on is one chain of it
                given[name] = [*given.get(name, ()), self.value(argument, kind, name, 1)]
            else:
                value = self.value(argument, kind, name, nested_depth(kind, name))
                _, given[name] = resolve_alias(kind, written, value)
        return given

    def positional_name(self, call: _Call, kind: type[Spec], number: int) -> str:
        """The field that the positional argument of this number fills."""
        names = [f.name for f in fields(kind)]
        position = (call.arguments or ())[number].position
        for name in names[:number]:
            if nested_depth(kind, name) == 2:
                return name
            if nested_depth(kind, name) == 1:
                raise self.fail(
                    f"inside {call.word} the {self.what}s stand one after the other without "
                    f"commas, as in {call.word}(a b c); other arguments follow by name",
                    position,
                )
        if number >= len(names):
            raise self.fail(f"too many arguments: {_signature(kind)}", position)
        return names[number]

    def value(self, argument: _Argument, kind: type[Spec], name: str, depth: int) -> Any:
        """Convert an argument to its field's type: a plain value, a chain of specs, or several."""
        value = argument.value
        if depth == 0:
            return self.plain(value, name)
        if isinstance(value, _Chain):
            if value.bare_word == "none" and takes_none(kind, name):
                return None
            return self.chain(value)
        if depth == 2 and isinstance(value, tuple):
            entries = [_Argument(None, entry, argument.position) for entry in value]
            return [self.value(entry, kind, name, 1) for entry in entries]
        message = f"`{name}` takes {self.what}s, such as {name}={self.example()}; got {value!r}"
        raise self.fail(message, argument.position)

    def plain(self, value: Any, name: str) -> Any:
        if isinstance(value, tuple):
            return tuple(self.plain(entry, name) for entry in value)
        if not isinstance(value, _Chain):
            return value
        word = value.bare_word
        if word is None:
            first = value.calls[0]
            message = f"`{name}` takes a value, and here stands {first.word}(...)"
            if first.word in self.table:
                message += f"; with arguments it is a {self.what} of its own, behind this one"
            raise self.fail(message, first.position)
        return CONSTANTS.get(word, word)

    def example(self) -> str:
        return next(iter(self.table), "")


def _signature(kind: type[Spec]) -> str:
    return f"{kind.kind}({', '.join(f.name for f in fields(kind))})"
