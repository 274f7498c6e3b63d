"""The parameters of the estimators: what several have is the same everywhere, and said the same."""

from __future__ import annotations

import inspect
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import clone

from segue import (
    Forecaster,
    LanguageModel,
    SequenceClassifier,
    SequenceEnsemble,
    SequenceLabeler,
    SequenceRegressor,
    TrainingOptions,
)
from segue.errors import NotFittedError, OptionError
from segue.testing import tiny_dataset

ESTIMATORS: tuple[Any, ...] = (
    SequenceClassifier,
    SequenceLabeler,
    SequenceRegressor,
    Forecaster,
    LanguageModel,
)
PAIRS = list(combinations(ESTIMATORS, 2))

# What is meant to differ between these and every other estimator that has it.
OWN_DEFAULTS = {
    ("Forecaster", "network"),  # a window has few steps, and what comes next has one direction
    ("LanguageModel", "network"),
    ("LanguageModel", "prepare"),  # texts
    ("LanguageModel", "size"),  # tokens of a piece; of a window there are fewer
}
OWN_WORDS = {
    ("SequenceClassifier", "validation"),  # it wants some of each class
    ("SequenceClassifier", "classes"),  # or the names of several labels
    ("SequenceLabeler", "network"),  # answers at every step
    ("SequenceLabeler", "validation"),
    ("SequenceLabeler", "class_weight"),  # steps are counted, not sequences
    ("SequenceRegressor", "options"),  # the unit of `min_delta`
    *(("Forecaster", name) for name in ("network", "prepare", "epochs", "batch_size")),
    *(("Forecaster", name) for name in ("validation", "options")),  # windows of series
    *(("LanguageModel", name) for name in ("network", "prepare", "size", "epochs")),
    *(("LanguageModel", name) for name in ("batch_size", "validation")),  # pieces of texts
}


def described(kind: type) -> dict[str, str]:
    """What the docstring says of each argument, on one line."""
    text = (inspect.getdoc(kind) or "").partition("Args:\n")[2].partition("\n\n")[0]
    lines = re.sub(r"\n {8,}", " ", text).splitlines()
    return {name: said for name, _, said in (line.strip().partition(": ") for line in lines)}


def defaults(kind: type) -> dict[str, Any]:
    """Default and type of each argument of the constructor."""
    found = inspect.signature(kind).parameters.values()
    return {one.name: (one.default, one.annotation, one.kind) for one in found}


def named(kind: Any) -> str:
    return str(kind.__name__)


@pytest.mark.parametrize("kind", ESTIMATORS, ids=named)
def test_every_argument_is_described_in_the_order_of_the_constructor(kind: type) -> None:
    assert list(described(kind)) == list(defaults(kind))


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=named)
@pytest.mark.parametrize(
    ("read", "own"), [(defaults, OWN_DEFAULTS), (described, OWN_WORDS)], ids=["default", "words"]
)
def test_what_two_estimators_share_is_the_same(
    one: type, other: type, read: Any, own: set[tuple[str, str]]
) -> None:
    """Someone who changes to another task need not read all of it again."""
    ours, theirs = read(one), read(other)
    for name in ours.keys() & theirs.keys():
        if {(one.__name__, name), (other.__name__, name)} & own:
            assert ours[name] != theirs[name], f"{name} is the same after all: not among `own`"
        else:
            assert ours[name] == theirs[name], name


def test_an_ensemble_has_nothing_to_be_set_but_its_members() -> None:
    assert list(described(SequenceEnsemble)) == list(defaults(SequenceEnsemble)) == ["members"]


@pytest.mark.parametrize("kind", ESTIMATORS, ids=named)
def test_what_the_constructor_is_given_is_kept_as_it_is(kind: Any) -> None:
    """Nothing is checked or copied before `fit`, as scikit-learn's `clone` needs it."""
    given = {name: object() for name in defaults(kind)}
    made = kind(given.pop("network"), **given)
    assert {name: getattr(made, name) for name in given} == given
    assert list(vars(made)) == list(defaults(kind))
    assert len({made, kind()}) == 2


@pytest.mark.parametrize("kind", ESTIMATORS, ids=named)
def test_scikit_learn_clones_what_was_set(kind: Any) -> None:
    made = kind("gru(3)", seed=4).set_params(batch_size=7, options__patience=3)
    again = clone(made)
    assert again is not made
    assert again.get_params() == made.get_params()
    assert repr(again) == (
        f"{kind.__name__}(network='gru(3)', batch_size=7, seed=4, "
        "options=TrainingOptions(patience=3))"
    )


def test_a_classifier_has_few_public_names() -> None:
    """Beside scikit-learn's contract, its parameters and its fitted attributes."""
    contract = {"fit", "predict", "predict_proba", "score", "get_params", "set_params"}
    names = {name for name in dir(SequenceClassifier) if not name.startswith("_")}
    own = {name for name in names - contract - set(defaults(SequenceClassifier)) if name[-1] != "_"}
    assert own == {
        "anytime", "as_read", "check_input", "embed", "predict_set", "save", "score_name",
        "scored_part", "stream", "task", "tasks", "training_options",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"device": None}, "`device` is None; expected auto, cpu or cuda"),
        ({"device": {"type": "cpu"}}, "`device` is .*; expected auto, cpu or cuda"),
        ({"classes": 2}, r"`classes` is 2; expected the names of all classes, such as \['no'"),
        ({"classes": "ab"}, "`classes` is 'ab'; expected the names"),
    ],
)
def test_arguments_of_another_type_are_refused(argument: dict[str, Any], message: str) -> None:
    data = tiny_dataset(12)
    with pytest.raises(OptionError, match=message):
        SequenceClassifier("gru(2)", epochs=1, **argument).fit(data.x, data.y)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("epochs", r"Write SequenceClassifier\(..., epochs=...\)"),
        ("validation_split", r"Write SequenceClassifier\(..., validation=...\)"),
        ("patience", r"Write SequenceClassifier\(options=TrainingOptions\(patience=...\)\)"),
        ("warm_start", r"`fit\(x, y, initial=estimator\)` begins with the weights"),
        ("mask", "Known: X, callbacks"),
    ],
)
def test_fit_says_where_its_arguments_of_keras_are(name: str, message: str) -> None:
    with pytest.raises(TypeError, match=f"`fit` has no argument '{name}'. {message}"):
        SequenceClassifier().fit([[1.0]], ["a"], **{name: 1})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("GradientThreshold", 'Did you mean "clip_norm"'),
        ("ValidationPatience", 'Did you mean "patience"'),
        ("learning_rate", "It is one of the estimator"),
        ("callbacks", "It is one of `fit`"),
    ],
)
def test_options_of_matlab_and_keras_are_answered(name: str, message: str) -> None:
    with pytest.raises(OptionError, match=f"no argument '{name}'. {message}"):
        TrainingOptions(**{name: 1})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("epoch", 'Did you mean "epochs"'),
        ("max_iter", 'Did you mean "epochs"'),
        ("lr", 'Did you mean "learning_rate"'),
        ("random_state", 'Did you mean "seed"'),
        ("warm_start", r"`fit\(x, y, initial=estimator\)` begins"),
        ("dropout", "It is of a layer: network="),
        ("hidden_layer_sizes", "It is of a layer: network="),
        ("foo", "Known: batch_size, class_weight, .*, validation"),
    ],
)
def test_unknown_arguments_are_answered_wherever_they_are_set(name: str, message: str) -> None:
    """Near misses, other libraries' words; those of the options are not all listed."""
    for ask in (SequenceClassifier, SequenceClassifier().set_params):
        with pytest.raises(OptionError, match=message) as error:
            ask(**{name: 1})
        assert "plateau" not in str(error.value)


@pytest.mark.parametrize("name", ["patience", "early_stopping", "options__patienc", "optimiser"])
def test_options_of_training_are_set_by_their_path(name: str) -> None:
    meant = "optimizer" if name == "optimiser" else "patience"
    with pytest.raises(OptionError, match=rf"Write options__{meant}="):
        SequenceClassifier().set_params(**{name: 1})
    with pytest.raises(OptionError, match=rf"Write options=TrainingOptions\({meant}="):
        SequenceClassifier(**{name: 1})


def test_what_fit_sets_is_missed_before_it() -> None:
    """As an attribute that is not there, and as what scikit-learn calls not fitted."""
    for name in ("classes_", "history_", "network_", "n_features_in_"):
        with pytest.raises(NotFittedError, match=f"no attribute '{name}': it is not fitted yet"):
            getattr(SequenceClassifier(), name)
        assert not hasattr(SequenceClassifier(), name)
    assert SequenceClassifier().channels_ is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("partial_fit", "fit(x, y, initial=estimator)"),
        ("decision_function", "predict_proba(x)"),
        ("summary", "network_.summary()"),
        ("compile", "nothing is compiled"),
        ("evaluate", "segue.evaluate(estimator, x, y)"),
        ("classify", "predict(x)"),
        ("coef_", "network_.get_weights()"),
        ("fit_transform", 'prepare="standardize"'),
    ],
)
def test_methods_of_other_libraries_are_answered(name: str, message: str) -> None:
    """On estimators and ensembles; asked with `hasattr` they are not there."""
    fitted = SequenceClassifier("gru(2)", epochs=1, options=TrainingOptions(progress="none"))
    for one in (SequenceClassifier(), Forecaster(), SequenceEnsemble([fitted.fit(tiny_dataset())])):
        assert not hasattr(one, name)
        with pytest.raises(AttributeError, match=re.escape(message)):
            getattr(one, name)


def test_names_that_nobody_knows_are_left_to_python() -> None:
    with pytest.raises(AttributeError, match="'SequenceClassifier' object has no attribute 'foo'$"):
        SequenceClassifier().foo  # noqa: B018


def test_a_patience_without_effect_is_said() -> None:
    options = TrainingOptions(patience=3, progress="none")
    clf = SequenceClassifier("gru(2)", epochs=1, validation=0.2, options=options)
    summary = dict(clf.fit(tiny_dataset()).training_summary_)
    assert "patience 3 does not end the training" in summary["note"]


def test_a_name_of_another_format_warns(tmp_path: Path) -> None:
    options = TrainingOptions(progress="none")
    clf = SequenceClassifier("gru(2)", epochs=1, options=options).fit(tiny_dataset())
    with pytest.warns(UserWarning, match="written as safetensors"):
        clf.save(tmp_path / "model.keras")
