"""A file that is there is never replaced without a word, and a mistake about it costs no work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from segue.cli import FAILED, WRONG_USE, main
from segue.cli.shared import check_output
from segue.errors import FileError, OptionError, WriteError

# Each command that writes a file: its words, with FILE for the file.
WRITERS = {
    "predict.csv": "predict MODEL WAVES --out FILE",
    "predict.json": "predict MODEL WAVES --out FILE",
    "predict.jsonl": "predict MODEL WAVES --out FILE",
    "predict.parquet": "predict MODEL WAVES --out FILE",
    "steps.parquet": "predict MODEL WAVES --per-step --limit 2 --out FILE",
    "view.png": "view WAVES --samples 1 --out FILE",
    "listen.wav": "listen WAVES --samples 1 --out FILE",
    "picture.png": "listen WAVES --samples 1 --out sound.wav --overwrite --picture FILE",
    "report.html": "evaluate MODEL WAVES --report FILE",
    "data.arrow": "data convert WAVES FILE",
}

Call = Callable[..., tuple[int, str]]


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


@pytest.fixture
def call(
    model: Path,
    waves: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    """Run a command in an empty folder, and give its exit code and what it said of mistakes."""
    monkeypatch.chdir(tmp_path)

    def run(words: str, file: str) -> tuple[int, str]:
        given = {"MODEL": str(model), "WAVES": str(waves), "FILE": file}
        code = main([given.get(word, word) for word in words.split()])
        return code, capsys.readouterr().err

    return run


@pytest.mark.parametrize("file", WRITERS)
def test_a_file_that_is_there_is_replaced_only_where_that_is_said(
    call: Call, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rule and the same message for all, before anything is read."""
    Path(file).write_text("precious")
    words = WRITERS[file].replace(" --overwrite", "")
    with monkeypatch.context() as reading:
        reading.setattr("segue.readers.read", lambda *_, **__: pytest.fail("too late"))
        code, said = call(words, file)
    assert (code, Path(file).read_text()) == (FAILED, "precious")
    assert said == (
        f"error: {file}: exists already. Choose another name, or add --overwrite to replace it.\n"
    )
    assert files() == [file]
    code, said = call(words + " --overwrite", file)
    assert code == 0, said
    assert Path(file).read_bytes() != b"precious"


@pytest.mark.parametrize("file", WRITERS)
def test_a_folder_that_is_missing_is_said_before_the_work(
    call: Call, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segue.readers.read", lambda *_, **__: pytest.fail("too late"))
    code, said = call(WRITERS[file], f"deep/{file}")
    assert code == FAILED
    assert f"deep/{file} could not be written: there is no folder 'deep'" in said
    assert files() == []


@pytest.mark.parametrize(
    ("command", "file", "known"),
    [
        ("predict MODEL WAVES --out FILE", "p.txt", ".csv, .json, .jsonl or .parquet"),
        ("predict MODEL WAVES --out FILE", "p", ".csv, .json, .jsonl or .parquet"),
        ("predict MODEL WAVES --out FILE", "p.csv.gz", ".csv, .json, .jsonl or .parquet"),
        ("predict MODEL WAVES --out FILE", "-", ".csv, .json, .jsonl or .parquet"),
        ("predict MODEL WAVES --out FILE", "p.xlsx", ".csv, .json, .jsonl or .parquet"),
        ("view WAVES --out FILE", "v.txt", ".png"),
        ("listen WAVES --out FILE", "l.mp3", ".wav or .wave"),
        ("listen WAVES --out l.wav --picture FILE", "l.wav", ".png"),
        ("data convert WAVES FILE", "d.csv", "expected a file ending in .arrow."),
    ],
)
def test_an_ending_that_is_not_known_is_refused_with_those_that_are(
    call: Call, command: str, file: str, known: str
) -> None:
    code, said = call(command, file)
    assert code == WRONG_USE
    assert f" is {file}; expected a file ending in " in said
    assert known in said
    assert files() == []


def test_no_half_file_is_left(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one stays where writing fails, and no other appears."""
    Path("p.csv").write_text("old")

    def fails(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("segue.cli.predictions.Predictions.to_csv", fails)
    code, said = call("predict MODEL WAVES --out FILE --overwrite", "p.csv")
    assert (code, files(), Path("p.csv").read_text()) == (FAILED, ["p.csv"], "old")
    assert "p.csv could not be written (No space left on device)" in said


def test_a_picture_beside_a_sound_is_a_new_file_or_refused(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.png` alone: its name is that of the sound, which has a free one where none is given."""
    monkeypatch.setattr("segue.cli.listen.PLAYERS", {})
    Path("waves.png").write_text("precious")
    assert call("listen WAVES --samples 1 --picture FILE", ".png")[0] == 0
    assert files() == ["waves-2.png", "waves-2.wav", "waves.png"]
    code, said = call("listen WAVES --samples 1 --out waves.wav --picture FILE", ".png")
    assert code == FAILED
    assert said.startswith("error: waves.png: exists already.")
    assert Path("waves.png").read_text() == "precious"


def test_generate_says_so_before_the_work_too(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is another thing: only one that holds nothing but data is replaced."""
    Path("made").mkdir()
    Path("made", "notes.txt").write_text("precious")
    monkeypatch.setattr("segue.synth.generate", lambda *_, **__: pytest.fail("too late"))
    code, said = call("generate toy FILE", "made")
    assert code == FAILED
    assert "made: is not empty. Choose another folder, or replace it with --overwrite" in said
    assert "more than a data set" in call("generate toy FILE --overwrite", "made")[1]


def test_what_is_in_the_way(tmp_path: Path) -> None:
    """A folder, a link that leads nowhere, a folder that is a file; and what is not."""
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(FileError, match="is a folder; --out expects a file"):
        check_output(tmp_path / "a.csv", overwrite=True)
    (tmp_path / "link.csv").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileError, match="exists already"):
        check_output(tmp_path / "link.csv", overwrite=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="there is no folder"):
        check_output(tmp_path / "file" / "p.csv", overwrite=False)
    with pytest.raises(OptionError, match=r"--to is p\.txt; expected a file ending in \.csv\."):
        check_output(Path("p.txt"), overwrite=False, option="--to", endings=[".csv"])
    check_output(tmp_path / "P.CSV", overwrite=False, endings=[".csv"])
    check_output(None, overwrite=False)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_closed_folder_is_said_before_the_work(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WriteError, match="is read-only"):
        check_output(tmp_path / "p.csv", overwrite=False)
    tmp_path.chmod(0o700)


# -- names that would command the terminal --------------------------------------------------------

HOSTILE = "up\x1b[2J\x9b31m\u202e"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Labels, channels, ids and groups with escape sequences."""
    path = tmp_path / "hostile.csv"
    rows = [
        f"id{n}{HOSTILE},{t},{HOSTILE if n % 2 else 'down'},{n * 0.1 + t}\n"
        for n in range(12)
        for t in range(6)
    ]
    path.write_text(f"id,time,label,a{HOSTILE}\n" + "".join(rows), encoding="utf-8")
    return path


def test_no_name_commands_the_terminal(
    hostile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever command shows it: escape sequences are written out, as `\\x1b`."""
    run = tmp_path / "run"
    commands = [
        ["data", "show", str(hostile)],
        ["fit", str(hostile), "--network", "gru(2)", "--epochs", "1", "--out", str(run)],
        ["evaluate", str(run), str(hostile), "--all"],
        ["view", str(hostile)],
        ["listen", str(hostile), "--out", str(tmp_path / "heard.wav")],
        ["fit", str(hostile), "--column-label", f"no{HOSTILE}"],
        ["predict", str(run), str(tmp_path / f"none{HOSTILE}")],
    ]
    for command in commands:
        main(command)
        said = capsys.readouterr()
        for text in (said.out, said.err):
            assert not {"\x1b", "\x9b", "\u202e"} & set(text), command
        if command[0] != "view":
            assert "\\x1b[2J" in said.out + said.err, command


def test_values_are_altered_on_a_terminal_only(
    hostile: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file or another program gets ids and labels as they came, so that a join works."""
    run = tmp_path / "run"
    main(["fit", str(hostile), "--network", "gru(2)", "--epochs", "1", "--out", str(run)])
    capsys.readouterr()
    main(["predict", str(run), str(hostile)])
    assert f"id0{HOSTILE}" in capsys.readouterr().out
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True, raising=False)
    main(["predict", str(run), str(hostile)])
    assert "\x1b[2J" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("segue f", "fit"),
        ("segue study gr", "grid"),
        ("segue fit --sched", "--schedule"),
        ("segue fit --schedule co", "cosine\nconstant"),
        ("segue fit japa", "japanese-vowels"),
        ("segue fit --network bil", "bilstm("),
        ("segue runs comp", "compare"),
        ("segue runs --so", "--sort"),
        ("segue runs somewhere --sort val", "validation"),
        ("segue runs some-fo", ""),
        ("segue fit some-fi", ""),  # where nothing is offered the shell completes files
    ],
)
def test_a_shell_completes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: str, offered: str
) -> None:
    monkeypatch.setenv("_SEGUE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed.replace(" ", "\n"))
    monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
    main([])
    assert capsys.readouterr().out.strip() == offered
