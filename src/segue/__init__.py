"""segue: sequence classification with deep learning.

    >>> import segue
    >>> data = segue.read("japanese-vowels")
    >>> data.x
    Sequences(n=640, time=7 to 29, channels=12)

Everything public is reached from here and loaded when it is touched, so `import segue` is quick.
"""

from __future__ import annotations

from segue._version import __version__
from segue.extras import lazy_names

TYPE_CHECKING = False  # `typing` takes longer than all of this, in which no Ctrl-C is answered
if TYPE_CHECKING:
    from segue import (
        errors,
        evaluation,
        layers,
        plots,
        runs,
        sonify,
        studies,
        studio,
        synth,
        testing,
        weights,
    )
    from segue.data.dataset import Dataset
    from segue.data.sequences import Sequences
    from segue.estimators import (
        Forecaster,
        LanguageModel,
        SequenceClassifier,
        SequenceEnsemble,
        SequenceLabeler,
        SequenceRegressor,
        fit_seeds,
        load,
    )
    from segue.evaluation import Evaluation, evaluate
    from segue.readers import read, write
    from segue.training import Callback, History, TrainingOptions
    from segue.windowing import windows

_NAMES = {
    "segue.data.dataset": "Dataset",
    "segue.data.sequences": "Sequences",
    "segue.estimators": "Forecaster LanguageModel SequenceClassifier SequenceEnsemble "
    "SequenceLabeler SequenceRegressor fit_seeds load",
    "segue.evaluation": "Evaluation evaluate",
    "segue.readers": "read write",
    "segue.training": "Callback History TrainingOptions",
    "segue.windowing": "windows",
}
_ROOMS = (
    "errors evaluation layers listening plots runs sonify studies studio synth testing "
    "weights".split()
)

__all__ = [
    "Callback",
    "Dataset",
    "Evaluation",
    "Forecaster",
    "History",
    "LanguageModel",
    "SequenceClassifier",
    "SequenceEnsemble",
    "SequenceLabeler",
    "SequenceRegressor",
    "Sequences",
    "TrainingOptions",
    "__version__",
    "errors",
    "evaluate",
    "evaluation",
    "fit_seeds",
    "layers",
    "load",
    "plots",
    "read",
    "runs",
    "sonify",
    "studies",
    "studio",
    "synth",
    "testing",
    "weights",
    "windows",
    "write",
]


__getattr__ = lazy_names(
    __name__,
    {name: f"{module}:{name}" for module, names in _NAMES.items() for name in names.split()}
    | {room: f"segue.{room}" for room in _ROOMS},
)


def __dir__() -> list[str]:
    return sorted(__all__)
