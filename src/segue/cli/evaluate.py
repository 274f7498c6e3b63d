"""`segue evaluate`: the scores of a model on a source."""

from __future__ import annotations

from pathlib import Path

from segue.cli.shared import Columns, check_output, print_json, read_source
from segue.errors import DataError, OptionError


def evaluate(
    model: Path,
    source: str,
    *,
    part: str | None = None,
    all_: bool = False,
    limit: int | None = None,
    report: Path | None = None,
    overwrite: bool = False,
    columns: Columns = None,
    json: bool = False,
) -> None:
    """Score a model on labelled data.

    The test part is scored; where there is none, what the model was not trained on.

    Example: segue evaluate run japanese-vowels --report report.html --overwrite

    Options:
        all_: score all parts, and what the model was trained on too.
        report (FILE.html): write the report with pictures.
    """
    from segue.estimators import load
    from segue.runs import evaluate_again, find_model, run_of

    if all_ and part is not None:
        raise OptionError("--all scores all parts: leave out --part, or --all.")
    check_output(report, overwrite=overwrite, option="--report")
    path = find_model(model)
    estimator = load(path)
    data = read_source(source, columns, limit=limit, like=estimator)
    label = (estimator.reading_ or {}).get("label")
    if data.y is None and label is not None:
        raise DataError(
            f"{source} has no column {label!r}, which was the label in training: name the one with "
            "the labels, --column-label NAME."
        )
    run = run_of(path)
    evaluation = evaluate_again(run, estimator, data, source, part=part, everything=all_)
    if report is not None:
        facts = [] if run is None else run.facts()
        evaluation.to_html(report, model_path=path, source=source, facts=facts)
    if json:
        print_json(evaluation.metrics())
        return
    print(evaluation.report())
    if report is not None:
        print(f"\nreport  {report}")
