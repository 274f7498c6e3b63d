"""Every command ends well on a terminal or a pipe that has few characters, columns or readers."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import segue
from segue.cli import main
from segue.cli.shared import encodable_output, print_data
from segue.data.dataset import Dataset
from segue.training import TrainingOptions

CLASSES = ["Ωμέγα", "😀 5–10 °C", "größer"]
# What a shell may say about its output.
ENVIRONMENTS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "latin-1": {"PYTHONIOENCODING": "latin-1", "NO_COLOR": "1", "COLUMNS": "40"},
    "C": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "utf-8": {"PYTHONIOENCODING": "utf-8"},
}
COMMANDS = {
    "fit": "fit data.arrow --network gru(2) --epochs 1",
    "view": "view data.arrow",
    "data show": "data show data.arrow",
    "predict": "predict model.safetensors data.arrow",
    "predict to a file": "predict model.safetensors data.arrow --out p.csv --overwrite",
    "evaluate": "evaluate model.safetensors data.arrow",
}
# Each encoding is tried with some commands, and each command with some encodings. Those of the C
# locale run in one process of their own, the others in this one, with streams of that encoding.
TRIED = {
    "ascii": ["fit", "view", "predict", "evaluate"],
    "cp1252": ["view", "data show"],
    "latin-1": ["view"],
    "C": ["view", "predict", "predict to a file"],
    "utf-8": ["view"],
}
RUN = """
import sys
from segue.cli import main
for line in sys.argv[1:]:
    code = main(line.split(" "))
    sys.stdout.flush()
    sys.stdout.buffer.write(b"\\n=== %d\\n" % code)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sequences whose classes are Greek, emoji and German, and a model of them."""
    folder = tmp_path_factory.mktemp("encodings")
    draws = np.random.default_rng(0)
    ids = np.array([f"№{number}" for number in range(30)])
    data = Dataset(draws.normal(size=(30, 20, 1)), np.array(CLASSES * 10), ids=ids)
    data.write(folder / "data.arrow")
    options = TrainingOptions(progress="none")
    clf = segue.SequenceClassifier("gru(2)", epochs=1, validation=None, options=options)
    clf.fit(data).save(folder / "model.safetensors")
    return folder


def encoded(text: str, encoding: str) -> str:
    """As a stream of this encoding shows it."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


@pytest.fixture(scope="module")
def shown(place: Path, short_reports: object) -> dict[tuple[str, str], bytes]:
    """What each command has written, by encoding and command; all of them succeed."""
    given = {**os.environ, **ENVIRONMENTS["C"]}
    words = [sys.executable, "-c", RUN, *(COMMANDS[command] for command in TRIED["C"])]
    done = subprocess.run(words, cwd=place, env=given, capture_output=True)
    assert done.returncode == 0, done.stderr.decode("utf-8")
    *texts, last = done.stdout.split(b"\n=== 0\n")
    assert (len(texts), last) == (len(TRIED["C"]), b""), done.stderr.decode("utf-8")
    found = dict(zip([("C", command) for command in TRIED["C"]], texts, strict=True))
    for environment in TRIED.keys() - {"C"}:
        for command in TRIED[environment]:
            found[environment, command] = shown_here(place, environment, COMMANDS[command])
    return found


def shown_here(place: Path, environment: str, command: str) -> bytes:
    """What a command writes to streams of an encoding in this process."""
    given = dict(ENVIRONMENTS[environment])
    encoding = given.pop("PYTHONIOENCODING")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding, write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(place)
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        code = main(command.split(" "))
    assert code == 0, err.buffer.getvalue()  # type: ignore[attr-defined]
    written: bytes = out.buffer.getvalue()  # type: ignore[attr-defined]
    return written


@pytest.mark.parametrize(
    ("environment", "command"), [(e, c) for e, tried in TRIED.items() for c in tried]
)
def test_nothing_fails_for_want_of_a_character(
    shown: dict[tuple[str, str], bytes], environment: str, command: str
) -> None:
    """Names are shown as far as the encoding goes, and escaped where it does not."""
    encoding = {"C": "ascii"}.get(environment, environment)
    text = shown[environment, command].decode(encoding)
    assert "?" not in text
    if command == "fit":
        assert text.startswith("test accuracy")
    elif command == "predict to a file":
        assert text == "30 predictions  p.csv\n"
    else:
        assert encoded("Ωμέγα", encoding) in text


@pytest.mark.parametrize(
    ("encoding", "drawn"),
    [("ascii", "_.-:=+*#"), ("cp1252", "_.-:=+*#"), ("cp437", "_.-▄=+*█"), ("utf-8", "▁▂▃▄▅▆▇█")],
)
def test_our_symbols_have_stand_ins_and_data_escapes(
    monkeypatch: pytest.MonkeyPatch, encoding: str, drawn: str
) -> None:
    """Each for itself: what can be shown is shown; and afterwards the stream is as it was."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    with encodable_output():
        print("▁▂▃▄▅▆▇█ R² μάτι")
    assert stream.errors == "strict"
    shown = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert shown.startswith(drawn)
    assert shown.split()[1] == ("R^2" if encoding == "ascii" else "R²")
    assert shown.split()[2] == encoded("μάτι", encoding)


def test_every_symbol_of_ours_has_a_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of every kind in ASCII have no escapes, and are as wide as they were."""
    from segue.cli import terminal
    from segue.cli.terminal import BLOCKS

    steps = np.sin(np.arange(300.0) / 9) + np.random.default_rng(0).normal(0, 0.3, 300)
    drawn = [
        BLOCKS,
        *terminal.plot(steps, 60, 300.0),
        *terminal.text_heatmap(steps[None], 40),
        *terminal.bars({"a": 3, "b": 5}, 40),
    ]
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    with encodable_output():
        print("\n".join(drawn))
    shown = stream.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert "\\u" not in shown
    assert [len(line) for line in shown.splitlines()] == [len(line) for line in drawn]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_values_for_programs_have_escapes_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], encoding: str
) -> None:
    """No stand-ins: `█` in a label is not `#`. That something was escaped is said."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    with encodable_output():
        print_data("id,█–²\n")
    shown = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert shown == encoded("id,█–²\n", encoding)
    said = capsys.readouterr().err
    assert ("characters that it does not have are written as escapes" in said) == (
        encoding != "utf-8"
    )


def test_files_are_always_utf_8(place: Path, shown: dict[tuple[str, str], bytes]) -> None:
    """Whatever the terminal has: this one has ASCII."""
    assert ("C", "predict to a file") in shown
    with (place / "p.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [f"№{number}" for number in range(30)]
    assert set(rows[0]) == {"id", "prediction", *(f"probability_{name}" for name in CLASSES)}


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        # As quick runs do in `test_through_a_real_pipe` of test_standard_input.py.
        pytest.param("predict model.safetensors data.arrow", 0, marks=pytest.mark.slow),
        ("data list --all", 1),
    ],
)
def test_a_reader_that_goes_away_leaves_no_trace(place: Path, command: str, lines: int) -> None:
    """Also one that reads nothing, of an output that is short."""
    segue_ = Path(sys.executable).with_name("segue")
    command = f"{segue_} {command} | head -{lines}"
    done = subprocess.run(command, shell=True, cwd=place, capture_output=True)
    assert (done.stdout.count(b"\n"), done.stderr) == (lines, b"")


def test_json_is_json_where_a_number_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """NaN is no JSON: null is."""
    from segue.cli.shared import print_result

    print_result(
        {"f1": np.float32("nan"), "rows": np.array([[1.0, np.inf]]), "μ": (np.int64(1),)},
        "",
        json=True,
    )
    assert capsys.readouterr().out.split() == (
        '{ "f1": null, "rows": [ [ 1.0, null ] ], "\\u03bc": [ 1 ] }'.split()
    )


def test_help_can_be_read_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    """It has no other characters than ASCII."""
    for command in ("", "fit", "predict", "view", "listen", "evaluate", "data show"):
        assert main([*command.split(), "--help"]) == 0
        assert capsys.readouterr().out.isascii()
