"""The page for newcomers and the tutorials, run as the notebooks that are made of them."""

from __future__ import annotations

import os
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = runpy.run_path(str(ROOT / "docs" / "notebooks.py"))
START, *TUTORIALS = TOOLS["PAGES"]
NEEDS = {  # data that are not part of the project
    "instruments": "instruments",
    "mnist-rows": "mnist",
    "t81-558": "sunspots",
    "transformer": "sunspots",
    "texts": "authors",
}
PARTS = {
    part.splitlines()[0]: part
    for part in re.split(r"^## ", START.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    if re.search(r"^```(sh|python)$", part, re.MULTILINE)
}

# A command that fails ends a notebook: IPython goes on behind it.
CHECKED = """
shell, system = get_ipython(), get_ipython().system
def checked(command):
    system(command)
    assert shell.user_ns["_exit_code"] == 0, command
shell.system = checked
"""


# A training of a tutorial ends after a second.
SHORT = """
from dataclasses import replace
from segue.estimators.base import BaseSequenceEstimator
whole = BaseSequenceEstimator.training_options.fget
BaseSequenceEstimator.training_options = property(
    lambda self: replace(whole(self), time_limit_seconds=1.0)
)
"""


def run(text: str, folder: Path, first: str = CHECKED) -> str:
    """Run the notebook of a text in an empty folder, behind a cell; what it shows, as text."""
    made = TOOLS["notebook"](text, START.parent / "tutorials")
    made.cells.insert(0, nbformat.v4.new_code_cell(first))
    nbclient.NotebookClient(
        made, timeout=250, resources={"metadata": {"path": str(folder)}}
    ).execute()
    outputs = [output for cell in made.cells for output in cell.get("outputs", [])]
    return "\n".join(output.get("text") or output["data"]["text/plain"] for output in outputs)


@pytest.fixture(autouse=True)
def as_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel chooses matplotlib's backend, as commands are found beside the Python that runs."""
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)


@pytest.mark.slow
@pytest.mark.parametrize("title", PARTS)
def test_every_line_does_what_the_page_says(title: str, tmp_path: Path) -> None:
    said = run(PARTS[title], tmp_path)
    accuracy = re.search(r"^(?:test )?accuracy +(\d\.\d+)", said, re.MULTILINE)
    assert accuracy is not None
    assert float(accuracy[1]) > 0.9
    assert "\x1b[2K" not in said, "a bar that is drawn again and again"
    for line in re.findall(r"^read as .*$", START.read_text(encoding="utf-8"), re.MULTILINE):
        assert line in " ".join(said.split()) or title != "Your own table"


@pytest.mark.slow
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_runs(page: Path, data_folder: Callable[[str], Path], tmp_path: Path) -> None:
    """On a little data; the trainings of the command line are those of the recipes."""
    if page.stem in NEEDS:
        data_folder(NEEDS[page.stem])
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"\b(\d)0?000\b(?!-)", r"\g<1>00", text)
    text = re.sub(r"^segue (fit|study) (.*\\\n)*.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"segue\.read\((.*?)\)", r"segue.read(\1, limit=150)", text)
    run(text, tmp_path, CHECKED + SHORT)


def test_a_page_becomes_cells_of_python_of_commands_and_of_text() -> None:
    text = (
        "# A\n\n[There](b.md), [far](https://b.c).\n\n![P](../images/ends.png)\n\n"
        "```sh\nsegue fit a \\\n    --epochs 3\nsegue info\n```\n\n"
        "```\npip install .\n```\n\n```python\nimport segue\n```\n\n```sh\nsegue info\n```\n"
    )
    title, commands, install, code, last = TOOLS["notebook"](text, START.parent / "tutorials").cells
    assert title.source == ("# A\n\nThere, [far](https://b.c).\n\n![P](attachment:ends.png)")
    assert list(title.attachments) == ["ends.png"]
    assert commands.source == "!segue fit a \\\n    --epochs 3\n!segue info"
    assert install.cell_type == "markdown"
    assert (code.cell_type, code.source) == ("code", "import segue")
    assert (last.cell_type, last.source) == ("code", "!segue info")
