"""Label every step of smartphone recordings with what the person does, and count what is right.

    python bench/activity.py --network "bilstm(64)" --epochs 30

People 1 to 24 are learnt from (three of them watch, to choose the epoch), people 25 to 30 are the
test. The long recordings are cut into pieces of 500 steps for training; the test recordings are
labelled whole. The data, $SEGUE_DATA/activity/hapt_10hz.npz, are every fifth step of
https://doi.org/10.24432/C54G7M: postures, walking, stairs and the transitions between postures.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

import segue

NAMES = [
    "walking", "upstairs", "downstairs", "sitting", "standing", "lying", "stand to sit",
    "sit to stand", "sit to lie", "lie to sit", "stand to lie", "lie to stand",
]  # fmt: skip
LAST_TRAINING_PERSON = 24
WATCHING = (22, 23, 24)


def main() -> None:
    arguments = parse_arguments()
    data = segue.read(Path(os.environ["SEGUE_DATA"]) / "activity" / "hapt_10hz.npz")
    person = np.asarray(data.groups)
    test = data[person > LAST_TRAINING_PERSON]
    learnt = data[(person <= LAST_TRAINING_PERSON) & ~np.isin(person, WATCHING)]
    pieces = segue.windows(learnt, size=arguments.piece, stride=arguments.piece)
    labeler = segue.SequenceLabeler(
        arguments.network,
        epochs=arguments.epochs,
        batch_size=16,
        class_weight=arguments.class_weight,
        seed=arguments.seed,
    )
    began = time.perf_counter()
    labeler.fit(pieces, validation_data=data[np.isin(person, WATCHING)])
    print(f"\n{time.perf_counter() - began:.0f} s of training; {labeler.history_}")
    scores = segue.evaluate(labeler, test)
    print(f"\n{scores.report()}\n\nconfusion, rows are true:")
    for name, row in zip(NAMES, scores.confusion, strict=True):
        print(f"{name:>14}", *(f"{count:6,}" for count in row))
    if arguments.report is not None:
        scores.to_html(arguments.report, train=learnt)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="bilstm(64)")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--piece", type=int, default=500, help="steps of a training piece")
    parser.add_argument("--class-weight", choices=["balanced"], default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path, default=None, metavar="FILE.html")
    return parser.parse_args()


if __name__ == "__main__":
    main()
