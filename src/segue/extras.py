"""What is imported when first used: names of a room, and optional packages.

It imports next to nothing itself: what comes before the first line of a command cannot answer a
Ctrl-C.
"""

from __future__ import annotations

import importlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any


def lazy_names(
    room: str, later: Mapping[str, str], former: Mapping[str, str] | None = None
) -> Callable[[str], Any]:
    """Return a `__getattr__` of a package: names that are loaded when they are first used, once.

    Args:
        room: the package, as `__name__`.
        later: names and where each stands, "segue.training.finder.LearningRates".
        former: former names and the present ones, likewise; these warn, for one release.

    >>> lazy_names("segue.extras", {"counted": "segue.errors.counted"})("counted")(2, "epoch")
    '2 epochs'
    """

    def find(name: str) -> Any:
        from pkgutil import resolve_name

        if former and name in former:
            from segue.errors import warn_user

            warn_user(f"{room}.{name} is now called {former[name]}.", DeprecationWarning)
            return resolve_name(former[name])
        if name not in later:
            from segue.errors import no_attribute

            no_attribute(sys.modules[room], name)
        found = resolve_name(later[name])
        setattr(sys.modules[room], name, found)  # so that the next time nothing is looked for
        return found

    return find


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
        from segue.errors import MissingPackageError

        name = (error.name or module).partition(".")[0]
        raise MissingPackageError(
            f'{name} is needed {purpose} and is not installed: pip install "segue[{extra}]"'
        ) from error
