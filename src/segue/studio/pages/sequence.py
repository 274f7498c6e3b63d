"""A sequence in a page: as curves, as a picture or as a text, with its sound and its tracks."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from nicegui import ui

from segue.errors import counted
from segue.studio.opened import OpenData, View
from segue.studio.pages.elements import SequenceChart, text
from segue.studio.pictures import is_audible, kinds_of
from segue.studio.tracks import Track

_WIDTH = 1000  # of the first look


class SequenceView:
    """The sequence that a page shows.

    Args:
        of: the data set that it is in: "open", or the name of a run.
        has_tracks: whether tracks are drawn below, which need a time axis.
    """

    def __init__(self, of: str, *, has_tracks: bool = False) -> None:
        self.of, self.has_tracks = of, has_tracks
        self.kind = ""
        self.chart: SequenceChart | None = None
        self.tracks: tuple[Track, ...] = ()

    def show(self, opened: OpenData, index: int) -> None:
        """Show another sequence, without tracks as yet."""
        self.tracks = ()
        self._draw.refresh(opened, index)

    def add(self, tracks: Sequence[Track]) -> None:
        """Draw tracks below the sequence, in place of those that were there."""
        self.tracks = tuple(tracks)
        if self.chart is not None:
            self.chart.show(self.tracks)

    def draw(self, opened: OpenData, index: int) -> None:
        """Draw the first sequence, where all of them are to stand."""
        self._draw(opened, index)

    @ui.refreshable_method
    def _draw(self, opened: OpenData, index: int) -> None:
        view, kinds = opened.view(index, width=_WIDTH), kinds_of(opened)
        kind = self.kind if self.kind in kinds else kinds[0]
        self.chart = None
        with ui.element("div").classes("head"):
            row = view.row
            text(row.id, "h3")
            facts = [row.label, row.part, row.group, counted(row.steps, "step")]
            text(" · ".join(filter(None, facts)), "span", "dim grow")
            if len(kinds) > 1:
                for one in kinds:
                    self._kind(opened, index, one, is_chosen=one == kind)
        if kind == "text":
            text(view.text, "div", "reading")
            return
        query = urlencode({"of": self.of, "index": index})
        if kind == "image":
            picture = ui.element("img").classes("image")
            asked = urlencode({"kind": kind, "start": 0, "stop": view.row.steps, "width": _WIDTH})
            picture.props["src"] = f"/picture?{query}&{asked}"
            picture.props["alt"] = f"{row.id}, {row.label}"
        if kind != "image" or self.has_tracks:
            self._chart(query, view, "heat map" if kind == "image" else kind, opened)

    def _chart(self, query: str, view: View, kind: str, opened: OpenData) -> None:
        self.chart = SequenceChart(query, view, kind=kind, is_audible=is_audible(opened))
        if self.tracks:
            self.chart.show(self.tracks)
        hint = "drag to move · wheel or + and - to zoom · double click shows all"
        if is_audible(opened):
            hint += " · a click goes there in the sound, space plays and stops it"
        text(hint, "div", "dim small-text")

    def _kind(self, opened: OpenData, index: int, kind: str, *, is_chosen: bool) -> None:
        def choose() -> None:
            self.kind = kind
            self._draw.refresh(opened, index)

        chip = text(kind, "button", "chip here" if is_chosen else "chip").props("type=button")
        chip.props["aria-pressed"] = str(is_chosen).lower()
        chip.on("click", choose)


def write_words(element: ui.element, words: Sequence[tuple[str, float]]) -> None:
    """Write the words of a text, each on its share: blue speaks for the class, orange against it.

    Args:
        element: where they stand, in place of what stood there.
        words: with their shares, from -1 to 1.
    """
    element.clear()
    element.set_visibility(True)
    with element:
        for word, share in words:
            hue = "heat" if share >= 0 else "cold"
            mark = text(word, "span")
            mark.style(f"background: rgba(var(--{hue}), {min(1.0, abs(share)) * 0.6:.2f})")
            mark.props["title"] = f"{share:+.2f}"
