"""Work with a deadline is cut where it looks at the clock, and left where it does not."""

from __future__ import annotations

import contextvars
import signal
import threading
import time

import numpy as np
import pytest

from segue.deadline import check_time, run_until
from segue.errors import DataError, OutOfTimeError
from segue.training.ridge import fit_ridge
from segue.training.trees import grow_trees


def test_without_a_deadline_there_is_time() -> None:
    check_time()
    check_time(1e9)
    assert run_until(lambda: (check_time(1e9), 3)[1]) == 3


def test_what_cannot_be_done_in_time_is_not_begun() -> None:
    began = time.perf_counter()
    with pytest.raises(OutOfTimeError, match="time is up"):
        run_until(lambda: check_time(60), time.perf_counter() + 30)
    assert time.perf_counter() - began < 5


def test_errors_and_the_context_are_those_of_the_caller() -> None:
    name = contextvars.ContextVar("name", default="other")
    name.set("own")
    assert run_until(name.get) == "own"

    def wrong() -> None:
        raise DataError("It is wrong.")

    with pytest.raises(DataError, match="It is wrong"):
        run_until(wrong)


def test_a_ctrl_c_is_answered_while_work_goes_on() -> None:
    """The work ends at its next look at the clock."""
    ended = threading.Event()

    def work() -> None:
        try:
            while True:
                check_time()
        finally:
            ended.set()

    threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        run_until(work)
    assert ended.wait(5)


@pytest.mark.parametrize("head", ["cases", "features", "trees"])
def test_heads_look_at_the_clock(head: str) -> None:
    """It takes seconds to fit them, and threads that nobody waits for any more end."""
    shape = {"cases": (1500, 8000), "features": (12_000, 1500), "trees": (5000, 100)}[head]
    x = np.random.default_rng(0).random(shape, np.float32)
    y = np.arange(len(x)) % 2
    before = threading.active_count()
    with pytest.raises(OutOfTimeError):
        if head == "trees":
            until = time.perf_counter() + 0.1
            run_until(lambda: grow_trees(x, y, trees=2000, count=2, seed=0), until)
        else:
            run_until(lambda: fit_ridge(x, np.eye(2)[y], "softmax"), time.perf_counter() + 0.1)
    for _ in range(100):
        time.sleep(0.1)
        if threading.active_count() <= before:
            break
    assert threading.active_count() <= before
