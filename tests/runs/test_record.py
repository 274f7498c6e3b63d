"""What a run keeps of its data: which sequences were trained on, and their hashes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue import Dataset, runs
from segue.errors import FileError
from segue.estimators.splitting import TrainValidationSplit
from segue.readers import write
from segue.training import TrainingOptions
from segue.windowing import cut_in_time

QUICK: dict[str, Any] = {
    "network": "gru(4)",
    "epochs": 4,
    "options": TrainingOptions(progress="none"),
}


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
    train, validation, share = seen.find(x.digests())
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
    chosen = TrainValidationSplit(train[[1]], train[[0]], None, train, None, (), None)
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
    """More than a million, here more than 39: no split, no hashes; the run is as ever."""
    monkeypatch.setattr("segue.estimators.fingerprint.LIMIT", 39)
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


def test_every_report_of_a_run_shows_the_same_model_data_and_date(
    whole: Path, whole_reports: None
) -> None:
    """That of `fit`, and one that is made again."""
    run = runs.fit_run(whole, **QUICK)
    found = runs.evaluate_again(run, segue.load(run.model), segue.read(whole), whole)
    found.to_html("again.html", facts=run.facts())
    first, again = run.report.read_text("utf-8"), Path("again.html").read_text("utf-8")
    for name in ("model id", "date", "data hash", "run", "time"):
        row = re.search(rf"<t[hd][^>]*>{name}</t[hd]>\s*<td[^>]*>([^<]+)</td>", first)
        assert row is not None, name
        assert row[0] in again
    assert run.record["date"].replace("T", " ").replace("Z", " UTC") in first
    assert run.record["data"]["hash"] in first
    assert run.metrics["model_id"] in first
    assert "# scores what was set aside as test" in first
