"""The page of the data: open them, give columns their roles, look at the sequences."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from segue.errors import SegueError
from segue.studio.opened import LEFT_OUT, ROLES, OpenData, answers
from segue.studio.pages.elements import (
    FileDrop,
    Message,
    card,
    choice,
    item,
    lines,
    table,
    text,
    write,
)
from segue.studio.pages.frame import frame, in_thread, watching
from segue.studio.pages.sequence import SequenceView
from segue.studio.pictures import is_audible
from segue.studio.project import Project

_LISTED = 200  # files, or names
_ROWS = 50  # sequences at once
_CLASSES = 200  # that can be chosen
_ALL = "all classes"


class DataPage:
    """The page, for one browser.

    Args:
        project: whose data are shown.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.folder, self.contains = "", ""
        self.asked, self.answers = "", list[dict[str, str]]()
        self.label: str | None = None
        self.start, self.index = 0, 0
        self.view = SequenceView("open")
        with frame(project, "/"), ui.element("div").classes("page sided"):
            with ui.element("div").classes("stack"):
                self._sources()
            with ui.element("div").classes("stack"):
                self.busy = text("", "div", "dim").props("role=status")
                self.message = Message()
                self._answers()
                self._opened()
        self.look = watching(lambda: id(project.opened), self._reset)

    def _reset(self) -> None:
        self.label, self.start, self.index = None, 0, 0
        self._opened.refresh()
        self._files.refresh()
        self._names.refresh()

    # -- what can be opened -----------------------------------------------------------------------

    def _sources(self) -> None:
        with card("Open"):
            search = ui.input(placeholder="type to find").props("dense outlined clearable")
            search.props('aria-label="find a file or a data set"')
            search.on_value_change(lambda event: self._find(event.value or ""))
            text("Files", "h3")
            self._files()
            FileDrop(on_keep=self._keep, on_refuse=self._refuse)
            text("Named data sets", "h3")
            self._names()

    def _refuse(self, words: str) -> None:
        self.message.show(words)

    async def _keep(self, place: str) -> None:
        self._files.refresh()
        await self._open(place)

    def _find(self, contains: str) -> None:
        self.contains = contains
        self._files.refresh()
        self._names.refresh()

    @ui.refreshable_method
    def _files(self) -> None:
        opened = self.project.opened
        found = self.project.files(self.folder, self.contains)
        with ui.element("div").classes("list"):
            if self.folder:
                above = self.folder.rpartition("/")[0]
                item("↑ " + (above or "the project's folder"), "", lambda: self._enter(above))
                item("open this folder", "", lambda: self._open(self.folder))
            for entry in found.entries[:_LISTED]:
                here = opened is not None and opened.source == entry.path
                path = entry.path
                if entry.kind == "folder":
                    item(f"{entry.name}/", "", lambda path=path: self._enter(path))
                else:
                    known = entry.kind == "data"
                    aside = _size(entry.size) if entry.kind != "run" else "run"
                    act = (lambda path=path: self._open(path)) if known else None
                    item(entry.name, aside, act, here)
            if found.matches > _LISTED:
                text(f"and {found.matches - _LISTED:,} more: type to find", "div", "empty")
            if not found.matches:
                text("No file here is called so." if self.contains else "Nothing is here yet.",
                     "div", "empty")  # fmt: skip

    @ui.refreshable_method
    def _names(self) -> None:
        opened = self.project.opened
        wanted = self.contains.casefold()
        names = [name for name in self.project.names() if wanted in name.casefold()]
        if not wanted:
            names = [name for name in names if "/" not in name]  # without the archives
        with ui.element("div").classes("list"):
            for name in names[:_LISTED]:
                here = opened is not None and opened.source == name
                item(name, "", lambda name=name: self._open(name), here)
        text("Also each set of the UCR and UEA archives: type to find.", "div", "empty small-text")

    def _enter(self, path: str) -> None:
        with self.message.catching():
            self.project.files(path)
            self.folder = path
            self._files.refresh()

    async def _open(self, source: str, **options: Any) -> None:
        self.asked = source
        await self._act(self.project.open, source, **options)

    async def _act(self, action: Any, *arguments: Any, **options: Any) -> None:
        """Read in a thread, so that the pages stay usable; say what is wrong, if anything is."""
        self.answers = []
        self.message.clear()
        write(self.busy, "Reading and looking through the data …")
        try:
            await in_thread(action, *arguments, **options)
        except SegueError as error:
            self.message.show(str(error))
            self.answers = answers(error)
        finally:
            write(self.busy, "")
        self._answers.refresh()
        await self.look()

    @ui.refreshable_method
    def _answers(self) -> None:
        """What can be said to a question of the reader, such as which column is the label."""
        if self.answers:
            with ui.element("div").classes("chips"):
                for each in self.answers:
                    words = ", ".join(f"{name}: {value}" for name, value in each.items())
                    chip = text(words, "button", "chip").props("type=button")
                    chip.on("click", partial(self._open, self.asked, **each))

    # -- what is open -----------------------------------------------------------------------------

    @ui.refreshable_method
    def _opened(self) -> None:
        opened = self.project.opened
        if opened is None:
            with card("No data are open"):
                text(
                    "Choose a file, a folder or a named data set on the left. japanese-vowels is a "
                    "good one to begin with: speakers are told apart by how they say two vowels.",
                    "p", "empty",
                )  # fmt: skip
                begin = partial(self._open, "japanese-vowels")
                opens = ui.button("Open japanese-vowels", on_click=begin, color=None)
                opens.props("unelevated").classes("primary").style("justify-self: start")
            return
        with ui.element("div").classes("two"):
            with card(opened.source):
                table(opened.summary.rows())
                with ui.element("div").classes("head"):
                    text("Next: design a network →", "a").props("href=/designer")
                lines(*self.project.data_lines())
            self._checks(opened)
        self._columns(opened)
        self._sequences(opened)

    def _checks(self, opened: OpenData) -> None:
        with card("Worth a look"):
            if not opened.findings:
                text("No check has found anything that would make a score doubtful.", "p", "empty")
            for finding in opened.findings:
                text(finding, "div", "finding")

    def _columns(self, opened: OpenData) -> None:
        if not opened.columns:
            return
        with card("Columns"):
            text("Another role reads the table again at once.", "p", "dim")
            roles = [*ROLES, "channel", LEFT_OUT]
            with ui.element("div").classes("scroll"), ui.element("table").classes("plain"):
                with ui.element("thead"), ui.element("tr"):
                    for heading in ("column", "holds", "role", ""):
                        text(heading, "th" if heading else "td")
                with ui.element("tbody"):
                    for column in opened.columns:
                        with ui.element("tr"):
                            text(column.name, "td", "mono")
                            text(column.kind, "td", "dim")
                            with ui.element("td"):
                                self._role(column, roles)
                            text(column.reason, "td", "dim")

    def _role(self, column: Any, roles: list[str]) -> None:
        if column.is_several:
            text(column.role, "span", "dim")
            return

        async def assign(role: str) -> None:
            await self._act(self.project.assign, column.name, role)
            if self.message.is_shown:
                self._opened.refresh()  # all stays as it was, the choice too

        choice(roles, column.role, f"role of {column.name}", assign)

    # -- sequences --------------------------------------------------------------------------------

    def _sequences(self, opened: OpenData) -> None:
        with card("Sequences"):
            if not len(opened.data):
                text("There are none.", "p", "empty")
                return
            with ui.element("div").classes("page sided").style("padding: 0"):
                with ui.element("div").classes("stack"):
                    self._choice(opened)
                    self._rows(opened)
                with ui.element("div"):
                    self.view.draw(opened, min(self.index, len(opened.data) - 1))

    def _choice(self, opened: OpenData) -> None:
        labels = sorted({row for row in opened.labels if row}) if opened.data.classes else []
        if len(labels) < 2:
            return

        def choose(label: str) -> None:
            self.label, self.start = None if label == _ALL else label, 0
            self._rows.refresh(opened)

        choice([_ALL, *labels[:_CLASSES]], self.label or _ALL, "class", choose)

    @ui.refreshable_method
    def _rows(self, opened: OpenData) -> None:
        rows, count = opened.rows(start=self.start, count=_ROWS, label=self.label)
        with ui.element("div").classes("list"):
            for row in rows:
                where = " · ".join(filter(None, [row.label, row.part, f"{row.steps:,}"]))
                item(
                    row.id,
                    where,
                    lambda i=row.number: self._show(opened, i),
                    row.number == self.index,
                )
        if count > _ROWS:
            with ui.element("div").classes("head"):
                last = min(self.start + _ROWS, count)
                text(f"{self.start + 1:,} to {last:,} of {count:,}", "span", "dim grow")
                for name, step in (("←", -_ROWS), ("→", _ROWS)):
                    button = ui.button(name, on_click=lambda s=step: self._turn(opened, s, count))
                    button.props("flat dense")
                    button.props["aria-label"] = "earlier" if step < 0 else "later"

        if is_audible(opened) and rows:
            self._together([row.number for row in rows])

    def _together(self, numbers: list[int]) -> None:
        """Play the sequences of the list, one after the other or all at once."""
        with ui.element("div").classes("head"):
            text("play the list", "span", "dim small-text")
            for name, mix in (("in turn", False), ("at once", True)):
                chip = text(name, "button", "chip").props("type=button")
                chip.on("click", partial(self._play, numbers, mix=mix))
        self.player = ui.element("audio").props("controls autoplay").classes("player")
        self.player.props["aria-label"] = "sequences of the list"
        self.player.set_visibility(False)

    def _play(self, numbers: list[int], *, mix: bool) -> None:
        query = {"of": "open", "index": ",".join(map(str, numbers)), "mix": str(mix).lower()}
        self.player.props["src"] = f"/sound?{urlencode(query)}"
        self.player.set_visibility(True)

    def _turn(self, opened: OpenData, by: int, count: int) -> None:
        if 0 <= self.start + by < count:
            self.start += by
            self._rows.refresh(opened)

    def _show(self, opened: OpenData, index: int) -> None:
        self.index = index
        self._rows.refresh(opened)
        self.view.show(opened, index)


def _size(count: int) -> str:
    """A number of bytes, in words."""
    power = min(3, (len(str(count)) - 1) // 3)
    return f"{count / 1000**power:.3g} {('B', 'kB', 'MB', 'GB')[power]}"
