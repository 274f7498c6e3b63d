"""Explanations over time: gates and states, attributions, probabilities after each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator, PercentFormatter

from segue.dataset import Dataset, named
from segue.plots.display import LINES_AT_MOST, Display, draw_sequence
from segue.plots.style import (
    INK,
    MUTED,
    PALETTE,
    SHARES,
    STEPS,
    AxesArray,
    TimeUnit,
    new_figure,
    plain_names,
    renamed_arguments,
    styled,
    time_unit,
)
from segue.sequences import Sequences

Array = npt.NDArray[Any]

# From orange through nothing to blue: what is near zero lets the page shine through.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", [(0.835, 0.369, 0, 1), (1, 1, 1, 0), (0, 0.447, 0.698, 1)]
)

CLASSES_NAMED = 6  # lines of probabilities that have a colour and a name


# -- gates --------------------------------------------------------------------------------------


@styled
def plot_gates(
    steps: Array,
    parts: Mapping[str, Array],
    *,
    units: int | None = None,
    axes: AxesArray | None = None,
) -> AxesArray:
    """Draw a sequence and below it the gates and states of a recurrent layer over time.

    Gates go from white (0, shut) to blue (1, open); states from orange (below zero) to blue.

    Args:
        steps: `[time, channel]`, the sequence.
        parts: `[time, unit]` by name, as `segue.evaluation.explain.Gates` has them.
        units: only so many, those whose hidden state moves most.
        axes: `[part + 1]` axes to draw into.

    Returns:
        Axes `[part + 1]`, the sequence first.
    """
    if axes is None:
        axes = _column([1.3] + [1.0] * len(parts), width=6.4)
    shown = _most_moving(parts, units)
    _draw_above(steps, axes[0])
    for (name, values), one in zip(parts.items(), axes[1:], strict=True):
        is_gate = name.endswith("gate")
        largest = 1.0 if is_gate else max(float(np.abs(values).max()), 1e-6)
        image = one.imshow(
            values[:, shown].T,
            cmap=SHARES if is_gate else SIGNED,
            vmin=0.0 if is_gate else -largest,
            vmax=largest,
            aspect="auto",
            interpolation="none",
            extent=(-0.5, len(values) - 0.5, len(shown) - 0.5, -0.5),
        )
        one.set_title(name.replace("_", " "))
        one.set_ylabel("unit")
        _number_units(one, shown)
        bar = one.figure.colorbar(image, ax=one, pad=0.01, aspect=8)
        bar.outline.set_visible(False)
        bar.locator = MaxNLocator(2)
    _share_time(axes, len(steps))
    return axes


def _most_moving(parts: Mapping[str, Array], units: int | None) -> Array:
    spread = parts["hidden_state"].std(axis=0)
    return np.sort(np.argsort(-spread, kind="stable")[:units])


def _number_units(axes: Axes, shown: Array) -> None:
    at = np.unique(np.linspace(0, len(shown) - 1, min(3, len(shown)), dtype=int))
    axes.set_yticks(at, [str(shown[i]) for i in at])
    axes.grid(visible=False)


# -- attribution --------------------------------------------------------------------------------


@styled
def plot_attribution(
    steps: Array,
    values: Array,
    *,
    channels: Sequence[str] = (),
    title: str = "",
    axes: AxesArray | None = None,
) -> AxesArray:
    """Draw a sequence with colour underneath: blue speaks for the class, orange against it.

    Up to 7 channels are lines, each over its own colours; more are two heat maps.

    Args:
        steps: `[time, channel]`, the sequence.
        values: `[time, channel]`, how much each speaks for the class; or `[time, 1]`, all together.
        channels: a name for each column of `values`.
        title: stands above.
        axes: axes to draw into: `[column of values]`, or `[2]` for heat maps.

    Returns:
        The axes.
    """
    rows = max(steps.shape[1], values.shape[1])
    as_lines = rows <= LINES_AT_MOST
    if axes is None:
        axes = _column([1.6 if rows == 1 else 1.1] * rows if as_lines else [1.6, 1.6], width=6.4)
    limit = max(float(np.abs(values).max(initial=0.0)), 1e-12)
    names = plain_names(channels or [f"channel {i + 1}" for i in range(rows)])
    if as_lines:
        for row, one in enumerate(axes):
            colours = values[:, [min(row, values.shape[1] - 1)]]
            image = _draw_colours(colours, limit, one, len(steps))
            if row < steps.shape[1]:
                _draw_line(steps[:, row], one)
            if row < len(names) and rows > 1:
                one.set_title(names[row], fontsize=8.0)
    else:
        _draw_above(steps, axes[0])
        image = _draw_colours(values, limit, axes[1], len(steps))
        axes[0].set_title("sequence")
        axes[1].set_title("attribution")
        axes[1].set_ylabel("channel")
    axes[0].figure.suptitle(title, fontsize=9.0)
    bar = axes[0].figure.colorbar(image, ax=axes.tolist(), pad=0.01, aspect=30)
    bar.set_label("share of the logit")
    bar.outline.set_visible(False)
    _share_time(axes, len(steps))
    return axes


def _draw_colours(values: Array, limit: float, axes: Axes, steps: int) -> Any:
    """Colour bands of `[time, row]` values over the whole height."""
    low, high = (1.0, 0.0) if values.shape[1] == 1 else (values.shape[1] + 0.5, 0.5)
    image = axes.imshow(
        values.T,
        cmap=SIGNED,
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="none",
        extent=(-0.5, steps - 0.5, low, high),
        alpha=0.9,
    )
    axes.grid(visible=False)
    if values.shape[1] == 1:
        axes.set_yticks([])
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return image


def _draw_line(values: Array, axes: Axes) -> None:
    """The channel over its colours, on a scale of its own."""
    over = axes.twinx()
    over.plot(
        np.arange(len(values)), values, color=INK, lw=1.1, marker="." if len(values) < 3 else None
    )
    over.yaxis.tick_left()
    over.yaxis.set_major_locator(MaxNLocator(3))
    over.tick_params(axis="y", length=0)
    over.grid(visible=False)
    over.spines[:].set_visible(False)


# -- probabilities --------------------------------------------------------------------------------


@renamed_arguments(beliefs="probabilities", heard="prefix_lengths")
@styled
def plot_anytime(
    steps: Array,
    probabilities: Array,
    classes: Sequence[Any],
    *,
    every: int = 1,
    prefix_lengths: Array | None = None,
    rate_hz: float | None = None,
    target: Any = None,
    axes: AxesArray | None = None,
) -> AxesArray:
    """Draw a sequence, and below it the probability of each class after each step.

    The six classes with the highest probabilities have colours and names, the others are grey.

    Args:
        steps: `[time, channel]`, the sequence; where the preparation makes other steps of it, as
            prepared: `classifier.preparation_.apply(x)`, or as it came, with `prefix_lengths`.
        probabilities: `[point, class]`, of `SequenceClassifier.anytime`.
        classes: the class names.
        every: as it was given to `anytime`.
        prefix_lengths: `[point]`, after how many of `steps` each row holds, in place of `every`.
        rate_hz: steps per second; the time axis is in seconds (or minutes, days, ...) then.
        target: the true class, drawn thicker and named in the title.
        axes: `[2]` axes to draw into.

    Returns:
        Axes `[2]`: the sequence, and the probabilities.
    """
    axes = _column([1.3, 1.7], width=6.4) if axes is None else axes
    unit = time_unit(rate_hz, len(steps))
    _draw_above(steps, axes[0], rate_hz)
    if prefix_lengths is None:
        prefix_lengths = every * np.arange(1, len(probabilities) + 1)
    time = (np.minimum(prefix_lengths, len(steps)) - 1) * unit.per_step
    most = np.sort(np.argsort(-probabilities.max(axis=0), kind="stable")[:CLASSES_NAMED]).tolist()
    names = plain_names([named(name) for name in classes])
    dot = "." if len(probabilities) <= 60 else None
    for code in sorted(range(len(names)), key=most.__contains__):  # the named ones above
        is_named, is_target = code in most, target is not None and classes[code] == target
        axes[1].plot(
            time,
            probabilities[:, code],
            color=PALETTE[most.index(code)] if is_named else MUTED,
            label=names[code] if is_named else "_",
            lw=2.4 if is_target else 1.3 if is_named else 0.6,
            marker=dot if is_named else None,
        )
    axes[1].set_ylim(-0.03, 1.03)
    axes[1].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes[1].set_ylabel("probability")
    axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    if target is not None:
        axes[0].set_title(f"true class: {plain_names([named(target)])[0]}")
    _share_time(axes, len(steps), unit)
    return axes


# -- common -------------------------------------------------------------------------------------


@styled
def _column(heights: list[float], *, width: float) -> AxesArray:
    """Axes one below the other, of so many inches each."""
    figure = new_figure(width, sum(heights) + 0.5)
    grid: AxesArray = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    return grid


def _draw_above(steps: Array, axes: Axes, rate_hz: float | None = None) -> None:
    """The sequence itself, over steps, or over time where the rate is known."""
    display = Display.of(Dataset(Sequences.from_list([steps]), rate_hz=rate_hz))
    draw_sequence(steps, display, axes)
    if display.kind == "heat map":  # its cells begin at their step; here they are centred on it
        for image in axes.images:
            left, right, low, high = image.get_extent()
            half = 0.5 * display.unit.per_step
            image.set_extent((left - half, right - half, low, high))
        axes.set_ylabel("channel")


def _share_time(axes: AxesArray, steps: int, unit: TimeUnit = STEPS) -> None:
    """One time axis for all; its numbers stand below the last."""
    for one in axes:
        one.set_xlim(-0.5 * unit.per_step, (max(steps, 1) - 0.5) * unit.per_step)
        one.xaxis.set_major_locator(MaxNLocator(8, integer=unit == STEPS))
        one.tick_params(axis="x", labelbottom=one is axes[-1])
    axes[-1].set_xlabel(unit.name)
