"""What a run notes of itself before it begins, and compares when it goes on."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segue.atomic import write_text
from segue.dataset import Dataset
from segue.errors import FileError, counted
from segue.runs.folder import FORMAT, Run, named_source
from segue.runs.reading import how_drawn
from segue.runs.split import Parted, RunSplit

if TYPE_CHECKING:
    from segue.estimators.base import BaseSequenceEstimator
    from segue.estimators.splitting import TrainValidationSplit


def record_of(
    source: str | Path,
    parted: Parted,
    estimator: BaseSequenceEstimator,
    reading: dict[str, Any],
) -> dict[str, Any]:
    """What `run.json` holds: all that is needed to repeat the run, and what its data were."""
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
    """Write `run.json`, and `split.json` unless there are more sequences than are recorded."""
    from segue.estimators.fingerprint import LIMIT

    sides = RunSplit.of(parted, split, parted.hashes(record["data"]["hash"]))
    record["split"] = {
        "drawn": how_drawn(parted, record["reading"]["test"], record["settings"]["seed"]),
        "test": record["reading"]["test"],
        "seed": record["settings"]["seed"],
        "sizes": sides.sizes,
    }
    write_text(run.folder / "run.json", json.dumps(record, indent=2) + "\n")
    if len(parted.whole) <= LIMIT:
        sides.write(run.folder / "split.json")


def note_refit(run: Run, model: Any) -> None:
    """Say that the validation part was trained on as well, where it was."""
    split, first = run.split, getattr(model, "members", (model,))[0]
    if split is not None and getattr(first.history_, "refit", None) is not None:
        split.model_copy(update={"refit": True}).write(run.folder / "split.json")


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
            changed = split.changed(parted.hashes(known))
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
