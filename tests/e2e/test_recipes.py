"""Each recipe runs from end to end on a little data: it prints its table and draws its pictures.

A new recipe is one row. A recipe whose data are not part of the project is skipped without them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

WARNINGS = ["-W", "error", "-W", "default::UserWarning"]

# name: the folder below SEGUE_DATA that it needs, patterns of its output, the pictures it draws
RECIPES: dict[str, tuple[str | None, list[str], list[str]]] = {
    "activity": (
        "activity",
        [r"accuracy of steps, seed 0 +0\.\d+ +baseline"],
        ["along.png", "confusion.png", "history.png"],
    ),
    "authors": (
        "authors",
        [r"accuracy by sentence +0\.\d+ +majority", "bag of words by message"],
        ["confusion.png", "history.png", "reading.png"],
    ),
    "instruments": (
        "instruments",
        [
            r"course's network: epochs reached +[1-9]",
            "held-out notes: log-mel, rocket",
            r"padded on the left: difference +(0\.0e\+00|\d\.\de-0[5-9])",
        ],
        [
            "anytime.png",
            "confusion.png",
            "heard.png",
            "history.png",
            "history_course.png",
            "joined.png",
            "mixed.png",
            "network.png",
            "sounds.png",
        ],
    ),
    "mnist_rows": (
        "mnist",
        [
            "80,384   80,384",
            "1,290   1,290",
            "test accuracy, original's, seed 0",
            "0.9794",
            "Rand index",
        ],
        ["confusion.png", "digits.png", "history.png", "memory.png", "mistakes.png"],
    ),
    "next_word": (
        "authors",
        [r"of 4 messages, \d+\.\d% of them unknown", r"5-gram +\d", r"network +\d"],
        ["by_count.png", "history.png", "surprise.png"],
    ),
    "random_series": (
        None,
        ["best possible", "0.9444", "own cell, largest difference", "to the bit: True"],
        [
            "answers_10.png",
            "answers_15.png",
            "history.png",
            "limit.png",
            "noisy_10.png",
            "noisy_15.png",
            "onward.png",
            "series_10.png",
            "series_15.png",
        ],
    ),
    "t81_558": (
        "sunspots",
        [
            r"rows dropped +11,314 +11,314",
            r"windows for the test +6,381 +6,381",
            "RMSE, seed 0",
            r"validation loss, mean of the seeds +\d+\.\d+ +208\.28",
            r"the days before 1849 (do not )?help",
        ],
        ["gates.png", "history.png", "sunspots.png", "transfer_functions.png"],
    ),
    "transformer": (
        "sunspots",
        [r"6,381 for the test", r"transformer: mean +\d+\.\d+", r"same as yesterday +14\.62"],
        ["history.png", "network.png", "sunspots.png"],
    ),
    "waves": (
        None,
        [
            "a threshold on one sample     1.0000",
            "without activations",
            "cannot learn this",
            r"300 +0\.\d+",
            r"Between 50 and 300 training sequences the accuracy goes from 0\.\d+",
            r"layers  1: 0\.\d+, ",
        ],
        [
            "answers.png",
            "epochs.png",
            "first_sample.png",
            "grid.png",
            "history_fixed.png",
            "history_random.png",
            "learning_curve.png",
            "learning_curve_large.png",
            "learning_curve_lstm.png",
            "network.png",
            "waves_fixed.png",
            "waves_random.png",
        ],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_prints_its_table_and_draws_its_pictures(
    name: str, tmp_path: Path, data_folder: Callable[[str], Path]
) -> None:
    folder, said, pictures = RECIPES[name]
    if folder is not None:
        data_folder(folder)
    recipe = ROOT / "recipes" / f"{name}.py"
    done = subprocess.run(
        # segue's own warnings are for people: so little training earns some.
        [sys.executable, *WARNINGS, recipe, "--quick", "--out", "pictures"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    missing = [pattern for pattern in said if not re.search(pattern, done.stdout)]
    assert missing == [], done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]  # nothing anywhere else
    assert sorted(path.name for path in (tmp_path / "pictures").glob("*.png")) == pictures
    assert all((tmp_path / "pictures" / one).stat().st_size > 2000 for one in pictures)


def test_every_recipe_has_a_row_here_and_in_the_list_of_recipes() -> None:
    there = sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))
    listed = (ROOT / "recipes" / "README.md").read_text(encoding="utf-8")
    assert there == sorted(RECIPES)
    assert [name for name in there if f"[`{name}.py`]({name}.py)" not in listed] == []
