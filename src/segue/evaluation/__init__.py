"""Evaluation: scores with their baseline, pictures, and a report in one HTML file.

`evaluate` runs a fitted classifier over a data set and gives an `Evaluation`; the arithmetic is in
`metrics`, the drawing in `plots`, the page in `report`. scikit-learn and matplotlib are loaded
when a score or a picture is asked for.
"""

from segue.evaluation.evaluation import Evaluation, Mistake
from segue.evaluation.metrics import Calibration, ClassScore
from segue.evaluation.scoring import FittedClassifier, evaluate

__all__ = [
    "Calibration",
    "ClassScore",
    "Evaluation",
    "FittedClassifier",
    "Mistake",
    "evaluate",
]
