"""All forms of X and y mean the same, and what cannot be used is refused in one clear message."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from segue import Dataset, SequenceClassifier, Sequences
from segue.errors import DataError, NotFittedError, OptionError, SpecError, TrainingError
from segue.testing import tiny_dataset

Quick = Callable[..., SequenceClassifier]


@pytest.fixture
def data() -> Dataset:
    return tiny_dataset(24)


def equal_lengths(n: int = 24, time: int = 5, channels: int = 2) -> tuple[Any, Any]:
    x = tiny_dataset(n, lengths=(time, time), channels=channels)
    return np.stack(x.x.to_list()), x.y


# -- forms ---------------------------------------------------------------------------------------


def test_ragged_forms_mean_the_same(quick: Quick, data: Dataset) -> None:
    """Sequences, a list of arrays, nested lists, an array of objects, channels first."""
    items = data.x.to_list()
    objects = np.empty(len(items), object)
    objects[:] = items
    wanted = quick().fit(data).predict_proba(data.x)
    for x in (data.x, items, tuple(items), [item.tolist() for item in items], objects):
        np.testing.assert_array_equal(quick().fit(x, data.y).predict_proba(x), wanted)
    turned = [item.T for item in items]
    np.testing.assert_array_equal(
        quick(layout="ct").fit(turned, data.y).predict_proba(turned), wanted
    )


def test_array_forms_mean_the_same(quick: Quick) -> None:
    """(n, time, channel), channels first, float64, lists, one channel without its axis."""
    x, y = equal_lengths()
    wanted = quick().fit(x, y).predict_proba(x)
    for other in (x.astype(np.float64), x.tolist(), list(x), np.asfortranarray(x)):
        np.testing.assert_array_equal(quick().fit(other, y).predict_proba(other), wanted)
    turned = np.ascontiguousarray(x.transpose(0, 2, 1))
    np.testing.assert_array_equal(quick(layout="nct").fit(turned, y).predict_proba(turned), wanted)
    one = x[:, :, 0]
    np.testing.assert_array_equal(
        quick().fit(one, y).predict_proba(one),
        quick().fit(one[:, :, None], y).predict_proba(list(one)),
    )


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_arrays_with_a_mask(quick: Quick, data: Dataset, side: Any) -> None:
    """Padding on either side, filled with anything, is not seen."""
    padded, mask = data.x.to_padded(side=side, value=1e9)
    x = Sequences.from_padded(padded, mask)
    np.testing.assert_array_equal(
        quick().fit(x, data.y).predict_proba(x), quick().fit(data).predict_proba(data)
    )


@pytest.mark.parametrize(
    "classes",
    [("down", "up"), (3, 7), (0.5, 1.0), (False, True), ("b", "a"), (-1, 0)],
    ids=str,
)
def test_labels_of_any_kind_come_back_as_they_were(quick: Quick, classes: Any) -> None:
    """Text, whole numbers, floats and truth values, with their own type, and sorted."""
    data = tiny_dataset(24)
    y = np.where(data.y == "up", classes[1], classes[0])
    fitted = quick("gru(8)", epochs=25, learning_rate=0.02).fit(data.x, y)
    assert fitted.classes_.tolist() == sorted(classes)
    got = fitted.predict(data.x)
    assert got.dtype.kind == y.dtype.kind
    assert (got == y).mean() > 0.9
    assert fitted.score(data.x, y) == (got == y).mean()


def test_labels_may_stand_in_a_column_or_be_objects(quick: Quick, data: Dataset) -> None:
    """As tables give them."""
    wanted = quick().fit(data).predict_proba(data)
    with pytest.warns(match="column-vector y"):
        found = quick().fit(data.x, data.y[:, None])
    np.testing.assert_array_equal(found.predict_proba(data.x), wanted)
    for y in (data.y.astype(object), data.y.tolist()):
        np.testing.assert_array_equal(quick().fit(data.x, y).predict_proba(data.x), wanted)


def test_given_classes_keep_their_order_and_may_be_absent(quick: Quick, data: Dataset) -> None:
    """Also one that never occurs has its probability."""
    fitted = quick(classes=["up", "sideways", "down"]).fit(data.x, data.y)
    assert fitted.classes_.tolist() == ["up", "sideways", "down"]
    assert fitted.class_counts_ == {"up": 12, "sideways": 0, "down": 12}
    assert fitted.predict_proba(data.x).shape == (24, 3)


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize("count", [2, 3])
def test_probabilities_sum_to_one_for_every_head(quick: Quick, head: str, count: int) -> None:
    """Two classes of softmax share one logit; sigmoid has an output per class."""
    data = tiny_dataset(24, classes=tuple("abc"[:count]))
    fitted = quick("gru(8)", head=head, epochs=60, learning_rate=0.02).fit(data)
    outputs = 1 if (head, count) == ("softmax", 2) else count
    assert fitted.network_.summary().rows[-1].shape == f"[{outputs}]"
    np.testing.assert_allclose(fitted.predict_proba(data).sum(1), 1, atol=1e-12)
    assert fitted.score(data) > 0.8


def test_tokens(quick: Quick) -> None:
    """An embedding takes whole numbers as such, and a token of later is refused by number."""
    data = tiny_dataset(24, tokens=6)
    fitted = quick("embedding(4) gru(6)", epochs=30, learning_rate=0.02).fit(data)
    assert fitted.score(data) > 0.9
    with pytest.raises(DataError, match="embedding_1 has the tokens 0 to 5; got 6"):
        fitted.predict(Sequences(np.array([6], np.int32), [0, 1]))
    with pytest.raises(DataError, match="was trained on tokens"):
        fitted.predict(tiny_dataset(4, channels=1).x)
    with pytest.raises(DataError, match=r"trained on tokens .* numbers, float64.*x.astype\(int\)"):
        fitted.predict([[1.0, 2.0]])


def test_one_sequence_of_one_step_of_one_channel(quick: Quick) -> None:
    """The smallest there is."""
    fitted = quick().fit([[0.0], [1.0]] * 3, ["a", "b"] * 3)
    assert fitted.predict_proba([[0.5]]).shape == (1, 2)
    assert fitted.predict_proba(np.array([[0.5]])).shape == (1, 2)


# -- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([], [], "There are no sequences"),
        (
            [[1.0], [2.0]],
            ["a", "a"],
            r"All 2 sequences belong to one class \('a'\); .* at least two",
        ),
        ([[1.0], []], ["a", "b"], r"1 of 2 sequences have length 0 \(the first is number 1\): rem"),
        ([[1.0], [2.0]], ["a"], "There are 2 sequences and 1 labels; expected one label for each"),
        ([[1.0], [2.0]], None, "`y` is missing: pass one label for each sequence, or a Dataset"),
        (
            [[1.0], [2.0]],
            [["a", "b"], ["a", "b"]],
            r"`y` has shape \(2, 2\) of <U1; expected \[n\], one l",
        ),
        ([[1.0], [2.0]], [["a"], ["a", "b"]], "`y` has rows of different lengths.*MultiLabelBinar"),
        ([[1.0], [2.0]], [0.5, 1.25], "2 different numbers for 2 sequences.* SequenceRegressor"),
        ([[1.0], [2.0]], [1.0, np.nan], "Sequence 1 has no label; 1 of 2 .*drop_missing"),
        ([[1.0], [2.0]], ["a", None], "Sequence 1 has no label; 1 of 2 .*drop_missing"),
        (
            [[1.0], [2.0, np.inf]],
            ["a", "b"],
            "Sequence 1 has an infinite value at step 1, channel 0",
        ),
        (
            [[1.0], ["x"]],
            ["a", "b"],
            "Sequence 1 is list; expected a .time, channel. or .time,. arr",
        ),
        ([1.0, 2.0], ["a", "b"], "Sequence 0 is float; expected"),
        ("waves/", ["a"], "`X` is str; expected a .* Files are read with `segue.read`"),
        (5, ["a"], "`X` is int; expected"),
        (
            np.zeros((2, 3, 4, 5)),
            ["a", "b"],
            r"shape \(2, 3, 4, 5\); expected \(n, time, channel\)",
        ),
        ([np.zeros((3, 2)), np.zeros((3, 4))], ["a", "b"], "pass layout='ct'"),
        ([np.zeros((3, 2)), np.zeros((5, 4))], ["a", "b"], "0 has 2 channels and sequence 1 has 4"),
    ],
)
def test_bad_input_is_refused(quick: Quick, x: Any, y: Any, message: str) -> None:
    """With what came, what was expected and how to mend it; nothing is fitted."""
    classifier = quick()
    with pytest.raises(DataError, match=message):
        classifier.fit(x, y)
    with pytest.raises(NotFittedError, match="not fitted yet: call `fit"):
        classifier.predict([[1.0]])


def test_a_dataset_brings_its_own_targets(quick: Quick, data: Dataset) -> None:
    """Two y are one too many, and numbers are no classes."""
    with pytest.raises(DataError, match="is a Dataset and has its own targets: leave out `y`"):
        quick().fit(data, data.y)
    with pytest.raises(DataError, match="the targets here are for the task 'regress'"):
        quick().fit(Dataset(data.x, np.linspace(0, 1, 24)))
    with pytest.raises(DataError, match="the targets here are for the task 'none'"):
        quick().fit(Dataset(data.x))
    fitted = quick().fit(data)
    with pytest.raises(DataError, match="A score needs one label for each sequence"):
        fitted.score(Dataset(data.x))


def test_channels_and_time_swapped(quick: Quick, data: Dataset) -> None:
    """Suspected from padding on the last axis, from lengths, and from the channels of training."""
    padded, _ = data.x.to_padded()
    with pytest.raises(
        DataError, match=r"lengths vary over the last axis \(1 to 9\).*layout='nct'"
    ):
        quick().fit(np.ascontiguousarray(padded.transpose(0, 2, 1)), data.y)
    x, y = equal_lengths(time=12, channels=3)
    with pytest.warns(
        UserWarning, match="3 time steps of 12 channels. If it is the other way round"
    ):
        quick().fit(x.transpose(0, 2, 1), y)
    fitted = quick().fit(x, y)
    with pytest.raises(DataError, match="trained on 3 channels; these .* have 12.*layout='nct'"):
        fitted.predict(x.transpose(0, 2, 1))
    with pytest.raises(DataError, match="trained on 3 channels; these sequences have 2"):
        fitted.predict(data.x)


def test_one_hot_letters_are_not_taken_for_padding(quick: Quick) -> None:
    """More channels than steps, with zeros at their ends: as it should be."""
    letters = np.random.default_rng(0).integers(0, 26, (20, 5))
    x = np.eye(26, dtype=np.float32)[letters]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so many channels: asked about, but not refused
        quick().fit(x, letters[:, 0] > 12)


def test_ragged_input_to_flatten(quick: Quick, data: Dataset) -> None:
    """In training, and later to a network that was built for one length."""
    with pytest.raises(
        SpecError, match="flatten_1 needs sequences of one common length, and these"
    ):
        quick("flatten dense(4)").fit(data)
    x, y = equal_lengths()
    fitted = quick("flatten dense(4)").fit(x, y)
    with pytest.raises(DataError, match="flatten_1 was built for sequences of 5 steps; got"):
        fitted.predict(data.x)


def test_a_class_in_the_test_part_only_is_warned_of(quick: Quick) -> None:
    """It cannot be learnt, and every sequence of it will count as a mistake."""
    data = tiny_dataset(24, parts=True)
    y = data.y.astype("<U8")
    y[np.flatnonzero(data.parts == "test")[0]] = "sideways"
    with pytest.warns(UserWarning, match="Class sideways does not occur in the training part"):
        fitted = quick().fit(Dataset(data.x, y, parts=data.parts))
    assert fitted.classes_.tolist() == ["down", "up"]


def test_a_class_that_occurs_once_stays_in_training_with_a_warning(quick: Quick) -> None:
    """Setting its one sequence aside would lose the class."""
    data = tiny_dataset(40)
    y = data.y.astype("<U8")
    y[7] = "rare"
    with pytest.warns(
        UserWarning, match="Only one sequence belongs to class rare: it stays in the"
    ):
        fitted = quick(validation=0.5).fit(data.x, y)
    assert fitted.class_counts_["rare"] == 1
    assert sum(fitted.class_counts_.values()) == 20


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"network": "lstmm(4)"}, SpecError, "unknown layer 'lstmm'. Did you mean \"lstm\""),
        ({"network": "lstm(-4)"}, SpecError, "`units` is -4: input should be greater than"),
        ({"network": "lstm(4, unit=3)"}, SpecError, "lstm has no argument 'unit'"),
        ({"network": None}, SpecError, "a network is a text such as"),
        ({"prepare": "standardise"}, SpecError, 'Did you mean "standardize"'),
        ({"epochs": 0}, OptionError, "`epochs` is 0; expected 'auto' or a whole number from 1 on"),
        ({"epochs": 2.5, "batch_size": -1}, OptionError, "`epochs` is 2.5.*`batch_size` is -1"),
        (
            {"learning_rate": np.nan},
            OptionError,
            "`learning_rate` is nan; expected a number above 0",
        ),
        ({"head": "linear"}, OptionError, "`head` is 'linear'; expected 'softmax' or 'sigmoid'"),
        ({"seed": None}, OptionError, "`seed` is None; expected a whole number"),
        ({"seed": "one"}, OptionError, "`seed` is 'one'; expected a whole number"),
        ({"validation": 1.5}, OptionError, "`validation` is 1.5; expected 'auto', a share between"),
        ({"validation": True}, OptionError, "`validation` is True; expected 'auto'"),
        ({"class_weight": "even"}, OptionError, "`class_weight` is 'even'; expected 'balanced'"),
        ({"class_weight": {"left": 2}}, OptionError, r"names left; the classes are \['down', 'up'"),
        ({"class_weight": {"up": -1}}, OptionError, "expected finite weights, none negative"),
        (
            {"device": "toaster"},
            OptionError,
            "`device` is 'toaster'; expected auto, cpu, cuda or mps",
        ),
        ({"layout": "tnc"}, OptionError, "`layout` is 'tnc'; expected one of ntc, nct, tc, ct"),
        ({"classes": ["up", "up", "down"]}, DataError, "`classes` names a class twice"),
        ({"classes": ["up", "left"]}, DataError, "down.*not among"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(
    quick: Quick, data: Dataset, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    """By name, at `fit`, before anything is trained."""
    with pytest.raises(error, match=message):
        quick(**given).fit(data.x, data.y)


@pytest.mark.parametrize(
    "weights", [np.ones(5), -np.ones(24), np.zeros(24), np.full(24, np.nan), np.full(24, np.inf)]
)
def test_sample_weights_that_mean_nothing_are_refused(
    quick: Quick, data: Dataset, weights: Any
) -> None:
    """Too few, negative, nothing at all, or no numbers."""
    with pytest.raises(DataError, match="`sample_weight` has"):
        quick().fit(data, sample_weight=weights)


@pytest.mark.parametrize(
    ("bad", "message"),
    [([[]], "length 0"), ([[np.inf]], "infinite"), ([np.zeros((2, 3))], "trained on 1 channel;")],
)
def test_validation_data_is_looked_at_too(quick: Quick, bad: Any, message: str) -> None:
    """Before the first epoch, not in the middle."""
    with pytest.raises(DataError, match=message):
        quick().fit([[0.0], [1.0]] * 4, ["a", "b"] * 4, validation_data=(bad, ["a"]))
    with pytest.raises(DataError, match=r"Labels \['c'\] are not among the classes"):
        quick().fit([[0.0], [1.0]] * 4, ["a", "b"] * 4, validation_data=([[0.0]], ["c"]))


def test_parts_without_a_training_part(quick: Quick, data: Dataset) -> None:
    """A test part alone is not learnt from."""
    with pytest.raises(DataError, match="has the parts test and none named 'train'"):
        quick().fit(replace(data, parts=np.full(24, "test")))


def test_padding_is_asked_about(quick: Quick) -> None:
    """Zeros at the ends of an array, of different lengths, are named; real ends are not."""
    lengths = [4, 6, 9, 12] * 4
    padded = np.zeros((16, 12, 2), np.float32)
    for row, length in enumerate(lengths):
        padded[row, :length] = 1 + row % 2
    labels = np.arange(16) % 2
    with pytest.warns(UserWarning, match="all have 12 steps, but 75% end in zeros.*from_padded"):
        quick().fit(padded, labels)
    quick().fit(Sequences.from_padded(padded, lengths), labels)


def test_a_margin_is_not_taken_for_padding(quick: Quick) -> None:
    """Pictures by rows begin with empty rows too."""
    pictures = np.zeros((16, 12, 2), np.float32)
    for row in range(16):
        pictures[row, 2 : 6 + row % 5] = 1 + row % 2
    quick().fit(pictures, np.arange(16) % 2)


# -- warnings ------------------------------------------------------------------------------------

ROWS = np.random.default_rng(0).normal(size=(24, 5, 2))
WARNED: dict[str, tuple[Any, ...]] = {
    "Each sequence has 2 time steps": (np.zeros((24, 2, 9)), ["a", "b"] * 12),
    "Only one sequence belongs to class c": (ROWS, ["a", "b"] * 11 + ["a", "c"]),
    "Class b does not occur in the training part": (
        Dataset(ROWS, ["a", "c"] * 11 + ["b"] * 2, parts=["train"] * 22 + ["test"] * 2),
    ),
    "have all sequences of class": (ROWS, ["a"] * 12 + ["b"] * 12),
}


@pytest.mark.parametrize("message", WARNED)
def test_a_warning_points_at_the_line_that_calls_fit(quick: Quick, message: str) -> None:
    more: dict[str, Any] = {}
    classifier = quick(epochs=1)
    if message.startswith("have all"):
        classifier, more = quick(epochs=1, validation=0.3), {"groups": [0] * 12 + [1] * 12}
    with pytest.warns(UserWarning, match=message) as caught:
        classifier.fit(*WARNED[message], **more)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("fitted", [False, True])
def test_a_fit_that_fails_leaves_an_estimator_as_it_was(
    quick: Quick, data: Dataset, monkeypatch: pytest.MonkeyPatch, fitted: bool
) -> None:
    """Not fitted if it was not, and with its own weights if it was; also where training fails."""
    model = quick()
    if fitted:
        model.fit(data)
    before = dict(vars(model))

    def fail(*_: Any) -> None:
        raise TrainingError("The loss is not finite.")

    monkeypatch.setattr("segue.training.native_trainer.NativeTrainer.advance", fail)
    monkeypatch.setattr("segue.training.torch_trainer.TorchTrainer.advance", fail)
    with pytest.raises(TrainingError):
        model.fit(data)
    assert vars(model) == before
    if not fitted:
        with pytest.raises(NotFittedError):
            model.predict(data.x)


@pytest.mark.parametrize(("value", "front"), [(0, True), (-1, False), (-999, True)])
def test_padding_of_keras_is_asked_about(quick: Quick, value: int, front: bool) -> None:
    """In front, as `pad_sequences` puts it, and with the usual values of `Masking`."""
    padded = np.full((16, 12, 2), value, np.float32)
    for row, length in enumerate([4, 6, 9, 12] * 4):
        padded[row, slice(12 - length, None) if front else slice(length)] = 1 + row % 2
    side = r"begin.*from_padded\(X, mask" if front else r"end.*from_padded\(X, lengths"
    with pytest.warns(UserWarning, match=f"75% {side}"):
        quick().fit(padded, np.arange(16) % 2)
