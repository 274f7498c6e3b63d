"""segue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared import CLASSES, NETWORKS, run

import segue


def prepare(folder: Path) -> None:
    """Train a little, where there is PyTorch; the weights are what the peers get too."""
    import numpy as np

    rng = np.random.default_rng(0)
    for name, (network, channels) in NETWORKS.items():
        x = rng.standard_normal((90, 20, channels)).astype(np.float32)
        options = segue.TrainingOptions(progress="none")
        model = segue.SequenceClassifier(network, prepare="none", epochs=1, options=options)
        model.fit(x, np.arange(90) % CLASSES).save(folder / f"{name}.safetensors")
        np.savez(folder / f"{name}.npz", **model.network_.get_weights())


def load(folder: Path, name: str, threads: int) -> Any:
    """As many threads as OMP_NUM_THREADS says."""
    return segue.load(folder / f"{name}.safetensors").predict_proba


if __name__ == "__main__":
    run(prepare, load, lambda path: segue.read(path).x)
