"""Real data sets, read whole: counts that are published, and times that must not be exceeded."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from segue.readers import read

# Train, test, classes, steps: Dau et al., "The UCR time series archive", table of data sets.
UCR = {
    "Adiac": (390, 391, 37, 176),
    "ArrowHead": (36, 175, 3, 251),
    "Coffee": (28, 28, 2, 286),
    "CricketX": (390, 390, 12, 300),
    "ECG200": (100, 100, 2, 96),
    "ECG5000": (500, 4500, 5, 140),
    "FiftyWords": (450, 455, 50, 270),
    "GunPoint": (50, 150, 2, 150),
    "ItalyPowerDemand": (67, 1029, 2, 24),
    "Plane": (105, 105, 7, 144),
}


@pytest.mark.parametrize("name", UCR)
def test_counts_of_ucr(data_folder, name: str) -> None:
    """Sequences, classes and steps are those of the archive's own table."""
    data_folder(f"ucr/{name}")
    data = read(f"ucr/{name}")
    parts = [len(data.part("train")), len(data.part("test"))]
    assert (*parts, len(data.classes), data.x.length_range[1]) == UCR[name]


@pytest.mark.slow
def test_all_of_ucr(data_folder) -> None:
    """Every set that is there reads: whole numbers as classes, the same ones in both parts."""
    folders = sorted(data_folder("ucr").iterdir())
    assert len(folders) >= 37
    for folder in folders:
        data = read(folder)
        lines = [
            len((folder / f"{folder.name}_{part}.tsv").read_text().splitlines())
            for part in ("TRAIN", "TEST")
        ]
        assert [len(data.part("train")), len(data.part("test"))] == lines
        assert data.y.dtype == np.int64
        assert set(data.part("test").y.tolist()) <= set(data.part("train").y.tolist())
        assert np.isfinite(data.x.values[:, 0]).mean() > 0.9


def test_series_of_other_lengths(data_folder) -> None:
    """Wiimote gestures differ in length and miss nothing; loop counters miss values, not steps."""
    data_folder("ucr/PickupGestureWiimoteZ")
    gestures = read("ucr/PickupGestureWiimoteZ")
    assert gestures.x.length_range == (29, 361)
    assert not np.isnan(gestures.x.values).any()
    loops = read("ucr/DodgerLoopGame", part="train")
    assert loops.x.length_range == (288, 288)
    assert np.isnan(loops.x.values).sum() == 2 + 27 + 36


def test_basic_motions(data_folder) -> None:
    """40 + 40 sequences of 6 channels and 100 steps, 4 activities by name."""
    data_folder("uea/BasicMotions")
    data = read("basic-motions")
    assert [len(data.part("train")), len(data.part("test"))] == [40, 40]
    assert (data.x.channels, data.x.length_range) == (6, (100, 100))
    assert data.classes == ("Badminton", "Running", "Standing", "Walking")


def test_japanese_vowels_in_half_a_second(data_folder) -> None:
    """The shipped copy is that of the archive, and reads in less than half a second."""
    read("japanese-vowels", limit=1)  # imports
    start = time.process_time()
    data = read("japanese-vowels")
    assert time.process_time() - start < 0.5
    other = read(data_folder("uea/JapaneseVowels"))
    assert data.x == other.x
    assert data.y.tolist() == other.y.tolist()


@pytest.mark.slow
def test_mnist(data_folder) -> None:
    """55,000 + 5,000 + 10,000 images of 28 rows, between 0 and 1."""
    data_folder("mnist")
    data = read("mnist-rows")
    assert [len(data.part(part)) for part in data.part_names] == [55_000, 5_000, 10_000]
    assert (data.x.channels, data.x.length_range) == (28, (28, 28))
    assert data.x.values.max() == 1
    assert data.classes == tuple(range(10))
    assert data.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.part("test").y[:5].tolist() == [7, 2, 1, 0, 4]


def test_sunspots(data_folder) -> None:
    """One step for each line of the file, from 1818 on, with the missing days as NaN."""
    path: Path = data_folder("sunspots") / "SN_d_tot_V2.0.csv"
    data = read("sunspots", observations=True)
    lines = path.read_text().splitlines()
    assert data.x.lengths.tolist() == [len(lines)]
    assert data.ids.tolist() == ["1818-01-01"]
    missing = sum(line.split(";")[4].strip() == "-1" for line in lines)
    assert int(np.isnan(data.x[0][:, 0]).sum()) == missing == 3_247
    last = lines[-1].split(";")
    assert data.x[0][-1].tolist() == [float(last[4]), float(last[6])]
    # The course drops everything up to the last day without observations: 11,314 rows.
    days = np.datetime64(data.ids[0]) + np.arange(len(lines))
    dropped = int(np.flatnonzero(data.x[0][:, 1] == 0)[-1]) + 1
    assert dropped == 11_314
    assert int((days[dropped:] < np.datetime64("2000-01-01")).sum()) == 55_160


@pytest.mark.slow
def test_authors_by_sentence(data_folder) -> None:
    """In one call; each message is a group, in one part only, and no sentence is very long."""
    data_folder("authors")
    data = read("authors")
    assert [len(data.part(name)) for name in ("train", "test")] == [10_580, 2_422]
    assert (data.x.is_text, len(data.classes)) == (True, 4)
    assert len(set(data.groups.tolist())) == 24
    assert data.summary().groups_across_parts == 0
    assert data.x.length_range[1] < 2_000
    assert len(read("authors", unit="file")) == 24
    assert read("authors", chunk=50, limit=8).part("train").x.lengths.max() < 600


def test_activity(data_folder) -> None:
    """Recordings of 30 people with names for the activities; what comes between them fits."""
    data_folder("activity")
    data = read("activity")
    assert (len(data), data.x.channels, data.rate_hz, data.task) == (61, 6, 10.0, "label")
    assert (len(set(data.groups.tolist())), len(data.classes)) == (30, 12)
    assert data.channels == ("acc-x", "acc-y", "acc-z", "gyro-x", "gyro-y", "gyro-z")
    ways = set()
    for codes in data.y:
        known = codes[codes >= 0]
        runs = [data.classes[c] for c in known[np.flatnonzero(np.diff(known, prepend=-2))]]
        ways |= set(zip(runs, runs[1:], runs[2:], strict=False))
    for way in (
        ("standing", "stand to sit", "sitting"),
        ("sitting", "sit to lie", "lying"),
        ("lying", "lie to sit", "sitting"),
        ("standing", "stand to lie", "lying"),
    ):
        assert way in ways
