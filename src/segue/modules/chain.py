"""Layers in sequence: the body of a network, and of a layer that holds others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, overload

from torch import Tensor, nn

from segue.layers.base import BuildContext, LayerSpec
from segue.layers.chain import plan_layers
from segue.modules.base import Layer
from segue.randomness import Draws


class Chain(nn.Module):
    """Layers in sequence; the output of one is the input of the next.

    Args:
        specs: the layers; composites are expanded.
        context: of the chain. Its name, if it has one, is the prefix of the layers' names, and
            `context.every` says whether the chain must keep the sequence.

    Raises:
        SpecError: a layer that does not fit its input; the message says why and what to do.
    """

    def __init__(self, specs: Iterable[LayerSpec], context: BuildContext) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_build(specs, context))
        self.shape = self[-1].shape if len(self) else context.shape

    def append(self, layer: Layer) -> None:
        """Add one more layer at the end."""
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
        """Every weight by the name of its layer and its own, `conv_1/kernel`."""
        return {
            f"{layer.name.rpartition('/')[2]}/{part}": tensor
            for layer in self
            for part, tensor in layer.weights().items()
        }


def _build(specs: Iterable[LayerSpec], context: BuildContext) -> Iterator[Layer]:
    for planned in plan_layers(specs, context):
        layer: Layer = planned.spec.build(planned.context)
        layer.kind = planned.spec.kind
        yield layer
