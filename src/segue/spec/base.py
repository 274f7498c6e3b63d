"""The base of specs: frozen dataclasses whose fields are validated, with a text and a JSON form."""

from __future__ import annotations

import difflib
import functools
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, ClassVar, NamedTuple

import pydantic
from pydantic import TypeAdapter

from segue.errors import SpecError, did_you_mean

Count = Annotated[int, pydantic.Field(ge=1, lt=2**31)]
Size = Annotated[int, pydantic.Field(ge=1, le=2**20)]  # of what is held in memory at once
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
        for name, info in fields_of(type(self)).items():
            value = getattr(self, name)
            if value is info.default:
                continue  # it is right; most fields of most specs need no schema
            if info.depth or isinstance(value, list | tuple):
                value = _as_tuple(value, info.depth)
            # "none" may be a choice of that name.
            word = "none" if value is None and not info.takes_none else value
            try:
                object.__setattr__(self, name, info.adapter.validate_python(word, strict=True))
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
        words, named = [], False
        for f in fields(self):
            value, info = getattr(self, f.name), fields_of(type(self))[f.name]
            if value == f.default:
                named = True
                continue
            named = named or not (info.required or isinstance(value, str))
            text = text_of(value)
            if info.depth == 2 and not named:
                text = ", ".join(text_of(chain) for chain in value)
            elif value == "none" and not info.takes_none:
                text = "none"  # needs no quotes where the word cannot mean the absence of a value
            words.append(f"{f.name}={text}" if named else text)
            named = named or info.depth > 0
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
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) and value not in CONSTANTS
        return value if plain else f'"{value}"'
    if not isinstance(value, tuple):
        return str(value)
    if _holds_specs(value):
        return to_text(value)
    return f"[{', '.join(text_of(entry) for entry in value)}]"


def resolve_alias(kind: type[Spec], name: str, value: Any) -> tuple[str, Any]:
    """The field that an argument means, and its value there; an unknown name stays as it is."""
    field, values = kind.aliases.get(name, (name, None))
    known = values is not None and isinstance(value, str | bool) and value in values
    return field, values[value] if values is not None and known else value


# -- fields -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FieldInfo:
    """A field of a kind of spec.

    Attributes:
        hint: its type.
        default: `MISSING` where there is none.
        depth: of the specs in it: 0 is a plain value, 1 a chain, 2 several chains.
        required: whether it has no default, so that its argument must be given.
    """

    hint: Any
    default: Any
    depth: int
    required: bool

    @functools.cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Validates a value; made when one comes, for it takes a good part of a millisecond."""
        return TypeAdapter(self.hint)

    @functools.cached_property
    def takes_none(self) -> bool:
        """Whether it may be without a value."""
        try:
            return self.adapter.validate_python(None, strict=True) is None
        except pydantic.ValidationError:
            return False


def _read_fields(kind: type[Spec]) -> dict[str, FieldInfo]:
    """The fields of a kind of spec by name, in order; read once for all kinds that inherit them."""
    first = next(base for base in kind.__mro__ if "__dataclass_fields__" in vars(base))
    if first is not kind:
        return fields_of(first)
    hints, infos = typing.get_type_hints(kind, include_extras=True), {}
    for f in fields(kind):
        required = f.default is MISSING and f.default_factory is MISSING
        depth = _marked_depth(hints[f.name])
        infos[f.name] = FieldInfo(hints[f.name], f.default, depth, required)
    return infos


# To mypy a class with fields is not hashable.
fields_of: Callable[[type[Spec]], dict[str, FieldInfo]] = functools.cache(_read_fields)  # type: ignore[assignment]


def accepts(kind: type[Spec], field: str, value: Any) -> bool:
    """Whether a field may have a value."""
    try:
        fields_of(kind)[field].adapter.validate_python(value, strict=True)
    except pydantic.ValidationError:
        return False
    return True


def nested_fields(kind: type[Spec]) -> list[str]:
    """The fields that hold specs."""
    return [name for name, info in fields_of(kind).items() if info.depth]


def check_given(kind: type[Spec], given: Mapping[str, Any]) -> str:
    """What is wrong with the names of the fields that are given; "": nothing."""
    unknown = sorted(given.keys() - fields_of(kind))
    if unknown:
        return f"{kind.kind} has no field {', '.join(unknown)}"
    absent = [n for n, info in fields_of(kind).items() if info.required and n not in given]
    return f"{kind.kind} needs {', '.join(absent)}" if absent else ""


def _marked_depth(hint: Any) -> int:
    if isinstance(hint, Nested):
        return hint.depth
    marks = hint.__metadata__ if typing.get_origin(hint) is Annotated else typing.get_args(hint)
    marks = () if typing.get_origin(hint) is tuple else marks
    return max(map(_marked_depth, marks), default=0)


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
    if problem := check_given(kind, given):
        raise SpecError(f"{problem}.")

    def read(value: Any, levels: int) -> Any:
        """Read the objects that lie `levels` lists deep as specs."""
        if levels == 0:
            return _spec(value, table, what, depth + 1)
        if not isinstance(value, list | tuple):
            raise SpecError(f"{word}: expected a list of {what}s; got {value!r}.")
        return tuple(read(entry, levels - 1) for entry in value)

    for name in nested_fields(kind):
        if given.get(name) is not None:
            given[name] = read(given[name], fields_of(kind)[name].depth)
    return kind(**given)
