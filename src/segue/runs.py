"""A run is a folder: everything that a training was made from, and everything that came of it.

    run.json             source, preparation, network, options, seed, versions: written first
    history.jsonl        one row an epoch, while training goes on
    checkpoint/          to resume from; removed when training has finished
    model.safetensors    the fitted estimator, whole
    metrics.json         the scores on the test part
    report.html          the same with pictures, in one file

A run is never overwritten, and each file appears whole or not at all.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segue.atomic import write_text
from segue.dataset import Dataset
from segue.errors import DataError, DataNotFoundError, FileError, OptionError, WriteError

if TYPE_CHECKING:
    from segue.estimators.base import SequenceEstimator

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Run:
    """A run on disk; its files are read when they are asked for.

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


def fit_run(
    source: str | Path,
    *,
    task: str | None = None,
    test: float | None = 0.2,
    limit: int | None = None,
    out: str | Path | None = None,
    seeds: int | None = None,
    initial: str | Path | None = None,
    columns: dict[str, Any] | None = None,
    tell: Callable[[Iterable[str]], None] | None = None,
    **settings: Any,
) -> Run:
    """Read a source, train an estimator on it, evaluate it, and keep all of it in a folder.

    Args:
        source: what `segue.read` takes: a named data set, a file or a folder.
        task: "classify", "label", "regress", "forecast" or "language" (which word comes next);
            what the targets ask for if left out.
        test: the share that is set aside as test part where the source has none (stratified, by
            group where there are groups, and the end of each series for a forecast, or of a single
            recording whose steps are labelled); `None`:
            everything is trained on and nothing tested.
        limit: read only so many sequences of each part.
        out: the run's folder, new or empty; `runs/<source>-<network>-<n>` if left out.
        seeds: train so often, each time with another seed and in a folder of its own, `seed-<n>`;
            the run's model is then the ensemble of all.
        initial: the run or the model file whose weights the training begins with.
        columns: further options of the reader, such as `{"label": "kind"}` for a table.
        tell: called with the notes of the data set (what the reader guessed) before they are used.
        **settings: the arguments of the task's estimator, such as `SequenceClassifier`.

    Raises:
        SegueError: a source, an option or a network that cannot be used. No folder is left then.
    """
    reading: dict[str, Any] = {"task": task, "test": test, "limit": limit}
    if columns:
        reading["columns"] = columns
    data, kind = _read(source, **reading, seed=settings.get("seed", 0), tell=tell)
    if seeds is not None and initial is not None:
        raise OptionError(
            "Several seeds begin with several draws of the weights; with given ones (initial) they "
            "would differ in the order of the batches only. Leave one of the two out."
        )
    if data.task == "multilabel":
        settings = {"head": "sigmoid", **settings}
    estimator = kind(**settings)
    record = _record(source, data, estimator, reading)
    if data.notes:
        record["notes"] = list(data.notes)
    if tell is not None:
        data = dataclasses.replace(data, notes=())  # they have been told
    if seeds is not None:
        record["seeds"] = seeds
    if initial is not None:
        record["initial"] = str(find_model(initial).resolve())
    run = Run(_new_folder(source, str(estimator.network), out))
    try:
        write_text(run.folder / "run.json", json.dumps(record, indent=2) + "\n")
        return _train(run, estimator, data, resume=False)
    except BaseException:
        if not any(run.folder.rglob("*.safetensors")):  # nothing was learnt yet
            shutil.rmtree(run.folder, ignore_errors=True)
        raise


def resume_run(folder: str | Path) -> Run:
    """Go on with a run that was stopped, to the same weights as if it had not been.

    Raises:
        FileError: not a run, a run that has finished, or a source that has changed since.
    """
    from segue.training import TrainingOptions

    run = open_run(folder)
    begun = run.record.get("seeds") is not None and not run.model.exists()
    if not (begun or any(run.folder.rglob("checkpoint/*.safetensors"))):
        reason = (
            "the run has finished."
            if run.model.exists()
            else "the run was stopped before its first one. Start a new run."
        )
        raise FileError(f"has no checkpoint: {reason}", path=run.folder)
    record = run.record
    reading = {"task": None, **record["reading"]}
    data, kind = _read(record["source"], **reading, seed=record["settings"]["seed"])
    if _fingerprint(data) != record["data"]:
        raise FileError(
            f"cannot be resumed: {record['source']} holds {_fingerprint(data)} now, and held "
            f"{record['data']} when the run began. Start a new run.",
            path=run.folder,
        )
    options = TrainingOptions(**record["options"])
    estimator = kind(**record["settings"], options=options)
    return _train(run, estimator, data, resume=True)


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
        DataNotFoundError: neither is there; the message says what to do.
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


def _read(
    source: str | Path,
    *,
    task: str | None,
    test: float | None,
    limit: int | None,
    seed: int,
    columns: dict[str, Any] | None = None,
    tell: Callable[[Iterable[str]], None] | None = None,
) -> tuple[Dataset, Any]:
    """Read the source with the parts that are wanted, and find the estimator for its task."""
    from segue.estimators.tasks import estimator_for
    from segue.readers import read
    from segue.readers.remembered import roles_in_words
    from segue.splits import offer_windows
    from segue.windowing import cut_in_time

    data = read(source, limit=limit, **(columns or {}))
    if tell is not None:
        tell([*data.notes, *roles_in_words(data.reading)])
    if task == "classify" and data.task == "regress":  # whole numbers of many values
        data = dataclasses.replace(data, task="classify", classes=None)
    kind = estimator_for(task, data.task)
    in_time = kind.purpose == "forecast" or (task == "label" and len(data) == 1)
    if in_time and test is not None and data.parts is None:
        return cut_in_time(data, test), kind
    parted = _with_parts(data, source, test=test, seed=seed)
    if task is None and data.task == "label":
        said = f"a class for each step is learnt. {offer_windows(data.x.length_range[1])}"
        parted = dataclasses.replace(parted, notes=(*parted.notes, said))
    if tell is not None:
        tell(parted.notes[len(data.notes) :])
    return parted, kind


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


def _train(run: Run, estimator: SequenceEstimator, data: Dataset, *, resume: bool) -> Run:
    """Fit, save, evaluate; what a Ctrl-C left is saved and evaluated like anything else."""
    from segue.evaluation import evaluate

    began = time.perf_counter()
    part = "test" if "test" in data.part_names else "train"
    if run.record.get("seeds") is None:
        initial = run.record.get("initial")
        model: Any = estimator.fit(data, folder=run.folder, resume=resume, initial=initial)
        told = {"epochs": len(estimator.history_.rows), "stopped": estimator.stopped_}
    else:
        model, told = _fit_seeds(run, estimator, data, part, resume=resume)
    seconds = time.perf_counter() - began
    model.save(run.model)
    evaluation = evaluate(model, data, part=part)
    evaluation.to_html(
        run.report,
        train=data.part("train"),
        model_path=run.model,
        source=run.record["source"],
    )
    metrics = {
        **evaluation.metrics(),
        "seconds": round(seconds, 3),
        **told,
    }
    write_text(run.folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return run


def _fit_seeds(
    run: Run, estimator: SequenceEstimator, data: Dataset, part: str, *, resume: bool
) -> tuple[Any, dict[str, Any]]:
    """Train with several seeds; the ensemble, and what there is to tell of its members."""
    from segue.estimators import fit_seeds

    seeds = run.record["seeds"]
    results = fit_seeds(estimator, data, seeds=seeds, folder=run.folder, resume=resume)
    members: list[Any] = list(results.members)
    scores = [member.score(data.part(part)) for member in members]
    name = estimator.score_name
    rows = [{**row, name: score} for row, score in zip(results.rows, scores, strict=True)]
    told = {
        "epochs": sum(len(member.history_) for member in members),
        "stopped": members[-1].stopped_,
        "seeds": rows,
        "score": name,
        "mean": float(np.mean(scores)),
        "spread": float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0,
        "best_seed": results.best.seed if results.is_watched else None,
    }
    return results.ensemble(), told


def _record(
    source: str | Path,
    data: Dataset,
    estimator: SequenceEstimator,
    reading: dict[str, Any],
) -> dict[str, Any]:
    settings = estimator.get_params(deep=False)
    options = settings.pop("options", None)
    path = Path(source)
    return {
        "format": FORMAT,
        "source": str(path.resolve()) if path.exists() else str(source),
        "reading": reading,
        "data": _fingerprint(data),
        "settings": settings,
        "options": {} if options is None else dataclasses.asdict(options),
        "versions": versions(),
    }


def _fingerprint(data: Dataset) -> dict[str, Any]:
    """What a source must still hold for a run to be resumed."""
    return {
        "sequences": len(data),
        "channels": data.x.channels,
        "steps": data.x.total_steps,
        "parts": {name: len(data.part(name)) for name in data.part_names},
    }


def versions() -> dict[str, str]:
    """The versions of everything that a result depends on.

    >>> sorted(versions())
    ['numpy', 'python', 'scikit-learn', 'segue', 'system', 'torch']
    """
    packages = ("segue", "numpy", "torch", "scikit-learn")
    found = {name: version(name) for name in packages}
    return {**found, "python": platform.python_version(), "system": platform.platform()}


def _new_folder(source: str | Path, network: str, out: str | Path | None) -> Path:
    """Make the run's folder; two runs that begin at the same moment get two folders."""
    if out is not None:
        return _empty_folder(Path(out))
    stem = Path("runs") / f"{slug(Path(source).stem)}-{slug(network)}"
    for number in count(1):
        folder = stem.with_name(f"{stem.name}-{number}")
        try:
            _make(folder, exist_ok=False)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("unreachable")  # count never ends


def _empty_folder(folder: Path) -> Path:
    _make(folder, exist_ok=True)
    if any(folder.iterdir()):
        raise FileError(
            "is not empty, and a run is never overwritten. Choose another folder, or go on with "
            f"a run that was stopped: `segue fit --resume {folder}`.",
            path=folder,
        )
    return folder


def _make(folder: Path, *, exist_ok: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        if exist_ok:
            raise FileError("is a file; expected a folder for the run.", path=folder) from None
        raise
    except OSError as error:
        raise WriteError(
            f"{folder} could not be made ({error.strerror}). Choose another folder with --out."
        ) from error


def slug(text: str) -> str:
    """Return a text as a plain file name: lower case, letters and digits joined by dashes.

    >>> slug("bilstm(100) dense(32, relu)")
    'bilstm-100-dense-32-relu'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-") or "run"


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
