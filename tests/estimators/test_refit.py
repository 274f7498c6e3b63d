"""Training in two goes: on everything once the epochs are known, from weights that are there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue import Dataset, SequenceClassifier, TrainingOptions, load
from segue.data.sequences import Array
from segue.errors import DataError, DataNotFoundError, ModelFileError, NotFittedError, OptionError
from segue.testing import tiny_dataset
from segue.training import Callback, checkpoint
from segue.training.checkpoint import Checkpointer

Quick = Callable[..., SequenceClassifier]
SILENT = TrainingOptions(progress="none")
REFIT = replace(SILENT, refit=True, schedule="constant")


def assert_same(a: SequenceClassifier, b: SequenceClassifier) -> None:
    assert_equal(a.network_.get_weights(), b.network_.get_weights())


def assert_equal(a: dict[str, Array], b: dict[str, Array]) -> None:
    assert a.keys() == b.keys()
    for name, array in a.items():
        np.testing.assert_array_equal(array, b[name], err_msg=name)


# -- refit ---------------------------------------------------------------------------------------


def test_a_refit_is_a_training_on_everything_with_the_epochs_found(quick: Quick) -> None:
    """To the bit what a fit without validation gives for so many epochs; both histories stay."""
    data = tiny_dataset(60)
    fitted = quick(epochs=12, validation=0.3, learning_rate=0.03, options=REFIT).fit(data)
    first, second = fitted.history_, fitted.history_.refit
    assert first.best_epoch is not None
    assert second is not None
    assert first.best_epoch > 1
    assert (len(first), len(second)) == (12, first.best_epoch)
    assert "validation_loss" in first.columns
    assert "validation_loss" not in second.columns
    plain = replace(REFIT, refit=False)
    wanted = quick(epochs=first.best_epoch, validation=None, learning_rate=0.03, options=plain).fit(
        data
    )
    assert_same(fitted, wanted)
    np.testing.assert_array_equal(
        fitted.preparation_.fitted[0]["mean"], wanted.preparation_.fitted[0]["mean"]
    )
    assert sum(fitted.class_counts_.values()) == 60


def test_the_schedule_of_a_refit_is_scaled_to_its_epochs(quick: Quick) -> None:
    """One-cycle has come down at its end."""
    options = replace(REFIT, schedule="one-cycle")
    fitted = quick(epochs=10, validation=0.3, options=options).fit(tiny_dataset(60))
    assert fitted.history_.refit is not None
    for history in (fitted.history_, fitted.history_.refit):
        rates = history["learning_rate"]
        assert rates[-1] < 0.5 * max(rates)


def test_a_given_validation_set_is_learnt_from_too(quick: Quick) -> None:
    """With the user's weights, those of the validation like the mean one."""
    data, other = tiny_dataset(30, seed=1), tiny_dataset(12, seed=2)
    weights = np.linspace(0.5, 1.5, 30)
    fitted = quick(epochs=3, options=REFIT).fit(data, sample_weight=weights, validation_data=other)
    assert sum(fitted.class_counts_.values()) == 42
    best = fitted.history_.best_epoch
    both = Dataset.concatenate({"train": data, "more": other})
    wanted = quick(epochs=best, validation=None, options=replace(REFIT, refit=False)).fit(
        both.x, both.y, sample_weight=np.concatenate([weights, np.ones(12)])
    )
    assert_same(fitted, wanted)


def test_without_validation_there_is_nothing_to_repeat(quick: Quick) -> None:
    fitted = quick(validation=None, options=REFIT).fit(tiny_dataset(20))
    assert fitted.history_.refit is None


def test_a_refit_says_what_it_does(quick: Quick, capsys: pytest.CaptureFixture[str]) -> None:
    options = replace(REFIT, progress="lines")
    fitted = quick(epochs=3, validation=0.3, options=options).fit(tiny_dataset(60))
    line = f"all 60 sequences, for the {fitted.history_.best_epoch} epochs that validation"
    assert f"refit: {line}" in capsys.readouterr().err
    assert dict(fitted.training_summary_)["refit"].startswith(line)


def test_both_histories_are_in_the_file(quick: Quick, tmp_path: Path) -> None:
    fitted = quick(epochs=4, validation=0.3, options=REFIT).fit(tiny_dataset(60), folder=tmp_path)
    fitted.save(tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    assert again.history_["validation_loss"] == fitted.history_["validation_loss"]
    assert fitted.history_.refit is not None
    assert again.history_.refit["loss"] == fitted.history_.refit["loss"]
    assert again.options == REFIT
    lines = (tmp_path / "history-refit.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == fitted.history_.refit.rows
    assert not (tmp_path / "checkpoint").exists()


# -- stopped is not lost -------------------------------------------------------------------------


class KilledError(Exception):
    """Like the death of the process."""


class Kill(Callback):
    def __init__(self, after: int) -> None:
        self.left = after

    def on_epoch(self, row: dict[str, float], state: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise KilledError


EVERYTHING: dict[str, Any] = {
    "accumulate": {"accumulate": 2},
    "truncate": {"truncate": 5},
    "frozen": {"frozen": ("gru_1",), "monitor": "accuracy"},
    "refit": {"refit": True},
    "all": {"accumulate": 3, "truncate": 4, "frozen": ("dense_1",), "refit": True},
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", EVERYTHING)
@pytest.mark.parametrize("epochs", [2, 7, 9])
def test_a_killed_training_goes_on_to_the_same_bits(
    quick: Quick, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, epochs: int
) -> None:
    """In the first training and in the refit; with augmentation, dropout and given weights."""
    data, start = tiny_dataset(40), quick("gru(4) dense(3)", epochs=1).fit(tiny_dataset(30))
    chosen: dict[str, Any] = {
        "network": "gru(4, dropout=0.2) dropout(0.2) dense(3)",
        "prepare": "standardize jitter(0.1) timewarp(0.2) crop(0.8)",
        "epochs": 6,
        "validation": 0.3,
        "options": replace(SILENT, schedule="plateau", **EVERYTHING[name]),
    }
    initial = start.network_.get_weights()
    wanted = quick(**chosen).fit(data, initial=initial)
    total = 6 + (len(wanted.history_.refit) if wanted.history_.refit else 0)
    if epochs >= total:
        pytest.skip("it would have ended before")

    class Eager(Checkpointer):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more, every_seconds=0)

    monkeypatch.setattr(checkpoint, "Checkpointer", Eager)
    killer, opened = Kill(epochs), checkpoint.TrainingFolder.open

    def with_killer(self: Any, *given: Any, **more: Any) -> Any:
        callbacks, state = opened(self, *given, **more)
        return [*callbacks, killer], state

    monkeypatch.setattr(checkpoint.TrainingFolder, "open", with_killer)
    stopped = quick(**chosen)
    with pytest.raises(KilledError):
        stopped.fit(data, initial=initial, folder=tmp_path)
    monkeypatch.setattr(checkpoint.TrainingFolder, "open", opened)
    resumed = quick(**chosen).fit(data, initial=initial, folder=tmp_path, resume=True)
    assert_same(resumed, wanted)
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize(
    "changed", [{"accumulate": 2}, {"truncate": 3}, {"frozen": ("gru_1",)}, {"monitor": "accuracy"}]
)
def test_other_options_cannot_go_on(
    quick: Quick, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changed: Any
) -> None:
    """A checkpoint belongs to what it began with."""
    monkeypatch.setattr("segue.training.checkpoint.remove", lambda folder: None)
    quick().fit(tiny_dataset(20), folder=tmp_path)
    other = quick(options=replace(SILENT, **changed))
    with pytest.raises(ModelFileError, match=f"another.*options__{next(iter(changed))}"):
        other.fit(tiny_dataset(20), folder=tmp_path, resume=True)


def test_an_interrupted_refit_leaves_the_first_training(
    quick: Quick, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its best weights are worth more than those of half a refit."""
    data, opened = tiny_dataset(60), checkpoint.TrainingFolder.open

    class Interrupt(Callback):
        def on_epoch(self, row: dict[str, float], state: Any) -> None:
            raise KeyboardInterrupt

    def with_interrupt(self: Any, *given: Any, **more: Any) -> Any:
        callbacks, state = opened(self, *given, **more)
        return [*callbacks, *([Interrupt()] if self.is_refit else [])], state

    monkeypatch.setattr(checkpoint.TrainingFolder, "open", with_interrupt)
    fitted = quick(epochs=5, validation=0.3, options=REFIT)
    with pytest.warns(UserWarning, match="interrupted while it was repeated on everything"):
        fitted.fit(data, folder=tmp_path)
    assert (fitted.stopped_, fitted.history_.refit) == ("interrupted", None)
    options = replace(REFIT, refit=False)
    assert_same(fitted, quick(epochs=5, validation=0.3, options=options).fit(data))


# -- weights to begin with -----------------------------------------------------------------------


def test_a_fitted_estimator_goes_on_from_its_own_weights(quick: Quick) -> None:
    """With a rate of nearly nothing it stays what it was; without `initial` it begins anew."""
    data = tiny_dataset(40)
    fitted = quick(epochs=8, learning_rate=0.03, validation=None).fit(data)
    before = fitted.network_.get_weights()
    fitted.set_params(learning_rate=1e-30, epochs=1).fit(data, initial=fitted)
    assert_equal(fitted.network_.get_weights(), before)
    fitted.fit(data)
    assert not np.array_equal(fitted.network_.get_weights()["head/kernel"], before["head/kernel"])


def test_every_form_of_weights_is_taken(quick: Quick, tmp_path: Path) -> None:
    """An estimator, its network, its file, its folder, its weights by name."""
    data = tiny_dataset(40)
    first = quick(epochs=3).fit(data)
    first.save(tmp_path / "model.safetensors")
    forms = [
        first,
        first.network_,
        tmp_path / "model.safetensors",
        str(tmp_path),
        first.network_.get_weights(),
    ]
    fitted = [quick(seed=1).fit(data, initial=form) for form in forms]
    for other in fitted[1:]:
        assert_same(fitted[0], other)
    assert not np.array_equal(
        quick(seed=1).fit(data).predict_proba(data.x), fitted[0].predict_proba(data.x)
    )


def test_layers_that_agree_are_taken_and_the_others_are_named(
    quick: Quick, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of another network: the same recurrent layer, another dense one and other classes."""
    first = quick("gru(4) dense(3)", epochs=3).fit(tiny_dataset(30))
    data = tiny_dataset(40, classes=("left", "right"), seed=5)
    chosen = quick(
        "gru(4) dense(5)", learning_rate=1e-30, options=replace(SILENT, progress="lines")
    )
    with pytest.warns(UserWarning, match="The head begins anew"):
        second = chosen.fit(data, initial=first)
    said = "initial weights: gru_1 taken; dense_1, head new"
    assert said in capsys.readouterr().err
    assert dict(second.training_summary_)["initial weights"] == said.partition(": ")[2]
    a, b = first.network_.get_weights(), second.network_.get_weights()
    np.testing.assert_array_equal(a["gru_1/kernel"], b["gru_1/kernel"])


def test_a_head_of_other_classes_is_not_taken(quick: Quick) -> None:
    """Though its shape agrees: its outputs mean something else."""
    first = quick(epochs=3).fit(tiny_dataset(30))
    second = quick(learning_rate=1e-30)
    said = "the classes of `initial` are '.*'; those of the data 'left', 'right'. Other classes"
    with pytest.warns(UserWarning, match=said):
        second.fit(tiny_dataset(30, classes=("left", "right")), initial=first)
    assert dict(second.training_summary_)["initial weights"] == "gru_1 taken; head new"


def test_classes_that_are_meant_to_be_the_same(quick: Quick) -> None:
    """Some of them, and as text there and numbers here: it is said how to go on."""
    x = tiny_dataset(30).x
    y = np.arange(30) % 3
    first = quick(classes=[2, 0, 1, 3]).fit(x, y)
    with pytest.warns(UserWarning, match=r"give them in its order: classes=\[2, 0, 1, 3\]"):
        quick().fit(x, y, initial=first)
    kept = quick(classes=[2, 0, 1, 3]).fit(x, y, initial=first)
    assert dict(kept.training_summary_)["initial weights"] == "gru_1, head taken"
    with pytest.warns(UserWarning, match="are text on one side and numbers on the other"):
        quick(classes=list("0123")).fit(x, y.astype(str), initial=first)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_the_same_classes_in_another_order_keep_their_outputs(
    quick: Quick, count: int, head: str
) -> None:
    """With a rate of nearly nothing the answers stay, each with its class."""
    x, y = tiny_dataset(30).x, np.arange(30) % count
    order = list(range(count))[::-1]
    first = quick(classes=order, head=head, epochs=3).fit(x, y)
    second = quick(head=head, learning_rate=1e-30).fit(x, y, initial=first)
    said = "gru_1, head taken (the head's outputs by their classes)"
    assert dict(second.training_summary_)["initial weights"] == said
    assert second.classes_.tolist() == order[::-1]
    wanted = first.predict_proba(x)[:, ::-1]
    np.testing.assert_allclose(second.predict_proba(x), wanted, atol=1e-6)


def test_another_preparation_is_warned_of(quick: Quick, tmp_path: Path) -> None:
    """The layers see other numbers than those that they know; augmentation is none of that."""
    data = tiny_dataset(30)
    first = quick(prepare="none").fit(data)
    first.save(tmp_path / "m.safetensors")
    for initial in (first, tmp_path / "m.safetensors"):
        with pytest.warns(UserWarning, match="by `none`, and here these .* by `standardize`"):
            quick(prepare="standardize").fit(data, initial=initial)
        quick(prepare="jitter(0.1)").fit(data, initial=initial)


def test_weights_of_which_none_agrees(quick: Quick) -> None:
    first = quick("lstm(7)").fit(tiny_dataset(20))
    with pytest.raises(DataError, match=r"no layer that fits: it has lstm_1/kernel \[2, 28\]"):
        quick("gru(4) dense(3)").fit(tiny_dataset(20), initial=first)


def test_what_has_no_weights(quick: Quick) -> None:
    with pytest.raises(NotFittedError, match="`initial` is an estimator that is not fitted"):
        quick().fit(tiny_dataset(20), initial=quick())
    with pytest.raises(DataError, match="`initial` is 3; expected a fitted estimator"):
        quick().fit(tiny_dataset(20), initial=3)
    with pytest.raises(DataNotFoundError, match="nothing: there is no such model file"):
        quick().fit(tiny_dataset(20), initial="nothing")


# -- frozen layers -------------------------------------------------------------------------------


def test_frozen_layers_stay_to_the_bit(quick: Quick) -> None:
    """Here those of another training, in front of a new head."""
    first = quick("gru(4) dense(3)", epochs=3).fit(tiny_dataset(30))
    options = replace(SILENT, frozen=("gru_1",), weight_decay=0.1, optimizer="adamw")
    second = quick("gru(4) dense(3)", epochs=4, options=options)
    second.fit(tiny_dataset(40, seed=7), initial=first)
    a, b = first.network_.get_weights(), second.network_.get_weights()
    for name, array in a.items():
        assert np.array_equal(array, b[name]) == name.startswith("gru_1/"), name


def test_a_layer_inside_another_is_frozen_by_its_path(quick: Quick) -> None:
    options = replace(SILENT, frozen=("residual_1/conv_1",))
    fitted = quick("residual(conv(2, 3)) pool", epochs=3, options=options).fit(tiny_dataset(20))
    before = (
        quick("residual(conv(2, 3)) pool")._training_job(tiny_dataset(20)).network.get_weights()
    )
    after = fitted.network_.get_weights()
    for name, array in before.items():
        if name.endswith("kernel"):
            assert np.array_equal(array, after[name]) == name.startswith("residual_1/"), name


def test_a_layer_that_there_is_not(quick: Quick) -> None:
    options = replace(SILENT, frozen=("gru1",))
    with pytest.raises(OptionError, match='`frozen` names gru1.*Did you mean "gru_1"?'):
        quick(options=options).fit(tiny_dataset(20))
    options = replace(SILENT, frozen=("gru_1", "head"))
    with pytest.raises(OptionError, match="nothing is left to learn"):
        quick(options=options).fit(tiny_dataset(20))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"accumulate": 0}, "`accumulate` is 0; expected a whole number from 1 on"),
        ({"accumulate": 1.5}, "`accumulate` is 1.5"),
        ({"truncate": -3}, "`truncate` is -3; expected a whole number from 1 on, or None"),
        ({"frozen": (1,)}, "`frozen` is .*; expected names of layers"),
        ({"refit": "yes"}, "`refit` is 'yes'; expected True or False"),
    ],
)
def test_options_that_mean_nothing(given: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        TrainingOptions(**given)


def test_one_name_is_a_name() -> None:
    """And a list from JSON is as good as a tuple."""
    assert TrainingOptions(frozen="gru_1").frozen == ("gru_1",)  # type: ignore[arg-type]
    assert TrainingOptions(frozen=["gru_1", "head"]).frozen == ("gru_1", "head")  # type: ignore[arg-type]
