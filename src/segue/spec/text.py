"""Parser of the text language: a tokenizer and a recursive-descent parser that returns specs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from segue.errors import SpecError, did_you_mean, nearest
from segue.spec.base import (
    CONSTANTS,
    DEEPEST,
    Spec,
    Table,
    accepts,
    check_given,
    fields_of,
    resolve_alias,
)

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)  # also keras.layers.LSTM
      | (?P<string>"[^"]*"|'[^']*')
      | (?P<mark>->|[()\[\],=|])
    )""",
    re.VERBOSE,
)
_HYPHENS = re.compile(r"(?:-\w+)+")
_DEEPEST_LISTS = 5  # no argument needs more than two


def parse(
    text: str, table: Table, *, what: str = "layer", hint: Callable[[str], str | None] | None = None
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
    parser, specs = _Parser(text, table, what, hint), []
    while parser.tokens[parser.next].kind != "end":
        specs.append(parser.spec())
        parser.next += parser.tokens[parser.next].text in (",", "|", "->")
    return tuple(specs)


class Place(NamedTuple):
    """A spec, and where it stands in its text: `text[start:stop]`."""

    spec: Spec
    start: int
    stop: int


def located(
    text: str, table: Table, *, what: str = "layer", hint: Callable[[str], str | None] | None = None
) -> Iterator[Place]:
    """Parse a text spec by spec; those before a mistake are given before it is raised.

    The arguments and the error are those of `parse`.

    >>> from segue.layers import LAYERS
    >>> [(str(p.spec), p.start, p.stop) for p in located("lstm( 8 ), relu", LAYERS)]
    [('lstm(8)', 0, 9), ('relu', 11, 15)]
    """
    parser = _Parser(text, table, what, hint)
    while (first := parser.tokens[parser.next]).kind != "end":
        spec, last = parser.spec(), parser.tokens[parser.next - 1]
        yield Place(spec, first.position, last.position + len(last.text))
        parser.next += parser.tokens[parser.next].text in (",", "|", "->")


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


class _Parser:
    """Recursive descent over one text; a field's type decides whether it takes a value or specs."""

    def __init__(
        self, text: str, table: Table, what: str, hint: Callable[[str], str | None] | None
    ) -> None:
        self.text, self.table, self.what, self.hint = text, table, what, hint
        self.tokens: list[_Token] = []
        self.next = self.depth = 0
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                position += len(text[position:]) - len(text[position:].lstrip())
                self.refuse_hyphen(position)
                raise self.fail(f"unexpected {text[position]!r}", position)
            kind = match.lastgroup or ""
            self.tokens.append(_Token(kind, match[kind], match.start(kind)))
            position = match.end()
        self.tokens += [_Token("end", "the end", end)] * 2  # so that there is always a next one

    def fail(self, message: str, position: int) -> SpecError:
        return SpecError(message, text=self.text, position=position)

    def refuse_hyphen(self, position: int) -> None:
        """Refuse a name with hyphens, such as LSTM-FCN, by the name that is nearest."""
        before, (kind, word, start) = ([_Token("", "", 0)] * 2 + self.tokens)[-2:]
        rest = _HYPHENS.match(self.text, position)
        if kind == "word" and start + len(word) == position and before.text != "=" and rest:
            name, near = word + rest[0], self.near((word + rest[0]).replace("-", "_"), self.table)
            raise self.fail(f"unknown {self.what} {name!r}{near}", start)

    def near(self, word: str, known: Iterable[str]) -> str:
        """The end of a message about an unknown word."""
        hint = self.hint(word) if self.hint else None
        return f": {hint}." if hint else f".{did_you_mean(word.rpartition('.')[2], known)}"

    def parse_list(self, closing: str, parse_item: Callable[[int], Any]) -> list[Any]:
        """Parse a list of items with commas between them, up to the closing mark.

        Args:
            closing: the mark that ends the list: ")" or "]".
            parse_item: parses the item with a number, counted from 0.
        """
        entries: list[Any] = []
        self.next += 1
        while self.tokens[self.next].text != closing:
            entries.append(parse_item(len(entries)))
            kind, text, position = self.tokens[self.next]
            if text not in (",", closing):
                found = f"found {text!r}" if kind != "end" else "and it ends"
                raise self.fail(f"expected ',' or {closing!r}, {found}", position)
            self.next += text == ","
        self.next += 1
        return entries

    def chain(self) -> tuple[Spec, ...]:
        """Specs inside parentheses, where a comma ends the argument."""
        specs = [self.spec()]
        while (token := self.tokens[self.next]).kind == "word" or token.text in ("|", "->"):
            self.next += token.kind != "word"
            specs.append(self.spec())
        return tuple(specs)

    def spec(self) -> Spec:
        what, word, position = self.tokens[self.next]
        self.next += 1
        if what != "word":
            raise self.fail(f"expected the name of a {self.what}, found {word!r}", position)
        if word not in self.table:
            near = self.near(word, self.table)
            raise self.fail(f"unknown {self.what} {word!r}{near}", position)
        kind = self.table[word]
        given: dict[str, Any] = {}
        after = self.tokens[self.next]
        if after.kind in ("number", "string"):
            message = f"arguments stand in parentheses: {word}({after.text})"
            raise self.fail(message, after.position)
        if after.text == "(":
            self.depth += 1
            if self.depth > DEEPEST:
                raise self.fail(f"more than {DEEPEST} calls in each other", position)
            self.parse_list(")", lambda number: self.argument(kind, given, number))
            self.depth -= 1
        if problem := check_given(kind, given):
            raise self.fail(f"{problem}: {_signature(kind)}", position)
        try:
            return kind(**given)
        except SpecError as error:
            raise self.fail(str(error), position) from error

    def argument(self, kind: type[Spec], given: dict[str, Any], number: int) -> None:
        """Read the argument of this number into the fields given so far."""
        what, word, position = self.tokens[self.next]
        is_named, known = what == "word" and self.tokens[self.next + 1].text == "=", fields_of(kind)
        names = list(known)
        if is_named:
            written = word
        elif number < len(names) and not any(known[before].depth for before in names[:number]):
            written = names[number]
        else:
            written = self.name_behind(kind, number, position)
        if what == "string" and not is_named:
            self.refuse_pair(kind, written)
        name = kind.aliases[written].field if written in kind.aliases else written
        if name not in known:
            message = f"{kind.kind} has no argument {name!r}{self.near(name, known)}"
            raise self.fail(message, position)
        depth = known[name].depth
        several = not is_named and depth == 2
        if name in given and not several:
            raise self.fail(f"{kind.kind} has {name!r} twice", position)
        self.next += 2 * is_named
        if several:  # each positional argument from here on is one chain of it
            given.setdefault(name, []).append(self.nested(kind, name, 1))
            return
        given[name] = self.nested(kind, name, depth) if depth else self.plain(name)
        if written != name:
            _, given[name] = resolve_alias(kind, written, given[name])

    def refuse_pair(self, kind: type[Spec], field: str) -> None:
        """Refuse a name in quotes with its value behind it, as MATLAB writes arguments."""
        (_, quoted, position), comma, value = self.tokens[self.next : self.next + 3]
        near = nearest(quoted[1:-1], [*fields_of(kind), *kind.aliases])
        if comma.text != "," or near is None or accepts(kind, field, quoted[1:-1]):
            return
        name, meant = resolve_alias(kind, near, value.text.strip("'\""))
        example = f"{kind.kind}(..., {name}={meant})"
        message = f"arguments by name are written without quotes, as in {example}"
        raise self.fail(message, position)

    def name_behind(self, kind: type[Spec], number: int, position: int) -> str:
        """The field that the positional argument of this number fills, behind a chain of specs."""
        names = list(fields_of(kind))
        for name in names[:number]:
            depth = fields_of(kind)[name].depth
            if depth == 2:
                return name
            if depth == 1:
                raise self.fail(
                    f"inside {kind.kind} the {self.what}s stand one after the other without "
                    f"commas, as in {kind.kind}(a b c); other arguments follow by name",
                    position,
                )
        raise self.fail(f"too many arguments: {_signature(kind)}", position)

    def nested(self, kind: type[Spec], name: str, depth: int) -> Any:
        """Read a chain of specs (depth 1), or several chains (2)."""
        token, after = self.tokens[self.next : self.next + 2]
        if token.text == "none" and after.text in (",", ")") and fields_of(kind)[name].takes_none:
            self.next += 1
            return None
        if token.kind == "word":
            return self.chain()
        if depth == 2 and token.text == "[":
            return self.parse_list("]", lambda _: self.nested(kind, name, 1))
        example = f"{name}={next(iter(self.table), '')}"
        message = f"`{name}` takes {self.what}s, such as {example}; got {self.plain(name)!r}"
        raise self.fail(message, token.position)

    def plain(self, name: str, depth: int = 0) -> Any:
        """Read a number, a word, a text, or a list of such."""
        (what, text, position), after = self.tokens[self.next : self.next + 2]
        if depth > _DEEPEST_LISTS:
            raise self.fail("lists in lists too deep", position)
        if text == "[":
            return tuple(self.parse_list("]", lambda _: self.plain(name, depth + 1)))
        if what == "word" and (after.kind == "word" or after.text in ("(", "|", "->")):
            message = f"`{name}` takes a value, and here stands {text}(...)"
            if text in self.table:
                message += f"; with arguments it is a {self.what} of its own, behind this one"
            raise self.fail(message, position)
        self.next += 1
        if what == "word":
            return CONSTANTS.get(text, text)
        if what == "number":
            return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
        if what == "string":
            return text[1:-1]
        raise self.fail(f"expected a value, found {text!r}", position)


def _signature(kind: type[Spec]) -> str:
    return f"{kind.kind}({', '.join(fields_of(kind))})"
