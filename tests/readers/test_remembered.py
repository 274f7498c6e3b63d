"""A model reads new sources as it read those that it was trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue import Dataset, SequenceClassifier, TrainingOptions
from segue.cli import main
from segue.errors import DataError, FileError
from segue.readers import read
from segue.readers.arrow import convert

QUIET = TrainingOptions(progress="none")


def steps(folder: Path, name: str, columns: list[str], *, label: bool = True) -> Path:
    """Eight sequences of five steps, a row a step; each channel has values of its own."""
    place = {"temp": 100.0, "acc_x": 1.0, "acc_y": -1.0, "extra": 7.0, "ax": 1.0}
    heading = ["trial", "t", *columns, *(["kind"] if label else [])]
    rows = [
        [str(n), str(t), *(f"{place[c] * (n % 2 + 1 + t / 10):.3f}" for c in columns)]
        + (["ab"[n % 2]] if label else [])
        for n in range(8)
        for t in range(5)
    ]
    path = folder / name
    path.write_text("\n".join(",".join(row) for row in [heading, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def known(tmp_path: Path) -> Dataset:
    path = steps(tmp_path, "train.csv", ["temp", "acc_x", "acc_y"])
    return read(path, channels=["acc_x", "acc_y"])


def fitted(data: Dataset) -> SequenceClassifier:
    return SequenceClassifier("gru(4)", epochs=1, validation=None, options=QUIET).fit(data)


@pytest.mark.parametrize(
    "columns",
    [
        ["temp", "acc_x", "acc_y"],
        ["acc_y", "temp", "acc_x"],
        ["acc_x", "extra", "acc_y"],
    ],
)
@pytest.mark.parametrize("label", [True, False])
def test_the_same_columns_are_read_wherever_they_stand(
    known: Dataset, tmp_path: Path, columns: list[str], label: bool
) -> None:
    data = read(steps(tmp_path, "new.csv", columns, label=label), like=known)
    assert data.channels == ("acc_x", "acc_y")
    np.testing.assert_array_equal(data.x.values, known.x.values)
    assert (data.y is not None) == label


def test_a_column_that_is_missing_is_named(known: Dataset, tmp_path: Path) -> None:
    path = steps(tmp_path, "new.csv", ["temp", "ax", "acc_y"])
    with pytest.raises(FileError, match=r"no column 'acc_x'.*channels 'acc_x', 'acc_y'"):
        read(path, like=known)


def test_other_names_can_stand_for_the_channels(known: Dataset, tmp_path: Path) -> None:
    data = read(
        steps(tmp_path, "new.csv", ["acc_y", "temp", "ax"]), like=known, channels=["ax", "acc_y"]
    )
    assert data.channels == ("acc_x", "acc_y")
    np.testing.assert_array_equal(data.x.values, known.x.values)
    assert "taken as the channels 'acc_x', 'acc_y'" in data.notes[-1]


def test_a_model_file_keeps_how_its_source_was_read(known: Dataset, tmp_path: Path) -> None:
    fitted(known).save(tmp_path / "model.safetensors")
    model = segue.load(tmp_path / "model.safetensors")
    assert model.channels_ == ("acc_x", "acc_y")
    assert known.reading is not None
    assert model.reading_ == {n: v for n, v in known.reading.items() if n != "columns"}
    data = read(steps(tmp_path, "new.csv", ["acc_y", "acc_x"], label=False), like=model)
    np.testing.assert_array_equal(data.x.values, known.x.values)


def test_other_channels_are_refused_by_name(known: Dataset) -> None:
    model = fitted(known)
    turned = Dataset(known.x, known.y, channels=("acc_y", "acc_x"))
    for ask in (model.predict, model.score, lambda data: segue.evaluate(model, data)):
        with pytest.raises(DataError, match="the order is another"):
            ask(turned)
    with pytest.raises(DataError, match="'acc_x' missing; 'ax' not known to the model"):
        model.predict(Dataset(known.x, channels=("ax", "acc_y")))
    assert len(model.predict(turned.x)) == 8  # without names, the order counts


def test_a_data_frame_is_read_as_the_one_of_training(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(steps(tmp_path, "train.csv", ["acc_x", "acc_y"]))
    model = SequenceClassifier("gru(4)", epochs=1, validation=None, options=QUIET).fit(frame)
    turned = frame[["acc_y", "acc_x", "t", "trial"]].assign(extra=1.0)
    np.testing.assert_array_equal(model.predict_proba(turned), model.predict_proba(frame))


@pytest.mark.parametrize("heading", [True, False])
@pytest.mark.parametrize("label", [True, False])
def test_rows_may_be_longer_than_in_training(tmp_path: Path, heading: bool, label: bool) -> None:
    def rows(name: str, count: int, *, label: bool) -> Path:
        first = ["kind,", ""][not label] + ",".join(f"t{i}" for i in range(count))
        lines = [
            ("ab"[n % 2] + "," if label else "")
            + ",".join(f"{n + 0.05 + i / 10:.2f}" for i in range(count))
            for n in range(6)
        ]
        path = tmp_path / name
        path.write_text("\n".join([first, *lines][not heading :]) + "\n", encoding="utf-8")
        return path

    known = read(rows("train.csv", 5, label=True))
    data = read(rows("new.csv", 7, label=label), like=known)
    assert data.x.lengths.tolist() == [7] * 6
    assert (data.y is not None) == label


def test_a_folder_of_files_tells_how_one_file_is_read(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / "all" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        text = "x,y\n" + "".join(f"{t + number},{t * 2}\n" for t in range(6))
        (tmp_path / "all" / "ab"[number % 2] / f"{number}.csv").write_text(text, encoding="utf-8")
    known = read(tmp_path / "all")
    one = read(tmp_path / "all" / "b" / "1.csv", like=known)
    assert len(one) == 1
    assert one.channels == ("x", "y")


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, {"unit": "file"}),
        ({"unit": "line"}, {"unit": "line"}),
        ({"chunk": 3, "encoding": "cp1252"}, {"unit": "words", "chunk": 3, "encoding": "cp1252"}),
    ],
)
def test_texts_keep_their_unit(
    tmp_path: Path, options: dict[str, Any], kept: dict[str, Any]
) -> None:
    path = tmp_path / "one.txt"
    path.write_text("one two three\nfour five six\n", encoding="utf-8")
    known = read(path, **options)
    assert known.reading == {"format": "text", **kept}
    assert len(read(path, like=known)) == len(known)


def test_sounds_are_brought_to_the_rate_of_training(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "low.wav", np.zeros(800), 8_000)
    soundfile.write(tmp_path / "high.wav", np.zeros(1_600), 16_000)
    known = read(tmp_path / "low.wav")
    assert read(tmp_path / "high.wav", like=known).rate_hz == 8_000


def test_a_mapped_file_knows_how_its_source_was_read(tmp_path: Path) -> None:
    path = steps(tmp_path, "train.csv", ["temp", "acc_x"])
    data = convert(path, tmp_path / "train.arrow", channels="acc_x")
    assert data.reading is not None
    assert data.reading["channels"] == ["acc_x"]
    again = read(tmp_path / "train.arrow")
    assert again.reading == data.reading


@pytest.mark.slow
def test_predict_and_evaluate_read_like_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = steps(tmp_path, "train.csv", ["temp", "acc_x", "acc_y"])
    new = steps(tmp_path, "new.csv", ["acc_y", "temp", "acc_x"], label=False)
    run = str(tmp_path / "run")
    channels = ["--column-channels", "acc_x,acc_y"]
    assert main(["fit", str(train), *channels, "--epochs", "1", "--out", run]) == 0
    capsys.readouterr()
    assert main(["predict", run, str(new), "--json"]) == 0
    told = capsys.readouterr()
    assert "channels 'acc_x', 'acc_y'" in told.err
    assert main(["predict", run, str(train), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(told.out)
    assert main(["evaluate", run, str(new)]) == 1
    assert "no column 'kind', which was the label in training" in capsys.readouterr().err
