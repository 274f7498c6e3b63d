"""An automatic choice with what may come beside sequences and targets, and what may fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.errors import DataError, ModelFileError, OptionError
from segue.estimators import automatic
from segue.search import candidates
from segue.search.candidates import Candidate

QUIET = segue.TrainingOptions(progress="none")


def waves(count: int = 60, noise: float = 1.0) -> tuple[list[Any], Any]:
    """Slow, fast and faster ones of unequal lengths, two channels."""
    rng = np.random.default_rng(0)
    y = np.arange(count) % 3
    x = [
        np.sin(np.arange(n) * (0.3 + 0.4 * kind) + rng.random((2, 1)) * 6).T
        + noise * rng.standard_normal((n, 2))
        for n, kind in zip(rng.integers(12, 40, count), y, strict=True)
    ]
    return x, np.array(["slow", "fast", "faster"])[y]


TEXTS = ["to be or not", "not to be", "be good", "good or bad"] * 4, ["a", "b", "c", "d"] * 4


def auto(**more: Any) -> segue.SequenceClassifier:
    return segue.SequenceClassifier("auto", **{"options": QUIET, **more})


def members(fitted: Any) -> dict[str, str]:
    """Those that were fitted, and those that were left out."""
    found = ("weight ", "left out: ")
    return {name: text for name, text in fitted.training_summary_ if text.startswith(found)}


@pytest.fixture(autouse=True)
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each kind a small one of which nothing is trained, and a small one that is."""
    monkeypatch.setattr(candidates, "CANDIDATES", (Candidate("hydra", "hydra(4)", lambda _: 100),))
    monkeypatch.setattr(candidates, "TRAINED", (Candidate("gru", "gru(3)", trained=True),))
    monkeypatch.setattr(candidates, "LEAST_TRAINED", 20)


BOTH = pytest.mark.parametrize(
    ("kind", "found"), [("series", ["hydra", "gru"]), ("texts", ["naive Bayes", "n-grams"])]
)


@BOTH
def test_static_features_are_joined_by_all_members(kind: str, found: list[str]) -> None:
    """Known beside sequences that tell nothing."""
    x, y = waves(60, noise=9.0)
    known = np.stack([y == "slow", y == "fast"], 1).astype(float)
    fitted = auto(epochs=40, learning_rate=0.05)
    fitted.fit(TEXTS[0][:3] * 20 if kind == "texts" else x, y, static=known)
    assert fitted.history_.kept["validation_accuracy"] > 0.9
    assert fitted.network_.static == 2
    assert list(members(fitted)) == found


def test_an_estimate_has_an_error_that_knows_of_groups() -> None:
    """The same sequences three times tell no more than once."""
    x, y = waves(30, noise=2.0)
    once = members(auto().fit(x[:18], y[:18]))["hydra"]
    groups = np.repeat(np.arange(18), 3)
    thrice = auto(epochs=2).fit([one for one in x[:18] for _ in range(3)], y[groups], groups=groups)
    (scores,) = re.findall(r"accuracy (\S+ ± \S+),", once)
    assert f"accuracy {scores}," in members(thrice)["hydra"]


@pytest.mark.parametrize("kind", ["one number", "two numbers", "labels", "steps"])
def test_each_kind_of_estimate_has_an_error(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "STEPS", (Candidate("gru", "gru(3)", trained=True),))
    x, _ = waves(30)
    numbers = np.array([[one.std(), 100 * one.mean()] for one in x])
    fitted: Any
    if kind == "steps":
        labels = [np.where(one[:, 0] > 0, "up", "down").tolist() for one in x]
        fitted = segue.SequenceLabeler("auto", epochs=2, options=QUIET).fit(x, labels)
    elif kind == "labels":
        fitted = auto(head="sigmoid", epochs=2).fit(
            x, (numbers > np.median(numbers, axis=0)).astype(int)
        )
    else:
        y = numbers if kind == "two numbers" else numbers[:, 0]
        fitted = segue.SequenceRegressor("auto", epochs=2, options=QUIET).fit(x, y)
    name = "rmse" if "number" in kind else "accuracy"
    for said in members(fitted).values():
        (score, error), *_ = re.findall(rf"held out {name} (\S+) ± ([^\s,;]+)", said)
        assert 0 < float(error) < float(score)


def test_all_right_is_no_certainty() -> None:
    """Of few sequences an error is left: what Wilson's interval of one deviation says."""
    x, y = waves(30, noise=0.01)
    found = members(auto().fit(x[:18], y[:18]))["hydra"]
    assert "accuracy 1.0000 ± 0.0527," in found


def test_the_report_of_numbers_speaks_of_no_logits(tmp_path: Path) -> None:
    """Trees, which are for classes, are no candidates; there were no epochs; its lines run."""
    x, _ = waves(30)
    path = tmp_path / "numbers.csv"
    rows = [f"{i},{v:.3f},{w:.3f},{one.std():.3f}" for i, one in enumerate(x) for v, w in one]
    path.write_text("id,a,b,much\n" + "\n".join(rows) + "\n", encoding="utf-8")
    run = tmp_path / "run"
    segue.runs.fit_run(
        path, out=run, network="auto", epochs=2, options=QUIET, columns={"label": "much"}
    )
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "of the logits" not in page
    assert "trees" not in page
    assert "The members together, for training sequences that were held out: loss" in page
    assert " epoch" not in page.partition("The training")[2].partition("</section>")[0]


def test_one_group_is_as_none() -> None:
    x, y = waves(60)
    fitted = auto(epochs=2).fit(x, y, groups=["all"] * 60)
    assert set(members(fitted)) == {"hydra", "gru"}


def test_what_fails_behind_the_first_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise MemoryError("no more")

    monkeypatch.setattr(automatic, "fit_folds", fails)
    fitted = auto().fit(*waves(30))
    assert members(fitted)["gru"] == "left out: MemoryError: no more"


@pytest.mark.parametrize("source", ["a share", "a part", "given"])
def test_validation(source: str) -> None:
    """Its sequences are not learnt, and the scores are of them; a refit learns them too."""
    x, y = waves(90, noise=1.0)
    given: Any = {"X": x, "y": y}
    more = {"validation": 1 / 3} if source == "a share" else {}
    if source == "a part":
        given = {"X": segue.Dataset(x, y, parts=["train"] * 60 + ["validation"] * 30)}
    elif source == "given":
        given = {"X": x[:60], "y": y[:60], "validation_data": (x[60:], y[60:])}
    fitted = auto(epochs=2, **more).fit(**given)
    assert fitted.held_out_ is not None
    assert len(fitted.held_out_.targets) == 60
    if source != "a share":
        expected = pytest.approx(fitted.score(x[60:], y[60:]))
        assert fitted.history_.kept["validation_accuracy"] == expected
    options = segue.TrainingOptions(progress="none", refit=True)
    again = auto(epochs=2, options=options, **more).fit(**given)
    assert again.held_out_ is not None
    assert len(again.held_out_.targets) == 90
    assert again.history_.refit is not None


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        ((np.ones((4, 9, 2)), ["loud"] * 4), r"Labels \['loud'\] are not among the classes"),
        ((np.ones((4, 9, 3)), ["slow"] * 4), "trained on 2 channels; these sequences have 3"),
    ],
)
def test_what_cannot_be_validated_is_said_first(
    validation: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automatic, "search", None)
    with pytest.raises(DataError, match=message):
        auto().fit(*waves(60), validation_data=validation)


def test_a_refit_keeps_groups() -> None:
    """Those of the training sequences; each of the others is one by itself."""
    x, y = waves(90)
    options = segue.TrainingOptions(progress="none", refit=True)
    given = {"groups": np.arange(60) // 3, "validation_data": (x[60:], y[60:])}
    fitted = auto(epochs=2, options=options).fit(x[:60], y[:60], **given)
    plain = auto(epochs=2).fit(x, y, groups=[*np.arange(60) // 3, *range(20, 50)])
    assert fitted.held_out_ is not None
    assert plain.held_out_ is not None
    np.testing.assert_array_equal(fitted.held_out_.targets, plain.held_out_.targets)
    with pytest.raises(DataError, match="trained with 1 static features .* and here are none"):
        auto(options=options).fit(
            x[:60], y[:60], static=np.ones((60, 1)), validation_data=(x[60:], y[60:])
        )


def test_initial_weights_are_of_one_network() -> None:
    x, y = waves(12)
    begin = segue.SequenceClassifier("gru(2)", epochs=1, options=QUIET).fit(x, y)
    with pytest.raises(OptionError, match="Initial weights are of one network"):
        auto().fit(x, y, initial=begin)
    options = segue.TrainingOptions(progress="none", frozen=["gru_1"])
    with pytest.raises(OptionError, match="The names of `frozen` are of one network"):
        auto(options=options).fit(x, y)


def test_options_of_epochs_are_without_effect_where_there_are_none() -> None:
    x, y = waves(18)
    with pytest.warns(UserWarning, match="`epochs`, `batch_size` without effect: of so few"):
        auto(epochs=3, batch_size=8).fit(x, y)
    auto(epochs=2).fit(*waves(30))  # of which a network is trained


@BOTH
def test_a_resumed_search_has_the_same_result(
    kind: str,
    found: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_before_five_folds: Callable[[pytest.MonkeyPatch], None],
) -> None:
    """With any seed; what stood for another member until that was there is none."""
    x, y = TEXTS if kind == "texts" else waves(60, noise=2.0)
    whole = auto(seed=7, epochs=3).fit(x, y)
    with monkeypatch.context() as patched:
        stop_before_five_folds(patched)
        auto(seed=7, epochs=3).fit(x, y, folder=tmp_path / "run")
    groups = np.arange(len(y)) // 4
    with pytest.raises(ModelFileError, match="another groups"):
        auto(seed=7, epochs=3).fit(x, y, folder=tmp_path / "run", resume=True, groups=groups)
    again = auto(seed=7, epochs=3).fit(x, y, folder=tmp_path / "run", resume=True)
    for fitted in (whole, again):
        assert list(members(fitted)) == found
    np.testing.assert_array_equal(again.predict_proba(x), whole.predict_proba(x))
    assert whole.held_out_ is not None
    assert again.held_out_ is not None
    np.testing.assert_array_equal(again.held_out_.outputs, whole.held_out_.outputs)


def test_whole_numbers_are_amounts() -> None:
    """Such as counts of several sensors: series like others, which a line says."""
    x, y = waves(30, noise=0.3)
    counts = [np.round(100 * one).astype(int) for one in x]
    fitted = auto().fit(counts, y)
    assert list(members(fitted)) == ["hydra", "gru"]
    assert "taken as amounts" in dict(fitted.training_summary_)["note"]


def test_seeds_are_resumed(tmp_path: Path) -> None:
    """What is there of them is read, whatever network was chosen."""
    x, y = waves(30)
    first = segue.fit_seeds(auto(epochs=2), x, y, seeds=2, folder=tmp_path)
    again = segue.fit_seeds(auto(epochs=2), x, y, seeds=2, folder=tmp_path, resume=True)
    for one, other in zip(first.members, again.members, strict=True):
        np.testing.assert_array_equal(one.predict_proba(x), other.predict_proba(x))
    with pytest.raises(ModelFileError, match="another epochs"):
        segue.fit_seeds(auto(epochs=3), x, y, seeds=2, folder=tmp_path, resume=True)


def test_targets_are_of_members() -> None:
    options = segue.TrainingOptions(progress="none", target_kb=1)
    with pytest.warns(UserWarning, match="target_ms and target_kb choose among the members"):
        segue.SequenceClassifier("hydra(4)", options=options).fit(*waves(30))


@pytest.mark.parametrize("network", ["hydra(8)", "rocket(100)", "quant trees", "auto"])
def test_one_sequence_of_each_class(network: str) -> None:
    """Without it there is none of its class: nothing is held out, and the largest score decides."""
    rates = np.linspace(0.1, 1.5, 12)
    rng = np.random.default_rng(0)
    x, new = (
        [
            np.sin(np.arange(80) * rate + shift)[:, None]
            for rate, shift in zip(rates, shifts, strict=True)
        ]
        for shifts in rng.random((2, 12))
    )
    with pytest.warns(UserWarning, match="Only one sequence belongs to class"):
        fitted = segue.SequenceClassifier(network, validation=None, options=QUIET).fit(x, range(12))
    assert fitted.score(new, range(12)) > 0.4
    assert fitted.predict_proba(new).max() < 0.15
