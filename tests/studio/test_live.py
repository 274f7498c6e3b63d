"""A run as it goes on, in words and curves: of one training, several seeds, an automatic choice."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import segue
from segue.errors import DataNotFoundError
from segue.evaluation.members import member_table
from segue.readers import write
from segue.studio import Project, notebook, show
from segue.studio.live import curves, members, progress
from segue.studio.trainings import Watched

ROWS = (
    {"epoch": 1, "loss": 0.9, "accuracy": 0.5, "validation_loss": 0.8, "seconds": 2.0},
    {"epoch": 2, "loss": 0.7, "accuracy": 0.6, "validation_loss": 0.85, "seconds": 4.0},
)
SAID = (
    "read as 60 sequences",
    "rocket: held out accuracy 0.9815 ± 0.0082, log loss 0.0594; 1.1 MB, 0.29 ms an answer, 0.6 s",
    "trying: rdst, 2 min left",
)


def test_one_training_has_curves_of_both_parts() -> None:
    watched = Watched("a", "training", ROWS, 10)
    loss, score = curves(watched)
    assert loss == ("loss", ("loss", "validation"), (1, 2), ((0.9, 0.7), (0.8, 0.85)))
    assert score.values == ((0.5, 0.6), (None, None))
    assert progress(watched) == "epoch 2 of 10 · 4.0 s · at most 16 s left"
    assert curves(Watched("a", "starting"))[0].epochs == ()
    assert progress(Watched("a", "starting")) == ""


def test_seeds_are_curves_over_each_other() -> None:
    """Those of the validation, where there is one; the last has just begun."""
    seeds = (("seed 0", ROWS), ("seed 1", ROWS[:1]))
    watched = Watched("a", "training", ROWS[:1], 10, record={"seeds": 3}, seeds=seeds)
    loss, score = curves(watched)
    assert loss == ("validation loss", ("seed 0", "seed 1"), (1, 2), ((0.8, 0.85), (0.8, None)))
    assert (score.title, score.values) == ("accuracy", ((0.5, 0.6), (0.5, None)))
    assert progress(watched) == "seed 2 of 3 · epoch 1 of 10 · 2.0 s"


def test_the_networks_of_an_automatic_choice_come_one_by_one() -> None:
    watched = Watched("a", "training", messages=SAID)
    first, second = members(watched)
    scores = "accuracy 0.9815 ± 0.0082, log loss 0.0594"
    assert first == ("rocket", scores, "1.1 MB", "0.29 ms", "0.6 s")
    assert second == ("rdst", "", "", "", "")
    assert len(members(watched._replace(state="done"))) == 1


@pytest.mark.slow
def test_what_a_search_writes_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    """The board and the report read its lines: they change together."""
    options = segue.TrainingOptions(progress="lines")
    data = segue.synth.waves(20, test=0, length=20)
    fitted = segue.SequenceClassifier("auto", options=options).fit(data)
    said = "".join(capsys.readouterr())
    found = members(Watched("a", "done", messages=tuple(said.splitlines())))
    assert len(found) > 1
    assert all(all(member) for member in found), said
    table = member_table(fitted.training_summary_)
    assert table is not None
    assert {one.name for one in found} == {row[0] for row in table.rows}


class _Cell:
    """Stands for a notebook's cell: the pages that it has shown, each in place of the last."""

    def __init__(self) -> None:
        self.pages: list[dict[str, str]] = []

    def display(self, shown: dict[str, str], **_: Any) -> Any:
        self.pages.append(shown)
        return SimpleNamespace(update=self.display)


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> _Cell:
    cell, shell = _Cell(), type("ZMQInteractiveShell", (), {})()
    for name, known in (
        ("IPython", {"get_ipython": lambda: shell}),
        ("IPython.display", {"display": cell.display}),
    ):
        module = ModuleType(name)
        module.__dict__.update(known)
        monkeypatch.setitem(sys.modules, name, module)
    return cell


@pytest.mark.slow
def test_a_run_is_shown_while_it_trains(
    project: Project, waves: str, cell: _Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its start in a process of its own to its score; two seeds, which are two curves."""
    monkeypatch.setattr(notebook, "_PAUSE", 0.02)
    project.open(waves)
    project.set_network("gru(4)")
    project.set_option("epochs", 300)
    name = project.start_study(project.study("seeds", seeds=2)).partition("/")[2]
    show(name, project)
    pages = [page["text/html"] for page in cell.pages]
    assert f"{name}: starting" in pages[0]
    assert any(f"{name}: training" in page and "<path" in page for page in pages)
    assert f"{name}: done" in pages[-1]
    assert "test accuracy" in pages[-1]
    assert "seed 1" in pages[-1]
    assert cell.pages[-1]["text/plain"].startswith(f"{name}: done · seed 2 of 2 · epoch 300")
    shown = len(cell.pages)
    show(project.folder / "runs" / name)
    assert len(cell.pages) == shown + 1


def test_stopping_the_cell_ends_the_view_alone(
    cell: _Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    class Trainings:
        def __init__(self, *_: Any) -> None:
            """It has one run, with an evil name."""

        def watch(self, name: str) -> Watched:
            return Watched("<b>", "training", ROWS, error="<script>", messages=SAID)

    monkeypatch.setattr(time, "sleep", interrupt)
    monkeypatch.setattr(notebook, "Trainings", Trainings)
    show(tmp_path / "a")
    (page,) = cell.pages
    assert "&lt;b&gt;: training" in page["text/html"]
    assert not {"<b>", "<script>"} & set(page["text/html"].split())
    assert "rocket" in page["text/html"]


def test_elsewhere_it_is_a_line(tmp_path: Path) -> None:
    write(segue.synth.waves(40, test=20, length=9), tmp_path / "waves")
    options = segue.TrainingOptions(progress="none")
    given: Any = {"network": "gru(2)", "epochs": 2, "options": options}
    run = segue.runs.fit_run(tmp_path / "waves", out=tmp_path / "a", **given)
    told: list[str] = []
    show(run, tell=told.append)
    assert len(told) == 1
    assert told[0].startswith("a: done · epoch 2 of 2")
    with pytest.raises(DataNotFoundError, match="no such run"):
        show(tmp_path / "b")
