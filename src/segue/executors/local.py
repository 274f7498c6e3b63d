"""Worker processes of this machine (loky)."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import Pipe, resource_tracker
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from segue.errors import OptionError, TrainingError, check_whole
from segue.executors.base import Future
from segue.extras import require

if TYPE_CHECKING:
    from loky import ProcessPoolExecutor


class LocalProcesses:
    """Runs calls in worker processes of this machine, each with one thread (loky).

    The processes are started afresh, without a copy of this one's memory, and end with the `with`
    block: at once if it is left by an error or by Ctrl-C. If this process is killed they end by
    themselves. Functions and classes of a script or a notebook are sent by value.

    Args:
        count: how many processes; one for each processor if left out.

    Raises:
        OptionError: a count below one.

    >>> with LocalProcesses(1) as processes:
    ...     processes.submit(max, 3, 4).result()
    4
    """

    def __init__(self, count: int | None = None) -> None:
        count = count_cores() if count is None else count
        check_whole("workers", count)
        self.count = count
        self._pool: ProcessPoolExecutor | None = None

    @property
    def starts(self) -> bool:
        """Whether a `with` block would start the processes: they do not run yet."""
        return self._pool is None

    def __enter__(self) -> Self:
        pool = require("loky").ProcessPoolExecutor
        # As the tracker of multiprocessing starts, it unblocks SIGINT, which workers that start
        # after it would inherit: so it starts before that is blocked.
        if hasattr(signal, "pthread_sigmask"):
            resource_tracker.ensure_running()
        # Nothing is ever sent. The other end closes with this process, however that ends.
        self._lifeline = Pipe(duplex=False)
        self._pool = pool(
            self.count, timeout=None, initializer=_start_worker, initargs=(self._lifeline[0],)
        )
        try:
            with _interrupts_held():
                self._pool.submit(os.getpid)  # starts all workers
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        pool, self._pool = self._pool, None
        assert pool is not None
        with _interrupts_held():
            pool.shutdown(wait=True, kill_workers=kind is not None)
        for end in self._lifeline:
            end.close()

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future:
        """Schedule the call for the next free process.

        Raises:
            OptionError: outside of the `with` block.
            TrainingError: a worker process has died.
        """
        if self._pool is None:
            raise OptionError(
                "The processes are not started: `with LocalProcesses(2) as processes:`."
            )
        with _errors_explained(), _interrupts_held():
            return _WorkerFuture(self._pool.submit(function, *arguments))


class _WorkerFuture:
    """A future whose errors explain what happened to the process."""

    def __init__(self, future: futures.Future[Any]) -> None:
        self._future = future
        self._ended: SimpleQueue[None] = SimpleQueue()  # waiting for it holds no lock
        future.add_done_callback(lambda _: self._ended.put(None))

    def done(self) -> bool:
        return not self._ended.empty()

    def result(self) -> Any:
        self._ended.put(self._ended.get())
        with _errors_explained(), _interrupts_held():
            return self._future.result()


@contextmanager
def _errors_explained() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise TrainingError(
            "A worker process ended by itself. Was there too little memory? Then take fewer "
            "`workers`. Finished trials are kept if the study has a folder; the same call "
            "continues from there."
        ) from error
    except Exception as error:
        if type(error).__name__ != "PicklingError":
            raise
        reason = str(error.__cause__ or error).strip('"\n').rpartition("\n")[2]
        raise OptionError(
            f"This cannot be sent to another process ({reason}). Leave out what holds files, locks "
            "or processes; or take workers=1, which needs no other process."
        ) from error


def _start_worker(lifeline: Connection) -> None:
    """Ignore Ctrl-C, compute on one thread, and exit when the parent process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # first: what follows takes a second
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_exit_with_parent, args=(lifeline,), daemon=True).start()


def _exit_with_parent(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)  # without clean-up: a training may occupy the main thread


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A Ctrl-C in the block is acted on after it: not while a lock of the pool is held.

    A lock whose owner is interrupted stays locked, and the pool would wait for it without end.
    Processes that start in the block get no Ctrl-C: a terminal sends it to every one of them.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield  # nothing is interrupted here
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    masked = hasattr(signal, "pthread_sigmask")  # which new processes inherit
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]) if masked else None
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def count_cores(environment: Mapping[str, str] | None = None) -> int:
    """Number of processors that this process may use; `SEGUE_WORKERS` overrides it.

    Raises:
        OptionError: `SEGUE_WORKERS` is no whole number from 1 on.

    >>> count_cores({"SEGUE_WORKERS": "3"})
    3
    """
    text = (os.environ if environment is None else environment).get("SEGUE_WORKERS")
    if text is None:
        return int(require("loky").cpu_count())
    if not text.isdecimal() or int(text) < 1:
        raise OptionError(f"SEGUE_WORKERS is {text!r}; expected a whole number from 1 on.")
    return int(text)
