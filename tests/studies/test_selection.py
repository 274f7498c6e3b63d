"""Networks are compared by cross-validation on the training part alone, within a time limit."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import segue
from segue.cli import main
from segue.errors import DataError, SpecError
from segue.studies import select_network, selection
from segue.studies.selection import _folds, usual_networks

QUICK = {"epochs": 6, "options": segue.TrainingOptions(progress="none")}


@pytest.fixture
def waves() -> segue.Dataset:
    return segue.synth.waves(36, test=0, length=12)


def test_folds_are_disjoint_and_hold_everything(waves: segue.Dataset) -> None:
    numbered = replace(waves, ids=np.arange(len(waves)))
    pairs = list(_folds(numbered, 3, seed=0))
    scored = np.concatenate([held_out.ids for _, held_out in pairs])
    assert sorted(scored.tolist()) == list(range(36))
    for train, held_out in pairs:
        assert not set(train.ids) & set(held_out.ids)
        assert len(train) + len(held_out) == 36
        assert np.abs(np.bincount(held_out.y) - np.bincount(waves.y) / 3).max() < 1


def test_folds_never_split_a_group(waves: segue.Dataset) -> None:
    grouped = replace(waves, groups=np.arange(36) // 4)
    for train, held_out in _folds(grouped, 3, seed=0):
        assert not set(train.groups) & set(held_out.groups)


def test_a_class_of_one_sequence_is_trained_on_and_not_scored(waves: segue.Dataset) -> None:
    """Else the fold that has it would fail, for all networks."""
    y = waves.y.astype(object)
    y[3], y[7] = "once", "alone"
    rare = replace(waves, y=y.astype(str), classes=None)
    pairs = list(_folds(rare, 3, seed=0))
    assert sum(len(scored) for _, scored in pairs) == 34
    assert all(set(scored.y) <= set(train.y) for train, scored in pairs)
    found = select_network(segue.SequenceClassifier(**QUICK), rare, ["gru(2)"], progress="none")
    assert "error" not in found.rows[0]
    alone = replace(waves, y=np.arange(36) // 12, groups=np.arange(36) // 12, classes=None)
    with pytest.raises(DataError, match="Each class has too few sequences"):
        select_network(segue.SequenceClassifier(**QUICK), alone, ["gru(2)"], progress="none")


def test_the_best_comes_first_and_one_that_does_not_fit_last(waves: segue.Dataset) -> None:
    estimator = segue.SequenceClassifier(**QUICK)
    networks = ["dense(3)", "dense(1, relu) dropout(0.9) pool(mean)", "rocket(60)"]
    found = select_network(estimator, waves, networks, folds=2, progress="none")
    assert found.best == "rocket(60)"
    assert [row["network"] for row in found.rows][-1] == "dense(3)"
    assert "still holds a sequence" in found.rows[-1]["error"]
    assert found.rows[0]["accuracy"] == pytest.approx(np.mean(found.rows[0]["scores"]))
    assert estimator.network == "bilstm(100)"  # as it was


@pytest.mark.slow
def test_the_time_is_kept(waves: segue.Dataset) -> None:
    endless = segue.SequenceClassifier(epochs=100_000, options=QUICK["options"])
    began = time.monotonic()
    found = select_network(endless, waves, ["gru(3)"], folds=2, seconds=1.0, progress="none")
    assert found.rows[0]["seconds"] < 7
    assert time.monotonic() - began < 11


def test_numbers_are_compared_by_their_error(waves: segue.Dataset) -> None:
    data = segue.Dataset(
        waves.x, [float(x.values[:, 0].mean()) for x in [waves.x[i : i + 1] for i in range(36)]]
    )
    found = select_network(
        segue.SequenceRegressor(**QUICK), data, ["gru(2)", "gru(3)"], folds=2, progress="none"
    )
    assert found.metric == "rmse"
    assert found.rows[0]["rmse"] <= found.rows[1]["rmse"]


def test_no_network_that_fits_is_an_error(waves: segue.Dataset) -> None:
    with pytest.raises(SpecError, match="still holds a sequence"):
        select_network(segue.SequenceClassifier(**QUICK), waves, ["dense(3)"], progress="none")


def test_of_equal_scores_the_first_is_the_best_however_long_it_took(
    waves: segue.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times differ from run to run, and are cut off by the limit."""
    seconds = iter(range(9, 0, -1))
    trial = lambda *_: {"accuracy": 0.5, "seconds": next(seconds)}  # noqa: E731
    monkeypatch.setattr(selection, "run_trial", trial)
    networks = ["gru(3)", "gru(2)", "gru(1)"]
    found = select_network(segue.SequenceClassifier(), waves, networks, progress="none")
    assert [row["network"] for row in found.rows] == networks


def test_texts_and_steps_have_no_random_convolutions(waves: segue.Dataset) -> None:
    texts = segue.Dataset(segue.Sequences.from_texts(["a b", "b a"]), ["x", "y"])
    assert "rocket" not in usual_networks(texts, per_step=False)
    assert "rocket" not in usual_networks(waves, per_step=True)


@pytest.mark.slow
def test_fit_without_a_network_compares_some_and_keeps_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With smoothed labels, which only one network can have; else several are joined."""
    rng, table, out = np.random.default_rng(0), tmp_path / "walks.csv", tmp_path / "run"
    rows = [
        f"{number},{step},{rng.normal():.3f},{'ab'[number % 2]}"
        for number in range(60)
        for step in range(4 + number % 5)
    ]
    table.write_text("\n".join(["id,step,height,label", *rows]) + "\n")
    words = ["fit", str(table), "--epochs", "4", "--option", "label_smoothing=0.1"]
    assert main([*words, "--out", str(out), "--time-limit", "60"]) == 0
    told = capsys.readouterr().err
    assert "networks are compared on the training sequences, in 15 s at most" in told
    record = json.loads((out / "run.json").read_text())
    assert record["selection"]["rows"][0]["network"] == record["settings"]["network"]
    assert record["options"]["time_limit_seconds"] == 45
    page = (out / "report.html").read_text(encoding="utf-8")
    table = page.partition("The choice of the network</h2>")[2].partition("</table>")[0]
    assert "3-fold cross-validation" in table
    for row in record["selection"]["rows"]:
        assert f'<th scope="row">{row["network"]}</th><td class="number">' in table
    assert main(["evaluate", str(out), "--report", "--overwrite"]) == 0
    assert "The choice of the network" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_fit_of_too_few_sequences_trains_the_usual_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "few.csv"
    table.write_text("id,step,height,label\na,0,1.5,x\na,1,2,x\nb,0,3,y\nb,1,1,y\n")
    words = [
        "fit",
        str(table),
        "--epochs",
        "1",
        "--test",
        "none",
        "--option",
        "label_smoothing=0.1",
    ]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    assert "so bilstm(100) is trained" in capsys.readouterr().err


def test_fit_without_a_network_joins_several_where_there_are_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "waves", str(tmp_path / "waves"), "--count", "40"]) == 0
    out = tmp_path / "run"
    assert main(["fit", str(tmp_path / "waves"), "--out", str(out), "--time-limit", "1s"]) == 0
    assert "rocket: held out accuracy " in capsys.readouterr().err
    record = json.loads((out / "run.json").read_text())
    assert record["settings"]["network"] == "auto"
    assert "selection" not in record
