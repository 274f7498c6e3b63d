"""The base of specs: frozen dataclasses whose fields are validated, with a text and a JSON form."""

from __future__ import annotations

import difflib
import functools
import re
import typing
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar

import pydantic
from pydantic import TypeAdapter

from segue.errors import SpecError, did_you_mean

Count = Annotated[int, pydantic.Field(ge=1, lt=2**31)]
Rate = Annotated[float, pydantic.Field(ge=0, lt=1)]
Name = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]

CONSTANTS = {"true": True, "false": False, "none": None, "True": True, "False": False}
_FEW = 6  # words that a message lists in full
DEEPEST = 10  # specs in specs; deeper ones are refused before they can exhaust the stack


@dataclass(frozen=True)
class Nested:
    """Marks the type of a field that holds specs, as in `Annotated[tuple[...], Nested(1)]`.

    Attributes:
        depth: 1 for a chain of specs, written one after the other; 2 for several chains, which take
            all the positional arguments from theirs on.
    """

    depth: int


class Alias(NamedTuple):
    """Another library's or an older name of an argument.

    Attributes:
        field: the field that it means.
        values: the field's value for each value of the argument, where they differ.
    """

    field: str
    values: Mapping[Any, Any] | None = None


Aliases = Mapping[str, Alias]


@dataclass(frozen=True)
class Spec:
    """One call of the language: a frozen dataclass whose fields are validated when it is made.

    A kind of layer or of preparation derives from this once, and is final. Class arguments become
    class attributes, as in `class Dense(LayerSpec, kind="dense")`.

    Class attributes:
        kind: its name in texts and JSON.
        aliases: other names of its arguments, accepted in texts and JSON and never printed.

    Raises:
        SpecError: fields of the wrong type or out of range; all are reported together.
    """

    kind: ClassVar[str] = ""
    aliases: ClassVar[Aliases] = {}

    def __init_subclass__(cls, **attributes: Any) -> None:
        super().__init_subclass__()
        for name, value in attributes.items():
            setattr(cls, name, value)

    def __post_init__(self) -> None:
        problems = []
        kind: Any = type(self)
        for name, adapter in _adapters(kind).items():
            value = _as_tuple(getattr(self, name), nested_depth(kind, name))
            try:
                object.__setattr__(self, name, _validate(adapter, value))
            except pydantic.ValidationError as error:
                shown = text_of(value) if _holds_specs(value) else repr(value)
                problems.append(f"`{name}` is {shown}: {_reason(value, error)}")
        if problems:
            raise SpecError(f"{self.kind}: {'; '.join(problems)}.")

    def __str__(self) -> str:
        """The text that parses to this spec, without defaults.

        Required arguments and words are positional, as in `dense(32, relu)`; all others are given
        by name, and so is whatever follows a chain of specs.
        """
        kind: Any = type(self)
        words, named = [], False
        for f in fields(self):
            if getattr(self, f.name) == f.default:
                named = True
                continue
            value, depth = getattr(self, f.name), nested_depth(kind, f.name)
            named = named or not (is_required(f) or isinstance(value, str))
            text = text_of(value)
            if depth == 2 and not named:
                text = ", ".join(text_of(chain) for chain in value)
            elif value == "none" and not takes_none(kind, f.name):
                text = "none"  # needs no quotes where the word cannot mean the absence of a value
            words.append(f"{f.name}={text}" if named else text)
            named = named or depth > 0
        return f"{self.kind}({', '.join(words)})" if words else self.kind

    def to_json(self) -> dict[str, Any]:
        """The kind and every field that is not the default."""
        kept = [f.name for f in fields(self) if getattr(self, f.name) != f.default]
        return {"kind": self.kind, **{name: _json_of(getattr(self, name)) for name in kept}}


Table = Mapping[str, type[Spec]]


def to_text(specs: Iterable[Spec]) -> str:
    """The text that parses to these specs."""
    return " ".join(str(spec) for spec in specs)


def text_of(value: Any) -> str:
    """The text of one argument: a number, a word, a list, or specs one after the other."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if _holds_specs(value):
        return to_text(value)
    if isinstance(value, tuple):
        return f"[{', '.join(text_of(entry) for entry in value)}]"
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) and value not in CONSTANTS
        return value if plain else f'"{value}"'
    return str(value)


def resolve_alias(kind: type[Spec], name: str, value: Any) -> tuple[str, Any]:
    """The field that an argument means, and its value there; an unknown name stays as it is."""
    alias = kind.aliases.get(name)
    if alias is None:
        return name, value
    known = alias.values is not None and isinstance(value, str | bool) and value in alias.values
    return alias.field, alias.values[value] if alias.values is not None and known else value


SpecType = TypeVar("SpecType", bound=type[Spec])


def renamed_arguments(**renamed: str) -> Callable[[SpecType], SpecType]:
    """Class decorator: the constructor still takes an argument's old name, with a warning.

    Args:
        renamed: the new name of each old one.
    """

    def decorate(kind: SpecType) -> SpecType:
        create = kind.__init__

        @functools.wraps(create)
        def __init__(self: Spec, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            for old in [name for name in renamed if name in kwargs]:
                new = renamed[old]
                message = f"{kind.__name__}: `{old}` is now called `{new}`."
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                kwargs[new] = kwargs.pop(old)
            create(self, *args, **kwargs)

        setattr(kind, "__init__", __init__)  # noqa: B010  (mypy takes no assignment to a method)
        return kind

    return decorate


# -- fields -------------------------------------------------------------------------------------


def is_required(f: Field[Any]) -> bool:
    """Whether a field of a spec has no default, so that its argument must be given."""
    return f.default is MISSING and f.default_factory is MISSING


def nested_depth(kind: type[Spec], name: str) -> int:
    """Nesting depth of a field with specs: 0 is a plain value, 1 a chain, 2 several chains."""
    any_kind: Any = kind
    return _depths(any_kind)[name]


def nested_fields(kind: type[Spec]) -> list[str]:
    """The fields that hold specs."""
    return [f.name for f in fields(kind) if nested_depth(kind, f.name)]


def takes_none(kind: Any, name: str) -> bool:
    """Whether a field may be without a value."""
    try:
        _adapters(kind)[name].validate_python(None, strict=True)
    except pydantic.ValidationError:
        return False
    return True


def _marked_depth(hint: Any) -> int:
    if isinstance(hint, Nested):
        return hint.depth
    if typing.get_origin(hint) is Annotated:
        return max((_marked_depth(mark) for mark in hint.__metadata__), default=0)
    options = () if typing.get_origin(hint) is tuple else typing.get_args(hint)
    return max((_marked_depth(option) for option in options), default=0)


@functools.cache
def _depths(kind: Any) -> dict[str, int]:
    return {name: _marked_depth(hint) for name, hint in _hints(kind).items()}


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)


@functools.cache
def _adapters(kind: Any) -> dict[str, TypeAdapter[Any]]:
    return {f.name: TypeAdapter(_hints(kind)[f.name]) for f in fields(kind)}


def _validate(adapter: TypeAdapter[Any], value: Any) -> Any:
    """The word `none` of a text may mean no value, or a choice of that name."""
    try:
        return adapter.validate_python(value, strict=True)
    except pydantic.ValidationError:
        if value is not None:
            raise
        return adapter.validate_python("none", strict=True)


def _reason(value: Any, error: pydantic.ValidationError) -> str:
    """The reason of a validation error; of many allowed words, only the nearest one."""
    details = error.errors(include_url=False)
    words = [
        word
        for detail in details
        if detail["type"] == "literal_error"
        for word in re.findall(r"'(\w+)'", detail["ctx"]["expected"])
    ]
    if isinstance(value, str) and len(words) > _FEW:
        near = difflib.get_close_matches(value, words, n=1)
        if near:
            return f'did you mean "{near[0]}"?'
    reasons = dict.fromkeys(detail["msg"] for detail in details)
    return ", or ".join(reason[0].lower() + reason[1:] for reason in reasons)


def _as_tuple(value: Any, depth: int = 0) -> Any:
    """Lists become tuples; where a chain is wanted, one layer becomes a chain of it."""
    if isinstance(value, list | tuple):
        return tuple(_as_tuple(entry, depth - 1) for entry in value)
    return (value,) if depth == 1 and value is not None else value


def _holds_specs(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(entry, Spec) for entry in value)


def _json_of(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.to_json()
    return [_json_of(entry) for entry in value] if isinstance(value, tuple) else value


# -- JSON ---------------------------------------------------------------------------------------


def from_json(items: Iterable[Any], table: Table, *, what: str) -> tuple[Spec, ...]:
    """Read specs from their JSON, whose schema is closed.

    Args:
        items: one object a spec, such as `{"kind": "lstm", "units": 8}`.
        table: every known kind by its name.
        what: what a kind is called in messages.

    Raises:
        SpecError: an unknown kind or field, named, or an invalid value.
    """
    return tuple(_spec(item, table, what, 0) for item in items)


def _spec(item: Any, table: Table, what: str, depth: int) -> Spec:
    if depth > DEEPEST:
        raise SpecError(f"{what}s in {what}s too deep: at most {DEEPEST} in each other.")
    if not isinstance(item, Mapping):
        raise SpecError(f"a {what} is described by an object with its kind; got {item!r}.")
    given = dict(item)
    word = given.pop("kind", None)
    if not isinstance(word, str) or word not in table:
        raise SpecError(f"unknown {what} {word!r}.{did_you_mean(str(word), table)}")
    kind = table[word]
    given = dict(resolve_alias(kind, name, value) for name, value in given.items())
    strange = sorted(set(given) - {f.name for f in fields(kind)})
    if strange:
        raise SpecError(f"{word} has no field {', '.join(strange)}.")
    absent = [f.name for f in fields(kind) if is_required(f) and f.name not in given]
    if absent:
        raise SpecError(f"{word} needs {', '.join(absent)}.")

    def read(value: Any, levels: int) -> Any:
        """Read the objects that lie `levels` lists deep as specs."""
        if levels == 0:
            return _spec(value, table, what, depth + 1)
        if not isinstance(value, list | tuple):
            raise SpecError(f"{word}: expected a list of {what}s; got {value!r}.")
        return tuple(read(entry, levels - 1) for entry in value)

    for name, value in given.items():
        levels = nested_depth(kind, name)
        if levels and value is not None:
            given[name] = read(value, levels)
    return kind(**given)
