"""A model is tried in a page: on a file, on what is typed, on what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nicegui import ui

from segue.errors import SegueError
from segue.studio.pages.elements import STATIC, Message, card, item, table, text, write
from segue.studio.pages.frame import in_thread
from segue.studio.pages.sequence import SequenceView, write_words
from segue.studio.project import Project
from segue.studio.results import METHODS
from segue.studio.tryout import TRIED, Tried

_FILES = 8  # that are offered
_LISTED = 100  # sequences


class Sketch(ui.element, component=STATIC / "sketch.js"):
    """A field to draw in.

    Args:
        shape: rows and columns of the picture.
        on_drawn: called with the lines of points (x, y), from 0 to 1, after each of them.
    """

    def __init__(self, shape: tuple[int, int], on_drawn: Callable[[Any], Any]) -> None:
        super().__init__()
        self._props.update(rows=shape[0], columns=shape[1], label="draw here")
        self.on("drawn", lambda event: on_drawn(event.args))


class TryCard:
    """The part of a page in which a model is tried.

    Args:
        project: with the run.
        name: of the run.
    """

    def __init__(self, project: Project, name: str) -> None:
        self.project, self.name = project, name
        self.tried: Tried | None = None
        self.index = 0
        with card("Try it"):
            self.message = Message()
            self._ways()
            ui.timer(0, self._offer_drawing, once=True)
            self._answers()

    # -- what is brought --------------------------------------------------------------------------

    def _ways(self) -> None:
        with ui.element("div").classes("two"):
            with ui.element("div").classes("stack"):
                area = ui.textarea("Numbers or a text").props("outlined dense rows=4")
                area.props["aria-label"] = "numbers or a text to try"
                area.classes("mono")
                with ui.element("div").classes("head"):
                    answer = partial(self._bring, lambda: self._typed(str(area.value or "")))
                    ui.button("Answer", on_click=answer).props("outline")
                    text("A row of numbers for each step, or a text.", "span", "dim small-text")
            with ui.element("div").classes("stack"):
                self.drawing = ui.element("div")
                self.drawing.set_visibility(False)
                where = ui.input("A file, a folder or a named data set").props("outlined dense")
                where.props["aria-label"] = "a source to try"
                with ui.element("div").classes("head"):
                    answer = partial(self._bring, lambda: self._source(str(where.value or "")))
                    open_ = ui.button("Answer", on_click=answer).props("outline")
                    open_.props["aria-label"] = "answer the source"
                with ui.element("div").classes("chips"):
                    found = self.project.files().entries
                    for entry in [one for one in found if one.kind == "data"][:_FILES]:
                        chip = text(entry.name, "button", "chip").props("type=button")
                        chip.on("click", partial(self._bring, partial(self._source, entry.path)))

    def _typed(self, words: str) -> Tried:
        return self.project.tries.text(self.name, words)

    def _source(self, source: str) -> Tried:
        return self.project.tries.source(self.name, source.strip())

    async def _offer_drawing(self) -> None:
        """A field to draw in, where the model takes pictures: it has to be loaded to know that."""
        with self.message.catching():
            shape = await in_thread(self.project.tries.drawable, self.name)
            if shape is not None:
                self.drawing.set_visibility(True)
                with self.drawing:
                    text("Draw", "h3")
                    Sketch(shape, self._draw)

    async def _draw(self, lines: Any) -> None:
        if lines:
            await self._bring(lambda: self.project.tries.drawing(self.name, lines))

    async def _bring(self, act: Callable[[], Tried]) -> None:
        """Read and answer in a thread."""
        with self.message.catching():
            self.tried = await in_thread(act)
            self.index = 0
        await self._answers.refresh()
        await self._explain()

    # -- what is answered -------------------------------------------------------------------------

    @ui.refreshable_method
    def _answers(self) -> None:
        tried = self.tried
        if tried is None:
            return
        found = tried.answers[self.index]
        text(found.words, "div", "big")
        with ui.element("div").classes("page sided").style("padding: 0"):
            with ui.element("div").classes("stack"):
                if found.rows:
                    table(found.rows, found.heading, 1)
                if len(tried.answers) > 1:
                    with ui.element("div").classes("list"):
                        for number, one in enumerate(tried.answers[:_LISTED]):
                            row = tried.data.row(number)
                            show = partial(self._show, number)
                            item(row.id, one.words, show, number == self.index)
                if tried.left_out:
                    text(f"and {tried.left_out:,} more: segue predict answers all", "div", "empty")
            with ui.element("div").classes("stack"):
                self.view = SequenceView(TRIED, has_tracks=True)
                self.view.draw(tried.data, self.index)
                self.words = ui.element("div").classes("reading words")
                self.words.set_visibility(False)
                with ui.element("div").classes("head"):
                    if hasattr(tried.model, "classes_"):
                        for method in METHODS:
                            why = ui.button(f"Why: {method}", on_click=partial(self._why, method))
                            why.props("outline size=sm")
                    self.waiting = text("", "span", "dim small-text")

    async def _show(self, index: int) -> None:
        self.index = index
        await self._answers.refresh()
        await self._explain()

    async def _explain(self) -> None:
        """The probabilities after each step, where there are any; they follow the answer."""
        tried, index = self.tried, self.index
        if tried is None or not hasattr(tried.model, "classes_") or tried.data.data.x.is_text:
            return
        view = self.view
        try:
            track: Any = await in_thread(tried.results.along, index)
        except SegueError as error:
            write(self.waiting, error)
            return
        if view is self.view:
            view.add([track])

    async def _why(self, method: Any) -> None:
        tried, index, view = self.tried, self.index, self.view
        if tried is None:
            return
        write(self.waiting, "computing")
        is_text = tried.data.data.x.is_text
        explain: Any = tried.results.words if is_text else tried.results.why
        with self.message.catching():
            found: Any = await in_thread(explain, index, method)
            if view is self.view and is_text:
                write_words(self.words, found)
            elif view is self.view:
                view.add([*view.tracks[:1], found])
        write(self.waiting, "")
