"""The pictures of gates, attributions and beliefs show what they were given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segue import SequenceClassifier, TrainingOptions, plots
from segue.evaluation.explain import gates, integrated_gradients
from segue.testing.data import tiny_dataset

DATA = tiny_dataset(24, lengths=(5, 9))


@pytest.fixture(scope="module")
def classifier() -> SequenceClassifier:
    options = TrainingOptions(progress="none")
    return SequenceClassifier("lstm(6)", epochs=2, options=options).fit(DATA)


def drawn(axes: Any) -> Any:
    """Draw it: what cannot be drawn raises here."""
    figure = axes[0].figure
    figure.canvas.draw()
    return axes


def test_gates_one_panel_each(classifier: SequenceClassifier) -> None:
    """The sequence above, then every part `[unit, time]`, all over the same steps."""
    found = gates(classifier, DATA)
    axes = drawn(found.plot(1))
    assert [one.get_title(loc="left") for one in axes[1:]] == [n.replace("_", " ") for n in found]
    for one, part in zip(axes[1:], found.values(), strict=True):
        np.testing.assert_array_equal(one.images[0].get_array(), part[1].T)
        assert one.get_xlim() == (-0.5, len(DATA.x[1]) - 0.5)
    assert axes[1].images[0].get_clim() == (0.0, 1.0)
    low, high = axes[-1].images[0].get_clim()
    assert low == -high


def test_gates_of_some_units(classifier: SequenceClassifier) -> None:
    """Those whose hidden state moves most, with their own numbers."""
    found = gates(classifier, DATA)
    moving = np.sort(np.argsort(-found["hidden_state"][0].std(axis=0))[:2])
    axes = drawn(found.plot(0, units=2))
    np.testing.assert_array_equal(
        axes[-1].images[0].get_array(), found["hidden_state"][0][:, moving].T
    )
    assert [t.get_text() for t in axes[-1].get_yticklabels()] == [str(i) for i in moving]


def test_attribution_under_each_channel(classifier: SequenceClassifier) -> None:
    """Colour for every value, symmetric around nothing, and the line on top."""
    found = integrated_gradients(classifier, DATA.x)
    axes = drawn(found.plot(2))
    assert len(axes) == 2
    for channel, one in enumerate(axes):
        np.testing.assert_array_equal(one.images[0].get_array()[0], found.values[2][:, channel])
        low, high = one.images[0].get_clim()
        assert low == -high
    lines = [line for one in axes[0].figure.axes for line in one.get_lines()]
    np.testing.assert_array_equal(lines[0].get_ydata(), DATA.x[2][:, 0])


@pytest.mark.parametrize(
    ("channels", "columns", "panels"), [(1, 1, 1), (3, 1, 3), (2, 4, 4), (9, 9, 2), (9, 1, 2)]
)
def test_attribution_of_every_form(channels: int, columns: int, panels: int) -> None:
    """All channels together, masks behind them, and heat maps for many."""
    steps, values = np.ones((6, channels)), np.arange(6.0 * columns).reshape(6, columns)
    assert len(drawn(plots.plot_attribution(steps, values))) == panels
    assert len(drawn(plots.plot_attribution(steps[:1], 0 * values[:1]))) == panels


def test_beliefs_over_the_sequence(classifier: SequenceClassifier) -> None:
    """A line for each class at the steps after which it was believed; the true one is thicker."""
    beliefs = classifier.anytime(DATA.x, every=2)
    names = classifier.classes_.tolist()
    axes = drawn(plots.plot_anytime(DATA.x[0], beliefs[0], names, every=2, target="up"))
    lines = {line.get_label(): line for line in axes[1].get_lines()}
    assert list(lines) == names
    np.testing.assert_array_equal(lines["up"].get_ydata(), beliefs[0][:, 1])
    assert lines["up"].get_xdata()[-1] == len(DATA.x[0]) - 1
    assert lines["up"].get_linewidth() > lines["down"].get_linewidth()
    assert axes[0].get_title(loc="left") == "true class: up"


def test_beliefs_over_what_had_been_heard() -> None:
    """The network's steps are others than those of the sequence; the end is the end."""
    beliefs = np.full((3, 2), 0.5)
    axes = drawn(
        plots.plot_anytime(
            np.zeros((10, 1)), beliefs, ["a", "b"], prefix_lengths=np.array([4, 8, 12])
        )
    )
    assert axes[1].get_lines()[0].get_xdata().tolist() == [3, 7, 9]


def test_beliefs_over_seconds() -> None:
    """Where the rate is known the axis is in time: the tenth of ten samples stands at 0.9 s."""
    beliefs = np.full((2, 2), 0.5)
    axes = drawn(plots.plot_anytime(np.zeros((10, 1)), beliefs, ["a", "b"], every=5, rate_hz=10.0))
    assert axes[1].get_lines()[0].get_xdata().tolist() == pytest.approx([0.4, 0.9])
    assert axes[0].get_lines()[0].get_xdata()[-1] == pytest.approx(0.9)
    assert axes[1].get_xlabel() == "seconds"


def test_of_many_classes_the_most_believed_are_named() -> None:
    """The others are grey and stay out of the legend."""
    beliefs = np.random.default_rng(0).dirichlet(np.ones(20), 8)
    axes = drawn(plots.plot_anytime(np.zeros((8, 1)), beliefs, list(range(20))))
    named = [line for line in axes[1].get_lines() if not line.get_label().startswith("_")]
    assert len(axes[1].get_lines()) == 20
    most = np.sort(np.argsort(-beliefs.max(axis=0))[:6])
    assert [line.get_label() for line in named] == [f"class {i}" for i in most]


def test_former_names_of_arguments_warn_and_work() -> None:
    probabilities, lengths = np.full((3, 2), 0.5), np.array([4, 8, 12])
    with pytest.warns(DeprecationWarning, match="`heard` is now called `prefix_lengths`"):
        axes = plots.plot_anytime(np.zeros((12, 1)), probabilities, ["a", "b"], heard=lengths)
    assert axes[1].lines[0].get_xdata().tolist() == [3, 7, 11]
