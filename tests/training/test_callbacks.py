"""`fit(callbacks=[...])`: what they are given, how they end a training, and the documents' own."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.errors import OptionError

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "training.md").read_text(encoding="utf-8")


class Notes(segue.Callback):
    def __init__(self, last: int | None = None) -> None:
        self.last, self.seen = last, list[Any]()

    def on_start(self, rows: list[dict[str, float]]) -> None:
        self.seen.append(len(rows))

    def on_epoch(self, row: dict[str, float], state: Any) -> bool:
        self.seen.append(row["loss"])
        return row["epoch"] == self.last

    def on_end(self, ended: str) -> None:
        self.seen.append(ended)


@pytest.fixture
def data() -> segue.Dataset:
    return segue.synth.waves(40, test=0, length=8)


def quick(**more: Any) -> segue.SequenceClassifier:
    more["options"] = segue.TrainingOptions(progress="none", **more.pop("options", {}))
    return segue.SequenceClassifier("gru(3)", **{"epochs": 5, **more})


def test_each_epoch_is_told_and_nothing_changes(data: segue.Dataset) -> None:
    notes, alone = Notes(), quick().fit(data)
    watched = quick().fit(data, callbacks=[notes])
    assert notes.seen == [0, *alone.history_["loss"], "finished"]
    np.testing.assert_array_equal(watched.predict_proba(data), alone.predict_proba(data))


def test_true_ends_the_training(data: segue.Dataset) -> None:
    first, second = Notes(last=2), Notes()
    ended = quick(validation=0.2).fit(data, callbacks=[first, second])
    assert (len(ended.history_), ended.stopped_) == (2, "callback")
    assert first.seen == second.seen  # the other is told too
    assert quick().fit(data, callbacks=[Notes(last=5)]).stopped_ == "finished"


def test_a_refit_calls_them_again(data: segue.Dataset) -> None:
    notes = Notes()
    quick(validation=0.2, options={"refit": True}).fit(data, callbacks=[notes])
    assert [one for one in notes.seen if isinstance(one, str)] == ["finished", "finished"]


def test_an_error_is_raised_and_the_estimator_stays_as_it_was(data: segue.Dataset) -> None:
    class Broken(segue.Callback):
        def on_epoch(self, row: dict[str, float], state: Any) -> None:
            raise LookupError("mine")

    estimator = quick()
    with pytest.raises(LookupError, match="mine"):
        estimator.fit(data, callbacks=[Broken()])
    assert not hasattr(estimator, "history_")


@pytest.mark.parametrize("wrong", [print, Notes, "early"])
def test_only_callbacks_are_taken(data: segue.Dataset, wrong: Any) -> None:
    with pytest.raises(OptionError, match=r"`callbacks\[1\]` is .*; expected an object of a subcl"):
        quick().fit(data, callbacks=[Notes(), wrong])


def test_events_go_to_logging(data: segue.Dataset, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="segue.training"):
        quick().fit(data)
    assert [record.levelname for record in caplog.records] == ["INFO"] * 7
    assert "epoch 5: loss 0." in caplog.text
    assert "training ended: finished" in caplog.text


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those libraries' own
def test_the_callbacks_of_the_documents_run(
    data: segue.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorboard")
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    monkeypatch.chdir(tmp_path)
    section = PAGE.partition("## Callbacks")[2].partition("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    names: dict[str, Any] = {"segue": segue, "data": data, "classifier": quick(validation=0.2)}
    for block in blocks:
        exec(block.replace("n_trials=20", "n_trials=2"), names)
    assert names["classifier"].stopped_ in ("finished", "callback")
    assert list((tmp_path / "board").glob("events*"))
    assert len(names["study"].trials) == 2


def test_a_method_of_another_library_is_named() -> None:
    with pytest.warns(UserWarning, match=r"on_epoch_end is never called; .* on_epoch, on_end"):
        type("Keras", (segue.Callback,), {"on_epoch_end": lambda self, epoch, logs: None})


def test_what_is_not_there_is_named() -> None:
    history = segue.History([{"epoch": 1, "loss": 0.7}])
    with pytest.raises(KeyError, match="val_loss: the history has epoch, loss"):
        history["val_loss"]
