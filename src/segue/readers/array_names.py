"""What arrays beside the sequences are, by their names and forms: groups, parts, ids, a mask.

The words for groups, parts and ids are those of columns of tables; in whatever case, with or
without an s at the end. An array with such a name and another form is left out, which a note says;
groups, `split` and `mask` must be what they are called.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from segue.data.arrays import real_steps
from segue.data.sequences import Array
from segue.errors import DataError
from segue.readers.registry import part_named

_LENGTHS = "length lens len seqlen seqlength sequencelength nsteps numsteps".split()
_MASKS = "mask attentionmask paddingmask padmask keypaddingmask".split()
_COLUMNS = ("groups", "ids", "parts")
_MUST = ("part", "parts", "split", "splits")


def role_of_array(name: str) -> tuple[str, int] | None:
    """The role of an array of this name, and the rank of the name, 0 the best; `None`: no role.

    >>> role_of_array("Subject_ID"), role_of_array("seq_len"), role_of_array("noise")
    (('groups', 4), ('lengths', 3), None)
    """
    from segue.readers.table.words import CLAIMS, OWNERS, WORDS, plain  # brings pyarrow

    words = {
        "lengths": _LENGTHS,
        "mask": _MASKS,
        "parts": [*WORDS["parts"], "fold"],
        "groups": [*CLAIMS["group"], *OWNERS],
        "ids": CLAIMS["id"],
    }
    word = plain(name)
    for role, known in words.items():
        for form in (word, word.removesuffix("s")):
            if form in known:
                return role, list(known).index(form)
    return None


def name_arrays(
    arrays: Mapping[str, Array], x: Array | None, count: int | None = None
) -> dict[str, Array]:
    """The arrays of one part, those beside the sequences by their roles.

    `lengths` is a mask `[n, time]` where a mask says which steps are there.

    Args:
        arrays: by name; those that are called by a role already have it.
        x: `[n, time]` or `[n, time, channel]` if the sequences are padded.
        count: n, how many sequences there are; if left out, as many as there are lengths, or rows
            of `x`.

    Raises:
        DataError: groups of another number, parts of other names, or a mask of another form.
    """
    found = dict(arrays)
    ranked = sorted((*known, name) for name in arrays if (known := role_of_array(name)) is not None)
    for role, _, name in ranked:
        is_open = name == role or role not in found
        if role == "lengths" and is_open and _is_column(arrays[name]):
            found[role] = found.pop(name).ravel()
    if count is None and x is not None and x.ndim and "offsets" not in arrays:
        count = len(np.atleast_1d(found.get("lengths", x)))
    for role, _, name in ranked:
        array = arrays[name]
        is_open = name == role or role not in found
        if role == "mask" and x is not None:
            mask = _steps_there(array, x, name)
            if not np.array_equal(found.get("lengths", mask.sum(axis=1)), mask.sum(axis=1)):
                raise DataError(
                    f"`lengths` and {name!r} say otherwise of how many steps there are."
                )
            found["lengths"] = mask
            del found[name]
        elif role not in _COLUMNS or not is_open or not _is_column(array):
            continue
        elif count is not None and array.size != count:
            if role == "groups":
                raise DataError(f"{name!r} has {array.size:,} entries for {count:,} sequences.")
        elif role != "parts" or _are_parts(array.ravel(), name):
            found[role] = found.pop(name).ravel()
    return found


def _is_column(array: Array) -> bool:
    return array.ndim == 1 or (array.ndim == 2 and 1 in array.shape)


def _are_parts(values: Array, name: str) -> bool:
    """Whether all values are names of parts.

    Raises:
        DataError: they are not, and nothing else can be meant.
    """
    strange = [value for value in values.tolist() if part_named(str(value)) is None]
    if strange and name.lower() in _MUST:
        raise DataError(
            f"`{name}` has {strange[0]!r}; expected train, validation or test for each sequence. "
            "If it is something else, save it under another name."
        )
    return not strange


def _steps_there(mask: Array, x: Array, name: str) -> npt.NDArray[np.bool_]:
    """`[n, time]`, which steps are no padding.

    Raises:
        DataError: another form, gaps, or what may be the padding where 1 is expected.
    """
    flat = mask.reshape(len(mask), -1, mask.shape[-1]) if mask.ndim == 3 else mask[..., None]
    if mask.ndim not in (2, 3) or flat.shape[:2] != x.shape[:2]:
        raise DataError(
            f"`{name}` has shape {mask.shape} beside `x` of {x.shape}; expected (n, time), with 1 "
            "where a step is there and 0 where it is padding."
        )
    if not np.isin(flat, (0, 1)).all() or (flat != flat[..., :1]).any():
        raise DataError(
            f"`{name}` has other values than 0 and 1, or not the same in all channels; expected "
            "(n, time), with 1 where a step is there. Save values that are missing as NaN in `x`."
        )
    there = real_steps(flat[..., 0].astype(bool) ^ ("pad" in name.lower()), x.shape[1])
    before = np.asarray(x)[~np.logical_or.accumulate(there, axis=1)]
    if before.size and not (np.isnan(before).all() or (before == before.flat[0]).all()):
        raise DataError(
            f"`{name}` is 0 where `x` begins with other values than padding: are these steps? "
            f"Expected 1 where a step is there: save mask=1 - {name}."
        )
    return there
