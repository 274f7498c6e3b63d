"""The summary of a network: a table of layers, output shapes and parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from segue.modules import Layer


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
        table += [
            ("  " * row.depth + row.label, row.shape, f"{row.parameters:,}") for row in self.rows
        ]
        table += [("total", "", f"{self.total:,}")]
        widths = [max(len(row[column]) for row in table) for column in range(3)]
        lines = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in table
        ]
        rule = "-" * (sum(widths) + 4)
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def summary_rows(
    layers: Iterable[Layer], outer: Layer | None = None, depth: int = 0
) -> Iterable[SummaryRow]:
    """The rows of layers and of all inside them."""
    for layer in layers:
        label = layer.name if outer is None else layer.name.removeprefix(f"{outer.name}/")
        count = sum(p.numel() for p in layer.parameters())
        yield SummaryRow(layer.name, layer.kind, str(layer.shape), count, depth, label)
        yield from summary_rows(layer.sublayers(), layer, depth + 1)
