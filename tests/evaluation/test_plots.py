"""Pictures draw what they say, into figures of their own, and leave matplotlib as it was."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from segue import metrics, plots
from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.errors import DataError
from segue.evaluation import evaluate
from segue.evaluation.report import to_svg
from segue.plots.style import wipe

Make = Callable[..., Any]
LEVELS = ["low", "middle", "high"]


def drawn(axes: Any) -> Figure:
    """The figure, after drawing it: what cannot be drawn raises here."""
    figure: Figure = np.asarray(axes).flat[0].figure
    figure.canvas.draw()
    return figure


def labels(axes: Axes, which: str) -> list[str]:
    return [tick.get_text() for tick in getattr(axes, f"get_{which}ticklabels")()]


def test_sequences_one_line_a_channel(data: Make) -> None:
    """Few channels: a row for each class, a panel for each sample, a line for each channel."""
    shown = data(LEVELS, channels=3)
    axes = plots.plot_sequences(shown, samples=2)
    assert axes.shape == (3, 2)
    assert [len(one.get_lines()) for one in axes.flat] == [3] * 6
    assert [row[0].get_title("left") for row in axes] == sorted(LEVELS)
    legend = drawn(axes).legends[0]
    assert [text.get_text() for text in legend.get_texts()] == [
        "channel 1",
        "channel 2",
        "channel 3",
    ]


@pytest.mark.parametrize("kind", ["lines", "heat map", "spectrogram", "image"])
def test_wiped_axes_draw_as_new_ones(data: Make, kind: Any) -> None:
    """Nothing of the picture before is left: no line, no limit, no panel that was empty."""
    shown = data(LEVELS, channels=3)
    display = plots.Display.of(shown, kind=kind)
    shortest, *_, longest = np.argsort(shown.x.lengths).tolist()
    used, new = (plots.strip(2, width=4.4, height=1.25) for _ in range(2))
    plots.draw_row(shown, [longest], display, used)
    drawn(used)
    wipe(used)
    for row in (used, new):
        plots.draw_row(shown, [shortest, shortest], display, row)
    pictures = [to_svg(row[0].figure, "row", "") for row in (used, new)]
    assert pictures[0] == pictures[1]


def test_sequences_are_those_of_the_class(data: Make) -> None:
    """The line of a panel is a sequence of the row's class, all of it."""
    shown = data(LEVELS)
    for name, row in zip(shown.classes, plots.plot_sequences(shown, samples=2), strict=True):
        members = [steps[:, 0].tolist() for steps in shown.x[shown.y == name]]
        for one in row:
            assert one.get_lines()[0].get_ydata().tolist() in members


def test_sequences_many_channels_are_a_heat_map(data: Make) -> None:
    """More than seven channels: an image with a row for each channel, as wide as the longest."""
    axes = plots.plot_sequences(data(LEVELS, channels=12), samples=2)
    images = [image for one in axes.flat for image in one.images]
    assert len(images) == 6
    assert {image.get_array().shape[0] for image in images} == {12}
    longest = max(image.get_array().shape[1] for image in images)
    assert axes[0, 0].get_xlim() == (0, longest)
    drawn(axes)


def test_time_is_in_seconds_where_the_rate_is_known(data: Make) -> None:
    """At 10 steps a second a sequence of n steps ends at (n - 1) / 10 seconds."""
    shown = data(LEVELS, rate_hz=10.0)
    axes = plots.plot_sequences(shown, samples=1)
    line = axes[0, 0].get_lines()[0]
    assert line.get_xdata()[-1] == pytest.approx((len(line.get_xdata()) - 1) / 10)
    assert axes[-1, 0].get_xlabel() == "seconds"
    assert plots.plot_lengths(shown).get_xlabel() == "length (seconds)"


def test_long_sequences_keep_their_peaks() -> None:
    """A sequence of 50,000 steps is thinned; a single spike either way is still there."""
    values = np.zeros(50_000)
    values[31_234], values[777] = 9.0, -8.0
    axes = plots.plot_sequences(Dataset([values]), samples=1)
    line = axes[0, 0].get_lines()[0]
    assert len(line.get_ydata()) <= 300
    assert (line.get_ydata().max(), line.get_ydata().min()) == (9.0, -8.0)
    assert line.get_xdata()[np.argmax(line.get_ydata())] == 31_234


def test_missing_values_stay_gaps() -> None:
    """NaN breaks a line, also in a long or an entirely missing sequence, and nothing warns."""
    gap = np.sin(np.arange(5_000.0))
    gap[1_000:2_000] = np.nan
    axes = plots.plot_sequences(Dataset([gap, [np.nan, np.nan], [1.0, np.nan, 2.0]]), samples=3)
    assert all(np.isnan(one.get_lines()[0].get_ydata()).any() for one in axes.flat)
    drawn(axes)


def test_channels_of_very_different_size_are_scaled(data: Make) -> None:
    """A channel a thousand times the others does not flatten them; common sizes stay."""
    plain = data(LEVELS, channels=4)
    values = np.array(plain.x.values) * np.array([1, 1, 1, 1000], np.float32)
    mixed = replace(plain, x=Sequences(values, plain.x.offsets))
    assert not plots.Display.of(plain).scaled
    display = plots.Display.of(mixed)
    assert display.scaled
    assert display.limits[1] - display.limits[0] < 20
    drawn(plots.plot_sequences(mixed))


@pytest.mark.parametrize(
    "y",
    [None, np.array([0.5, 1.5]), Sequences.from_list([np.zeros((3, 1), np.int32)] * 2)],
    ids=["nothing", "numbers", "labels per step"],
)
def test_overview_of_every_task(y: Any) -> None:
    """Data of any kind can be looked at."""
    classes = ("still", "walk") if isinstance(y, Sequences) else None
    shown = Dataset([[1.0, 2.0, 3.0], [2.0, 4.0, 1.0]], y, classes=classes, name="two")
    figure = plots.overview(shown, samples=2)
    figure.canvas.draw()
    assert isinstance(figure, Figure)


def test_overview_tells_what_there_is(data: Make) -> None:
    """The overview has the summary in words, lengths, balance and the samples."""
    figure = plots.overview(data(LEVELS).with_parts(0.25), samples=2)
    figure.canvas.draw()
    words = [text.get_text() for text in figure.axes[0].texts]
    assert {"sequences", "24", "train 18, test 6"} <= set(words)
    assert len(figure.axes) == 3 + 3 * 2


def test_tokens_can_be_drawn() -> None:
    """Whole numbers (tokens) are drawn like any sequence."""
    tokens = Sequences.from_list([np.array([[3], [1], [2]], np.int32)] * 2)
    drawn(plots.plot_sequences(Dataset(tokens, ["a", "b"]), samples=1))


def test_class_balance_counts_every_part(data: Make) -> None:
    """A bar for each class and part, as long as the count; the parts are stacked."""
    shown = data(LEVELS).with_parts(0.25)
    axes = plots.plot_class_balance(shown)
    widths = np.array([bar.get_width() for bar in axes.patches]).reshape(2, 3)
    assert widths.tolist() == [[6, 6, 6], [2, 2, 2]]
    assert axes.patches[3].get_x() == 6
    assert labels(axes, "y") == sorted(LEVELS)
    drawn(axes)


def test_class_balance_of_many_classes_says_what_it_leaves_out() -> None:
    labels_of_all = [f"class {i:03d}" for i in range(120)] * 2 + ["class 119"] * 5
    axes = plots.plot_class_balance(Dataset([[1.0]] * len(labels_of_all), labels_of_all))
    assert len(axes.patches) == 100
    assert axes.patches[-1].get_width() == 7
    cut = "the 100 most frequent classes; 20 are not shown; one of 2 classes is named"
    assert axes.get_title(loc="left") == cut


def test_class_balance_of_numbers_is_refused() -> None:
    """Targets that are numbers have no classes; the message says so."""
    with pytest.raises(DataError, match="has no classes"):
        plots.plot_class_balance(Dataset([[1.0], [2.0]], [0.5, 1.5]))


def test_lengths_add_up(data: Make) -> None:
    """The bars hold all sequences; each bin is equally wide."""
    shown = data(LEVELS, each=40)
    bars = plots.plot_lengths(shown).patches
    assert sum(bar.get_height() for bar in bars) == 120
    assert len({round(bar.get_width(), 9) for bar in bars}) == 1


def test_equal_lengths_are_said() -> None:
    """One common length: the title says which."""
    axes = plots.plot_lengths(Dataset(Sequences.from_array(np.zeros((4, 28)))))
    assert axes.get_title(loc="left") == "all 28 time steps"
    drawn(axes)


@pytest.mark.parametrize(
    ("count", "numbers", "named"), [(3, True, 3), (20, False, 20), (60, False, 30)]
)
def test_confusion_stays_readable(count: int, numbers: bool, named: int) -> None:
    """Few classes have counts in the cells, up to 30 all names, beyond that some."""
    matrix = np.eye(count, dtype=int) * 4
    axes = plots.plot_confusion(matrix, [f"class {i}" for i in range(count)])
    assert len(axes.texts) == (count if numbers else 0)
    assert len(labels(axes, "x")) == len(labels(axes, "y")) == named
    assert axes.images[0].get_array().tolist() == np.eye(count).tolist()
    drawn(axes)


def test_confusion_of_many_classes_says_what_it_leaves_out() -> None:
    """The classes with mistakes are drawn, in their order; the others are summed up."""
    matrix = np.eye(2000, dtype=int) * 4
    matrix[1900, [0, 3]], matrix[7, 1900], matrix[5, 6] = (2, 1), 5, 1
    axes = plots.plot_confusion(matrix, [f"class {i}" for i in range(2000)])
    shares = np.asarray(axes.images[0].get_array())
    assert shares.shape == (100, 100)
    assert "99 classes with the most mistakes; last, the 1,901 others" in axes.get_title(loc="left")
    assert shares[98].tolist()[0] == 2 / 7  # class 1900, taken for class 0
    assert shares[98, 3] == 1 / 7
    assert shares[99, 99] == 1
    assert labels(axes, "y")[0] == "class 0"
    drawn(axes)


def test_confusion_is_shared_by_row() -> None:
    """The colour is the share of the true class; a class that does not occur has none."""
    axes = plots.plot_confusion(np.array([[3, 1], [0, 0]]), ["a", "b"])
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0, 0]]
    assert sorted(text.get_text() for text in axes.texts) == ["1", "3"]


def test_history_draws_both_curves() -> None:
    """Training and validation of the loss and the accuracy, and a line at the best epoch."""
    rows = [
        {"epoch": e, "loss": 1 / e, "validation_loss": 2 / e, "accuracy": 0.5} for e in (1, 2, 3)
    ]
    loss = plots.plot_history(SimpleNamespace(rows=rows, best_epoch=2))
    accuracy = drawn(loss).axes[1]
    names = [line.get_label() for line in loss.get_lines()]
    assert names == ["training", "validation", "best: 2"]
    assert loss.get_lines()[1].get_ydata().tolist() == [2, 1, 2 / 3]
    assert [line.get_label() for line in accuracy.get_lines()] == ["training", "best: 2"]


def test_history_of_one_epoch_shows_a_dot() -> None:
    """A line of one point would be invisible."""
    one = plots.plot_curve(
        SimpleNamespace(rows=[{"epoch": 1, "loss": 1.0}], best_epoch=None), "loss"
    )
    assert one.get_lines()[0].get_marker() == "o"
    assert one.get_xticks().tolist() == [1]


def test_no_history_is_refused() -> None:
    """Nothing to draw is an error, not an empty picture."""
    with pytest.raises(DataError, match="no history"):
        plots.plot_history(SimpleNamespace(rows=[], best_epoch=None))


def test_calibration_has_a_dot_for_each_bin() -> None:
    """A dot for each bin that is not empty, at its confidence and accuracy."""
    found = metrics.calibration(np.array([True, False, True]), np.array([0.55, 0.58, 0.95]))
    axes = plots.plot_calibration(found, interval=(0.1, 0.25))
    assert axes.get_title(loc="left").endswith("(0.100 to 0.250)")
    low, high = axes.collections[0].get_segments()[0][:, 1].tolist()
    assert (low, high) == pytest.approx(metrics.wilson_interval(1, 2))
    assert [text.get_text() for text in axes.texts] == ["2", "1"]
    dots = axes.collections[-1].get_offsets()
    assert np.asarray(dots) == pytest.approx(np.array([[0.565, 0.5], [0.95, 1.0]]))
    drawn(axes)


def test_mistakes_are_drawn_with_both_classes(fitted: Make, data: Make) -> None:
    """A panel for each mistake, titled with the true and the predicted class."""
    found = evaluate(fitted(LEVELS), data(LEVELS))
    axes = found.plot_mistakes(4)
    mistakes = found.mistakes(4)
    assert len(axes) == len(mistakes) == 4
    first = mistakes[0]
    title = f"{first.target} → {first.prediction}  {100 * first.confidence:.0f} %"
    assert axes[0].get_title(loc="left") == title
    expected = found.dataset.x[first.index][:, 0].tolist()
    assert axes[0].get_lines()[0].get_ydata().tolist() == expected
    drawn(axes)


def test_no_mistakes_are_said(fitted: Make, data: Make) -> None:
    """A perfect model has a picture that says so."""
    axes = evaluate(fitted(LEVELS), data(LEVELS, noise=0.0)).plot_mistakes()
    assert axes[0].texts[0].get_text() == "no mistakes"


def test_answers_are_drawn_with_how_sure_they_are(fitted: Make, data: Make) -> None:
    """The first sequences in their order; the titles of wrong answers have another colour."""
    found = evaluate(fitted(LEVELS), data(LEVELS))
    axes = found.plot_answers(len(found.targets))
    right = found.targets == found.predictions
    assert 0 < right.sum() < len(axes) == len(right)
    title = (
        f"{found.targets[0]} → {found.predictions[0]}  {100 * found.probabilities[0].max():.0f} %"
    )
    assert axes[0].get_title(loc="left") == title
    assert axes[0].figure.get_suptitle() == "true class → answer, and how sure"
    assert axes[-1].get_xlabel() == "time step"
    colours = [one._left_title.get_color() for one in axes]
    assert {c for c, one in zip(colours, right, strict=True) if one}.isdisjoint(
        c for c, one in zip(colours, right, strict=True) if not one
    )
    with pytest.raises(DataError, match="no answers"):
        plots.plot_answers(found.dataset, [])


def test_an_image_stands_upright(data: Make) -> None:
    """Steps go downwards and channels to the right, without scales."""
    dataset = data(LEVELS, channels=9)
    axes = plots.plot_sequences(dataset, samples=1, kind="image")
    ((number, *_),) = [members for _, members in plots.examples(dataset, 1)][:1]
    (image,) = axes[0, 0].images
    assert image.get_array().tolist() == dataset.x[number].tolist()
    assert image.origin == "upper"
    drawn(axes)


PICTURES = "confusion calibration history mistakes answers examples lengths classes".split()


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_of_an_evaluation(fitted: Make, data: Make, name: str) -> None:
    """Each returns axes of a figure of its own."""
    found = evaluate(fitted(LEVELS), data(LEVELS))
    axes = getattr(found, f"plot_{name}")()
    assert all(isinstance(one, Axes) for one in np.asarray(axes).flat)
    drawn(axes)


@pytest.mark.parametrize("name", ["confusion", "calibration", "history", "lengths", "classes"])
def test_pictures_draw_into_given_axes(fitted: Make, data: Make, name: str) -> None:
    """The axes that come in are those that go out, and nothing is added to their figure."""
    axes = Figure().add_subplot()
    found = evaluate(fitted(LEVELS), data(LEVELS))
    assert getattr(found, f"plot_{name}")(axes=axes) is axes
    assert drawn(axes).axes == [axes]


def test_matplotlib_stays_as_it_was(data: Make) -> None:
    """No pyplot, no change to the global style, whatever that is."""
    before = dict(mpl.rcParams)
    loaded = "matplotlib.pyplot" in sys.modules
    drawn(plots.plot_sequences(data(LEVELS)))
    assert dict(mpl.rcParams) == before
    assert ("matplotlib.pyplot" in sys.modules) == loaded


def test_names_are_text_not_formulas() -> None:
    """A class called "$x$" or "a_b^" is drawn as it is written."""
    axes = plots.plot_confusion(np.eye(2, dtype=int), ["$\\oops$", "a_b^"])
    drawn(axes)
    assert labels(axes, "x") == ["$\\oops$", "a_b^"]


def test_labels_of_steps_are_spans_of_colour() -> None:
    """Each run of a label from its first step to behind its last; none where there is none."""
    codes = np.repeat(np.array([0, -1, 1], np.int32), [20, 10, 10])
    data = Dataset([np.arange(40.0)], Sequences(codes, [0, 40]), classes=("a", "b"), rate_hz=10.0)
    (one,) = plots.plot_sequences(data).flat
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in one.patches]
    np.testing.assert_allclose(spans, [(0, 2), (3, 4)])
    names = [text.get_text() for legend in one.figure.legends for text in legend.get_texts()]
    assert names == ["a", "b"]


def test_a_spectrogram_shows_the_frequency() -> None:
    """The brightest row is that of the tone, in Hz."""
    data = Dataset([np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000)], rate_hz=8000.0)
    (one,) = plots.plot_sequences(data, kind="spectrogram").flat
    (image,) = one.images
    _, seconds, low, high = image.get_extent()
    rows = image.get_array().mean(axis=1)
    assert (seconds, low, high) == (0.5, 0, 4000)
    assert (rows.argmax() + 0.5) / len(rows) * high == pytest.approx(1000, abs=20)


@pytest.mark.parametrize(
    ("rate_hz", "length", "name"),
    [(None, 10, "time step"), (10.0, 100, "seconds"), (1.0, 700, "minutes"),
     (1 / 3600, 48, "hours"), (1 / 86_400, 400, "days"), (1 / 86_400, 4000, "years")],
)  # fmt: skip
def test_time_is_in_the_unit_that_people_would_use(
    rate_hz: float | None, length: int, name: str
) -> None:
    data = Dataset([np.zeros(length)], rate_hz=rate_hz)
    assert plots.plot_sequences(data)[0, 0].get_xlabel() == name
    lengths = plots.plot_lengths(data).get_xlabel()
    assert lengths == f"length ({'time steps' if rate_hz is None else name})"
