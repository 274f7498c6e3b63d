"""The ensembles, a file for each task: which answers of the members are averaged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from segue.errors import DataError
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.ensembles.base import Ensemble
from segue.estimators.ensembles.classifiers import SequenceEnsemble
from segue.estimators.ensembles.forecasters import ForecasterEnsemble
from segue.estimators.ensembles.labelers import LabelerEnsemble
from segue.estimators.ensembles.language_models import LanguageModelEnsemble
from segue.estimators.ensembles.regressors import RegressorEnsemble

__all__ = [
    "ENSEMBLES",
    "ForecasterEnsemble",
    "LabelerEnsemble",
    "LanguageModelEnsemble",
    "RegressorEnsemble",
    "SequenceEnsemble",
    "ensemble_of",
]

# By the name of the class, as a model file has it.
ENSEMBLES: dict[str, type[Ensemble[Any]]] = {
    kind.__name__: kind
    for kind in (
        SequenceEnsemble,
        LabelerEnsemble,
        RegressorEnsemble,
        ForecasterEnsemble,
        LanguageModelEnsemble,
    )
}


def ensemble_of(members: Iterable[BaseSequenceEstimator]) -> Any:
    """Several fitted estimators of any one task as one model: the mean of what they answer.

    Args:
        members: fitted, of one task. Their networks and preparations may differ.

    Returns:
        The ensemble of that task, such as a `SequenceEnsemble` of classifiers.

    Raises:
        DataError: no members, or members that do not agree.
        NotFittedError: a member that is not fitted.

    >>> ensemble_of([])
    Traceback (most recent call last):
    segue.errors.DataError: An ensemble needs at least one member.
    """
    given = tuple(members)
    for kind in ENSEMBLES.values():
        if given and isinstance(given[0], kind.kind):
            return kind(given)
    if not given:
        raise DataError("An ensemble needs at least one member.")
    raise DataError(f"Member 1 is {given[0]!r}; an ensemble is made of estimators of segue.")
