"""What `segue fit SOURCE --time-limit M --seed S` reaches on data of each kind, of some seeds.

    python bench/kinds.py --out results/kinds.jsonl [--seeds 3] [--share 1] [SOURCE ...]
    python bench/kinds.py --table results/kinds.jsonl

Each run is the command, with no other option. Of the instruments the folder is copied, with a
`groups.csv` that puts notes of one pitch and one instrument together. Of the authors the messages
are scored too: of each the log probabilities of its sentences are added up. A run that is in the
output file already is not made again. The data are found in $SEGUE_DATA.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import segue
from segue.sonify import pitch

Row = dict[str, Any]

# Seconds of each, and the score that is wanted of the mean.
SOURCES = {
    "uea/JapaneseVowels": (60, 0.989),
    "uea/BasicMotions": (60, 1.0),
    "instruments": (60, 0.985),
    "mnist-rows": (600, 0.992),
    "authors": (120, 0.547),  # 0.03 above a bag of words
    "activity": (300, 0.93),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, help="print a table of means")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="of the usual time limits")
    parser.add_argument("names", nargs="*", help="sources, all if none is given")
    asked = parser.parse_args()
    if (asked.out is None) == (asked.table is None):
        parser.error("give one of --out FILE, --table RESULTS")
    if asked.table is not None:
        print_table(read_rows(asked.table))
        return
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    for seed in range(asked.seeds):
        for name in asked.names or SOURCES:
            done = {(row["source"], row["seed"]) for row in read_rows(asked.out)}
            if (name, seed) not in done:
                row = score(name, seed, asked.share * SOURCES[name][0])
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(row, flush=True)


def score(name: str, seed: int, seconds: float) -> Row:
    """Run the command once."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "run")
        source = with_groups(Path(place, name)) if name == "instruments" else name
        command = [sys.executable, "-m", "segue", "fit", str(source), "--seed", str(seed)]
        command += ["--time-limit", f"{seconds:g}s", "--out", str(folder)]
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        wall = time.perf_counter() - began
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        row = {"source": name, "seed": seed, "limit": seconds, "accuracy": metrics["accuracy"]}
        model = segue.load(folder / "model.safetensors")
        members = [text for _, text in model.training_summary_ if text.startswith("weight ")]
        row |= {"seconds": wall, "load": os.getloadavg()[1], "members": members}
        return row | (by_message(model) if name == "authors" else {})


def with_groups(folder: Path) -> Path:
    """A copy of the instruments, with a table of groups: one for each instrument and pitch."""
    shutil.copytree(Path(os.environ["SEGUE_DATA"], "instruments"), folder)
    data = segue.read(folder)
    with (folder / "groups.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filename", "group"])
        for part in data.part_names:
            own = data.part(part)
            for x, label, name in zip(own.x, own.y, own.ids, strict=True):
                key = round(69 + 12 * np.log2(pitch(x, own.rate_hz or 8000.0) / 440))
                table.writerow([f"{part}/{name}", f"{label} {key}"])
    return folder


def by_message(model: Any) -> Row:
    """The accuracy of whole messages."""
    test = segue.read("authors").part("test")
    logs = np.log(model.predict_proba(test.x))
    right = [
        model.classes_[logs[test.groups == one].sum(0).argmax()] == test.y[test.groups == one][0]
        for one in np.unique(test.groups)
    ]
    return {"messages": float(np.mean(right))}


def read_rows(path: Path) -> list[Row]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def print_table(rows: list[Row]) -> None:
    print("| source | limit | accuracy of each seed | mean | wanted | seconds | load |")
    print("|---|---|---|---|---|---|---|")
    for name, (_, wanted) in SOURCES.items():
        own = [row for row in rows if row["source"] == name]
        if not own:
            continue
        each = ", ".join(f"{row['accuracy']:.4f}" for row in own)
        mean, seconds, load = (
            np.mean([row[key] for row in own]) for key in ("accuracy", "seconds", "load")
        )
        about = f"| {name} | {own[0]['limit']:g} s | {each} | {mean:.4f} | {wanted} |"
        print(f"{about} {seconds:.0f} | {load:.1f} |")


if __name__ == "__main__":
    main()
