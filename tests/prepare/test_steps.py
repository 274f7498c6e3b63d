"""Preparation: what is fitted, on what, and what becomes of missing values."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given

import segue.prepare
from segue.data.sequences import Sequences
from segue.errors import DataError, NotCausalError, SpecError
from segue.prepare import Preparation
from segue.testing import strategies, tiny_dataset

NAN = float("nan")


def one(*rows: list[float]) -> Sequences:
    """One sequence with the rows as channels."""
    return Sequences.from_list([np.array(rows, np.float32).T])


def test_standardize_looks_at_real_steps_only() -> None:
    """Mean and deviation are NumPy's over all steps of all sequences, no padding among them."""
    x = tiny_dataset(30, channels=3).x
    preparation = Preparation.fit("standardize", x)
    values = x.values.astype(np.float64)
    np.testing.assert_allclose(preparation.fitted[0]["mean"], values.mean(0), rtol=1e-12)
    np.testing.assert_allclose(preparation.fitted[0]["scale"], values.std(0), rtol=1e-12)
    done = preparation.apply(x)
    np.testing.assert_array_equal(done.lengths, x.lengths)
    np.testing.assert_allclose(done.values.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(done.values.std(0), 1, atol=1e-5)


@given(strategies.sequences(missing=True))
def test_blocks_give_what_the_whole_gives(x: Sequences) -> None:
    """Moments are merged block by block, of one sequence each here, missing values left out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Sequences, "blocks", lambda self, steps=0: (self[i : i + 1] for i in range(len(self)))
        )
        pieces = Preparation.fit("standardize", x)
    whole = Preparation.fit("standardize", x)
    for a, b in zip(pieces.fitted, whole.fitted, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_allclose(a[name], b[name], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 5.0, 1e6, -3e30, 1e-30])
def test_a_channel_that_never_varies_becomes_zero(value: float) -> None:
    """It is not divided by the rounding of its own mean."""
    x = Sequences.from_list([np.full((7, 1), value, np.float32)] * 3)
    np.testing.assert_allclose(Preparation.fit("standardize", x).apply(x).values, 0, atol=1e-6)


def test_a_large_mean_costs_no_precision() -> None:
    """A small signal on a large offset is scaled as it is, not lost in squares of the offset."""
    signal = np.sin(np.arange(200.0))
    x = Sequences.from_list([(signal + 1000).astype(np.float32)[:, None]])
    done = Preparation.fit("standardize", x).apply(x).values[:, 0]
    np.testing.assert_allclose(done, (signal - signal.mean()) / signal.std(), atol=1e-3)


def test_values_at_the_end_of_the_range() -> None:
    """Neither overflow nor NaN comes of float32's largest numbers."""
    x = Sequences.from_list([np.array([[3e38], [-3e38], [1e38]], np.float32)])
    assert np.isfinite(Preparation.fit("standardize", x).apply(x).values).all()


def test_missing_values_get_a_mask_channel_for_each_channel_that_has_some() -> None:
    """1 where the value is missing; the value itself becomes the mean, which is 0."""
    x = one([1, NAN, 3, 5], [1, 2, 3, 4], [NAN, NAN, 2, 4])
    preparation = Preparation.fit("standardize", x)
    assert (preparation.channels_in, preparation.channels_out) == (3, 5)
    values = preparation.apply(x).values
    np.testing.assert_array_equal(values[:, 3], [0, 1, 0, 0])
    np.testing.assert_array_equal(values[:, 4], [1, 1, 0, 0])
    assert values[1, 0] == values[0, 2] == values[1, 2] == 0
    np.testing.assert_allclose(
        values[[0, 2, 3], 0], (np.array([1, 3, 5]) - 3) / np.sqrt(8 / 3), rtol=1e-5
    )


def test_the_mask_channel_stays_where_nothing_is_missing_later() -> None:
    """The network was built for it."""
    preparation = Preparation.fit("none", one([1, NAN], [1, 2]))
    np.testing.assert_array_equal(preparation.apply(one([5], [6])).values, [[5, 6, 0]])


def test_gaps_that_were_not_to_be_expected_are_interpolated_with_a_warning() -> None:
    """The channel is named; the expected ones keep their mask."""
    preparation = Preparation.fit("none", one([1, NAN, 3], [1, 2, 3]))
    with pytest.warns(UserWarning, match="missing in channel 1, which had none in training"):
        values = preparation.apply(one([NAN, 2, 3, 4], [1, NAN, NAN, 7])).values
    np.testing.assert_array_equal(values[:, 1], [1, 3, 5, 7])
    np.testing.assert_array_equal(values[:, 2], [1, 0, 0, 0])
    assert values[0, 0] == 0


def test_interpolation_stays_inside_each_sequence() -> None:
    """On the line between neighbours, the nearest value outside them, nothing from next door."""
    x = Sequences.from_list(
        [
            np.array([[NAN], [1], [NAN], [NAN], [4], [NAN]], np.float32),
            np.array([[NAN], [10]], np.float32),
            np.array([[NAN]], np.float32),
            np.array([[20], [NAN]], np.float32),
        ]
    )
    preparation = Preparation.fit("interpolate", x)
    values = preparation.apply(x).values
    np.testing.assert_array_equal(values[:, 0], [1, 1, 2, 3, 4, 4, 10, 10, 0, 20, 20])
    np.testing.assert_array_equal(np.flatnonzero(values[:, 1]), [8])  # nothing is known there


@given(strategies.sequences(missing=True))
def test_preparing_together_is_preparing_each_alone(x: Sequences) -> None:
    """What comes of a sequence does not depend on the others, whatever is missing."""
    for text in ("standardize", "interpolate standardize", "none", "interpolate"):
        preparation = Preparation.fit(text, x)
        together = preparation.apply(x)
        for number, steps in enumerate(together):
            alone = preparation.apply(x[number : number + 1])[0]
            np.testing.assert_array_equal(steps, alone)
            assert np.isfinite(steps).all()


def test_the_input_is_not_changed() -> None:
    """Nor are the user's own arrays."""
    items = [np.array([[1.0, NAN], [NAN, 2.0], [3.0, 3.0]], np.float32)]
    before = items[0].copy()
    x = Sequences.from_list(items)
    Preparation.fit("interpolate standardize", x).apply(x)
    np.testing.assert_array_equal(items[0], before)


def test_tokens_are_left_as_they_are() -> None:
    """They are names, not measurements."""
    x = tiny_dataset(8, tokens=5).x
    preparation = Preparation.fit("standardize", x, tokens=True)
    assert preparation.apply(x) == x
    assert str(preparation) == "none"
    with pytest.raises(DataError, match="trained on tokens .*pass x.astype"):
        preparation.apply(one([1.0, 2.0]))


def test_whole_numbers_are_prepared_like_others() -> None:
    """To the same bits as floats, where no embedding wants them."""
    x = tiny_dataset(8, tokens=500).x
    floats = Sequences(x.values.astype(np.float32), x.offsets)
    for text in ("standardize", "none", "frame(2) standardize"):
        assert Preparation.fit(text, x).apply(x) == Preparation.fit(text, floats).apply(floats)


@pytest.mark.parametrize("text", ["standardize", "interpolate standardize", "none"])
def test_json_gives_the_same_preparation(text: str) -> None:
    """Numbers to the last bit."""
    x = tiny_dataset(20, channels=3, missing=0.2).x
    preparation = Preparation.fit(text, x)
    again = Preparation.from_json(json.loads(json.dumps(preparation.to_json())))
    assert again.steps == preparation.steps
    assert again.apply(x) == preparation.apply(x)


def test_what_looks_ahead_is_refused_in_a_stream_by_name() -> None:
    """Interpolation needs the value after the gap."""
    x = tiny_dataset(4).x
    Preparation.fit("standardize", x).check_causal()
    with pytest.raises(NotCausalError, match="the preparation step `interpolate` looks ahead"):
        Preparation.fit("interpolate standardize", x).check_causal()


def test_steps_are_fitted_on_what_the_steps_before_them_make() -> None:
    """Interpolated values count in the mean that comes after."""
    x = one([0, NAN, 10, NAN])
    assert Preparation.fit("standardize", x).fitted[0]["mean"] == 5
    assert Preparation.fit("interpolate standardize", x).fitted[1]["mean"] == 25 / 4


def test_no_warning_where_nothing_is_out_of_the_ordinary() -> None:
    """Warnings are for surprises."""
    x = tiny_dataset(8, missing=0.3).x
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Preparation.fit("standardize", x).apply(x)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("mean", [1.0]),
        ("mean", [1.0, 2.0, 3.0]),
        ("mean", [NAN, 1.0]),
        ("scale", [0.0, 1.0]),
        ("scale", "abc"),
        ("scale", None),
        ("more", [1.0, 2.0]),
    ],
)
def test_fitted_numbers_that_cannot_be_are_refused(part: str, value: object) -> None:
    """A damaged description does not wait for the first prediction."""
    described = Preparation.fit("standardize", tiny_dataset(6).x).to_json()
    described["fitted"][0][part] = value
    with pytest.raises((SpecError, ValueError, TypeError)):
        Preparation.from_json(described)


@pytest.mark.parametrize("expected", [[5], [-1], [0, 0], [0.5]])
def test_a_mask_of_channels_that_are_not_there_is_refused(expected: object) -> None:
    """Channels are numbered from 0 and named once."""
    described = Preparation.fit("mask", tiny_dataset(6).x).to_json()
    described["fitted"][-1]["expected"] = expected
    with pytest.raises(SpecError, match="mask needs rising numbers of 2 channels"):
        Preparation.from_json(described)


def test_a_preparation_from_a_file_meets_gaps_as_the_fitted_one_does() -> None:
    """Also where training had none: an empty list of channels is still one of whole numbers."""
    preparation = Preparation.fit("standardize", tiny_dataset(6).x)
    again = Preparation.from_json(json.loads(json.dumps(preparation.to_json())))
    gaps = one([1, NAN, 3], [1, 2, 3])
    with pytest.warns(UserWarning, match="missing in channel 0"):
        wanted = preparation.apply(gaps)
    with pytest.warns(UserWarning, match="missing in channel 0"):
        assert again.apply(gaps) == wanted


def test_preparations_need_no_torch() -> None:
    """A fitted one is read and applied where only NumPy is installed; batches are tensors."""
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from segue import Sequences\n"
        "from segue.prepare import STEPS, Preparation\n"
        "x = Sequences.from_list([[1.0, 3.0], [2.0]])\n"
        "preparation = Preparation.fit('standardize jitter(0.1)', x)\n"
        "print(Preparation.from_json(preparation.to_json()).apply(x).values.mean())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "0.0\n", done.stderr


def test_former_names_warn() -> None:
    """For one release."""
    preparation = Preparation.fit("frame(2)", one([1, 2, 3, 4]))
    with pytest.warns(DeprecationWarning, match="belief_ends is now prefix_lengths"):
        assert preparation.belief_ends(4).tolist() == [2, 4]
    with pytest.warns(DeprecationWarning, match="heard is now input_steps"):
        assert preparation.heard(np.array([1, 2])).tolist() == [2, 4]
    with pytest.warns(DeprecationWarning, match="Mask is now called .*MissingIndicator"):
        assert segue.prepare.Mask().kind == "mask"
    with pytest.raises(AttributeError, match="no attribute 'said'"):
        preparation.said()
