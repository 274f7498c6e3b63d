"""The training loop.

    for each epoch: for each batch: forward, backward, clip, update; then validate, keep the best

What is fixed stands in a `TrainingSetup`, what changes in a `TrainingState`. Every random draw
depends on the seed and the position (epoch, batch, layer) only, so a state that is saved and loaded
again goes on to the same bits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from segue.errors import OptionError, TrainingError, warn_user
from segue.kernels.threads import usable_threads
from segue.modules.network import TorchNetwork
from segue.training.history import Callback, Row
from segue.training.objectives import Objective
from segue.training.optimizers import SCHEDULES, RunningMetrics, compute_gradients, make_optimizer
from segue.training.options import TrainingOptions
from segue.training.setup import TrainingSetup
from segue.training.validation import measure


@dataclass
class TrainingState:
    """All that changes: save it with the network's weights, and the training can go on from it."""

    optimizer: torch.optim.Optimizer
    rows: list[Row] = field(default_factory=list)
    best_epoch: int | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    last_weights: dict[str, Tensor] = field(default_factory=dict)
    last_finite_weights: dict[str, Tensor] = field(default_factory=dict)  # they gave a finite loss
    last_finite_epoch: int = 0  # after which they stood; 0 is before the first
    epochs_without_improvement: int = 0  # since the best one
    plateau: float = 1.0  # what "plateau" multiplies the rate with
    seconds: float = 0.0
    updates: int = 0  # of the epoch that runs
    sums: dict[str, float] = field(default_factory=dict)  # its loss and scores so far

    @classmethod
    def start(cls, job: TrainingSetup) -> TrainingState:
        """The state before the first epoch."""
        optimizer = make_optimizer(job.trained, job.learning_rate, job.options)
        return cls(optimizer, last_finite_weights=_copy(job.network))

    @property
    def best_row(self) -> Row | None:
        """The row of the best epoch so far."""
        return None if self.best_epoch is None else self.rows[self.best_epoch - 1]


def train(job: TrainingSetup, state: TrainingState, callbacks: Sequence[Callback] = ()) -> str:
    """Train until the epochs are done or something ends it; the best weights are then in place.

    Returns:
        How it ended: "finished", "early", "time", "callback" or "interrupted".

    Raises:
        TrainingError: a loss that is not finite. The last good weights are in place.
    """
    for callback in callbacks:
        callback.on_start(state.rows)
    ended = "failed"
    try:
        began = time.perf_counter() - state.seconds
        while (reason := _reason_to_stop(job, state)) is None:  # a resumed one may be at its end
            row = _train_epoch(job, state, began, callbacks)
            if job.validation is not None:
                row |= _validate(job, state)
            state.seconds = row["seconds"] = time.perf_counter() - began
            _close_epoch(job, state, row)
            wishes = [callback.on_epoch(row, state) for callback in callbacks]
            if any(wishes):
                reason = _reason_to_stop(job, state) or "callback"
                break
        ended = reason
        if ended == "time":
            _tell_overrun(job, state.seconds)
    except KeyboardInterrupt:
        ended = "interrupted"
    except TrainingError:
        state.last_weights = state.last_finite_weights
        state.best_epoch = state.best_epoch or state.last_finite_epoch
        raise
    finally:
        # The weights of the best epoch; without validation, of the last whole one.
        weights = state.best_weights or state.last_weights
        if weights:
            job.network.load_state_dict(weights)
        for callback in callbacks:
            callback.on_end(ended)
    return ended


def _train_epoch(
    job: TrainingSetup, state: TrainingState, began: float, callbacks: Sequence[Callback]
) -> Row:
    """All updates of an epoch, or as many as the time limit leaves room for: at least one.

    A training that was stopped within an epoch goes on behind the updates that are done.
    """
    epoch = len(state.rows) + 1
    updates, means = job.updates(epoch), RunningMetrics(job.objective, state.sums)
    rate, share, limit = 0.0, 1.0, job.options.time_limit_seconds or math.inf
    for number, update in enumerate(updates[state.updates :], start=state.updates):
        done = (epoch - 1 + number / len(updates)) / job.epochs
        # The schedule follows the clock where that is ahead, so that it ends with the time limit.
        done = min(1.0, max(done, (time.perf_counter() - began) / limit))
        rate = job.learning_rate * SCHEDULES[job.options.schedule](done) * state.plateau
        rate = job.rates[epoch - 1] if job.rates else rate
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        loss, norm = compute_gradients(job, update, epoch, means, began + limit)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            what = "gradient" if math.isfinite(loss) else "loss"
            where = f"in epoch {epoch}, batch {number + 1} of {len(updates)},"
            raise _not_finite(f"{what} {where}", job, state)
        if epoch > 1:  # these weights are those that the epoch before ended with
            state.last_finite_weights, state.last_finite_epoch = state.last_weights, epoch - 1
        state.optimizer.step()
        state.updates, state.seconds = number + 1, time.perf_counter() - began
        share = state.updates / len(updates)
        for callback in callbacks:
            callback.on_update(epoch, share, means)
        if share < 1 and time.perf_counter() - began >= limit:
            break
    row = {"epoch": epoch, **means.row(), "learning_rate": rate}
    return row if share == 1 else row | {"share": share}


def _tell_overrun(job: TrainingSetup, seconds: float) -> None:
    """Warn where the time limit was passed by more than a quarter: nothing stops within a batch."""
    limit = job.options.time_limit_seconds or math.inf
    if seconds > 1.25 * limit + 1:
        warn_user(
            f"The time limit of {limit:g} s was passed by {seconds - limit:.1f} s: a batch that "
            f"has begun is finished, and so is the validation. Batches smaller than "
            f"{job.batch_size} keep closer to it."
        )


def _validate(job: TrainingSetup, state: TrainingState) -> Row:
    assert job.validation is not None
    means = measure(job.network, job.validation, job.objective, usable_threads())
    row = means.row("validation_")
    if not math.isfinite(row["validation_loss"]):
        raise _not_finite(f"validation loss after epoch {len(state.rows) + 1}", job, state)
    return row


def _close_epoch(job: TrainingSetup, state: TrainingState, row: Row) -> None:
    """Add the row, and keep the weights if they are the best so far."""
    state.rows.append(row)
    state.updates, state.sums = 0, {}
    state.last_weights = _copy(job.network)
    if job.validation is None:
        return
    before = Standing(state.best_epoch, state.epochs_without_improvement, state.plateau)
    after = judged(job, before, row, state.best_row)
    state.best_epoch, state.epochs_without_improvement, state.plateau = after
    if after.best_epoch == len(state.rows):
        state.best_weights = state.last_weights


class Standing(NamedTuple):
    """How a training stands after an epoch; the fields are those of its state."""

    best_epoch: int | None = None
    epochs_without_improvement: int = 0
    plateau: float = 1.0


def judged(job: TrainingSetup, before: Standing, row: Row, best: Row | None) -> Standing:
    """The standing after one more epoch.

    Args:
        job: says which epoch is better, and when the schedule "plateau" lowers the rate.
        before: the standing before that epoch.
        row: of that epoch.
        best: the row of the best one before.
    """
    options = job.options
    if job.validation is None:
        return before
    if best is None or MONITORS[options.monitor](row, best, options.min_delta):
        return Standing(int(row["epoch"]), 0, before.plateau)
    waited, plateau = before.epochs_without_improvement + 1, before.plateau
    if options.schedule == "plateau" and waited % options.plateau_patience == 0:
        plateau *= options.plateau_factor
    return Standing(before.best_epoch, waited, plateau)


def _reason_to_stop(job: TrainingSetup, state: TrainingState) -> str | None:
    options = job.options
    cut = bool(state.rows) and "share" in state.rows[-1]
    if len(state.rows) == job.epochs and not cut:
        return "finished"
    if cut or state.seconds >= (options.time_limit_seconds or math.inf):
        return "time"
    stale = options.patience is not None and state.epochs_without_improvement >= options.patience
    if stale and not options.has_fixed_length:
        return "early"
    return None


def _copy(network: TorchNetwork) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _not_finite(what: str, job: TrainingSetup, state: TrainingState) -> TrainingError:
    epoch = state.best_epoch or state.last_finite_epoch
    last = f" Up to epoch {epoch} it was." if epoch else ""
    advice = f"a lower learning rate than {job.learning_rate:g}"
    if job.options.clip_norm is None:
        advice += ", or clip_norm=1.0"
    return TrainingError(
        f"The {what} is not finite.{last} Try {advice}; and look for values far out of the "
        "ordinary with `segue data show`."
    )


# -- which epoch is the best --------------------------------------------------------------------

Monitor = Callable[[Row, Row, float], bool]


def lower_loss(row: Row, best: Row, min_delta: float) -> bool:
    """The validation loss is lower, by more than `min_delta`."""
    return row["validation_loss"] < best["validation_loss"] - min_delta


def higher_accuracy(row: Row, best: Row, min_delta: float) -> bool:
    """More of the validation targets are predicted, or as many with a lower loss.

    >>> best = {"validation_accuracy": 0.9, "validation_loss": 0.5}
    >>> higher_accuracy({"validation_accuracy": 0.9, "validation_loss": 0.4}, best, 0.0)
    True
    """
    if row["validation_accuracy"] != best["validation_accuracy"]:
        return row["validation_accuracy"] > best["validation_accuracy"]
    return lower_loss(row, best, min_delta)


def later(row: Row, best: Row, min_delta: float) -> bool:
    """The epoch is a later one, whatever its scores; of two trainings, the loss is lower."""
    return row["epoch"] > best["epoch"] or lower_loss(row, best, min_delta)


MONITORS: dict[str, Monitor] = {"loss": lower_loss, "accuracy": higher_accuracy, "last": later}


def check_monitor(options: TrainingOptions, objective: Objective, *, validated: bool) -> None:
    """Raise `OptionError` where what is to be monitored does not exist.

    Args:
        options: of the training.
        objective: of the task, which may have no accuracy.
        validated: whether there is a validation part, which the schedule "plateau" needs.
    """
    if options.schedule == "plateau" and not validated:
        raise OptionError(
            "`schedule` is 'plateau', which lowers the rate when the validation loss stands still, "
            "and there is no validation: choose another schedule, or a validation share, such as "
            "validation=0.2."
        )
    if options.monitor == "accuracy" and objective.metric != "accuracy":
        raise OptionError(
            f"`monitor` is 'accuracy', and this task has none: use 'loss', which "
            f"{objective.metric} follows."
        )
