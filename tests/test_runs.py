"""A run is a folder: everything that a training was made from, and everything that came of it."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import segue
from segue import Dataset, runs, synth
from segue.errors import DataError, DataNotFoundError, FileError, OptionError, SpecError, WriteError
from segue.estimators.choosing import Chosen
from segue.estimators.seen import digests
from segue.readers import write
from segue.training import TrainingOptions, checkpoint
from segue.windowing import cut_in_time

QUICK: dict[str, Any] = {
    "network": "gru(4)",
    "epochs": 4,
    "options": TrainingOptions(progress="none"),
}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def whole() -> Path:
    """A source without parts: 50 sequences of 10 people, whose class is theirs."""
    made = synth.waves(50, test=0, length=12, phase="random")
    people = np.array([f"p{number}" for number in made.y * 5 + np.arange(50) % 5])
    return write(replace(made, groups=people), "whole", format="arrow")


@pytest.fixture
def noise() -> Path:
    """A source without parts or groups: 50 sequences, no two of them equal."""
    x = np.random.default_rng(0).normal(size=(50, 12, 1))
    ids = [f"s{number}" for number in range(50)]
    return write(Dataset(x, np.arange(50) % 2, ids=ids), "noise", format="arrow")


@pytest.fixture
def parted() -> Path:
    """A source with 40 training and 20 test sequences."""
    return write(synth.waves(40, test=20, length=12), "parted", format="dat")


def tensors(run: runs.Run) -> dict[str, Any]:
    return safetensors.numpy.load_file(run.model)


def test_everything_is_in_the_folder(parted: Path) -> None:
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


def test_a_failure_after_training_keeps_the_model(
    parted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise WriteError("the disk is full")

    monkeypatch.setattr("segue.evaluation.Evaluation.to_html", full)
    with pytest.raises(WriteError):
        runs.fit_run(parted, **QUICK)
    assert segue.load(runs.find_model("runs/parted-gru-4-1")).classes_.tolist() == [0, 1]


# -- stopped and resumed --------------------------------------------------------------------------


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make training write a checkpoint after each epoch, and stop with an error after some."""

    def arrange(epochs: int, error: type[BaseException] | None) -> None:
        def on_epoch(self: checkpoint.Checkpointer, row: Any, state: Any) -> None:
            checkpoint.write(self.path, self.job, state, self.fingerprint)
            if error is not None and row["epoch"] == epochs:
                raise error

        monkeypatch.setattr(checkpoint.Checkpointer, "on_epoch", on_epoch)

    return arrange


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.filterwarnings("ignore:Training was interrupted")
def test_a_stopped_run_resumes_to_the_same_bits(
    whole: Path, stop_after: Any, error: type[BaseException]
) -> None:
    straight = runs.fit_run(whole, **QUICK)
    stop_after(2, error)
    if error is KeyboardInterrupt:
        stopped = runs.fit_run(whole, out="stopped", **QUICK)
        assert stopped.metrics["stopped"] == "interrupted"
        assert stopped.report.is_file()
    else:
        with pytest.raises(error):
            runs.fit_run(whole, out="stopped", **QUICK)
    assert Path("stopped/checkpoint").is_dir()
    stop_after(0, None)
    resumed = runs.resume_run("stopped")
    assert resumed.metrics["stopped"] == "finished"
    assert not resumed.checkpoint.exists()
    for name, values in tensors(straight).items():
        np.testing.assert_array_equal(values, tensors(resumed)[name])
    for name in ("accuracy", "log_loss", "confusion"):
        assert resumed.metrics[name] == straight.metrics[name]


def test_a_finished_run_has_nothing_to_resume(parted: Path) -> None:
    run = runs.fit_run(parted, **QUICK)
    with pytest.raises(FileError, match="has no checkpoint: the run has finished"):
        runs.resume_run(run.folder)


def test_a_source_that_changed_is_refused(whole: Path, stop_after: Any) -> None:
    stop_after(1, SystemExit)
    with pytest.raises(SystemExit):
        runs.fit_run(whole, out="stopped", **QUICK)
    data = segue.read(whole)
    write(data[:40], whole, format="arrow", overwrite=True)
    with pytest.raises(FileError, match=r"cannot be resumed: .* Start a new run"):
        runs.resume_run("stopped")


@pytest.mark.parametrize("change", ["values", "labels", "static", "order"])
def test_a_source_with_other_values_is_refused(whole: Path, stop_after: Any, change: str) -> None:
    """The counts, lengths and classes are the same; how many sequences differ is said."""
    data = replace(segue.read(whole), static=np.arange(50.0), ids=[f"s{n}" for n in range(50)])
    write(data, whole, format="arrow", overwrite=True)
    stop_after(1, SystemExit)
    with pytest.raises(SystemExit):
        runs.fit_run(whole, out="stopped", **QUICK)
    kept = Path("stopped/run.json").read_text()
    if change == "values":
        values = data.x.values.copy()
        values[data.x.offsets[[7, 20, 33]]] += 1e-3
        data = replace(data, x=segue.Sequences(values, data.x.offsets))
    elif change == "labels":
        y = data.y.copy()
        y[[7, 20, 33]] = 1 - y[[7, 20, 33]]
        data = replace(data, y=y)
    elif change == "static":
        data = replace(
            data, static=np.where(np.isin(np.arange(50), [7, 20, 33]), -1.0, np.arange(50))
        )
    else:
        order = np.arange(50)
        order[[7, 20, 33]] = 20, 33, 7
        data = replace(data[order], groups=data.groups, ids=data.ids, y=data.y)
    write(data, whole, format="arrow", overwrite=True)
    with pytest.raises(FileError, match=r"differs in 3 sequences of 50 \(the first is 's7'\) from"):
        runs.resume_run("stopped")
    assert Path("stopped/run.json").read_text() == kept


def test_a_run_of_an_older_segue_is_resumed_by_its_counts(whole: Path, stop_after: Any) -> None:
    """It has no hashes that could be compared."""
    stop_after(1, SystemExit)
    with pytest.raises(SystemExit):
        runs.fit_run(whole, out="stopped", **QUICK)
    older = json.loads(Path("stopped/run.json").read_text())
    del older["data"]["hash"], older["date"], older["split"]
    Path("stopped/run.json").write_text(json.dumps(older))
    Path("stopped/split.json").unlink()
    stop_after(0, None)
    assert runs.resume_run("stopped").metrics["stopped"] == "finished"


# -- what was trained on --------------------------------------------------------------------------


def parts_of(run: runs.Run) -> dict[str, list[int]]:
    split = run.split
    assert split is not None
    return {name: part.positions for name, part in split.parts.items()}


def test_a_run_keeps_what_was_trained_on_validated_with_and_tested_on(noise: Path) -> None:
    """By position and id in the source: as `with_parts` and the validation drew them."""
    run = runs.fit_run(noise, validation=0.25, **QUICK)
    parts = parts_of(run)
    assert {name: len(rows) for name, rows in parts.items()} == {
        "train": 30, "validation": 10, "test": 10
    }  # fmt: skip
    assert sorted(row for rows in parts.values() for row in rows) == list(range(50))
    data = segue.read(noise).with_parts(0.2, seed=0)
    assert parts["test"] == np.flatnonzero(data.parts == "test").tolist()
    assert run.split is not None
    assert run.split.parts["test"].ids == [f"s{number}" for number in parts["test"]]
    seen, x = segue.load(run.model).seen_[0], segue.read(noise).x
    train, validation, share = seen.find(digests(x))
    assert np.flatnonzero(train).tolist() == sorted(parts["train"])
    assert np.flatnonzero(validation).tolist() == sorted(parts["validation"])
    assert share == 1


def test_the_record_has_the_split_the_data_and_the_date(whole: Path) -> None:
    """How it was drawn, with which seed, how large; a hash; a date in UTC; versions."""
    before = datetime.now(UTC).replace(microsecond=0)
    record = runs.fit_run(whole, seed=3, **QUICK).record
    assert record["split"] == {
        "drawn": "20% of the sequences, whole groups, seed 3",
        "test": 0.2,
        "seed": 3,
        "sizes": {"train": 40, "test": 10},
    }
    assert before <= datetime.fromisoformat(record["date"]) <= datetime.now(UTC)
    assert record["date"].endswith("Z")
    assert {"segue", "torch", "numpy", "python"} <= record["versions"].keys()
    assert re.fullmatch("[0-9a-f]{32}", record["data"]["hash"])


@pytest.mark.parametrize(
    ("test", "drawn"),
    [
        (0.3, "30% of the sequences, whole groups, seed 0"),
        (None, "no test part: everything is trained on"),
    ],
)
def test_how_the_split_was_drawn(whole: Path, test: float | None, drawn: str) -> None:
    assert runs.fit_run(whole, test=test, **QUICK).record["split"]["drawn"] == drawn


def test_the_parts_of_the_source_are_kept_as_they_are(parted: Path) -> None:
    run = runs.fit_run(parted, **QUICK)
    assert run.record["split"]["drawn"] == "the source's own parts"
    assert {name: len(rows) for name, rows in parts_of(run).items()} == {"train": 40, "test": 20}


def test_the_hash_is_of_values_targets_and_their_order(whole: Path) -> None:
    """The same source has the same; another label, value or order another."""
    data = replace(segue.read(whole), groups=None)
    y = data.y.copy()
    y[3] = 1 - y[3]
    values = data.x.values.copy()
    values[5] += 1e-3
    others = {
        "same": data,
        "label": replace(data, y=y),
        "value": replace(data, x=segue.Sequences(values, data.x.offsets)),
        "order": data[::-1],
    }
    found = {"whole": runs.fit_run(whole, **QUICK).record["data"]["hash"]}
    for name, one in others.items():
        write(one, name, format="arrow")
        found[name] = runs.fit_run(name, **QUICK).record["data"]["hash"]
    assert found["same"] == found["whole"]
    assert len(set(found.values())) == 4


def test_a_forecast_keeps_steps() -> None:
    """Of each series: first what is trained on, then what chose the epoch, then the test."""
    waves = [np.sin(0.3 * np.arange(300)), np.cos(0.2 * np.arange(200))]
    write(Dataset(waves, ids=["a", "b"]), "waves", format="arrow")
    more: dict[str, Any] = {**QUICK, "epochs": 2, "learning_rate": 0.03}
    run = runs.fit_run("waves", task="forecast", size=8, validation=0.2, **more)
    assert run.split is not None
    steps = {name: (part.ids, part.steps) for name, part in run.split.parts.items()}
    assert steps == {
        "train": (["a", "b"], [[0, 186], [0, 122]]),
        "validation": (["a", "b"], [[186, 240], [122, 160]]),
        "test": (["a", "b"], [[240, 300], [160, 200]]),
    }
    assert run.record["split"]["drawn"] == "the last 20% of each series"
    data = segue.read("waves")
    again = runs.evaluate_again(run, segue.load(run.model), data, "waves")
    assert again.metrics() == {name: run.metrics[name] for name in again.metrics()}
    assert "Scored on the 100 of 500 steps that were set aside as test" in again.report()
    parted = runs.parts_of(run, data)
    assert parted is not None
    assert parted.part("test").x.lengths.tolist() == [60, 40]


def test_recordings_with_labels_of_steps_that_are_cut_in_time() -> None:
    """Each part gets its own steps, with their labels; what is drawn for validation too."""
    values = np.arange(20.0)[:, None]
    steps = segue.Sequences(np.arange(20)[:, None].astype(np.int32) % 2, np.array([0, 10, 20]))
    whole = Dataset(segue.Sequences(values, np.array([0, 10, 20])), steps, ("a", "b"))
    cut = cut_in_time(whole, 0.2)
    parted = runs.Parted(whole, cut, np.array([0, 0, 1, 1]), np.array([0, 8, 0, 8]))
    train = replace(cut.part("train"), ids=np.arange(2))
    chosen = Chosen(train[[1]], train[[0]], None, train, None, ())
    split = runs.RunSplit.of(parted, chosen, parted.hashes(parted.hash))
    assert {name: part.steps for name, part in split.parts.items()} == {
        "train": [[0, 8]], "validation": [[0, 8]], "test": [[8, 10], [8, 10]]
    }  # fmt: skip
    again = split.apply(whole)
    for name, rows in (("train", [1]), ("validation", [0]), ("test", [0, 1])):
        wanted = cut.part("test" if name == "test" else "train")[rows]
        assert again.part(name).x == wanted.x
        assert again.part(name).y == wanted.y


def test_after_a_refit_the_split_says_that_all_was_trained_on(noise: Path) -> None:
    options = TrainingOptions(progress="none", refit=True)
    run = runs.fit_run(noise, validation=0.25, **{**QUICK, "options": options})
    assert run.split is not None
    assert run.split.refit
    assert run.split.left_out().train == 40
    found = runs.evaluate_again(run, segue.load(run.model), segue.read(noise), noise)
    assert "set aside as test; 40 were trained on." in found.report()


def test_windows_that_reach_across_the_cut_are_in_no_part() -> None:
    """Their positions are those in the source, with the gap."""
    series = np.random.default_rng(0).normal(size=(2, 100, 1))
    cut = segue.windows(Dataset(series, ["a", "b"], groups=["p", "q"]), 10, stride=5)
    write(replace(cut, groups=None), "cut", format="arrow")
    parts = parts_of(runs.fit_run("cut", **QUICK))
    spans = cut.spans
    assert len(parts["train"]) + len(parts["test"]) < len(cut)
    for name in (0, 1):
        train, test = (spans[parts[p]] for p in ("train", "test"))
        own = train[train[:, 0] == name], test[test[:, 0] == name]
        assert own[0][:, 2].max() <= own[1][:, 1].min()


def test_a_source_that_has_changed_is_scored_by_hashes(noise: Path) -> None:
    """Where one label is mended after the training, the split by position does not hold."""
    run = runs.fit_run(noise, **QUICK)
    data = segue.read(noise)
    assert runs.parts_of(run, data) is not None
    y = data.y.copy()
    y[0] = 1 - y[0]
    assert runs.parts_of(run, replace(data, y=y)) is None
    assert runs.parts_of(run, data[:49]) is None
    found = runs.evaluate_again(run, segue.load(run.model), replace(data, y=y), noise)
    assert len(found.dataset) == 10
    assert "that the model has not seen" in found.report()


def test_equal_sequences_on_both_sides_are_scored_as_fit_scored_them(whole: Path) -> None:
    """By position, what was set aside is known even where its values were trained on."""
    data = replace(segue.read(whole), groups=None)
    write(data[[*range(50), *range(50)]], "twice", format="arrow")
    run = runs.fit_run("twice", **QUICK)
    again = runs.evaluate_again(run, segue.load(run.model), segue.read("twice"), "twice")
    assert again.accuracy == run.metrics["accuracy"]
    assert again.metrics()["trained_on"] == run.metrics["trained_on"]
    assert run.metrics["trained_on"]["train"] > 10
    assert "20 sequences equal ones that the model was trained on" in again.report()


def test_so_many_sequences_that_none_is_kept(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a million, here more than 49: no split, no hashes; the run is as ever."""
    monkeypatch.setattr("segue.estimators.seen.LIMIT", 49)
    monkeypatch.setattr("segue.estimators.records.LIMIT", 39)
    run = runs.fit_run(whole, **QUICK)
    assert run.split is None
    assert run.record["split"]["sizes"] == {"train": 40, "test": 10}
    assert run.metrics["trained_on"] == {"known": False, "note": ""}


def test_the_split_is_of_a_closed_schema(parted: Path) -> None:
    run = runs.fit_run(parted, **QUICK)
    path = run.folder / "split.json"
    path.write_text(path.read_text().replace('"format":1', '"format":1,"code":"x"'))
    with pytest.raises(FileError, match=r"split\.json: is not the split of a run"):
        _ = run.split


def test_every_report_of_a_run_shows_the_same_model_data_and_date(whole: Path) -> None:
    """That of `fit`, and one that is made again."""
    run = runs.fit_run(whole, **QUICK)
    found = runs.evaluate_again(run, segue.load(run.model), segue.read(whole), whole)
    found.to_html("again.html", facts=run.facts())
    first, again = run.report.read_text("utf-8"), Path("again.html").read_text("utf-8")
    for name in ("model", "date", "data", "run"):
        row = re.search(rf"<t[hd][^>]*>{name}</t[hd]>\s*<td[^>]*>([^<]+)</td>", first)
        assert row is not None, name
        assert row[0] in again
    assert run.record["date"] in first
    assert run.record["data"]["hash"] in first
    assert "# scores what was set aside as test" in first


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
    learn, count = segue.SequenceClassifier.learn, []

    def dies(self: Any, *given: Any, **more: Any) -> Any:
        count.append(self.seed)
        if len(count) == 2:
            raise RuntimeError("killed")
        return learn(self, *given, **more)

    monkeypatch.setattr(segue.SequenceClassifier, "learn", dies)
    with pytest.raises(RuntimeError, match="killed"):
        runs.fit_run(parted, seeds=3, out="stopped", **QUICK)
    resumed = runs.resume_run("stopped")
    assert count == [0, 1, 1, 2]
    for name, values in tensors(wanted).items():
        np.testing.assert_array_equal(values, tensors(resumed)[name])
    with pytest.raises(FileError, match="the run has finished"):
        runs.resume_run("stopped")
