"""What is taken away: files for other programs, checked, and a script that gives the same bits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

import segue
from segue.arguments import ESTIMATORS, declaration
from segue.errors import DataNotFoundError, FileError, OptionError, SpecError
from segue.runs import fit_run
from segue.studio import Project
from segue.studio.lines import _SETTINGS, run_script
from segue.studio.takeaway import OFFERS

QUIET = segue.TrainingOptions(progress="none")


@pytest.fixture
def run(project: Project, waves: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run in the project's folder."""
    monkeypatch.chdir(project.folder)
    made = fit_run(
        waves, network="gru(4) dropout(0.1)", epochs=2, learning_rate=0.02, options=QUIET
    )
    return made.folder.name


@pytest.mark.slow
def test_the_script_of_a_run_trains_to_the_same_bits(project: Project, run: str) -> None:
    taken = project.take(run, "script")
    assert (taken.files, taken.folder) == (("script.py",), f"exports/{run}")
    script = project.file_of(run, "script.py")
    assert "learning_rate=0.02" in script.read_text()
    done = subprocess.run(
        [sys.executable, script], cwd=project.folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    own, again = (
        load_file(project.folder / "runs" / name / "model.safetensors")
        for name in (run, f"{run[:-1]}2")
    )
    assert all((own[name] == again[name]).all() for name in own)
    assert own.keys() == again.keys()


def test_what_a_script_leaves_out_is_every_estimator_s_default() -> None:
    import inspect

    for where in ESTIMATORS.values():
        found = inspect.signature(declaration(*where)).parameters
        for name, value in _SETTINGS.items():
            assert name not in found or found[name].default == value, (where, name)


def test_options_and_reading_stand_in_the_script() -> None:
    record = {
        "source": "/data/a b.csv", "seeds": 3, "initial": None,
        "reading": {"task": "label", "test": None, "limit": 9, "columns": {"label": "x"}},
        "settings": {"network": "lstm(8)", "seed": 4, "device": "auto"},
        "options": {**segue.TrainingOptions(frozen=("a",), clip_norm=None).to_json()},
    }  # fmt: skip
    line = run_script(record).splitlines()[4]
    assert line == (
        "run = fit_run('/data/a b.csv', task='label', test=None, limit=9, columns={'label': 'x'}, "
        "network='lstm(8)', seed=4, seeds=3, "
        "options=segue.TrainingOptions(clip_norm=None, frozen=('a',)))"
    )


def test_model_and_report_are_the_run_s_own(project: Project, run: str) -> None:
    for kind, name in (("model", "model.safetensors"), ("report", "report.html")):
        taken = project.take(run, kind)
        assert (taken.files, taken.folder, taken.report) == ((name,), f"runs/{run}", "")
        assert project.file_of(run, name) == project.folder / "runs" / run / name
    assert not (project.folder / "exports").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*implementation doesn't accept a copy:DeprecationWarning")
@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("torch", {"network.safetensors", "network.py", "network.safetensors.json"}),
        ("python", {"pytorch.py", "pytorch.safetensors", "pytorch.py.json"}),
        ("keras", {"model.keras", "model.keras.json"}),
        ("onnx", {"model.onnx", "model.onnx.json"}),
    ],
)  # fmt: skip
def test_a_model_for_another_program_is_checked_and_said(
    project: Project, run: str, kind: str, files: set[str]
) -> None:
    pytest.importorskip({"keras": "h5py", "onnx": "onnx"}.get(kind, "torch"))
    if kind == "onnx":
        pytest.importorskip("onnxruntime")
    taken = project.take(run, kind)
    assert taken.files[0] == OFFERS[kind].file
    assert set(taken.files) == files
    assert "difference" in taken.report
    assert taken.command.startswith(f"segue export runs/{run} exports/{run}/{OFFERS[kind].file}")
    for name in files:
        assert project.file_of(run, name).is_file()
    assert project.take(run, kind).files == taken.files  # once more, in its place


def test_a_refusal_stands_in_its_own_words_and_leaves_nothing(
    project: Project, waves: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    made = fit_run(waves, network="gru(2)", epochs=1, seeds=2, options=QUIET)
    for kind in ("python", "torch"):
        with pytest.raises(SpecError, match="an ensemble of 2, and such a file has one network"):
            project.take(made.folder.name, kind)
    assert [*(project.folder / "exports" / made.folder.name).iterdir()] == []


@pytest.mark.parametrize("name", ["run.json", "../run.json", "/etc/passwd", "", ".", "secret.csv"])
def test_no_other_file_is_given_away(project: Project, run: str, name: str) -> None:
    project.take(run, "script")
    (project.folder / "exports" / run / "secret.csv").symlink_to(
        project.folder.parent / "secret.csv"
    )
    with pytest.raises(FileError, match="no such file to be taken away"):
        project.file_of(run, name)


def test_what_there_is_not_is_refused(project: Project, run: str) -> None:
    with pytest.raises(OptionError, match='Did you mean "onnx"'):
        project.take(run, "onx")
    with pytest.raises(DataNotFoundError):
        project.take("nothing", "onnx")
    Path(project.folder, "runs", run, "report.html").unlink()
    with pytest.raises(DataNotFoundError, match=r"has no report.html yet"):
        project.take(run, "report")
