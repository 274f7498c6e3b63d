"""Tables: CSV and TSV (also packed by gzip), Parquet, Feather; in one file or one a sequence.

Two layouts, told apart by looking at the table:

    one row a sequence     label,t0,t1,t2,...        the values of one channel
                           label,x_0,x_1,y_0,y_1     of two channels, x and y
    one row a step         id,time,x,y,label         all steps of all sequences

and, in Parquet and Feather, one row a sequence with its steps as a list in one field. Which column
is what is told by its name (`label`, `class`, `id`, `trial`, `time`, `timestamp`, `subject`,
`split`, ...; `words.WORDS` has them all), else by its values. What was found is said in
`Dataset.notes`; the options of `blocks` say otherwise.

A folder of tables is a data set too: one file a sequence, in a folder for each class, or listed
with their labels in `labels.csv`, or with a label in a column of each.

Delimiter (comma, semicolon, tab, bar), decimal comma, header, byte order mark, and the usual signs
for a missing value are told from the beginning of each file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from segue.dataset import Dataset
from segue.errors import DataError, FileError, OptionError, did_you_mean
from segue.readers.blocks import Blocks
from segue.readers.table.build import build
from segue.readers.table.columns import Columns
from segue.readers.table.folder import is_data_set as takes_folder
from segue.readers.table.folder import read_folder
from segue.readers.table.frames import as_loaded
from segue.readers.table.loading import Loaded, load
from segue.readers.table.plan import make_plan
from segue.readers.table.recall import Recalled, recall
from segue.readers.table.words import ROLES, role_of

__all__ = [
    "Columns",
    "as_loaded",
    "as_names",
    "asked_for",
    "blocks",
    "read_frame",
    "role_of",
    "takes_folder",
]

Column = str | int | None


def blocks(
    path: Path,
    *,
    label: Column = None,
    id: Column = None,  # noqa: A002 (its usual name)
    time: Column = None,
    group: Column = None,
    parts: Column = None,
    channels: Sequence[str | int] | str | None = None,
    layout: Literal["rows", "steps"] | None = None,
    like: Mapping[str, Any] | None = None,
) -> Blocks:
    """Read one table, or a folder of tables with one sequence each.

    A column is its name, or its number from 1 on (from -1 on at the end); "none" says that there is
    no such column.

    Args:
        path: a file or a folder.
        label: the column with the label of each sequence, or of each step.
        id: the column that says which sequence a row belongs to.
        time: the column by which the steps of a sequence are sorted.
        group: the column that says who or what a sequence comes from.
        parts: the column that says train, validation or test.
        channels: the columns with values; all other columns of numbers if left out. `t*` is all
            columns that have a number there: t0, t1, t2, ...
        layout: "rows" if a row is a sequence, "steps" if it is a step.
        like: how another table was read, `Dataset.reading`; what is said here comes first.

    Yields:
        One data set; its `notes` say how the table was read, and what is unusual about it.

    Raises:
        FileError: what is wrong, with file and line.
        OptionError: a column that is not there.
    """
    wanted = {"label": label, "id": id, "time": time, "group": group, "parts": parts}
    asked = Recalled(wanted, as_names(channels), _layout(layout))
    data = read_folder(path, asked, like) if path.is_dir() else _read(load(path), asked, like)
    yield data, 1.0


def read_frame(frame: object, **options: Any) -> Dataset:
    """Read a data frame (pandas, Polars) or an Arrow table, as `blocks` reads a file.

    >>> import pyarrow
    >>> frame = pyarrow.table({"id": [1, 1, 2], "x": [0.5, 1.0, 2.0], "label": ["a", "a", "b"]})
    >>> data = read_frame(frame)
    >>> data, data.notes
    (Dataset(n=2, time=1 to 2, channels=1, classes=2),
     ("one row a step: label 'label', id 'id', channels 'x'",))
    """
    like = options.pop("like", None)
    return _read(as_loaded(frame), asked_for(options), like)


def asked_for(options: Mapping[str, Any]) -> Recalled:
    """The options of `blocks` and `read_frame`, by their meaning.

    Raises:
        OptionError: one that a table does not have.
    """
    rest = dict(options)
    layout, channels = _layout(rest.pop("layout", None)), as_names(rest.pop("channels", None))
    strange = sorted(set(rest) - set(ROLES))
    if strange:
        hint = did_you_mean(strange[0], [*ROLES, "channels", "layout"])
        raise OptionError(f"A table has no option {strange[0]!r}.{hint}")
    return Recalled(rest, channels, layout)


def _read(loaded: Loaded, asked: Recalled, like: Mapping[str, Any] | None) -> Dataset:
    try:
        columns = Columns(loaded)
        found = asked if like is None else recall(columns, like, asked)
        return build(columns, make_plan(columns, found.wanted, found.channels, layout=found.layout))
    except DataError as error:
        if isinstance(error, FileError) or loaded.path is None:
            raise
        raise FileError(str(error), path=loaded.path) from error


def _layout(layout: Any) -> Any:
    if layout not in (None, "rows", "steps"):
        raise OptionError(f"layout={layout!r}; expected 'rows' (a sequence each) or 'steps'.")
    return layout


def as_names(channels: object) -> Sequence[str | int] | None:
    """Channels as a user gives them: a list, or text with commas."""
    if channels is None:
        return None
    if isinstance(channels, str):
        return [name.strip() for name in channels.split(",")]
    return list(channels)  # type: ignore[call-overload, no-any-return]
