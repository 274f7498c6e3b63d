"""`segue view`: look at a data set before training on it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segue.cli.columns import Columns, read_source, with_columns
from segue.cli.shared import Debug, Json, Limit, Source, print_json
from segue.errors import OptionError

if TYPE_CHECKING:
    from segue.dataset import Dataset


@with_columns
def view(
    source: Source,
    samples: Annotated[int, typer.Option(min=1, metavar="N", help="Sequences of each class.")] = 3,
    limit: Limit = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw a picture (or .pdf, .svg).")
    ] = None,
    columns: Columns = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Look at data before training on them.

    Prints counts, lengths, class balance, missing values and duplicates, and draws some sequences.

    Example: segue view japanese-vowels --out vowels.png
    """
    dataset = read_source(source, columns, limit=limit)
    summary = dataset.summary()
    if out is not None:
        _draw(dataset, samples, out)
    if json:
        print_json(asdict(summary))
        return
    print(summary)
    print()
    for line in lines(dataset, samples) if out is None else [f"picture  {out}"]:
        print(line)


def _draw(dataset: Dataset, samples: int, out: Path) -> None:
    from segue import plots

    save(plots.overview(dataset, samples=samples), out, "--out")


def save(figure: Any, path: Path, option: str) -> None:
    """Write a figure in the format that the file's ending says.

    Raises:
        OptionError: an ending that is none; `option` is what it was given to.
        WriteError: the disk is full or read-only.
    """
    from segue.atomic import replacing

    known = figure.canvas.get_supported_filetypes()
    if path.suffix.lower().removeprefix(".") not in known:
        raise OptionError(f"{option} is {path}; expected a file ending in .{', .'.join(known)}.")
    with replacing(path) as temporary:
        figure.savefig(temporary)


def lines(dataset: Dataset, samples: int, *, width: int = 60) -> list[str]:
    """Draw the first sequences of each class in one line of text each.

    Of several channels the one that varies most is drawn. A data set whose targets are no classes
    gives its first sequences.
    """
    from segue.cli.sparkline import liveliest_channel, sparkline

    chosen = _first_of_each_class(dataset, samples)
    if not chosen:
        return []
    if dataset.x.is_text:
        return _written(dataset, chosen)
    drawn = [dataset.x[number] for _, number in chosen]
    channel = liveliest_channel(drawn)
    margin = max(len(name) for name, _ in chosen)
    rows = [
        f"{name:<{margin}}  {sparkline(steps[:, channel], width)}"
        for (name, _), steps in zip(chosen, drawn, strict=True)
    ]
    if dataset.x.channels > 1:
        name = dataset.channels[channel] if dataset.channels else channel + 1
        rows.insert(0, f"channel {name} of {dataset.x.channels}:")
    return rows


def _written(
    dataset: Dataset, chosen: list[tuple[str, int]], *, width: int = 88, rows: int = 4
) -> list[str]:
    """The beginnings of texts, wrapped, each below its label and its length."""
    import textwrap

    from segue.values import decode

    lines = []
    for name, number in chosen:
        text = decode(dataset.x[number])
        place = "" if dataset.ids is None else f", {dataset.ids[number]}"
        lines.append(f"{name}  ({len(text.split()):,} words{place})")
        begin = " ".join(text[: 2 * width * rows].split())
        shown = textwrap.wrap(begin, width, initial_indent="  ", subsequent_indent="  ")
        lines += [*shown[: rows - 1], shown[rows - 1] + " …"] if len(shown) > rows else shown
    return lines


def _first_of_each_class(dataset: Dataset, samples: int) -> list[tuple[str, int]]:
    if dataset.task != "classify" or dataset.classes is None:
        return [(str(number), number) for number in range(min(samples, len(dataset)))]
    return [
        (str(name), int(number))
        for name in dataset.classes
        for number in (dataset.y == name).nonzero()[0][:samples]
    ]
