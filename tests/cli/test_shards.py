"""Predictions in shards: the same file as in one go, whatever is stopped."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.cli import main
from segue.cli.shards import Request, predict_in_shards
from segue.errors import FileError
from segue.executors import ThisProcess


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = segue.TrainingOptions(progress="none")
    x, y = [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]] * 10, ["up", "do,wn"] * 10
    classifier = segue.SequenceClassifier("gru(2)", epochs=1, validation=None, options=options)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    classifier.fit(x, y).save(path)
    return path


def _data(count: int, seed: int = 0) -> segue.Dataset:
    draws = np.random.default_rng(seed)
    x = [draws.normal(size=(length, 1)) for length in draws.integers(2, 9, count)]
    return segue.Dataset(x, ids=draws.permutation(count))


@pytest.mark.parametrize("size", [1, 3, 10, 1000])
def test_shards_come_to_the_same_rows_ordered_by_id(
    size: int, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segue.cli.shards._SEQUENCES", size)
    data = _data(10)
    path = predict_in_shards(data, Request(model), tmp_path / "answers", ThisProcess())
    estimator = segue.load(model)
    expected = dict(zip(data.ids.tolist(), estimator.predict(data), strict=True))
    head, *rows = path.read_text().splitlines()
    assert head.startswith('id,prediction,"probability_do,wn"')
    assert [int(row.partition(",")[0]) for row in rows] == list(range(10))
    assert [row.split(",")[1].strip('"')[:2] for row in rows] == [
        expected[n][:2] for n in range(10)
    ]
    assert sorted(one.name for one in path.parent.iterdir()) == ["predictions.csv", "shards.json"]


def test_parts_are_told_apart(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a shard has sequences of one part only; of the same id the first comes first."""
    monkeypatch.setattr("segue.cli.shards._SEQUENCES", 3)
    data = replace(_data(10), ids=np.arange(10) % 5, parts=np.repeat(["train", "test"], 5))
    path = predict_in_shards(data, Request(model), tmp_path / "answers", ThisProcess())
    rows = list(csv.DictReader(path.read_text().splitlines()))
    expected = [(str(id_), part) for id_ in range(5) for part in ("train", "test")]
    assert [(row["id"], row["part"]) for row in rows] == expected
    data = replace(data, parts=np.repeat(["test", "train"], 5))
    with pytest.raises(FileError, match="holds other predictions: parts differ"):
        predict_in_shards(data, Request(model), tmp_path / "answers", ThisProcess())


def test_numbers_for_ids_go_on_from_shard_to_shard(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segue.cli.shards._SEQUENCES", 3)
    data = replace(_data(7), ids=None)
    path = predict_in_shards(data, Request(model), tmp_path / "answers", ThisProcess())
    assert [row["id"] for row in csv.DictReader(path.read_text().splitlines())] == [
        *map(str, range(7))
    ]


class _Stops(ThisProcess):
    """Stops as by Ctrl-C at a call."""

    def __init__(self, at: int) -> None:
        self.left = at

    def submit(self, *words: Any, **more: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().submit(*words, **more)


def test_what_is_done_is_kept_and_the_folder_takes_nothing_else(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segue.cli.shards._SEQUENCES", 2)
    data, folder = _data(10), tmp_path / "answers"
    whole = predict_in_shards(data, Request(model), tmp_path / "whole", ThisProcess())
    with pytest.raises(KeyboardInterrupt, match="0 of 5 shards"):
        predict_in_shards(data, Request(model), folder, _Stops(0))
    done = folder / "shards" / "00003.csv"
    done.write_text("kept\n")
    with pytest.raises(FileError, match="holds other predictions: data differ"):
        predict_in_shards(_data(10, seed=1), Request(model), folder, ThisProcess())
    with pytest.raises(FileError, match="holds other predictions: per_step differ"):
        predict_in_shards(data, Request(model, per_step=True), folder, ThisProcess())
    again = predict_in_shards(data, Request(model), folder, ThisProcess())
    assert "kept\n" in again.read_text()
    assert predict_in_shards(data, Request(model), folder, _Stops(0)) == again  # all is done
    again = predict_in_shards(data, Request(model), folder, ThisProcess(), overwrite=True)
    assert again.read_bytes() == whole.read_bytes()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    with pytest.raises(FileError, match="is not empty"):
        predict_in_shards(data, Request(model), tmp_path / "notes", ThisProcess())
    assert (tmp_path / "notes" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--workers", "2"], "give --out DIR"),
        (["--executor", "slurm", "--out", "a.csv"], "give --out DIR"),
        (["--executor", "local", "--slurm-time", "5", "--out", "a"], "--executor slurm: add it"),
        (["--executor", "cloud", "--out", "a"], "expected local or slurm"),
        (["--executor", "slurm", "--slurm-time", "soon", "--out", "a"], "'soon'; expected minutes"),
    ],
)
def test_wrong_words_are_explained(
    words: list[str], text: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(model), "japanese-vowels", *words]) == 2
    assert text in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_killed_three_times_it_comes_to_the_same_file(model: Path, tmp_path: Path) -> None:
    source = tmp_path / "many.arrow"
    _data(20_000).write(source)
    words = [sys.executable, "-m", "segue", "predict", str(model), str(source), "--workers", "2"]

    def start(folder: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*words, "--out", str(folder)], stderr=subprocess.DEVNULL)

    whole, folder = tmp_path / "whole", tmp_path / "answers"
    assert start(whole).wait(200) == 0
    kept = 0
    for _ in range(3):
        process, until = start(folder), time.monotonic() + 100
        while len(list(folder.glob("shards/*.csv"))) <= kept:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)
        process.kill()
        process.wait()
        kept = len(list(folder.glob("shards/*.csv")))
        assert kept < 20, "it was killed too late to show anything"
        assert json.loads((folder / "shards.json").read_text())["sequences"] == 1000
    assert kept >= 3
    assert start(folder).wait(200) == 0
    assert (folder / "predictions.csv").read_bytes() == (whole / "predictions.csv").read_bytes()
    assert len((folder / "predictions.csv").read_text().splitlines()) == 20_001
