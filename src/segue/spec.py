"""The little language of networks and preparations, and the frozen specs that it names.

    bilstm(100) dense(32, relu) dropout(0.3)

A text is a list of calls; each names a spec, a small frozen dataclass: `lstm(128, dropout=0.2)` and
`LSTM(units=128, dropout=0.2)` are the same thing, and so is its JSON. Positional arguments fill the
fields in their order. The schema of the JSON is closed: unknown kinds and fields are refused.

    network  = call { [ "," | "|" | "->" ] call }
    call     = word [ "(" [ argument { "," argument } ] ")" ]
    argument = [ word "=" ] value
    value    = number | "text" | true | false | none | "[" values "]" | word
"""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Annotated, Any, ClassVar

import pydantic
from pydantic import TypeAdapter

from segue.errors import SpecError, did_you_mean

Count = Annotated[int, pydantic.Field(ge=1, lt=2**31)]
Rate = Annotated[float, pydantic.Field(ge=0, lt=1)]
Name = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


@dataclass(frozen=True)
class Spec:
    """One call of the language: a frozen dataclass whose fields are checked when it is made.

    A kind of layer or of preparation derives from this once, and is final. `kind` is its word.

    Raises:
        SpecError: a field of the wrong type or out of its range; all are reported together.
    """

    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        problems = []
        kind: Any = type(self)
        for name, adapter in _adapters(kind).items():
            value = _as_tuple(getattr(self, name))
            try:
                object.__setattr__(self, name, _validate(adapter, value))
            except pydantic.ValidationError as error:
                problems.append(f"`{name}` is {value!r}: {_reason(error)}")
        if problems:
            raise SpecError(f"{self.kind}: {'; '.join(problems)}.")

    def __str__(self) -> str:
        """The text that parses to this spec: defaults are left out.

        Needed arguments and words stand by their place, as in `dense(32, relu)`; the rest by name.
        """
        kind: Any = type(self)
        words, named, adapters = [], False, _adapters(kind)
        for f in fields(self):
            value = getattr(self, f.name)
            if self._is_default(f.name):
                named = True
                continue
            named = named or not (_required(f) or isinstance(value, str))
            text = _text(value)
            if value == "none" and not _takes_none(adapters[f.name]):
                text = "none"  # needs no quotes where the word cannot mean the absence of a value
            words.append(f"{f.name}={text}" if named else text)
        return f"{self.kind}({', '.join(words)})" if words else self.kind

    def to_json(self) -> dict[str, Any]:
        """The kind and every field that is not the default."""
        chosen = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"kind": self.kind, **{k: v for k, v in chosen.items() if not self._is_default(k)}}

    def _is_default(self, name: str) -> bool:
        f = next(f for f in fields(self) if f.name == name)
        return not _required(f) and getattr(self, name) == _default(f)


Table = Mapping[str, type[Spec]]


def parse(text: str, table: Table, *, what: str = "layer") -> tuple[Spec, ...]:
    """Read a text into specs.

    Args:
        text: such as `"bilstm(100) dense(32, relu)"`.
        table: the kinds that there are, by their word.
        what: what a kind is called in messages.

    Raises:
        SpecError: the message points at the place and suggests near misses.
    """
    return tuple(_build(call, table, text, what) for call in _Parser(text).network())


def from_json(items: Iterable[Mapping[str, Any]], table: Table, *, what: str) -> tuple[Spec, ...]:
    """Make specs from their JSON; unknown kinds and fields are refused by name."""
    specs = []
    for item in items:
        if not isinstance(item, Mapping):
            raise SpecError(f"a {what} is described by an object with its kind; got {item!r}.")
        given = dict(item)
        kind = given.pop("kind", None)
        if not isinstance(kind, str) or kind not in table:
            raise SpecError(f"unknown {what} {kind!r}.{did_you_mean(str(kind), table)}")
        known = {f.name for f in fields(table[kind])}
        strange = sorted(set(given) - known)
        if strange:
            raise SpecError(f"{kind} has no field {', '.join(strange)}.")
        absent = [f.name for f in fields(table[kind]) if _required(f) and f.name not in given]
        if absent:
            raise SpecError(f"{kind} needs {', '.join(absent)}.")
        specs.append(table[kind](**given))
    return tuple(specs)


def to_text(specs: Iterable[Spec]) -> str:
    """The text that parses to these specs."""
    return " ".join(str(spec) for spec in specs)


# -- fields -------------------------------------------------------------------------------------


@functools.cache
def _adapters(kind: Any) -> dict[str, TypeAdapter[Any]]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {f.name: TypeAdapter(hints[f.name]) for f in fields(kind)}


def _validate(adapter: TypeAdapter[Any], value: Any) -> Any:
    """The word `none` of a text may mean no value, or a choice of that name."""
    try:
        return adapter.validate_python(value, strict=True)
    except pydantic.ValidationError:
        if value is not None:
            raise
        return adapter.validate_python("none", strict=True)


def _takes_none(adapter: TypeAdapter[Any]) -> bool:
    try:
        adapter.validate_python(None, strict=True)
    except pydantic.ValidationError:
        return False
    return True


def _reason(error: pydantic.ValidationError) -> str:
    reasons = dict.fromkeys(detail["msg"] for detail in error.errors(include_url=False))
    return ", or ".join(reason[0].lower() + reason[1:] for reason in reasons)


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(entry) for entry in value) if isinstance(value, list | tuple) else value


def _required(f: Field[Any]) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def _default(f: Field[Any]) -> Any:
    return f.default if f.default is not MISSING else None


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_text(entry) for entry in value)}]"
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) and value not in _CONSTANTS
        return value if plain else f'"{value}"'
    return str(value)


# -- text ---------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<string>"[^"]*"|'[^']*')
      | (?P<mark>->|[()\[\],=|])
    )""",
    re.VERBOSE,
)
_CONSTANTS = {"true": True, "false": False, "none": None, "True": True, "False": False}
_DEEPEST = 5  # lists in lists; no argument needs more than two


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


@dataclass(frozen=True)
class _Argument:
    name: str | None
    value: Any
    position: int


@dataclass(frozen=True)
class _Call:
    word: str
    arguments: tuple[_Argument, ...]
    position: int


class _Parser:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._split(text)
        self.next = 0

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

    def network(self) -> list[_Call]:
        calls = []
        while self.token.kind != "end":
            calls.append(self.call())
            if self.token.text in (",", "|", "->"):
                self.take()
        return calls

    def call(self) -> _Call:
        token = self.take()
        if token.kind != "word":
            raise self.fail(f"expected a name, found {token.text!r}", token.position)
        arguments = []
        if self.token.text == "(":
            self.take("(")
            while self.token.text != ")":
                arguments.append(self.argument())
                if self.token.text != ")":
                    self.take(",")
            self.take(")")
        return _Call(token.text, tuple(arguments), token.position)

    def argument(self) -> _Argument:
        token = self.token
        following = self.tokens[min(self.next + 1, len(self.tokens) - 1)]
        if token.kind == "word" and following.text == "=":
            self.take()
            self.take("=")
            return _Argument(token.text, self.value(), token.position)
        return _Argument(None, self.value(), token.position)

    def value(self, depth: int = 0) -> Any:
        token = self.take()
        if depth > _DEEPEST:
            raise self.fail("lists in lists too deep", token.position)
        if token.kind == "number":
            return int(token.text) if re.fullmatch(r"[+-]?\d+", token.text) else float(token.text)
        if token.kind == "string":
            return token.text[1:-1]
        if token.kind == "word":
            return _CONSTANTS.get(token.text, token.text)
        if token.text == "[":
            entries = []
            while self.token.text != "]":
                entries.append(self.value(depth + 1))
                if self.token.text != "]":
                    self.take(",")
            self.take("]")
            return tuple(entries)
        raise self.fail(f"expected a value, found {token.text!r}", token.position)


def _build(call: _Call, table: Table, text: str, what: str) -> Spec:
    def fail(message: str, position: int) -> SpecError:
        return SpecError(message, text=text, position=position)

    if call.word not in table:
        raise fail(f"unknown {what} {call.word!r}.{did_you_mean(call.word, table)}", call.position)
    kind = table[call.word]
    names = [f.name for f in fields(kind)]
    given: dict[str, Any] = {}
    for place, argument in enumerate(call.arguments):
        name = argument.name
        if name is None:
            if place >= len(names):
                signature = f"{call.word}({', '.join(names)})"
                raise fail(f"too many arguments: {signature}", argument.position)
            name = names[place]
        if name not in names:
            raise fail(
                f"{call.word} has no argument {name!r}.{did_you_mean(name, names)}",
                argument.position,
            )
        if name in given:
            raise fail(f"{call.word} has {name!r} twice", argument.position)
        given[name] = argument.value
    absent = [f.name for f in fields(kind) if _required(f) and f.name not in given]
    if absent:
        raise fail(
            f"{call.word} needs {', '.join(absent)}: {call.word}({', '.join(names)})", call.position
        )
    try:
        return kind(**given)
    except SpecError as error:
        raise fail(str(error), call.position) from error
