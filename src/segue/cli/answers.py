"""What a model answers, as a table: one kind for each task."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from segue.dataset import Dataset
from segue.errors import OptionError
from segue.sequences import Sequences

SHARE = "probability_"


class Answers(NamedTuple):
    """A table."""

    headings: list[str]
    rows: list[list[Any]]

    def to_csv(self) -> str:
        """The table below a line of headings; numbers with six digits."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.headings)
        for row in self.rows:
            writer.writerow([f"{c:.6g}" if isinstance(c, float) else c for c in row])
        return text.getvalue()

    def to_json(self) -> list[dict[str, Any]]:
        """One object for each row, with the probabilities as one object by class."""
        return [_nested(dict(zip(self.headings, row, strict=True))) for row in self.rows]


def answers(model: Any, data: Dataset, *, per_step: bool, steps: int | None) -> Answers:
    """Ask a fitted estimator about every sequence.

    Args:
        model: fitted.
        data: what it is asked about.
        per_step: of a classifier, what it believes after each step.
        steps: of a forecaster, how many are wanted.

    Raises:
        OptionError: a question that this kind of model cannot answer.
    """
    purpose, kind = getattr(model, "purpose", "classify"), type(model).__name__
    if per_step and not (purpose == "label" or hasattr(model, "anytime")):
        raise OptionError(f"--per-step is for a classifier or a labeler, and this is a {kind}.")
    if steps is not None and purpose != "forecast":
        raise OptionError(f"--steps is for a forecast, and this is a {kind}.")
    if purpose == "language":
        return _texts(model, data)
    if purpose == "forecast":
        return _forecasts(model, data, steps)
    if purpose == "regress":
        return _numbers(model, data)
    if purpose == "label":
        return _steps(model, data, model.predict_proba(data))
    if per_step and data.x.is_text:
        return _words(model, data)
    if per_step:
        return _steps(model, data, model.anytime(data))
    return _classes(model, data)


def _classes(model: Any, data: Dataset) -> Answers:
    """One label for each sequence, or 0 and 1 for each of several labels."""
    shares, labels = model.predict_proba(data), np.asarray(model.predict(data))
    names = ["prediction"] if labels.ndim == 1 else [f"prediction_{c}" for c in model.classes_]
    rows = [
        [name, *np.ravel(label).tolist(), *row.tolist()]
        for name, label, row in zip(_ids(data), labels, shares, strict=True)
    ]
    return Answers(["id", *names, *_share_names(model)], rows)


def _steps(model: Any, data: Dataset, shares: Sequences) -> Answers:
    def rows() -> Iterator[list[Any]]:
        for name, beliefs in zip(_ids(data), shares, strict=True):
            for step, row in enumerate(beliefs):
                yield [name, step, model.classes_[row.argmax()].item(), *row.tolist()]

    return Answers(["id", "step", "prediction", *_share_names(model)], list(rows()))


def _words(model: Any, data: Dataset) -> Answers:
    """After each word, or character: what it is, and what is believed then."""
    member = getattr(model, "members", (model,))[0]  # all of an ensemble answer at the same words
    preparation = member.preparation_
    unit = preparation.steps[0].unit

    def rows() -> Iterator[list[Any]]:
        triples = zip(_ids(data), data.x.texts(), model.anytime(data), strict=True)
        for name, text, beliefs in triples:
            tokens = preparation.tokens(text)
            for step, (token, row) in enumerate(zip(tokens, beliefs, strict=True)):
                answer = model.classes_[row.argmax()].item()
                yield [name, step, token.text, answer, *row.tolist()]

    return Answers(["id", "step", unit, "prediction", *_share_names(model)], list(rows()))


def _numbers(model: Any, data: Dataset) -> Answers:
    found = np.asarray(model.predict(data))
    table = found.reshape(len(found), -1)
    names = ["prediction"]
    if found.ndim == 2:
        names = [f"prediction_{value}" for value in range(table.shape[1])]
    rows = [[name, *row.tolist()] for name, row in zip(_ids(data), table, strict=True)]
    return Answers(["id", *names], rows)


def _texts(model: Any, data: Dataset) -> Answers:
    """Of each text: its tokens, how well they are foreseen, and what is most likely to follow."""
    rows = [
        [name, len(found) - 1, float(np.exp(-found.mean())), following[-1].item()]
        for name, found, following in zip(
            _ids(data), model.log_probability(data), model.predict(data), strict=True
        )
    ]
    return Answers(["id", "tokens", "perplexity", "prediction"], rows)


def _forecasts(model: Any, data: Dataset, steps: int | None) -> Answers:
    channels = data.channels or [f"channel_{i}" for i in range(data.x.channels)]
    rows = [
        [name, step, *row.tolist()]
        for name, series in zip(_ids(data), model.predict(data, steps), strict=True)
        for step, row in enumerate(series, start=1)
    ]
    return Answers(["id", "step", *channels], rows)


def _ids(data: Dataset) -> list[Any]:
    return list(range(len(data))) if data.ids is None else list(data.ids.tolist())


def _share_names(model: Any) -> list[str]:
    return [f"{SHARE}{name}" for name in model.classes_]


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    shares = {name.removeprefix(SHARE): v for name, v in row.items() if name.startswith(SHARE)}
    rest = {name: value for name, value in row.items() if not name.startswith(SHARE)}
    return {**rest, "probabilities": shares} if shares else rest
