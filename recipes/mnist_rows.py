"""Handwritten digits row by row: an LSTM that reads images, and what it has learnt.

    python recipes/mnist_rows.py [DATA] [--quick] [--out FOLDER]

An image of 28 x 28 pixels is a sequence: 28 steps, one for each row, of 28 channels. DATA is a
folder with the four files of MNIST; without it they are taken from $SEGUE_DATA/mnist or downloaded.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

import segue
from segue.evaluation import embedding

arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
arguments.add_argument("data", nargs="?", default="mnist-rows", help="folder with MNIST's files")
arguments.add_argument("--quick", action="store_true", help="few images: only to see that it runs")
arguments.add_argument("--out", type=Path, default=Path("runs/recipes/mnist_rows"))
asked = arguments.parse_args()
asked.out.mkdir(parents=True, exist_ok=True)

# -- 1. The data ----------------------------------------------------------------------------------
#   segue data show mnist-rows
#   segue view mnist-rows --part test --as image --out digits.png
data = segue.read(asked.data, limit=600 if asked.quick else None)
train, test = data.part("train"), data.part("test")
print(data.summary(), end="\n\n")
digits = segue.plots.plot_sequences(test, samples=10, kind="image")
digits[0, 0].figure.savefig(asked.out / "digits.png")


# -- 2. The network and the protocol of the original ----------------------------------------------
# Everything is said that would be different otherwise: pixels stay between 0 and 1, one learning
# rate throughout, no clipping of gradients, no validation. The layer gets a name of our own. The
# same with three seeds: how far is one run from another?
#
#   segue fit mnist-rows --network "lstm(128, name=memory)" --prepare none --epochs 5
#       --batch-size 128 --learning-rate 0.001 --schedule constant --option clip_norm=none
#       --validation none
def learn_as_original(seed: int) -> segue.SequenceClassifier:
    return segue.SequenceClassifier(
        "lstm(128, name=memory)",
        prepare="none",
        epochs=1 if asked.quick else 5,
        batch_size=128,
        learning_rate=0.001,
        validation=None,
        seed=seed,
        options=segue.TrainingOptions(optimizer="adam", schedule="constant", clip_norm=None),
    ).fit(train)


began = time.perf_counter()
runs = [learn_as_original(seed) for seed in range(1 if asked.quick else 3)]
seconds = (time.perf_counter() - began) / sum(len(one.history_) for one in runs)
as_original = runs[0]
print(as_original.network_.summary(), end="\n\n")
as_original.history_.plot().figure.savefig(asked.out / "history.png")

scores = [segue.evaluate(one, test) for one in runs]
original = scores[0]
print(original.report(), end="\n\n")
original.plot_confusion().figure.savefig(asked.out / "confusion.png")
mistakes = original.plot_mistakes(9, kind="image")
mistakes[0].figure.savefig(asked.out / "mistakes.png")

# -- 3. segue's own way: the same layer, and the defaults for all the rest ------------------------
# The 5,000 images of the part "validation" choose the best of the five epochs.
#
#   segue fit mnist-rows --network "lstm(128, name=memory)" --epochs 5
own_way = segue.SequenceClassifier(
    "lstm(128, name=memory)", epochs=1 if asked.quick else 5, seed=0
).fit(data)
own = segue.evaluate(own_way, test)

# -- 4. What the layer has learnt -----------------------------------------------------------------
# What the LSTM says at the end of each test image, by the layer's name: 128 numbers for each.
features = as_original.embed(test.x, layer="memory")
print(f"the layer 'memory' says of the test images: {features.shape}")

# A map of some of them: t-SNE to the plane, the centre of each class, and k-means without labels,
# in the layer's 128 dimensions and in the plane. How far are the clusters it finds the digits?
some = np.random.default_rng(0).permutation(len(test))[: 200 if asked.quick else 2000]
learnt = embedding(as_original, test[some], layer="memory", seed=0)
print(learnt.report(), end="\n\n")
learnt.plot().figure.savefig(asked.out / "memory.png")

# -- 5. The figures -------------------------------------------------------------------------------
table = [
    ("parameters of the LSTM", f"{as_original.network_.summary().rows[0].parameters:,}", "80,384"),
    ("parameters of the head", f"{as_original.network_.summary().rows[1].parameters:,}", "1,290"),
    *(
        (f"test accuracy, original's, seed {seed}", f"{score.accuracy:.4f}", "0.9794")
        for seed, score in enumerate(scores)
    ),
    ("the mean of the seeds", f"{np.mean([s.accuracy for s in scores]):.4f}", "0.9794"),
    *(
        (f"test loss, original's, seed {seed}", f"{score.log_loss:.4f}", "0.0688")
        for seed, score in enumerate(scores)
    ),
    ("the mean of the seeds", f"{np.mean([s.log_loss for s in scores]):.4f}", "0.0688"),
    ("seconds an epoch", f"{seconds:.1f}", "about 10"),
    ("test accuracy, segue's defaults", f"{own.accuracy:.4f}", "at least 0.986"),
    ("test loss, segue's defaults", f"{own.log_loss:.4f}", ""),
    ("Rand index, in the layer's space", f"{learnt.rand_index:.4f}", ""),
    ("Rand index, in the plane", f"{learnt.plane_rand_index:.4f}", ""),
]
print(f"{'':<36} {'measured':>10}   reference")
for name, measured, reference in table:
    print(f"{name:<36} {measured:>10}   {reference}".rstrip())
print(
    f"pictures: {', '.join(sorted(path.name for path in asked.out.glob('*.png')))} in {asked.out}"
)
