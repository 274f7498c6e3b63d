"""The choice of the functions that predict: the native library, or those in NumPy.

The environment variable `SEGUE_KERNELS` forces one: "avx512", "avx2" or "portable" of the native
library, "numpy", or "torch", where networks answer through PyTorch's modules.
"""

from __future__ import annotations

import functools
import importlib
import os
from types import ModuleType

from segue.errors import OptionError
from segue.kernels import reference

VARIABLE = "SEGUE_KERNELS"
NATIVE = ("avx512", "avx2", "portable")


def backend() -> ModuleType:
    """The module whose functions predict, `segue.kernels.native` or `segue.kernels.reference`.

    Raises:
        OptionError: what `SEGUE_KERNELS` says is unknown, or cannot be had on this machine.
    """
    return _choose(os.environ.get(VARIABLE, ""))[0]


def path() -> tuple[str, str]:
    """The name of the way that predictions take, and why it is taken.

    Raises:
        OptionError: as for `backend`.
    """
    _, name, reason = _choose(os.environ.get(VARIABLE, ""))
    return name, reason


def is_torch() -> bool:
    """Whether networks are to answer through PyTorch's modules."""
    return os.environ.get(VARIABLE) == "torch"


@functools.cache
def _choose(wanted: str) -> tuple[ModuleType, str, str]:
    forced = f"{VARIABLE}={wanted}"
    if wanted not in ("", "numpy", "torch", *NATIVE):
        words = ", ".join(NATIVE)
        raise OptionError(f"{forced} is unknown; expected {words}, numpy or torch, or nothing.")
    if wanted == "numpy":
        return reference, "numpy", forced
    try:
        native = importlib.import_module("segue.kernels.native")
        name = native.load(wanted if wanted in NATIVE else "")
    except (ImportError, OSError) as error:
        if wanted in NATIVE:
            raise OptionError(f"{forced} cannot be had here: {error}") from error
        module, name, reason = reference, "numpy", f"there is no native library: {error}"
    else:
        module, reason = native, forced if wanted else "the fastest that this processor has"
    return (module, "torch", forced) if wanted == "torch" else (module, name, reason)
