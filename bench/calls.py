"""How many files and functions of segue one `fit` and one `predict_proba` enter.

Fewer of them is a straighter way through the code. Comprehensions and what runs at import do not
count.

    python bench/calls.py [--list]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import segue

ROOT = Path(segue.__file__).parent


def entered(call: Callable[[], Any]) -> set[tuple[str, str]]:
    """The file and the name of every function of segue that a call enters."""
    found: set[tuple[str, str]] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        path = Path(code.co_filename)
        if event == "call" and ROOT in path.parents and not code.co_name.startswith("<"):
            found.add((path.relative_to(ROOT).as_posix(), code.co_qualname))

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--list", action="store_true", help="name every function")
    arguments = parser.parse_args()
    draw = np.random.default_rng(0)
    x = [draw.standard_normal((int(steps), 2)) for steps in draw.integers(5, 12, 30)]
    y = ["a", "b", "c"] * 10

    def classifier() -> segue.SequenceClassifier:
        options = segue.TrainingOptions(progress="none")
        return segue.SequenceClassifier("gru(4)", epochs=2, options=options)

    fitted = classifier().fit(x, y)  # so that nothing is imported while it is counted
    fitted.predict_proba(x)
    calls = {
        "fit": lambda: classifier().fit(x, y),
        "predict_proba": lambda: fitted.predict_proba(x),
    }
    for name, call in calls.items():
        found = entered(call)
        print(f"{name}: {len({file for file, _ in found})} files, {len(found)} functions")
        if arguments.list:
            print("\n".join(f"    {file}  {function}" for file, function in sorted(found)))


if __name__ == "__main__":
    main()
