"""The base of layer specs: shapes, the context in which a layer is built, and the interface.

A spec describes a layer without torch: its arguments, the shape of its output, whether it is
causal. Its torch module stands in the file of the same name in `segue.modules` and is imported when
a network is built.
"""

from __future__ import annotations

import abc
import importlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from segue.errors import SpecError
from segue.randomness import torch_generator
from segue.spec import Spec

if TYPE_CHECKING:
    import torch

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
        backward: the bidirectional layer whose backward outputs are part of the steps; its output
            at the last step has seen that step only.
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
class BuildContext:
    """What a layer is built with.

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

    def generator(self, part: str) -> torch.Generator:
        """The generator for the initial values of one weight."""
        return torch_generator(self.seed, "weights", self.name, part)

    def within(self, part: str) -> BuildContext:
        """The context of a part of this layer; names of parts are paths."""
        return replace(self, name=f"{self.name}/{part}")


@dataclass
class TorchSource:
    """The plain PyTorch source of a network, collected layer by layer.

    Attributes:
        reserved: names that an attribute of the module cannot have.
        modules: lines of `__init__`.
        steps: lines of `forward`, where `x` is the signal and `lengths` its lengths.
        copies: lines of `copy_weights`.
        helpers: names of the helper functions that these lines call.
        problems: what cannot be written in plain PyTorch.
    """

    reserved: Collection[str] = ()
    modules: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def attribute(self, name: str) -> str:
        """A layer's name as an attribute of the module."""
        return f"{name}_" if name in self.reserved else name


class LayerSpec(Spec, abc.ABC):
    """A kind of layer: its arguments, output shape and causality, and how its module is built.

    Class attributes:
        module_path: of its torch module, such as `segue.modules.dense.DenseLayer`: a class or
            function that is called with the spec and a `BuildContext`.
        takes_directions: whether it can follow a layer that keeps its two directions apart.
        is_custom: whether it holds a module of the user, which no text or file can bring.
    """

    module_path: ClassVar[str] = ""
    takes_directions: ClassVar[bool] = False
    is_custom: ClassVar[bool] = False
    name: str | None

    @property
    def input_kind(self) -> InputKind:
        """What it takes: "sequence", "tokens", or "either" (each step, or a whole vector)."""
        return "either"

    @property
    def is_causal(self) -> bool:
        """Whether it can go step by step.

        Then its output at a step depends on that step and earlier ones only, and each input step
        gives one output step.
        """
        return True

    def build(self, context: BuildContext) -> Any:
        """Build the `segue.layers.Layer` of this spec.

        Raises:
            SpecError: the layer does not fit this context.
        """
        path, _, name = self.module_path.rpartition(".")
        return getattr(importlib.import_module(path), name)(self, context)

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
        """How many layers are built: this one and all inside it."""
        return 1 + sum(spec.count() for spec in self.sublayers())

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        """Add the layer to plain PyTorch source; layers without such a form report a problem."""
        source.problems.append(f"{context.name} is a {self.kind} layer")


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
