"""The page of the training: its options, the start, and the curves of a run."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from nicegui import run, ui

from segue.studio.pages.elements import (
    LineChart,
    Message,
    card,
    lines,
    run_list,
    text,
    write,
)
from segue.studio.pages.frame import frame, watching
from segue.studio.pages.outlook import OutlookCard
from segue.studio.planning import Plan
from segue.studio.project import Project
from segue.studio.settings import Setting
from segue.studio.trainings import Watched

_MESSAGES = 12  # lines of what a training has printed
_METRICS = ("accuracy", "rmse", "perplexity")


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
        self.shown = ""
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
        self.plan = await run.io_bound(self.project.plan)
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
            training = project.training()
            lines(training.script(), training.command())

    async def _begin(self, *, compare: bool) -> None:
        with self.refused.catching():
            self.name = self.project.start(compare=compare)
        await self.look()
        await self.look_at_run()

    # -- a run as it goes on ----------------------------------------------------------------------

    def _run(self) -> None:
        with card("Runs"):
            self._choose()
            self._state()
            self.loss = LineChart(
                ["loss", "validation"], axis="epoch", label="the loss over the epochs"
            )
            self.score = LineChart(
                ["score", "validation"], axis="epoch", label="the score over the epochs"
            )
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
        with self.refused.catching():
            self.watched = self.project.watch(self.name)
        return self.watched and self.watched._replace(record=None, metrics=None)

    def _draw(self) -> None:
        if self.watched is not None and self.watched.state != self.shown:
            self.shown = self.watched.state
            self._choose.refresh()  # with its score, where it has one now
        self._standing_of_run()
        self._messages.refresh()
        self._curves()

    def _curves(self) -> None:
        rows = self.watched.rows if self.watched is not None else ()
        metric = next((name for name in _METRICS if rows and name in rows[0]), "accuracy")
        epochs: list[float | None] = [row["epoch"] for row in rows]
        for chart, name in ((self.loss, "loss"), (self.score, metric)):
            curves = [[row.get(part + name) for row in rows] for part in ("", "validation_")]
            chart.show([name, "validation"], [epochs, *curves])

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
        write(self.progress, "" if watched is None else _progress(watched))
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
    def _messages(self) -> None:
        if self.watched is not None and self.watched.messages:
            with ui.element("details"):
                text("What it has printed", "summary", "dim")
                text("\n".join(self.watched.messages[-_MESSAGES:]), "pre", "spec")


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _progress(watched: Watched) -> str:
    """What is known of the training, in one line."""
    said = []
    if watched.rows:
        of = f" of {watched.epochs}" if watched.epochs else ""
        said.append(f"epoch {int(watched.rows[-1]['epoch'])}{of}")
        seconds = watched.rows[-1].get("seconds", 0)
        said.append(f"{seconds:.1f} s")
        if watched.state == "training" and watched.epochs:
            left = seconds / len(watched.rows) * (watched.epochs - len(watched.rows))
            said.append(f"at most {left:.0f} s left")
    return " · ".join(said)
