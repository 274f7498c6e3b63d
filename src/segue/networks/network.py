"""The `Network`: its layers, its head and their weights.

The last, dense layer of a network is implied: the *head*. Its units follow from the task.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segue.data.sequences import Array
from segue.errors import DataError, SpecError, did_you_mean, no_attribute
from segue.extras import require
from segue.kernels import forward
from segue.kernels.ragged import Ragged
from segue.layers.base import (
    MOST_LAYERS,
    BuildContext,
    LayerSpec,
    PlannedLayer,
    Shape,
    plan_layers,
    too_many_layers,
    wrong_end,
)
from segue.layers.core import Dense
from segue.layers.inference import (
    InferenceChain,
    InferenceLayer,
    weights_below,
    write_layers,
)
from segue.networks.source import to_python
from segue.networks.summary import NetworkSummary, summary_rows
from segue.onnx_graph import Steps, Value, concat
from segue.randomness import numpy_generator
from segue.spec import to_text
from segue.text_table import html_card

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from segue.modules.network import TorchNetwork


class Network:
    """A network: its layers, its head and their weights.

    It computes answers without PyTorch, on sequences that lie one behind the other, without
    padding. What is trained is the same network as a module of PyTorch, `to_torch()`.

    Args:
        specs: the layers, without the head.
        shape: of one example: its channels, its common length if it has one, its tokens.
        outputs: units of the head.
        every: whether the head has an output for every step, or one for a sequence.
        seed: of the initial weights.
        static: number of static features of a sequence that are joined before the head.
        weights: of all layers, by `<layer>/<part>`; `None`: initial ones, which follow from the
            seed.
        device: where answers are computed; on another one than "cpu", with PyTorch.

    >>> from segue.networks import as_specs
    >>> network = Network(as_specs("lstm(8)"), Shape(3), outputs=2)
    >>> network.names, network.get_weights()["lstm_1/kernel"].shape
    (['lstm_1', 'head'], (3, 32))
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
        weights: Mapping[str, npt.ArrayLike] | None = None,
        device: str = "cpu",
    ) -> None:
        self.specs, self.input_shape, self.outputs = specs, shape, outputs
        self.every, self.seed, self.static, self.device = every, seed, static, device
        self._module: TorchNetwork | None = None
        if weights is None:
            weights = {
                f"{planned.name}/{part}": weight
                for spec, planned, _ in self.plan()
                for part, weight in spec.initial_weights(planned).items()
            }
        self._weights: dict[str, Array] = {k: np.asarray(v) for k, v in weights.items()}

    @classmethod
    def from_torch(cls, module: TorchNetwork) -> Network:
        """The network of a trained module, with copies of its weights."""
        output = module.chain.shape
        weights = {
            f"{layer.name}/{part}": tensor.detach().cpu().numpy().copy()
            for layer in module.chain.layers
            for part, tensor in layer.weights().items()
        }
        return cls(
            module.specs, module.input_shape, output.features, every=output.sequence,
            static=module.static, weights=weights,
            device=str(next(module.parameters()).device),
        )  # fmt: skip

    def to_torch(self) -> TorchNetwork:
        """A module of PyTorch with copies of the weights, on the network's device."""
        require("torch")
        from segue.modules.network import TorchNetwork

        module = TorchNetwork(
            self.specs, self.input_shape, self.outputs,
            every=self.every, seed=self.seed, static=self.static,
        )  # fmt: skip
        module.set_weights(self._weights)
        return module.to(self.device).eval()

    def __reduce__(self) -> Any:
        """Copied and pickled by what it is made of: what kernels have prepared stays here."""
        weights = self.get_weights()
        return _made_again, (
            (self.specs, self.input_shape, self.outputs),
            (self.every, self.seed, self.static, weights, self.device),
        )

    @functools.cached_property
    def chain(self) -> InferenceChain:
        """The layers with their weights, the head last; built when they are first needed.

        Raises:
            SpecError: a layer that does not fit its input; the message says why and what to do.
            DataError: a weight that is missing, is not of the network, or has another shape.
        """
        plan = self.plan()
        wanted = {
            f"{planned.name}/{part}": shape
            for spec, planned, _ in plan
            for part, shape in spec.weight_shapes(planned).items()
        }
        found = {name: weight.shape for name, weight in self._weights.items()}
        if found != wanted:
            names = sorted(n for n in {**wanted, **found} if wanted.get(n) != found.get(n))
            raise DataError(
                "the description and the weights differ: "
                + "; ".join(f"{n} is {found.get(n)}, not {wanted.get(n)}" for n in names[:5])
            )
        weights = {name: self._weights[name] for name in wanted}  # in the order of the layers
        self._weights = weights
        *_, head = plan
        chain = InferenceChain(self.specs, self._context, weights)
        chain.layers.append(head.spec.inference_layer(head.context, weights_below(weights, "head")))
        return chain

    @property
    def _context(self) -> BuildContext:
        return BuildContext("", self.input_shape, self.every, self.seed)

    @property
    def shortest_length(self) -> int:
        """The least steps of a sequence: more than one where windows lie wholly inside it."""
        return self.plan()[-1].shape.least

    def plan(self) -> list[PlannedLayer]:
        """The layers with their contexts and output shapes, the head last.

        Raises:
            SpecError: a layer that does not fit its input; the message says why and what to do.
        """
        count = sum(spec.count() for spec in self.specs)
        if count > MOST_LAYERS:  # before anything is built
            raise too_many_layers(count)
        plan = list(plan_layers(self.specs, self._context))
        last = plan[-1].shape if plan else self.input_shape
        lacks_steps = self.every and not last.keeps_steps
        if last.directions != 1 or last.sequence != self.every or lacks_steps:
            raise wrong_end(last, [one.context.name for one in plan], every=self.every)
        shape, head = last.with_features(last.features + self.static), Dense(self.outputs)
        context = BuildContext("head", shape, seed=self.seed)
        return [*plan, PlannedLayer(head, context, head.output_shape(context))]

    def __call__(self, x: Ragged) -> Any:
        """Logits `[n, class]`, or `Ragged` `[steps, class]` of a network with one for each step.

        Raises:
            DataError: the network joins static features, and the sequences have none.
        """
        if self.device != "cpu" or forward.is_torch():
            return self._through_torch(x)
        *layers, head = self.chain.layers
        signal: Any = x
        for layer in layers:
            signal = layer(signal)
        return head(self.joined(signal, x.static))

    def _through_torch(self, x: Ragged) -> Any:
        if self._module is None:
            self._module = self.to_torch()
        from segue.modules.inference import answer

        return answer(self._module, x)

    def joined(self, signal: Any, static: Array | None) -> Any:
        """The input of the head: the signal, joined with the static features where there are some.

        Args:
            signal: `[n, feature]`, or `Ragged`: then they are joined to each step.
            static: `[n, feature]`.

        Raises:
            DataError: the network joins static features, and there are none.
        """
        if not self.static:
            return signal
        static = self._given(static)
        if isinstance(signal, Ragged):
            steps = np.repeat(static, signal.lengths, axis=0)
            return signal._replace(values=np.concatenate([signal.values, steps], axis=-1))
        return np.concatenate([signal, static], axis=-1)

    def _given(self, static: Array | None) -> Array:
        if static is None:
            raise DataError(
                f"The network joins {self.static} static features of each sequence before its "
                "head, and here are none: pass them as `static`."
            )
        return static

    def prefix_outputs(self, x: Ragged) -> Ragged:
        """Logits `[steps, class]` after each step, of a causal network.

        The layers before the one that ends the sequence have an output at every step anyway; to
        those behind it each step is an example.
        """
        *layers, head = self.chain.layers
        signal = x
        ended = False
        for layer in layers:
            if ended:
                signal = signal._replace(values=layer(signal.values))
            else:
                ended = not layer.shape.sequence
                signal = layer.prefix_outputs(signal) if ended else layer(signal)
        found: Ragged = head(self.joined(signal, x.static))
        return found

    def activations(self, x: Ragged, wanted: InferenceLayer) -> Any:
        """The output of a layer; those behind it are not computed."""
        if wanted is self.chain[-1]:
            return self(x)
        return _output_within(self.chain, x, wanted)

    def layer(self, name: str) -> InferenceLayer:
        """A layer by its name; one inside another by its path, `residual_1/conv_2`.

        Raises:
            SpecError: there is no such layer; near misses are suggested.
        """
        layers = self.layers
        if name not in layers:
            raise SpecError(f"there is no layer {name!r}.{did_you_mean(name, layers)}")
        return layers[name]

    @property
    def layers(self) -> dict[str, InferenceLayer]:
        """Every layer by its name, those inside others too, in order."""
        return {one.name: one for layer in self.chain for one in layer.walk()}

    @property
    def names(self) -> list[str]:
        """The layers' names in order, the head last."""
        return [layer.name for layer in self.chain]

    if not TYPE_CHECKING:  # to which any name would then be right
        __getattr__ = no_attribute

    # -- one step at a time ---------------------------------------------------------------------

    @property
    def causal(self) -> bool:
        """Whether every layer can go step by step."""
        return self.chain.causal

    def initial_state(self, n: int = 1, static: Array | None = None) -> list[Any]:
        """The state of every layer before the first step.

        Args:
            n: the number of sequences.
            static: `[n, feature]`, their static features, where the network joins some.

        Raises:
            NotCausalError: a layer needs the whole sequence; the message names it.
        """
        state = self.chain.initial_state(n)
        if self.static:
            state[-1] = self._given(static)
        return state

    def step(self, x_t: Array, state: list[Any]) -> tuple[Array, list[Any]]:
        """One step: `[n, channel]` to the logits so far `[n, class]`, and the new state."""
        *layers, head = self.chain.layers
        after = []
        for layer, before in zip(layers, state, strict=False):
            x_t, new = layer.step(x_t, before)
            after.append(new)
        logits = head(self.joined(x_t, state[-1]))
        return logits, [*after, state[-1]]

    def forward_from(self, x: Ragged, state: list[Any]) -> tuple[Any, list[Any]]:
        """A piece of longer sequences: the logits, and the state after it."""
        *layers, head = self.chain.layers
        signal: Any = x
        after = []
        for layer, before in zip(layers, state, strict=False):
            signal, new = layer.forward_from(signal, before)
            after.append(new)
        return head(self.joined(signal, state[-1])), [*after, state[-1]]

    # -- ONNX -----------------------------------------------------------------------------------

    def write_onnx(self, x: Steps, static: Value | None = None) -> Steps | Value:
        """Add the network to an ONNX graph: the logits.

        Args:
            x: prepared sequences there.
            static: `[batch, feature]`, scaled, where the network joins some.

        Raises:
            SpecError: a layer has no form in ONNX; it is named.
        """
        signal = write_layers(self.chain[:-1], x, lambda layer, y: layer.write_onnx(y))
        logits: Steps | Value = self._head_onnx(signal, static)
        return logits

    def write_onnx_step(self, x_t: Value, static: Value | None = None) -> Value:
        """Add one step of the network to an ONNX graph: `[batch, feature]` to the logits so far.

        Raises:
            NotCausalError: a layer needs the whole sequence; the message names it.
            SpecError: a layer has no form in ONNX; it is named.
        """
        signal = write_layers(self.chain[:-1], x_t, lambda layer, y: layer.write_onnx_step(y))
        logits: Value = self._head_onnx(signal, static)
        return logits

    def _head_onnx(self, signal: Any, static: Value | None) -> Any:
        if static is not None and isinstance(signal, Steps):
            time = signal.values.size(1)
            static = static.unsqueeze(1).expand(static.size(0), time, self.static)
            signal = signal._replace(values=concat([signal.values, static], 2))
        elif static is not None:
            signal = concat([signal, static], 1)
        return write_layers(self.chain[-1:], signal, lambda head, y: head.write_onnx(y))

    # -- weights --------------------------------------------------------------------------------

    def get_weights(self) -> dict[str, Array]:
        """Copies of all weights: `{"lstm_1/kernel": array, ...}`."""
        return {name: weight.copy() for name, weight in self._weights.items()}

    def set_weights(self, weights: Mapping[str, npt.ArrayLike]) -> None:
        """Set some of the weights and leave the others.

        Raises:
            DataError: a name that is not there, or a shape that does not fit; all are reported.
        """
        now = self._weights
        given = {name: np.asarray(value) for name, value in weights.items()}
        problems = []
        for name, array in given.items():
            if name not in now:
                problems.append(f"there is no weight {name!r}.{did_you_mean(name, now)}")
            elif array.shape != now[name].shape:
                problems.append(f"{name} has shape {array.shape}; expected {now[name].shape}.")
        if problems:
            raise DataError(" ".join(problems))
        self._weights = {**now, **{k: v.astype(now[k].dtype) for k, v in given.items()}}
        self.__dict__.pop("chain", None)
        self._module = None

    def fit_weights(self, x: Ragged, classes: Array | None = None) -> None:
        """Set the weights that follow from training sequences, such as biases of `multirocket`.

        Args:
            x: some training sequences, as the network sees them.
            classes: `[n]`, the numbers of their classes; `None`: they have none.
        """
        draws = numpy_generator(self.seed, "fitted")
        self.set_weights(self.chain.fitted_weights(x, classes, draws))

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        """For notebooks: a row for each layer."""
        found = self.summary()
        rows = [("input", found.input_shape, "")]
        rows += [(r.name, str(r.shape), f"{r.parameters:,} parameters") for r in found.rows]
        return html_card(found.text, [*rows, ("total", "", f"{found.total:,} parameters")])

    def summary(self) -> NetworkSummary:
        """The table of layers, output shapes and parameters; print it to see it."""
        rows = tuple(summary_rows(self.chain))
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
        require("matplotlib")
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
        output, total = self.chain[-1].shape, self.summary().total
        shape, static = self.input_shape, self.static
        return to_python(self.specs, shape, output, total, framework, static=static)

    def numbers_at_once(self, time: int) -> dict[str, int]:
        """About how many numbers each layer makes of `time` steps, by name."""
        return {name: each * (time + reach) + once for name, each, reach, once in self._costs}

    @functools.cached_property
    def _costs(self) -> list[tuple[str, int, int, int]]:
        """Of each layer name, numbers that it makes of a step, reach, numbers of a sequence."""
        found, causal = [], all(one.causal for one in self.chain.layers)
        for one in self.layers.values():
            inputs, outputs = 3 * one.inputs, 3 * one.shape.features * one.shape.directions
            # What lies behind the end of the sequence sees every prefix, where that can be asked.
            each = inputs if one.reads_steps or causal else 0
            each += outputs if one.keeps_steps and each else 0
            found.append((one.name, each, one.reach, inputs + outputs - each))
        return found


def _made_again(arguments: Any, options: Any) -> Network:
    names = ("every", "seed", "static", "weights", "device")
    return Network(*arguments, **dict(zip(names, options, strict=True)))


def _output_within(chain: InferenceChain, x: Any, wanted: InferenceLayer) -> Any:
    """The output of one of the layers of a chain, or inside them, for an input of the chain."""
    for layer in chain:
        if layer is wanted:
            return layer(x)
        if wanted in layer.walk():
            inside = next(c for c in layer.chains if any(wanted in one.walk() for one in c))
            return _output_within(inside, x, wanted)
        x = layer(x)
    raise AssertionError(wanted.name)
