"""A mistake ends in one clear message and an exit code; nothing half-written is left behind."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue.__main__ import main as program
from segue.cli import FAILED, INTERRUPTED, WRONG_USE, _command, _flags, in_flags, main

SEGUE = Path(sys.executable).with_name("segue")


@pytest.fixture
def place(tmp_path: Path, waves: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as working directory, with an empty folder and files that are no models."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "waves").symlink_to(waves)
    (tmp_path / "noise.safetensors").write_bytes(b"\x00\x01 this is not a model")
    (tmp_path / "data.bin").write_bytes(b"1234")
    (tmp_path / "nan_TRAIN.npz").symlink_to(_write_nan(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _write_nan(folder: Path) -> Path:
    path = folder / "nan.npz"
    np.savez(path, x=np.full((8, 5, 1), np.inf), y=np.arange(8) % 2)
    return path


# The words after `segue`, the exit code, and what the message must say.
MISTAKES = [
    ("", WRONG_USE, "Usage"),
    ("ft", WRONG_USE, "error: there is no command 'ft'. Did you mean `segue fit`?"),
    ("trian waves", WRONG_USE, "Did you mean `segue fit`?"),
    ("study grd waves", WRONG_USE, "Did you mean `segue study grid`?"),
    ("score MODEL waves", WRONG_USE, "Did you mean `segue evaluate`?"),
    (
        "fit waves --netwrk gru(2)",
        WRONG_USE,
        "there is no option --netwrk. Did you mean --network?",
    ),
    ("fit waves --lr 0.1", WRONG_USE, "Did you mean --learning-rate?"),
    ("fit waves --optimiser sgd", WRONG_USE, "Did you mean --optimizer?"),
    ("fit waves --model gru(2)", WRONG_USE, "Did you mean --network?"),
    ("fit waves --epochs", WRONG_USE, "error: --epochs needs a value: --epochs N."),
    ("predict MODEL", WRONG_USE, "error: Missing argument 'SOURCE'.\nUsage: segue predict"),
    (
        "view waves more",
        WRONG_USE,
        "error: unexpected 'more'. A value with spaces stands in quotes",
    ),
    ("fit waves —-epochs 3", WRONG_USE, "An option begins with two hyphens: --epochs."),
    ("fit waves -epochs 3", WRONG_USE, "there is no option -epochs. Did you mean --epochs?"),
    ("fit waves -b 3", WRONG_USE, "Did you mean --batch-size or --by?"),
    ("fit waves --report r.html", WRONG_USE, "no option --report. `segue evaluate` has it."),
    ("predict MODEL waves --epochs 3", WRONG_USE, "`segue fit`, `segue study learning-curve`"),
    ("fit waves --seeds=-1", WRONG_USE, "--seeds is '-1'; expected a whole number from 1 on."),
    ("fit waves --epochs 3,5", WRONG_USE, "--epochs is '3,5'; expected a whole number."),
    ("fit waves --learning-rate 0,01", WRONG_USE, "'0,01'; expected a number, such as 0.01."),
    ("network gru(2) --on waves --framework keras", WRONG_USE, "--framework is 'keras'. Known:"),
    ("evaluate MODEL waves --report r.pdf", WRONG_USE, "expected a file ending in .html"),
    ("network gru(2)", WRONG_USE, "add --on SOURCE"),
    ("network MODEL", WRONG_USE, "is no layers; expected such as"),
    ("network gru(2) --on waves --out net.doc", WRONG_USE, "expected a file ending in .py"),
    ("fit waves --epochs many", WRONG_USE, "--epochs"),
    ("fit waves --epochs 0", WRONG_USE, "--epochs"),
    ("fit waves --limit 0", WRONG_USE, "--limit"),
    ("fit", WRONG_USE, "Give a SOURCE, or a run or study to go on with: --resume DIR."),
    ("fit waves --resume empty", WRONG_USE, "Give a SOURCE or --resume, not both: what empty was"),
    ("study grid waves --resume empty", WRONG_USE, "Leave out waves, or, to begin anew with it,"),
    ("fit waves --network lstmm(3)", WRONG_USE, 'Did you mean "lstm"?'),
    ("fit waves --network lstm(3", WRONG_USE, "lstm(3"),
    ("fit waves --network=", WRONG_USE, "the network has no layer: name one or several"),
    ("fit waves --network Sequential([LSTM(3)])", WRONG_USE, "layers stand one after the other"),
    ("fit waves --network model.add(LSTM(3))", WRONG_USE, "layers stand one after the other"),
    ("fit waves --network keras.layers.LSTM(3)", WRONG_USE, 'Did you mean "lstm"?'),
    ("fit waves --network tf.keras.layers.Add(3)", WRONG_USE, "write residual(layers)"),
    ("fit waves --network nn.LSTM(1,3)", WRONG_USE, 'Did you mean "lstm"?'),
    ("fit waves --class-weight auto", WRONG_USE, "is 'auto'; expected 'balanced'.\n"),
    ("fit waves --option learning_rate=3", WRONG_USE, "write --learning-rate, which is an option"),
    ("fit waves --option lr=3", WRONG_USE, "write --learning-rate, which is an option"),
    ("fit https://example.org/a.csv", FAILED, "An address is not read: download it"),
    ("view s3://bucket/a.csv", FAILED, "An address is not read: download it"),
    ("fit data/*.csv", FAILED, "A pattern is not filled in: give the folder"),
    ("fit waves data.bin", WRONG_USE, "for several files give the folder that holds them"),
    ("fit --resume data.bin", WRONG_USE, "data.bin, a file; expected the folder of a run or study"),
    ("study grid --resume MODEL/run.json", WRONG_USE, "run.json, a file; expected the folder"),
    ("fit MODEL", WRONG_USE, "is a run, and no data: `segue evaluate "),
    ("view MODEL/model.safetensors", WRONG_USE, "is a run, and no data: `segue evaluate "),
    ("predict MODEL MODEL", WRONG_USE, "is a run, and no data: `segue evaluate "),
    ("fit waves --prepare standardise", WRONG_USE, 'Did you mean "standardize"?'),
    ("fit waves --optimizer adm", WRONG_USE, 'Did you mean "adam"?'),
    ("fit waves --schedule fast", WRONG_USE, "--schedule is 'fast'"),
    ("fit waves --device tpu", WRONG_USE, "tpu"),
    ("fit waves --learning-rate -1", WRONG_USE, "--learning-rate is -1.0; expected a number above"),
    ("fit waves --test 2", WRONG_USE, "--test is '2'; expected a number between 0 and 1, or none."),
    ("fit waves --validation all", WRONG_USE, "--validation is 'all'; expected a number between"),
    ("fit waves --class-weight balance", WRONG_USE, "balance"),
    ("study", WRONG_USE, "Usage"),
    ("study learning-curve", WRONG_USE, "Give a SOURCE, or a run or study to go on with"),
    (
        "study learning-curve waves --sizes 10,many",
        WRONG_USE,
        "--sizes is '10,many'; expected whole",
    ),
    ("study learning-curve waves --sizes 10,400", FAILED, "--sizes has 400, and there are 40"),
    ("study learning-curve waves --network lstmm(3)", WRONG_USE, 'Did you mean "lstm"?'),
    ("study learning-curve --resume empty", FAILED, "is not the folder of a study"),
    ("study grid waves", WRONG_USE, "Give at least one --network, or --set NAME=A,B,..."),
    (
        "study grid waves --set learning_rate",
        WRONG_USE,
        "--set learning_rate; expected name=value",
    ),
    ("study grid waves --set patiense=5", WRONG_USE, "has no parameter 'patiense'"),
    ("study grid waves --set epochs=0,1", WRONG_USE, "--epochs is 0"),
    ("fit waves --initial nowhere", FAILED, "nowhere: there is no such model"),
    ("fit waves --initial MODEL --seeds 2", WRONG_USE, "Leave one of the two out."),
    ("fit waves --monitor los", WRONG_USE, 'Did you mean "loss"?'),
    ("fit waves --frozen lstm_9", WRONG_USE, "lstm_9"),
    (
        "fit waves --option clip=1",
        WRONG_USE,
        "training has no option 'clip'. Did you mean \"clip_norm\"?",
    ),
    ("fit waves --option clip_norm", WRONG_USE, "expected name=value, such as --option clip_norm="),
    ("fit waves --option clip_norm=-1", WRONG_USE, "`clip_norm` is -1; expected more than 0"),
    (
        "fit waves --option patience=3 --patience 3",
        WRONG_USE,
        "patience of training is given twice",
    ),
    ("fit nowhere", FAILED, "There is no file, folder or named data set 'nowhere'"),
    ("fit japanese-vowel", FAILED, 'Did you mean "japanese-vowels"?'),
    ("fit empty", FAILED, "empty"),
    ("fit data.bin", FAILED, "data.bin"),
    ("fit waves --out waves", FAILED, "is not empty, and a run is never overwritten"),
    ("fit waves --out data.bin", FAILED, "data.bin: is a file; expected a folder for the run."),
    ("fit waves --out data.bin/run", FAILED, "data.bin/run could not be made"),
    ("fit nan.npz", FAILED, "inf"),
    ("fit --resume MODEL --epochs 50", WRONG_USE, "--epochs would change what --resume continues"),
    (
        "fit --resume MODEL --epochs 50 --optimizer sgd --network gru(9) --refit --time-limit 0",
        WRONG_USE,
        "--network and --epochs and --optimizer and --refit would change",
    ),
    ("fit --resume MODEL --limit 3 --out o", WRONG_USE, "--limit and --out would change"),
    (
        "fit --resume MODEL --column-label y --read rate=8 --drop-missing",
        WRONG_USE,
        "--column-label and --drop-missing and --read rate=... would change",
    ),
    (
        "study learning-curve --resume waves --seeds 3 --watch-test",
        WRONG_USE,
        "--seeds and --watch-test would change what --resume continues",
    ),
    (
        "study grid --resume waves --set units=1,2 --network gru(2) --workers 1",
        WRONG_USE,
        "--network and --set would change",
    ),
    ("fit --resume nowhere", FAILED, "nowhere: there is no such folder."),
    ("fit --resume empty", FAILED, "empty: is not a run: it has no run.json."),
    ("evaluate nowhere waves", FAILED, "nowhere: there is no such model; expected a run's folder"),
    ("evaluate empty waves", FAILED, "empty: holds no model.safetensors"),
    ("evaluate noise.safetensors waves", FAILED, "noise.safetensors"),
    ("evaluate MODEL japanese-vowels", FAILED, "these sequences have 12"),
    ("evaluate MODEL waves --part tset", FAILED, 'Did you mean "test"?'),
    ("evaluate MODEL waves --report data.bin/r.html", FAILED, "r.html could not be written"),
    ("predict noise.safetensors waves", FAILED, "noise.safetensors"),
    ("predict MODEL nowhere", FAILED, "nowhere"),
    ("predict MODEL japanese-vowels", FAILED, "trained on 1 channel; these sequences have 12"),
    ("predict MODEL waves --out data.bin/p.csv", FAILED, "p.csv could not be written"),
    ("view nowhere", FAILED, "nowhere"),
    ("view waves --out picture.xyz", WRONG_USE, "expected a file ending in"),
    ("view waves --samples 0", WRONG_USE, "--samples"),
    ("generate wave out", WRONG_USE, 'Did you mean "waves"?'),
    ("generate waves out --kinds sine,sqare", WRONG_USE, 'Did you mean "square"?'),
    ("generate waves out --count -3", WRONG_USE, "-3"),
    ("generate toy out --length 3", WRONG_USE, "toy has no option 'length'"),
    ("generate waves out --format csv", WRONG_USE, "There is no format 'csv'"),
    ("generate waves waves", FAILED, "waves: is not empty"),
    ("generate waves data.bin", FAILED, "data.bin"),
    ("data show nowhere", FAILED, "nowhere"),
    ("data", WRONG_USE, "Usage"),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[0] or "nothing")
def test_a_mistake_is_one_message(
    place: Path, model: Path, capsys: pytest.CaptureFixture[str], mistake: tuple[str, int, str]
) -> None:
    words, code, message = mistake
    before = sorted(place.rglob("*"))
    came = main(words.replace("MODEL", str(model)).split())
    out, err = capsys.readouterr()
    assert came == code, out + err
    assert message in err
    assert "Traceback" not in err
    assert "bug in segue" not in err
    assert [path for path in sorted(place.rglob("*")) if path.name != "runs"] == before
    assert not list(place.glob("runs/*")), "a run that learnt nothing leaves no folder"


RECORDING = "time,x,y\n" + "".join(f"{step},{step % 7}.5,0.25\n" for step in range(900))


@pytest.mark.parametrize(
    ("command", "advised"),
    [
        ("fit", "--column-label NAME; to learn how sequences go on: --task forecast"),
        ("fit --task classify", "--window 128. Where rows are of several sequences, name the"),
        ("fit --task classify", "column that tells them apart: --column-id NAME."),
        ("study grid --network gru(2) --task classify", "--read window=128"),
        ("view --column-id who", "--column-id who: there is no such column."),
        ("view --column-time time --column-label x", "or none (--column-label none)."),
    ],
)
def test_advice_has_the_options_of_the_command_at_hand(
    place: Path, capsys: pytest.CaptureFixture[str], command: str, advised: str
) -> None:
    (place / "one.csv").write_text(RECORDING)
    words = command.split()
    at = 2 if words[0] == "study" else 1
    assert main([*words[:at], "one.csv", *words[at:]]) in {FAILED, WRONG_USE}
    err = " ".join(capsys.readouterr().err.split())
    assert advised in err
    assert "Python" not in err


def test_no_command_offers_an_option_that_it_does_not_have(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever arguments of Python a message advises."""
    names = "epochs validation clip_norm window layout label task size seed out stride part"
    advice = "; ".join(f"{name}=3, or `{name}`" for name in names.split())
    for path, flags in _flags(_command()):
        main([*path.split()[1:], "--nonsense"])
        offered = in_flags(advice)
        assert set(re.findall(r"--[a-z-]+", offered)) <= {*flags}, path
        assert ("--epochs 3" in offered) == ("--epochs" in flags), path
        assert ("--option clip_norm=3" in offered) == ("--option" in flags), path
    capsys.readouterr()


def test_debug_shows_the_traceback(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "nowhere", "--debug"]) == FAILED
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "DataNotFoundError" in err


def test_a_bug_is_called_one(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise TypeError("an int has no length")

    monkeypatch.setattr("segue.readers.read", broken)
    assert main(["view", "waves"]) == FAILED
    err = capsys.readouterr().err
    assert err.startswith("error: TypeError: an int has no length\nThis should not happen")


def test_an_interrupted_command_says_so(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("segue.readers.read", interrupted)
    assert main(["view", "waves"]) == INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_an_error_that_came_of_an_interrupt_is_none(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that is interrupted within C ends in an ImportError."""

    def broken(*_: object, **__: object) -> None:
        raise ImportError("numpy failed")

    monkeypatch.setattr("segue.readers.read", broken)
    assert main(["view", "waves"], was_interrupted=lambda: True) == INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_an_interrupt_at_the_very_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes just before further ones are ignored."""
    ignored: list[int] = []

    def set_handler(number: int, handler: Any) -> None:
        if handler is signal.SIG_IGN:
            ignored.append(number)
            if len(ignored) == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(signal, "signal", set_handler)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr("segue.cli.main", lambda **_: 0)
    try:
        assert program() == INTERRUPTED
    except KeyboardInterrupt:
        pytest.fail("it escaped")
    assert capsys.readouterr().err == "interrupted\n"
    assert ignored == [signal.SIGINT] * 2


def test_little_is_imported_before_an_interrupt_is_answered() -> None:
    """Before, a Ctrl-C is Python's: with its traceback."""
    code = "import sys; import segue.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "segue" in done.stdout, done.stderr
    assert {"segue.errors", "typing", "re"}.isdisjoint(done.stdout.split())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_behind_standard_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["--version"]) == FAILED
    said = "error: standard output could not be written (No space left on device).\n"
    assert capsys.readouterr().err == said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_an_interrupt_is_one_line_at_any_moment() -> None:
    """The short form of `bench/faults.py interrupts`."""
    driver = Path(__file__).resolve().parents[2] / "bench" / "faults.py"
    words = ["interrupts", "--count", "2", "--commands", "resume,predict,network,study,help"]
    done = subprocess.run([sys.executable, driver, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 wrong" in done.stdout


def test_a_warning_is_one_line(
    place: Path, model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    np.savez(tmp_path / "more.npz", x=np.zeros((4, 16, 1)), y=[0, 1, 2, 1])
    assert main(["evaluate", str(model), "more.npz"]) == 0
    (line,) = [text for text in capsys.readouterr().err.splitlines() if "warning" in text]
    assert line.startswith("warning: ")
    assert "UserWarning" not in line


def test_with_json_standard_output_is_json_and_nothing_else(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is printed below Python counts too."""
    assert main("fit waves --network gru(2) --epochs 2 --json".split()) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["metrics"]["part"] == "test"
    assert "epoch 1/2" in err
    assert main(["view", "nowhere", "--json"]) == FAILED
    assert capfd.readouterr().out == ""


@pytest.mark.slow
def test_an_interrupted_training_is_evaluated_and_can_be_resumed(place: Path) -> None:
    words = ["fit", "waves", "--network", "bilstm(64)", "--epochs", "100000", "--out", "run"]
    history = place / "run" / "history.jsonl"
    with _started([*words, "--schedule", "constant"]) as process:
        _wait_for((place / "run" / "checkpoint" / "state.safetensors").exists)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"interrupted" in out
    assert b"Traceback" not in err
    assert (place / "run" / "report.html").is_file()
    assert main(["evaluate", "run", "waves"]) == 0
    rows = _lines(history)
    with _started(["fit", "--resume", "run"]) as resumed:
        _wait_for(lambda: _lines(history) > rows)
        resumed.send_signal(signal.SIGINT)
        _, err = resumed.communicate(timeout=60)
    assert resumed.returncode == 130, err


@contextmanager
def _started(words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A command that hears Ctrl-C, also where this process was told to ignore it."""
    process = subprocess.Popen(
        [SEGUE, *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  (no threads have been started here)
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def _wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.1)
