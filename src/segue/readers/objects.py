"""Objects of Python that hold labelled sequences: data frames, iterables, data sets of others.

`ADAPTERS` has one line for each kind. None of their packages is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from segue.alignment import is_counted
from segue.arrays import as_array, cells_as_steps
from segue.dataset import Dataset
from segue.errors import DataError
from segue.readers.dimensions import has_dimensions, read_dimensions
from segue.readers.pairs import from_pairs
from segue.readers.pandas_forms import plain_frame
from segue.readers.registry import part_named
from segue.readers.remembered import with_windows_of
from segue.sequences import Array, Sequences


@dataclass(frozen=True)
class Adapter:
    """One kind of object.

    Attributes:
        about: what it is, for messages.
        knows: whether something is of this kind.
        take: the data set of it; the second argument says whether labels are wanted.
    """

    about: str
    knows: Callable[[Any], bool]
    take: Callable[[Any, bool], Dataset]


def adapted(
    x: Any, y: Any = None, *, labelled: bool = True, like: Mapping[str, Any] | None = None
) -> Any:
    """Return the data set of an object that holds one; everything else as it is.

    Args:
        x: what a user passes as X.
        y: the labels, where they are passed apart; then X is no data set.
        labelled: whether labels are wanted, or only sequences.
        like: how a data frame was read, so that this one is read in the same way.

    >>> adapted((np.arange(n), n % 2) for n in (2, 3))
    Dataset(n=2, time=2 to 3, channels=1, whole numbers, classes=2)
    >>> adapted([1, 2])
    [1, 2]
    """
    if y is None and like is not None and like.get("format") == "table" and is_frame(x):
        from segue.readers.table import read_frame

        return with_windows_of(
            like,
            read_frame(plain_frame(x), like=like),
            window=None,
            stride=None,
            window_label=None if labelled else "none",
        )
    adapter = None if y is not None else adapter_of(x, labelled=labelled)
    return x if adapter is None else adapter.take(x, labelled)


def adapter_of(x: Any, *, labelled: bool = True) -> Adapter | None:
    """Return the adapter that knows an object, if there is one."""
    if isinstance(x, Dataset | Sequences | str):
        return None
    if labelled and _is_list_of_pairs(x):
        return _PAIRS
    return next((adapter for adapter in ADAPTERS if adapter.knows(x)), None)


def unlabelled(x: Any, like: Mapping[str, Any] | None = None) -> Any:
    """Return the data set of an object whose labels are passed apart; everything else as it is.

    A column of a frame that is called as a label is left out: it would give the answer away.
    """
    if not is_frame(x) or not is_table(x):
        return adapted(x, labelled=False)
    from segue.readers.table import read_frame

    frame, names = _without_labels(plain_frame(x))
    like = like if (like or {}).get("format") == "table" else None
    data = read_frame(frame, label="none", like=like)
    left = "; ".join(f"column {name!r} is left out, for `y` is passed apart" for name in names)
    return replace(data, notes=(*data.notes, left)) if left else data


def rows_of(frame: Any, data: Dataset) -> list[Array]:
    """The numbers of the rows that are the steps of each sequence of a frame that was read.

    Each row is marked by a label of its own, and the frame read once more in the same way.
    """
    from segue.readers.table import read_frame

    frame, _ = _without_labels(plain_frame(frame))
    marks = [f"row {number}" for number in range(len(frame))]
    names = ("id", "time", "group", "parts", "channels", "layout")
    options = {name: value for name, value in (data.reading or {}).items() if name in names}
    marked = read_frame(_with_column(frame, "label", marks), **{**options, "label": "label"})
    classes = marked.classes or ()
    labels = [
        [classes[code] for code in codes[:, 0]] if marked.task == "label" else [codes]
        for codes in marked.y
    ]
    return [np.array([int(mark[4:]) for mark in own]) for own in labels]


def _without_labels(frame: Any) -> tuple[Any, list[str]]:
    """A frame without the columns that are called as a label, and their names."""
    from segue.readers.table import role_of

    columns = frame.column_names if hasattr(frame, "column_names") else frame.columns
    names = [name for name in columns if role_of(str(name)) == "label"]
    if not names:
        return frame, []
    if hasattr(frame, "iloc"):
        return frame.drop(columns=names), names
    return (frame.drop(names) if hasattr(frame, "drop") else frame.drop_columns(names)), names


def _with_column(frame: Any, name: str, values: list[str]) -> Any:
    if hasattr(frame, "assign"):
        return frame.assign(**{name: values})
    if hasattr(frame, "append_column"):
        return frame.append_column(name, [values])
    return frame.with_columns(type(frame.to_series(0))(name, values))


# -- kinds ----------------------------------------------------------------------------------------


def is_table(x: Any) -> bool:
    """Whether a data frame has columns that say what is what: labels, sequences, times.

    One of numbers only, such as scikit-learn has them, is an array with names; one of texts only
    is a list of texts.
    """
    if not is_frame(x):
        return False
    from segue.readers.table import Columns, as_loaded, role_of

    columns = Columns(as_loaded(plain_frame(x)))
    if not columns.of_kind("number", "list"):
        return False
    return bool(columns.of_kind("text", "time", "list")) or any(map(role_of, columns.names))


def is_frame(x: Any) -> bool:
    """Whether something is a data frame or an Arrow table, with columns by name."""
    return hasattr(x, "columns") and _is_of(x, "pandas", "polars", "pyarrow")


def _from_frame(x: Any, _labelled: bool) -> Dataset:
    from segue.readers.table import read_frame

    return read_frame(plain_frame(x))


def _has_ids(x: Any) -> bool:
    """A frame of numbers or a Series, one sequence a row, whose index is more than a count."""
    return hasattr(x, "iloc") and _is_of(x, "pandas") and not is_counted(x.index)


def _by_index(x: Any, _labelled: bool) -> Dataset:
    values = x.to_numpy()
    ids = np.fromiter(x.index, object) if x.index.nlevels > 1 else np.asarray(x.index)
    return Dataset(as_plain_sequences(values), ids=ids)


def _is_mapping(x: Any) -> bool:
    return isinstance(x, Mapping)


def _from_mapping(x: Any, _labelled: bool) -> Dataset:
    return Dataset(as_plain_sequences(list(x.values())), ids=np.asarray(list(x)))


def as_plain_sequences(x: Any, *, exact: bool = False) -> Sequences:
    """Sequences of an array, or a list or column of arrays or texts; `exact` as in `Sequences`.

    >>> as_plain_sequences(["ab", "c"])
    Sequences(n=2, time=1 to 2, text)
    """
    if _are_texts(x):
        return Sequences.from_texts(np.ravel(x).tolist() if isinstance(x, np.ndarray) else x)
    x = cells_as_steps(x)
    if isinstance(x, np.ndarray) and x.dtype == object:
        array = as_array(x)
        x = list(x) if array.dtype == object else array
    take = Sequences.from_array if isinstance(x, np.ndarray) else Sequences.from_list
    return take(x, exact=exact)


def _are_texts(x: Any) -> bool:
    """Whether X is a list or a column of texts; the first item says so."""
    if isinstance(x, np.ndarray):
        column = x.ndim == 1 or (x.ndim == 2 and x.shape[1] == 1)
        return column and x.size > 0 and isinstance(x.flat[0], str)
    return isinstance(x, list | tuple) and len(x) > 0 and isinstance(x[0], str)


def _is_hugging_face(x: Any) -> bool:
    return _is_of(x, "datasets") and (hasattr(x, "features") or isinstance(x, dict))


def _from_hugging_face(x: Any, labelled: bool) -> Dataset:
    if isinstance(x, dict):  # a DatasetDict: its splits are parts
        names = {part_named(name.partition(".")[0]): name for name in x}
        if None in names:
            raise DataError(f"The splits are {', '.join(x)}; expected train, validation or test.")
        sets = {str(part): _from_hugging_face(x[name], labelled) for part, name in names.items()}
        return Dataset.concatenate(sets)
    from segue.readers.hugging_face import read_rows

    return read_rows(x, labelled=labelled)


def _is_torch(x: Any) -> bool:
    names = {f"{kind.__module__}.{kind.__name__}" for kind in type(x).__mro__}
    return "torch.utils.data.dataset.Dataset" in names


def _from_torch(x: Any, labelled: bool) -> Dataset:
    """A map-style data set by its numbers, an iterable one as it comes."""
    by_number = hasattr(x, "__len__") and hasattr(x, "__getitem__")
    items: Iterable[Any] = (x[i] for i in range(len(x))) if by_number else x
    return from_pairs(items, labelled=labelled)


def _is_loader(x: Any) -> bool:
    return any(kind.__name__ == "DataLoader" and _is_of(kind, "torch") for kind in type(x).__mro__)


def _refuse_loader(_x: Any, _labelled: bool) -> Dataset:
    raise DataError(
        "A DataLoader gives batches, which segue makes itself: pass its data set, loader.dataset."
    )


def _is_iterable(x: Any) -> bool:
    return isinstance(x, Iterator) or (
        isinstance(x, Iterable)
        and not isinstance(x, list | tuple | dict | bytes | np.ndarray)
        and not hasattr(x, "to_numpy")
        and not hasattr(x, "__array__")
        and not hasattr(x, "__dlpack__")
        and not hasattr(x, "__getitem__")
    )


def _is_list_of_pairs(x: Any) -> bool:
    """`[(sequence, label), ...]`: of pairs of numbers one cannot tell."""
    return (
        isinstance(x, list)
        and len(x) > 0
        and all(isinstance(item, tuple) and len(item) == 2 for item in x)
        and np.ndim(x[0][0]) > 0
        and (isinstance(x[0][1], str) or np.ndim(x[0][1]) < np.ndim(x[0][0]))
    )


def _is_of(x: Any, *packages: str) -> bool:
    kind = x if isinstance(x, type) else type(x)
    return kind.__module__.partition(".")[0] in packages


_PAIRS = Adapter(
    "an iterable of pairs (sequence, label)",
    _is_iterable,
    lambda x, labelled: from_pairs(x, labelled=labelled),
)
ADAPTERS = (
    Adapter("a data frame of pandas or Polars, or an Arrow table", is_table, _from_frame),
    Adapter("a data set of Hugging Face", _is_hugging_face, _from_hugging_face),
    Adapter("a DataLoader of PyTorch", _is_loader, _refuse_loader),
    Adapter("a Dataset of PyTorch", _is_torch, _from_torch),
    Adapter("an array of xarray", has_dimensions, lambda x, _: read_dimensions(x)),
    Adapter("a frame or Series of pandas with the ids as its index", _has_ids, _by_index),
    Adapter("a mapping from id to sequence", _is_mapping, _from_mapping),
    _PAIRS,
)
