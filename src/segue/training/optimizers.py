"""PyTorch's optimisers, each in its form that updates all parameters in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from segue.training.options import TrainingOptions


def make_optimizer(
    parameters: Iterable[Tensor], learning_rate: float, options: TrainingOptions
) -> torch.optim.Optimizer:
    """Make the optimiser that the options name."""
    makers: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "adam": lambda: torch.optim.Adam(
            parameters, learning_rate, weight_decay=options.weight_decay, fused=True
        ),
        "adamw": lambda: torch.optim.AdamW(
            parameters, learning_rate, weight_decay=options.weight_decay, fused=True
        ),
        # As in Keras: the mean square decays with 0.9, and the constant is 1e-7.
        "rmsprop": lambda: torch.optim.RMSprop(
            parameters,
            learning_rate,
            alpha=0.9,
            eps=1e-7,
            momentum=options.momentum,
            weight_decay=options.weight_decay,
            foreach=True,
        ),
        "sgd": lambda: torch.optim.SGD(
            parameters,
            learning_rate,
            momentum=options.momentum,
            weight_decay=options.weight_decay,
            fused=True,
        ),
    }
    return makers[options.optimizer]()
