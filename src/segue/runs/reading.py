"""The source of a run, with the parts that it is trained and tested on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError
from segue.runs.split import Parted


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
    from segue.estimators.loading import estimator_for
    from segue.readers import read
    from segue.readers.read_options import roles_in_words
    from segue.splits import offer_windows
    from segue.summary import one_line

    data = read(source, limit=limit, **(columns or {}))
    if tell is not None:
        tell([*data.notes, *roles_in_words(data.reading), one_line(data)])
    if task == "classify" and data.task == "regress" and not (np.asarray(data.y) % 1).any():
        # Whole numbers of many values.
        data = dataclasses.replace(data, task="classify", classes=None)
    kind = estimator_for(task, data.task)
    in_time = kind.task == "forecast" or (task == "label" and len(data) == 1)
    if in_time and test is not None and data.parts is None:
        return _cut(data, test), kind
    numbered = dataclasses.replace(data, ids=np.arange(len(data)))  # a split may leave some out
    parted = _with_parts(numbered, source, test=test, seed=seed)
    positions = np.asarray(parted.ids)
    ids = None if data.ids is None else data.ids[positions]
    if task is None and data.task == "label":
        said = f"a class for each step is learnt. {offer_windows(data.x.length_range[1])}"
        parted = dataclasses.replace(parted, notes=(*parted.notes, said))
    if tell is not None:
        tell(parted.notes[len(data.notes) :])
    return Parted(data, dataclasses.replace(parted, ids=ids), positions), kind


def _cut(data: Dataset, share: float) -> Parted:
    """Each series in two: its beginning, and its end as the test part."""
    from segue.windowing import cut_in_time

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
    if len(inside) < len(data.part("train")):  # split in time, without what reaches across
        others = {name: data.part(name) for name in data.part_names if name != "train"}
        return Dataset.concatenate({name: inside.part(name) for name in ("train", "test")} | others)
    parts = data.parts.astype("<U10")
    parts[data.parts == "train"] = inside.parts
    return dataclasses.replace(data, parts=parts)


def how_drawn(parted: Parted, test: float | None, seed: int) -> str:
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
