"""Notes, stars, and deleting with undo: what users do to runs, which stay what they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from segue.errors import DataNotFoundError, FileError, OptionError, WriteError
from segue.runs import delete, list_runs, note, star, trash, undo

MadeRun = Callable[..., Path]
WorkingOn = Callable[[Path], AbstractContextManager[None]]


def test_a_note_and_a_star_are_kept_beside_each_other(made_run: MadeRun) -> None:
    made_run("one")
    note("one", "größer <b>")
    star("one")
    (row,) = list_runs()
    assert (row.note, row.star, row.state) == ("größer <b>", True, "complete")
    star("one", on=False)
    note("one", "")
    (row,) = list_runs()
    assert (row.note, row.star) == ("", False)


def test_a_study_has_notes_too() -> None:
    Path("study").mkdir()
    Path("study/study.jsonl").write_text('{"format": 1, "fingerprint": {"study": "grid"}}\n')
    note("study", "of the summer")
    assert list_runs()[0].note == "of the summer"


def test_a_damaged_note_is_replaced_by_the_next(made_run: MadeRun) -> None:
    made_run("one")
    Path("one/notes.json").write_text('{"note": 3, "star"')
    assert (list_runs()[0].note, list_runs()[0].state) == ("", "complete")
    star("one")
    assert json.loads(Path("one/notes.json").read_text()) == {"format": 1, "star": True, "note": ""}


def test_what_is_no_run_gets_no_note(made_run: MadeRun) -> None:
    Path("empty").mkdir()
    with pytest.raises(FileError, match="empty: is neither a run nor a study: it has no run.json"):
        note("empty", "x")
    with pytest.raises(DataNotFoundError, match="nowhere: there is no such run; `segue runs`"):
        star("nowhere")
    made_run("one")
    with pytest.raises(OptionError, match="has 10,001 characters; expected 10,000 at most"):
        note("one", "x" * 10_001)
    assert not Path("one/notes.json").exists()


def test_deleted_runs_come_back_the_last_one_first(made_run: MadeRun) -> None:
    for name in ("runs/one", "runs/two", "else/three"):
        made_run(name)
        note(name, name)
    before = {row.name: row for row in list_runs()}
    for name in ("runs/one", "else/three", "runs/two"):
        assert delete(name).parents[1] == Path(name).parent / ".trash"
    assert list_runs() == []
    back = [undo(), undo(), undo()]
    assert back == [Path("runs/two"), Path("else/three"), Path("runs/one")]
    assert {row.name: row for row in list_runs()} == before
    assert not Path("runs/.trash").exists()
    with pytest.raises(FileError, match="no run was deleted here: there is nothing to bring back"):
        undo()


def test_a_damaged_run_can_be_deleted_and_nothing_else(made_run: MadeRun) -> None:
    made_run("one")
    Path("one/run.json").write_text("{")
    delete("one")
    Path("data").mkdir()
    Path("data/values.csv").touch()
    Path("data/.lock").touch()
    with pytest.raises(FileError, match="data: is neither a run nor a study"):
        delete("data")
    Path("link").symlink_to(made_run("two"))
    with pytest.raises(FileError, match="link: is a link to .*two: name that"):
        delete("link")
    assert Path("two/run.json").is_file()


def test_a_run_is_deleted_from_within(
    made_run: MadeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name that its folder has."""
    monkeypatch.chdir(made_run("one"))
    assert delete(".").name == "one"
    assert undo(tmp_path) == tmp_path / "one"


def test_what_is_trained_now_is_not_deleted_unasked(
    made_run: MadeRun, working_on: WorkingOn
) -> None:
    folder = made_run("one")
    with working_on(folder):
        with pytest.raises(FileError, match="a process is working on it: wait for it"):
            delete(folder)
        assert folder.is_dir()
        there = delete(folder, even_running=True)
    assert (there / "run.json").is_file()
    assert undo() == folder


def test_a_place_that_is_taken_stays_as_it_is(made_run: MadeRun) -> None:
    made_run("one")
    there = delete("one")
    made_run("one", source="another")
    with pytest.raises(FileError, match="one: is there again: move it away"):
        undo()
    assert list_runs()[0].source == "another"
    assert there.is_dir()


def test_two_of_one_name_do_not_meet_in_the_trash(made_run: MadeRun) -> None:
    for source in ("first", "second"):
        made_run("one", source=source)
        delete("one")
    undo()
    assert list_runs()[0].source == "second"


def test_what_cannot_be_moved_stays(monkeypatch: pytest.MonkeyPatch, made_run: MadeRun) -> None:
    made_run("one")

    def refused(path: Path, there: Path) -> Path:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(trash.Path, "rename", refused)
    with pytest.raises(WriteError, match="could not be moved to .*Invalid cross-device link"):
        delete("one")
    assert list_runs()[0].state == "complete"
