"""Frames of pandas in other forms than a table's: nested cells, pivots, indexes without names.

Each becomes a frame that reads as a table: steps in rows with columns id and time, or one row a
sequence with its steps as a list in each cell. pandas is not imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from segue.errors import DataError
from segue.sequences import Array

# The names that sktime gives to its index of two levels.
_SKTIME = {"instances": "id", "timepoints": "time"}


def plain_frame(frame: Any) -> Any:
    """Return a frame of pandas in the form of a table; whatever else as it is.

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
        return _from_two_levels(frame)
    axes = (_role_of(str(frame.columns.name)), _role_of(str(frame.index.name)))
    if axes == ("id", "time"):
        return _listed({"x": frame.T.sort_index(axis=1)})
    return _with_names(_without_nesting(frame))


def _with_names(frame: Any) -> Any:
    """An index of two levels without names, or with those of sktime, is (id, time)."""
    names = list(frame.index.names)
    if names == [None, None]:
        return frame.rename_axis(index=["id", "time"])
    if len(names) == 2 and set(names) <= set(_SKTIME):
        return frame.rename_axis(index=[_SKTIME[name] for name in names])
    return frame


def _without_nesting(frame: Any) -> Any:
    """Cells that hold a Series or an array as lists; the index as a column of ids."""
    nested = [name for name in frame.columns if _is_nested(frame[name])]
    if not nested:
        return frame
    lists = {name: frame[name].map(_as_list) for name in nested}
    frame = frame.assign(**{str(name): values for name, values in lists.items()})
    is_counted = type(frame.index).__name__ == "RangeIndex"
    return frame if is_counted or frame.index.name else frame.rename_axis(index="id")


def _is_nested(column: Any) -> bool:
    if str(column.dtype) != "object" or len(column) == 0:
        return False
    return hasattr(column.iloc[0], "iloc") or isinstance(column.iloc[0], np.ndarray)


def _as_list(cell: Any) -> Any:
    return np.asarray(cell).tolist()


def _from_two_levels(frame: Any) -> Any:
    """A pivot: columns (channel, time) of sequences in rows, or (channel, id) of times in rows."""
    roles = [_role_of_level(frame.columns, level) for level in (0, 1)]
    across = next((role for role in roles if role in ("id", "time")), None)
    if across is None or "channel" not in roles:
        names = list(frame.columns.names)
        raise DataError(
            f"The columns have two levels, {names}: is one the channel and the other the time "
            "(a row a sequence), or the id (a row a time)? Name them so: "
            "frame.columns.names = ['channel', 'time']."
        )
    level = roles.index("channel")
    channels = dict.fromkeys(frame.columns.get_level_values(level))
    tables = {str(name): frame.xs(name, axis=1, level=level) for name in channels}
    if across == "id":
        tables = {name: table.T for name, table in tables.items()}
    return _listed(tables)


def _role_of(name: str) -> str | None:
    from segue.readers.table import role_of  # brings pyarrow

    return role_of(name)


def _role_of_level(columns: Any, level: int) -> str | None:
    """What a level of columns is: by its name, else by its type: times and numbers are the time."""
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
    times = times.sort_values()
    values = np.stack(
        [_numbers(table.reindex(columns=times), name) for name, table in tables.items()], axis=2
    )
    rows = [_trimmed(steps) for steps in values]
    lists = {
        name: [steps[:, channel].tolist() for steps in rows] for channel, name in enumerate(tables)
    }
    made = type(first)(lists, index=first.index)
    return made if made.index.name else made.rename_axis(index="id")


def _numbers(table: Any, name: str) -> Array:
    try:
        return np.asarray(table.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise DataError(f"The pivot's values of {name!r} are no numbers: {error}.") from error


def _trimmed(steps: Array) -> Array:
    there = np.flatnonzero(~np.isnan(steps).all(axis=1))
    return steps[there[0] : there[-1] + 1] if len(there) else steps[:0]
