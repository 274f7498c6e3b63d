"""`segue predict`: the class of each sequence, and the probability of each class."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segue.cli.shared import Debug, Json, Limit, Model, Part, Source, print_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def predict(
    model: Model,
    source: Source,
    part: Part = None,
    limit: Limit = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write a file instead of printing.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Predict the class of each sequence.

    The result is a table in CSV: id, prediction, and the probability of each class.

    Example: segue predict runs/japanese-vowels-bilstm-100-1 new.npz --out predictions.csv
    """
    from segue.atomic import write_text
    from segue.estimators import load
    from segue.readers import read
    from segue.runs import find_model

    estimator = load(find_model(model))
    data = read(source, part=part, limit=limit)
    ids = list(range(len(data))) if data.ids is None else data.ids.tolist()
    classes = [str(name) for name in estimator.classes_]
    probabilities = estimator.predict_proba(data.x)
    if out is not None:
        write_text(out, table(ids, classes, probabilities))
    if json:
        print_json(rows(ids, classes, probabilities))
    elif out is not None:
        print(f"{len(data):,} predictions  {out}")
    else:
        print(table(ids, classes, probabilities), end="")


def rows(
    ids: Sequence[Any], classes: Sequence[str], probabilities: npt.NDArray[np.floating[Any]]
) -> list[dict[str, Any]]:
    """One object for each sequence: `id`, `prediction`, `probabilities`."""
    return [
        {
            "id": name,
            "prediction": classes[int(row.argmax())],
            "probabilities": dict(zip(classes, row.tolist(), strict=True)),
        }
        for name, row in zip(ids, probabilities, strict=True)
    ]


def table(
    ids: Sequence[Any], classes: Sequence[str], probabilities: npt.NDArray[np.floating[Any]]
) -> str:
    """CSV with the columns `id`, `prediction`, and `probability_<class>` for each class."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "prediction", *(f"probability_{name}" for name in classes)])
    for name, row in zip(ids, probabilities, strict=True):
        shares = [f"{share:.6g}" for share in row.tolist()]
        writer.writerow([name, classes[int(row.argmax())], *shares])
    return text.getvalue()
