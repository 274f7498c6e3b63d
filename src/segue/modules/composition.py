"""Module of `parallel` and `residual`: chains side by side."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from segue.errors import NotCausalError
from segue.layers.activations import ACTIVATIONS
from segue.layers.base import BuildContext
from segue.layers.composition import Parallel, Residual
from segue.modules.activations import activate, function_of
from segue.modules.base import Chain, SpecLayer, merged
from segue.prepare.padded import Padded
from segue.randomness import Draws


class ParallelLayer(SpecLayer):
    """Chains side by side, merged. Weights: those of the chains, such as `branch_1/conv_1/kernel`.

    A residual is two chains whose outputs are summed: its layers, and the way around.
    """

    def __init__(self, spec: Parallel | Residual, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.chains = [Chain(specs, inner) for specs, inner in spec.chains(context)]
        self.branches = nn.ModuleList(self.chains)  # registers them with PyTorch
        self.merge = spec.merge
        self.activation = ACTIVATIONS[spec.activation]

    def forward(self, x: Any, draws: Draws | None = None) -> Any:
        return self._join([chain(x, draws) for chain in self.chains])

    def _join(self, signals: list[Any]) -> Any:
        if not self.shape.sequence:
            return activate(self.activation, merged(signals, self.merge))
        values = merged([signal.values for signal in signals], self.merge)
        return activate(self.activation, Padded(values, signals[0].lengths))

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
        joined = merged([y_t for y_t, _ in steps], self.merge)
        return function_of(self.activation)(joined), [after for _, after in steps]

    def not_causal(self) -> NotCausalError:
        return next(layer for layer in self.sublayers() if not layer.causal).not_causal()

    def weights(self) -> dict[str, Tensor]:
        return {
            f"{layer.name}/{part}".removeprefix(f"{self.name}/"): tensor
            for layer in self.sublayers()
            for part, tensor in layer.weights().items()
        }
