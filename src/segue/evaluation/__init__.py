"""Evaluation: scores with their baseline, pictures, a report, and explanations of predictions.

`evaluate` runs a fitted classifier over a data set and gives an `Evaluation`; the arithmetic is in
`metrics`, the drawing in `plots`, the page in `report`. `compare` sets two classifiers against each
other, `one_sample` a threshold beside them, `reject_threshold` chooses when not to answer,
`embedding` maps what a layer has learnt, `read_along` says what is believed after each word, and
`explain` says why. scikit-learn, matplotlib and PyTorch are loaded when they are needed.
"""

import importlib
from typing import TYPE_CHECKING, Any

from segue.evaluation.answers import Answered, Rejection
from segue.evaluation.comparison import Comparison, compare
from segue.evaluation.embeddings import Embedding, embedding
from segue.evaluation.evaluation import Evaluation, Mistake
from segue.evaluation.metrics import Calibration, ClassScore
from segue.evaluation.reading import Reading, read_along
from segue.evaluation.rejection import reject_threshold
from segue.evaluation.scores import Scores
from segue.evaluation.scoring import FittedClassifier, evaluate
from segue.evaluation.stump import OneSample, one_sample

if TYPE_CHECKING:
    from segue.evaluation import explain

__all__ = [
    "Answered",
    "Calibration",
    "ClassScore",
    "Comparison",
    "Embedding",
    "Evaluation",
    "FittedClassifier",
    "Mistake",
    "OneSample",
    "Reading",
    "Rejection",
    "Scores",
    "compare",
    "embedding",
    "evaluate",
    "explain",
    "one_sample",
    "read_along",
    "reject_threshold",
]


def __getattr__(name: str) -> Any:
    """`explain` needs PyTorch, so it is loaded when it is touched."""
    if name == "explain":
        return importlib.import_module("segue.evaluation.explain")
    if name in ("NGram", "ngram"):
        raise AttributeError(f"{name} has moved: it is in recipes/kneser_ney of segue's source.")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
