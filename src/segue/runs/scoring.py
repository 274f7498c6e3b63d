"""The scores of a model on the source of its run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from segue.dataset import Dataset
from segue.runs.folder import Run
from segue.runs.split import RunSplit, hash_of


def evaluate_again(
    run: Run | None,
    model: Any,
    data: Dataset,
    source: str | Path,
    *,
    part: str | None = None,
    everything: bool = False,
) -> Any:
    """Score a model; of the source of its run what was set aside as test, unless told otherwise.

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
    parted = parts_of(run, data) if run is not None and drawn and not everything else None
    if parted is None or split is None:
        return evaluate(model, data, part=part, everything=everything, own=own)
    found = evaluate(model, parted, part=wanted)
    return found if part is not None else with_left_out(found, split)


def parts_of(run: Run, data: Dataset) -> Dataset | None:
    """The same data with the parts of the run; `None` unless they are what it has read."""
    split, known = run.split, run.record["data"].get("hash")
    if split is None or split.sequences != len(data) or hash_of(data) != known:
        return None
    return split.apply(data)


def with_left_out(evaluation: Any, split: RunSplit) -> Any:
    """The scores of the test part that a run has drawn, which say what was not scored."""
    seen = dataclasses.replace(evaluation.trained_on, left_out=split.left_out())
    return dataclasses.replace(evaluation, trained_on=seen)
