"""Predictions of many sequences in shards, by several processes or machines; any may be killed.

shards.json          what is predicted, by which model: another prediction is refused here
shards/00000.arrow   the sequences of a shard
shards/00000.csv     its predictions, whole or not there
predictions.csv      all of them, ordered by id; then the shards are removed
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from segue.atomic import locked, make_folder, remove_file, replacing, write_text
from segue.cli.predictions import predictions_of
from segue.data.dataset import Dataset
from segue.errors import FileError, counted
from segue.executors import Executor, completed, started
from segue.progress import Progress

NAME, FORMAT = "predictions.csv", 1
_SEQUENCES, _VALUES = 1000, 16_000_000  # of a shard, at most


@dataclass(frozen=True)
class Request:
    """What is predicted of each sequence.

    Attributes:
        model: the model's file.
        per_step: as in `predictions_of`.
        steps: likewise.
        spreadsheet: as in `Predictions.to_csv`.
        with_parts: whether there is a column of parts; so it is where there are several.
    """

    model: Path
    per_step: bool = False
    steps: int | None = None
    spreadsheet: bool = False
    with_parts: bool = False


def predict_in_shards(
    data: Dataset, request: Request, folder: Path, executor: Executor, *, overwrite: bool = False
) -> Path:
    """Predict all sequences, and return the file with the predictions, ordered by id.

    What is done is kept: after a stop the same call goes on, and when all is done it does nothing.

    Args:
        data: the sequences.
        request: what is predicted.
        folder: for the shards and the result; on a disk that all machines share.
        executor: predicts the shards.
        overwrite: begin anew where the folder has predictions.

    Raises:
        FileError: the folder has other predictions, or another process works in it.
        WriteError: the disk is full or read-only.
    """
    request = replace(request, model=request.model.resolve(), with_parts=len(data.part_names) > 1)
    folder = folder.resolve()
    result = folder / NAME
    # Without ids their numbers, which would begin anew in each shard.
    ids = np.arange(len(data)) if data.ids is None else data.ids
    data = replace(data, ids=ids)[np.argsort(ids, kind="stable")]
    data = replace(data, parts=data.parts if request.with_parts else None, notes=())
    size = max(1, min(_SEQUENCES, _VALUES * len(data) // max(1, data.x.total_steps)))
    count = -(-len(data) // size)
    with locked(folder, "prediction"):
        if overwrite:
            for path in (result, folder / "shards.json"):
                remove_file(path)
            shutil.rmtree(folder / "shards", ignore_errors=True)
        _check(folder, _described(data, request, size))
        if result.exists():
            return result
        shards = [folder / "shards" / f"{number:05}" for number in range(count)]
        missing = [shard for shard in shards if not shard.with_suffix(".csv").exists()]
        for number, shard in enumerate(shards):
            path = shard.with_suffix(".arrow")
            if shard in missing and not path.exists():
                data[slice(number * size, (number + 1) * size)].write(path)
        calls = [(shard, request, shard is shards[0]) for shard in missing]
        progress = Progress("auto")
        try:
            with started(executor) as running, progress:
                for done, _ in enumerate(completed(running, _predict_shard, calls), 1):
                    ready = count - len(calls) + done
                    progress.show(f"shard {ready}/{count}", share=ready / count)
        except KeyboardInterrupt:
            ready = sum(shard.with_suffix(".csv").exists() for shard in shards)
            raise KeyboardInterrupt(
                f"{ready} of {counted(count, 'shard')} are kept in {folder}; the same command goes "
                "on from there"
            ) from None
        with replacing(result) as temporary, temporary.open("wb") as file:
            for shard in shards:
                file.write(shard.with_suffix(".csv").read_bytes())
        shutil.rmtree(folder / "shards", ignore_errors=True)
    return result


def _predict_shard(shard: Path, request: Request, with_head: bool) -> None:
    path = shard.with_suffix(".csv")
    if path.exists():
        return
    changed = request.model.stat().st_mtime_ns
    data = Dataset.open(shard.with_suffix(".arrow"))
    model = _loaded(request.model, changed)
    table = predictions_of(
        model,
        data,
        per_step=request.per_step,
        steps=request.steps,
        with_parts=request.with_parts,
    )
    text = table.to_csv(spreadsheet=request.spreadsheet, with_head=with_head)
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "surrogateescape"))


@functools.lru_cache(maxsize=1)
def _loaded(path: Path, changed: int) -> Any:
    from segue.estimators import load

    return load(path)


def _described(data: Dataset, request: Request, size: int) -> dict[str, Any]:
    from segue.studies.trials import digest

    parts = {"parts": _hash(data.parts)} if request.with_parts else {}
    return {
        "format": FORMAT,
        "model": hashlib.blake2b(request.model.read_bytes(), digest_size=16).hexdigest(),
        "data": f"{digest(replace(data, y=None))}, {_hash(data.ids)}",
        "per_step": request.per_step,
        "steps": request.steps,
        "spreadsheet": request.spreadsheet,
        "sequences": size,
        **parts,
    }


def _hash(column: Any) -> str:
    return hashlib.blake2b(str(column.tolist()).encode()).hexdigest()[:16]


def _check(folder: Path, wanted: dict[str, Any]) -> None:
    """Raise unless the folder is that of these predictions, or has none."""
    path = folder / "shards.json"
    if not path.exists():
        others = [one.name for one in folder.iterdir() if not one.name.startswith(".")]
        if others:
            raise FileError(
                f"is not empty ({', '.join(sorted(others)[:3])}). Choose a new folder, or an empty "
                "one.",
                path=folder,
            )
        make_folder(folder / "shards")
        write_text(path, json.dumps(wanted, indent=2) + "\n")
        return
    try:
        there = json.loads(path.read_bytes())
    except ValueError as error:
        raise FileError("is damaged. Choose another folder.", path=path) from error
    different = [name for name in wanted if there.get(name) != wanted[name]]
    if different:
        raise FileError(
            f"holds other predictions: {', '.join(different)} differ. Choose another folder, add "
            "--overwrite, or take the same model, source and options.",
            path=folder,
        )
