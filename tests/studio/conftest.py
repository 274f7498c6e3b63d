"""A project in an empty folder, and small sources in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segue import Dataset, synth
from segue.readers import write
from segue.studio import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose folder lies beside a file that is none of its business."""
    (tmp_path / "secret.csv").write_text("label,t0,t1\na,1,2\n")
    folder = tmp_path / "mine"
    folder.mkdir()
    return Project(folder)


@pytest.fixture
def waves(project: Project) -> str:
    """A source with 40 training and 20 test sequences of one channel, in two classes."""
    write(synth.waves(40, test=20, length=12, phase="random"), project.folder / "waves")
    return "waves"


@pytest.fixture
def whole(project: Project) -> str:
    """A source without parts."""
    made = synth.waves(50, test=0, length=12, phase="random")
    write(Dataset(made.x, made.y), project.folder / "whole")
    return "whole"


@pytest.fixture
def table(project: Project) -> str:
    """A table of two recorded channels: a row for each step, with the columns of many roles."""
    rng, lines = np.random.default_rng(0), ["trip,subject,second,x,y,speed,mode"]
    for trip in range(12):
        for step in range(6):
            x, y, speed = rng.normal(size=3).round(3)
            mode = "walk" if trip % 2 else "ride"
            lines.append(f"{trip},p{trip % 4},{step},{x},{y},{speed},{mode}")
    (project.folder / "trips.csv").write_text("\n".join(lines) + "\n")
    return "trips.csv"
