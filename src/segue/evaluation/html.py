"""The few pieces of HTML that a report is made of. Whatever comes in as text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from matplotlib.axes import Axes

from segue.evaluation.svg import to_svg


def section(name: str, heading: str, *contents: str) -> str:
    """Return a section with an anchor; none if all contents are empty."""
    inside = "\n".join(content for content in contents if content)
    if not inside:
        return ""
    return f'<section id="{name}">\n<h2>{escape(heading)}</h2>\n{inside}\n</section>'


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph; `kind` is a class of the style sheet."""
    return f"<p{_class(kind)}>{escape(text)}</p>"


def table(
    headings: Sequence[str], rows: Iterable[Sequence[Any]], *, numbers: Sequence[int] = ()
) -> str:
    """Return a table that scrolls inside its own box where the page is narrow.

    Args:
        headings: one a column; empty for a table without a head.
        rows: the first cell of each is its heading.
        numbers: the columns that hold numbers, to be aligned on the right.
    """
    head = ""
    if headings:
        cells = (
            f'<th scope="col"{_number(i, numbers)}>{escape(text)}</th>'
            for i, text in enumerate(headings)
        )
        head = f"<thead><tr>{''.join(cells)}</tr></thead>\n"
    body = "\n".join(_row(row, numbers) for row in rows)
    return f'<div class="scroll"><table>\n{head}<tbody>\n{body}\n</tbody></table></div>'


def _row(row: Sequence[Any], numbers: Sequence[int]) -> str:
    first, *others = (escape(str(cell)) for cell in row)
    cells = "".join(
        f"<td{_number(i, numbers)}>{cell}</td>" for i, cell in enumerate(others, start=1)
    )
    return f'<tr><th scope="row">{first}</th>{cells}</tr>'


def picture(axes: Axes, name: str, caption: str, *, kind: str = "") -> str:
    """Return the figure of the axes with its caption, which is also what a screen reader says."""
    figure: Any = axes.figure
    text = escape(caption, quote=True)
    svg = to_svg(figure, name, text)
    return f"<figure{_class(kind)}>\n{svg}\n<figcaption>{text}</figcaption>\n</figure>"


def grid(pictures: Iterable[str], kind: str = "") -> str:
    """Return pictures side by side as far as there is room; nothing for no pictures."""
    inside = "\n".join(pictures)
    return f'<div class="{f"grid {kind}".strip()}">\n{inside}\n</div>' if inside else ""


def code(lines: Iterable[str]) -> str:
    """Return lines of code."""
    return f"<pre><code>{escape(chr(10).join(lines))}</code></pre>"


def items(texts: Iterable[str]) -> str:
    """Return a list; nothing for no texts."""
    inside = "\n".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul>\n{inside}\n</ul>" if inside else ""


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _number(column: int, numbers: Sequence[int]) -> str:
    return ' class="number"' if column in numbers else ""
