"""Models that leave segue, and weights that come from elsewhere.

Each way is a file of its own, loaded when its function is first used: what it needs is an extra.
"""

from __future__ import annotations

from segue.extras import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from segue.weights.keras import from_keras
    from segue.weights.keras_export import to_keras

__all__ = ["from_keras", "to_keras"]

__getattr__ = lazy_names(
    __name__,
    {
        "from_keras": "segue.weights.keras.from_keras",
        "to_keras": "segue.weights.keras_export.to_keras",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
