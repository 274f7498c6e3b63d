"""Random series, the best that noise allows, and an LSTM taken apart.

    python recipes/random_series.py [DATA] [--quick] [--out FOLDER]

Each series comes from three normal numbers a, b, c: softmax over i of i * a * b + c. Noisy copies
of four such series are to be told apart. They are made on the fly; with DATA, a folder, their files
are written there too, below 10/ and 15/.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure

import segue
from segue.layers import LSTM, Cell, CustomCell

arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
arguments.add_argument("data", nargs="?", type=Path, help="a folder for the series' files")
arguments.add_argument("--quick", action="store_true", help="few data: only to see that it runs")
arguments.add_argument("--out", type=Path, default=Path("runs/recipes/random_series"))
asked = arguments.parse_args()
asked.out.mkdir(parents=True, exist_ok=True)
COUNT, TEST, EPOCHS = (100, 100, 2) if asked.quick else (1000, 2000, 100)
NOISE, UNITS = 0.02, 16


def learner(network, **more):
    """A classifier with the original's rate, 0.001 throughout, and values as they are."""
    quiet = segue.TrainingOptions(
        schedule="constant", clip_norm=None, progress="none", **more.pop("options", {})
    )
    return segue.SequenceClassifier(
        network,
        **{"prepare": "none", "epochs": EPOCHS, "learning_rate": 0.001, "seed": 0}
        | {"validation": None, "options": quiet} | more,
    )  # fmt: skip


# -- 1. The series, their noisy copies, and the best possible accuracy ----------------------------
# c cancels in the softmax, so only a * b counts, and two series can nearly coincide: here 1 and 2.
#
#   segue generate random-series data/10 --count 1000 --test 2000 --length 10 --noise 0.02
#   segue fit data/10 --network "lstm(16, name=memory)" --prepare none --schedule constant
#       --learning-rate 0.001 --option clip_norm=none --epochs 100 --validation none
data, best, fitted, scores = {}, {}, {}, {}
for length in (10, 15):
    made = segue.synth.random_series(COUNT, test=TEST, length=length, noise=NOISE, seed=0)
    if asked.data is not None:
        segue.write(made, asked.data / str(length), format="dat", overwrite=True)
        made = segue.read(asked.data / str(length))
    data[length] = made
    clean = segue.synth.clean_series(4, length, seed=0)
    best[length] = segue.synth.bayes_accuracy(clean, NOISE)
    named = {f"series {number}": series for number, series in enumerate(clean, start=1)}
    title = f"best possible accuracy with this noise: {best[length]:.4f}"
    axes = segue.plots.plot_lines(range(length), named, xlabel="i", ylabel="value", title=title)
    axes.figure.savefig(asked.out / f"series_{length}.png")
    examples = segue.plots.plot_sequences(made.part("train"), samples=4)
    examples[0, 0].figure.savefig(asked.out / f"noisy_{length}.png")

    # -- 2. A network learns which series it is ---------------------------------------------------
    fitted[length] = learner(f"lstm({UNITS}, name=memory)").fit(made)
    scores[length] = segue.evaluate(fitted[length], made)
    answers = scores[length].plot_answers(9)
    answers[0].figure.savefig(asked.out / f"answers_{length}.png")
    print(f"{length} steps: {scores[length]}")
fitted[10].history_.plot().figure.savefig(asked.out / "history.png")


# -- 3. What is missing to the best possible? -----------------------------------------------------
# Not units, but updates: values this small move a network slowly. As many series as the test has,
# others of course, watch ten times as many epochs at the original's rate, and choose the best one;
# then three times as many with standardized values; then segue's defaults (standardized, a rate
# that rises to 0.004 and falls), when it chooses how long (31 epochs), and for as many epochs as
# the original.
#
#   segue fit data/10 --network "lstm(16)" --epochs 100
def by_default(epochs):
    quiet = segue.TrainingOptions(progress="none")
    return segue.SequenceClassifier(f"lstm({UNITS})", epochs=epochs, seed=0, options=quiet)


watching = {
    length: segue.synth.random_series(COUNT, validation=TEST, length=length, noise=NOISE, seed=0)
    for length in (10, 15)
}
watching = {length: made.part("validation") for length, made in watching.items()}
longer = learner(f"lstm({UNITS})", epochs=10 * EPOCHS, options={"patience": None})
longer.fit(data[10], validation_data=watching[10])
scaled = learner(
    f"lstm({UNITS})", prepare="standardize", epochs=3 * EPOCHS, options={"patience": None}
).fit(data[10], validation_data=watching[10])
auto = by_default(2 if asked.quick else "auto").fit(data[10], validation_data=watching[10])
default = {
    length: by_default(EPOCHS).fit(data[length], validation_data=watching[length])
    for length in (10, 15)
}
with mpl.rc_context(segue.plots.STYLE):
    axes = Figure(figsize=(5, 2.8), layout="constrained").subplots()
    shown = {"rate 0.001": longer, "standardized": scaled, "segue's defaults": default[10]}
    for name, one in shown.items():
        axes.plot(one.history_["epoch"], one.history_["validation_accuracy"], label=name)
    axes.axhline(best[10], color="black", ls="--", lw=1, label="best possible")
    axes.set(xscale="log", xlabel="epoch", ylabel="accuracy on series that watch", title="10 steps")
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.legend()
    axes.figure.savefig(asked.out / "limit.png")

# -- 4. The LSTM taken apart: its weights ---------------------------------------------------------
classifier, x = fitted[10], data[10].part("test").x
weights = classifier.network_.get_weights()
print("the weights of the trained network, gates in the order input, forget, cell, output:")
for name, array in weights.items():
    print(f"  {name:<24} {array.shape}")


# -- 5. The same cell in our own words ------------------------------------------------------------
# Parameters that have the built-in layer's names can take over its weights.
class MyLSTM(Cell):
    def __init__(self, channels, units):
        super().__init__()
        self.kernel = torch.nn.Parameter(0.1 * torch.randn(channels, 4 * units))
        self.recurrent_kernel = torch.nn.Parameter(0.1 * torch.randn(units, 4 * units))
        self.bias = torch.nn.Parameter(torch.zeros(4 * units))

    def initial_state(self, batch):
        return torch.zeros(batch, len(self.bias) // 4), torch.zeros(batch, len(self.bias) // 4)

    def step(self, x_t, state):
        h, c = state
        gates = x_t @ self.kernel + h @ self.recurrent_kernel + self.bias
        i, f, g, o = gates.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


torch.manual_seed(0)
own = learner([CustomCell(MyLSTM(1, UNITS), name="memory")], epochs=2).fit(data[10])
own.network_.set_weights(weights)
difference = np.abs(own.predict_proba(x) - classifier.predict_proba(x)).max()
print(f"own cell and built-in layer, the same weights: largest difference {difference:.1e}")

# -- 6. Where the state begins --------------------------------------------------------------------
# At zeros, at values of our own, or at values that are learnt like any weight. Both train on from
# the weights that are there: the learnt state begins at zeros.
few = {"epochs": 2 if asked.quick else 10}
begin = {"memory/initial_h": np.zeros(UNITS), "memory/initial_c": np.zeros(UNITS)}
learnt = learner(f"lstm({UNITS}, initial_state=learnt, name=memory)", **few)
learnt.fit(data[10], initial=weights | begin)
print("initial c, learnt:", learnt.network_.get_weights()["memory/initial_c"][:4].round(4), "...")
half = [[0.0] * UNITS, [0.5] * UNITS]  # h and c
given = learner([LSTM(UNITS, initial_state=half, name="memory")], **few)
given.fit(data[10], initial=weights)

# -- 7. Weights set, copied, and trained on from there --------------------------------------------
# Without its biases the head answers otherwise; with them it is as before, to the bit.
before = classifier.predict_proba(x)
classifier.network_.set_weights({"head/bias": np.zeros(4)})
changed = np.abs(classifier.predict_proba(x) - before).max()
classifier.network_.set_weights({"head/bias": weights["head/bias"]})
restored = np.abs(classifier.predict_proba(x) - before).max()
print(f"head without biases: probabilities move by up to {changed:.2f}; restored: {restored:.0f}")

# What was learnt from 10 steps begins the training on 15: all of it, or with the LSTM frozen. The
# head begins anew: without its weights the layer "memory" alone is found in both.
#   segue fit data/15 --network "lstm(16, name=memory)" --initial runs/10-lstm-1 --frozen memory ...
memory = {name: array for name, array in weights.items() if name.startswith("memory/")}
network = f"lstm({UNITS}, name=memory)"
scratch = learner(network, **few).fit(data[15])
onward = learner(network, **few).fit(data[15], initial=memory)
frozen = learner(network, **few, options={"frozen": ("memory",)}).fit(data[15], initial=memory)
kept = all(np.array_equal(frozen.network_.get_weights()[name], memory[name]) for name in memory)
print(f"the frozen layer is as it was, to the bit: {kept}")
three = {"from scratch": scratch, "trained on": onward, "frozen": frozen}
axes = segue.plots.plot_lines(
    scratch.history_["epoch"],
    {name: one.history_["accuracy"] for name, one in three.items()},
    xlabel="epoch",
    ylabel="accuracy in training",
    title="15 steps",
)
axes.figure.savefig(asked.out / "onward.png")

# -- 8. The figures -------------------------------------------------------------------------------
test = {length: part.part("test") for length, part in data.items()}
table = [
    ("10 steps", scores[10].accuracy, best[10]),
    (f"10 steps, {10 * EPOCHS} epochs", longer.score(test[10]), best[10]),
    (f"10 steps, {3 * EPOCHS} epochs, standardized", scaled.score(test[10]), best[10]),
    ("10 steps, segue's defaults", auto.score(test[10]), best[10]),
    (f"10 steps, defaults, {EPOCHS} epochs", default[10].score(test[10]), best[10]),
    ("10 steps, trained on, state given", given.score(test[10]), best[10]),
    ("10 steps, trained on, state learnt", learnt.score(test[10]), best[10]),
    ("15 steps", scores[15].accuracy, best[15]),
    (f"15 steps, defaults, {EPOCHS} epochs", default[15].score(test[15]), best[15]),
    (f"15 steps, {few['epochs']} epochs, from scratch", scratch.score(test[15]), best[15]),
    (f"15 steps, {few['epochs']} epochs, trained on", onward.score(test[15]), best[15]),
    (f"15 steps, {few['epochs']} epochs, frozen", frozen.score(test[15]), best[15]),
]
print(f"\n{'accuracy on the test part':<36} {'measured':>9}   best possible")
for name, measured, possible in table:
    print(f"{name:<36} {measured:>9.4f}   {possible:.4f}")
print(f"{'own cell, largest difference':<36} {difference:>9.1e}   at most 1e-05")
print(f"the pictures are in {asked.out}")
