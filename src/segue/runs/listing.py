"""The runs below a folder, a row each: what was trained, how good it is, how far it is.

Every call looks at the disk, and nothing is remembered for the next. Of a run its small files are
read, of a history its end. What is damaged or half-written is a row that says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from segue.atomic import LOCK, is_locked
from segue.runs import untidy
from segue.runs.folder import FORMAT, Run
from segue.runs.notes import notes_of
from segue.runs.places import STUDY, Place, checked_folder, places_below
from segue.runs.studied import study_rows
from segue.runs.summary import RunSummary, State
from segue.runs.untidy import Row, inside
from segue.training.history import MONITORS, best_row

_SCORES = ("accuracy", "rmse", "perplexity")  # in histories


def list_runs(folder: str | Path = ".") -> list[RunSummary]:
    """List the runs below a folder, and the studies with their trials; the newest first.

    Hidden folders, links, and what lies inside of a run or a study are not looked into; nor is what
    lies deeper than 12 folders.

    Args:
        folder: where to look; it may be a run itself.

    Returns:
        A `RunSummary` each, also of a run that is damaged, half-written, or goes on just now.

    Raises:
        DataNotFoundError: no such folder.
        FileError: a file, or a folder that cannot be read.

    Warns:
        UserWarning: there are more than 50,000 folders, and not all were looked into.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp())
    >>> (place / "vowels-1").mkdir()
    >>> _ = (place / "vowels-1" / "run.json").write_text('{"format": 1, "source": "vowels"}')
    >>> [(run.folder.name, run.source, run.state) for run in list_runs(place)]
    [('vowels-1', 'vowels', 'stopped')]
    """
    found = list[RunSummary]()
    for place in places_below(checked_folder(folder)):
        if place.problem:
            found.append(RunSummary(place.folder, str(place.folder), problem=place.problem))
        elif STUDY in place.files:
            found += study_rows(place.folder, notes_of(place.folder, place.files))
        elif place.is_run:
            row = _run(place)
            if not row.problem or place.folder.exists():  # it may have been moved just now
                found.append(row)
    return sorted(found, key=lambda one: one.date, reverse=True)


def _run(place: Place) -> RunSummary:
    """The row of a run."""
    folder, files, _, _ = place
    record, problem = _object("run.json", place)
    metrics, damage = _object("metrics.json", place)
    is_running = LOCK in files and is_locked(folder)
    if "run.json" not in files:  # networks are compared before it is written
        problem = "" if is_running else "it was stopped before its training began: begin anew"
    elif not problem and record.get("format") != FORMAT:
        problem = f"run.json has format {record.get('format')!r:.20}; this segue reads {FORMAT}"
    problem = problem or damage
    state: State = "running" if is_running else "failed" if problem else "stopped"
    has_all = {"model.safetensors", "metrics.json"} <= files
    if state == "stopped" and has_all and metrics.get("stopped") != "interrupted":
        state = "complete"
    return RunSummary(
        folder,
        str(folder),
        state=state,
        date=untidy.date(
            record.get("date"), folder / ("run.json" if "run.json" in files else LOCK)
        ),
        source=untidy.text(record.get("source")),
        network=untidy.text(inside(record, "settings").get("network")),
        problem=problem,
        **notes_of(folder, files),
        **_scores(metrics),
        **_progress(folder, record, metrics),
    )


def _object(name: str, place: Place) -> tuple[Mapping[str, Any], str]:
    return untidy.object_of(place.folder / name) if name in place.files else ({}, "")


def _scores(metrics: Mapping[str, Any]) -> Row:
    """What `metrics.json` tells of a run."""
    metric = _metric(metrics)
    bounds = metrics.get(f"{metric}_interval")
    known = [untidy.number(bound) for bound in bounds] if isinstance(bounds, list) else []
    return {
        "task": untidy.text(metrics.get("task")),
        "part": untidy.text(metrics.get("part")),
        "score": untidy.number(metrics.get(str(metric))),
        "interval": tuple(known) if len(known) == 2 and None not in known else None,
        "baseline": untidy.number(inside(metrics, "baseline").get(str(metric))),
    }


def _metric(metrics: Mapping[str, Any]) -> str | None:
    """The metric of the scores: what the baseline has last."""
    return next(reversed(inside(metrics, "baseline")), None)


def _progress(folder: Path, record: Mapping[str, Any], metrics: Mapping[str, Any]) -> Row:
    """Epochs, seconds and the validation: from the scores, else from the histories."""
    epochs = untidy.whole(metrics.get("epochs"))
    seconds = untidy.number(metrics.get("seconds"))
    seeds = metrics.get("seeds")
    best: list[Any] = seeds if isinstance(seeds, list) else [metrics.get("kept")]
    if not all(isinstance(row, dict) for row in best):  # no scores yet, or those of an older segue
        so_far, time, best = _ends(folder, inside(record, "options"))
        epochs, seconds = (so_far, time) if epochs is None else (epochs, seconds)
    names = [name.removeprefix("validation_") for row in best for name in row if "_" in name]
    metric = _metric(metrics) or next((name for name in names if name in _SCORES), None)
    values = [untidy.number(row.get(f"validation_{metric}")) for row in best]
    known = [value for value in values if value is not None]
    validation = sum(known) / len(known) if known else None
    return {"epochs": epochs, "seconds": seconds, "metric": metric, "validation": validation}


def _ends(folder: Path, options: Row) -> tuple[int | None, float | None, list[Row]]:
    """Epochs and seconds of the histories of a run, and the row of the best epoch, if known."""
    epochs, seconds, rows = 0, 0.0, list[dict[str, float]]()
    histories = Run(folder).histories
    for path in histories:
        last, rows = untidy.history_of(path)
        seconds += last.get("seconds", 0.0)
        if path.name == "history.jsonl":  # that of a refit has another name
            epochs += untidy.whole(last.get("epoch")) or 0
    best = None
    if len(histories) == 1:
        monitor, least = options.get("monitor"), untidy.number(options.get("min_delta"))
        with suppress(KeyError, TypeError):  # of damaged rows or options
            best = best_row(rows, monitor if monitor in MONITORS else "loss", least or 0.0)
    return epochs or None, seconds or None, [] if best is None else [best]
