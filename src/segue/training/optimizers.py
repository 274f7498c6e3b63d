"""PyTorch's optimizers in their fused form, schedules of the learning rate, and frozen layers.

A schedule is a pure function of how much of the training is done: a factor between 0 and 1 of the
learning rate, which is thus the highest that occurs.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from segue.errors import OptionError, did_you_mean
from segue.networks import Network
from segue.training.options import TrainingOptions

# Each gets the weights, the learning rate, the weight decay and, if it has one, the momentum.
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": functools.partial(torch.optim.Adam, fused=True),
    "adamw": functools.partial(torch.optim.AdamW, fused=True),
    # As in Keras: the mean square decays with 0.9, and the constant is 1e-7.
    "rmsprop": functools.partial(torch.optim.RMSprop, alpha=0.9, eps=1e-7, foreach=True),
    "sgd": functools.partial(torch.optim.SGD, fused=True),
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


Schedule = Callable[[float], float]

_RISE = 0.3  # share of the training in which one-cycle rises
_START, _END = 1 / 25, 1e-4  # factors at the beginning and at the end


def constant(done: float) -> float:  # noqa: ARG001  (all schedules have one signature)
    """Always the whole rate."""
    return 1.0


def cosine(done: float) -> float:
    """Falls along half a cosine; Loshchilov & Hutter, "SGDR", ICLR 2017, without restarts."""
    return _between(1.0, _END, done)


def one_cycle(done: float) -> float:
    """Rises to the whole rate over the first 30 %, then falls to almost nothing.

    Smith & Topin, "Super-convergence", 2018, with cosine pieces.

    >>> [round(one_cycle(done), 3) for done in (0.0, 0.3, 1.0)]
    [0.04, 1.0, 0.0]
    """
    if done < _RISE:
        return _between(_START, 1.0, done / _RISE)
    return _between(1.0, _END, (done - _RISE) / (1 - _RISE))


def _between(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


# "plateau" follows the validation loss, not the share that is done: see `loop._close_epoch`.
SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "cosine": cosine,
    "one-cycle": one_cycle,
    "plateau": constant,
}


def freeze(network: Network, names: Iterable[str]) -> None:
    """Keep the weights of these layers out of the training; of those inside another too.

    Raises:
        OptionError: there is no such layer, or nothing is left to be trained.
    """
    layers = network.layers
    strange = [name for name in names if name not in layers]
    if strange:
        near = did_you_mean(strange[0], layers)
        raise OptionError(f"`frozen` names {', '.join(strange)}, and there is no such layer.{near}")
    for name in names:
        layers[name].requires_grad_(False)
    if not any(weight.requires_grad for weight in network.parameters()):
        raise OptionError("`frozen` names every layer that has weights: nothing is left to learn.")
