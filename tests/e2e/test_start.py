"""The page for newcomers, followed literally, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "start.md"
PARTS = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
BLOCKS = {
    part.splitlines()[0]: re.findall(r"^```(sh|python)\n(.*?)^```", part, re.DOTALL | re.MULTILINE)
    for part in PARTS
}


@pytest.mark.slow
@pytest.mark.parametrize("title", [title for title, blocks in BLOCKS.items() if blocks])
def test_every_line_does_what_the_page_says(title: str, tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    said = ""
    for language, code in BLOCKS[title]:
        command = ["bash", "-euc"] if language == "sh" else [sys.executable, "-c"]
        done = subprocess.run(
            [*command, code], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout + done.stderr
    accuracy = re.search(r"accuracy +(\d\.\d+)", said)
    assert accuracy is not None
    assert float(accuracy[1]) > 0.9
    for line in re.findall(r"^read as .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        assert line in said or title != "Your own table"
