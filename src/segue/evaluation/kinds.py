"""Refuse by name what a question cannot be asked of."""

from __future__ import annotations

from typing import Any

from segue.errors import DataError


def need_one_network(estimator: Any, what: str) -> None:
    """Raise `DataError` for an ensemble, which has several networks."""
    members = getattr(estimator, "members", None)
    if members is not None:
        raise DataError(
            f"{what} looks into one network, and an ensemble has {len(members)}: take one of its "
            "`members`."
        )


def need_classes(estimator: Any, what: str) -> None:
    """Raise `DataError` for an estimator whose answers are not one class for each sequence."""
    if getattr(estimator, "task", "classify") != "classify":
        raise DataError(
            f"{what} needs a classifier, with a class for each sequence; this is a "
            f"{type(estimator).__name__}."
        )


def need_one_class_each(estimator: Any, what: str) -> None:
    """Raise `DataError` for these, and for a classifier with several labels at once."""
    need_classes(estimator, what)
    if getattr(getattr(estimator, "task_", None), "name", "classify") != "classify":
        raise DataError(f"{what} needs one class for each sequence; this model has several labels.")
