"""Where the windows of a convolution or a local pooling lie, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from segue.errors import NotCausalError


@dataclass(frozen=True)
class Windows:
    """Windows along time, one for every `stride`-th step.

    Attributes:
        width: steps in a window.
        stride: steps from one window to the next.
        dilation: steps from one entry of a window to the next.
        only_before: whether a window ends at its own step.

    >>> windows = Windows(width=4, stride=2, dilation=1, only_before=False)
    >>> windows.before, windows.after
    (1, 2)
    """

    width: int
    stride: int = 1
    dilation: int = 1
    only_before: bool = False

    @property
    def span(self) -> int:
        """Steps from the first to the last entry of a window, both counted."""
        return (self.width - 1) * self.dilation + 1

    @property
    def before(self) -> int:
        """Steps of a window before its own; never a matter of how long anything is."""
        return self.span - 1 if self.only_before else (self.span - 1) // 2

    @property
    def after(self) -> int:
        """Steps of a window after its own."""
        return self.span - 1 - self.before

    @property
    def causal(self) -> bool:
        """Whether each step that comes in gives one that goes out, from what has come so far."""
        return self.after == 0 and self.stride == 1

    def lengths(self, lengths: Tensor) -> Tensor:
        """How many windows each sequence has."""
        return lengths if self.stride == 1 else (lengths + self.stride - 1) // self.stride

    def surround(self, x: Tensor, value: float) -> Tensor:
        """Put a value before and after `[batch, time, feature]`, so that all windows fit."""
        if self.span == 1:
            return x
        return functional.pad(x, (0, 0, self.before, self.after), value=value)

    def refusal(self, name: str) -> NotCausalError:
        """Say why a layer with these windows cannot go step by step."""
        if self.stride > 1:
            return NotCausalError(
                f"{name} has stride={self.stride}: it gives one answer for {self.stride} steps, so "
                "it cannot go step by step. With stride=1 it can, if causal=true."
            )
        ahead = "1 step" if self.after == 1 else f"{self.after} steps"
        return NotCausalError(
            f"{name} looks {ahead} ahead, so it cannot go step by step; with causal=true it can."
        )
