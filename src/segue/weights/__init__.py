"""Models that leave segue, and weights that come from elsewhere.

Each way is a file of its own, loaded when its function is first used: what it needs is an extra.
"""

from __future__ import annotations

from segue.extras import lazy_names

__all__: list[str] = []

__getattr__ = lazy_names(__name__, {})


def __dir__() -> list[str]:
    return sorted(__all__)
