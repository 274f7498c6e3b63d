"""`segue predict`: what a model predicts for each sequence, or each step."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segue.cli.columns import Columns, read_source, tell, with_columns
from segue.cli.output import Overwrite, check_output
from segue.cli.shared import Debug, Json, Limit, Model, Part, print_json
from segue.cli.streams import print_data
from segue.errors import OptionError

if TYPE_CHECKING:
    from segue.dataset import Dataset


@with_columns
def predict(
    model: Model,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A named data set (`segue data list`), a file, a folder, or - for standard input: "
            "a table, or JSON lines.",
            show_default=False,
        ),
    ],
    part: Part = None,
    limit: Limit = None,
    per_step: Annotated[
        bool, typer.Option("--per-step", help="The probabilities after each step.")
    ] = False,
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Forecast N steps (default: as in training)."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a file instead of printing: .csv, .json, .jsonl or .parquet.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    spreadsheet: Annotated[
        bool,
        typer.Option(
            "--spreadsheet",
            help="In CSV, put ' before text that begins with = + - or @, which a spreadsheet would "
            "take for a formula.",
        ),
    ] = False,
    columns: Columns = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Predict the class of each sequence; or its numbers, its steps' labels, what follows it.

    The result is a table: of a classifier id, prediction, and the probability of each class.

    Example: segue predict run new.csv --out predictions.csv --overwrite

    Example: segue predict run - --json < new.csv
    """
    from segue.cli.answers import answers
    from segue.cli.predictions import FORMATS
    from segue.estimators import load
    from segue.runs import find_model

    check_output(out, overwrite=overwrite, endings=FORMATS)
    if spreadsheet and (json if out is None else out.suffix.lower() != ".csv"):
        raise OptionError("--spreadsheet is for CSV: leave it out, or write a file ending in .csv.")
    estimator = load(find_model(model))
    cut = (estimator.reading_ or {}).get("window") is not None
    # Which windows there are must not depend on labels that the source may have.
    windows = {"window_label": "none"} if cut else {}
    data = _read(source, estimator, columns, part=part, limit=limit, **windows)
    found = answers(estimator, data, per_step=per_step, steps=steps)
    if out is not None:
        found.write(out, spreadsheet=spreadsheet)
    if json:
        print_json(list(found.rows()))
    elif out is not None:
        print(f"{len(found):,} predictions  {out}")
    else:
        print_data(found.to_csv(spreadsheet=spreadsheet))


def _read(source: str, estimator: Any, columns: Columns, **options: Any) -> Dataset:
    if source != "-":
        return read_source(source, columns, like=estimator, **options)
    from segue.cli.standard_input import read_standard_input

    data = read_standard_input(sys.stdin.buffer, estimator, columns or {}, **options)
    tell(data.notes)
    return data
