"""Where only the head is trained it is fitted in closed form, and models know what they missed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.errors import DataError, OptionError, TrainingError
from segue.estimators.prediction_sets import prediction_sets
from segue.training import closed_form
from segue.training.closed_form import HeldOut

QUIET = segue.TrainingOptions(progress="none")


def waves(count: int = 60, seed: int = 0, noise: float = 0.3) -> tuple[list[Any], Any]:
    """Slow, fast and faster waves of unequal lengths, two channels."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    x = [
        np.sin(np.arange(n) * (0.3 + 0.4 * kind) + rng.random((2, 1)) * 6).T
        + noise * rng.standard_normal((n, 2))
        for n, kind in zip(rng.integers(12, 40, count), y, strict=True)
    ]
    return x, np.array(["slow", "fast", "faster"])[y]


def classifier(network: str = "hydra(4)", **more: Any) -> segue.SequenceClassifier:
    return segue.SequenceClassifier(network, **{"options": QUIET, **more})


NETWORKS = [
    "rocket(50)", "multirocket(84)", "hydra(2)", "quant(3)", "rdst(20)", "random_conv(30)",
    "parallel(multirocket(84), hydra(2))", "parallel(rocket(20), pool(mean))",
    "maxpool(2) quant(2) batchnorm dropout(0.3)",
]  # fmt: skip


@pytest.mark.parametrize("network", NETWORKS)
def test_only_a_head_is_solved_for(network: str) -> None:
    """All of the training sequences are used, once, and each is also predicted without it."""
    x, y = waves(120)
    fitted = classifier(network).fit(x, y)
    assert fitted.history_.columns == [
        "epoch", "loss", "accuracy", "learning_rate", "validation_loss", "validation_accuracy",
        "seconds",
    ]  # fmt: skip
    assert len(fitted.history_) == 1
    assert fitted.stopped_ == "finished"
    summary = dict(fitted.training_summary_)
    assert summary["head"].startswith("ridge regression on ")
    assert summary["validation"] == "each sequence, by a model that is fitted without it"
    held_out = fitted.held_out_
    assert held_out is not None
    assert held_out.outputs.shape == (120, 3)
    right = held_out.outputs.argmax(1) == held_out.targets
    assert right.mean() == fitted.history_["validation_accuracy"][0]
    assert right.mean() > 0.6
    np.testing.assert_allclose(held_out.outputs.sum(1), 1)
    assert fitted.score(x, y) == pytest.approx(fitted.history_["accuracy"][0])


@pytest.mark.parametrize(
    ("network", "more"),
    [
        ("conv(4, 3) quant(2)", {}),
        ("quant(2) dense(4, relu)", {}),
        ("pool(mean)", {}),
        ("random_conv(9)", {"prepare": "standardize jitter(0.1)"}),
        (
            "random_conv(9)",
            {"options": segue.TrainingOptions(progress="none", label_smoothing=0.1)},
        ),
    ],
)
def test_whatever_needs_a_gradient_is_trained(network: str, more: dict[str, Any]) -> None:
    x, y = waves(12)
    fitted = classifier(network, epochs=2, validation=None, **more).fit(x, y)
    assert len(fitted.history_) == 2
    assert fitted.held_out_ is None


def test_what_a_model_missed_tells_what_it_will_miss() -> None:
    """Scores of held-out sequences are those of new ones; those of the training flatter."""
    x, y = waves(90, noise=1.2)
    fitted = classifier("parallel(hydra(8), multirocket(168))").fit(x, y)
    test = waves(600, seed=1, noise=1.2)
    kept, new = fitted.history_.kept, segue.evaluate(fitted, segue.Dataset(*test))
    assert kept["validation_accuracy"] == pytest.approx(new.accuracy, abs=0.1)
    assert kept["validation_loss"] == pytest.approx(new.log_loss, abs=0.15)


def test_groups_are_held_out_whole() -> None:
    x, y = waves(30)
    fitted = classifier().fit(x, y, groups=np.arange(30) // 6)
    text = dict(fitted.training_summary_)["validation"]
    assert text == "each of 5 groups, by a model that is fitted without it"


def test_a_validation_part_is_scored_where_one_is_wanted() -> None:
    x, y = waves(60)
    fitted = classifier(validation=0.25).fit(x, y)
    assert fitted.held_out_ is not None
    assert len(fitted.held_out_.targets) == 45
    given = classifier().fit(x[:45], y[:45], validation_data=(x[45:], y[45:]))
    assert given.history_["validation_accuracy"][0] == given.score(x[45:], y[45:])


def test_a_saved_model_keeps_what_it_missed(tmp_path: Path) -> None:
    x, y = waves()
    fitted = classifier("rocket(40)").fit(x, y)
    fitted.save(tmp_path / "model.safetensors")
    loaded = segue.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(x), fitted.predict_proba(x))
    assert fitted.held_out_ is not None
    np.testing.assert_allclose(loaded.held_out_.outputs, fitted.held_out_.outputs, atol=1e-7)
    np.testing.assert_array_equal(loaded.held_out_.targets, fitted.held_out_.targets)
    assert [set(found) for found in loaded.predict_set(x[:9])] == [
        set(found) for found in fitted.predict_set(x[:9])
    ]


@pytest.mark.parametrize("weights", [{"class_weight": "balanced"}, {"sample_weight": True}])
def test_weights_count(weights: dict[str, Any]) -> None:
    """A class that is rare is answered more often where it counts as much as the other."""
    x, y = waves(120, noise=3.0)
    kept = np.flatnonzero((y != "fast") | (np.arange(120) < 40))
    x, y = [x[i] for i in kept], y[kept]
    each = 1 / np.array([np.mean(y == label) for label in y])
    given = {"sample_weight": each} if "sample_weight" in weights else {}
    balanced = classifier(class_weight=weights.get("class_weight")).fit(x, y, **given)
    plain = classifier().fit(x, y)
    assert (balanced.predict(x) == "fast").sum() > (plain.predict(x) == "fast").sum()


def test_two_classes_static_features_and_several_labels() -> None:
    x, y = waves(60, noise=3.0)
    known = (np.arange(60) % 2)[:, None].astype(float)
    two = classifier().fit(x, np.arange(60) % 2, static=known)
    assert two.score(x, np.arange(60) % 2, static=known) > 0.9
    several = np.stack([y == "slow", y == "fast"], 1).astype(int)
    labels = classifier(head="sigmoid").fit(x, several)
    assert labels.held_out_ is not None
    assert labels.held_out_.outputs.shape == (60, 2)
    single = classifier(head="sigmoid").fit(x, y)
    assert single.held_out_ is not None
    np.testing.assert_allclose(single.held_out_.outputs.sum(1), 1)


def test_numbers(tmp_path: Path) -> None:
    """In the target's own unit."""
    x, _ = waves(60)
    y = np.array([100.0 + 10 * one.std() + len(one) for one in x])
    fitted = segue.SequenceRegressor("quant(3)", options=QUIET).fit(x, y)
    held_out = fitted.held_out_
    assert held_out is not None
    assert held_out.outputs.shape == (60,)
    rmse = np.sqrt(np.mean((held_out.outputs - y) ** 2))
    assert rmse == pytest.approx(fitted.history_["validation_rmse"][0], rel=1e-5)
    assert rmse < 0.7 * y.std()
    np.testing.assert_allclose(held_out.targets, y, rtol=1e-6)
    fitted.save(tmp_path / "m.safetensors")
    assert segue.load(tmp_path / "m.safetensors").held_out_.outputs.shape == (60,)


def test_too_many_features_are_refused_with_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closed_form, "MOST", 10)
    x, y = waves(12)
    with pytest.raises(
        TrainingError, match=r"of the two numbers can be 10 at most\. Ask for fewer"
    ):
        classifier().fit(x, y)


# -- sets of classes ------------------------------------------------------------------------------


@pytest.mark.parametrize("per_class", [False, True])
def test_sets_hold_the_true_class_as_often_as_asked(per_class: bool) -> None:
    x, y = waves(150, noise=1.3)
    test, truth = waves(900, seed=1, noise=1.3)
    fitted = classifier("hydra(8)").fit(x, y)
    sets = fitted.predict_set(test, coverage=0.8, per_class=per_class)
    held = np.array([label in found for label, found in zip(truth, sets, strict=True)])
    assert fitted.score(test, truth) < 0.8
    assert 0.72 < held.mean() < 0.88
    if per_class:
        assert all(0.66 < held[truth == label].mean() < 0.94 for label in set(truth))
    assert min(map(len, sets)) == 1
    first = np.array([found[0] for found in sets])
    assert (first == fitted.predict(test)).all()


@pytest.mark.parametrize("frequent", range(33, 58, 2))
def test_sets_where_all_sequences_get_the_same_answer(frequent: int) -> None:
    """Rounded to float32, or not: a class as probable as it was of held-out ones is in the set."""
    classes = (np.arange(64) >= frequent).astype(int)
    shares = np.array([frequent, 64 - frequent]) / 64.3
    held_out = HeldOut(np.tile(shares, (64, 1)), classes)
    found = prediction_sets(np.tile(shares, (5, 1)).astype(np.float32), held_out, ["a", "b"])
    assert found.all()


def test_too_few_sequences_for_a_coverage() -> None:
    x, y = waves(12)
    fitted = classifier().fit(x, y)
    with pytest.warns(UserWarning, match="need 19 training sequences at least"):
        sets = fitted.predict_set(x, coverage=0.95)
    assert all(len(found) == 3 for found in sets)
    with pytest.warns(UserWarning, match=r"the class of 99\.9 % of the sequences need 999"):
        fitted.predict_set(x, coverage=0.999)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.predict_set(x, coverage=0.9)


def test_sets_need_what_was_held_out() -> None:
    x, y = waves(12)
    with pytest.raises(DataError, match="fit .auto., or a network in closed form"):
        classifier("gru(2)", epochs=1).fit(x, y).predict_set(x)
    with pytest.raises(OptionError, match="`coverage` is 90; expected a share"):
        classifier().fit(x, y).predict_set(x, coverage=90)
