"""Labelled recordings as windows with one label each, from the file to the split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import segue
from segue import Dataset, Sequences
from segue.errors import DataError, OptionError
from segue.estimators.splitting import choose_validation

CLASSES = ("rest", "run", "walk")


def recordings(*labels: list[int], **more: Any) -> Dataset:
    """A recording for each list of class numbers; its one channel counts the steps."""
    x = [np.arange(len(codes), dtype=np.float32) for codes in labels]
    y = Sequences.from_list([np.array(codes, np.int32) for codes in labels])
    return Dataset(x, y, CLASSES, **more)


def table(folder: Path, labels: list[str], *, recording: bool = False, name: str = "log") -> Path:
    """A CSV as a logger writes it: time, two channels, what was done; perhaps four recordings."""
    draws = np.random.default_rng(0)
    lines = [("session," if recording else "") + "time,acc_x,acc_y,activity"]
    for step, label in enumerate(labels):
        x, y = draws.standard_normal(2) + (3 if label == "walk" else 0)
        whose = f"s{step * 4 // len(labels)}," if recording else ""
        lines.append(f"{whose}{step / 50:.2f},{x:.3f},{y:.3f},{label}")
    path = folder / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def steps_of(data: Dataset) -> set[tuple[int, int]]:
    """Every step of every recording that a window holds."""
    return {(s, t) for s, start, stop in data.spans.tolist() for t in range(start, stop)}


@pytest.mark.parametrize(
    ("label", "y", "ids", "said"),
    [
        (
            "all",
            ["rest", "walk"],
            ["a:0-2", "b:0-2"],
            "2 left out: 1 with several labels, 1 with steps without a label",
        ),
        ("majority", ["rest", "run", "walk"], ["a:0-2", "a:2-4", "b:0-2"], "1 left out: 1 with mo"),
        ("last", ["rest", "run", "walk"], ["a:0-2", "a:2-4", "b:0-2"], "1 with a last step with"),
    ],
)
def test_which_windows_are_kept_and_what_they_are_called(
    label: str, y: list[str], ids: list[str], said: str
) -> None:
    """Those without such a label are left out, and counted; none reaches into another recording."""
    data = recordings([0, 0, 2, 1, 0], [2, 2, -1, -1], ids=["a", "b"])
    cut = segue.windows(data, 2, stride=2, label=label)
    assert cut.y.tolist() == y
    assert cut.ids.tolist() == ids
    assert said in cut.notes[-1]
    assert cut.groups.tolist() == [name[0] for name in ids]
    assert "1 step in no window" in cut.notes[-1]


def test_values_and_spans_are_those_of_the_recording() -> None:
    cut = segue.windows(recordings([0] * 7, [1] * 9), 3, stride=2, label="all")
    for steps, (number, start, stop) in zip(cut.x, cut.spans, strict=True):
        assert steps[:, 0].tolist() == list(range(start, stop))
        assert stop <= (7, 9)[number]
    assert cut.ids.tolist()[:2] == ["0:0-3", "0:2-5"]


def test_a_single_recording_has_no_groups_and_is_split_in_time() -> None:
    cut = segue.windows(recordings([0] * 50 + [1] * 50), 10, stride=5, label="majority")
    assert cut.groups is None
    assert cut.splits_by == "time"
    assert cut.ids[1] == "5-15"


def test_groups_and_parts_of_the_source_stay() -> None:
    """Who the recordings come from is more than the recording itself."""
    data = recordings([0] * 4, [1] * 4, groups=["ann", "ann"], parts=["train", "test"])
    cut = segue.windows(data, 2, stride=2, label="all")
    assert cut.groups.tolist() == ["ann"] * 4
    assert cut.parts.tolist() == ["train", "train", "test", "test"]


def test_recordings_with_one_label_as_a_whole_give_it_to_their_windows() -> None:
    data = Dataset([[1.0] * 4, [2.0] * 5], ["up", "down"], ids=["x", "y"])
    cut = segue.windows(data, 2, stride=2, label="majority")
    assert cut.y.tolist() == ["up", "up", "down", "down"]
    assert "each with the label of its recording" in cut.notes[-1]
    numbers = segue.windows(Dataset([[1.0] * 4], [0.5]), 2, stride=2, label="all")
    assert numbers.y.tolist() == [0.5, 0.5]


def test_windows_to_be_predicted_need_no_labels() -> None:
    """Which windows there are does not depend on labels then."""
    labelled = recordings([0, 0, 1, 1, -1, -1])
    for data in (labelled, Dataset(labelled.x)):
        cut = segue.windows(data, 2, stride=1, label="none")
        assert len(cut) == 5
        assert cut.task == "none"


def test_classes_that_no_window_has_are_named() -> None:
    cut = segue.windows(recordings([0, 0, 1, 0, 0, 2, 2]), 2, label="all")
    assert cut.classes == ("rest", "walk")
    assert "no window is of class 'run'" in cut.notes[-1]


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"label": "first"}, OptionError, "`label` is 'first'. Known: all, last, majority, none"),
        ({"size": 99, "label": "all"}, DataError, "A window takes 99 steps, and the longest"),
        ({"size": 4, "label": "all"}, DataError, "No window of 4 steps has the label that all"),
    ],
)
def test_what_cannot_be_cut(more: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        segue.windows(recordings([0, 1, 0, 1, 0]), **{"size": 2, **more})


@pytest.mark.filterwarnings("ignore:.*that are set aside for validation have all sequences")
@given(
    lengths=st.lists(st.integers(20, 60), min_size=1, max_size=5),
    size=st.integers(1, 6),
    stride=st.integers(1, 6),
    label=st.sampled_from(["all", "majority", "last"]),
    seed=st.integers(0, 99),
)
def test_no_part_shares_a_step_with_another(
    lengths: list[int], size: int, stride: int, label: str, seed: int
) -> None:
    """Neither test nor validation holds a step of what is learnt from, nor of one another."""
    draws = np.random.default_rng(seed)
    data = recordings(*[np.repeat(draws.integers(-1, 3, n), 7)[:n].tolist() for n in lengths])
    try:
        cut = segue.windows(data, size, stride=stride, label=label).with_parts(0.3, seed=seed)
        train, watched, _ = choose_validation(cut.part("train"), None, 0.3, seed)
    except DataError:  # too few windows
        return
    sides = [steps_of(part) for part in (train, watched, cut.part("test")) if part is not None]
    assert len(sides) == 3
    assert not any(sides[i] & sides[j] for i in range(3) for j in range(i))


# -- from files, and remembered by a model --------------------------------------------------------


def test_a_source_is_read_in_windows(tmp_path: Path) -> None:
    path = table(tmp_path, (["rest"] * 30 + ["walk"] * 30) * 4, recording=True)
    data = segue.read(path, window=10, stride=5, window_label="all")
    assert data.ids[0] == "s0:0-10"
    assert set(data.groups) == {"s0", "s1", "s2", "s3"}
    assert {"window": 10, "stride": 5, "window_label": "all"}.items() <= data.reading.items()
    assert len(segue.read(path, window=10, window_label="all")) == 24  # none overlaps
    assert segue.read(path, like=data).ids.tolist() == data.ids.tolist()
    assert len(segue.read(path, like=data, stride=10)) == 24  # what is said now comes first


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"window": 10}, "Each step has a label, and a window needs one.*window_label='all'"),
        ({"stride": 10}, "are for windows: give their size too, window=N"),
        ({"window_label": "all"}, "are for windows: give their size too"),
        ({"window": 0, "window_label": "all"}, "`size` is 0; expected a whole number from 1 on"),
        ({"window": 10, "window_label": "al"}, 'Did you mean "all"'),
    ],
)
def test_windows_that_are_half_said(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    path = table(tmp_path, ["rest"] * 30 + ["walk"] * 30)
    with pytest.raises(OptionError, match=message):
        segue.read(path, **given)


def test_a_model_remembers_how_its_recordings_were_cut(tmp_path: Path) -> None:
    """Also a saved one, for a file, a frame, and windows that were cut before."""
    path = table(tmp_path, (["rest"] * 30 + ["walk"] * 30) * 4, recording=True)
    data = segue.read(path, window=10, stride=5, window_label="majority")
    model = segue.SequenceClassifier("gru(4)", epochs=1, validation=None).fit(data)
    model.save(tmp_path / "m.safetensors")
    model = segue.load(tmp_path / "m.safetensors")
    other = table(tmp_path, ["rest"] * 60, recording=True, name="other")
    read = segue.read(other, like=model)
    assert read.x.length_range == (10, 10)
    data.write(tmp_path / "windows.arrow")
    assert len(segue.read(tmp_path / "windows.arrow", like=model)) == len(data)  # not cut again
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(path)
    again = segue.SequenceClassifier("gru(4)", epochs=1, validation=None)
    again.fit(segue.windows(segue.read(frame), 10, stride=5, label="all"))
    assert len(again.predict(frame)) == 4 * 11


def test_the_way_is_shown_where_a_classifier_meets_labels_of_steps() -> None:
    with pytest.raises(DataError, match="window=8, stride=4, window_label='majority'"):
        segue.SequenceClassifier("gru(4)").fit(recordings([0] * 30 + [1] * 41))
    with pytest.raises(DataError, match="one recording with a label at each step.*task='label'"):
        recordings([0] * 30 + [1] * 41).split(0.2)


@pytest.mark.slow
def test_the_recordings_of_people(data_folder: Any) -> None:
    """61 recordings of 30 people, against the definition; nobody comes to two parts."""
    data_folder("activity")
    data = segue.read("activity", window=50, stride=25, window_label="all")
    whole = segue.read("activity")
    expected = [
        whole.classes[codes[start, 0]]
        for codes in whole.y
        for start in range(0, len(codes) - 49, 25)
        if codes[start, 0] >= 0 and (codes[start : start + 50] == codes[start]).all()
    ]
    assert data.y.tolist() == expected
    assert "3,474 with steps without a label" in data.notes[-1]
    assert "780 steps in no window" in data.notes[-1]
    parts = data.with_parts(0.2)
    train, test = parts.part("train"), parts.part("test")
    assert not set(train.groups) & set(test.groups)
    assert not steps_of(train) & steps_of(test)
