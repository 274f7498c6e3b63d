"""The number of threads is what it was before, whoever asked for another one at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import torch

from segue.kernels.threads import threads


def test_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_two_threads_at_once_leave_the_number_as_it_was() -> None:
    """The first to begin is the first to end: what the second found is not what stood before."""
    before, first, second = torch.get_num_threads(), threading.Event(), threading.Event()

    def one() -> None:
        with threads(before + 1):
            first.set()
            assert second.wait(10)

    def other() -> None:
        assert first.wait(10)
        with threads(before + 2):
            second.set()
            begun.result(10)

    with ThreadPoolExecutor(2) as pool:
        begun = pool.submit(one)
        pool.submit(other).result(20)
    with ThreadPoolExecutor(1) as pool:  # a thread that begins now gets what is global
        assert pool.submit(torch.get_num_threads).result(10) == before
    assert torch.get_num_threads() == before


def test_cudnn_computes_in_float32_meanwhile() -> None:
    """It rounds to ten bits where it is left to itself; afterwards it does again."""
    before = torch.backends.cudnn.rnn.fp32_precision
    with threads(1), threads(2):
        assert torch.backends.cudnn.rnn.fp32_precision == "ieee"
    assert torch.backends.cudnn.rnn.fp32_precision == before == "tf32"
