"""Network diagrams: a box for each layer with its name, activation, shape and parameters.

Layers flow downwards; a long network goes on in the next column. A layer that holds others is a
frame around them, with its branches side by side. Sizes are in inches, y goes downwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from segue.atomic import replacing
from segue.errors import OptionError
from segue.plots import style
from segue.plots.style import BLUE, INK, MUTED

# Of segue.layers and segue.modules, packages above this one.
Shape = Any
Layer = Any


WIDTH, HEIGHT = 2.15, 0.46  # of a layer's box
GAP = 0.22  # between boxes, for the arrow
PAD = 0.14  # between a frame and what is inside
TITLE, JOIN = 0.46, 0.3  # of a frame: its head, and the mark where its branches meet
MARGIN = 0.2
COLUMN = 7.0  # a column that is higher goes on beside itself

FORMATS = ("svg", "png", "pdf")
BOXES = GREY, PALE_BLUE, GREEN, PALE = "#eef0f2", "#e3eff7", "#e0f2ec", "#fbfcfd"
MARKS = {"concat": "side by side", "sum": "+", "mean": "mean", "product": "\u00d7"}


# -- what is drawn ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """One box, or a frame with branches.

    Attributes:
        name: the layer's, without the path to it.
        shape: of the output.
        parameters: how many there are in it.
        activation: of its output; empty where that is linear.
        colour: of the box.
        branches: the chains inside; an empty one is a way around.
        join: how branches meet.
    """

    name: str
    shape: str
    parameters: int
    colour: str = PALE
    branches: tuple[tuple[Block, ...], ...] = ()
    join: str = ""
    activation: str = ""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        if not self.branches:
            return WIDTH, HEIGHT
        sizes = [stack_size(branch) for branch in self.branches]
        width = sum(w for w, _ in sizes) + PAD * (len(sizes) + 1)
        height = TITLE + max(h for _, h in sizes) + 2 * GAP
        return max(WIDTH, width), height + (JOIN if self.join else 0)


def stack_size(blocks: Sequence[Block]) -> tuple[float, float]:
    """Width and height of blocks one below the other; of none, that of a line."""
    if not blocks:
        return 0.4, 0.0
    sizes = [block.size for block in blocks]
    return max(w for w, _ in sizes), sum(h for _, h in sizes) + GAP * (len(sizes) - 1)


def block_of(layer: Layer) -> Block:
    """The block of a layer and of all that it holds."""
    name, count = layer.name.rpartition("/")[2], layer.parameters
    branches = tuple(tuple(block_of(one) for one in chain) for chain in layer.chains)
    branches = branches if any(branches) else ()
    merge = layer.merge if len(branches) > 1 else ""
    colour = GREEN if layer.name == "head" else PALE_BLUE if count and not branches else PALE
    activation = "linear" if layer.activation is None else layer.activation.kind
    if activation == "linear" or name.startswith(activation):  # as the name `relu_1` does
        activation = ""
    join = MARKS.get(merge, merge)
    return Block(name, str(layer.shape), count, colour, branches, join, activation)


def columns_of(blocks: Sequence[Block]) -> list[list[Block]]:
    """Cut a chain into as few columns as are readable, none of them much higher than the others."""
    total = stack_size(blocks)[1]
    tallest = max(block.size[1] for block in blocks)
    count = max(1, round(total / max(COLUMN, tallest)))
    limit = max(total / count, tallest)
    while True:
        columns: list[list[Block]] = [[]]
        for block in blocks:
            if columns[-1] and stack_size([*columns[-1], block])[1] > limit:
                columns.append([])
            columns[-1].append(block)
        if len(columns) <= count:
            return columns
        limit += HEIGHT / 2


# -- drawing ------------------------------------------------------------------------------------


@style.styled()
def draw_network(
    input_shape: Shape, layers: Iterable[Layer], path: str | Path | None = None
) -> Figure:
    """Draw a network.

    Args:
        input_shape: of one example.
        layers: the chain, the head last.
        path: a file to be written, `.svg`, `.png` or `.pdf`.

    Returns:
        The figure; a notebook shows it.

    Raises:
        OptionError: a path with another ending.
        WriteError: the disk is full or read-only.
    """
    path = None if path is None else Path(path)
    kind = "" if path is None else path.suffix.lower().removeprefix(".")
    if path is not None and kind not in FORMATS:
        raise OptionError(
            f"{path} has the ending {path.suffix or '(none)'!r}; expected "
            f"{', '.join('.' + name for name in FORMATS)}."
        )
    blocks = [Block("input", str(input_shape), 0, GREY), *(block_of(one) for one in layers)]
    columns = columns_of(blocks)
    sizes = [stack_size(column) for column in columns]
    top = MARGIN + (GAP if len(columns) > 1 else 0)
    width = sum(w for w, _ in sizes) + 2 * GAP * (len(sizes) - 1) + 2 * MARGIN
    height = max(h for _, h in sizes) + 2 * top
    figure = style.ShownFigure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    left, before, end = MARGIN, 0.0, 0.0
    for number, (column, (width, height)) in enumerate(zip(columns, sizes, strict=True)):
        middle = left + width / 2
        if number:  # down, right, up beside the column, right, and down into it
            between, turn = left - GAP, end + GAP / 2
            xs = [before, before, between, between, middle]
            ys = [end, turn, turn, top - GAP, top - GAP]
            axes.plot(xs, ys, color=MUTED, lw=0.9, solid_joinstyle="round")
            _arrow(axes, middle, top - GAP, top)
        _draw_stack(axes, column, middle, top)
        before, end = middle, top + height
        left += width + 2 * GAP
    if path is not None:  # the same network gives the same bytes of SVG
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
        with mpl.rc_context({"svg.hashsalt": "segue"}), replacing(path) as temporary:
            figure.savefig(temporary, format=kind, dpi=150, metadata=metadata)
    return figure


def _draw_stack(axes: Axes, blocks: Sequence[Block], middle: float, top: float) -> float:
    """Draw blocks one below the other; return where the last one ends."""
    for number, block in enumerate(blocks):
        if number:
            _arrow(axes, middle, top, top + GAP)
            top += GAP
        _draw_block(axes, block, middle, top)
        top += block.size[1]
    return top


def _draw_block(axes: Axes, block: Block, middle: float, top: float) -> None:
    """A box with the name and activation, below them the shape and the number of parameters."""
    width, height = block.size
    left = middle - width / 2
    look: Any = {"facecolor": block.colour, "edgecolor": BLUE if block.branches else MUTED}
    look |= {"boxstyle": "round,pad=0,rounding_size=0.06", "linewidth": 0.8}
    axes.add_patch(FancyBboxPatch((left, top), width, height, **look))
    room = 26 - (len(block.activation) + 1 if block.activation else 0)
    name = style.plain_name(block.name, room)
    count = f"{block.parameters:,} parameters" if block.parameters else ""
    bold: dict[str, Any] = {"fontsize": 8.5, "fontweight": "bold", "color": INK}
    parts: Any = (
        (name, 0.15, "left", bold),
        (block.shape, 0.33, "left", {"color": MUTED}),
        (block.activation, 0.15, "right", {"color": INK}),
        (count, 0.33, "right", {"color": MUTED}),
    )
    for text, down, side, more in parts:
        x = left + 0.09 if side == "left" else left + width - 0.09
        if text:
            axes.text(x, top + down, text, ha=side, va="center", **{"fontsize": 7.5} | more)
    if block.branches:
        _draw_branches(axes, block, middle, top + TITLE)


def _draw_branches(axes: Axes, block: Block, middle: float, begin: float) -> None:
    """The branches side by side, lines from the frame's head to each, and where they meet."""
    sizes = [stack_size(branch) for branch in block.branches]
    left = middle - (sum(w for w, _ in sizes) + PAD * (len(sizes) - 1)) / 2
    end = begin + max(h for _, h in sizes) + 2 * GAP
    middles = []
    for branch, (width, _) in zip(block.branches, sizes, strict=True):
        middles.append(left + width / 2)
        bottom = begin
        if branch:
            _arrow(axes, middles[-1], begin, begin + GAP)
            bottom = _draw_stack(axes, branch, middles[-1], begin + GAP)
        axes.plot([middles[-1]] * 2, [bottom, end], color=MUTED, lw=0.9)
        left += width + PAD
    for height in (begin, end) if len(middles) > 1 else ():
        axes.plot([middles[0], middles[-1]], [height] * 2, color=MUTED, lw=0.9)
    look: Any = {"fontsize": 8.0, "ha": "center", "va": "center", "color": BLUE}
    axes.text(middle, end + JOIN / 2 - 0.01, block.join, **look)


def _arrow(axes: Axes, x: float, start: float, end: float) -> None:
    """Down to `end`."""
    look = {"arrowstyle": "-|>", "color": MUTED, "lw": 0.9, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (x, end), (x, start), arrowprops={**look, "mutation_scale": 8})
