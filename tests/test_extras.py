"""Packages of the extras: loaded when touched, named where they are missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.io import savemat

import segue
from segue.errors import MissingPackageError
from segue.extras import lazy_names, require


def test_the_package_comes_back() -> None:
    assert require("math", "audio", "to count").sqrt(4.0) == 2.0


def test_a_missing_package_is_named_with_the_line_that_installs_it() -> None:
    with pytest.raises(MissingPackageError) as caught:
        require("nothing_of_this_name.inner", "audio", "to read sounds")
    assert str(caught.value) == (
        "nothing_of_this_name is needed to read sounds and is not installed: "
        "pip install 'segue[audio]'"
    )


def test_a_name_is_looked_for_once_and_a_former_one_warns_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is found stands in the package from then on; a former name never does."""
    room = ModuleType("segue.a_room")
    monkeypatch.setitem(sys.modules, room.__name__, room)
    found = {"count": "segue.errors.counted"}
    room.__getattr__ = lazy_names(room.__name__, found, {"number": "segue.errors.counted"})  # type: ignore[method-assign]
    assert room.count(2, "epoch") == "2 epochs"
    assert vars(room)["count"] is room.count
    for _ in range(2):
        with pytest.warns(DeprecationWarning, match=r"segue\.a_room\.number is now called"):
            assert room.number is room.count


DOORS = {
    "fit": "segue.SequenceClassifier('conv(2, 3) pool').fit(data.x, data.y)",
    "fit of several seeds": (
        "segue.fit_seeds(segue.SequenceClassifier('conv(2, 3) pool'), data.x, data.y)"
    ),
    "a module of PyTorch": "model.network_.to_torch()",
    "layers of one's own": "segue.layers.Layer",
    "cells of one's own": "segue.layers.Cell",
    "tensors": "segue.layers.Padded",
    "search for a rate": (
        "segue.training.find_learning_rate(segue.SequenceClassifier('conv(2, 3) pool'), data)"
    ),
    "explanations": "segue.evaluation.explain",
    "pictures": "segue.plots",
    "pictures of scores": "segue.evaluate(model, data, everything=True).plot_confusion()",
    "report": "segue.evaluate(model, data, everything=True).to_html('report.html')",
    "diagram": "model.network_.diagram()",
    "source": "model.network_.to_python()",
    "map": "segue.evaluation.embedding([[0.0]] * 6, list('aaabbb'))",
    "summary": "segue.Dataset([[0.0], [1.0, 2.0]] * 20, ['a', 'b'] * 20).check()",
    "threshold": "segue.evaluation.one_sample(data)",
    "download": "segue.read('uea/CharacterTrajectories')",
    "MATLAB": "segue.read('five.mat')",
    "sound": "segue.sonify.Clip(np.zeros(8), 8000, ()).write(Path('a.wav'))",
    "significance": "segue.metrics.mcnemar(1, 5)",
    "processes": "segue.executors.LocalProcesses(1).__enter__()",
    "studies": "segue.studies.learning_curve",
    "checks of promises": "segue.testing.check_layer",
}

BLOCKED = """
import json, os, sys
for name in "torch sklearn scipy joblib loky matplotlib jinja2 pooch".split():
    sys.modules[name] = None
os.environ.pop("SEGUE_DATA", None)
from pathlib import Path
import numpy as np
import segue
from segue.layers import Shape
from segue.networks import Network, as_specs
model, data = segue.load("model.safetensors"), segue.Dataset.open("data.arrow")
model.predict_proba(data.x), segue.evaluate(model, data, everything=True).report()
found = {}
for name, call in json.loads(sys.argv[1]).items():
    try:
        eval(call)
        found[name] = "nothing raised"
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""


@pytest.mark.slow
def test_every_door_to_the_extra_gives_the_line_that_installs_it(tmp_path: Path) -> None:
    """Predictions and scores come without it; all else names what is missing."""
    data = segue.Dataset([[0.0], [1.0, 2.0], [3.0]] * 8, ["a", "b", "c"] * 8)
    options = segue.TrainingOptions(progress="none")
    classifier = segue.SequenceClassifier("gru(2)", epochs=1, options=options)
    classifier.fit(data).save(tmp_path / "model.safetensors")
    data.write(tmp_path / "data.arrow")
    savemat(tmp_path / "five.mat", {"x": np.zeros((4, 3))})
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, json.dumps(DOORS)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name, message in json.loads(done.stdout).items():
        assert message.startswith("MissingPackageError: "), (name, message)
        assert message.endswith(" and is not installed: pip install 'segue[train]'"), name
