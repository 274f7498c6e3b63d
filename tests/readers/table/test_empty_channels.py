"""A channel that a model knows and that has no value in a whole table: all of them are missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import segue
from segue.cli import DONE, FAILED, main
from segue.errors import DataError, FileError

HEADER = "unit,time,bar,temp"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the channels bar, which has gaps, and temp."""
    folder = tmp_path_factory.mktemp("gaps")
    draws = np.random.default_rng(0).normal(size=(120, 2)).round(3)
    rows = [
        f"u{n // 6},{n % 6},{'' if n % 4 == 0 else bar},{temp},{'ab'[n // 6 % 2]}\n"
        for n, (bar, temp) in enumerate(draws)
    ]
    (folder / "train.csv").write_text(f"{HEADER},label\n" + "".join(rows))
    options = segue.TrainingOptions(progress="none")
    data = segue.read(folder / "train.csv")
    model = segue.SequenceClassifier("gru(3)", epochs=1, options=options).fit(data)
    model.save(folder / "model.safetensors")
    return folder / "model.safetensors"


@pytest.mark.parametrize("gap", ["", "NA", " "])
@pytest.mark.parametrize("words", [(), ("--column-channels", "bar,temp")])
def test_it_is_answered_as_beside_others(
    gap: str, words: tuple[str, ...], model: Path, tmp_path: Path
) -> None:
    alone = "".join(f"u1,{step},{gap},{step / 3}\n" for step in range(5))
    found = []
    for name, others in (("alone", ""), ("beside", "u0,0,1,2\nu0,1,1,2\n")):
        path, out = tmp_path / f"{name}.csv", tmp_path / f"{name}.json"
        path.write_text(f"{HEADER}\n{others}{alone}")
        assert main(["predict", str(model), str(path), "--out", str(out), *words]) == DONE
        found.append(segue.load(model).predict_proba(segue.read(path, like=segue.load(model)))[-1])
    np.testing.assert_array_equal(*found)


def test_without_a_model_it_is_refused(tmp_path: Path) -> None:
    """Nothing can be learnt from it; only what was said is named as an option."""
    path = tmp_path / "train.csv"
    path.write_text(f"{HEADER}\nu0,0,,1\nu0,1,,2\n")
    with pytest.raises(DataError, match=r"channels='bar': this column holds no value"):
        segue.read(path, channels=["bar", "temp"])


def test_a_text_cannot_be_missing_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.csv").write_text("text,label\n" + "good day,a\nbad night,b\n" * 10)
    (tmp_path / "new.csv").write_text("id,text\n1,\n2,\n")
    options = segue.TrainingOptions(progress="none")
    data = segue.read(tmp_path / "train.csv")
    model = segue.SequenceClassifier("embedding(2) gru(2)", epochs=1, options=options).fit(data)
    with pytest.raises(FileError, match=r"column 'text', which the model needs; expected texts"):
        segue.read(tmp_path / "new.csv", like=model)
    model.save(tmp_path / "model.safetensors")
    words = ["predict", str(tmp_path / "model.safetensors"), str(tmp_path / "new.csv")]
    assert main(words) == FAILED
    assert "--column" not in capsys.readouterr().err
