"""Text in pictures is legible: inside the figure, and no two texts over each other."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import segue
from segue import plots
from segue.plots import studies

LONG = "a very long name of a class that goes on and on, number"
NAMES: dict[str, Callable[[int], list[Any]]] = {
    "numbers": lambda count: [str(i) for i in range(count)],
    "long": lambda count: [f"{LONG} {i}" for i in range(count)],
    "Greek": lambda count: [f"κυματομορφή αισθητήρα υπ' αριθμόν {i}" for i in range(count)],
    "Chinese": lambda count: [f"这是一个非常长的类别名称它不会结束号码{i}" for i in range(count)],
    "dates": lambda count: [f"2024-{i % 12 + 1:02}-28 12:{i % 60:02}:00" for i in range(count)],
}


def illegible(figure: Any) -> list[str]:
    """What lies outside the figure, and pairs that lie over each other, by more than a pixel."""
    drawn: dict[int, Text] = {}  # ticks beyond the axes are not

    def draw(text: Text, *given: Any, **more: Any) -> None:
        drawn[id(text)] = text
        whole(text, *given, **more)

    whole, canvas = Text.draw, FigureCanvasAgg(figure)
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        patch.setattr(Text, "draw", draw)
        canvas.draw()
        boxes = [
            (text.get_text(), text.get_window_extent(canvas.get_renderer()))
            for text in drawn.values()
            if text.get_text().strip() and text.get_visible()
        ]
    page, problems = figure.bbox, []
    for text, box in boxes:
        if box.x0 < -1 or box.y0 < -1 or box.x1 > page.x1 + 1 or box.y1 > page.y1 + 1:
            problems.append(f"{text!r} lies outside")
    for (one, a), (other, b) in combinations(boxes, 2):
        across, down = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > 1 and down > 1:
            problems.append(f"{one!r} lies over {other!r}")
    return problems


def data_of(names: list[Any], each: int = 2, channels: int = 1, steps: int = 30) -> segue.Dataset:
    draws = np.random.default_rng(0)
    x = [draws.normal(size=(draws.integers(3, steps), channels)) for _ in names * each]
    return segue.Dataset(x, np.array(names * each), name="sequences").with_parts(0.5)


CLASSES = [*((kind, 37) for kind in NAMES), *(("long", count) for count in (2, 12, 120, 2000))]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), CLASSES)
def test_pictures_of_classes(kind: str, count: int) -> None:
    names = NAMES[kind](count)
    confusion = np.random.default_rng(0).integers(0, 2000, (count, count))
    assert illegible(plots.plot_confusion(confusion, names).figure) == []
    data = data_of(names)
    assert illegible(plots.plot_class_balance(data).figure) == []
    if count <= 37:
        assert illegible(plots.plot_sequences(data)[0, 0].figure) == []
        assert illegible(plots.overview(data)) == []
    answers = [(i, names[i % count], names[-1], 0.97) for i in range(4)]
    assert illegible(plots.plot_answers(data, answers)[0].figure) == []


@pytest.mark.parametrize("steps", [4, 30, 1_000, 100_000])
def test_rows_of_examples(steps: int) -> None:
    """Ticks at the edge of a panel do not touch those of the next one."""
    data = data_of(["a", "b"], steps=steps)
    row = plots.strip(3, width=4.4, height=1.25)
    plots.draw_row(data, [0, 1, 2], plots.Display.of(data), row)
    assert illegible(row[0].figure) == []


# -- studies --------------------------------------------------------------------------------------


def row_of(score: float) -> dict[str, Any]:
    names = {"accuracy": score, "loss": 1.0, "epochs_until": 7.0}
    ends = {f"{n}_{end}": value for n, value in names.items() for end in ("low", "high")}
    return {**names, **ends, "trials": 3, "failed": 0, "reached": 2, "epochs": 9.0}


def grid_of(until: float | None, **space: list[Any]) -> Any:
    grid = segue.studies.Grid(
        metric="accuracy", seeds=(0, 1, 2), rows=(), baseline=0.1, until=until, space=space
    )
    rows = [{**row_of(0.5), **one} for one in grid.combinations]
    grid.__dict__["summary"] = rows
    return grid


NETWORKS = [f"embedding(32) dropout(0.5) bilstm({n}) bilstm({n}) dense(32, relu)" for n in range(9)]


@pytest.mark.slow
@pytest.mark.parametrize("until", [None, 0.9])
@pytest.mark.parametrize(
    "space",
    [
        {"network": ["lstm(8)", "gru(8)"]},
        {"network": NETWORKS},
        {"network": [f"lstm({n})" for n in range(90)]},
        {"network": NETWORKS, "learning_rate": [1e-5, 0.001, 0.01]},
        {"network": NETWORKS[:2], "prepare": ["interpolate standardize mask", "none"]},
        {"learning_rate": [1 / n for n in range(1, 25)], "batch_size": list(range(1, 30))},
        {"network": ["a", "b"], "epochs": [1, 2], "options__clip_norm": [1.0, 2.0, 3.0]},
        {"network": NETWORKS[:3], "epochs": [1, 200], "options__clip_norm": [1.0, 2.0]},
    ],
)
def test_pictures_of_grids(space: dict[str, list[Any]], until: float | None) -> None:
    assert illegible(studies.plot_grid(grid_of(until, **space)).figure) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "sizes",
    [[3, 100_000], [3, 4, 5, 6, 7, 8], [3, 30, 300, 3_000, 30_000, 100_000], [99_999, 100_000]],
)
def test_sizes_on_log_axes(sizes: list[int]) -> None:
    rows = [{"size": size, **row_of(0.1 + 0.1 * i)} for i, size in enumerate(sizes)]
    curve = SimpleNamespace(
        until=0.5, done=rows, metric="accuracy", bands="mean and 10 % to 90 % of 3 seeds", law=None,
        forecast=lambda: None, baseline=0.1, sizes=sizes, where="in validation", law_holds=False,
    )  # fmt: skip
    assert illegible(studies.plot_learning_curve(curve).figure) == []


@pytest.mark.slow
def test_epochs_of_long_names() -> None:
    history = [{"validation_accuracy": 1 - 1 / n, "validation_loss": 1 / n} for n in range(1, 9)]
    found = {name: [history] for name in NETWORKS[:7]}
    title = ", ".join(["network", "options__clip_norm", "learning_rate", "batch_size"] * 2)
    axes = studies.plot_epochs(found, "validation_accuracy", title=title)
    assert illegible(axes.figure) == []


# -- others ---------------------------------------------------------------------------------------


def test_long_titles_are_wrapped() -> None:
    axes = plots.plot_lines([0, 1], {"a": [1, 2]}, title=" ".join([LONG] * 4))
    assert illegible(axes.figure) == []
    assert math.isfinite(axes.get_position().width)


def test_lengths_of_all_sizes() -> None:
    for lengths in ([3, 100_000], [100_000] * 3, [3, 4]):
        data = segue.Dataset([np.zeros((n, 1)) for n in lengths])
        assert illegible(plots.plot_lengths(data).figure) == []


def test_names_that_differ_at_their_end_stay_different() -> None:
    for names in NAMES.values():
        assert len(set(plots.style.plain_names(names(60)))) == 60
    middle = [f"the number {i:04} of a very long collection of names" for i in range(60)]
    beginning = [f"class {i} of a very long collection of all of these names" for i in range(60)]
    late = [f"{LONG} {i:04} {LONG}" for i in range(60)]
    for given in (middle, beginning, late, [*middle, "21 others"]):
        assert len(set(plots.style.plain_names(given))) == len(given)
