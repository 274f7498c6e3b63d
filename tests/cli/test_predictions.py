"""Predictions can be joined with their source: ids and labels come out as they came."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import segue
from segue.cli import FAILED, WRONG_USE, main
from segue.cli.predictions import Predictions, predictions_of
from segue.data.dataset import Dataset
from segue.errors import DataError, OptionError
from segue.training import TrainingOptions

QUIET = TrainingOptions(progress="none")

# Ids, or labels, that a table must give back to the letter.
TEXTS = {
    "leading zeros": ["007", "07", "7"],
    "decimals": ["1.1", "1.10", "1e5"],
    "beyond 64 bits": ["20190523143012123456", "20190523143012123457", "0"],
    "commas and quotes": ['a,"b"', "a;b\tc", "'"],
    "line ends": ["a\nb", "a\rb", "a\r\nb"],
    "blanks": [" a", "a ", "a"],
    "other scripts": ["Ωμέγα", "猫", "😀 é"],
    "formulas": ["=1+1", "+a", "@b"],
    "signs": ["-1", "+1", "-a"],
    "words for missing": ["NA", "nan", "null"],
}
NUMBERS = {
    "whole": np.array([3, 1, 2]),
    "63 bits": np.array([2**62 + 1, 2**62 + 2, 1]),
    "unsigned": np.array([2**64 - 1, 1, 0], np.uint64),
    "small": np.array([-3, 0, 3], np.int8),
    "decimal": np.array([0.1, 1e9 + 0.2, 1.5]),
    "objects": np.array([10**20, 10**20 + 1, 1], object),
}


def rows_of(path: Path) -> list[dict[str, Any]]:
    """What a program reads from a file of predictions, with its types."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".parquet":
        return list(parquet.read_table(path).to_pylist())
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        return list(json.loads(text))
    return [json.loads(line) for line in text.split("\n")[:-1]]


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl", ".parquet"])
@pytest.mark.parametrize("kind", TEXTS)
def test_texts_stay_as_they_are(tmp_path: Path, kind: str, ending: str) -> None:
    """As ids, as labels, and as the classes that have probabilities."""
    texts = TEXTS[kind]
    shares = dict(zip(texts, np.eye(3, dtype=np.float32), strict=True))
    table = Predictions({"id": np.array(texts), "prediction": texts[::-1]}, shares)
    table.write(tmp_path / f"p{ending}")
    rows = rows_of(tmp_path / f"p{ending}")
    assert [row["id"] for row in rows] == texts
    assert [row["prediction"] for row in rows] == texts[::-1]
    for row in rows:
        named = {f"probability_{name}": row.get(f"probability_{name}") for name in texts}
        found = row.get("probabilities") or named
        own = f"probability_{row['id']}" if found is named else row["id"]
        assert {name: float(value) for name, value in found.items()} == {
            name: float(name == own) for name in found
        }
        assert len(found) == 3


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl", ".parquet"])
@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_stay_as_they_are(tmp_path: Path, kind: str, ending: str) -> None:
    """As numbers in JSON and Parquet, where those hold them; all their digits elsewhere."""
    numbers = NUMBERS[kind].tolist()
    Predictions({"id": NUMBERS[kind], "prediction": NUMBERS[kind]}).write(tmp_path / f"p{ending}")
    rows = rows_of(tmp_path / f"p{ending}")
    as_text = ending == ".csv" or (kind == "objects" and ending == ".parquet")
    expected = [str(number) for number in numbers] if as_text else numbers
    assert [row["id"] for row in rows] == expected
    assert [row["prediction"] for row in rows] == expected


def test_types_are_kept_where_a_format_has_them(tmp_path: Path) -> None:
    labels = {"text": ["1", "2"], "number": [1, 2], "truth": [True, False]}
    table = Predictions({"id": np.array(["01", "2"]), **labels})
    table.write(tmp_path / "p.parquet")
    schema = parquet.read_schema(tmp_path / "p.parquet")
    assert [str(schema.field(name).type) for name in labels] == ["string", "int64", "bool"]
    table.write(tmp_path / "p.jsonl")
    first = rows_of(tmp_path / "p.jsonl")[0]
    assert first == {"id": "01", "text": "1", "number": 1, "truth": True}


def test_what_json_does_not_know_is_null(tmp_path: Path) -> None:
    values = np.array([np.nan, np.inf, 0.5], np.float32)
    table = Predictions({"id": [1, 2, 3], "prediction": values}, {"a": values})
    for ending in (".json", ".jsonl"):
        table.write(tmp_path / f"p{ending}")
        rows = rows_of(tmp_path / f"p{ending}")
        assert [row["prediction"] for row in rows] == [None, None, 0.5]
        assert [row["probabilities"]["a"] for row in rows] == [None, None, 0.5]
    table.write(tmp_path / "p.parquet")
    assert parquet.read_schema(tmp_path / "p.parquet").field("prediction").type == pa.float32()
    assert np.isnan(rows_of(tmp_path / "p.parquet")[0]["prediction"])


def test_the_ending_may_be_in_capitals(tmp_path: Path) -> None:
    Predictions({"id": [1], "prediction": ["a"]}).write(tmp_path / "P.JSONL")
    assert (tmp_path / "P.JSONL").read_text() == '{"id": 1, "prediction": "a"}\n'


def test_names_of_files_that_are_no_unicode(tmp_path: Path) -> None:
    """In CSV their own bytes, in JSON an escape; Parquet has no way, and says so."""
    name = b"caf\xe9.wav".decode("utf-8", "surrogateescape")
    table = Predictions({"id": [name], "prediction": ["a"]})
    table.write(tmp_path / "p.csv")
    assert b"caf\xe9.wav" in (tmp_path / "p.csv").read_bytes()
    table.write(tmp_path / "p.json")
    assert rows_of(tmp_path / "p.json")[0]["id"] == name
    with pytest.raises(DataError, match=r"Parquet cannot hold the column 'id'.*\.csv or \.jsonl"):
        table.write(tmp_path / "p.parquet")
    mixed = Predictions({"id": [1, "a"], "prediction": ["a", "b"]})
    with pytest.raises(DataError, match="Parquet cannot hold the column 'id'"):
        mixed.write(tmp_path / "p.parquet")
    assert not (tmp_path / "p.parquet").exists()


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        *[(text, "'" + text) for text in ("=1+1", "+a", "-a", "@sum", "\t=1", "\r=1", "-1+2")],
        *[(text, text) for text in ("-1", "+1.5", "-.5e-3", "-1,5", "a=b", "", "1", "Ω")],
    ],
)
def test_formulas_are_guarded_only_for_a_spreadsheet(text: str, guarded: str) -> None:
    """Text that begins like one, and is no number; also as a heading."""
    table = Predictions({"id": [1], "prediction": [text], text: [0]})

    def cells(written: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(written, newline="")))

    assert cells(table.to_csv()) == [["id", "prediction", text], ["1", text, "0"]]
    assert cells(table.to_csv(spreadsheet=True)) == [
        ["id", "prediction", guarded],
        ["1", guarded, "0"],
    ]


# -- of every task --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data() -> Dataset:
    draws = np.random.default_rng(0)
    ids = np.array([f"{number:03}" for number in range(24)])
    return Dataset(draws.normal(size=(24, 6, 2)), np.array(["=a", "b,c"] * 12), ids=ids)


def test_every_task_has_its_ids(data: Dataset) -> None:
    """In the order of the sequences, repeated for each step; and its part, where there are two."""
    given: dict[str, Any] = {"epochs": 1, "options": QUIET, "validation": None}
    labels = [np.arange(6) % 2 for _ in range(24)]
    models = {
        "classes": segue.SequenceClassifier("gru(2)", **given).fit(data),
        "labels": segue.SequenceLabeler("gru(2)", **given).fit(data.x, labels),
        "numbers": segue.SequenceRegressor("gru(2)", **given).fit(data.x, np.arange(24) + 1e9),
        "several": segue.SequenceRegressor("gru(2)", **given).fit(data.x, np.ones((24, 2))),
        "many": segue.SequenceClassifier("gru(2)", head="sigmoid", **given).fit(
            data.x, np.arange(72).reshape(24, 3) % 2
        ),
    }
    for name, model in models.items():
        found = predictions_of(model, data, per_step=False, steps=None)
        steps = 6 if name == "labels" else 1
        assert list(found.columns["id"]) == np.repeat(data.ids, steps).tolist(), name
        rows = list(csv.DictReader(io.StringIO(found.to_csv(), newline="")))
        assert [row["id"] for row in rows] == np.repeat(data.ids, steps).tolist()
    found = predictions_of(models["classes"], data[:2], per_step=True, steps=None)
    assert list(found.columns["step"]) == [*range(6), *range(6)]
    assert set(found.columns["prediction"]) <= {"=a", "b,c"}
    parted = replace(data, parts=np.repeat(["train", "test"], 12))
    for name, model in models.items():
        found = predictions_of(model, parted, per_step=False, steps=None)
        steps = 6 if name == "labels" else 1
        assert list(found.columns)[:2] == ["id", "part"], name
        assert list(found.columns["part"]) == np.repeat(parted.parts, steps).tolist()
        found = predictions_of(model, parted.part("test"), per_step=False, steps=None)
        assert "part" not in found.columns
    numbers = predictions_of(models["numbers"], data, per_step=False, steps=None)
    exact = models["numbers"].predict(data)
    read = csv.DictReader(io.StringIO(numbers.to_csv()))
    assert [float(row["prediction"]) for row in read] == exact.tolist()


def test_a_forecast_of_channels_called_id_and_step() -> None:
    """Each has a column of its own, and so has the part."""
    series = Dataset(
        [np.arange(80.0).reshape(40, 2), np.arange(80.0).reshape(40, 2)],
        channels=("id", "step"),
        ids=np.array(["x", "y"]),
    )
    model = segue.Forecaster("gru(2)", size=4, horizon=1, epochs=1, options=QUIET).fit(series)
    found = predictions_of(model, series, per_step=False, steps=3)
    assert list(found.columns) == ["id", "step", "channel_id", "channel_step"]
    assert list(found.columns["id"]) == ["x"] * 3 + ["y"] * 3
    assert found.columns["step"].tolist() == [1, 2, 3, 1, 2, 3]
    assert set(next(found.rows())) == set(found.columns)
    parted = replace(series, parts=np.array(["train", "test"]))
    found = predictions_of(model, parted, per_step=False, steps=2)
    assert list(found.columns)[:3] == ["id", "part", "step"]
    assert list(found.columns["part"]) == ["train", "train", "test", "test"]


# -- the command ----------------------------------------------------------------------------------

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    data: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Predict the sequences above, in an empty folder that holds them and a model."""
    monkeypatch.chdir(tmp_path)
    data.write("data.arrow")
    clf = segue.SequenceClassifier("gru(2)", epochs=1, options=QUIET, validation=None)
    clf.fit(data).save("model.safetensors")

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["predict", "model.safetensors", "data.arrow", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_each_format_holds_the_same(run: Run) -> None:
    printed = list(csv.DictReader(io.StringIO(run()[1])))
    assert [row["id"] for row in printed] == [f"{number:03}" for number in range(24)]
    printed_json = json.loads(run("--json")[1])
    for ending in ("csv", "json", "jsonl", "parquet"):
        assert run("--out", f"p.{ending}")[1] == f"24 predictions  p.{ending}\n"
        rows = rows_of(Path(f"p.{ending}"))
        assert [row["prediction"] for row in rows] == [row["prediction"] for row in printed]
        if ending in ("json", "jsonl"):
            assert rows == printed_json
        else:
            shares = [float(row["probability_=a"]) for row in rows]
            expected = [row["probabilities"]["=a"] for row in printed_json]
            assert shares == pytest.approx(expected, rel=1e-5)
    assert run("--per-step", "--out", "s.parquet")[0] == 0
    assert parquet.read_table("s.parquet").column("step").to_pylist() == [*range(6)] * 24


def test_a_spreadsheet_gets_text(run: Run) -> None:
    """Only in CSV, and only there does it make sense."""
    assert "'=a" not in run()[1]
    assert ",'=a," in run("--spreadsheet")[1]
    assert run("--spreadsheet", "--out", "p.csv")[0] == 0
    assert {row["prediction"] for row in rows_of(Path("p.csv"))} <= {"'=a", "b,c"}
    for words in (["--out", "p.parquet"], ["--json"]):
        code, _, said = run("--spreadsheet", *words)
        assert code == WRONG_USE
        assert "--spreadsheet is for CSV" in said
    assert run("--per-step", "--steps", "3")[0] in (FAILED, WRONG_USE)


def test_sets_of_classes_are_a_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waves = segue.synth.waves(40, test=0, length=12)
    fitted = segue.SequenceClassifier("hydra(2)", options=QUIET).fit(waves)
    table = predictions_of(fitted, waves, per_step=False, steps=None, coverage=0.9)
    expected = [own.tolist() for own in fitted.predict_set(waves)]
    assert table.columns["set"] == expected
    fitted.save(tmp_path / "model.safetensors")
    assert main(["generate", "waves", str(tmp_path / "waves"), "--count", "12"]) == 0
    words = ["predict", str(tmp_path / "model.safetensors"), str(tmp_path / "waves")]
    assert main([*words, "--coverage", "0.9"]) == 0
    assert "id,part,prediction,set,probability_" in capsys.readouterr().out
    assert main([*words, "--coverage", "90"]) == WRONG_USE
    assert "expected a share such as 0.9" in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl", ".parquet"])
@pytest.mark.parametrize("kind", [*TEXTS, "separators"])
def test_the_names_of_a_set_can_be_told_apart(tmp_path: Path, kind: str, ending: str) -> None:
    """A list where there are lists; in CSV a line of CSV in a cell, whatever the names hold."""
    texts = {**TEXTS, "separators": ["a|b", "a b", '"|"']}[kind]
    sets = [texts, texts[1:], texts[:1]]
    Predictions({"id": [1, 2, 3], "set": sets}).write(tmp_path / f"p{ending}")
    found = [row["set"] for row in rows_of(tmp_path / f"p{ending}")]
    if ending == ".csv":
        lines = (io.StringIO(cell, newline="") for cell in found)
        found = [name for line in lines for name in csv.reader(line, delimiter="|")]
    assert found == sets


def test_sets_of_numbers_are_numbers(tmp_path: Path) -> None:
    """Those beyond 64 bits are text in Parquet, as elsewhere."""
    for sets, expected in (([[1, 2], [2]],) * 2, ([[10**20], [1]], [[str(10**20)], ["1"]])):
        table = Predictions({"id": [1, 2], "set": sets})
        table.write(tmp_path / "p.jsonl")
        assert [row["set"] for row in rows_of(tmp_path / "p.jsonl")] == sets
        table.write(tmp_path / "p.parquet")
        assert [row["set"] for row in rows_of(tmp_path / "p.parquet")] == expected


def test_why_there_are_no_sets(data: Dataset) -> None:
    """Several seeds have no held-out sequences in common, and an ONNX file has none at all."""
    given: dict[str, Any] = {"epochs": 1, "options": QUIET, "validation": None}
    model = segue.SequenceClassifier("gru(2)", **given).fit(data)
    onnx = type("OnnxModel", (), {"task": "classify"})()
    regressor = segue.SequenceRegressor("gru(2)", **given).fit(data.x, np.arange(24.0))
    numbers = type("OnnxModel", (), {"task": "regress"})()
    for of, said in (
        (segue.SequenceEnsemble([model]), "several seeds have none in common: take that of one"),
        (onnx, "--coverage needs more than an ONNX file has: take the model that was exported"),
        (numbers, "is for one class of each sequence, and this is an OnnxModel"),
        (regressor, "is for one class of each sequence, and this is a SequenceRegressor"),
    ):
        with pytest.raises(OptionError, match=said):
            predictions_of(of, data, per_step=False, steps=None, coverage=0.9)
    with pytest.raises(OptionError, match="leave out --per-step"):
        predictions_of(model, data, per_step=True, steps=None, coverage=0.9)
    with pytest.raises(OptionError, match="--per-step needs more than an ONNX file has"):
        predictions_of(onnx, data, per_step=True, steps=None)
