"""The page of a trained model: it is tried, and taken away."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from segue.studio.pages.elements import Message, card, scored_runs, text
from segue.studio.pages.frame import frame, in_thread, watching
from segue.studio.pages.try_card import TryCard
from segue.studio.project import Project
from segue.studio.takeaway import OFFERS, Offer, Taken


class UsePage:
    """The page, for one browser.

    Args:
        project: whose runs are used.
        name: of the run; `None`: the newest that has results.
    """

    def __init__(self, project: Project, name: str | None = None) -> None:
        self.project = project
        names = project.scored()
        self.name = name if name in names else next(iter(names), None)
        self.taken: dict[str, Taken] = {}
        self.busy = ""
        with frame(project, "/use"), ui.element("div").classes("page sided"):
            with card("Runs"):
                self._runs()
            with ui.element("div").classes("stack"):
                self._use()
        watching(project.scored, self._runs.refresh)

    @ui.refreshable_method
    def _runs(self) -> None:
        scored_runs(self.project, self.name, self._look_at)

    def _look_at(self, name: str) -> None:
        self.name, self.taken = name, {}
        self._runs.refresh()
        self._use.refresh()

    @ui.refreshable_method
    def _use(self) -> None:
        if self.name is None:
            with card("Use it"):
                text(
                    "A trained model is tried here on what you type, draw or have in a file, and "
                    "taken away: as a file, a report, the exact script, or for ONNX, Keras and "
                    "PyTorch.", "p", "empty",
                )  # fmt: skip
            return
        TryCard(self.project, self.name)
        with card("Take away"):
            text(
                "What is written for another program is run there beside the model first; what was "
                "compared stands below it.", "p", "dim small-text",
            )  # fmt: skip
            self.message = Message()
            for offer in OFFERS.values():
                self._offer(offer)

    def _offer(self, offer: Offer) -> None:
        with ui.element("div").classes("offer"):
            with ui.element("div"):
                text(offer.name, "h3", "ink")
                text(offer.about, "div", "dim small-text")
            take = ui.button("Take", on_click=partial(self._take, offer.kind)).props("outline")
            take.props["aria-label"] = f"take {offer.name}"
            with ui.element("div").classes("wide"):
                self._result(offer.kind)

    @ui.refreshable_method
    def _result(self, kind: str) -> None:
        if self.busy == kind:
            text("writing it, and comparing", "div", "dim small-text")
        taken = self.taken.get(kind)
        if taken is None:
            return
        with ui.element("div").classes("chips"):
            for file in taken.files:
                query = urlencode({"run": self.name, "file": file})
                link = text(f"↓ {file}", "a", "chip").props("download")
                link.props["href"] = f"/file?{query}"
        text(f"in {taken.folder}", "div", "dim small-text mono")
        if taken.report:
            text(taken.report, "pre", "spec short").props("tabindex=0")
        if taken.command:
            text(taken.command, "pre", "dim small-text")

    async def _take(self, kind: str) -> None:
        """Write a file in a thread: to compare what another program answers takes a while."""
        name = str(self.name)
        self.busy = kind
        self._result.refresh()
        with self.message.catching():
            found: Any = await in_thread(self.project.take, name, kind)
            if name == self.name:
                self.taken[kind] = found
        self.busy = ""
        self._result.refresh()
