"""Train networks on every UCR set, and put test accuracies beside published ones.

    python bench/ucr.py --network "bilstm(100)" --out results/bilstm.jsonl      trains and scores
    python bench/ucr.py --network auto --time-limit 40 --out results/auto.jsonl  as the command line
    python bench/ucr.py --table ../published.csv results/*.jsonl                a table of all of it

`auto` does what `segue fit SOURCE --time-limit 40` does: several networks are fitted in the time,
and joined. Its rows have the scores of its members on the test part, too.

A set that is in the output file already is not trained again. The test part is scored once, at the
end of each training, and never used to choose anything. The data are found in $SEGUE_DATA/ucr. The
file of published accuracies has a column `dataset` and one for each method, empty where unknown.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
import warnings
from pathlib import Path

import numpy as np

import segue

Row = dict[str, object]


def main() -> None:
    arguments = parse_arguments()
    if arguments.table is not None:
        print_table(arguments.table, [Path(name) for name in arguments.names])
        return
    done = read_rows(arguments.out)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or set_names():
        for seed in range(arguments.seeds):
            if any(row["set"] == name and row["seed"] == seed for row in done):
                continue
            row = train_on(name, arguments, seed)
            done.append(row)
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(
                f"{name:32} {row['accuracy']:.4f}  baseline {row['baseline']:.4f}  "
                f"{row['epochs']:4} epochs  {row['cpu_seconds']:6.1f} s  {row['network']}",
                flush=True,
            )
    mean = np.mean([row["accuracy"] for row in done])
    seconds = sum(row["cpu_seconds"] for row in done)
    print(
        f"{len({row['set'] for row in done})} sets, mean {mean:.4f}, {seconds:.0f} s of processor"
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="bilstm(100)")
    parser.add_argument("--time-limit", type=float, help="seconds of each set; with auto of both")
    parser.add_argument("--epochs", default="auto", help="a number, or auto: the default")
    parser.add_argument(
        "--updates", type=int, help="as many epochs as make about so many updates, 10 to 300"
    )
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, help="as TrainingOptions; the default chooses")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, help="print a table, with published accuracies")
    parser.add_argument(
        "names", nargs="*", help="sets (all that are there if none is given); for --table: results"
    )
    arguments = parser.parse_args()
    if arguments.updates is not None and arguments.epochs != "auto":
        parser.error("give --epochs or --updates, not both")
    if arguments.network == "auto" and arguments.time_limit is None:
        parser.error("--network auto needs a --time-limit")
    if (arguments.out is None) == (arguments.table is None):
        parser.error("give --out FILE to train, or --table PUBLISHED RESULTS... to look")
    return arguments


def set_names() -> list[str]:
    return sorted(path.name for path in (Path(os.environ["SEGUE_DATA"]) / "ucr").iterdir())


def read_rows(path: Path) -> list[Row]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def train_on(name: str, asked: argparse.Namespace, seed: int) -> Row:
    data = segue.read(f"ucr/{name}")
    limit = asked.time_limit
    options = segue.TrainingOptions(
        progress="none", threads=asked.threads, time_limit_seconds=limit
    )
    classifier = segue.SequenceClassifier(epochs=epochs_of(asked, data), seed=seed, options=options)
    classifier.set_params(network=asked.network)
    began, began_cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.fit(data)
        fit_seconds = time.perf_counter() - began
        scores = segue.evaluate(classifier, data)
    return {
        "set": name,
        "network": classifier.network,
        "members": members_of(classifier, data.part("test")),
        "summary": classifier.training_summary_ if asked.network == "auto" else None,
        "fit_seconds": fit_seconds,
        "seed": seed,
        "epochs": len(classifier.history_),
        "accuracy": scores.accuracy,
        "baseline": scores.baseline,
        "log_loss": scores.log_loss,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - began_cpu,
        "warnings": [str(warning.message) for warning in caught],
    }


def members_of(classifier: segue.SequenceClassifier, test: segue.Dataset) -> list[Row]:
    """The scores of the members of `auto`, each alone; none of other networks."""
    weights = [text for _, text in classifier.training_summary_ if text.startswith("weight ")]
    joined = "parallel_1/branch_1/logits/kernel" in classifier.network_.get_weights()
    if len(weights) < 2 or not joined:  # or all others weigh nothing
        return []
    outputs, classes = classifier.network_.outputs, list(classifier.classes_)
    numbers = np.array([classes.index(label) for label in test.y.tolist()])
    logits = classifier.embed(test.x, "parallel_1")
    rows = []
    for first in range(0, logits.shape[1], outputs):
        own = logits[:, first : first + outputs].astype(np.float64)
        own = np.concatenate([-own / 2, own / 2], axis=1) if outputs == 1 else own
        own = own - own.max(axis=1, keepdims=True)
        shares = np.exp(own) / np.exp(own).sum(axis=1, keepdims=True)
        right = shares[np.arange(len(numbers)), numbers]
        is_right = shares.argmax(axis=1) == numbers
        losses = -np.log(np.maximum(right, 1e-15))
        rows.append({"accuracy": float(is_right.mean()), "log_loss": float(losses.mean())})
    return rows


def epochs_of(asked: argparse.Namespace, data: segue.Dataset) -> int | str:
    """How many epochs: a number, "auto", or as many as make about so many updates."""
    if asked.updates is None:
        return asked.epochs if asked.epochs == "auto" else int(asked.epochs)
    batches = -(-len(data.part("train")) // segue.SequenceClassifier().batch_size)
    return min(300, max(10, round(asked.updates / batches)))


# -- the table ------------------------------------------------------------------------------------


def print_table(published: Path, results: list[Path]) -> None:
    with published.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    methods = [name for name in rows[0] if name != "dataset"]
    columns = {name: {r["dataset"]: float(r[name]) for r in rows if r[name]} for name in methods}
    complete = [r["dataset"] for r in rows if all(r.values())]
    ours, seconds = {}, {}
    for path in results:
        of_one = read_rows(path)
        ours[path.stem] = mean_by_set(of_one, "accuracy")
        seconds[path.stem] = mean_by_set(of_one, "cpu_seconds")
    names = [*ours, *methods]
    columns = ours | columns
    print("| set |" + "".join(f" {name} |" for name in names))
    print("|---" * (len(names) + 1) + "|")
    for name in sorted(set().union(*columns.values())):
        cells = [cell(columns[n].get(name), seconds.get(n, {}).get(name)) for n in names]
        print(f"| {name} |" + "".join(f" {text} |" for text in cells))
    means = [mean_over(columns[name], complete) for name in names]
    print(f"| mean of {len(complete)} |" + "".join(f" {text} |" for text in means))
    total = [f"{sum(seconds[n].values()):.0f} s" if n in seconds else "" for n in names]
    print("| processor time |" + "".join(f" {text} |" for text in total))


def mean_by_set(rows: list[Row], name: str) -> dict[str, float]:
    sets = {str(row["set"]) for row in rows}
    return {s: float(np.mean([row[name] for row in rows if row["set"] == s])) for s in sets}


def cell(accuracy: float | None, seconds: float | None) -> str:
    text = "" if accuracy is None else f"{accuracy:.4f}"
    return text if seconds is None else f"{text} ({seconds:.0f} s)"


def mean_over(column: dict[str, float], sets: list[str]) -> str:
    there = [column[name] for name in sets if name in column]
    text = f"{np.mean(there):.4f}" if there else ""
    return text if len(there) == len(sets) else f"{text} ({len(there)} sets)"


if __name__ == "__main__":
    main()
