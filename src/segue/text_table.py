"""Tables of plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


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
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = zip(align.ljust(len(widths), align[-1]), widths, strict=False)
    formats = [f"{side}{width}" for side, width in sides]
    return "\n".join("  ".join(map(format, row, formats)).rstrip() for row in rows)
