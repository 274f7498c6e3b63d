"""The folder of a project is all that can be seen of the machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from segue.errors import DataNotFoundError, FileError
from segue.studio import Project
from segue.studio.files import MOST_ENTRIES


@pytest.mark.parametrize(
    "path", ["..", "../secret.csv", "a/../../secret.csv", "/etc/passwd", "~/../..", "link", "a\0b"]
)
def test_nothing_outside_is_listed_or_opened(project: Project, path: str) -> None:
    (project.folder / "link").symlink_to(project.folder.parent)
    (project.folder / "a").mkdir()
    for act in (project.files, project.open):
        with pytest.raises((FileError, DataNotFoundError)) as caught:
            act(path)
        assert "secret" not in str(caught.value).replace(path, "")


def test_a_link_to_a_file_outside_is_not_opened(project: Project) -> None:
    (project.folder / "inside.csv").symlink_to(project.folder.parent / "secret.csv")
    with pytest.raises(FileError, match=r"lies outside of .*, the folder of this project"):
        project.open("inside.csv")


def test_a_folder_with_a_link_that_leads_out_is_not_read(project: Project) -> None:
    folder = project.folder / "data" / "deep"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("label,t0,t1\na,1,2\n")
    (folder / "b.csv").symlink_to(project.folder.parent / "secret.csv")
    with pytest.raises(FileError, match=r"b\.csv: lies outside of"):
        project.open("data")


def test_a_run_that_says_it_has_read_what_lies_outside_is_not_believed(project: Project) -> None:
    """Its description may come from anybody: neither its results nor its training read that."""
    run = project.folder / "runs" / "theirs"
    run.mkdir(parents=True)
    record = {
        "format": 1, "source": str(project.folder.parent / "secret.csv"), "settings": {"seed": 0},
        "reading": {"test": 0.2}, "options": {}, "versions": {},
        "data": {"sequences": 1, "channels": 1, "steps": 2, "parts": {}},
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(record))
    (run / "model.safetensors").write_bytes(b"")
    for act in (project.results, project.resume):
        with pytest.raises(FileError, match="lies outside of .*, the folder of this project"):
            act("theirs")


def test_folders_come_first_and_what_is_hidden_does_not(project: Project, waves: str) -> None:
    for name in ("b.csv", "A.ts", "notes.xyz", ".hidden.csv"):
        (project.folder / name).write_text("1,2\n")
    run = project.folder / "run"
    run.mkdir()
    (run / "run.json").write_text("{}")
    found = [(entry.name, entry.kind) for entry in project.files().entries]
    assert found == [
        ("run", "run"), ("waves", "folder"), ("A.ts", "data"), ("b.csv", "data"),
        ("notes.xyz", "other"),
    ]  # fmt: skip
    inner = project.files(waves)
    assert inner.path == "waves"
    assert all(entry.path.startswith("waves/") for entry in inner.entries)


@pytest.mark.slow
def test_of_a_large_folder_the_first_are_listed_and_all_are_counted(project: Project) -> None:
    for number in range(MOST_ENTRIES + 5):
        os.mknod(project.folder / f"{number:05}.csv")
    found = project.files()
    assert (len(found.entries), found.matches) == (MOST_ENTRIES, MOST_ENTRIES + 5)
    assert [entry.name for entry in project.files(contains="01003").entries] == ["01003.csv"]


def test_what_is_no_folder_is_said(project: Project, tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="there is no such folder in this project"):
        project.files("nowhere")
    with pytest.raises(DataNotFoundError, match="there is no such folder"):
        Project(tmp_path / "nowhere")
