"""The sunspots of the course T81-558, learnt by segue, by plain PyTorch and by Keras.

    python bench/sunspots.py segue --seeds 4
    python bench/sunspots.py torch --epochs 3      with segue's first weights and order of batches
    python bench/sunspots.py keras --seeds 4       where TensorFlow and Keras are installed

Windows, network and protocol are those of `recipes/t81_558.py`: `LSTM(64)`, two linear layers, the
values as they are, Adam, batches of 32; the test days choose the epoch, with a patience of five.
Printed is the RMSE on the test days after each epoch, and of each seed the least, which the course
reports.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import segue

Array = np.ndarray[Any, np.dtype[Any]]
PATIENCE = 5


class Days(NamedTuple):
    """Windows of ten days `[n, 10, 1]` with the day that follows `[n]`."""

    x: Array
    y: Array


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("who", choices=list(LEARNERS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=1000)
    asked = parser.parse_args()
    train, test = windows()
    least = []
    for seed in range(asked.seeds):
        found = LEARNERS[asked.who](train, test, seed, asked.epochs)
        least.append(min(found))
        shown = " ".join(f"{error:.3f}" for error in found)
        print(f"{asked.who}, seed {seed}: {min(found):.3f} of {shown}", flush=True)
    print(f"{asked.who}: mean {np.mean(least):.3f}, from {min(least):.3f} to {max(least):.3f}")


def windows() -> tuple[Days, Days]:
    """Those of the course: without the days before 1849, to June 2017, cut at 2000."""
    spots = segue.read("sunspots", observations=True)
    day = np.datetime64(spots.ids[0]) + np.arange(spots.x.total_steps)
    number, observations = spots.x[0].T
    first = int(np.flatnonzero(observations == 0).max()) + 1
    there = (np.arange(len(day)) >= first) & (day <= np.datetime64("2017-06-30"))
    late = day >= np.datetime64("2000-01-01")
    parts = (segue.windows(number[there & of_part], size=10) for of_part in (~late, late))
    train, test = (Days(np.stack(list(part.x)), np.asarray(part.y)) for part in parts)
    return train, test


# -- who learns: the RMSE on the test days after each epoch ---------------------------------------


def learn_segue(train: Days, test: Days, seed: int, epochs: int) -> list[float]:
    options = segue.TrainingOptions(
        schedule="constant", clip_norm=None, patience=PATIENCE, min_delta=1e-3, progress="none"
    )
    one = segue.SequenceRegressor(
        "lstm(64) dense(32)",
        prepare="none",
        scale_target=False,
        epochs=epochs,
        batch_size=32,
        learning_rate=0.001,
        seed=seed,
        options=options,
    )
    one.fit(train.x, train.y, validation_data=(test.x, test.y))
    return [loss**0.5 for loss in one.history_["validation_loss"]]


def learn_torch(train: Days, test: Days, seed: int, epochs: int) -> list[float]:
    """With `nn.LSTM`, as segue writes the network down, and one bias in place of PyTorch's two."""
    import torch

    from segue.layers import Shape
    from segue.networks import Network, as_specs
    from segue.randomness import numpy_generator

    ours = Network(as_specs("lstm(64) dense(32)"), Shape(1, length=10), 1, seed=seed)
    written: dict[str, Any] = {}
    exec(ours.to_python("torch"), written)
    network = written["Network"]()
    written["copy_weights"](network, ours.get_weights())
    network.lstm_1.bias_hh_l0.requires_grad_(False)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(weights, 0.001, fused=True)
    x, y, new, wanted = (torch.tensor(part, dtype=torch.float32) for part in (*train, *test))

    def squared_errors(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        _, (last, _) = network.lstm_1(x)  # all are of one length: nothing to be packed
        return (network.head(network.dense_1(last[0]))[:, 0] - y) ** 2

    found: list[float] = []
    while not is_over(found, epochs):
        order = numpy_generator(seed, "shuffle", len(found) + 1).permutation(len(x))
        for first in range(0, len(x), 32):
            batch = order[first : first + 32]
            optimizer.zero_grad()
            squared_errors(x[batch], y[batch]).mean().backward()
            optimizer.step()
        with torch.no_grad():
            found.append(float(squared_errors(new, wanted).mean()) ** 0.5)
    return found


def learn_keras(train: Days, test: Days, seed: int, epochs: int) -> list[float]:
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    network = keras.Sequential(
        [layers.Input((None, 1)), layers.LSTM(64), layers.Dense(32), layers.Dense(1)]
    )
    network.compile(loss="mean_squared_error", optimizer="adam")
    stop = keras.callbacks.EarlyStopping("val_loss", min_delta=1e-3, patience=PATIENCE)
    history = network.fit(
        *train, validation_data=tuple(test), epochs=epochs, callbacks=[stop], verbose=0
    )
    return [loss**0.5 for loss in history.history["val_loss"]]


def is_over(found: list[float], epochs: int) -> bool:
    """Whether all epochs are done, or the last few were not better."""
    return len(found) == epochs or len(found) - int(np.argmin(found or [0])) > PATIENCE


LEARNERS: dict[str, Callable[[Days, Days, int, int], list[float]]] = {
    "segue": learn_segue,
    "torch": learn_torch,
    "keras": learn_keras,
}

if __name__ == "__main__":
    main()
