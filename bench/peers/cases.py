"""The cases of training: what is trained on what, for segue and its peers alike.

Nothing but the standard library and NumPy is needed here: every peer's script imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

RATE = 0.001
Weights = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A network, its loss and how it is trained, at a learning rate of 0.001 throughout.

    Attributes:
        name: that of its data, perhaps with more behind it.
        cell: "lstm", "gru" (reset after), "bilstm"; or "flatten": all steps are one row.
        units: of the cell.
        dense: units of the dense layers (relu) behind it.
        outputs: of the last, linear layer.
        loss: "squared", "classes" (softmax), "binary" (sigmoid; several outputs: their mean).
        batch: sequences of an update; the last one of an epoch has those that are left.
        epochs: of a call.
        optimizer: "adam" (epsilon 1e-8) or "rmsprop" (decay 0.9, epsilon 1e-7).
        dropout: of the inputs and of the hidden state of the cell.
    """

    name: str
    cell: str
    units: int
    dense: tuple[int, ...]
    outputs: int
    loss: str
    batch: int
    epochs: int = 1
    optimizer: str = "adam"
    dropout: float = 0.0

    @property
    def file(self) -> str:
        """With the data, which the cells may share."""
        return f"{self.name.removesuffix('-gru')}.npz"

    @property
    def network(self) -> str:
        """As segue writes it."""
        drop = f", dropout={self.dropout}, recurrent_dropout={self.dropout}" if self.dropout else ""
        first = f"{self.cell}({self.units}{drop})" if self.units else self.cell
        return " ".join([first, *(f"dense({units}, relu)" for units in self.dense)])


def _named(*cases: Case) -> dict[str, Case]:
    return {case.name: case for case in cases}


CASES = _named(
    Case("sunspots", "lstm", 64, (32,), 1, "squared", 32),
    Case("mnist-rows", "lstm", 128, (), 10, "classes", 128),
    Case("mnist-rows-gru", "gru", 128, (), 10, "classes", 128),
    Case("waves", "flatten", 0, (16, 8), 1, "binary", 32, 300, "rmsprop"),
    Case("toy", "lstm", 128, (), 4, "binary", 32, 200, dropout=0.2),
    Case("notes", "bilstm", 100, (), 3, "classes", 64),
)
# segue alone: sequences of 7 to 29 steps, and as many of about as many steps that are all equal.
RAGGED = _named(
    Case("vowels", "bilstm", 100, (), 9, "classes", 32, 20),
    Case("vowels-equal", "bilstm", 100, (), 9, "classes", 32, 20),
)


def data_of(folder: Path, case: Case) -> dict[str, Any]:
    """`x` `[n, time, channel]`; `y` `[n]`, or `[n, output]` of 0 and 1; perhaps `lengths` `[n]`."""
    with np.load(folder / case.file) as file:
        return dict(file)


def weights_of(folder: Path, case: Case, seed: int) -> Weights:
    """The initial weights that segue draws with this seed, in the layout and order of Keras."""
    with np.load(folder / f"{case.name}-{seed}.npz") as file:
        return dict(file)
