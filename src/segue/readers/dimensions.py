"""Arrays whose dimensions have names, as those of xarray: the names say what is what."""

from __future__ import annotations

from typing import Any

import numpy as np

from segue.arrays import as_array
from segue.dataset import Dataset
from segue.errors import DataError
from segue.sequences import Array, Sequences

_WORDS = {
    "sequence": "n batch epoch window sample instance case observation subject",
    "time": "time timepoint timestep step t",
    "channel": "channel feature variable sensor electrode band axis lead",
}


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
        DataError: dimensions whose names do not say which is which.
    """
    if hasattr(x, "data_vars"):
        x = x.to_array()  # its new dimension is called "variable"
    place = _places([str(name) for name in x.dims])
    order = [place[role] for role in ("sequence", "time", "channel") if role in place]
    values = as_array(x.values).transpose([list(map(str, x.dims)).index(name) for name in order])
    return Dataset(
        Sequences.from_array(values),
        ids=_coordinates(x, place["sequence"]),
        channels=None if "channel" not in place else _names(x, place["channel"]),
        notes=(", ".join(f"dimension {name!r}: {role}" for role, name in place.items()),),
    )


def _places(dims: list[str]) -> dict[str, str]:
    """The dimension of each role; the one that has no known name takes the role that is left."""
    place: dict[str, str] = {}
    unknown = []
    for name in dims:
        role = _role(name)
        if role is None or role in place:
            unknown.append(name)
        else:
            place[role] = name
    left = [role for role in ("sequence", "time", "channel") if role not in place]
    if len(dims) == 2 and "channel" in left and len(left) > len(unknown):
        left.remove("channel")
    if len(dims) not in (2, 3) or len(unknown) > 1 or len(left) != len(unknown):
        raise DataError(
            f"The dimensions are {', '.join(dims)}; expected sequence and time, and channel where "
            "there are several. Rename those that are others: x.rename({'...': 'sequence'})."
        )
    return {**place, **dict(zip(left, unknown, strict=True))}


def _role(name: str) -> str | None:
    word = name.lower()
    singular = word if word in ("axis", "bias") else word.removesuffix("s")
    for role, words in _WORDS.items():
        if {word, singular} & set(words.split()):
            return role
    from segue.readers.table import role_of  # brings pyarrow

    return {"id": "sequence", "time": "time"}.get(str(role_of(singular)))


def _coordinates(x: Any, name: str) -> Array | None:
    return np.asarray(x.coords[name]) if name in x.coords else None


def _names(x: Any, name: str) -> tuple[str, ...] | None:
    found = _coordinates(x, name)
    return None if found is None else tuple(map(str, found.tolist()))
