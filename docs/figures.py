"""Draw the figures of the explanations: python docs/figures.py (needs only the data shipped).

Each function draws one picture into docs/images and prints the numbers that the pages name.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import segue
from segue import plots
from segue.layers import Padded

IMAGES = Path(__file__).resolve().parent / "images"
BLUE, VERMILION, GREEN = plots.PALETTE[:3]
QUIET = segue.TrainingOptions(progress="none")


def main() -> None:
    data = segue.read("japanese-vowels")
    with mpl.rc_context(plots.STYLE):
        for draw in (padding, ends, best_epoch, scores):
            figure = draw(data.part("train"), data.part("test"))
            figure.savefig(IMAGES / f"{draw.__name__.replace('_', '-')}.png")


# -- padding --------------------------------------------------------------------------------------


def padding(train: segue.Dataset, test: segue.Dataset) -> Figure:
    """Accuracy over the zeros added: left alone, and read as if they were steps."""
    clf = segue.SequenceClassifier("lstm(32)", seed=0, options=QUIET).fit(train)
    counts = [0, 1, 2, 5, 10, 15, 20, 30, 40, 50]
    asked = {
        "lengths known (segue)": known,
        "read as steps, before": read_before,
        "read as steps, behind": read_behind,
    }
    figure = Figure(figsize=(7.2, 3.0), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    for (name, ask), colour in zip(asked.items(), (BLUE, GREEN, VERMILION), strict=True):
        right = [np.mean(ask(clf, test, n).argmax(1) == test.y - 1) for n in counts]
        axes.plot(counts, right, label=name, color=colour, marker="o", ms=3)
        said = ", ".join(f"{n}: {share:.4f}" for n, share in zip(counts, right, strict=True))
        print(f"padding: {name}: {said}")
    axes.set(xlabel="zeros added to each sequence (time steps)", ylabel="accuracy", ylim=(0, 1.02))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    print(f"padding: largest difference of a probability {largest_difference(clf, test):.1e}")
    return figure


def known(clf: segue.SequenceClassifier, test: segue.Dataset, count: int) -> np.ndarray:
    """All sequences in one batch, with zeros behind the longest, and the lengths told."""
    sequences = clf.preparation_.apply(test.x).to_list()
    lengths = torch.tensor([len(values) for values in sequences])
    batch = torch.zeros(len(sequences), int(lengths.max()) + count, sequences[0].shape[1])
    for row, values in zip(batch, sequences, strict=True):
        row[: len(values)] = torch.tensor(values)
    return probabilities(clf, Padded(batch, lengths))


def read_before(clf: segue.SequenceClassifier, test: segue.Dataset, count: int) -> np.ndarray:
    return read(clf, test, before=count, behind=0)


def read_behind(clf: segue.SequenceClassifier, test: segue.Dataset, count: int) -> np.ndarray:
    return read(clf, test, before=0, behind=count)


def read(
    clf: segue.SequenceClassifier, test: segue.Dataset, *, before: int, behind: int
) -> np.ndarray:
    """What a network says that is not told where a sequence ends: zeros are steps to it."""
    answers = []
    for values in clf.preparation_.apply(test.x).to_list():
        longer = torch.from_numpy(np.pad(values, ((before, behind), (0, 0))))
        answers.append(probabilities(clf, Padded(longer[None], torch.tensor([len(longer)]))))
    return np.concatenate(answers)


def probabilities(clf: segue.SequenceClassifier, batch: Padded) -> np.ndarray:
    with torch.no_grad():
        return clf.network_(batch).softmax(1).numpy()


def largest_difference(clf: segue.SequenceClassifier, test: segue.Dataset) -> float:
    """Each sequence alone; all in one batch with 50 more zeros; with zeros before, and a mask."""
    alone = np.concatenate([clf.predict_proba(test.x[i : i + 1]) for i in range(len(test))])
    array = np.zeros((len(test), 80, test.x.channels), np.float32)
    mask = np.zeros((len(test), 80), bool)
    for row, values in enumerate(test.x):
        array[row, 80 - len(values) :], mask[row, 80 - len(values) :] = values, True
    left = clf.predict_proba(segue.Sequences.from_padded(array, mask))
    others = (clf.predict_proba(test.x), known(clf, test, 50), left)
    return max(float(np.abs(alone - other).max()) for other in others)


# -- states and outputs ---------------------------------------------------------------------------


def ends(train: segue.Dataset, test: segue.Dataset) -> Figure:
    """Every output of both directions for one utterance, and where the last ones are."""
    clf = segue.SequenceClassifier("bilstm(8, output=every) pool(mean)", epochs=40, options=QUIET)
    clf.fit(train)
    steps = clf.embed(test.x[:1], layer="bilstm_1", how="every")[0]
    figure = Figure(figsize=(7.2, 3.2), layout="constrained", dpi=120)
    for row, (name, place, axes) in enumerate(
        zip(
            ("forward", "backward"),
            (len(steps) - 1, 0),
            figure.subplots(2, 1, sharex=True),
            strict=True,
        )
    ):
        shown = axes.imshow(
            steps[:, 8 * row : 8 * row + 8].T,
            aspect="auto",
            cmap="RdBu_r",
            vmin=-1,
            vmax=1,
            extent=(0.5, len(steps) + 0.5, 8.5, 0.5),
        )
        mark = Rectangle((place + 0.5, 0.5), 1, 8, fill=False, lw=2.2, ec="black", clip_on=False)
        axes.add_patch(mark)
        axes.grid(visible=False)
        axes.set(ylabel="unit", title=f"{name}: its last output is that of time step {place + 1}")
    axes.set(xlabel="time step", xticks=range(1, len(steps) + 1))
    figure.colorbar(shown, ax=figure.axes, shrink=0.7, label="output")
    return figure


# -- validation -----------------------------------------------------------------------------------


def best_epoch(train: segue.Dataset, _: segue.Dataset) -> Figure:
    """Losses of a training at a constant rate that goes on for too long."""
    options = segue.TrainingOptions(schedule="constant", patience=None, progress="none")
    clf = segue.SequenceClassifier(
        "lstm(100)", epochs=120, learning_rate=0.01, validation=0.3, options=options
    ).fit(train)
    figure = Figure(figsize=(7.6, 2.8), layout="constrained", dpi=120)
    for axes, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        plots.plot_curve(clf.history_, metric, axes=axes)
    figure.axes[0].set_yscale("log")
    figure.axes[0].set_yticks(
        [0.0001, 0.001, 0.01, 0.1, 1], ["0.0001", "0.001", "0.01", "0.1", "1"]
    )
    figure.axes[0].minorticks_off()
    rows = clf.history_.rows
    best = min(rows, key=lambda row: row["validation_loss"])
    print(f"best-epoch: best {best}; last {rows[-1]}")
    return figure


# -- what the numbers mean ------------------------------------------------------------------------


def scores(train: segue.Dataset, test: segue.Dataset) -> Figure:
    """Confusion and calibration of `segue fit japanese-vowels --network "lstm(16)" --epochs 5`."""
    clf = segue.SequenceClassifier("lstm(16)", epochs=5, seed=0, options=QUIET).fit(train)
    found = segue.evaluate(clf, test)
    figure = Figure(figsize=(7.6, 3.4), layout="constrained", dpi=120)
    axes = figure.subplots(1, 2, width_ratios=(1.15, 1))
    found.plot_confusion(axes=axes[0])
    found.plot_calibration(axes=axes[1])
    print(f"scores: {found.report()}")
    return figure


if __name__ == "__main__":
    main()
