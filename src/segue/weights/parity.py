"""What a transfer is held against: sequences of many lengths, and the answers of both sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.data.sequences import Sequences
from segue.errors import ModelFileError, SpecError
from segue.prepare.steps import Standardize
from segue.text_table import text_table
from segue.training.inference import probabilities

TOLERANCE = 1e-5  # of a difference, in units of the largest answer or of 1
_LENGTHS = (1, 2, 3, 5, 8, 13, 21, 34)


@dataclass(frozen=True)
class Comparison:
    """The answers of one side beside those of the other.

    Attributes:
        what: who answered, such as "read back by segue".
        sequences: how many were compared.
        shortest, longest: their lengths, in steps.
        largest: the largest difference, in units of the largest answer or of 1.
    """

    what: str
    sequences: int
    shortest: int
    longest: int
    largest: float

    def __str__(self) -> str:
        lengths = f"{self.shortest} to {self.longest} steps"
        return f"{self.sequences} sequences of {lengths}: largest difference {self.largest:.1e}"


@dataclass(frozen=True)
class TransferReport:
    """What became of a model that was written for another framework.

    Attributes:
        path: the file.
        lines: layer by layer, as pairs of a heading and a text.
        comparisons: with what read it.
    """

    path: str
    lines: tuple[tuple[str, str], ...]
    comparisons: tuple[Comparison, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        compared = {one.what: one.largest for one in self.comparisons}
        return {"file": self.path, "layers": dict(self.lines), "largest_differences": compared}

    def __str__(self) -> str:
        compared = [(one.what, str(one)) for one in self.comparisons]
        return text_table([("written", self.path), *self.lines, *compared], "<")


def trial_sequences(estimator: Any, seed: int = 0) -> Sequences:
    """Sequences of many lengths, of the kind that an estimator takes, drawn from a seed.

    Numbers are spread as the training data were, where the preparation has their mean and scale.
    """
    draws, shape = np.random.default_rng(seed), estimator.network_.input_shape
    lengths = (
        [shape.length] * 4
        if _is_fixed(estimator)
        else [n + estimator.network_.shortest_length - 1 for n in _LENGTHS]
    )
    total, preparation = sum(lengths), estimator.preparation_
    if preparation.kind != "numbers":
        tokens = draws.integers(0, shape.tokens, (total, 1), np.int32)
        return Sequences(tokens, lengths=np.array(lengths))
    values = draws.normal(size=(total, preparation.channels_in))
    if isinstance(next(iter(preparation.steps), None), Standardize):
        values = values * preparation.fitted[0]["scale"] + preparation.fitted[0]["mean"]
    return Sequences(values.astype(np.float32), lengths=np.array(lengths))


def _is_fixed(estimator: Any) -> bool:
    return any(layer.spec.kind == "flatten" for layer in estimator.network_.layers.values())


def answers(estimator: Any, x: Sequences) -> list[Array]:
    """What the last layer gives of each sequence: probabilities, or numbers in their own unit."""
    kind = estimator.task_.objective.kind
    if kind == "steps":
        return list(estimator.predict_proba(x))
    if kind == "squared":
        return list(np.asarray(estimator.predict(x), np.float64).reshape(len(x), -1))
    logits = estimator._head_outputs(x)
    return list(probabilities(logits, "multilabel" if kind == "sigmoid" else kind))


def check_one_network(estimator: Any) -> None:
    """Raise where there is not one fitted network: of an ensemble, each member leaves by itself."""
    if hasattr(estimator, "members"):
        raise SpecError(
            f"This is an ensemble of {len(estimator.members)}, and such a file has one network: "
            "write each of its `members`."
        )
    estimator._check_fitted()


def compare(
    what: str, x: Sequences, ours: Sequence[Array], theirs: Callable[[Array], Array]
) -> Comparison:
    """Compare answers, sequence by sequence.

    Args:
        what: who gives the others.
        x: the sequences.
        ours: the answer for each.
        theirs: gives the other answer for one, `[time, channel]`.

    Raises:
        ModelFileError: they differ by more than rounding.
    """
    largest = 0.0
    for number, (sequence, own) in enumerate(zip(x, ours, strict=True)):
        other = np.asarray(theirs(sequence), np.float64)
        if {other.shape[-1:], own.shape[-1:]} == {(1,), (2,)}:  # of two classes, that of the second
            other, own = other[..., -1:], own[..., -1:]
        if other.shape != own.shape:
            raise ModelFileError(f"{what}: answers have shape {other.shape}, not {own.shape}.")
        difference = float(np.abs(other - own).max(initial=0.0))
        share = difference / max(1.0, float(np.abs(own).max(initial=0.0)))
        if not share <= TOLERANCE:
            raise ModelFileError(
                f"{what}: the answer for sequence {number}, of {len(sequence)} steps, differs by "
                f"{share:.1e}, more than rounding does ({TOLERANCE:.0e}); nothing was written."
            )
        largest = max(largest, share)
    lengths = x.lengths
    return Comparison(what, len(x), int(lengths.min()), int(lengths.max()), largest)
