"""Data sets: tiny ones, quick to fit and odd in shape, and the checks of a reader of data sets."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from segue.data.dataset import Dataset
from segue.data.encoding import Task
from segue.data.sequences import Array, Sequences
from segue.errors import OptionError, did_you_mean
from segue.randomness import numpy_generator
from segue.testing.report import Recorder, Report


def tiny_dataset(
    n: int = 24,
    *,
    channels: int = 2,
    lengths: tuple[int, int] = (1, 9),
    classes: Sequence[Any] = ("down", "up"),
    missing: float = 0.0,
    tokens: int | None = None,
    group_size: int | None = None,
    parts: bool = False,
    task: str = "classify",
    seed: int = 0,
) -> Dataset:
    """Make labelled sequences whose class is the level (or the kind of tokens) they have.

    Args:
        n: the number of sequences; the classes take turns.
        channels: values at each step.
        lengths: the shortest and the longest; both occur, if there are two sequences.
        classes: the class names.
        missing: the share of values that are NaN.
        tokens: makes sequences of so many different tokens (int32) in place of numbers.
        group_size: gives each run of so many sequences a group of its own.
        parts: of every six sequences makes one "validation" and one "test", the others "train".
        task: as in `Dataset.task`. "multilabel": the class and whether the sequence is long;
            "label": steps above the level of their class, and below; "regress": the mean; "none":
            nothing.
        seed: another seed draws other sequences.

    >>> tiny_dataset(6, lengths=(2, 4))
    Dataset(n=6, time=2 to 4, channels=2, classes=2)
    """
    draws = numpy_generator(seed, "tiny")
    steps = draws.integers(lengths[0], lengths[1] + 1, n)
    steps[:2] = (lengths[1], lengths[0])[: len(steps[:2])]
    codes = np.arange(n) % len(classes)
    items = []
    for length, code in zip(steps, codes, strict=True):
        if tokens is None:
            item = draws.normal(size=(length, channels)) + 3.0 * code
            item[draws.random(item.shape) < missing] = np.nan
            items.append(item.astype(np.float32))
        else:
            span = max(1, tokens // len(classes))
            item = np.minimum(code * span + draws.integers(0, span, (length, 1)), tokens - 1)
            items.append(item.astype(np.int32))
    turn = np.arange(n) // len(classes) % 6
    names = np.array(["train"] * 4 + ["validation", "test"])
    y, found = _targets(task, items, codes, tuple(classes))
    return Dataset(
        Sequences.from_list(items),
        y,
        classes=found,
        groups=None if group_size is None else np.arange(n) // group_size,
        parts=names[turn] if parts else None,
        name="tiny",
    )


def _targets(
    task: str, items: list[Array], codes: Array, classes: tuple[Any, ...]
) -> tuple[Any, tuple[Any, ...] | None]:
    """The targets, and the names of the classes."""
    if task == "classify":
        return np.asarray(classes)[codes], classes
    if task == "multilabel":
        is_long = np.array([len(item) for item in items]) > np.median([len(item) for item in items])
        return np.column_stack([codes > 0, is_long]).astype(np.int64), ("high", "long")
    if task == "label":
        above = [np.nan_to_num(i).mean(axis=1) > 3.0 * c for i, c in zip(items, codes, strict=True)]
        return Sequences.from_list([a.astype(np.int32) for a in above]), ("lower", "upper")
    if task == "regress":
        return np.array([np.nan_to_num(item).mean() for item in items], np.float64), None
    if task == "none":
        return None, None
    raise OptionError(f"`task` is {task!r}.{did_you_mean(task, get_args(Task))}")


# -- readers ------------------------------------------------------------------------------------


def check_reader(source: str | Path | Callable[[], Any]) -> Report:
    """Read twice and check the data sets.

    The same data set comes each time; every sequence has a step and none an infinite value; what is
    known of a sequence is known of all; labels are among the classes; and writing it to a file and
    opening that gives the same again.

    Args:
        source: what `segue.read` takes, or a function without arguments that gives a `Dataset`.

    Returns:
        A `Report`; `passed` names the contracts.

    Raises:
        CheckError: a contract is broken.
    """
    recorder = Recorder(f"The reader of {source}")
    first, second = _read(source), _read(source)
    is_dataset = isinstance(first, Dataset)
    recorder.require(is_dataset, f"It gives {type(first)}", "gives a Dataset")
    text = "Two readings give other data sets"
    recorder.require(_same(first, second), text, "same source, same data")
    empty = np.flatnonzero(first.x.lengths == 0).tolist()
    recorder.require(not empty, f"Sequences {empty[:5]} have length 0", "no empty sequences")
    infinite = [i for i, steps in enumerate(first.x) if np.isinf(steps).any()]
    recorder.require(not infinite, f"Sequences {infinite[:5]} have infinite values", "finite")
    if first.classes is not None and isinstance(first.y, np.ndarray) and first.y.ndim == 1:
        counts = {name: int((first.y == name).sum()) for name in first.classes}
        all_there = sum(counts.values()) == len(first)
        recorder.require(all_there, f"The counts are {counts}", "labels are classes")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.arrow"
        first.write(path)
        same = _same(first, Dataset.open(path))
    recorder.require(same, "Written and opened again it is another data set", "file round trip")
    return recorder.report()


def _read(source: str | Path | Callable[[], Any]) -> Any:
    if callable(source):
        return source()
    from segue.readers import read

    return read(source)


def _same(a: Dataset, b: Dataset) -> bool:
    names = ("x", "y", "classes", "channels", "rate_hz", "groups", "parts", "ids")
    return all(_equal(getattr(a, name), getattr(b, name)) for name in names)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return bool(a == b)
