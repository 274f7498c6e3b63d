"""What every test may count on: seeded, without network, with the data sets where they lie."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from _pytest.doctest import DoctestModule

# A shell that starts this in the background lets it ignore Ctrl-C, which tests are about.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
if _SHARED.is_dir():
    os.environ.setdefault("SEGUE_DATA", str(_SHARED))

# The same examples on every run; no deadline, because a shared processor is slow now and then.
hypothesis.settings.register_profile("segue", derandomize=True, deadline=None, max_examples=60)
hypothesis.settings.register_profile(
    "quick", hypothesis.settings.get_profile("segue"), max_examples=10
)


CASES = 3  # of a test that are quick, whatever follows


def pytest_configure(config: pytest.Config) -> None:
    """A quick run tries fewer examples."""
    is_quick = config.getoption("markexpr") == "not slow"
    hypothesis.settings.load_profile("quick" if is_quick else "segue")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Look for examples in docstrings in the source only: each module of tests was read twice."""
    found = yield
    return [each for each in found if not isinstance(each, DoctestModule)]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test with many cases, those behind the first three are quick each twelfth time.

    Of a test that is `sampled(n)`, each n-th case is quick. All others are slow.
    """
    cases: Counter[str] = Counter()
    for item in items:
        test = item.nodeid.partition("[")[0]
        sampled, number = item.get_closest_marker("sampled"), cases[test]
        cases[test] += 1
        if number % sampled.args[0] if sampled else number >= CASES and number % 12:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """Search for garbage less often, and not in what was imported: it stays until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)


@pytest.fixture
def holds_less() -> Callable[[int, Callable[[], Any]], bool]:
    """Whether a call holds less than so many bytes at any moment; else it is called once more.

    What the whole process holds is counted, and Python's table of interned strings, which grows by
    each new name of a file, doubles now and then: 8 MB at once, for whoever adds the last one.
    """

    def peak(call: Callable[[], Any]) -> int:
        tracemalloc.start()
        try:
            call()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return lambda most, call: peak(call) < most or peak(call) < most


@pytest.fixture
def data_folder() -> Callable[[str], Path]:
    """Give the path of a data set below SEGUE_DATA, or skip the test when it is not there."""

    def find(name: str) -> Path:
        path = Path(os.environ.get("SEGUE_DATA", "")) / name
        if not os.environ.get("SEGUE_DATA") or not path.exists():
            pytest.skip(
                f"the data set {name} is not there; SEGUE_DATA names the folder that has it"
            )
        return path

    return find


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse every connection that leaves this machine."""
    connect = socket.socket.connect

    def only_here(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise RuntimeError(f"a test asked for the network: {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", only_here)
        yield


@pytest.fixture(scope="session")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Keras on PyTorch; the backend is chosen once, when it is imported."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        module = pytest.importorskip("keras", reason="keras is not installed")
        if module.config.backend() != "torch":
            pytest.skip("keras was imported with another backend before")
        yield module
    torch.set_num_threads(before)


@pytest.fixture
def empty_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave pictures empty: to draw them takes most of the time of a report or a study."""
    from matplotlib.figure import Figure

    def savefig(figure: Figure, target: Any, **more: Any) -> None:
        write = target.write if hasattr(target, "write") else Path(target).write_text
        write("<svg></svg>")

    monkeypatch.setattr(Figure, "savefig", savefig)


@pytest.fixture(scope="module")
def short_reports() -> Iterator[Callable[..., None]]:
    """Write a line in place of a report, which takes nine tenths of a small run."""
    from segue import Evaluation
    from segue.atomic import write_text

    def to_html(self: Evaluation, path: str | Path, **more: Any) -> None:
        write_text(path, "<html></html>")

    whole = Evaluation.to_html
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Evaluation, "to_html", to_html)
        yield whole


@pytest.fixture
def whole_reports(
    empty_pictures: None, short_reports: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ask for reports in a room whose tests go without (`short_reports`)."""
    monkeypatch.setattr("segue.Evaluation.to_html", short_reports)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a disk of one megabyte; skipped where this user may not mount one."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only the superuser can mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


# -- runs -----------------------------------------------------------------------------------------

_RECORD: dict[str, Any] = {
    "format": 1,
    "source": "/data/waves",
    "date": "2026-11-27T18:47:02Z",
    "settings": {"network": "gru(4)", "seed": 0},
    "options": {},
}
_METRICS: dict[str, Any] = {
    "task": "classify",
    "part": "test",
    "sequences": 20,
    "classes": list("abcdefghij"),
    "accuracy": 0.75,
    "accuracy_interval": [0.5, 0.9],
    "confusion": [[2] * 10] * 10,
    "baseline": {"class": "a", "accuracy": 0.1},
    "baselines": {"majority baseline": {"accuracy": 0.1, "meaning": "always 'a'"}},
    "seconds": 12.5,
    "epochs": 30,
    "stopped": "finished",
    "kept": {"epoch": 22, "loss": 0.1, "validation_loss": 0.2, "validation_accuracy": 0.8},
}


@pytest.fixture
def made_run() -> Callable[..., Path]:
    """Make the folder of a run that was never trained: the files that a list of runs reads."""

    def make(folder: str | Path, metrics: dict[str, Any] | None = None, **record: Any) -> Path:
        path = Path(folder)
        path.mkdir(parents=True)
        for name, values in {
            "run.json": {**_RECORD, **record},
            "metrics.json": {**_METRICS, **(metrics or {})},
        }.items():
            (path / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        (path / "model.safetensors").touch()
        return path

    return make


@pytest.fixture
def working_on() -> Callable[[Path], AbstractContextManager[None]]:
    """Let another process work on what is in a folder, for as long as a block lasts."""
    code = (
        "import sys; from pathlib import Path; from segue.atomic import locked\n"
        "with locked(Path(sys.argv[1]), 'run'): print('locked', flush=True); sys.stdin.read()"
    )

    @contextmanager
    def work(folder: Path) -> Iterator[None]:
        words = [sys.executable, "-c", code, folder]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.readline()
            yield
            process.stdin.close()

    return work
