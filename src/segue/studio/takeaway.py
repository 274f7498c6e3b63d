"""What is taken away of a run: model, report, the exact script, the model for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from segue.atomic import make_folder, write_text
from segue.errors import DataNotFoundError, FileError, OptionError, did_you_mean
from segue.runs import Run, find_model
from segue.studio.lines import command, run_script
from segue.weights.targets import TARGETS

EXPORTS = "exports"  # the folder beside `runs` that has what was written


class Offer(NamedTuple):
    """Something that can be taken away.

    Attributes:
        kind: its key.
        name: its heading.
        about: what it is for.
        file: its name.
        target: of `TARGETS`; "": it is no export.
    """

    kind: str
    name: str
    about: str
    file: str
    target: str = ""


OFFERS = {
    offer.kind: offer
    for offer in (
        Offer("model", "Model", "The whole of it: segue.load and segue predict open it.",
              "model.safetensors"),
        Offer("report", "Report", "Scores, confusion and mistakes in one file.", "report.html"),
        Offer("script", "Exact script",
              "python script.py alone gives the same weights, to the bit.", "script.py"),
        Offer("onnx", "ONNX", "From raw values to answers, for ONNX Runtime and others.",
              "model.onnx", "onnx"),
        Offer("keras", "Keras", "A model that keras.saving.load_model opens.",
              "model.keras", "keras"),
        Offer("python", "PyTorch", "A module of plain PyTorch, from raw values to answers, with "
              "its weights beside it.", "pytorch.py", "python"),
        Offer("torch", "PyTorch, the network alone", "A state dict, with the source of its module "
              "beside it; the preparation is left out.", "network.safetensors", "torch"),
    )
}  # fmt: skip


class Taken(NamedTuple):
    """What was taken away.

    Attributes:
        files: names of what can be downloaded; the one that was asked for comes first.
        folder: where they lie, below the project's.
        report: what was compared before a file got its name; "": nothing was.
        command: the line of the command line that writes the same; "": there is none.
    """

    files: tuple[str, ...]
    folder: str
    report: str
    command: str


def take(root: Path, run: Run, kind: str) -> Taken:
    """Write a file of a run, unless it is one of those that the run has itself.

    Args:
        root: the folder of the project.
        run: in it.
        kind: one of `OFFERS`.

    Raises:
        OptionError: another kind.
        DataNotFoundError: the run has no model yet, or no report.
        SegueError: a model that has no such form; the message names what has none.
    """
    if kind not in OFFERS:
        hint = did_you_mean(kind, OFFERS) or f" Expected one of {', '.join(OFFERS)}."
        raise OptionError(f"There is nothing called {kind!r} to be taken away.{hint}")
    offer, model = OFFERS[kind], find_model(run.folder)
    inside = f"runs/{run.folder.name}"
    if kind in ("model", "report"):
        if not (run.folder / offer.file).is_file():
            raise DataNotFoundError(f"has no {offer.file} yet.", path=inside)
        return Taken((offer.file,), inside, "", "")
    folder = root / EXPORTS / run.folder.name
    make_folder(folder)
    path, where = folder / offer.file, f"{EXPORTS}/{run.folder.name}"
    if kind == "script":
        write_text(path, run_script(run.record))
        return Taken((offer.file,), where, _how(run), "")
    from segue.estimators import load

    target = TARGETS[offer.target]
    report = target.write(load(model), path)
    beside = (path.with_suffix(ending) for ending in target.beside)
    files = (offer.file, *(each.name for each in beside if each.is_file()))
    words = ["export", inside, f"{where}/{offer.file}", "--to", offer.target, "--overwrite"]
    return Taken(files, where, str(report), command(words))


def _how(run: Run) -> str:
    """What is to be known of the script of a run."""
    if run.scores.is_file() and run.metrics["stopped"] == "interrupted":
        return "This run was stopped: the script trains to the end, as the run would have."
    return ""


def files_of(root: Path, run: Run) -> Iterator[Path]:
    """The files of a run that can be downloaded: its own, and what was written of it."""
    yield from (path for path in (run.model, run.report) if path.is_file())
    folder = root / EXPORTS / run.folder.name
    if folder.is_dir() and not folder.is_symlink():
        yield from sorted(path for path in folder.iterdir() if path.is_file())


def file_of(root: Path, run: Run, name: str) -> Path:
    """A file of a run that can be downloaded, by its name.

    Raises:
        FileError: there is none of this name.
    """
    found = next((path for path in files_of(root, run) if path.name == name), None)
    if found is None or found.is_symlink():
        raise FileError("there is no such file to be taken away.", path=repr(name))
    return found
