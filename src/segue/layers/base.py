"""What every layer is: a spec that builds a module, and a module that is exact on ragged batches.

`Padded` goes in and comes out while there is a time axis; a layer that ends the sequence gives
`[batch, feature]`. A layer ignores everything at or beyond `lengths`.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from segue.errors import NotCausalError, SpecError
from segue.kernels import last_step
from segue.kernels.threads import threads
from segue.padded import Padded
from segue.randomness import Draws, torch_generator
from segue.spec import Spec


class Directions(NamedTuple):
    """What a bidirectional layer with `merge="none"` gives: its two directions, each on its own."""

    forward: Any  # Padded, or [batch, feature]
    backward: Any


Signal = Padded | Tensor | Directions


@dataclass(frozen=True)
class Shape:
    """The shape of one example between two layers, without the batch axis.

    Attributes:
        features: values at each step, or of the whole.
        sequence: whether there is a time axis.
        length: the number of steps, where all sequences have the same.
        tokens: for a sequence of tokens, how many different ones there are.
        directions: 2 after a bidirectional layer that keeps its directions apart.
        stride: how many of the network's input steps lie between two steps here.
        backward: the bidirectional layer whose backward outputs are still in the steps; of the last
            step such a layer has seen one step only.
    """

    features: int
    sequence: bool = True
    length: int | None = None
    tokens: int | None = None
    directions: int = 1
    stride: int = 1
    backward: str | None = None

    def __str__(self) -> str:
        inside = str(self.features)
        if self.sequence:
            inside = f"{self.length or 'time'}, {inside}"
        return f"[{inside}]" if self.directions == 1 else f"[{inside}] x 2"

    def ended(self, features: int) -> Shape:
        """The shape after a layer that ends the sequence."""
        return Shape(features, sequence=False, directions=self.directions)

    def with_features(self, features: int) -> Shape:
        """The same shape with another number of features."""
        return replace(self, features=features, tokens=None)

    def with_stride(self, stride: int) -> Shape:
        """The shape with every `stride`-th step only."""
        length = None if self.length is None else -(-self.length // stride)
        return replace(self, length=length, stride=self.stride * stride)


@dataclass(frozen=True)
class Place:
    """Where in a network a layer is built.

    Attributes:
        name: the layer's name, unique in the network.
        shape: what comes in.
        every: whether what follows needs every step; a recurrent layer asks.
        seed: of the initial weights.
    """

    name: str
    shape: Shape
    every: bool = False
    seed: int = 0

    def generator(self, part: str) -> torch.Generator:
        """The draws for the initial values of one weight."""
        return torch_generator(self.seed, "weights", self.name, part)

    def within(self, part: str) -> Place:
        """The place of what a layer in this one holds; names there are paths."""
        return replace(self, name=f"{self.name}/{part}")


Takes = Literal["sequence", "either", "tokens"]


class LayerSpec(Spec, abc.ABC):
    """A kind of layer: its arguments, and how to build its module.

    Class attributes:
        takes: "sequence", "either" (each step, or the whole), or "tokens".
        takes_directions: whether it can follow a layer that keeps two directions apart.
        is_own: whether it holds a module of the user's own, which no text or file can bring.
    """

    takes: ClassVar[Takes] = "either"
    takes_directions: ClassVar[bool] = False
    is_own: ClassVar[bool] = False
    name: str | None

    @abc.abstractmethod
    def build(self, place: Place) -> Layer:
        """Make the module; raise `SpecError` where it cannot stand in this place."""

    def needs(self) -> Takes:
        """What must come in; a layer that holds others asks them."""
        return self.takes

    def inside(self) -> tuple[LayerSpec, ...]:
        """The specs that this one holds, those directly inside it only."""
        return ()

    def count(self) -> int:
        """How many layers it makes: itself, and all inside it."""
        return 1 + sum(spec.count() for spec in self.inside())


class Shorthand(LayerSpec, abc.ABC):
    """A spec that stands for a chain of others: `repeat`, and the named networks.

    It makes no layer of its own, so it has no name.
    """

    name = None

    @abc.abstractmethod
    def expand(self, shape: Shape) -> tuple[LayerSpec, ...]:
        """The layers that it stands for.

        Args:
            shape: what comes in.
        """

    def count(self) -> int:
        return sum(spec.count() for spec in self.expand(Shape(2)))

    def build(self, place: Place) -> Layer:
        raise SpecError(f"{self} stands for several layers: build them with a `Chain`.")


class Layer(nn.Module, abc.ABC):
    """A module on ragged batches.

    Attributes:
        name: unique in the network; of a layer inside another one, its path: `residual_1/conv_2`.
        kind: the word of its spec.
        shape: what comes out.
        causal: whether the output at a step depends on that step and those before it only, and
            every step that comes in gives one that goes out.
        draws_weights: whether the initial weights follow from the seed.
        is_fixed: whether it says the same in every epoch: nothing of it is trained or drawn anew.
    """

    causal: bool = True
    kind: str = ""
    draws_weights: bool = True
    is_fixed: bool = False

    def __init__(self, name: str, shape: Shape) -> None:
        super().__init__()
        self.name = name
        self.shape = shape

    @abc.abstractmethod
    def forward(self, x: Any, draws: Draws | None = None) -> Any:
        """Whole sequences at once. With `draws` the layer is being trained: dropout is active."""

    def initial_state(self, batch: int) -> Any:
        """What is carried from step to step before the first one; `None` for nothing."""
        return None

    def step(self, x_t: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One step: `[batch, feature]` and the state to `[batch, feature]` and the new state.

        Raises:
            NotCausalError: the layer needs the whole sequence; the message names it.
        """
        raise self.not_causal()

    def forward_from(self, x: Any, state: Any, draws: Draws | None = None) -> tuple[Any, Any]:
        """A piece of longer sequences, carried on from the state that its first step meets.

        A layer that carries nothing sees a piece as it sees the whole; any other goes through it
        step by step, unless it has something faster.

        Returns:
            What comes out of the piece, and the state after its last step; of a sequence that ends
            inside the piece that state has no meaning.

        Raises:
            NotCausalError: the layer needs the whole sequence; the message names it.
        """
        if state is None:
            return self(x, draws), None
        outputs = []
        for x_t in x.values.unbind(1):
            y_t, state = self.step(x_t, state)
            outputs.append(y_t)
        steps = torch.stack(outputs, dim=1)
        if self.shape.sequence:
            return Padded(steps, x.lengths), state
        return last_step(steps, x.lengths), state

    def not_causal(self) -> NotCausalError:
        """What to raise where this layer cannot go step by step."""
        return NotCausalError(
            f"{self.name} needs the whole sequence, so it cannot go step by step. Only causal "
            "layers can: a unidirectional lstm, gru or rnn, a conv or attention with causal=true, "
            "dense, normalisations, embedding or pool."
        )

    def inside(self) -> tuple[Layer, ...]:
        """The layers that this one holds, those directly inside it only."""
        return ()

    def weights(self) -> dict[str, Tensor]:
        """The weights by the names of their parts, such as `kernel`; learnt ones and fixed ones."""
        return {
            **{name.replace(".", "/"): p for name, p in self.named_parameters()},
            **{name.replace(".", "/"): b for name, b in self.named_buffers()},
        }

    def activation_size(self, time: int) -> int:
        """About how many numbers the training keeps of one example of `time` steps."""
        return 2 * self.shape.features * (time if self.shape.sequence else 1)


def each_step(function: Callable[[Tensor], Tensor], x: Padded | Tensor) -> Padded | Tensor:
    """Apply a function of the last axis to every step of a sequence, or to the whole."""
    if isinstance(x, Padded):
        return x._replace(values=function(x.values))
    return function(x)


# -- initial weights, as in Keras ---------------------------------------------------------------


def glorot_uniform(shape: tuple[int, ...], generator: torch.Generator) -> nn.Parameter:
    """Uniform within sqrt(6 / (fan_in + fan_out)); Glorot & Bengio, AISTATS 2010.

    Args:
        shape: `[in, out]`, or `[width, in, out]` of a convolution, where each input is met `width`
            times.
        generator: of the draws.
    """
    fans = (shape[-2] + shape[-1]) * math.prod(shape[:-2])
    bound = (6.0 / fans) ** 0.5
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=generator))


def orthogonal(rows: int, columns: int, generator: torch.Generator) -> nn.Parameter:
    """Orthogonal rows or columns, whichever are fewer; Saxe et al., ICLR 2014.

    With one thread: with more of them the sums are rounded otherwise, and the same seed would give
    other weights on a machine with another number of processors.
    """
    tall = torch.empty(max(rows, columns), min(rows, columns)).normal_(generator=generator)
    with threads(1):
        q, r = torch.linalg.qr(tall)
    q = q * torch.sign(torch.diagonal(r))  # makes the draw uniform over the orthogonal matrices
    return nn.Parameter((q if rows >= columns else q.t()).contiguous())


def refuse_directions(spec: LayerSpec, shape: Shape) -> None:
    """Raise unless one signal comes in, and not the two of a `merge="none"` layer."""
    if shape.directions != 1:
        raise SpecError(
            f"{spec} comes after a bidirectional layer with merge=none, which keeps its two "
            "directions apart: only another bidirectional layer can follow. Use merge=concat, sum "
            "or mean to join them."
        )
