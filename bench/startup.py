"""What segue takes to start, in processor seconds, by turns beside bare imports.

A bidirectional LSTM is trained on the Japanese Vowels; then each of these processes runs in turn,
so many times: the imports of other packages that `segue predict` needs, `import segue`, `segue
--help`, a prediction of five sequences of a CSV file, a training of one epoch with its scores and
report, and of six, which tells what an epoch takes.

    python bench/startup.py [--times 9] [--beside COMMIT] [--only predict]

`imports as used` are those of the packages together with what a command takes of them: the
functions of Arrow, a schema of pydantic, an option of typer.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import segue
from segue.training.setup import processor

ROOT = Path(__file__).resolve().parents[1]
# As an installed package has it, whatever the environment says: a tree without bytecode is compiled
# anew by each process, which costs a quarter of a second.
BYTECODE = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": "bytecode"}
BARE = "import numpy, pyarrow.csv, pydantic, typer, rich, safetensors"
USED = f"{BARE}, pyarrow.compute\ntyper.run(lambda count=1: pydantic.TypeAdapter(list[int]))"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--beside", metavar="COMMIT", help="another state of the code, by turns")
    parser.add_argument("--only", default="", help="processes with this word, and the imports")
    arguments = parser.parse_args()
    print(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_files(place)
        commits = [None, arguments.beside] if arguments.beside else [None]
        sources = {"" if c is None else f", {c}": source_of(c, place) for c in commits}
        for turn in range(arguments.times + 1):
            for which, source in sources.items():
                for name, words in processes(arguments.only).items():
                    used = measured(words, source, place)
                    if turn > 0:  # the first one writes bytecode
                        seconds.setdefault(name + which, []).append(used)
    print(f"{'processor seconds':36}{'median':>8}{'least':>8}{'most':>8}")
    for name, values in seconds.items():
        print(f"{name:36}{statistics.median(values):8.2f}{min(values):8.2f}{max(values):8.2f}")


def make_files(place: Path) -> None:
    """A trained classifier, and a table of five sequences, a row a step."""
    data = segue.read("japanese-vowels")
    model = segue.SequenceClassifier("bilstm(100)", epochs=1).fit(data)
    model.save(place / "model.safetensors")
    x = data.part("test")[:5].x
    ids = np.repeat(np.arange(5), x.lengths)
    header = ",".join(["id", *(f"channel_{number}" for number in range(x.channels))])
    table = np.column_stack([ids, x.values])
    np.savetxt(
        place / "five.csv", table, ["%d"] + ["%.6f"] * x.channels, ",", header=header, comments=""
    )


def source_of(commit: str | None, place: Path) -> Path:
    """The code of a commit, with the native library of this tree; `None`: this tree."""
    if commit is None:
        return ROOT / "src"
    packed = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, capture_output=True)
    packed.check_returncode()
    subprocess.run(["tar", "-x"], cwd=place, input=packed.stdout, check=True)
    for library in (ROOT / "src/segue/kernels").glob("libsegue.native.*"):
        shutil.copy(library, place / "src/segue/kernels")
    return place / "src"


def processes(only: str) -> dict[str, list[str]]:
    """The words after `python` of each process, of those with a word and the imports."""
    command = ["-m", "segue"]
    fit = [*command, "fit", "japanese-vowels", "--network", "bilstm(100)", "--out", "run"]
    found = {
        "bare imports": ["-c", BARE],
        "imports as used": ["-c", USED],
        "import segue": ["-c", "import segue"],
        "segue --help": [*command, "--help"],
        "segue predict, five sequences": [*command, "predict", "model.safetensors", "five.csv"],
        "segue fit, one epoch": [*fit, "--epochs", "1"],
        "segue fit, six epochs": [*fit, "--epochs", "6"],
    }
    return {name: words for name, words in found.items() if only in name or "imports" in name}


def measured(words: list[str], source: Path, place: Path) -> float:
    """Processor seconds of a process and of those that it starts."""
    environment = {**os.environ, **BYTECODE, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *words], cwd=place, env=environment, capture_output=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(place / "run", ignore_errors=True)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
