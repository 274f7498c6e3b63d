"""`--read name=value`: any option of any format, on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segue.cli import WRONG_USE, main
from segue.cli.columns import as_option


@pytest.mark.parametrize(
    ("pair", "found"),
    [
        ("rate=8000", ("rate", 8000)),
        ("scale=false", ("scale", False)),
        ("size=28,28", ("size", [28, 28])),
        ("labels=a=b.csv", ("labels", "a=b.csv")),
    ],
)
def test_a_pair_is_a_name_and_a_plain_value(pair: str, found: tuple[str, object]) -> None:
    assert as_option(pair) == found


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
    assert "channels='two'; expected a whole number" in capsys.readouterr().err
