"""The folder of a run: open it, find its model, make a new one; the record before training.

It has the source, how that is split, the arguments and the versions.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import distributions, version
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic

from segue.atomic import LOCK, is_locked, remove_unfinished, write_text
from segue.data.dataset import Dataset
from segue.errors import (
    DataError,
    DataNotFoundError,
    FileError,
    WriteError,
    counted,
    fields_refused,
)
from segue.progress import duration
from segue.runs.split import Parted, RunSplit, how_drawn

if TYPE_CHECKING:
    from segue.estimators.base import BaseSequenceEstimator
    from segue.estimators.splitting import TrainValidationSplit


FORMAT = 1


class _Closed(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)


class _Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow", strict=True, defer_build=True)


class _Reading(_Closed):
    task: str | None = None
    test: float | None
    limit: int | None = None
    columns: dict[str, Any] | None = None


class _Data(_Closed):
    sequences: int
    channels: int
    steps: int
    parts: dict[str, int]
    hash: str | None = pydantic.Field(None, pattern="^[0-9a-f]{32}$")


class _Drawn(_Closed):
    drawn: str
    test: float | None
    seed: int
    sizes: dict[str, int]


class _Settings(_Open):  # the estimator checks the others
    seed: int


class _Record(_Closed):
    """`run.json`."""

    format: int
    source: str
    date: str | None = None
    reading: _Reading
    data: _Data
    settings: _Settings
    options: dict[str, Any]
    versions: dict[str, str]
    split: _Drawn | None = None
    notes: list[str] = []
    seeds: int | None = pydantic.Field(None, ge=1)
    initial: str | None = None
    selection: dict[str, Any] | None = None


class _Metrics(_Open):
    """`metrics.json`: what every task has, besides its scores."""

    task: str
    part: str
    sequences: int
    baselines: dict[str, dict[str, Any]]
    baseline: dict[str, Any]
    trained_on: dict[str, Any]
    seconds: float
    epochs: int
    stopped: str


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
    def has_progress(self) -> bool:
        """Whether anything was learnt: an epoch is done, or a checkpoint or a member written."""
        kept = self.has_checkpoint or self.has_members
        return kept or any(path.stat().st_size for path in self.histories)

    @property
    def histories(self) -> list[Path]:
        """The history of each of its trainings: of each seed, and of a refit."""
        return [*self.folder.glob("history*.jsonl"), *self.folder.glob("seed-*/history*.jsonl")]

    @property
    def seconds(self) -> float:
        """Duration of its trainings, with attempts that were stopped, and of a refit; rounded."""
        return round(sum(map(_last_seconds, self.histories)), 3)

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint, of any of its trainings."""
        folders = (self.folder, *self.folder.glob("seed-*"))
        paths = (path for one in folders for path in one.glob("checkpoint/*.safetensors"))
        return any(path.is_file() for path in paths)

    @property
    def has_members(self) -> bool:
        """Whether members of an automatic choice are kept, so that it can go on."""
        folders = (self.folder, *self.folder.glob("seed-*"))
        return any((one / "members" / "members.json").is_file() for one in folders)

    @property
    def is_complete(self) -> bool:
        """Whether model, scores and report are there."""
        return all(path.is_file() for path in (self.model, self.report, self.scores))

    @property
    def description(self) -> Path:
        """Where everything lies that is needed to repeat the run."""
        return self.folder / "run.json"

    @property
    def scores(self) -> Path:
        """Where the scores lie."""
        return self.folder / "metrics.json"

    @property
    def record(self) -> dict[str, Any]:
        """Everything that is needed to repeat the run: `run.json`."""
        return _read_json(self.description, _Record)

    @property
    def metrics(self) -> dict[str, Any]:
        """The scores, the seconds that training took, and how it stopped: `metrics.json`."""
        return _read_json(self.scores, _Metrics)

    @property
    def split(self) -> RunSplit | None:
        """The split of the run, from `split.json`; `None`: it was not kept."""
        return RunSplit.read(self.folder / "split.json")

    @property
    def is_automatic(self) -> bool:
        """Whether several networks were fitted and joined, which has no epochs of its own."""
        return bool(self.record["settings"].get("network") == "auto")

    def facts(self) -> list[tuple[str, str]]:
        """The run on the terminal and in a report: its time, date, folder, and its data."""
        from segue.estimators.multi_seed import seeds_in_words

        record, found = self.record, {"time": duration(self.seconds)}
        found["date"] = (record.get("date") or "").replace("T", " ").replace("Z", " UTC")
        found |= {"run": self.folder.resolve().name, "data hash": record["data"].get("hash")}
        found["read as"] = "; ".join(record.get("notes", ()))
        found |= dict(seeds_in_words(self.metrics)[:1]) if self.scores.is_file() else {}
        return [pair for pair in found.items() if pair[1]]

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
    if not run.description.is_file():
        raise FileError("is not a run: it has no run.json.", path=folder)
    _ = run.record
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
    hint = "Expected a run's folder or a model.safetensors."
    if is_locked(path):
        hint = "Its training is not done yet: another process is working on it."
    elif run.description.is_file():
        hint = f"Its training was stopped: go on with `segue fit --resume {path}`."
    raise DataNotFoundError(f"holds no model.safetensors. {hint}", path=path)


def run_of(model: str | Path) -> Run | None:
    """The run that a model file lies in; `None`: it lies alone."""
    run = Run(Path(model).parent)
    is_its_model = run.model == Path(model) and run.description.is_file()
    return open_run(run.folder) if is_its_model else None


def new_folder(source: str | Path, network: str, out: str | Path | None) -> Path:
    """Make the run's folder; two runs that begin at the same moment get two folders.

    Raises:
        FileError: `out` is a file.
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
    return folder


def refuse_used(folder: Path) -> None:
    """Raise `FileError` where a new run's folder holds something already."""
    remove_unfinished(folder)
    if any(path.name != LOCK for path in folder.iterdir()):
        raise FileError(
            "is not empty, and a run is never overwritten. Choose another folder, or go on with "
            f"a run that was stopped: `segue fit --resume {folder}`.",
            path=folder,
        )


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


def _read_json(path: Path, schema: type[pydantic.BaseModel]) -> dict[str, Any]:
    """The fields of a JSON file, without those that it leaves out."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataNotFoundError("there is no such file: has the run ended?", path=path) from error
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(f"cannot be read as JSON ({error}).", path=path) from error
    if not isinstance(found, dict):
        raise FileError("holds no JSON object.", path=path)
    if schema is _Record and found.get("format") != FORMAT:
        raise FileError(
            f"has format {found.get('format')!r}; this segue reads {FORMAT}.", path=path
        )
    cure = "start a new run" if schema is _Record else "remove the file and go on with --resume"
    try:
        return schema.model_validate(found).model_dump(exclude_unset=True)
    except pydantic.ValidationError as error:
        raise FileError(
            f"is damaged: {fields_refused(error)}. Mend these fields, or {cure}.",
            path=path,
        ) from error


def _last_seconds(history: Path) -> float:
    """The seconds in the last line of a history; 0 of an empty one."""
    try:
        lines = history.read_text(encoding="utf-8").split("\n")
        return float(json.loads(lines[-2])["seconds"]) if len(lines) > 1 else 0.0
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        message = "is damaged: its last line has no seconds. Remove it: only the times are lost."
        raise FileError(message, path=history) from error


def read_parted(
    source: str | Path,
    *,
    task: str | None,
    test: float | None,
    limit: int | None,
    seed: int,
    columns: dict[str, Any] | None = None,
    tell: Callable[[Iterable[str]], None] | None = None,
) -> tuple[Parted, Any]:
    """Read the source with the parts that are wanted, and find the estimator for its task."""
    from segue.data.summary import one_line
    from segue.estimators.loading import estimator_for
    from segue.readers import read_spread
    from segue.readers.read_options import roles_in_words
    from segue.tasks import TASKS
    from segue.windowing import cut_in_time

    data = read_spread(source, limit=limit, **(columns or {}))
    if tell is not None:
        tell([*data.notes, *roles_in_words(data.reading), one_line(data)])
    kind = estimator_for(task, data.task)
    task_type, named = TASKS[kind.task], task is not None
    data = task_type.as_targets(data) if named else data
    if test is not None and data.parts is None and task_type.is_cut_in_time(data, named=named):
        parted = cut_in_time(data, test)
        positions = np.repeat(np.arange(len(data)), 2)
        starts = np.where(parted.parts == "test", data.x.lengths[positions] - parted.x.lengths, 0)
        return Parted(data, parted, positions, starts), kind
    numbered = dataclasses.replace(data, ids=np.arange(len(data)))  # a split may leave some out
    parted = _with_parts(numbered, source, test=test, seed=seed)
    positions = np.asarray(parted.ids)
    note = "" if named else task_type.choice_note(data)
    parted = dataclasses.replace(
        parted,
        ids=None if data.ids is None else data.ids[positions],
        notes=(*parted.notes, note) if note else parted.notes,
    )
    if tell is not None:
        tell(parted.notes[len(data.notes) :])
    return Parted(data, parted, positions), kind


def _with_parts(data: Dataset, source: str | Path, *, test: float | None, seed: int) -> Dataset:
    """See to it that there is a train part, and a test part if one is wanted."""
    if test is None and data.parts is None:
        return dataclasses.replace(data, parts=np.full(len(data), "train"))
    if test is None or "test" in data.part_names:
        return data
    if data.parts is None:
        return data.with_parts(test, seed=seed)
    if "train" not in data.part_names:
        raise DataError(
            f"{source} has the parts {', '.join(data.part_names)}; expected one called train."
        )
    inside = data.part("train").with_parts(test, seed=seed)
    if len(inside) < len(data.part("train")):  # split in time, without what reaches across
        others = {name: data.part(name) for name in data.part_names if name != "train"}
        return Dataset.concatenate({name: inside.part(name) for name in ("train", "test")} | others)
    parts = data.parts.astype("<U10")
    parts[data.parts == "train"] = inside.parts
    return dataclasses.replace(data, parts=parts)


def record_of(
    source: str | Path,
    parted: Parted,
    estimator: BaseSequenceEstimator,
    reading: dict[str, Any],
) -> dict[str, Any]:
    """The contents of `run.json`: all that is needed to repeat the run, and its data."""
    settings = estimator.get_params(deep=False)
    options = settings.pop("options", None)
    return {
        "format": FORMAT,
        "source": named_source(source),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reading": reading,
        "data": {**_fingerprint(parted.data), "hash": parted.hash},
        "settings": settings,
        "options": {} if options is None else options.to_json(),
        "versions": versions(),
    }


def write_record(
    run: Run, parted: Parted, split: TrainValidationSplit, record: dict[str, Any]
) -> None:
    """Write `run.json`, and `split.json` unless there are more sequences than are recorded.

    Of a run that is resumed, only what is missing.
    """
    from segue.estimators.fingerprint import LIMIT

    kept = len(parted.whole) <= LIMIT
    if run.description.exists() and (run.split is not None or not kept):
        return
    sides = RunSplit.of(parted, split, parted.hashes(parted.hash))
    if not run.description.exists():
        record["split"] = {
            "drawn": how_drawn(parted, record["reading"]["test"], record["settings"]["seed"]),
            "test": record["reading"]["test"],
            "seed": record["settings"]["seed"],
            "sizes": sides.sizes,
        }
        write_text(run.description, json.dumps(record, indent=2) + "\n")
    if kept:
        sides.write(run.folder / "split.json")


def check_unchanged(run: Run, parted: Parted) -> None:
    """Raise unless the source holds what it held when the run began.

    Raises:
        FileError: other counts, or other values, targets or features of so many sequences.
    """
    source, now, split = run.record["source"], _fingerprint(parted.data), run.split
    then = dict(run.record["data"])
    known = then.pop("hash", None)
    said = f"holds {now} now, and held {then}" if now != then else ""
    if known is not None and parted.hash != known:
        said = said or "holds other values than"
        if split is not None and split.sequences == len(parted.whole):
            changed, data = split.changed(parted.hashes(known)), parted.whole
            at = changed[0]
            first = f"number {at}" if data.ids is None else repr(data.ids[at].item())
            count = f"{counted(len(changed), 'sequence')} of {len(data):,}"
            said = f"differs in {count} (the first is {first}) from what it held"
    if said:
        raise FileError(
            f"cannot be resumed: {source} {said} when the run began. Start a new run.",
            path=run.folder,
        )


def _fingerprint(data: Dataset) -> dict[str, Any]:
    """The fields in which a source must be unchanged for a run to be resumed."""
    return {
        "sequences": len(data),
        "channels": data.x.channels,
        "steps": data.x.total_steps,
        "parts": {name: len(data.part(name)) for name in data.part_names},
    }


def versions() -> dict[str, str]:
    """The versions of everything that a result depends on, as far as it is installed.

    >>> sorted(versions())
    ['numpy', 'python', 'scikit-learn', 'segue', 'system', 'torch']
    """
    packages = ("segue", "numpy", "torch", "scikit-learn")
    found = {name: version(name) for name in packages if [*distributions(name=name)]}
    return {**found, "python": platform.python_version(), "system": platform.platform()}
