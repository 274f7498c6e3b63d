"""Data frames of pandas and Polars, and Arrow tables, as tables. None of them is imported here."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import pyarrow as pa

from segue.errors import DataError
from segue.readers.table.loading import Loaded, with_plain_text


def is_frame(value: object) -> bool:
    """Whether something is a data frame or an Arrow table.

    >>> is_frame(pa.table({"x": [1]})), is_frame([1, 2])
    (True, False)
    """
    if isinstance(value, pa.Table):
        return True
    kinds = {"pandas": "DataFrame", "polars": "DataFrame"}
    return any(
        isinstance(value, getattr(module, kind))
        for name, kind in kinds.items()
        if (module := sys.modules.get(name)) is not None and hasattr(module, kind)
    )


def as_loaded(frame: Any) -> Loaded:
    """Take a data frame as a table; an index of pandas that has a name becomes a column.

    Raises:
        DataError: not a data frame, no rows, or columns that cannot be told apart.
    """
    if not is_frame(frame):
        raise DataError(
            f"{type(frame).__name__} is no source; expected a name, a path or a data frame."
        )
    names = [str(name) for name in _names(frame)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"The table has more than one column called {twice[0]!r}.")
    try:
        table = _as_arrow(frame)
    except (pa.ArrowException, TypeError) as error:
        raise DataError(f"The data frame cannot be read: {str(error).splitlines()[0]}") from error
    if table.num_rows == 0:
        raise DataError("The data frame has no rows.")
    return Loaded(table, named=not all(name.isdigit() for name in names))


def _names(frame: Any) -> Any:
    return frame.column_names if isinstance(frame, pa.Table) else frame.columns


def _as_arrow(frame: Any) -> pa.Table:
    if isinstance(frame, pa.Table):
        return with_plain_text(frame)
    if hasattr(frame, "to_arrow"):  # Polars
        return with_plain_text(frame.to_arrow())
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    frame = frame.rename(columns=str)
    return pa.Table.from_pandas(frame, preserve_index=False)
