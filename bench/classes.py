"""Seconds of the processor for report and page of many classes: `python bench/classes.py`."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

import segue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=2000)
    count = parser.parse_args().classes
    draws = np.random.default_rng(0)
    x = draws.normal(size=(3 * count, 6, 2)).astype(np.float32)
    y = np.array([f"class {number % count}" for number in range(len(x))])
    options = segue.TrainingOptions(progress="none")
    model = segue.SequenceClassifier("gru(8)", epochs=1, validation=None, options=options).fit(x, y)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        evaluation = segue.evaluate(model, x, y)
        print(f"evaluate {time.process_time() - began:5.1f} s")
        began = time.process_time()
        evaluation.report()
        print(f"report   {time.process_time() - began:5.1f} s")
        began = time.process_time()
        evaluation.to_html(Path(folder) / "report.html")
        print(f"page     {time.process_time() - began:5.1f} s")


if __name__ == "__main__":
    main()
