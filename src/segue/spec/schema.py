"""Specs from their JSON, whose schema is closed: unknown kinds and fields are refused by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from segue.errors import SpecError, did_you_mean
from segue.spec.base import DEEPEST, Spec, Table, is_required, nested_depth


def from_json(items: Iterable[Any], table: Table, *, what: str) -> tuple[Spec, ...]:
    """Make specs from their JSON.

    Args:
        items: one object a spec, such as `{"kind": "lstm", "units": 8}`.
        table: the kinds that there are, by their word.
        what: what a kind is called in messages.

    Raises:
        SpecError: a kind or field that there is not, or a value that does not fit.
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
    strange = sorted(set(given) - {f.name for f in fields(kind)})
    if strange:
        raise SpecError(f"{word} has no field {', '.join(strange)}.")
    absent = [f.name for f in fields(kind) if is_required(f) and f.name not in given]
    if absent:
        raise SpecError(f"{word} needs {', '.join(absent)}.")

    def read(value: Any, levels: int) -> Any:
        """Lists of objects become specs as many levels down as the field has them."""
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
