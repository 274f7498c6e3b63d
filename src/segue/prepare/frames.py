"""Frames: overlapping pieces of a sequence as its steps."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segue.data.sequences import Array
from segue.onnx_graph import Steps, Value, largest, smallest
from segue.prepare.steps import Ragged, StepSpec, StepStream
from segue.spec import Size

Lengths = npt.NDArray[np.int64]

# Values of frames that are worked on at once: 16 MB of float64.
_VALUES_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Framing:
    """Where the frames of a sequence lie.

    Attributes:
        frame: samples of a frame.
        hop: samples from the beginning of one frame to that of the next.
        centred: frame t lies around sample t * hop, with zeros beyond both ends of the sequence;
            else it begins there.
        end: of frames that are not centred: "drop" leaves out what does not fill a last frame,
            "pad" fills it up with zeros. A sequence shorter than one frame is one frame, filled up.
    """

    frame: int
    hop: int
    centred: bool = False
    end: Literal["drop", "pad"] = "drop"

    @property
    def left(self) -> int:
        """Zeros before the first sample."""
        return self.frame // 2 if self.centred else 0

    def counts(self, lengths: Lengths) -> Lengths:
        """`[n]`, how many frames sequences of these lengths have.

        >>> Framing(4, 2).counts(np.array([0, 1, 4, 5, 6])).tolist()
        [0, 1, 1, 1, 2]
        >>> Framing(4, 2, end="pad").counts(np.array([0, 1, 4, 5, 6])).tolist()
        [0, 1, 1, 2, 2]
        """
        beyond = np.maximum(lengths + 2 * self.left - self.frame, 0)
        if self.end == "drop" or self.centred:
            counts = 1 + beyond // self.hop
        else:
            # A frame must begin inside: there may be a gap between frames.
            counts = np.minimum(1 - (-beyond // self.hop), -(-lengths // self.hop))
        return np.where(lengths > 0, counts, 0)

    def samples(self, counts: Lengths) -> Lengths:
        """`[n]`, how many samples there are when so many frames are complete.

        >>> Framing(4, 2).samples(np.array([1, 2])).tolist()
        [4, 6]
        """
        return np.where(counts > 0, self.frame - self.left + (counts - 1) * self.hop, 0)

    def frames(self, values: Array, lengths: Lengths) -> Iterator[Array]:
        """Go through the frames of all sequences in order: `[frames, channel, frame]` at a time."""
        counts = self.counts(lengths)
        flat, begins = self._padded(values, lengths, counts)
        starts = np.repeat(begins, counts) + self.hop * _within(counts)
        if len(starts) == 0:
            return
        windows = np.lib.stride_tricks.sliding_window_view(flat, self.frame, axis=0)
        size = max(1, _VALUES_AT_ONCE // (self.frame * values.shape[1]))
        for first in range(0, len(starts), size):
            yield windows[starts[first : first + size]]

    def frames_onnx(self, x: Steps) -> tuple[Value, Value]:
        """In an ONNX graph: `[batch, frames, channel, frame]`, and how many each sequence has."""
        beyond = largest(x.lengths + (2 * self.left - self.frame), 0)
        if self.end == "drop" or self.centred:
            counts = beyond // self.hop + 1
        else:
            counts = (beyond + (self.hop - 1)) // self.hop + 1
            counts = smallest(counts, (x.lengths + (self.hop - 1)) // self.hop)
        graph = x.values.graph
        starts = graph.range(counts.max(0, keepdims=True)) * self.hop - self.left
        samples = starts.unsqueeze(1) + np.arange(self.frame)
        inside = (samples >= 0) & (samples < x.values.size(1))
        found = x.filled(0.0).gather(inside.where(samples, 0), 1)
        return inside.unsqueeze(0, 3).where(found, 0.0).transpose(0, 1, 3, 2), counts

    def _padded(self, values: Array, lengths: Lengths, counts: Lengths) -> tuple[Array, Lengths]:
        """The values with zeros where frames reach beyond them, and where each sequence begins."""
        begins = np.cumsum(lengths) - lengths
        needed = np.where(counts > 0, (counts - 1) * self.hop + self.frame, 0)
        if self.left == 0 and (needed <= lengths).all():
            return values, begins
        starts = np.cumsum(needed) - needed
        flat = np.zeros((int(needed.sum()), values.shape[1]), values.dtype)
        kept = np.minimum(lengths, np.maximum(needed - self.left, 0))
        indices = np.repeat(starts + self.left, kept) + _within(kept)
        flat[indices] = values[np.repeat(begins, kept) + _within(kept)]
        return flat, starts


def _within(counts: Lengths) -> Lengths:
    """0, 1, ... of each of the counts, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


class FramedStep(StepSpec, abc.ABC):
    """A preparation step that makes one step of each frame."""

    @property
    @abc.abstractmethod
    def framing(self) -> Framing:
        """Where the frames lie."""

    @abc.abstractmethod
    def of_frames(self, frames: Array) -> Array:
        """Transform frames: `[frames, channel, frame]` to `[frames, channel, feature]`."""

    @abc.abstractmethod
    def of_frames_onnx(self, frames: Value) -> Value:
        """The same in an ONNX graph, of `[batch, frames, channel, frame]`."""

    @abc.abstractmethod
    def features(self) -> int:
        """The number of features of one channel of a frame."""

    @property
    def causal(self) -> bool:
        return not self.framing.centred and self.framing.end == "drop"

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        values, lengths = x
        counts = self.framing.counts(lengths)
        shape = int(counts.sum()), self.channels(values.shape[1], fitted)
        made = np.empty(shape, values.dtype)
        first = 0
        for frames in self.framing.frames(values, lengths):
            made[first : first + len(frames)] = self._flat(frames)
            first += len(frames)
        return made, counts

    def write_onnx(self, x: Steps, fitted: dict[str, Array], channels: int) -> Steps:
        frames, counts = self.framing.frames_onnx(x)
        made = self.of_frames_onnx(frames).cast(x.values.dtype)
        return Steps(made.reshape(0, 0, -1), counts)

    def _flat(self, frames: Array) -> Array:
        made = self.of_frames(frames).reshape(len(frames), frames.shape[1] * self.features())
        return made.astype(frames.dtype, copy=False)

    def channels(self, channels: int, fitted: dict[str, Array]) -> int:
        return channels * self.features()

    def steps(self, lengths: Lengths) -> Lengths:
        return self.framing.counts(lengths)

    def input_steps(self, steps: Lengths) -> Lengths:
        return self.framing.samples(steps)

    def rate_after(self, rate_hz: float | None) -> float | None:
        return None if rate_hz is None else rate_hz / self.framing.hop

    def write_torch(self, source: Any, fitted: dict[str, Array]) -> None:
        framing = self.framing
        sizes = f"{framing.frame}, {framing.hop}, {framing.left}, {framing.end == 'pad'}"
        source.steps.append(f"x, lengths = frames(x, lengths, {sizes})")
        self.write_torch_features(source)
        source.steps.append("x = x.flatten(2)")

    @abc.abstractmethod
    def write_torch_features(self, source: Any) -> None:
        """Add `of_frames` to plain PyTorch source; `x` is `[batch, frame, channel, sample]`."""

    def stream(self, fitted: dict[str, Array]) -> StepStream:
        self.check_causal()
        return FrameStream(self.framing, self._flat)

    def causal_instead(self) -> str:
        return "centred=false" if self.framing.centred else "end=drop"


class FrameStream(StepStream):
    """Keeps the samples that later frames need."""

    def __init__(self, framing: Framing, apply: Callable[[Array], Array]) -> None:
        super().__init__(apply)  # to frames
        self._framing = framing
        self._kept: Array | None = None  # from the beginning of the next frame on
        self._skip = 0  # samples between frames that are still to come
        self._begun = False  # whether there has been a frame

    def push(self, values: Array) -> Array:
        frame, hop = self._framing.frame, self._framing.hop
        skipped = min(self._skip, len(values))
        self._skip -= skipped
        values = values[skipped:]
        kept = values if self._kept is None else np.concatenate([self._kept, values])
        count = max(0, 1 + (len(kept) - frame) // hop)
        self._begun = self._begun or count > 0
        self._skip += max(0, count * hop - len(kept))
        self._kept = kept[count * hop :]
        if count == 0:
            return self._apply(np.zeros((0, kept.shape[1], frame), kept.dtype))
        windows = np.lib.stride_tricks.sliding_window_view(kept, frame, axis=0)
        return self._apply(windows[: (count - 1) * hop + 1 : hop])

    def tail(self) -> Array | None:
        if self._begun or self._kept is None or len(self._kept) == 0:
            return None
        missing = self._framing.frame - len(self._kept)
        return self._apply(np.pad(self._kept, ((0, missing), (0, 0))).T[None])

    def state(self) -> tuple[Array, ...]:
        kept = np.empty((0, 0)) if self._kept is None else self._kept
        return kept, np.array([self._skip, self._begun], np.int64)

    def restore(self, state: tuple[Array, ...]) -> None:
        kept, (skip, begun) = state
        self._kept = kept if kept.shape[1] else None
        self._skip, self._begun = int(skip), bool(begun)


@dataclass(frozen=True)
class Frame(FramedStep, kind="frame"):
    """`frame(n)`: n steps become one step of n values for each channel.

    Samples that do not fill a last frame are left out, so that no frame changes when more samples
    come; a sequence shorter than one frame is filled up with zeros.

    Args:
        n: steps of a frame.
        hop: from the beginning of one frame to that of the next; n if left out.
        end: "pad" fills a last frame up with zeros in place of leaving it out ("drop").
    """

    n: Size
    hop: Size | None = None
    end: Literal["drop", "pad"] = "drop"

    @property
    def framing(self) -> Framing:
        return Framing(self.n, self.hop or self.n, end=self.end)

    def features(self) -> int:
        return self.n

    def of_frames(self, frames: Array) -> Array:
        return frames

    def of_frames_onnx(self, frames: Value) -> Value:
        return frames

    def write_torch_features(self, source: Any) -> None:
        pass
