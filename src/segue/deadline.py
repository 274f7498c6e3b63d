"""Deadlines: work that looks at the clock between its pieces, and is left where it does not.

`run_until` calls a function in a thread of its own and comes back when the time is up, whatever the
function does by then: a decomposition of a large matrix cannot be stopped. Left alone, the function
ends where it next calls `check_time`.
"""

from __future__ import annotations

import contextvars
import math
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from segue.errors import OutOfTimeError

Result = TypeVar("Result")

_GLANCE = 0.1  # seconds after which a waiting thread sees a Ctrl-C, where nothing wakes it


class _Deadline:
    """When a piece of work has to end, by `time.perf_counter`."""

    def __init__(self, until: float) -> None:
        self.until = until


_current: contextvars.ContextVar[_Deadline] = contextvars.ContextVar("deadline")


def check_time(seconds: float = 0.0) -> None:
    """Go on, if there is time for a piece of work; without a deadline there is.

    Args:
        seconds: that the next piece is expected to take.

    Raises:
        OutOfTimeError: there is not.
    """
    deadline = _current.get(None)
    if deadline is not None and time.perf_counter() + seconds > deadline.until:
        raise OutOfTimeError("The time is up.")


def run_until(function: Callable[[], Result], until: float = math.inf) -> Result:
    """The result of a function, if it has one in time.

    Args:
        function: called without arguments, in another thread.
        until: when its time is up, by `time.perf_counter`.

    Raises:
        OutOfTimeError: it was not done; it ends at its next `check_time`, and so it does where this
            call is interrupted.

    >>> run_until(lambda: 3, time.perf_counter() + 9)
    3
    >>> run_until(lambda: time.sleep(0.2), time.perf_counter() + 0.01)
    Traceback (most recent call last):
    segue.errors.OutOfTimeError: The time is up.
    """
    deadline, ended = _Deadline(until), threading.Event()
    results: list[Result] = []
    errors: list[BaseException] = []

    def work() -> None:
        _current.set(deadline)
        try:
            results.append(function())
        except BaseException as error:  # whoever waits gets it
            errors.append(error)
        finally:
            ended.set()

    context: Any = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), daemon=True).start()
    try:
        while (left := until - time.perf_counter()) > 0 and not ended.wait(min(left, _GLANCE)):
            pass
    finally:
        deadline.until = -math.inf
    if errors:
        raise errors[0]
    if not results:
        raise OutOfTimeError("The time is up.")
    return results[0]
