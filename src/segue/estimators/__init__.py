"""The estimators: what is fitted, asked, saved and loaded."""

from segue.estimators.classifier import SequenceClassifier
from segue.estimators.ensemble import SequenceEnsemble
from segue.estimators.forecaster import Forecaster
from segue.estimators.labeler import SequenceLabeler
from segue.estimators.language import LanguageModel
from segue.estimators.loading import load
from segue.estimators.regressor import SequenceRegressor
from segue.estimators.seeds import SeedResults, fit_seeds

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
