"""Model information for a report: how a model was trained, as far as it is known.

And the requirements of evaluation functions: an estimator without a needed method is refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from segue.errors import DataError

if TYPE_CHECKING:
    from segue.tasks import Task


@dataclass(frozen=True)
class ModelInfo:
    """Facts on how a model was trained; empty where that is not known.

    Attributes:
        summary: pairs of a heading and a text: network, preparation, optimizer, time, ...
        networks: with `summary()` and, of segue, `diagram()`; of members that are alike one only.
        rows: the history: one row an epoch, with `epoch`, `loss` and what else was measured.
        best_epoch: the epoch whose weights were kept, if one was chosen.
        model_id: a hash of the weights, which distinguishes models; "": unknown.
    """

    summary: tuple[tuple[str, str], ...] = ()
    networks: tuple[Any, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()
    best_epoch: int | None = None
    model_id: str = ""

    @classmethod
    def of(cls, estimator: Any) -> ModelInfo:
        """Of an estimator, any of whose `history_`, `network_`, `training_summary_` may be missing.

        The hash of the weights has 12 hexadecimal digits.
        """
        history = getattr(estimator, "history_", None)
        digest = hashlib.blake2b(digest_size=6)
        members = getattr(estimator, "members", [estimator])
        networks: list[Any] = [getattr(member, "network_", None) for member in members]
        is_known = all(hasattr(one, "get_weights") for one in networks)
        kinds = {str(one.summary()): one for one in networks if one is not None}
        for one in networks if is_known else ():
            for name, values in sorted(one.get_weights().items()):
                digest.update(name.encode() + values.tobytes())
        return cls(
            summary=tuple(getattr(estimator, "training_summary_", ())),
            networks=tuple(kinds.values()),
            rows=() if history is None else tuple(history.rows),
            best_epoch=None if history is None else history.best_epoch,
            model_id=digest.hexdigest() if is_known else "",
        )


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
