"""Studies: the same training many times over, to see what changes its result.

`learning_curve` varies the number of training sequences, `grid` whatever an estimator is made with.
Trials are done in parallel, one a processor; a study that is stopped goes on where it was.
"""

from segue.studies.curve import LearningCurve, learning_curve
from segue.studies.executors import Executor, Future, LocalProcesses, ThisProcess
from segue.studies.grids import Grid, grid
from segue.studies.powerlaw import Forecast, PowerLaw, fit_power_law, forecast, held_back

__all__ = [
    "Executor",
    "Forecast",
    "Future",
    "Grid",
    "LearningCurve",
    "LocalProcesses",
    "PowerLaw",
    "ThisProcess",
    "fit_power_law",
    "forecast",
    "grid",
    "held_back",
    "learning_curve",
]
