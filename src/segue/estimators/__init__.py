"""The estimators: what is fitted, asked, saved and loaded.

classifier, labeler, regressor,    one for each task
forecaster, language
ensembles/                         several fitted ones as one, for each task
tasks                              which there are

parameters, learner                what each says of itself
base                               `fit`, and how a fitted one is asked

given, inputs                      what the user passes, brought together by id, and checked
choosing, weighting                what is learnt from, how much each sequence counts
initial, teaching, records         weights to begin with, the training, what is kept of it
seen                               which sequences were trained on
seeds                              the same training with several seeds
labels, step_labels                targets: of a sequence, of each step,
number_targets, next_token           numbers, the token that follows
linear, autoregression             what numbers and forecasts are compared with

asking, anytime                    in batches; after each step
stream, hearing                    one sequence as it comes
series, foreseeing                 what only forecasters and language models are asked
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
