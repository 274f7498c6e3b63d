"""Choose a network by cross-validation on the training part, then score it once on the test part.

    python bench/choose.py japanese-vowels --folds 5 --out choice.jsonl "bilstm(100)" "bigru(64)"

The test part is touched only with --score, and only by the network with the highest mean accuracy
of the folds (ties: the lower log loss), over the seeds given.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold

import segue


def main() -> None:
    arguments = parse_arguments()
    data = segue.read(arguments.source)
    train = data.part("train")
    rows = read_rows(arguments.out)
    for network in arguments.networks:
        if not any(row["network"] == network for row in rows):
            rows.append(cross_validate(network, train, arguments))
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(rows[-1]) + "\n")
            show(rows[-1])
    best = max(rows, key=lambda row: (row["accuracy"], -row["log_loss"]))
    print(f"chosen: {best['network']}")
    if arguments.score:
        scores = [
            segue.evaluate(make(best["network"], seed, arguments).fit(data), data).accuracy
            for seed in range(arguments.seeds)
        ]
        print(f"test: {' '.join(f'{score:.4f}' for score in scores)}, mean {np.mean(scores):.4f}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source")
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", default="auto")
    parser.add_argument("--prepare", default="standardize")
    parser.add_argument("--seeds", type=int, default=5, help="trainings that are scored at the end")
    parser.add_argument(
        "--score", action="store_true", help="score the chosen one on the test part"
    )
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def make(network: str, seed: int, arguments: argparse.Namespace) -> segue.SequenceClassifier:
    epochs = arguments.epochs if arguments.epochs == "auto" else int(arguments.epochs)
    options = segue.TrainingOptions(progress="none")
    return segue.SequenceClassifier(
        network, prepare=arguments.prepare, epochs=epochs, seed=seed, options=options
    )


def cross_validate(
    network: str, train: segue.Dataset, arguments: argparse.Namespace
) -> dict[str, object]:
    began = time.perf_counter()
    folds = StratifiedKFold(arguments.folds, shuffle=True, random_state=0)
    scores = []
    for seed, (learnt, held) in enumerate(folds.split(train.y, train.y)):
        classifier = make(network, seed, arguments).fit(train[learnt])
        probability = classifier.predict_proba(train[held].x)
        codes = np.searchsorted(classifier.classes_, train.y[held])
        right = probability.argmax(1) == codes
        lost = -np.log(np.clip(probability[np.arange(len(codes)), codes], 1e-12, 1))
        scores.append((right.mean(), lost.mean()))
    accuracies, losses = zip(*scores, strict=True)
    return {
        "network": network,
        "accuracy": float(np.mean(accuracies)),
        "accuracies": [float(accuracy) for accuracy in accuracies],
        "log_loss": float(np.mean(losses)),
        "seconds": time.perf_counter() - began,
    }


def read_rows(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def show(row: dict[str, object]) -> None:
    print(
        f"{row['network']:60} {row['accuracy']:.4f}  log loss {row['log_loss']:.4f}  "
        f"{row['seconds']:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
