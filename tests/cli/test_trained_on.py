"""`segue fit` sets a part aside, and `segue evaluate` knows which it was."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.cli import main

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object, code: int = 0) -> str:
        capsys.readouterr()
        came = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert came == code, err
        return out if code == 0 else err

    return call


def table(path: Path, count: int, *, seed: int = 0, first: int = 0) -> Path:
    """A table of pure noise: a row a step, 8 steps a sequence, two classes."""
    draws = np.random.default_rng(seed)
    rows = [
        f"s{first + number},{step},{draws.normal():.4f},{'ab'[number % 2]}"
        for number in range(count)
        for step in range(8)
    ]
    path.write_text("\n".join(["id,time,x,label", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return table(tmp_path_factory.mktemp("noise") / "mine.csv", 100)


@pytest.fixture(scope="module")
def fitted(noise: Path, short_reports: Any) -> Path:
    """A run with all that `fit` does by itself: 80 to train on, 8 of them for validation."""
    words = ["fit", noise, "--network", "gru(16)", "--epochs", 30, "--out", noise.parent / "run"]
    words += ["--validation", 0.1, "--learning-rate", 0.03, "--monitor", "last"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segue.Evaluation.to_html", short_reports)  # the whole report
        assert main([str(word) for word in words]) == 0
    return noise.parent / "run"


def scores_of(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if re.search(r"\d\.\d", line)]
    return [line for line in lines if not line.startswith("time ")]  # how long training took


def test_the_run_is_scored_on_what_was_set_aside(fitted: Path, noise: Path, run: Run) -> None:
    """The same scores as at the end of `fit`; how many were left out is said."""
    text = run("evaluate", fitted, noise)
    assert text.startswith("test part: 20 sequences, 2 classes")
    assert (
        "Scored on the 20 of 100 sequences that were set aside as test; 72 were trained on; "
        "8 were validated on." in text
    )
    assert "is clearly better" not in text
    found = json.loads(run("evaluate", fitted, noise, "--json"))
    metrics = json.loads((fitted / "metrics.json").read_text())
    assert found == {name: metrics[name] for name in found}
    assert found["trained_on"]["left_out"] == 80


def test_the_file_in_the_run_is_the_run(fitted: Path, noise: Path, run: Run) -> None:
    """It is what the report recommends."""
    assert run("evaluate", fitted / "model.safetensors", noise) == run("evaluate", fitted, noise)
    page = (fitted / "report.html").read_text("utf-8")
    assert f"{noise} --report report.html  # scores what was set aside as test" in page


def test_the_file_alone_knows_by_hashes(
    fitted: Path, noise: Path, tmp_path: Path, run: Run
) -> None:
    """Also when the source lies elsewhere."""
    alone = shutil.copy(fitted / "model.safetensors", tmp_path / "m.safetensors")
    text = run("evaluate", alone, shutil.copy(noise, tmp_path / "other.csv"))
    assert text.startswith("unseen sequences: 20 sequences, 2 classes")
    assert "20 of 100 sequences that the model has not seen; 72 were trained on" in text
    scores = [json.loads(run("evaluate", one, noise, "--json")) for one in (fitted, alone)]
    assert scores[0]["accuracy"] == scores[1]["accuracy"]


def test_all_says_in_each_line_what_share_was_trained_on(
    fitted: Path, noise: Path, run: Run
) -> None:
    """100 sequences."""
    text = run("evaluate", fitted, noise, "--all")
    assert text.startswith("all sequences: 100 sequences")
    assert all("72 of 100 trained on (72 %)" in line for line in scores_of(text))
    found = json.loads(run("evaluate", fitted, noise, "--all", "--json"))
    assert found["trained_on"]["note"].startswith("72 of 100 trained on (72 %)")
    assert found["accuracy"] > json.loads((fitted / "metrics.json").read_text())["accuracy"]


@pytest.mark.parametrize(
    "expected",
    [("train", "72", "trained on"), ("validation", "8", "validated on"), ("test", "20", "")],
)
def test_the_parts_of_the_run_have_names(
    fitted: Path, noise: Path, run: Run, expected: tuple[str, str, str]
) -> None:
    """Though the source has none."""
    part, count, said = expected
    text = run("evaluate", fitted, noise, "--part", part)
    assert text.startswith(f"{part} part: {count} sequences")
    assert all(line.endswith(said) for line in scores_of(text))


def test_a_part_that_there_is_not(fitted: Path, noise: Path, run: Run) -> None:
    """As ever; and --all is about all of them."""
    for command in ("evaluate", "predict"):
        said = " ".join(run(command, fitted, noise, "--part", "odd", code=1).split())
        assert "has no parts, so there is no part 'odd'. Without --part all of it" in said
        assert said.endswith("or what a column names, --column-part name.")
    said = run("evaluate", fitted, noise, "--part", "test", "--all", code=2)
    assert "--all scores all parts: leave out --part, or --all." in said


def test_a_few_sequences_of_the_source(fitted: Path, noise: Path, run: Run) -> None:
    """With --limit what was read is not the whole, and still its own source."""
    found = json.loads(run("evaluate", fitted, noise, "--limit", 50, "--json"))
    assert found["part"] == "unseen"
    assert found["sequences"] + found["trained_on"]["left_out"] == 50


def test_another_source_is_scored_whole(fitted: Path, tmp_path: Path, run: Run) -> None:
    """What equals something that was trained on is counted."""
    other = table(tmp_path / "other.csv", 30, seed=5)
    assert "trained on" not in run("evaluate", fitted, other)
    source = segue.read(fitted.parent / "mine.csv")
    split = json.loads((fitted / "split.json").read_text())
    taken = source[split["parts"]["train"]["positions"][:3]]
    for number, steps in enumerate(taken.x):
        with other.open("a") as file:
            file.writelines(f"t{number},{i},{v:.4f},a\n" for i, v in enumerate(steps[:, 0]))
    text = run("evaluate", fitted, other)
    assert text.startswith("all sequences: 33 sequences")
    assert "3 of 33 sequences equal ones that the model was trained on." in text
    assert all("3 of 33 trained on (9.1 %)" in line for line in scores_of(text))


def test_new_rows_in_the_source_are_new(
    fitted: Path, noise: Path, tmp_path: Path, run: Run
) -> None:
    """What was set aside, and what came since."""
    longer = shutil.copy(noise, tmp_path / "mine.csv")
    more = table(tmp_path / "more.csv", 10, seed=8, first=100).read_text().partition("\n")[2]
    longer.write_text(longer.read_text() + more)
    text = run("evaluate", fitted, longer)
    assert "Scored on the 30 of 110 sequences that the model has not seen" in text


@pytest.mark.slow
@pytest.mark.usefixtures("whole_reports")
def test_a_run_without_a_test_says_trained_on(noise: Path, tmp_path: Path, run: Run) -> None:
    """At the end of `fit`, in the report and its command, and in `evaluate`, words and JSON."""
    out = tmp_path / "run"
    text = run("fit", noise, "--test", "none", "--network", "gru(2)", "--epochs", 1,
               "--validation", "none", "--seeds", 2, "--out", out)  # fmt: skip
    scores = [line for line in text.splitlines() if re.search(r"accuracy|baseline", line)]
    assert len(scores) == 3
    assert all("trained on" in line for line in scores)
    page = (out / "report.html").read_text("utf-8")
    assert "--report report.html  # scores what was trained on" in page
    text = run("evaluate", out, noise, "--report", tmp_path / "r.html")
    assert all("trained on" in line for line in scores_of(text))
    assert "# scores what was trained on" in (tmp_path / "r.html").read_text("utf-8")
    found = json.loads(run("evaluate", out, noise, "--json"))
    assert found["trained_on"] == {
        "known": True, "train": 100, "validation": 0, "left_out": 0, "note": "trained on"
    }  # fmt: skip


def test_a_run_of_several_seeds(noise: Path, tmp_path: Path, run: Run) -> None:
    """Their ensemble has seen what each has."""
    words = ("--network", "gru(2)", "--epochs", 1, "--seeds", 2, "--validation", 0.1)
    run("fit", noise, *words, "--out", tmp_path / "run")
    for model in (tmp_path / "run", shutil.copy(tmp_path / "run/model.safetensors", tmp_path)):
        found = json.loads(run("evaluate", model, noise, "--json"))
        assert (found["sequences"], found["trained_on"]["left_out"]) == (20, 80)


@pytest.mark.usefixtures("whole_reports")
@pytest.mark.slow
def test_an_older_run_is_scored_as_before(
    fitted: Path, noise: Path, tmp_path: Path, run: Run
) -> None:
    """On everything, with a note that nothing is known."""
    old = Path(shutil.copytree(fitted, tmp_path / "old"))
    record = json.loads((old / "run.json").read_text())
    for name in ("date", "split"):
        del record[name]
    del record["data"]["hash"]
    (old / "run.json").write_text(json.dumps(record))
    (old / "split.json").unlink()
    segue.load(old).save(old / "model.safetensors", record=False)
    text = run("evaluate", old, noise, "--report", tmp_path / "r.html")
    assert text.startswith("all sequences: 100 sequences")
    assert "Nothing is known about what this model was trained on" in text
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "# scores a model that does not know what it was trained on" in page


def test_the_source_of_a_run_need_not_be_given(fitted: Path, noise: Path, run: Run) -> None:
    assert run("evaluate", fitted) == run("evaluate", fitted, noise)
    alone = shutil.copy(fitted / "model.safetensors", noise.parent / "alone.safetensors")
    assert "Give a SOURCE" in run("evaluate", alone, code=2)


def test_a_lost_report_is_drawn_again(fitted: Path, tmp_path: Path, run: Run) -> None:
    again = shutil.copytree(fitted, tmp_path / "again")
    report = again / "report.html"
    report.unlink()
    run("evaluate", again, "--report", "--json")
    assert report.is_file()
    assert "exists already" in run("evaluate", again, "--report", code=1)
