"""`segue runs`: a table of what was trained, that fits; notes, stars, undo; two runs compared."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from segue.cli import main
from segue.runs import list_runs, note, star

MadeRun = Callable[..., Path]
Run = Callable[..., str]
WorkingOn = Callable[[Path], AbstractContextManager[None]]

HOSTILE = "a\x1b[2Jb\u202e<b>&amp;</b>"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `segue runs`, and give what it prints; of one that fails what it says of that."""

    def call(*words: object, code: int = 0) -> str:
        capsys.readouterr()
        came = main(["runs", *map(str, words)])
        out, err = capsys.readouterr()
        assert came == code, err
        return err if code else out

    return call


@pytest.fixture
def some(made_run: MadeRun) -> None:
    """Three runs: one of them was stopped, one predicts numbers, one has a star and a note."""
    made_run("runs/a", {"accuracy": 0.9, "epochs": 5}, date="2026-11-01T10:00:00Z")
    made_run("runs/b", {"stopped": "interrupted", "seconds": 99.0}, date="2026-11-03T10:00:00Z")
    rmse = {"task": "regress", "rmse": 2.0, "baseline": {"rmse": 3.0}, "kept": {}}
    network = {"network": "lstm(8)", "seed": 0}
    made_run("runs/c", rmse, date="2026-11-02T10:00:00Z", settings=network, source="series.csv")
    note("runs/a", "the new microphones")
    star("runs/a")


def order(text: str) -> str:
    """The names of the rows, in their order."""
    return "".join(json.loads(text)[n]["name"][-1] for n in range(len(json.loads(text))))


@pytest.mark.usefixtures("some")
def test_the_table_has_what_is_known(run: Run) -> None:
    text = run("list", "runs")
    assert run("runs") == run() == text
    head, first, second, third, *rest = text.splitlines()
    words = "run date source network score interval baseline validation epochs time state note"
    assert head.split() == words.split()
    assert first.split()[:2] == ["runs/b", "2026-11-03"]
    assert "stopped" in first
    assert second.split()[:6] == ["runs/c", "2026-11-02", "10:00", "series.csv", "lstm(8)", "rmse"]
    assert third.startswith("*  runs/a  2026-11-01 10:00  waves")
    assert "accuracy 0.9000  0.5000 to 0.9000    0.1000      0.8000" in third
    assert third.endswith("complete  the new microphones")
    assert rest[1:] == ["3 runs", "A run that was stopped goes on: `segue fit --resume runs/b`."]


@pytest.mark.usefixtures("some")
def test_json_is_what_python_has(run: Run) -> None:
    assert json.loads(run("runs", "--json")) == [
        json.loads(json.dumps(row.to_json())) for row in list_runs("runs")
    ]


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize(
    ("sort", "wanted"),
    [
        ("date", "bca"), ("name", "abc"), ("source", "bac"), ("network", "bac"), ("score", "abc"),
        ("validation", "bac"), ("epochs", "bca"), ("seconds", "bca"), ("state", "cab"),
    ],
)  # fmt: skip
def test_runs_are_sorted(run: Run, sort: str, wanted: str) -> None:
    """The best score first; of each metric by itself, and what has none last."""
    assert order(run("--sort", sort, "--json")) == wanted


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize(
    ("words", "wanted"),
    [("GRU", "ba"), ("complete gru", "a"), ("starred", "a"), ("MICRO", "a"), ("regress", "c"),
     ("series", "c"), ("runs/b", "b"), ("gru regress", "")],
)  # fmt: skip
def test_runs_are_filtered(run: Run, words: str, wanted: str) -> None:
    assert order(run("runs", "--filter", words, "--json")) == wanted
    if not wanted:
        assert run("--filter", words) == "No run of 3 has these words.\n"


def test_nothing_is_said_to_be_nothing(run: Run) -> None:
    assert run() == "There is no run here: `segue fit SOURCE` makes one, in runs/.\n"
    assert json.loads(run("--json")) == []


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize("width", [30, 50, 80, 120, 260])
def test_the_table_fits_the_terminal(
    run: Run, made_run: MadeRun, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Name, score and state are always there; on a wide one everything is."""
    made_run("runs/" + "long-" * 10)
    note("runs/a", "a long story " * 50)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((width, 24)))
    head, *rows = run().split("\n\n")[0].splitlines()
    assert {"run", "score", "state"} <= set(head.split())
    assert len(rows) == 4
    if width >= 80:
        assert all(len(line) <= width for line in (head, *rows))
    if width == 260:
        assert {"interval", "note", "source", "network"} <= set(head.split())


@pytest.mark.usefixtures("some")
def test_what_is_wrong_stands_below(run: Run, made_run: MadeRun) -> None:
    Path("runs/a/run.json").write_text("{")
    for number in range(11):
        (made_run(f"bad/{number:02}") / "metrics.json").write_text("[]")
    _, below = run().split("\n\n")
    assert "14 runs\n" in below
    assert "bad/00: metrics.json is damaged: it holds no JSON object\n" in below
    assert "and 2 more with a problem: --filter failed" in below


def test_no_name_commands_the_terminal_and_no_markup_is_read(run: Run, made_run: MadeRun) -> None:
    folder = made_run(
        f"runs/{HOSTILE.replace('/', '-')}",
        {"task": HOSTILE, "part": HOSTILE, "stopped": HOSTILE},
        source=f"/data/{HOSTILE}", settings={"network": HOSTILE, "seed": 0},
    )  # fmt: skip
    note(folder, HOSTILE)
    (folder.parent / "bad").mkdir()
    (folder.parent / "bad" / "run.json").write_text(json.dumps({"format": HOSTILE}))
    texts = [run(), run("note", folder, HOSTILE), run("star", folder), run("delete", folder)]
    texts += [run("undo"), run("compare", folder, folder, code=1)]
    for text in texts:
        assert not {"\x1b", "\x9b", "\u202e"} & set(text), text
        assert "a\\x1b[2Jb\\u202e<b>&amp;" in text
    assert json.loads(run("--json"))[-1]["note"] in (HOSTILE, "")


def test_mistakes_say_what_was_meant(run: Run) -> None:
    assert "Did you mean `segue runs compare`?" in run("comapre", "a", "b", code=2)
    assert "--sort is 'scores'. Did you mean \"score\"?" in run("--sort", "scores", code=2)
    assert "nowhere-at-all: there is no such folder." in run("nowhere-at-all", code=1)
    assert "x: there is no such run; `segue runs` lists them." in run("star", "x", code=1)
    assert ".: no run was deleted here" in run("undo", code=1)
    assert "there is no option --sorts. Did you mean --sort?" in run("--sorts", "date", code=2)


@pytest.mark.usefixtures("some")
def test_notes_stars_and_undo(run: Run) -> None:
    assert run("note", "runs/b", "x y") == "runs/b: x y\n"
    assert json.loads(run("star", "runs/b", "--json")) == {"run": "runs/b", "star": True}
    assert run("star", "runs/a", "--off") == "runs/a has no star\n"
    assert order(run("--filter", "starred", "--json")) == "b"
    said = run("delete", "runs/b")
    assert said.startswith("moved to ")
    assert said.endswith("/b; `segue runs undo` brings it back\n")
    assert order(run("--json")) == "ca"
    assert run("undo") == "runs/b is there again\n"
    assert order(run("--json")) == "bca"


def test_what_is_trained_now_is_deleted_only_when_asked(
    run: Run, made_run: MadeRun, working_on: WorkingOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal there is a question, elsewhere an option."""
    folder = made_run("runs/a")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with working_on(folder):
        assert "runs/a: a process is working on it" in run("delete", folder, code=1)
        assert "`--even-running` moves it all the same" in run("delete", folder, code=1)
        for answer in ("n\n", "", "\n"):
            monkeypatch.setattr(sys, "stdin", Terminal(answer))
            question = "runs/a is trained right now, and will fail. Delete it? [y/N] "
            assert run("delete", folder, code=1).startswith(question)
            assert folder.is_dir()
        monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
        run("delete", folder)
        assert not folder.exists()
    run("undo")
    assert folder.is_dir()


def test_two_runs_are_compared(run: Run, model: Path) -> None:
    text = run("compare", model, model)
    assert "test accuracy" in text
    assert "McNemar, exact   p = 1\n" in text
    assert text.endswith("They are right and wrong on the same 20.\n")
    found = json.loads(run("compare", model, model, "--json"))
    assert found["sequences"] == 20
    assert found["settings"] == {}
    assert found["better"] is None
