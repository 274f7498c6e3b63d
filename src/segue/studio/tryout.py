"""A model is tried: on a file, on numbers or a text that somebody types, on what somebody draws."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.errors import DataError
from segue.studio.opened import OpenData
from segue.studio.results import Results
from segue.studio.trainings import Trainings

MOST = 100  # sequences that are answered at once
TRIED = "/tried"  # in place of the name of a run: what was tried last
_LONGEST = 2_000_000  # characters that are typed
_POINTS = 20_000  # of a drawing
_BOX = 20 / 28  # of a picture, that a drawing fills, as the digits of MNIST do
_PEN = 1.3 / 28  # half the width of its lines, in sides of the picture
_SHOWN = 5  # answers of one sequence


class Answered(NamedTuple):
    """What a model answers on a sequence.

    Attributes:
        words: the answer.
        rows: other answers, or parts of it, each with a number in words.
        heading: of the rows.
    """

    words: str
    rows: tuple[tuple[str, str], ...] = ()
    heading: tuple[str, str] = ("class", "probability")


def typed(model: Any, text: str) -> Dataset:
    """The sequence that was typed for a model: a text, or a row of numbers for each step.

    Numbers of a model with one channel may stand in any rows.

    Args:
        model: fitted.
        text: with commas, semicolons, tabs or blanks between numbers.

    Raises:
        DataError: nothing, what is no number, or rows of another length; the row is named.
    """
    if not text.strip():
        raise DataError("Nothing was typed: expected a text, or numbers.")
    if len(text) > _LONGEST:
        raise DataError(f"{len(text):,} characters were typed; put more than that into a file.")
    preparation = _first(model).preparation_
    if preparation.kind == "texts":
        return Dataset(Sequences.from_texts([text]))
    rows = [
        (number, [word for word in re.split(r"[,;\s]+", line.strip()) if word])
        for number, line in enumerate(text.splitlines(), 1)
    ]
    rows = [(number, words) for number, words in rows if words]
    channels = preparation.channels_in
    if channels == 1:
        rows = [(number, [word]) for number, words in rows for word in words]
    for number, words in rows:
        if len(words) != channels:
            raise DataError(
                f"Row {number} has {len(words)} numbers; expected {channels}, one for each channel "
                f"of the model{_named(model)}: a row is a step."
            )
    values = [[_number(word, number) for word in words] for number, words in rows]
    whole = preparation.kind == "tokens"
    array = np.array(values, np.int32 if whole else np.float64)
    return Dataset(Sequences.from_list([array], exact=True))


def _first(model: Any) -> Any:
    """A model, or the first of an ensemble, which all take the same sequences."""
    return getattr(model, "members", (model,))[0]


def _named(model: Any) -> str:
    names = getattr(model, "channels_", None)
    return f" ({', '.join(names[:8])}{', ...' if len(names) > 8 else ''})" if names else ""


def _number(word: str, row: int) -> float:
    try:
        return float(word) if word.lower() not in ("", "na", "nan", "none") else float("nan")
    except ValueError as error:
        raise DataError(f"Row {row} has {word[:40]!r}; expected a number.") from error


# -- drawn ----------------------------------------------------------------------------------------


def drawable(model: Any) -> tuple[int, int] | None:
    """Rows and columns of the pictures that a model takes row by row; `None`: it takes none."""
    from segue.plots.display import image_kind

    model = _first(model)
    length, preparation = model.network_.input_shape.length, model.preparation_
    if length is None or preparation.kind != "numbers" or model.reading_ is None:
        return None
    shape = (int(length), int(preparation.channels_in))
    keeps = int(preparation.lengths(np.array([length]))[0]) == length
    nothing = Sequences.from_list([np.zeros(shape, np.float32)])
    blank = Dataset(nothing, reading=dict(model.reading_))
    return shape if keeps and image_kind(blank) else None


def drawn(strokes: Sequence[Sequence[Sequence[float]]], shape: tuple[int, int]) -> Array:
    """`[row, column]`, a picture of some lines from 0 to 1: in the size and place of MNIST's.

    They are scaled to a box of 20 of 28 pixels and moved so that their weight is in the middle.

    Args:
        strokes: lines, each of some points (x, y).
        shape: of the picture.

    Raises:
        DataError: no line, too many points, or what is no number.

    >>> (10 * drawn([[(0.1, 0.1), (0.1, 0.9)]], (7, 7))[:, 3]).round().astype(int).tolist()
    [0, 8, 8, 8, 8, 8, 0]
    """
    try:
        lines = [np.array(line, np.float64).reshape(-1, 2) for line in strokes if len(line)]
    except (TypeError, ValueError) as error:
        raise DataError("A drawing has lines of points (x, y).") from error
    count = sum(map(len, lines))
    if not 0 < count <= _POINTS or not all(np.isfinite(line).all() for line in lines):
        raise DataError(f"A drawing has 1 to {_POINTS:,} points; got {count:,}, or no numbers.")
    points = np.concatenate(lines)
    low, high = points.min(axis=0), points.max(axis=0)
    side = float(min(shape))
    scale = (_BOX - 2 * _PEN) * side / max(float((high - low).max()), 0.15)
    middle = (low + high) / 2
    centre = np.array(shape[::-1]) / 2
    shifted = [(line - middle) * scale + centre for line in lines]
    picture = _rendered(shifted, shape, _PEN * side)
    rows, columns = np.indices(shape)
    weight = picture.sum()
    mass = np.array([(columns * picture).sum(), (rows * picture).sum()]) / weight + 0.5
    return _rendered([line + centre - mass for line in shifted], shape, _PEN * side)


def _rendered(lines: list[Array], shape: tuple[int, int], pen: float) -> Array:
    """A picture of lines with soft edges."""
    rows, columns = np.indices(shape) + 0.5
    near = np.full(shape, np.inf)
    for line in lines:
        for begin, end in zip(line, [*line[1:], line[-1]], strict=True):
            (x, y), (dx, dy) = begin, end - begin
            along = ((columns - x) * dx + (rows - y) * dy) / max(dx * dx + dy * dy, 1e-12)
            along = np.clip(along, 0, 1)
            far = np.hypot(columns - x - along * dx, rows - y - along * dy)
            near = np.minimum(near, far)
    return np.asarray(np.clip(pen + 0.5 - near, 0, 1), np.float32)


# -- answered -------------------------------------------------------------------------------------


def answered(model: Any, one: Dataset) -> Answered:
    """What a model answers on a data set of one sequence.

    Raises:
        SegueError: a sequence that the model cannot take.
    """
    kind = model.task_.name
    if kind in ("classify", "multilabel"):
        shares = np.asarray(model.predict_proba(one)[0], np.float64)
        order = np.argsort(-shares, kind="stable")[:_SHOWN].tolist()
        rows = tuple((str(model.classes_[i]), f"{shares[i]:.1%}") for i in order)
        if kind == "classify":
            return Answered(rows[0][0], rows)
        chosen = [
            str(name) for name, share in zip(model.classes_, shares, strict=True) if share >= 0.5
        ]
        return Answered(", ".join(chosen) or "none of the labels", rows)
    if kind == "label":
        names, counts = np.unique(np.asarray(model.predict(one)[0]).astype(str), return_counts=True)
        order = np.argsort(-counts, kind="stable")[:_SHOWN].tolist()
        rows = tuple((str(names[i]), f"{counts[i] / counts.sum():.1%}") for i in order)
        return Answered(f"mostly {rows[0][0]}", rows, ("class", "of its steps"))
    if kind == "language":
        shares = np.asarray(model.predict_proba(one)[0][-1], np.float64)
        order = np.argsort(-shares, kind="stable")[:_SHOWN].tolist()
        rows = tuple((str(model.classes_[i]), f"{shares[i]:.1%}") for i in order)
        return Answered(f"next: {rows[0][0]}", rows, ("next", "probability"))
    values = np.ravel(np.asarray(model.predict(one.x), np.float64))[:20]
    return Answered(", ".join(f"{value:.4g}" for value in values))


@dataclass(frozen=True, eq=False)
class Tried:
    """Sequences that somebody has brought, and what a model answers on them.

    Attributes:
        run: the name of the model's run.
        model: fitted.
        data: the sequences.
        answers: one for each.
        left_out: so many sequences more were brought.
    """

    run: str
    model: Any
    data: OpenData
    answers: tuple[Answered, ...]
    left_out: int = 0

    @cached_property
    def results(self) -> Results:
        """What explains an answer: probabilities over time, and why."""
        task = self.model.task_
        return Results(_Unscored(task.name, task), self.data, "", self.model)


class _Unscored(NamedTuple):
    """In place of an evaluation: what was brought has no targets that count."""

    task: str
    task_: Any


def tried(run: str, model: Any, data: Dataset, source: str) -> Tried:
    """Answer sequences.

    Args:
        run: the name of the model's run.
        model: fitted.
        data: that were brought; at most 100 of them are answered.
        source: what they are called.

    Raises:
        SegueError: sequences that the model cannot take.
    """
    if "test" in data.part_names:
        data = data.part("test")
    if not len(data):
        raise DataError("There is no sequence to answer.")
    kept = replace(data[np.arange(min(len(data), MOST))], parts=None)
    if len(kept) == 1 and kept.ids is None:
        kept = replace(kept, ids=np.array([source]))
    answers = tuple(answered(model, kept[[index]]) for index in range(len(kept)))
    return Tried(run, model, OpenData(source, source, {}, kept), answers, len(data) - len(kept))


class Tries:
    """What is tried on the models of a project's runs.

    Args:
        trainings: of the project.
        path_of: gives what is read for a source.
    """

    def __init__(self, trainings: Trainings, path_of: Callable[[str], str]) -> None:
        self._trainings, self._path_of = trainings, path_of
        self._models: dict[Any, Any] = {}
        self.last: Tried | None = None

    def text(self, name: str, text: str) -> Tried:
        """Let the model of a run answer numbers or a text; the errors are those of `typed`."""
        return self._take(name, typed(self._model(name), text), "typed")

    def drawing(self, name: str, strokes: Any) -> Tried:
        """Let the model of a run answer a picture of some lines; see `drawn`.

        Raises:
            DataError: the model takes no pictures, or no drawing.
        """
        model, shape = self._model(name), self.drawable(name)
        if shape is None:
            raise DataError("This model takes no pictures row by row.")
        picture = Sequences.from_list([drawn(strokes, shape)])
        data = Dataset(picture, reading=dict(_first(model).reading_))
        return self._take(name, data, "drawn")

    def source(self, name: str, source: str) -> Tried:
        """Let the model of a run answer a source, read as its own was.

        Raises:
            SegueError: as of `Project.open`, or sequences that the model cannot take.
        """
        from segue.readers import read_spread

        model = self._model(name)
        return self._take(name, read_spread(self._path_of(source), like=model), source)

    def drawable(self, name: str) -> tuple[int, int] | None:
        """Rows and columns of the pictures that the model of a run takes; `None`: it takes none."""
        return drawable(self._model(name))

    def _model(self, name: str) -> Any:
        from segue.estimators import load
        from segue.runs import find_model

        path = find_model(self._trainings.run(name).folder)
        key = (name, path.stat().st_mtime_ns)
        if key not in self._models:
            self._models = {key: load(path)}
        return self._models[key]

    def _take(self, name: str, data: Dataset, source: str) -> Tried:
        self.last = tried(name, self._model(name), data, source)
        return self.last
