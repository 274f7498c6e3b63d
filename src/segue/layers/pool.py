"""Layers that end the sequence without a recurrence: `pool` and `flatten`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from segue.errors import SpecError
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.spec import Count, Name

_TORCH_LINES = {
    "mean": "x = torch.where(real(x, lengths), x, 0).sum(1) / lengths[:, None]",
    "max": "x = torch.where(real(x, lengths), x, -torch.inf).amax(1)",
    "last": "x = x[torch.arange(len(x), device=x.device), lengths - 1]",
}


@dataclass(frozen=True)
class Pool(LayerSpec, kind="pool", module_name="pool_layer", input_kind="sequence"):
    """`pool(how)`: ends the sequence.

    Args:
        how: "last", "mean", "max", or "attention": a mean whose weights are learnt.
        parts: number of parts of equal length that a sequence is cut into; each gives its own mean
            or maximum, so that the next layers can tell early from late.
        name: the layer's own name.
    """

    how: Literal["last", "mean", "max", "attention"] = "mean"
    parts: Count = 1
    name: Name | None = None

    @property
    def is_causal(self) -> bool:
        return self.parts == 1

    def output_shape(self, context: BuildContext) -> Shape:
        if self.how == "last" and context.shape.backward is not None:
            raise SpecError(
                f"pool(last) after {context.shape.backward} would take the backward output where "
                "it has seen one step only. Leave pool(last) out: the layer's own last output "
                "joins the forward output at the end with the backward one at the beginning. Or "
                "use pool(mean) or pool(max)."
            )
        if self.parts > 1 and self.how not in ("mean", "max"):
            raise SpecError(
                f"{self} cuts sequences into parts, of which segue takes the mean or the largest "
                f"value: pool(mean, parts={self.parts}) or pool(max, parts={self.parts})."
            )
        return context.shape.ended(self.parts * context.shape.features)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        if self.how not in _TORCH_LINES or self.parts > 1:
            source.problems.append(f"{context.name} is {self}")
            return
        source.steps.append(_TORCH_LINES[self.how])
        source.helpers |= set() if self.how == "last" else {"real"}


@dataclass(frozen=True)
class Flatten(LayerSpec, kind="flatten", input_kind="sequence", is_causal=False):
    """`flatten`: `[time, feature]` becomes `[time * feature]`, step by step.

    All sequences must have one common length.
    """

    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        length = context.shape.length
        if length is None:
            raise SpecError(
                f"{context.name} needs sequences of one common length, and these differ. Use a "
                "layer that takes any length: lstm(32), or pool(mean) before a dense layer."
            )
        return context.shape.ended(length * context.shape.features)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        source.steps.append("x = x.flatten(1)")
