"""Who wrote this sentence? Beside the majority and a bag of words of scikit-learn.

    python bench/authors.py --network "embedding(32) pool(mean)" --epochs 10

The sentences of the last message of each of four presidents are the test; of the messages before,
some whole ones watch, to choose the epoch.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import segue


def main() -> None:
    arguments = parse_arguments()
    data = segue.read("authors")
    train, test = data.part("train"), data.part("test")
    classifier = segue.SequenceClassifier(
        arguments.network, prepare=arguments.prepare, epochs=arguments.epochs, seed=arguments.seed
    )
    began, used = time.perf_counter(), time.process_time()
    classifier.fit(train)
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    print(f"\n{wall:.0f} s of training, {cpu:.0f} s of them computing; {classifier.history_}")
    print(f"\n{segue.evaluate(classifier, test).report()}")
    print(f"\nbag of words, logistic regression  {bag_of_words(train, test):.4f}")


def bag_of_words(train: segue.Dataset, test: segue.Dataset) -> float:
    """The test accuracy of the usual linear model: words that occur twice, no order."""
    model = make_pipeline(CountVectorizer(min_df=2), LogisticRegression(max_iter=1000))
    model.fit(train.x.texts(), train.y)
    return float(np.mean(model.predict(test.x.texts()) == test.y))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="embedding(32) pool(mean)")
    parser.add_argument("--prepare", default="words")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
