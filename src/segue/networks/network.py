"""From a text to a network: specs, the head, the `Network` with its weights and its summary.

The last, dense layer of a network is implied: the *head*. Its units follow from the task.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from segue.errors import DataError, SpecError, did_you_mean
from segue.layers import LAYERS, CustomCell, CustomModule
from segue.layers.base import MOST_LAYERS, BuildContext, LayerSpec, Shape
from segue.layers.core import Dense, Embedding
from segue.layers.custom import as_spec, is_torch_module
from segue.modules import Chain, Layer, Padded
from segue.modules.core import DenseLayer, HeadWithStatic
from segue.networks.source import to_python
from segue.randomness import Draws
from segue.spec import from_json, parse, to_text
from segue.spec.base import resolve_alias
from segue.text_table import html_card, text_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# -- specs -----------------------------------------------------------------------------------------

EMBEDDING = 64  # features of a token in an embedding that is added

# A text, one layer or several; a layer is a spec, or a `torch.nn.Module` or `Cell` of the user.
NetworkLike = str | LayerSpec | Any | Iterable[LayerSpec | Any]


def as_specs(network: NetworkLike) -> tuple[LayerSpec, ...]:
    """The specs of a network that is given as a text, one layer or several.

    A `torch.nn.Module` or a `Cell` of the user is wrapped in its spec.

    Raises:
        SpecError: a text that does not parse, or something else.

    >>> as_specs("lstm(8) dense(4, relu)")
    (LSTM(units=8, ...), Dense(units=4, activation='relu', bias=True, name=None))
    """
    specs: Iterable[Any] = (network,)
    if isinstance(network, str):
        specs = parse(network, LAYERS, hint=translation_hint)
    elif isinstance(network, Iterable) and not is_torch_module(network):
        specs = network
    specs = tuple(spec if isinstance(spec, LayerSpec) else as_spec(spec) for spec in specs)
    for spec in specs:
        if not isinstance(spec, LayerSpec):
            raise SpecError(
                f"a network is a text such as 'lstm(128)', or a list of layer specs such as "
                f"[LSTM(128)]; got {spec!r}."
            )
    return specs


def with_embedding(specs: tuple[LayerSpec, ...]) -> tuple[LayerSpec, ...]:
    """A network for tokens: `embedding(64)` is added in front, unless its first layer takes them.

    >>> to_text(with_embedding(as_specs("bilstm(100)")))
    'embedding(64) bilstm(100)'
    """
    begins = specs[0] if specs else None
    if begins is not None and (is_custom(begins) or begins.input_kind == "tokens"):
        return specs
    return (Embedding(EMBEDDING), *specs)


def is_custom(spec: LayerSpec) -> bool:
    """Whether it holds a module of the user, which no text or file can bring."""
    return spec.is_custom or any(is_custom(inner) for inner in spec.sublayers())


def specs_from_json(items: Iterable[Mapping[str, Any]]) -> tuple[LayerSpec, ...]:
    """Read layer specs from the JSON of a model file.

    Raises:
        SpecError: an unknown kind or field, or a layer of the user.
    """
    # The last two raise an error with the reason.
    kinds: dict[str, type[LayerSpec]] = {**LAYERS, "own": CustomModule, "cell": CustomCell}
    return tuple(s for s in from_json(items, kinds, what="layer") if isinstance(s, LayerSpec))


def current_json(items: Any) -> Any:
    """The JSON of specs with the present names of fields in place of older ones.

    >>> current_json([{"kind": "conv", "filters": 8, "width": 3}])
    [{'kind': 'conv', 'filters': 8, 'kernel_size': 3}]
    """
    if isinstance(items, list):
        return [current_json(item) for item in items]
    kind = LAYERS.get(items.get("kind", "")) if isinstance(items, dict) else None
    if kind is None:
        return items
    fields = (resolve_alias(kind, name, value) for name, value in items.items())
    return {name: current_json(value) for name, value in fields}


HeadForms = Collection[tuple[int, str]]  # units, and the activation behind or in the dense layer


def split_head(
    specs: tuple[LayerSpec, ...], forms: HeadForms
) -> tuple[tuple[LayerSpec, ...], tuple[LayerSpec, ...]]:
    """Split a head that is written out, as in Keras and MATLAB, from the layers before it.

    `dense(3) softmax`, `dense(3, softmax)` and a last, linear `dense(3)` are the head of a
    classifier of three classes.

    Args:
        specs: the network as it is written.
        forms: of the head, as pairs of units and an activation, such as `(3, "softmax")`.

    Returns:
        The layers before the head, and those that are the head; none where it is implied.

    Raises:
        SpecError: a softmax after a dense layer of another size than the head's.

    >>> layers, head = split_head(as_specs("lstm(8) dense(3) softmax"), [(3, "softmax")])
    >>> to_text(layers), to_text(head)
    ('lstm(8)', 'dense(3) softmax')
    """
    activation, dense = "linear", specs[-1] if specs else None
    head = specs[-1:]
    if len(specs) > 1 and specs[-1].kind in ("softmax", "sigmoid"):
        head, dense, activation = specs[-2:], specs[-2], specs[-1].kind
    if not isinstance(dense, Dense) or (len(head) == 2 and dense.activation != "linear"):
        return specs, ()
    activation = dense.activation if len(head) == 1 else activation
    if (dense.units, activation) in forms:
        return specs[: -len(head)], head
    sizes = sorted({units for units, _ in forms})
    if activation == "softmax" and dense.units not in sizes:
        expected = " or ".join(map(str, sizes))
        raise SpecError(
            f"the network ends with {to_text(head)}, and its head has {expected} "
            f"outputs: write {expected} there, or leave it out, since the head is implied."
        )
    return specs, ()


def translation_hint(word: str) -> str | None:
    """Advice for a layer or argument of another library; `None` for an unknown word.

    >>> translation_hint("SimpleRNN"), translation_hint("return_sequences")[:18]
    ('write rnn(units)', 'write output=every')
    >>> translation_hint("foo")
    """
    text = files("segue.networks").joinpath("foreign.toml").read_text(encoding="utf-8")
    advice: dict[str, str] = tomllib.loads(text)
    for name in (word, word.rpartition(".")[2]):  # such as model.add and keras.layers.Add
        plain = name.lower().replace("_", "").removesuffix("layer").removesuffix("1d")
        plain = plain.rstrip("0123456789")  # such as resnet18
        if plain in advice:
            return advice[plain]
    return None


# -- the network ---------------------------------------------------------------------------------


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
        last = self.chain.shape
        if last.directions != 1 or last.sequence != every or (every and last.stride != 1):
            raise _wrong_end(self.chain, every=every)
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

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        """For notebooks: a row for each layer."""
        found = self.summary()
        rows = [("input", found.input_shape, "")]
        rows += [(r.name, str(r.shape), f"{r.parameters:,} parameters") for r in found.rows]
        return html_card(found.text, [*rows, ("total", "", f"{found.total:,} parameters")])

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

    def numbers_at_once(self, time: int) -> dict[str, int]:
        """About how many numbers each layer makes of `time` steps without gradients, by name."""
        found = {}
        for one in self.modules():
            if isinstance(one, Layer):
                outputs = one.shape.features * one.shape.directions
                found[one.name] = 3 * (time + one.reach) * (one.inputs + outputs)
        return found


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


def _wrong_end(chain: Chain, *, every: bool) -> SpecError:
    """The error for layers that the head cannot follow."""
    shape = chain.shape
    if shape.directions != 1:
        return SpecError(
            f"{chain[-1].name} keeps its two directions apart, and the head takes one signal: use "
            "merge=concat, sum or mean in the last bidirectional layer."
        )
    if every and shape.stride != 1:
        return SpecError(
            f"an output at every step is wanted, and the network has one for {shape.stride} steps: "
            "leave the strides out."
        )
    if shape.sequence and not len(chain.layers):
        return SpecError("the network has no layer: name one or several, such as 'lstm(128)'.")
    if shape.sequence:
        return SpecError(
            "the network still holds a sequence before its head, which has one output for "
            "a sequence: end with pool(mean), or with a recurrent layer's last output."
        )
    return SpecError("the network ends the sequence, and an output at every step is wanted.")
