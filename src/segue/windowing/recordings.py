"""Labelled recordings cut into windows with one label each, for a classifier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, counted
from segue.sequences import Array
from segue.windowing.cutting import names_of, places, spans_of, window_counts
from segue.windowing.labels import WINDOW_LABELS, count_steps, label_of_windows


def with_one_label(data: Dataset, size: int, stride: int, label: str) -> Dataset:
    """What `windows` does with `label`."""
    number, start = places(data.x.lengths, size, stride, what="A window")
    kept, y, left_out = _targets(data, number, start, size, label)
    number, start = number[kept], start[kept]
    several = data.ids is not None or len(data) > 1
    whose = _recordings(data)[number]
    return replace(
        data[number],
        x=data.x.pieces(number, start, size),
        y=y,
        task="classify" if data.task == "label" else data.task,
        classes=None if data.task == "label" or y is None else data.classes,
        # Those of one recording stay together in a split; those of a single one are split in time.
        groups=whose if data.groups is None and len(data) > 1 else data[number].groups,
        ids=names_of(whose if several else None, start, size),
        spans=spans_of(data, number, start, size),
        notes=(*data.notes, _note(data, size, stride, label, len(number)) + left_out),
        reading={**(data.reading or {}), "window": size, "stride": stride, "window_label": label},
    )


def _recordings(data: Dataset) -> Array:
    """`[n]`, what the recordings are called; by their groups, where each is of another one."""
    if data.ids is not None:
        return data.ids
    alone = data.groups is not None and len(np.unique(data.groups)) == len(data)
    return np.asarray(data.groups if alone else np.arange(len(data)))


def _targets(
    data: Dataset, number: Array, start: Array, size: int, label: str
) -> tuple[Array, Any, str]:
    """Which windows are kept, their targets, and a text on those that are left out."""
    everything = np.ones(len(number), bool)
    if label == "none" or data.task == "none":
        return everything, None, ""
    if data.task != "label":
        return everything, data.y[number], ""
    labels, first = data.y.values[:, 0], data.y.offsets[number] + start
    codes = label_of_windows(labels, first, size, label)
    kept = codes >= 0
    unlabelled = count_steps(labels < 0, first, size)[~kept] > 0
    text = _left_out(label, len(unlabelled), int(unlabelled.sum()))
    if not kept.any():
        raise DataError(
            f"No window of {counted(size, 'step')} has {WINDOW_LABELS[label]}{text}. Choose a "
            "smaller size, or another label (all, majority, last)."
        )
    names = np.arange(codes.max() + 1) if data.classes is None else np.asarray(data.classes)
    return kept, names[codes[kept]], text + _lost(labels, codes, names)


def _left_out(label: str, count: int, unlabelled: int) -> str:
    if count == 0:
        return ""
    if label == "all":
        reasons = {"several labels": count - unlabelled, "steps without a label": unlabelled}
    else:
        reasons = {f"{'most steps' if label == 'majority' else 'a last step'} without one": count}
    said = ", ".join(f"{number:,} with {reason}" for reason, number in reasons.items() if number)
    return f"; {count:,} left out: {said}"


def _lost(labels: Array, codes: Array, names: Array) -> str:
    """Classes that steps have, and no window."""
    lost = np.setdiff1d(labels[labels >= 0], codes)
    if len(lost) == 0:
        return ""
    return f"; no window is of class {', '.join(repr(names[code].item()) for code in lost)}"


def _note(data: Dataset, size: int, stride: int, label: str, count: int) -> str:
    text = f"cut into {counted(count, 'window')} of {counted(size, 'step')}, one every {stride:,}"
    if label == "none":
        text += ", without labels"
    elif data.task == "label":
        text += f", each with {WINDOW_LABELS[label]}"
    elif data.task != "none":
        own = "numbers" if data.task == "regress" else "label"
        text += f", each with the {own} of its recording"
    counts = window_counts(data.x.lengths, size, stride)
    covered = np.where(counts > 0, (counts - 1) * min(stride, size) + size, 0)
    outside = int((data.x.lengths - covered).sum())
    return text + (f"; {counted(outside, 'step')} in no window" if outside else "")
