"""The estimators: fitted, queried, saved and loaded.

classifier, labeler, regressor,    one class for each task
forecaster, language
ensemble, multi_seed               several fitted ones as one; the same training with several seeds

base                               `fit` and `predict`; arguments, as scikit-learn wants them

inputs, splitting                  X, y and the rest as users pass them; training, validation part
fitting, transfer, result          training as functions of values; initial weights; its result
closed_form, automatic, folds      a head without epochs; several networks joined to one,
mixture                            in which they lie side by side
suited                             the preparation for these, where none is asked for
shapes, prediction_sets            what a network gets; sets of classes that hold the true one
fingerprint                        hashes of the sequences that were trained on

anytime, streaming, streams        probabilities after each step; one sequence, or many, by steps
files, loading, restoring          a model as a file, and back
kept_members, on_target            those of a search in a run's folder; small, fast ones
"""

from typing import TYPE_CHECKING

from segue.estimators.classifier import SequenceClassifier
from segue.estimators.ensemble import SequenceEnsemble
from segue.estimators.forecaster import Forecaster
from segue.estimators.labeler import SequenceLabeler
from segue.estimators.language import LanguageModel
from segue.estimators.loading import load
from segue.estimators.regressor import SequenceRegressor
from segue.extras import lazy_names

if TYPE_CHECKING:
    from segue.estimators.multi_seed import SeedResults, fit_seeds
    from segue.estimators.streams import Streams

__all__ = [
    "Forecaster",
    "LanguageModel",
    "SeedResults",
    "SequenceClassifier",
    "SequenceEnsemble",
    "SequenceLabeler",
    "SequenceRegressor",
    "Streams",
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

_LATER = {name: f"segue.estimators.multi_seed.{name}" for name in ("SeedResults", "fit_seeds")}
__getattr__ = lazy_names(
    __name__,
    {
        **_LATER,
        "Streams": "segue.estimators.streams.Streams",
        "fitting": "segue.estimators.fitting",  # needs PyTorch
    },
    dict.fromkeys(_FORMER_NAMES, "segue.estimators.SequenceEnsemble"),
)
