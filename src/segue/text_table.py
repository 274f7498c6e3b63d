"""Tables: plain text for terminals, HTML for notebooks; characters that would command a terminal.

What commands a terminal is made visible.
"""

from __future__ import annotations

import html
import math
import os
import re
import textwrap
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TextIO

# Control characters, and those that change the direction of all that follows.
_COMMANDS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str, keep: str = "\n\t") -> str:
    r"""Write characters that command a terminal as escapes, so that names cannot.

    Args:
        text: what is to be shown.
        keep: control characters that stay.

    >>> print(visible("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return _COMMANDS.sub(lambda one: one[0] if one[0] in keep else _escape(ord(one[0])), text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def folded(text: str, stream: TextIO, indent: int = 0) -> str:
    """Fold lines between words, where they are longer than the terminal is wide.

    What stands in backticks, such as a command, is not folded. A row of a table is continued below
    its last column, unless that begins too far to the right.

    Args:
        text: lines.
        stream: where they will be written; unless it is a terminal they stay as they are.
        indent: blanks before what is continued.
    """
    width = 0
    with suppress(OSError, ValueError):  # no terminal, or none that has a width
        width = os.get_terminal_size(stream.fileno()).columns
    if width <= 2 * indent:
        return text
    whole, lines = re.sub("`[^`]*`", lambda command: command[0].replace(" ", "\0"), text), []
    for line in whole.split("\n"):
        columns = [gap.end() for gap in re.finditer(r"(?<=\S) {2,}", line)]
        begin = max([indent, *(column for column in columns if 4 * column <= 3 * width)])
        fold = textwrap.TextWrapper(
            width, subsequent_indent=" " * begin, break_long_words=False, break_on_hyphens=False
        )
        lines.append(line if len(line) <= width else fold.fill(line))
    return "\n".join(lines).replace("\0", " ")


def number(value: float | None) -> str:
    """Four digits behind the point, or as many digits in all for what is large.

    >>> number(0.97123), number(14.5312), number(None)
    ('0.9712', '14.53', '-')
    """
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}"


def text_table(rows: Iterable[Sequence[str]], align: str = "<>") -> str:
    """Write the cells of rows below each other, two spaces between the columns.

    Args:
        rows: the cells; as many in each row.
        align: "<" (left) or ">" (right) for each column; the last one holds for all further ones.

    >>> print(text_table([["size", "accuracy"], ["20", "0.5"], ["100", "0.75"]]))
    size  accuracy
    20         0.5
    100       0.75
    >>> text_table([])
    ''
    """
    rows = [[visible(cell, keep="") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = zip(align.ljust(len(widths), align[-1]), widths, strict=False)
    formats = [f"{side}{width}" for side, width in sides]
    return "\n".join("  ".join(map(format, row, formats)).rstrip() for row in rows)


Picture = tuple[str, Sequence[Sequence[float]]]  # a caption and curves that share their axes

_COLOURS = ("#4269d0", "#e07b39", "#3ca951", "#a463f2", "#ff725c", "#6cc5b0", "#9c6b4e")
_WIDTH, _HEIGHT = 180, 44  # of a small picture, in pixels
_SCALE = 52  # of the numbers beside it


def html_card(
    title: str,
    rows: Iterable[Sequence[object]],
    pictures: Iterable[Picture] = (),
    legend: Sequence[str] = (),
) -> str:
    """A small table for a notebook, with small pictures of curves beside one another above it.

    Args:
        title: its heading.
        rows: a heading and values each.
        pictures: a caption and the curves of each picture, which share their axes; NaN is a gap.
        legend: the names of the curves, the same in all pictures.

    >>> html_card("a < b", [("n", 3)])[-60:]
    '>n</th><td style="text-align:left">3</td></tr></table></div>'
    """
    cells = "".join(
        f'<tr><th scope="row" style="text-align:left">{html_text(name)}</th>'
        + "".join(f'<td style="text-align:left">{html_text(value)}</td>' for value in values)
        + "</tr>"
        for name, *values in rows
    )
    drawn = html_pictures(pictures, legend)
    return f"<div><strong>{html_text(title)}</strong>{drawn}<table>{cells}</table></div>"


def html_text(value: object) -> str:
    """A value as text within HTML, which can command neither the page nor a terminal."""
    return html.escape(visible(str(value), keep=""))


def html_pictures(pictures: Iterable[Picture], legend: Sequence[str] = ()) -> str:
    """Small pictures of curves beside one another; the arguments are those of `html_card`."""
    drawn = "".join(
        f'<figure style="display:inline-block;margin:4px 12px 4px 0">{_curves(curves)}'
        f"<figcaption>{html_text(caption)}</figcaption></figure>"
        for caption, curves in pictures
    )
    names = "".join(
        f'<span style="margin-right:12px"><span style="color:{colour}">&#9644;</span> '
        f"{html_text(name)}</span>"
        for name, colour in zip(legend, _COLOURS, strict=False)
    )
    return drawn and f"<div>{drawn}{names and f'<div>{names}</div>'}</div>"


def _curves(curves: Sequence[Sequence[float]]) -> str:
    """An SVG picture of lines with common axes, and the values at its upper and lower edge."""
    longest = max(map(len, curves), default=0)
    curves = [curve[:: max(1, longest // _WIDTH)] for curve in curves]
    finite = [value for curve in curves for value in curve if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    longest = max(map(len, curves), default=0)
    parts = []
    for curve, colour in zip(curves, _COLOURS, strict=False):
        points, pen = [], "M"
        for step, value in enumerate(curve):
            if not math.isfinite(value):
                pen = "M"
                continue
            x = _WIDTH * (step + 0.5) / longest
            y = 2 + (_HEIGHT - 4) * (1 - (value - low) / ((high - low) or 1.0))
            points.append(f"{pen}{x:.1f},{y:.1f}")
            pen = "L"
        look = f'fill="none" stroke="{colour}" stroke-width="1.5"'
        parts.append(f'<path d="{"".join(points)}" {look}/>')
    for y, text in {_HEIGHT - 2: f"{low:.3g}", 9: f"{high:.3g}"}.items() if finite else ():
        look = 'font-size="10" fill="currentColor" opacity="0.7"'
        parts.append(f'<text x="{_WIDTH + 4}" y="{y}" {look}>{text}</text>')
    size = f'width="{_WIDTH + _SCALE}" height="{_HEIGHT}"'
    return f'<svg {size} role="img">{"".join(parts)}</svg>'
