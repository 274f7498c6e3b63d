"""Optional packages: imported when first used; the error for a missing one has the command."""

from __future__ import annotations

import importlib
from types import ModuleType

from segue.errors import MissingPackageError


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a package of an extra.

    Args:
        module: what is imported, such as "soundfile".
        extra: the extra of segue that installs it, such as "audio".
        purpose: what it is needed for, as the end of a sentence: "to read sounds".

    Raises:
        MissingPackageError: it is not installed; the message has the line that installs it.

    >>> require("json", "audio", "to read sounds").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        name = (error.name or module).partition(".")[0]
        raise MissingPackageError(
            f'{name} is needed {purpose} and is not installed: pip install "segue[{extra}]"'
        ) from error
