"""The page of the results: scores, what is taken for what, and for each sequence when and why."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from segue.errors import SegueError
from segue.studio.pages.elements import (
    LineChart,
    Message,
    PointChart,
    card,
    choice,
    item,
    lines,
    scored_runs,
    table,
    text,
    write,
)
from segue.studio.pages.frame import frame, in_thread, watching
from segue.studio.pages.sequence import SequenceView, write_words
from segue.studio.project import Project
from segue.studio.results import METHODS, Answer, Method, Results
from segue.studio.tracks import Track

_CLASSES = 30  # of a matrix; of more, the pairs that are mixed up most are listed
_CHOICES = 200  # classes to choose from
_PREDICTED = "the predicted class"
_NO_LAYER = "gates of no layer"


class ResultsPage:
    """The page, for one browser.

    Args:
        project: whose runs are shown.
        name: of the run; `None`: the newest that has results.
    """

    def __init__(self, project: Project, name: str | None = None) -> None:
        self.project = project
        names = project.scored()
        self.name = name if name in names else next(iter(names), None)
        self.found: Results | None = None
        self._forget()
        with frame(project, "/results"), ui.element("div").classes("page sided"):
            with card("Runs"):
                self._runs()
            with ui.element("div").classes("stack"):
                self.message = Message()
                self._results()
                ui.timer(0, self._score, once=True)
        watching(project.scored, self._runs.refresh)

    def _forget(self) -> None:
        self.cell: tuple[int, int] | None = None
        self.index: int | None = None
        self.method: Method = METHODS[0]
        self.target, self.layer = "", ""
        self.view = SequenceView(str(self.name), has_tracks=True)

    @ui.refreshable_method
    def _runs(self) -> None:
        scored_runs(self.project, self.name, self._look_at)

    async def _look_at(self, name: str) -> None:
        self.name = name
        self._forget()
        self._runs.refresh()
        await self._score()

    async def _score(self) -> None:
        """Score the model in a thread, and show what comes of it."""
        self.found = None
        self._results.refresh()
        if self.name is not None:
            with self.message.catching():
                self.found = await in_thread(self.project.results, self.name)
            await self._results.refresh()
            await self._explain()

    @ui.refreshable_method
    def _results(self) -> None:
        if self.name is None:
            with card("Results"):
                text(
                    "What a model answers on sequences that it was not trained on stands here: its "
                    "scores beside those of guessing, what it takes for what, and each mistake.",
                    "p", "empty",
                )  # fmt: skip
            return
        found = self.found
        if found is None:
            if not self.message.is_shown:
                text("scoring the model", "div", "dim")
            return
        with ui.element("div").classes("two"):
            self._scores(found)
            if found.has_confusion:
                self._confusion(found)
        if found.order:
            with card("Sequences"), ui.element("div").classes("page sided").style("padding: 0"):
                self._chosen(found)
                with ui.element("div").classes("stack"):
                    self._sequence(found)
        if found.kind == "forecast":
            self._forecasts(found)
        if found.calibration is not None:
            with ui.element("div").classes("two"):
                self._calibration(found)
                self._map(found)

    # -- scores -----------------------------------------------------------------------------------

    def _scores(self, found: Results) -> None:
        evaluation = found.evaluation
        metric = evaluation.main_metric
        with card("Scores"):
            text(metric.text(getattr(evaluation, metric.name)), "div", "big")
            interval = evaluation.interval
            said = f"{metric.label} on the part {evaluation.part or 'as a whole'}"
            if interval is not None:
                said += f", 95 % interval {metric.text(interval[0])} to {metric.text(interval[1])}"
            text(said, "div", "dim")
            text(evaluation.verdict(), "p")
            table([(name, metric.text(value)) for name, value in evaluation.baselines.items()])
            text("Next: use it →", "a").props["href"] = f"/use?{urlencode({'run': self.name})}"
            with ui.element("details"):
                text("The whole report", "summary", "dim")
                text(found.text, "pre", "spec scroll")
            lines(*self.project.results_lines(str(self.name)))

    def _confusion(self, found: Results) -> None:
        evaluation = found.evaluation
        classes = [str(name) for name in evaluation.classes]
        with card("Confusion"):
            text("Rows are what a sequence is, columns what it was taken for. A cell shows its "
                 "sequences.", "div", "dim small-text")  # fmt: skip
            if len(classes) > _CLASSES:
                self._pairs(found, classes)
                return
            matrix = evaluation.confusion
            with ui.element("div").classes("scroll"), ui.element("table").classes("confusion"):
                with ui.element("tr"):
                    text("", "td")
                    for name in classes:
                        text(name, "th").props["title"] = name
                for row, name in enumerate(classes):
                    with ui.element("tr"):
                        text(name, "th").props["title"] = name
                        for column in range(len(classes)):
                            self._cell(matrix, classes, row, column)

    def _cell(self, matrix: Any, classes: list[str], row: int, column: int) -> None:
        count, whole = int(matrix[row, column]), max(1, int(matrix[row].sum()))
        with ui.element("td"):
            button = text(count or "·", "button").props("type=button")
            button.props["aria-label"] = f"{classes[row]} taken for {classes[column]}: {count}"
            if not count:
                button.props("disabled")
                return
            share = count / whole
            if share > 0.5:  # light figures need a background that is dark enough
                button.classes("strong")
            shade = 0.7 + 0.3 * share if share > 0.5 else 0.08 + 0.74 * share
            button.style(f"background: rgba(var(--heat), {shade:.2f})")
            button.on("click", lambda: self._choose((row, column)))

    def _pairs(self, found: Results, classes: list[str]) -> None:
        with ui.element("div").classes("list"):
            for count, row, column in found.pairs():
                words = f"{classes[row]} taken for {classes[column]}"
                item(words, str(count), partial(self._choose, (row, column)))

    # -- sequences --------------------------------------------------------------------------------

    async def _choose(self, cell: tuple[int, int] | None) -> None:
        self.cell, self.index = cell, None
        await self._chosen.refresh(self.found)  # which may choose the first of the list
        await self._sequence.refresh(self.found)
        await self._explain()

    async def _show(self, index: int) -> None:
        self.index, self.target = index, ""
        await self._chosen.refresh(self.found)  # which may choose the first of the list
        await self._sequence.refresh(self.found)
        await self._explain()

    @ui.refreshable_method
    def _chosen(self, found: Results) -> None:
        rows: list[Answer]
        with ui.element("div").classes("stack"):
            if self.cell is not None:
                rows = found.cell(*self.cell)
                names = [str(found.evaluation.classes[code]) for code in self.cell]
                text(f"{names[0]} taken for {names[1]}", "h3")
                back = ui.button("all mistakes", on_click=partial(self._choose, None))
                back.props("flat dense").style("justify-self: start")
            else:
                rows = found.mistakes()
                text(found.order, "h3")
                if not rows:
                    text("There are none: a cell of the matrix shows those that are right.",
                         "div", "empty")  # fmt: skip
            if self.index is None and rows:
                self.index = rows[0].number
            with ui.element("div").classes("list tall"):
                for row in rows:
                    item(
                        row.id, row.words, partial(self._show, row.number), row.number == self.index
                    )

    @ui.refreshable_method
    def _sequence(self, found: Results) -> None:
        if self.index is None:
            text("Choose a cell of the matrix: its sequences stand here, to be seen, heard and "
                 "explained.", "div", "empty")  # fmt: skip
            return
        self.view = SequenceView(str(self.name), has_tracks=True)
        self.refused = Message()
        if hasattr(found.model, "classes_"):
            self._methods(found)
        self._words = ui.element("div").classes("reading words")
        self._words.set_visibility(False)
        with ui.element("div").classes("stack tight"):
            self.view.draw(found.data, self.index)
        shares = found.shares(self.index)
        if shares:
            table([(name, f"{share:.1%}") for name, share in shares], ("class", "probability"), 1)

    def _methods(self, found: Results) -> None:
        """What is explained and how; the explanation follows at once."""
        with ui.element("div").classes("head"):
            if found.kind != "label":
                text("Why:", "span", "dim")
                choice(METHODS, self.method, "explanation", self._set("method"))
                classes = [_PREDICTED, *map(str, found.model.classes_[:_CHOICES])]
                choice(classes, self.target or _PREDICTED, "for and against", self._set("target"))
            layers = [f"{name} {way}" for name, way in found.recurrent]
            if layers:
                known = [_NO_LAYER, *layers]
                choice(known, self.layer or _NO_LAYER, "gates", self._set("layer"))
            self.waiting = text("", "span", "dim")

    def _set(self, name: str) -> Callable[[str], Any]:
        async def chosen(words: str) -> None:
            setattr(self, name, "" if words in (_PREDICTED, _NO_LAYER) else words)
            await self._explain()

        return chosen

    async def _explain(self) -> None:
        """Compute the tracks of the sequence in a thread, and draw them as they come."""
        found, index = self.found, self.index
        if found is None or index is None or not hasattr(found.model, "classes_"):
            return
        view, asked = self.view, (index, self.method, self.target, self.layer)
        wanted: list[Callable[[], Any]] = [partial(found.along, index)]
        if found.kind != "label":
            wanted.append(partial(found.why, index, self.method, self.target))
        if self.layer:
            layer, _, way = self.layer.rpartition(" ")
            wanted.append(partial(found.gates, index, layer, way))
        if found.data.data.x.is_text:
            wanted = [partial(found.words, index, self.method, self.target)]
        tracks: list[Track] = []
        problems = []
        write(self.waiting, "computing")
        for compute in wanted:
            try:
                new: Any = await in_thread(compute)
            except SegueError as error:
                problems.append(str(error))
                continue
            if asked != (self.index, self.method, self.target, self.layer) or view is not self.view:
                return  # another one is shown meanwhile
            if found.data.data.x.is_text:
                write_words(self._words, new)
                continue
            tracks += new if isinstance(new, list) else [new]
            view.add(tracks)
        write(self.waiting, "")
        if problems:
            self.refused.show("\n".join(problems))
        else:
            self.refused.clear()

    # -- all of them ------------------------------------------------------------------------------

    def _calibration(self, found: Results) -> None:
        seen = found.calibration
        with card("Calibration"):
            text(f"{seen} On the straight line they are the same.", "div", "dim small-text")
            names = ("right", "as sure")
            chart = LineChart(names, axis="confidence", label="accuracy over confidence", high=1.0)
            bins = [
                (float(sure), float(right))
                for sure, right, count in zip(
                    seen.confidence, seen.accuracy, seen.counts, strict=True
                )
                if count
            ]
            ends = [(0.0, None), *bins, (1.0, None)]
            sure = [end for end, _ in ends]
            chart.show(names, [sure, [right for _, right in ends], sure])

    def _map(self, found: Results) -> None:
        with card("Map of the sequences") as section:
            text("What the network makes of each sequence, before its head, in the plane: those "
                 "that it finds alike lie together. A click opens one.",
                 "div", "dim small-text")  # fmt: skip
            message = Message()

            async def draw() -> None:
                button.disable()
                with message.catching():
                    seen: Any = await in_thread(lambda: found.point_map)
                    points = [
                        (*map(float, point), label, int(number), found.data.row(int(number)).id)
                        for point, label, number in zip(
                            seen.points, seen.labels, seen.numbers, strict=True
                        )
                    ]
                    with section:
                        PointChart(points, label="map of the sequences", on_choose=self._show)
                        text(seen.about, "div", "dim small-text")
                button.set_visibility(False)

            button = ui.button("Draw the map", on_click=draw).props("outline")
            button.style("justify-self: start")

    def _forecasts(self, found: Results) -> None:
        with card("Forecasts, one step ahead"):
            names = ("true", "predicted")
            chart = LineChart(names, axis="window", label="true and predicted values")
            truth, predicted = (list(map(float, values)) for values in found.forecasts())
            chart.show(names, [list(map(float, range(len(truth)))), truth, predicted])
