"""What is somebody doing? A label for each step of a recording, from people never seen before.

    python recipes/activity.py [DATA] [--quick] [--out FOLDER]

DATA is a file with `values`, `lengths`, `labels` and `user`, as hapt_10hz.npz has them; without it,
the one in $SEGUE_DATA/activity: 30 people with a smartphone, 61 recordings, 6 channels, 10 Hz.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import segue

arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
arguments.add_argument("data", nargs="?", default="activity", help="a file of recordings")
arguments.add_argument("--quick", action="store_true", help="little: only to see that it runs")
arguments.add_argument("--out", type=Path, default=Path("runs/recipes/activity"))
asked = arguments.parse_args()
asked.out.mkdir(parents=True, exist_ok=True)

# -- 1. The recordings ----------------------------------------------------------------------------
#   segue view activity --out recordings.png
data = segue.read(asked.data)
print(data.summary(), end="\n\n")

# People 1 to 24 are learnt from; three of them watch, to choose the epoch. 25 to 30 are the test:
# who is in one part is in no other.
person = np.asarray(data.groups)
learnt, watching, test = data[person <= 21], data[(person > 21) & (person < 25)], data[person >= 25]
if asked.quick:
    learnt, watching, test = learnt[:3], watching[:1], test[:1]

# -- 2. Learn from pieces of 500 steps ------------------------------------------------------------
# A recording is thousands of steps long; pieces keep their labels, and the test stays whole.
# `bilstm` looks ahead as well as back; `lstm(64)` would label each step by what came before it. The
# same with three seeds: how far is one run from another?
#
#   segue fit activity --task label --network "bilstm(64)" --epochs 20 --batch-size 16
pieces = segue.windows(learnt, size=500, stride=500)


def learn(seed: int) -> segue.SequenceLabeler:
    epochs = 1 if asked.quick else 20
    return segue.SequenceLabeler("bilstm(64)", epochs=epochs, batch_size=16, seed=seed).fit(
        pieces, validation_data=watching
    )


labelers = [learn(seed) for seed in range(1 if asked.quick else 3)]
labeler = labelers[0]
labeler.history_.plot().figure.savefig(asked.out / "history.png")

# -- 3. What is right? ----------------------------------------------------------------------------
each = [segue.evaluate(one, test) for one in labelers]
scores = each[0]
print(scores.report(), end="\n\n")
scores.plot_confusion().figure.savefig(asked.out / "confusion.png")

# Along one recording: what was done, and what was said.
axes = segue.plots.plot_step_labels(test, 0, labeler.predict(test.x[:1])[0])
axes[0].figure.savefig(asked.out / "along.png")

# -- 4. The figures -------------------------------------------------------------------------------
table = [("labelled steps of the test", f"{len(scores.targets):,}", "")]
for seed, one in enumerate(each):
    low, high = one.interval
    table += [
        (f"accuracy of steps, seed {seed}", f"{one.accuracy:.4f}", f"baseline {one.baseline:.4f}"),
        ("... 95 % interval over people", f"{low:.3f}-{high:.3f}", ""),
        ("... balanced accuracy", f"{one.metrics()['balanced_accuracy']:.4f}", ""),
    ]
mean = np.mean([one.accuracy for one in each])
table += [("accuracy of steps, mean of the seeds", f"{mean:.4f}", "")]
print(f"{'':<36} {'measured':>12}   reference")
for name, measured, reference in table:
    print(f"{name:<36} {measured:>12}   {reference}".rstrip())
print(
    f"pictures: {', '.join(sorted(path.name for path in asked.out.glob('*.png')))} in {asked.out}"
)
