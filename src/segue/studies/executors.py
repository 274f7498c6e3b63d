"""Who does the trials of a study: this process, other processes here, or whatever can `submit`.

An executor is anything with `submit(function, *arguments)` that returns a future with `done()` and
`result()`. That is what `concurrent.futures` has, and what the packages for clusters imitate, so
that theirs can be passed as they are.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future as LocalFuture
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from segue.errors import OptionError, TrainingError

Row = dict[str, Any]


class Future(Protocol):
    """Something that has been submitted."""

    def done(self) -> bool:
        """Whether `result` would return at once."""

    def result(self) -> Any:
        """What the function returned; or raises what it raised."""


@runtime_checkable
class Executor(Protocol):
    """What a study submits its trials to."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future:
        """Have `function(*arguments)` done, here or elsewhere, now or later."""


@dataclass(frozen=True)
class Done:
    """The future of something that is done already."""

    value: Any

    def done(self) -> bool:
        """Yes."""
        return True

    def result(self) -> Any:
        """The value."""
        return self.value


class ThisProcess:
    """Does each trial as it is submitted, one after the other, without any other process.

    >>> ThisProcess().submit(max, 3, 4).result()
    4
    """

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future:
        """Do it now."""
        return Done(function(*arguments))


class LocalProcesses:
    """Does trials in processes of this machine, each with one thread.

    The processes are started afresh (spawn). They end with the `with` block, at once when it is
    left by an error or by Ctrl-C; and by themselves when this process is killed.

    Args:
        count: how many processes; one for each processor if left out.

    >>> with LocalProcesses(1) as processes:
    ...     processes.submit(max, 3, 4).result()
    4
    """

    def __init__(self, count: int | None = None) -> None:
        count = count_cores() if count is None else count
        if count < 1:
            raise OptionError(f"`workers` is {count!r}; expected a whole number from 1 on.")
        self.count = count
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        context = get_context("spawn")
        # Nothing is ever sent. The other end is closed with this process, however it ends.
        watched, self._ours = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(self.count, context, _begin, (watched,))
        with (
            _interrupts_ignored()
        ):  # Ctrl-C reaches every process; the workers leave it to this one
            for _ in range(self.count):  # each starts one, as none is idle yet
                self._pool.submit(os.getpid)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pool, self._pool = self._pool, None
        assert pool is not None
        if kind is not None:
            self._ours.close()  # the workers end now, whatever they do
        pool.shutdown(wait=True, cancel_futures=True)
        self._ours.close()

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future:
        """Have it done by the next process that is free.

        Raises:
            OptionError: something that cannot be sent to another process.
        """
        if self._pool is None:
            raise OptionError(
                "The processes are not started: `with LocalProcesses(2) as processes:`."
            )
        task = _packed(function, arguments)
        try:
            return _Watched(self._pool.submit(_unpack, task))
        except BrokenProcessPool as broken:
            raise _died() from broken


@dataclass(frozen=True)
class _Watched:
    """A future that says in words when its process has died."""

    inner: LocalFuture[Any]

    def done(self) -> bool:
        return self.inner.done()

    def result(self) -> Any:
        try:
            return self.inner.result()
        except BrokenProcessPool as broken:
            raise _died() from broken


def _died() -> TrainingError:
    return TrainingError(
        "A process of the study ended by itself. Was there too little memory? Then take fewer "
        "`workers`. In a script of yours, the study must be called below `if __name__ == "
        "'__main__':`, because each process reads the script first. What is finished is kept "
        "where the study has a folder; the same call goes on from there."
    )


def _packed(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    """Pack it here, where a failure can be explained, and not in a thread of the pool."""
    try:
        return pickle.dumps((function, arguments))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise OptionError(
            f"This cannot be sent to another process ({error}). Define your own layers and "
            "functions at the top of a module; or take workers=1, which needs no other process."
        ) from error


def _unpack(task: bytes) -> Any:
    function, arguments = pickle.loads(task)  # noqa: S301  (from the process that started this one)
    return function(*arguments)


def _begin(watched: Connection) -> None:
    """Make this process one with a single thread that ends when the other end of a pipe does."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()


def _end_with(watched: Connection) -> None:
    try:
        watched.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)  # no clean-up: nobody is left to tell, and a training may hold the main thread


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Processes that are started meanwhile do not hear Ctrl-C, from their first moment on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def count_cores(environment: Mapping[str, str] | None = None) -> int:
    """How many processors this process may use; `SEGUE_WORKERS` says otherwise.

    >>> count_cores({"SEGUE_WORKERS": "3"})
    3
    """
    environment = os.environ if environment is None else environment
    if "SEGUE_WORKERS" in environment:
        text = environment["SEGUE_WORKERS"]
        if not text.isdecimal() or int(text) < 1:
            raise OptionError(f"SEGUE_WORKERS is {text!r}; expected a whole number from 1 on.")
        return int(text)
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every system has it
        return os.cpu_count() or 1
