"""How far answers on a graphics processor are from those of the same model on the processor.

Each kind of model is trained for two epochs on the device, queried there, saved, loaded on the
processor, and queried again.

    python bench/devices.py [--device cuda]
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import segue
from segue import TrainingOptions

NETWORKS = (
    "bilstm(16)",
    "lstm(8, dropout=0.2, recurrent_dropout=0.2)",
    "gru(8, output=every) pool(mean)",
    "gru(8, reset=before)",
    "rnn(5, initial_state=learnt)",
    "conv(8, 3) batchnorm relu attention(2) pool(mean)",
    "inception_time",
    "rocket(84)",
)


def cases(device: str) -> dict[str, tuple[Any, tuple[Any, ...], Any]]:
    """Estimators, what each is fitted on, and what it is queried with."""
    draws = np.random.default_rng(0)
    lengths = draws.integers(5, 30, 60)
    x = [draws.standard_normal((n, 3)).astype(np.float32) for n in lengths]
    labels, steps = (lengths > 15).astype(int), [(one[:, 0] > 0).astype(int) for one in x]
    texts = ["a b c", "c d", "a d e f"] * 20
    options = TrainingOptions(progress="none")
    common: dict[str, Any] = {"epochs": 2, "device": device, "options": options}
    words = {"prepare": "words(min_count=1)", **common}
    found: dict[str, tuple[Any, tuple[Any, ...], Any]] = {
        f"classify: {network}": (segue.SequenceClassifier(network, **common), (x, labels), x)
        for network in NETWORKS
    }
    return found | {
        "label": (segue.SequenceLabeler("bigru(8)", **common), (x, steps), x),
        "regress": (segue.SequenceRegressor("gru(8)", **common), (x, lengths / 30), x),
        "forecast": (segue.Forecaster("gru(8)", size=3, **common), (x,), x),
        "texts": (segue.SequenceClassifier("gru(8)", **words), (texts, labels), texts[:3]),
        "language": (segue.LanguageModel("gru(8)", **words), (texts,), texts[:3]),
    }


def answers(model: Any, x: Any) -> Any:
    """What it predicts, as one array of numbers."""
    found = getattr(model, "predict_proba", model.predict)(x)
    return np.concatenate([np.asarray(found[i], float).ravel() for i in range(len(found))])


def main() -> None:
    parser = argparse.ArgumentParser(description="A graphics processor against the processor.")
    parser.add_argument("--device", default="cuda")
    device = parser.parse_args().device
    warnings.simplefilter("ignore")
    for name, (estimator, data, x) in cases(device).items():
        there = answers(estimator.fit(*data), x)
        with tempfile.TemporaryDirectory() as folder:
            estimator.save(Path(folder) / "model.safetensors")
            here = answers(segue.load(Path(folder) / "model.safetensors"), x)
        difference = np.abs(there - here).max() / max(1, np.abs(here).max())
        print(f"{difference:8.1e}  {name}")


if __name__ == "__main__":
    main()
