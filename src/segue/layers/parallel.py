"""Branches side by side: each gets the same input, and what they give is joined."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from segue.errors import NotCausalError, SpecError
from segue.layers.activations import ACTIVATIONS, Activation
from segue.layers.base import Layer, LayerSpec, Place, Shape, Takes
from segue.layers.chain import Chain, needs_of
from segue.layers.nesting import Branches
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Name

Merge = Literal["concat", "sum", "mean"]


@dataclass(frozen=True)
class Parallel(LayerSpec):
    """`parallel(conv(32, 9) relu, conv(32, 19) relu)`: branches, their features side by side.

    All branches keep the sequence, or all end it. A branch that changes nothing is `linear`.

    Args:
        branches: two or more, each of one or several layers.
        merge: "concat" puts the features side by side; "sum" and "mean" join equally many.
        name: the layer's own name. Those inside are called `parallel_1/branch_2/conv_1`.
    """

    kind: ClassVar[str] = "parallel"

    branches: Branches
    merge: Merge = "concat"
    name: Name | None = None

    def needs(self) -> Takes:
        wanted = {needs_of(branch) for branch in self.branches}
        return "tokens" if "tokens" in wanted else "sequence" if "sequence" in wanted else "either"

    def inside(self) -> tuple[LayerSpec, ...]:
        return tuple(spec for branch in self.branches for spec in branch)

    def build(self, place: Place) -> Layer:
        chains = [
            Chain(branch, place.within(f"branch_{number}"))
            for number, branch in enumerate(self.branches, start=1)
        ]
        return ParallelLayer(place.name, chains, self.merge)


class ParallelLayer(Layer):
    """Chains side by side. Weights: theirs, such as `branch_1/conv_1/kernel`.

    Args:
        name: the layer's name, with which the names of all that is inside begin.
        chains: each takes the same input.
        merge: how what they give is joined.
        activation: of what is joined.
    """

    def __init__(
        self, name: str, chains: list[Chain], merge: Merge, activation: Activation = "linear"
    ) -> None:
        super().__init__(name, _joined_shape(name, [chain.shape for chain in chains], merge))
        self.chains = chains
        self.branches = nn.ModuleList(chains)  # tells PyTorch that they are there
        self.causal = all(chain.causal for chain in chains)
        self.merge = merge
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Any, draws: Draws | None = None) -> Any:
        return self._join([chain(x, draws) for chain in self.chains])

    def _join(self, signals: list[Any]) -> Any:
        if not self.shape.sequence:
            return self.activation(_merge(signals, self.merge))
        values = _merge([signal.values for signal in signals], self.merge)
        return self.activation(Padded(values, signals[0].lengths))

    def forward_from(
        self, x: Any, state: list[Any], draws: Draws | None = None
    ) -> tuple[Any, list[Any]]:
        pairs = zip(self.chains, state, strict=True)
        pieces = [chain.forward_from(x, before, draws) for chain, before in pairs]
        return self._join([signal for signal, _ in pieces]), [after for _, after in pieces]

    def initial_state(self, batch: int) -> list[Any]:
        return [chain.initial_state(batch) for chain in self.chains]

    def step(self, x_t: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        if not self.causal:
            raise self.not_causal()
        steps = [chain.step(x_t, before) for chain, before in zip(self.chains, state, strict=True)]
        joined = _merge([y_t for y_t, _ in steps], self.merge)
        return self.activation.apply(joined), [after for _, after in steps]

    def not_causal(self) -> NotCausalError:
        return next(layer for layer in self.inside() if not layer.causal).not_causal()

    def inside(self) -> tuple[Layer, ...]:
        return tuple(layer for chain in self.chains for layer in chain)

    def weights(self) -> dict[str, Tensor]:
        return {
            f"{layer.name}/{part}".removeprefix(f"{self.name}/"): tensor
            for layer in self.inside()
            for part, tensor in layer.weights().items()
        }

    def activation_size(self, time: int) -> int:
        own = super().activation_size(time)
        return own + sum(layer.activation_size(time) for layer in self.inside())


def _merge(values: list[Tensor], merge: Merge) -> Tensor:
    if merge == "concat":
        return torch.cat(values, dim=-1)
    total = functools.reduce(torch.add, values)
    return total if merge == "sum" else total / len(values)


def _joined_shape(name: str, shapes: list[Shape], merge: Merge) -> Shape:
    """The shape of what is joined; raise `SpecError` where it does not fit together."""
    shown = ", ".join(str(shape) for shape in shapes)
    if len({shape.sequence for shape in shapes}) > 1:
        raise SpecError(
            f"{name}: some branches end the sequence and others keep it ({shown}). End all of "
            "them, such as with pool(mean) or a recurrent layer's last output, or none."
        )
    if len({shape.stride for shape in shapes}) > 1:
        strides = ", ".join(str(shape.stride) for shape in shapes)
        raise SpecError(
            f"{name}: the branches have strides of {strides} input steps, so their steps do not "
            "belong together. Give all of them the same stride."
        )
    if any(shape.directions != 1 for shape in shapes):
        raise SpecError(
            f"{name}: a branch keeps its two directions apart; use merge=concat, sum or mean in "
            "its bidirectional layer."
        )
    features = [shape.features for shape in shapes]
    if merge != "concat" and len(set(features)) > 1:
        raise SpecError(
            f"{name}: merge={merge} needs branches of equally many features; got {shown}. Use "
            "merge=concat, or end each branch with the same number of features."
        )
    backward = next((shape.backward for shape in shapes if shape.backward), None)
    joined = replace(shapes[0], backward=backward)
    return joined.with_features(sum(features) if merge == "concat" else features[0])
