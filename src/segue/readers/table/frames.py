"""Data frames of pandas and Polars, and Arrow tables, as tables. None of them is imported here."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from segue.errors import DataError
from segue.readers.table.loading import Loaded, with_plain_text

_FRAMES = {"pandas.DataFrame", "polars.DataFrame", "pyarrow.Table"}


def as_loaded(frame: Any) -> Loaded:
    """Take a data frame as a table; an index of pandas that has a name becomes a column.

    Raises:
        DataError: not a data frame, no rows, or columns that cannot be told apart.

    >>> as_loaded(pa.table({"x": [1, 2]})).table.num_rows
    2
    """
    kinds = type(frame).__mro__
    if not _FRAMES & {f"{kind.__module__.split('.')[0]}.{kind.__name__}" for kind in kinds}:
        raise DataError(
            f"{type(frame).__name__} is no source; expected a name, a path or a data frame."
        )
    names = [str(n) for n in (frame.schema.names if isinstance(frame, pa.Table) else frame.columns)]
    for name, count in Counter(names).most_common(1):
        if count > 1:
            raise DataError(f"The table has more than one column called {name!r}.")
    try:
        table = _as_arrow(frame)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"The data frame cannot be read: {str(error).splitlines()[0]}") from error
    if table.num_rows == 0:
        raise DataError("The data frame has no rows.")
    return Loaded(with_plain_text(table), named=not all(name.isdigit() for name in names))


def _as_arrow(frame: Any) -> pa.Table:
    if isinstance(frame, pa.Table):
        return frame
    if hasattr(frame, "to_arrow"):  # Polars
        return frame.to_arrow()
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    return pa.Table.from_pandas(frame.rename(columns=str), preserve_index=False)
