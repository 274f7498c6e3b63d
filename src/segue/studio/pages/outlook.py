"""A card of the training page: what a training will take, and what the checks of the data say."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from segue.studio.outlook import Outlook
from segue.studio.pages.elements import card, table, text
from segue.studio.pages.frame import in_thread, watching
from segue.studio.project import Project

_FINDINGS = 5


class OutlookCard:
    """The card, for one browser.

    Args:
        project: whose training it is about.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.found: Outlook | None = None
        with card("Before the start"):
            self._draw()
        watching(self._standing, self._look)
        ui.timer(0, self._look, once=True)

    def _standing(self) -> Any:
        return self.project.revision, id(self.project.opened)

    async def _look(self) -> None:
        """Look in a thread: large data are prepared for it."""
        if self.project.opened is None:
            self.found = None
        else:
            self.found = await in_thread(self.project.outlook)
        self._draw.refresh()

    @ui.refreshable_method
    def _draw(self) -> None:
        opened, found = self.project.opened, self.found
        if opened is None:
            text("Memory, updates and checks of the data stand here once data are open.",
                 "p", "empty")  # fmt: skip
            return
        if found is None:
            text("looking at the data", "div", "dim")
            return
        table(found.facts)
        if found.problem:
            text(found.problem, "div", "problem")
        if found.warning:
            text(found.warning, "div", "finding")
        for finding in opened.findings[:_FINDINGS]:
            text(finding, "div", "finding")
        if not opened.findings:
            text("The checks of the data have found nothing.", "div", "dim small-text")
        elif len(opened.findings) > _FINDINGS:
            text(f"and {len(opened.findings) - _FINDINGS} more", "a").props("href=/")
