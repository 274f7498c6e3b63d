"""The page of the results: scores, what is taken for what, and the sequences behind it."""

from __future__ import annotations

from typing import Any

from nicegui import run, ui

from segue.studio.pages.data_page import show_sequence
from segue.studio.pages.elements import Message, card, item, lines, run_list, table, text
from segue.studio.pages.frame import frame, watching
from segue.studio.project import Project, Results

_CLASSES = 30  # of a matrix; of more, the pairs that are mixed up most are listed
_MISTAKES = 100
_WIDTH = 1000


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
        self.cell: tuple[int, int] | None = None
        self.index: int | None = None
        self.found: Results | None = None
        with frame(project, "/results"), ui.element("div").classes("page sided"):
            with card("Runs"):
                self._runs()
            with ui.element("div").classes("stack"):
                self.message = Message()
                self._results()
                ui.timer(0, self._score, once=True)
        watching(project.scored, self._runs.refresh)

    @ui.refreshable_method
    def _runs(self) -> None:
        names = self.project.scored()
        if not names:
            text("No run has results yet.", "p", "empty")
            text("← Training", "a").props("href=/training")
        with ui.element("div").classes("list tall"):
            run_list(self.project, names, self.name, self._look_at)

    async def _look_at(self, name: str) -> None:
        self.name, self.cell, self.index = name, None, None
        self._runs.refresh()
        await self._score()

    async def _score(self) -> None:
        """Score the model in a thread, and show what comes of it."""
        self.found = None
        self._results.refresh()
        if self.name is not None:
            with self.message.catching():
                self.found = await run.io_bound(self.project.results, self.name)
            self._results.refresh()

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
            self._confusion(found)
        if (
            hasattr(found.evaluation.outcome, "arrays")
            and "predictions" in found.evaluation.outcome.arrays
        ):
            with card("Sequences"), ui.element("div").classes("page sided").style("padding: 0"):
                self._chosen(found)
                with ui.element("div"):
                    self._sequence(found)

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
            with ui.element("details"):
                text("The whole report", "summary", "dim")
                text(found.text, "pre", "spec scroll")
            lines(*self.project.results_lines(str(self.name)))

    def _confusion(self, found: Results) -> None:
        evaluation = found.evaluation
        if "confusion" not in evaluation.task_.metrics():
            return
        matrix, classes = evaluation.confusion, [str(name) for name in evaluation.classes]
        with card("Confusion"):
            text("Rows are what a sequence is, columns what it was taken for. A cell shows its "
                 "sequences.", "div", "dim small-text")  # fmt: skip
            if len(classes) > _CLASSES:
                self._pairs(matrix, classes)
                return
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
            button.style(f"background: rgba(var(--heat), {0.12 + 0.88 * share:.2f})")
            if share > 0.5:
                button.classes("strong")
            button.on("click", lambda: self._choose((row, column)))

    def _pairs(self, matrix: Any, classes: list[str]) -> None:
        mixed = [
            (int(matrix[row, column]), row, column)
            for row in range(len(classes)) for column in range(len(classes))
            if row != column and matrix[row, column]
        ]  # fmt: skip
        with ui.element("div").classes("list"):
            for count, row, column in sorted(mixed, reverse=True)[:_MISTAKES]:
                words = f"{classes[row]} taken for {classes[column]}"
                item(words, str(count), lambda r=row, c=column: self._choose((r, c)))

    def _choose(self, cell: tuple[int, int] | None) -> None:
        self.cell, self.index = cell, None
        self._chosen.refresh(self.found)
        self._sequence.refresh(self.found)

    @ui.refreshable_method
    def _chosen(self, found: Results) -> None:
        evaluation = found.evaluation
        rows: list[tuple[int, str, str]] = []
        with ui.element("div").classes("stack"):
            if self.cell is not None and "confusion" in evaluation.task_.metrics():
                truth, taken = self.cell
                there = (evaluation.target_codes == truth) & (evaluation.predicted_codes == taken)
                rows = [
                    (
                        int(index),
                        found.data.row(int(index)).id,
                        f"{evaluation.confidence[index]:.0%} sure",
                    )
                    for index in there.nonzero()[0][:_MISTAKES]
                ]
                names = [str(evaluation.classes[code]) for code in (truth, taken)]
                text(f"{names[0]} taken for {names[1]}", "h3")
                ui.button("all mistakes", on_click=lambda: self._choose(None)).props("flat dense")
            elif "correct" in evaluation.outcome.arrays or hasattr(evaluation, "correct"):
                text("Mistakes, the surest first", "h3")
                rows = [
                    (
                        one.index,
                        str(one.id),
                        f"{one.target} → {one.prediction}, {one.confidence:.0%}",
                    )
                    for one in evaluation.mistakes(_MISTAKES)
                ]
                if not rows:
                    text("There are none.", "div", "empty")
            if self.index is None and rows:
                self.index = rows[0][0]
            with ui.element("div").classes("list tall"):
                for index, name, aside in rows:
                    item(name, aside, lambda i=index: self._show(i), index == self.index)

    def _show(self, index: int) -> None:
        self.index = index
        self._chosen.refresh(self.found)
        self._sequence.refresh(self.found)

    @ui.refreshable_method
    def _sequence(self, found: Results) -> None:
        if self.index is None:
            text("Choose a sequence, or a cell of the matrix.", "div", "empty")
            return
        evaluation, index = found.evaluation, self.index
        show_sequence(found.data.view(index, width=_WIDTH), str(self.name))
        if "probabilities" in evaluation.outcome.arrays:
            shares = evaluation.probabilities[index]
            best = sorted(
                zip(shares.tolist(), map(str, evaluation.classes), strict=True), reverse=True
            )
            table([(name, f"{share:.1%}") for share, name in best[:5]], ("class", "probability"), 1)
