"""Nested frames, pivots and named dimensions are read by their names, or asked about."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import segue
from segue.errors import DataError
from segue.estimators.splitting import split_data
from segue.readers.dimensions import read_dimensions

LONG = pd.DataFrame(
    {
        "id": np.repeat(["b", "a", "c"], [3, 2, 3]),
        "time": [0, 1, 2, 0, 1, 0, 1, 2],
        "acc": np.arange(8.0),
        "gyro": np.arange(8.0) * 10,
    }
)


def by_id(data: Any) -> dict[str, Any]:
    return {
        str(name): steps.tolist() for name, steps in zip(data.ids, data.x.to_list(), strict=True)
    }


EXPECTED = {
    "b": [[0, 0], [1, 10], [2, 20]],
    "a": [[3, 30], [4, 40]],
    "c": [[5, 50], [6, 60], [7, 70]],
}
ONE = {name: [[step[0]] for step in steps] for name, steps in EXPECTED.items()}
NESTED = pd.DataFrame(
    {
        channel: [own[channel].reset_index(drop=True) for _, own in LONG.groupby("id")]
        for channel in ("acc", "gyro")
    },
    index=sorted(set(LONG.id)),
)
FORMS = {
    "unnamed index": (LONG.set_index(["id", "time"]).rename_axis([None, None]), EXPECTED),
    "sktime's index": (
        LONG.set_index(["id", "time"]).rename_axis(["instances", "timepoints"]),
        EXPECTED,
    ),
    "nested": (NESTED, EXPECTED),
    "nested arrays": (NESTED.map(lambda cell: cell.to_numpy()), EXPECTED),
    "pivot: channel and time": (LONG.pivot(index="id", columns="time"), EXPECTED),
    "pivot: time and channel": (
        LONG.pivot(index="id", columns="time").swaplevel(axis=1),
        EXPECTED,
    ),
    "pivot: channel and id": (LONG.pivot(index="time", columns="id"), EXPECTED),
    "pivot: id": (LONG.pivot(index="time", columns="id", values="acc"), ONE),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_holds_the_same(form: str) -> None:
    """Values, channels and ids are those of the long frame."""
    frame, expected = FORMS[form]
    data = segue.read(frame)
    assert by_id(data) == expected
    if expected is EXPECTED:
        assert data.channels == ("acc", "gyro")


def test_a_nested_frame_with_labels() -> None:
    """Its other columns are read as those of any table."""
    data = segue.read(NESTED.assign(label=["x", "y", "x"]))
    assert data.y.tolist() == ["x", "y", "x"]
    assert data.x.channels == 2


def test_levels_that_say_nothing_are_asked_about() -> None:
    """Two levels of text may be either; the message says how to name them."""
    frame = pd.DataFrame(
        np.zeros((2, 4)), columns=pd.MultiIndex.from_product([["a", "b"], ["x", "y"]])
    )
    with pytest.raises(DataError, match=r"columns have two levels.*\['channel', 'time'\]"):
        segue.read(frame)
    frame.columns.names = ["time", "channel"]
    assert segue.read(frame).x.channels == 2


class Labelled:
    """As a DataArray of xarray is."""

    def __init__(self, values: Any, dims: tuple[str, ...], **coords: Any) -> None:
        self.values, self.dims = np.asarray(values), dims
        self.coords = {name: np.asarray(values) for name, values in coords.items()}

    def transpose(self, *dims: str) -> Any:
        raise NotImplementedError


VALUES = np.arange(24.0).reshape(4, 3, 2)  # sequence, time, channel


@pytest.mark.parametrize(
    ("values", "dims"),
    [
        (VALUES, ("sample", "time", "channel")),
        (VALUES.transpose(1, 2, 0), ("time", "channel", "sample")),
        (VALUES.transpose(0, 2, 1), ("trial", "channels", "times")),
        (VALUES.transpose(2, 0, 1), ("feature", "instance", "timepoint")),
        (VALUES, ("id", "t", "whatever")),
        (VALUES.transpose(0, 2, 1), ("epoch", "electrode", "time")),
    ],
)
def test_named_dimensions_in_any_order(values: Any, dims: tuple[str, ...]) -> None:
    """The names say which is which; one unknown name takes what is left."""
    data = segue.read(Labelled(values, dims))
    np.testing.assert_array_equal(np.stack(data.x.to_list()), VALUES)


def test_coordinates_are_ids_and_channels() -> None:
    """And labels are laid on by them."""
    x = Labelled(VALUES, ("sample", "time", "channel"), sample=list("dcba"), channel=["u", "v"])
    data = read_dimensions(x)
    assert data.channels == ("u", "v")
    y = {"a": "p", "b": "q", "c": "p", "d": "q"}
    options = segue.TrainingOptions(progress="none")
    chosen = split_data(segue.SequenceClassifier("gru(2)", options=options), x, y)
    assert chosen.train.y.tolist() == ["q", "p", "q", "p"]


@pytest.mark.parametrize("dims", [("a", "b", "time"), ("time",), ("epoch", "channel", "sample")])
def test_dimensions_that_cannot_be_told(dims: tuple[str, ...]) -> None:
    """They are asked about by name; nothing is guessed by size."""
    if dims == ("epoch", "channel", "sample"):
        assert read_dimensions(Labelled(VALUES, dims)).x.lengths[0] == 2
        return
    with pytest.raises(DataError, match="The dimensions are .*expected sequence and time"):
        segue.read(Labelled(np.zeros([2] * len(dims)), dims))
