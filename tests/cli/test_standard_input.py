"""`segue predict MODEL -` reads what a pipe brings as the model's own source was read."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import segue
from segue.cli import FAILED, WRONG_USE, main
from segue.training import TrainingOptions

Predict = Callable[..., list[dict[str, str]]]
Refused = Callable[..., str]
ROWS = [("a", 0, 1.5, -2.0), ("a", 1, 2.5, -1.0), ("b", 0, 0.5, 3.0)]
NAMES = ("id", "time", "ax", "ay")
TABLE = ",".join(NAMES) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in ROWS)
LISTS = [[[1.5, -2.0], [2.5, -1.0]], [[0.5, 3.0]]]
OBJECTS = [{"id": name, "x": steps} for name, steps in zip("ab", LISTS, strict=True)]


def lines(values: list[object]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


@pytest.fixture(scope="module")
def steps_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two channels, trained on a table with a row a step."""
    folder = tmp_path_factory.mktemp("steps")
    draws = np.random.default_rng(0)
    table = ["id,time,ax,ay,label"]
    for number in range(24):
        for step in range(5):
            ax, ay = draws.normal(size=2).round(3)
            table.append(f"r{number},{step},{ax},{ay},{'up' if number % 2 else 'down'}")
    (folder / "steps.csv").write_text("\n".join(table) + "\n")
    options = TrainingOptions(progress="none")
    clf = segue.SequenceClassifier("gru(2)", epochs=1, validation=None, options=options)
    clf.fit(segue.read(folder / "steps.csv")).save(folder / "model.safetensors")
    return folder / "model.safetensors"


@pytest.fixture
def give(
    steps_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Predict what is given as bytes or text on standard input."""

    def call(content: str | bytes, *words: str, model: Path | None = None) -> tuple[int, str, str]:
        content = content.encode() if isinstance(content, str) else content
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        code = main(["predict", str(model or steps_model), "-", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def predict(give: Callable[..., tuple[int, str, str]]) -> Predict:
    """The rows of the table that is printed."""

    def call(content: str | bytes, *words: str) -> list[dict[str, str]]:
        code, out, err = give(content, *words)
        assert code == 0, err
        return list(csv.DictReader(io.StringIO(out, newline="")))

    return call


@pytest.fixture
def refused(give: Callable[..., tuple[int, str, str]]) -> Refused:
    """The message."""

    def call(content: str | bytes, *words: str, code: int = FAILED) -> str:
        came, out, err = give(content, *words)
        assert (came, out) == (code, "")
        assert "bug in segue" not in err
        assert "/tmp" not in err
        return err

    return call


def parquet(text: str) -> bytes:
    from pyarrow import BufferOutputStream, BufferReader
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet as arrow_parquet

    stream = BufferOutputStream()
    arrow_parquet.write_table(arrow_csv.read_csv(BufferReader(text.encode())), stream)
    return stream.getvalue().to_pybytes()


SAME = {
    "semicolons": TABLE.replace(",", ";"),
    "tabs": TABLE.replace(",", "\t"),
    "decimal commas": TABLE.replace(",", ";").replace(".", ","),
    "line ends of Windows": TABLE.replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + TABLE,
    "quotes": TABLE.replace("a,", '"a",').replace("ax", '"ax"'),
    "other columns": "".join(f"{line},9\n" for line in TABLE.splitlines()).replace(",9", ",z", 1),
    "another order": "ay,ax,time,id\n"
    + "".join(",".join(map(str, row[::-1])) + "\n" for row in ROWS),
    "UTF-16": TABLE.encode("utf-16"),
    "gzip": gzip.compress(TABLE.encode()),
    "Parquet": parquet(TABLE),
    "rows as objects": lines([dict(zip(NAMES, row, strict=True)) for row in ROWS]),
    "objects": lines(list(OBJECTS)),
    "values": lines([{"id": o["id"], "values": o["x"]} for o in OBJECTS]),
    "a list of objects": json.dumps(OBJECTS),
    "a list of objects over several lines": json.dumps(OBJECTS, indent=1),
    "JSON in UTF-16": lines(list(OBJECTS)).encode("utf-16"),
    "JSON with a byte order mark": "\ufeff" + lines(list(OBJECTS)),
    "JSON with line ends of Windows": lines(list(OBJECTS)).replace("\n", "\r\n"),
    "JSON with empty lines": "\n\n" + lines(list(OBJECTS)).replace("\n", "\n\n"),
}


@pytest.mark.parametrize("how", SAME)
def test_the_same_sequences_however_they_come(predict: Predict, how: str) -> None:
    found = predict(SAME[how])
    assert [row["id"] for row in found] == ["a", "b"]
    assert found == predict(TABLE)


def test_lists_are_numbered(predict: Predict) -> None:
    """A sequence in each line, or all of them in one list."""
    expected = [{**row, "id": str(i)} for i, row in enumerate(predict(TABLE))]
    assert predict(lines(list(LISTS))) == expected
    assert predict(json.dumps(LISTS)) == expected
    assert predict(json.dumps(LISTS, indent=1)) == expected


def test_numbers_alone_are_one_channel(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a list for each time step; whole numbers too."""
    printed = set()
    for content in ("[1, 2, 3]\n[0.5, null]\n", "[[1], [2], [3]]\n[[0.5], [null]]\n"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
        assert main(["predict", str(model), "-"]) == 0
        out, err = capsys.readouterr()
        assert "read as JSON: 2 sequences of 2 to 3 steps, 1 channel" in err
        assert "warning: Values are missing" in err
        printed.add(out)
    assert len(printed) == 1


def test_whole_numbers_are_tokens_where_the_network_begins_with_an_embedding(
    tmp_path: Path, give: Callable[..., tuple[int, str, str]]
) -> None:
    """And never cast to others: what is too large is refused."""
    options = TrainingOptions(progress="none")
    clf = segue.SequenceClassifier(
        "embedding(2) gru(2)", epochs=1, validation=None, options=options
    )
    tokens = [np.arange(5, dtype=np.int32) + i % 3 for i in range(12)]
    clf.fit(tokens, ["a", "b"] * 6).save(tmp_path / "model.safetensors")
    model = tmp_path / "model.safetensors"
    code, out, err = give("[1, 2, 3]\n[4, 5]\n", model=model)
    assert (code, out.count("\n")) == (0, 3), err
    for content in ("[1, 2.5]", "[1, null]", f"[1, {2**32 + 1}]"):
        code, _, err = give(content, model=model)
        assert code == FAILED
        assert "tokens" in err


def test_texts_come_as_rows_of_a_table(
    tmp_path: Path, give: Callable[..., tuple[int, str, str]]
) -> None:
    """To a model whose own texts were files."""
    for number in range(8):
        for label, words in (("sea", "the sea was calm"), ("hill", "a horse on the hill")):
            (tmp_path / "texts" / label).mkdir(parents=True, exist_ok=True)
            (tmp_path / "texts" / label / f"{number}.txt").write_text(f"{words} {number}")
    options = TrainingOptions(progress="none")
    clf = segue.SequenceClassifier(
        "embedding(2) gru(2)", epochs=1, validation=None, options=options
    )
    clf.fit(segue.read(tmp_path / "texts")).save(tmp_path / "model.safetensors")
    content = lines([{"id": "01", "text": "the calm hill, a sea"}])
    code, out, err = give(content, "--json", model=tmp_path / "model.safetensors")
    assert (code, json.loads(out)[0]["id"]) == (0, "01"), err
    csv_ = 'id,text\nq,"the calm hill, a sea"\n'
    assert json.loads(give(csv_, "--json", model=tmp_path / "model.safetensors")[1])[0] == {
        **json.loads(out)[0],
        "id": "q",
    }


@pytest.mark.parametrize(
    "ids",
    [
        ["007", "7", "07"],
        ["1.10", "1.1", "é,\u2028\n"],
        [3, 1, 2],
        [12345678901234567890, 2**63, 1],
        [-1, 0, 1],
        ["=1", "null", ""],
    ],
)
def test_ids_are_those_that_came(give: Callable[..., tuple[int, str, str]], ids: list[str]) -> None:
    """In JSON lines with their type."""
    content = "".join(
        json.dumps({"id": name, "x": [[1, 2]]}, ensure_ascii=False) + "\n" for name in ids
    )
    code, out, err = give(content, "--json")
    assert code == 0, err
    assert [row["id"] for row in json.loads(out)] == ids


def test_the_id_has_the_name_that_it_had_in_training(
    steps_model: Path, tmp_path: Path, give: Callable[..., tuple[int, str, str]]
) -> None:
    """Then "id" is another field, which is left out; without it, "id" is the id."""
    renamed = (steps_model.parent / "steps.csv").read_text().replace("id,", "trial,", 1)
    (tmp_path / "steps.csv").write_text(renamed)
    options = TrainingOptions(progress="none")
    clf = segue.SequenceClassifier("gru(2)", epochs=1, validation=None, options=options)
    clf.fit(segue.read(tmp_path / "steps.csv")).save(tmp_path / "model.safetensors")
    model = tmp_path / "model.safetensors"
    code, out, err = give(lines([{"id": 5, "trial": "t", "x": [[1, 2]]}]), "--json", model=model)
    assert (code, json.loads(out)[0]["id"]) == (0, "t"), err
    assert "left out 'id'" in err
    code, out, err = give(lines([{"id": 5, "x": [[1, 2]]}]), "--json", model=model)
    assert (code, json.loads(out)[0]["id"]) == (0, 5), err
    assert "left out" not in err


def test_what_is_left_out_is_said(give: Callable[..., tuple[int, str, str]]) -> None:
    content = lines([{"id": "a", "x": [[1, 2], [3, 4]], "note": "hot", "values": "none"}])
    assert give(content)[2].startswith(
        "read as JSON: 1 sequence of 2 steps, 2 channels; left out 'note', 'values'\n"
    )


def test_limit_and_options_of_a_table(predict: Predict, refused: Refused) -> None:
    """The options of a table are for a table."""
    assert len(predict(TABLE, "--limit", "1")) == 1
    assert len(predict(lines(list(OBJECTS)), "--limit", "1")) == 1
    renamed = TABLE.replace("ax", "p").replace("ay", "q")
    assert predict(renamed, "--column-channels", "p,q") == predict(TABLE)
    said = refused(lines(list(OBJECTS)), "--column-id", "id", code=WRONG_USE)
    assert "'id' is for a table, and these are sequences" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "Standard input is empty; expected a table (CSV), or JSON lines."),
        (" \n\t\n", "Standard input is empty"),
        ("\ufeff\n", "Standard input is empty"),
        ("id,time,ax,ay\n", "standard input: has a line of names and no rows."),
        (TABLE.replace("ax", "bx"), "standard input: has no column 'ax'"),
        (TABLE.replace("2.5", "2.5,7"), "standard input, line 3: has 5 fields"),
        (b"\x00\x01\x02\x03" * 100, "standard input: is not a text table"),
        (parquet(TABLE)[:-20], "standard input: is not a whole Parquet file"),
        ("[[1, 2]]\n[[1, 2]\n", "line 2 is no JSON"),
        ("[[1, 2]]\nhello\n", "line 2 is no JSON"),
        ('{"id": 1,\n', "line 1 is no JSON"),
        ("[[1, 2]]\n5\n", "line 2 is 5; expected a list of numbers, or an object such as"),
        ('[{"x": [[1, 2]]}, null]', "record 2 is null; expected a list of numbers"),
        ("{}\n", "line 1 is {}; expected a list of numbers"),
        ("[[1, 2], [3]]\n", "line 1: expected a list of numbers, or a list for each time step"),
        ('[[1, "b"]]\n', "line 1: expected a list of numbers"),
        ("[[1, 2]]\n[]\n", "line 2: expected a list of numbers"),
        ("[1, 2]\n", "trained on 2 channels; these sequences have 1"),
        (
            '[[1, 2]]\n{"x": [[1, 2]]}\n',
            'lists (line 1) and objects with a list "x" or "values" (line 2); expected one of them',
        ),
        ('{"id": 1, "x": [[1, 2]]}\n{"x": [[1, 2]]}\n', "line 2 has no id, and others have one"),
        ('{"id": 1, "x": [[1, 2]]}\n{"id": "a", "x": [[1, 2]]}\n', "the ids are int, str"),
        ('{"id": [1], "x": [[1, 2]]}\n', "the ids are list; expected text, or whole numbers"),
        (
            '{"time": 0, "ax": 1, "ay": 2}\n{"time": 1, "ax": "b", "ay": 2}\n',
            "Standard input: 'ax' is int and str; expected values of one type.",
        ),
        (b'{"id": 1, "x": [[1, 2]]}\n{"id": "\xff", "x": [[1, 2]]}\n', "line 2: byte 33 is no utf"),
    ],
)
def test_what_cannot_be_read(refused: Refused, content: str | bytes, said: str) -> None:
    """One message, with the line where there is one, and never the name of a temporary file."""
    assert said in refused(content)


@pytest.mark.slow
def test_through_a_real_pipe(steps_model: Path) -> None:
    """And the reader of the predictions may go away after one line."""
    segue_ = Path(sys.executable).with_name("segue")
    content = lines([{"id": i, "x": [[i, 1.0]]} for i in range(3000)])
    command = f"{segue_} predict {steps_model} - | head -1"
    done = subprocess.run(command, shell=True, input=content, capture_output=True, text=True)
    assert done.stdout == "id,prediction,probability_down,probability_up\n"
    assert done.stderr == "read as JSON: 3,000 sequences of 1 step, 2 channels\n"
