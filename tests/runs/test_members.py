"""An automatic choice that was stopped goes on with the candidates that are not done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue import runs
from segue.cli import main
from segue.errors import FileError, ModelFileError, OptionError
from segue.estimators import kept_members
from segue.search import candidates
from segue.search.candidates import Candidate
from segue.training import TrainingOptions

NAMES = ("rocket", "quant and trees", "rdst")
TEXTS = ("rocket(20)", "quant(2) trees(5)", "rdst(20)")
SMALL = tuple(Candidate(*pair, lambda _: 1.0, 0.1) for pair in zip(NAMES, TEXTS, strict=True))
AUTO: dict[str, Any] = {"network": "auto", "options": TrainingOptions(progress="none")}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "CANDIDATES", SMALL)


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Any:
    """End the process, as far as it can be done here, when so many members are kept."""
    real = kept_members.KeptMembers.keep

    def arrange(count: int, error: type[BaseException] | None) -> None:
        def keep(self: kept_members.KeptMembers, *given: Any) -> None:
            if error is not None and len(self.entries) == count:
                raise error
            real(self, *given)

        monkeypatch.setattr(kept_members.KeptMembers, "keep", keep)

    return arrange


def members(run: runs.Run) -> list[str]:
    index = run.folder / "members" / "members.json"
    if not index.is_file():
        return []
    return [one["name"] for one in json.loads(index.read_text())["members"]]


def joined(run: runs.Run) -> list[str]:
    return [name for name, _ in segue.load(run.model).training_summary_ if name in NAMES]


def test_a_search_that_was_killed_goes_on_to_the_same_bits(whole: Path, stop_after: Any) -> None:
    straight = runs.fit_run(whole, out="straight", **AUTO)
    assert not (straight.folder / "members").exists()
    stop_after(2, SystemExit)
    with pytest.raises(SystemExit):
        runs.fit_run(whole, out="run", **AUTO)
    stopped = runs.open_run("run")
    assert members(stopped) == ["rocket", "quant and trees"]
    stop_after(0, None)
    resumed = runs.resume_run("run")
    assert resumed.model.read_bytes() == straight.model.read_bytes()
    assert not (resumed.folder / "members").exists()
    with pytest.raises(FileError, match=r"the run has finished\.$"):
        runs.resume_run("run")


def test_a_search_whose_time_was_up_goes_on(
    whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the order of the candidates, whichever was fitted first."""
    limited = {**AUTO, "options": TrainingOptions(progress="none", time_limit_seconds=60)}
    straight = runs.fit_run(whole, out="straight", **limited)
    slow = Candidate(NAMES[1], TEXTS[1], lambda _: 1.0, 0.1, once=900.0)
    monkeypatch.setattr(candidates, "CANDIDATES", (SMALL[0], slow, SMALL[2]))
    run = runs.fit_run(whole, out="run", **limited)
    assert run.metrics["stopped"] == "time"
    assert members(run) == ["rocket", "rdst"]
    with pytest.raises(FileError, match="--time-limit 5m, it tries what it had no time for"):
        runs.resume_run("run")
    assert main(["fit", "--resume", "run", "--time-limit", "1s"]) == 0
    assert members(run) == ["rocket", "rdst"]
    monkeypatch.setattr(candidates, "CANDIDATES", SMALL)
    assert main(["fit", "--resume", "run", "--time-limit", "1m"]) == 0
    assert run.metrics["stopped"] == "finished"
    assert run.model.read_bytes() == straight.model.read_bytes()
    capsys.readouterr()


def test_a_ctrl_c_keeps_members_and_goes_on(whole: Path, stop_after: Any) -> None:
    stop_after(1, KeyboardInterrupt)
    run = runs.fit_run(whole, out="run", **AUTO)
    assert run.metrics["stopped"] == "interrupted"
    assert members(run) == ["rocket"]
    stop_after(0, None)
    assert runs.resume_run("run").metrics["stopped"] == "finished"
    assert joined(run) == list(NAMES)


def test_before_the_first_member_a_ctrl_c_leaves_nothing(
    whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("segue.training.ridge._decompose", interrupted)
    code = main(["fit", str(whole), "--network", "auto", "--out", "run"])
    assert code == 130
    assert "interrupted" in capsys.readouterr().err
    assert not Path("run").exists()


def test_several_networks_have_no_epochs(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", str(whole), "--out", str(tmp_path / "run")]) == 0
    (line,) = [text for text in capsys.readouterr().out.splitlines() if text[:9] == "training "]
    assert "epoch" not in line
    assert line.endswith(" s, finished")


def test_in_python_with_a_folder(tmp_path: Path, stop_after: Any) -> None:
    x = np.random.default_rng(0).normal(size=(24, 15, 1))
    y = np.arange(24) % 2
    straight = segue.SequenceClassifier(**AUTO).fit(x, y)
    stop_after(1, SystemExit)
    with pytest.raises(SystemExit):
        segue.SequenceClassifier(**AUTO).fit(x, y, folder=tmp_path)
    stop_after(0, None)
    with pytest.raises(ModelFileError, match="belongs to a search with another data, set of v"):
        segue.SequenceClassifier(**AUTO).fit(x + 1, y[::-1], folder=tmp_path, resume=True)
    again = segue.SequenceClassifier(**AUTO).fit(x, y, folder=tmp_path, resume=True)
    np.testing.assert_array_equal(again.predict_proba(x), straight.predict_proba(x))
    stop_after(1, SystemExit)
    with pytest.raises(SystemExit):
        segue.SequenceClassifier(**AUTO).fit(x, y, folder=tmp_path)
    (tmp_path / "members" / "1.safetensors").write_bytes(b"half")
    with pytest.raises(ModelFileError, match=r"members: is damaged.*begin the search anew"):
        segue.SequenceClassifier(**AUTO).fit(x, y, folder=tmp_path, resume=True)


def test_other_networks_go_on_with_the_limit_that_they_had(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.fit_run(whole, out="run", network="rocket(20)", options=AUTO["options"])
    with pytest.raises(OptionError, match="search of the network auto, and this run has 'rocket"):
        runs.resume_run("run", time_limit_seconds=5)
    runs.fit_run(whole, out="seeds", seeds=2, **AUTO)
    with pytest.raises(OptionError, match="one search .* this run has several seeds: it goes on"):
        runs.resume_run("seeds", time_limit_seconds=5)
    assert main(["fit", "--resume", "run", "--time-limit", "5s"]) == 2
    assert "time limit" in capsys.readouterr().err
