"""Layers one after the other: what a network is made of, and what a layer that holds others holds.

Building a chain gives every layer its name, decides which recurrent layers give every step, and
refuses what cannot stand where it stands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, overload

from torch import Tensor, nn

from segue.errors import SpecError
from segue.layers.base import (
    Layer,
    LayerSpec,
    Place,
    Shape,
    Shorthand,
    Takes,
    refuse_directions,
)
from segue.randomness import Draws

MOST_LAYERS = 2000  # a text of a few words can stand for more than any machine could hold


class Chain(nn.Module):
    """Layers one after the other; what one gives the next one takes.

    Args:
        specs: the layers; a shorthand is replaced by what it stands for.
        place: where the chain stands. The names of its layers begin with its name, if it has one;
            `place.every` says whether it must keep the sequence.

    Raises:
        SpecError: a layer that cannot stand where it stands; the message says why and what to do.
    """

    def __init__(self, specs: Iterable[LayerSpec], place: Place) -> None:
        super().__init__()
        self.layers = nn.ModuleList(build_layers(tuple(specs), place))
        self.shape = self[-1].shape if len(self) else place.shape

    def append(self, layer: Layer) -> None:
        """Put one more layer at the end."""
        self.layers.append(layer)
        self.shape = layer.shape

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)  # type: ignore[arg-type]

    @overload
    def __getitem__(self, index: int) -> Layer: ...

    @overload
    def __getitem__(self, index: slice) -> list[Layer]: ...

    def __getitem__(self, index: int | slice) -> Layer | list[Layer]:
        return list(self)[index]

    @property
    def causal(self) -> bool:
        """Whether every layer can go step by step."""
        return all(layer.causal for layer in self)

    def forward(self, x: Any, draws: Draws | None = None) -> Any:
        """Whole sequences through all layers."""
        for layer in self:
            x = layer(x, draws)
        return x

    def initial_state(self, batch: int) -> list[Any]:
        """The state of every layer before the first step.

        Raises:
            NotCausalError: a layer needs the whole sequence; the message names it.
        """
        for layer in self:
            if not layer.causal:
                raise layer.not_causal()
        return [layer.initial_state(batch) for layer in self]

    def step(self, x_t: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """One step through all layers: `[batch, feature]`, and the new states."""
        after = []
        for layer, before in zip(self, state, strict=True):
            x_t, new = layer.step(x_t, before)
            after.append(new)
        return x_t, after

    def forward_from(
        self, x: Any, state: list[Any], draws: Draws | None = None
    ) -> tuple[Any, list[Any]]:
        """A piece of longer sequences through all layers, and the new states."""
        after = []
        for layer, before in zip(self, state, strict=True):
            x, new = layer.forward_from(x, before, draws)
            after.append(new)
        return x, after

    def weights(self) -> dict[str, Tensor]:
        """Every weight by the names of its layer and part, `conv_1/kernel`."""
        return {
            f"{layer.name.rpartition('/')[2]}/{part}": tensor
            for layer in self
            for part, tensor in layer.weights().items()
        }


def check_count(specs: Iterable[LayerSpec]) -> None:
    """Raise before anything is built, if it would be too many."""
    count = sum(spec.count() for spec in specs)
    if count > MOST_LAYERS:
        raise SpecError(f"{count:,} layers; at most {MOST_LAYERS:,} are built. Repeat fewer times.")


def needs_of(specs: Iterable[LayerSpec]) -> Takes:
    """What must come into a chain: what its first layer wants that wants anything."""
    wanted = (spec.needs() for spec in specs)
    return next((takes for takes in wanted if takes != "either"), "either")


# -- building -----------------------------------------------------------------------------------


def build_layers(specs: tuple[LayerSpec, ...], place: Place) -> Iterator[Layer]:
    """Build one layer after the other, each on the shape that the one before it gives."""
    names = _Names(place.name)
    waiting, shape = deque(specs), place.shape
    while waiting:
        spec = waiting.popleft()
        if isinstance(spec, Shorthand):
            _check_input(spec, str(spec), shape, names.given)
            waiting.extendleft(reversed(spec.expand(shape)))
            continue
        every = place.every or any(later.needs() != "either" for later in waiting)
        before = list(names.given)
        layer = _build(spec, Place(names.take(spec), shape, every, place.seed), before)
        shape = layer.shape
        yield layer


def _build(spec: LayerSpec, place: Place, before: list[str]) -> Layer:
    if not spec.takes_directions:
        refuse_directions(spec, place.shape)
    _check_input(spec, place.name, place.shape, before)
    layer = spec.build(place)
    layer.kind = spec.kind
    return layer


class _Names:
    """The user's own names, and kind and number for the rest."""

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
    takes = spec.needs()
    if takes == "tokens" and shape.tokens is None:
        raise SpecError(
            f"{name} takes tokens (whole numbers); here come {shape.features} measured channels "
            "(floats). If all of them are whole, pass x.astype(int); else leave it out."
        )
    if takes != "tokens" and shape.tokens is not None:
        raise SpecError(
            f"{name} cannot take tokens: begin the network with an embedding, such as "
            "'embedding(32) lstm(64)'."
        )
    if takes != "either" and not shape.sequence:
        raise SpecError(
            f"{name} needs a sequence, but the layers before it have ended it "
            f"({', '.join(before)}). Remove what ends it, or write output=every there."
        )
