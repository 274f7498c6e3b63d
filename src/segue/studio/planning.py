"""A network as text: its layers with their shapes, and a mistake where it stands.

What a network is built for (`Ground`) follows from the data and their preparation, and is found
once for many texts.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, get_type_hints

import numpy as np

from segue.arguments import described, kind_of
from segue.data.dataset import Dataset
from segue.errors import SegueError, SpecError
from segue.estimators.fitting import prepare_training
from segue.estimators.shapes import stages_of
from segue.estimators.splitting import check_arguments, split_data
from segue.layers import LAYERS
from segue.layers.base import (
    BuildContext,
    Composite,
    LayerSpec,
    PlannedLayer,
    Shape,
    input_kind_of,
    plan_layers,
)
from segue.networks import Network, as_specs, split_head, with_embedding
from segue.prepare import StepSpec, as_steps
from segue.spec import Spec, to_text
from segue.spec.base import fields_of
from segue.spec.text import Place
from segue.studio.tree import calls_of
from segue.training import TrainingOptions

TEMPLATES = (
    "bilstm(100)",
    "gru(64) dropout(0.2) dense(32, relu)",
    "conv(64, 5) relu maxpool(2) conv(64, 5) relu pool(mean)",
    "lstm_fcn",
    "inception_time",
    "rocket",
)

_LARGE = 10**8  # weights of a layer, of which those that are not trained are not told apart


# -- the palette ----------------------------------------------------------------------------------


class Argument(NamedTuple):
    """An argument of a layer.

    Attributes:
        kind: "number", "share", "flag", "choice", "layers" or "text".
        choices: of a choice.
        default: as in a text; "" where it must be given.
        about: its description.
    """

    name: str
    kind: str
    choices: tuple[str, ...]
    default: str
    about: str


class Card(NamedTuple):
    """A kind of layer in the palette.

    Attributes:
        kind: its word in a text.
        group: of layers that are alike.
        about: one line.
        example: a call that can be put into a text.
    """

    kind: str
    group: str
    about: str
    example: str
    arguments: tuple[Argument, ...]


# What stands in an example for an argument that must be given.
_EXAMPLES = {
    "units": "64", "rate": "0.2", "features": "64", "filters": "64", "kernel_size": "5",
    "kernels": "1000", "width": "2", "heads": "4", "times": "2", "layers": "conv(64, 5) relu",
    "branches": "conv(32, 9) relu, conv(32, 19) relu", "n": "4", "deviation": "0.1", "share": "0.2",
}  # fmt: skip


def palette(table: Mapping[str, type[Spec]] = LAYERS) -> tuple[Card, ...]:
    """A card for each kind of layer, in the order of the table of layers.

    Args:
        table: of the layers, or of the steps of a preparation.

    >>> next(card.example for card in palette() if card.kind == "conv")
    'conv(64, 5)'
    """
    return tuple(card_of(kind) for kind in table.values())


def card_of(spec: type[Spec]) -> Card:
    """The card of a kind of layer, or of a step of a preparation."""
    first = (inspect.getdoc(spec) or "").partition("\n")[0].replace("`", "")
    signature, _, about = first.partition(": ")
    target: Any = spec
    texts, hints = described(target), get_type_hints(spec)
    words = {int: "number", float: "share", bool: "flag"}
    arguments, given = [], []
    for name, info in fields_of(spec).items():
        kind, choices = kind_of(hints[name])
        called = "layers" if info.depth else "choice" if choices else words.get(kind, "text")
        default = "" if info.required else _as_text(info.default)
        text = texts[name].text.replace("`", "") if name in texts else ""
        arguments.append(Argument(name, called, tuple(map(str, choices)), default, text))
        if info.required:
            given.append(_EXAMPLES.get(name, "relu" if info.depth else "1"))
    group = spec.__module__.rpartition(".")[2]
    example = f"{spec.kind}({', '.join(given)})" if given else spec.kind
    return Card(spec.kind, group, about or signature, example, tuple(arguments))


def _as_text(value: Any) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


# -- what a network is built for ------------------------------------------------------------------


@dataclass(frozen=True)
class Ground:
    """What a network is built for: the data, prepared, and the task.

    Attributes:
        shape: of a prepared sequence.
        outputs: units of the head.
        every: whether there is an answer at each step.
        static: features of a whole sequence.
        head_forms: in which the head may be written out.
        is_text: whether an embedding is put in front.
        stages: of the preparation, the kind of each step and what it gives; first "" and what it
            is given. Steps that do not apply to these data are none.
    """

    shape: Shape
    outputs: int
    every: bool
    static: int
    head_forms: Any
    is_text: bool
    stages: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, estimator: Any, data: Dataset, *, tokens: bool) -> Ground:
        """Fit the preparation, and look at what comes of it.

        Args:
            estimator: not fitted; its network is left aside.
            data: those that it would be fitted on.
            tokens: whether the network takes whole numbers as tokens.

        Raises:
            SegueError: arguments, a preparation or targets that cannot be used.
        """
        check_arguments(estimator)
        network = "embedding(1) " if tokens else ""
        network += "" if estimator._task_type.per_step else "pool(last)"
        quiet = TrainingOptions(progress="none")
        params = {**estimator.get_params(deep=False), "network": network, "options": quiet}
        planned = type(estimator)(**params)
        split = split_data(planned, data)
        prepared = prepare_training(planned, split)
        job, built = prepared.setup, prepared.setup.network
        stages = stages_of(split.train.x, prepared.preparation)
        is_text = bool(built.specs) and built.specs[0].kind == "embedding" and not tokens
        return cls(
            built.input_shape, built.outputs, built.every, built.static,
            job.objective.head_forms, is_text, tuple((kind, str(shape)) for kind, shape in stages),
        )  # fmt: skip


def takes_tokens(text: str) -> bool:
    """Whether a network takes tokens; one with a mistake does not."""
    try:
        return input_kind_of(as_specs(text)) == "tokens"
    except SegueError:
        return False


def wrong_step(prepare: str, ground_of: Callable[[str], Ground]) -> int | None:
    """The number of the step of a preparation that cannot be used; `None`: it is no single one.

    Args:
        prepare: the whole of it.
        ground_of: gives what a network is built for, with another preparation.
    """
    steps: tuple[StepSpec, ...] = ()
    with suppress(SegueError):  # else the mistake stands in the text
        steps = as_steps(prepare)
    for count in range(len(steps) + 1):
        try:
            ground_of(to_text(steps[:count]) or "none")
        except SegueError:
            return count - 1 if count else None
    return None


# -- a network ------------------------------------------------------------------------------------


class Layer(NamedTuple):
    """A layer of a network.

    Attributes:
        shape: of its output, as "[time, 64]".
        call: the number of the call in the text that it comes from; `None`: it is implied.
    """

    name: str
    kind: str
    shape: str
    parameters: int
    call: int | None


class Problem(NamedTuple):
    """A mistake, and where it stands.

    Attributes:
        message: what came, what was expected, how to mend it.
        call: the number of the call in the text; `None`: it is no single one.
        start: where in the text; -1 where it is nowhere.
        stop: behind it.
    """

    message: str
    call: int | None = None
    start: int = -1
    stop: int = -1


@dataclass(frozen=True)
class Plan:
    """A network on paper: its layers, as far as they fit, and the first mistake.

    Attributes:
        text: of the network.
        input_shape: "" where it is not known.
        calls: where each call of the text stands, (start, stop).
        layers: the head last.
    """

    text: str
    input_shape: str
    calls: tuple[tuple[int, int], ...]
    layers: tuple[Layer, ...]
    problem: Problem | None

    @property
    def parameters(self) -> int:
        """Of all layers together."""
        return sum(layer.parameters for layer in self.layers)


def plan(text: str, ground: Ground) -> Plan:
    """Plan a network without building it.

    >>> ground = Ground(Shape(3), 2, False, 0, ((2, "softmax"),), False)
    >>> found = plan("lstm(8) dense(4, relu)", ground)
    >>> [(layer.name, layer.shape, layer.parameters) for layer in found.layers]
    [('lstm_1', '[8]', 384), ('dense_1', '[4]', 36), ('head', '[2]', 10)]
    >>> plan("pool(mean) lstm(8)", ground).problem[1:]
    (1, 11, 18)
    """
    places, problem = parsed("network", text)
    calls = tuple((place.start, place.stop) for place in places)
    layers: list[Layer] = []
    if places or problem is None:
        found = fitted(tuple(place.spec for place in places), ground)
        layers = _layers(found)
        if problem is None and found.error is not None:
            problem = _at(places, found.call, found.error)
        elif problem is not None:  # that those before it are not all is no mistake of theirs
            layers = [layer for layer in layers if layer.call is not None]
    return Plan(text, str(ground.shape), calls, tuple(layers), problem)


def outline(text: str) -> Plan:
    """The calls of a network and a mistake in its text, while there are no data."""
    places, problem = parsed("network", text)
    return Plan(text, "", tuple((p.start, p.stop) for p in places), (), problem)


def parsed(root: str, text: str) -> tuple[list[Place], Problem | None]:
    """The calls of a text up to the first mistake.

    Args:
        root: "network" or "prepare".
        text: to be read.
    """
    places: list[Place] = []
    try:
        places.extend(calls_of(root, text))
    except SpecError as error:
        at = len(text) if error.position is None else error.position
        if not places:  # a character that is none of the language is found before any call
            with suppress(SpecError):
                places.extend(calls_of(root, text[:at]))
        return places, Problem(first_line(error), len(places), at, len(text))
    return places, None


class Fitted(NamedTuple):
    """The calls of a network on what it is built for, as far as they fit.

    Attributes:
        body: the calls without the head, and what is implied.
        planned: the layers, those of the head last where all is right.
        counts: how many of them each call stands for, and before them what is implied.
        implied: so many layers are put in front.
        written: so many calls come before the head.
        error: of the first that does not fit.
        call: its number.
    """

    body: tuple[LayerSpec, ...]
    planned: list[PlannedLayer]
    counts: list[int]
    implied: int
    written: int
    error: SegueError | None = None
    call: int = -1


def fitted(specs: tuple[Any, ...], ground: Ground) -> Fitted:
    """The layers up to the first that does not fit, and why."""
    planned: list[PlannedLayer] = []
    wrong_head: SegueError | None = None
    try:
        written, _ = split_head(specs, ground.head_forms)
    except SpecError as error:
        written, wrong_head = specs, error
    body = with_embedding(written) if ground.is_text else written
    implied = len(body) - len(written)
    context = BuildContext("", ground.shape, ground.every)
    try:
        planned.extend(plan_layers(body, context))
        if wrong_head is not None:
            raise wrong_head
        network = Network(
            body, ground.shape, ground.outputs, every=ground.every, static=ground.static, weights={}
        )
        planned = network.plan()
    except SegueError as error:
        counts = [*_counts(body, planned)]
        # The first that has not all of its layers; or the last, where only the head does not fit.
        call = min(len(counts), len(body) - 1) - implied
        return Fitted(body, planned, counts, implied, len(written), error, call)
    return Fitted(body, planned, [*_counts(body, planned)], implied, len(written))


def _counts(specs: tuple[LayerSpec, ...], planned: list[PlannedLayer]) -> Iterator[int]:
    """How many layers each call stands for, of those whose layers are all planned."""
    done = 0
    for spec in specs:
        if done >= len(planned):
            return
        count = leaves(spec, planned[done].context.shape)
        if done + count > len(planned):
            return
        done += count
        yield count


def leaves(spec: LayerSpec, shape: Shape) -> int:
    """How many layers of a chain a spec stands for."""
    inner = spec.expand(shape) if isinstance(spec, Composite) else None
    return 1 if inner is None else sum(leaves(each, shape) for each in inner)


def _layers(fit: Fitted) -> list[Layer]:
    calls = [number - fit.implied for number, n in enumerate(fit.counts) for _ in range(n)]
    found = []
    for number, one in enumerate(fit.planned):
        call = calls[number] if number < len(calls) else None
        call = None if call is None or call < 0 else call
        name, shape = one.context.name, str(one.shape)
        found.append(Layer(name, one.spec.kind, shape, parameters_of([one]), call))
    return found


def parameters_of(planned: Iterable[PlannedLayer]) -> int:
    """The number of parameters of some layers, which are not built."""
    count = 0
    for spec, context, _ in planned:
        shapes = spec.weight_shapes(context)
        whole = sum(math.prod(size) for size in shapes.values())
        if whole > _LARGE:  # what is designed may be larger than any machine
            count += whole
            continue
        empty = {part: np.zeros(size, np.float32) for part, size in shapes.items()}
        count += int(spec.inference_layer(context, empty).parameters)
    return count


def _at(places: list[Place], call: int, error: SegueError) -> Problem:
    if not 0 <= call < len(places):
        return Problem(first_line(error))
    return Problem(first_line(error), call, places[call].start, places[call].stop)


def first_line(error: SegueError) -> str:
    """The message without the line that marks a position in the text."""
    return str(error).partition("\n  ")[0] if getattr(error, "text", None) else str(error)
