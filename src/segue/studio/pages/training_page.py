"""The page of the training: its options, the start, and the curves of a run."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from segue.errors import SegueError
from segue.studio.live import curves, members, progress
from segue.studio.pages.elements import (
    LineChart,
    Message,
    card,
    lines,
    run_list,
    table,
    text,
    write,
)
from segue.studio.pages.frame import frame, in_thread, watching
from segue.studio.pages.outlook import OutlookCard
from segue.studio.planning import Plan
from segue.studio.project import Project
from segue.studio.settings import Setting
from segue.studio.study_plan import StudyPlan
from segue.studio.trainings import Watched

_MESSAGES = 12  # lines of what a training has printed
_SEVERAL = (
    "How many times the same is trained, with other draws: how much of a score is luck. The model "
    "is the mean of them all."
)


class TrainingPage:
    """The page, for one browser.

    Args:
        project: whose network is trained.
        name: of the run that is watched; `None`: the newest.
    """

    def __init__(self, project: Project, name: str | None = None) -> None:
        self.project = project
        names = project.runs()
        self.name = name if name in names else next(iter(names), None)
        self.watched: Watched | None = None
        self.plan: Plan | None = None
        self.shown, self.seeds = "", 1
        with frame(project, "/training"), ui.element("div").classes("page"):
            if project.opened is None:
                with card("No data are open"):
                    text("A network is built for some data: open them first.", "p", "empty")
                    text("← Data", "a").props("href=/")
            with ui.element("div").classes("two"):
                with ui.element("div").classes("stack"):
                    self._network()
                    self._options()
                    OutlookCard(project)
                with ui.element("div").classes("stack"):
                    self._run()
        self.look = watching(self._standing, self._follow)
        self.look_at_run = watching(self._watch, self._draw)

    # -- the network ------------------------------------------------------------------------------

    def _network(self) -> None:
        with card("Network"):
            self._texts()
            ui.timer(0, self._replan, once=True)

    @ui.refreshable_method
    def _texts(self) -> None:
        design, plan = self.project.design, self.plan
        text(design.network or "no layer", "div", "mono")
        text(f"prepared by {design.prepare}", "div", "dim small-text mono")
        if plan is not None and plan.problem is not None:
            text(plan.problem.message, "div", "problem").props("role=alert")
        elif plan is not None and plan.layers:
            text(f"{plan.parameters:,} parameters", "div", "dim")
        text("← Designer", "a").props("href=/designer")

    def _standing(self) -> Any:
        return (self.project.revision, id(self.project.opened))

    async def _follow(self) -> None:
        """Show what has changed, here or in another page."""
        self._start.refresh()
        self._choose.refresh()
        await self._replan()

    async def _replan(self) -> None:
        """Plan the network in a thread: to look at large data for the first time takes a while."""
        self.plan = await in_thread(self.project.plan)
        self._texts.refresh()

    # -- options and the start --------------------------------------------------------------------

    def _options(self) -> None:
        with card("Training"):
            self.refused = Message()
            settings = self.project.settings()
            with ui.element("div").classes("form"):
                for setting in settings:
                    if setting.is_first:
                        self._option(setting)
                self._several()
            with ui.element("details"):
                text("All options", "summary", "dim")
                with ui.element("div").classes("form"):
                    for setting in settings:
                        if not setting.is_first:
                            self._option(setting)
            self._start()

    def _option(self, setting: Setting) -> None:
        value = self.project.chosen.values.get(setting.name, setting.default)
        label = setting.name.replace("_", " ")
        field: Any
        if setting.kind == "choice":
            words = [*setting.choices, *(["none"] if setting.takes_none else [])]
            field = ui.select(words, value=_shown(value), label=label).props("options-dense")
        elif setting.kind == "flag":
            field = ui.select(["false", "true"], value=_shown(value), label=label)
        else:
            field = ui.input(label, value=_shown(value), placeholder=_shown(setting.default))
            field.props("debounce=400")
        field.props("dense outlined")
        with field:
            ui.tooltip(setting.about).style("max-width: 320px; font-size: 12.5px")

        def choose(event: Any) -> None:
            with self.refused.catching():
                self.project.set_option(setting.name, str(event.value or ""))

        field.on_value_change(choose)

    def _several(self) -> None:
        """How many times the same is trained: one run, whose seeds are watched side by side."""
        field = ui.input("seeds", value="1").props("debounce=400 dense outlined")
        with field:
            ui.tooltip(_SEVERAL).style("max-width: 320px; font-size: 12.5px")

        def choose(event: Any) -> None:
            words = str(event.value or "1").strip()
            self.seeds = int(words) if words.isdecimal() else 0
            with self.refused.catching():
                if self.seeds != 1 and self.project.opened is not None:
                    self._study()
            self._start.refresh()

        field.on_value_change(choose)

    @ui.refreshable_method
    def _start(self) -> None:
        project = self.project
        with ui.element("div").classes("head"):
            start = ui.button(
                "Start training", on_click=lambda: self._begin(compare=False), color=None
            )
            start.props("unelevated").classes("primary")
            compare = ui.button(
                "Choose the network automatically", on_click=lambda: self._begin(compare=True)
            )
            compare.props("outline")
            for button in (start, compare):
                button.set_enabled(project.opened is not None)
        if project.opened is not None:
            with suppress(SegueError):  # which is said where it was written
                plan = project.training() if self.seeds == 1 else self._study()
                lines(plan.script(), plan.command())

    def _study(self) -> StudyPlan:
        return self.project.study("seeds", seeds=self.seeds)

    async def _begin(self, *, compare: bool) -> None:
        with self.refused.catching():
            if compare or self.seeds == 1:
                self.name = self.project.start(compare=compare)
            else:
                self.name = self.project.start_study(self._study()).partition("/")[2]
        await self.look()
        await self.look_at_run()

    # -- a run as it goes on ----------------------------------------------------------------------

    def _run(self) -> None:
        with card("Runs"):
            self._choose()
            self._state()
            self._board()
            self.charts = []
            for name in ("loss", "score"):
                title, label = text("", "h3"), f"the {name} over the epochs"
                self.charts.append((title, LineChart([name], axis="epoch", label=label)))
            self._messages()
            self._watch()
            self._draw()

    @ui.refreshable_method
    def _choose(self) -> None:
        names = self.project.runs()
        if not names:
            text("No run yet: what is trained here is kept in the folder runs.", "p", "empty")
            return
        with ui.element("div").classes("list").style("max-height: 132px"):
            run_list(self.project, names, self.name, self._look_at)

    async def _look_at(self, name: str) -> None:
        self.name = name
        self._choose.refresh()
        await self.look_at_run()

    def _watch(self) -> Any:
        if self.name is None:
            return None
        try:
            self.watched = self.project.watch(self.name)
        except SegueError:  # it was deleted
            self.watched, self.name = None, None
        return self.watched and self.watched._replace(record=None, metrics=None)

    def _draw(self) -> None:
        if self.watched is not None and self.watched.state != self.shown:
            self.shown = self.watched.state
            self._choose.refresh()  # with its score, where it has one now
        self._standing_of_run()
        self._board.refresh()
        self._messages.refresh()
        self._curves()

    def _curves(self) -> None:
        found = curves(self.watched or Watched("", "starting"))
        for (title, chart), each in zip(self.charts, found, strict=True):
            chart.show(each.names, [list(each.epochs), *map(list, each.values)])
            write(title, each.title).set_visibility(bool(each.epochs))

    def _state(self) -> None:
        """What is changed while a training goes on, and never made anew: it can be clicked."""
        with ui.element("div").classes("head"):
            self.state = text("", "span", "state")
            self.progress = text("", "span", "dim grow")
            stop = partial(self._do, self.project.stop)
            self.stop = ui.button("Stop, keep the best", on_click=stop).props("outline")
            resume = partial(self._do, self.project.resume)
            self.resume = ui.button("Go on", on_click=resume, color=None)
            self.resume.props("unelevated").classes("primary")
            self.results = text("Results →", "a")
        self.failed = Message()

    def _standing_of_run(self) -> None:
        watched = self.watched
        state = "" if watched is None else watched.state
        write(self.state, state).classes(replace=f"state {state}")
        write(self.progress, "" if watched is None else progress(watched))
        self.stop.set_visibility(watched is not None and watched.is_active)
        self.resume.set_visibility(watched is not None and watched.can_resume)
        self.results.set_visibility(watched is not None and watched.metrics is not None)
        if watched is not None:
            self.results.props["href"] = f"/results?{urlencode({'run': watched.name})}"
        if watched is not None and watched.error:
            self.failed.show(watched.error)
        else:
            self.failed.clear()

    async def _do(self, action: Any) -> None:
        with self.refused.catching():
            action(self.name)
        await self.look_at_run()

    @ui.refreshable_method
    def _board(self) -> None:
        """The networks of an automatic choice, as they come."""
        found = () if self.watched is None else members(self.watched)
        if found:
            rows = [
                (one.name, one.scores or "it is fitted now", one.size, one.answer, one.took)
                for one in found
            ]
            table(rows, ("network", "held-out sequences", "size", "an answer", "took"), 3)

    @ui.refreshable_method
    def _messages(self) -> None:
        if self.watched is not None and self.watched.messages:
            with ui.element("details"):
                text("What it has printed", "summary", "dim")
                text("\n".join(self.watched.messages[-_MESSAGES:]), "pre", "spec")


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)
