"""What belongs to a sequence is laid on by its id, in whatever form X and y come."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import segue
from segue import Dataset, SequenceClassifier, SequenceLabeler, SequenceRegressor, TrainingOptions
from segue.errors import DataError
from segue.estimators.inputs import as_pair
from segue.estimators.splitting import split_data

OPTIONS = TrainingOptions(progress="none")
GENERATOR = np.random.default_rng(0)
IDS = [f"p{number:02d}" for number in GENERATOR.permutation(12)]  # in no order
CLASS = {name: "high" if int(name[1:]) % 2 else "low" for name in IDS}
SERIES = {
    name: np.full(4 + number % 3, 1.0 if CLASS[name] == "high" else -1.0)
    + np.arange(4 + number % 3) / 10
    for number, name in enumerate(IDS)
}
LONG = pd.DataFrame(
    [(name, time, value) for name in IDS for time, value in enumerate(SERIES[name])],
    columns=["id", "time", "x"],
)
BY_ID = pd.Series(CLASS).sort_index()  # the other order
BY_STEP = LONG.assign(label=np.where(LONG.x > 0, "up", "down")).set_index(["id", "time"])["label"]


def classifier(**more: Any) -> SequenceClassifier:
    return SequenceClassifier("pool(mean)", epochs=2, options=OPTIONS, **more)


def labels_by_id(data: Dataset) -> dict[str, Any]:
    """The label of each sequence, told by what the sequence holds."""
    return {
        "high" if steps[0, 0] > 0 else "low": label
        for steps, label in zip(data.x, data.y, strict=True)
    }


def is_right(data: Dataset) -> bool:
    pairs = zip(data.x, data.y.tolist(), strict=True)
    return all(label == ("high" if steps[0, 0] > 0 else "low") for steps, label in pairs)


X_FORMS: dict[str, Callable[[], Any]] = {
    "long frame": lambda: LONG,
    "shuffled long frame": lambda: LONG.sample(frac=1, random_state=1),
    "polars": lambda: pl.from_pandas(LONG),
    "arrow": lambda: pa.Table.from_pandas(LONG),
    "index id, time": lambda: LONG.set_index(["id", "time"]),
    "index without names": lambda: LONG.set_index(["id", "time"]).rename_axis([None, None]),
    "sktime's index": lambda: LONG.set_index(["id", "time"]).rename_axis(
        ["instances", "timepoints"]
    ),
    "sktime's nested frame": lambda: pd.DataFrame(
        {"x": [pd.Series(steps) for steps in SERIES.values()]}, index=IDS
    ),
    "series of lists": lambda: LONG.groupby("id")["x"].apply(list).loc[IDS],
    "mapping": lambda: SERIES,
    "data set": lambda: segue.read(LONG),
    "wide frame": lambda: pd.DataFrame([steps[:4] for steps in SERIES.values()], index=IDS),
    "pivot": lambda: LONG.pivot(index="time", columns="id", values="x"),
}
Y_FORMS: dict[str, Callable[[], Any]] = {
    "series": lambda: BY_ID,
    "mapping": lambda: dict(reversed(CLASS.items())),
    "category": lambda: BY_ID.astype("category"),
    "frame of one column": lambda: BY_ID.to_frame("y"),
    "frame with ids": lambda: BY_ID.rename_axis("id").reset_index(name="y"),
    "polars with ids": lambda: pl.from_pandas(BY_ID.rename_axis("id").reset_index(name="y")),
}


@pytest.mark.parametrize("form", X_FORMS)
def test_x_of_any_form_takes_y_by_id(form: str) -> None:
    """No class is exchanged, whichever form the sequences have."""
    assert is_right(classifier()._as_dataset(*as_pair(X_FORMS[form](), BY_ID)))


@pytest.mark.parametrize("form", Y_FORMS)
def test_y_of_any_form_is_laid_on_by_id(form: str) -> None:
    """No class is exchanged, whichever form the labels have."""
    assert is_right(classifier()._as_dataset(*as_pair(LONG, Y_FORMS[form]())))
    data = segue.read(LONG)
    assert is_right(Dataset(data.x, Y_FORMS["series"](), ids=data.ids))


def test_from_fit_to_score() -> None:
    """fit, validation data, weights, groups, static features and score go by id."""
    weights = pd.Series(1.0, BY_ID.index)
    static = pd.DataFrame({"a": (BY_ID == "high") * 1.0})
    model = SequenceClassifier("gru(2)", epochs=60, learning_rate=0.1, options=OPTIONS)
    model.fit(LONG, BY_ID, sample_weight=weights, groups=BY_ID, static=static, validation_data=None)
    assert model.predict(LONG, static=static).tolist() == list(CLASS.values())
    assert model.score(LONG, BY_ID, sample_weight=weights, static=static) == 1.0
    watched = classifier().fit(LONG, BY_ID, validation_data=(LONG, BY_ID))
    assert "validation_loss" in watched.history_.rows[0]


def test_groups_and_weights_in_another_order() -> None:
    """Each sequence has its own, not that of its position."""
    groups = pd.Series({name: f"group of {name}" for name in sorted(IDS)})
    data = classifier()._as_dataset(*as_pair(LONG, BY_ID), groups)
    assert data.groups is not None
    assert data.ids is not None
    assert data.groups.tolist() == [f"group of {name}" for name in data.ids]
    weights = pd.Series({name: float(name[1:]) + 1 for name in sorted(IDS)})
    chosen = split_data(classifier(), LONG, BY_ID, sample_weight=weights)
    assert chosen.weights.tolist() == [float(name[1:]) + 1 for name in IDS]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (BY_ID.rename(lambda name: f"q{name}"), "without an entry: 'p.*without a sequence: 'qp"),
        (BY_ID.iloc[1:], "Sequences without an entry: 'p00'. Give it the same ids"),
        (pd.concat([BY_ID, pd.Series({"zz": "low"})]), "`y` without a sequence: 'zz'"),
        (pd.concat([BY_ID, BY_ID.iloc[:1]]), "has the id 'p00' 2 times in its index"),
        ({**CLASS, "zz": "low"}, "`y` without a sequence: 'zz'"),
        (BY_ID.replace("low", None), "Sequence 1 .p.*has no label"),
    ],
)
def test_other_ids_are_refused(y: Any, message: str) -> None:
    """Examples of both are shown; nothing is laid on by position where there is an index."""
    with pytest.raises(DataError, match=message):
        classifier().fit(LONG, y)
    with pytest.raises(DataError, match="The index of `sample_weight` has other ids"):
        classifier().fit(LONG, BY_ID, sample_weight=pd.Series(1.0, ["a"] * 1 + IDS[1:]))


def test_a_mapping_needs_ids() -> None:
    """Arrays have none."""
    with pytest.raises(DataError, match="comes by id, and the sequences have no ids"):
        classifier().fit(list(SERIES.values()), CLASS)


def test_numbers_as_ids_and_text_as_ids() -> None:
    """An id that is a number in one place is the same as its text; "007" is not 7."""
    frame = LONG.assign(id=LONG.id.str[1:].astype(int))
    y = pd.Series({int(name[1:]): label for name, label in CLASS.items()})
    assert is_right(classifier()._as_dataset(*as_pair(frame, y)))
    assert is_right(classifier()._as_dataset(*as_pair(frame, y.rename(str))))
    counted = y.sort_index().reset_index(drop=True)  # 0, 1, 2, ... are the ids
    assert is_right(classifier()._as_dataset(*as_pair(frame, counted)))
    with pytest.raises(DataError, match="other ids"):
        classifier().fit({"007": [1.0], "008": [2.0]}, {"7": "a", "8": "b"})


def test_by_position_is_said() -> None:
    """Without ids the order of a long frame counts; where ids are not sorted, that is a warning."""
    in_order = LONG.sort_values("id", kind="stable")
    labels = [CLASS[name] for name in sorted(IDS)]
    data = classifier()._as_dataset(*as_pair(in_order, labels))
    assert is_right(data)
    assert any("`y` has no ids and is taken by position" in note for note in data.notes)
    with pytest.warns(UserWarning, match="in the order in which the sequences first occur: p"):
        data = classifier()._as_dataset(*as_pair(LONG, list(CLASS.values())))
    assert is_right(data)


def test_no_ids_no_words() -> None:
    """Of arrays a Series is taken by position, whatever rows of a frame its index once was."""
    y = pd.Series([0, 1, 0, 1], index=[7, 3, 9, 2])
    data = classifier()._as_dataset(*as_pair(np.zeros((4, 3, 1)), y))
    assert data.y.tolist() == [0, 1, 0, 1]


ROWS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "the frame's own column": lambda: (LONG.sample(frac=1, random_state=3), LONG.id.map(CLASS)),
    "list": lambda: (LONG, LONG.id.map(CLASS).tolist()),
    "index id, time": lambda: (LONG, BY_STEP.groupby(level=0).transform(lambda s: CLASS[s.name])),
    "polars": lambda: (pl.from_pandas(LONG), pl.Series(LONG.id.map(CLASS).tolist())),
}


@pytest.mark.parametrize("form", ROWS)
def test_a_label_for_each_row(form: str) -> None:
    """Of a long frame, y may have its length, if it is the same within each sequence."""
    assert is_right(classifier()._as_dataset(*as_pair(*ROWS[form]())))


def test_a_label_that_varies_within_a_sequence() -> None:
    """A classifier refuses it by name, and says who learns such."""
    varying = LONG.time.astype(str)
    with pytest.raises(DataError, match=r"`y` varies within sequence 0 \(p.*SequenceLabeler"):
        classifier().fit(LONG, varying)


def test_a_column_of_labels_is_left_out_where_y_is_given() -> None:
    """It would give the answer away; that it is left out is said."""
    frame = LONG.assign(label=LONG.id.map({"high": 1, "low": 0}.get).fillna(5))
    data = classifier()._as_dataset(*as_pair(frame, BY_ID))
    assert data.x.channels == 1
    assert any("column 'label' is left out" in note for note in data.notes)


def test_numbers_are_laid_on_by_id() -> None:
    """The targets of a regressor too; whole numbers are numbers there."""
    y = pd.Series({name: int(name[1:]) for name in sorted(IDS)})
    data = SequenceRegressor("gru(2)")._as_dataset(*as_pair(LONG, y))
    assert data.task == "regress"
    assert data.y.tolist() == [float(name[1:]) for name in IDS]


STEPS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "rows of the frame": lambda: (LONG.sample(frac=1, random_state=3), BY_STEP.reset_index().label),
    "index id, time": lambda: (LONG.sample(frac=1, random_state=3), BY_STEP.sample(frac=1)),
    "of a data set": lambda: (segue.read(LONG), BY_STEP.sample(frac=1, random_state=4)),
    "of a mapping": lambda: (SERIES, BY_STEP.sort_index()),
    "mapping of lists": lambda: (
        SERIES,
        {name: ["up" if v > 0 else "down" for v in SERIES[name]] for name in sorted(IDS)},
    ),
    "frame with id and time": lambda: (segue.read(LONG), BY_STEP.sample(frac=1).reset_index()),
}


@pytest.mark.parametrize("form", STEPS)
def test_labels_of_steps_are_laid_on_by_id_and_time(form: str) -> None:
    """Each step has its own label, in the order that the steps are brought to."""
    data = SequenceLabeler("gru(2)")._as_dataset(*as_pair(*STEPS[form]()))
    assert data.classes is not None
    for codes, steps in zip(data.y, data.x, strict=True):
        said = [data.classes[code] for code in codes[:, 0]]
        assert said == ["up" if value > 0 else "down" for value in steps[:, 0]]


def test_a_labeler_from_fit_to_score() -> None:
    """Labels and weights of steps by (id, time), and by other ids refused."""
    labeler = SequenceLabeler("gru(2)", epochs=1, options=OPTIONS)
    labeler.fit(LONG, BY_STEP, sample_weight=pd.Series(1.0, BY_STEP.index))
    assert 0 <= labeler.score(LONG, BY_STEP) <= 1
    with pytest.raises(DataError, match="other ids"):
        labeler.fit(segue.read(LONG), BY_STEP.rename(lambda name: f"q{name}", level=0))


def test_steps_without_a_label_are_counted() -> None:
    """They are ignored, as they always were; how many is said."""
    labels = [["a", None, "b"], ["b", float("nan"), "?"]]
    labeler = SequenceLabeler("gru(2)", epochs=1, ignore="?", options=OPTIONS)
    labeler.fit([np.zeros(3), np.ones(3)], labels)
    said = {text: heading for heading, text in labeler.training_summary_}
    assert said["3 of 6 steps have no label, and are ignored"] == "read as"


def test_the_message_has_the_way_out() -> None:
    """`to_numpy()` takes by position what has other ids."""
    other = BY_ID.rename(lambda name: f"q{name}")
    with pytest.raises(DataError, match=re.escape("`y.to_numpy()`")):
        classifier().fit(LONG, other)
    with pytest.warns(UserWarning, match="by position"):
        classifier().fit(LONG, other.to_numpy())
