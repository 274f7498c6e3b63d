"""Sine or square? A network learns to tell two kinds of waves, and we find out what it has learnt.

    python recipes/waves.py [DATA] [--quick] [--out FOLDER]

The waves are made on the fly and written as the files of the tutorial, Train/ and Test/ with pairs
X_<i>.dat and Y_<i>.dat, into the folders DATA/fixed and DATA/random (below the pictures, if DATA is
left out): the first with waves that all begin at angle 0, as in the original, the second with waves
that begin anywhere. The studies at the end train some 200 networks, one a processor; run again, the
recipe goes on where they were.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

import segue
from segue import studies
from segue.evaluation import one_sample

LINEAR, DENSE = "flatten dense(16) dense(8)", "flatten dense(16, relu) dense(8, tanh)"

# The tutorial's protocol to the letter: a dense network with one sigmoid output (two classes share
# one logit), RMSprop, rate 0.001 throughout, batches of 32; values as they are, no validation, no
# clipping of gradients.
TUTORIAL: dict[str, Any] = {
    "prepare": "none",
    "batch_size": 32,
    "learning_rate": 0.001,
    "validation": None,
    "options": segue.TrainingOptions(
        optimizer="rmsprop", schedule="constant", clip_norm=None, progress="none"
    ),
}
# segue's own way beside it: the defaults, of which 10 % of the files choose the best epoch.
DEFAULTS: dict[str, Any] = {"options": segue.TrainingOptions(progress="none")}

Scores = dict[tuple[str, str], segue.Evaluation]


# -- 1. Files, and a look at them -----------------------------------------------------------------
#   segue generate waves data/random --phase random --count 200 --test 1000
#   segue view data/random --out random.png
#   segue data convert data/random random.arrow      read batch by batch, for more than memory holds


def write_and_view(folder: Path, out: Path, test: int) -> dict[str, segue.Dataset]:
    """Write 200 files of each phase, read them again, and draw four waves of each kind."""
    data = {}
    for phase in ("fixed", "random"):
        made = segue.synth.waves(200, test=test, phase=phase, seed=0)
        segue.write(made, folder / phase, format="dat", overwrite=True)
        data[phase] = segue.read(folder / phase)
        pictures = segue.plots.plot_sequences(data[phase].part("train"), samples=4)
        pictures[0, 0].figure.savefig(out / f"waves_{phase}.png")
        print(f"{folder / phase}: {data[phase]}")
    print("only the first files:", segue.read(folder / "fixed", part="train", limit=50))
    learnt, held = segue.read(folder / "random", part="train").split(0.2, seed=0)
    print("one folder, split in two:", learnt, held)
    four = ("sine", "square", "triangle", "sawtooth")
    print(
        "more classes:", segue.synth.waves(200, kinds=four, phase="random", noise=0.1), end="\n\n"
    )
    return data


# -- 2. What a single sample says -----------------------------------------------------------------
# With a fixed phase the first sample is sin(f), which is 0.39 at most, or 1: a threshold is enough,
# and a network that is right has not shown that it knows a wave. With a random phase it is not.


def one_sample_alone(data: dict[str, segue.Dataset], out: Path) -> dict[str, float]:
    """Draw the first sample of each wave; return how often a threshold on it is right."""
    stumps = {phase: one_sample(files) for phase, files in data.items()}
    with mpl.rc_context(segue.plots.STYLE):
        figure = Figure(figsize=(8, 1.8), layout="constrained")
        for (phase, stump), axes in zip(stumps.items(), figure.subplots(1, 2), strict=True):
            title = f"{phase} phase, first sample alone: {100 * stump.accuracy:.1f} % right"
            stump.plot(axes, title=title)
        figure.savefig(out / "first_sample.png")
    return {phase: stump.accuracy for phase, stump in stumps.items()}


# -- 3. The networks ------------------------------------------------------------------------------
#   segue fit data/random --network "flatten dense(16, relu) dense(8, tanh)" --prepare none
#       --optimizer rmsprop --schedule constant --learning-rate 0.001 --option clip_norm=none
#       --epochs 300 --validation none
#   segue fit data/random --network "lstm(32)"


def train_networks(
    data: dict[str, segue.Dataset], out: Path, quick: bool
) -> tuple[Scores, dict[str, float]]:
    """Train four networks on both kinds of files; return their scores, and the seconds of each."""
    tutorial = TUTORIAL | {"epochs": 5 if quick else 300}
    defaults = DEFAULTS | {"epochs": 5 if quick else "auto"}
    networks = {
        "without activations": (LINEAR, tutorial),
        "the tutorial's network": (DENSE, tutorial),
        "rnn(32)": ("rnn(32)", tutorial),
        "lstm(32), segue's defaults": ("lstm(32)", defaults),
    }
    scores: Scores = {}
    seconds = {}
    for name, (network, protocol) in networks.items():
        for phase, files in data.items():
            classifier = segue.SequenceClassifier(network, seed=0, **protocol)
            began = time.perf_counter()
            classifier.fit(files)
            seconds[name] = time.perf_counter() - began
            score = scores[name, phase] = segue.evaluate(classifier, files)
            print(f"{phase:<6}  {name:<27}  {score}")
            if network == DENSE:
                classifier.network_.diagram(out / "network.png")
                score.plot_history().figure.savefig(out / f"history_{phase}.png")
            if network == "lstm(32)" and phase == "random":
                score.plot_answers(6)[0].figure.savefig(out / "answers.png")
    return scores, seconds


# -- 4. Is it the network, or are 200 files too few? ----------------------------------------------
# Ten times the files, the same test: waves with a random phase, for the two dense networks.


def train_on_more(more: segue.Dataset, scores: Scores, quick: bool) -> None:
    """Add the scores of the two dense networks."""
    many = TUTORIAL | {"epochs": 5 if quick else 100}
    for name, network in (("without activations", LINEAR), ("the tutorial's network", DENSE)):
        classifier = segue.SequenceClassifier(network, seed=0, **many).fit(more)
        scores[name, "more"] = segue.evaluate(classifier, more)


# -- 5. The figures -------------------------------------------------------------------------------
# The original gives none; what it says of each is in the last column.


def print_table(scores: Scores, seconds: dict[str, float], threshold: dict[str, float]) -> None:
    """Print what each network came to, beside what needs no network."""
    said = {"without activations": "cannot learn this", "the tutorial's network": "learns it"}
    base = {phase: scores["rnn(32)", phase].baseline for phase in threshold}
    header = ("accuracy on the test files", "fixed", "random", "more files", "seconds")
    print("\n{:<28} {:>7} {:>7} {:>10} {:>8}   original".format(*header))
    print(f"{'the most frequent class':<28} {base['fixed']:>7.4f} {base['random']:>7.4f}")
    print(
        f"{'a threshold on one sample':<28} {threshold['fixed']:>7.4f} {threshold['random']:>7.4f}"
    )
    for name, took in seconds.items():
        fixed, random = scores[name, "fixed"].accuracy, scores[name, "random"].accuracy
        large = f"{scores[name, 'more'].accuracy:.4f}" if (name, "more") in scores else ""
        row = f"{name:<28} {fixed:>7.4f} {random:>7.4f} {large:>10} {took:>8.1f}"
        print(f"{row}   {said.get(name, '')}".rstrip())


# -- 6. How many files, and how many epochs? ------------------------------------------------------
# Ten sizes, ten seeds: the tutorial's network on its own choice of so many files each time. The
# test files are scored after each epoch, only to be looked at: the last epoch is the one that
# counts. Then an LSTM, which needs far fewer.
#
#   segue generate waves data/many --phase random --count 2000 --test 1000
#   segue study learning-curve data/many --network "flatten dense(16, relu) dense(8, tanh)"
#       --prepare none --optimizer rmsprop --schedule constant --learning-rate 0.001
#       --option clip_norm=none --epochs 200 --validation none --until 0.9 --watch-test
#       --sizes 50,100,200,300,400,600,800,1200,1600,2000 --seeds 10
#   segue study learning-curve data/many --network "lstm(32)" --sizes 20,35,50,100,200

SIZES = [50, 100, 200, 300, 400, 600, 800, 1200, 1600, 2000]


def files_curve(
    more: segue.Dataset, sizes: list[int], seeds: int, epochs: int, **how: Any
) -> studies.LearningCurve:
    """Train the tutorial's network on more and more files."""
    classifier = segue.SequenceClassifier(DENSE, **TUTORIAL | {"epochs": epochs})
    return studies.learning_curve(
        classifier, more, sizes=sizes, seeds=seeds, until=0.9, watch_test=True, **how
    )


def how_many_files(more: segue.Dataset, out: Path, kept: Path, how: dict[str, Any]) -> None:
    """Draw and print two learning curves."""
    sizes, seeds, epochs = (SIZES[:4], 2, 4) if kept.name.endswith("quick") else (SIZES, 10, 200)
    print("\n== The tutorial's network: how many files, and how many epochs?")
    curve = files_curve(more, sizes, seeds, epochs, folder=kept / "files", **how)
    curve.plot().figure.savefig(out / "learning_curve.png")
    curve.plot_epochs().figure.savefig(out / "epochs.png")
    print(curve.report())
    large = curve.since(sizes[len(sizes) // 2 - 1])
    large.plot().figure.savefig(out / "learning_curve_large.png")
    print(f"\nThe same from {large.sizes[0]:,} files on, where it no longer guesses:")
    print(large.report(), "\nIn words:", *curve.answers(), large.answers()[-1], sep="\n")


def how_many_files_for_an_lstm(
    more: segue.Dataset, out: Path, kept: Path, how: dict[str, Any]
) -> None:
    """The same for `lstm(32)` with segue's defaults."""
    quick = kept.name.endswith("quick")
    sizes, seeds, epochs = ([20, 50], 2, 2) if quick else ([20, 35, 50, 100, 200], 5, "auto")
    classifier = segue.SequenceClassifier("lstm(32)", **DEFAULTS | {"epochs": epochs})
    print("\n== lstm(32), segue's defaults: how many files?")
    curve = studies.learning_curve(
        classifier, more, sizes=sizes, seeds=seeds, folder=kept / "files-lstm", **how
    )
    curve.plot().figure.savefig(out / "learning_curve_lstm.png")
    print(curve.report())


# -- 7. How many layers, of what size, with which activation? -------------------------------------
# Every combination, compared on waves of their own (a part "validation"; the test files are left
# alone). A name in braces stands for the values that are tried.
#
#   segue study grid data/many --network "flatten repeat({layers}, dense({units}, {activation}))"
#       --set layers=1,2,3 --set units=4,16,64 --set activation=linear,relu,tanh --set monitor=last
#       --until 0.9 --held 0.5 --prepare none --optimizer rmsprop --schedule constant
#       --learning-rate 0.001 --option clip_norm=none --epochs 100


def which_network(out: Path, kept: Path, how: dict[str, Any]) -> None:
    """Draw and print a grid over layers, units and activations."""
    quick = kept.name.endswith("quick")
    tried = segue.synth.waves(
        100 if quick else 1000, validation=100 if quick else 1000, phase="random", seed=1
    )
    network = "flatten repeat({layers}, dense({units}, {activation}))"
    classifier = segue.SequenceClassifier(network, **TUTORIAL | {"epochs": 3 if quick else 100})
    classifier.set_params(options__monitor="last")  # no epoch is chosen, as in the tutorial
    space = {
        "layers": [1, 2] if quick else [1, 2, 3],
        "units": [4, 16] if quick else [4, 16, 64],
        "activation": ["linear", "relu"] if quick else ["linear", "relu", "tanh"],
    }
    print("\n== How many layers, of what size, with which activation?")
    found = studies.grid(
        classifier, tried, space, seeds=1 if quick else 3, until=0.9, folder=kept / "grid", **how
    )
    found.plot().figure.savefig(out / "grid.png")
    print(found.report())


def main() -> None:
    """From the files to the answers."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("data", nargs="?", type=Path, help="a folder for the waves' files")
    arguments.add_argument("--quick", action="store_true", help="little: only to see that it runs")
    arguments.add_argument("--out", type=Path, default=Path("runs/recipes/waves"))
    asked = arguments.parse_args()
    out, quick = asked.out, asked.quick
    out.mkdir(parents=True, exist_ok=True)

    data = write_and_view(asked.data or out / "data", out, test=100 if quick else 1000)
    threshold = one_sample_alone(data, out)
    scores, seconds = train_networks(data, out, quick)
    more = segue.synth.waves(
        300 if quick else 2000, test=100 if quick else 1000, phase="random", seed=0
    )
    train_on_more(more, scores, quick)
    print_table(scores, seconds, threshold)

    kept = out / ("studies-quick" if quick else "studies")
    with studies.LocalProcesses(1 if quick else None) as processes:
        how = {"executor": processes, "progress": "lines"}
        how_many_files(more, out, kept, how)
        how_many_files_for_an_lstm(more, out, kept, how)
        which_network(out, kept, how)
    print(f"\nthe pictures are in {out}, the studies in {kept}")


if __name__ == "__main__":
    main()
