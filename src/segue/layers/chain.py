"""Layers in sequence, without torch: names, shapes, and what may follow what.

`plan_layers` expands composites, gives every layer its name and its input shape, decides which
recurrent layers return every step, and refuses layers that do not fit their input.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from segue.errors import SpecError
from segue.layers.base import (
    BuildContext,
    Composite,
    InputKind,
    LayerSpec,
    Shape,
)

MOST_LAYERS = 2000  # a text of a few words can stand for more than any machine could hold


class PlannedLayer(NamedTuple):
    """A layer of a chain: its spec, what it is built with, and the shape of its output."""

    spec: LayerSpec
    context: BuildContext
    shape: Shape


def plan_layers(specs: Iterable[LayerSpec], context: BuildContext) -> Iterator[PlannedLayer]:
    """Plan the layers of a chain, each on the output shape of the one before it.

    Args:
        specs: the layers.
        context: of the chain; its name, if it has one, is the prefix of its layers' names, and
            `every` says whether the chain must keep the sequence.

    Raises:
        SpecError: a layer that does not fit its input; the message says why and what to do.
    """
    names = _Names(context.name)
    waiting, shape = deque(specs), context.shape
    while waiting:
        spec = waiting.popleft()
        if isinstance(spec, Composite):
            _check_input(spec, str(spec), shape, names.given)
            waiting.extendleft(reversed(spec.expand(shape)))
            continue
        every = context.every or any(later.input_kind != "either" for later in waiting)
        before = list(names.given)
        layer = BuildContext(names.take(spec), shape, every, context.seed)
        _check_input(spec, layer.name, shape, before)
        shape = spec.output_shape(layer)
        yield PlannedLayer(spec, layer, shape)


def chain_shape(specs: Iterable[LayerSpec], context: BuildContext) -> Shape:
    """The output shape of a chain.

    >>> from segue.layers import LSTM, Dense
    >>> str(chain_shape([LSTM(8), Dense(4)], BuildContext("", Shape(3))))
    '[4]'
    """
    shape = context.shape
    for planned in plan_layers(specs, context):
        shape = planned.shape
    return shape


def check_count(specs: Iterable[LayerSpec]) -> None:
    """Raise `SpecError` before anything is built, if it would be too many layers."""
    count = sum(spec.count() for spec in specs)
    if count > MOST_LAYERS:
        raise SpecError(f"{count:,} layers; at most {MOST_LAYERS:,} are built. Repeat fewer times.")


def input_kind_of(specs: Iterable[LayerSpec]) -> InputKind:
    """The input kind of a chain: that of its first layer that does not take either."""
    wanted = (spec.input_kind for spec in specs)
    return next((kind for kind in wanted if kind != "either"), "either")


class _Names:
    """The user's own names; kind and number for the rest."""

    def __init__(self, prefix: str) -> None:
        self.prefix = f"{prefix}/" if prefix else ""
        self.counts: dict[str, int] = {}
        self.given: list[str] = []

    def take(self, spec: LayerSpec) -> str:
        self.counts[spec.kind] = self.counts.get(spec.kind, 0) + 1
        name = self.prefix + (spec.name or f"{spec.kind}_{self.counts[spec.kind]}")
        if name in self.given or name == "head":
            raise SpecError(f"layer names must differ, and `head` is taken; used: {name}.")
        self.given.append(name)
        return name


def _check_input(spec: LayerSpec, name: str, shape: Shape, before: list[str]) -> None:
    if shape.directions != 1 and not spec.takes_directions and not isinstance(spec, Composite):
        raise SpecError(
            f"{spec} comes after a bidirectional layer with merge=none, which keeps its two "
            "directions apart: only another bidirectional layer can follow. Use merge=concat, sum "
            "or mean to join them."
        )
    wanted = spec.input_kind
    if wanted == "tokens" and shape.tokens is None:
        raise SpecError(
            f"{name} takes tokens (whole numbers); here come {shape.features} measured channels "
            "(floats). If all of them are whole, pass x.astype(int); else leave it out."
        )
    if wanted != "tokens" and shape.tokens is not None:
        raise SpecError(
            f"{name} cannot take tokens: begin the network with an embedding, such as "
            "'embedding(32) lstm(64)'."
        )
    if wanted != "either" and not shape.sequence:
        raise SpecError(
            f"{name} needs a sequence, but the layers before it have ended it "
            f"({', '.join(before)}). Remove what ends it, or write output=every there."
        )
