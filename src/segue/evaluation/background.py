"""How a model was made, as far as it says so: what a report tells beside the scores."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Background:
    """How the model was made; the report shows what is there.

    Attributes:
        summary: pairs of a heading and a text: network, preparation, optimizer, time, ...
        network: name, kind, output shape and parameters of each layer.
        parameters: how many there are in all.
        rows: the history: one row an epoch, with `epoch`, `loss` and what else was measured.
        best_epoch: the epoch whose weights were kept, if one was chosen.
        model_id: a hash of the weights, which tells one model from another; "": unknown.
    """

    summary: tuple[tuple[str, str], ...] = ()
    network: tuple[tuple[str, str, str, int], ...] = ()
    parameters: int = 0
    rows: tuple[dict[str, Any], ...] = ()
    best_epoch: int | None = None
    model_id: str = ""

    @classmethod
    def of(cls, estimator: Any) -> Background:
        """Ask an estimator; any of `history_`, `network_`, `training_summary_` may be missing."""
        history = getattr(estimator, "history_", None)
        network = getattr(estimator, "network_", None)
        table = None if network is None else network.summary()
        layers = () if table is None else table.rows
        return cls(
            summary=tuple(getattr(estimator, "training_summary_", ())),
            network=tuple((row.name, row.kind, row.shape, row.parameters) for row in layers),
            parameters=0 if table is None else table.total,
            rows=() if history is None else tuple(history.rows),
            best_epoch=None if history is None else history.best_epoch,
            model_id=_model_id(estimator),
        )


def _model_id(estimator: Any) -> str:
    """12 hexadecimal digits, the same for the same weights."""
    digest = hashlib.blake2b(digest_size=6)
    for member in getattr(estimator, "members", [estimator]):
        weights = getattr(getattr(member, "network_", None), "get_weights", None)
        if weights is None:
            return ""
        for name, values in sorted(weights().items()):
            digest.update(name.encode() + values.tobytes())
    return digest.hexdigest()
