"""`--read name=value`: any option of any format, on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segue.cli import WRONG_USE, main
from segue.cli.options import reader_options
from segue.readers import read, read_spread


@pytest.mark.parametrize(
    ("pair", "found"),
    [
        ("rate=8000", ("rate", 8000)),
        ("scale=false", ("scale", False)),
        ("size=28,28", ("size", [28, 28])),
        ("labels=a=b.csv", ("labels", "a=b.csv")),
        ("label=none", ("label", "none")),
    ],
)
def test_a_pair_is_a_name_and_a_plain_value(pair: str, found: tuple[str, object]) -> None:
    name, value = found
    assert reader_options({"read": [pair]}) == {name: value}


@pytest.fixture
def arrays(tmp_path: Path) -> str:
    path = tmp_path / "arrays.npz"
    np.savez(path, x=np.zeros((4, 2, 9), np.float32), y=np.array([0, 1, 0, 1]))
    return str(path)


def test_the_option_reaches_the_reader(arrays: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "show", arrays, "--read", "layout=nct"]) == 0
    assert "9 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--read", "layoutt=nct"], "no option 'layoutt'. Did you mean \"layout\"?"),
        (["--read", "layout"], "expected name=value"),
        (["--read", "layout=abc"], "expected 'ntc' or 'nct'"),
        (["--read", "unit=line", "--unit", "line"], "unit of the reader is given twice"),
        (["--read", "limit=3"], "limit is no option of a format"),
    ],
)
def test_mistakes_are_said(
    arrays: str, given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "show", arrays, *given]) == WRONG_USE
    assert said in capsys.readouterr().err


def test_values_of_another_type_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.zeros(4).tofile(tmp_path / "X_1.dat")
    np.zeros(1).tofile(tmp_path / "Y_1.dat")
    assert main(["data", "show", str(tmp_path), "--read", "channels=two"]) == WRONG_USE
    assert "--column-channels two; expected a whole number" in capsys.readouterr().err


def test_sequences_without_a_label_are_dropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are refused with the way out, which works and says how many are left out."""
    path = str(tmp_path / "some.npz")
    y = np.array(["a", "b", "", "a"] * 6)
    np.savez(path, x=np.random.default_rng(0).normal(size=(24, 5, 1)), y=y)
    run = str(tmp_path / "run")
    asked = ["fit", path, "--network", "gru(2)", "--epochs", "1", "--out", run]
    assert main(asked) != 0
    assert "Sequence 2 has no label; 6 of 24 sequences" in (said := capsys.readouterr().err)
    assert "--drop-missing" in said
    assert main([*asked, "--drop-missing"]) == 0
    assert "6 sequences without a target left out" in capsys.readouterr().err
    assert main(["evaluate", run, path]) != 0
    assert main(["evaluate", run, path, "--drop-missing"]) == 0


def test_whole_numbers_of_many_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are numbers, which is said; `--task classify` takes them as classes."""
    path, run = str(tmp_path / "many.npz"), str(tmp_path / "run")
    y = np.arange(240) % 110
    np.savez(path, x=np.random.default_rng(0).normal(size=(240, 2, 1)), y=y)
    asked = ["fit", path, "--network", "gru(2)", "--epochs", "1", "--test", "none", "--out", run]
    assert main([*asked, "--task", "classify"]) == 0
    captured = capsys.readouterr()
    assert "whole numbers with 110 values: to be predicted as numbers" in captured.err
    assert "accuracy" in captured.out


def test_a_limit_on_sorted_data_is_spread_over_the_classes(tmp_path: Path) -> None:
    """A table of which the first rows are all of one class."""
    lines = [f"{'abc'[number // 20]},{number},{number + 1}" for number in range(60)]
    table = tmp_path / "sorted.csv"
    table.write_text("\n".join(["label,x1,x2", *lines]) + "\n")
    spread = read_spread(table, limit=9)
    assert sorted(spread.y.tolist()) == list("aaabbbccc")
    assert any("sorted by class" in note for note in spread.notes)
    again = read_spread(table, limit=9)
    np.testing.assert_array_equal(spread.x.values, again.x.values)
    mixed = tmp_path / "mixed.csv"
    mixed.write_text("\n".join(["label,x1,x2", *lines[::-7], *lines]) + "\n")
    assert read_spread(mixed, limit=9).x.values.tolist() == read(mixed, limit=9).x.values.tolist()
