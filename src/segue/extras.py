"""What is imported when first used: names of a room, and packages of the extras.

What needs the extra `train` as a whole, such as `segue.plots`, is a lazy name of its room: where a
package is missing, the name raises `MissingPackageError`. A single function calls `require`.

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

    from segue.errors import MissingPackageError

_TRAIN = {  # its packages by the names that they are imported by, and what for
    "torch": "to train and to run modules of PyTorch",
    "sklearn": "for its trees and clusters",
    "scipy": "for its statistics",
    "loky": "to compute in several processes",
    "matplotlib": "to draw pictures",
    "jinja2": "to write reports and source",
    "pooch": "to download data",
}


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
        if former and name in former:
            from pkgutil import resolve_name

            from segue.errors import warn_user

            warn_user(f"{room}.{name} is now called {former[name]}.", DeprecationWarning)
            return resolve_name(former[name])
        if name not in later:
            from segue.errors import no_attribute

            no_attribute(sys.modules[room], name)
        found = _load(later[name])
        setattr(sys.modules[room], name, found)  # so that the next time nothing is looked for
        return found

    return find


def _load(where: str) -> Any:
    """A name of a module, or a module.

    Raises:
        MissingPackageError: it needs a package of the extra `train` that is not installed.
    """
    room, _, name = where.replace(":", ".").rpartition(".")
    try:
        found = importlib.import_module(room)
        if ":" in where or name in vars(found):  # a colon: of a package that may load it later
            return getattr(found, name)
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        raise (missing_package(error) or error) from error


def missing_package(error: ModuleNotFoundError) -> MissingPackageError | None:
    """The error for users where a package of the extra `train` is missing; `None`: another module.

    >>> print(missing_package(ModuleNotFoundError(name="pooch.core")))
    pooch is needed to download data and is not installed: pip install 'segue[train]'
    """
    package = (error.name or "").partition(".")[0]
    return _missing(package, "train", _TRAIN[package]) if package in _TRAIN else None


def require(module: str, extra: str = "train", purpose: str = "") -> ModuleType:
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
        package = (error.name or module).partition(".")[0]
        raise _missing(package, extra, purpose or _TRAIN.get(package, "here")) from error


def missing_packages() -> dict[str, list[str]]:
    """The extras that users install, each with those of its packages that are not installed.

    >>> missing_packages()["audio"]
    []
    """
    import re
    from importlib.metadata import PackageNotFoundError, requires, version

    found: dict[str, list[str]] = {}
    try:
        lines = requires("segue") or []
    except PackageNotFoundError:  # it runs from its source: nobody knows what was asked for
        lines = []
    for line in lines:
        package, extra = re.match(r"[\w.-]+", line), re.search(r'extra == "(\w+)"', line)
        if package is None or extra is None or extra[1] in {"all", "docs", "dev"}:
            continue
        missing = found.setdefault(extra[1], [])
        try:
            version(package[0])
        except PackageNotFoundError:
            missing.append(package[0])
    return found


def _missing(package: str, extra: str, purpose: str) -> MissingPackageError:
    from segue.errors import MissingPackageError

    name = "scikit-learn" if package == "sklearn" else package
    return MissingPackageError(
        f"{name} is needed {purpose} and is not installed: pip install 'segue[{extra}]'"
    )
