"""The result of a training, from what a model file holds of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from segue.errors import DataError
from segue.estimators.files import Description, held_out_in, seen_in, weights_in
from segue.estimators.result import FitResult
from segue.estimators.splitting import EstimatorArguments
from segue.layers import LayerSpec, Shape
from segue.limits import VARIABLE, memory_limit
from segue.networks import Network, is_custom, with_embedding
from segue.prepare import Preparation
from segue.prepare.steps import MeanScale
from segue.tasks import Task
from segue.tensorfile import Tensors
from segue.training import History

MOST_BYTES = 10**9  # that one step may take in the network of a file


def restore_result(
    description: Description,
    tensors: Tensors,
    estimator: EstimatorArguments,
    specs: tuple[LayerSpec, ...],
) -> FitResult:
    """The result of a training.

    Args:
        description: of the file.
        tensors: of the file.
        estimator: of the class that the file names; its task is that of the file.
        specs: of the network.

    Raises:
        DataError: what is in the file does not hold together.
    """
    channels = None if description.channels is None else tuple(description.channels)
    preparation = replace(Preparation.from_json(description.preparation), names=channels)
    state = description.targets.model_dump(exclude_none=True)
    task_type, arguments = estimator._task_for(state.get("task", ""))
    task = task_type.from_json(state, **arguments)
    static = description.static
    scale = (
        None if static is None else MeanScale.from_json(static.model_dump(), "the static features")
    )
    # Old files have a dense layer of the head's size before the head: all specs are layers.
    network = _restore_network(specs, task, preparation, description, weights_in(tensors))
    refit = None if description.refit is None else History(description.refit)
    epochs = len(description.history)
    if description.best_epoch is not None and not 0 < description.best_epoch <= epochs:
        raise DataError(f"best_epoch is {description.best_epoch}, and the history has {epochs}.")
    return FitResult(
        network=network,
        preparation=preparation,
        static=scale,
        task=task,
        history=History(description.history, description.best_epoch, refit),
        stopped=description.stopped,
        training_summary=description.training_summary,
        seen=seen_in(description, tensors),
        channels=channels,
        reading=description.reading,
        held_out=held_out_in(task, tensors),
    )


def _restore_network(
    specs: tuple[LayerSpec, ...],
    task: Task,
    preparation: Preparation,
    description: Description,
    weights: Tensors,
) -> Network:
    """Build the network only where the file has just its weights: none, and no memory, on trust."""
    shape = description.input_shape
    if shape.features != preparation.channels_out:
        raise DataError(
            f"the network takes {shape.features} channels and the preparation gives "
            f"{preparation.channels_out}."
        )
    wanted = preparation.token_count
    if wanted not in (None, shape.tokens):
        raise DataError(f"the network takes {shape.tokens} tokens, and the texts become {wanted}.")
    own = any(map(is_custom, specs))  # which may have weights of any type
    for name, weight in weights.items():
        if weight.dtype != np.float32 and not own:
            raise DataError(f"the weight {name} has type {weight.dtype}, not float32.")
        if weight.dtype.kind == "f" and not np.isfinite(weight).all():
            raise DataError(f"the weight {name} is not finite.")
    network = Network(
        with_embedding(specs) if preparation.kind == "texts" else specs,
        Shape(shape.features, length=shape.length, tokens=shape.tokens),
        task.objective.outputs,
        every=task.per_step,
        static=0 if description.static is None else len(description.static.mean),
        weights=weights,
    )
    _refuse_costly(network)
    task.check_network(network)
    return network


def _refuse_costly(network: Network) -> None:
    """Raise `DataError` where a single step takes more memory than a model may ask for."""
    limit = memory_limit(MOST_BYTES) or MOST_BYTES
    layer, numbers = max(network.numbers_at_once(1).items(), key=lambda pair: pair[1])
    if (needed := 4 * numbers) > limit:
        raise DataError(
            f"a single step takes about {needed / 1e9:.1f} GB of memory in the layer {layer}; at "
            f"most {limit / 1e9:g} GB are given to a file. {VARIABLE} in the environment sets "
            "another limit."
        )
