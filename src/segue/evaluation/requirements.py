"""Requirements of evaluation functions: an estimator without a needed method is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segue.errors import DataError

if TYPE_CHECKING:
    from segue.tasks import Task


def task_of(estimator: Any) -> Task:
    """The fitted task of an estimator; of another library's, one class for each sequence."""
    from segue.tasks import Classify

    task: Task | None = getattr(estimator, "task_", None)
    return Classify(tuple(estimator.classes_.tolist())) if task is None else task


def require_one_network(estimator: Any, what: str) -> None:
    """Raise `DataError` for an ensemble, which has several networks."""
    members = getattr(estimator, "members", None)
    if members is not None:
        raise DataError(
            f"{what} looks into one network, and an ensemble has {len(members)}: take one of its "
            "`members`."
        )


def require_classes(estimator: Any, what: str, *, one_each: bool = False) -> None:
    """Raise `DataError` for an estimator that does not predict classes of whole sequences.

    Args:
        estimator: fitted, or another library's.
        what: what requires it, in words.
        one_each: whether several labels at once are refused as well.
    """
    labels_each = task_of(estimator).labels_each
    if not labels_each:
        raise DataError(
            f"{what} needs a classifier, with a class for each sequence; this is a "
            f"{type(estimator).__name__}."
        )
    if one_each and labels_each != "one":
        raise DataError(f"{what} needs one class for each sequence; this model has several labels.")
