"""For notebooks: a network is drawn while the program waits, and a run is shown as it goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from segue.atomic import write_text
from segue.data.dataset import Dataset
from segue.errors import SegueError
from segue.extras import require
from segue.progress import NotebookCell, is_notebook
from segue.runs import Run
from segue.runs.listing import list_runs
from segue.studio.live import curves, members, progress
from segue.studio.trainings import RUNS, Trainings, Watched
from segue.text_table import Picture, html_card, visible

if TYPE_CHECKING:
    from segue.studio.project import Project

_DATA, _DRAWN = "data", "designed.json"
_SERVES = "import sys; from segue.studio.notebook import _serve; _serve(sys.argv[1])"


_PAUSE = 0.5  # seconds between two looks at a run


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


def show(
    run: Run | str | Path,
    project: Project | None = None,
    *,
    tell: Callable[[str], None] = print,
) -> None:
    """Show a run in a notebook, and follow it until its training has ended.

    How far it is, the curves of loss and score, of several seeds over each other, the networks of
    an automatic choice, and its scores. The training is a process of its own: stopping the cell
    ends the view alone. Where this is no notebook, a line is written whenever something has
    changed.

    Args:
        run: its folder, also of one that a terminal or the studio has started, and of one that has
            ended long ago.
        project: that has started it just now: then `run` is its name.
        tell: called with the lines, where this is no notebook.

    Raises:
        DataNotFoundError: there is no such run.

    >>> import segue, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> _ = segue.write(segue.synth.waves(40, test=20, length=9), f"{folder}/waves")
    >>> options = segue.TrainingOptions(progress="none")
    >>> run = segue.runs.fit_run(
    ...     f"{folder}/waves", network="gru(2)", epochs=2, options=options, out=f"{folder}/a"
    ... )
    >>> show(run)  # doctest: +ELLIPSIS
    a: done · epoch 2 of 2 · ... s · test accuracy ... · baseline ...
    """
    place = Path() if project is None else project.folder / RUNS
    folder = Path(place, run.folder if isinstance(run, Run) else run).resolve()
    known = Trainings(folder.parent.parent, folder.parent.name)
    trainings = known if project is None else project.trainings
    cell = NotebookCell() if is_notebook() else None
    watched, before = trainings.watch(folder.name), None
    with suppress(KeyboardInterrupt):
        while True:
            if watched != before and cell is None:
                tell(_line(watched, folder))
            elif watched != before and cell is not None:
                cell.publish(_page(watched, folder), visible(_line(watched, folder)))
            before = watched
            if not watched.is_active:
                return
            time.sleep(_PAUSE)
            watched = trainings.watch(folder.name)


def _scores(watched: Watched, folder: Path) -> list[tuple[str, str]]:
    rows = list_runs(folder) if watched.metrics is not None else []
    found = [(f"{one.part} {one.metric}", one.score) for one in rows]
    found += [("baseline", one.baseline) for one in rows]
    return [(name, f"{score:.4f}") for name, score in found if score is not None]


def _line(watched: Watched, folder: Path) -> str:
    scores = [" ".join(pair) for pair in _scores(watched, folder)]
    words = [f"{watched.name}: {watched.state}", progress(watched), *scores, watched.error]
    return " · ".join(filter(None, words))


def _page(watched: Watched, folder: Path) -> str:
    """As HTML, in the form in which a notebook shows a history."""
    rows = [("", progress(watched)), *_scores(watched, folder), ("", watched.error)]
    rows += [(name, ", ".join(filter(None, said))) for name, *said in members(watched)]
    pictures: list[Picture] = []
    names: tuple[str, ...] = ()
    for each in curves(watched) if watched.rows else ():
        lines = [line for line in each.values if any(value is not None for value in line)]
        names = each.names if watched.seeds else ("training", "validation")[: len(lines)]
        values = [[float("nan") if value is None else value for value in line] for line in lines]
        pictures.append((each.title, values))
    shown = [pair for pair in rows if pair[1]]
    return html_card(f"{watched.name}: {watched.state}", shown, pictures, names)
