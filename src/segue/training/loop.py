"""The training loop.

    for each epoch: for each batch: forward, backward, clip, update; then validate, keep the best

What is fixed stands in a `TrainingSetup`, what changes in a `TrainingState`; what computes is a
`Trainer`, which has the weights and the state of the optimizer. Every random draw
depends on the seed and the position (epoch, batch, layer) only, so a state that is saved and loaded
again goes on to the same bits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from segue.data.arrays import Array
from segue.errors import OptionError, TrainingError, warn_user
from segue.training.history import MONITORS, Callback, Row
from segue.training.objectives import Objective, RunningMetrics
from segue.training.options import TrainingOptions
from segue.training.schedules import SCHEDULES
from segue.training.setup import TrainingSetup
from segue.training.trainer import Trainer


@dataclass
class TrainingState:
    """All that changes beside what the trainer has: with both, the training can go on."""

    rows: list[Row] = field(default_factory=list)
    best_epoch: int | None = None
    best_weights: dict[str, Array] = field(default_factory=dict)
    last_weights: dict[str, Array] = field(default_factory=dict)
    last_finite_weights: dict[str, Array] = field(default_factory=dict)  # they gave a finite loss
    last_finite_epoch: int = 0  # after which they stood; 0 is before the first
    epochs_without_improvement: int = 0  # since the best one
    plateau: float = 1.0  # what "plateau" multiplies the rate with
    seconds: float = 0.0
    updates: int = 0  # of the epoch that runs
    sums: dict[str, float] = field(default_factory=dict)  # its loss and scores so far

    @classmethod
    def start(cls, trainer: Trainer) -> TrainingState:
        """The state before the first epoch."""
        return cls(last_finite_weights=trainer.weights())

    @property
    def best_row(self) -> Row | None:
        """The row of the best epoch so far."""
        return None if self.best_epoch is None else self.rows[self.best_epoch - 1]


def train(trainer: Trainer, state: TrainingState, callbacks: Sequence[Callback] = ()) -> str:
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
        with trainer.computing():
            ended = _train_epochs(trainer, state, callbacks)
        if ended == "time":
            _tell_overrun(trainer.job, state.seconds)
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
            trainer.set_weights(weights)
        trainer.job.network.set_weights(trainer.weights())
        for callback in callbacks:
            callback.on_end(ended)
    return ended


def _train_epochs(trainer: Trainer, state: TrainingState, callbacks: Sequence[Callback]) -> str:
    """Epoch after epoch, each with its validation, until there is a reason to stop."""
    job, began = trainer.job, time.perf_counter() - state.seconds
    while (reason := _reason_to_stop(job, state)) is None:  # a resumed one may be at its end
        row = _train_epoch(trainer, state, began, callbacks)
        if job.validation is not None:
            row |= _validate(trainer, state)
        state.seconds = row["seconds"] = time.perf_counter() - began
        _close_epoch(trainer, state, row)
        wishes = [callback.on_epoch(row, state) for callback in callbacks]
        if any(wishes):
            return _reason_to_stop(job, state) or "callback"
    return reason


def _train_epoch(
    trainer: Trainer, state: TrainingState, began: float, callbacks: Sequence[Callback]
) -> Row:
    """All updates of an epoch, or as many as the time limit leaves room for: at least one.

    A training that was stopped within an epoch goes on behind the updates that are done.
    """
    job, epoch = trainer.job, len(state.rows) + 1
    updates, means = job.updates(epoch), RunningMetrics(job.objective, state.sums)
    rate, share, limit = (
        0.0,
        state.updates / len(updates),
        job.options.time_limit_seconds or math.inf,
    )
    one_by_one = any(map(_needs_every_update, callbacks))
    while share < 1:
        first = state.updates
        some = updates[first : first + (1 if one_by_one else trainer.at_once)]
        rates = _rates(job, state, range(first, first + len(some)), len(updates), began)
        done, loss, norm = trainer.advance(epoch, some, rates, means, began + limit)
        if done and epoch > 1:  # with which the epoch before ended: they gave a finite loss
            state.last_finite_weights, state.last_finite_epoch = state.last_weights, epoch - 1
        if not (math.isfinite(loss) and math.isfinite(norm)):
            what = "gradient" if math.isfinite(loss) else "loss"
            where = f"in epoch {epoch}, batch {first + done + 1} of {len(updates)},"
            raise _not_finite(f"{what} {where}", job, state)
        rate = rates[done - 1]
        state.updates, state.seconds = first + done, time.perf_counter() - began
        share = state.updates / len(updates)
        for callback in callbacks:
            callback.on_update(epoch, share, means)
        if time.perf_counter() - began >= limit:
            break
    row = {"epoch": epoch, **means.row(), "learning_rate": rate}
    return row if share == 1 else row | {"share": share}


def _needs_every_update(callback: Callback) -> bool:
    return callback.every_update and type(callback).on_update is not Callback.on_update


def _rates(
    job: TrainingSetup, state: TrainingState, numbers: range, count: int, began: float
) -> list[float]:
    """The learning rates of the updates of these numbers, out of so many in the epoch that runs."""
    epochs_done, limit = len(state.rows), job.options.time_limit_seconds or math.inf
    if job.rates:
        return [job.rates[epochs_done]] * len(numbers)
    schedule = SCHEDULES[job.options.schedule]
    # The schedule follows the clock where that is ahead, by an update at least: then it ends with
    # the time limit, and where there is time enough, rates are the same each time.
    clock, updates = (time.perf_counter() - began) / limit, count * job.epochs
    found = (epochs_done * count + number for number in numbers)
    shares = (clock if clock * updates > done + 1 else done / updates for done in found)
    return [job.learning_rate * schedule(min(1.0, done)) * state.plateau for done in shares]


def _tell_overrun(job: TrainingSetup, seconds: float) -> None:
    """Warn where the time limit was passed by more than a quarter: nothing stops within a batch."""
    limit = job.options.time_limit_seconds or math.inf
    if seconds > 1.25 * limit + 1:
        warn_user(
            f"The time limit of {limit:g} s was passed by {seconds - limit:.1f} s: a batch that "
            f"has begun is finished, and so is the validation. Batches smaller than "
            f"{job.batch_size} keep closer to it."
        )


def _validate(trainer: Trainer, state: TrainingState) -> Row:
    job = trainer.job
    assert job.validation is not None
    row = trainer.measure(job.validation).row("validation_")
    if not math.isfinite(row["validation_loss"]):
        raise _not_finite(f"validation loss after epoch {len(state.rows) + 1}", job, state)
    return row


def _close_epoch(trainer: Trainer, state: TrainingState, row: Row) -> None:
    """Add the row, and keep the weights if they are the best so far."""
    job = trainer.job
    state.rows.append(row)
    state.updates, state.sums = 0, {}
    state.last_weights = trainer.weights()
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
