"""`network="auto"`: several networks are fitted and joined to one, which is like any other."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.estimators import automatic, fitting, folds
from segue.evaluation.members import member_table
from segue.search import candidates, sizing
from segue.search.candidates import Candidate

QUIET = segue.TrainingOptions(progress="none")

SMALL = (
    Candidate("rocket", "rocket(30)", lambda _: 1.0, 0.1),
    Candidate("multirocket and hydra", "parallel(multirocket(84), hydra(2))", lambda _: 1.0, 0.1),
    Candidate("quant and trees", "quant(2) trees(9)", lambda _: 1.0, 0.1, grows=True),
    Candidate("rdst", "rdst(20)", lambda _: 1.0, 0.1),
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates of the same kinds, but small."""
    monkeypatch.setattr(candidates, "CANDIDATES", SMALL)


def waves(count: int = 60, seed: int = 0, noise: float = 1.0) -> tuple[list[Any], Any]:
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    x = [
        np.sin(np.arange(n) * (0.3 + 0.4 * kind) + rng.random((2, 1)) * 6).T
        + noise * rng.standard_normal((n, 2))
        for n, kind in zip(rng.integers(12, 40, count), y, strict=True)
    ]
    return x, np.array(["slow", "fast", "faster"])[y]


def auto(**more: Any) -> segue.SequenceClassifier:
    return segue.SequenceClassifier("auto", **{"options": QUIET, **more})


def members(fitted: Any) -> dict[str, str]:
    names = {candidate.name for candidate in SMALL}
    return {name: text for name, text in fitted.training_summary_ if name in names}


def test_members_are_joined_to_one_network(tmp_path: Path) -> None:
    x, y = waves()
    fitted = auto().fit(x, y)
    assert fitted.network == "auto"
    assert list(members(fitted)) == [candidate.name for candidate in SMALL]
    assert all(text.startswith("weight ") for text in members(fitted).values())
    table = member_table(fitted.training_summary_)
    assert table is not None
    assert table.headings == ("member", "weight", "accuracy", "log loss", "size", "time", "network")
    assert [row[0] for row in table.rows] == list(members(fitted))
    assert all(cell not in ("", "–") for row in table.rows for cell in row)
    found = fitted.predict_proba(x)
    np.testing.assert_allclose(found.sum(1), 1)
    assert fitted.score(x, y) > 0.9
    fitted.save(tmp_path / "model.safetensors")
    loaded = segue.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(x), found)
    assert [len(one) for one in loaded.predict_set(x)] == [
        len(one) for one in fitted.predict_set(x)
    ]


def test_the_same_members_give_the_same_file(tmp_path: Path) -> None:
    x, y = waves(30)
    for name in ("a", "b"):
        auto().fit(x, y).save(tmp_path / f"{name}.safetensors")
    first, second = ((tmp_path / f"{name}.safetensors").read_bytes() for name in ("a", "b"))
    assert first == second


@pytest.mark.slow
def test_what_is_said_of_held_out_sequences_is_so_of_new_ones() -> None:
    said, new = [], []
    for seed in (0, 2, 4):
        fitted = auto().fit(*waves(120, seed, noise=1.8))
        scores = segue.evaluate(fitted, segue.Dataset(*waves(600, seed + 1, noise=1.8)))
        kept = fitted.history_.kept
        said.append((kept["validation_accuracy"], kept["validation_loss"]))
        new.append((scores.accuracy, scores.log_loss))
    assert np.mean(said, 0) == pytest.approx(np.mean(new, 0), abs=0.08)


@pytest.mark.slow
def test_a_class_that_counts_more_is_answered_more_often() -> None:
    x, y = waves(90, noise=2.5)
    rarer = {"slow": 1.0, "fast": 1.0, "faster": 8.0}
    new = waves(150, seed=1, noise=2.5)[0]
    fits = [auto(class_weight=weights).fit(x, y) for weights in (None, rarer)]
    plain, more = ((fitted.predict(new) == "faster").sum() for fitted in fits)
    assert more > 2 * plain


@pytest.mark.slow
def test_the_network_weights_the_logits_of_its_members() -> None:
    x, y = waves(30)
    fitted = auto().fit(x, y)
    quick = {"options": QUIET, "seed": 0}
    logits = []
    for candidate in SMALL:
        alone = segue.SequenceClassifier(candidate.network, **quick).fit(x, y)
        logits.append(np.log(alone.predict_proba(x)))
    weights = [float(text.split()[1].rstrip(",")) for text in members(fitted).values()]
    joint = sum(weight * own for weight, own in zip(weights, logits, strict=True))
    expected = np.exp(joint - joint.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(fitted.predict_proba(x), expected, atol=0.05)


def test_a_limit_leaves_candidates_out(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Candidate("rdst", "rdst(20)", lambda _: 1.0, 0.1, once=900.0)
    monkeypatch.setattr(candidates, "CANDIDATES", (*SMALL[:3], slow))
    options = segue.TrainingOptions(progress="none", time_limit_seconds=60)
    fitted = auto(options=options).fit(*waves(30))
    assert fitted.stopped_ == "time"
    assert members(fitted)["rdst"] == "left out: no time"


def test_a_member_that_is_at_work_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a minute, and was expected to take no time."""
    slow = Candidate("rdst", "rdst(300000)", lambda _: 1.0, 0.1)
    monkeypatch.setattr(candidates, "CANDIDATES", (SMALL[0], slow))
    options = segue.TrainingOptions(progress="none", time_limit_seconds=2)
    began = time.perf_counter()
    fitted = auto(options=options).fit(*waves(30))
    assert time.perf_counter() - began < 3
    assert members(fitted)["rdst"] == "left out: no time"


def test_a_ctrl_c_keeps_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, seen = automatic.held_out_logits, []

    def interrupted(result: Any) -> Any:
        seen.append(result)
        if len(seen) > 2:
            raise KeyboardInterrupt
        return logits(result)

    monkeypatch.setattr(automatic, "held_out_logits", interrupted)
    x, y = waves(30)
    fitted = auto().fit(x, y)
    assert fitted.stopped_ == "interrupted"
    assert list(members(fitted)) == ["rocket", "multirocket and hydra"]
    assert fitted.predict(x).shape == (30,)


@pytest.mark.slow
def test_groups_static_features_and_two_classes() -> None:
    x, y = waves(30)
    by_group = auto().fit(x, y, groups=np.arange(30) // 5)
    assert dict(by_group.training_summary_)["validation"].startswith("each of 6 groups")
    two = auto().fit(x, y == "slow", static=(y == "slow")[:, None].astype(float))
    assert two.score(x, y == "slow", static=(y == "slow")[:, None].astype(float)) > 0.9
    plain = auto().fit(x, y == "slow")
    assert plain.predict_proba(x).shape == (30, 2)
    several = np.stack([y == "slow", y == "fast"], 1).astype(int)
    assert auto(head="sigmoid").fit(x, several).predict(x).shape == (30, 2)
    assert auto(head="sigmoid").fit(x, y).predict_proba(x).shape == (30, 3)


def test_trained_networks_are_members(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(candidates, "LEAST_TRAINED", 40)
    small = Candidate("gru", "gru(6)", trained=True)
    monkeypatch.setattr(candidates, "TRAINED", (small,))
    x, y = waves(40, noise=0.5)
    fitted = auto(epochs=6).fit(x, y)
    lines = dict(fitted.training_summary_)
    assert "held out accuracy" in lines["gru"]
    assert lines["gru"].endswith(": gru(6), the mean of 5")
    assert fitted.held_out_ is not None
    assert len(fitted.held_out_.outputs) == 40
    fitted.save(tmp_path / "model.safetensors")
    again = segue.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict_proba(x), fitted.predict_proba(x))


def test_numbers() -> None:
    x, _ = waves(60)
    y = np.array([100.0 + 10 * one.std() + len(one) for one in x])
    fitted = segue.SequenceRegressor("auto", options=QUIET).fit(x, y)
    assert fitted.score(x, y) > 0.7
    assert fitted.held_out_ is not None
    assert fitted.held_out_.outputs.shape == (60,)


def test_texts() -> None:
    """Runs of words and characters, unless words are asked for."""
    texts, y = ["to be or not", "not to be", "be good", "good or bad"] * 4, ["a", "b", "c", "d"] * 4
    options = segue.TrainingOptions(progress="none", time_limit_seconds=4)
    fitted = auto(options=options).fit(texts, y)
    assert fitted.score(texts, y) == 1
    assert str(fitted.preparation_) == "ngrams"
    assert fitted.held_out_ is not None
    in_words = auto(options=options, prepare="words(min_count=1)").fit(texts, y)
    assert str(in_words.preparation_) == "words(min_count=1)"


@pytest.mark.parametrize("kind", ["class", "numbers", "labels"])
def test_texts_have_a_model_soon(
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    stop_before_five_folds: Callable[[pytest.MonkeyPatch], None],
) -> None:
    """Of one class each tokens are counted; else what is trained for a few seconds stays."""
    texts, y = ["to be or not", "not to be", "be good", "good or bad"] * 4, ["a", "b", "c", "d"] * 4
    stop_before_five_folds(monkeypatch)
    fitted: Any
    if kind == "numbers":
        fitted = segue.SequenceRegressor("auto", options=QUIET).fit(texts, np.arange(16) % 4.0)
    elif kind == "labels":
        fitted = auto(head="sigmoid").fit(texts, [[i % 2, i // 2 % 2] for i in range(16)])
    else:
        fitted = auto().fit(texts, y)
        assert fitted.score(texts, y) == 1
    assert fitted.stopped_ == "interrupted"
    name = "naive Bayes" if kind == "class" else "n-grams, at first"
    assert name in dict(fitted.training_summary_)


@pytest.mark.parametrize("counted", [1, 2])
def test_of_many_texts_some_are_counted_first(
    counted: int,
    monkeypatch: pytest.MonkeyPatch,
    stop_before_five_folds: Callable[[pytest.MonkeyPatch], None],
) -> None:
    """Their words are others than those of all, so one of the two is the model, not both."""
    words = [f"{name}{number % 9}" for number in range(40) for name in ("up", "down")]
    texts, y = words * 3, ["up", "down"] * 120
    monkeypatch.setattr(sizing, "FIRST", 0.1005)
    stop_before_five_folds(monkeypatch)
    count, calls = fitting.fit_by_counting, []

    def stops(*given: Any) -> Any:
        calls.append(given)
        if len(calls) > counted:
            raise KeyboardInterrupt
        return count(*given)

    monkeypatch.setattr(fitting, "fit_by_counting", stops)
    fitted = auto(prepare="words(min_count=1)").fit(texts, y)
    (name,) = [n for n, text in fitted.training_summary_ if text.startswith("weight ")]
    assert name == ("naive Bayes, 1/8 of the texts" if counted == 1 else "naive Bayes")
    assert fitted.held_out_ is not None
    assert len(fitted.held_out_.targets) == (30 if counted == 1 else 240)
    assert fitted.score(texts, y) > 0.8
    assert fitted.stopped_ == "interrupted"


def test_two_classes_of_texts() -> None:
    """With classes that count as much as each other, and a text without a known token."""
    texts, y = ["to be or not", "not to be", "be good", "good or bad"] * 4, ["a", "b", "a", "a"] * 4
    fitted = auto(class_weight="balanced", epochs=3).fit(texts, y)
    assert fitted.score(texts, y) == 1
    assert "naive Bayes" in dict(fitted.training_summary_)
    assert np.isfinite(fitted.predict_proba(["xyz"])).all()
    alone = auto(head="sigmoid", epochs=3).fit(texts, y)  # for which there are no candidates
    assert dict(alone.training_summary_)["validation"].startswith("none")


def test_labels_at_each_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        candidates, "STEPS", tuple(Candidate(n, n, trained=True) for n in ("gru(4)", "lstm(4)"))
    )
    monkeypatch.setattr(folds, "PIECE", 10)
    x, _ = waves(12, noise=0.1)
    labels = [np.where(one[:, 0] > 0, "up", "down").tolist() for one in x]
    labels[0][3] = "?"
    data = segue.Dataset(x, groups=np.arange(12) // 2)
    labeler = segue.SequenceLabeler(
        "auto", options=QUIET, ignore="?", epochs=60, learning_rate=0.03
    )
    fitted = labeler.fit(data, labels)
    assert fitted.score(x, labels) > 0.9
    assert fitted.history_.kept["validation_accuracy"] > 0.8
    fitted.save(tmp_path / "model.safetensors")
    again = segue.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict_proba(x).values, fitted.predict_proba(x).values)


def test_what_has_no_candidates_gets_a_network() -> None:
    options = segue.TrainingOptions(progress="none", time_limit_seconds=0.2)
    with pytest.warns(UserWarning, match="Only one sequence belongs to class a, b"):
        few = auto(epochs=1, options=options, validation=None).fit(
            ["one one", "two two"], ["a", "b"]
        )
    assert "bilstm(100)" in few.network_.summary().text


def test_members_keep_to_the_targets() -> None:
    """Those that would make the model too large, or too slow, are left out; one is always kept."""
    x, y = waves(30)
    every = auto().fit(x, y)
    sizes = [w.nbytes for w in every.network_.get_weights().values()]
    most = 0.5 * sum(sizes) / 1000
    small = auto(options=segue.TrainingOptions(progress="none", target_kb=most)).fit(x, y)
    assert sum(w.nbytes for w in small.network_.get_weights().values()) / 1000 <= 1.1 * most
    assert "left out: beyond the targets" in members(small).values()
    fast = segue.TrainingOptions(progress="none", target_ms=1e-6)
    with pytest.warns(UserWarning, match=r"No member is within the targets: .* is the nearest"):
        fitted = auto(options=fast).fit(x, y)
    assert list(members(fitted).values()).count("left out: beyond the targets") == 3
    with pytest.raises(segue.errors.OptionError, match="`target_kb` is 0; expected more than 0"):
        segue.TrainingOptions(target_kb=0)
