"""From a folder of texts to beliefs after each word, on the command line alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import segue
from segue.cli import main

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that must succeed, and give its standard output."""

    def call(*words: str) -> str:
        capsys.readouterr()
        came = main(list(words))
        out, err = capsys.readouterr()
        assert came == 0, err
        return out

    return call


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Two writers with three letters each."""
    for name, animal in (("ann", "cat"), ("ben", "dog")):
        (tmp_path / "letters" / name).mkdir(parents=True)
        for number in range(5):
            text = f"My {animal} sleeps. The {animal} ran, as Mr. Hill said! It is mine."
            (tmp_path / "letters" / name / f"{number}.txt").write_text(text)
    return tmp_path / "letters"


@pytest.mark.usefixtures("whole_reports")
def test_from_texts_to_beliefs(run: Run, letters: Path, tmp_path: Path) -> None:
    """Nothing is said but the unit: words, and an embedding, are chosen and told."""
    fitting = ("--network", "gru(4)", "--epochs", "2", "--out", str(tmp_path / "run"), "--json")
    told = json.loads(run("fit", str(letters), "--unit", "sentence", *fitting))
    assert told["metrics"]["sequences"] == 6  # one letter of each, as a whole
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    for said in (
        "different words in the training texts",
        "embedding(64) comes first",
        "Probabilities al",
    ):
        assert said in page
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["reading"]["columns"] == {"unit": "sentence"}
    asking = ("predict", str(tmp_path / "run"), str(letters), "--unit", "sentence")
    rows = list(csv.DictReader(run(*asking, "--per-step", "--limit", "2").splitlines()))
    assert [row["word"] for row in rows if row["id"] == "ann/0.txt:1"] == "My cat sleeps .".split()
    assert [row["step"] for row in rows][:4] == list("0123")
    assert len(run(*asking).splitlines()) == 1 + 30


def test_an_ensemble_says_what_it_believes_after_each_word(
    run: Run, letters: Path, tmp_path: Path
) -> None:
    """The words are those that all members hear."""
    words = ("--network", "gru(4)", "--epochs", "2", "--seeds", "2", "--out", str(tmp_path / "run"))
    run("fit", str(letters), "--unit", "sentence", *words)
    asking = ("predict", str(tmp_path / "run"), str(letters), "--unit", "sentence")
    rows = list(csv.DictReader(run(*asking, "--per-step", "--limit", "2").splitlines()))
    assert [row["word"] for row in rows if row["id"] == "ann/0.txt:1"] == "My cat sleeps .".split()


def test_texts_are_shown(run: Run, letters: Path) -> None:
    shown = run("view", str(letters), "--chunk", "5", "--samples", "1")
    rows = [line.split() for line in shown.splitlines()]
    assert ["words", "3", "to", "5,", "median", "5"] in rows
    assert "ann  (5 words, ann/0.txt:1)" in shown
    assert "  My cat sleeps. The cat" in shown


def test_images_by_columns(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.fromarray(np.zeros((3, 5), np.uint8)).save(tmp_path / "a" / "1.png")
    shown = json.loads(run("view", str(tmp_path), "--by", "columns", "--json"))
    assert (shown["channels"], shown["lengths"][0]) == (3, 5)


def test_what_cannot_be_followed_is_told_before_anything_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what can be, in the words of the command line: runs of words, and joined networks."""
    options = segue.TrainingOptions(progress="none")
    given: dict[str, Any] = {"epochs": 1, "validation": None, "options": options}
    path, texts = str(tmp_path / "model.safetensors"), ["so good", "so bad"] * 6
    bag = segue.SequenceClassifier("embedding(3) pool(mean)", prepare="ngrams", **given)
    bag.fit(texts, ["yes", "no"] * 6).save(path)
    assert main(["stream", path]) == 1
    out, err = capsys.readouterr()
    said = " ".join(err.split())
    assert out == ""
    assert "`ngrams` takes runs of words and characters out of a whole text" in said
    assert "--prepare words and" in said
    assert '--network "embedding(32) lstm(32)".' in said

    joined = segue.SequenceClassifier("parallel(gru(2), bilstm(2))", **given)
    joined.fit([[0.0, 1.0], [1.0, 0.0]] * 6, ["up", "down"] * 6)
    members = [(name, f"weight 0.5, held out accuracy 0.9; 0.1 MB: {name}") for name in "ab"]
    joined.training_summary_ = members  # as those of an automatic choice
    joined.save(path)
    assert main(["stream", path]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "is 2 networks joined by --network auto (a, b)" in said
    assert '--network rocket or --network "lstm(64)", which can' in said
