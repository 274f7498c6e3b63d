"""More threads only where each step has much to multiply."""

from __future__ import annotations

import numpy as np
import pytest

from segue.kernels.recurrence import threads
from segue.layers import Shape
from segue.networks import Network, as_specs
from segue.training.setup import choose_threads


@pytest.mark.parametrize(
    ("network", "shape", "is_shared"),
    [
        ("bilstm(100)", Shape(12), False),
        ("lstm(600)", Shape(12), True),
        ("embedding(64) bigru(64)", Shape(1, tokens=10_000), False),  # looked up, not multiplied
        ("embedding(64) lstm(600)", Shape(1, tokens=10_000), True),
    ],
)
def test_threads_follow_from_what_is_multiplied(
    network: str, shape: Shape, is_shared: bool
) -> None:
    with threads(2):
        chosen = choose_threads(Network(as_specs(network), shape, 3), batch_size=32)
    assert chosen == (2 if is_shared else 1)


def test_first_weights_do_not_depend_on_threads() -> None:
    """The same seed on a machine with other processors: an orthogonal matrix takes many sums."""
    found = []
    for count in (1, 2):
        with threads(count):
            found.append(Network(as_specs("lstm(64) gru(48)"), Shape(3), 2, seed=0).get_weights())
    for name, weights in found[0].items():
        np.testing.assert_array_equal(weights, found[1][name], err_msg=name)
