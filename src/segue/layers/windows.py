"""Windows that slide over time: where they lie, and the base of the layers that have them."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from segue.data.arrays import Array
from segue.errors import DataError, SpecError
from segue.kernels.ragged import Ragged, append, last_steps, offsets_of
from segue.layers.activations import ACTIVATIONS
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.layers.inference import PieceInference
from segue.onnx_graph import Steps, Value, concat


@dataclass(frozen=True)
class Windows:
    """Windows along time, one for every `stride`-th step.

    Attributes:
        width: steps in a window.
        stride: steps from one window to the next.
        dilation: steps from one entry of a window to the next.
        only_before: whether a window ends at its own step.
        only_inside: whether a window begins at its own step, and there are those only that lie
            wholly inside the sequence.

    >>> windows = Windows(width=4, stride=2, dilation=1, only_before=False)
    >>> windows.before, windows.after
    (1, 2)
    """

    width: int
    stride: int = 1
    dilation: int = 1
    only_before: bool = False
    only_inside: bool = False

    @property
    def span(self) -> int:
        """Steps from the first to the last entry of a window, both counted."""
        return (self.width - 1) * self.dilation + 1

    @property
    def before(self) -> int:
        """Steps of a window before its own; independent of the length of the sequence."""
        if self.only_inside:
            return 0
        return self.span - 1 if self.only_before else (self.span - 1) // 2

    @property
    def after(self) -> int:
        """Steps of a window after its own."""
        return self.span - 1 - self.before

    @property
    def padding(self) -> tuple[int, int]:
        """Steps before and behind a sequence that windows see."""
        return (0, 0) if self.only_inside else (self.before, self.after)

    @property
    def least(self) -> int:
        """The length of the shortest sequence that has a window."""
        return self.span if self.only_inside else 1

    @property
    def causal(self) -> bool:
        """Whether each input step gives one output step, of that step and earlier ones only."""
        return self.after == 0 and self.stride == 1

    def lengths(self, lengths: Any) -> Any:
        """The number of windows of sequences of these lengths (an integer tensor or array)."""
        if self.stride == self.least == 1:
            return lengths
        return (lengths + (self.stride - self.least)) // self.stride

    def write_torch(self, source: TorchSource) -> None:
        """Add the lengths of the output."""
        if self.least > 1:
            source.steps.append(f"lengths = at_least(lengths, {self.least})")
        if self.stride > 1 or self.least > 1:
            more, stride = self.stride - self.least, self.stride
            source.steps.append(f"lengths = (lengths + {more}) // {stride}")

    def not_causal_message(self, name: str) -> str:
        """The message of the error for a stream: why a layer with these windows is not causal."""
        if self.stride > 1:
            return (
                f"{name} has stride={self.stride}: it gives one answer for {self.stride} steps, so "
                "it cannot go step by step. With stride=1 it can, if causal=true."
            )
        if self.only_inside:
            return (
                f"{name} has padding=valid: it has no answer for the first {self.span - 1} of the "
                "steps, so it cannot go step by step; with causal=true in its place it can."
            )
        ahead = "1 step" if self.after == 1 else f"{self.after} steps"
        return f"{name} looks {ahead} ahead, so it cannot go step by step; with causal=true it can."


Padding = Literal["same", "valid"]


def too_short(name: str, least: int, shortest: int) -> DataError:
    """The error for sequences that have no window."""
    return DataError(
        f"{name} has padding=valid: it needs sequences of at least {least} steps, and the shortest "
        f"here has {shortest}. Leave shorter ones out, or use padding=same."
    )


def check_lengths(name: str, windows: Windows, lengths: Any) -> None:
    """Raise `DataError` where one of the lengths (a tensor or array) leaves no window."""
    if windows.least > 1 and len(lengths) and int(lengths.min()) < windows.least:
        raise too_short(name, windows.least, int(lengths.min()))


class WindowSpec(LayerSpec, abc.ABC, input_kind="sequence"):
    """A layer that slides windows over time."""

    @property
    @abc.abstractmethod
    def windows(self) -> Windows:
        """Where its windows lie."""

    @property
    def is_causal(self) -> bool:
        return self.windows.causal

    def output_shape(self, context: BuildContext) -> Shape:
        windows = self.windows
        if windows.only_before and windows.only_inside:
            raise SpecError(
                f"{context.name} has causal=true, which sees zeros before the first step, and "
                "padding=valid, which sees none: choose one."
            )
        if context.shape.length is not None and context.shape.length < windows.least:
            raise SpecError(str(too_short(context.name, windows.least, context.shape.length)))
        return context.shape.windowed(windows.stride, windows.least)

    def not_causal_message(self, name: str) -> str:
        return self.windows.not_causal_message(name)


class WindowInference(PieceInference):
    """A function of windows along time; its state is the steps before the first one.

    Class attributes:
        padding: the value of these before the first step.
    """

    padding: ClassVar[float] = 0.0

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self.windows: Windows = spec.windows
        self.reach = spec.windows.span - 1
        self.activation = ACTIVATIONS["linear"]

    @abc.abstractmethod
    def slide(self, x: Ragged, out_offsets: Array, before: int) -> Ragged:
        """The output of the windows, of which the first begins `before` steps before the first."""

    def __call__(self, x: Ragged) -> Ragged:
        out_offsets, lengths = x.offsets, x.lengths
        check_lengths(self.name, self.windows, lengths)
        if self.windows.stride > 1 or self.windows.least > 1:
            out_offsets = offsets_of(self.windows.lengths(lengths))
        return self.slide(x, out_offsets, self.windows.before)

    def initial_state(self, count: int) -> Ragged:
        """The steps before the first one, `reach` of each sequence."""
        values = np.full((count * self.reach, self.inputs), self.padding, np.float32)
        return Ragged(values, self.reach * np.arange(count + 1))

    @abc.abstractmethod
    def slide_onnx(self, x: Value, pads: tuple[int, int]) -> Value:
        """The windows in an ONNX graph: `[batch, feature, time]`, with steps beyond both ends."""

    def write_onnx(self, x: Steps) -> Steps:
        windows = self.windows
        seen = x.filled(self.padding).transpose(0, 2, 1)
        found = self.slide_onnx(seen, windows.padding).transpose(0, 2, 1)
        lengths = x.lengths
        if windows.least > 1:  # of a shorter sequence there is no such entry of the table
            missing = (windows.least - lengths).clip(0, windows.least)
            lengths = lengths + lengths.graph.constant([0], np.int64).gather(missing)
        if windows.stride > 1 or windows.least > 1:
            lengths = (lengths + (windows.stride - windows.least)) // windows.stride
        return Steps(self.activation.onnx(found), lengths)

    def write_onnx_step(self, x_t: Value) -> Value:
        if not self.causal:
            raise self.not_causal()
        seen = earlier_onnx(self, x_t, self.padding)
        found: Value = self.activation.onnx(self.slide_onnx(seen, (0, 0)).squeeze(2))
        return found

    def forward_from(self, x: Ragged, state: Ragged) -> tuple[Ragged, Ragged]:
        if not self.reach:
            return self(x), state
        seen = append(state, x)
        kept = Ragged(last_steps(seen, self.reach), state.offsets)
        return self.slide(seen, x.offsets, 0), kept


def earlier_onnx(layer: Any, x_t: Value, padding: float) -> Value:
    """`[batch, feature, reach + 1]`: the steps up to this one, kept from step to step."""
    if not layer.reach:
        return x_t.unsqueeze(2)
    name, graph = f"{layer.name}/earlier", x_t.graph
    before = graph.state(name, (layer.inputs, layer.reach), padding)
    seen = concat([before, x_t.unsqueeze(2)], 2)
    graph.keep(name, seen.slice(1, layer.reach + 1, 2))
    return seen


def conv_onnx(
    x: Value,
    kernel: Array,
    bias: Array | None,
    windows: Windows,
    pads: tuple[int, int],
    *,
    groups: int = 1,
) -> Value:
    """A convolution in an ONNX graph: `[batch, in, time]` to `[batch, out, windows]`."""
    inputs = [x.graph.constant(kernel.transpose(2, 1, 0))]
    inputs += [] if bias is None else [x.graph.constant(bias)]
    steps = {"strides": [windows.stride], "dilations": [windows.dilation]}
    return x.op("Conv", *inputs, pads=list(pads), **steps, group=groups)
