"""Layers whose weights stay as they are."""

from __future__ import annotations

from collections.abc import Iterable

from segue.errors import OptionError, did_you_mean
from segue.networks import Network


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
