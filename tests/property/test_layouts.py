"""One data set in every layout that is documented reads back to the same sequences and labels."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from segue import Dataset
from segue.readers import read

START = dt.datetime(2024, 2, 28, 23, 59, 55)
TIMES: dict[str, Callable[[int], str]] = {
    "seconds": lambda j: f"{j * 0.5}",
    "steps": str,
    "iso": lambda j: (START + dt.timedelta(seconds=j)).isoformat(),
    "zone": lambda j: (START + dt.timedelta(seconds=j)).isoformat() + "+01:00",
    "fractions": lambda j: f"10:00:{j // 4:02d}.{j % 4 * 25:02d}",
    "clock": lambda j: f"9:{j:02d}",
    "am and pm": lambda j: (START + dt.timedelta(hours=j)).strftime("%m/%d/%Y %I:%M %p"),
    "german": lambda j: (START + dt.timedelta(minutes=j)).strftime("%d.%m.%Y %H:%M"),
    "month": lambda j: (START + dt.timedelta(days=j)).strftime("%d %b %Y"),
    "compact": lambda j: (START + dt.timedelta(seconds=j)).strftime("%Y%m%dT%H%M%S"),
    "epoch": lambda j: str(1709164795000 + 20 * j),
}
IDS: dict[str, Callable[[int], Any]] = {
    "text": lambda i: f"rec {i}",
    "numbers": lambda i: 100 - i,
    "zeros": lambda i: f"{i:04d}",
    "decimals": lambda i: f"{i}.10" if i % 2 else f"{i}.1",
}


def sequences(seed: int, *, equal: bool = False) -> tuple[list[np.ndarray], list[str]]:
    draws = np.random.default_rng(seed)
    lengths = [7] * 9 if equal else draws.integers(2, 9, 9).tolist()
    xs = [np.round(draws.normal(0, 50, (n, 2)), 3) for n in lengths]
    return xs, [("walk", "run", "sit still")[i % 3] for i in range(9)]


def rows(xs: Any, ys: Any, of_id: Any, of_time: Any) -> list[dict[str, Any]]:
    return [
        {"id": of_id(i), "time": of_time(j), "ax": step[0], "ay": step[1], "label": ys[i]}
        for i, x in enumerate(xs)
        for j, step in enumerate(x)
    ]


def check(data: Dataset, xs: Any, ys: Any, ids: list[Any] | None = None) -> None:
    """The same, in whatever order."""
    order = range(len(xs))
    if ids is not None:
        place = {str(name): n for n, name in enumerate(data.ids.tolist())}
        assert len(place) == len(ids)
        order = [place[str(name)] for name in ids]
    for n, (x, y) in zip(order, zip(xs, ys, strict=True), strict=True):
        np.testing.assert_array_equal(data.x[n], x.astype(np.float32))
        assert data.y[n] == y


@pytest.mark.sampled(4)
@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("times", TIMES)
def test_one_row_a_step(tmp_path: Path, ids: str, times: str) -> None:
    """In order and shuffled, as a file and as a frame."""
    xs, ys = sequences(len(times) * 7 + len(ids))
    table = rows(xs, ys, IDS[ids], TIMES[times])
    wanted = [IDS[ids](i) for i in range(len(xs))]
    frame = pd.DataFrame(table)
    frame.to_csv(tmp_path / "long.csv", index=False)
    check(read(tmp_path / "long.csv"), xs, ys, wanted)
    check(read(frame), xs, ys, wanted)
    random.Random(1).shuffle(table)
    pd.DataFrame(table).to_csv(tmp_path / "shuffled.csv", index=False, sep=";")
    sort = {"falls": "sort"} if times in ("clock", "fractions") else {}
    check(read(tmp_path / "shuffled.csv", **sort), xs, ys, wanted)


@pytest.mark.parametrize("ids", IDS)
def test_one_row_a_sequence(tmp_path: Path, ids: str) -> None:
    """Two channels in numbered names, with an id or without; tabs, and Parquet."""
    xs, ys = sequences(3, equal=True)
    names = [f"{channel}_{j}" for channel in ("ax", "ay") for j in range(7)]
    table = pd.DataFrame([x.T.ravel() for x in xs], columns=names)
    table.insert(0, "id", [IDS[ids](i) for i in range(9)])
    table["label"] = ys
    table.to_csv(tmp_path / "wide.tsv", index=False, sep="\t")
    table.to_parquet(tmp_path / "wide.parquet")
    for name in ("wide.tsv", "wide.parquet"):
        check(read(tmp_path / name), xs, ys, table["id"].tolist())
    table.drop(columns="id").to_csv(tmp_path / "without.csv")
    check(read(tmp_path / "without.csv"), xs, ys)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("times", TIMES)
def test_one_file_a_sequence(tmp_path: Path, times: str) -> None:
    """In folders of classes, listed, and labelled by a column."""
    xs, ys = sequences(5)
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        table = pd.DataFrame(
            {"time": map(TIMES[times], range(len(x))), "ax": x[:, 0], "ay": x[:, 1]}
        )
        for place in (tmp_path / "classes" / y, tmp_path / "listed", tmp_path / "column"):
            place.mkdir(parents=True, exist_ok=True)
        table.to_csv(tmp_path / "classes" / y / f"{i}.csv", index=False)
        table.to_csv(tmp_path / "listed" / f"{i}.csv", index=False)
        table.assign(label=y).to_csv(tmp_path / "column" / f"{i}.csv", index=False)
    listing = {"filename": [f"{i}.csv" for i in range(9)], "label": ys}
    pd.DataFrame(listing).to_csv(tmp_path / "listed" / "labels.csv", index=False)
    check(read(tmp_path / "classes"), xs, ys, [f"{y}/{i}.csv" for i, y in enumerate(ys)])
    for name in ("listed", "column"):
        check(read(tmp_path / name), xs, ys, listing["filename"])


@pytest.mark.parametrize("ids", IDS)
def test_other_layouts(tmp_path: Path, ids: str) -> None:
    """Lists in cells, parts of a table, folders called column=value, labels by id, Arrow."""
    xs, ys = sequences(11)
    wanted = [IDS[ids](i) for i in range(9)]
    lists = pd.DataFrame({"id": wanted, "series": [x.tolist() for x in xs], "label": ys})
    lists.to_csv(tmp_path / "lists.csv", index=False)
    check(read(tmp_path / "lists.csv"), xs, ys, wanted)
    frame = pd.DataFrame(rows(xs, ys, IDS[ids], TIMES["steps"]))
    for name in ("spark", "apart", *(f"hive/label={y}" for y in ys)):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    half = len(frame) // 2
    frame[:half].to_csv(tmp_path / "spark" / "part-00000.csv", index=False)
    frame[half:].to_csv(tmp_path / "spark" / "part-00001.csv", index=False)
    frame.drop(columns="label").to_csv(tmp_path / "apart" / "steps.csv", index=False)
    lists[["id", "label"]].to_csv(tmp_path / "apart" / "info.csv", index=False)
    for y, own in frame.groupby("label"):
        own.drop(columns="label").to_csv(tmp_path / "hive" / f"label={y}" / "a.csv", index=False)
    for name in ("spark", "apart", "hive"):
        check(read(tmp_path / name), xs, ys, wanted)
    Dataset(xs, ys, ids=np.array(wanted)).write(tmp_path / "all.arrow")
    check(read(tmp_path / "all.arrow"), xs, ys, wanted)
