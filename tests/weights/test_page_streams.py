"""The examples of source and of standard input on the page "Where your model can go"."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import segue
from segue.cli import INTERRUPTED, main

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "how-to" / "where-your-model-can-go.md"
Scripts = Callable[[str, str], list[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples run: with a run on waves of one channel, x, and its source."""
    home = tmp_path_factory.mktemp("page")
    waves = segue.synth.waves(40, length=16)
    rows = [
        f"{n},{t},{v},{waves.y[n]}" for n, x in enumerate(waves.x) for t, v in enumerate(x[:, 0])
    ]
    (home / "waves.csv").write_text("id,time,x,label\n" + "\n".join(rows) + "\n")
    words = ["--network", "gru(4)", "--epochs", "1", "--out", str(home / "run")]
    assert main(["fit", str(home / "waves.csv"), *words]) == 0
    assert main(["export", str(home / "run"), str(home / "gestures.py"), "--to", "python"]) == 0
    return home


def scripts(heading: str, language: str) -> list[str]:
    """The blocks of a language below a heading."""
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    own = next(part for part in sections if part.startswith(heading))
    return re.findall(rf"```{language}\n(.*?)```", own, re.DOTALL)


def run(script: str, folder: Path) -> str:
    """Run an example where `segue` is a command; its output."""
    (folder / "example.py").write_text(script, encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "example.py"],
        cwd=folder, capture_output=True, text=True, env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_source_answers(folder: Path) -> None:
    answer, export = scripts("Python source", "python")
    assert re.fullmatch(r"\[\S+, \S+\]\n", run(answer, folder))
    pytest.importorskip("onnx")
    run(export, folder)
    assert (folder / "theirs.onnx").exists()


@pytest.mark.slow
def test_lines_are_answered(folder: Path) -> None:
    """By the shell, and from a process that stays."""
    (shell,) = scripts("Standard input", "bash")
    python = Path(sys.executable).parent
    script = f"set -e -o pipefail\nexport PATH={python}:$PATH\n{shell}"
    subprocess.run(["bash", "-c", script], cwd=folder, check=True, capture_output=True)
    streamed = (folder / "answers.csv").read_text().splitlines()
    assert [line[:4] for line in streamed] == ["id,s", "a,0,", "b,0,", "a,1,", "b,1,"]
    rows = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 1, 0]
    whole = (folder / "whole.csv").read_text().splitlines()
    assert len(whole) == 3
    assert whole[1].split(",")[-2:] == streamed[3].split(",")[-2:]  # of a, after both steps
    (process,) = scripts("Standard input", "python")
    assert len(run(process, folder).split()) == 3


@pytest.mark.slow
def test_the_container_calls_what_there_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Docker is not at hand: its entry point is called as it would call it."""
    files = scripts("A container", "dockerfile")
    assert len(files) == 2
    model = str(folder / "model.onnx")
    assert main(["export", str(folder / "run"), model, "--to", "onnx", "--overwrite"]) == 0
    for text in files:
        assert "COPY dist /dist\nRUN pip install --no-cache-dir /dist/*.whl" in text
        own, there = re.findall(r"^COPY (\S+) (/model\S+)$", text, re.MULTILINE)[0]
        words = json.loads(text.partition("ENTRYPOINT ")[2])
        assert words[0] == "segue"
        words = [str(folder / own) if word == there else word for word in words[1:]]
        command = [sys.executable, "-m", "segue", *words]
        table = "id,time,x\na,0,0.1\na,1,0.4\n"
        done = subprocess.run(command, input=table, capture_output=True, text=True, check=True)
        assert done.stdout.startswith("id,prediction,probability_")


def test_the_page_of_promises_names_what_there_is() -> None:
    """Each file of tests exists, and has the tests that are named behind it."""
    text = (DOCS / "explanation" / "tested-promises.md").read_text(encoding="utf-8")
    root, found = DOCS.parent, 0
    files = set(re.findall(r"`((?:tests|bench)/[\w/]+\.py)", text))
    files |= set(re.findall(r"`python (bench/\w+\.py)", text))
    whole = "".join((root / name).read_text(encoding="utf-8") for name in sorted(files))
    for name in re.findall(r"`(test_\w+)`", text):
        assert f"def {name}(" in whole, name
        found += 1
    assert len(files) > 30
    assert found > 12
    assert re.findall(r"^## (\d)\.", text, re.MULTILINE) == list("123456789")


def test_as_the_first_process_of_a_container_it_ends_when_it_is_asked_to(folder: Path) -> None:
    """The system gives the first process no SIGTERM that it does not handle."""
    if os.name != "posix" or shutil.which("unshare") is None:
        pytest.skip("there is no `unshare`, which makes a first process")
    model = str(folder / "run" / "model.safetensors")
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "segue"]
    if subprocess.run([*command[:3], "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make a first process")
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, "predict", model, "-"], stdin=pipe, stderr=pipe) as outer:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
        try:
            for _ in range(200):  # until it handles it
                time.sleep(0.1)
                for child in children.read_text().split():
                    os.kill(int(child), signal.SIGTERM)
                if outer.poll() is not None:
                    break
            assert outer.poll() == INTERRUPTED
            assert outer.stderr is not None
            assert outer.stderr.read() == b"interrupted\n"
        finally:
            outer.kill()
