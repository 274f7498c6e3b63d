"""A matplotlib figure as SVG that lives inside an HTML page: small, the same bytes every time.

Text stays text, in the page's font; ink, rules and series take their colours from the page, so
that a picture is readable on light and on dark; identifiers are made unique to the picture.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from segue.plots.style import INK, MUTED, PALETTE, RULE

_RC: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "segue"}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_COLOURS = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    **{colour.lower(): f"var(--series-{i})" for i, colour in enumerate(PALETTE)},
}


def to_svg(figure: Figure, name: str, description: str) -> str:
    """Return the `<svg>` element of a figure.

    Args:
        figure: drawn with the colours of `segue.plots.style`.
        name: letters and digits, unique in the page; the identifiers inside begin with it.
        description: read out by a screen reader; HTML-escaped already.
    """
    buffer = io.StringIO()
    with mpl.rc_context(_RC), warnings.catch_warnings():
        # The browser finds the glyphs that the font used for measuring lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<(metadata|style)\b.*?</\1>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", lambda tag: _tidy(tag.group(), name), text)  # tags, never text
    text = re.sub(r"\s*\n\s*", "\n", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{description}"', 1)


def _tidy(tag: str, name: str) -> str:
    """Take from a tag what a page does not need, and fit the rest into the page."""
    tag = re.sub(r'\sxmlns(:\w+)?="[^"]*"| version="1.1"| font-family: [^;"]*;?', "", tag)
    tag = re.sub(r'(\sid="|url\(#|href="#)', rf"\g<1>{name}-", tag).replace("xlink:href", "href")
    tag = re.sub(r"#[0-9a-f]{6}\b", lambda found: _COLOURS.get(found.group(), found.group()), tag)
    return re.sub(r'(?<=\sd=")[^"]*', lambda path: _shorter(path.group()), tag)


def _shorter(path: str) -> str:
    """A hundredth of a point is finer than any screen."""
    return re.sub(r"(\.\d\d)\d+", r"\1", " ".join(path.split()))
