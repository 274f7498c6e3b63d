"""Write one small model file of each kind, and what it answers, as this version of segue does.

Run once for each format of model files, with the first version that writes it; what it writes is
never written anew, for it stands for the files that users have:

    python tests/golden/models/make.py tests/golden/models/format_1
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import segue
from segue import TrainingOptions

LENGTHS = (5, 3, 7, 4, 6, 5, 3, 7, 4, 6, 5, 8)
WORDS = ["good film", "bad film", "a good day", "a bad day", "good", "bad"] * 2
LABELS = ["up", "down"] * 6


def recordings(channels: int = 2) -> list[Any]:
    """Twelve sequences `[time, channel]` of numbers that need no generator of random ones."""
    return [
        np.sin(0.7 * np.arange(length * channels) + i).reshape(length, channels).round(3)
        for i, length in enumerate(LENGTHS)
    ]


def estimators() -> dict[str, tuple[Any, Any]]:
    """Each kind of model, fitted, and the sequences that it is queried with."""
    x, steps = recordings(), [np.arange(length) % 3 for length in LENGTHS]
    tokens = [np.arange(length, dtype=np.int32) % 4 for length in LENGTHS]
    marks = np.array([[i % 2, i % 3 == 0] for i in range(12)], float)
    gaps = [np.where(np.arange(len(one))[:, None] % 4 == 2, np.nan, one) for one in x]
    flags = np.arange(24.0).reshape(12, 2)
    common: dict[str, Any] = {"epochs": 2, "seed": 0, "validation": None}
    fast = {**common, "options": TrainingOptions(refit=False, patience=3)}
    classifier, regressor = segue.SequenceClassifier, segue.SequenceRegressor
    made: dict[str, tuple[Any, Any]] = {
        "classifier": (classifier("bilstm(3)", **common).fit(x, LABELS), x),
        "classifier_options": (classifier("gru(3) dropout(0.2)", **fast).fit(x, LABELS), x),
        "classifier_convolutions": (
            classifier("conv(3, 3) batchnorm relu residual(conv(3, 3)) pool(mean)", **common).fit(
                x, np.arange(12) % 3
            ),
            x,
        ),
        "classifier_validation": (
            classifier("lstm(3)", epochs=2, validation=0.25, class_weight="balanced").fit(
                x, LABELS
            ),
            x,
        ),
        "classifier_dense_last": (
            classifier("gru(3) dense(3)", **common).fit(x, np.arange(12) % 3),
            x,
        ),
        "classifier_random_convolutions": (
            classifier("rocket(84)", **common).fit(x, LABELS),
            x,
        ),
        "classifier_prepared": (
            classifier("gru(3)", prepare="frame(2, hop=1) standardize", **common).fit(x, LABELS),
            x,
        ),
        "classifier_gaps": (classifier("rnn(3)", **common).fit(gaps, LABELS), gaps),
        "classifier_tokens": (
            classifier("embedding(3) gru(3)", **common).fit(tokens, LABELS),
            tokens,
        ),
        "classifier_texts": (
            classifier("gru(3)", prepare="words(min_count=1)", **common).fit(WORDS, LABELS),
            WORDS,
        ),
        "classifier_several_labels": (
            classifier("gru(3)", head="sigmoid", **common).fit(x, marks),
            x,
        ),
        "regressor": (regressor("gru(3)", **common).fit(x, np.arange(12.0) * 3), x),
        "regressor_two": (regressor("gru(3)", **common).fit(x, flags), x),
        "labeler": (segue.SequenceLabeler("bigru(3)", **common).fit(x, steps), x),
        "forecaster": (segue.Forecaster("gru(3)", size=3, **common).fit(x), x),
        "language_model": (
            segue.LanguageModel("gru(3)", prepare="words(min_count=1)", **common).fit(WORDS),
            WORDS,
        ),
    }
    twice: dict[str, tuple[Any, Any]] = {
        "classifiers": (classifier("gru(2)", **common), LABELS),
        "regressors": (regressor("gru(2)", **common), np.arange(12.0)),
        "labelers": (segue.SequenceLabeler("gru(2)", **common), steps),
        "forecasters": (segue.Forecaster("gru(2)", size=3, **common), None),
    }
    for name, (one, y) in twice.items():
        made[f"ensemble_of_{name}"] = (segue.fit_seeds(one, x, y, seeds=2).ensemble(), x)
    return made


def answers(model: Any, x: Any) -> Any:
    """What a model predicts, as one flat array of numbers."""
    ask = getattr(model, "predict_proba", None) or model.predict
    found = ask(x)
    arrays = found if isinstance(found, list) else [found[i] for i in range(len(found))]
    return np.concatenate([np.asarray(one, np.float64).ravel() for one in arrays])


def main(folder: Path) -> None:
    """Write the files, and `answers.json` with what each is queried with and what it answers."""
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, (model, x) in estimators().items():
        model.save(folder / f"{name}.safetensors")
        texts = isinstance(x[0], str)
        found[name] = {
            "x": x if texts else [one.tolist() for one in x],
            "dtype": None if texts else str(x[0].dtype),
            "answers": [float(f"{number:.9g}") for number in answers(model, x)],
        }
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in found.items())
    (folder / "answers.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
