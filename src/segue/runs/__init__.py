"""Runs: a folder with all inputs of a training and all its results.

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
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segue.atomic import write_text
from segue.data.dataset import Dataset
from segue.errors import FileError, OptionError
from segue.runs.folder import (
    Run,
    check_unchanged,
    find_model,
    new_folder,
    open_run,
    read_parted,
    record_of,
    run_of,
    slug,
    versions,
    write_record,
)
from segue.runs.split import Parted, RunSplit

if TYPE_CHECKING:
    from segue.estimators.base import BaseSequenceEstimator

__all__ = [
    "Parted",
    "Run",
    "RunSplit",
    "evaluate_again",
    "find_model",
    "fit_run",
    "open_run",
    "parts_of",
    "resume_run",
    "run_of",
    "slug",
    "versions",
]


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
    from segue.tasks import TASKS, Task

    reading: dict[str, Any] = {"task": task, "test": test, "limit": limit}
    if columns:
        reading["columns"] = columns
    parted, kind = read_parted(source, **reading, seed=settings.get("seed", 0), tell=tell)
    if seeds is not None and initial is not None:
        raise OptionError(
            "Several seeds begin with several draws of the weights; with given ones (initial) they "
            "would differ in the order of the batches only. Leave one of the two out."
        )
    notes = parted.data.notes
    if tell is not None:  # they are printed already
        parted = dataclasses.replace(parted, data=dataclasses.replace(parted.data, notes=()))
    estimator = kind(**{**TASKS.get(parted.data.task, Task).arguments, **settings})
    record = record_of(source, parted, estimator, reading)
    if notes:
        record["notes"] = list(notes)
    if seeds is not None:
        record["seeds"] = seeds
    if initial is not None:
        record["initial"] = str(find_model(initial).resolve())
    was_there = out is not None and Path(out).is_dir()
    run = Run(new_folder(source, str(estimator.network), out))
    try:
        return _train(run, estimator, parted, record, resume=False)
    except BaseException:
        if not any(run.folder.rglob("*.safetensors")):  # nothing was trained yet
            _clear(run.folder, keep=was_there)
        raise


def _clear(folder: Path, *, keep: bool) -> None:
    """Remove what was written; the folder itself only if it was not there before."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    if not keep:
        folder.rmdir()


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
    parted, kind = read_parted(record["source"], **reading, seed=record["settings"]["seed"])
    check_unchanged(run, parted)
    options = TrainingOptions(**record["options"])
    estimator = kind(**record["settings"], options=options)
    return _train(run, estimator, parted, record, resume=True)


def _train(
    run: Run,
    estimator: BaseSequenceEstimator,
    parted: Parted,
    record: dict[str, Any],
    *,
    resume: bool,
) -> Run:
    """Fit, save, evaluate; what a Ctrl-C left is saved and evaluated like anything else."""
    from segue.estimators.fitting import fit_split
    from segue.estimators.splitting import split_data
    from segue.evaluation import evaluate

    data = parted.data
    part = "test" if "test" in data.part_names else "train"
    split = split_data(estimator, data)
    if not resume:
        write_record(run, parted, split, record)
    if run.record.get("seeds") is None:
        begin = record.get("initial")
        model: Any = estimator._take(fit_split(estimator, split, begin, run.folder, resume=resume))
        facts = {
            "seconds": _seconds(estimator),
            "epochs": len(estimator.history_.rows),
            "stopped": estimator.stopped_,
        }
    else:
        model, facts = _fit_seeds(run, estimator, data, part, resume=resume)
    model.save(run.model)
    recorded, first = run.split, getattr(model, "members", (model,))[0]
    if recorded is not None and first.history_.refit is not None:
        recorded.model_copy(update={"refit": True}).write(run.folder / "split.json")
    evaluation = evaluate(model, data, part=part)
    if part == "test" and "test" not in parted.whole.part_names and run.split is not None:
        evaluation = with_left_out(evaluation, run.split)
    evaluation.to_html(
        run.report,
        train=data.part("train"),
        model_path=run.model,
        source=run.record["source"],
        facts=run.facts(),
    )
    metrics = {**evaluation.metrics(), **facts}
    write_text(run.folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return run


def _seconds(estimator: BaseSequenceEstimator) -> float:
    """Duration of the training, with earlier attempts that were stopped, and the refit."""
    histories = [estimator.history_, estimator.history_.refit]
    return round(sum(h.rows[-1]["seconds"] for h in histories if h is not None and h.rows), 3)


def _fit_seeds(
    run: Run, estimator: BaseSequenceEstimator, data: Dataset, part: str, *, resume: bool
) -> tuple[Any, dict[str, Any]]:
    """Train with several seeds; the ensemble, and what there is to tell of its members."""
    from segue.estimators import fit_seeds

    seeds = run.record["seeds"]
    results = fit_seeds(estimator, data, seeds=seeds, folder=run.folder, resume=resume)
    members: list[Any] = list(results.members)
    scores = [member.score(data.part(part)) for member in members]
    name = estimator.score_name
    rows = [{**row, name: score} for row, score in zip(results.rows, scores, strict=True)]
    facts = {
        "seconds": round(sum(map(_seconds, members)), 3),
        "epochs": sum(len(member.history_) for member in members),
        "stopped": members[-1].stopped_,
        "seeds": rows,
        "score": name,
        "mean": float(np.mean(scores)),
        "spread": float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0,
        "best_seed": results.best.seed if results.has_validation else None,
    }
    return results.ensemble(), facts


def evaluate_again(
    run: Run | None,
    model: Any,
    data: Dataset,
    source: str | Path,
    *,
    part: str | None = None,
    everything: bool = False,
) -> Any:
    """Score a model; of the source of its run what was set aside as test, unless a part is named.

    Args:
        run: that the model is of; `None`: it has no run, only its hashes of what it was trained on.
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
    parted = parts_of(run, data) if run is not None and drawn and not everything else None
    if parted is None or split is None:
        return evaluate(model, data, part=part, everything=everything, own=own)
    found = evaluate(model, parted, part=wanted)
    return found if part is not None else with_left_out(found, split)


def parts_of(run: Run, data: Dataset) -> Dataset | None:
    """The same data with the parts of the run; `None` unless they are what it has read."""
    split, now = run.split, Parted(data, data, np.arange(len(data)))
    if split is None or split.sequences != len(data):
        return None
    return split.apply(data) if now.hash == run.record["data"].get("hash") else None


def with_left_out(evaluation: Any, split: RunSplit) -> Any:
    """The scores of the test part that a run has drawn, which say what was not scored."""
    seen = dataclasses.replace(evaluation.trained_on, left_out=split.left_out())
    return dataclasses.replace(evaluation, trained_on=seen)
