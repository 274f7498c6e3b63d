"""`segue predict`: a table with the predictions for each sequence, or each step."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from segue.cli.shared import Columns, check_output, print_json, read_source, tell
from segue.cli.streams import print_data
from segue.errors import OptionError


def predict(
    model: Path,
    source: str,
    *,
    part: str | None = None,
    limit: int | None = None,
    per_step: bool = False,
    steps: int | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    spreadsheet: bool = False,
    columns: Columns = None,
    json: bool = False,
) -> None:
    """Predict the class of each sequence; or its numbers, its steps' labels, what follows it.

    The result is a table: of a classifier id, prediction, and the probability of each class.

    Example: segue predict run new.csv --out predictions.csv --overwrite

    Example: segue predict run - --json < new.csv

    Options:
        source (SOURCE): a named data set (`segue data list`), a file, a folder, or - for standard
            input: a table, or JSON lines.
        per_step: the probabilities after each step.
        steps: forecast N steps (default: as in training).
        out (FILE): write a file instead of printing: .csv, .json, .jsonl or .parquet.
        spreadsheet: in CSV, put ' before text that begins with = + - or @, which a spreadsheet
            would take for a formula.
    """
    from segue.cli.predictions import FORMATS, predictions_of
    from segue.estimators import load
    from segue.runs import find_model

    check_output(out, overwrite=overwrite, endings=FORMATS)
    if spreadsheet and (json if out is None else out.suffix.lower() != ".csv"):
        raise OptionError("--spreadsheet is for CSV: leave it out, or write a file ending in .csv.")
    estimator = load(find_model(model))
    options: dict[str, Any] = {"part": part, "limit": limit, "like": estimator}
    if (estimator.reading_ or {}).get("window") is not None:
        # Which windows there are must not depend on labels that the source may have.
        options["window_label"] = "none"
    if source == "-":
        from segue.cli.standard_input import read_standard_input

        data = read_standard_input(sys.stdin.buffer, columns or {}, **options)
        tell(data.notes)
    else:
        data = read_source(source, columns, **options)
    table = predictions_of(estimator, data, per_step=per_step, steps=steps)
    if out is not None:
        table.write(out, spreadsheet=spreadsheet)
    if json:
        print_json(list(table.rows()))
    elif out is not None:
        print(f"{len(table):,} predictions  {out}")
    else:
        print_data(table.to_csv(spreadsheet=spreadsheet))
