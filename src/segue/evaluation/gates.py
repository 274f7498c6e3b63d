"""Gates and states of a recurrent layer at every step of given sequences.

They are computed by equations of their own (`RecurrentCell.decompose`), beside the kernels. So they
are checked: recomposed, they must give the layer's own output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from segue.data.sequences import Array, Sequences
from segue.errors import OptionError
from segue.evaluation.model_info import require_one_network
from segue.kernels.cells import reverse
from segue.modules import Directions, Layer, Padded
from segue.modules.recurrent import RecurrentCell
from segue.prepare.batches import Batches
from segue.training.validation import capture_activations, map_steps

if TYPE_CHECKING:
    from segue.estimators import SequenceClassifier


Direction = Literal["forward", "backward"]


@dataclass(frozen=True, eq=False)
class Gates(Mapping[str, Sequences]):
    """Gates and states of a recurrent layer at every step. Made by `gates`.

    It maps names to `Sequences` `[time, unit]`. An LSTM has `input_gate`, `forget_gate`,
    `cell_candidate`, `output_gate`, `cell_state`, `hidden_state`; a GRU `update_gate`,
    `reset_gate`, `candidate`, `hidden_state`; a simple RNN `from_input`, `from_state` (what the
    activation is applied to comes from these two) and `hidden_state`.

    Attributes:
        layer: the layer's name.
        direction: "forward", or "backward": then the layer went from each sequence's end to its
            beginning, and the state before step t is that after step t + 1.
        x: the sequences as they came, `[time, channel]`.
        output: the layer's own output in this direction, `[time, unit]`.
    """

    layer: str
    direction: Direction
    x: Sequences
    output: Sequences
    parts: Mapping[str, Sequences] = field(repr=False)
    cell: RecurrentCell = field(repr=False)
    initial_state: tuple[Array, ...] = field(repr=False)

    def __getitem__(self, name: str) -> Sequences:
        return self.parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def recomposed(self) -> Sequences:
        """The output `[time, unit]` that the gates alone make, step after step."""
        rows = []
        for index in range(len(self.x)):  # the steps in the order in which the layer went
            parts = {name: self._turned(part[index]) for name, part in self.parts.items()}
            rows.append(self._turned(self.cell.recompose(parts, self.initial_state)))
        return Sequences.from_list(rows)

    @property
    def difference(self) -> float:
        """The largest difference between the recomposed output and the layer's own."""
        return float(np.abs(self.recomposed().values - self.output.values).max())

    def _turned(self, steps: Array) -> Array:
        return steps[::-1] if self.direction == "backward" else steps

    def plot(self, index: int = 0, *, units: int | None = None) -> Array:
        """Draw one sequence and below it every gate and state over time; axes `[part + 1]`."""
        from segue import plots

        parts = {name: part[index] for name, part in self.parts.items()}
        return plots.plot_gates(self.x[index], parts, units=units)


def gates(
    classifier: SequenceClassifier,
    X: Any,  # noqa: N803  (scikit-learn's name)
    *,
    layer: str | None = None,
    direction: Direction = "forward",
) -> Gates:
    """Take a recurrent layer apart on some sequences.

    Args:
        classifier: fitted.
        X: a few sequences, in any form that `predict` takes.
        layer: the name of an `lstm`, `gru` or `rnn`, or of a bidirectional one; it may be left out
            where there is one only.
        direction: of a bidirectional layer, which of the two.

    Returns:
        `Gates`: `gates["forget_gate"][0]` is `[time, unit]` of the first sequence; `.difference`
        is how far they are from the layer's output; `.plot()` draws them.

    Raises:
        DataError: an ensemble, or sequences that cannot be used.
        SpecError: there is no such layer; near misses are suggested.
        OptionError: the layer has no gates, or not this direction, or its name is needed.

    Source: Hochreiter & Schmidhuber, "Long short-term memory" (1997), Gers et al., "Learning to
    forget" (2000), Cho et al., "Learning phrase representations" (2014); Karpathy, Johnson & Li,
    "Visualizing and understanding recurrent networks" (2016), look at gates in this way.

    >>> from segue import SequenceClassifier, TrainingOptions
    >>> x, y = [[0.0, 1.0, 2.0], [2.0, 1.0]] * 10, ["up", "down"] * 10
    >>> options = TrainingOptions(progress="none")
    >>> classifier = SequenceClassifier("lstm(8)", epochs=3, options=options).fit(x, y)
    >>> found = gates(classifier, x[:2], layer="lstm_1")
    >>> found["forget_gate"][0].shape, found.difference < 1e-6
    ((3, 8), True)
    """
    require_one_network(classifier, "`gates`")
    x = classifier.check_input(X)
    network = classifier.network_.to_torch()
    chosen = _choose_layer(network.layers, layer)
    found = network.layer(chosen)
    if direction not in ("forward", "backward"):
        raise OptionError(f"`direction` is {direction!r}; expected 'forward' or 'backward'.")
    cell = found.cells().get(direction)
    if cell is None:
        raise OptionError(f"{found.name} goes forward only; leave out `direction`.")
    assert isinstance(cell, RecurrentCell)
    names = (*cell.part_names, "output")

    def decomposed(batch: Padded) -> Padded:
        """All parts beside each other, `[batch, time, part * unit]`."""
        signal: Any = capture_activations(network, found, batch)[0]
        given: Padded = getattr(signal, direction) if isinstance(signal, Directions) else signal
        parts = _decompose(cell, given, direction)
        return given._replace(values=torch.cat([parts[name] for name in names], dim=-1))

    batches = None
    if len(x):
        batches = Batches(x, classifier.preparation_, classifier.network_.device)
    threads = classifier.training_options.threads
    joined = map_steps(network, batches, decomposed, len(names) * cell.units, threads)
    columns = np.split(joined.values, len(names), axis=1)
    parts = {n: Sequences(c, joined.offsets) for n, c in zip(names, columns, strict=True)}
    output = parts.pop("output")
    state = tuple(s[0].detach().cpu().numpy() for s in cell.initial_state(1))
    seen = classifier.preparation_.as_seen(x)
    return Gates(chosen, direction, seen, output, parts, cell, state)


def _decompose(cell: RecurrentCell, x: Padded, direction: Direction) -> dict[str, torch.Tensor]:
    """Every part and the output, `[batch, time, unit]`, in the order of time."""
    state = cell.initial_state(len(x.values))
    values = reverse(x.values, x.lengths) if direction == "backward" else x.values
    output, _ = cell.run(Padded(values, x.lengths), state)
    before = torch.cat([state[0][:, None], output[:, :-1]], dim=1)
    parts = {**cell.decompose(values, before, state), "output": output}
    if direction == "backward":
        return {name: reverse(part, x.lengths) for name, part in parts.items()}
    return parts


def _choose_layer(layers: dict[str, Layer], name: str | None) -> str:
    recurrent = [one for one, layer in layers.items() if layer.cells()]
    if name is None and len(recurrent) == 1:
        return recurrent[0]
    if name is None or (name in layers and name not in recurrent):
        said = "Which layer?" if name is None else f"{name} has no gates."
        raise OptionError(
            f"{said} Recurrent layers of this network: {', '.join(recurrent) or 'none'}."
        )
    return name
