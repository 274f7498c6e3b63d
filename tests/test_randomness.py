"""A draw depends on its seed and path, and on nothing that was drawn before."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segue.randomness import Draws, kept_places, key, numpy_generator

PATHS = st.lists(st.text(max_size=5) | st.integers(-5, 5), max_size=4).map(tuple)


@given(st.integers(0, 2**40), PATHS)
def test_a_draw_is_a_pure_function_of_seed_and_path(seed: int, path: tuple[str | int]) -> None:
    wanted = numpy_generator(seed, *path).random(3)
    numpy_generator(seed, *path, "another").random(7)
    np.testing.assert_array_equal(numpy_generator(seed, *path).random(3), wanted)


@given(PATHS, PATHS)
def test_different_paths_have_different_keys(first: tuple[str | int], second: tuple) -> None:
    assert (key(0, *first) == key(0, *second)) == (first == second)


def test_a_number_and_its_text_are_different_parts() -> None:
    assert key(0, 1) != key(0, "1")
    assert key(0, 12, 3) != key(0, 1, 23)
    assert key(1, 2) != key(12)


def test_keys_are_the_same_on_every_machine_and_in_every_version() -> None:
    """Saved runs are repeated by their seed: these numbers must never change."""
    assert key(0) == 8493733112532773764
    assert key(7, "dropout", 3, "lstm_1") == 1618544716702015701
    assert numpy_generator(7, "split").integers(0, 1000, 4).tolist() == [915, 867, 236, 648]


def philox(words: tuple[int, int], counter: tuple[int, ...]) -> list[int]:
    """Philox4x64-10 as its paper has it: four numbers of 64 bits."""
    k0, k1 = words
    c0, c1, c2, c3 = counter
    for _ in range(10):
        first, third = c0 * 0xD2E7470EE14C6C93, c2 * 0xCA5A826395121157
        c0, c1 = (third >> 64) ^ c1 ^ k0, third % 2**64
        c2, c3 = (first >> 64) ^ c3 ^ k1, first % 2**64
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) % 2**64, (k1 + 0xBB67AE8584CAA73B) % 2**64
    return [c0, c1, c2, c3]


def test_a_dropout_mask_is_computed_from_its_counter_alone() -> None:
    """What another implementation must come to: key, counters, order of halves, limit."""
    mask_key = key(7, 3, "lstm_1", "h", bits=128)
    words = (mask_key % 2**64, mask_key >> 64)
    assert words == (14839671383310920389, 17874398141347044009)
    numbers = [n for block in (1, 2, 3) for n in philox(words, (block, 5, 2, 0))]
    assert numbers[0] == 0x90E4397E87829589
    halves = [half for n in numbers for half in (n % 2**32, n >> 32)]
    for rate, least in ((0.0, 0), (0.3, 1288490189), (0.5, 2**31), (1 - 1e-12, 2**32 - 1)):
        kept = kept_places((3, 7), rate, mask_key, 5, 2)
        assert kept.shape == (3, 7)
        assert kept.ravel().tolist() == [half >= least for half in halves[:21]]


def test_dropout_masks_are_the_same_on_every_machine_and_in_every_version() -> None:
    """A training that is repeated by its seed has the same masks: they must never change."""
    import torch

    draws = Draws(7, epoch=3, step=5, first=2)
    mask = draws.keep_mask((2, 3, 4), 0.3, torch.zeros(1), "lstm_1", "h", first=2)
    rows = ["".join("01"[value > 0] for value in row) for row in mask.flatten(0, 1).tolist()]
    assert rows == ["1110", "1111", "1110", "0010", "1111", "0011"]
    assert mask.dtype == torch.float32
    assert mask.max().item() == float(np.float32(1 / 0.7))
    whole = draws.keep_mask((2, 3, 4), 0.3, torch.zeros(1), "lstm_1", "h")
    rows = ["".join("01"[value > 0] for value in row) for row in whole.flatten(0, 1).tolist()]
    assert rows == ["1001", "1010", "1111", "1011", "1111", "0011"]
