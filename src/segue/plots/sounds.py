"""Pictures of sound: a clip with its labels, and spectrograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from segue.plots.style import INK, MUTED, PALETTE, RULE, new_axes, plain_names, styled

if TYPE_CHECKING:
    from segue.sonify import Clip

Array = npt.NDArray[Any]

_POINTS = 2000  # across the picture
_NAMED = 40  # spans that are named in the picture; more would overlap


@styled
def plot_clip(clip: Clip, *, axes: Axes | None = None) -> Axes:
    """Draw a clip over time in seconds: one colour a label, each span under its name.

    Spans that overlap stand in rows above each other, over the sum of all.

    Args:
        clip: from `segue.sonify.make_clip`.
        axes: axes to draw into.
    """
    rows = _rows(clip)
    count = max(rows, default=0) + 1
    axes = new_axes(9.6, 2.3 + 0.17 * count) if axes is None else axes
    edges, low, high = _envelope(clip.samples)
    axes.fill_between(edges / clip.rate_hz, low, high, color=MUTED, lw=0.5, step="post")
    labels = [name for name in dict.fromkeys(span.label for span in clip.spans) if name]
    height = 0.24  # of a row of labels, above the largest value
    for span, row in zip(clip.spans, rows, strict=True):
        colour = PALETTE[labels.index(span.label) % len(PALETTE)] if span.label else RULE
        width = span.stop - span.start
        bottom = 1.1 + row * height
        if span.label or not labels:
            axes.barh(bottom, width, 0.85 * height, left=span.start, align="edge", color=colour,
                      alpha=0.55, lw=0)  # fmt: skip
        if count == 1 and span.label:
            axes.axvspan(span.start, span.stop, color=colour, alpha=0.15, lw=0)
        room = int(110 * width / max(clip.seconds, 1e-9))
        text = span.label or ("" if labels else span.id)
        if text and room > min(2, len(text)) and len(clip.spans) <= _NAMED:
            left = span.start + 0.004 * clip.seconds
            place = bottom + 0.4 * height
            (short,) = plain_names([text], room)
            axes.text(left, place, short, fontsize=7.5, color=INK, va="center")
    axes.set_xlim(0, max(clip.seconds, 1e-9))
    axes.set_ylim(-1.05, 1.1 + count * height)
    axes.set_yticks([-1.0, -0.5, 0.0, 0.5, 1.0])
    axes.set_xlabel("seconds")
    axes.set_ylabel("value")
    _legend(axes, labels if len(clip.spans) > _NAMED else [])
    return axes


def _rows(clip: Clip) -> list[int]:
    """Spans that overlap stand in different rows."""
    ends: list[float] = []
    rows = []
    for span in clip.spans:
        row = next((r for r, end in enumerate(ends) if end <= span.start + 1e-9), len(ends))
        ends[row : row + 1] = [span.stop]
        rows.append(row)
    return rows


def _envelope(samples: Array) -> tuple[Array, Array, Array]:
    """Where each stretch begins, its smallest and its largest value."""
    edges = np.unique(np.linspace(0, len(samples), _POINTS + 1).astype(np.int64))[:-1]
    if len(edges) == 0:
        return np.zeros(1), np.zeros(1), np.zeros(1)
    return edges, np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)


def _legend(axes: Axes, labels: list[str]) -> None:
    if not labels:
        return
    from matplotlib.patches import Patch

    handles = [
        Patch(color=PALETTE[number % len(PALETTE)], alpha=0.55, label=name)
        for number, name in enumerate(labels[:12])
    ]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=6)
