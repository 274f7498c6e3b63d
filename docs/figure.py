"""Draw the figure of the README: python docs/figure.py (needs only the data that are shipped).

What a speaker's utterance looks like, what a causal network believes after each step of it, how the
training went, and how the test part is classified.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

import segue
from segue import plots

HERE = Path(__file__).resolve().parent


def main() -> None:
    with mpl.rc_context(plots.STYLE):
        draw()


def draw() -> None:
    data = segue.read("japanese-vowels")
    train, test = data.part("train"), data.part("test")
    classifier = segue.SequenceClassifier("lstm(100)", seed=0).fit(train)
    evaluation = segue.evaluate(classifier, test)
    number = latest_change(classifier.anytime(test.x), evaluation.predictions == test.y)

    figure = Figure(figsize=(10.5, 5.4), layout="constrained", dpi=110)
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.25, 1))
    axes = upper.subplots(1, 2, width_ratios=(1.25, 1))
    draw_belief(axes[0], classifier, test, number)
    evaluation.plot_confusion(axes=axes[1])
    axes[1].set_title(f"test part: {evaluation.accuracy:.1%} of {len(test)} right")
    axes = lower.subplots(1, 2, width_ratios=(1.25, 1))
    draw_sequence(axes[0], test.x[number])
    plots.plot_curve(classifier.history_, "loss", axes=axes[1])
    figure.savefig(HERE / "images" / "speakers.png")
    print(f"accuracy {evaluation.accuracy:.4f}, baseline {evaluation.baseline:.4f}")


def latest_change(beliefs: segue.Sequences, right: np.ndarray) -> int:
    """The sequence whose right answer was found last: it shows most."""
    steps = [
        np.flatnonzero(belief.argmax(1) != belief[-1].argmax()).max(initial=-1) / len(belief)
        for belief in beliefs
    ]
    return int(np.argmax(np.where(right, steps, -1)))


def draw_belief(axes, classifier, test, number: int) -> None:
    """The probability of each class after each step."""
    belief = classifier.anytime(test.x[number : number + 1])[0]
    time = np.arange(1, len(belief) + 1)
    shown = np.argsort(-belief.max(0))[:4]
    for rank, label in enumerate(shown):
        name = f"speaker {classifier.classes_[label]}"
        axes.plot(time, belief[:, label], lw=2, color=plots.PALETTE[rank], label=name)
    axes.set(
        ylim=(0, 1.02), xlim=(0.5, len(belief) + 0.5), ylabel="probability", xlabel="time step"
    )
    axes.set_title(f"who speaks? belief after each step (it is speaker {test.y[number]})")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)


def draw_sequence(axes, steps: np.ndarray) -> None:
    """The channels of one utterance, a row each."""
    scaled = (steps - steps.mean(0)) / steps.std(0)
    axes.imshow(
        scaled.T,
        aspect="auto",
        cmap="viridis",
        interpolation="none",
        extent=(0.5, len(steps) + 0.5, 12.5, 0.5),
    )
    axes.grid(visible=False)
    axes.set(xlabel="time step", ylabel="channel", title="the same utterance, 12 channels")


if __name__ == "__main__":
    main()
