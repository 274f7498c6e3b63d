"""The states of `segue stream` in a file: where it goes on, and what is left where it is killed."""

from __future__ import annotations

import select
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from segue.cli.shared import tell
from segue.errors import WriteError, counted, warn_user

if TYPE_CHECKING:
    from segue.estimators import Streams

EVERY = 10.0  # seconds between two times that the file is written
_SHARE = 20  # at least as many times as long as writing takes: of very many streams


class StateFile:
    """Keeps the states of streams in a file, as they come; without a path it does nothing.

    Args:
        streams: whose states.
        path: the file; `None`: there is none.
        held: within it no interrupt comes.
    """

    def __init__(
        self, streams: Streams, path: Path | None, held: AbstractContextManager[None]
    ) -> None:
        self._streams, self._path, self._held = streams, path, held
        self._is_new, self._is_told, self._due = False, False, time.monotonic() + EVERY

    def begin(self) -> None:
        """Go on with the file, where it is there; say which.

        Raises:
            FileError: it is none of this model, or damaged.
        """
        if self._path is None:
            return
        if not self._path.exists():
            tell([f"{self._path} is not there yet: everything begins anew"], "state")
            return
        self._streams.load(self._path)
        tell([f"goes on with {counted(len(self._streams), 'stream')} of {self._path}"], "state")

    def changed(self) -> None:
        """Note that a step has come; now and then the file is written."""
        if self._path is not None:
            self._is_new = True
            if time.monotonic() >= self._due:
                self._write()

    def wait(self, source: BinaryIO) -> None:
        """Wait until more comes from a source; what is new is written when its time has come."""
        while self._is_new:
            left = max(0.0, self._due - time.monotonic())
            try:
                if select.select([source], [], [], left)[0]:
                    return
            except (OSError, ValueError):  # no pipe that can be waited for
                return
            self._write()

    def _write(self) -> None:
        """Write the file; where it cannot be, the streams go on, and it is tried again later."""
        began = time.monotonic()
        try:
            self.end()
            self._is_new = False
        except WriteError as error:
            if not self._is_told:
                warn_user(f"{error} It is tried again as long as steps come.")
            self._is_told = True
        now = time.monotonic()
        self._due = now + max(EVERY, _SHARE * (now - began))

    def end(self) -> None:
        """Write the file; a second interrupt does not cost the states.

        Raises:
            WriteError: the disk is full or read-only.
        """
        if self._path is not None:
            with self._held:
                self._streams.save(self._path)
