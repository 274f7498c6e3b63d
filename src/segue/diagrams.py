"""A network as a picture: a box for each layer with its name, activation, shape and parameters.

Layers flow downwards; a long network goes on in the next column. A layer that holds others is a
frame around them, with its branches side by side. Sizes are in inches, y goes downwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from segue.atomic import replacing
from segue.errors import OptionError
from segue.plots.style import BLUE, INK, MUTED, PALETTE, plain_names, styled

if TYPE_CHECKING:
    from segue.layers import Shape
    from segue.modules import Layer

WIDTH, HEIGHT = 2.15, 0.46  # of a layer's box
GAP = 0.22  # between boxes, for the arrow
PAD = 0.14  # between a frame and what is inside
TITLE, JOIN = 0.46, 0.3  # of a frame: its head, and the mark where its branches meet
MARGIN = 0.2
COLUMN = 7.0  # a column that is higher goes on beside itself

FORMATS = ("svg", "png", "pdf")
GREY, PALE_BLUE, GREEN, WHITE = "#eef0f2", "#e3eff7", "#e0f2ec", "#ffffff"
MARKS = {"concat": "side by side", "sum": "+", "mean": "mean"}


# -- what is drawn ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """One box, or a frame with branches.

    Attributes:
        name: the layer's, without the path to it.
        shape: of what comes out.
        parameters: how many there are in it.
        activation: what its output goes through; nothing where that is linear.
        colour: of the box.
        branches: the chains inside; an empty one is a way around.
        join: how branches meet.
    """

    name: str
    shape: str
    parameters: int
    colour: str = WHITE
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
    count = sum(p.numel() for p in layer.parameters())
    chains: Iterable[Iterable[Any]] = getattr(layer, "chains", None) or [layer.sublayers()]
    branches = tuple(tuple(block_of(one) for one in chain) for chain in chains)
    held = any(branches)
    colour = GREEN if layer.name == "head" else PALE_BLUE if count and not held else WHITE
    merge = getattr(layer, "merge", "") if held and len(branches) > 1 else ""
    return Block(
        layer.name.rpartition("/")[2],
        str(layer.shape),
        count,
        colour,
        branches if held else (),
        MARKS.get(merge, merge),
        _activation_of(layer),
    )


def _activation_of(layer: Layer) -> str:
    """What its name does not say already, as that of `relu_1` does."""
    kind = str(getattr(getattr(layer, "activation", None), "kind", "linear"))
    return "" if kind == "linear" or layer.name.rpartition("/")[2].startswith(kind) else kind


def columns_of(blocks: Sequence[Block]) -> list[list[Block]]:
    """Cut a chain into as few columns as are readable, none of them much higher than the others."""
    total = stack_size(blocks)[1]
    tallest = max(block.size[1] for block in blocks)
    count = max(1, round(total / max(COLUMN, tallest)))
    limit = max(total / count, tallest)
    while len(columns := _filled_up_to(limit, blocks)) > count:
        limit += HEIGHT / 2
    return columns


def _filled_up_to(limit: float, blocks: Sequence[Block]) -> list[list[Block]]:
    """Columns of at most this height."""
    columns: list[list[Block]] = [[]]
    for block in blocks:
        if columns[-1] and stack_size([*columns[-1], block])[1] > limit:
            columns.append([])
        columns[-1].append(block)
    return columns


# -- drawing ------------------------------------------------------------------------------------


@styled
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
    if path is not None:
        _check_ending(Path(path))
    blocks = [Block("input", str(input_shape), 0, GREY), *(block_of(one) for one in layers)]
    columns = columns_of(blocks)
    sizes = [stack_size(column) for column in columns]
    width = sum(w for w, _ in sizes) + 2 * GAP * (len(sizes) - 1) + 2 * MARGIN
    height = max(h for _, h in sizes) + 2 * MARGIN + (2 * GAP if len(columns) > 1 else 0)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    _draw_columns(axes, columns, sizes)
    if path is not None:
        _save(figure, Path(path))
    return figure


def _draw_columns(axes: Axes, columns: list[list[Block]], sizes: list[tuple[float, float]]) -> None:
    left = MARGIN
    top = MARGIN + (GAP if len(columns) > 1 else 0)
    before: tuple[float, float] | None = None
    for column, (width, height) in zip(columns, sizes, strict=True):
        middle = left + width / 2
        if before is not None:
            _line_to_the_next_column(axes, before, (middle, top), left - GAP)
        _draw_stack(axes, column, middle, top)
        before = (middle, top + height)
        left += width + 2 * GAP


def _line_to_the_next_column(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], between: float
) -> None:
    """Down, right, up beside the column, right, and down into the next one."""
    xs = [start[0], start[0], between, between, end[0], end[0]]
    ys = [start[1], start[1] + GAP / 2, start[1] + GAP / 2, end[1] - GAP, end[1] - GAP, end[1]]
    axes.plot(xs[:-1], ys[:-1], color=MUTED, lw=0.9, solid_joinstyle="round")
    _arrow(axes, end[0], end[1] - GAP, end[1])


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
    width, height = block.size
    left = middle - width / 2
    box = FancyBboxPatch(
        (left, top),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor=block.colour,
        edgecolor=MUTED if not block.branches else BLUE,
        linewidth=0.8,
    )
    axes.add_patch(box)
    _write(axes, block, left, top, width)
    if block.branches:
        _draw_branches(axes, block, middle, top)


def _write(axes: Axes, block: Block, left: float, top: float, width: float) -> None:
    room = 26 - (len(block.activation) + 1 if block.activation else 0)
    name = plain_names([block.name], room)[0]
    first, second = top + 0.15, top + 0.33
    axes.text(left + 0.09, first, name, fontsize=8.5, fontweight="bold", va="center", color=INK)
    axes.text(left + 0.09, second, block.shape, fontsize=7.5, va="center", color=MUTED)
    if block.activation:
        right = left + width - 0.09
        axes.text(right, first, block.activation, fontsize=7.5, va="center", ha="right", color=INK)
    if block.parameters:
        count = f"{block.parameters:,} parameters"
        right = left + width - 0.09
        axes.text(right, second, count, fontsize=7.5, va="center", ha="right", color=MUTED)


def _draw_branches(axes: Axes, block: Block, middle: float, top: float) -> None:
    """The branches side by side, lines from the frame's head to each, and where they meet."""
    sizes = [stack_size(branch) for branch in block.branches]
    left = middle - (sum(w for w, _ in sizes) + PAD * (len(sizes) - 1)) / 2
    begin = top + TITLE
    end = begin + max(h for _, h in sizes) + 2 * GAP
    middles = []
    for branch, (width, _) in zip(block.branches, sizes, strict=True):
        middles.append(left + width / 2)
        if branch:
            _arrow(axes, middles[-1], begin, begin + GAP)
        bottom = _draw_stack(axes, branch, middles[-1], begin + GAP) if branch else begin
        axes.plot([middles[-1]] * 2, [bottom, end], color=MUTED, lw=0.9)
        left += width + PAD
    for height in (begin, end) if len(middles) > 1 else ():
        axes.plot([middles[0], middles[-1]], [height] * 2, color=MUTED, lw=0.9)
    if block.join:
        axes.text(
            middle,
            end + JOIN / 2 - 0.01,
            block.join,
            fontsize=8.0,
            ha="center",
            va="center",
            color=PALETTE[0],
        )


def _arrow(axes: Axes, x: float, start: float, end: float) -> None:
    axes.annotate(
        "",
        (x, end),
        (x, start),
        arrowprops={
            "arrowstyle": "-|>",
            "color": MUTED,
            "lw": 0.9,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 8,
        },
    )


# -- files --------------------------------------------------------------------------------------


def _check_ending(path: Path) -> None:
    if path.suffix.lower().removeprefix(".") not in FORMATS:
        raise OptionError(
            f"{path} has the ending {path.suffix or '(none)'!r}; expected "
            f"{', '.join('.' + name for name in FORMATS)}."
        )


def _save(figure: Figure, path: Path) -> None:
    """The same network gives the same bytes of SVG."""
    kind = path.suffix.lower().removeprefix(".")
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    with mpl.rc_context({"svg.hashsalt": "segue"}), replacing(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=150, metadata=metadata)
