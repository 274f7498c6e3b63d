"""What an automatic choice took on which kind of data, from the results of `bench/ucr.py`.

    python bench/which.py [bench/results/auto-45s.jsonl]

For sets of one kind: the mean share of each member in the sum of the weights, and on how many of
them it had the least log loss of held-out training sequences. Test parts play no part in either.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import segue

RESULTS = Path(__file__).parent / "results" / "auto-45s.jsonl"
MEMBERS = ("rocket", "multirocket and hydra", "quant and trees", "rdst")


class Kind(NamedTuple):
    """Sets of one kind: its name, and what is true of them."""

    name: str
    holds: Callable[[Row], bool]


class Row(NamedTuple):
    """A data set, and what the choice did on it."""

    sequences: int
    steps: float
    classes: int
    shares: dict[str, float]
    losses: dict[str, float]


KINDS = (
    Kind("fewer than 100 sequences", lambda row: row.sequences < 100),
    Kind("100 to 299", lambda row: 100 <= row.sequences < 300),
    Kind("300 and more", lambda row: row.sequences >= 300),
    Kind("fewer than 150 steps", lambda row: row.steps < 150),
    Kind("150 to 399", lambda row: 150 <= row.steps < 400),
    Kind("400 and more", lambda row: row.steps >= 400),
    Kind("two classes", lambda row: row.classes == 2),
    Kind("three to five", lambda row: 3 <= row.classes <= 5),
    Kind("six and more", lambda row: row.classes >= 6),
    Kind("all", lambda _: True),
)


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    rows = [read(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    print(f"| training sequences | sets | {' | '.join(f'`{name}`' for name in MEMBERS)} |")
    print(f"|---|---|{'---|' * len(MEMBERS)}")
    for kind in KINDS:
        some = [row for row in rows if kind.holds(row)]
        cells = []
        for name in MEMBERS:
            share = np.mean([row.shares.get(name, 0.0) for row in some])
            best = sum(min(row.losses, key=row.losses.__getitem__) == name for row in some)
            cells.append(f"{share:.0%}, {best}")
        print(f"| {kind.name} | {len(some)} | {' | '.join(cells)} |")


def read(result: dict[str, object]) -> Row:
    """One line of the results."""
    train = segue.read(f"ucr/{result['set']}").part("train")
    weights, losses = {}, {}
    for name, text in result["summary"]:  # type: ignore[attr-defined]
        if found := re.match(r"weight (\S+), (?:loss|.*log loss) ([\d.]+)", text):
            weights[name], losses[name] = float(found[1]), float(found[2])
    total = sum(weights.values())
    shares = {name: weight / total for name, weight in weights.items()}
    classes = len(train.classes or ())
    return Row(len(train), float(train.x.lengths.mean()), classes, shares, losses)


if __name__ == "__main__":
    main()
