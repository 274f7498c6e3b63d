"""What is known of each sequence, laid on by the ids of the sequences where it carries such."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from segue.data.labels import as_label
from segue.errors import DataError, counted

Array = npt.NDArray[Any]


class Keyed(NamedTuple):
    """Values that come with an id for each, such as two columns of a frame."""

    keys: list[Any]
    rows: Any


def aligned(values: Any, ids: Any, what: str) -> Any:
    """Return values in the order of the ids, where the values carry an index.

    Args:
        values: a Series or frame of pandas whose index is the ids, a mapping from id to value,
            `Keyed`, or anything without an index, which is taken by position.
        ids: `[n]` of the sequences; `None`: they have none.
        what: what the values are called in messages.

    Raises:
        DataError: an index of other ids, an id that occurs twice, or a mapping where the sequences
            have no ids.

    >>> aligned({"p2": "walk", "p1": "sit"}, ["p1", "p2"], "y")
    ['sit', 'walk']
    """
    if isinstance(values, Iterator):
        return list(values)
    if isinstance(values, Mapping):
        values = Keyed(list(values), list(values.values()))
    if isinstance(values, Keyed):
        if ids is None:
            raise DataError(
                f"`{what}` comes by id, and the sequences have no ids: pass them as a mapping by "
                "id too, or as a frame with an id column or index."
            )
        places = _places(values.keys, ids, what)
        if isinstance(values.rows, np.ndarray):
            return values.rows[places]
        return [values.rows[place] for place in places]
    if not carries_ids(values, ids):
        return values
    return values.iloc[_places(values.index, ids, what)]


def carries_ids(values: Any, ids: Any) -> bool:
    """Whether values carry ids, and the sequences have some."""
    if isinstance(values, Mapping | Keyed):
        return True
    return ids is not None and hasattr(values, "iloc") and not _counts_only(values, ids)


def is_counted(index: Any) -> bool:
    """Whether this is the index of pandas that has only counted the rows."""
    return (
        type(index).__name__ == "RangeIndex"
        and index.name is None
        and (index.start, index.step) == (0, 1)
    )


def _counts_only(values: Any, ids: Any) -> bool:
    """A default index means nothing, unless the ids are these very numbers."""
    return is_counted(values.index) and set(_keys(values.index)) != set(_keys(ids))


def _keys(ids: Iterable[Any]) -> list[str]:
    """Ids as text, so that a number in one place is the same number in another."""
    return [_key(one) for one in ids]


def _key(one: Any) -> str:
    if isinstance(one, tuple):
        return "\x1f".join(map(_key, one))
    try:
        return str(as_label(one))
    except (TypeError, UnicodeDecodeError):
        return repr(one)


def _places(index: Iterable[Any], ids: Any, what: str) -> list[int]:
    """Where in the index each id stands."""
    keys, wanted = _keys(index), _keys(ids)
    twice = next((found for found in Counter(keys).items() if found[1] > 1), None)
    if twice is not None:
        raise DataError(
            f"`{what}` has the id {twice[0]!r} {twice[1]} times in its index; expected each of the "
            f"{counted(len(wanted), 'sequence')} once."
        )
    place = {key: number for number, key in enumerate(keys)}
    absent = [key for key in wanted if key not in place]
    strange = sorted(set(keys) - set(wanted))
    if absent or strange:
        raise DataError(
            f"The index of `{what}` has other ids than the sequences. "
            f"{_said(absent, strange, what)}"
            f"Give it the same ids, or take it by position: `{what}.to_numpy()`."
        )
    return [place[key] for key in wanted]


def _said(absent: list[str], strange: list[str], what: str) -> str:
    said = ""
    if absent:
        said += f"Sequences without an entry: {_some(absent)}. "
    if strange:
        said += f"Entries of `{what}` without a sequence: {_some(strange)}. "
    return said


def _some(keys: list[str], at_most: int = 3) -> str:
    more = f" and {len(keys) - at_most:,} more" if len(keys) > at_most else ""
    return ", ".join(map(repr, keys[:at_most])) + more


def by_sequence(values: Any) -> dict[Any, Array]:
    """Values of single steps, whose index is (id, time), as an array in time for each id.

    >>> import pandas as pd
    >>> index = pd.MultiIndex.from_tuples([("b", 1), ("a", 0), ("b", 0)])
    >>> {key: array.tolist() for key, array in by_sequence(pd.Series([1, 2, 3], index)).items()}
    {'a': [2], 'b': [3, 1]}
    """
    ordered = values.sort_index(kind="stable")
    return {key: np.asarray(own.to_numpy()) for key, own in ordered.groupby(level=0, sort=False)}


def is_of_steps(values: Any, ids: Any) -> bool:
    """Whether the index of pandas is (id, time): one entry for each step."""
    two = getattr(getattr(values, "index", None), "nlevels", 1) == 2
    return two and ids is not None and not any(isinstance(one, tuple) for one in ids)
