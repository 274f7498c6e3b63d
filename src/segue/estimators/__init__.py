"""The estimators: what is fitted, asked, saved and loaded.

classifier, labeler, regressor,    one class for each task
forecaster, language
ensembles/                         several fitted ones as one, for each task
tasks                              the table of estimators

parameters                         constructor arguments, as scikit-learn wants them
base                               the base class: `fit` and the common part of prediction

given, inputs                      X, y and the rest as users pass them: aligned by id, checked
splitting, fitting                 training and validation part; training as functions of values
initial, seen                      initial weights; hashes of the sequences that were trained on
seeds                              the same training with several seeds

asking, anytime                    prediction in batches; after each step
stream, streaming                  one sequence step by step
next_token, next_token_predictor   what only language models have
files, loading                     a model as a file, and back
"""

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
