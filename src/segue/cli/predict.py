"""`segue predict`: what a model answers about each sequence, or each step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segue.cli.columns import Columns, read_source, with_columns
from segue.cli.shared import Debug, Json, Limit, Model, Part, Source, print_json


@with_columns
def predict(
    model: Model,
    source: Source,
    part: Part = None,
    limit: Limit = None,
    per_step: Annotated[
        bool, typer.Option("--per-step", help="What a classifier believes after each step.")
    ] = False,
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Forecast N steps (default: as in training)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write a file instead of printing.")
    ] = None,
    columns: Columns = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Predict the class of each sequence; or its numbers, its steps' labels, what follows it.

    The result is a table in CSV: of a classifier id, prediction, and the probability of each class.

    Example: segue predict runs/japanese-vowels-bilstm-100-1 new.npz --out predictions.csv
    """
    from segue.atomic import write_text
    from segue.cli.answers import answers
    from segue.estimators import load
    from segue.runs import find_model

    estimator = load(find_model(model))
    cut = (estimator.reading_ or {}).get("window") is not None
    # Which windows there are must not depend on labels that the source may have.
    windows = {"window_label": "none"} if cut else {}
    data = read_source(source, columns, part=part, limit=limit, like=estimator, **windows)
    found = answers(estimator, data, per_step=per_step, steps=steps)
    if out is not None:
        write_text(out, found.to_csv())
    if json:
        print_json(found.to_json())
    elif out is not None:
        print(f"{len(found.rows):,} predictions  {out}")
    else:
        print(found.to_csv(), end="")
