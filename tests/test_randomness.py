"""A draw depends on its seed and path, and on nothing that was drawn before."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segue.randomness import key, numpy_generator, torch_generator

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


def test_torch_draws_by_the_same_rule_and_leaves_the_global_state_alone() -> None:
    import torch

    before = torch.random.get_rng_state()
    first = torch.rand(4, generator=torch_generator(3, "weights"))
    second = torch.rand(4, generator=torch_generator(3, "weights"))
    other = torch.rand(4, generator=torch_generator(4, "weights"))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)
