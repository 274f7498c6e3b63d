"""Evaluation: scores beside baselines, pictures, a report, and explanations of predictions.

`evaluate` runs a fitted estimator over a data set and returns an `Evaluation`; the arithmetic is in
`segue.metrics`, what differs by task in `segue.tasks`, the drawing in `segue.plots`, the page in
`report`. `compare` tests whether one of two classifiers is better, `paired_test` whether one of two
models of any task is, `one_sample` fits a threshold to stand beside them, `reject_threshold`
chooses the confidence below which nothing is predicted, `embedding` maps the activations of a layer
to the plane, `read_along` gives the probabilities after each word, and `explain` attributes
predictions to steps and channels; `occlusion_sensitivity` does so for any model, without PyTorch.
scikit-learn, matplotlib, jinja2 and PyTorch are loaded when they are needed.
"""

from typing import TYPE_CHECKING, Any

from segue.evaluation.comparison import (
    Comparison,
    OneSample,
    PairedTest,
    compare,
    one_sample,
    paired_test,
)
from segue.evaluation.embeddings import Embedding, embedding
from segue.evaluation.evaluation import Evaluation, FittedClassifier, Mistake, evaluate
from segue.evaluation.selective import Rejection, reject_threshold
from segue.evaluation.sensitivity import Sensitivity, occlusion_sensitivity
from segue.evaluation.word_trace import Reading, read_along
from segue.extras import lazy_names
from segue.metrics import Answered, Calibration, ClassScore

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
    "PairedTest",
    "Reading",
    "Rejection",
    "Sensitivity",
    "compare",
    "embedding",
    "evaluate",
    "explain",
    "occlusion_sensitivity",
    "one_sample",
    "paired_test",
    "read_along",
    "reject_threshold",
]

_find = lazy_names(
    __name__,
    {name: f"segue.evaluation.{name}" for name in ("explain", "report")},  # need the extra
    {"Scores": "segue.evaluation.Evaluation", "metrics": "segue.metrics"},
)


def __getattr__(name: str) -> Any:
    if name in ("NGram", "ngram"):
        raise AttributeError(f"{name} has moved: it is in recipes/kneser_ney of segue's source.")
    return _find(name)
