"""The estimators: what is fitted, asked, saved and loaded."""

from segue.estimators.classifier import SequenceClassifier
from segue.estimators.ensembles import (
    ForecasterEnsemble,
    LabelerEnsemble,
    LanguageModelEnsemble,
    RegressorEnsemble,
    SequenceEnsemble,
    ensemble_of,
)
from segue.estimators.forecaster import Forecaster
from segue.estimators.labeler import SequenceLabeler
from segue.estimators.language import LanguageModel
from segue.estimators.loading import load
from segue.estimators.regressor import SequenceRegressor
from segue.estimators.seeds import SeedResults, fit_seeds

__all__ = [
    "Forecaster",
    "ForecasterEnsemble",
    "LabelerEnsemble",
    "LanguageModel",
    "LanguageModelEnsemble",
    "RegressorEnsemble",
    "SeedResults",
    "SequenceClassifier",
    "SequenceEnsemble",
    "SequenceLabeler",
    "SequenceRegressor",
    "ensemble_of",
    "fit_seeds",
    "load",
]
