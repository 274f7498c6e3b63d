"""One network of several with the same input, whose logits are the weighted sum of theirs."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np

from segue.data.arrays import Array
from segue.layers import Dense, Embedding, LayerSpec, Parallel, Pool
from segue.networks import Network
from segue.search.combining import Combination
from segue.training.objectives import Objective


def mixture(networks: list[Network], joined_by: Combination, objective: Objective) -> Network:
    """One network of several with the same input: their logits, joined by its head.

    Args:
        networks: of the same static features, if of any.
        joined_by: how.
        objective: of all.
    """
    outputs, (weights, scale, offset) = objective.outputs, joined_by
    first = networks[0]
    if len(networks) == 1:
        found = copy.copy(first)
        of_first = first.get_weights()
        kernel, bias = (weights[0] * scale * of_first[f"head/{n}"] for n in ("kernel", "bias"))
        found.set_weights(_head(kernel, bias + offset))
        return found
    branches: list[tuple[LayerSpec, ...]] = []
    given: dict[str, Array] = {}
    of_static = np.zeros((first.static, outputs))
    for number, (network, weight) in enumerate(zip(networks, weights, strict=True), start=1):
        branches.append((*network.specs, Dense(outputs, name="logits")))
        own = network.get_weights()
        features, static = split_kernel(own.pop("head/kernel"), network)
        own |= {"logits/kernel": features, "logits/bias": own.pop("head/bias")}
        given |= {f"parallel_1/branch_{number}/{name}": one for name, one in own.items()}
        of_static += weight * scale * static
    kernel = np.concatenate([*(weight * np.diag(scale) for weight in weights), of_static])
    head = _head(kernel, offset)
    return Network(
        (Parallel(tuple(branches)),), first.input_shape, outputs, every=first.every,
        seed=first.seed, static=first.static, weights={**given, **head}, device=first.device,
    )  # fmt: skip


def split_kernel(kernel: Array, network: Network) -> tuple[Array, Array]:
    """The rows of a head for what the layers give, and those for static features, if any."""
    features = len(kernel) - network.static
    return kernel[:features], kernel[features:]


def _head(kernel: Array, bias: Array) -> dict[str, Array]:
    return {"head/kernel": kernel.astype(np.float32), "head/bias": bias.astype(np.float32)}


def mean_of(networks: list[Network], objective: Objective) -> Network:
    """The mean of the logits of networks that differ in their weights only, as one.

    Of means of embeddings it is one that has as many features as there are outputs.
    """
    first, count = networks[0], len(networks)
    embedding, *others = first.specs
    if not isinstance(embedding, Embedding) or others != [Pool("mean")]:
        ones = np.ones(objective.outputs)
        mean = Combination(np.full(count, 1 / count), scale=ones, offset=0 * ones)
        return mixture(networks, mean, objective)
    weights = [network.get_weights() for network in networks]
    name, outputs = f"{first.names[0]}/embeddings", first.outputs
    kernels = [split_kernel(own["head/kernel"], first) for own in weights]
    table = sum(
        own[name] @ of_features for own, (of_features, _) in zip(weights, kernels, strict=True)
    )
    of_static = np.mean([static for _, static in kernels], axis=0)
    bias = np.mean([own["head/bias"] for own in weights], axis=0)
    head = _head(np.concatenate([np.eye(outputs), of_static]), bias)
    merged = {name: np.asarray(table / count, np.float32), **head}
    specs = (replace(embedding, features=outputs), *others)
    return Network(
        specs, first.input_shape, outputs,
        seed=first.seed, static=first.static, weights=merged, device=first.device,
    )  # fmt: skip
