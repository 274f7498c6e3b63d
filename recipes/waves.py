"""Sine or square? A network learns to tell two kinds of waves, and we find out what it has learnt.

    python recipes/waves.py [DATA] [--quick] [--out FOLDER]

The waves are made on the fly and written as the files of the tutorial, Train/ and Test/ with pairs
X_<i>.dat and Y_<i>.dat, into the folders DATA/fixed and DATA/random (below the pictures, if DATA is
left out): the first with waves that all begin at angle 0, as in the original, the second with waves
that begin anywhere.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

import segue
from segue.evaluation import one_sample

arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
arguments.add_argument("data", nargs="?", type=Path, help="a folder for the waves' files")
arguments.add_argument("--quick", action="store_true", help="few epochs: only to see that it runs")
arguments.add_argument("--out", type=Path, default=Path("runs/recipes/waves"))
asked = arguments.parse_args()
asked.out.mkdir(parents=True, exist_ok=True)
folder = asked.data or asked.out / "data"

# -- 1. Files, and a look at them -----------------------------------------------------------------
#   segue generate waves data/random --phase random --count 200 --test 1000
#   segue view data/random --out random.png
data = {}
for phase in ("fixed", "random"):
    made = segue.synth.waves(200, test=100 if asked.quick else 1000, phase=phase, seed=0)
    segue.write(made, folder / phase, format="dat", overwrite=True)
    data[phase] = segue.read(folder / phase)
    pictures = segue.plots.plot_sequences(data[phase].part("train"), samples=4)
    pictures[0, 0].figure.savefig(asked.out / f"waves_{phase}.png")
    print(f"{folder / phase}: {data[phase]}")
print("only the first files:", segue.read(folder / "fixed", part="train", limit=50))
four = ("sine", "square", "triangle", "sawtooth")
print("more classes:", segue.synth.waves(200, kinds=four, phase="random", noise=0.1), end="\n\n")

# -- 2. What a single sample says -----------------------------------------------------------------
# With a fixed phase the first sample is sin(f), which is 0.39 at most, or 1: a threshold is enough,
# and a network that is right has not shown that it knows a wave. With a random phase it is not.
stumps = {phase: one_sample(data[phase]) for phase in data}
with mpl.rc_context(segue.plots.STYLE):
    figure = Figure(figsize=(8, 1.8), layout="constrained")
    for (phase, stump), axes in zip(stumps.items(), figure.subplots(1, 2), strict=True):
        title = f"{phase} phase, first sample alone: {100 * stump.accuracy:.1f} % right"
        stump.plot(axes, title=title)
    figure.savefig(asked.out / "first_sample.png")

# -- 3. The networks ------------------------------------------------------------------------------
# The tutorial's protocol to the letter: a dense network with one sigmoid output (two classes share
# one logit), RMSprop, rate 0.001 throughout, 300 epochs of 200 files in batches of 32; values as
# they are, no validation, no clipping of gradients.
#
#   segue fit data/random --network "flatten dense(16, relu) dense(8, tanh)" --prepare none
#       --optimizer rmsprop --schedule constant --learning-rate 0.001 --epochs 300 --validation none
tutorial = {
    "prepare": "none",
    "epochs": 5 if asked.quick else 300,
    "batch_size": 32,
    "learning_rate": 0.001,
    "validation": None,
    "options": segue.TrainingOptions(
        optimizer="rmsprop", schedule="constant", clip_norm=None, progress="none"
    ),
}
# segue's own way beside it: the defaults, of which 10 % of the files choose the best epoch.
defaults = {
    "epochs": 5 if asked.quick else "auto",
    "options": segue.TrainingOptions(progress="none"),
}
linear, dense = "flatten dense(16) dense(8)", "flatten dense(16, relu) dense(8, tanh)"
networks = {
    "without activations": (linear, tutorial),
    "the tutorial's network": (dense, tutorial),
    "rnn(32)": ("rnn(32)", tutorial),
    "lstm(32), segue's defaults": ("lstm(32)", defaults),
}
scores, seconds = {}, {}
for name, (network, protocol) in networks.items():
    for phase, files in data.items():
        classifier = segue.SequenceClassifier(network, seed=0, **protocol)
        began = time.perf_counter()
        classifier.fit(files)
        seconds[name] = time.perf_counter() - began
        scores[name, phase] = segue.evaluate(classifier, files)
        print(f"{phase:<6}  {name:<27}  {scores[name, phase]}")
        if name == "the tutorial's network":
            classifier.network_.diagram(asked.out / "network.png")
            scores[name, phase].plot_history().figure.savefig(asked.out / f"history_{phase}.png")
        if name == "lstm(32), segue's defaults" and phase == "random":
            scores[name, phase].plot_answers(6)[0].figure.savefig(asked.out / "answers.png")

# -- 4. Is it the network, or are 200 files too few? ----------------------------------------------
# Ten times the files, the same test: waves with a random phase, for the two dense networks.
more = segue.synth.waves(
    300 if asked.quick else 2000, test=len(data["random"].part("test")), phase="random", seed=0
)
many = tutorial | {"epochs": 5 if asked.quick else 100}
for name, network in (("without activations", linear), ("the tutorial's network", dense)):
    classifier = segue.SequenceClassifier(network, seed=0, **many).fit(more)
    scores[name, "more"] = segue.evaluate(classifier, more)

# -- 5. The figures -------------------------------------------------------------------------------
# The original gives none; what it says of each is in the last column.
said = {"without activations": "cannot learn this", "the tutorial's network": "learns it"}
base = {phase: scores["rnn(32)", phase].baseline for phase in data}
threshold = {phase: stump.accuracy for phase, stump in stumps.items()}
header = ("accuracy on the test files", "fixed", "random", "more files", "seconds")
print("\n{:<28} {:>7} {:>7} {:>10} {:>8}   original".format(*header))
print(f"{'the most frequent class':<28} {base['fixed']:>7.4f} {base['random']:>7.4f}")
print(f"{'a threshold on one sample':<28} {threshold['fixed']:>7.4f} {threshold['random']:>7.4f}")
for name, took in seconds.items():
    fixed, random = scores[name, "fixed"].accuracy, scores[name, "random"].accuracy
    large = f"{scores[name, 'more'].accuracy:.4f}" if (name, "more") in scores else ""
    row = f"{name:<28} {fixed:>7.4f} {random:>7.4f} {large:>10} {took:>8.1f}"
    print(f"{row}   {said.get(name, '')}".rstrip())
print(f"the pictures are in {asked.out}")
