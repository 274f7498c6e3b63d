"""The types of fields that hold layers: what `residual`, `repeat` and `parallel` are made of."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic
from torch import nn

from segue.layers.base import LayerSpec
from segue.layers.cell import Cell, OwnCell
from segue.layers.own import Own
from segue.spec import Nested


def as_spec(layer: Any) -> Any:
    """Wrap a module or a cell of the user's own in its spec; whatever else comes is given back.

    >>> str(as_spec(nn.Identity())), as_spec("relu")
    ('own(Identity)', 'relu')
    """
    if isinstance(layer, Cell):
        return OwnCell(layer)
    return Own(layer) if isinstance(layer, nn.Module) else layer


_One = Annotated[pydantic.InstanceOf[LayerSpec], pydantic.BeforeValidator(as_spec)]

# One layer after the other, and several such side by side.
Layers = Annotated[tuple[_One, ...], pydantic.Field(min_length=1), Nested(1)]
Branches = Annotated[tuple[Layers, ...], pydantic.Field(min_length=2), Nested(2)]
