"""Studies on the command line: the same command goes on, and so does --resume."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from segue.cli import main


def _run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    capsys.readouterr()
    came = main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert came == 0, err
    return out


@pytest.mark.usefixtures("empty_pictures")
@pytest.mark.slow
def test_a_learning_curve_ends_in_a_table_and_goes_on(
    waves: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["study", "learning-curve", waves, "--network", "rnn(2)", "--epochs", 1]
    words += ["--sizes", "10,20,40", "--seeds", 2, "--workers", 1]
    text = _run(capsys, *words)
    assert text.startswith("sequences  accuracy")
    (folder,) = (tmp_path / "studies").iterdir()
    folder = folder.relative_to(tmp_path)
    assert text.endswith(f"study   {folder}\nreport  {folder}/report.html\n")
    assert "Learning curve: " in (folder / "report.html").read_text("utf-8")
    (folder / "study.jsonl").write_bytes((folder / "study.jsonl").read_bytes()[:-30])
    again = json.loads(_run(capsys, *words, "--json"))
    assert again["sizes"] == [10, 20, 40]
    watched = json.loads(_run(capsys, *words, "--json", "--watch-test", "--until", 0.3))
    assert [row["reached"] for row in watched["summary"]] == [2, 2, 2]
    table = (folder / "trials.csv").read_bytes()
    (folder / "trials.csv").unlink()
    _run(capsys, "study", "learning-curve", "--resume", folder, "--workers", 1)
    assert (folder / "trials.csv").read_bytes() == table


@pytest.mark.slow
def test_a_grid_takes_networks_and_options(
    waves: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "grid"
    words = ["study", "grid", waves, "--network", "rnn(2)", "--network", "gru(2)", "--epochs", 1]
    words += ["--set", "patience=5,none", "--seeds", 1, "--workers", 1, "--out", out]
    words += ["--option", "clip_norm=none"]
    found = json.loads(_run(capsys, *words, "--json"))
    assert found["space"] == {"network": ["rnn(2)", "gru(2)"], "options__patience": [5, None]}
    assert len(found["summary"]) == 4
    header = json.loads((out / "study.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert header["recipe"]["settings"]["options__clip_norm"] is None
    filled = ["study", "grid", waves, "--network", "rnn({units})", "--set", "units=2,3", "--json"]
    filled += ["--epochs", 1, "--seeds", 1, "--workers", 1, "--out", tmp_path / "filled"]
    assert json.loads(_run(capsys, *filled))["space"]["units"] == [2, 3]
    assert main(["study", "learning-curve", "--resume", str(out)]) == 1
    assert "is not a learning-curve that was begun" in capsys.readouterr().err
    assert main([*map(str, words), "--seed", "1"]) == 2  # it has seeds, and no seed
    words[words.index("--seeds") + 1] = 2
    assert main([*map(str, words)]) == 1
    assert "holds another study" in capsys.readouterr().err
