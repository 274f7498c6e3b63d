"""A run is a folder: everything that a training was made from, and everything that came of it.

    run.json             source, preparation, network, options, seed, split, versions, the date and
                         a hash of the data: written first
    split.json           which sequences were trained on, validated with and tested on
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
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segue.atomic import write_text
from segue.dataset import Dataset
from segue.errors import DataError, DataNotFoundError, FileError, OptionError, WriteError, counted
from segue.run_split import Parted, RunSplit

if TYPE_CHECKING:
    from segue.estimators.base import SequenceEstimator
    from segue.estimators.choosing import Chosen

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

    @property
    def split(self) -> RunSplit | None:
        """Which sequences were trained on: `split.json`; `None`: it was not kept."""
        return RunSplit.read(self.folder / "split.json")

    def facts(self) -> list[tuple[str, str]]:
        """What a report says of the run: its folder, when it began, the hash of its data."""
        record = self.record
        found = [
            ("run", str(self.folder)),
            ("date", record.get("date")),
            ("data", record["data"].get("hash")),
        ]
        return [(heading, text) for heading, text in found if text]

    def read_from(self, source: str | Path) -> bool:
        """Whether this is the source that the run has read."""
        return _named(source) == self.record["source"]

    def parts_of(self, data: Dataset) -> Dataset | None:
        """The same data with the parts of the run; `None` unless they are what it has read."""
        split, known = self.split, self.record["data"].get("hash")
        if split is None or split.sequences != len(data) or _hash_of(data) != known:
            return None
        return split.apply(data)


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
            group where there are groups, and the end of each series for a forecast); `None`:
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
    parted, kind = _read(source, **reading, seed=settings.get("seed", 0), tell=tell)
    if seeds is not None and initial is not None:
        raise OptionError(
            "Several seeds begin with several draws of the weights; with given ones (initial) they "
            "would differ in the order of the batches only. Leave one of the two out."
        )
    if parted.data.task == "tag":
        settings = {"head": "sigmoid", **settings}
    estimator = kind(**settings)
    record = _record(source, parted, estimator, reading)
    if parted.data.notes:
        record["notes"] = list(parted.data.notes)
    if tell is not None:  # they have been told
        parted = dataclasses.replace(parted, data=dataclasses.replace(parted.data, notes=()))
    if seeds is not None:
        record["seeds"] = seeds
    if initial is not None:
        record["initial"] = str(find_model(initial).resolve())
    run = Run(_new_folder(source, str(estimator.network), out))
    try:
        return _train(run, estimator, parted, record, resume=False)
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
    parted, kind = _read(record["source"], **reading, seed=record["settings"]["seed"])
    _check_unchanged(run, parted)
    options = TrainingOptions(**record["options"])
    estimator = kind(**record["settings"], options=options)
    return _train(run, estimator, parted, record, resume=True)


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


def run_of(model: str | Path) -> Run | None:
    """The run that a model file lies in; `None`: it lies alone."""
    run = Run(Path(model).parent)
    is_its_model = run.model == Path(model) and (run.folder / "run.json").is_file()
    return open_run(run.folder) if is_its_model else None


def evaluate_again(
    run: Run | None,
    model: Any,
    data: Dataset,
    source: str | Path,
    *,
    part: str | None = None,
    everything: bool = False,
) -> Any:
    """Score a model; of the source of its run what was set aside as test, if nothing else is wanted.

    Args:
        run: that the model is of; `None`: it lies alone, and knows by hashes what it has seen.
        model: fitted.
        data: what was read from the source.
        source: where that was.
        part: as in `segue.evaluate`; also a part that the run has drawn.
        everything: as in `segue.evaluate`.
    """
    from segue.evaluation import evaluate

    split = None if run is None else run.split
    own = True if run is not None and run.read_from(source) else None
    wanted = "test" if part is None else part
    drawn = split is not None and wanted in split.parts and wanted not in data.part_names
    parted = run.parts_of(data) if run is not None and drawn and not everything else None
    if parted is None or split is None:
        return evaluate(model, data, part=part, everything=everything, own=own)
    found = evaluate(model, parted, part=wanted)
    return found if part is not None else _with_left_out(found, split)


def _with_left_out(evaluation: Any, split: RunSplit) -> Any:
    """The scores of the test part that a run has drawn, which say what was not scored."""
    seen = dataclasses.replace(evaluation.trained_on, left_out=split.left_out())
    return dataclasses.replace(evaluation, trained_on=seen)


def _read(
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
    from segue.estimators.tasks import estimator_for
    from segue.readers import read

    data = read(source, limit=limit, **(columns or {}))
    if tell is not None:
        tell(data.notes)
    kind = estimator_for(task, data.task)
    if kind.purpose == "forecast" and test is not None and data.parts is None:
        return _cut(data, test), kind
    numbered = dataclasses.replace(data, ids=np.arange(len(data)))  # a split may leave some out
    parted = _with_parts(numbered, source, test=test, seed=seed)
    positions = np.asarray(parted.ids)
    ids = None if data.ids is None else data.ids[positions]
    return Parted(data, dataclasses.replace(parted, ids=ids), positions), kind


def _cut(data: Dataset, share: float) -> Parted:
    """Each series in two: its beginning, and its end as the test part."""
    from segue.prepare.windowing import cut_in_time

    parted = cut_in_time(data, share)
    positions = np.repeat(np.arange(len(data)), 2)
    starts = np.where(parted.parts == "test", data.x.lengths[positions] - parted.x.lengths, 0)
    return Parted(data, parted, positions, starts)


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
    parts = data.parts.astype("<U10")
    parts[data.parts == "train"] = inside.parts
    return dataclasses.replace(data, parts=parts)


def _train(
    run: Run,
    estimator: SequenceEstimator,
    parted: Parted,
    record: dict[str, Any],
    *,
    resume: bool,
) -> Run:
    """Fit, save, evaluate; what a Ctrl-C left is saved and evaluated like anything else."""
    from segue.estimators.initial import InitialWeights
    from segue.evaluation import evaluate

    began = time.perf_counter()
    data = parted.data
    part = "test" if "test" in data.part_names else "train"
    chosen = estimator.choose_data(data)
    if not resume:
        _write_record(run, parted, chosen, record)
    if run.record.get("seeds") is None:
        begin = InitialWeights.of(record.get("initial"))
        model: Any = estimator.learn(chosen, begin, run.folder, resume=resume)
        told = {"epochs": len(estimator.history_.rows), "stopped": estimator.stopped_}
    else:
        model, told = _fit_seeds(run, estimator, data, part, resume=resume)
    seconds = time.perf_counter() - began
    model.save(run.model)
    _note_refit(run, model)
    evaluation = evaluate(model, data, part=part)
    if part == "test" and "test" not in parted.whole.part_names and run.split is not None:
        evaluation = _with_left_out(evaluation, run.split)
    evaluation.to_html(
        run.report,
        train=data.part("train"),
        model_path=run.model,
        source=run.record["source"],
        facts=run.facts(),
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
    parted: Parted,
    estimator: SequenceEstimator,
    reading: dict[str, Any],
) -> dict[str, Any]:
    settings = estimator.get_params(deep=False)
    options = settings.pop("options", None)
    return {
        "format": FORMAT,
        "source": _named(source),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reading": reading,
        "data": {**_fingerprint(parted.data), "hash": _hash_of(parted.whole)},
        "settings": settings,
        "options": {} if options is None else dataclasses.asdict(options),
        "versions": versions(),
    }


def _named(source: str | Path) -> str:
    """A source that lies on the disk by its whole path."""
    path = Path(source)
    return str(path.resolve()) if path.exists() else str(source)


def _write_record(run: Run, parted: Parted, chosen: Chosen, record: dict[str, Any]) -> None:
    """Write `run.json`, and `split.json` unless there are more sequences than are recorded."""
    from segue.estimators.seen import LIMIT

    split = RunSplit.of(parted, chosen, _hashes_of(parted.whole, record["data"]["hash"]))
    record["split"] = {
        "drawn": _drawn(parted, record["reading"]["test"], record["settings"]["seed"]),
        "test": record["reading"]["test"],
        "seed": record["settings"]["seed"],
        "sizes": split.sizes,
    }
    write_text(run.folder / "run.json", json.dumps(record, indent=2) + "\n")
    if len(parted.whole) <= LIMIT:
        split.write(run.folder / "split.json")


def _drawn(parted: Parted, test: float | None, seed: int) -> str:
    """How the test part came about."""
    whole, share = parted.whole, f"{test or 0:.0%}"
    if "test" in whole.part_names:
        return "the source's own parts"
    if test is None:
        return "no test part: everything is trained on"
    if parted.starts is not None:
        return f"the last {share} of each series"
    how = {"group": "whole groups", "time": "the last windows of each series"}
    drawn = "stratified by class" if whole.task == "classify" else "at random"
    return f"{share} of the sequences, {how.get(whole.splits_by, drawn)}, seed {seed}"


def _note_refit(run: Run, model: Any) -> None:
    """Say that the validation part was trained on as well, where it was."""
    split, first = run.split, getattr(model, "first", model)
    if split is not None and getattr(first.history_, "refit", None) is not None:
        split.model_copy(update={"refit": True}).write(run.folder / "split.json")


def _check_unchanged(run: Run, parted: Parted) -> None:
    """Raise unless the source holds what it held when the run began.

    Raises:
        FileError: other counts, or other values, targets or features of so many sequences.
    """
    source, now, split = run.record["source"], _fingerprint(parted.data), run.split
    then = dict(run.record["data"])
    known = then.pop("hash", None)
    said = f"holds {now} now, and held {then}" if now != then else ""
    if not said and known is not None and _hash_of(parted.whole) != known:
        said = "holds other values now than"
        if split is not None:
            changed = split.changed(_hashes_of(parted.whole, known))
            said = f"differs in {_listed(parted.whole, changed)} from what it held"
    if said:
        raise FileError(
            f"cannot be resumed: {source} {said} when the run began. Start a new run.",
            path=run.folder,
        )


def _listed(data: Dataset, changed: Any) -> str:
    """How many sequences differ, and the first of them."""
    count, first = counted(len(changed), "sequence"), int(changed[0])
    name = f"number {first}" if data.ids is None else repr(data.ids[first].item())
    return f"{count} of {len(data):,} (the first is {name})"


def _hash_of(data: Dataset) -> str:
    """A hash of all values, targets and features of a source, in their order."""
    from segue.estimators.seen import example_digests, joined

    return joined([example_digests(data)])


def _hashes_of(data: Dataset, key: str) -> Any:
    """`[n]`, a hash of each sequence with its target and features, keyed with that of the whole."""
    from segue.estimators.seen import example_digests, keyed

    return keyed(example_digests(data), bytes.fromhex(key))


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
