"""Conversion of pandas, xarray and Hugging Face `datasets` objects to forms that are read.

None of the libraries is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from segue.data.arrays import as_array
from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError
from segue.readers.streams import as_targets, written

# -- frames of pandas -----------------------------------------------------------------------------


def _role_of(name: str) -> str | None:
    """The role of a column of this name in a table."""
    from segue.readers.table import role_of  # brings pyarrow

    return role_of(name)


# The names that sktime gives to its index of two levels.
_SKTIME = {"instances": "id", "timepoints": "time"}


def plain_frame(frame: Any) -> Any:
    """Return a frame of pandas in the form of a table; whatever else as it is.

    Nested cells and pivots become one row a sequence, with its steps as a list in each cell; an
    index of two levels becomes columns id and time.

    Raises:
        DataError: columns of two levels that may be channel and time, or time and channel.

    >>> import pandas as pd
    >>> nested = pd.DataFrame({"x": [pd.Series([1.0, 2.0]), pd.Series([3.0])]}, index=["a", "b"])
    >>> plain_frame(nested)["x"].tolist()
    [[1.0, 2.0], [3.0]]
    """
    if not hasattr(frame, "iloc") or not hasattr(frame, "columns"):
        return frame
    if frame.columns.nlevels == 2:
        return _frame_with_two_levels(frame)
    if (_role_of(str(frame.columns.name)), _role_of(str(frame.index.name))) == ("id", "time"):
        return _listed({"x": frame.T})
    objects = [n for n in frame.columns if len(frame) and str(frame[n].dtype) == "object"]
    first = {name: frame[name].iloc[0] for name in objects}
    if nested := [
        n for n in objects if isinstance(first[n], np.ndarray) or hasattr(first[n], "iloc")
    ]:
        lists = {str(name): [np.asarray(cell).tolist() for cell in frame[name]] for name in nested}
        frame = frame.assign(**lists)
        return frame if type(frame.index).__name__ == "RangeIndex" else _with_ids(frame)
    names = list(frame.index.names)
    if names == [None, None]:
        return frame.rename_axis(index=["id", "time"])
    if len(names) == 2 and set(names) <= set(_SKTIME):
        return frame.rename_axis(index=[_SKTIME[name] for name in names])
    return frame


def as_frame(x: Any, *, is_table: bool = False) -> Any:
    """A mapping of columns, `{"time": [...], "x": [...]}`, as an Arrow table; whatever else as is.

    A mapping is one from ids to sequences unless one of its names claims a role in a table.

    Args:
        x: any object.
        is_table: whether it is said to be a table.

    Raises:
        DataError: columns of unequal lengths, or names that may be those of columns or ids; a
            sparse matrix of SciPy.

    >>> as_frame({"time": [0, 1], "x": [0.5, 1.5]}).column_names
    ['time', 'x']
    """
    if type(x).__module__.startswith("scipy.sparse"):
        raise DataError(
            f"`X` is a {type(x).__name__}: sparse data are not supported, for sequences are read "
            "step by step. Pass X.toarray()."
        )
    if not isinstance(x, dict) or not x or not all(isinstance(name, str) for name in x):
        return x
    import pyarrow as pa

    from segue.readers.table.words import ROLES, claims, role_of

    called = [name for name in x if any(claims(name, role) for role in ROLES)]
    may = [name for name in x if role_of(name) in ("label", "time")]
    if not (called or may or is_table):
        return x
    columns = {n: v if isinstance(v, list | tuple) else as_array(v) for n, v in x.items()}
    if any(not isinstance(v, list | tuple) and np.ndim(v) == 0 for v in columns.values()):
        return x  # texts
    lengths = [len(values) for values in columns.values()]
    choice = (
        "For columns of one table pass pandas.DataFrame(data); for sequences by id pass "
        "Dataset(list(data.values()), ids=list(data))."
    )
    if not called and not is_table:
        numbers = all(np.ndim(values[0]) == 0 for values in columns.values() if len(values))
        if numbers and len(x) > 1 and len(set(lengths)) == 1:
            raise DataError(f"A mapping has {may[0]!r}: is it a column, or an id? {choice}")
        return x
    if len(set(lengths)) > 1:
        raise DataError(
            f"A mapping has {(called or list(x))[0]!r}, which names a column, and columns of "
            f"{min(lengths):,} to {max(lengths):,} values; expected as many in each. {choice}"
        )
    try:
        return pa.table({name: pa.array(list(v)) for name, v in columns.items()})
    except (pa.ArrowException, TypeError, ValueError):
        return pa.table({name: pa.array(np.asarray(v).tolist()) for name, v in columns.items()})


def with_times(frame: Any) -> Any:
    """A frame whose index is dates or times, without a name, with these as its time.

    Where the names of its columns are an axis, each row is a sequence, and the index is its ids.
    """
    index: Any = getattr(frame, "index", None)
    is_time = type(index).__name__ in ("DatetimeIndex", "PeriodIndex", "TimedeltaIndex")
    if not is_time or index.name is not None or not hasattr(frame, "columns"):
        return frame
    from segue.readers.table.names import is_axis  # brings pyarrow

    names = [str(name) for name in frame.columns]
    if is_axis(names) or all(map(str.isdigit, names)):
        return frame
    index = index.to_timestamp() if hasattr(index, "to_timestamp") else index
    return frame.set_axis(index.rename("time"), axis="index")


def _with_ids(frame: Any) -> Any:
    return frame if frame.index.name else frame.rename_axis(index="id")


def _frame_with_two_levels(frame: Any) -> Any:
    """Convert a pivot table: rows are sequences (channel, time) or times (channel, id)."""
    roles = [_role_of_level(frame.columns, level) for level in (0, 1)]
    if set(roles) not in ({"channel", "id"}, {"channel", "time"}):
        names = list(frame.columns.names)
        raise DataError(
            f"The columns have two levels, {names}: is one the channel and the other the time "
            "(a row a sequence), or the id (a row a time)? Name them so: "
            "frame.columns.names = ['channel', 'time']."
        )
    level = roles.index("channel")
    channels = frame.columns.get_level_values(level).unique()
    tables = {str(name): frame.xs(name, axis=1, level=level) for name in channels}
    return _listed({n: table.T if "id" in roles else table for n, table in tables.items()})


def _role_of_level(columns: Any, level: int) -> str | None:
    """The role of a level of columns: by its name, else by its type (times and numbers: time)."""
    name = str(columns.names[level])
    if name.lower() in ("channel", "channels", "variable", "feature"):
        return "channel"
    if _role_of(name) in ("id", "time"):
        return _role_of(name)
    kind = columns.get_level_values(level).dtype.kind
    return "time" if kind in "iufM" else "channel"


def _listed(tables: dict[str, Any]) -> Any:
    """One row a sequence with a list of its steps for each channel, sorted by time.

    A pivot fills up with NaN what one sequence has no step for: missing steps at both ends, in all
    channels, are left out.
    """
    first = next(iter(tables.values()))
    times = first.columns
    for table in tables.values():
        times = times.union(table.columns)
    ordered = [table.reindex(columns=times.sort_values()) for table in tables.values()]
    try:
        values = [table.to_numpy(dtype=np.float64, na_value=np.nan) for table in ordered]
    except (TypeError, ValueError) as error:
        raise DataError(f"The pivot's values are no numbers: {error}.") from error
    rows = [_trimmed(steps) for steps in np.stack(values, axis=2)]
    lists = {name: [steps[:, i].tolist() for steps in rows] for i, name in enumerate(tables)}
    return _with_ids(type(first)(lists, index=first.index))


def _trimmed(steps: Array) -> Array:
    there = np.flatnonzero(~np.isnan(steps).all(axis=1))
    return steps[there[0] : there[-1] + 1] if len(there) else steps[:0]


# -- arrays of xarray -----------------------------------------------------------------------------


def has_dimensions(x: Any) -> bool:
    """Whether something has named dimensions and values."""
    return all(hasattr(x, name) for name in ("dims", "coords", "transpose")) and (
        hasattr(x, "values") or hasattr(x, "data_vars")
    )


def read_dimensions(x: Any) -> Dataset:
    """Take an array with named dimensions: sequence, time and channel, in any order.

    The coordinates of the sequences are their ids, those of the channels their names. A set of
    variables (`xarray.Dataset`) has each as a channel.

    Raises:
        DataError: dimensions whose names have no known role.
    """
    if hasattr(x, "data_vars"):
        x = x.to_array()  # its new dimension is called "variable"
    dims = [str(name) for name in x.dims]
    place = _places(dims)
    order = [dims.index(place[role]) for role in ("sequence", "time", "channel") if role in place]
    coordinates = {role: np.asarray(x.coords[n]) for role, n in place.items() if n in x.coords}
    return Dataset(
        Sequences.from_array(as_array(x.values).transpose(order)),
        ids=coordinates.get("sequence"),
        channels=tuple(coordinates["channel"].tolist()) if "channel" in coordinates else None,
        notes=(", ".join(f"dimension {name!r}: {role}" for role, name in place.items()),),
    )


def _places(dims: list[str]) -> dict[str, str]:
    """The dimension of each role; the one that has no known name takes the role that is left."""
    place: dict[str, str] = {}
    for name in dims:
        role = _role_of_dimension(name.lower())
        if role is not None:
            place.setdefault(role, name)
    unknown = [name for name in dims if name not in place.values()]
    left = [role for role in ("sequence", "time", "channel") if role not in place]
    if len(dims) == 2 and "channel" in left and len(left) > len(unknown):
        left.remove("channel")
    if len(dims) not in (2, 3) or len(unknown) > 1 or len(left) != len(unknown):
        raise DataError(
            f"The dimensions are {', '.join(dims)}; expected sequence and time, and channel where "
            "there are several. Rename those that are others: x.rename({'...': 'sequence'})."
        )
    return {**place, **dict(zip(left, unknown, strict=True))}


def _role_of_dimension(word: str) -> str | None:
    singular = word if word in ("axis", "bias") else word.removesuffix("s")
    from segue.readers.table.words import DIMENSIONS  # brings pyarrow

    for role, words in DIMENSIONS.items():
        if word in words or singular in words:
            return role
    return {"id": "sequence", "time": "time"}.get(str(_role_of(singular)))


# -- data sets of Hugging Face --------------------------------------------------------------------


def read_rows(rows: Any, *, labelled: bool = True) -> Dataset:
    """Take a `Dataset` or an `IterableDataset`: a row a sequence, or a row a step.

    The columns with lists of numbers are the channels (or the steps, in a list of lists); without
    such, a column of text is the sequence; without both, it is read as a table is. Row by row, so
    that they need not fit in memory.

    Args:
        rows: the data set.
        labelled: whether labels are wanted.

    Raises:
        DataError: no rows, or columns that cannot be used.
    """
    given = iter(rows)
    first = next(given, None)
    if first is None:
        raise DataError("The data set has no rows.")
    given = chain([first], given)
    lists = [name for name, value in first.items() if _is_list_of_numbers(value)]
    label = _label(first, lists)
    texts = [name for name, value in first.items() if isinstance(value, str) and name != label]
    if not lists and (not texts or any(isinstance(value, float) for value in first.values())):
        import pyarrow as pa

        from segue.readers.table import read_frame

        return read_frame(pa.Table.from_pylist(list(given)))
    label = label if labelled else None
    names = getattr((getattr(rows, "features", None) or {}).get(label), "names", None)
    labels: list[Any] = []

    def sequences(columns: list[str]) -> Iterator[Any]:
        for row in given:
            labels.append(row.get(label))
            steps = [row[name] for name in columns]
            yield steps[0] if len(steps) == 1 else np.stack([as_array(s) for s in steps], axis=1)

    x = written(sequences(lists)) if lists else Sequences.from_texts(sequences(texts[:1]))
    if names is not None:  # of a `ClassLabel`, where -1 is no label
        labels = [names[n] if n is not None and n >= 0 else None for n in labels]
    y, classes = as_targets(labels, x)
    if names is not None and y is not None:
        classes = tuple(sorted(names))
    inside = f"its steps in lists {', '.join(map(repr, lists))}" if lists else f"text {texts[0]!r}"
    said = "no label" if label is None else f"label {label!r}"
    return Dataset(
        x,
        y,
        classes=classes,
        channels=tuple(lists) if len(lists) > 1 else None,
        notes=(f"one row a sequence: {said}, {inside}",),
    )


def _label(row: dict[str, Any], lists: list[str]) -> str | None:
    """The column with the label: by its name, else the only one that is left."""
    from segue.readers.table.words import rank

    names = [name for name in row if name not in lists]
    ranked = [(place, name) for name in names if (place := rank(name, "label")) is not None]
    if ranked:
        return min(ranked)[1]
    return names[0] if lists and len(names) == 1 else None


def _is_list_of_numbers(value: Any) -> bool:
    inside = value
    while isinstance(inside, list | np.ndarray) and len(inside):
        inside = inside[0]
    return isinstance(value, list | np.ndarray) and isinstance(inside, int | float | np.number)
