"""A small data set on disk, and a run on it, made once for all tests of the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from segue import runs, synth
from segue.readers import write
from segue.training import TrainingOptions


@pytest.fixture(autouse=True, scope="module")
def quick_reports(short_reports: object) -> None:
    """A line in place of each report; the run of `model` has a whole one."""


@pytest.fixture(scope="session")
def waves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 40 training and 20 test waves of 16 steps."""
    folder = tmp_path_factory.mktemp("data") / "waves"
    return write(synth.waves(40, test=20, length=16, phase="random"), folder, format="dat")


@pytest.fixture(scope="session")
def model(waves: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on the waves."""
    out = tmp_path_factory.mktemp("runs") / "run"
    options = TrainingOptions(progress="none")
    return runs.fit_run(waves, network="gru(4)", epochs=3, out=out, options=options).folder
