"""Who wrote this sentence? And who wrote the whole message?

    python recipes/authors.py [DATA] [--quick] [--out FOLDER]

DATA is a folder with train/ and test/, and in each a folder of texts for each author; without it,
$SEGUE_DATA/authors: annual messages of four presidents of one generation, the last one of each is
the test. A sentence is short, and all four write the same kind of text: this is hard.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import segue
from segue.evaluation import read_along

arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
arguments.add_argument("data", nargs="?", default="authors", help="a folder of texts")
arguments.add_argument("--quick", action="store_true", help="little: only to see that it runs")
arguments.add_argument("--out", type=Path, default=Path("runs/recipes/authors"))
asked = arguments.parse_args()
asked.out.mkdir(parents=True, exist_ok=True)

# -- 1. The sentences -----------------------------------------------------------------------------
#   segue data show authors
data = segue.read(asked.data, unit="sentence")
if asked.quick:
    data = data[np.random.default_rng(0).permutation(len(data))[:600]]
train, test = data.part("train"), data.part("test")
print(data.summary(), end="\n\n")

# -- 2. Learn -------------------------------------------------------------------------------------
# Words become vectors, and what is believed is the mean of them. Whole messages are watched, to
# choose the epoch: sentences of one message speak of the same things.
#
#   segue fit authors --network "embedding(32) pool(mean)" --prepare words --epochs 10
classifier = segue.SequenceClassifier(
    "embedding(32) pool(mean)", prepare="words", epochs=2 if asked.quick else 10, seed=0
).fit(train)
classifier.history_.plot().figure.savefig(asked.out / "history.png")

# -- 3. By sentence -------------------------------------------------------------------------------
# Beside the author with most sentences, and beside words without order, as everybody does it.
scores = segue.evaluate(classifier, test)
print(scores.report(), end="\n\n")
scores.plot_confusion().figure.savefig(asked.out / "confusion.png")

bag = make_pipeline(CountVectorizer(min_df=2), LogisticRegression(max_iter=1000))
bag.fit(train.x.texts(), train.y)
bag_probability = bag.predict_proba(test.x.texts())

# -- 4. By message --------------------------------------------------------------------------------
# Of a message all sentences are asked, and their log probabilities added up.
messages = np.unique(test.groups)
author = np.array([test.y[test.groups == message][0] for message in messages])


def by_message(probability: np.ndarray) -> float:
    added = [np.log(probability[test.groups == message]).sum(axis=0) for message in messages]
    return float(np.mean(classifier.classes_[np.argmax(added, axis=1)] == author))


# -- 5. What it believes after each word ----------------------------------------------------------
longish = [i for i, text in enumerate(test.x.texts()) if 60 < len(text) < 110][:3]
readings = read_along(classifier, test.x[longish], test.y[longish])
print("\n\n".join(str(reading) for reading in readings), end="\n\n")
readings[0].plot()[0].figure.savefig(asked.out / "reading.png")

# -- 6. The figures -------------------------------------------------------------------------------
of_bag = float(np.mean(bag.classes_[bag_probability.argmax(axis=1)] == test.y))
right = f"of {len(messages)} messages"
table = [
    ("accuracy by sentence", f"{scores.accuracy:.4f}", f"majority {scores.baseline:.4f}"),
    ("bag of words by sentence", f"{of_bag:.4f}", ""),
    ("accuracy by message", f"{by_message(scores.probabilities):.4f}", right),
    ("bag of words by message", f"{by_message(bag_probability):.4f}", right),
]
print(f"{'':<36} {'measured':>10}   reference")
for name, measured, reference in table:
    print(f"{name:<36} {measured:>10}   {reference}".rstrip())
print(
    f"pictures: {', '.join(sorted(path.name for path in asked.out.glob('*.png')))} in {asked.out}"
)
