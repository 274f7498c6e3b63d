"""The folder of a run: open it, find its model, make a new one."""

from __future__ import annotations

import dataclasses
import json
import re
from itertools import count
from pathlib import Path
from typing import Any

from segue.errors import DataNotFoundError, FileError, WriteError
from segue.runs.split import RunSplit

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Run:
    """A run on disk; its files are read when they are used.

    >>> Run(Path("runs/vowels-1")).model.name
    'model.safetensors'
    """

    folder: Path

    @property
    def model(self) -> Path:
        """Where the fitted estimator lies."""
        return self.folder / "model.safetensors"

    @property
    def report(self) -> Path:
        """Where the HTML report lies."""
        return self.folder / "report.html"

    @property
    def checkpoint(self) -> Path:
        """The folder that training resumes from, as long as it has not finished."""
        return self.folder / "checkpoint"

    @property
    def record(self) -> dict[str, Any]:
        """Everything that is needed to repeat the run: `run.json`."""
        return _read_json(self.folder / "run.json")

    @property
    def metrics(self) -> dict[str, Any]:
        """The scores, the seconds that training took, and how it stopped: `metrics.json`."""
        return _read_json(self.folder / "metrics.json")

    @property
    def split(self) -> RunSplit | None:
        """Which sequences were trained on: `split.json`; `None`: it was not kept."""
        return RunSplit.read(self.folder / "split.json")

    def facts(self) -> list[tuple[str, str]]:
        """What a report shows of the run: its folder, when it began, the hash of its data."""
        record = self.record
        found = [
            ("run", self.folder.resolve().name),
            ("date", record.get("date")),
            ("data", record["data"].get("hash")),
        ]
        return [(heading, text) for heading, text in found if text]

    def read_from(self, source: str | Path) -> bool:
        """Whether this is the source that the run has read."""
        return bool(named_source(source) == self.record["source"])


def open_run(folder: str | Path) -> Run:
    """Open a run's folder.

    Raises:
        DataNotFoundError: no such folder.
        FileError: a folder that is not a run, or one of a newer segue.
    """
    run = Run(Path(folder))
    if not run.folder.is_dir():
        raise DataNotFoundError("there is no such folder.", path=folder)
    if not (run.folder / "run.json").is_file():
        raise FileError("is not a run: it has no run.json.", path=folder)
    if run.record.get("format") != FORMAT:
        raise FileError(
            f"has format {run.record.get('format')!r}; this segue reads {FORMAT}.",
            path=run.folder / "run.json",
        )
    return run


def find_model(path: str | Path) -> Path:
    """Return the model file: `path` itself, or the one in the run's folder `path`.

    Raises:
        DataNotFoundError: neither is there; the message has what to do.
    """
    path = Path(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise DataNotFoundError(
            "there is no such model; expected a run's folder or a model.safetensors.", path=path
        )
    run = Run(path)
    if run.model.is_file():
        return run.model
    hint = (
        f"Its training was stopped: go on with `segue fit --resume {path}`."
        if run.checkpoint.exists()
        else "Expected a run's folder or a model.safetensors."
    )
    raise DataNotFoundError(f"holds no model.safetensors. {hint}", path=path)


def run_of(model: str | Path) -> Run | None:
    """The run that a model file lies in; `None`: it lies alone."""
    run = Run(Path(model).parent)
    is_its_model = run.model == Path(model) and (run.folder / "run.json").is_file()
    return open_run(run.folder) if is_its_model else None


def new_folder(source: str | Path, network: str, out: str | Path | None) -> Path:
    """Make the run's folder; two runs that begin at the same moment get two folders.

    Raises:
        FileError: `out` is a file, or a folder that is not empty.
        WriteError: the folder cannot be made.
    """
    stem = Path("runs") / f"{slug(Path(source).stem)}-{slug(network)}"
    for number in count(1):
        folder = stem.with_name(f"{stem.name}-{number}") if out is None else Path(out)
        try:
            folder.mkdir(parents=True, exist_ok=out is not None)
        except FileExistsError:
            if out is None:
                continue
            raise FileError("is a file; expected a folder for the run.", path=folder) from None
        except OSError as error:
            raise WriteError(
                f"{folder} could not be made ({error.strerror}). Choose another folder with --out."
            ) from error
        break
    if any(folder.iterdir()):
        raise FileError(
            "is not empty, and a run is never overwritten. Choose another folder, or go on with "
            f"a run that was stopped: `segue fit --resume {folder}`.",
            path=folder,
        )
    return folder


def slug(text: str) -> str:
    """Return a text as a plain file name: lower case, letters and digits joined by dashes.

    >>> slug("bilstm(100) dense(32, relu)")
    'bilstm-100-dense-32-relu'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-") or "run"


def named_source(source: str | Path) -> str:
    """A source that lies on the disk by its whole path."""
    path = Path(source)
    return str(path.resolve()) if path.exists() else str(source)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataNotFoundError("there is no such file: has the run ended?", path=path) from error
    except (OSError, ValueError) as error:
        raise FileError(f"cannot be read as JSON ({error}).", path=path) from error
    if not isinstance(found, dict):
        raise FileError("holds no JSON object.", path=path)
    return found
