"""What several commands have in common: their arguments, and how they print."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A named data set (`segue data list`), a file, or a folder.",
        show_default=False,
    ),
]
Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="A run's folder, or a model.safetensors.", show_default=False
    ),
]
Part = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The part to take: train, validation, test."),
]
Limit = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Read only N sequences of each part.")
]
Seed = Annotated[int, typer.Option(metavar="N", help="Another seed, another draw.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON on standard output, and nothing else.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def print_json(value: Any) -> None:
    """Print JSON; NumPy's numbers and paths as plain ones."""
    print(json.dumps(value, indent=2, default=_plain))


def print_table(rows: Iterable[tuple[str, str]]) -> None:
    """Print pairs of a heading and a text in two columns."""
    rows = list(rows)
    width = max((len(heading) for heading, _ in rows), default=0)
    for heading, text in rows:
        print(f"{heading:<{width}}  {text}".rstrip())


def duration(seconds: float) -> str:
    """Return a time as people say it.

    >>> duration(8.24), duration(75), duration(7384)
    ('8.2 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
