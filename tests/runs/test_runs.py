"""A run is a folder: everything that a training was made from, and everything that came of it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import segue
from segue import Dataset, runs
from segue.cli import main
from segue.errors import DataError, DataNotFoundError, FileError, OptionError, SpecError, WriteError
from segue.estimators import fitting
from segue.readers import write
from segue.training import TrainingOptions

QUICK: dict[str, Any] = {
    "network": "gru(4)",
    "epochs": 4,
    "options": TrainingOptions(progress="none"),
}


def tensors(run: runs.Run) -> dict[str, Any]:
    return safetensors.numpy.load_file(run.model)


def test_everything_is_in_the_folder(parted: Path, whole_reports: None) -> None:
    run = runs.fit_run(parted, **QUICK)
    assert run.folder == Path("runs/parted-gru-4-1")
    names = {path.name for path in run.folder.iterdir()}
    assert names == {
        "run.json", "split.json", "history.jsonl", "model.safetensors", "metrics.json",
        "report.html",
    }  # fmt: skip
    rows = [json.loads(row) for row in (run.folder / "history.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert run.metrics["stopped"] == "finished"
    assert run.metrics["epochs"] == 4
    assert run.metrics["part"] == "test"
    assert segue.load(run.model).score(segue.read(parted).part("test")) == run.metrics["accuracy"]


def test_the_record_is_enough_to_repeat_the_run(parted: Path) -> None:
    first = runs.fit_run(parted, prepare="none", seed=3, learning_rate=0.01, **QUICK)
    record = first.record
    options = TrainingOptions(**record["options"])
    again = runs.fit_run(
        record["source"], **record["reading"], **record["settings"], options=options
    )
    assert Path(record["source"]).is_absolute()
    assert record["versions"]["segue"] == segue.__version__
    assert again.folder != first.folder
    for name, values in tensors(first).items():
        np.testing.assert_array_equal(values, tensors(again)[name])


def test_a_source_without_parts_is_split_and_groups_stay_together(whole: Path) -> None:
    run = runs.fit_run(whole, **QUICK)
    assert run.record["data"]["parts"] == {"train": 40, "test": 10}
    assert run.metrics["sequences"] == 10
    data = segue.read(whole).with_parts(0.2, seed=0)
    groups = [set(data.part(name).groups) for name in ("train", "test")]
    assert not groups[0] & groups[1]


def test_a_source_without_a_test_part_gives_some_of_its_training_part(whole: Path) -> None:
    data = segue.read(whole)
    parts = np.where(np.arange(50) < 40, "train", "validation")
    write(replace(data, parts=parts, groups=None), "watched", format="npz")
    run = runs.fit_run("watched", **QUICK)
    assert run.record["data"]["parts"] == {"train": 32, "validation": 10, "test": 8}


def test_without_a_test_everything_is_trained_on(whole: Path) -> None:
    run = runs.fit_run(whole, test=None, **QUICK)
    assert run.record["data"]["parts"] == {"train": 50}
    assert run.metrics["part"] == "train"
    assert run.metrics["sequences"] == 50


def test_a_source_with_a_test_part_only_is_refused(whole: Path) -> None:
    write(replace(segue.read(whole), parts=np.full(50, "validation")), "odd", format="npz")
    with pytest.raises(DataError, match="has the parts validation; expected one called train"):
        runs.fit_run("odd", **QUICK)


def test_a_run_is_never_overwritten(parted: Path) -> None:
    run = runs.fit_run(parted, out="mine", **QUICK)
    before = run.model.read_bytes()
    with pytest.raises(FileError, match="never overwritten.*segue fit --resume mine"):
        runs.fit_run(parted, out="mine", **QUICK)
    assert run.model.read_bytes() == before


def test_runs_that_begin_at_the_same_moment_get_folders_of_their_own() -> None:
    with ThreadPoolExecutor(16) as pool:
        folders = list(
            pool.map(lambda _: runs.folder.new_folder("waves", "lstm(3)", None), range(64))
        )
    assert {folder.name for folder in folders} == {f"waves-lstm-3-{n}" for n in range(1, 65)}


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"network": "gru(0)"}, SpecError),
        ({"network": "gru(4) flatten gru(4)"}, SpecError),
        ({"epochs": 0}, OptionError),
        ({"device": "tpu"}, OptionError),
    ],
)
def test_a_run_that_could_not_begin_leaves_no_folder(
    parted: Path, settings: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        runs.fit_run(parted, **{**QUICK, **settings})
    assert not list(Path().glob("runs/*"))


def test_a_run_that_could_not_begin_leaves_a_folder_that_was_there(whole: Path) -> None:
    """It was empty, and is empty again: somebody has made it, perhaps with rights of its own."""
    Path("mine").mkdir()
    with pytest.raises(OptionError, match="names gru_9, and there is no such layer"):
        runs.fit_run(whole, out="mine", **{**QUICK, "options": TrainingOptions(frozen="gru_9")})
    assert list(Path("mine").iterdir()) == []


def test_a_failure_after_training_keeps_the_model(
    parted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise WriteError("the disk is full")

    monkeypatch.setattr("segue.evaluation.Evaluation.to_html", full)
    with pytest.raises(WriteError):
        runs.fit_run(parted, **QUICK)
    assert segue.load(runs.find_model("runs/parted-gru-4-1")).classes_.tolist() == [0, 1]


# -- opening --------------------------------------------------------------------------------------


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="nowhere: there is no such folder"):
        runs.open_run("nowhere")
    Path("empty").mkdir()
    with pytest.raises(FileError, match=r"empty: is not a run: it has no run\.json"):
        runs.open_run("empty")
    Path("empty/run.json").write_text("{")
    with pytest.raises(FileError, match=r"run\.json: cannot be read as JSON"):
        runs.open_run("empty")
    Path("empty/run.json").write_text("[]")
    with pytest.raises(FileError, match="holds no JSON object"):
        runs.open_run("empty")
    Path("empty/run.json").write_text('{"format": 99}')
    with pytest.raises(FileError, match="has format 99; this segue reads 1"):
        runs.open_run("empty")


def test_a_model_is_found_by_its_run_or_its_file(parted: Path) -> None:
    run = runs.fit_run(parted, **QUICK)
    assert runs.find_model(run.folder) == runs.find_model(run.model) == run.model
    run.model.unlink()
    with pytest.raises(DataNotFoundError, match=r"holds no model\.safetensors"):
        runs.find_model(run.folder)
    run.checkpoint.mkdir()
    with pytest.raises(DataNotFoundError, match="go on with `segue fit --resume"):
        runs.find_model(run.folder)


def test_metrics_of_a_run_that_goes_on_are_not_there_yet() -> None:
    Path("going").mkdir()
    with pytest.raises(DataNotFoundError, match="has the run ended"):
        _ = runs.Run(Path("going")).metrics


@pytest.mark.parametrize(
    ("text", "name"),
    [("uea/BasicMotions", "uea-basicmotions"), ("größe (1)", "gr-e-1"), ("...", "run")],
)
def test_names_of_folders_are_plain(text: str, name: str) -> None:
    assert runs.slug(text) == name
    assert len(runs.slug(text * 50)) <= 60


def test_targets_of_another_task_leave_no_folder() -> None:
    data = Dataset(np.zeros((10, 4, 1)), np.arange(10) / 3)
    write(data, "numbers", format="npz")
    with pytest.raises(DataError, match="regress"):
        runs.fit_run("numbers", task="classify", **QUICK)
    assert not list(Path().glob("runs/*"))


# -- several seeds -------------------------------------------------------------------------------


def test_seeds_have_folders_and_the_model_is_their_ensemble(parted: Path) -> None:
    """The scores of each are told, the best is chosen by validation."""
    run = runs.fit_run(parted, seeds=3, validation=0.3, **QUICK)
    assert {f"seed-{n}" for n in range(3)} < {path.name for path in run.folder.iterdir()}
    model, test = segue.load(run.model), segue.read(parted).part("test")
    assert len(model) == 3
    metrics = run.metrics
    assert metrics["accuracy"] == model.score(test)
    alone = [segue.load(run.folder / f"seed-{n}").score(test) for n in range(3)]
    assert [row["accuracy"] for row in metrics["seeds"]] == alone
    assert metrics["mean"] == pytest.approx(np.mean(alone))
    losses = [row["validation_loss"] for row in metrics["seeds"]]
    assert metrics["best_seed"] == int(np.argmin(losses))


def test_seeds_that_were_stopped_go_on(parted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the same bits; what was trained is not trained again."""
    wanted = runs.fit_run(parted, seeds=3, **QUICK)
    fit_split, count = fitting.fit_split, []

    def dies(estimator: Any, *given: Any, **more: Any) -> Any:
        count.append(estimator.seed)
        if len(count) == 2:
            raise RuntimeError("killed")
        return fit_split(estimator, *given, **more)

    monkeypatch.setattr(fitting, "fit_split", dies)
    with pytest.raises(RuntimeError, match="killed"):
        runs.fit_run(parted, seeds=3, out="stopped", **QUICK)
    resumed = runs.resume_run("stopped")
    assert count == [0, 1, 1, 2]
    for name, values in tensors(wanted).items():
        np.testing.assert_array_equal(values, tensors(resumed)[name])
    with pytest.raises(FileError, match="the run has finished"):
        runs.resume_run("stopped")


def test_a_training_that_goes_on_takes_what_it_is_not_given(tmp_path: Path, capsys: Any) -> None:
    """Network, preparation and classes of the model; given ones win, with a warning."""
    x = [np.full((4, 2), n % 3, np.float32) for n in range(30)]
    options = TrainingOptions(progress="none")
    first = segue.SequenceClassifier(
        "gru(3)", prepare="none", classes=[5, 2, 1, 0], epochs=1, options=options
    ).fit(x, np.arange(30) % 3)
    first.save(tmp_path / "m.safetensors")
    rows = (f"{n},{n % 3},{n % 3},{n % 3}" for n in range(30) for _ in range(4))
    (tmp_path / "more.csv").write_text("\n".join(["id,a,b,label", *rows]))
    words = ["fit", str(tmp_path / "more.csv"), "--initial", str(tmp_path / "m.safetensors")]
    words += ["--epochs", "1", "--out"]
    assert main([*words, str(tmp_path / "one")]) == 0
    said = capsys.readouterr().err
    assert "taken from initial: network gru(3), prepare none" in said
    assert "initial weights: gru_1, head taken" in said
    assert "warning" not in said
    on = segue.load(tmp_path / "one" / "model.safetensors")
    assert (on.network, on.prepare, on.classes) == ("gru(3)", "none", [5, 2, 1, 0])
    given = ["--prepare", "standardize", "--network", "gru(3) dense(2)"]
    assert main([*words, str(tmp_path / "two"), *given]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "taken from initial" not in said
    assert "see other numbers than those that they know. --prepare none goes on" in said
    assert segue.load(tmp_path / "two" / "model.safetensors").prepare == "standardize"
