"""The base of layer specs: shapes, the context in which a layer is built, and the interface.

A spec describes a layer without torch: its arguments, the shape of its output, whether it is
causal. Its torch module stands in the file of the same name in `segue.modules` and is imported when
a network is built. `plan_layers` gives each layer of a chain its name and input shape, decides
which recurrent layers return every step, and refuses layers that do not fit their input.
"""

from __future__ import annotations

import abc
import importlib
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from numpy.random import Generator

from segue.data.arrays import Array
from segue.errors import NoInferenceError, SpecError
from segue.randomness import numpy_generator
from segue.spec import Spec

if TYPE_CHECKING:
    from segue.kernels.training import Program

MOST_LAYERS = 2000  # a text of a few words can stand for more than any machine could hold

InputKind = Literal["sequence", "either", "tokens"]


@dataclass(frozen=True)
class Shape:
    """The shape of one example between two layers, without the batch axis.

    Attributes:
        features: values at each step, or of the whole sequence.
        sequence: whether there is a time axis.
        length: the number of steps, where all sequences have the same.
        tokens: the number of different tokens, of a sequence of tokens.
        directions: 2 after a bidirectional layer with `merge="none"`.
        stride: input steps of the network per step here.
        least: input steps of the network that give one step here; fewer give none.
        backward: the bidirectional layer whose backward outputs are part of the steps; its output
            at the last step has seen that step only.
    """

    features: int
    sequence: bool = True
    length: int | None = None
    tokens: int | None = None
    directions: int = 1
    stride: int = 1
    least: int = 1
    backward: str | None = None

    def __str__(self) -> str:
        inside = str(self.features)
        if self.sequence:
            inside = f"{self.length or 'time'}, {inside}"
        return f"[{inside}]" if self.directions == 1 else f"[{inside}] x 2"

    def ended(self, features: int) -> Shape:
        """The shape after a layer that ends the sequence."""
        return Shape(features, sequence=False, directions=self.directions, least=self.least)

    def with_features(self, features: int) -> Shape:
        """A copy of the shape with another number of features."""
        return replace(self, features=features, tokens=None)

    @property
    def keeps_steps(self) -> bool:
        """Whether there is a step for each input step of the network."""
        return self.sequence and self.stride == self.least == 1

    def windowed(self, stride: int, least: int = 1) -> Shape:
        """The shape behind windows: one for `stride` steps, the first for `least`."""
        length = None if self.length is None else (self.length + stride - least) // stride
        least = self.least + self.stride * (least - 1)
        return replace(self, length=length, stride=self.stride * stride, least=least)


@dataclass(frozen=True)
class BuildContext:
    """The context in which a layer is built.

    Attributes:
        name: the layer's name, unique in the network.
        shape: of its input.
        every: whether the next layers need every step; decides `output="auto"`.
        seed: of the initial weights.
    """

    name: str
    shape: Shape
    every: bool = False
    seed: int = 0

    def generator(self, part: str) -> Generator:
        """The generator for the initial values of one weight."""
        return numpy_generator(self.seed, "weights", self.name, part)

    def within(self, part: str) -> BuildContext:
        """The context of a part of this layer; names of parts are paths."""
        return replace(self, name=f"{self.name}/{part}")


@dataclass
class TorchSource:
    """The plain PyTorch source of a network, collected layer by layer.

    Lines may call what `segue.networks.torch_helpers` and `torch_features` have.

    Attributes:
        reserved: names that an attribute of the module cannot have.
        modules: lines of `__init__`.
        steps: lines of `forward`, where `x` is the signal and `lengths` its lengths.
        copies: lines of `copy_weights`.
        constants: arrays of the module that are not learnt, by attribute.
        problems: what cannot be written in plain PyTorch.
    """

    reserved: Collection[str] = ()
    modules: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def attribute(self, name: str) -> str:
        """A layer's name as an attribute of the module, not used so far."""
        found = name.replace("/", "_")
        while found in self.reserved or found in self._taken:
            found += "_"
        self._taken.add(found)
        return found

    def module(self, name: str, build: str, copy: str = "") -> str:
        """Add a module to those of the network.

        Args:
            name: of the layer.
            build: the expression that builds it.
            copy: the function that copies the layer's weights into it; "": there are none.

        Returns:
            Its attribute.
        """
        attribute = self.attribute(name)
        self.modules.append(f"self.{attribute} = {build}")
        if copy:
            self.copies.append(f'{copy}(model.{attribute}, weights, "{name}/")')
        return attribute

    def constant(self, name: str, values: Array) -> str:
        """Add an array that is not learnt, and return the expression for it."""
        attribute = self.attribute(name)
        self.constants[attribute] = values
        return f"self.{attribute}"


class LayerSpec(Spec, abc.ABC):
    """A kind of layer: its arguments, output shape and causality, and how its module is built.

    Class attributes:
        module_name: of its torch module in the file of the same name in `segue.modules`, a
            class or function that is called with the spec and a `BuildContext`; unless it is given,
            that of the spec with `Layer` behind it.
        inference: its class that predicts without torch, an `InferenceLayer`; `None`: there is
            none. A kind that derives from another and says anew how its module is built has none
            unless it says that anew too.
        takes_directions: whether it can follow a layer that keeps its two directions apart.
        is_custom: whether it holds a module of the user, which no text or file can bring.
    """

    module_name: ClassVar[str] = ""
    inference: ClassVar[Any] = None
    takes_directions: ClassVar[bool] = False
    is_custom: ClassVar[bool] = False
    name: str | None

    def __init_subclass__(cls, **attributes: Any) -> None:
        if "module_name" in attributes or "build" in vars(cls):
            attributes.setdefault("inference", None)
        super().__init_subclass__(**attributes)

    @property
    def input_kind(self) -> InputKind:
        """The kind of input: "sequence", "tokens", or "either" (each step, or a whole vector)."""
        return input_kind_of(self.sublayers())

    @property
    def is_causal(self) -> bool:
        """Whether the layer can be computed step by step.

        Then its output at a step depends on that step and earlier ones only, and each input step
        gives one output step.
        """
        return all(spec.is_causal for spec in self.sublayers())

    def build(self, context: BuildContext) -> Any:
        """Build the `segue.layers.Layer` of this spec.

        Raises:
            SpecError: the layer does not fit this context.
        """
        bases = type(self).__mro__  # a user's kind may derive from one of segue's
        kind = next(base for base in bases if base.__module__.startswith("segue.layers."))
        file = importlib.import_module(kind.__module__.replace("layers", "modules"))
        return getattr(file, self.module_name or f"{kind.__name__}Layer")(self, context)

    def inference_layer(self, context: BuildContext, weights: Mapping[str, Any]) -> Any:
        """The `InferenceLayer` of this spec; it predicts without torch, if it has such a form.

        Args:
            context: as in `build`.
            weights: float32 arrays by the names that the torch module's `weights` has.

        Raises:
            SpecError: the layer does not fit this context.
        """
        try:
            return self._find_inference(context)(self, context, weights)
        except NoInferenceError:  # of a part of it, such as an activation of the user's own
            return self._through_torch()(self, context, weights)

    def weight_shapes(self, context: BuildContext) -> dict[str, tuple[int, ...]]:
        """The shapes of the layer's weights by name.

        Raises:
            SpecError: the layer does not fit this context.
        """
        inference = self._find_inference(context)
        shapes: dict[str, tuple[int, ...]] = inference.weight_shapes(self, context)
        return shapes

    def initial_weights(self, context: BuildContext) -> dict[str, Array]:
        """The layer's weights before a training, by name: functions of the seed.

        Raises:
            SpecError: the layer does not fit this context.
        """
        inference = self._find_inference(context)
        weights: dict[str, Array] = inference.initial_weights(self, context)
        return weights

    def _find_inference(self, context: BuildContext) -> Any:
        """The class of the layer that predicts: its own, or the one around its torch module."""
        return self.inference or self._through_torch()

    @staticmethod
    def _through_torch() -> Any:
        return importlib.import_module("segue.modules.inference").TorchInference

    def not_causal_message(self, name: str) -> str:
        """The message of the error for a stream through this layer, if it is not causal."""
        return not_causal_message(name)

    def output_shape(self, context: BuildContext) -> Shape:
        """The shape of the output; of a spec that overrides `build` alone, that of its layer.

        Raises:
            SpecError: the layer does not fit this context.
        """
        shape: Shape = self.build(context).shape
        return shape

    def sublayers(self) -> tuple[LayerSpec, ...]:
        """The specs directly inside this one."""
        return ()

    def count(self) -> int:
        """The number of layers that are built: this one and all inside it."""
        return 1 + sum(spec.count() for spec in self.sublayers())

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        """Add the layer to plain PyTorch source; layers without such a form report a problem."""
        source.problems.append(f"{context.name} is of the kind {self.kind}")

    def write_training(self, program: Program, context: BuildContext) -> None:
        """Add the layer to what the native library trains; others report a problem."""
        program.problems.append(f"{context.name} is of the kind {self.kind}")


def not_causal_message(name: str) -> str:
    """The message of the error for a stream through a layer that needs the whole sequence."""
    return (
        f"{name} needs the whole sequence, so it cannot go step by step. Only causal "
        "layers can: a unidirectional lstm, gru or rnn, a conv or attention with causal=true, "
        "dense, normalisations, embedding or pool."
    )


class PointwiseSpec(LayerSpec, abc.ABC, input_kind="either", is_causal=True):
    """A layer whose output has the shape of its input."""

    def output_shape(self, context: BuildContext) -> Shape:
        return context.shape


class Composite(LayerSpec, abc.ABC):
    """A spec that stands for a chain of others: `repeat`, and the architectures.

    It builds no layer of its own, so it has no name.
    """

    name = None

    @abc.abstractmethod
    def expand(self, shape: Shape) -> tuple[LayerSpec, ...]:
        """The layers that it stands for.

        Args:
            shape: of the input.
        """

    def count(self) -> int:
        return sum(spec.count() for spec in self.expand(Shape(2)))

    def build(self, context: BuildContext) -> Any:
        raise SpecError(f"{self} stands for several layers: build them with a `Chain`.")


# -- layers in sequence -------------------------------------------------------------------------


class PlannedLayer(NamedTuple):
    """A layer of a chain: its spec, what it is built with, and the shape of its output."""

    spec: LayerSpec
    context: BuildContext
    shape: Shape


def plan_layers(specs: Iterable[LayerSpec], context: BuildContext) -> Iterator[PlannedLayer]:
    """Plan the layers of a chain, each on the output shape of the one before it.

    Args:
        specs: the layers.
        context: of the chain; its name, if it has one, is the prefix of its layers' names, and
            `every` is whether the chain must keep the sequence.

    Raises:
        SpecError: a layer that does not fit its input; the message has the reason and what to do.
    """
    prefix = f"{context.name}/" if context.name else ""
    given: list[str] = []  # names so far
    counts: Counter[str] = Counter()  # of each kind
    waiting, shape = deque(specs), context.shape
    while waiting:
        spec = waiting.popleft()
        if isinstance(spec, Composite):
            _check_input(spec, str(spec), shape, given)
            waiting.extendleft(reversed(spec.expand(shape)))
            continue
        counts[spec.kind] += 1
        name = prefix + (spec.name or f"{spec.kind}_{counts[spec.kind]}")
        if name in given or name == "head":
            raise SpecError(f"layer names must differ, and `head` is taken; used: {name}.")
        _check_input(spec, name, shape, given)
        given.append(name)
        every = context.every or any(later.input_kind != "either" for later in waiting)
        layer = BuildContext(name, shape, every, context.seed)
        shape = spec.output_shape(layer)
        yield PlannedLayer(spec, layer, shape)


def chain_shape(specs: Iterable[LayerSpec], context: BuildContext) -> Shape:
    """The output shape of a chain.

    >>> from segue.layers import LSTM, Dense
    >>> str(chain_shape([LSTM(8), Dense(4)], BuildContext("", Shape(3))))
    '[4]'
    """
    planned = list(plan_layers(specs, context))
    return planned[-1].shape if planned else context.shape


def input_kind_of(specs: Iterable[LayerSpec]) -> InputKind:
    """The input kind of a chain: that of its first layer that does not take either."""
    wanted = (spec.input_kind for spec in specs)
    return next((kind for kind in wanted if kind != "either"), "either")


def too_many_layers(count: int) -> SpecError:
    """The error for a network with more layers than any machine could hold."""
    most = f"at most {MOST_LAYERS:,} are built"
    return SpecError(f"{count:,} layers; {most}. Repeat fewer times.")


def wrong_end(shape: Shape, names: Sequence[str], *, every: bool) -> SpecError:
    """The error for layers that the head cannot follow.

    Args:
        shape: of their output.
        names: of the layers.
        every: whether the head has an output for every step, or one for a sequence.
    """
    if shape.directions != 1:
        return SpecError(
            f"{names[-1]} keeps its two directions apart, and the head takes one signal: use "
            "merge=concat, sum or mean in the last bidirectional layer."
        )
    if every and shape.stride != 1:
        return SpecError(
            f"an output at every step is wanted, and the network has one for {shape.stride} steps: "
            "leave the strides out."
        )
    if every and shape.sequence and not shape.keeps_steps:
        return SpecError(
            "an output at every step is wanted, and the network has none for "
            f"{shape.least - 1} of them: use padding=same."
        )
    if shape.sequence and not names:
        return SpecError("the network has no layer: name one or several, such as 'lstm(128)'.")
    if shape.sequence:
        return SpecError(
            "the network still holds a sequence before its head, which has one output for "
            "a sequence: end with pool(mean), or with a recurrent layer's last output."
        )
    return SpecError("the network ends the sequence, and an output at every step is wanted.")


def _check_input(spec: LayerSpec, name: str, shape: Shape, before: list[str]) -> None:
    if shape.directions != 1 and not spec.takes_directions and not isinstance(spec, Composite):
        raise SpecError(
            f"{spec} comes after a bidirectional layer with merge=none, which keeps its two "
            "directions apart: only another bidirectional layer can follow. Use merge=concat, sum "
            "or mean to join them."
        )
    wanted = spec.input_kind
    if wanted == "tokens" and shape.tokens is None:
        raise SpecError(
            f"{name} takes tokens (whole numbers); here come {shape.features} measured channels "
            "(floats). If all of them are whole, pass x.astype(int); else leave it out."
        )
    if wanted != "tokens" and shape.tokens is not None:
        raise SpecError(
            f"{name} cannot take tokens: begin the network with an embedding, such as "
            "'embedding(32) lstm(64)'."
        )
    if wanted != "either" and not shape.sequence:
        raise SpecError(
            f"{name} needs a sequence, but the layers before it have ended it "
            f"({', '.join(before)}). Remove what ends it, or write output=every there."
        )
