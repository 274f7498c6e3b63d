"""Studies: many trainings of one estimator, to measure the effect of data and of arguments.

`learning_curve` varies the number of training sequences, `grid` any arguments of an estimator. The
trials run in parallel, one a processor; a study that was stopped continues where it was.
`select_network` compares some networks by cross-validation.
"""

from segue.executors import Executor, Future, LocalProcesses, SlurmExecutor, ThisProcess
from segue.extras import lazy_names
from segue.studies.curve import LearningCurve, learning_curve
from segue.studies.grids import Grid, grid
from segue.studies.powerlaw import Forecast, PowerLaw, backtest, fit_power_law, forecast
from segue.studies.selection import Selection, select_network
from segue.studies.status import StudyStatus, status

__all__ = [
    "Executor",
    "Forecast",
    "Future",
    "Grid",
    "LearningCurve",
    "LocalProcesses",
    "PowerLaw",
    "Selection",
    "SlurmExecutor",
    "StudyStatus",
    "ThisProcess",
    "backtest",
    "fit_power_law",
    "forecast",
    "grid",
    "learning_curve",
    "select_network",
    "status",
]

__getattr__ = lazy_names(__name__, {}, {"held_back": "segue.studies.backtest"})
