"""PyTorch: a module, its state dictionary, batches in inference mode."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from shared import CLASSES, NETWORKS, in_batches, run, weights_of
from torch import nn


class Classifier(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        units, both = (100, True) if name == "many" else (64, False)
        self.lstm = nn.LSTM(NETWORKS[name][1], units, batch_first=True, bidirectional=both)
        self.head = nn.Linear(units * (1 + both), CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, (hidden, _) = self.lstm(x)
        return self.head(torch.cat(list(hidden), -1)).softmax(-1)


def prepare(folder: Path) -> None:
    """Both order the gates input, forget, cell, output."""
    for name in NETWORKS:
        found, state = weights_of(folder, name), {}
        for key, value in found.items():
            layer, *direction, part = key.split("/")
            end = "_l0_reverse" if direction == ["backward"] else "_l0"
            value = torch.from_numpy(value)
            if layer == "head":
                state[f"head.{'weight' if part == 'kernel' else 'bias'}"] = value.T
            elif part == "bias":
                state[f"lstm.bias_ih{end}"], state[f"lstm.bias_hh{end}"] = value, value * 0
            else:
                state[f"lstm.weight_{'ih' if part == 'kernel' else 'hh'}{end}"] = value.T
        torch.save({k: v.contiguous() for k, v in state.items()}, folder / f"{name}.pt")


def load(folder: Path, name: str, threads: int) -> Any:
    torch.set_num_threads(threads)
    model = Classifier(name).eval()
    model.load_state_dict(torch.load(folder / f"{name}.pt", weights_only=True))

    @torch.inference_mode()
    def predict(x: Any) -> Any:
        return model(torch.from_numpy(x)).numpy()

    return partial(in_batches, predict)


if __name__ == "__main__":
    run(prepare, load)
