"""A transformer on the daily sunspots, beside an LSTM, a weighted sum, and no network at all.

    python recipes/transformer.py [DATA] [--quick] [--out FOLDER]

The lesson that follows the LSTM's in the course T81-558. DATA is SILSO's file of daily sunspot
numbers, or the folder with it; without it the file is taken from $SEGUE_DATA/sunspots, or
downloaded. Days until 1989 are learnt, the 1990s choose the epoch, later days are asked at the end.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import segue

arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
arguments.add_argument("data", nargs="?", default="sunspots", help="SILSO's file, or its folder")
arguments.add_argument("--quick", action="store_true", help="few days: only to see that it runs")
arguments.add_argument("--out", type=Path, default=Path("runs/recipes/transformer"))
asked = arguments.parse_args()
asked.out.mkdir(parents=True, exist_ok=True)

# -- 1. Windows of ten days, and three parts of time ----------------------------------------------
spots = segue.read(asked.data, observations=True)
day = np.datetime64(spots.ids[0]) + np.arange(spots.x.total_steps)
number, observations = spots.x[0].T
known = np.arange(len(day)) > np.flatnonzero(observations == 0).max()
known &= day <= np.datetime64("2017-06-30")
year = day.astype("datetime64[Y]").astype(int) + 1970
learnt = segue.windows(number[known & (year < 1990)], size=10)
watched = segue.windows(number[known & (year >= 1990) & (year < 2000)], size=10)
test = segue.windows(number[known & (year >= 2000)], size=10)
print(f"{len(learnt):,} windows to learn, {len(watched):,} to watch, {len(test):,} for the test")


def rmse(found: np.ndarray) -> float:
    return float(np.sqrt(np.mean((np.ravel(found) - test.y) ** 2)))


# -- 2. Two networks, one training ----------------------------------------------------------------
# A linear layer makes 32 features of each day, a sine of its place is added, and two blocks let
# every day look at every other; the mean over the days is what the head sees.
networks = {
    "transformer": "tst(32, heads=4, depth=2)",
    "LSTM": "lstm(64) dense(32)",
}
some = slice(0, 640 if asked.quick else None)


def learn(network: str, seed: int) -> segue.SequenceRegressor:
    return segue.SequenceRegressor(
        network,
        epochs=1 if asked.quick else 5,
        batch_size=128,
        seed=seed,
        options=segue.TrainingOptions(progress="none"),
    ).fit(learnt[some], validation_data=watched[some])


table: list[tuple[str, str]] = []
answers: dict[str, np.ndarray] = {}
for name, network in networks.items():
    fitted = [learn(network, seed) for seed in range(1 if asked.quick else 3)]
    found = [one.predict(test.x) for one in fitted]
    answers[name] = np.ravel(found[0])
    scores = [rmse(values) for values in found]
    table += [
        (f"{name}: weights", f"{fitted[0].network_.summary().total:,}"),
        (f"{name}: RMSE of each seed", ", ".join(f"{score:.2f}" for score in scores)),
        (f"{name}: mean", f"{np.mean(scores):.2f}"),
    ]
    if name == "transformer":
        fitted[0].history_.plot().figure.savefig(asked.out / "history.png")
        fitted[0].network_.diagram(asked.out / "network.png")


# -- 3. Is that good? -----------------------------------------------------------------------------
# Two answers that need no network: the best weighted sum of ten days, and the same as yesterday.
def with_one(windows: segue.Dataset) -> np.ndarray:
    return np.column_stack([np.stack(list(windows.x))[:, :, 0], np.ones(len(windows))])


weights = np.linalg.lstsq(with_one(learnt), learnt.y, rcond=None)[0]
table += [
    ("weighted sum of ten days", f"{rmse(with_one(test) @ weights):.2f}"),
    ("same as yesterday", f"{rmse(with_one(test)[:, -2]):.2f}"),
]
shown = slice(0, 60)
segue.plots.plot_lines(
    np.arange(60),
    {"sunspot number": test.y[shown], **{name: found[shown] for name, found in answers.items()}},
    xlabel="days from 2000-01-11 on",
    ylabel="sunspot number",
).figure.savefig(asked.out / "sunspots.png")

for name, value in table:
    print(f"{name:<34} {value}")
print(
    f"pictures: {', '.join(sorted(path.name for path in asked.out.glob('*.png')))} in {asked.out}"
)
