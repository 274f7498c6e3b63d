"""The former name of `segue.sonify`: it warns, and goes with the next release."""

from __future__ import annotations

import warnings
from typing import Any


def __getattr__(name: str) -> Any:
    from segue import sonify

    if name not in sonify.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn("segue.listening is now segue.sonify.", DeprecationWarning, stacklevel=2)
    return getattr(sonify, name)
