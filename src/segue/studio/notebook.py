"""A network is drawn in the studio while a program waits for it, such as a notebook."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from segue.atomic import write_text
from segue.data.dataset import Dataset
from segue.errors import SegueError
from segue.extras import require

_DATA, _DRAWN = "data", "designed.json"
_SERVES = "import sys; from segue.studio.notebook import _serve; _serve(sys.argv[1])"


class Designed(NamedTuple):
    """What was drawn.

    Attributes:
        network: its text, as estimators take it.
        prepare: the text of the preparation.
    """

    network: str
    prepare: str


def design(
    data: Dataset | str | Path,
    network: str = "bilstm(100)",
    prepare: str | None = None,
    *,
    opens: bool = True,
    tell: Callable[[str], None] = print,
) -> Designed:
    """Draw a network for some data in the browser, and return it.

    The designer opens; this waits until its button *Use this network* is clicked. Stopping the cell
    of the notebook ends it without one.

    Args:
        data: a data set, or what `segue.read` takes.
        network: to begin with.
        prepare: the preparation to begin with; `None`: that of the task.
        opens: whether to open the browser.
        tell: called with the address.

    Raises:
        SegueError: data that cannot be read or written, or the studio ended by something else.
        MissingPackageError: the extra `studio` is not installed.

    In a notebook:

        drawn = segue.studio.design(data)
        model = segue.SequenceClassifier(drawn.network, prepare=drawn.prepare).fit(data)
    """
    require("nicegui", "studio", "for the studio")
    from segue.readers import read, write

    if not isinstance(data, Dataset):
        data = read(data)
    with tempfile.TemporaryDirectory(prefix="segue-") as name:
        folder = Path(name)
        write(data, folder / _DATA, format="arrow")
        write_text(folder / _DRAWN, json.dumps({"network": network, "prepare": prepare}))
        return Designed(**_drawn(folder, opens=opens, tell=tell))


def _drawn(folder: Path, *, opens: bool, tell: Callable[[str], None]) -> dict[str, str]:
    """Wait for the studio in a process of its own; what it has written."""
    process = subprocess.Popen(  # noqa: S603 (segue itself, and no shell)
        [sys.executable, "-c", _SERVES, str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        if address:
            tell(address)
            if opens:
                webbrowser.open(address)
        _, said = process.communicate()
    finally:
        process.terminate()
    if process.returncode:
        last = said.strip().rpartition("\n")[2]
        raise SegueError(f"The studio ended before a network was chosen. {last}".strip())
    found: dict[str, str] = json.loads((folder / _DRAWN).read_text(encoding="utf-8"))
    return found


def _tell(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


def _serve(path: str) -> None:
    """The studio with the designer, until its network is chosen."""
    from segue.studio.pages.serving import serve
    from segue.studio.project import Project

    folder = Path(path).resolve()
    begun: dict[str, Any] = json.loads((folder / _DRAWN).read_text(encoding="utf-8"))
    project = Project(folder)
    project.open(_DATA)
    project.set_network(begun["network"])
    if begun["prepare"] is not None:
        project.set_prepare(begun["prepare"])
    project.is_awaited = True
    serve(project, opens=False, first="/designer", tell=_tell)
    drawn = {"network": project.design.network, "prepare": project.design.prepare}
    write_text(folder / _DRAWN, json.dumps(drawn))
