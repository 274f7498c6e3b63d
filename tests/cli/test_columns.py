"""Every column of a table with its role: in `segue data show`, and before `segue fit` trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue import Dataset, load
from segue.cli import main
from segue.cli.data import column_table

COLUMNS = [
    {"name": "who", "kind": "text", "role": "group", "examples": ["ann", "bob"]},
    {"name": "t", "kind": "time", "role": "time", "examples": ["2024-01-01"]},
    {"name": "x", "kind": "number", "role": "channel", "examples": ["0.5"]},
    {"name": "what", "kind": "text", "role": "label", "examples": ["a", "b"]},
]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the reader of a table knows of its columns goes with the data set."""
    monkeypatch.chdir(tmp_path)
    draws = np.random.default_rng(0)
    x, labels = [draws.standard_normal((5, 1)) for _ in range(20)], ["a", "b"] * 10
    data = Dataset(x, labels, channels=("x",), reading={"format": "table", "columns": COLUMNS})
    data.write(tmp_path / "data.arrow")
    return tmp_path / "data.arrow"


def test_show_has_a_line_for_each_column(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "show", str(table)]) == 0
    lines = capsys.readouterr().out.splitlines()
    begin = lines.index("column  kind    role     examples")
    assert lines[begin + 1 : begin + 5] == [
        "who     text    group    ann, bob",
        "t       time    time     2024-01-01",
        "x       number  channel  0.5",
        "what    text    label    a, b",
    ]
    assert main(["data", "show", str(table), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["columns"] == COLUMNS


def test_fit_names_every_column_first(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The model file keeps how to read other tables, and nothing that stood in this one."""
    assert main(["fit", str(table), "--network", "gru(2)", "--epochs", "1", "--out", "run"]) == 0
    roles, held, *_ = capsys.readouterr().err.splitlines()
    assert roles == (
        "read as group 'who' (text); time 't' (time); channel 'x' (number); label 'what' (text)"
    )
    assert held.strip() == "20 sequences of 5 steps, 1 channel; classes a: 10, b: 10; no groups"
    assert load("run/model.safetensors").reading_ == {"format": "table"}


@pytest.mark.parametrize("reading", [None, {}, {"columns": 5}, {"columns": []}])
def test_nothing_is_shown_where_nothing_is_known(
    reading: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Dataset([[1.0, 2.0], [3.0]], ["a", "b"], reading=reading).write(tmp_path / "a.arrow")
    assert main(["data", "show", str(tmp_path / "a.arrow")]) == 0
    assert "column " not in capsys.readouterr().out
    assert main(["data", "show", str(tmp_path / "a.arrow"), "--json"]) == 0
    assert "columns" not in json.loads(capsys.readouterr().out)


def test_many_columns_of_one_kind_are_one_line() -> None:
    rows = [{"name": f"t{i}", "kind": "number", "role": "value"} for i in range(128)]
    lines = column_table([*rows[:6], {"name": "y", "kind": "text", "role": "label"}, *rows])
    assert [line.split("  ")[0] for line in lines[1:]] == [
        *[f"t{i}" for i in range(6)],
        "y",
        "t0 ... t127 (128)",
    ]
