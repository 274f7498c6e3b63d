"""What an executor is; this process as one; running calls until all of them are done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, runtime_checkable

from segue.errors import OptionError, TrainingError


class Future(Protocol):
    """The result of a submitted call, now or later."""

    def done(self) -> bool:
        """Whether `result` returns at once."""

    def result(self) -> Any:
        """Wait for the call, and return its value or raise its error."""


@runtime_checkable
class Executor(Protocol):
    """Runs submitted calls, in this process or elsewhere."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future:
        """Schedule `function(*arguments)`."""


class ThisProcess(futures.Executor):
    """Runs each call when it is submitted, in this process.

    >>> ThisProcess().submit(max, 3, 4).result()
    4
    """

    def submit(
        self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any
    ) -> futures.Future[Any]:
        """Run the call now; return a future that is done."""
        future: futures.Future[Any] = futures.Future()
        try:
            future.set_result(function(*arguments, **keywords))
        except Exception as error:
            future.set_exception(error)
        return future


def started(executor: Executor) -> AbstractContextManager[Executor]:
    """A block in which an executor can be used; processes that are not started yet end with it.

    >>> with started(ThisProcess()) as executor:
    ...     executor.submit(max, 3, 4).result()
    4

    Raises:
        OptionError: no executor.
    """
    if not isinstance(executor, Executor):
        raise OptionError(
            f"`executor` is {executor!r}; expected something with `submit(function, *arguments)`, "
            "such as those of concurrent.futures."
        )
    return executor if getattr(executor, "starts", False) else nullcontext(executor)  # type: ignore[return-value]


class LostCallError(TrainingError):
    """A call that an engine has lost: its job was cancelled, its machine died, its time ran out."""


_ATTEMPTS = 4  # of a call that is lost each time


def completed(
    executor: Executor,
    function: Callable[..., Any],
    calls: Sequence[tuple[Any, ...]],
    *,
    at_once: int | None = None,
    begun: Mapping[int, Future] | None = None,
    submitted: Callable[[int, Future], None] | None = None,
) -> Iterator[tuple[int, Any]]:
    """Run calls and yield the number and the value of each as soon as it is done.

    A call that is lost (`LostCallError`) is submitted again, up to three times.

    Args:
        executor: what runs them.
        function: what is called.
        calls: the arguments of each call.
        at_once: how many are submitted at a time: one a worker process, or all, if left out; an
            executor with `submit_all` gets them in lots.
        begun: futures of calls that were submitted before, by their numbers.
        submitted: told of each call that was submitted.

    >>> calls = [(3, 4), (1, 2)]
    >>> list(completed(ThisProcess(), max, calls))
    [(0, 4), (1, 2)]
    """
    running = dict(begun or {})
    at_once = getattr(executor, "count", len(calls)) if at_once is None else at_once
    waiting = [number for number in range(len(calls)) if number not in running]
    attempts: Counter[int] = Counter()
    pause = getattr(executor, "poll_seconds", _POLL_SECONDS)
    while waiting or running:
        free = min(at_once, getattr(executor, "at_once", at_once)) - len(running)
        if free > 0 and waiting and not (running and hasattr(executor, "submit_all")):
            now, waiting = waiting[:free], waiting[free:]
            lot = [calls[number] for number in now]
            for number, future in zip(now, _submit_all(executor, function, lot), strict=True):
                running[number] = future
                attempts[number] += 1
                if submitted is not None:
                    submitted(number, future)
        done = [number for number, future in running.items() if future.done()]
        for number in done:
            try:
                value = running.pop(number).result()
            except LostCallError:
                if attempts[number] >= _ATTEMPTS:
                    raise
                waiting.append(number)
            else:
                yield number, value
        if not done:
            time.sleep(pause)


_POLL_SECONDS = 0.02


def _submit_all(
    executor: Executor, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]
) -> Sequence[Future]:
    if hasattr(executor, "submit_all"):
        return list(executor.submit_all(function, calls))
    return [executor.submit(function, *arguments) for arguments in calls]
