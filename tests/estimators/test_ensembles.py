"""Several models of any task as one: the mean of what they answer, in one file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch

from segue import (
    Dataset,
    Forecaster,
    LanguageModel,
    SequenceClassifier,
    SequenceEnsemble,
    SequenceLabeler,
    SequenceRegressor,
    Sequences,
    TrainingOptions,
    estimators,
    evaluate,
    load,
)
from segue.errors import DataError, ModelFileError, NotCausalError
from segue.estimators import fit_seeds
from segue.testing import tiny_dataset

QUICK: dict[str, Any] = {"epochs": 2, "options": TrainingOptions(progress="none")}
SERIES = np.sin(0.4 * np.arange(120)) + 0.01 * np.arange(120)
TEXTS = ["the cat sat on the mat", "the dog sat on the cat", "a dog ran"] * 10
STEPS, NUMBERS = tiny_dataset(30, task="label"), tiny_dataset(30, task="regress")
WHOLE, WORDS = tiny_dataset(30), Dataset(Sequences.from_texts(TEXTS))

pytestmark = pytest.mark.filterwarnings("ignore:The forecast is not clearly better")


def made(estimator: Any, data: Any) -> Any:
    return fit_seeds(estimator, data, seeds=2).ensemble()


@pytest.fixture(scope="module")
def classifiers() -> Any:
    return made(SequenceClassifier("gru(4)", **QUICK), WHOLE)


@pytest.fixture(scope="module")
def labelers() -> Any:
    return made(SequenceLabeler("gru(4)", **QUICK), STEPS)


@pytest.fixture(scope="module")
def regressors() -> Any:
    return made(SequenceRegressor("gru(4)", **QUICK), NUMBERS)


@pytest.fixture(scope="module")
def forecasters() -> Any:
    return made(Forecaster("gru(4)", size=8, horizon=3, **QUICK), SERIES)


@pytest.fixture(scope="module")
def models() -> Any:
    return made(LanguageModel("gru(6)", **QUICK), TEXTS)


# -- means ---------------------------------------------------------------------------------------


def test_labels_are_those_of_the_mean_probability_of_each_step(labelers: SequenceEnsemble) -> None:
    one, other = (member.predict_proba(STEPS.x) for member in labelers.members)
    found = labelers.predict_proba(STEPS.x)
    np.testing.assert_allclose(found.values, (one.values + other.values) / 2, atol=1e-7)
    np.testing.assert_array_equal(found.lengths, STEPS.x.lengths)
    for labels, shares in zip(labelers.predict(STEPS.x), found, strict=True):
        np.testing.assert_array_equal(labels, labelers.classes_[shares.argmax(1)])
    right = np.concatenate(labelers.predict(STEPS.x)) == np.take(
        STEPS.classes, STEPS.y.values[:, 0]
    )
    assert labelers.score(STEPS) == right.mean()
    first = np.arange(30) == 0
    weighted = labelers.score(STEPS, sample_weight=first.astype(float))
    assert weighted == right[: STEPS.x.lengths[0]].mean()


def test_numbers_are_the_mean_numbers(regressors: SequenceEnsemble) -> None:
    one, other = (member.predict(NUMBERS.x) for member in regressors.members)
    np.testing.assert_array_equal(regressors.predict(NUMBERS.x), (one + other) / 2)
    errors = NUMBERS.y - (one + other) / 2
    wanted = 1 - (errors**2).sum() / ((NUMBERS.y - NUMBERS.y.mean()) ** 2).sum()
    assert regressors.score(NUMBERS) == pytest.approx(wanted)
    with pytest.raises(DataError, match="expected here too"):
        regressors.score(NUMBERS.x, np.zeros((30, 2)))


def test_each_forecaster_goes_on_by_itself(forecasters: SequenceEnsemble) -> None:
    """The mean of whole continuations, at every step ahead; feeding it back gives another."""
    one, other = (member.predict(SERIES, 12) for member in forecasters.members)
    found = forecasters.predict(SERIES, 12)
    np.testing.assert_array_equal(found, (one + other) / 2)
    known = SERIES
    for _ in range(12):
        known = np.append(known, forecasters.predict(known, 1))
    assert known[120] == pytest.approx(found[0], abs=1e-6)
    assert np.abs(known[120:] - found).max() > 1e-6


def test_forecasts_go_on_from_the_series_of_the_training(forecasters: SequenceEnsemble) -> None:
    """If all members learnt from the same; else it would not be clear from which."""
    np.testing.assert_array_equal(forecasters.predict(5), forecasters.predict(SERIES, 5))
    assert forecasters.predict().shape == (3,)
    stranger = Forecaster("gru(3)", size=8, horizon=3, **QUICK).fit(SERIES[:-1])
    mixed = SequenceEnsemble([*forecasters.members, stranger])
    with pytest.raises(DataError, match="learnt from different series.*pass the series"):
        mixed.predict(5)
    assert mixed.predict(SERIES, 5).shape == (5,)


def test_tokens_are_foreseen_by_the_mean_probability(models: SequenceEnsemble) -> None:
    """In the table, in the logarithms, in the stream, and in what is generated."""
    one, other = (np.concatenate([*m.predict_proba(TEXTS[:3])]) for m in models.members)
    found = models.predict_proba(TEXTS[:3])
    np.testing.assert_allclose(found.values, (one + other) / 2, atol=1e-7)
    logs = [np.concatenate(model.log_probability(TEXTS[:3])) for model in (*models.members, models)]
    np.testing.assert_allclose(np.exp(logs[2]), (np.exp(logs[0]) + np.exp(logs[1])) / 2)
    for words, shares in zip(models.predict(TEXTS[:3]), found, strict=True):
        np.testing.assert_array_equal(words, models.classes_[shares.argmax(1)])
    stream = models.stream()
    np.testing.assert_allclose(stream.probabilities, found[0][0], atol=1e-6)
    pushed = [stream.push(word) for word in TEXTS[0].split()]
    np.testing.assert_allclose(pushed, found[0][1:], atol=1e-6)
    assert models.perplexity(TEXTS) == pytest.approx(np.exp(-models.score(TEXTS)))
    text = models.generate("the", length=6, seed=3)
    assert text == models.generate("the", length=6, seed=3)
    assert text.startswith("the")


def test_beliefs_on_the_way_are_the_mean_beliefs(classifiers: SequenceEnsemble) -> None:
    one, other = (member.anytime(WHOLE.x) for member in classifiers.members)
    found = classifiers.anytime(WHOLE.x)
    np.testing.assert_allclose(found.values, (one.values + other.values) / 2, atol=1e-7)
    last = np.stack([beliefs[-1] for beliefs in found])
    np.testing.assert_allclose(last, classifiers.predict_proba(WHOLE.x), atol=1e-6)
    assert classifiers.anytime(WHOLE.x, every=2)[0].shape == (-(-len(WHOLE.x[0]) // 2), 2)


def test_members_that_make_other_steps_have_no_common_beliefs() -> None:
    """Their answers for the whole can be averaged all the same, and so can a stream's."""
    data = tiny_dataset(30, lengths=(6, 12))
    plain = SequenceClassifier("gru(3)", **QUICK).fit(data)
    framed = SequenceClassifier("gru(3)", prepare="frame(3) standardize", **QUICK).fit(data)
    ensemble = SequenceEnsemble([plain, framed])
    with pytest.raises(DataError, match="different steps.*each of `members`"):
        ensemble.anytime(data.x)
    stream, steps = ensemble.stream(), data.x[0]
    for time, step in enumerate(steps):
        wanted = ensemble.predict_proba([steps[: time + 1]])[0]
        np.testing.assert_allclose(stream.push(step), wanted, atol=1e-5)


def test_what_comes_one_by_one_is_read_once(
    classifiers: Any, labelers: Any, regressors: Any
) -> None:
    """Or the second member would find nothing left."""
    for ensemble in (classifiers, labelers, regressors):
        items = WHOLE.x.to_list()
        found, wanted = ensemble.predict(item for item in items), ensemble.predict(items)
        assert all(map(np.array_equal, found, wanted))


# -- streams -------------------------------------------------------------------------------------


def test_a_stream_of_labels_is_the_mean(labelers: SequenceEnsemble) -> None:
    stream = labelers.stream()
    for steps in STEPS.x[:3]:
        wanted = labelers.predict_proba([steps])[0]
        np.testing.assert_allclose(stream.extend(steps), wanted, atol=1e-5)
        assert stream.steps == len(steps)
        stream.reset()
        np.testing.assert_allclose([stream.push(step) for step in steps], wanted, atol=1e-5)
        stream.reset()


def test_a_step_that_one_member_refuses_is_heard_by_none() -> None:
    """One has learnt with gaps, the other without: a gap is refused, and all go on together."""
    gaps = SequenceClassifier("gru(3)", **QUICK).fit(tiny_dataset(30, missing=0.3))
    whole = SequenceClassifier("gru(3)", **QUICK).fit(WHOLE)
    stream, other = (SequenceEnsemble([gaps, whole]).stream() for _ in range(2))
    assert stream.probabilities is None
    stream.push([1.0, 2.0])
    other.push([1.0, 2.0])
    with pytest.raises(DataError, match="had none missing in training"):
        stream.push([np.nan, 1.0])
    assert stream.steps == 1
    np.testing.assert_array_equal(stream.push([0.5, 0.5]), other.push([0.5, 0.5]))
    np.testing.assert_array_equal(stream.probabilities, other.probabilities)


def test_a_member_that_looks_ahead_is_named() -> None:
    causal = SequenceLabeler("gru(3)", **QUICK).fit(STEPS)
    other = SequenceLabeler("bilstm(3)", **QUICK).fit(STEPS)
    with pytest.raises(NotCausalError, match="bilstm_1"):
        SequenceEnsemble([causal, other]).stream()


# -- files and scores ----------------------------------------------------------------------------

NAMES = ("classifiers", "labelers", "regressors", "forecasters", "models")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("empty_pictures")
def test_each_is_one_file_and_is_evaluated(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Read again it is of the same kind; the scores are its own, and go into a report."""
    ensemble = request.getfixturevalue(name)
    series = Dataset(Sequences.from_list([SERIES]))
    data = dict(zip(NAMES, (WHOLE, STEPS, NUMBERS, series, WORDS), strict=True))[name]
    ensemble.save(tmp_path / "e.safetensors")
    again = load(tmp_path / "e.safetensors")
    assert type(again) is type(ensemble)
    assert repr(again) == repr(ensemble)
    first, second = evaluate(ensemble, data), evaluate(again, data)
    assert first.metrics() == second.metrics()
    wanted = {"regressors": "r2", "forecasters": "r2"}.get(name, "accuracy")
    if name != "models":
        assert first.metrics()[wanted] == pytest.approx(ensemble.score(data))
    else:
        assert first.metrics()["perplexity"] == pytest.approx(ensemble.perplexity(data))
    first.to_html(tmp_path / "report.html")
    assert "the mean of 2 members" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_file_cannot_pass_members_off_as_of_another_task(
    labelers: SequenceEnsemble, tmp_path: Path
) -> None:
    path = tmp_path / "e.safetensors"
    labelers.save(path)
    with safetensors.safe_open(path, "pt") as file:
        text = json.loads(file.metadata()["segue"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name in ("SequenceEnsemble", "RegressorEnsemble", "AnyEnsemble"):
        changed = {"segue": json.dumps({**text, "estimator": name})}
        path.write_bytes(safetensors.torch.save(tensors, changed))
        with pytest.raises(ModelFileError, match="description"):
            load(path)


# -- members -------------------------------------------------------------------------------------


def test_members_of_another_task_are_refused(classifiers: Any, regressors: Any) -> None:
    """They are named by their number."""
    with pytest.raises(DataError, match="Member 3 is SequenceRegressor"):
        SequenceEnsemble([*classifiers.members, *regressors.members])
    with pytest.raises(DataError, match="made of estimators of segue"):
        SequenceEnsemble(["gru(3)"])  # type: ignore[list-item]


def several() -> Any:
    y = np.column_stack([NUMBERS.y, NUMBERS.y])
    return SequenceRegressor("gru(2)", **QUICK).fit(NUMBERS.x, y)


def tagger() -> Any:
    y = np.eye(2, dtype=int)[np.arange(30) % 2]
    given = {"head": "sigmoid", "classes": list(WHOLE.classes or ()), **QUICK}
    return SequenceClassifier("gru(2)", **given).fit(WHOLE.x, y)


@pytest.mark.parametrize(
    ("name", "other", "difference"),
    [
        ("regressors", several, "shape"),
        ("classifiers", tagger, "name"),
        (
            "forecasters",
            lambda: Forecaster("gru(2)", size=9, horizon=3, **QUICK).fit(SERIES),
            "size",
        ),
        ("forecasters", lambda: Forecaster("gru(2)", size=8, **QUICK).fit(SERIES), "horizon"),
        (
            "models",
            lambda: LanguageModel("gru(2)", **QUICK).fit(["a b c", "b c"] * 4),
            "classes",
        ),
    ],
)
def test_members_that_were_trained_for_something_else_are_refused(
    name: str, other: Callable[[], Any], difference: str, request: pytest.FixtureRequest
) -> None:
    members = request.getfixturevalue(name).members
    with pytest.raises(DataError, match=f"differ in `{difference}`"):
        SequenceEnsemble([*members, other()])


def test_an_ensemble_has_what_its_members_have(classifiers: Any, regressors: Any) -> None:
    """The methods of their class that do not look into one network; `dir` shows them."""
    assert {"predict_proba", "anytime", "stream", "classes_"} <= set(dir(classifiers))
    assert not {"embed", "fit", "network_", "continued"} & set(dir(classifiers))
    assert {"predict", "score"} <= set(dir(regressors))
    for name in ("predict_proba", "anytime", "generate", "nothing"):
        with pytest.raises(AttributeError, match=name):
            getattr(regressors, name)
    assert classifiers.predict_proba.__doc__ == SequenceClassifier.predict_proba.__doc__


@pytest.mark.parametrize("name", ["LabelerEnsemble", "RegressorEnsemble", "ensemble_of"])
def test_former_names_lead_to_the_one_ensemble(name: str, regressors: Any) -> None:
    """For one release, with a warning."""
    with pytest.warns(DeprecationWarning, match=f"{name} is now called .*SequenceEnsemble"):
        kind = getattr(estimators, name)
    assert isinstance(kind(regressors.members), SequenceEnsemble)
