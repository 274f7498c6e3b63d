"""Where float32 is too coarse: what is kept as float64, and what is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from segue import Sequences
from segue.data.arrays import ROWS, float32_loses, is_infinite
from segue.data.sequences import Array


def walk(rows: int = 3000) -> Array:
    return np.cumsum(np.random.default_rng(0).normal(size=(rows, 1)), 0)


def noise(rows: int = 3000) -> Array:
    return np.random.default_rng(0).normal(size=(rows, 1))


LOSES: dict[str, Array] = {
    "far from 0": noise() + 1e9,
    "far below 0": noise() - 1e9,
    "latitudes of one town": 52.52 + 1e-3 * noise(),
    "seconds since 1970": 1.7e9 + np.arange(3000.0)[:, None] / 50,
    "two decimals of a large sum": 1e7 + np.round(noise(), 2),
    "with gaps": np.where(np.arange(3000)[:, None] % 7, noise() + 1e9, np.nan),
    "with 0 where something is missing": np.where(np.arange(3000)[:, None] % 7, noise() + 1e9, 0),
    "two that differ": np.array([[1e9], [1e9 + 1]]),
    "a counter that rises slowly": np.arange(3000.0)[:, None] / 8 + 2**30,
    "smaller than float32 goes": noise() * 1e-50,
    "a level that may vary elsewhere": np.full((50, 1), 1e9 + 20.5),
}
KEEPS: dict[str, Array] = {
    "around 0": noise(),
    "a walk": walk(),
    "hectopascal": 1013.25 + 8 * noise(),
    "kelvin": 290 + 5 * noise(),
    "hundred deviations away": 100 + noise(),
    "an outlier": np.where(np.arange(3000)[:, None] == 5, 1e9, noise()),
    "rare events": (np.arange(3000)[:, None] == 77) * 0.3,
    "one value": np.full((50, 1), 0.1),
    "one value but for rounding": 0.1 + 1e-17 * noise(),
    "one large value that float32 has": np.full((50, 1), 2.0**40),
    "nothing known": np.full((50, 1), np.nan),
    "an infinite value": np.where(np.arange(3000)[:, None] == 5, np.inf, noise()),
    "too large for float32": np.where(np.arange(3000)[:, None] == 5, 1e99, noise()),
    "counts": np.arange(3000.0)[:, None],
    "what float32 holds": (noise() + 1e9).astype(np.float32).astype(np.float64),
    "no rows": np.zeros((0, 1)),
}


@pytest.mark.parametrize("name", LOSES)
def test_channels_that_float32_would_blur(name: str) -> None:
    """They stay float64; what lies beside them does not matter."""
    values = LOSES[name]
    beside = np.column_stack([np.zeros(len(values)), values])
    assert float32_loses(beside).tolist() == [False, True]
    assert Sequences(beside, [0, len(beside)]).dtype == np.float64
    np.testing.assert_array_equal(Sequences(values, [0, len(values)]).values, values)


@pytest.mark.parametrize("name", KEEPS)
@pytest.mark.filterwarnings("ignore:overflow")
def test_channels_that_float32_holds(name: str) -> None:
    """They become float32, as they always did."""
    values = KEEPS[name]
    assert float32_loses(values).tolist() == [False]
    assert Sequences(values, [0, len(values)]).dtype == np.float32


@pytest.mark.parametrize("rows", [ROWS - 1, ROWS, ROWS + 1, 40 * ROWS])
@pytest.mark.parametrize(
    "form",
    [
        lambda x: x,
        lambda x: [x],
        lambda x: np.array_split(x, 97),
        lambda x: x[: len(x) // 8 * 8].reshape(-1, 8, x.shape[1]),
        lambda x: Sequences(x, [0, 5, 5, len(x)], exact=True)[::-1],
    ],
)
def test_any_form_and_number_of_rows(rows: int, form: Callable[[Array], object]) -> None:
    """A list, one array, a block, and `Sequences`; of many rows some from all over."""
    x = np.column_stack([noise(rows), noise(rows) + 1e9])
    assert float32_loses(form(x)).tolist() == [False, True]


def test_what_begins_late_is_seen() -> None:
    """Most of a large data set is 0, and the rest far away."""
    x = np.zeros((200_000, 1))
    x[150_000:] = noise(50_000) + 1e9
    assert float32_loses(x).tolist() == [True]


def test_float32_is_never_looked_at() -> None:
    assert not float32_loses(np.zeros((3, 2), np.float32)).any()
    assert is_infinite(np.array([1e39, -1e300, 1e38, np.inf, np.nan])).tolist() == [
        *(True, True, False, True, False)
    ]
    assert is_infinite(np.array([1.0, np.inf], np.float32)).tolist() == [False, True]


def test_exact_sequences_are_float64_in_any_case() -> None:
    """From every maker, of an array without a copy; whole numbers stay whole."""
    x = noise(12).reshape(3, 4, 1)
    for made in (
        Sequences.from_array(x, exact=True),
        Sequences.from_list(list(x), exact=True),
        Sequences(x.reshape(-1, 1), [0, 4, 8, 12], exact=True),
    ):
        np.testing.assert_array_equal(made.values, x.reshape(-1, 1))
    assert np.shares_memory(Sequences.from_array(x, exact=True).values, x)
    assert Sequences.from_list([[1, 2]], exact=True).is_whole


def test_what_float32_rounds_to_its_largest_value_is_not_infinite() -> None:
    """Its shortest digits are a little more than it: 3.4028235e+38."""
    largest = np.finfo(np.float32).max
    for value in (float(largest), float(str(largest)), 3.4028235e38):
        assert np.float32(value) == largest
        assert not is_infinite(np.array([value, -value])).any()
    with np.errstate(over="ignore"):
        assert np.isinf(np.float32(3.4028236e38))
    assert is_infinite(np.array([3.4028236e38])).all()
