"""Every error that segue raises on purpose, as one tree.

    SegueError
    ├── DataError (ValueError)               sequences, targets or data sets that cannot be used
    │   └── FileError                        a file or folder that is not what it should be
    │       ├── ModelFileError               a model file that is damaged, foreign or too new
    │       └── DataNotFoundError            a named data set, file or folder that is not there
    ├── SpecError (ValueError)               a network or preparation text that does not parse
    ├── OptionError (ValueError)             an option with a value that means nothing
    ├── NotFittedError (ValueError, AttributeError)   asked before `fit`
    ├── NotCausalError (ValueError)          a stream through a layer that needs the whole sequence
    ├── TrainingError (ArithmeticError)      training that cannot go on
    ├── WriteError (OSError)                 a full or read-only disk
    └── MissingPackageError (ImportError)    an extra that is not installed

A message says what came, what was expected and how to mend it. The command line prints the
message and nothing else; anything that is not a `SegueError` is a bug in segue.
"""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_SHOWN = 100  # characters of a text on either side of the place that an error points at


class SegueError(Exception):
    """The root of the tree: catch this to catch everything that segue raises on purpose."""


class DataError(SegueError, ValueError):
    """Sequences, targets or a data set that cannot be used as they are."""


class FileError(DataError):
    """A file or folder that is not what it should be; `path` and `line` say where.

    Args:
        message: what came, what was expected, how to mend it.
        path: the file or folder.
        line: the line or record number, counted from 1, where there is one.
    """

    def __init__(
        self, message: str, *, path: str | Path | None = None, line: int | None = None
    ) -> None:
        self.path = None if path is None else Path(path)
        self.line = line
        where = "" if path is None else f"{path}: " if line is None else f"{path}, line {line}: "
        super().__init__(where + message)


class ModelFileError(FileError):
    """A model file that is damaged, foreign, or written by a newer segue."""


class DataNotFoundError(FileError):
    """A named data set, a file or a folder that is not there."""


class SpecError(SegueError, ValueError):
    """A network or preparation text that does not parse, or does not fit the data.

    Args:
        message: what is wrong and how to mend it.
        text: the whole text, shown with a mark under the place.
        position: index into `text` of the first wrong character.
    """

    def __init__(
        self, message: str, *, text: str | None = None, position: int | None = None
    ) -> None:
        self.text = text
        self.position = position
        if text is not None and position is not None:
            first = max(0, position - _SHOWN)
            shown = text[first : position + _SHOWN]
            message = f"{message}\n  {shown}\n  {' ' * (position - first)}^"
        super().__init__(message)


class OptionError(SegueError, ValueError):
    """An option or argument with a value that means nothing."""


class NotFittedError(SegueError, ValueError, AttributeError):
    """A fitted estimator is needed: call `fit` first, or load one with `segue.load`."""


class NotCausalError(SegueError, ValueError):
    """A step at a time was asked of a layer that needs the whole sequence."""


class TrainingError(SegueError, ArithmeticError):
    """Training that cannot go on, such as a loss that is not finite."""


class WriteError(SegueError, OSError):
    """A file that cannot be written: the disk is full or read-only."""


class MissingPackageError(SegueError, ImportError):
    """A package of an optional extra that is not installed; the message has the install line."""


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line outside segue that led here, however many calls ago."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("segue."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def renamed_arguments(**names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function accept the former names of arguments, with a warning, for one release.

    >>> @renamed_arguments(colour="color")
    ... def paint(color): return color
    >>> paint(color="red")
    'red'
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def inside(*args: P.args, **kwargs: P.kwargs) -> R:
            for former in names.keys() & kwargs.keys():
                warn_user(f"{former}= is now {names[former]}=.", DeprecationWarning)
                kwargs[names[former]] = kwargs.pop(former)
            return function(*args, **kwargs)

        return inside

    return decorate


def counted(count: int, what: str) -> str:
    """Return a number of things, in words.

    >>> counted(1, "sequence"), counted(1_000, "class"), counted(2, "epoch")
    ('1 sequence', '1,000 classes', '2 epochs')
    """
    hisses = what.endswith(("s", "x", "ch")) and not what.endswith("epoch")
    plural = f"{what}es" if hisses else f"{what}s"
    return f"{count:,} {what if count == 1 else plural}"


def first_few(things: Iterable[Any], at_most: int = 5, show: Callable[[Any], str] = str) -> str:
    """Return things in one line, those beyond `at_most` counted.

    >>> first_few("abcdefg", 3), first_few(["run", "walk"], show=repr)
    ('a, b, c, and 4 more', "'run', 'walk'")
    """
    shown = [show(thing) for thing in things]
    more = f", and {len(shown) - at_most:,} more" if len(shown) > at_most else ""
    return ", ".join(shown[:at_most]) + more


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `' Did you mean "lstm"?'` when a known word is near, else the list of known words.

    >>> did_you_mean("lstmm", ["lstm", "gru"])
    ' Did you mean "lstm"?'
    >>> did_you_mean("x", ["lstm", "gru"])
    ' Known: gru, lstm.'
    """
    by_lower = {name.lower(): name for name in sorted(known)}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if near:
        return f' Did you mean "{by_lower[near[0]]}"?'
    return f" Known: {', '.join(by_lower.values())}."
