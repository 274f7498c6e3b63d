"""More threads only where each step has much to multiply."""

from __future__ import annotations

import pytest
import torch

from segue.layers import Shape
from segue.networks import Network, as_specs
from segue.training.threads import choose_threads, threads


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


def test_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
