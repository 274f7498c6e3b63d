"""The summary of a network: a table of its layers, their output shapes and parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from segue.layers.inference import InferenceLayer
from segue.text_table import text_table


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


def summary_rows(
    layers: Iterable[InferenceLayer], outer: InferenceLayer | None = None, depth: int = 0
) -> Iterable[SummaryRow]:
    """The rows of layers and of all inside them."""
    for layer in layers:
        label = layer.name if outer is None else layer.name.removeprefix(f"{outer.name}/")
        yield SummaryRow(layer.name, layer.kind, str(layer.shape), layer.parameters, depth, label)
        yield from summary_rows(layer.sublayers(), layer, depth + 1)
