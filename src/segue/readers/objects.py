"""Python objects with labelled sequences: data frames, iterables, other libraries' data sets.

`KINDS` names them. None of their packages is imported here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from segue.data.arrays import as_array, cells_as_steps
from segue.data.dataset import Dataset
from segue.data.labels import is_counted
from segue.data.sequences import Array, Layout, Sequences
from segue.errors import DataError, OptionError, first_few
from segue.readers.forms import (
    as_frame,
    has_dimensions,
    plain_frame,
    read_dimensions,
    read_rows,
)
from segue.readers.read_options import with_windows_of
from segue.readers.registry import part_named
from segue.readers.streams import from_pairs, sequences_from_mapped

KINDS = """
  a data frame of pandas or Polars, or an Arrow table
  a data set of Hugging Face
  a Dataset of PyTorch
  an array of xarray
  a frame or Series of pandas with the ids as its index
  a mapping from id to sequence
  an iterable of pairs (sequence, label)"""


LAYOUTS = ("ntc", "nct", "tc", "ct")

# What is an array or a list as it is, and no object that has to be looked into.
PLAIN = (Dataset, Sequences, str, np.ndarray, list, tuple)


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
    if y is not None or isinstance(x, PLAIN):
        pairs = y is None and labelled and isinstance(x, list) and _are_pairs(x)
        return from_pairs(x, labelled=True) if pairs else x
    x = as_frame(x)
    if like is not None and like.get("format") == "table" and is_frame(x):
        label = None if labelled else "none"
        data = read_table(x, like=like)
        return with_windows_of(like, data, window=None, stride=None, window_label=label)
    if is_table(x):
        return read_table(x)
    if _package_of(x) == "datasets" and (hasattr(x, "features") or isinstance(x, dict)):
        return _from_hugging_face(x, labelled=labelled)
    if any(kind.__module__.startswith("torch.utils.data.") for kind in type(x).__mro__):
        return _from_torch(x, labelled=labelled)
    if has_dimensions(x):
        return read_dimensions(x)
    if hasattr(x, "iloc") and _package_of(x) == "pandas" and not is_counted(x.index):
        ids = np.fromiter(x.index, object) if x.index.nlevels > 1 else np.asarray(x.index)
        return Dataset(plain_sequences(x.to_numpy()), ids=ids)
    if isinstance(x, Mapping):
        several = (key for key, one in x.items() if getattr(one, "ndim", 0) > 2)
        wrong = next((key for key, one in x.items() if isinstance(one, bytes)), next(several, None))
        if wrong is not None:  # as of scipy.io.loadmat and numpy.load
            raise DataError(
                f"This is a mapping with {first_few(x, show=repr)}; expected one sequence for each "
                f"id, and {wrong!r} is none. Pass what it holds, such as fit(found['X'], "
                "found['Y']), or read the file with segue.read(path)."
            )
        note = f"a mapping: each key is the id of a sequence, such as {next(iter(x), None)!r}"
        return Dataset(plain_sequences(list(x.values())), ids=np.asarray(list(x)), notes=(note,))
    return from_pairs(x, labelled=labelled) if _is_iterable(x) else x


def unlabelled(x: Any, like: Mapping[str, Any] | None = None) -> Any:
    """Return the data set of an object, not `PLAIN`, whose labels are passed apart.

    A column of a frame that is called as a label is left out: it would give the answer away.
    """
    if not is_table(x):
        return adapted(x, labelled=False)
    table, names = _without_labels(x)
    like = like if (like or {}).get("format") == "table" else None
    data = read_table(table, label="none", like=like)
    left = "; ".join(f"column {name!r} is left out, for `y` is passed apart" for name in names)
    return replace(data, notes=(*data.notes, left)) if left else data


def rows_of(frame: Any, data: Dataset) -> list[Array]:
    """The numbers of the rows that are the steps of each sequence of a frame that was read.

    Each row is marked by a label of its own, and the frame read once more in the same way.
    """
    table, _ = _without_labels(frame)
    table = table.append_column("label", [[f"row {number}" for number in range(len(table))]])
    names = ("id", "time", "group", "parts", "channels", "layout")
    options = {name: value for name, value in (data.reading or {}).items() if name in names}
    marked = read_table(table, **{**options, "label": "label"})
    classes = marked.classes or ()
    labels = [
        [classes[code] for code in codes[:, 0]] if isinstance(marked.y, Sequences) else [codes]
        for codes in marked.y
    ]
    return [np.array([int(mark[len("row ") :]) for mark in own]) for own in labels]


def _without_labels(frame: Any) -> tuple[Any, list[str]]:
    """A frame as an Arrow table without the columns that are called as a label, and their names."""
    from segue.readers.table import as_loaded, role_of

    table = as_loaded(plain_frame(frame)).table
    names = [name for name in table.column_names if role_of(name) == "label"]
    return table.drop_columns(names), names


def plain_sequences(x: Any, layout: Layout = "ntc", *, exact: bool = False) -> Sequences:
    """Take an array, a list of arrays or texts, `Sequences` or a `Dataset` as sequences.

    Args:
        x: `(n, time, channel)`, `(n, time)`, or a list of `(time, channel)` or `(time,)` arrays.
        layout: "nct" (arrays) or "ct" (lists) for channels first.
        exact: float64 stays in any case: a fitted preparation knows what it needs.

    Raises:
        DataError: another shape, or axes that look swapped.

    >>> plain_sequences(["ab", "c"])
    Sequences(n=2, time=1 to 2, text)
    """
    if layout not in LAYOUTS:
        raise OptionError(f"`layout` is {layout!r}; expected one of {', '.join(LAYOUTS)}.")
    if isinstance(x, Dataset):
        return x.x
    if isinstance(x, Sequences):
        return x
    if not isinstance(x, list | tuple):
        return _of_other_forms(x, layout, exact=exact)
    if layout in ("ntc", "tc") and len(x) > 0 and isinstance(x[0], str):
        return Sequences.from_texts(x)
    return Sequences.from_list(x, layout=layout, exact=exact)


def _of_other_forms(x: Any, layout: Layout, *, exact: bool) -> Sequences:
    """Sequences of an array, of whatever library, or of a column of arrays or texts."""
    # One array, whichever library has made it; not a list of some.
    is_array = any(hasattr(x, name) for name in ("to_numpy", "__array__", "__dlpack__"))
    if isinstance(x, str | bytes) or not (
        is_array or hasattr(x, "__iter__") or hasattr(x, "__getitem__")
    ):
        raise DataError(
            f"`X` is {type(x).__name__}; expected a (n, time, channel) array, a list of "
            "(time, channel) arrays or of texts, Sequences or a Dataset. Files are read with "
            "`segue.read`; a single text is a list of one: [text]."
        )
    if is_array and not isinstance(x, np.memmap):
        x = x.to_numpy() if hasattr(x, "to_numpy") else as_array(x)
    if isinstance(x, np.ndarray) and x.ndim == 1 and len(x) == 0:
        return Sequences.from_list([])
    if isinstance(x, np.ndarray) and x.dtype.kind in "biuf":
        if x.ndim == 3 and layout in ("ntc", "tc"):
            # Of an array on disk the beginning must do.
            _refuse_padding_on_the_last_axis(x[:1000] if isinstance(x, np.memmap) else x)
        turned = x.transpose(0, 2, 1) if x.ndim == 3 and layout in ("nct", "ct") else x
        mapped = sequences_from_mapped(turned, None, joined=False)
        return Sequences.from_array(turned, exact=exact) if mapped is None else mapped
    if layout in ("ntc", "tc"):
        return _of_column(x, exact=exact)
    return Sequences.from_list(x, layout=layout, exact=exact)


def _of_column(x: Any, *, exact: bool) -> Sequences:
    """Sequences of an array of objects or texts, or of an iterable."""
    if isinstance(x, np.ndarray):
        column = x.ndim == 1 or (x.ndim == 2 and x.shape[1] == 1)
        if column and x.size > 0 and isinstance(x.flat[0], str):
            return Sequences.from_texts(np.ravel(x).tolist())
    x = cells_as_steps(x)
    if isinstance(x, np.ndarray) and x.dtype == object:
        array = as_array(x)
        x = list(x) if array.dtype == object else array
    take = Sequences.from_array if isinstance(x, np.ndarray) else Sequences.from_list
    return take(x, exact=exact)


def _refuse_padding_on_the_last_axis(x: Array) -> None:
    """Padding along what should be the channels: then the array is (n, channel, time)."""
    if x.shape[2] <= x.shape[1] or x.shape[2] < 3 or x.dtype.kind != "f":
        return
    real = ((x != 0) & ~np.isnan(x)).any(axis=1)  # [n, last axis]
    ends = x.shape[2] - np.argmax(real[:, ::-1], axis=1)
    ends[~real.any(axis=1)] = 0
    # Padding only: zeros between real values, as in one-hot vectors, are no padding.
    padded = np.array_equal(real, np.arange(x.shape[2]) < ends[:, None])
    if padded and len(np.unique(ends)) > 2:
        n, time, channels = x.shape
        raise DataError(
            f"`x` has shape ({n}, {time}, {channels}): {time} time steps of {channels} channels? "
            f"The lengths vary over the last axis ({ends.min()} to {ends.max()}), so it looks like "
            "(n, channel, time): pass layout='nct'."
        )


# -- kinds ----------------------------------------------------------------------------------------


def is_table(x: Any) -> bool:
    """Whether a data frame has columns with roles: labels, sequences, times.

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
    return hasattr(x, "columns") and _package_of(x) in ("pandas", "polars", "pyarrow")


def _package_of(x: Any) -> str:
    return type(x).__module__.partition(".")[0]


def read_table(x: Any, **options: Any) -> Dataset:
    """Read a data frame as a file with a table is read, with the options of a table."""
    from segue.readers.table import read_frame

    return read_frame(plain_frame(x), **options)


def _from_hugging_face(x: Any, *, labelled: bool) -> Dataset:
    if not isinstance(x, dict):
        return read_rows(x, labelled=labelled)
    parts = {name: part_named(name.partition(".")[0]) for name in x}
    if None in parts.values():
        raise DataError(f"The splits are {', '.join(x)}; expected train, validation or test.")
    sets = {str(parts[name]): read_rows(x[name], labelled=labelled) for name in x}
    return Dataset.concatenate(sets)


def _from_torch(x: Any, *, labelled: bool) -> Dataset:
    """A map-style data set by its numbers, an iterable one as it comes."""
    if hasattr(x, "dataset") and hasattr(x, "batch_sampler"):
        raise DataError("A DataLoader gives batches: segue makes its own; pass loader.dataset.")
    by_number = hasattr(x, "__len__") and hasattr(x, "__getitem__")
    return from_pairs((x[i] for i in range(len(x))) if by_number else x, labelled=labelled)


def _is_iterable(x: Any) -> bool:
    """Whether something gives items, and is neither an array nor a list of any kind."""
    as_whole = ("to_numpy", "__array__", "__dlpack__", "__getitem__")
    return isinstance(x, Iterator) or (
        isinstance(x, Iterable) and not any(hasattr(x, name) for name in as_whole)
    )


def _are_pairs(x: list[Any]) -> bool:
    """`[(sequence, label), ...]`: of pairs of numbers one cannot tell."""
    return (
        len(x) > 0
        and all(isinstance(item, tuple) and len(item) == 2 for item in x)
        and np.ndim(x[0][0]) > 0
        and (isinstance(x[0][1], str) or np.ndim(x[0][1]) < np.ndim(x[0][0]))
    )
