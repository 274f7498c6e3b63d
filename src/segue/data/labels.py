"""Labels: conversion, missing labels, classes or numbers; and alignment to sequences by id.

A label is text, a whole number, a truth value or a date. Whatever Python, NumPy, pandas, Polars,
Arrow or PyTorch call it becomes one of these here, for the whole package. None of their packages is
imported. What is known of each sequence is aligned by the ids of the sequences where it has such.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from segue.errors import DataError, counted, first_few

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

# Whole numbers of more different values than this, and than a quarter of how many there are, are
# measured and no classes.
MAX_CLASSES = 100

_WHOLE_IN_FLOAT64 = 2.0**53  # from here on, neighbouring whole numbers are the same float64
_KINDS = {str: "text", int: "a number", float: "a number", bool: "a truth value"}


# -- one label ------------------------------------------------------------------------------------


def is_missing(label: Any) -> bool:
    """Whether there is no label: None, NaN, NA, NaT, a masked element, or blank text.

    >>> [is_missing(label) for label in (None, float("nan"), np.datetime64("NaT"), " ", 0, "a")]
    [True, True, True, True, False, False]
    """
    if isinstance(label, str | bytes):
        return not label.strip()
    if label is None or label is np.ma.masked or type(label).__name__ == "NAType":  # pandas' NA
        return True
    try:
        return bool(label != label)  # noqa: PLR0124  (NaN and NaT is not itself)
    except (TypeError, ValueError, RuntimeError):  # a list, an array, a tensor
        return False
    except ArithmeticError:  # the signalling NaN of decimal
        return True


def as_label(label: Any) -> str | int | float | bool | None:
    """Return a label as text, a number or a truth value of Python; `None`: it is missing.

    Bytes are decoded, dates become ISO text (without the time of day at midnight), and members of
    an enumeration their name.

    Raises:
        TypeError: something else, which no model file could hold.
        UnicodeDecodeError: bytes that are no UTF-8.

    >>> as_label(b"walk"), as_label(np.int16(3)), as_label(2.0), as_label(dt.date(2024, 3, 9))
    ('walk', 3, 2, '2024-03-09')
    """
    if hasattr(label, "as_py"):  # an Arrow scalar
        label = label.as_py()
    if is_missing(label):
        return None
    if isinstance(label, enum.Enum):
        return label.name
    if isinstance(label, np.datetime64):
        return _iso(label)
    if isinstance(label, np.generic) or (hasattr(label, "item") and np.ndim(label) == 0):
        label = label.item()  # also of an array or a tensor with no axis
    for kind in (str, bool, int):
        if isinstance(label, kind):
            return kind(label)
    if isinstance(label, bytes):
        return label.decode()
    if isinstance(label, Decimal | float):
        is_whole = math.isfinite(label) and label == int(label)
        is_exact = isinstance(label, Decimal) or abs(label) < _WHOLE_IN_FLOAT64
        return int(label) if is_whole and is_exact else float(label)
    return _text_of(label)


def _text_of(label: Any) -> str:
    """A date, and what pandas has like it, as text."""
    if isinstance(label, dt.datetime) and label.time() == dt.time():
        return label.date().isoformat()
    if isinstance(label, dt.date | dt.time):
        return label.isoformat()
    if type(label).__name__ in ("Period", "Interval"):  # of pandas: "2024-03", "(0.5, 1.0]"
        return str(label)
    raise TypeError(f"{_short(label)} ({type(label).__name__})")


def _iso(date: np.datetime64) -> str:
    """ISO text: a month or a day as such, a moment as `datetime` writes it."""
    if np.datetime_data(date.dtype)[0] in ("Y", "M", "D"):
        return str(date)
    moment = date.astype("M8[us]").item()
    if date.astype("M8[us]") != date or not isinstance(moment, dt.datetime):
        return str(date)  # nanoseconds, or a year beyond those of Python
    return str(as_label(moment))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


# -- many labels ----------------------------------------------------------------------------------


def as_labels(values: Any, *, what: str = "y") -> tuple[Array, Mask]:
    """Return `[n]` labels in the one form that the package has, and which of them are missing.

    The form is that of all labels together: text; int64 where all numbers are whole (`1.0` is `1`);
    float64 where some are not; truth values; dates as ISO text, without a time of day where none
    has one. Whole numbers beyond int64 become text. A missing label is replaced by
    something of the same type, which means nothing.

    Args:
        values: an array, list, Series, column of a frame, Arrow array or tensor.
        what: what the values are called in messages.

    Raises:
        DataError: several kinds of labels in one, more than one axis, bytes that are no UTF-8, or
            objects that no model file could hold, such as tuples.

    >>> labels, missing = as_labels(["sit", None, "walk"])
    >>> labels.tolist(), missing.tolist()
    (['sit', '', 'walk'], [False, True, False])
    >>> as_labels([1.0, 2.0])[0], as_labels([0.5, 2.0])[0]
    (array([1, 2]), array([0.5, 2. ]))
    """
    if hasattr(values, "to_pylist"):  # Arrow, whose numbers need not become floats for a null
        values = values.to_pylist()
    elif hasattr(values, "null_count"):  # Polars, likewise
        values = values.to_list()
    array = values if isinstance(values, list | tuple | np.ndarray) else native(values)
    if not isinstance(array, np.ndarray):  # a list of mixed kinds is not made one kind
        array = np.fromiter(array, object)
    if array.ndim != 1:
        raise DataError(f"`{what}` has shape {array.shape}; expected [n], one label for each.")
    masked = np.ma.getmaskarray(array)
    array = np.ma.getdata(array)
    if array.dtype.kind in "biufM":
        labels, missing = _labels_from_array(array)
    elif array.dtype.kind == "U":
        labels, missing = array, np.char.strip(array) == ""
    else:
        labels, missing = _labels_from_objects(array, masked, what)
    return labels, missing | masked


def native(values: Any) -> Any:
    """An array of another library as one of NumPy; anything else as it is, lists too."""
    if isinstance(values, np.ndarray):
        return values
    if hasattr(values, "detach"):  # a tensor of PyTorch, which may be of a type that NumPy has not
        values = values.detach().cpu()
        return np.asarray(values.float() if "bfloat16" in str(values.dtype) else values)
    if hasattr(values, "to_numpy"):  # pandas, Polars, Arrow
        return np.asarray(values.to_numpy())
    if hasattr(values, "__array__"):
        return np.asarray(values)
    return np.from_dlpack(values) if hasattr(values, "__dlpack__") else values


def _labels_from_array(array: Array) -> tuple[Array, Mask]:
    """Labels of a type that NumPy knows: numbers, truth values, dates."""
    if array.dtype.kind == "M":
        moments, codes = np.unique(array, return_inverse=True)
        texts = np.array(["" if np.isnat(moment) else _iso(moment) for moment in moments], str)
        return texts[codes], np.isnat(array)
    if array.dtype.kind != "f":
        fits = array.max(initial=0) <= np.iinfo(np.int64).max
        kind = bool if array.dtype.kind == "b" else np.int64 if fits else str
        return array.astype(kind), np.zeros(len(array), bool)
    numbers = array.astype(np.float64)
    missing = np.isnan(numbers)
    known = numbers[~missing]
    if len(known) and (known == np.round(known)).all() and (abs(known) < _WHOLE_IN_FLOAT64).all():
        return np.where(missing, 0, numbers).astype(np.int64), missing
    return numbers, missing


def _labels_from_objects(array: Array, masked: Mask, what: str) -> tuple[Array, Mask]:
    """Labels as Python's objects, one by one where they are not all text."""
    if not masked.any() and set(map(type, array)) == {str}:
        texts = array.astype(str)
        return texts, np.char.strip(texts) == ""
    labels: list[Any] = []
    for number, (value, is_masked) in enumerate(zip(array.tolist(), masked, strict=True)):
        try:
            labels.append(None if is_masked else as_label(value))
        except UnicodeDecodeError as error:
            raise DataError(
                f"`{what}` has bytes that are no UTF-8 at {number}: {_short(value)}. Decode them "
                "first, such as with value.decode('latin-1')."
            ) from error
        except TypeError as error:
            raise DataError(
                f"`{what}` has {error} at {number}; a label is text, a whole number, a truth value "
                "or a date. Turn it into text, such as with str(label)."
            ) from error
    missing = np.array([label is None for label in labels], bool)
    known = [label for label in labels if label is not None]
    values = _of_one_type(known, what)
    filled = np.zeros(len(labels), values.dtype)
    if values.dtype.kind == "f":
        filled[missing] = np.nan
    filled[~missing] = values
    return filled, missing


def _of_one_type(known: list[Any], what: str) -> Array:
    """Labels of Python as text, truth values, float64 if one is no whole number, else int64.

    Whole numbers beyond int64 become text.
    """
    first = {_KINDS[type(label)]: label for label in reversed(known)}
    if len(first) > 1:
        shown = " and ".join(f"{kind} ({_short(first[kind])})" for kind in sorted(first))
        raise DataError(
            f"`{what}` has labels of several kinds, {shown}: make them all text, or all numbers."
        )
    if "a number" not in first:
        return np.array(known, bool if "a truth value" in first else str)
    if any(isinstance(number, float) for number in known):
        return np.array(known, np.float64)
    try:
        return np.array(known, np.int64)
    except OverflowError:
        return np.array([str(number) for number in known])


# -- classes or numbers ---------------------------------------------------------------------------


def classes_or_numbers(labels: Array) -> tuple[Array, str]:
    """Decide whether `[n]` labels are classes or are to be predicted as numbers: one rule for all.

    Text and truth values are classes. Numbers with fractions are numbers. Whole numbers are
    classes, unless they have more than 100 different values, and more than a quarter of n: those
    are measured.

    Args:
        labels: as `as_labels` gives them, without those that are missing.

    Returns:
        The labels, as float64 if they are numbers; and the decision as a line, empty
        for text.

    >>> classes_or_numbers(np.array([1, 2, 1]))[1]
    'numbers with 2 values: taken as classes; task="regress" for numbers'
    >>> classes_or_numbers(np.arange(500))[0].dtype
    dtype('float64')
    """
    kind = labels.dtype.kind
    if kind == "b":
        return labels, "truth values: taken as the classes False and True"
    if kind == "f":
        return labels, "numbers with fractions: to be predicted as numbers"
    if kind != "i":
        return labels, ""
    values = len(np.unique(labels))
    if values > MAX_CLASSES and values > len(labels) / 4:
        decided = 'to be predicted as numbers; task="classify" for classes'
        return labels.astype(
            np.float64
        ), f"whole numbers with {counted(values, 'value')}: {decided}"
    decided = 'taken as classes; task="regress" for numbers'
    return labels, f"numbers with {counted(values, 'value')}: {decided}"


def is_one_hot(matrix: Array) -> bool:
    """Whether each row of an `[n, label]` matrix has exactly one 1 among zeros.

    >>> is_one_hot(np.array([[0, 1], [1, 0]])), is_one_hot(np.array([[1, 1], [1, 0]]))
    (True, False)
    """
    return bool(
        matrix.ndim == 2
        and matrix.shape[1] > 1
        and matrix.dtype.kind in "biuf"
        and np.isin(matrix, (0, 1)).all()
        and (matrix.sum(axis=1) == 1).all()
    )


def check_known(labels: Iterable[Any], classes: tuple[Any, ...], hint: str) -> None:
    """Raise where a label is not among the classes.

    Args:
        labels: those that occur.
        classes: their names.
        hint: the end of the message.

    Raises:
        DataError: it names the labels.
    """
    unknown = sorted(set(labels).difference(classes), key=str)
    if unknown:
        raise DataError(f"Labels {unknown} are not among the classes {list(classes)}{hint}")


class Indexed(NamedTuple):
    """Values that come with an id for each, such as two columns of a frame."""

    keys: list[Any]
    rows: Any


def aligned(values: Any, ids: Any, what: str) -> Any:
    """Return values in the order of the ids, where the values carry an index.

    Args:
        values: a Series or frame of pandas whose index is the ids, a mapping from id to value,
            `Indexed`, or anything without an index, which is taken by position.
        ids: `[n]` of the sequences; `None`: they have none.
        what: what the values are called in messages.

    Raises:
        DataError: an index of other ids, an id that occurs twice, or a mapping where the sequences
            have no ids.

    >>> aligned({"p2": "walk", "p1": "sit"}, ["p1", "p2"], "y")
    ['sit', 'walk']
    """
    if isinstance(values, Iterator):
        return list(values)
    has_index = isinstance(values, Mapping | Indexed) or hasattr(values, "iloc")
    if not has_index or not carries_ids(values, ids):
        return values
    if isinstance(values, Mapping):
        values = Indexed(list(values), list(values.values()))
    if not isinstance(values, Indexed):
        return values.iloc[_positions(values.index, ids, what)]
    if ids is None:
        raise DataError(
            f"`{what}` comes by id, and the sequences have no ids: pass them as a mapping by "
            "id too, or as a frame with an id column or index."
        )
    positions = _positions(values.keys, ids, what)
    if isinstance(values.rows, np.ndarray):
        return values.rows[positions]
    return [values.rows[position] for position in positions]


def carries_ids(values: Any, ids: Any) -> bool:
    """Whether values carry ids, and the sequences have some.

    The default index of pandas means nothing, unless the ids are these very numbers.
    """
    if isinstance(values, Mapping | Indexed):
        return True
    if ids is None or not hasattr(values, "iloc"):
        return False
    return not is_counted(values.index) or set(map(_key, values.index)) == set(map(_key, ids))


def is_counted(index: Any) -> bool:
    """Whether this is the index of pandas that has only counted the rows."""
    is_range = type(index).__name__ == "RangeIndex"
    return is_range and (index.name, index.start, index.step) == (None, 0, 1)


def _key(one: Any) -> str:
    """An id as text, so that a number and its text are the same id."""
    if isinstance(one, tuple):
        return "\x1f".join(map(_key, one))
    try:
        return str(as_label(one))
    except (TypeError, UnicodeDecodeError):
        return repr(one)


def _positions(index: Iterable[Any], ids: Any, what: str) -> list[int]:
    """Where in the index each id stands."""
    keys, wanted = list(map(_key, index)), list(map(_key, ids))
    most, times = Counter(keys).most_common(1)[0] if keys else ("", 0)
    if times > 1:
        raise DataError(
            f"`{what}` has the id {most!r} {times} times in its index; expected each of the "
            f"{counted(len(wanted), 'sequence')} once."
        )
    position = {key: number for number, key in enumerate(keys)}
    absent = [key for key in wanted if key not in position]
    unknown = sorted(set(keys) - set(wanted))
    if absent or unknown:
        message = f"The index of `{what}` has other ids than the sequences. "
        if absent:
            message += f"Sequences without an entry: {first_few(absent, 3, repr)}. "
        if unknown:
            message += f"Entries of `{what}` without a sequence: {first_few(unknown, 3, repr)}. "
        raise DataError(
            f"{message}Give it the same ids, or take it by position: `{what}.to_numpy()`."
        )
    return [position[key] for key in wanted]


def by_sequence(values: Any) -> dict[Any, Array]:
    """Values of single steps, whose index is (id, time), as an array in time for each id.

    >>> import pandas as pd
    >>> index = pd.MultiIndex.from_tuples([("b", 1), ("a", 0), ("b", 0)])
    >>> {key: array.tolist() for key, array in by_sequence(pd.Series([1, 2, 3], index)).items()}
    {'a': [2], 'b': [3, 1]}
    """
    ordered = values.sort_index(kind="stable")
    return {key: np.asarray(own.to_numpy()) for key, own in ordered.groupby(level=0, sort=False)}


def is_of_steps(values: Any, ids: Any) -> bool:
    """Whether the index of pandas is (id, time): one entry for each step."""
    two = getattr(getattr(values, "index", None), "nlevels", 1) == 2
    return two and ids is not None and not any(isinstance(one, tuple) for one in ids)
