"""From a spec and the shape of the data to a network.

The last, dense layer is implied: the *head*. Its units follow from the classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from segue.errors import DataError, SpecError, did_you_mean
from segue.layers import LAYERS, Layer, LayerSpec, Padded, Place, Pool, Shape
from segue.layers.base import not_causal, refuse_directions
from segue.layers.dense import head
from segue.layers.recurrent import BidirectionalSpec
from segue.randomness import Draws
from segue.spec import from_json, parse, to_text

NetworkLike = str | LayerSpec | Iterable[LayerSpec]


def as_specs(network: NetworkLike) -> tuple[LayerSpec, ...]:
    """Take a text, one spec or several, and return the specs.

    >>> as_specs("lstm(8) dense(4, relu)")
    (LSTM(units=8, ...), Dense(units=4, activation='relu', bias=True, name=None))
    """
    if isinstance(network, str):
        specs: Iterable[Any] = parse(network, LAYERS)
    elif isinstance(network, LayerSpec):
        specs = (network,)
    else:
        specs = network if isinstance(network, Iterable) else (network,)
    specs = tuple(specs)
    for spec in specs:
        if not isinstance(spec, LayerSpec):
            raise SpecError(
                f"a network is a text such as 'lstm(128)', or a list of layer specs such as "
                f"[LSTM(128)]; got {spec!r}."
            )
    return specs


def specs_from_json(items: Iterable[Mapping[str, Any]]) -> tuple[LayerSpec, ...]:
    """Make layer specs from the JSON of a model file."""
    return tuple(s for s in from_json(items, LAYERS, what="layer") if isinstance(s, LayerSpec))


class Network(nn.Module):
    """A chain of layers and its head.

    Args:
        specs: the layers, without the head.
        shape: of one example: its channels, its common length if it has one, its tokens.
        outputs: units of the head.
        every: whether the head answers at every step, or once for a sequence.
        seed: of the initial weights.

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
    ) -> None:
        super().__init__()
        self.specs = specs
        self.input_shape = shape
        self.chain = list(_build(specs, shape, every=every, seed=seed))
        last = self.chain[-1].shape if specs else shape
        _check_end(specs, last, every=every)
        self.chain.append(head(outputs, last, seed))
        self.layers = nn.ModuleList(self.chain)  # tells PyTorch that they are there

    def forward(self, x: Padded, draws: Draws | None = None) -> Any:
        """Logits `[batch, class]`, or `Padded` `[batch, time, class]`."""
        signal: Any = x
        for layer in self.chain:
            signal = layer(signal, draws)
        return signal

    def layer(self, name: str) -> Layer:
        """Find a layer by its name."""
        for layer in self.chain:
            if layer.name == name:
                return layer
        raise SpecError(f"there is no layer {name!r}.{did_you_mean(name, self.names)}")

    @property
    def names(self) -> list[str]:
        """The layers' names in their order, the head last."""
        return [layer.name for layer in self.chain]

    # -- one step at a time ---------------------------------------------------------------------

    @property
    def causal(self) -> bool:
        """Whether every layer can go step by step."""
        return all(layer.causal for layer in self.chain)

    def initial_state(self, batch: int = 1) -> list[Any]:
        """The state of every layer before the first step.

        Raises:
            NotCausalError: a layer needs the whole sequence; the message names it.
        """
        for layer in self.chain:
            if not layer.causal:
                raise not_causal(layer.name)
        return [layer.initial_state(batch) for layer in self.chain]

    def step(self, x_t: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """One step: `[batch, channel]` to the logits so far `[batch, class]`, and the new state."""
        new = []
        for layer, before in zip(self.chain, state, strict=True):
            x_t, after = layer.step(x_t, before)
            new.append(after)
        return x_t, new

    # -- weights --------------------------------------------------------------------------------

    def weight_tensors(self) -> dict[str, Tensor]:
        """Every weight by its name, `<layer>/<part>`."""
        return {
            f"{layer.name}/{part}": tensor
            for layer in self.chain
            for part, tensor in layer.weights().items()
        }

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
        rows = []
        for layer in self.chain:
            count = sum(p.numel() for p in layer.parameters())
            rows.append(SummaryRow(layer.name, layer.kind, str(layer.shape), count))
        return NetworkSummary(to_text(self.specs), str(self.input_shape), tuple(rows))

    def activation_bytes(self, batch: int, time: int) -> int:
        """About how much memory one training step keeps, for a batch of `time` steps."""
        numbers = sum(layer.activation_size(time) for layer in self.chain)
        return 4 * batch * (int(numbers) + 2 * time * self.input_shape.features)


@dataclass(frozen=True)
class SummaryRow:
    """One layer."""

    name: str
    kind: str
    shape: str
    parameters: int


@dataclass(frozen=True)
class NetworkSummary:
    """A network as a table."""

    text: str
    input_shape: str
    rows: tuple[SummaryRow, ...]

    @property
    def total(self) -> int:
        """All learnt numbers."""
        return sum(row.parameters for row in self.rows)

    def __str__(self) -> str:
        table = [("layer", "output shape", "parameters"), ("input", self.input_shape, "")]
        table += [(row.name, row.shape, f"{row.parameters:,}") for row in self.rows]
        table += [("total", "", f"{self.total:,}")]
        widths = [max(len(row[column]) for row in table) for column in range(3)]
        lines = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in table
        ]
        rule = "-" * (sum(widths) + 4)
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


# -- building -----------------------------------------------------------------------------------


def _build(
    specs: tuple[LayerSpec, ...], shape: Shape, *, every: bool, seed: int
) -> Iterable[Layer]:
    names = _names(specs)
    for number, spec in enumerate(specs):
        followers = specs[number + 1 :]
        needs_every = every or any(later.takes != "either" for later in followers)
        if number and not isinstance(spec, BidirectionalSpec):
            refuse_directions(spec, shape)
        _check_input(spec, names[number], shape, names[:number])
        if isinstance(spec, Pool) and spec.how == "last":
            _refuse_last_of_both_ends(specs[:number])
        layer = spec.build(Place(names[number], shape, needs_every, seed))
        layer.kind = spec.kind
        shape = layer.shape
        yield layer


def _names(specs: tuple[LayerSpec, ...]) -> list[str]:
    """The user's own names, and kind and number for the rest."""
    counts: dict[str, int] = {}
    names = []
    for spec in specs:
        counts[spec.kind] = counts.get(spec.kind, 0) + 1
        names.append(spec.name or f"{spec.kind}_{counts[spec.kind]}")
    twice = sorted({name for name in names if names.count(name) > 1 or name == "head"})
    if twice:
        raise SpecError(f"layer names must differ, and `head` is taken; used: {', '.join(twice)}.")
    return names


def _check_input(spec: LayerSpec, name: str, shape: Shape, before: list[str]) -> None:
    if spec.takes == "tokens" and shape.tokens is None:
        raise SpecError(
            f"{name} takes tokens (whole numbers, int32); here come {shape.features} measured "
            "channels. Leave it out, or pass the sequences as int32."
        )
    if spec.takes != "tokens" and shape.tokens is not None and not before:
        raise SpecError(
            f"{name} cannot take tokens: begin the network with an embedding, such as "
            "'embedding(32) lstm(64)'."
        )
    if spec.takes == "sequence" and not shape.sequence:
        raise SpecError(
            f"{name} needs a sequence, but the layers before it have ended it "
            f"({', '.join(before)}). Remove what ends it, or write output=every there."
        )


def _refuse_last_of_both_ends(specs: tuple[LayerSpec, ...]) -> None:
    """Layers that act on each step, such as dense and dropout, change nothing about it."""
    before = next((spec for spec in reversed(specs) if spec.takes == "sequence"), None)
    if isinstance(before, BidirectionalSpec):
        raise SpecError(
            f"pool(last) after {before} would take the backward output where it has seen one step "
            "only. Leave pool(last) out: the layer's own last output joins the forward output at "
            "the end with the backward one at the beginning. Or use pool(mean) or pool(max)."
        )


def _check_end(specs: tuple[LayerSpec, ...], shape: Shape, *, every: bool) -> None:
    if shape.directions != 1:
        raise SpecError(
            f"{specs[-1]} keeps its two directions apart, and the head takes one signal: use "
            "merge=concat, sum or mean in the last bidirectional layer."
        )
    if shape.sequence and not every:
        raise SpecError(
            "the network still holds a sequence before its head, and a classifier answers once for "
            "a sequence: end with pool(mean), or with a recurrent layer's last output."
        )
    if every and not shape.sequence:
        raise SpecError("the network ends the sequence, and an answer at every step is wanted.")
