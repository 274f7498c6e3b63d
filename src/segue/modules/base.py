"""The base of the torch modules: layers, layers in sequence, their signals."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from segue.data.arrays import Array
from segue.errors import NotCausalError
from segue.kernels.cells import last_step
from segue.kernels.ragged import Directions
from segue.layers.base import BuildContext, LayerSpec, Shape, not_causal_message, plan_layers
from segue.layers.inference import InferenceLayer
from segue.prepare.padded import Padded
from segue.randomness import Draws

Signal = Padded | Tensor | Directions


class Layer(nn.Module, abc.ABC):
    """A torch module on batches of sequences of unequal length.

    `Padded` is its input and output while there is a time axis; a layer that ends the sequence
    returns `[batch, feature]`. It ignores everything at or beyond `lengths`.

    Attributes:
        name: unique in the network; of a layer inside another one, its path: `residual_1/conv_2`.
        kind: that of its spec.
        shape: of its output.
        causal: whether the output at a step depends on that step and earlier ones only, and each
            input step gives one output step.
        draws_weights: whether the initial weights follow from the seed.
        is_fixed: whether its output is the same in every epoch: nothing in it is trained or random.
        token_weights: names of weights with a row for each token; they are looked up, not
            multiplied.
        fixed_length: the only sequence length that it takes; `None`: any.
        activation: applied to its output, as a spec; `None`: none of its own.
        chains: the layers inside it, side by side.
        merge: how the outputs of these are joined: "concat", "sum", "mean" or "product".
        inner: the start of PyTorch's names that is left out of those of the weights, as in "cell.".
        inputs: features of its input.
        reach: steps around a sequence that it takes in, such as those of a window.
        sees_whole: whether `last_output` depends on the whole sequence; `None`: it does where this
            layer and all before it are causal.
        reads_steps: whether its input has a time axis.
        keeps_steps: whether memory is needed for its features at every step.
    """

    causal: bool = True
    kind: str = ""
    draws_weights: bool = True
    is_fixed: bool = False
    token_weights: tuple[str, ...] = ()
    fixed_length: int | None = None
    activation: Any = None
    chains: Sequence[Chain] = ()
    merge: str = ""
    inner: str = ""
    sees_whole: bool | None = None
    inputs: int = 0
    reach: int = 0
    reads_steps: bool = True
    keeps_steps: bool = True

    def __init__(self, name: str, shape: Shape) -> None:
        super().__init__()
        self.name = name
        self.shape = shape

    @abc.abstractmethod
    def forward(self, x: Any, draws: Draws | None = None) -> Any:
        """Compute whole sequences at once.

        Args:
            x: the input of the batch.
            draws: random numbers of dropout, in training; `None`: evaluation mode, no dropout.
        """

    def initial_state(self, batch: int) -> Any:
        """The state before the first step; `None` for a layer without state."""
        return None

    def step(self, x_t: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One step: `[batch, feature]` and the state to `[batch, feature]` and the new state.

        Raises:
            NotCausalError: the layer needs the whole sequence; the message names it.
        """
        raise self.not_causal()

    def forward_from(self, x: Any, state: Any, draws: Draws | None = None) -> tuple[Any, Any]:
        """Forward from an initial state; returns the output and the final state.

        The input is a piece of longer sequences. `draws=None` is evaluation mode, as in `forward`.

        A layer without state treats a piece like a whole sequence; any other goes through it step
        by step, unless it overrides this with something faster.

        Returns:
            The output of the piece, and the state after its last step; of a sequence that ends
            inside the piece that state has no meaning.

        Raises:
            NotCausalError: the layer needs the whole sequence; the message names it.
        """
        if state is None:
            return self(x, draws), None
        steps, state = self._step_by_step(x, state)
        return self.last_or_every(steps.values, x.lengths), state

    def prefix_outputs(self, x: Padded) -> Padded:
        """The output of a causal layer that ends the sequence, for every prefix of each sequence.

        Returns:
            `[batch, time, feature]`: at each step the output for the sequence up to that step.
        """
        return self._step_by_step(x, self.initial_state(len(x.values)))[0]

    def _step_by_step(self, x: Padded, state: Any) -> tuple[Padded, Any]:
        outputs = []
        for x_t in x.values.unbind(1):
            y_t, state = self.step(x_t, state)
            outputs.append(y_t)
        return Padded(torch.stack(outputs, dim=1), x.lengths), state

    def last_or_every(self, outputs: Tensor, lengths: Tensor) -> Any:
        """Of `[batch, time, feature]` outputs all steps, or the last where the sequence ends."""
        return Padded(outputs, lengths) if self.shape.sequence else last_step(outputs, lengths)

    def last_output(self, x: Padded) -> Tensor:
        """`[batch, feature]`, the last outputs of each sequence, from its outputs at every step."""
        return last_step(x.values, x.lengths)

    def not_causal(self) -> NotCausalError:
        """The error to raise where this layer cannot go step by step."""
        return NotCausalError(not_causal_message(self.name))

    def sublayers(self) -> tuple[Layer, ...]:
        """The layers directly inside this one."""
        return tuple(layer for chain in self.chains for layer in chain)

    def cells(self) -> dict[str, nn.Module]:
        """The recurrent cell of each direction, "forward" or "backward"; none of other layers."""
        return {}

    def weights(self) -> dict[str, Tensor]:
        """The weights by name, such as `kernel`: parameters and buffers."""
        tensors = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        return {k.removeprefix(self.inner).replace(".", "/"): t for k, t in tensors.items()}


class SpecLayer(Layer):
    """A layer of segue's own: made from its spec and the context in the network.

    Attributes:
        spec: its arguments.
    """

    def __init__(self, spec: Any, context: BuildContext) -> None:
        super().__init__(context.name, spec.output_shape(context))
        self.spec = spec
        self.causal = spec.is_causal
        self.inputs = context.shape.features
        self.reads_steps = context.shape.sequence

    def add_weights(self, kind: type[InferenceLayer], context: BuildContext) -> None:
        """Add the weights that a layer of the kind has before a training."""
        add_weights(self, kind.initial_weights(self.spec, context), kind.fixed)

    def not_causal(self) -> NotCausalError:
        return NotCausalError(self.spec.not_causal_message(self.name))


class PieceLayer(SpecLayer):
    """A layer with `forward_from`: a whole sequence and a single step are pieces as others are."""

    def forward(self, x: Any, draws: Draws | None = None) -> Any:
        return self.forward_from(x, self.initial_state(len(x.values)), draws)[0]

    def step(self, x_t: Tensor, state: Any) -> tuple[Tensor, Any]:
        if not self.causal:
            raise self.not_causal()
        one = torch.ones(len(x_t), dtype=torch.int64, device=x_t.device)
        output, state = self.forward_from(Padded(x_t[:, None], one), state)
        return output.values[:, 0] if isinstance(output, Padded) else output, state

    @abc.abstractmethod
    def forward_from(self, x: Any, state: Any, draws: Draws | None = None) -> tuple[Any, Any]: ...


def add_weights(module: nn.Module, weights: Mapping[str, Array], fixed: Collection[str]) -> None:
    """Add weights to a module: parameters, and buffers for those that are not trained."""
    for name, array in weights.items():
        tensor = torch.tensor(array)  # a copy, aligned as PyTorch's are: its bits may depend on it
        if name in fixed:
            module.register_buffer(name, tensor)
        else:
            module.register_parameter(name, nn.Parameter(tensor))


def each_step(function: Callable[[Tensor], Tensor], x: Padded | Tensor) -> Padded | Tensor:
    """Apply a function of the last axis to every step of a sequence, or to the whole."""
    if isinstance(x, Padded):
        return x._replace(values=function(x.values))
    return function(x)


def drop(x: Tensor, rate: float, draws: Draws | None, *path: str) -> Tensor:
    """Dropout in training, with a mask of its own for each piece of a sequence.

    Args:
        x: `[batch, ...]`.
        rate: the share that becomes 0.
        draws: in training; `None`: nothing is dropped.
        path: of the mask among the draws.
    """
    if draws is None or not rate:
        return x
    return x * draws.keep_mask(tuple(x.shape), rate, x, *path, first=draws.first)


def merged(values: list[Tensor], merge: str) -> Tensor:
    """Join the outputs of branches or directions: "concat", "sum", "mean" or "product"."""
    if merge == "concat":
        return torch.cat(values, dim=-1)
    if merge == "product":
        return functools.reduce(torch.mul, values)
    total = functools.reduce(torch.add, values)
    return total if merge == "sum" else total / len(values)


class PointwiseLayer(SpecLayer):
    """A layer without state that does the same to each step of a sequence, and to a vector.

    Attributes:
        overflows: whether it can be infinite, so that it must not see the values in the padding.
    """

    overflows: bool = False

    @abc.abstractmethod
    def transform(self, x: Tensor) -> Tensor:
        """The function of the last axis: `[..., feature]` to `[..., feature]`."""

    def forward(self, x: Padded | Tensor, draws: Draws | None = None) -> Padded | Tensor:
        if isinstance(x, Padded):
            values = x.filled(0.0) if self.overflows else x.values
            return x._replace(values=self.transform(values))
        return self.transform(x)

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return self.transform(x_t), None


class Chain(nn.Module):
    """Layers in sequence; the output of one is the input of the next.

    Args:
        specs: the layers; composites are expanded.
        context: of the chain. Its name, if it has one, is the prefix of the layers' names, and
            `context.every` is whether the chain must keep the sequence.

    Attributes:
        layers: the modules, first to last.
        shape: of the output.

    Raises:
        SpecError: a layer that does not fit its input; the message has the reason and what to do.
    """

    def __init__(self, specs: Iterable[LayerSpec], context: BuildContext) -> None:
        super().__init__()
        self.layers = cast("list[Layer]", nn.ModuleList())
        self.shape = context.shape
        for planned in plan_layers(specs, context):
            layer: Layer = planned.spec.build(planned.context)
            layer.kind = planned.spec.kind
            self.layers.append(layer)
            self.shape = layer.shape

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __getitem__(self, index: Any) -> Any:
        """A layer by its position, or several by a slice."""
        return list(self.layers)[index]

    @property
    def causal(self) -> bool:
        """Whether every layer can go step by step."""
        return all(layer.causal for layer in self.layers)

    def forward(self, x: Any, draws: Draws | None = None) -> Any:
        """Whole sequences through all layers."""
        for layer in self.layers:
            x = layer(x, draws)
        return x

    def initial_state(self, batch: int) -> list[Any]:
        """The state of every layer before the first step.

        Raises:
            NotCausalError: a layer needs the whole sequence; the message names it.
        """
        for layer in self.layers:
            if not layer.causal:
                raise layer.not_causal()
        return [layer.initial_state(batch) for layer in self.layers]

    def step(self, x_t: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """One step through all layers: `[batch, feature]`, and the new states."""
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            x_t, new = layer.step(x_t, before)
            after.append(new)
        return x_t, after

    def forward_from(
        self, x: Any, state: list[Any], draws: Draws | None = None
    ) -> tuple[Any, list[Any]]:
        """Forward through all layers from their initial states; returns output and final states."""
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            x, new = layer.forward_from(x, before, draws)
            after.append(new)
        return x, after

    def weights(self) -> dict[str, Tensor]:
        """Every weight by the name of its layer and its own, `conv_1/kernel`."""
        return {
            f"{layer.name.rpartition('/')[2]}/{part}": tensor
            for layer in self.layers
            for part, tensor in layer.weights().items()
        }
