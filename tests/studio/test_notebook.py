"""The designer, while a program waits for the network that is drawn."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import segue
from segue.errors import SegueError
from segue.studio import design, notebook
from segue.studio.project import Project

# In place of the studio: what it reads, and what it leaves behind.
_STUDIO = """
import json, sys
from pathlib import Path
from segue.studio.project import Project
folder = Path(sys.argv[1])
begun = json.loads((folder / "designed.json").read_text())
project = Project(folder)
project.open("data")
print(f"http://there {begun['network']} {begun['prepare']} {len(project.opened.data)}", flush=True)
left = {"network": begun["network"] + " dropout(0.2)", "prepare": "none"}
(folder / "designed.json").write_text(json.dumps(left))
"""


@pytest.mark.slow
def test_what_is_drawn_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data lie in the folder that the studio is started with; nothing of it is left."""
    monkeypatch.setattr(notebook, "_SERVES", _STUDIO)
    told: list[str] = []
    data = segue.synth.waves(12, test=4, length=9)
    found = design(data, "gru(3)", opens=False, tell=told.append)
    assert told == [f"http://there gru(3) None {len(data)}"]
    assert found == ("gru(3) dropout(0.2)", "none")
    model = segue.SequenceClassifier(found.network, prepare=found.prepare, epochs=1)
    assert str(model.network) == "gru(3) dropout(0.2)"


def test_a_studio_that_ends_by_itself_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_SERVES", "import sys; sys.exit('no port')")
    with pytest.raises(SegueError, match="ended before a network was chosen. no port"):
        design(segue.synth.waves(12, test=4, length=9), opens=False, tell=print)


def test_the_studio_begins_with_the_data_and_the_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from segue.readers import write
    from segue.studio.pages import serving

    write(segue.synth.waves(12, test=4, length=9), tmp_path / "data", format="arrow")
    (tmp_path / "designed.json").write_text('{"network": "gru(3)", "prepare": "frame(3)"}')

    def serve(project: Project, **given: Any) -> None:
        assert project.is_awaited
        assert given["first"] == "/designer"
        assert project.plan().input_shape == "[3, 3]"
        project.design.add("relu")

    monkeypatch.setattr(serving, "serve", serve)
    notebook._serve(str(tmp_path))
    assert '"gru(3) relu"' in (tmp_path / "designed.json").read_text()


def test_it_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nicegui", None)
    with pytest.raises(segue.errors.MissingPackageError, match=r"segue\[studio\]"):
        design("japanese-vowels")
