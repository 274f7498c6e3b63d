"""Processor seconds of the studio on what is large: `python bench/studio_limits.py`.

A folder with 100,000 files, 1,000 runs, 10,000 classes; the frames of a recording of 10 million
steps are counted in the browser: `pytest -s tests/studio/browser -k ten_million`.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segue.studio import Project

FILES, RUNS, CLASSES = 100_000, 1_000, 10_000


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "many").mkdir()
        for number in range(FILES):
            (folder / "many" / f"{number:06}.csv").touch()
        for number in range(RUNS):
            run = folder / "runs" / f"r-{number}"
            run.mkdir(parents=True)
            record = {"format": 1, "source": "x", "date": f"2026-01-01T00:00:{number % 60:02}Z"}
            (run / "run.json").write_text(json.dumps(record))
        rows = "".join(f"{number // 2},{number},{number % 7}\n" for number in range(2 * CLASSES))
        (folder / "classes.csv").write_text(f"kind,t0,t1\n{rows}")
        project = Project(folder)
        tell(f"{FILES:,} files listed", lambda: project.files("many"))
        tell(f"{FILES:,} files searched", lambda: project.files("many", "099999"))
        tell(f"{RUNS:,} runs listed", lambda: len(Project(folder).experiments.rows()))
        tell(f"{CLASSES:,} classes opened", lambda: project.open("classes.csv"))
        tell(f"{CLASSES:,} classes planned", project.plan)
        tell(f"{CLASSES:,} classes looked at before the start", project.outlook)


def tell(what: str, act: Callable[[], Any]) -> None:
    """Print the least time of three turns."""
    times = []
    for _ in range(3):
        began = time.process_time()
        act()
        times.append(time.process_time() - began)
    print(f"{what}: {min(times):.3f} s", flush=True)


if __name__ == "__main__":
    main()
