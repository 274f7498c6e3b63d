"""The section of a report about its data: summary, lengths, classes, some sequences drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from segue import plots
from segue.data.dataset import Dataset
from segue.errors import DataError
from segue.metrics import UNDEFINED
from segue.tasks.outcome import Picture

SAMPLES_SHOWN = 3


def describe_data(sets: Mapping[str, Dataset], *, is_drawn: bool) -> dict[str, Any]:
    """What the section on the data shows: a summary of each data set, and pictures of the first.

    Args:
        sets: by name; the training data first, where they are given.
        is_drawn: whether lengths, classes and sequences are drawn.
    """
    found = [dict(replace(data, parts=None).summary().rows()) for data in sets.values()]
    names = [name for name in dict.fromkeys(n for rows in found for n in rows) if name != "classes"]
    summary = {
        "headings": ["", *sets],
        "rows": [[name, *(rows.get(name, UNDEFINED) for rows in found)] for name in names],
        "pictures": [],
    }
    if not is_drawn:
        return summary
    name, data = next(iter(sets.items()))
    try:
        joined = Dataset.concatenate(dict(sets))
    except DataError:  # their channels differ
        joined = list(sets.values())[-1]
    shown, there = plots.examples(data, SAMPLES_SHOWN), int((plots.class_counts(data) > 0).sum())
    whose = "each class"
    if len(shown) < there:
        whose = f"each of the first {len(shown)} of {there} classes"
    lengths, balance = plots.plot_lengths(data), plots.plot_class_balance(joined)
    return {
        **summary,
        "pictures": [
            Picture("lengths", lengths, f"Lengths of the sequences ({name})"),
            Picture("balance", balance, "Sequences of each class"),
        ],
        "examples_caption": f"Some sequences of {whose}, drawn at random ({name}).",
        "legend": _legend(data),
        "examples": [
            Picture(f"example{number}", _draw_examples(data, members), label)
            for number, (label, members) in enumerate(shown)
        ],
    }


def _legend(data: Dataset) -> dict[str, Any]:
    """What the lines or the colours of the examples stand for, once for all panels."""
    display = plots.Display.of(data)
    if display.kind == "heat map":
        low, high = (f"{limit:.3g}" for limit in display.limits)
        label = f"{display.value_label}, a row for each of {data.x.channels} channels"
        return {"low": low, "high": high, "names": [label]}
    names = list(display.channels) if data.x.channels > 1 else []
    return {"low": "", "names": names, "is_scaled": display.scaled}


def _draw_examples(data: Dataset, members: list[int]) -> Any:
    display = plots.Display.of(data)
    row = plots.strip(SAMPLES_SHOWN, width=4.4, height=1.25)
    plots.draw_row(data, members, display, row)
    row[len(row) // 2].set_xlabel(display.time_label)
    return row[0]
