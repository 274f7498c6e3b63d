"""From a spec and the shape of the data to a network.

The last, dense layer is implied: the *head*. Its units follow from the classes.
"""

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
from segue.layers import LAYERS, Chain, Layer, LayerSpec, Own, OwnCell, Padded, Place, Shape
from segue.layers.chain import check_count
from segue.layers.dense import head
from segue.layers.elsewhere import said_here
from segue.layers.embedding import Embedding
from segue.layers.nesting import as_spec
from segue.randomness import Draws
from segue.spec import from_json, parse, to_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EMBEDDING = 64  # features of a token, if nothing else is said

NetworkLike = str | LayerSpec | nn.Module | Iterable[LayerSpec | nn.Module]


def as_specs(network: NetworkLike) -> tuple[LayerSpec, ...]:
    """Take a text, one spec or several, and return the specs.

    A `torch.nn.Module` or a `Cell` of one's own among them is wrapped in its spec.

    >>> as_specs("lstm(8) dense(4, relu)")
    (LSTM(units=8, ...), Dense(units=4, activation='relu', bias=True, name=None))
    """
    if isinstance(network, str):
        specs: Iterable[Any] = parse(network, LAYERS, hint=said_here)
    elif isinstance(network, LayerSpec | nn.Module) or not isinstance(network, Iterable):
        specs = (network,)
    else:
        specs = network
    specs = tuple(as_spec(spec) for spec in specs)
    for spec in specs:
        if not isinstance(spec, LayerSpec):
            raise SpecError(
                f"a network is a text such as 'lstm(128)', or a list of layer specs such as "
                f"[LSTM(128)]; got {spec!r}."
            )
    return specs


def with_embedding(specs: tuple[LayerSpec, ...]) -> tuple[LayerSpec, ...]:
    """A network that takes tokens: `embedding(64)` begins it, where nothing that takes them does.

    >>> to_text(with_embedding(as_specs("bilstm(100)")))
    'embedding(64) bilstm(100)'
    """
    begins = specs[0] if specs else None
    if begins is not None and (is_own(begins) or begins.needs() == "tokens"):
        return specs
    return (Embedding(EMBEDDING), *specs)


def is_own(spec: LayerSpec) -> bool:
    """Whether a module of the user's own is in it, which no text or file can bring."""
    return spec.is_own or any(is_own(inner) for inner in spec.inside())


def specs_from_json(items: Iterable[Mapping[str, Any]]) -> tuple[LayerSpec, ...]:
    """Make layer specs from the JSON of a model file.

    Raises:
        SpecError: an unknown kind or field, or a layer of the user's own.
    """
    # The last two say why they cannot be brought.
    kinds: dict[str, type[LayerSpec]] = {**LAYERS, Own.kind: Own, OwnCell.kind: OwnCell}
    return tuple(s for s in from_json(items, kinds, what="layer") if isinstance(s, LayerSpec))


class Midway(NamedTuple):
    """A batch that has gone through the first layers of a network already."""

    signal: Any  # [batch, feature], or Padded
    passed: int  # how many layers
    static: Tensor | None = None  # [batch, feature]


class Network(nn.Module):
    """A chain of layers and its head.

    Args:
        specs: the layers, without the head.
        shape: of one example: its channels, its common length if it has one, its tokens.
        outputs: units of the head.
        every: whether the head answers at every step, or once for a sequence.
        seed: of the initial weights.
        static: how many static features of a sequence are joined before the head.

    Raises:
        SpecError: a layer that cannot stand where it stands; the message says why and what to do.
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
        check_count(specs)
        self.static = static
        self.specs = specs
        self.input_shape = shape
        self.chain = Chain(specs, Place("", shape, every, seed))
        _check_end(self.chain, every=every)
        self.chain.append(head(outputs, self.chain.shape, seed, static))

    def forward(self, x: Padded | Midway, draws: Draws | None = None) -> Any:
        """Logits `[batch, class]`, or `Padded` `[batch, time, class]`.

        Raises:
            DataError: the network joins static features, and the batch has none.
        """
        signal: Any
        passed, signal = (x.passed, x.signal) if isinstance(x, Midway) else (0, x)
        *layers, last = self.chain[passed:]
        for layer in layers:
            signal = layer(signal, draws)
        return last(self.joined(signal, x.static), draws)

    def joined(self, signal: Any, static: Tensor | None) -> Any:
        """What goes into the head: the signal, and the static features where there are some.

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
        """Find a layer by its name; one inside another by its path, `residual_1/conv_2`."""
        layers = {layer.name: layer for layer in self.modules() if isinstance(layer, Layer)}
        if name not in layers:
            raise SpecError(f"there is no layer {name!r}.{did_you_mean(name, layers)}")
        return layers[name]

    @property
    def names(self) -> list[str]:
        """The layers' names in their order, the head last."""
        return [layer.name for layer in self.chain]

    # -- one step at a time ---------------------------------------------------------------------

    @property
    def causal(self) -> bool:
        """Whether every layer can go step by step."""
        return self.chain.causal

    def initial_state(self, batch: int = 1, static: Tensor | None = None) -> list[Any]:
        """The state of every layer before the first step.

        Args:
            batch: sequences that go step by step at once.
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
        """A piece of longer sequences: what the head says of it, and the state to carry on."""
        return self.chain.forward_from(x, state, draws)

    # -- weights --------------------------------------------------------------------------------

    def weight_tensors(self) -> dict[str, Tensor]:
        """Every weight by its name, `<layer>/<part>`."""
        return self.chain.weights()

    def get_weights(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all weights: `{"lstm_1/kernel": array, ...}`."""
        return {k: t.detach().cpu().numpy().copy() for k, t in self.weight_tensors().items()}

    def set_weights(self, weights: Mapping[str, npt.ArrayLike]) -> None:
        """Set the weights that are given and leave the others.

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
        """The table of layers, output shapes and parameters; printing it shows it."""
        rows = tuple(_rows(self.chain))
        return NetworkSummary(to_text(self.specs), str(self.input_shape), rows)

    def diagram(self, path: str | Path | None = None) -> Figure:
        """A picture: a box for each layer with its name, output shape and parameters.

        Args:
            path: a file to be written, `.svg`, `.png` or `.pdf`.

        Returns:
            The matplotlib figure; a notebook shows it.

        Raises:
            OptionError: a path with another ending.
        """
        from segue.diagrams import draw_network

        return draw_network(self.input_shape, self.chain, path)

    def to_python(self, framework: str = "segue") -> str:
        """Python source that builds the same network, without its weights.

        Args:
            framework: "segue", or "torch": a module of plain PyTorch for recurrent layers, dense,
                dropout, embedding, pool, flatten and activations, with a function that copies what
                `get_weights` gives.

        Raises:
            SpecError: layers that cannot be written so; all of them are named.

        >>> source = Network(as_specs("lstm(8)"), Shape(3), 2).to_python()
        >>> print(source.partition("network = ")[2])
        Network(
            (LSTM(8),),
            Shape(3),
            outputs=2,
        )
        <BLANKLINE>
        """
        from segue.codegen import to_python

        return to_python(self, framework)

    def activation_bytes(self, batch: int, time: int) -> int:
        """About how much memory one training step keeps, for a batch of `time` steps."""
        numbers = sum(layer.activation_size(time) for layer in self.chain)
        return 4 * batch * (int(numbers) + 2 * time * self.input_shape.features)


@dataclass(frozen=True)
class SummaryRow:
    """One layer; one inside another counts there too, and has a path for a name.

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
        """All learnt numbers."""
        return sum(row.parameters for row in self.rows if row.depth == 0)

    def __str__(self) -> str:
        table = [("layer", "output shape", "parameters"), ("input", self.input_shape, "")]
        table += [
            ("  " * row.depth + row.label, row.shape, f"{row.parameters:,}") for row in self.rows
        ]
        table += [("total", "", f"{self.total:,}")]
        widths = [max(len(row[column]) for row in table) for column in range(3)]
        lines = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in table
        ]
        rule = "-" * (sum(widths) + 4)
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _rows(
    layers: Iterable[Layer], outer: Layer | None = None, depth: int = 0
) -> Iterable[SummaryRow]:
    for layer in layers:
        label = layer.name if outer is None else layer.name.removeprefix(f"{outer.name}/")
        count = sum(p.numel() for p in layer.parameters())
        yield SummaryRow(layer.name, layer.kind, str(layer.shape), count, depth, label)
        yield from _rows(layer.inside(), layer, depth + 1)


def _check_end(chain: Chain, *, every: bool) -> None:
    shape = chain.shape
    if shape.directions != 1:
        raise SpecError(
            f"{chain[-1].name} keeps its two directions apart, and the head takes one signal: use "
            "merge=concat, sum or mean in the last bidirectional layer."
        )
    if shape.sequence and not every:
        raise SpecError(
            "the network still holds a sequence before its head, and a classifier answers once for "
            "a sequence: end with pool(mean), or with a recurrent layer's last output."
        )
    if every and shape.stride != 1:
        raise SpecError(
            f"an answer at every step is wanted, and the network has one for {shape.stride} steps: "
            "leave the strides out."
        )
    if every and not shape.sequence:
        raise SpecError("the network ends the sequence, and an answer at every step is wanted.")
