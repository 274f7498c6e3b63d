"""Data that are open: columns and their roles, sequences, and what is to be looked at."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import segue
from segue.cli import main
from segue.errors import DataError, DataNotFoundError, FileError, OptionError
from segue.readers import write
from segue.studio import Project
from segue.studio.opened import answers
from segue.studio.thinning import BLOCK


def roles(project: Project) -> dict[str, str]:
    assert project.opened is not None
    return {column.name: column.role for column in project.opened.columns}


def test_a_table_is_understood_as_segue_data_show_does(
    project: Project, table: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = project.open(table)
    assert roles(project) == {
        "trip": "id", "subject": "group", "second": "time", "x": "channel", "y": "channel",
        "speed": "channel", "mode": "label",
    }  # fmt: skip
    monkeypatch.chdir(project.folder)
    assert main([*project.data_lines()[1].split()[1:], "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["sequences"] == opened.summary.sequences == 12
    assert shown["classes"] == opened.summary.classes == {"ride": 6, "walk": 6}
    assert shown["checks"] == [vars(one) for one in opened.findings]


def test_another_role_is_read_at_once_and_kept_in_the_lines(project: Project, table: str) -> None:
    project.open(table)
    project.assign("speed", "left out")
    assert roles(project)["speed"] == "left out"
    assert project.opened is not None
    assert project.opened.data.channels == ("x", "y")
    project.assign("subject", "label")
    assert roles(project) | {"mode": "left out", "subject": "label"} == roles(project)
    assert project.opened.data.groups is None
    python, command = project.data_lines()
    assert "label='subject'" in python
    assert "--column-label subject" in command
    scope: dict[str, Any] = {"segue": segue}
    folder = str(project.folder)
    exec(python.replace("'trips.csv'", f"{folder!r} + '/trips.csv'"), scope)
    assert scope["data"].x == project.opened.data.x
    assert scope["data"].y.tolist() == project.opened.data.y.tolist()


def test_a_role_that_cannot_be_leaves_all_as_it_was(project: Project, table: str) -> None:
    before = project.open(table)
    with pytest.raises(OptionError, match="There is no column 'moed'.*mode"):
        project.assign("moed", "label")
    with pytest.raises(OptionError, match="There is no role 'chanel'; expected one of label"):
        project.assign("mode", "chanel")
    with pytest.raises(FileError, match="mode"):
        project.assign("mode", "time")
    assert project.opened is before


def test_a_question_of_the_reader_has_answers_that_can_be_given(project: Project) -> None:
    """Two columns may be the label: the error names the options, and each of them opens."""
    rows = [f"{'ab'[n % 2]},{'xy'[n // 2 % 2]},{n},{n % 3}" for n in range(12)]
    (project.folder / "two.csv").write_text("who,what,t0,t1\n" + "\n".join(rows) + "\n")
    with pytest.raises(FileError) as caught:
        project.open("two.csv")
    found = answers(caught.value)
    assert {"label": "what"} in found
    for each in found[:2]:
        opened = project.open("two.csv", **each)
        assert opened.data.classes is not None
        assert len(opened.data.classes) == 2


def test_the_last_channel_stays(project: Project) -> None:
    (project.folder / "one.csv").write_text(
        "id,time,x,label\n" + "".join(f"{n // 3},{n % 3},{n},{n // 3 % 2}\n" for n in range(12))
    )
    project.open("one.csv")
    with pytest.raises(DataError, match="'x' is the only channel"):
        project.assign("x", "left out")


def test_many_columns_of_steps_are_one_that_has_no_other_role(project: Project) -> None:
    names = [f"t{number}" for number in range(20)]
    rows = [",".join(["a" if n % 2 else "b", *["1.5"] * 20]) for n in range(6)]
    (project.folder / "wide.csv").write_text("\n".join([",".join(["kind", *names]), *rows]))
    opened = project.open("wide.csv", label="kind")
    several = [column.name for column in opened.columns if column.is_several]
    assert several == ["t0 to t19"]
    with pytest.raises(DataError, match="stands for several columns"):
        project.assign("t0 to t19", "label")


def test_named_sets_files_and_what_there_is_not(project: Project, waves: str) -> None:
    assert "japanese-vowels" in project.names()
    assert project.open(waves).columns == ()
    with pytest.raises(OptionError, match="The source is no table"):
        project.assign("x", "label")
    with pytest.raises(DataNotFoundError, match="japanese-vowels"):
        project.open("japanese-vowel")
    assert project.opened is not None
    assert project.opened.source == waves
    with pytest.raises(DataError, match="No data are open"):
        Project(project.folder).assign("x", "label")


def test_options_of_the_reader_are_set_and_unset(project: Project, waves: str) -> None:
    project.open(waves)
    assert project.reread(limit=3).summary.sequences == 6
    assert project.reread(limit=None).summary.sequences == 60


def test_a_folder_of_the_name_of_a_data_set_comes_first(project: Project) -> None:
    """As on the command line, and also where a name would be an option or a home folder."""
    write(segue.synth.waves(10, test=0, length=5), project.folder / "japanese-vowels")
    assert project.open("japanese-vowels").summary.sequences == 10
    (project.folder / "--out.csv").write_text("kind,t0,t1\na,1,2\nb,3,4\n")
    project.open("--out.csv", label="kind")
    assert project.training().arguments()[:2] == ["fit", "./--out.csv"]


def test_sequences_are_listed_by_label_and_part(project: Project, waves: str) -> None:
    opened = project.open(waves)
    data = opened.data
    assert data.classes is not None
    name = str(data.classes[0])
    rows, count = opened.rows(label=name, part="test", count=3)
    assert [(row.label, row.part, row.steps) for row in rows] == [(name, "test", 12)] * 3
    assert count == np.count_nonzero(data.part("test").y.astype(str) == name)
    assert opened.rows(start=58)[0][-1].number == 59
    with pytest.raises(OptionError, match="There is no sequence 60; expected 0 to 59"):
        opened.row(60)


def test_a_long_recording_is_seen_from_afar_and_near_by(project: Project) -> None:
    values = np.zeros((100 * BLOCK * 10, 1), np.float32)
    values[12_345] = 9
    write(segue.Dataset([values, values[:50]], ["a", "b"]), project.folder / "long")
    opened = project.open("long")
    view = opened.view(0, width=100)
    assert view.stretch is not None
    assert (len(view.stretch.values), view.stretch.values.max()) == (200, 9)
    near = opened.view(0, start=12_340, stop=12_350, width=100).stretch
    assert near is not None
    assert near.values[:, 0].tolist() == [0] * 5 + [9] + [0] * 4


def test_labels_of_steps_are_runs(project: Project) -> None:
    x = [np.arange(8.0), np.arange(4.0)]
    y = [["up", "up", "", "down", "down", "down", "up", "up"], ["up"] * 4]
    data = segue.Dataset(x, [np.array(each) for each in y], task="label")
    write(data, project.folder / "steps", format="arrow")
    view = project.open("steps").view(0, start=1, width=10)
    assert view.labels == ((1, 2, "up"), (3, 6, "down"), (6, 8, "up"))
    assert project.task == "label"


def test_texts_are_read_and_not_drawn(project: Project) -> None:
    rows = [f'"{word} <b>and</b> more of it, {n}",{word}' for n, word in enumerate("ab" * 6)]
    (project.folder / "texts.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    view = project.open("texts.csv").view(0, start=2, width=10)
    assert view.stretch is None
    assert view.text.startswith("<b>and</b>")


def test_targets_of_all_kinds_have_words(project: Project) -> None:
    x = np.zeros((4, 5, 1))
    for name, y, words in (
        ("numbers", np.array([0.5, 1.25, 2, 3]), "0.5"),
        ("several", np.array([[1, 2], [3, 4], [5, 6], [7.5, 8]]), "1, 2"),
        ("tags", np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 1, 1]]), "0, 2"),
    ):
        write(segue.Dataset(x, y), project.folder / name, format="arrow")
        assert project.open(name).row(0).label == words
