"""A network or a preparation as a tree of calls, and each change of it, which can be undone.

A path says where a call stands: `network/2` is the third call of the network, and
`network/2/branches/1/0` the first one in the second branch of that. A place where a call is put has
the same form: it comes before what stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from segue.errors import OptionError, SpecError, counted
from segue.layers import LAYERS
from segue.networks.foreign import translation_hint
from segue.prepare.pipeline import STEPS
from segue.spec import Spec, Table
from segue.spec.base import fields_of, nested_fields, text_of
from segue.spec.text import Place, located

Chain = tuple[Spec, ...]


class Language(NamedTuple):
    """What the calls of a text may be.

    Attributes:
        table: of the kinds.
        what: a call is called in messages.
        hint: advice for a word of another library.
        nothing: the text without a call.
        empty: the call that stands in a chain that cannot be without one, and does nothing.
    """

    table: Table
    what: str
    hint: Callable[[str], str | None] | None
    nothing: str
    empty: str


LANGUAGES = {
    "network": Language(LAYERS, "layer", translation_hint, "", "linear"),
    "prepare": Language(STEPS, "preparation step", None, "none", ""),
}


def calls_of(root: str, text: str) -> Iterator[Place]:
    """The calls of a text, those before a mistake first.

    Args:
        root: "network" or "prepare".
        text: to be read.

    Raises:
        SpecError: a mistake.
    """
    language = LANGUAGES[root]
    if text.strip() != language.nothing:
        yield from located(text, language.table, what=language.what, hint=language.hint)


class Inner(NamedTuple):
    """A chain inside a call.

    Attributes:
        field: of the call, that holds it.
        number: of the chain in that field.
        calls: none where the field may be without.
    """

    field: str
    number: int
    calls: Chain


def chains_in(spec: Spec) -> list[Inner]:
    """The chains inside a call, in order.

    >>> from segue.networks import as_specs
    >>> [inner.field for inner in chains_in(as_specs("residual(relu)")[0])]
    ['layers', 'shortcut']
    """
    found = []
    for name in nested_fields(type(spec)):
        value = getattr(spec, name) or ()
        chains = value if fields_of(type(spec))[name].depth == 2 else (value,)
        found += [Inner(name, number, chain) for number, chain in enumerate(chains)]
    return found


@dataclass(frozen=True)
class Tree:
    """The calls of a text; each change gives another one.

    Calls keep the text that they have, unless they are changed.

    Attributes:
        root: "network" or "prepare".
        calls: one after the other.
        texts: of the calls.

    >>> tree = Tree.read("network", "lstm(8) residual(conv(8, 3) relu)")
    >>> tree, path = tree.moved("network/1/layers/0/1", "network/0")
    >>> path, tree.text
    ('network/0', 'relu lstm(8) residual(conv(8, 3))')
    """

    root: str
    calls: Chain
    texts: tuple[str, ...]

    @classmethod
    def read(cls, root: str, text: str) -> Tree:
        """The tree of a text.

        Raises:
            SpecError: a mistake in it.
        """
        places = list(calls_of(root, text))
        texts = tuple(text[place.start : place.stop] for place in places)
        return cls(root, tuple(place.spec for place in places), texts)

    @property
    def text(self) -> str:
        """As a text, which parses to the same calls."""
        return " ".join(self.texts) or LANGUAGES[self.root].nothing

    def __contains__(self, path: object) -> bool:
        """Whether there is a call at a path."""
        return path in dict(_walk(self.calls, self.root))

    # -- where something stands -------------------------------------------------------------------

    def at(self, path: str) -> Spec:
        """The call at a path.

        Raises:
            OptionError: there is none.
        """
        *steps, last = self._steps(path)
        chain = self._chain(steps, path)
        if not 0 <= last < len(chain):
            raise OptionError(self._nothing_at(path))
        found: Spec = chain[last]
        return found

    def places(self) -> list[str]:
        """Where a call can be put, from the first to the last; no chain that there is not yet."""
        return [*_places(self.calls, self.root)]

    def _steps(self, path: str) -> list[Any]:
        """A path without its root: number, field, number, number, ..."""
        root, *steps = path.split("/")
        is_path = root == self.root and len(steps) % 3 == 1
        if not is_path or not all(s.isdecimal() for i, s in enumerate(steps) if i % 3 != 1):
            raise OptionError(f"{path!r} is no place in the {self.root}.")
        return [step if i % 3 == 1 else int(step) for i, step in enumerate(steps)]

    def _chain(self, steps: list[Any], path: str) -> Chain:
        chain = self.calls
        for i in range(0, len(steps), 3):
            number, field, inner = steps[i : i + 3]
            there = chains_in(chain[number]) if number < len(chain) else []
            found = [one.calls for one in there if (one.field, one.number) == (field, inner)]
            if not found:
                raise OptionError(self._nothing_at(path))
            chain = found[0]
        return chain

    def _nothing_at(self, path: str) -> str:
        return (
            f"There is nothing at {path}; the {self.root} has {counted(len(self.calls), 'call')}."
        )

    def _path_of(self, wanted: Spec) -> str:
        return next(path for path, spec in _walk(self.calls, self.root) if spec is wanted)

    # -- changes ----------------------------------------------------------------------------------

    def with_call(self, text: str, place: str | None = None) -> tuple[Tree, str]:
        """The tree with a call more.

        Args:
            text: of the call.
            place: where it is put; `None`: at the end.

        Returns:
            The tree, and the path of the call.

        Raises:
            SpecError: a mistake in the text, or none of the calls that the tree has.
            OptionError: no such place.
        """
        added = list(calls_of(self.root, text))
        if not added:
            raise SpecError("There is nothing to be put there.")
        place = f"{self.root}/{len(self.calls)}" if place is None else place
        written = {id(one.spec): text[one.start : one.stop] for one in added}
        tree = self._with_specs(place, tuple(one.spec for one in added), written)
        return tree, tree._path_of(added[0].spec)

    def _with_specs(self, place: str, added: Chain, written: dict[int, str]) -> Tree:
        *steps, last = self._steps(place)

        def put(chain: Chain) -> Chain:
            if last > len(chain):
                raise OptionError(self._nothing_at(place))
            if steps and [str(spec) for spec in chain] == [LANGUAGES[self.root].empty]:
                return added  # in place of what only kept it from being empty
            return (*chain[:last], *added, *chain[last:])

        return self._changed(steps, put, place, written)

    def without(self, path: str) -> Tree:
        """The tree without a call; the last one of a branch takes it along, if two others are left.

        Raises:
            OptionError: there is none.
        """
        *steps, last = self._steps(path)
        self.at(path)
        return self._changed(steps, lambda chain: (*chain[:last], *chain[last + 1 :]), path)

    def moved(self, path: str, place: str) -> tuple[Tree, str]:
        """The tree with a call at another place, and the call's path there.

        Raises:
            OptionError: no such call, no such place, or one inside the call.
        """
        spec: Any = self.at(path)
        if place.startswith(f"{path}/"):
            raise OptionError(f"{spec} cannot be put into itself.")
        chain, _, number = path.rpartition("/")
        if place in (path, f"{chain}/{int(number) + 1}"):
            return self, path
        written = dict(zip(map(id, self.calls), self.texts, strict=True))
        copy = replace(spec)
        own = {id(copy): written[id(spec)]} if id(spec) in written else {}
        tree = self._with_specs(place, (copy,), own)
        tree = tree.without(tree._path_of(spec))
        return tree, tree._path_of(copy)

    def shifted(self, path: str, by: int) -> tuple[Tree, str]:
        """The tree with a call one place further, into a branch or out of it too, and its path.

        Args:
            path: of the call.
            by: 1 towards the end, -1 towards the beginning; at the last place it stays.
        """
        chain, _, number = path.rpartition("/")
        self.at(path)
        places = self.places()
        own, behind = places.index(path), places.index(f"{chain}/{int(number) + 1}")
        wanted = own - 1 if by < 0 else behind + 1
        if not 0 <= wanted < len(places):
            return self, path
        return self.moved(path, places[wanted])

    def with_argument(self, path: str, name: str, text: str) -> Tree:
        """The tree with another value of an argument.

        Args:
            path: of the call.
            name: of the argument.
            text: of its value; "": its default.

        Raises:
            OptionError: there is no such call, or the argument holds calls.
            SpecError: no such argument, or a value that it cannot have.
        """
        spec = self.at(path)
        info = fields_of(type(spec)).get(name)
        if info is not None and info.depth:
            raise OptionError(f"`{name}` holds {LANGUAGES[self.root].what}s: put them into it.")
        found = _with_value(self.root, spec, name, text.strip())
        *steps, last = self._steps(path)
        return self._changed(steps, lambda chain: (*chain[:last], found, *chain[last + 1 :]), path)

    def _changed(
        self, steps: list[Any], change: Callable[[Chain], Chain], path: str,
        written: dict[int, str] | None = None,
    ) -> Tree:  # fmt: skip
        """The tree with a change in one of its chains."""
        calls = _changed(self.calls, steps, change, LANGUAGES[self.root], self._nothing_at(path))
        known = {**dict(zip(map(id, self.calls), self.texts, strict=True)), **(written or {})}
        return Tree(self.root, calls, tuple(known.get(id(call)) or str(call) for call in calls))


def _places(chain: Chain, path: str) -> Iterator[str]:
    for number, spec in enumerate(chain):
        yield f"{path}/{number}"
        for inner in chains_in(spec):
            if inner.calls:
                yield from _places(inner.calls, f"{path}/{number}/{inner.field}/{inner.number}")
    yield f"{path}/{len(chain)}"


def _walk(chain: Chain, path: str) -> Iterator[tuple[str, Spec]]:
    for number, spec in enumerate(chain):
        yield f"{path}/{number}", spec
        for inner in chains_in(spec):
            yield from _walk(inner.calls, f"{path}/{number}/{inner.field}/{inner.number}")


def _changed(
    chain: Chain, steps: list[Any], change: Callable[[Chain], Chain], language: Language,
    nothing: str,
) -> Chain:  # fmt: skip
    """A chain with a change in it, or in a chain inside one of its calls.

    Args:
        chain: of calls.
        steps: to the chain that is changed: number, field, number, and so on.
        change: gives the other chain.
        language: of the calls.
        nothing: the message where the steps lead nowhere.
    """
    if not steps:
        return change(chain)
    number, field, inner, *rest = steps
    if number >= len(chain) or field not in nested_fields(type(chain[number])):
        raise OptionError(nothing)
    spec: Any = chain[number]
    is_several = fields_of(type(spec))[field].depth == 2
    chains = [one.calls for one in chains_in(spec) if one.field == field]
    if inner == len(chains) and is_several and not rest:
        chains.append(())  # a new branch
    if inner >= len(chains):
        raise OptionError(nothing)
    chains[inner] = _changed(chains[inner], rest, change, language, nothing)
    found = replace(spec, **{field: _as_value(type(spec), field, chains, language)})
    return (*chain[:number], found, *chain[number + 1 :])


def _as_value(kind: type[Spec], field: str, chains: list[Chain], language: Language) -> Any:
    """Chains as the value of a field, none of them empty."""
    info, nothing = fields_of(kind)[field], language.table[language.empty]()
    if info.depth == 2:
        kept = [chain for chain in chains if chain]
        return tuple(kept if len(kept) > 1 else [chain or (nothing,) for chain in chains])
    return chains[0] or (None if info.takes_none else (nothing,))


def _with_value(root: str, spec: Spec, name: str, text: str) -> Spec:
    """A call with another value of an argument, as it would be written; "": the default."""
    kept = {f.name: getattr(spec, f.name) for f in fields(spec)}
    words = [
        f"{n}={text_of(v)}"
        for n, v in kept.items()
        if n != name and v != getattr(type(spec), n, None)
    ]
    words += [f"{name}={text}"] if text else []
    found = list(calls_of(root, f"{spec.kind}({', '.join(words)})"))
    if len(found) != 1:
        raise SpecError(f"`{name}` takes one value; got {text}.")
    return found[0].spec


# -- the texts, and every change of them ----------------------------------------------------------


class Design:
    """A network and its preparation, with what they were before.

    A path and a place are those of a `Tree`: `network/0`, `prepare/0`.

    Args:
        network: its text.
        prepare: the text of the preparation.
        changed: called after each change.

    >>> design = Design("lstm(8)", "standardize")
    >>> design.insert("dense(3)", "network/1"), design.insert("frame(4)", "prepare/0")
    ('network/1', 'prepare/0')
    >>> design.undo(); design.network, design.prepare
    ('lstm(8) dense(3)', 'standardize')
    """

    def __init__(
        self, network: str, prepare: str, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._states, self._at, self._changed = [(network, prepare)], 0, changed

    @property
    def network(self) -> str:
        """The text of the network."""
        return self._states[self._at][0]

    @property
    def prepare(self) -> str:
        """The text of the preparation."""
        return self._states[self._at][1]

    @property
    def can_undo(self) -> bool:
        """Whether there was something before."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether something was left by `undo`."""
        return self._at + 1 < len(self._states)

    def undo(self) -> None:
        """Take the last change back, if there is one."""
        self._at -= self.can_undo
        self._changed()

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        self._at += self.can_redo
        self._changed()

    def begin(self, prepare: str) -> None:
        """Take the preparation of other data; what was before is forgotten."""
        self._states, self._at = [(self.network, prepare)], 0

    def set(self, root: str, text: str) -> None:
        """Write another text, right or not; what was undone is forgotten.

        Args:
            root: "network" or "prepare".
            text: of it.
        """
        now = (text, self.prepare) if root == "network" else (self.network, text)
        if now != self._states[self._at]:
            self._states = [*self._states[: self._at + 1], now]
            self._at += 1
            self._changed()

    def tree(self, path: str) -> Tree:
        """The tree that a path leads into.

        Raises:
            OptionError: it leads nowhere.
            SpecError: the text has a mistake, so that it has no calls that could be counted.
        """
        root = path.partition("/")[0]
        if root not in LANGUAGES:
            raise OptionError(f"{path!r} is no place; expected one such as network/0.")
        return Tree.read(root, self.network if root == "network" else self.prepare)

    def insert(self, text: str, place: str) -> str:
        """Put a call somewhere, and return its path; the errors are those of `Tree.with_call`."""
        return self._take(self.tree(place).with_call(text, place))

    def add(self, text: str, root: str = "network") -> str:
        """Put a call at the end, and return its path; the errors are those of `Tree.with_call`."""
        return self._take(self.tree(root).with_call(text))

    def remove(self, path: str) -> str:
        """Take a call out; the errors are those of `Tree.without`.

        Returns:
            The path of the call that is next to where it was; "": there is none.
        """
        tree = self.tree(path).without(path)
        self.set(tree.root, tree.text)
        chain, _, number = path.rpartition("/")
        near = (f"{chain}/{n}" for n in (int(number), int(number) - 1))
        return next((one for one in near if one in tree), "")

    def move(self, path: str, place: str) -> str:
        """Put a call elsewhere, and return its path; the errors are those of `Tree.moved`."""
        return self._take(self.tree(path).moved(path, place))

    def shift(self, path: str, by: int) -> str:
        """Put a call one place further, and return its path; see `Tree.shifted`."""
        return self._take(self.tree(path).shifted(path, by))

    def set_argument(self, path: str, name: str, text: str) -> None:
        """Set an argument of a call; see `Tree.with_argument`."""
        tree = self.tree(path).with_argument(path, name, text)
        self.set(tree.root, tree.text)

    def _take(self, changed: tuple[Tree, str]) -> str:
        tree, path = changed
        self.set(tree.root, tree.text)
        return path
