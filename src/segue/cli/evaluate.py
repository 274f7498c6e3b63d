"""`segue evaluate`: the scores of a model on a source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segue.cli.columns import Columns, read_source, with_columns
from segue.cli.output import Overwrite, check_output
from segue.cli.shared import Debug, Json, Limit, Model, Part, Source, print_json
from segue.errors import DataError


@with_columns
def evaluate(
    model: Model,
    source: Source,
    part: Part = None,
    limit: Limit = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write the report with pictures.")
    ] = None,
    overwrite: Overwrite = False,
    columns: Columns = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Score a model on labelled data.

    The test part is scored where there are parts, else everything.

    Example: segue evaluate run japanese-vowels --report report.html --overwrite
    """
    from segue.estimators import load
    from segue.evaluation import evaluate as score
    from segue.runs import find_model

    check_output(report, overwrite=overwrite, option="--report")
    path = find_model(model)
    estimator = load(path)
    data = read_source(source, columns, limit=limit, like=estimator)
    label = (estimator.reading_ or {}).get("label")
    if data.task == "none" and label is not None:
        raise DataError(
            f"{source} has no column {label!r}, which was the label in training: name the one with "
            "the labels, --column-label NAME."
        )
    evaluation = score(estimator, data, part=part)
    if report is not None:
        evaluation.to_html(report, model_path=path, source=source)
    if json:
        print_json(evaluation.metrics())
        return
    print(evaluation.report())
    if report is not None:
        print(f"\nreport  {report}")
