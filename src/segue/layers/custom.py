"""Modules and recurrent cells of the user, anywhere in a network.

The classes to derive from stand in `segue.modules.custom`; nothing here imports torch.
"""

from __future__ import annotations

import abc
import importlib
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

from segue.errors import SpecError
from segue.layers.base import BuildContext, InputKind, LayerSpec, Shape
from segue.layers.recurrent import Output, recurrent_shape
from segue.spec import Name, Rate

_CELL = ("segue.modules.custom", "Cell")


def is_instance(value: Any, module: str, name: str) -> bool:
    """Whether a value is an instance of a class of a module, which is not imported for this.

    Another thread may be importing it just now, so that it has not the class yet: no value has.
    """
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)


def is_torch_module(value: Any) -> bool:
    """Whether a value is a `torch.nn.Module`."""
    return is_instance(value, "torch.nn", "Module")


def as_spec(layer: Any) -> Any:
    """Wrap a module or cell of the user in its spec; anything else is returned as it is.

    >>> from torch import nn
    >>> str(as_spec(nn.Identity())), as_spec("relu")
    ('own(Identity)', 'relu')
    """
    if is_instance(layer, *_CELL):
        return CustomCell(layer)
    return CustomModule(layer) if is_torch_module(layer) else layer


class CustomSpec(LayerSpec, abc.ABC, is_custom=True):
    """A layer around an object of the user, which no text or file can bring.

    Class attributes:
        held: the field with the object.
        held_type: the module and the name of its class.
    """

    held: ClassVar[str]
    held_type: ClassVar[tuple[str, str]]

    def __post_init__(self) -> None:
        value = getattr(self, self.held)
        if isinstance(value, str):  # a file has the class name in place of the object
            raise SpecError(
                f"the network has a layer of the user's own, {value!r}, which a file cannot bring: "
                "segue.load(path, network=...) takes the layers that it was made with."
            )
        if not is_instance(value, *self.held_type):
            expected = "segue.layers.Cell" if self.held == "cell" else "torch.nn.Module"
            raise SpecError(f"{value!r} is no {expected}.")
        super().__post_init__()

    def __str__(self) -> str:
        return f"{self.kind}({type(getattr(self, self.held)).__name__})"

    def to_json(self) -> dict[str, Any]:
        """A note of the class; no layer can be made from it."""
        return {"kind": self.kind, self.held: type(getattr(self, self.held)).__name__}


@dataclass(frozen=True)
class CustomModule(CustomSpec, kind="own", held="module", held_type=("torch.nn", "Module")):
    """A module of the user: `[LSTM(64), MyModule(64)]`, or `CustomModule(MyModule(64), name="m")`.

    The module takes a `Padded` and returns a `Padded` of the same lengths, or `[batch, feature]`
    where it ends the sequence; after the end of the sequence it takes and returns
    `[batch, feature]`. It must ignore everything at or beyond `lengths`;
    `segue.testing.check_layer(MyModule(3))` checks this. It may have

    - `shape_out(shape) -> Shape`, the shape of its output; else it is run on a tiny batch.
    - `step(x_t, state) -> (y_t, state)` and `initial_state(batch)`, if it is causal.
    - `input_kind = "tokens"` or `"sequence"`, if it does not take everything.

    Each network gets a copy of it, with the weights as they are. While it runs in training, it is
    in `train()` mode, and PyTorch's global generator is seeded by the training's seed and step
    (and restored afterwards), so that its own `nn.Dropout` draws the same bits in every run.

    Args:
        module: the module.
        name: the layer's own name.
    """

    module: Any
    name: Name | None = None

    @property
    def input_kind(self) -> InputKind:
        older: InputKind = getattr(self.module, "takes", "either")
        return getattr(self.module, "input_kind", older)

    @property
    def is_causal(self) -> bool:
        return hasattr(self.module, "step")

    def output_shape(self, context: BuildContext) -> Shape:
        shape: Shape = importlib.import_module("segue.modules.custom").shape_of(self, context)
        return shape


@dataclass(frozen=True)
class CustomCell(CustomSpec, kind="cell", held="cell", held_type=_CELL, input_kind="sequence"):
    """A cell of the user: `[MyCell(12, 64)]`, or `CustomCell(MyCell(12, 64), output="every")`.

    Each network gets a copy of it, with the weights as they are.

    Args:
        cell: the cell, a `segue.layers.Cell`.
        dropout: of the inputs, in training; one mask for a sequence, constant over time.
        output: "last" ends the sequence, "every" keeps it; "auto" does what the next layers need.
        name: the layer's own name.
    """

    cell: Any
    dropout: Rate = 0.0
    output: Output = "auto"
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        units: int = importlib.import_module("segue.modules.custom").units_of(self.cell, context)
        return recurrent_shape(units, self.output, context)
