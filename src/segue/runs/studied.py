"""A study and its trials as rows of a list: from `study.jsonl`, without the histories in it.

`segue.studies` reads the same file, and takes seconds to import. A line holds the whole history of
a trial: what stands before and behind it is parsed, and the epoch that was kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segue.atomic import LOCK, is_locked
from segue.runs import untidy
from segue.runs.places import STUDY
from segue.runs.summary import RunSummary, State
from segue.runs.untidy import Row, inside

_LARGEST = 256 * 1024**2
_HISTORY, _BEHIND = b', "history": [', b'], "warnings": '


def study_rows(folder: Path, notes: Mapping[str, Any]) -> list[RunSummary]:
    """The row of a study, and those of its trials that have ended.

    Args:
        folder: of the study.
        notes: its star and its note.
    """
    path = folder / STUDY
    content, problem = untidy.content_of(path, _LARGEST)
    first, *lines = content[: content.rfind(b"\n") + 1].splitlines() or [b""]
    header = _object(first)
    fingerprint = inside(header, "fingerprint")
    trials = [row for line in lines if (row := _trial(line))]
    if not problem and not fingerprint:
        problem = f"{STUDY} is damaged: its first line is not that of a study"
    elif not problem and len(trials) < len(lines):
        problem = f"{STUDY} is damaged: {len(lines) - len(trials)} of its lines are no trials"
    source = fingerprint.get("source")  # a text, or how it was read
    shared: Row = {
        "folder": folder,
        "date": untidy.date(None, path),
        "source": untidy.text(source.get("source") if isinstance(source, dict) else source),
    }
    wanted = untidy.whole(header.get("trials"))
    is_done = len(trials) == wanted if wanted is not None else (folder / "study.json").is_file()
    state: State = "failed" if problem else "complete" if is_done else "stopped"
    if (folder / LOCK).exists() and is_locked(folder):
        state = "running"
    study = RunSummary(
        **shared, **notes, name=str(folder), kind="study", state=state, problem=problem,
        seconds=sum(untidy.number(row.get("seconds")) or 0.0 for row in trials),
        trials=(len(trials), wanted),
    )  # fmt: skip
    shared["part"] = "validation" if fingerprint.get("study") == "grid" else "test"
    network = inside(fingerprint, "estimator").get("network")
    return [study, *(_summary(row, shared, network) for row in trials)]


def _summary(row: Row, shared: Row, network: Any) -> RunSummary:
    """The row of one trial.

    Args:
        row: of the study's file.
        shared: what all trials of the study have.
        network: of the study, where the trials do not vary it.
    """
    settings = row["trial"]
    metric = next((name for name in ("accuracy", "rmse") if name in row), "")
    error = untidy.text(row.get("error"))
    return RunSummary(
        **shared,
        name=f"{shared['folder']}: {', '.join(f'{name} {settings[name]}' for name in settings)}",
        kind="trial",
        state="complete" if error is None else "failed",
        network=untidy.text(settings.get("network", network)),
        metric=metric or None,
        score=untidy.number(row.get(metric)),
        validation=untidy.number(inside(row, "best").get(f"validation_{metric}")),
        epochs=untidy.whole(row.get("epochs")),
        seconds=untidy.number(row.get("seconds")),
        problem=(error or "").partition("\n")[0],
    )


def _trial(line: bytes) -> Row:
    """A line without its history, and as "best" the epoch of it that was kept; empty: no trial."""
    head, _, rest = line.partition(_HISTORY)
    history, _, tail = rest.rpartition(_BEHIND)
    if history:
        row = _object(head + b"}") | _object(b'{"warnings": ' + tail)
        at = history.find(b'{"epoch": %d, ' % (untidy.whole(row.get("kept")) or 0))
        row["best"] = _object(history[at : history.find(b"}", at) + 1]) if at >= 0 else {}
    else:  # an error, or written by something else
        row = _object(line)
    return row if isinstance(row.get("trial"), dict) else {}


def _object(line: bytes) -> Row:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
