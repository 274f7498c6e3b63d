"""The choice of the functions that predict: the native library, or those in NumPy.

The environment variable `SEGUE_KERNELS` forces one: "avx512", "avx2" or "portable" of the native
library, "numpy", or "torch", where networks answer through PyTorch's modules. With the last two
PyTorch computes gradients, too.

Products in bfloat16, of training, need a processor with AMX. `SEGUE_TILES=plain` computes them in
plain C++, to the same precision and much more slowly: that is for tests.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from typing import Any

from segue.errors import OptionError
from segue.kernels import native, reference, reference_features
from segue.kernels.native_features import NativeFeatures

VARIABLE = "SEGUE_KERNELS"
TILES = "SEGUE_TILES"
NATIVE = ("avx512", "avx2", "portable")


def backend() -> Any:
    """The functions that predict: those of a path of the native library, or of `reference`.

    Raises:
        OptionError: what `SEGUE_KERNELS` says is unknown, or cannot be had on this machine.
    """
    return _choose(os.environ.get(VARIABLE, ""))[0]


def features() -> Any:
    """Likewise the functions that give features of whole sequences."""
    kernels = backend()
    return reference_features if kernels is reference else NativeFeatures(kernels)


def path() -> tuple[str, str]:
    """The name of the way that predictions take, and why it is taken.

    Raises:
        OptionError: as for `backend`.
    """
    _, name, reason = _choose(os.environ.get(VARIABLE, ""))
    return name, reason


def bfloat16() -> int:
    """The form in which the native library can multiply in bfloat16; 0: it cannot.

    Raises:
        OptionError: what `SEGUE_TILES` says is unknown.
    """
    wanted = os.environ.get(TILES, "")
    if wanted not in ("", "plain"):
        raise OptionError(f"{TILES}={wanted} is unknown; expected plain, or nothing.")
    form = native.PLAIN_BFLOAT16 if wanted else native.BFLOAT16
    return form if native.has_precision(form) else 0


def is_torch() -> bool:
    """Whether networks are to answer through PyTorch's modules."""
    return os.environ.get(VARIABLE) == "torch"


@contextlib.contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Let the native library use at most `count` threads for a while; `None`: as many as it may."""
    kernels = backend()
    if count is None or kernels is reference:
        yield
        return
    with kernels.limited(count):
        yield


@functools.cache
def _choose(wanted: str) -> tuple[Any, str, str]:
    forced = f"{VARIABLE}={wanted}"
    if wanted not in ("", "numpy", "torch", *NATIVE):
        words = ", ".join(NATIVE)
        raise OptionError(f"{forced} is unknown; expected {words}, numpy or torch, or nothing.")
    if wanted == "numpy":
        return reference, "numpy", forced
    try:
        kernels = native.load(wanted if wanted in NATIVE else None)
    except native.NativeUnavailableError as error:
        if wanted in NATIVE:
            raise OptionError(f"{forced} cannot be had here: {error}.") from error
        return reference, wanted or "numpy", forced if wanted else str(error)
    why = forced if wanted else "the fastest that this processor has"
    return kernels, "torch" if wanted == "torch" else kernels.path, why
