"""`segue evaluate`: the scores of a model on a source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segue.cli.columns import Columns, read_source, with_columns
from segue.cli.output import Overwrite, check_output
from segue.cli.shared import Debug, Json, Limit, Model, Part, Source, print_json
from segue.errors import DataError, OptionError


@with_columns
def evaluate(
    model: Model,
    source: Source,
    part: Part = None,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Score all parts, and what the model was trained on too."),
    ] = False,
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

    The test part is scored; where there is none, what the model was not trained on.

    Example: segue evaluate run japanese-vowels --report report.html --overwrite
    """
    from segue.estimators import load
    from segue.runs import evaluate_again, find_model, run_of

    if everything and part is not None:
        raise OptionError("--all scores all parts: leave out --part, or --all.")

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
    run = run_of(path)
    evaluation = evaluate_again(run, estimator, data, source, part=part, everything=everything)
    if report is not None:
        facts = [] if run is None else run.facts()
        evaluation.to_html(report, model_path=path, source=source, facts=facts)
    if json:
        print_json(evaluation.metrics())
        return
    print(evaluation.report())
    if report is not None:
        print(f"\nreport  {report}")
