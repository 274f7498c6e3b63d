"""Train one network on every UCR set and write a table of test accuracies.

    python bench/ucr.py --network "bilstm(100)" --out bench/results/ucr-bilstm.jsonl

A set that is in the output file already is not trained again. The test part is scored once, at the
end of each training, and never used to choose anything. The data are found in $SEGUE_DATA/ucr.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from pathlib import Path

import segue


def main() -> None:
    arguments = parse_arguments()
    done = read_rows(arguments.out)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for name in arguments.sets or set_names():
        for seed in range(arguments.seeds):
            if any(row["set"] == name and row["seed"] == seed for row in done):
                continue
            row = train_on(name, arguments.network, seed, arguments.epochs)
            done.append(row)
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(
                f"{name:32} {row['accuracy']:.4f}  baseline {row['baseline']:.4f}  "
                f"{row['seconds']:6.1f} s",
                flush=True,
            )
    mean = sum(row["accuracy"] for row in done) / len(done)
    print(
        f"{len({row['set'] for row in done})} sets, mean accuracy {mean:.4f}, "
        f"{sum(row['seconds'] for row in done):.0f} s"
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="bilstm(100)")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "sets", nargs="*", help="names of sets; all that are there if none is given"
    )
    return parser.parse_args()


def set_names() -> list[str]:
    return sorted(path.name for path in (Path(os.environ["SEGUE_DATA"]) / "ucr").iterdir())


def read_rows(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def train_on(name: str, network: str, seed: int, epochs: int) -> dict[str, object]:
    data = segue.read(f"ucr/{name}")
    options = segue.TrainingOptions(progress="none")
    classifier = segue.SequenceClassifier(network, epochs=epochs, seed=seed, options=options)
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.fit(data)
        scores = segue.evaluate(classifier, data)
    return {
        "set": name,
        "network": network,
        "seed": seed,
        "accuracy": scores.accuracy,
        "baseline": scores.baseline,
        "log_loss": scores.log_loss,
        "seconds": time.perf_counter() - began,
        "warnings": [str(warning.message) for warning in caught],
    }


if __name__ == "__main__":
    main()
