"""A limit bounds the work: what is read is the beginning of the whole, and little else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue.data.dataset import Dataset
from segue.readers import read
from segue.readers.blocks import limited
from segue.readers.table import several

FIELDS = ("y", "ids", "classes", "groups", "parts", "channels", "rate_hz")


def assert_beginning(source: Path, limit: int, **options: Any) -> Dataset:
    """The first sequences of each part are what they are in the whole."""
    data, whole = read(source, limit=limit, **options), limited(read(source, **options), limit)
    assert data.x == whole.x
    for name in FIELDS:
        found, wanted = (np.array(getattr(one, name)).tolist() for one in (data, whole))
        assert found == wanted, name
    return data


def steps(path: Path, number: int, ids: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{number}{i},{step},{number + i}" for i in range(ids) for step in range(3 + number)]
    if ids == 1:
        rows = [row.partition(",")[2] for row in rows]
    path.write_text("\n".join(["time,x" if ids == 1 else "trial,time,x", *rows]) + "\n")


def by_class(folder: Path) -> None:
    for number in range(12):
        steps(folder / ("walk" if number < 6 else "run") / f"{number:02}.csv", number)


def by_number(folder: Path) -> None:
    for number in range(12):
        steps(folder / str(3 + number // 6) / f"{number:02}.csv", number)


def listed(folder: Path, columns: str = "filename,label", row: str = "{:02}.csv,{}") -> None:
    for number in range(12):
        steps(folder / f"{number:02}.csv", number)
    rows = [row.format(number, "ab"[number // 6], number % 2) for number in range(12)]
    (folder / "labels.csv").write_text("\n".join([columns, *rows]) + "\n")


def listed_in_parts(folder: Path) -> None:
    listed(folder, "filename,label,split", "{0:02}.csv,{1},{1}")
    text = (folder / "labels.csv").read_text()
    (folder / "labels.csv").write_text(text.replace(",a\n", ",train\n").replace(",b\n", ",test\n"))


def by_person(folder: Path) -> None:
    for number in range(12):
        steps(folder / f"p{number:02}.csv", number, ids=2)


def partitions(folder: Path) -> None:
    for number in range(12):
        steps(folder / f"label={'ab'[number // 6]}" / f"{number:02}.csv", number)


def partitions_in_parts(folder: Path) -> None:
    for number in range(12):
        place = folder / f"split={'train' if number < 6 else 'test'}" / f"label={'ab'[number % 2]}"
        steps(place / f"{number:02}.csv", number)


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (by_class, 4),
        (by_number, 4),
        (listed, 4),
        (listed_in_parts, 6),
        (by_person, 4),
        (partitions, 5),
        (partitions_in_parts, 8),
    ],
)
def test_of_a_folder_of_tables_so_many_files_are_read(
    make: Callable[[Path], None], most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path)
    assert_beginning(tmp_path, 2)
    loaded = []
    load = several.load
    monkeypatch.setattr(several, "load", lambda *given: loaded.append(given) or load(*given))
    read(tmp_path, limit=2)
    assert len(loaded) <= most
    assert_beginning(tmp_path, 50)


def test_a_limit_of_a_folder_of_tables_counts_what_has_a_label(tmp_path: Path) -> None:
    """Where sequences without a label are left out, nobody knows in which files they are."""
    for number in range(6):
        (tmp_path / f"{number}.csv").write_text(
            "trial,label,x\n" + "".join(f"{number},{'' if number < 3 else 'a'},1\n" for _ in "123")
        )
    assert len(assert_beginning(tmp_path, 2, drop_missing=True)) == 2
