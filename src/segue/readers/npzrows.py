"""Which rows of the arrays of a NumPy file a limit needs, by the names and sizes of all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from segue.data.sequences import Array
from segue.errors import DataError
from segue.readers.registry import PART, part_named

SHARED = ("classes", "channels", "rate_hz", "name", "task")  # of all sequences
X = {"x", "values", "characters"}
_SYNONYMS = {
    **dict.fromkeys(("labels", "label", "targets", "target"), "y"),
    **dict.fromkeys(("ptr", "indptr", "splits", "split_points"), "offsets"),
}
_NAME = re.compile(rf"(?:(?P<before>{PART})_)?(?P<name>.+?)(?:_(?P<behind>{PART}))?")
# Arrays that say where sequences end in others, or which part they are of.
_JOINED = re.compile("length|offset|part|split|ptr", re.IGNORECASE)

Shape = tuple[int, ...]


class Needed(NamedTuple):
    """What a limit needs of a file.

    Attributes:
        rows: of each array, the rows from its beginning; `None`: all of them.
        lengths: of the parts whose sequences are joined and cut, the lengths of all of them.
    """

    rows: dict[str, int | None]
    lengths: dict[str | None, Array]


def name_of(key: str, kind: str) -> tuple[str | None, str]:
    """The part of an array and what it is, by its name; `kind` is that of its type.

    >>> name_of("y_train", "i"), name_of("Labels", "U"), name_of("split", "U")
    (('train', 'y'), (None, 'y'), (None, 'split'))
    """
    match = _NAME.fullmatch(key.lower())
    words = match.groupdict() if match else {"name": key.lower()}
    name = _SYNONYMS.get(words["name"], words["name"])
    name = words["name"] if name == "offsets" and kind in "USO" else name
    return part_named(words.get("before") or words.get("behind")), name


def needed_rows(
    shapes: Mapping[str, Shape],
    kinds: Mapping[str, str],
    limit: int | None,
    read: Callable[[str], Array],
) -> Needed:
    """The rows that hold the first `limit` sequences of each part.

    Args:
        shapes: of each array.
        kinds: of its type.
        limit: so many sequences; `None`: all.
        read: reads an array; only lengths and offsets are read.
    """
    needed = Needed(dict.fromkeys(shapes), {})
    parts: dict[str | None, dict[str, str]] = {}
    for key in shapes:
        part, name = name_of(key, kinds[key])
        parts.setdefault(part, {})[name] = key
    for own in parts.values():
        if "data" in own and not X & own.keys():
            own["x"] = own.pop("data")
    with_x = [part for part, own in parts.items() if X & own.keys()]
    if limit is None or (None in with_x and len(parts) > 1):
        return needed
    for part in with_x:
        sizes = {name: shapes[key] for name, key in parts[part].items()}
        rows = first_rows(sizes, limit)
        lengths = None if any(rows.values()) else _joined_lengths(sizes, parts[part], read)
        if lengths is not None and len(lengths) > limit:
            needed.lengths[part] = lengths
            (name,) = X & sizes.keys()
            rows[name] = int(lengths[:limit].sum())
        needed.rows.update({parts[part][name]: count for name, count in rows.items()})
    return needed


def first_rows(shapes: Mapping[str, Shape], limit: int | None) -> dict[str, int | None]:
    """How many rows of each array are enough; `None`: all of them.

    That is known where each array of data has a row for each sequence.

    >>> first_rows({"x": (9, 5), "y": (9,), "classes": (3,)}, 2)
    {'x': 2, 'y': 2, 'classes': None}
    >>> first_rows({"values": (45, 1), "lengths": (9,)}, 2)
    {'values': None, 'lengths': None}
    """
    data = {key for key, shape in shapes.items() if shape and key.lower() not in SHARED}
    alike = len({shapes[key][0] for key in data}) == 1 and not any(map(_JOINED.search, data))
    return {key: limit if alike and key in data else None for key in shapes}


def _joined_lengths(
    shapes: Mapping[str, Shape], keys: Mapping[str, str], read: Callable[[str], Array]
) -> Array | None:
    """The lengths of sequences that stand one after the other; `None`: they do not, or it is open.

    Of arrays with a column of parts nobody knows how far the first ones of each reach.
    """
    names = X & shapes.keys()
    if len(names) != 1 or any(name in shapes for name in ("mask", "parts", "split")):
        return None
    shape = shapes[next(iter(names))]
    if not 1 <= len(shape) <= 2 or not {"lengths", "offsets"} & shapes.keys():
        return None
    if "offsets" in shapes:
        try:
            lengths = np.diff(offsets_of(read(keys["offsets"]), shape[0]))
        except DataError:
            return None
    else:
        lengths = read(keys["lengths"])
        if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
            return None
        if len(lengths) == shape[0] and len(shape) == 2:  # or padded
            return None
    is_whole = (lengths >= 0).all() and int(lengths.sum()) == shape[0]
    return lengths.astype(np.int64) if is_whole else None


def offsets_of(cuts: Array, steps: int) -> Array:
    """`[n + 1]` offsets of sequences, with the 0 and the end.

    Raises:
        DataError: no whole numbers, or beyond the steps that there are.
    """
    if cuts.ndim != 1 or cuts.dtype.kind not in "iu" or (cuts > steps).any():
        raise DataError(
            f"`offsets` has shape {cuts.shape} and type {cuts.dtype}; expected whole numbers that "
            f"rise from 0 to {steps:,}, the steps of all sequences."
        )
    inner = cuts.astype(np.int64).tolist()
    first = [] if inner[:1] == [0] else [0]
    last = [] if inner[-1:] == [steps] else [steps]
    return np.array([*first, *inner, *last], np.int64)


def beginning(arrays: Mapping[str, Array], lengths: Array, limit: int) -> dict[str, Array]:
    """The arrays of the first sequences of joined ones, whose steps are cut already; without `y`.

    Args:
        arrays: by what they are.
        lengths: of all sequences.
        limit: so many are wanted.
    """
    found = {name: array for name, array in arrays.items() if name not in ("offsets", "y")}
    for name, array in found.items():
        of_each = name not in (*SHARED, *X) and array.ndim > 0 and len(array) == len(lengths)
        found[name] = array[:limit] if of_each else array
    return {**found, "lengths": lengths[:limit]}
