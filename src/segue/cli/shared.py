"""What several commands have in common: their arguments, and how they print."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
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
OptionalSource = Annotated[
    str | None,
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
    print(json.dumps(plain(value), indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """A value as JSON has it: lists for arrays, null for NaN, which JSON does not know.

    >>> plain({"loss": float("nan"), "classes": ("a", "b"), "path": Path("run")})
    {'loss': None, 'classes': ['a', 'b'], 'path': 'run'}
    """
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


def print_table(rows: Iterable[tuple[str, str]]) -> None:
    """Print pairs of a heading and a text in two columns."""
    rows = list(rows)
    width = max((len(heading) for heading, _ in rows), default=0)
    for heading, text in rows:
        print(f"{heading:<{width}}  {text}".rstrip())
