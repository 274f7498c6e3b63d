"""`segue listen`: hear some sequences of a data set."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segue.cli.columns import Columns, read_source, with_columns
from segue.cli.output import Overwrite, check_output
from segue.cli.shared import Debug, Json, Limit, Part, Seed, Source, print_json
from segue.errors import DataError, OptionError

if TYPE_CHECKING:
    from segue.sonify import Clip


@with_columns
def listen(
    source: Source,
    samples: Annotated[int, typer.Option(min=1, metavar="N", help="Sequences to hear.")] = 6,
    join: Annotated[
        bool, typer.Option("--join", help="One after the other, with short gaps (the default).")
    ] = False,
    mix: Annotated[bool, typer.Option("--mix", help="All at once.")] = False,
    part: Part = None,
    seed: Seed = 0,
    rate: Annotated[
        int | None, typer.Option(metavar="HZ", help="Steps per second at which they are played.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.wav", help="Write a WAV file and do not play it.")
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png", help="Draw what is heard; .png alone draws beside the WAV file."
        ),
    ] = None,
    overwrite: Overwrite = False,
    limit: Limit = None,
    json: Json = False,
    debug: Debug = False,
    columns: Columns = None,
) -> None:
    """Hear some sequences of a data set, drawn at random.

    Prints what is heard when. Plays it where a player is installed (paplay, aplay, afplay, ffplay
    or sox), and writes a WAV file where there is none.

    Example: segue listen instruments --samples 5 --mix --out chord.wav --overwrite
    """
    from segue.sonify import draw, make_clip

    if join and mix:
        raise OptionError("--join and --mix exclude each other: one after the other, or at once.")
    check_output(out, overwrite=overwrite, endings=(".wav", ".wave"))
    _check_picture(picture, out, overwrite=overwrite)
    data = read_source(source, columns, part=part, limit=limit)
    if len(data) == 0:
        raise DataError(f"{source} holds no sequences to be heard.")
    clip = make_clip(data, draw(len(data), samples, seed), mix=mix, rate=rate)
    if not json:
        _print(clip)
    unused = _unused(data.name, picture)
    written, player = _hear(clip, out, unused)
    drawn = _draw(clip, picture, written or unused)
    if json:
        print_json({
            "seconds": clip.seconds, "rate_hz": clip.rate_hz, "player": player, "wav": written,
            "picture": drawn, "notes": clip.notes, "spans": [asdict(span) for span in clip.spans],
        })  # fmt: skip
        return
    for what, path in (("sound", written), ("picture", drawn)):
        if path is not None:
            print(f"{what}  {path}")


def _print(clip: Clip) -> None:
    width = max([5, *(len(span.label) for span in clip.spans)])
    print(f"    from       to  {'label':<{width}}  sequence")
    for span in clip.spans:
        print(f"{span.start:7.3f}s {span.stop:7.3f}s  {span.label:<{width}}  {span.id}")
    for note in clip.notes:
        print(note)


def _hear(clip: Clip, out: Path | None, unused: Path) -> tuple[Path | None, str | None]:
    """Write the file, or play it; return where it is kept and what has played it."""
    from segue.cli.players import find_player, play

    player = None if out is not None else find_player()
    if player is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.wav"
            clip.write(path)
            complaint = play(player, path, clip.seconds)
        if not complaint:
            return None, player
        print(f"{player} could not play it ({complaint}).", file=sys.stderr)
    elif out is None:
        print("No player is installed, so a file is written.", file=sys.stderr)
    path = out or unused
    clip.write(path)
    return path, None


def _check_picture(picture: Path | None, out: Path | None, *, overwrite: bool) -> None:
    """Refuse one that cannot be written; one beside a sound without a name is a new file anyway."""
    if picture is None:
        return
    from segue.cli.view import picture_endings

    path = picture
    if _is_ending(picture):
        path = (out or Path("sound")).with_suffix(picture.name)
        overwrite = overwrite or out is None
    check_output(path, overwrite=overwrite, option="--picture", endings=picture_endings())


def _is_ending(picture: Path) -> bool:
    return picture.name.startswith(".") and not picture.suffix


def _unused(name: str, picture: Path | None) -> Path:
    """A file in this folder that is not there yet, nor a picture beside it."""
    stem = "".join(c if c.isalnum() or c in "-_." else "-" for c in name) or "segue"
    endings = [".wav", *([picture.name] if picture is not None and _is_ending(picture) else [])]
    stems = (f"{stem}{number}" for number in ("", *(f"-{i}" for i in range(2, 10_000))))
    free = next(s for s in stems if not any(Path(s + ending).exists() for ending in endings))
    return Path(free + ".wav")


def _draw(clip: Clip, picture: Path | None, sound: Path) -> Path | None:
    if picture is None:
        return None
    from segue import plots
    from segue.cli.view import save

    if _is_ending(picture):
        picture = sound.with_suffix(picture.name)
    save(plots.plot_clip(clip).figure, picture)
    return picture
