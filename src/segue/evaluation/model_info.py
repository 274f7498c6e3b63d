"""Model information for a report: how a model was trained, as far as it is known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ModelInfo:
    """How a model was made; empty where that is not known.

    Attributes:
        summary: pairs of a heading and a text: network, preparation, optimizer, time, ...
        network: name, kind, output shape and parameters of each layer.
        parameters: how many there are in all.
        rows: the history: one row an epoch, with `epoch`, `loss` and what else was measured.
        best_epoch: the epoch whose weights were kept, if one was chosen.
        model_id: a hash of the weights, which distinguishes models; "": unknown.
    """

    summary: tuple[tuple[str, str], ...] = ()
    network: tuple[tuple[str, str, str, int], ...] = ()
    parameters: int = 0
    rows: tuple[dict[str, Any], ...] = ()
    best_epoch: int | None = None
    model_id: str = ""

    @classmethod
    def of(cls, estimator: Any) -> ModelInfo:
        """Of an estimator, any of whose `history_`, `network_`, `training_summary_` may be missing.

        The hash of the weights has 12 hexadecimal digits.
        """
        history = getattr(estimator, "history_", None)
        network = getattr(estimator, "network_", None)
        table = None if network is None else network.summary()
        layers = () if table is None else table.rows
        digest = hashlib.blake2b(digest_size=6)
        members = getattr(estimator, "members", [estimator])
        networks: list[Any] = [getattr(member, "network_", None) for member in members]
        is_known = all(hasattr(one, "get_weights") for one in networks)
        for one in networks if is_known else ():
            for name, values in sorted(one.get_weights().items()):
                digest.update(name.encode() + values.tobytes())
        return cls(
            summary=tuple(getattr(estimator, "training_summary_", ())),
            network=tuple((row.name, row.kind, row.shape, row.parameters) for row in layers),
            parameters=0 if table is None else table.total,
            rows=() if history is None else tuple(history.rows),
            best_epoch=None if history is None else history.best_epoch,
            model_id=digest.hexdigest() if is_known else "",
        )
