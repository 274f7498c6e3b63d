"""`check_reader`: what every reader, or any function that gives a data set, must keep to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.sequences import Sequences
from segue.testing.report import Recorder, Report


def check_reader(source: str | Path | Callable[[], Any]) -> Report:
    """Read twice and look at what came.

    The same data set comes each time; every sequence has a step and none an infinite value; what is
    known of a sequence is known of all; labels are among the classes; and writing it to a file and
    opening that gives the same again.

    Args:
        source: what `segue.read` takes, or a function without arguments that gives a `Dataset`.

    Returns:
        A `Report`; `passed` names the promises.

    Raises:
        CheckError: a promise is broken.
    """
    recorder = Recorder(f"The reader of {source}")
    first, second = _read(source), _read(source)
    recorder.require("gives a Dataset", isinstance(first, Dataset), f"It gives {type(first)}")
    recorder.require(
        "same source, same data", _same(first, second), "Two readings give other data sets"
    )
    empty = np.flatnonzero(first.x.lengths == 0)
    recorder.require("no empty sequences", len(empty) == 0, f"Sequences {empty[:5]} have length 0")
    infinite = [i for i, steps in enumerate(first.x) if np.isinf(steps).any()]
    recorder.require("finite", not infinite, f"Sequences {infinite[:5]} have infinite values")
    if first.classes is not None and isinstance(first.y, np.ndarray) and first.y.ndim == 1:
        counts = {name: int((first.y == name).sum()) for name in first.classes}
        recorder.require(
            "labels are classes", sum(counts.values()) == len(first), f"The counts are {counts}"
        )
    _check_file(first, recorder)
    return recorder.report()


def _read(source: str | Path | Callable[[], Any]) -> Any:
    if callable(source):
        return source()
    from segue.readers import read

    return read(source)


def _check_file(data: Dataset, recorder: Recorder) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.arrow"
        data.write(path)
        same = _same(data, Dataset.open(path))
    recorder.require("file round trip", same, "Written and opened again it is another data set")


def _same(a: Dataset, b: Dataset) -> bool:
    return (
        a.x == b.x
        and a.classes == b.classes
        and a.channels == b.channels
        and a.rate_hz == b.rate_hz
        and all(_equal(getattr(a, n), getattr(b, n)) for n in ("y", "groups", "parts", "ids"))
    )


def _equal(a: Any, b: Any) -> bool:
    if a is None or b is None or isinstance(a, Sequences) or isinstance(b, Sequences):
        return bool(a == b) if a is not None else b is None
    if a.dtype.kind == "f":
        return np.array_equal(a, b, equal_nan=True)
    return np.array_equal(a, b)
