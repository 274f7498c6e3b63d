"""The page of the experiments: all runs and studies, some side by side, and studies to start."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from segue.errors import SegueError
from segue.progress import duration
from segue.runs.ordering import SORTS
from segue.runs.summary import RunSummary
from segue.studio.experiments import WatchedStudy
from segue.studio.pages.elements import (
    LineChart,
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
from segue.studio.project import Project
from segue.studio.study_plan import KINDS, StudyPlan, values_of

_ROWS = 60  # in the table at first
_TRIALS = 40
_BESIDE = 8  # runs whose curves are drawn over each other
_ABOUT = {
    "grid": "Every combination of networks and values, compared on a share of the training part.",
    "learning-curve": "The network that is chosen, with more and more sequences.",
    "seeds": "The network that is chosen, several times: how much of a score is luck.",
}
_HEADINGS = ("", "run", "network", "source", "score", "baseline", "epochs", "took", "began",
             "state", "", "note", "")  # fmt: skip
_METRICS = ("accuracy", "rmse", "perplexity")
_NUMBERS = ("score", "baseline", "epochs", "took")


class ExperimentsPage:
    """The page, for one browser.

    Args:
        project: whose runs are shown.
    """

    def __init__(self, project: Project) -> None:
        self.project, self.all = project, project.experiments
        self.sort, self.words, self.shown = "date", "", _ROWS
        self.has_trials = False
        self.drawn: dict[str, list[ui.element]] = {}  # the cells of each row that can change
        self.chosen: list[str] = []
        self.rows: list[RunSummary] = []
        self.kind = KINDS[0]
        self.name: str | None = next(iter(self.all.studies()), None)
        self.watched: WatchedStudy | None = None
        self.plan: StudyPlan | None = None
        self._standing()
        with frame(project, "/experiments"), ui.element("div").classes("page"):
            self.message = Message()
            self._runs()
            self._beside()
            with ui.element("div").classes("two"):
                self._new()
                self._studies()
        self.look = watching(self._standing, self._follow, self._plan)
        self.look_at_study = watching(self._watch, self._draw_study)

    def _standing(self) -> Any:
        rows = self.all.rows(sort=self.sort, words=self.words)
        self.rows = [row for row in rows if self.has_trials or row.kind != "trial"]
        return self.project.revision, self.rows

    # -- the table --------------------------------------------------------------------------------

    def _runs(self) -> None:
        with card("Runs and studies"):
            with ui.element("div").classes("head"):
                find = ui.input(placeholder="words in name, network, note …").props(
                    "dense outlined clearable debounce=200"
                )
                find.props('aria-label="find runs"').classes("grow")
                find.on_value_change(lambda event: self._find(event.value or ""))
                text("sort by", "span", "dim")
                choice(SORTS, self.sort, "sort by", self._order)
                trials = text("trials", "button", "chip").props("type=button aria-pressed=false")
                trials.on("click", partial(self._turn_trials, trials))
                ui.button("Undo deleting", on_click=self._undo).props("flat dense")
            self._note_field()
            self._table()

    def _note_field(self) -> None:
        """Where a note is written: beside the table, which is drawn anew while somebody types."""
        with ui.element("div").classes("head") as self.noting:
            self.noted, self.noted_path = text("", "span", "dim"), ""
            self.note = ui.input().props('dense outlined maxlength=10000 aria-label="note"')
            self.note.classes("grow").on("keydown.enter", self._save_note)
            ui.button("Save the note", on_click=self._save_note).props("outline")
        self.noting.set_visibility(False)

    def _open_note(self, path: str, name: str) -> None:
        row = next((one for one in self.rows if self.all.path_of(one) == path), None)
        write(self.noted, f"note on {name}")
        self.noted_path, self.note.value = path, "" if row is None else row.note
        self.noting.set_visibility(True)
        self.note.run_method("focus")

    async def _save_note(self) -> None:
        self.noting.set_visibility(False)
        await self._act(self.all.note, self.noted_path, str(self.note.value or ""))

    async def _turn_trials(self, chip: ui.element) -> None:
        self.has_trials = not self.has_trials
        chip.classes(replace="chip here" if self.has_trials else "chip")
        chip.props["aria-pressed"] = str(self.has_trials).lower()
        chip.update()
        self._standing()
        self._table.refresh()

    def _follow(self) -> None:
        """Write what has changed into the rows; draw them anew where there are others."""
        rows = self.rows[: self.shown]
        if [row.name for row in rows] != list(self.drawn) or not rows:
            self._table.refresh()
            return
        for row in rows:
            for cell, (words, classes) in zip(self.drawn[row.name], _cells(row), strict=True):
                write(cell, words).classes(replace=classes)

    async def _find(self, words: str) -> None:
        self.words, self.shown = words, _ROWS
        await self.look()

    async def _order(self, sort: str) -> None:
        self.sort = sort
        self._standing()
        self._table.refresh()

    @ui.refreshable_method
    def _table(self) -> None:
        self.drawn = {}
        if not self.rows:
            if self.words:
                text("No run has these words.", "p", "empty")
            else:
                text("No run yet: what is trained is kept in the folder runs.", "p", "empty")
                text("← Training", "a").props("href=/training")
            return
        with ui.element("div").classes("scroll"), ui.element("table").classes("plain runs"):
            with ui.element("thead"), ui.element("tr"):
                for heading in _HEADINGS:
                    number = "number" if heading in _NUMBERS else ""
                    text(heading, "th" if heading else "td", number)
            with ui.element("tbody"):
                for row in self.rows[: self.shown]:
                    self._row(row)
        if len(self.rows) > self.shown:
            more = ui.button(f"{len(self.rows) - self.shown:,} more", on_click=self._more)
            more.props("flat dense").style("justify-self: start")

    def _more(self) -> None:
        self.shown *= 4
        self._table.refresh()

    def _row(self, row: RunSummary) -> None:
        path, name = self.all.path_of(row), self.all.name_of(row)
        with ui.element("tr").classes(row.kind):
            with ui.element("td"):
                if row.kind == "run":
                    box = ui.element("input").props("type=checkbox")
                    box.props["aria-label"] = f"beside others: {name}"
                    if name in self.chosen:
                        box.props("checked")
                    box.on("change", partial(self._choose, name))
            if row.kind == "run" and row.score is not None:
                with ui.element("td"):
                    text(name, "a").props["href"] = f"/results?{urlencode({'run': name})}"
            else:
                text(name, "td")
            source = (row.source or "").removeprefix(f"{self.project.folder}/")
            for words, classes in ((row.network or "", "mono narrow"), (source, "narrow dim")):
                text(words, "td", classes).props["title"] = words
            *cells, (star, look), note = _cells(row)
            self.drawn[row.name] = [text(words, "td", classes) for words, classes in cells]
            if row.kind == "trial":
                self.drawn[row.name] += [text("", "td"), text("", "td")]
                return
            with ui.element("td"):
                button = self._button(star, f"star {name}", partial(self._star, path))
                self.drawn[row.name].append(button.classes(replace=look))
            self.drawn[row.name].append(text(note[0], "td", note[1]))
            with ui.element("td").classes("nowrap"):
                self._button("✎", f"note on {name}", partial(self._open_note, path, name))
                self._button("✕", f"delete {name}", partial(self._act, self.all.delete, path))

    @staticmethod
    def _button(sign: str, label: str, act: Any) -> ui.element:
        button = text(sign, "button", "plain-button").props("type=button")
        button.props["aria-label"] = label
        return button.on("click", act)

    async def _star(self, path: str) -> None:
        row = next((one for one in self.rows if self.all.path_of(one) == path), None)
        await self._act(self.all.star, path, on=row is None or not row.star)

    async def _act(self, action: Any, *arguments: Any, **named: Any) -> None:
        with self.message.catching():
            action(*arguments, **named)
        await self.look()

    async def _undo(self) -> None:
        with self.message.catching():
            ui.notify(f"{self.all.undo()} is there again")
        await self.look()

    # -- side by side -----------------------------------------------------------------------------

    def _choose(self, name: str) -> None:
        if name in self.chosen:
            self.chosen.remove(name)
        else:
            self.chosen = [*self.chosen, name][-_BESIDE:]
        self._beside.refresh()

    @ui.refreshable_method
    def _beside(self) -> None:
        if not self.chosen:
            return
        with card("Beside one another"):
            rows: dict[str, Any] = {}
            for name in self.chosen:
                try:
                    rows[name] = self.project.watch(name).rows
                except SegueError as error:
                    text(str(error), "div", "problem")
            metrics = [
                column for column in ("validation_loss", "loss", "validation_accuracy", "accuracy")
                if any(column in row for one in rows.values() for row in one)
            ]  # fmt: skip
            with ui.element("div").classes("two"):
                for metric in (
                    metrics[:1] + [each for each in metrics[1:] if "accuracy" in each][:1]
                ):
                    self._curves(metric, rows)
            if len(self.chosen) == 2:
                self._test()
            else:
                text("Choose two runs, and a paired test says whether one is better.", "p", "dim")

    def _curves(self, metric: str, rows: dict[str, Any]) -> None:
        words = metric.replace("_", " ")
        with ui.element("div").classes("stack tight"):
            text(words, "h3")
            chart = LineChart([], axis="epoch", label=f"{words} over the epochs")
            epochs = sorted({row["epoch"] for one in rows.values() for row in one})
            curves = []
            for one in rows.values():
                known = {row["epoch"]: row.get(metric) for row in one}
                curves.append([known.get(epoch) for epoch in epochs])
            chart.show(list(rows), [epochs, *curves])

    def _test(self) -> None:
        message = Message()
        place = ui.element("div").classes("stack")

        async def compare() -> None:
            button.disable()
            with message.catching():
                found = await in_thread(self.project.compare, *self.chosen)
                with place:
                    self._compared(found)
                button.set_visibility(False)
            button.enable()

        button = ui.button("Test whether one is better", on_click=compare, color=None)
        button.props("unelevated").classes("primary").style("justify-self: start")

    def _compared(self, found: Any) -> None:
        test, names = found.test, [one.folder.name for one in (found.a, found.b)]
        text(found.verdict.replace(found.a.name, names[0]).replace(found.b.name, names[1]), "p")
        rows = [(name, *map(_setting, pair)) for name, pair in found.settings.items()]
        rows.append((f"test {test.metric}", *(f"{score:.4g}" for score in test.scores)))
        table(rows, ("differs", *names))
        low, high = test.interval
        facts = [
            ("sequences", f"{found.sequences:,}"),
            ("difference", f"{test.difference:+.4g}, 95 % interval {low:+.4g} to {high:+.4g}"),
            (test.test, f"p = {test.p_value:.2g}"),
        ]
        table(facts)

    # -- a new study ------------------------------------------------------------------------------

    def _new(self) -> None:
        with card("Start a study"):
            if self.project.opened is None:
                text("A study trains on the data that are open: open some first.", "p", "empty")
                text("← Data", "a").props("href=/")
            with ui.element("div").classes("head"):
                choice(KINDS, self.kind, "kind of study", self._take_kind)
                self.about = text(_ABOUT[self.kind], "span", "dim")
            self._fields()
            self.refused = Message()
            self._begin()
            self._plan()

    def _take_kind(self, kind: Any) -> None:
        self.kind = kind
        write(self.about, _ABOUT[kind])
        for field, kinds in self.fields:
            field.set_visibility(kind in kinds)
        self._plan()

    def _fields(self) -> None:
        def field(label: str, value: str, kinds: tuple[str, ...], *, is_long: bool = False) -> Any:
            made: Any = ui.textarea(label, value=value) if is_long else ui.input(label, value=value)
            made.props("dense outlined debounce=300" + (" autogrow" if is_long else ""))
            made.classes("mono" if is_long else "")
            made.on_value_change(self._plan)
            made.set_visibility(self.kind in kinds)
            self.fields.append((made, kinds))
            return made

        self.fields: list[tuple[Any, tuple[str, ...]]] = []
        network = self.project.training().network if self.project.opened is not None else ""
        networks = "\n".join(
            dict.fromkeys(filter(None, [network, "lstm(32)", "conv(64, 5) relu pool(mean)"]))
        )
        self.networks = field("networks, one a line", networks, ("grid",), is_long=True)
        self.vary = field(
            "other values, such as learning_rate=0.001,0.01", "", ("grid",), is_long=True
        )
        self.sizes = field("numbers of sequences, such as 20,50,100", "", ("learning-curve",))
        self.seeds = field("seeds", "3", KINDS)

    def _planned(self) -> StudyPlan:
        seeds = (self.seeds.value or "").strip()
        more: dict[str, Any] = {"seeds": int(seeds) if seeds.isdecimal() else 0}
        if self.kind == "grid":
            more["networks"] = tuple(
                line.strip() for line in (self.networks.value or "").splitlines() if line.strip()
            )
            more["vary"] = values_of(self.vary.value or "")
        if self.kind == "learning-curve":
            words = [word.strip() for word in (self.sizes.value or "").split(",") if word.strip()]
            more["sizes"] = tuple(int(word) for word in words if word.isdecimal())
        return self.project.study(self.kind, **more)

    def _begin(self) -> None:
        """The start, which is never made anew: it can be clicked while something changes."""
        with ui.element("div").classes("head"):
            self.start = ui.button("Start the study", on_click=self._start, color=None)
            self.start.props("unelevated").classes("primary")
            self.trials = text("", "span", "dim")
        self._lines()

    def _plan(self) -> None:
        plan = None
        if self.project.opened is not None:
            with self.refused.catching():
                plan = self._planned()
        self.start.set_enabled(plan is not None)
        count = None if plan is None else plan.trials
        write(self.trials, "" if count is None else f"{count:,} trainings")
        self.plan = plan
        self._lines.refresh()

    @ui.refreshable_method
    def _lines(self) -> None:
        if self.plan is not None:
            lines(self.plan.script(), self.plan.command())

    async def _start(self) -> None:
        with self.refused.catching():
            place, _, name = self.project.start_study(self._planned()).partition("/")
            if place == "studies":
                self.name = name
            else:
                ui.navigate.to(f"/training?{urlencode({'run': name})}")
        await self.look_at_study()

    # -- a study as it goes on --------------------------------------------------------------------

    def _studies(self) -> None:
        with card("Studies"):
            self._study_list()
            with ui.element("div").classes("head"):
                self.state = text("", "span", "state")
                self.where = text("", "span", "dim grow")
                self.stop = ui.button("Stop", on_click=partial(self._do, self.all.stop))
                self.stop.props("outline")
                self.resume = ui.button(
                    "Go on", on_click=partial(self._do, self.all.resume), color=None
                )
                self.resume.props("unelevated").classes("primary")
            self.failed = Message()
            self._study()
            self._watch()
            self._draw_study()

    @ui.refreshable_method
    def _study_list(self) -> None:
        names = self.all.studies()
        if not names:
            text("No study yet: what is started here is kept in the folder studies.", "p", "empty")
        with ui.element("div").classes("list").style("max-height: 132px"):
            for name in names[:_ROWS]:
                item(name, "", partial(self._look_at, name), name == self.name)

    async def _look_at(self, name: str) -> None:
        self.name = name
        self._study_list.refresh()
        await self.look_at_study()

    def _watch(self) -> Any:
        if self.name is None:
            return None
        before = self.watched
        try:
            self.watched = self.all.watch(self.name)
        except SegueError:  # it was deleted
            self.watched, self.name = None, None
        if before is None or self.watched is None or before.name != self.watched.name:
            self._study_list.refresh()
        return self.watched

    def _draw_study(self) -> None:
        """What is changed while a study goes on; its buttons are never made anew."""
        watched = self.watched
        state = "" if watched is None else watched.state
        write(self.state, state).classes(replace=f"state {state}")
        write(self.where, "" if watched is None else f"studies/{watched.name}")
        self.stop.set_visibility(watched is not None and watched.is_active)
        self.resume.set_visibility(watched is not None and watched.can_resume)
        if watched is not None and watched.error:
            self.failed.show(watched.error)
        else:
            self.failed.clear()
        self._study.refresh()

    @ui.refreshable_method
    def _study(self) -> None:
        watched = self.watched
        if watched is None:
            return
        table(watched.facts)
        rows = [
            (
                self.all.name_of(one),
                one.problem or one.state,
                "" if one.score is None else f"{one.score:.4f}",
            )
            for one in watched.trials[:_TRIALS]
        ]
        if rows:
            table(rows, ("trial", "state", watched.trials[0].metric or "score"), 1)
        if watched.messages:
            with ui.element("details"):
                text("What it has printed", "summary", "dim")
                text("\n".join(watched.messages[-_TRIALS:]), "pre", "spec scroll")

    async def _do(self, action: Any) -> None:
        with self.message.catching():
            action(self.name)
        await self.look_at_study()


def _cells(row: RunSummary) -> list[tuple[str, str]]:
    """What a row has that can change, each with its classes; its star and its note come last."""
    score = "" if row.score is None else f"{row.metric} {row.score:.4g}"
    if row.trials is not None:
        done, wanted = row.trials
        score = f"{done} trials" if wanted is None else f"{done} of {wanted} trials"
    return [
        (score, "number"),
        ("" if row.baseline is None else f"{row.baseline:.4g}", "number"),
        (str(row.epochs or ""), "number"),
        ("" if row.seconds is None else duration(row.seconds), "number"),
        (row.date[:16].replace("T", " "), "dim nowrap"),
        (row.problem or row.state, f"state {row.state}"),
        *([("", ""), ("", "")] if row.kind == "trial" else _own(row)),
    ]


def _own(row: RunSummary) -> list[tuple[str, str]]:
    return [("★" if row.star else "☆", "plain-button"), (row.note, "note")]


def _setting(value: Any) -> str:
    return "none" if value is None else str(value)
