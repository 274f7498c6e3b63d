"""The estimators: what is fitted, asked, saved and loaded."""

from segue.estimators.classifier import SequenceClassifier
from segue.estimators.forecaster import Forecaster
from segue.estimators.labeler import SequenceLabeler
from segue.estimators.loading import load
from segue.estimators.regressor import SequenceRegressor

__all__ = ["Forecaster", "SequenceClassifier", "SequenceLabeler", "SequenceRegressor", "load"]
