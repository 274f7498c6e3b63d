"""`segue view`: look at a data set before training on it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segue.cli.columns import Columns, read_source, with_columns
from segue.cli.output import Overwrite, check_output
from segue.cli.shared import Debug, Json, Limit, Part, Source, print_json
from segue.errors import OptionError

if TYPE_CHECKING:
    from segue.dataset import Dataset
    from segue.summary import Summary

_LINES_AT_MOST = 7  # channels; more are drawn as shades
_CLASSES_AT_MOST = 30  # bars


@with_columns
def view(
    source: Source,
    samples: Annotated[int, typer.Option(min=1, metavar="N", help="Sequences of each class.")] = 3,
    limit: Limit = None,
    part: Part = None,
    how: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="lines|heat-map|spectrogram|image",
            help="How sequences are drawn (default: by the number of channels).",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw a picture (or .pdf, .svg).")
    ] = None,
    overwrite: Overwrite = False,
    columns: Columns = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Look at data before training on them.

    Prints counts, lengths, class balance, missing values and duplicates, and draws some sequences.

    Example: segue view japanese-vowels --out vowels.png --overwrite
    """
    kind = _kind(how)
    if out is not None:
        check_output(out, overwrite=overwrite, endings=picture_endings())
    dataset = read_source(source, columns, part=part, limit=limit)
    summary = dataset.summary()
    if out is not None:
        _draw(dataset, samples, out, kind)
    if json:
        print_json(asdict(summary))
        return
    print(summary)
    print()
    if out is not None:
        print(f"picture  {out}")
        return
    for line in _drawn(dataset, samples, kind, summary):
        print(line)


def _drawn(dataset: Dataset, samples: int, kind: str | None, summary: Summary) -> list[str]:
    """As the terminal can; where there is none, or without the extra, in a line of text each."""
    from segue.cli import terminal

    width = terminal.terminal_width()
    many = dataset.x.channels > _LINES_AT_MOST
    kind = kind or ("heat map" if many else "lines")
    drawable = not dataset.x.is_text and kind in terminal.DRAWINGS
    if width is None or not drawable or (kind == "lines" and not terminal.has_plots()):
        return lines(dataset, samples)
    balance = {str(name): count for name, count in summary.classes.items()}
    drawn = terminal.draw(dataset, _first_of_each_class(dataset, samples), kind, width)
    lengths = terminal.histogram(dataset.x.lengths, width)
    if len(lengths) > 1:
        drawn += ["lengths, in steps", *lengths, ""]
    if 0 < len(balance) <= _CLASSES_AT_MOST:
        what = "steps" if dataset.task == "label" else "sequences"
        drawn += [f"{what} of each class", *terminal.bars(balance, width)]
    return drawn


def _kind(how: str | None) -> Any:
    """The kind of drawing that is wanted; None for none."""
    if how is None:
        return None
    from segue.plots import DRAWINGS

    kind = how.lower().replace("-", " ")
    if kind not in DRAWINGS:
        known = ", ".join(name.replace(" ", "-") for name in DRAWINGS)
        raise OptionError(f"--as is {how}; expected one of {known}.")
    return kind


def _draw(dataset: Dataset, samples: int, out: Path, kind: Any) -> None:
    from segue import plots

    save(plots.overview(dataset, samples=samples, kind=kind), out)


def picture_endings() -> list[str]:
    """The endings of the files that a picture can be written to."""
    from matplotlib.backend_bases import FigureCanvasBase

    return [f".{name}" for name in FigureCanvasBase.get_supported_filetypes()]


def save(figure: Any, path: Path) -> None:
    """Write a figure in the format that the file's ending says.

    Raises:
        WriteError: the disk is full or read-only.
    """
    from segue.atomic import replacing

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
