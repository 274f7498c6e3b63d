"""The report's section on the data: what they hold, lengths, classes, some sequences drawn."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

from segue import plots
from segue.dataset import Dataset
from segue.errors import DataError
from segue.evaluation import text
from segue.evaluation.html import grid, paragraph, picture, table

if TYPE_CHECKING:
    from segue.evaluation.evaluation import Evaluation

SAMPLES_SHOWN = 3


def data_at_a_glance(evaluation: Evaluation, train: Dataset | None) -> list[str]:
    """The training data, if given, beside the scored ones; the pictures show the first of them."""
    sets = {} if train is None else {"train": train}
    sets[evaluation.part or "scored"] = evaluation.dataset
    name, drawn = next(iter(sets.items()))
    lengths = plots.plot_lengths(drawn)
    balance = plots.plot_class_balance(_joined(sets))
    return [
        summaries(sets),
        grid(
            [
                picture(lengths, "lengths", f"Lengths of the sequences ({name})"),
                picture(balance, "balance", "Sequences of each class"),
            ]
        ),
        paragraph(_examples_said(drawn, name), "lead"),
        _legend(drawn),
        grid(_examples(drawn)),
    ]


def summaries(sets: dict[str, Dataset]) -> str:
    """What each data set holds, side by side; the classes are drawn instead."""
    found = [dict(replace(data, parts=None).summary().rows()) for data in sets.values()]
    headings = dict.fromkeys(heading for rows in found for heading in rows if heading != "classes")
    return table(
        ["", *sets],
        [[heading, *(rows.get(heading, text.UNDEFINED) for rows in found)] for heading in headings],
    )


def _joined(sets: dict[str, Dataset]) -> Dataset:
    """One data set with a part for each; the last alone if their channels differ."""
    try:
        return Dataset.concatenate(sets)
    except DataError:
        return list(sets.values())[-1]


def _examples_said(data: Dataset, name: str) -> str:
    shown = len(plots.examples(data, SAMPLES_SHOWN))
    there = int((plots.class_counts(data) > 0).sum())
    whose = "each class" if shown == there else f"each of the first {shown} of {there} classes"
    return f"Some sequences of {whose}, drawn at random ({name})."


def _legend(data: Dataset) -> str:
    """What the lines or the colours of the examples stand for, once for all panels."""
    display = plots.Display.of(data)
    if display.kind == "heat map":
        low, high = display.limits
        name = f"{display.value_label}, a row for each of {data.x.channels} channels"
        return (
            f'<p class="legend">{low:.3g} <i class="colours"></i> {high:.3g} '
            f"<span>{escape(name)}</span></p>"
        )
    if data.x.channels == 1:
        return ""
    names = "".join(
        f'<span><i style="background:var(--series-{i})"></i>{escape(name)}</span>'
        for i, name in enumerate(display.channels)
    )
    unit = "<span>each in standard deviations</span>" if display.scaled else ""
    return f'<p class="legend">{names}{unit}</p>'


def _examples(data: Dataset) -> list[str]:
    display = plots.Display.of(data)
    pictures = []
    for number, (name, members) in enumerate(plots.examples(data, SAMPLES_SHOWN)):
        row = plots.strip(SAMPLES_SHOWN, width=4.4, height=1.25)
        plots.draw_row(data, members, display, row)
        row[len(row) // 2].set_xlabel(display.time_label)
        pictures.append(picture(row[0], f"example{number}", name))
    return pictures
