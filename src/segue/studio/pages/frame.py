"""The frame of every page: the bar at its top, light and dark, and when to look again."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from nicegui import app, run, ui

from segue.studio.pages.elements import text
from segue.studio.project import Project

PAGES = {
    "/": "Data",
    "/designer": "Designer",
    "/training": "Training",
    "/results": "Results",
    "/experiments": "Experiments",
    "/use": "Use",
}
_LOOKS = 0.5  # seconds between two looks at what has changed
_CHOSEN: dict[str, bool | None] = {"dark": None}  # as the system has it, until one is chosen


@contextmanager
def frame(project: Project, here: str) -> Iterator[None]:
    """The bar with the pages, and below it the page.

    Args:
        project: whose folder is named.
        here: the path of the page.
    """
    dark = ui.dark_mode(_CHOSEN["dark"])
    ui.query("html").props("lang=en")
    ui.page_title(f"{PAGES[here]} · segue studio")
    with ui.element("header").classes("bar"):
        text("segue studio", "h1", "name")
        with ui.element("nav").props('aria-label="Pages"'):
            for path, name in PAGES.items():
                link = text(name, "a", "here" if path == here else "").props(f"href={path}")
                if path == here:
                    link.props("aria-current=page")
        text(project.folder, "span", "folder").props["title"] = str(project.folder)

        def switch() -> None:
            dark.value = _CHOSEN["dark"] = not dark.value

        ui.button(icon="contrast", on_click=switch).props(
            'flat dense round aria-label="light or dark"'
        )
    yield


async def in_thread(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function in a thread: it may look at large data, and no page is to wait for that.

    Raises:
        CancelledError: the studio ends meanwhile.
    """
    found = await run.io_bound(function, *arguments, **named)
    if found is None and app.is_stopping:
        raise asyncio.CancelledError
    return found


def watching(
    look: Callable[[], Any], *parts: Callable[[], Any]
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Draw parts of a page again when something has changed, here or in another page.

    Args:
        look: gives what they depend on; it is called twice a second.
        parts: drawn again when it gives something else.

    Returns:
        A function that looks at once, for after an action of this page; then all is drawn.
    """
    before, drawing = [look()], asyncio.Lock()

    async def again() -> None:
        async with drawing:  # whoever looks finds what is there drawn
            now = look()
            if now != before[0]:
                for part in parts:
                    if inspect.isawaitable(waiting := part()):
                        await waiting
                before[0] = now  # what could not be drawn is tried again

    ui.timer(_LOOKS, again)
    return again
