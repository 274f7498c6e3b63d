"""Read options: how a source was read, as kept with a model or a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from segue.data.dataset import Dataset
from segue.errors import DataError
from segue.readers.blocks import join_names
from segue.windowing import cut_recordings

_quoted = partial(join_names, at_most=20, shown=repr)


def reading_of(like: Any) -> Mapping[str, Any] | None:
    """How the source of a data set, or of a model's training data, was read."""
    reading = getattr(like, "reading_", None) or getattr(like, "reading", None)
    return reading if isinstance(reading, Mapping) else None


def columns_of(reading: Mapping[str, Any] | None) -> list[Mapping[str, str]]:
    """Each column of a table with its `name`, `kind` and `role`, where the reader notes them."""
    columns = (reading or {}).get("columns")
    return list(columns) if isinstance(columns, list) else []


def roles_in_words(reading: Mapping[str, Any] | None) -> list[str]:
    """One line with every column of a table by its role; none where the columns are not known.

    >>> names = [("day", "date", "time"), ("x", "number", "channel"), ("y", "number", "channel")]
    >>> columns = [{"name": n, "kind": kind, "role": role} for n, kind, role in names]
    >>> roles_in_words({"columns": columns})
    ["time 'day' (date); channel 'x', 'y' (number)"]
    """
    by_role: dict[tuple[str, str], list[str]] = {}
    for column in columns_of(reading):
        by_role.setdefault((column["role"], column["kind"]), []).append(column["name"])
    said = [
        f"{role} {join_names(names, 12, shown=repr)} ({kind})"
        for (role, kind), names in by_role.items()
    ]
    return ["; ".join(said)] if said else []


def with_channels_of(like: Any, data: Dataset, *, given: bool) -> Dataset:
    """The data set with the channel names of a model, where a user has given the order."""
    names = getattr(like, "channels_", None) or getattr(like, "channels", None)
    names = None if names is None else tuple(names)
    if not given or data.channels is None or names in (None, data.channels):
        return data
    if names is None or len(names) != len(data.channels):
        return data  # which is refused by the model, with its reason
    said = f"taken as the channels {_quoted(names)}, in this order"
    return replace(data, channels=names, notes=(*data.notes, said))


def with_windows_of(
    reading: Mapping[str, Any] | None, data: Dataset, **given: int | str | None
) -> Dataset:
    """The recordings cut into windows as others were; windows that are there already stay.

    Args:
        reading: how the others were read.
        data: the recordings.
        given: `window`, `stride` and `window_label` as a user gives them now, which comes first.
    """
    if data.spans is not None and given["window"] is None:
        return data
    before = reading or {}
    how: dict[str, Any] = {
        name: v if v is not None else before.get(name) for name, v in given.items()
    }
    return cut_recordings(data, **how)


def check_channels(found: Sequence[str] | None, wanted: Sequence[str] | None) -> None:
    """Raise unless the channels have the names, in the order, that a model was trained on.

    Where either has no names, nothing is checked.

    Raises:
        DataError: which are missing, which are not known, or that the order is another.

    >>> check_channels(["x", "y"], ["x", "y"])
    """
    if found is None or wanted is None or list(found) == list(wanted):
        return
    missing = [name for name in wanted if name not in found]
    more = [name for name in found if name not in wanted]
    problems = [f"{_quoted(missing)} missing"] if missing else []
    problems += [f"{_quoted(more)} not known to the model"] if more else []
    what = "; ".join(problems) or "the order is another"
    raise DataError(
        f"The model was trained on the channels {_quoted(wanted)}, and these sequences have "
        f"{_quoted(found)}: {what}. Read the source as the model's was, "
        "segue.read(source, like=model); or pass the sequences alone (data.x), whose channels are "
        "taken in the order in which they are."
    )
