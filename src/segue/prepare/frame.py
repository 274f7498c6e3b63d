"""Runs of samples side by side, as one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from segue.prepare.framing import FramedStep, Framing
from segue.prepare.steps import Array
from segue.spec import Count


@dataclass(frozen=True)
class Frame(FramedStep):
    """`frame(n)`: n steps become one step of n values for each channel.

    Samples that do not fill a last frame are left out, so that no frame changes when more samples
    come; a sequence shorter than one frame is filled up with zeros.

    Args:
        n: steps of a frame.
        hop: from the beginning of one frame to that of the next; n if left out.
        end: "pad" fills a last frame up with zeros in place of leaving it out ("drop").
    """

    kind: ClassVar[str] = "frame"

    n: Count
    hop: Count | None = None
    end: Literal["drop", "pad"] = "drop"

    @property
    def framing(self) -> Framing:
        return Framing(self.n, self.hop or self.n, end=self.end)

    def features(self) -> int:
        return self.n

    def of_frames(self, frames: Array) -> Array:
        return frames
