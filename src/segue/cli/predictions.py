"""Predictions of any fitted estimator as a table, and the formats in which it is written.

Ids and labels are written as they came, so that the table can be joined with its source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from segue.atomic import replacing
from segue.cli.shared import csv_row, plain
from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, OptionError
from segue.tasks import TASKS

Names = dict[str, Array]

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Predictions:
    """A row for each sequence, or each step.

    Attributes:
        columns: the values of all rows, by heading.
        probabilities: likewise, by class; empty where there are none.
    """

    columns: dict[str, Any]
    probabilities: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["id"])

    def write(self, path: Path, *, spreadsheet: bool = False) -> None:
        """Write a file of the format of its ending, one of `FORMATS`, whole or not at all.

        Args:
            path: the file.
            spreadsheet: as in `to_csv`.

        Raises:
            DataError: values that Parquet cannot hold.
            WriteError: the disk is full or read-only.
        """
        ending = path.suffix.lower()
        with replacing(path) as temporary:
            if ending == ".parquet":
                from pyarrow import parquet  # brings file systems, and SSL

                named = {f"probability_{name}": v for name, v in self.probabilities.items()}
                columns = {name: _typed(name, v) for name, v in {**self.columns, **named}.items()}
                parquet.write_table(pa.table(columns), temporary)
            elif ending == ".csv":
                text = self.to_csv(spreadsheet=spreadsheet)
                temporary.write_bytes(text.encode("utf-8", "surrogateescape"))
            else:
                rows = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in self.rows()]
                text = "".join(f"{row}\n" for row in rows)
                if ending == ".json":
                    text = "[" + ",\n".join(rows) + "]\n"
                # What is no character, as in a file's name in another encoding, is \udc80 in JSON.
                temporary.write_bytes(text.encode("utf-8", "backslashreplace"))

    def to_csv(self, *, spreadsheet: bool = False, with_head: bool = True) -> str:
        """The table below a line of headings; probabilities with six digits.

        Several values of one cell stand between `|`: it is a line of CSV with that as separator, so
        that one with `|` in it is in quotes.

        Args:
            spreadsheet: put an apostrophe before text that a spreadsheet would take for a formula.
            with_head: begin with the headings.

        >>> print(Predictions({"id": ["007", "a,b"], "prediction": ["=up", "-1"]}).to_csv())
        id,prediction
        007,=up
        "a,b",-1
        <BLANKLINE>
        """
        shown = {
            heading: [_cell(value) for value in values] for heading, values in self.columns.items()
        }
        for name, values in self.probabilities.items():
            shown[f"probability_{name}"] = [f"{value:.6g}" for value in np.asarray(values).tolist()]
        rows = [tuple(shown)] if with_head else []
        rows += zip(*shown.values(), strict=True)
        prepare = _guarded if spreadsheet else str
        return "".join(csv_row(map(prepare, row)) for row in rows)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One object for each row, for JSON: the probabilities are an object, by class."""
        columns = [*self.columns.values(), *self.probabilities.values()]
        for row in zip(*map(_listed, columns), strict=True):
            named = dict(zip(self.columns, row, strict=False))
            if self.probabilities:
                shares = row[len(self.columns) :]
                named["probabilities"] = dict(zip(self.probabilities, shares, strict=True))
            yield plain(named)


FORMATS = (".csv", ".json", ".jsonl", ".parquet")


def _cell(value: Any) -> str:
    """A value in CSV.

    >>> _cell(["new york", "a|b", 7]), _cell(None)
    ('new york|"a|b"|7', '')
    """
    if isinstance(value, list):
        return csv_row(value, separator="|").removesuffix("\n")
    return "" if value is None else str(value)


def _listed(values: Any) -> list[Any]:
    """Values of Python."""
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def _guarded(text: str) -> str:
    """A formula of a spreadsheet as text; numbers stay numbers.

    >>> [_guarded(text) for text in ("=1+1", "-0.5", "-up", "up")]
    ["'=1+1", '-0.5', "'-up", 'up']
    """
    return "'" + text if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _typed(name: str, values: Any) -> pa.Array:
    """A column of Parquet, of the type that the values have; whole numbers beyond 64 bits as text.

    Raises:
        DataError: values of several types, or what is no text of Unicode.
    """
    if not isinstance(values, np.ndarray) or values.dtype == object:
        values = _listed(values)
        inner = [v for value in values for v in (value if isinstance(value, list) else [value])]
        if any(type(value) is int and not -(2**63) <= value < 2**63 for value in inner):
            values = [[*map(str, v)] if isinstance(v, list) else str(v) for v in values]
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, UnicodeError) as error:
        raise DataError(
            f"Parquet cannot hold the column {name!r} ({error}). Write a file that ends in .csv or "
            ".jsonl."
        ) from error


# -- of each task ---------------------------------------------------------------------------------


def predictions_of(
    model: Any,
    data: Dataset,
    *,
    per_step: bool,
    steps: int | None,
    coverage: float | None = None,
    with_parts: bool | None = None,
) -> Predictions:
    """Predict every sequence, as a table.

    Args:
        model: a fitted estimator, or an ensemble.
        data: the sequences.
        per_step: of a classifier, the probabilities after each step.
        steps: of a forecaster, how many are wanted.
        coverage: of a classifier, the share of sets of classes that are to hold the true one.
        with_parts: whether a column has the part of each; `None`: where there are several parts.

    Raises:
        OptionError: something that this kind of model cannot predict.
    """
    names = _names(data, len(data.part_names) > 1 if with_parts is None else with_parts)
    data = replace(data, parts=None)  # every sequence, and not only the part "test"
    task = TASKS[getattr(model, "task", "classify")]
    labels_steps = task.per_step and not task.targets_inside
    forecasts = task.targets_inside and not task.per_step
    if per_step and not (labels_steps or hasattr(model, "anytime")):
        raise OptionError(_refusal(model, "--per-step", "a classifier or a labeler"))
    if steps is not None and not forecasts:
        raise OptionError(_refusal(model, "--steps", "a forecast"))
    if coverage is not None and per_step:
        raise OptionError("--coverage is for one class of each sequence: leave out --per-step.")
    if coverage is not None and not hasattr(model, "predict_set"):
        raise OptionError(_refusal(model, "--coverage", "one class of each sequence"))
    if forecasts:
        return _forecasts(model, data, steps, names)
    if task.targets_inside:
        return _next_tokens(model, data, names)
    if labels_steps:
        return _steps(model, names, model.predict_proba(data), {})
    if per_step:
        return _steps(model, names, model.anytime(data), _words(model, data))
    # One class or number for each sequence, or several: 0 and 1 for each label, or numbers.
    predicted = np.asarray(model.predict(data))
    has_classes = hasattr(model, "predict_proba")
    headings = ["prediction"]
    if predicted.ndim == 2:
        several = model.classes_ if has_classes else range(predicted.shape[1])
        headings = [f"prediction_{name}" for name in several]
    columns: dict[str, Any] = dict(zip(headings, predicted.reshape(len(data), -1).T, strict=True))
    if coverage is not None:
        sets = model.predict_set(data, coverage)
        columns["set"] = [own.tolist() for own in sets]
    probabilities = _by_class(model, model.predict_proba(data)) if has_classes else {}
    return Predictions({**names, **columns}, probabilities)


def _refusal(model: Any, option: str, purpose: str) -> str:
    """Why an option of `segue predict` does not go with a model."""
    members, kind = getattr(model, "members", ()), type(model).__name__
    if option == "--coverage" and any(hasattr(member, "predict_set") for member in members):
        return (
            "--coverage needs predictions for training sequences that were held out, and models of "
            "several seeds have none in common: take that of one seed, such as "
            "RUN/seed-0/model.safetensors, or fit without --seeds."
        )
    if option != "--steps" and kind == "OnnxModel" and model.task == "classify":
        return f"{option} needs more than an ONNX file has: take the model that was exported."
    article = "an" if kind[0] in "AEIOU" else "a"
    return f"{option} is for {purpose}, and this is {article} {kind}."


def _steps(
    model: Any, names: Names, probabilities: Sequences, words: dict[str, Any]
) -> Predictions:
    """A row for each step; of texts with the word or character that it is."""
    lengths = probabilities.lengths
    columns = {
        **_repeated(names, lengths),
        "step": np.concatenate([np.arange(0), *map(np.arange, lengths.tolist())]),
        **words,
        "prediction": np.asarray(model.classes_)[probabilities.values.argmax(axis=1)],
    }
    return Predictions(columns, _by_class(model, probabilities.values))


def _words(model: Any, data: Dataset) -> dict[str, Any]:
    """The words, or characters, of all texts; nothing where the sequences are no texts."""
    if not data.x.is_text:
        return {}
    preparation = getattr(model, "members", (model,))[0].preparation_  # all have the same words
    tokens = [token.text for text in data.x.texts() for token in preparation.tokens(text)]
    return {preparation.steps[0].unit: tokens}


def _next_tokens(model: Any, data: Dataset, names: Names) -> Predictions:
    """Of each text: its tokens, its perplexity, and the token most likely to follow."""
    values = list(model.log_probability(data))
    return Predictions(
        {
            **names,
            "tokens": [len(one) - 1 for one in values],
            "perplexity": np.exp([-one.mean() for one in values]),
            "prediction": [following[-1].item() for following in model.predict(data)],
        }
    )


def _forecasts(model: Any, data: Dataset, steps: int | None, names: Names) -> Predictions:
    """A row for each step ahead, a column for each channel."""
    forecasts = np.stack(list(model.predict(data, steps)))  # [n, steps, channel]
    count, ahead, channels = forecasts.shape
    columns = {**_repeated(names, ahead), "step": np.tile(np.arange(1, ahead + 1), count)}
    for number, values in enumerate(forecasts.reshape(-1, channels).T):
        name = data.channels[number] if data.channels else f"channel_{number}"
        while name in columns:  # a channel called id, part or step
            name = f"channel_{name}"
        columns[name] = values
    return Predictions(columns)


def _names(data: Dataset, with_parts: bool) -> Names:
    """What tells sequences apart: ids, and parts where these count each for itself."""
    names = {"id": _ids(data)}
    if with_parts and data.parts is not None:
        names["part"] = data.parts
    return names


def _repeated(names: Names, counts: Any) -> Names:
    """Each so many times as its sequence has rows."""
    return {heading: np.repeat(values, counts) for heading, values in names.items()}


def _ids(data: Dataset) -> Array:
    """As they came; of times the ISO form, and the number of the sequence where there is none."""
    if data.ids is None:
        return np.arange(len(data))
    return data.ids.astype(str) if data.ids.dtype.kind in "mM" else data.ids


def _by_class(model: Any, probabilities: Array) -> dict[str, Array]:
    return dict(zip(map(str, model.classes_), probabilities.T, strict=True))
