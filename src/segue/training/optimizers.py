"""Gradients of an update, of the mean loss over all targets of its batches; the optimizers.

A batch goes through the network as a whole, or in pieces with the state carried on. In pieces is
truncated backpropagation through time: Williams & Peng, "An efficient gradient-based algorithm for
on-line training of recurrent network trajectories", Neural Computation 2(4), 1990. The forward pass
is the same as for whole sequences; a gradient reaches back to the beginning of its piece only, so
memory does not grow with time. The gradients of all pieces add up to one update.

The optimizers are PyTorch's in their fused form. A schedule is a pure function of how much of the
training is done: a factor between 0 and 1 of the learning rate, which is thus the highest that
occurs.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from segue.errors import NotCausalError, OptionError, did_you_mean
from segue.modules.network import TorchNetwork
from segue.prepare.batches import Padded
from segue.randomness import Draws
from segue.training.history import Row
from segue.training.objectives import Objective
from segue.training.options import TrainingOptions
from segue.training.setup import Batch, TrainingSetup, Update


@dataclass
class RunningMetrics:
    """Loss and score over the batches of a pass, each target counting the same.

    Attributes:
        objective: of the training.
        sums: of "loss", "score" and "count" over the targets so far, and of the user's own scores
            by "own " and their names.
    """

    objective: Objective
    sums: dict[str, float] = field(default_factory=dict)

    @torch.no_grad()
    def add(
        self, outputs: Any, targets: Tensor, losses: Tensor, weights: Tensor | None = None
    ) -> None:
        """Add some targets; a loss counts as much as its weight, a score always once."""
        scores = self.objective.scores(outputs, targets, losses)
        reported = scores if self.objective.own_unit else losses  # in the target's own unit
        weighted = reported if weights is None else reported * weights
        new = {"loss": weighted, "score": scores, "count": self.objective.counts(targets)}
        if self.objective.own_metric is not None:
            own = self.objective.own_scores(outputs, targets)
            new |= {f"own {name}": values for name, values in own.items()}
        for name, values in new.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(values.sum())

    def row(self, prefix: str = "") -> Row:
        """The means, by the names that they have in the history."""
        count = max(1.0, self.sums.get("count", 0.0))
        mean = {name: total / count for name, total in self.sums.items()}
        score = self.objective.finish(mean.get("score", 0.0))
        row = {"loss": mean.get("loss", 0.0), self.objective.metric: score}
        row |= {n.removeprefix("own "): v for n, v in mean.items() if n.startswith("own ")}
        return {f"{prefix}{name}": value for name, value in row.items()}


def compute_gradients(
    job: TrainingSetup,
    update: Update,
    epoch: int,
    means: RunningMetrics,
    until: float = math.inf,
) -> tuple[float, float]:
    """Set the gradient of every weight that is trained, shortened to `options.clip_norm`.

    The batches of the update go through the network one after the other, and perhaps in pieces;
    the gradient is that of all at once.

    Args:
        job: what is trained.
        update: the batches: their number within the epoch, and the indices of their sequences.
        epoch: counted from 1.
        means: loss and scores are added to them.
        until: of `time.perf_counter`: no batch, and no piece of one, is begun after it, once there
            is something to learn from; the gradient is then that of the targets so far.

    Returns:
        The mean loss, and the length of the gradient before it was shortened.
    """
    gather = job.train.gather
    batches = [(Draws(job.seed, epoch, step), gather(index, epoch)) for step, index in update]
    counts = [job.objective.counts(batch.targets).sum() for _, batch in batches]
    count = functools.reduce(torch.add, counts).clamp(min=1)
    for weight in job.trained:
        weight.grad = None
    total, steps, done, is_over = 0.0, job.options.truncate, torch.zeros_like(count), False
    for draws, batch in batches:
        if is_over:
            break
        passes: Iterable[Outputs]
        if steps is None:
            passes = [Outputs(job.network(batch.x, draws), batch.targets, batch.weights)]
        else:
            passes = in_pieces(job.network, batch, draws, steps, every=job.objective.every)
        for outputs, targets, weights in passes:
            losses = job.objective.losses(outputs, targets)
            loss = (losses if weights is None else losses * weights).sum() / count
            torch.autograd.backward(loss)
            total += float(loss.detach())
            means.add(outputs, targets, losses, weights)
            done += job.objective.counts(targets).sum()
            is_over = time.perf_counter() >= until and bool(done > 0)
            if is_over:
                break
    if is_over:  # the clock has cut the update: the mean is over what was done
        share = float(done / count)
        total /= share
        for weight in job.trained:
            if weight.grad is not None:
                weight.grad /= share
    longest = job.options.clip_norm or math.inf
    norm = torch.nn.utils.clip_grad_norm_(job.trained, longest)
    return total, float(norm)


# -- in pieces ----------------------------------------------------------------------------------


class Outputs(NamedTuple):
    """The outputs of the network for some sequences, or for some steps of them."""

    outputs: Any
    targets: Tensor
    weights: Tensor | None


def in_pieces(
    network: TorchNetwork, batch: Batch, draws: Draws, steps: int, *, every: bool
) -> Iterator[Outputs]:
    """Send a batch through a causal network piece by piece.

    Args:
        network: the network.
        batch: whole sequences.
        draws: of dropout.
        steps: the length of a piece.
        every: whether there is a target at every step. Otherwise each sequence has one at its own
            end, and pieces in which none ends need no gradient at all.
    """
    # Longest first: those that go on are always the first ones, and keep their dropout masks.
    order = batch.x.lengths.argsort(descending=True, stable=True)
    lengths, targets = batch.x.lengths[order], batch.targets[order]
    weights = None if batch.weights is None else batch.weights[order]
    static = None if batch.x.static is None else batch.x.static[order]
    values = batch.x.values[order]
    state = network.initial_state(len(targets), static)
    for first in range(0, values.shape[1], steps):
        running = slice(int((lengths > first).sum()))
        piece = (running, slice(first, first + steps))
        left = (lengths[running] - first).clamp(max=steps)
        state = map_state(operator.itemgetter(running), state)
        ends = lengths[running] <= first + steps
        wanted = every or bool(ends.any())
        with torch.set_grad_enabled(wanted):
            x = Padded(values[piece], left)
            outputs, state = network.forward_from(x, state, draws.at(first))
        if every:
            yield Outputs(outputs, targets[piece], None if weights is None else weights[piece])
        elif wanted:
            own = None if weights is None else weights[running][ends]
            yield Outputs(outputs[ends], targets[running][ends], own)
        state = map_state(Tensor.detach, state)


def check_carries_state(network: TorchNetwork, steps: int) -> None:
    """Raise `NotCausalError` that names the layer for which pieces of a sequence are not enough."""
    try:
        network.chain.initial_state(1)
    except NotCausalError as error:
        raise NotCausalError(
            f"truncate={steps} sends sequences through the network in pieces, and {error} "
            "Use truncate=None for this network."
        ) from error


def map_state(function: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Apply a function to every tensor of a state, however it is put together.

    >>> map_state(lambda t: t[:1], [(torch.ones(2), None), (0.0, 0)])
    [(tensor([1.]), None), (0.0, 0)]
    """
    if isinstance(state, Tensor):
        return function(state)
    if isinstance(state, dict):
        return {name: map_state(function, entry) for name, entry in state.items()}
    if not isinstance(state, list | tuple):
        return state
    entries = [map_state(function, entry) for entry in state]
    return type(state)(*entries) if hasattr(state, "_fields") else type(state)(entries)


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


def freeze(network: TorchNetwork, names: Iterable[str]) -> None:
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
