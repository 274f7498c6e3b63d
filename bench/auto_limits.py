"""Time limits of the automatic choice: are they kept, and is there always a model?

    python bench/auto_limits.py [--runs 60] [--seed 0] [--out results/limits.jsonl] [SOURCE ...]

Run after run, each in a process of its own, with a limit of 5 to 40 seconds on one of the sources
in turn. Of five runs three are left alone, one gets a SIGINT at a random moment, and one is killed
at a random moment and resumed with five seconds more. A limit is kept where `fit`, behind reading,
takes a second more at most, or a fiftieth of the limit, and ends within a second of a SIGINT. Only
training parts are read. The load of the machine stands beside each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SOURCES = (
    "ucr/Coffee", "ucr/ItalyPowerDemand", "basic-motions", "ucr/Earthquakes", "ucr/ECG5000",
    "japanese-vowels", "ucr/MelbournePedestrian", "ucr/PigCVP", "instruments", "ucr/FiftyWords",
    "ucr/LargeKitchenAppliances", "mnist-rows", "ucr/Adiac", "ucr/GunPoint", "authors",
)  # fmt: skip
ANSWERED = 1.0  # seconds behind a SIGINT
STOPS = ("none", "SIGINT", "none", "SIGKILL", "none")
FIT = """
import json, signal, sys, time, warnings
import segue
source, limit, folder, resume = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4] == "True"
warnings.simplefilter("ignore")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have set it to be ignored
train = segue.read(source).part("train")
options = segue.TrainingOptions(time_limit_seconds=limit, progress="none")
model = segue.SequenceClassifier("auto", options=options)
print("read", flush=True)
began, used = time.perf_counter(), time.process_time()
try:
    model.fit(train, folder=folder, resume=resume)
except KeyboardInterrupt:
    print(json.dumps({"members": 0}), flush=True)
    sys.exit(130)
ended = time.perf_counter()
seconds, used = ended - began, time.process_time() - used
model.save(folder + "/model.safetensors")
assert len(segue.load(folder + "/model.safetensors").predict(train.x[:5])) == 5
said = [text for _, text in model.training_summary_ if text.startswith("weight ")]
facts = {"ended": ended, "seconds": seconds, "processor": used}
facts |= {"stopped": model.stopped_, "members": len(said)}
print(json.dumps(facts), flush=True)
"""
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first run")
    parser.add_argument("--out", type=Path, help="a line of JSON for each run")
    parser.add_argument("sources", nargs="*")
    arguments = parser.parse_args()
    sources, rows = arguments.sources or SOURCES, []
    for number in range(arguments.first, arguments.runs):
        draw = random.Random(f"{arguments.seed} {number}")
        limit = round(draw.uniform(5, 40), 1)
        stop = STOPS[number % len(STOPS)]
        source = sources[(7 * number + number // len(sources)) % len(sources)]
        with tempfile.TemporaryDirectory() as folder:
            row = run(source, limit, stop, draw.uniform(0.05, 0.95) * limit, folder)
        rows.append({"number": number, **row, "load": round(os.getloadavg()[0], 1)})
        print(rows[-1], flush=True)
        if arguments.out is not None:
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    counts = {name: sum(row["result"] == name for row in rows) for name in RESULTS}
    print(", ".join(f"{name}: {count}" for name, count in counts.items()))


RESULTS = ("passed", "overran", "without model", "stopped before the first member")


def run(source: str, limit: float, stop: str, after: float, folder: str) -> Row:
    """One run; where it is killed, what is resumed counts."""
    row: Row = {"source": source, "limit": limit, "stop": stop}
    process = begin(source, limit, folder, resume=False)
    allowed = limit + max(1.0, limit / 50)
    if stop != "none":
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(getattr(signal, stop))
            row["after"] = round(after, 1)
    sent = time.perf_counter()
    text = process.communicate()[0]
    if "after" in row and stop == "SIGKILL":
        index = Path(folder) / "members" / "members.json"
        spent = []
        if index.is_file():
            spent = [one["seconds"] for one in json.loads(index.read_text())["members"]]
        row["kept"] = len(spent)
        process = begin(source, sum(spent) + 5, folder, resume=True)
        text, allowed = process.communicate()[0], 6.0
    found = json.loads(text.splitlines()[-1]) if "{" in text else {}
    ended = found.pop("ended", sent)  # by the same clock
    if "after" in row and stop == "SIGINT":
        row["answered"] = round(ended - sent, 2)
    row |= {name: round(v, 2) if isinstance(v, float) else v for name, v in found.items()}
    if not found.get("members"):
        early = process.returncode == 130
        return {**row, "result": RESULTS[3] if early else RESULTS[2]}
    is_kept = found["seconds"] <= allowed and row.get("answered", 0.0) <= ANSWERED
    return {**row, "result": "passed" if is_kept else "overran"}


def begin(source: str, limit: float, folder: str, *, resume: bool) -> subprocess.Popen[str]:
    """A process that has read the source and fits."""
    command = [sys.executable, "-c", FIT, source, str(limit), folder, str(resume)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


if __name__ == "__main__":
    main()
