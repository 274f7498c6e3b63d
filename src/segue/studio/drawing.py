"""What is drawn of a network and its preparation: what each call gives, and what is wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from segue.errors import SegueError, SpecError
from segue.layers.base import BuildContext, Composite, LayerSpec, PlannedLayer, plan_layers
from segue.networks import Network, as_specs
from segue.networks.source import to_python
from segue.spec import Spec
from segue.spec.base import fields_of, nested_fields, text_of
from segue.spec.text import Place
from segue.studio.planning import (
    Fitted,
    Ground,
    Problem,
    first_line,
    fitted,
    leaves,
    parameters_of,
    parsed,
)
from segue.studio.tree import Design, chains_in

_MOST = 10**8  # parameters of a network that is built to be drawn

# -- what stands on the screen --------------------------------------------------------------------


class Branch(NamedTuple):
    """A chain inside a call.

    Attributes:
        path: of the chain; a number behind it is a place in it.
        name: of the argument that it is, or "branch 1" where that has several.
    """

    path: str
    name: str
    nodes: tuple[Node, ...]


class Node(NamedTuple):
    """A call on the screen, or a layer that is implied.

    Attributes:
        path: "" of what is implied, and of a text that has a mistake.
        call: as it is written, without what is inside.
        name: of its layer; "" where it stands for several, or does not fit.
        shape: of the output, as "[time, 64]"; "" where it is not known.
        parameters: `None` where they are not known.
        wrong: what is wrong with it, and how to mend it.
        is_head: whether it is the head, or part of it.
        branches: the chains inside.
        grows: the place of a new branch; "" where there can be none.
    """

    path: str
    call: str
    name: str = ""
    shape: str = ""
    parameters: int | None = None
    wrong: str = ""
    is_head: bool = False
    branches: tuple[Branch, ...] = ()
    grows: str = ""


class Drawn(NamedTuple):
    """A network and its preparation on the screen.

    Attributes:
        given: the shape of a sequence as it comes; "" where it is not known.
        steps: of the preparation.
        shape: of a prepared sequence; "" where it is not known.
        layers: the head last.
        problem: what is wrong with no single call.
        parameters: of all layers.
        is_right: whether it can be trained as it is.
    """

    given: str
    steps: tuple[Node, ...]
    shape: str
    layers: tuple[Node, ...]
    problem: str
    parameters: int | None
    is_right: bool


def draw(design: Design, ground: Ground | None, problem: Problem | None = None) -> Drawn:
    """Draw a network and its preparation.

    Args:
        design: of both.
        ground: what the network is built for; `None`: not known.
        problem: why it is not known, where something is wrong: with the data and the options, or
            with a step of the preparation.

    >>> from segue.layers import Shape
    >>> ground = Ground(Shape(3), 2, False, 0, ((2, "softmax"),), False)
    >>> drawn = draw(Design("residual(dense(3)) lstm(8)", "standardize"), ground)
    >>> [(node.call, node.shape) for node in drawn.layers]
    [('residual', '[time, 3]'), ('lstm(8)', '[8]'), ('head', '[2]')]
    >>> drawn.layers[0].branches[0].nodes[0].name
    'residual_1/dense_1'
    """
    steps = _unknown("prepare", design.prepare)
    if problem is not None and problem.call is not None:
        steps = tuple(_with_wrong(s, f"prepare/{problem.call}", problem.message) for s in steps)
    if ground is None:
        layers = _unknown("network", design.network)
        stands = any(step.wrong for step in steps)
        said = "" if problem is None or stands else problem.message
        return Drawn("", steps, "", layers, said, None, is_right=False)
    (_, given), *stages = ground.stages or (("", ""),)
    steps = tuple(_with_shape(step, stages) for step in steps)
    text = design.network
    places, mistake = parsed("network", text)
    layers, said, count = _layers(places, mistake, ground)
    layers = (*_as_written(layers, text, places), *_rest(text, places, mistake))
    wrong = bool(said) or any(map(_has_wrong, (*steps, *layers)))
    return Drawn(given, steps, str(ground.shape), layers, said, count, is_right=not wrong)


def _with_shape(step: Node, stages: list[tuple[str, str]]) -> Node:
    """A step of the preparation with what it gives, if it is the next of those that apply."""
    if not stages or stages[0][0] != step.call.partition("(")[0]:
        return step
    return step._replace(shape=stages.pop(0)[1])


def _has_wrong(node: Node) -> bool:
    inner = (each for branch in node.branches for each in branch.nodes)
    return bool(node.wrong) or any(map(_has_wrong, inner))


def _unknown(root: str, text: str) -> tuple[Node, ...]:
    """The calls of a text, of which nothing else is known."""
    places, mistake = parsed(root, text)
    specs = tuple(place.spec for place in places)
    return (*_as_written(_nodes(specs, root, []), text, places), *_rest(text, places, mistake))


def _as_written(nodes: Iterable[Node], text: str, places: list[Place]) -> Iterator[Node]:
    """Those of calls that hold no others, as they stand in the text."""
    for node in nodes:
        number = node.path.rpartition("/")[2]
        if number and not node.branches:
            place = places[int(number)]
            node = node._replace(call=text[place.start : place.stop])
        yield node


def _rest(text: str, places: list[Place], mistake: Problem | None) -> tuple[Node, ...]:
    """What stands behind the last call that can be read."""
    if mistake is None:
        return ()
    left = text[places[-1].stop if places else 0 :].strip(" ,|\n")
    return (Node("", left or "…", wrong=mistake.message),)


def _layers(
    places: list[Place], mistake: Problem | None, ground: Ground
) -> tuple[tuple[Node, ...], str, int | None]:
    """The layers of a network, what is wrong with no single one, and the parameters of all."""
    specs: tuple[Any, ...] = tuple(place.spec for place in places)
    fit = fitted(specs, ground)
    own = fit.planned[fit.implied :]
    nodes = [*_implied(fit), *_nodes(specs[: fit.written], "network", own)]
    head = [*_nodes(specs[fit.written :], "network", [], fit.written)]
    if mistake is not None:  # that those before it are not all is no mistake of theirs
        return (*nodes, *head), "", None
    if fit.error is not None:
        message = first_line(fit.error)
        if not 0 <= fit.call < len(specs):
            return (*nodes, *head), message, None
        path = f"network/{fit.call}"
        if fit.call + fit.implied >= len(fit.counts):  # else only the head does not fit behind it
            context = BuildContext("", _shape_before(fit, ground), every=True)
            path = _misfit(specs[fit.call], path, context)
        return tuple(_with_wrong(node, path, message) for node in (*nodes, *head)), "", None
    last = own[-1]
    name, shape, count = last.context.name, str(last.shape), parameters_of([last])
    head = head or [Node("", name)]
    head = [node._replace(shape=shape, parameters=0, is_head=True) for node in head]
    head[0] = head[0]._replace(name=name, parameters=count)
    return (*nodes, *head), "", parameters_of(fit.planned)


def _implied(fit: Fitted) -> Iterator[Node]:
    for one in fit.planned[: fit.implied]:
        name, shape = one.context.name, str(one.shape)
        yield Node("", str(one.spec), name, shape, parameters_of([one]))


def _nodes(
    specs: tuple[Any, ...], chain: str, planned: list[PlannedLayer], first: int = 0
) -> Iterator[Node]:
    """The calls of a chain, as far as they are planned; the others without shapes.

    Args:
        specs: of the calls.
        chain: its path.
        planned: the layers of the chain, and others behind them.
        first: number of the first call.
    """
    done = 0
    for number, spec in enumerate(specs, start=first):
        own: list[PlannedLayer] = []
        if done < len(planned):
            count = leaves(spec, planned[done].context.shape)
            own = planned[done : done + count]
            own = own if len(own) == count else []
            done += count
        yield _node(spec, f"{chain}/{number}", own)


def _node(spec: Any, path: str, own: list[PlannedLayer]) -> Node:
    inner = chains_in(spec)
    several = [name for name in nested_fields(type(spec)) if _is_several(spec, name)]
    grows = [f"{path}/{name}/{sum(each.field == name for each in inner)}/0" for name in several]
    node = Node(path, _call(spec), branches=_branches(spec, path, own), grows="".join(grows))
    if not own:
        return node
    name = own[0].context.name if len(own) == 1 and not isinstance(spec, Composite) else ""
    return node._replace(name=name, shape=str(own[-1].shape), parameters=parameters_of(own))


def _is_several(spec: Spec, name: str) -> bool:
    return fields_of(type(spec))[name].depth == 2


def _branches(spec: Any, path: str, own: list[PlannedLayer]) -> tuple[Branch, ...]:
    """The chains inside a call, with the shapes of their layers where it is planned."""
    found = []
    known = [*spec.chains(own[0].context)] if hasattr(spec, "chains") and own else []
    for field, number, chain in chains_in(spec):
        planned = own  # of `repeat`, which stands for the layers themselves
        if not isinstance(spec, Composite):
            there = next((pair for pair in known if pair[0] == chain), None)
            planned = []
            if there is not None:
                known.remove(there)
                planned = list(plan_layers(*there))
        where = f"{path}/{field}/{number}"
        name = f"branch {number + 1}" if _is_several(spec, field) else field
        found.append(Branch(where, name, tuple(_nodes(chain, where, planned))))
    return tuple(found)


def _call(spec: Spec) -> str:
    """A call as it is written, without what is inside."""
    if not nested_fields(type(spec)):
        return str(spec)
    words = []
    for one in fields(spec):
        value, info = getattr(spec, one.name), fields_of(type(spec))[one.name]
        if not info.depth and value != one.default:
            words.append(text_of(value) if info.required else f"{one.name}={text_of(value)}")
    return f"{spec.kind}({', '.join(words)})" if words else spec.kind


# -- what is wrong, where it stands ---------------------------------------------------------------


def _shape_before(fit: Fitted, ground: Ground) -> Any:
    """What the first call that does not fit gets."""
    done = sum(fit.counts)
    if done < len(fit.planned):
        return fit.planned[done].context.shape
    return fit.planned[-1].shape if fit.planned else ground.shape


def _misfit(spec: Any, path: str, context: BuildContext) -> str:
    """The path of the innermost call that does not fit: this one, or one inside it."""
    for field, number, chain in chains_in(spec):
        planned: list[PlannedLayer] = []
        specs: tuple[Any, ...] = chain
        try:
            planned.extend(plan_layers(specs, context))
        except SpecError:
            call, shape = _first_left(specs, planned, context)
            inner = f"{path}/{field}/{number}/{call}"
            return _misfit(specs[call], inner, replace(context, shape=shape))
    return path


def _first_left(
    specs: tuple[LayerSpec, ...], planned: list[PlannedLayer], context: BuildContext
) -> tuple[int, Any]:
    """The number of the first call that has not all of its layers, and the shape before it."""
    done, shape = 0, context.shape
    for number, spec in enumerate(specs):
        done += leaves(spec, shape)
        if done > len(planned):
            return number, shape
        shape = planned[done - 1].shape
    return len(specs) - 1, shape


def _with_wrong(node: Node, path: str, message: str) -> Node:
    if node.path == path:
        return node._replace(wrong=message)
    branches = tuple(
        one._replace(nodes=tuple(_with_wrong(each, path, message) for each in one.nodes))
        for one in node.branches
    )
    return node._replace(branches=branches)


# -- in other words -------------------------------------------------------------------------------


class Source(NamedTuple):
    """A network in other words.

    Attributes:
        name: of the language.
        text: that can be copied; "" where there is none.
        refused: why there is none.
    """

    name: str
    text: str
    refused: str = ""


_LANGUAGES = {"Python, layer by layer": "segue", "PyTorch": "torch"}


def written(text: str, ground: Ground | None, problem: str) -> list[Source]:
    """A network as Python and as PyTorch, or why it is none.

    Args:
        text: of the network.
        ground: what it is built for; `None`: not known.
        problem: why it is not known.
    """
    found = []
    for name, framework in _LANGUAGES.items():
        try:
            python = "" if ground is None else _python(text, ground, framework)
            found.append(Source(name, python, problem if ground is None else ""))
        except SegueError as error:
            found.append(Source(name, "", first_line(error)))
    return found


def _right(text: str, ground: Ground) -> Fitted:
    fit = fitted(as_specs(text), ground)
    if fit.error is not None:
        raise fit.error
    return fit


def _python(text: str, ground: Ground, framework: str) -> str:
    fit = _right(text, ground)
    output, count = fit.planned[-1].shape, parameters_of(fit.planned)
    return to_python(fit.body, ground.shape, output, count, framework, static=ground.static)


def diagram(text: str, ground: Ground, kind: str) -> bytes:
    """A picture of a network: the content of a file of a kind.

    Raises:
        SegueError: the network has a mistake.
        OptionError: another kind than "svg", "png" or "pdf".
    """
    fit = _right(text, ground)
    if parameters_of(fit.planned) > _MOST:
        raise SpecError(f"A diagram is drawn of at most {_MOST:,} parameters.")
    network = Network(
        fit.body, ground.shape, ground.outputs, every=ground.every, static=ground.static
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"network.{kind}")
        network.diagram(path)
        return path.read_bytes()
