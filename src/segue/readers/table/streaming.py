"""Large tables chunk by chunk, as data sets that follow each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from segue.dataset import Dataset
from segue.readers.table.building import build
from segue.readers.table.columns import Columns
from segue.readers.table.layout import make_plan
from segue.readers.table.loading import CannotStreamError, Loaded, load_chunks
from segue.readers.table.plan import Plan
from segue.readers.table.roles import TableOptions

_BLOCK = 1 << 22  # bytes of text in a chunk, of which Arrow reads 32 ahead; or so many of values


def stream(path: Path, options: TableOptions) -> Iterator[tuple[Dataset, float]]:
    """Give the sequences of a table in chunks, with the share of the file that has been read.

    Raises:
        CannotStreamError: the rows of a sequence do not stand together, its steps are labelled, or
            it is not a table that has chunks.
        FileError: what is wrong, with file and line.
    """
    plan: Plan | None = None
    waiting: Loaded | None = None  # rows of a sequence that may go on
    first: Dataset | None = None
    seen: set[Any] = set()
    for chunk, share in load_chunks(path, options.text, block=_BLOCK):
        plan = plan or make_plan(Columns(chunk), options)
        loaded = chunk if waiting is None else _joined(waiting, chunk)
        end = _end_of_whole(loaded, plan, seen)
        if end > 0:
            data = build(Columns(loaded.rows(0, end)), plan)
            first = first or data
            _check_same(data, first)
            yield data, share
        waiting = loaded.rows(end)
    if waiting is not None and plan is not None and len(waiting.table):
        data = build(Columns(waiting), plan)
        _check_same(data, first or data)
        yield data, 1.0


def _check_same(data: Dataset, first: Dataset) -> None:
    types = [
        [getattr(v, "dtype", np.dtype(None)).kind for v in (d.x.values, d.y)] for d in (data, first)
    ]
    if data.task != first.task or data.task == "label" or types[0] != types[1]:
        raise CannotStreamError


def _joined(before: Loaded, after: Loaded) -> Loaded:
    table = pa.concat_tables([before.table, after.table]).combine_chunks()
    return replace(before, table=table)


def _end_of_whole(loaded: Loaded, plan: Plan, seen: set[Any]) -> int:
    """Where the sequences end that are whole: the last one may go on in the next chunk."""
    if plan.layout != "steps":
        return len(loaded.table)
    if "id" not in plan.roles:
        raise CannotStreamError
    names = [plan.roles[role] for role in ("id", "group") if role in plan.roles]
    columns = (loaded.table.column(name).to_pylist() for name in names)
    runs = [(key, len(list(rows))) for key, rows in groupby(zip(*columns, strict=True))]
    keys = [key for key, _ in runs]
    if len(set(keys)) < len(keys) or not seen.isdisjoint(keys):
        raise CannotStreamError  # a sequence goes on behind another one
    seen.update(keys[:-1])
    return len(loaded.table) - runs[-1][1]
