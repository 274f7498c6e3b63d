"""The network that is trained: a chain of torch modules and its head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from segue.errors import DataError, SpecError, did_you_mean
from segue.layers.base import (
    MOST_LAYERS,
    BuildContext,
    LayerSpec,
    Shape,
    too_many_layers,
    wrong_end,
)
from segue.layers.core import Dense
from segue.modules.base import Chain, Layer
from segue.modules.core import DenseLayer, HeadWithStatic
from segue.prepare.padded import Padded
from segue.randomness import Draws


class PartialInput(NamedTuple):
    """The output of a network's first layers for a batch, as the input of the others."""

    signal: Any  # [batch, feature], or Padded
    passed: int  # number of layers passed
    static: Tensor | None = None  # [batch, feature]


class TorchNetwork(nn.Module):
    """A chain of layers and its head, as torch modules.

    Args:
        specs: the layers, without the head.
        shape: of one example: its channels, its common length if it has one, its tokens.
        outputs: units of the head.
        every: whether the head has an output for every step, or one for a sequence.
        seed: of the initial weights.
        static: number of static features of a sequence that are joined before the head.

    Raises:
        SpecError: a layer that does not fit its input; the message says why and what to do.
    """

    def __init__(
        self,
        specs: tuple[LayerSpec, ...],
        shape: Shape,
        outputs: int,
        *,
        every: bool = False,
        seed: int = 0,
        static: int = 0,
    ) -> None:
        super().__init__()
        count = sum(spec.count() for spec in specs)
        if count > MOST_LAYERS:  # before anything is built
            raise too_many_layers(count)
        self.static = static
        self.specs = specs
        self.input_shape = shape
        self.chain = Chain(specs, BuildContext("", shape, every, seed))
        last = self.chain.shape
        if last.directions != 1 or last.sequence != every or (every and not last.keeps_steps):
            raise wrong_end(last, self.names, every=every)
        context = BuildContext("head", last.with_features(last.features + static), seed=seed)
        head = (HeadWithStatic if static else DenseLayer)(Dense(outputs), context)
        head.kind = Dense.kind
        self.chain.layers.append(head)
        self.chain.shape = head.shape

    def forward(self, x: Padded | PartialInput, draws: Draws | None = None) -> Any:
        """Logits `[batch, class]`, or `Padded` `[batch, time, class]`.

        Raises:
            DataError: the network joins static features, and the batch has none.
        """
        passed, signal = (x.passed, x.signal) if isinstance(x, PartialInput) else (0, x)
        *layers, head = list(self.chain.layers)[passed:]
        for layer in layers:
            signal = layer(signal, draws)
        return head(self.joined(signal, x.static) if self.static else signal, draws)

    def joined(self, signal: Any, static: Tensor | None) -> Any:
        """The input of the head: the signal, joined with the static features where there are some.

        Args:
            signal: `[batch, feature]`, or `Padded`: then they are joined to each step.
            static: `[batch, feature]`.

        Raises:
            DataError: the network joins static features, and there are none.
        """
        if not self.static:
            return signal
        static = self._given(static)
        if isinstance(signal, Padded):
            steps = static[:, None].expand(-1, signal.values.shape[1], -1)
            return signal._replace(values=torch.cat([signal.values, steps], dim=-1))
        return torch.cat([signal, static], dim=-1)

    def _given(self, static: Tensor | None) -> Tensor:
        if static is None:
            raise DataError(
                f"The network joins {self.static} static features of each sequence before its "
                "head, and here are none: pass them as `static`."
            )
        return static

    def layer(self, name: str) -> Layer:
        """A layer by its name; one inside another by its path, `residual_1/conv_2`.

        Raises:
            SpecError: there is no such layer; near misses are suggested.
        """
        layers = self.layers
        if name not in layers:
            raise SpecError(f"there is no layer {name!r}.{did_you_mean(name, layers)}")
        return layers[name]

    @property
    def layers(self) -> dict[str, Layer]:
        """Every layer by its name, those inside others too, in order."""
        return {layer.name: layer for layer in self.modules() if isinstance(layer, Layer)}

    @property
    def names(self) -> list[str]:
        """The layers' names in order, the head last."""
        return [layer.name for layer in self.chain]

    # -- one step at a time ---------------------------------------------------------------------

    @property
    def causal(self) -> bool:
        """Whether every layer can go step by step."""
        return self.chain.causal

    def initial_state(self, batch: int = 1, static: Tensor | None = None) -> list[Any]:
        """The state of every layer before the first step.

        Args:
            batch: the number of sequences.
            static: `[batch, feature]`, their static features, where the network joins some.

        Raises:
            NotCausalError: a layer needs the whole sequence; the message names it.
        """
        state = self.chain.initial_state(batch)
        if self.static:
            state[-1] = self._given(static)
        return state

    def step(self, x_t: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """One step: `[batch, channel]` to the logits so far `[batch, class]`, and the new state."""
        return self.chain.step(x_t, state)

    def forward_from(
        self, x: Padded, state: list[Any], draws: Draws | None = None
    ) -> tuple[Any, list[Any]]:
        """A piece of longer sequences: the logits, and the state after it."""
        return self.chain.forward_from(x, state, draws)

    # -- weights --------------------------------------------------------------------------------

    def weight_tensors(self) -> dict[str, Tensor]:
        """Every weight by its name, `<layer>/<part>`."""
        return self.chain.weights()

    def get_weights(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all weights: `{"lstm_1/kernel": array, ...}`."""
        return {k: t.detach().cpu().numpy().copy() for k, t in self.weight_tensors().items()}

    def set_weights(self, weights: Mapping[str, npt.ArrayLike]) -> None:
        """Set some of the weights and leave the others.

        Raises:
            DataError: a name that is not there, or a shape that does not fit; all are reported.
        """
        tensors = self.weight_tensors()
        arrays = {
            name: torch.as_tensor(np.asarray(value), device="cpu")
            for name, value in weights.items()
        }
        problems = []
        for name, array in arrays.items():
            if name not in tensors:
                problems.append(f"there is no weight {name!r}.{did_you_mean(name, tensors)}")
            elif array.shape != tensors[name].shape:
                came, expected = tuple(array.shape), tuple(tensors[name].shape)
                problems.append(f"{name} has shape {came}; expected {expected}.")
        if problems:
            raise DataError(" ".join(problems))
        with torch.no_grad():
            for name, array in arrays.items():
                tensors[name].copy_(array)

    def numbers_at_once(self, time: int) -> dict[str, int]:
        """About how many numbers each layer makes of `time` steps without gradients, by name."""
        found = {}
        for one in self.modules():
            if isinstance(one, Layer):
                steps = time + one.reach if one.reads_steps or self.causal else 1
                outputs = one.shape.features * one.shape.directions
                kept = steps if one.keeps_steps else 1
                found[one.name] = 3 * (steps * one.inputs + kept * outputs)
        return found
