"""What a model predicts, as a table: one form for each task."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from segue.cli.predictions import Predictions
from segue.dataset import Dataset
from segue.errors import OptionError
from segue.sequences import Array, Sequences


def answers(model: Any, data: Dataset, *, per_step: bool, steps: int | None) -> Predictions:
    """Query a fitted estimator about every sequence.

    Args:
        model: fitted.
        data: the sequences.
        per_step: of a classifier, the probabilities after each step.
        steps: of a forecaster, how many are wanted.

    Raises:
        OptionError: a question that this kind of model cannot answer.
    """
    data = replace(data, parts=None)  # every one, and not only the part "test"
    purpose, kind = getattr(model, "task", "classify"), type(model).__name__
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
    if per_step:
        return _steps(model, data, model.anytime(data), _words(model, data))
    return _classes(model, data)


def _classes(model: Any, data: Dataset) -> Predictions:
    """One label for each sequence, or 0 and 1 for each of several labels."""
    labels = np.asarray(model.predict(data))
    names = ["prediction"] if labels.ndim == 1 else [f"prediction_{c}" for c in model.classes_]
    predicted = dict(zip(names, labels.reshape(len(data), -1).T, strict=True))
    return Predictions({"id": _ids(data), **predicted}, _by_class(model, model.predict_proba(data)))


def _steps(
    model: Any, data: Dataset, probabilities: Sequences, words: dict[str, Any] | None = None
) -> Predictions:
    """A row for each step; of texts with the word or character that it is."""
    lengths = probabilities.lengths
    columns = {
        "id": np.repeat(_ids(data), lengths),
        "step": np.concatenate([np.arange(0), *map(np.arange, lengths.tolist())]),
        **(words or {}),
        "prediction": np.asarray(model.classes_)[probabilities.values.argmax(axis=1)],
    }
    return Predictions(columns, _by_class(model, probabilities.values))


def _words(model: Any, data: Dataset) -> dict[str, Any]:
    """The words, or characters, of all texts; nothing where the sequences are no texts."""
    if not data.x.is_text:
        return {}
    member = getattr(model, "members", (model,))[0]  # all of an ensemble have the same words
    preparation = member.preparation_
    tokens = [token.text for text in data.x.texts() for token in preparation.tokens(text)]
    return {preparation.steps[0].unit: tokens}


def _numbers(model: Any, data: Dataset) -> Predictions:
    found = np.asarray(model.predict(data))
    names = ["prediction"]
    if found.ndim == 2:
        names = [f"prediction_{value}" for value in range(found.shape[1])]
    values = found.reshape(len(data), -1).T
    return Predictions({"id": _ids(data), **dict(zip(names, values, strict=True))})


def _texts(model: Any, data: Dataset) -> Predictions:
    """Of each text: its tokens, how well they are predicted, and what is most likely to follow."""
    found = list(model.log_probability(data))
    columns = {
        "id": _ids(data),
        "tokens": [len(one) - 1 for one in found],
        "perplexity": np.exp([-one.mean() for one in found]),
        "prediction": [following[-1].item() for following in model.predict(data)],
    }
    return Predictions(columns)


def _forecasts(model: Any, data: Dataset, steps: int | None) -> Predictions:
    found = np.stack(list(model.predict(data, steps)))  # [n, steps, channel]
    count, ahead, channels = found.shape
    columns = {
        "id": np.repeat(_ids(data), ahead),
        "step": np.tile(np.arange(1, ahead + 1), count),
    }
    for number, values in enumerate(found.reshape(-1, channels).T):
        name = data.channels[number] if data.channels else f"channel_{number}"
        while name in columns:  # a channel called id or step
            name = f"channel_{name}"
        columns[name] = values
    return Predictions(columns)


def _ids(data: Dataset) -> Array:
    """As they came; of times the ISO form, and the number of the sequence where there is none."""
    if data.ids is None:
        return np.arange(len(data))
    return data.ids.astype(str) if data.ids.dtype.kind in "mM" else data.ids


def _by_class(model: Any, probabilities: Array) -> dict[str, Array]:
    return dict(zip(map(str, model.classes_), probabilities.T, strict=True))
