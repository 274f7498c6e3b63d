"""`segue predict`: a table of predictions; `segue evaluate`: the scores of a model on a source."""

from __future__ import annotations

import sys
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segue.cli.options import forms_of, options_of
from segue.cli.shared import (
    Columns,
    announce,
    check_output,
    executor_for,
    print_data,
    print_result,
    read_source,
    tell,
)
from segue.errors import DataError, MissingPackageError, OptionError, counted
from segue.extras import require
from segue.text_table import text_table

if TYPE_CHECKING:
    from segue.data.dataset import Dataset
    from segue.runs import Run


def evaluate(
    model: Path,
    source: str | None = None,
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
        source (SOURCE): as for the other commands; that of the run, read as it was, if left out.
        all_: score all parts, and what the model was trained on too.
        report (FILE.html): write the report with pictures; without a FILE into the run's folder.
    """
    from segue.estimators import load
    from segue.runs import evaluate_again, find_model, run_of

    if all_ and part is not None:
        raise OptionError("--all scores all parts: leave out --part, or --all.")
    path = find_model(model)
    run = run_of(path)
    if report == Path():
        report = path.with_name("report.html")
    check_output(report, overwrite=overwrite, option="--report", endings=(".html", ".htm"))
    if source is None:
        if run is None:
            raise OptionError(f"Give a SOURCE: {model} is no run, which would have one.")
        source, reading = run.record["source"], run.record["reading"]
        columns, limit = {**(reading.get("columns") or {}), **(columns or {})}, reading.get("limit")
    estimator = load(path)
    data = read_source(source, columns, limit=limit, like=estimator)
    label = (estimator.reading_ or {}).get("label")
    if data.y is None and label is not None:
        raise DataError(
            f"{source} has no column {label!r}, which was the label in training: name the one with "
            "the labels, --column-label NAME."
        )
    evaluation = evaluate_again(run, estimator, data, source, part=part, everything=all_)
    written: list[tuple[str, str]] = []
    missing: MissingPackageError | None = None
    if report is not None:
        try:
            facts = _write_report(report, evaluation, path, run, data, source)
            written = [fact for fact in facts if fact[0] != "read as"]  # it is printed already
            written += [("model id", evaluation.model_info.model_id), ("report", str(report))]
        except MissingPackageError as error:  # the scores are there all the same
            missing = error
    text = "\n\n".join(filter(None, [evaluation.report(), text_table(written, "<")]))
    print_result(evaluation.metrics(), text, json=json)
    if missing is not None:
        raise missing


def _write_report(
    report: Path, evaluation: Any, model: Path, run: Run | None, data: Dataset, source: str
) -> list[tuple[str, str]]:
    """Write the report; what is known of the training, as it says there.

    Raises:
        MissingPackageError: what draws it is not installed.
    """
    from segue.runs import parts_of, selection_of

    require("matplotlib")
    facts, train, selection = [], None, None
    if run is not None:
        selection = selection_of(run)
        facts, parted = run.facts(), parts_of(run, data) or data
        if run.read_from(source) and "train" in parted.part_names:
            train = parted
    evaluation.to_html(
        report, train=train, model_path=model, source=source, facts=facts, selection=selection
    )
    return facts


def predict_options() -> list[Parameter]:
    """The options of `segue predict` that say where it runs."""
    return options_of({}, forms_of("executor"), **forms_of("executor"))


def predict(
    model: Path,
    source: str,
    *,
    per_step: bool = False,
    steps: int | None = None,
    coverage: float | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    spreadsheet: bool = False,
    reading: Columns = None,
    json: bool = False,
    **given: Any,
) -> None:
    """Predict the class of each sequence.

    Or its numbers, its steps' labels, what follows it. The result is a table: of a classifier id,
    prediction, and the probability of each class. Of a source with several parts, such as train and
    test, all are predicted, and the column part tells them apart; --part takes one.

    Example: segue predict run new.csv --out predictions.csv --overwrite

    Example: segue predict run - --json < new.csv

    With --workers or --executor the sequences are predicted in shards, by several processes. What
    is done is kept when it is stopped; the same command goes on. The rows are ordered by id.

    Example: segue predict run recordings --out answers --workers 2

    Options:
        model (MODEL): a run's folder, a model.safetensors, or what `segue export` wrote, .onnx.
        source (SOURCE): a named data set (`segue data list`), a file, a folder, or - for standard
            input: a table, or JSON lines.
        per_step: the probabilities after each step.
        steps: forecast N steps (default: as in training).
        coverage (SHARE): also the set of classes of each sequence, so that such a share of sets,
            0.9, holds the true one; needs a model of the network auto, or of one whose head was
            fitted in closed form. The column set is a list; in CSV its names stand between |, and
            one that holds | in quotes, as in CSV with that separator.
        out (FILE|DIR): write a file instead of printing: .csv, .json, .jsonl or .parquet; with
            --workers or --executor a folder for the shards and for predictions.csv.
        spreadsheet: in CSV, put ' before text that begins with = + - or @, which a spreadsheet
            would take for a formula.
    """
    if source != "-":
        announce(source)
    from segue.cli.predictions import FORMATS, predictions_of
    from segue.readers import read
    from segue.runs import find_model

    executor = executor_for(given)
    if executor is None:
        check_output(out, overwrite=overwrite, endings=FORMATS)
    elif out is None or out.suffix.lower() in FORMATS or coverage is not None:
        raise OptionError(
            "Workers and executors predict in shards, in a folder, without sets: give --out DIR, "
            "and leave out --coverage."
        )
    if spreadsheet and executor is None and (json if out is None else out.suffix.lower() != ".csv"):
        raise OptionError("--spreadsheet is for CSV: leave it out, or write a file ending in .csv.")
    estimator = _loaded(find_model(model))
    if executor is not None and model.suffix == ".onnx":
        raise OptionError("An ONNX file predicts in this process: leave out --workers.")
    options = {**(reading or {}), "like": estimator}
    if (estimator.reading_ or {}).get("window") is not None:
        # Which windows there are must not depend on labels that the source may have.
        options["window_label"] = "none"
    if source == "-":
        from segue.cli.standard_input import read_standard_input

        data = read_standard_input(sys.stdin.buffer, **options)
    else:
        data = read(source, **options)  # the first, where there is a limit
    tell(data.notes)
    if out is not None and executor is not None:
        from segue.cli.shards import Request, predict_in_shards

        request = Request(find_model(model), per_step, steps, spreadsheet)
        predictions_of(estimator, data[:1], per_step=per_step, steps=steps)  # what cannot be, early
        path = predict_in_shards(data, request, out, executor(out), overwrite=overwrite)
        facts = {"predictions": path, "sequences": len(data)}
        print_result(facts, f"{counted(len(data), 'sequence')}  {path}", json=json)
        return
    table = predictions_of(estimator, data, per_step=per_step, steps=steps, coverage=coverage)
    if out is not None:
        table.write(out, spreadsheet=spreadsheet)
    if json or out is not None:
        rows = list(table.rows()) if json else []
        print_result(rows, f"{len(table):,} predictions  {out}", json=json)
    else:
        print_data(table.to_csv(spreadsheet=spreadsheet))


def _loaded(path: Path) -> Any:
    """The fitted estimator of a model file; of an ONNX file what asks ONNX Runtime."""
    if path.suffix.lower() == ".onnx":
        from segue.weights import OnnxModel

        return OnnxModel(path)
    from segue.estimators import load

    return load(path)
