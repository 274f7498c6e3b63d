"""Stop a training before each of its file operations, or at any moment; let the disk fail.

    python bench/faults.py kill      SIGKILL before every file operation in turn
    python bench/faults.py errors    ENOSPC, EACCES, EIO and short writes at every file operation
    python bench/faults.py moments   SIGKILL at random moments, over networks and options
    python bench/faults.py full      a real, small disk with a page more free each time; as root
    python bench/faults.py interrupts   SIGINT at moments of all commands (`interrupts.py`)

Each stopped run is resumed (or the command is given again, where it had not begun), and must end
with the same weights, to the bit, and the same scores as one that was never stopped; what was
learnt before the stop must not be lost. Commands that write a file over an older one must leave
one of the two, whole. `faults.c` (built with `cc`) counts the operations. One process imports
everything and never computes; each attempt is a fork of it.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import importlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import interrupts

HERE = Path(__file__).parent
LIBRARY = "SEGUE_FAULTS"
ERRORS = {"ENOSPC": errno.ENOSPC, "EACCES": errno.EACCES, "EIO": errno.EIO, "short": -1}
REFUSED, FAILED = 3, 4  # exit codes of an attempt: an error of segue, any other

MOMENTS: dict[str, dict[str, Any]] = {
    "lstm": {"network": "lstm(8)"},
    "gru": {"network": "gru(8, dropout=0.2) gru(4)", "schedule": "cosine"},
    "convolution": {"network": "conv(8, 5) batchnorm pool(mean)"},
    "dropout": {"network": "bilstm(4) dropout(0.4) dense(8, relu)", "optimizer": "adamw"},
    "class weights": {"network": "gru(6)", "class_weight": "balanced", "optimizer": "rmsprop"},
    "plateau": {"network": "gru(6)", "schedule": "plateau", "validation": 0.3, "optimizer": "sgd"},
    "early stopping": {
        "network": "rnn(5)", "schedule": "constant", "validation": 0.3, "patience": 2,
    },
    "truncated": {"network": "gru(6)", "truncate": 10},
    "refit": {"network": "gru(6)", "validation": 0.3, "refit": True},
    "accumulate": {"network": "conv(6, 3) gru(4)", "accumulate": 2},
}  # fmt: skip


# -- what is stopped -----------------------------------------------------------------------------


def fit(folder: Path, data: Path, **more: Any) -> None:
    """A run in `folder/run`, begun or resumed."""
    from segue import TrainingOptions, runs
    from segue.errors import FileError

    out = folder / "run"
    if (out / "run.json").exists():
        try:
            runs.resume_run(out)
        except FileError as error:
            if "the run has finished" not in str(error):
                raise
        return
    names = TrainingOptions.__dataclass_fields__
    options = {name: more.pop(name) for name in list(more) if name in names}
    options = TrainingOptions(progress="none", checkpoint_every=0, **options)
    runs.fit_run(data, out=out, **{"network": "gru(4)", "epochs": 3, **more}, options=options)


def study(folder: Path, data: Path) -> None:
    """A learning curve in `folder/run`."""
    import segue
    from segue import studies

    options = segue.TrainingOptions(progress="none", threads=1)
    estimator = segue.SequenceClassifier("rnn(3)", epochs=1, options=options)
    studies.learning_curve(
        estimator, segue.read(data), sizes=[10, 20], seeds=2, folder=folder / "run", workers=1,
        progress="none",
    )  # fmt: skip


def convert(folder: Path, data: Path) -> None:
    """A data set written to `folder/run`, in place of one that is there."""
    import segue
    from segue.readers import write

    write(segue.read(data), folder / "run", format="arrow", overwrite=True)


def save(folder: Path, data: Path) -> None:
    """A fitted model, saved once more."""
    import segue

    segue.load(data.parent / "fitted/model.safetensors").save(folder / "run" / NAME_OF_MODEL)


def write(folder: Path, data: Path, words: str) -> None:
    """A command line that writes into `folder/run`."""
    from segue.cli import main
    from segue.errors import FileError

    names = {"data": data, "model": data.parent / "fitted", "out": folder / "run"}
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main([word.format(**names) for word in words.split(" ")])
    if "bug in segue" in said.getvalue():
        raise RuntimeError(said.getvalue())
    if code:
        raise FileError(said.getvalue())


NAME_OF_MODEL = "again.safetensors"
# Command lines that write files; {out} is a folder, where an older file lies in their place.
FILES = {
    "csv": "predict {model} {data} --overwrite --out {out}/a.csv",
    "jsonl": "predict {model} {data} --overwrite --out {out}/a.jsonl",
    "parquet": "predict {model} {data} --per-step --overwrite --out {out}/a.parquet",
    "page": "evaluate {model} {data} --overwrite --report {out}/a.html",
    "picture": "view {data} --overwrite --out {out}/a.png",
    "sound": "listen {data} --overwrite --out {out}/a.wav --picture .png",
    "diagram": "network gru(4) --on {data} --overwrite --out {out}/a.svg",
    "source": "network gru(4) --on {data} --framework torch --overwrite --out {out}/a.py",
    "mapped": "data convert {data} {out}/a.arrow --overwrite",
}
# The same with data sets, which are folders.
FOLDERS = {
    kind: f"generate waves {{out}} --count 40 --test 20 --length 24 --format {kind} --overwrite"
    for kind in ("dat", "ts", "npz")
}
Given = dict[str, Any]
COMMANDS: dict[str, tuple[Callable[..., None], Given]] = {
    "plain": (fit, {}),
    "seeds": (fit, {"seeds": 2}),
    "refit": (fit, {"validation": 0.3, "refit": True}),
    "resumed": (fit, {"epochs": 4}),
    "study": (study, {}),
    "grid": (write, {"words": "study grid {data} --network rnn(2) --network rnn(3) --seeds 2"
                     " --epochs 1 --workers 1 --out {out}"}),
    "convert": (convert, {}),
    "save": (save, {}),
    **{name: (write, {"words": words}) for name, words in (FILES | FOLDERS).items()},
}  # fmt: skip
REPLACING = {
    "convert",
    "save",
    *FILES,
    *FOLDERS,
}  # what is replaced is there, whole, or what is new


def prepare(name: str, folder: Path, data: Path) -> None:
    """What is there before the command: half a run, an older data set, an older file."""
    function, more = COMMANDS[name]
    run = folder / "run"
    if name == "resumed":
        attempt(function, folder, data, at=90, **more)
        assert (run / "checkpoint").exists()
    if name == "convert":
        attempt(function, folder, data)
    if name in FOLDERS:
        attempt(write, folder, data, words=f"{more['words']} --seed 1")
    if name == "save":
        shutil.copytree(data.parent / "fitted", run)
        (run / "model.safetensors").rename(run / NAME_OF_MODEL)
    if name in FILES:
        run.mkdir()
        for word in more["words"].split():
            if word.startswith("{out}/"):
                Path(word.format(out=run)).write_text("what was there before")


# -- attempts ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ended:
    """How an attempt ended: its exit code, or minus the signal; what it printed; its operations."""

    code: int
    text: str
    count: int


def attempt(
    function: Callable[..., None],
    folder: Path,
    data: Path,
    *,
    at: int = 0,
    how: int = 0,
    once: bool = False,
    seconds: float | None = None,
    **more: Any,
) -> Ended:
    """Call a function in a fork of this process.

    Args:
        function: called with `folder`, `data` and `more`.
        folder: below which file operations count.
        data: the source.
        at: the operation before which something happens, from 1 on; 0: nowhere.
        how: 0: the process is killed; an error number; or -1 for a short write.
        once: whether only this one fails, and not all that follow.
        seconds: kill it after so long.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        code, text = 0, ""
        library = ctypes.CDLL(os.environ[LIBRARY])
        library.faults_count.restype = ctypes.c_long
        try:
            library.faults_arm(str(folder).encode(), ctypes.c_long(at), how, int(once))
            function(folder, data, **more)
        except BaseException as error:
            from segue.errors import SegueError

            code = REFUSED if isinstance(error, SegueError) else FAILED
            text = traceback.format_exc() if code == FAILED else str(error)
            text = str(error) if function is imports_of else text
        count = library.faults_count()
        library.faults_arm(b"", ctypes.c_long(-1), 0, 0)
        os.write(writer, json.dumps([text[-30_000:], count]).encode())
        os._exit(code)
    os.close(writer)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    text, count = json.loads(said) if said else ("", 0)
    return Ended(os.waitstatus_to_exitcode(status), text, count)


def result(folder: Path) -> Any:
    """What must be the same however often it was stopped; times are left out."""
    run = folder / "run"
    found: dict[str, Any] = {str(p): LEFT for p in folder.glob(".run.*")}
    if not run.exists():  # stopped between two renames: the next that writes there brings it back
        run = folder / ".run.old"
    for path in sorted(p for p in run.rglob("*") if p.is_file()):
        name = str(path.relative_to(run))
        if name == ".lock":  # it means nothing without the process that holds it
            continue
        content = path.read_bytes()
        if path.name.startswith("."):
            found[name] = LEFT
        elif content == b"what was there before":
            found[name] = content
        elif path.suffix == ".safetensors":
            found[name] = tensors(path)
        elif path.suffix == ".jsonl":  # to which lines are added: half of one may be at its end
            *lines, rest = content.split(b"\n")
            found[name] = [*(without_times(json.loads(line)) for line in lines), rest]
        elif path.suffix == ".json":
            found[name] = without_times(json.loads(content))
        elif path.suffix in ENDS:  # with times in it
            found[name] = content.rstrip().endswith(ENDS[path.suffix])
        else:
            found[name] = content
    return found


ENDS = {".html": b"</html>", ".svg": b"</svg>"}
LEFT = "left"  # half-written, of a process that was killed: the next that writes there removes it


def tensors(path: Path) -> dict[str, bytes]:
    from segue import tensorfile

    return {name: one.tobytes() for name, one in tensorfile.read(path).tensors.items()}


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        times = ("seconds", "date", "versions", "settings", "source")
        return {k: without_times(v) for k, v in value.items() if k not in times}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def epochs_done(folder: Path) -> int:
    """The epochs that a checkpoint or the model of a run holds."""
    from segue import tensorfile

    most = 0
    for path in folder.glob("run/**/*.safetensors"):
        if not path.name.startswith("."):
            facts = json.loads(tensorfile.read(path).text)
            rows = facts["state"]["rows"] if "state" in facts else facts.get("history", ())
            most = max(most, len(rows))
    return most


@contextlib.contextmanager
def places() -> Iterator[tuple[Path, Path]]:
    """An empty folder for runs, and a small source."""
    from segue import synth
    from segue.readers import write

    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        data = write(
            synth.waves(40, test=20, length=24, phase="random"), root / "data", format="npz"
        )
        if LIBRARY in os.environ:
            attempt(fit, root, data, epochs=1)
            (root / "run").rename(root / "fitted")
        yield root / "work", data


def fresh(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


# -- the drivers ---------------------------------------------------------------------------------


class Report:
    """Counts points, prints and counts what went wrong."""

    def __init__(self) -> None:
        self.points, self.wrong = Counter[str](), 0
        self.told = set[str]()

    def check(
        self, what: str, ended: Ended, folder: Path, expected: Any, *, may_leave: bool = False
    ) -> None:
        """Whether an attempt ended well, with the expected result.

        On a disk that fails it may leave what it could not delete, under a hidden name; the next
        attempt must then take it away.
        """
        found = result(folder) if ended.code == 0 else None
        if found is not None and may_leave:
            found = {name: value for name, value in found.items() if value != LEFT}
        if found == expected:
            return
        why = ended.text
        if found is not None:
            names = [k for k in {**found, **expected} if found.get(k) != expected.get(k)]
            why = f"other results: {', '.join(names)}"
        self.fail(what, why)

    def check_files(self, what: str, folder: Path, states: list[Any] | None) -> None:
        """Whether each file under its final name is whole: as in one of these states, if given."""
        try:
            found = result(folder)
        except (ValueError, OSError) as error:
            self.fail(what, f"a file is damaged: {error}")
            return
        names = {name for one in states or () for name in one}
        wrong = [n for n in names if all(found.get(n) != one.get(n) for one in states or ())]
        wrong += [name for name, value in found.items() if value is False]
        if wrong:
            self.fail(what, f"neither what was there nor what was to be: {', '.join(wrong)}")

    def fail(self, what: str, why: str) -> None:
        self.wrong += 1
        print(f"WRONG {what}: {why.strip()}", flush=True)

    def tell(self) -> None:
        """Print the points of the commands that are done."""
        for name, count in self.points.items():
            if name not in self.told:
                print(f"{name:20} {count:5} points", flush=True)
        self.told |= self.points.keys()

    def end(self) -> int:
        self.tell()
        print(f"{self.points.total()} points, {self.wrong} wrong")
        return 1 if self.wrong else 0


def undisturbed(name: str, folder: Path, data: Path) -> tuple[Ended, Any, list[Any] | None]:
    """A command that nothing stops: how it ended, its result, and what files may hold on the way.

    The last is `None` for those that write a file several times.
    """
    function, more = COMMANDS[name]
    fresh(folder)
    prepare(name, folder, data)
    before = result(folder)
    whole = attempt(function, folder, data, **more)
    assert whole.code == 0, whole.text
    expected = result(folder)
    return whole, expected, [before, expected] if name in REPLACING else None


def kill(report: Report, names: list[str], every: int) -> None:
    """SIGKILL before each operation."""
    with places() as (folder, data):
        for name in names:
            report.tell()
            function, more = COMMANDS[name]
            whole, expected, states = undisturbed(name, folder, data)
            for number in range(1, whole.count + 1, every):
                fresh(folder)
                prepare(name, folder, data)
                killed = attempt(function, folder, data, at=number, **more)
                what = f"{name}, killed before operation {number} of {whole.count}"
                if killed.code != -signal.SIGKILL:
                    report.fail(what, f"it was not killed: {killed}")
                report.check_files(what, folder, states)
                before = epochs_done(folder)
                again = attempt(function, folder, data, **more)
                report.check(what, again, folder, expected)
                if epochs_done(folder) < before:
                    report.fail(what, f"{before} epochs were lost")
                report.points[name] += 1


def errors(report: Report, names: list[str], every: int) -> None:
    """An error of the disk at each operation: once, and from there on."""
    with places() as (folder, data):
        for name in names:
            report.tell()
            function, more = COMMANDS[name]
            whole, expected, states = undisturbed(name, folder, data)
            for kind, number_of in ERRORS.items():
                for once in (True, False) if number_of > 0 else (True,):
                    for number in range(1, whole.count + 1, every):
                        fresh(folder)
                        prepare(name, folder, data)
                        ended = attempt(
                            function, folder, data, at=number, how=number_of, once=once, **more
                        )
                        what = f"{name}, {kind} {'at' if once else 'from'} {number}"
                        if ended.code == 0:
                            report.check(what, ended, folder, expected, may_leave=True)
                        elif ended.code != REFUSED:
                            report.fail(what, ended.text)
                        elif number_of > 0 and os.strerror(number_of) not in ended.text:
                            report.fail(what, f"the cause is not named: {ended.text}")
                        report.check_files(what, folder, states)
                        before = epochs_done(folder)
                        again = attempt(function, folder, data, **more)
                        report.check(f"{what}, again", again, folder, expected)
                        if epochs_done(folder) < before:
                            report.fail(what, f"{before} epochs were lost")
                        report.points[f"{name} {kind}"] += 1


def full(report: Report, names: list[str], every: int) -> None:
    """A disk on which each time a page more is free: so each stage fails in turn."""
    with places() as (folder, data), small_disk() as disk:
        folder, filler = disk / "work", disk / "filler"
        for name in names:
            report.tell()
            function, more = COMMANDS[name]
            _, expected, states = undisturbed(name, folder, data)
            pages = 2 * sum(-(-p.stat().st_size // PAGE) for p in folder.rglob("*") if p.is_file())
            for free in range(0, pages, min(every, max(1, pages // 5))):
                fresh(folder)
                prepare(name, folder, data)
                there = os.statvfs(disk)
                filler.write_bytes(bytes(there.f_bavail * there.f_bsize - free * PAGE))
                ended = attempt(function, folder, data, **more)
                what = f"{name}, {free} pages of {pages} are free"
                if ended.code == 0:
                    report.check(what, ended, folder, expected, may_leave=True)
                elif ended.code != REFUSED or os.strerror(errno.ENOSPC) not in ended.text:
                    report.fail(what, f"the cause is not named: {ended.text}")
                report.check_files(what, folder, states)
                filler.unlink()
                before = epochs_done(folder)
                again = attempt(function, folder, data, **more)
                report.check(f"{what}, again", again, folder, expected)
                if epochs_done(folder) < before:
                    report.fail(what, f"{before} epochs were lost")
                report.points[f"{name} {'done' if ended.code == 0 else 'refused'}"] += 1


PAGE = 4096  # bytes


@contextlib.contextmanager
def small_disk() -> Iterator[Path]:
    """A folder on a disk of two megabytes."""
    with tempfile.TemporaryDirectory() as name:
        mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", name]
        done = subprocess.run(mount, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"no small disk can be mounted here: {done.stderr.strip()}")
        try:
            yield Path(name).resolve()
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def moments(report: Report, count: int, seed: int) -> None:
    """SIGKILL at random moments, up to three times in a run."""
    draws = random.Random(seed)
    with places() as (folder, data):
        for name, more in MOMENTS.items():
            report.tell()
            more = {"epochs": 12, "batch_size": 8, **more}
            fresh(folder)
            began = time.perf_counter()
            whole = attempt(fit, folder, data, **more)
            took = time.perf_counter() - began
            assert whole.code == 0, whole.text
            expected = result(folder)
            for _ in range(-(-count // len(MOMENTS))):
                fresh(folder)
                kills = [draws.uniform(0, took) for _ in range(draws.randint(1, 3))]
                for seconds in kills:
                    attempt(fit, folder, data, seconds=seconds, **more)
                again = attempt(fit, folder, data, **more)
                report.check(f"{name}, killed after {kills} s", again, folder, expected)
                report.points[name] += 1


# -- the process ---------------------------------------------------------------------------------


def build(folder: Path) -> Path:
    """Build the library that is loaded before all others."""
    library = folder / "faults.so"
    source = str(HERE / "faults.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    return library


def with_library(arguments: list[str]) -> int:
    """Run this file in a process that has the library."""
    with tempfile.TemporaryDirectory() as name:
        library = str(build(Path(name)))
        more = {"LD_PRELOAD": library, LIBRARY: library, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, *arguments]
        return subprocess.run(command, env={**os.environ, **more}, check=False).returncode


def imports_of(
    folder: Path, data: Path, called: Callable[..., None], given: dict[str, Any]
) -> None:
    """Call a function, and name the modules that are there afterwards, as an error would."""
    before = set(sys.modules)
    fresh(folder)
    called(folder, data, **given)
    raise RuntimeError(" ".join(sorted(set(sys.modules) - before)))


def import_everything(*, whole_reports: bool) -> None:
    import torch

    from segue import Evaluation, runs, studies  # noqa: F401
    from segue.atomic import write_text
    from segue.estimators import fitting  # noqa: F401

    torch.set_num_threads(1)
    if not whole_reports:
        Evaluation.to_html = lambda self, path, **more: write_text(path, "a report</html>")  # type: ignore[method-assign]
    with places() as (folder, data):  # what is imported late is imported once, not in each fork
        fresh(folder)
        for function, more in COMMANDS.values():
            found = attempt(imports_of, folder, data, called=function, given=more).text
            for name in found.split():
                with contextlib.suppress(Exception):
                    importlib.import_module(name)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("what", choices=["kill", "errors", "moments", "full", "interrupts"])
    parser.add_argument("--commands", help="which, with commas; all if left out")
    parser.add_argument("--every", type=int, default=1, help="each so many operations only")
    parser.add_argument("--count", type=int, default=200, help="random moments")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reports", action="store_true", help="draw whole reports: much slower")
    arguments = parser.parse_args()
    known = interrupts.WORDS if arguments.what == "interrupts" else COMMANDS
    report, names = Report(), (arguments.commands or ",".join(known)).split(",")
    if arguments.what == "interrupts":
        with places() as (folder, data):
            interrupts.run(report, names, folder, data, count=arguments.count, seed=arguments.seed)
        return report.end()
    if LIBRARY not in os.environ:
        return with_library(sys.argv[1:])
    warnings.simplefilter("ignore")
    import_everything(whole_reports=arguments.reports)
    if arguments.what == "moments":
        moments(report, arguments.count, arguments.seed)
    else:
        {"kill": kill, "errors": errors, "full": full}[arguments.what](
            report, names, arguments.every
        )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
