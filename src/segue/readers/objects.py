"""Objects of Python that hold labelled sequences: data frames, iterables, data sets of others.

`ADAPTERS` has one line for each kind. None of their packages is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError
from segue.readers.pairs import from_pairs
from segue.readers.registry import part_named
from segue.sequences import Sequences


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
    if y is None and like is not None and like.get("format") == "table" and _is_frame(x):
        from segue.readers.table import read_frame

        return read_frame(x, like=like)
    adapter = None if y is not None else adapter_of(x, labelled=labelled)
    return x if adapter is None else adapter.take(x, labelled)


def adapter_of(x: Any, *, labelled: bool = True) -> Adapter | None:
    """Return the adapter that knows an object, if there is one."""
    if isinstance(x, Dataset | Sequences | str):
        return None
    if labelled and _is_list_of_pairs(x):
        return _PAIRS
    return next((adapter for adapter in ADAPTERS if adapter.knows(x)), None)


# -- kinds ----------------------------------------------------------------------------------------


def is_table(x: Any) -> bool:
    """Whether a data frame has columns that say what is what: labels, sequences, times.

    One of numbers only, such as scikit-learn has them, is an array with names; one of texts only
    is a list of texts.
    """
    if not _is_frame(x):
        return False
    from segue.readers.table import Columns, as_loaded, role_of

    columns = Columns(as_loaded(x))
    if not columns.of_kind("number", "list"):
        return False
    return bool(columns.of_kind("text", "time", "list")) or any(map(role_of, columns.names))


def _is_frame(x: Any) -> bool:
    return hasattr(x, "columns") and _is_of(x, "pandas", "polars", "pyarrow")


def _from_frame(x: Any, _labelled: bool) -> Dataset:
    from segue.readers.table import read_frame

    return read_frame(x)


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
    _PAIRS,
)
