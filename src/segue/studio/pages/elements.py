"""What the pages are made of: plain elements, tables, charts, lines to copy, messages of errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from nicegui import ui

from segue.errors import SegueError
from segue.studio.opened import View
from segue.studio.project import Project
from segue.studio.tracks import Track
from segue.studio.uploads import LARGEST

STATIC = Path(__file__).with_name("static")
_RUNS = 100  # in a list


class SequenceChart(ui.element, component=STATIC / "sequence_chart.js"):
    """A sequence of numbers of any length, which is dragged, zoomed and played.

    Args:
        query: which sequence, as a query of the addresses that its steps, pictures and sound come
            from.
        view: the sequence, as a whole.
        kind: "curves", or of a picture "spectrogram" or "heat map".
        is_audible: whether it is played.
    """

    def __init__(self, query: str, view: View, *, kind: str, is_audible: bool) -> None:
        super().__init__()
        row = view.row
        self._props.update(
            url=f"/stretch?{query}",
            picture=f"/picture?{query}&{urlencode({'kind': kind})}",
            sound=f"/sound?{query}" if is_audible else None,
            kind=kind, steps=row.steps, channels=list(view.channels), rate=view.rate_hz,
            runs=view.labels, tracks=[],
            label=f"sequence {row.id}: drag to move, wheel or + and - to zoom, 0 shows all",
        )  # fmt: skip

    def show(self, tracks: Sequence[Track]) -> None:
        """Draw tracks below the sequence, in place of those that were there."""
        self._props["tracks"] = [
            {
                **track._asdict(),
                "values": np.round(track.values.T, 4).tolist(),
                "steps": None if track.steps is None else track.steps.tolist(),
            }
            for track in tracks
        ]
        self.update()


class LineChart(ui.element, component=STATIC / "line_chart.js"):
    """Curves over a common axis.

    Args:
        names: of the curves.
        axis: what the axis is.
        label: what it shows, for those who do not see it.
        high: the end of the scale of values, from 0; `None`: as the values are.
    """

    def __init__(
        self, names: Sequence[str], *, axis: str, label: str, high: float | None = None
    ) -> None:
        super().__init__()
        self._props.update(
            names=list(names), axisLabel=axis, label=label, high=high,
            data=[[], *([] for _ in names)],
        )  # fmt: skip

    def show(self, names: Sequence[str], data: Sequence[Sequence[float | None]]) -> None:
        """Draw other curves: their names, and the points of the axis and of each of them."""
        self.set_visibility(bool(data[0]))
        if data != self._props["data"] or list(names) != self._props["names"]:
            self._props.update(names=list(names), data=data)
            self.update()


class PointChart(ui.element, component=STATIC / "point_map.js"):
    """Sequences as points in the plane, which are chosen by a click.

    Args:
        points: x, y, label, position and id of each.
        label: what it shows, for those who do not see it.
        on_choose: called with the position of one.
    """

    def __init__(
        self,
        points: Sequence[tuple[float, float, str, int, str]],
        *,
        label: str,
        on_choose: Callable[[int], Any],
    ) -> None:
        super().__init__()
        self._props.update(points=points, label=label)
        self.on("choose", lambda event: on_choose(int(event.args)))


class FileDrop(ui.element, component=STATIC / "file_drop.js"):
    """A place where a file is dropped or chosen, which is then kept in the project.

    Args:
        on_keep: called with where it lies below the project's folder.
        on_refuse: called with what is wrong with it.
    """

    def __init__(self, *, on_keep: Callable[[str], Any], on_refuse: Callable[[str], Any]) -> None:
        super().__init__()
        self._props.update(label="Drop a file here, or choose it", largest=LARGEST)
        self.on("kept", lambda event: on_keep(str(event.args)))
        self.on("refused", lambda event: on_refuse(str(event.args)))


def text(words: Any, tag: str = "div", classes: str = "") -> ui.element:
    """An element with a text, which is shown as it is, whatever it holds."""
    element = ui.element(tag).classes(classes)
    element._text = str(words)
    return element


def write(element: ui.element, words: Any) -> ui.element:
    """Give an element another text."""
    if element._text != str(words):
        element._text = str(words)
        element.update()
    return element


@contextmanager
def card(title: str) -> Iterator[ui.element]:
    """A box with a heading."""
    with ui.element("section").classes("card").props(f'aria-label="{title}"') as section:
        with ui.element("div").classes("head"):
            text(title, "h2")
        yield section


def table(rows: Iterable[Sequence[Any]], headings: Sequence[str] = (), numbers: int = 0) -> None:
    """A table of texts.

    Args:
        rows: their cells.
        headings: of the columns; none: the first cell of each row is its heading.
        numbers: so many columns at the end are numbers.
    """
    with ui.element("table").classes("plain"):
        if headings:
            with ui.element("thead"), ui.element("tr"):
                for number, heading in enumerate(headings):
                    is_number = number >= len(headings) - numbers
                    text(heading, "th", "number" if is_number else "").props("scope=col")
        with ui.element("tbody"):
            for row in rows:
                with ui.element("tr"):
                    for number, cell in enumerate(row):
                        is_heading = not headings and number == 0
                        is_number = number >= len(row) - numbers
                        text(cell, "th" if is_heading else "td", "number" if is_number else "")


def item(words: str, aside: str, on_click: Callable[..., Any] | None, here: bool = False) -> None:
    """A line of a list that can be clicked."""
    element = ui.element("button").classes("item").props("type=button")
    if here:
        element.classes("here").props("aria-current=true")
    if on_click is None:
        element.props("disabled")
    else:
        element.on("click", on_click)
    with element:
        text(words, "span")
        text(aside, "span", "dim small-text")


def run_list(
    project: Project, names: Sequence[str], here: str | None, on_click: Callable[[str], Any]
) -> None:
    """A list of runs with their scores, the newest first.

    Args:
        project: whose runs they are.
        names: of the runs.
        here: the one that is shown.
        on_click: called with the name of another.
    """
    rows = project.summaries(names[:_RUNS])
    for name in names[:_RUNS]:
        row, aside = rows.get(name), ""
        if row is not None:
            aside = row.state if row.score is None else f"{row.metric} {row.score:.4g}"
        item(name, aside, partial(on_click, name), name == here)
    if len(names) > _RUNS:
        text(f"and {len(names) - _RUNS:,} more: `segue runs` lists them", "div", "empty")


def scored_runs(project: Project, here: str | None, on_click: Callable[[str], Any]) -> None:
    """The list of the runs that have results, or where to get one.

    Args:
        project: whose runs they are.
        here: the one that is shown.
        on_click: called with the name of another.
    """
    names = project.scored()
    if not names:
        text("No run has results yet.", "p", "empty")
        text("← Training", "a").props("href=/training")
    with ui.element("div").classes("list tall names"):
        run_list(project, names, here, on_click)


def choice(
    words: Sequence[str], value: str, label: str, on_change: Callable[[str], Any]
) -> ui.element:
    """A choice among words: the browser's own, which needs no more than a keyboard.

    Args:
        words: to choose from.
        value: that is chosen.
        label: what is chosen, for those who do not see where it stands.
        on_change: called with what is chosen.
    """
    element = ui.element("select").classes("choice")
    element.props["aria-label"] = label
    with element:
        for word in words:
            option = text(word, "option")
            option.props["value"] = word
            if word == value:
                option.props("selected")
    said = "(event) => emit(event.target.value)"
    element.on("change", lambda event: on_change(str(event.args)), js_handler=said)
    return element


def lines(python: str, command: str) -> None:
    """The lines of Python and of the command line that do what the page does, to be copied."""
    with ui.element("details"):
        text("The same in Python and on the command line", "summary", "dim")
        with ui.element("div").classes("stack"):
            for words in (command, python):
                with ui.element("div").classes("spec mono"):
                    with ui.element("div").classes("head"):
                        text("", "span", "grow")
                        copy = ui.button("copy", on_click=partial(copied, words))
                        copy.props("flat dense size=sm")
                    text(words, "pre")


def copied(words: str) -> None:
    """Put words into the clipboard, and say so."""
    ui.clipboard.write(words)
    ui.notify("copied")


class Message:
    """A place for the message of an error, which is empty until there is one."""

    def __init__(self) -> None:
        self._element = text("", "div", "problem").props("role=alert")
        self.clear()

    @property
    def is_shown(self) -> bool:
        """Whether there is a message."""
        return bool(self._element.visible)

    def clear(self) -> None:
        """Show nothing."""
        self._element.set_visibility(False)

    def show(self, words: str) -> None:
        """Show a text."""
        write(self._element, words).set_visibility(True)

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Show an error of segue here; a block without one clears what was shown."""
        try:
            yield
        except SegueError as error:
            self.show(str(error))
        else:
            self.clear()
