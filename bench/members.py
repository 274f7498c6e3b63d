"""What more members would add to an automatic choice, on splits of the training parts of UCR sets.

    python bench/members.py --keep results/members [--splits 2] [--seeds 3] [SET ...]
    python bench/members.py --keep results/members --more "tst(32, heads=4, depth=2)"

A third of each training part is held (stratified, seeds 0, 1, ...) and scored; test parts are not
read. Each network is fitted on the rest, with several seeds, and what it says of both is kept in a
folder, so that members can be joined in any way without being fitted again. The table has each
network alone, all joined, and what weights alone, without scale and offset of each class, another
seed, the means of all seeds, and each of `--more` make of it: the mean of the differences and its
standard error. The data are found in $SEGUE_DATA/ucr.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ucr import set_names

import segue
from segue.search.candidates import CANDIDATES
from segue.search.combining import combine

LEAST = 24  # sequences that are fitted
NETWORKS = [candidate.network for candidate in CANDIDATES]


class Said(NamedTuple):
    """What a network says, and what is right."""

    held_out: np.ndarray  # [n, class], logits of what it was fitted on, each by a fit without it
    wanted: np.ndarray  # [n, class], 0 and 1
    new: np.ndarray  # [m, class], logits of what was held
    right: np.ndarray  # [m], numbers of classes


class Scores(NamedTuple):
    accuracy: float
    log_loss: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keep", type=Path, required=True, help="folder of what networks say")
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--more", nargs="*", default=[], help="networks that may be members, too")
    parser.add_argument("names", nargs="*", help="sets, all if none is given")
    asked = parser.parse_args()
    asked.keep.mkdir(parents=True, exist_ok=True)
    splits: list[dict[tuple[str, int], Said]] = []
    for name in asked.names or set_names():
        for split in range(asked.splits):
            train = segue.read(f"ucr/{name}").part("train")
            kept, held = segue.Dataset(train.x, train.y).split(1 / 3, seed=split)
            held = held[np.isin(held.y, kept.y)]
            if len(kept) < LEAST:
                continue
            fitted = [(network, seed) for network in NETWORKS for seed in range(asked.seeds)]
            fitted += [(network, 0) for network in asked.more]
            path = asked.keep / f"{name}-{split}"
            splits.append({one: said(path, kept, held, *one) for one in fitted})
            print(name, split, flush=True)
    print_table(splits, asked.seeds, asked.more)


def said(path: Path, kept: segue.Dataset, held: segue.Dataset, network: str, seed: int) -> Said:
    """What a network says, from a file if it is there."""
    file = path.with_name(f"{path.name}-{seed}-{''.join(filter(str.isalnum, network))}.npz")
    if not file.exists():
        options = segue.TrainingOptions(progress="none")
        model = segue.SequenceClassifier(network, seed=seed, options=options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = model.fit(kept).predict_proba(held), model.held_out_
        new, held_out = found
        assert held_out is not None
        np.savez(
            file,
            held_out=logarithm(held_out.outputs),
            wanted=np.eye(len(model.classes_))[held_out.targets],
            new=logarithm(new),
            right=np.searchsorted(model.classes_, held.y),
        )
    with np.load(file) as stored:
        return Said(**stored)


def logarithm(shares: np.ndarray) -> np.ndarray:
    return np.log(np.clip(shares, 1e-12, None))


def joined(members: Sequence[Said], *, by_weights: bool = False) -> Scores:
    """The scores of members, joined as an automatic choice joins them, or by weights alone."""
    if len(members) == 1:
        return scores(members[0].new, members[0].right)
    held_out, wanted = [one.held_out for one in members], members[0].wanted
    found = combine(held_out, wanted, "softmax", by_weights=by_weights)
    return scores(found.join([one.new for one in members]), members[0].right)


def scores(logits: np.ndarray, right: np.ndarray) -> Scores:
    logits = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    own = logits[np.arange(len(logits)), right]
    return Scores(float((logits.argmax(1) == right).mean()), float(-own.mean()))


def mean_of(several: Sequence[Said]) -> Said:
    """The mean of the logits of several, as one member."""
    held_out = np.mean([one.held_out for one in several], axis=0)
    return several[0]._replace(held_out=held_out, new=np.mean([one.new for one in several], axis=0))


def print_table(splits: list[dict[tuple[str, int], Said]], seeds: int, more: Sequence[str]) -> None:
    several = [[own[network, 0] for network in NETWORKS] for own in splits]
    base = [joined(own) for own in several]
    print(f"\nmeans of {len(splits)} splits\n")
    print("| members | accuracy | difference | log loss | difference |\n|---|---|---|---|---|")

    def row(name: str, found: list[Scores]) -> None:
        cells = [name]
        for column in (0, 1):
            own = np.array([each[column] for each in found])
            apart = own - [each[column] for each in base]
            error = apart.std() / len(apart) ** 0.5
            cells += [f"{own.mean():.4f}", f"{apart.mean():+.4f} ± {error:.4f}"]
        print(f"| {' | '.join(cells)} |")

    for network in (*NETWORKS, *more):
        row(f"`{network}`", [joined([own[network, 0]]) for own in splits])
    row("joined", base)
    row("by weights alone", [joined(own, by_weights=True) for own in several])
    for seed in range(1, seeds):
        row(f"seed {seed}", [joined([own[n, seed] for n in NETWORKS]) for own in splits])
    means = [
        [mean_of([own[network, seed] for seed in range(seeds)]) for network in NETWORKS]
        for own in splits
    ]
    row(f"means of {seeds} seeds", [joined(each) for each in means])
    for network in more:
        row(
            f"and `{network}`",
            [joined([own[n, 0] for n in (*NETWORKS, network)]) for own in splits],
        )


if __name__ == "__main__":
    main()
