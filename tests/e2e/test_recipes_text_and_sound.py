"""The recipes run from end to end on a little data: figures beside the reference ones, pictures."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SEGUE_DATA", "/nowhere"))

RECIPES = [
    (
        "t81_558",
        "sunspots",
        [r"rows dropped +11,314 +11,314", r"windows for the test +6,381 +6,381", "RMSE, seed 0"],
        ["gates", "history", "sunspots", "transfer_functions"],
    ),
    (
        "instruments",
        "instruments",
        ["held-out notes: log-mel, rocket", r"padded on the left: difference +\d.\de-0[5-9]"],
        ["anytime", "confusion", "heard", "history", "joined", "mixed", "sounds"],
    ),
    (
        "activity",
        "activity",
        [r"accuracy of steps +0\.\d+ +baseline"],
        ["along", "confusion", "history"],
    ),
    (
        "authors",
        "authors",
        [r"accuracy by sentence +0\.\d+ +majority", "bag of words by message"],
        ["confusion", "history", "reading"],
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "folder", "lines", "pictures"), RECIPES)
def test_recipe(
    name: str, folder: str, lines: list[str], pictures: list[str], tmp_path: Path
) -> None:
    """Quickly: what it prints and draws is all there, and nothing is written elsewhere."""
    if not (DATA / folder).exists():
        pytest.skip(f"SEGUE_DATA has no {folder}")
    done = subprocess.run(
        [sys.executable, str(ROOT / "recipes" / f"{name}.py"), "--quick", "--out", "pictures"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for line in lines:
        assert re.search(line, done.stdout), f"{line}\n{done.stdout}"
    drawn = tmp_path / "pictures"
    assert sorted(path.stem for path in drawn.glob("*.png")) == pictures
    assert min(path.stat().st_size for path in drawn.glob("*.png")) > 5_000
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]
