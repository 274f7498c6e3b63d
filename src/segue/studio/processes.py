"""Commands of segue as processes of their own, each of which writes a folder.

A process is the command itself, in a session of its own: it goes on when the studio ends, however
that ends, and one that was started in a terminal is found and stopped in the same way, by the lock
of its folder. What it prints is kept beside the folder, in `.NAME.log`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from segue.atomic import LOCK, is_locked, make_folder
from segue.errors import DataNotFoundError, FileError
from segue.studio.files import inside

_INTERRUPTED = (130, -signal.SIGINT)  # the second before it could do anything about it
_LAST_WORDS = ("interrupted", "KeyboardInterrupt")  # those of Python before it is segue that runs
_STOPPED = "It was stopped before anything was learnt."
_TAIL = 20_000  # bytes of what a process has printed, that are looked at


class Processes:
    """The processes of a project that write folders into one of its own.

    Args:
        root: the project's folder, resolved.
        place: the folder in it: "runs" or "studies".
        what: is in each folder, in words.
    """

    def __init__(self, root: Path, place: str, what: str) -> None:
        self.root, self.place, self.what = root, place, what
        self.started: dict[str, subprocess.Popen[bytes]] = {}

    def free_name(self, stem: str) -> str:
        """A name of a folder that there is not yet: the stem with a number."""
        names = (f"{stem}-{number}" for number in count(1))
        return next(
            name
            for name in names
            if name not in self.started and not (self.root / self.place / name).exists()
        )

    def start(self, name: str, arguments: Sequence[str], *, again: bool = False) -> None:
        """Start a process.

        Args:
            name: of its folder.
            arguments: of the command, which names the folder.
            again: whether it goes on with what was stopped, so that its log goes on too.

        Raises:
            WriteError: the folder cannot be written.
        """
        make_folder(self.root / self.place)
        with self._log(name).open("ab" if again else "wb") as log, _interrupts_heard():
            self.started[name] = subprocess.Popen(  # noqa: S603 (segue itself, and no shell)
                [sys.executable, "-m", "segue", *arguments],
                cwd=self.root, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def stop(self, name: str) -> None:
        """Stop a process as Ctrl-C does.

        Raises:
            DataNotFoundError: a name that is none, such as a path.
            FileError: no process works on it.
        """
        number = self._number(name)
        if number is None:
            raise FileError(f"no {self.what} is going on.", path=f"{self.place}/{name}")
        with suppress(ProcessLookupError):
            is_leader = os.getpgid(number) == number  # with the processes that it has started
            (os.killpg if is_leader else os.kill)(number, signal.SIGINT)

    def wait(self, name: str, seconds: float | None = None) -> int:
        """Wait for the end of a process that this studio has started; its exit code.

        Raises:
            subprocess.TimeoutExpired: it has not ended in so many seconds.
        """
        return self.started[name].wait(seconds)

    def is_own(self, name: str) -> bool:
        """Whether a process of this studio is working on a folder."""
        process = self.started.get(name)
        return process is not None and process.poll() is None

    def is_active(self, name: str) -> bool:
        """Whether a process of whomever is working on a folder."""
        return self.is_own(name) or is_locked(self.folder(name))

    def ended_well(self, name: str) -> bool:
        """Whether a process that has ended did so by itself, or was stopped; if it is known."""
        process = self.started.get(name)
        return process is None or process.poll() in (None, 0) or self.was_stopped(name)

    def was_stopped(self, name: str) -> bool:
        """Whether a process that has ended was stopped: by its exit code, or its last words."""
        process = self.started.get(name)
        code = None if process is None else process.poll()
        last = "".join(lines_of(self.printed(name))[-1:])
        return code in _INTERRUPTED or (code in (None, 1) and last.startswith(_LAST_WORDS))

    def error(self, name: str) -> str:
        """Why a process has ended that did not end well, or too early."""
        return _STOPPED if self.was_stopped(name) else error_in(self.printed(name))

    def _number(self, name: str) -> int | None:
        """The number of the process that works on a folder; `None`: there is none."""
        folder = self.folder(name)
        if self.is_own(name):
            return self.started[name].pid
        if is_locked(folder):
            with suppress(OSError, ValueError):
                return int((folder / LOCK).read_text(encoding="utf-8"))
        return None

    def folder(self, name: str) -> Path:
        """The folder of that name.

        Raises:
            DataNotFoundError: a name that is none, such as a path.
        """
        if not name or name.startswith(".") or name != Path(name).name:
            raise DataNotFoundError("there is no such folder.", path=repr(name))
        return inside(self.root, f"{self.place}/{name}")

    def _log(self, name: str) -> Path:
        return self.folder(name).with_name(f".{name}.log")

    def printed(self, name: str) -> str:
        """The end of what a process has printed."""
        try:
            with self._log(name).open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL))
                return log.read().decode("utf-8", "replace")
        except OSError:
            return ""


@contextmanager
def _interrupts_heard() -> Iterator[None]:
    """What is started in the block hears a Ctrl-C, also where this process was told not to.

    A shell tells it what it starts in the background (`&`), and that is inherited.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which no other program inherits
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def lines_of(text: str) -> tuple[str, ...]:
    """The lines of what was printed, without empty ones."""
    return tuple(line.rstrip() for line in text.splitlines() if line.strip())


def error_in(text: str) -> str:
    """The message of an error at the end of what was printed."""
    _, mark, message = text.rpartition("error: ")
    return message.strip() if mark else "Its process ended, and said nothing: was it killed?"
