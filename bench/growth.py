"""How the seconds of an epoch grow with sequences, steps, units and the batch: slopes, a picture.

    python bench/growth.py [--turns 3] [--out docs/images/growth.png]

Each line varies one of the sizes and keeps the others; the slope is that of the logarithms, fitted
to the least seconds of some epochs: 1 is growth in proportion.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import segue
from segue.training.setup import processor

USUAL = {"sequences": 2048, "steps": 32, "units": 64, "batch": 64}
SIZES = {
    "sequences": (512, 1024, 2048, 4096, 8192),
    "steps": (8, 16, 32, 64, 128, 256),
    "units": (16, 32, 64, 128, 256),
    "batch": (8, 16, 32, 64, 128, 256, 512),
}
CHANNELS, CLASSES, EPOCHS = 8, 4, 3
Seconds = dict[str, dict[int, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--turns", type=int, default=3)
    place = Path(__file__).resolve().parents[1] / "docs" / "images" / "growth.png"
    parser.add_argument("--out", type=Path, default=place)
    asked = parser.parse_args()
    seconds = measure(asked.turns)
    usual = ", ".join(f"{value:,} {name}" for name, value in USUAL.items())
    print(f"an epoch of lstm: {usual} unless varied")
    for name, taken in seconds.items():
        shown = "  ".join(f"{size:,}: {value:.3g} s" for size, value in taken.items())
        print(f"{name:<10} slope {slope(taken):5.2f}   {shown}")
    draw(seconds, asked.out)


def measure(turns: int) -> Seconds:
    """The least seconds of an epoch, of each size."""
    found: Seconds = {name: {} for name in SIZES}
    for _ in range(turns):
        for name, sizes in SIZES.items():
            for size in sizes:
                taken = an_epoch(**{**USUAL, name: size})
                found[name][size] = min(taken, found[name].get(size, np.inf))
    return found


def an_epoch(sequences: int, steps: int, units: int, batch: int) -> float:
    """Seconds of the epochs after the first, the least of them."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((sequences, steps, CHANNELS)).astype(np.float32)
    model = segue.SequenceClassifier(
        f"lstm({units})",
        prepare="none",
        epochs=EPOCHS,
        batch_size=batch,
        validation=None,
        options=segue.TrainingOptions(progress="none"),
    ).fit(x, np.arange(sequences) % CLASSES)
    return float(np.diff(model.history_["seconds"]).min())


def slope(taken: dict[int, float]) -> float:
    """Of the line through the logarithms."""
    return float(np.polyfit(np.log(list(taken)), np.log(list(taken.values())), 1)[0])


def draw(seconds: Seconds, out: Path) -> None:
    figure = Figure(figsize=(6.5, 3.2), layout="constrained")
    axes = figure.subplots()
    for name, taken in seconds.items():
        label = f"{name}, slope {slope(taken):.2f}"
        axes.loglog(list(taken), list(taken.values()), marker="o", markersize=3, label=label)
    axes.set(xlabel="size", ylabel="seconds of an epoch", title=processor())
    figure.legend(loc="outside right upper")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)


if __name__ == "__main__":
    main()
