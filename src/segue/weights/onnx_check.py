"""Whether ONNX Runtime answers as the model does, on ragged batches of many sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from segue.data.sequences import Array, Sequences
from segue.errors import DataError, counted
from segue.kernels.ragged import offsets_of
from segue.prepare import Interpolate, MissingIndicator, Preparation, Standardize
from segue.prepare.pipeline import unexpected_missing
from segue.randomness import numpy_generator
from segue.text_table import text_table
from segue.weights.onnx_runtime import onnx_runtime

FILE_FORMAT = 1  # of the metadata, the names of inputs and outputs, and what they mean
TOLERANCE = 1e-5  # of float32: |difference| <= tolerance * max(1, largest |reference|)
_SIZES = (1, 2, 5, 3, 8)  # of batches, by turns
_MOST_SEQUENCES, _MOST_STEPS = 40, 200_000
_GARBAGE = 1e6  # what stands behind the ends
_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}


@dataclass(frozen=True)
class OnnxDifference:
    """How far ONNX Runtime is from the model on one batch.

    Attributes:
        graph: "whole", or "step": one step after the other, compared with the whole graph.
        batch: sequences.
        shortest, longest: their steps.
        difference: the largest |difference| of all answers.
        reference: the largest |answer| of the model.
    """

    graph: str
    batch: int
    shortest: int
    longest: int
    difference: float
    reference: float

    @property
    def share(self) -> float:
        """The share of the tolerance; 1 is just allowed."""
        return self.difference / (TOLERANCE * max(1.0, self.reference))


@dataclass(frozen=True)
class OnnxReport:
    """What was run before an ONNX file got its name.

    Attributes:
        file: its name.
        segue_version, onnxruntime_version: the programs.
        rows: one for each batch.
    """

    file: str
    segue_version: str
    onnxruntime_version: str = ""
    rows: tuple[OnnxDifference, ...] = ()

    def largest(self) -> float:
        """The largest share of the tolerance that any batch used: 1 is just allowed."""
        return max((row.share for row in self.rows), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "tolerance": TOLERANCE, "largest_share": self.largest()}

    def __str__(self) -> str:
        head = ("graph", "batches", "sequences", "steps", "difference", "allowed")
        rows = [self._line(graph) for graph in dict.fromkeys(row.graph for row in self.rows)]
        return text_table([head, *rows], "<>>>>>")

    def _line(self, graph: str) -> tuple[str, ...]:
        """What all batches of a graph come to; the difference is that of the worst one."""
        rows = [row for row in self.rows if row.graph == graph]
        worst = max(rows, key=lambda row: row.share)
        shortest, longest = min(r.shortest for r in rows), max(r.longest for r in rows)
        allowed = TOLERANCE * max(1.0, worst.reference)
        return (
            graph, str(len(rows)), str(sum(row.batch for row in rows)), f"{shortest} to {longest}",
            f"{worst.difference:.1e}", f"{allowed:.1e}",
        )  # fmt: skip


def padded(x: Sequences, garbage: float, dtype: Any) -> tuple[Array, Array]:
    """`[batch, time, channel]` with garbage behind the ends, and the lengths `[batch]`."""
    lengths = np.asarray(x.lengths, np.int64)
    values = np.full((len(x), int(lengths.max(initial=0)), x.channels), garbage, dtype)
    values[np.arange(values.shape[1]) < lengths[:, None]] = x.values
    return values, lengths


def check_whole(
    report: OnnxReport, estimator: Any, session: Any, x: Sequences | None
) -> OnnxReport:
    """Run the whole graph beside the model.

    Args:
        report: so far.
        estimator: the model.
        session: of ONNX Runtime.
        x: checked sequences; drawn where there are none.
    """
    rows = []
    for part, static in batches(estimator, x):
        came = run(session, part, static)
        wanted = answers(estimator, part, static, came)
        lengths = part.lengths
        rows.append(_row("whole", lengths, came, wanted))
    version = onnx_runtime().__version__
    return replace(report, onnxruntime_version=version, rows=(*report.rows, *rows))


def _row(graph: str, lengths: Array, came: list[Array], wanted: list[Array]) -> OnnxDifference:
    pairs = list(zip(came, wanted, strict=True))
    same = all(a.shape == b.shape for a, b in pairs)
    difference = max(float(np.abs(a - b).max(initial=0)) for a, b in pairs) if same else np.inf
    reference = max(float(np.abs(b).max(initial=0)) for b in wanted)
    if not np.isfinite(difference):
        difference = float("inf")
    shortest, longest = int(lengths.min()), int(lengths.max())
    return OnnxDifference(graph, len(wanted), shortest, longest, difference, reference)


def run(
    session: Any, x: Sequences, static: Array | None = None, garbage: float = _GARBAGE
) -> list[Array]:
    """The answers of a whole graph: an array for each sequence.

    Args:
        session: of ONNX Runtime.
        x: checked sequences; texts as tokens.
        static: `[n, feature]`.
        garbage: what stands behind the ends.
    """
    kinds = {one.name: _TYPES[one.type] for one in session.get_inputs()}
    values, lengths = padded(x, garbage, kinds["x"])
    given = {"x": values, "lengths": lengths}
    given |= {} if static is None else {"static": np.asarray(static, np.float64)}
    found, *ends = session.run(None, given)
    return [row[: ends[0][i]] if ends else row for i, row in enumerate(found)]


def answers(estimator: Any, x: Sequences, static: Array | None, like: list[Array]) -> list[Array]:
    """What the model answers, in the shapes of ONNX: an array for each sequence."""
    if like[0].ndim == 2 and not hasattr(estimator, "predict_proba"):
        windows = np.stack([np.asarray(window) for window in x])
        return list(estimator.continued(windows, len(like[0])))
    given = {} if static is None else {"static": static}
    if hasattr(estimator, "predict_proba"):
        return [np.asarray(row) for row in estimator.predict_proba(x, **given)]
    return list(np.asarray(estimator.predict(x, **given)).reshape(len(x), -1))


# -- sequences to check with ----------------------------------------------------------------------


def batches(estimator: Any, x: Sequences | None) -> Iterator[tuple[Sequences, Array | None]]:
    """Batches of one, two and more sequences, some of each, with their static features."""
    member = getattr(estimator, "members", (estimator,))[0]
    x = drawn(member) if x is None else x
    if len(x) == 0:
        raise DataError("There are no sequences to check the file with; expected at least one.")
    draws, first = numpy_generator(0, "onnx", "batches"), 0
    count = int(np.searchsorted(np.cumsum(x.lengths), _MOST_STEPS)) + 1
    chosen = draws.permutation(len(x))[: min(_MOST_SEQUENCES, count)]
    for turn in range(len(chosen)):
        index = chosen[first : first + _SIZES[turn % len(_SIZES)]]
        if len(index) == 0:
            return
        first += len(index)
        static = None
        if member.static_ is not None:
            noise = draws.normal(size=(len(index), len(member.static_.mean)))
            static = member.static_.restore(noise)
        yield x[np.sort(index)], static


def drawn(estimator: Any) -> Sequences:
    """Random sequences of several lengths as the model takes them, with gaps where it has some."""
    preparation, draws = estimator.preparation_, numpy_generator(0, "onnx", "data")
    lengths = _lengths(estimator, draws)
    total, channels = int(lengths.sum()), preparation.channels_in
    tokens = estimator.network_.input_shape.tokens
    if tokens is not None:
        values: Array = draws.integers(0, tokens, (total, channels)).astype(np.int32)
    else:
        scale = _first_scale(preparation)
        values = draws.normal(size=(total, channels)) * scale["scale"] + scale["mean"]
        values = values.astype(np.float64 if preparation.exact else np.float32)
        gaps = draws.random(values.shape) < 0.2
        values[gaps & _may_miss(preparation)] = np.nan
    return Sequences(values, offsets_of(lengths))


def _first_scale(preparation: Preparation) -> Mapping[str, Any]:
    """Mean and deviation of the channels, where the preparation knows them."""
    pairs = zip(preparation.steps, preparation.fitted, strict=True)
    known = [fitted for step, fitted in pairs if isinstance(step, Standardize)]
    fits = known and len(known[0]["mean"]) == preparation.channels_in
    return known[0] if fits else {"mean": 0.0, "scale": 1.0}


def _may_miss(preparation: Preparation) -> Array:
    """`[channel]`: where gaps are expected, or filled."""
    found = np.zeros(preparation.channels_in, bool)
    if preparation.what_changes_steps() is not None:
        return found
    for step, fitted in zip(preparation.steps, preparation.fitted, strict=True):
        if isinstance(step, Interpolate):
            found[:] = True
        if isinstance(step, MissingIndicator):
            found[fitted["expected"][fitted["expected"] < len(found)]] = True
    return found


def _lengths(estimator: Any, draws: Any) -> Array:
    """`[n]`, steps of the data: few of them, and as the network takes them."""
    preparation, layers = estimator.preparation_, estimator.network_.layers.values()
    fixed = [layer.fixed_length for layer in layers if layer.fixed_length]
    if (size := getattr(estimator, "size", None)) is not None and estimator.task == "forecast":
        return np.full(19, size)
    if fixed:
        own = estimator.network_.input_shape.length
        return np.full(19, int(preparation.input_steps(np.array([own]))[0]))
    positions = [len(w) for one in layers for n, w in one.weights().items() if n == "positions"]
    longest = min([24, *(count - 1 for count in positions)])
    shortest = estimator.network_.shortest_length
    steps = draws.integers(shortest, max(longest, shortest) + 1, 40)
    least = preparation.input_steps(np.ones(40, np.int64))
    found: Array = np.maximum(preparation.input_steps(steps) + draws.integers(0, least), 1)
    return found


# -- one step at a time ---------------------------------------------------------------------------


def check_steps(
    report: OnnxReport, estimator: Any, whole: Any, step: Any, x: Sequences | None
) -> OnnxReport:
    """Run the graph of one step over sequences, beside the whole graph.

    Args:
        report: so far.
        estimator: the model.
        whole: a session of the whole graph.
        step: a session of the graph of one step.
        x: checked sequences; drawn where there are none.
    """
    preparation, rows = estimator.preparation_, []
    samples, second = (int(n) for n in preparation.input_steps(np.array([1, 2])))
    edge = getattr(estimator.task_, "targets_inside", False) and preparation.kind == "texts"
    for part, static in batches(estimator, x):
        if len(unexpected_missing(preparation, part.values, part.lengths)):
            continue
        counts = (part.lengths - samples) // (second - samples) + 1
        enough = np.flatnonzero(counts >= 1)
        if len(enough) == 0:
            continue
        part, counts = part[enough], counts[enough]
        static = None if static is None else static[enough]
        ends = samples + (counts - 1) * (second - samples)
        cut = Sequences.from_list([np.asarray(row)[:n] for row, n in zip(part, ends, strict=True)])
        wanted = run(whole, cut, static)
        values, _ = padded(cut, 0.0, _TYPES[step.get_inputs()[0].type])
        if edge:
            values = np.pad(values, ((0, 0), (1, 0), (0, 0)))
        firsts = range(0, values.shape[1] - samples + 1, second - samples)
        pieces = [values[:, first : first + samples] for first in firsts]
        came = run_steps(step, pieces, static)
        is_each = wanted[0].ndim == 2 and "probabilities" in [o.name for o in step.get_outputs()]
        by_row, runs = np.stack(came, 1), counts + edge
        found = [row[:n] if is_each else row[n - 1] for row, n in zip(by_row, runs, strict=True)]
        rows.append(_row("step", ends, found, wanted))
    if not rows:
        raise DataError(
            "The graph of one step is compared with no sequence, so nothing is written: all have "
            f"fewer than {counted(samples, 'step')}, or gaps that training did not have. Pass "
            "others, or leave the data out: random ones are drawn."
        )
    return replace(report, rows=(*report.rows, *rows))


def run_steps(session: Any, pieces: Sequence[Array], static: Array | None) -> list[Array]:
    """The answers after each step of a graph of one step, `[batch, ...]` each.

    Args:
        session: of ONNX Runtime.
        pieces: `[batch, samples, channel]` each.
        static: `[batch, feature]`.
    """
    sizes = {"batch": len(pieces[0]), "past": 0}
    states = {
        one.name: np.zeros([sizes.get(axis, axis) for axis in one.shape], _TYPES[one.type])
        for one in session.get_inputs()
        if one.name.startswith("state/")
    }
    names = [one.name for one in session.get_outputs()]
    extra = {} if static is None else {"static": np.asarray(static, np.float64)}
    found = []
    for number, piece in enumerate(pieces):
        reset = np.full(len(piece), number == 0)
        values = dict(
            zip(
                names,
                session.run(None, {"x": piece, "reset": reset, **extra, **states}),
                strict=True,
            )
        )
        found.append(values[names[0]])
        states = {f"state/{n.removeprefix('next/')}": v for n, v in values.items() if "next/" in n}
    return found
