"""Several seeds in one call, and several models as one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from segue import (
    Dataset,
    Forecaster,
    SequenceClassifier,
    SequenceRegressor,
    TrainingOptions,
    evaluate,
    load,
)
from segue.errors import DataError, ModelFileError, NotFittedError, OptionError
from segue.estimators import SeedResults, SequenceEnsemble, fit_seeds, fitting
from segue.layers import GRU, CustomModule
from segue.testing import tiny_dataset

Quick = Callable[..., SequenceClassifier]
SILENT = TrainingOptions(progress="none")
DATA = tiny_dataset(60)


@pytest.fixture(scope="module")
def results() -> Any:
    """Three seeds, a few epochs, so that they differ."""
    classifier = SequenceClassifier("gru(4)", epochs=4, validation=0.3, options=SILENT)
    return fit_seeds(classifier, DATA, seeds=3)


# -- seeds ---------------------------------------------------------------------------------------


def test_each_seed_is_a_training_of_its_own(quick: Quick, results: Any) -> None:
    """Another network each, over the same validation sequences."""
    assert [member.seed for member in results.members] == [0, 1, 2]
    rows = [dict(m.training_summary_)["validation"] for m in results.members]
    assert rows == ["18 of the training sequences (30%, stratified)"] * 3
    kernels = [m.network_.get_weights()["gru_1/kernel"] for m in results.members]
    assert not np.array_equal(kernels[0], kernels[1])
    rest, watched = DATA.split(0.3, seed=0)
    alone = quick(epochs=4, seed=1).fit(rest, validation_data=watched)
    np.testing.assert_array_equal(
        alone.predict_proba(DATA.x), results.members[1].predict_proba(DATA.x)
    )


def test_mean_spread_and_best_are_those_of_the_validation(results: Any) -> None:
    """By hand."""
    accuracies = [row["validation_accuracy"] for row in results.rows]
    assert results.mean == pytest.approx(np.mean(accuracies))
    assert results.spread == pytest.approx(np.std(accuracies, ddof=1))
    losses = [min(m.history_["validation_loss"]) for m in results.members]
    assert results.best is results.members[int(np.argmin(losses))]
    assert len(set(losses)) == 3
    text = str(results)
    assert f"mean {results.mean:.4f}, spread {results.spread:.4f}" in text
    assert len(text.splitlines()) == 1 + 3 + 1


def test_the_best_is_that_of_the_monitor(quick: Quick) -> None:
    """With the accuracy, that of the highest one."""
    options = TrainingOptions(progress="none", monitor="accuracy")
    found = fit_seeds(quick(epochs=2, validation=0.3, options=options), DATA, seeds=4)
    best = max(
        range(4),
        key=lambda i: (found.rows[i]["validation_accuracy"], -found.rows[i]["validation_loss"]),
    )
    assert found.best is found.members[best]


def test_seeds_may_be_named_and_the_estimator_stays(quick: Quick) -> None:
    classifier = quick(epochs=1, seed=5)
    assert [m.seed for m in fit_seeds(classifier, DATA, seeds=2).members] == [5, 6]
    assert [m.seed for m in fit_seeds(classifier, DATA, seeds=(9, 3)).members] == [9, 3]
    assert not classifier.__sklearn_is_fitted__()
    for strange in (0, (), (1, 1), 2.5, None):
        with pytest.raises(OptionError, match="`seeds` is"):
            fit_seeds(classifier, DATA, seeds=strange)


def test_numbers_are_compared_by_their_error() -> None:
    x = [[float(i), float(i + 1)] for i in range(20)]
    regressor = SequenceRegressor("gru(3)", epochs=2, validation=0.3, options=SILENT)
    found = fit_seeds(regressor, x, np.arange(20.0), seeds=2)
    assert found.metric == "validation_rmse"
    assert found.mean > 0


def test_without_validation_nothing_is_chosen(quick: Quick) -> None:
    found = fit_seeds(quick(epochs=1, validation=None), DATA, seeds=2)
    with pytest.raises(DataError, match="no validation.*never used to choose"):
        _ = found.best
    assert len(str(found).splitlines()) == 3
    assert len(found.ensemble()) == 2


def test_each_seed_has_a_folder_and_goes_on_from_it(
    quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is trained is read and not trained again; the rest is trained to the same bits."""
    wanted = fit_seeds(quick(validation=0.3), DATA, seeds=3, folder=tmp_path / "a")
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["seed-0", "seed-1", "seed-2"]
    rows = (tmp_path / "a" / "seed-1" / "history.jsonl").read_text().splitlines()
    assert [json.loads(row) for row in rows] == wanted.members[1].history_.rows

    fit_split, count = fitting.fit_split, []

    def dies(estimator: Any, *given: Any, **more: Any) -> Any:
        count.append(estimator.seed)
        if len(count) == 3:
            raise RuntimeError("killed")
        return fit_split(estimator, *given, **more)

    monkeypatch.setattr(fitting, "fit_split", dies)
    with pytest.raises(RuntimeError, match="killed"):
        fit_seeds(quick(validation=0.3), DATA, seeds=3, folder=tmp_path / "b")
    found = fit_seeds(quick(validation=0.3), DATA, seeds=3, folder=tmp_path / "b", resume=True)
    assert count == [0, 1, 2, 2]
    for a, b in zip(wanted.members, found.members, strict=True):
        np.testing.assert_array_equal(a.predict_proba(DATA.x), b.predict_proba(DATA.x))  # type: ignore[attr-defined]


def test_a_folder_of_another_training_is_not_gone_on_with(quick: Quick, tmp_path: Path) -> None:
    """Or the members would answer for a network that was never trained."""
    fit_seeds(quick("gru(4)", epochs=1), DATA, seeds=2, folder=tmp_path)
    changed = {
        "network": quick("gru(5)", epochs=1),
        "prepare": quick("gru(4)", epochs=1, prepare="none"),
        "options__patience": quick(
            "gru(4)", epochs=1, options=TrainingOptions(progress="none", patience=3)
        ),
    }
    for name, classifier in changed.items():
        with pytest.raises(ModelFileError, match=f"of a training with another {name}"):
            fit_seeds(classifier, DATA, seeds=2, folder=tmp_path, resume=True)
    same = quick("gru(4)", epochs=1, options=TrainingOptions(progress="lines", threads=1))
    assert len(fit_seeds(same, DATA, seeds=2, folder=tmp_path, resume=True).members) == 2


def test_members_with_a_layer_of_ones_own_are_read_too(quick: Quick, tmp_path: Path) -> None:
    """No file can bring its class; the estimator has it."""
    classifier = quick([CustomModule(torch.nn.Identity()), GRU(3)], epochs=1)
    first = fit_seeds(classifier, DATA, seeds=2, folder=tmp_path)
    again = fit_seeds(classifier, DATA, seeds=2, folder=tmp_path, resume=True)
    for a, b in zip(first.members, again.members, strict=True):
        np.testing.assert_array_equal(a.predict_proba(DATA.x), b.predict_proba(DATA.x))  # type: ignore[attr-defined]


@pytest.mark.slow
def test_forecasts_of_several_seeds_watch_the_same_windows() -> None:
    """Series go in as they are; each member is what its seed alone would have given."""
    series = np.sin(0.3 * np.arange(200))
    given = {"size": 8, "epochs": 10, "learning_rate": 0.02, "options": SILENT}
    found = fit_seeds(Forecaster("gru(6)", **given), series, seeds=2)
    alone = Forecaster("gru(6)", seed=1, **given).fit(series)
    np.testing.assert_array_equal(found.members[1].predict(5), alone.predict(5))  # type: ignore[attr-defined]
    assert found.metric == "validation_rmse"


def test_static_features_and_initial_weights_go_to_every_member(quick: Quick) -> None:
    static = np.arange(60.0)[:, None]
    classifier = quick("gru(4)", epochs=1)
    plain = quick("gru(4)", epochs=1).fit(DATA)
    found = fit_seeds(classifier, DATA.x, DATA.y, seeds=2, static=static, initial=plain)
    assert all("gru_1 taken" in dict(m.training_summary_)["initial weights"] for m in found.members)
    ensemble = found.ensemble()
    shares = ensemble.predict_proba(DATA.x, static)
    wanted = [member.predict_proba(DATA.x, static) for member in ensemble.members]
    np.testing.assert_array_equal(shares, np.mean(wanted, axis=0))
    data = replace(DATA, static=static)
    assert ensemble.score(data) == ensemble.score(DATA.x, DATA.y, static=static)
    assert evaluate(ensemble, data).accuracy == ensemble.score(data)


def test_pairs_that_come_one_by_one_are_read_once(quick: Quick) -> None:
    pairs = ((np.arange(3.0) + i % 2, i % 2) for i in range(8))
    assert len(fit_seeds(quick("gru(2)", epochs=1), pairs, seeds=2).members) == 2


# -- ensemble ------------------------------------------------------------------------------------


def test_an_ensemble_is_the_mean_of_its_members(results: Any) -> None:
    ensemble = results.ensemble()
    wanted = np.mean([member.predict_proba(DATA.x) for member in results.members], axis=0)
    np.testing.assert_array_equal(ensemble.predict_proba(DATA.x), wanted)
    np.testing.assert_array_equal(
        ensemble.predict(DATA.x), np.asarray(ensemble.classes_)[wanted.argmax(1)]
    )
    assert ensemble.score(DATA) == np.mean(ensemble.predict(DATA.x) == DATA.y)


def test_it_is_one_file(results: Any, tmp_path: Path) -> None:
    """With each member's weights under its name; what is read answers to the bit."""
    ensemble = results.ensemble()
    ensemble.save(tmp_path / "e.safetensors")
    again = load(tmp_path / "e.safetensors")
    assert isinstance(again, SequenceEnsemble)
    np.testing.assert_array_equal(again.predict_proba(DATA.x), ensemble.predict_proba(DATA.x))
    with safetensors.safe_open(tmp_path / "e.safetensors", "pt") as file:
        names = set(file.keys())
    assert {"member_1/gru_1/kernel", "member_3/head/bias"} <= names
    for one, other in zip(again.members, ensemble.members, strict=True):
        assert one.history_["validation_loss"] == other.history_["validation_loss"]


@pytest.mark.slow
def test_it_is_evaluated_like_any_classifier(results: Any, tmp_path: Path) -> None:
    """Also with a report."""
    ensemble = results.ensemble()
    evaluation = evaluate(ensemble, DATA)
    assert evaluation.accuracy == ensemble.score(DATA)
    evaluation.to_html(tmp_path / "report.html")
    assert "the mean of 3 members" in (tmp_path / "report.html").read_text()


def test_members_of_other_networks_and_preparations_go_together(quick: Quick) -> None:
    a = quick("gru(4)").fit(DATA)
    b = quick("dense(3) pool(mean)", prepare="none").fit(DATA)
    found = SequenceEnsemble([a, b])
    wanted = (a.predict_proba(DATA.x) + b.predict_proba(DATA.x)) / 2
    np.testing.assert_allclose(found.predict_proba(DATA.x), wanted, atol=1e-12)


def test_members_that_do_not_agree_are_refused(quick: Quick) -> None:
    a = quick(epochs=1).fit(DATA)
    b = quick(epochs=1).fit(tiny_dataset(20, classes=("left", "right")))
    c = quick(epochs=1).fit(tiny_dataset(20, channels=3))
    with pytest.raises(DataError, match="differ in `classes`: .*left"):
        SequenceEnsemble([a, b])
    with pytest.raises(DataError, match="differ in `n_features_in_`: 2; 3"):
        SequenceEnsemble([a, c])
    with pytest.raises(NotFittedError, match="Member 2 is not fitted"):
        SequenceEnsemble([a, quick()])
    with pytest.raises(DataError, match="at least one member"):
        SequenceEnsemble([])


def test_an_ensemble_is_no_weights_to_begin_with(
    quick: Quick, results: Any, tmp_path: Path
) -> None:
    results.ensemble().save(tmp_path / "model.safetensors")
    with pytest.raises(DataError, match="an ensemble of 3 models.*members\\[0\\]"):
        quick().fit(DATA, initial=tmp_path)


@pytest.mark.parametrize("change", ["no member", "strange weight", "missing weight"])
def test_a_file_that_does_not_hold_together(results: Any, tmp_path: Path, change: str) -> None:
    path = tmp_path / "e.safetensors"
    results.ensemble().save(path)
    with safetensors.safe_open(path, "pt") as file:
        text = json.loads(file.metadata()["segue"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if change == "no member":
        text["members"] = []
    if change == "strange weight":
        tensors["member_9/gru_1/kernel"] = tensors["member_1/gru_1/kernel"].clone()
    if change == "missing weight":
        del tensors["member_2/gru_1/kernel"]
    path.write_bytes(safetensors.torch.save(tensors, {"segue": json.dumps(text)}))
    with pytest.raises(ModelFileError, match="description"):
        load(path)


def test_several_labels_at_once_are_decided_together(quick: Quick) -> None:
    """Each label by the mean of its probabilities."""
    y = (np.arange(120).reshape(60, 2) % 3 == 0).astype(int)
    data = Dataset(DATA.x, y, classes=("a", "b"))
    members = [quick(head="sigmoid", seed=seed).fit(data) for seed in (0, 1)]
    found = SequenceEnsemble(members)
    np.testing.assert_array_equal(found.predict(DATA.x), found.predict_proba(DATA.x) > 0.5)


def test_a_former_name_of_the_results_warns(results: Any) -> None:
    with pytest.warns(DeprecationWarning, match="has_validation"):
        assert results.is_watched == results.has_validation


def test_more_seeds_than_anybody_trains_are_refused() -> None:
    """Also where they would not fit into memory."""
    for seeds in (10**4 + 1, 2**40, 10**30, 0):
        with pytest.raises(OptionError, match="expected how many, from 1 to 10,000"):
            fit_seeds(SequenceClassifier("gru(2)", epochs=1, options=SILENT), DATA, seeds=seeds)


def test_a_seed_that_was_interrupted_within_its_first_epoch(
    results: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no scores to be compared by."""
    monkeypatch.setattr(results.members[2].history_, "rows", [])
    fewer = SeedResults.of(results.members)
    assert fewer.rows[2] == {"seed": 2}
    assert not fewer.has_validation
