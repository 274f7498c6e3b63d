"""`segue listen`: sequences of a data set as sound, played or written to a file."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from segue.cli.shared import (
    Columns,
    check_output,
    picture_endings,
    print_result,
    read_source,
    save_figure,
)
from segue.errors import DataError, OptionError
from segue.text_table import text_table, visible

if TYPE_CHECKING:
    from segue.sonify import Clip


# Programs that play a WAV file, with their options.
PLAYERS = {
    "paplay": "",
    "aplay": "-q",
    "afplay": "",
    "ffplay": "-nodisp -autoexit -loglevel error",
    "play": "-q",  # of sox
}


def listen(
    source: str,
    *,
    samples: int = 6,
    join: bool = False,
    mix: bool = False,
    seed: int = 0,
    rate: int | None = None,
    out: Path | None = None,
    picture: Path | None = None,
    overwrite: bool = False,
    reading: Columns = None,
    json: bool = False,
) -> None:
    """Hear some sequences of a data set, drawn at random.

    Prints what is heard when. Plays it where a player is installed (paplay, aplay, afplay, ffplay
    or sox), and writes a WAV file where there is none.

    Example: segue listen instruments --samples 5 --mix --out chord.wav --overwrite

    Options:
        samples: sequences to hear.
        join: one after the other, with short gaps (the default).
        mix: all at once.
        rate (HZ): steps per second at which they are played.
        out (FILE.wav): write a WAV file and do not play it.
        picture (FILE.png): draw what is heard; .png alone draws beside the WAV file.
    """
    from segue.sonify import draw, make_clip

    if join and mix:
        raise OptionError("--join and --mix exclude each other: one after the other, or at once.")
    check_output(out, overwrite=overwrite, endings=(".wav", ".wave"))
    if picture is not None:
        path = _beside(picture, out or Path("sound"))
        is_new = out is None and path != picture  # it gets the unused name of the sound
        may_replace = overwrite or is_new
        check_output(path, overwrite=may_replace, option="--picture", endings=picture_endings())
    data = read_source(source, reading)
    if len(data) == 0:
        raise DataError(f"{source} holds no sequences to be heard.")
    clip = make_clip(data, draw(len(data), samples, seed), mix=mix, rate=rate)
    if not json:
        rows = [
            (f"{span.start:.3f}s", f"{span.stop:.3f}s", span.label, str(span.id))
            for span in clip.spans
        ]
        print(text_table([("from", "to", "label", "sequence"), *rows], ">><<"))
        print("".join(f"{visible(note)}\n" for note in clip.notes), end="")
    unused = _unused(data.name, picture)
    written, player = _hear(clip, out, unused)
    drawn = None if picture is None else _beside(picture, written or unused)
    if drawn is not None:
        from segue import plots

        save_figure(plots.plot_clip(clip).figure, drawn)
    for what, file in (("sound", written), ("picture", drawn)):
        if file is not None and not json:
            print(visible(f"{what}  {file}"))
    if json:
        facts = {
            "seconds": clip.seconds, "rate_hz": clip.rate_hz, "player": player, "wav": written,
            "picture": drawn, "notes": clip.notes, "spans": [asdict(span) for span in clip.spans],
        }  # fmt: skip
        print_result(facts, "", json=True)


def _hear(clip: Clip, out: Path | None, unused: Path) -> tuple[Path | None, str | None]:
    """Write the file, or play it; return where it is kept and what has played it."""
    path = out or unused
    player = next((name for name in PLAYERS if shutil.which(name)), None)
    if out is None and player is not None:
        with tempfile.TemporaryDirectory() as folder:
            clip.write(Path(folder) / "clip.wav")
            complaint = play(player, Path(folder) / "clip.wav", clip.seconds)
        if not complaint:
            return None, player
        print(f"{player} could not play it ({complaint}).", file=sys.stderr)
    elif out is None:
        print("No player is installed, so a file is written.", file=sys.stderr)
    clip.write(path)
    return path, None


def _beside(picture: Path, sound: Path) -> Path:
    """The picture's file; of an ending alone, such as `.png`, that beside the sound."""
    is_ending = picture.name.startswith(".") and not picture.suffix
    return sound.with_suffix(picture.name) if is_ending else picture


def _unused(name: str, picture: Path | None) -> Path:
    """A file in this folder that is not there yet, nor a picture beside it."""
    stem = "".join(c if c.isalnum() or c in "-_." else "-" for c in name) or "segue"
    for number in count(1):
        sound = Path(f"{stem}{'' if number == 1 else f'-{number}'}.wav")
        pictures = [] if picture is None else [_beside(picture, sound)]
        if not any(path.exists() for path in [sound, *pictures] if path != picture):
            return sound
    raise AssertionError("unreachable")  # count never ends


def play(player: str, path: Path, seconds: float) -> str:
    """Play a file to its end, and return what the player complained of; nothing if all went well.

    Args:
        player: of `PLAYERS`.
        path: the file.
        seconds: how long it is.
    """
    command = [shutil.which(player) or player, *PLAYERS[player].split(), str(path)]
    try:
        done = subprocess.run(  # noqa: S603 - a program from the table above, and a file of ours
            command, capture_output=True, timeout=seconds + 30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}: {error}"
    lines = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
    return "" if not done.returncode else (lines or [f"exit code {done.returncode}"])[-1]
