"""Programs that play a WAV file, where one is there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PLAYERS: dict[str, tuple[str, ...]] = {
    "paplay": (),
    "aplay": ("-q",),
    "afplay": (),
    "ffplay": ("-nodisp", "-autoexit", "-loglevel", "error"),
    "play": ("-q",),  # of sox
}


def find_player() -> str | None:
    """The first of `PLAYERS` that is installed; `None` where none is."""
    return next((name for name in PLAYERS if shutil.which(name)), None)


def play(player: str, path: Path, seconds: float) -> str:
    """Play a file to its end, and return what the player complained of; nothing if all went well.

    Args:
        player: of `PLAYERS`.
        path: the file.
        seconds: how long it is.
    """
    program = shutil.which(player)
    if program is None:
        return f"{player} is not there"
    command = [program, *PLAYERS[player], str(path)]
    try:
        done = subprocess.run(  # noqa: S603 - a program from the table above, and a file of ours
            command, capture_output=True, timeout=seconds + 30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}: {error}"
    said = done.stderr.decode("utf-8", "backslashreplace").strip()
    last = (said or f"exit code {done.returncode}").splitlines()[-1]
    return last if done.returncode else ""
