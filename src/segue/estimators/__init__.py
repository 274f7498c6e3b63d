"""The estimators: fitted, queried, saved and loaded.

classifier, labeler, regressor,    one class for each task
forecaster, language
ensemble, multi_seed               several fitted ones as one; the same training with several seeds

parameters, base                   arguments, as scikit-learn wants them; `fit` and `predict`

inputs, splitting                  X, y and the rest as users pass them; training, validation part
fitting, transfer                  training as functions of values; initial weights
fingerprint                        hashes of the sequences that were trained on

anytime, streaming                 probabilities after each step; a sequence step by step
files, loading                     a model as a file, and back
"""

import warnings
from typing import Any

from segue.estimators.classifier import SequenceClassifier
from segue.estimators.ensemble import SequenceEnsemble
from segue.estimators.forecaster import Forecaster
from segue.estimators.labeler import SequenceLabeler
from segue.estimators.language import LanguageModel
from segue.estimators.loading import load
from segue.estimators.multi_seed import SeedResults, fit_seeds
from segue.estimators.regressor import SequenceRegressor

__all__ = [
    "Forecaster",
    "LanguageModel",
    "SeedResults",
    "SequenceClassifier",
    "SequenceEnsemble",
    "SequenceLabeler",
    "SequenceRegressor",
    "fit_seeds",
    "load",
]

_FORMER_NAMES = (
    "ForecasterEnsemble",
    "LabelerEnsemble",
    "LanguageModelEnsemble",
    "RegressorEnsemble",
    "ensemble_of",
)


def __getattr__(name: str) -> Any:
    """The former names of `SequenceEnsemble`, for one release."""
    if name not in _FORMER_NAMES:
        raise AttributeError(f"module 'segue.estimators' has no attribute {name!r}")
    warnings.warn(
        f"segue.estimators.{name} is SequenceEnsemble now, for every task.", DeprecationWarning, 2
    )
    return SequenceEnsemble
