"""`Network`: a chain of layers and its head, with its weights and its summary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from segue.errors import DataError, SpecError, did_you_mean
from segue.layers.base import MOST_LAYERS, BuildContext, LayerSpec, Shape
from segue.modules import Chain, Layer, Padded
from segue.modules.core import head
from segue.networks.specs import to_python
from segue.randomness import Draws
from segue.spec import to_text
from segue.text_table import text_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class PartialInput(NamedTuple):
    """The output of a network's first layers for a batch, as the input of the others."""

    signal: Any  # [batch, feature], or Padded
    passed: int  # number of layers passed
    static: Tensor | None = None  # [batch, feature]


class Network(nn.Module):
    """A chain of layers and its head.

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
            most = f"at most {MOST_LAYERS:,} are built"
            raise SpecError(f"{count:,} layers; {most}. Repeat fewer times.")
        self.static = static
        self.specs = specs
        self.input_shape = shape
        self.chain = Chain(specs, BuildContext("", shape, every, seed))
        _check_end(self.chain, every=every)
        self.chain.append(head(outputs, self.chain.shape, seed, static))

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
        arrays = {name: torch.as_tensor(np.asarray(value)) for name, value in weights.items()}
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

    def summary(self) -> NetworkSummary:
        """The table of layers, output shapes and parameters; print it to see it."""
        rows = tuple(_summary_rows(self.chain.layers))
        return NetworkSummary(to_text(self.specs), str(self.input_shape), rows)

    def diagram(self, path: str | Path | None = None) -> Figure:
        """A picture: a box for each layer with its name, output shape and parameters.

        Args:
            path: a file to write, `.svg`, `.png` or `.pdf`.

        Returns:
            The matplotlib figure; a notebook shows it.

        Raises:
            OptionError: a path with another ending.
        """
        from segue.plots.diagram import draw_network

        return draw_network(self.input_shape, self.chain, path)

    def to_python(self, framework: str = "segue") -> str:
        """Python source that builds the same network, without its weights.

        Args:
            framework: "segue", or "torch": a module of plain PyTorch for recurrent layers, dense,
                dropout, embedding, pool, flatten and activations, with a function that copies what
                `get_weights` gives.

        Raises:
            SpecError: layers that cannot be written so; all of them are named.

        >>> from segue.networks import as_specs
        >>> source = Network(as_specs("lstm(8)"), Shape(3), 2).to_python()
        >>> print(source.partition("network = ")[2])
        Network(
            (LSTM(8),),
            Shape(3),
            outputs=2,
        )
        <BLANKLINE>
        """
        return to_python(self.specs, self.input_shape, self.chain, framework)

    def numbers_at_once(self, time: int) -> int:
        """About how many numbers a sequence of `time` steps makes without gradients."""
        return sum(layer.numbers_at_once(time) for layer in self.chain.layers)


@dataclass(frozen=True)
class SummaryRow:
    """One layer; the parameters of one inside another count in both.

    Attributes:
        depth: how many layers it is inside of.
        label: its name within the layer that holds it.
    """

    name: str
    kind: str
    shape: str
    parameters: int
    depth: int = 0
    label: str = ""


@dataclass(frozen=True)
class NetworkSummary:
    """A network as a table."""

    text: str
    input_shape: str
    rows: tuple[SummaryRow, ...]

    @property
    def total(self) -> int:
        """The number of parameters."""
        return sum(row.parameters for row in self.rows if row.depth == 0)

    def __str__(self) -> str:
        table = [("layer", "output shape", "parameters"), ("input", self.input_shape, "")]
        table += [("  " * r.depth + r.label, r.shape, f"{r.parameters:,}") for r in self.rows]
        first, *lines = text_table([*table, ("total", "", f"{self.total:,}")], "<<>").splitlines()
        rule = "-" * len(first)
        return "\n".join([first, rule, *lines[:-1], rule, lines[-1]])


def _summary_rows(
    layers: Iterable[Layer], outer: Layer | None = None, depth: int = 0
) -> Iterable[SummaryRow]:
    """The rows of layers and of all inside them."""
    for layer in layers:
        label = layer.name if outer is None else layer.name.removeprefix(f"{outer.name}/")
        count = sum(p.numel() for p in layer.parameters())
        yield SummaryRow(layer.name, layer.kind, str(layer.shape), count, depth, label)
        yield from _summary_rows(layer.sublayers(), layer, depth + 1)


def _check_end(chain: Chain, *, every: bool) -> None:
    shape = chain.shape
    if shape.directions != 1:
        raise SpecError(
            f"{chain[-1].name} keeps its two directions apart, and the head takes one signal: use "
            "merge=concat, sum or mean in the last bidirectional layer."
        )
    if shape.sequence and not every:
        raise SpecError(
            "the network still holds a sequence before its head, which has one output for "
            "a sequence: end with pool(mean), or with a recurrent layer's last output."
        )
    if every and shape.stride != 1:
        raise SpecError(
            f"an output at every step is wanted, and the network has one for {shape.stride} steps: "
            "leave the strides out."
        )
    if every and not shape.sequence:
        raise SpecError("the network ends the sequence, and an output at every step is wanted.")
