"""What users pass as X and y, made into a `Dataset` and checked.

Every message says what came, what was expected and how to mend it.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, OptionError
from segue.estimators.step_labels import is_absent
from segue.precision import is_infinite
from segue.prepare import Preparation
from segue.readers.mapping import of_mapped
from segue.readers.objects import adapted
from segue.sequences import Array, Layout, Sequences

LAYOUTS = ("ntc", "nct", "tc", "ct")


def as_sequences(x: Any, layout: Layout = "ntc", *, exact: bool = False) -> Sequences:
    """Take an array, a list of arrays, `Sequences` or a `Dataset` as sequences.

    Args:
        x: `(n, time, channel)`, `(n, time)`, or a list of `(time, channel)` or `(time,)` arrays.
        layout: "nct" (arrays) or "ct" (lists) for channels first.
        exact: float64 stays in any case: a fitted preparation knows what it needs.

    Raises:
        DataError: another shape, or axes that look swapped.
    """
    if layout not in LAYOUTS:
        raise OptionError(f"`layout` is {layout!r}; expected one of {', '.join(LAYOUTS)}.")
    x = adapted(x, labelled=False)
    if isinstance(x, Dataset):
        return x.x
    if isinstance(x, Sequences):
        return x
    if hasattr(x, "to_numpy"):  # a frame of features: one row a sequence; or a column of texts
        x = x.to_numpy()
    if _are_texts(x):
        return Sequences.from_texts(np.ravel(x).tolist() if isinstance(x, np.ndarray) else x)
    if isinstance(x, np.ndarray) and x.dtype != object:
        if x.ndim == 3 and layout in ("ntc", "tc"):
            # Of an array on disk the beginning must do.
            _refuse_padding_on_the_last_axis(x[:1000] if isinstance(x, np.memmap) else x)
        turned = x.transpose(0, 2, 1) if x.ndim == 3 and layout in ("nct", "ct") else x
        return of_mapped(turned, None) or Sequences.from_array(turned, exact=exact)
    if isinstance(x, str | bytes) or not hasattr(x, "__iter__"):
        raise DataError(
            f"`X` is {type(x).__name__}; expected a (n, time, channel) array, a list of "
            "(time, channel) arrays or of texts, Sequences or a Dataset. Files are read with "
            "`segue.read`."
        )
    return Sequences.from_list(x, layout=layout, exact=exact)


def static_of(x: Any, static: Any) -> Any:
    """The static features that are given, or those that a `Dataset` brings; `None`: there are none.

    >>> static_of([[1.0, 2.0]], [[3.0]])
    [[3.0]]
    """
    return x.static if static is None and isinstance(x, Dataset) else static


def _are_texts(x: Any) -> bool:
    """Whether X is a list or a column of texts; the first item says so."""
    if isinstance(x, np.ndarray):
        column = x.ndim == 1 or (x.ndim == 2 and x.shape[1] == 1)
        return column and x.size > 0 and isinstance(x.flat[0], str)
    return isinstance(x, list | tuple) and len(x) > 0 and isinstance(x[0], str)


def as_trained(x: Sequences, preparation: Preparation) -> Sequences:
    """Sequences of the kind that a model was trained on; texts as its tokens.

    Args:
        x: what it is asked about.
        preparation: fitted.

    Raises:
        DataError: another kind, or sequences that cannot be used.
    """
    preparation.check(x)
    check_sequences(x)
    return preparation.tokenized(x)


def as_dataset(
    x: Any, y: Any = None, *, groups: Any = None, layout: Layout = "ntc", classes: Any = None
) -> Dataset:
    """Join X, y and groups to a data set; a `Dataset` is taken as it is."""
    if isinstance(x, Dataset):
        if y is not None:
            raise DataError("`X` is a Dataset and has its own targets: leave out `y`.")
        return x if groups is None else replace(x, groups=np.asarray(groups))
    sequences = as_sequences(x, layout)
    if y is None:
        raise DataError("`y` is missing: pass one label for each sequence, or a Dataset.")
    labels = _as_labels(y)
    if len(labels) != len(sequences):
        raise DataError(
            f"There are {len(sequences)} sequences and {len(labels)} labels; expected one label "
            "for each sequence."
        )
    if labels.ndim == 2:
        return Dataset(sequences, labels, classes=classes, groups=groups)
    names = np.unique(labels).tolist() if classes is None else list(classes)
    return Dataset(sequences, labels, classes=tuple(names), groups=groups)


def check_sequences(x: Sequences) -> None:
    """Raise unless every sequence can be used.

    Raises:
        DataError: none at all, one of length 0, or infinite values.
    """
    if len(x) == 0:
        raise DataError("There are no sequences.")
    empty = np.flatnonzero(x.lengths == 0)
    if len(empty):
        raise DataError(
            f"{len(empty)} of {len(x)} sequences have length 0 (the first is number {empty[0]}): "
            "remove them, there is nothing to learn from."
        )
    refuse_infinite(x)


def refuse_infinite(x: Sequences) -> None:
    """Raise `DataError` that names the first infinite value: sequence, step and channel."""
    first = 0
    for block in x.blocks():
        if x.kind == "numbers" and is_infinite(block.values).any():
            row = next(i for i, steps in enumerate(block) if is_infinite(steps).any())
            step, channel = np.argwhere(is_infinite(block[row]))[0]
            raise DataError(
                f"Sequence {first + row} has an infinite value at step {step}, channel {channel}. "
                "Mark missing values as NaN; mend or remove the others."
            )
        first += len(block)


def warn_of_swapped_axes(x: Sequences) -> None:
    """Warn where there are many more channels than steps, all of one length."""
    shortest, longest = x.length_range
    if shortest == longest < x.channels and longest > 1 and x.channels >= 4 * longest:
        warnings.warn(
            f"Each sequence has {longest} time steps of {x.channels} channels. If it is the other "
            "way round, pass layout='nct' (arrays) or 'ct' (lists).",
            stacklevel=4,
        )


def warn_of_padding(x: Sequences) -> None:
    """Warn where sequences of one length end in zeros or NaN for different numbers of steps.

    Where zeros stand at the beginnings too, as in pictures with a margin, they belong to the data.
    """
    shortest, longest = x.length_range
    if shortest != longest or longest < 2 or len(x) < 2 or x.is_text or x.is_mapped:
        return
    values = x.values.reshape(len(x), longest, x.channels)
    real = ((values != 0) & ~np.isnan(values)).any(axis=2)  # [n, time]
    lengths = longest - np.argmax(real[:, ::-1], axis=1)
    begins = real[:, 0].mean() > 0.95
    if begins and (lengths < longest).mean() > 0.25 and len(np.unique(lengths)) > 2:
        warnings.warn(
            f"The sequences all have {longest} steps, but {(lengths < longest).mean():.0%} end in "
            f"zeros or missing values, from step {lengths.min()} on: is this padding? Then give "
            "the real lengths, Sequences.from_padded(X, lengths), or a list of arrays.",
            stacklevel=4,
        )


def _as_labels(y: Any) -> Array:
    try:
        labels = np.asarray(y)
    except ValueError as error:  # rows of unequal length
        raise DataError(
            "`y` has lists of unequal length; expected [n], one label for each sequence, or "
            "[n, label] of 0 and 1, several labels at once. scikit-learn's MultiLabelBinarizer "
            "makes the latter of lists of names."
        ) from error
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and np.isin(labels, (0, 1)).all():
        return labels.astype(np.int64)
    if labels.ndim != 1:
        raise DataError(
            f"`y` has shape {labels.shape}; expected [n], one label for each sequence, or "
            "[n, label] of 0 and 1, several labels at once."
        )
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise DataError(f"`y` has no label (NaN) for sequence {int(np.isnan(labels).argmax())}.")
    if labels.dtype == object:
        absent = [i for i, label in enumerate(labels) if is_absent(label)]
        if absent:
            raise DataError(f"`y` has no label ({labels[absent[0]]}) for sequence {absent[0]}.")
        labels = np.asarray([str(label) for label in labels])
    return labels


def _refuse_padding_on_the_last_axis(x: Array) -> None:
    """Padding along what should be the channels: then the array is (n, channel, time)."""
    if x.shape[2] <= x.shape[1] or x.shape[2] < 3 or x.dtype.kind != "f":
        return
    real = ((x != 0) & ~np.isnan(x)).any(axis=1)  # [n, last axis]
    ends = x.shape[2] - np.argmax(real[:, ::-1], axis=1)
    ends[~real.any(axis=1)] = 0
    # Padding only: zeros between real values, as in one-hot vectors, are no padding.
    padded = np.array_equal(real, np.arange(x.shape[2]) < ends[:, None])
    if padded and len(np.unique(ends)) > 2:
        n, time, channels = x.shape
        raise DataError(
            f"`x` has shape ({n}, {time}, {channels}): {time} time steps of {channels} channels? "
            f"The lengths vary over the last axis ({ends.min()} to {ends.max()}), so it looks like "
            "(n, channel, time): pass layout='nct'."
        )
