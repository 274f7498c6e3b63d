"""The page of the training: a network as text, its layers, options, and the curves of a run."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import Any
from urllib.parse import urlencode

from nicegui import run, ui

from segue.studio.design import TEMPLATES, Card, Plan, palette
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
from segue.studio.project import Project
from segue.studio.settings import Setting
from segue.studio.trainings import Watched

_GROUPS = {  # of the files that the layers stand in
    "recurrent": "Recurrent", "conv": "Convolution", "random_conv": "Convolution",
    "window_pool": "Convolution", "attention": "Dense, attention and others",
    "core": "Dense, attention and others", "pool": "Ends the sequence",
    "composition": "Of several layers", "multirocket": "Features that are not trained",
    "hydra": "Features that are not trained", "quant": "Features that are not trained",
    "rdst": "Features that are not trained", "activations": "Activations",
}  # fmt: skip
_CLOSED = "Activations"
_MESSAGES = 12  # lines of what a training has printed
_METRICS = ("accuracy", "rmse", "perplexity")


class TrainingPage:
    """The page, for one browser.

    Args:
        project: whose network is designed and trained.
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
                    self._layers()
                with ui.element("div").classes("stack"):
                    self._options()
                    self._run()
        self.look = watching(self._standing, self._follow)
        self.look_at_run = watching(self._watch, self._draw)

    # -- the network ------------------------------------------------------------------------------

    def _network(self) -> None:
        project = self.project
        with card("Network"):
            area = ui.textarea(value=project.network.text).props(
                "outlined dense autogrow debounce=250"
            )
            area.props["aria-label"] = "the network as text"
            area.props["spellcheck"] = "false"
            self.area = area.classes("mono")
            self.area.on_value_change(lambda event: self._write(event.value or ""))
            with ui.element("div").classes("head"):
                for name, action in (("Undo", project.undo), ("Redo", project.redo)):
                    edit = partial(self._edit, action)
                    ui.button(name, on_click=lambda edit=edit: edit()).props("flat dense")
                text("", "span", "grow")
                with ui.button("Templates").props("flat dense"), ui.menu():
                    for template in TEMPLATES:
                        edit = partial(self._edit, project.set_network, template)
                        ui.menu_item(template, lambda edit=edit: edit())
            text("Layers: a click puts one at the end.", "div", "dim small-text")
            groups: dict[str, list[Card]] = {name: [] for name in _GROUPS.values()}
            for one in palette():
                groups.setdefault(_GROUPS.get(one.group, "Others"), []).append(one)
            for group, cards in groups.items():
                with ui.element("details") as details:
                    if group != _CLOSED:
                        details.props("open")
                    text(group, "summary", "dim small-text")
                    with ui.element("div").classes("chips"):
                        for one in cards:
                            self._chip(one)
            prepare = ui.input("Preparation", value=project.prepare.text)
            prepare.props("dense outlined debounce=400").classes("mono")
            prepare.on_value_change(lambda event: self._prepare(event.value or ""))
            self.prepare = prepare

    def _chip(self, one: Card) -> None:
        chip = text(one.kind, "button", "chip").props("type=button")
        chip.props["title"] = f"{one.example}: {one.about}"
        chip.on("click", lambda: self._edit(self.project.add_layer, one.example))

    def _write(self, words: str) -> None:
        if words != self.project.network.text:
            self.project.set_network(words)

    def _prepare(self, words: str) -> None:
        if words != self.project.prepare.text:
            self.project.set_prepare(words)

    async def _edit(self, action: Any, *arguments: Any) -> None:
        with self.message.catching():
            action(*arguments)
        await self.look()

    async def _change(self, seen: str, action: Any, *arguments: Any) -> None:
        """Change a layer of the network, unless it has become another one meanwhile."""
        if seen == self.project.network.text:
            await self._edit(action, *arguments)

    def _standing(self) -> Any:
        return (self.project.revision, id(self.project.opened))

    async def _follow(self) -> None:
        """Show what has changed, here or in another page."""
        if self.area.value != self.project.network.text:
            self.area.value = self.project.network.text
        if self.prepare.value != self.project.prepare.text:
            self.prepare.value = self.project.prepare.text
        self._start.refresh()
        self._choose.refresh()
        await self._replan()

    def _layers(self) -> None:
        with card("Layers"):
            self.message = Message()
            self._plan()
            ui.timer(0, self._replan, once=True)

    async def _replan(self) -> None:
        """Plan the network in a thread: to look at large data for the first time takes a while."""
        self.plan = await run.io_bound(self.project.plan)
        self._plan.refresh()

    @ui.refreshable_method
    def _plan(self) -> None:
        plan = self.plan
        if plan is None:
            text("looking at the data", "div", "dim")
            return
        if plan.problem is not None and plan.problem.call is None:
            text(plan.problem.message, "div", "problem")
        by_call: dict[int | None, list[Any]] = defaultdict(list)
        for layer in plan.layers:
            by_call[layer.call].append(layer)
        with ui.element("div").classes("scroll"), ui.element("table").classes("plain"):
            with ui.element("thead"), ui.element("tr"):
                for heading in ("layer", "output", "parameters", ""):
                    text(
                        heading,
                        "th" if heading else "td",
                        "number" if heading == "parameters" else "",
                    )
            with ui.element("tbody"):
                self._row("input", plan.input_shape, "")
                for call, (start, stop) in enumerate(plan.calls):
                    self._call(plan, call, plan.text[start:stop], by_call[call])
                problem = plan.problem
                if (
                    problem is not None
                    and problem.call is not None
                    and problem.call >= len(plan.calls)
                ):
                    self._row(plan.text[problem.start :], "", "", wrong=problem.message)
                for layer in by_call[None]:
                    self._row(layer.name, layer.shape, f"{layer.parameters:,}")
        if plan.layers and plan.problem is None:
            text(f"{plan.parameters:,} parameters", "div", "dim")

    def _call(self, plan: Plan, call: int, words: str, layers: list[Any]) -> None:
        problem = plan.problem
        wrong = problem.message if problem is not None and problem.call == call else ""
        shape = layers[-1].shape if layers else ""
        parameters = f"{sum(layer.parameters for layer in layers):,}" if layers else ""
        self._row(words, shape, parameters, plan=plan, call=call, wrong=wrong)

    def _row(
        self, words: str, shape: str, parameters: str,
        *, plan: Plan | None = None, call: int = -1, wrong: str = "",
    ) -> None:  # fmt: skip
        with ui.element("tr").classes("wrong" if wrong else ""):
            with ui.element("td"):
                text(words, "div", "dim" if plan is None else "mono")
                if wrong:
                    text(wrong, "div", "small-text").props("role=alert")
            text(shape, "td", "mono")
            text(parameters, "td", "number")
            with ui.element("td").classes("number"):
                if plan is not None:
                    self._changes(plan, call, words)

    def _changes(self, plan: Plan, call: int, words: str) -> None:
        """The buttons that move a layer, and take it out."""
        project, last = self.project, len(plan.calls) - 1
        for sign, name, action, arguments, is_open in (
            ("↑", "up", project.move_layer, (call, call - 1), call > 0),
            ("↓", "down", project.move_layer, (call, call + 1), call < last),
            ("✕", "out", project.remove_layer, (call,), True),
        ):

            async def change(action: Any = action, arguments: Any = arguments) -> None:
                await self._change(plan.text, action, *arguments)

            button = ui.button(sign, on_click=change).props("flat dense size=sm")
            button.props["aria-label"] = f"{words} {name}"
            button.set_enabled(is_open)

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
                "Compare usual networks", on_click=lambda: self._begin(compare=True)
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
