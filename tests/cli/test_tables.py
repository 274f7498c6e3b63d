"""From a table of whatever layout to a trained model, with one command and no option about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segue.cli import FAILED, WRONG_USE, main

Series = list[tuple[str, np.ndarray]]


@pytest.fixture(scope="module")
def series() -> Series:
    """Eighty series of 12 to 16 values that rise or fall, with noise."""
    draws = np.random.default_rng(3)
    found = []
    for number in range(80):
        label = ("rise", "fall")[number % 2]
        slope = 1.0 if label == "rise" else -1.0
        steps = np.arange(draws.integers(12, 17))
        found.append((label, slope * steps / 6 - slope + draws.normal(0, 0.3, len(steps))))
    return found


def rows_with_names(folder: Path, series: Series) -> Path:
    lines = [
        f"s{i},{label}," + ",".join(f"{v:.3f}" for v in x[:12])
        for i, (label, x) in enumerate(series)
    ]
    names = "name,kind," + ",".join(f"v{i}" for i in range(12))
    return write(folder / "rows.csv", [names, *lines])


def rows_without_names(folder: Path, series: Series) -> Path:
    rows = [
        ",".join(f"{v:.3f}" for v in x[:12]) + f",{int(label == 'rise')}" for label, x in series
    ]
    return write(folder / "plain.csv", rows)


def steps(folder: Path, series: Series) -> Path:
    lines = [
        f"{i},{t / 50:.2f},{v:.3f},{-v:.2f},person {i % 9},{label}"
        for i, (label, x) in enumerate(series)
        for t, v in enumerate(x)
    ]
    return write(folder / "steps.csv", ["trial,time,ax,ay,subject,label", *lines])


def class_folders(folder: Path, series: Series) -> Path:
    for i, (label, x) in enumerate(series):
        write(
            folder / "classes" / label / f"{i:03}.csv",
            ["t,v", *(f"{t},{v:.3f}" for t, v in enumerate(x))],
        )
    return folder / "classes"


def listed_files(folder: Path, series: Series) -> Path:
    for i, (_, x) in enumerate(series):
        write(folder / "files" / f"{i:03}.csv", ["a,b", *(f"{v:.3f},{v / 2:.3f}" for v in x)])
    lines = [f"{i:03}.csv,{label}" for i, (label, _) in enumerate(series)]
    return write(folder / "files" / "labels.csv", ["filename,label", *lines]).parent


def decimal_commas(folder: Path, series: Series) -> Path:
    lines = [
        f"{1 + i % 28:02}.0{1 + i // 28}.2024 10:00:{t:02};{i};{v:.3f};{label}".replace(
            ".", ","
        ).replace(",0", ".0", 1)
        for i, (label, x) in enumerate(series)
        for t, v in enumerate(x)
    ]
    lines = [f"{line[:10].replace(',', '.')}{line[10:]}" for line in lines]
    return write(folder / "commas.csv", ["Zeit;Versuch;Wert;Klasse", *lines])


def write(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


LAYOUTS: dict[str, tuple[Callable[[Path, Series], Path], str]] = {
    "rows with names": (
        rows_with_names,
        "one row a sequence: label 'kind', id 'name', values 'v0' to",
    ),
    "rows without names": (
        rows_without_names,
        "one row a sequence: label 'column 13', values 'column 1",
    ),
    "steps": (
        steps,
        "one row a step: label 'label', id 'trial', time 'time', group 'subject', channels",
    ),
    "class folders": (
        class_folders,
        "one file a sequence, the folder is the label; time 't', channels",
    ),
    "listed files": (
        listed_files,
        "one file a sequence, labels.csv says file 'filename', label 'label'",
    ),
    "decimal commas": (
        decimal_commas,
        "one row a step: label 'Klasse', id 'Versuch', time 'Zeit', chan",
    ),
}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.mark.sampled(3)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_command_from_a_table_to_a_model(
    layout: str, series: Series, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    """The guess is said before training, and the model is clearly better than the majority."""
    make, note = LAYOUTS[layout]
    source = make(tmp_path, series)
    training = ["--network", "gru(8)", "--epochs", 15, "--learning-rate", 0.02]
    code, out, err = run("fit", source, *training, "--out", tmp_path / "run", "--json")
    assert code == 0, err
    assert err.splitlines()[0].startswith(f"read as {note}")
    metrics = json.loads(out)["metrics"]
    assert metrics["accuracy"] > metrics["baseline"]["accuracy"] + 0.25
    code, out, err = run("predict", tmp_path / "run", source, "--limit", 3)
    assert code == 0, err
    assert len(out.splitlines()) == 4


def test_the_columns_can_be_said(
    series: Series, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    """What is said on the command line is kept in the run, and used when it is resumed."""
    source = steps(tmp_path, series)
    words = ["--column-channels", "ay", "--column-group", "none", "--column-label", "label"]
    code, out, err = run(
        "fit", source, *words, "--network", "gru(2)", "--epochs", 1, "--out", tmp_path / "r"
    )
    assert code == 0, err
    record = json.loads((tmp_path / "r" / "run.json").read_text())
    assert record["reading"]["columns"] == {"label": "label", "group": "none", "channels": "ay"}
    assert record["notes"] == [err.splitlines()[0].removeprefix("read as ")]
    assert "channels 'ay', left out 'ax'" in err
    code, out, err = run("view", source, "--column-id", "trail")
    assert (code, err) == (
        WRONG_USE,
        'error: --column-id trail: there is no such column. Did you mean "trial"?\n',
    )
    code, out, err = run("evaluate", tmp_path / "r", source, "--column-channels", "ay")
    assert code == 0
    code, out, err = run("view", source, "--json", "--column-channels", "ay")
    assert json.loads(out)["channels"] == 1


def test_a_mistake_in_a_table_is_one_message(
    tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    """File, line, what came and what to do; no traceback."""
    path = write(tmp_path / "a.csv", ["label,t1,t2", "a,1,2", "b,3"])
    code, out, err = run("fit", path)
    wanted = f"error: {path}, line 3: has 2 fields; expected 3, as in most rows. Leave fields empty"
    assert (code, out) == (FAILED, "")
    assert err.startswith(wanted)
    assert len(err.splitlines()) == 1
