"""What layers have in common that end the sequence in many features and are not trained."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.kernels import forward
from segue.kernels.ragged import Ragged
from segue.layers.base import BuildContext, Composite, LayerSpec, Shape
from segue.layers.core import BatchNorm
from segue.layers.inference import InferenceLayer
from segue.onnx_graph import Steps, Value, largest, smallest, total

LONGEST = 256  # steps that decide about dilations and intervals where neither data nor user say
_END = np.iinfo(np.int64).max


class FeaturesInference(InferenceLayer):
    """Features of whole sequences; each sequence is taken by its own length.

    Attributes:
        features: the functions that it calls, of `segue.kernels.reference_features` or native ones.
    """

    keeps_steps = False
    is_untrained = True

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self.features: Any = forward.features()

    @abc.abstractmethod
    def __call__(self, x: Ragged) -> Array: ...

    @abc.abstractmethod
    def write_onnx(self, x: Steps) -> Value: ...


# -- in ONNX --------------------------------------------------------------------------------------
#
# Which kernel wins a step, and whether a response is above its bias, may hang on the last bit. So
# what leads to it is computed in float32, operation by operation, as in the native library.


def rounds_once() -> bool:
    """Whether the native library rounds a product and a sum together, as most processors can."""
    return forward.path()[0] != "portable"


def multiply_add(a: Value, b: Any, c: Any) -> Value:
    """`a * b + c` in float32, rounded as the native library does here; `b` and `c` may be arrays.

    In float64 the product of two float32 numbers is exact.
    """
    found: Value
    if not rounds_once():
        found = a * b + c
        return found
    b, c = (
        one.cast(np.float64) if isinstance(one, Value) else np.asarray(one, np.float64)
        for one in (b, c)
    )
    return rounded(a.cast(np.float64) * b + c)


def rounded(x: Value) -> Value:
    """Numbers in float64 as float32.

    Runtimes of 2023 leave two casts out that follow each other, there and back, and with them the
    rounding: the largest of one tensor stands between.
    """
    return x.cast(np.float32).op("Max")


def features_first(x: Steps) -> Value:
    """`[batch, feature, time]`, with zeros behind the ends."""
    return x.filled(0.0).transpose(0, 2, 1)


def chosen_steps(x: Steps, steps: Value) -> Value:
    """`[batch, chosen, feature]` of steps `[batch, chosen]`."""
    return x.values.take_along(steps.unsqueeze(2).expand(1, 1, x.values.size(2)), 1)


def differences_onnx(x: Steps) -> Steps:
    """As `segue.kernels.ragged.differences`; the time axis is as long as before."""
    step, last = x.values.graph.range(x.values.size(1)), x.lengths.unsqueeze(1) - 1
    after = chosen_steps(x, smallest(step + 1, last))
    return Steps(after - x.values, largest(x.lengths - 1, 1))


def mixed_onnx(x: Value, channels: Array | None) -> Value:
    """`[batch, signal, time]`: sums of features `[batch, feature, time]`, one after the other.

    Args:
        x: the features.
        channels: `[feature, signal]`, their weights; `None`: there is one, as it is.
    """
    if channels is None:
        return x
    return total(
        x.slice(feature, feature + 1, 1) * weights[:, None]
        for feature, weights in enumerate(channels)
    )


def taps_onnx(x: Value, count: int, dilation: int, before: int = 0) -> list[Value]:
    """What stands around each step of `[batch, signal, time]`, by tap; zeros beyond the ends.

    Args:
        x: the signals.
        count: of the taps.
        dilation: steps from one to the next.
        before: how many steps before its own the first one lies.
    """
    reach = (count - 1) * dilation
    padded = x.op("Pad", x.graph.shape([0, 0, before, 0, 0, reach - before]))
    ends = [tap * dilation - reach or _END for tap in range(count)]
    return [padded.slice(tap * dilation, end, 2) for tap, end in enumerate(ends)]


# -- which networks are of nothing else ------------------------------------------------------------


def trains_only_head(specs: Iterable[LayerSpec]) -> bool:
    """Whether features that are not trained are all that a network has before its head.

    Beside them there may be layers without weights, and behind them a normalisation: then the head
    can be had in closed form, which scales the features itself.

    >>> from segue.layers import Conv, Dropout, Quant
    >>> trains_only_head([Quant(), BatchNorm(), Dropout(0.5)]), trains_only_head([Dropout(0.5)])
    (True, False)
    >>> trains_only_head([Conv(8, 3), Quant()])
    False
    """
    found = False
    for spec in _within(specs):
        if spec.inference is None:
            return False
        if spec.inference.is_untrained:
            found = True
        elif not (found and isinstance(spec, BatchNorm)) and _has_weights(spec):
            return False
    return found


def _within(specs: Iterable[LayerSpec]) -> Iterator[LayerSpec]:
    """The layers of a network, those of branches that end in parallel one after the other."""
    for spec in specs:
        if isinstance(spec, Composite):
            yield from _within(spec.expand(Shape(2)))
        elif spec.kind == "parallel":
            yield from _within(spec.sublayers())
        else:
            yield spec


def _has_weights(spec: LayerSpec) -> bool:
    """Whether layers of that kind have weights."""
    kind, none = spec.inference, InferenceLayer
    return "weight_shapes" in {n for base in kind.__mro__ if base is not none for n in vars(base)}
