"""Every format of model files loads for ever, and answers as the version that wrote it did.

`tests/golden/models/make.py` has made a file of each kind with the first version of each format.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue

MODELS = Path(__file__).parents[1] / "golden" / "models"
FILES = sorted(MODELS.glob("format_*/*.safetensors"))


def flat(found: Any) -> Any:
    """What a model predicts, as one array of numbers."""
    arrays = found if isinstance(found, list) else [found[i] for i in range(len(found))]
    return np.concatenate([np.asarray(one, np.float64).ravel() for one in arrays])


def test_each_format_has_files() -> None:
    """The format that is written now too."""
    from segue.estimators.files import FORMAT

    assert {path.parent.name for path in FILES} == {f"format_{n}" for n in range(1, FORMAT + 1)}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("path", FILES, ids=[f"{p.parent.name}-{p.stem}" for p in FILES])
def test_a_file_answers_as_when_it_was_written(path: Path, tmp_path: Path) -> None:
    """Loaded, and loaded once more after it has been saved in the format of today."""
    case = json.loads((path.parent / "answers.json").read_text())[path.stem]
    x = case["x"]
    if case["dtype"] is not None:
        x = [np.array(one, case["dtype"]) for one in x]
    expected = np.array(case["answers"])
    with pytest.warns(UserWarning, match="has no checksum"):  # a later segue writes one
        model = segue.load(path)
    model.save(tmp_path / "again.safetensors")
    for one in (model, segue.load(tmp_path / "again.safetensors")):
        found = flat(getattr(one, "predict_proba", one.predict)(x))
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= 1e-5 * max(1, np.abs(expected).max())
