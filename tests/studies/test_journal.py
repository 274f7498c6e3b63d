"""What a study has come to is on the disk, whole line by whole line, for one process at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from segue.errors import FileError
from segue.studies.journal import Journal, read_header

HEADER = {"fingerprint": {"study": "grid", "space": {"seeds": [0, 1]}}}


def _write(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    journal = Journal(HEADER, folder)
    for seed in (0, 1):
        journal.add({"trial": {"seed": seed}, "accuracy": seed / 2})
    journal.close()
    return folder / "study.jsonl"


def test_rows_are_there_again(tmp_path: Path) -> None:
    _write(tmp_path)
    journal = Journal(HEADER, tmp_path)
    journal.close()
    assert [row["accuracy"] for row in journal.rows.values()] == [0.0, 0.5]
    assert read_header(tmp_path)["fingerprint"] == HEADER["fingerprint"]


def test_a_file_cut_at_any_byte_has_the_lines_that_are_whole(tmp_path: Path) -> None:
    path = _write(tmp_path)
    content = path.read_bytes()
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        journal = Journal(HEADER, tmp_path)
        whole = max(0, content[:length].count(b"\n") - 1)
        assert len(journal.rows) == whole
        journal.add({"trial": {"seed": 7}})
        journal.close()
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        assert len(lines) == whole + 2


def test_another_study_is_refused_with_what_differs(tmp_path: Path) -> None:
    _write(tmp_path)
    other = {"fingerprint": {"study": "grid", "space": {"seeds": [0, 1, 2]}}}
    with pytest.raises(
        FileError, match=r"another study.*\n  space.seeds: \[0, 1\] there, \[0, 1, 2\] now"
    ):
        Journal(other, tmp_path)


def test_damage_inside_is_told_with_its_line(tmp_path: Path) -> None:
    path = _write(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"{oops\n" + lines[2])
    with pytest.raises(FileError, match=r"study.jsonl, line 2: is damaged"):
        Journal(HEADER, tmp_path)
    path.write_bytes(b'{"format": 9, "fingerprint": {}}\n')
    with pytest.raises(FileError, match="has format 9; this segue reads 1"):
        Journal(HEADER, tmp_path)
    with pytest.raises(FileError, match="is not the folder of a study"):
        read_header(tmp_path / "nowhere")
