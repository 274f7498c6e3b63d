"""Runs: a folder with all inputs of a training and all its results.

    run.json             source, preparation, network, options, seed, split, versions, the date and
                         a hash of the data: written first
    split.json           which sequences were trained on, validated with and tested on
    history.jsonl        one row an epoch, while training goes on
    checkpoint/          to resume from; removed when everything below is there
    members/             of the network "auto", likewise; removed when all candidates were tried
    model.safetensors    the fitted estimator, whole
    metrics.json         the scores on the test part
    report.html          the same with pictures, in one file
    notes.json           a note and a star, where somebody has given it one

A run is never overwritten, and each file appears whole or not at all, in this order: a run that was
stopped anywhere, by whatever, is resumed to the same weights, or completed. One process at a time
works on it (`.lock`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segue.atomic import locked, remove_unfinished, write_text
from segue.data.dataset import Dataset
from segue.errors import (
    DataError,
    FileError,
    MissingPackageError,
    OptionError,
    SpecError,
    TrainingError,
    WriteError,
    warn_user,
)
from segue.extras import lazy_names, require
from segue.progress import Progress
from segue.runs.folder import (
    Run,
    check_unchanged,
    find_model,
    new_folder,
    open_run,
    read_parted,
    record_of,
    refuse_used,
    run_of,
    slug,
    versions,
    write_record,
)
from segue.runs.listing import list_runs
from segue.runs.notes import note, star
from segue.runs.resuming import goes_on, refuse_finished, with_more_time
from segue.runs.split import Parted, RunSplit
from segue.runs.summary import RunSummary
from segue.runs.trash import delete, undo

if TYPE_CHECKING:
    from segue.estimators.base import BaseSequenceEstimator
    from segue.executors import Executor
    from segue.runs.comparison import RunComparison, compare

    ExecutorFor = Callable[[Path], Executor]

__all__ = [
    "Parted",
    "Run",
    "RunComparison",
    "RunSplit",
    "RunSummary",
    "compare",
    "delete",
    "evaluate_again",
    "find_model",
    "fit_run",
    "list_runs",
    "note",
    "open_run",
    "parts_of",
    "resume_run",
    "run_of",
    "selection_of",
    "slug",
    "star",
    "undo",
    "versions",
]

_LATER = ("RunComparison", "compare")
__getattr__ = lazy_names(__name__, {name: f"segue.runs.comparison.{name}" for name in _LATER})


def fit_run(
    source: str | Path,
    *,
    task: str | None = None,
    test: float | None = 0.2,
    limit: int | None = None,
    out: str | Path | None = None,
    seeds: int | None = None,
    initial: str | Path | None = None,
    compare: Sequence[str] | None = None,
    columns: dict[str, Any] | None = None,
    tell: Callable[[Iterable[str]], None] | None = None,
    executor: ExecutorFor | None = None,
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
        initial: the run or the model file whose weights the training begins with. Its network and
            preparation are taken where none is given, and its classes where they have all that
            the data have.
        compare: networks of which the best is trained, by cross-validation on the training part
            (`segue.studies.select_network`); "auto": some usual ones, where the task is to
            classify, label or regress. A time limit is then that of both: a quarter is for the
            comparison. Where several can be joined, "auto" is the network "auto": for series of
            numbers and texts with a target each, and for labels at each step of series. `None`: the
            network in the settings is trained.
        columns: further options of the reader, such as `{"label": "kind"}` for a table.
        tell: called with the notes of the data set (what the reader guessed) before they are used.
        executor: of several seeds: called with the run's folder, it makes what trains them, as in
            `fit_seeds`; `None`: one after the other in this process.
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
    if executor is not None and seeds is None:
        raise OptionError(
            "Workers and executors train several seeds beside one another, and this is one "
            "training: add seeds=5, or leave them out."
        )
    more: dict[str, Any] = {}
    begun = ""
    if initial is not None:
        model = find_model(initial).resolve()
        more["initial"] = str(model)
        settings, begun = _like(model, settings, parted.data)
    notes = parted.data.notes
    if tell is not None:  # they are printed already
        parted = dataclasses.replace(parted, data=dataclasses.replace(parted.data, notes=()))
    estimator = kind(**{**TASKS.get(parted.data.task, Task).arguments, **settings})
    if notes:
        more["notes"] = list(notes)
    if seeds is not None:
        more["seeds"] = seeds
    was_there = out is not None and Path(out).is_dir()
    run = Run(new_folder(source, str(estimator.network) if compare is None else "auto", out))
    with locked(run.folder, "run"):
        refuse_used(run.folder)
        try:
            if compare is not None:
                more |= _select(estimator, parted.data, compare)
            record = {**record_of(source, parted, estimator, reading), **more}
            return _fit(run, estimator, parted, record, executor, begun=begun)
        except BaseException:
            if not run.has_progress:
                _clear(run.folder, keep=was_there)
            raise


def _like(model: Path, settings: dict[str, Any], data: Dataset) -> tuple[dict[str, Any], str]:
    """The settings with what is taken from the model that a training begins with, and what that is.

    Its classes are taken, in its order, where the data have no others: the head is for them.
    """
    from segue.estimators.transfer import settings_of
    from segue.tasks import TASKS, Task
    from segue.tasks.classes import ClassTask

    taken = settings_of(model, settings)
    classes = taken.pop("classes", None)
    kept = {**taken, **settings}
    task = TASKS.get(data.task, Task)
    has_one_each = issubclass(task, ClassTask) and task.labels_each != "several"
    if has_one_each and data.classes and set(data.classes) <= set(classes or ()):
        kept.setdefault("classes", classes)
    said = ", ".join(f"{name} {value}" for name, value in taken.items())
    return kept, said


def _select(
    estimator: BaseSequenceEstimator, data: Dataset, compare: Sequence[str]
) -> dict[str, Any]:
    """Give the estimator the best network, if they can be compared; that for the record.

    Where several can be joined, that is done instead.
    """
    kind, options = estimator._task_type, estimator.training_options
    train = dataclasses.replace(data.part("train"), parts=None)
    if compare == "auto" and _joins(estimator, train):
        estimator.set_params(network="auto")
        return {}
    require("torch")
    from segue.studies.selection import SECONDS, select_network, usual_networks

    if compare == "auto":
        compare = [] if kind.targets_inside else usual_networks(train, per_step=kind.per_step)
    if not compare:
        return {}
    limit, seconds = options.time_limit_seconds, SECONDS
    if limit is not None:
        seconds = limit / 4
        estimator.options = dataclasses.replace(options, time_limit_seconds=limit - seconds)
    try:
        found = select_network(
            estimator, train, compare, seconds=seconds, progress=options.progress
        )
    except (DataError, TrainingError) as error:
        warn_user(f"Networks cannot be compared, so {estimator.network} is trained: {error}")
        return {}
    estimator.set_params(network=found.best)
    return {"selection": found.to_json()}


def _joins(estimator: BaseSequenceEstimator, train: Dataset) -> bool:
    """Whether several networks can be joined."""
    from segue.estimators.splitting import has_candidates

    return has_candidates(estimator, train)


def _clear(folder: Path, *, keep: bool) -> None:
    """Remove what was written, as far as it goes; the folder only if it was not there before."""
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if not keep:
        with contextlib.suppress(OSError):
            folder.rmdir()


def resume_run(
    folder: str | Path,
    *,
    time_limit_seconds: float | None = None,
    tell: Callable[[str], None] | None = None,
    executor: ExecutorFor | None = None,
) -> Run:
    """Go on with a run that was stopped, to the same files as if it had not been.

    Its training goes on from the last checkpoint to the same weights; where only scores or the
    report are missing, nothing is trained.

    Args:
        folder: of the run.
        time_limit_seconds: for as long the search of the network "auto" goes on, also where its
            time was up; `None`: as long as it had left.
        tell: called with a line on what is done, where nothing is trained.
        executor: as in `fit_run`.

    Raises:
        FileError: not a run, a run that has finished, one that another process is working on, or a
            source that has changed since.
        OptionError: a time limit, and the network is not "auto", or there are several seeds.
    """
    from segue.estimators import load
    from segue.training import TrainingOptions

    run = open_run(folder)
    with locked(run.folder, "run"):
        remove_unfinished(run.folder)
        record = run.record
        searches_on = goes_on(run, time_limit_seconds)
        was_cut = run.is_complete and run.metrics.get("stopped") == "interrupted"
        if run.is_complete and not searches_on and not was_cut:
            refuse_finished(run)
            _tidy(run, run.metrics["stopped"])
            return run
        reading = {"task": None, "limit": None, **record["reading"]}
        parted, kind = read_parted(record["source"], **reading, seed=record["settings"]["seed"])
        check_unchanged(run, parted)
        if run.model.exists() and not (run.has_checkpoint or searches_on or was_cut):
            if tell is not None:
                tell("the training is done: scores and report are written")
            return _evaluate(run, load(run.model), parted)
        try:
            options = TrainingOptions(**record["options"])
            estimator = kind(**record["settings"], options=options)
        except (TypeError, OptionError, SpecError) as error:  # of an unknown name, or a value
            raise FileError(f"is damaged: {error}", path=run.description) from error
        return _fit(run, estimator, parted, record, executor, seconds=time_limit_seconds)


def _fit(
    run: Run,
    estimator: BaseSequenceEstimator,
    parted: Parted,
    record: dict[str, Any],
    executor: ExecutorFor | None,
    *,
    begun: str = "",
    seconds: float | None = None,
) -> Run:
    """Fit, save, evaluate; what a Ctrl-C left is saved and evaluated like anything else.

    Where the folder has checkpoints, the training goes on from them.
    """
    from segue.estimators import fit_seeds, fitting
    from segue.estimators.splitting import split_data

    data = parted.data
    split = split_data(estimator, data)
    if begun:
        line = ("taken from initial", begun)
        split = dataclasses.replace(split, lines=(*split.lines, line))
    write_record(run, parted, split, record)
    seeds, begin = record.get("seeds"), record.get("initial")
    try:
        if seeds is None:
            model: Any = estimator._take(
                fitting.fit_split(
                    with_more_time(run, estimator, seconds), split, begin, run.folder, resume=True
                )
            )
        else:
            model = fit_seeds(
                estimator, data, seeds=seeds, folder=run.folder, resume=True,
                executor=None if executor is None else executor(run.folder),
            ).ensemble()  # fmt: skip
        model.save(run.model)
        return _evaluate(run, model, parted)
    except (WriteError, KeyboardInterrupt) as error:
        advice = f"What is trained is kept: go on with `segue fit --resume {run.folder}`."
        if not run.has_progress:
            raise
        if isinstance(error, WriteError):
            raise WriteError(f"{error} {advice}") from error
        warn_user(advice)
        raise


def _evaluate(run: Run, model: Any, parted: Parted) -> Run:
    """Write the scores and the report of a model that is saved; then no checkpoint is needed."""
    from segue.evaluation import evaluate

    data = parted.data
    members = getattr(model, "members", (model,))
    if run.split is not None and members[0].history_.refit is not None:
        run.split.model_copy(update={"refit": True}).write(run.folder / "split.json")
    part = "test" if "test" in data.part_names else "train"
    with Progress(members[0].training_options.progress, is_transient=True) as progress:
        progress.show(f"scoring the part {part!r}", share=None)
        facts = _facts(run, members, data.part(part))
        evaluation = evaluate(model, data, part=part)
        if part == "test" and "test" not in parted.whole.part_names and run.split is not None:
            evaluation = with_left_out(evaluation, run.split)
        metrics = {**evaluation.metrics(), **facts}
        write_text(run.folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
        progress.show("drawing the report", share=None)
        try:
            evaluation.to_html(
                run.report,
                train=data.part("train"),
                model_path=run.model,
                source=run.record["source"],
                facts=run.facts(),
                selection=selection_of(run),
            )
        except MissingPackageError as error:  # model and scores are there all the same
            warn_user(f"There is no report: {error}")
    _tidy(run, members[-1].stopped_)
    return run


def selection_of(run: Run) -> tuple[str, list[tuple[str, ...]]] | None:
    """How the network of a run was chosen, and a table of those that were compared.

    `None`: it was given.

    Raises:
        FileError: `run.json` has something else there.
    """
    if (found := run.record.get("selection")) is None:
        return None
    from segue.studies.selection import Selection

    try:
        chosen = Selection(**found)
        return chosen.describe(), chosen.table()
    except (TypeError, ValueError, LookupError) as error:
        raise FileError(f"its selection is damaged: {error}.", path=run.description) from error


def _tidy(run: Run, stopped: str) -> None:
    """Remove what the run, and each of its seeds, has kept to go on from, where it is done."""
    from segue.estimators.kept_members import tidy

    for folder in (run.folder, *run.folder.glob("seed-*")):
        tidy(folder, stopped)


def _facts(run: Run, members: Any, scored: Dataset) -> dict[str, Any]:
    """What is told of the training beside its scores; of several seeds also those of each."""
    from segue.estimators.multi_seed import SeedResults

    facts = {
        "seconds": run.seconds,
        "epochs": sum(len(member.history_) for member in members),
        "stopped": members[-1].stopped_,
    }
    if run.record.get("seeds") is None:
        kept = members[0].history_.kept.items()  # without what the model has not kept
        return {**facts, "kept": {name: float(v) for name, v in kept if name != "seconds"}}
    results = SeedResults.of(members)
    scores, name = [member.score(scored) for member in members], members[0].score_name
    return facts | {
        "seeds": [
            {**{n: v for n, v in row.items() if n != "seconds"}, name: score}  # as in the models
            for row, score in zip(results.rows, scores, strict=True)
        ],
        "score": name,
        "mean": float(np.mean(scores)),
        "spread": float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0,
        "best_seed": results.best.seed if results.has_validation else None,
    }


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
