"""Preparation steps: their base, and those of numbers, missing values, zero mean and unit variance.

A step is a spec that is fitted on training data and transforms sequences. Steps work on ragged
values, `[total_steps, channel]` with `lengths [n]`, never on padding.
"""

from __future__ import annotations

import abc
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from segue.data.arrays import NOISE, as_features, refuse_not_finite
from segue.data.sequences import Array
from segue.errors import DataError, NotCausalError, SpecError
from segue.onnx_graph import Steps, Value, concat, largest, smallest
from segue.spec import Spec

Ragged = tuple[Array, Array]  # values [total_steps, channel] and lengths [n]
Blocks = Callable[[], Iterable[Ragged]]  # goes through the training data, as often as it is called

_FORMER = {"heard": "input_steps", "belief_ends": "prefix_lengths", "said": "describe"}


class FormerNames:
    """Former names of methods, which warn; for one release."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            new = _FORMER.get(name)
            if new is None or not hasattr(type(self), new):
                raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
            warnings.warn(f"{name} is now {new}.", DeprecationWarning, stacklevel=2)
            return getattr(self, new)


class StepSpec(FormerNames, Spec, abc.ABC):
    """A kind of preparation: its arguments, and how it is fitted.

    Values are float32, or float64 where that is too coarse for them: then what comes out is float64
    too, for the step that takes the level off may be a later one.

    Most steps look at one time step after the other and keep them all. One that needs several, or
    makes another number of them, has `stream`, `steps`, `input_steps` and `rate_after` besides.

    Class attributes:
        takes: what sequences it is for.
        along: what the steps that come out are.
    """

    takes: ClassVar[Literal["numbers", "text"]] = "numbers"
    along: ClassVar[Literal["time", "frequency"]] = "time"

    @property
    def causal(self) -> bool:
        """Whether what comes out depends on what came up to there only."""
        return True

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        """Return what is fitted on the training data, as named arrays; here nothing."""
        return {}

    @abc.abstractmethod
    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        """Prepare sequences. The input is not changed in place."""

    def write_onnx(self, x: Steps, fitted: dict[str, Array], channels: int) -> Steps:
        """Add the step to an ONNX graph.

        Args:
            x: padded values there, in the type in which they are prepared.
            fitted: as in `apply`.
            channels: how many come in.

        Raises:
            SpecError: it has no such form.
        """
        raise SpecError(f"the preparation step `{self}` has no form in ONNX.")

    def channels(self, channels: int, fitted: dict[str, Array]) -> int:
        """The number of output channels for `channels` input channels."""
        return channels

    def steps(self, lengths: Array) -> Array:
        """`[n]`, how many steps come out of sequences of these lengths."""
        return lengths

    def input_steps(self, steps: Array) -> Array:
        """`[n]`, how many steps of the input decide so many steps of the output."""
        return steps

    def rate_after(self, rate_hz: float | None) -> float | None:
        """Steps per second that come out."""
        return rate_hz

    def at_rate(self, rate_hz: float | None) -> StepSpec:
        """The same step for data of so many steps per second; called before `fit`.

        Raises:
            DataError: the step is for another rate, or needs to know it.
        """
        return self

    def stream(self, fitted: dict[str, Array]) -> StepStream:
        """The step at work on one sequence that comes bit by bit.

        Raises:
            NotCausalError: it looks ahead.
        """
        self.check_causal()
        return StepStream(lambda x: self.apply((x, np.array([len(x)], np.int64)), fitted)[0])

    def check_causal(self) -> None:
        """Raise unless the step can go along with a stream."""
        if why := self.why_whole():
            raise NotCausalError(
                f"the preparation step `{self}` {why}, so it cannot go step by step. "
                f"Train with {self.causal_instead()}."
            )

    def why_whole(self) -> str:
        """Why a sequence cannot come bit by bit, as what the step does; nothing where it can."""
        return "" if self.causal else "looks ahead"

    def causal_instead(self) -> str:
        """The suggested replacement of a step that looks ahead."""
        return "a preparation that does not, such as prepare='standardize'"

    def write_torch(self, source: Any, fitted: dict[str, Array]) -> None:
        """Add the step to plain PyTorch source; steps without such a form report a problem.

        Args:
            source: a `TorchSource`; `x` is float64 there.
            fitted: on the training data.
        """
        source.problems.append(f"`{self}` is a preparation step")

    def restore(self, numbers: Mapping[str, Any], channels: int) -> dict[str, Array]:
        """Read what was fitted from its JSON.

        Args:
            numbers: by name, as `fit` has given them, arrays as lists.
            channels: how many channels come in.

        Raises:
            SpecError: numbers that `fit` cannot have given.
        """
        check_names(self.kind, numbers, ())
        return {}


def check_names(kind: str, numbers: Any, names: tuple[str, ...]) -> None:
    """Raise unless exactly these numbers are given."""
    if not isinstance(numbers, Mapping) or set(numbers) != set(names):
        raise SpecError(f"{kind} is fitted with {', '.join(names) or 'nothing'}; got {numbers!r}.")


class StepStream:
    """A preparation step applied to one sequence that comes bit by bit.

    A step may need steps that came before (a frame of 256 samples) and give fewer steps than it
    gets. What `push` has returned so far and `tail` together are always what the whole gives.

    Args:
        apply: prepares `[time, channel]` of a step that looks at one time step only.
    """

    def __init__(self, apply: Callable[[Array], Array]) -> None:
        self._apply = apply

    def push(self, values: Array) -> Array:
        """Take `[time, channel]` that came, and return the prepared steps that are final now."""
        return self._apply(values)

    def tail(self) -> Array | None:
        """The steps that would follow if the sequence ended here; `None` for none."""
        return None

    def state(self) -> tuple[Array, ...]:
        """What is kept of the steps so far, as arrays that `restore` takes."""
        return ()

    def restore(self, state: tuple[Array, ...]) -> None:
        """Go on where another stream of the same step was."""


# -- missing values, mean and variance -----------------------------------------------------------


def missing_channels(values: Array) -> Array:
    """The channels of `[total_steps, channel]` with missing values (NaN)."""
    return np.flatnonzero(np.isnan(values).any(axis=0))


def interpolated(values: Array, lengths: Array, channels: Iterable[int]) -> Array:
    """Fill NaN in the chosen channels, each sequence by itself.

    Between two known values on the straight line, outside them with the nearest. A channel of a
    sequence without any known value stays NaN.
    """
    values = values.copy()
    ends = np.cumsum(lengths)
    for channel in channels:
        missing = np.isnan(values[:, channel])
        for number in np.unique(np.searchsorted(ends, np.flatnonzero(missing), side="right")):
            part = values[int(ends[number] - lengths[number]) : int(ends[number]), channel]
            known = ~np.isnan(part)
            if known.any():
                part[~known] = np.interp(np.flatnonzero(~known), np.flatnonzero(known), part[known])
    return values


def interpolated_onnx(x: Steps, chosen: Array) -> Value:
    """As `interpolated`, in an ONNX graph; `chosen` is `[channel]` of true and false.

    `when` has the known steps of each channel in their order, from 1 on; `count` is the number of
    them up to each step.
    """
    values, graph = x.values, x.values.graph
    missing, steps = values.op("IsNaN", dtype=bool), values.size(1)
    known = ~missing & x.mask().unsqueeze(2)
    count = known.cast(np.int64).op("CumSum", graph.constant(1, np.int64))
    time = graph.range(steps).reshape(1, -1, 1)
    sizes = [values.size(axis) for axis in (0, 2)]
    nothing = graph.constant([[[0]]], np.int64).expand(sizes[0], steps + 2, sizes[1])
    when = nothing.op(
        "ScatterElements",
        known.where(count, steps + 1),
        time.expand(sizes[0], steps, sizes[1]),
        axis=1,
    )
    total = count.op("ReduceMax", axes=[1], keepdims=1)
    before = when.take_along(largest(count, 1), 1)
    following = largest(smallest(count + missing.cast(np.int64), total), 1)
    after = when.take_along(following, 1)
    low, high = (values.take_along(step, 1).cast(np.float64) for step in (before, after))
    share = (time - before).cast(np.float64) / largest(after - before, 1).cast(np.float64)
    changed = missing & graph.constant(chosen)
    return changed.where((low + (high - low) * share).cast(values.dtype), values)


@dataclass(frozen=True)
class Interpolate(StepSpec, kind="interpolate", causal=False):
    """`interpolate`: NaN becomes the value on the line between the known ones around it.

    It looks ahead, so it is not causal. A channel without any known value in a sequence stays NaN.
    """

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        values, lengths = x
        return interpolated(values, lengths, range(values.shape[1])), lengths

    def write_onnx(self, x: Steps, fitted: dict[str, Array], channels: int) -> Steps:
        return x._replace(values=interpolated_onnx(x, np.ones(channels, bool)))

    def write_torch(self, source: Any, fitted: dict[str, Array]) -> None:
        source.steps.append("x = interpolated(x, lengths)")


@dataclass(frozen=True)
class MissingIndicator(StepSpec, kind="mask"):
    """`mask`: NaN becomes 0, and each channel that had gaps in training gets a channel of its own.

    That channel is 1 where the value is missing (Che et al., "Recurrent neural networks for
    multivariate time series with missing values", Scientific Reports 8, 2018, without the decay).
    A gap in any other channel was not to be expected: it is interpolated, and `Preparation` warns.

    It stands at the end of every preparation, whether it is written there or not; where nothing is
    missing it does nothing.
    """

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        missing = [np.isnan(values).any(axis=0) for values, _ in blocks()]
        return {"expected": np.flatnonzero(np.any(missing, axis=0))}

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        (values, lengths), expected = x, fitted["expected"]
        missing = np.isnan(values)
        if not missing.any() and len(expected) == 0:
            return x
        unexpected = np.setdiff1d(np.flatnonzero(missing.any(axis=0)), expected)
        if len(unexpected):
            values = interpolated(values, lengths, unexpected)
        filled = np.where(np.isnan(values), np.float32(0), values)
        return np.concatenate([filled, missing[:, expected].astype(np.float32)], axis=1), lengths

    def write_onnx(self, x: Steps, fitted: dict[str, Array], channels: int) -> Steps:
        expected = fitted["expected"]
        missing = x.values.op("IsNaN", dtype=bool)
        gaps = missing.gather(expected, 2).cast(x.values.dtype)
        filled = interpolated_onnx(x, ~np.isin(np.arange(channels), expected))
        filled = filled.op("IsNaN", dtype=bool).where(0.0, filled)
        return x._replace(values=concat([filled, gaps], 2))

    def channels(self, channels: int, fitted: dict[str, Array]) -> int:
        return channels + len(fitted["expected"])

    def write_torch(self, source: Any, fitted: dict[str, Array]) -> None:
        source.steps.append(f"x = without_gaps(x, lengths, {fitted['expected'].tolist()})")

    def restore(self, numbers: Mapping[str, Any], channels: int) -> dict[str, Array]:
        check_names(self.kind, numbers, ("expected",))
        given = numbers["expected"]
        valid = isinstance(given, list) and all(type(c) is int and 0 <= c < channels for c in given)
        if not valid or given != sorted(set(given)):
            raise SpecError(f"mask needs rising numbers of {channels} channels; got {given!r}.")
        return {"expected": np.array(given, np.int64)}


@dataclass(frozen=True, eq=False)
class MeanScale:
    """Zero mean and unit variance for each column of a table.

    Attributes:
        mean: `[column]`, in the columns' own units.
        scale: `[column]`, the standard deviation; 1 for a column that never varies.
    """

    mean: Array
    scale: Array

    @classmethod
    def fit(cls, table: Array, *, least: float = 1e-12) -> Self:
        """Take mean and deviation of `[n]` or `[n, column]` values.

        Args:
            table: the values.
            least: a deviation up to this share of the largest absolute value is rounding.

        >>> MeanScale.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
        MeanScale(mean=array([2., 5.]), scale=array([1., 1.]))
        """
        values = table.astype(np.float64).reshape(len(table), -1)
        largest = np.abs(values).max(axis=0)
        unit = np.exp2(np.frexp(largest)[1])  # a power of 2: it rounds nothing, and squares fit
        values /= unit
        deviation = values.std(axis=0)
        flat = deviation * unit <= least * largest
        return cls(values.mean(axis=0) * unit, np.where(flat, 1.0, deviation * unit))

    def apply(self, table: Array) -> Array:
        """`[n, column]` scaled values, float32, of `[n]` or `[n, column]`."""
        values = np.asarray(table, np.float64).reshape(len(table), -1)
        return ((values - self.mean) / self.scale).astype(np.float32)

    def restore(self, scaled: Array) -> Array:
        """`[n, column]` scaled values in the columns' own units, float64."""
        return np.asarray(scaled, np.float64) * self.scale + self.mean

    def to_json(self) -> dict[str, list[float]]:
        """As lists."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], what: str) -> Self:
        """The reverse of `to_json`.

        Args:
            data: what `to_json` has returned.
            what: what the columns are called in messages.

        Raises:
            DataError: numbers that no training can have given.
        """
        mean, scale = np.array(data["mean"], np.float64), np.array(data["scale"], np.float64)
        if mean.shape != scale.shape or not np.isfinite([mean, scale]).all() or (scale <= 0).any():
            raise DataError(
                f"{what} have mean {data['mean']} and scale {data['scale']}: expected a mean and a "
                "scale each, finite, and no scale of 0 or less."
            )
        return cls(mean, scale)


@dataclass(frozen=True)
class Standardize(StepSpec, kind="standardize"):
    """`standardize`: subtract each channel's mean and divide by its standard deviation.

    Missing values are left out of both and stay missing. A channel that never varies becomes 0.
    """

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        """Merge the blocks' moments (Chan, Golub & LeVeque, "Updating formulae", 1979)."""
        rounding = 1e-7  # of float32: what varies less never varies
        least, count, mean, squares = (np.zeros(1) for _ in range(4))
        for block, _ in blocks():
            values = block.astype(np.float64)
            n = (~np.isnan(values)).sum(axis=0)
            if block.dtype == np.float64 and len(block):  # so far from 0 that a sum is rounded
                least, rounding = np.nan_to_num(np.fmin.reduce(values)), NOISE
            block_mean = least + np.nansum(values - least, axis=0) / np.maximum(n, 1)
            block_squares = np.nansum((values - block_mean) ** 2, axis=0)
            total = np.maximum(count + n, 1)
            shift = block_mean - mean
            squares = squares + block_squares + shift**2 * count * n / total
            mean = mean + shift * n / total
            count = count + n
        deviation = np.sqrt(squares / np.maximum(count, 1))
        flat = deviation <= rounding * np.abs(mean)
        return {"mean": mean, "scale": np.where(flat, 1.0, deviation)}

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        values, lengths = x
        scaled = (values - fitted["mean"]) / fitted["scale"]
        with np.errstate(over="ignore"):  # what is infinite then is refused with its answer
            return scaled.astype(values.dtype, copy=False), lengths

    def write_onnx(self, x: Steps, fitted: dict[str, Array], channels: int) -> Steps:
        scaled = (x.values.cast(np.float64) - fitted["mean"]) / fitted["scale"]
        return x._replace(values=scaled.cast(x.values.dtype))

    def write_torch(self, source: Any, fitted: dict[str, Array]) -> None:
        mean, scale = (source.constant(f"prepare_{k}", fitted[k]) for k in ("mean", "scale"))
        source.steps.append(f"x = (x - {mean}) / {scale}")

    def restore(self, numbers: Mapping[str, Any], channels: int) -> dict[str, Array]:
        check_names(self.kind, numbers, ("mean", "scale"))
        found = MeanScale.from_json(numbers, "the channels")
        if found.mean.shape != (channels,):
            raise SpecError(
                f"standardize needs a mean and a scale for each of {channels} channels."
            )
        return {"mean": found.mean, "scale": found.scale}


_STATIC = (
    "A static feature",
    "fill it in, for instance with the mean and one more feature that says so",
)


def fit_static(static: Array) -> MeanScale:
    """Fit the scale of static features on `[n, feature]` of the training sequences.

    Raises:
        DataError: a feature is missing or infinite.

    >>> scaled_static(fit_static(np.array([[1.0], [3.0]])), 1, np.array([[3.0]]))
    array([[1.]], dtype=float32)
    """
    refuse_not_finite(static, *_STATIC)
    return MeanScale.fit(static, least=1e-7 if static.dtype == np.float32 else 1e-12)


def scaled_static(scale: MeanScale | None, count: int, static: Any) -> Array | None:
    """`[count, feature]` scaled static features, float32; `None` where a model has none.

    Raises:
        DataError: the model needs some, and none or others are given, or some are missing; or it
            has none.
    """
    if scale is None:
        if static is not None:
            raise DataError("The model was trained without static features: leave out `static`.")
        return None
    features = len(scale.mean)
    if static is None:
        raise DataError(
            f"The model was trained with {features} static features of each sequence, and here "
            f"are none: pass a Dataset with `static`, or static=[n, {features}]."
        )
    static = as_features(static)
    if static.shape != (count, features):
        raise DataError(
            f"`static` has shape {static.shape}; expected {(count, features)}: a row for each "
            "sequence, and the features of the training."
        )
    refuse_not_finite(static, *_STATIC)
    return scale.apply(static)
