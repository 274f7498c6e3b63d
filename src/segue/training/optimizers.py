"""PyTorch's optimizers, in their fused form."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from segue.training.options import TrainingOptions


def _uncompiled(kind: type[torch.optim.Optimizer]) -> Callable[..., torch.optim.Optimizer]:
    """An optimizer whose methods are plain functions, for trainings that are not compiled.

    PyTorch wraps them, to keep `torch.compile` away from them; the wrappers import its compiler,
    which takes over a second.
    """
    names = ("add_param_group", "state_dict", "load_state_dict")
    plain = {name: inspect.unwrap(getattr(kind, name)) for name in names}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return type(kind.__name__, (kind,), {**plain, "step": step})


# Each gets the weights, the learning rate, the weight decay and, if it has one, the momentum.
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": functools.partial(_uncompiled(torch.optim.Adam), fused=True),
    "adamw": functools.partial(_uncompiled(torch.optim.AdamW), fused=True),
    # As in Keras: the mean square decays with 0.9, and the constant is 1e-7.
    "rmsprop": functools.partial(
        _uncompiled(torch.optim.RMSprop), alpha=0.9, eps=1e-7, foreach=True
    ),
    "sgd": functools.partial(_uncompiled(torch.optim.SGD), fused=True),
}


def make_optimizer(
    parameters: Iterable[Tensor], learning_rate: float, options: TrainingOptions
) -> torch.optim.Optimizer:
    """Make the optimiser that the options name."""
    make = OPTIMIZERS[options.optimizer]
    given = {"weight_decay": options.weight_decay, "momentum": options.momentum}
    if "momentum" not in inspect.signature(make).parameters:
        del given["momentum"]
    return make(parameters, lr=learning_rate, **given)
