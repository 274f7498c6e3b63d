"""The loop: what ends it, which weights are then in place, what its rows say."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from segue.data.sequences import Array
from segue.errors import TrainingError, WriteError
from segue.modules.network import TorchNetwork
from segue.randomness import Draws
from segue.training import Callback, HistoryWriter, TrainingOptions
from segue.training import loop as loop_module
from segue.training.loop import TrainingState, train
from segue.training.objectives import Objective, RunningMetrics
from segue.training.torch_trainer import TorchTrainer
from segue.training.trainer import Advance, Trainer

# What is shown by a look into PyTorch's part.
with_torch = pytest.mark.parametrize("make_trainer", ["torch"], indirect=True)

MakeTrainer = Callable[..., TorchTrainer]


class Listener(Callback):
    """Keeps what it hears, and the weights after every epoch."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.updates: list[tuple[int, float]] = []
        self.weights: list[dict[str, Array]] = []

    def on_start(self, rows: list[dict[str, float]]) -> None:
        self.heard.append(f"start {len(rows)}")

    def on_update(self, epoch: int, share: float, means: Any) -> None:
        self.updates.append((epoch, share))

    def on_epoch(self, row: dict[str, float], state: Any) -> None:
        self.heard.append(f"epoch {row['epoch']}")
        self.weights.append(state.last_weights)

    def on_end(self, ended: str) -> None:
        self.heard.append(f"end {ended}")


def options(**more: Any) -> TrainingOptions:
    return TrainingOptions(**{"progress": "none", "schedule": "constant", **more})


def run(trainer: Trainer, *callbacks: Callback) -> tuple[str, TrainingState, Listener]:
    state, listener = TrainingState.start(trainer), Listener()
    return train(trainer, state, [listener, *callbacks]), state, listener


def assert_same(a: dict[str, Array], b: dict[str, Array]) -> None:
    for name, array in a.items():
        np.testing.assert_array_equal(array, b[name], err_msg=name)


def set_validation_losses(monkeypatch: pytest.MonkeyPatch, *losses: float) -> None:
    """Let the validation give these losses, one after the other."""
    left = iter(losses)
    monkeypatch.setattr(
        loop_module,
        "_validate",
        lambda job, state: {"validation_loss": next(left), "validation_accuracy": 0.5},
    )


def test_a_whole_training_is_heard_from_start_to_end(make_trainer: MakeTrainer) -> None:
    """And its rows have an epoch, losses, accuracies, the rate and the seconds."""
    ended, state, listener = run(make_trainer(epochs=3))
    assert ended == "finished"
    assert listener.heard == ["start 0", "epoch 1", "epoch 2", "epoch 3", "end finished"]
    assert [list(row) for row in state.rows] == [
        [
            "epoch",
            "loss",
            "accuracy",
            "learning_rate",
            "validation_loss",
            "validation_accuracy",
            "seconds",
        ]
    ] * 3
    seconds = [row["seconds"] for row in state.rows]
    assert 0 < seconds[0] < seconds[1] < seconds[2]


def test_it_learns(make_trainer: MakeTrainer) -> None:
    """Otherwise nothing else here would mean anything."""
    _, state, _ = run(make_trainer("gru(6)", epochs=20))
    assert state.rows[-1]["loss"] < 0.5 * state.rows[0]["loss"]
    assert state.rows[-1]["validation_accuracy"] >= 0.9


def test_the_best_weights_are_restored(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the epoch with the lowest validation loss, the first of equal ones."""
    set_validation_losses(monkeypatch, 5, 3, 4, 3, 6, 7)
    trainer = make_trainer()
    ended, state, listener = run(trainer)
    assert (ended, state.best_epoch) == ("finished", 2)
    assert_same(trainer.weights(), listener.weights[1])


def test_without_validation_the_last_weights_are_kept(make_trainer: MakeTrainer) -> None:
    """And no row has anything about validation."""
    trainer = make_trainer(validation=None)
    _, state, listener = run(trainer)
    assert state.best_epoch is None
    assert "validation_loss" not in state.rows[0]
    assert_same(trainer.weights(), listener.weights[-1])


@pytest.mark.parametrize("schedule", ["constant", "plateau"])
def test_early_stopping(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    """After `patience` epochs that are not better by `min_delta` than the best one."""
    set_validation_losses(monkeypatch, 5, 3, 2.95, 2.92, 2.91, 1)
    ended, state, _ = run(
        make_trainer(options=options(schedule=schedule, patience=3, min_delta=0.1))
    )
    assert (ended, len(state.rows), state.best_epoch) == ("early", 5, 2)


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
def test_a_schedule_of_fixed_length_is_not_cut_short(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    """Its best epochs are the last ones."""
    set_validation_losses(monkeypatch, 1, 2, 3, 4, 5, 6)
    ended, state, _ = run(make_trainer(options=options(schedule=schedule, patience=1)))
    assert (ended, len(state.rows)) == ("finished", 6)


def test_no_patience_means_no_early_stop(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`patience=None`."""
    set_validation_losses(monkeypatch, 1, 2, 3, 4, 5, 6)
    assert run(make_trainer(options=options(patience=None)))[0] == "finished"


def test_plateau_lowers_the_rate(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time the loss has stood still for `plateau_patience` epochs."""
    set_validation_losses(monkeypatch, 5, 5, 5, 5, 4, 4)
    chosen = options(schedule="plateau", plateau_patience=2, plateau_factor=0.1, patience=50)
    _, state, _ = run(make_trainer(learning_rate=1.0, options=chosen))
    rates = [row["learning_rate"] for row in state.rows]
    np.testing.assert_allclose(rates, [1, 1, 1, 0.1, 0.1, 0.1])


def test_the_time_limit_ends_a_training_of_many_epochs(make_trainer: MakeTrainer) -> None:
    """The schedule follows the clock, so it ends with the training."""
    ended, state, listener = run(
        make_trainer(epochs=10_000, options=options(time_limit_seconds=0.05, patience=None))
    )
    assert ended == "time"
    assert 1 <= len(state.rows) < 10_000
    assert state.seconds >= 0.05
    assert listener.heard[-1] == "end time"


def test_the_time_limit_ends_it_within_an_epoch(make_trainer: MakeTrainer) -> None:
    """What was learnt until then is validated and kept; the row says how much of the epoch it is.

    Forty sequences in batches of eight are five updates.
    """
    trainer = make_trainer(epochs=1, options=options(time_limit_seconds=1e-9))
    ended, state, listener = run(trainer)
    assert ended == "time"
    assert listener.updates == [(1, 0.2)]
    (row,) = state.rows
    assert row["share"] == 0.2
    assert "validation_loss" in row
    assert state.best_epoch == 1
    assert_same(listener.weights[0], trainer.weights())


@with_torch
def test_the_time_limit_ends_a_first_update_of_many_batches(make_trainer: MakeTrainer) -> None:
    """Between two of them; its gradient is then that of the batches that were."""
    trainer = make_trainer(network="gru(4)", options=options(accumulate=5, clip_norm=None))
    job, trained = trainer.job, trainer.trained.values()
    update, wanted = job.updates(1)[0], RunningMetrics(job.objective)
    trainer.compute_gradients(update[:1], 1, wanted)
    gradients = [weight.grad.clone() for weight in trained if weight.grad is not None]
    found = RunningMetrics(job.objective)
    loss, _ = trainer.compute_gradients(update, 1, found, until=0.0)
    assert found.sums == wanted.sums
    assert loss == pytest.approx(found.row()["loss"])
    for gradient, weight in zip(gradients, trained, strict=True):
        torch.testing.assert_close(weight.grad, gradient)


def test_a_time_limit_that_was_passed_is_said(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 7))
    monkeypatch.setattr(loop_module.time, "perf_counter", lambda: float(next(clock)))
    with pytest.warns(UserWarning, match=r"limit of 5 s was passed by \d+.* than 8 keep closer"):
        run(make_trainer(epochs=3, options=options(time_limit_seconds=5)))


def test_a_whole_last_epoch_is_no_time_limit(make_trainer: MakeTrainer) -> None:
    """An epoch of one update cannot be cut: it was all that was asked for."""
    chosen = options(time_limit_seconds=1e-9)
    ended, state, _ = run(make_trainer(epochs=1, batch_size=40, options=chosen))
    assert ended == "finished"
    assert "share" not in state.rows[0]


def test_a_callback_hears_each_update(make_trainer: MakeTrainer) -> None:
    """With the share of the epoch that is done."""
    _, _, listener = run(make_trainer(epochs=2))
    shares = [0.2, 0.4, 0.6, 0.8, 1.0]
    assert listener.updates == [(epoch, share) for epoch in (1, 2) for share in shares]


def test_the_schedule_follows_the_clock_under_a_time_limit(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One-cycle has come down when the time is over: here each look at the clock takes a while."""
    looks = itertools.count()
    monkeypatch.setattr(loop_module.time, "perf_counter", lambda: next(looks) / 1000)
    chosen = options(schedule="one-cycle", time_limit_seconds=0.2)
    _, state, _ = run(make_trainer(epochs=100_000, learning_rate=1e-3, options=chosen))
    rates = [row["learning_rate"] for row in state.rows]
    assert max(rates) > 0.8e-3
    assert rates[-1] < 0.3e-3


def test_an_interruption_keeps_the_best_weights(make_trainer: MakeTrainer) -> None:
    """Ctrl-C inside a callback is one inside the loop."""

    class Interrupt(Callback):
        def on_epoch(self, row: dict[str, float], state: Any) -> None:
            if row["epoch"] == 3:
                raise KeyboardInterrupt

    trainer = make_trainer(validation=None)
    ended, state, listener = run(trainer, Interrupt())
    assert (ended, len(state.rows), listener.heard[-1]) == ("interrupted", 3, "end interrupted")
    assert_same(trainer.weights(), listener.weights[2])


def test_an_interruption_inside_an_epoch_gives_the_weights_before_it(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an epoch has no row, so it has no weights either."""
    trainer = make_trainer(validation=None)
    advance, calls = type(trainer).advance, []

    def interrupted(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 5 + 3:  # forty sequences are five batches of eight
            raise KeyboardInterrupt
        return advance(*given)

    monkeypatch.setattr(type(trainer), "advance", interrupted)
    ended, state, listener = run(trainer)
    assert (ended, len(state.rows)) == ("interrupted", 1)
    assert_same(trainer.weights(), listener.weights[0])


def test_an_error_in_a_callback_is_not_swallowed(make_trainer: MakeTrainer) -> None:
    """The others hear that the training has failed; the weights of the last epoch stay."""

    class Broken(Callback):
        def on_epoch(self, row: dict[str, float], state: Any) -> None:
            if row["epoch"] == 2:
                raise RuntimeError("my own")

    trainer = make_trainer(validation=None)
    listener = Listener()
    with pytest.raises(RuntimeError, match="my own"):
        train(trainer, TrainingState.start(trainer), [listener, Broken()])
    assert listener.heard[-1] == "end failed"
    assert_same(trainer.weights(), listener.weights[1])


def test_weights_of_zero_leave_a_sequence_out(make_trainer: MakeTrainer) -> None:
    """A batch whose sequences count nothing changes nothing."""
    none = make_trainer(weights=np.zeros(40), options=options(optimizer="sgd"))
    before = none.weights()
    run(none)
    assert_same(before, none.weights())


def test_a_weight_of_two_is_a_sequence_twice(make_trainer: MakeTrainer) -> None:
    """The gradient of one batch with plain steps down the slope, by hand."""
    weights = np.ones(40)
    weights[3] = 2.0
    plain = options(optimizer="sgd", clip_norm=None)
    trainer = make_trainer("gru(4)", weights=weights, batch_size=40, epochs=1, options=plain)
    job, network = trainer.job, trainer.job.network.to_torch()
    x = job.train.batches.gather(np.arange(40))
    targets = job.train.gather_targets(np.arange(40)).float()
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        network(x)[:, 0], targets, reduction="none"
    )
    loss = (losses.sum() + losses[3]) / 40
    loss.backward()  # type: ignore[no-untyped-call]
    wanted = {
        name: (tensor - 0.02 * tensor.grad).detach().numpy()  # type: ignore[operator]
        for name, tensor in network.weight_tensors().items()
    }
    _, state, _ = run(trainer)
    assert state.rows[0]["loss"] == pytest.approx(float(loss.detach()), rel=1e-6)
    for name, array in job.network.get_weights().items():
        np.testing.assert_allclose(array, wanted[name], atol=1e-6)


def test_clipping_shortens_the_gradient(make_trainer: MakeTrainer) -> None:
    """One step of sgd with rate one is then as long as the clipping allows."""
    trainer = make_trainer(
        "gru(4)",
        batch_size=40,
        epochs=1,
        learning_rate=1.0,
        validation=None,
        options=options(optimizer="sgd", clip_norm=1e-3),
    )
    before = trainer.weights()
    run(trainer)
    after = trainer.weights()
    length = math.sqrt(sum(((after[n] - before[n]) ** 2).sum() for n in before))
    assert length == pytest.approx(1e-3, rel=1e-3)


@with_torch
def test_every_batch_of_every_epoch_has_draws_of_its_own(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seed, epoch and step: dropout never repeats itself in a training."""
    seen = []
    forward = TorchNetwork.forward

    def listen(self: TorchNetwork, x: Any, draws: Any = None) -> Any:
        seen.append(draws)
        return forward(self, x, draws)

    monkeypatch.setattr(TorchNetwork, "forward", listen)
    run(make_trainer(epochs=3, seed=5, validation=None))
    assert seen == [Draws(5, epoch, step) for epoch in (1, 2, 3) for step in range(5)]


@with_torch
def test_validation_is_done_without_dropout(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is validated is what will predict."""
    seen = []
    forward = TorchNetwork.forward

    def listen(self: TorchNetwork, x: Any, draws: Any = None) -> Any:
        seen.append(draws is None)
        return forward(self, x, draws)

    monkeypatch.setattr(TorchNetwork, "forward", listen)
    run(make_trainer(epochs=1))
    assert seen == [False] * 5 + [True]


# -- losses that are not finite ------------------------------------------------------------------


def test_the_batch_whose_loss_is_not_finite_is_named(make_trainer: MakeTrainer) -> None:
    """And the updates before it are undone with it: it is the first epoch."""
    weights = np.ones(40)
    weights[3] = math.inf
    trainer = make_trainer(weights=weights, validation=None)
    before = trainer.weights()
    numbers = [number for ((number, index),) in trainer.job.updates(1) if 3 in index]
    with pytest.raises(TrainingError, match=f"loss in epoch 1, batch {numbers[0] + 1} of 5,"):
        run(trainer)
    assert_same(trainer.weights(), before)


def spoil(monkeypatch: pytest.MonkeyPatch, call: int, value: float = math.nan) -> None:
    """Let the loss of one batch, counted from 1 over all epochs, be a number that is none."""
    real, calls = Objective.losses, []

    def losses(self: Objective, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return real(self, logits, targets) * (value if len(calls) == call else 1)

    monkeypatch.setattr(Objective, "losses", losses)


@with_torch
def test_a_loss_that_is_not_finite_names_epoch_and_batch(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights after the last epoch that was followed by a finite loss are in place."""
    spoil(monkeypatch, 2 * 5 + 4)
    trainer = make_trainer(validation=None)
    listener, state = Listener(), TrainingState.start(trainer)
    message = "loss in epoch 3, batch 4 of 5, is not finite. Up to epoch 2 it was"
    with pytest.raises(TrainingError, match=f"{message}.*lower learning rate than 0.02"):
        train(trainer, state, [listener])
    assert (listener.heard[-1], state.best_epoch) == ("end failed", 2)
    assert_same(trainer.weights(), listener.weights[1])


@with_torch
def test_weights_that_give_no_finite_loss_are_not_good_ones(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first batch of an epoch fails, the epoch before has ended with broken weights."""
    spoil(monkeypatch, 2 * 5 + 1, math.inf)
    trainer = make_trainer(validation=None)
    listener, state = Listener(), TrainingState.start(trainer)
    with pytest.raises(TrainingError, match="epoch 3, batch 1 of 5.*Up to epoch 1 it was"):
        train(trainer, state, [listener])
    assert_same(trainer.weights(), listener.weights[0])


@with_torch
def test_a_failure_in_the_first_epoch_leaves_the_first_weights(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says what to do."""
    spoil(monkeypatch, 3)
    trainer = make_trainer(validation=None, options=options(clip_norm=None))
    before = trainer.weights()
    with pytest.raises(TrainingError, match="batch 3 of 5.*is not finite. Try .*or clip_norm=1.0"):
        run(trainer)
    assert_same(trainer.weights(), before)


@with_torch
def test_a_gradient_that_is_not_finite_is_told_from_a_loss(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finite loss can have a gradient that is none."""
    monkeypatch.setattr(
        Objective,
        "losses",
        lambda _, logits, targets: (logits[:, 0] * 0).abs().sqrt() + targets,
    )
    with pytest.raises(TrainingError, match="The gradient in epoch 1, batch 1 of 5, is not finite"):
        run(make_trainer(validation=None))


@with_torch
def test_a_validation_loss_that_is_not_finite_stops_too(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights that gave it are not kept, and no row says NaN."""
    spoil(monkeypatch, 6 * 2)  # five batches and one validation in each epoch
    trainer = make_trainer()
    listener, state = Listener(), TrainingState.start(trainer)
    with pytest.raises(TrainingError, match="validation loss after epoch 2 is not finite.*epoch 1"):
        train(trainer, state, [listener])
    assert len(state.rows) == 1
    assert_same(trainer.weights(), listener.weights[0])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_rate_out_of_all_proportion_never_leaves_broken_weights(
    make_trainer: MakeTrainer, optimizer: str
) -> None:
    """Whether it fails or not: what is left gives finite numbers."""
    trainer = make_trainer(
        "rnn(4, activation=relu)",
        validation=None,
        batch_size=40,
        learning_rate=1e30,
        options=options(optimizer=optimizer, clip_norm=None),
    )
    with pytest.raises(TrainingError, match="is not finite"):
        run(trainer)
    logits = trainer.job.network.to_torch()(trainer.job.train.batches.gather(np.arange(40)))
    assert bool(torch.isfinite(logits).all())


# -- history -------------------------------------------------------------------------------------


def test_the_history_file_grows_row_by_row(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    """Whoever looks at it sees every epoch that is done."""
    path, seen = tmp_path / "history.jsonl", []

    class Look(Callback):
        def on_epoch(self, row: dict[str, float], state: Any) -> None:
            seen.append([json.loads(line) for line in path.read_text().splitlines()])

    path.write_text("of an older training\n")
    _, state, _ = run(make_trainer(epochs=3), HistoryWriter(path), Look())
    assert [len(rows) for rows in seen] == [1, 2, 3]
    assert seen[-1] == state.rows


def test_a_history_that_cannot_be_written_is_told(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    """In one message, with the path."""
    (tmp_path / "history.jsonl").mkdir()
    with pytest.raises(WriteError, match=r"history.jsonl could not be written \(Is a directory\)"):
        run(make_trainer(), HistoryWriter(tmp_path / "history.jsonl"))


# -- several updates in one call -------------------------------------------------------------------


class Several(TorchTrainer):
    """Performs up to three updates in one call, as a trainer may."""

    at_once = 3

    def advance(
        self, epoch: int, updates: Any, rates: Any, means: Any, until: float = 0
    ) -> Advance:
        self.calls = [*getattr(self, "calls", []), len(updates)]
        done, last = 0, Advance(0, 0.0, 0.0)
        for update, rate in zip(updates, rates, strict=True):
            last = super().advance(epoch, [update], [rate], means, until)
            done += last.done
            if not last.is_finite:
                break
        return last._replace(done=done)


@pytest.mark.parametrize("schedule", ["one-cycle", "plateau"])
def test_several_updates_at_once_are_the_same_training(make_job: Any, schedule: str) -> None:
    """Five updates an epoch are then calls of three and of two."""
    chosen = options(schedule=schedule)
    one, several = TorchTrainer(make_job(options=chosen)), Several(make_job(options=chosen))
    states = [TrainingState.start(trainer) for trainer in (one, several)]
    ends = [train(trainer, state) for trainer, state in zip((one, several), states, strict=True)]
    assert ends == ["finished", "finished"]
    assert several.calls == [3, 2] * 6
    assert_same(one.weights(), several.weights())
    for row, other in zip(states[0].rows, states[1].rows, strict=True):
        assert {**row, "seconds": 0} == {**other, "seconds": 0}


def test_who_wants_every_update_gets_it(make_job: Any) -> None:
    """A callback that overrides `on_update`, unless it says that some are enough."""

    class Some(Listener):
        every_update = False

    trainer, listener = Several(make_job(epochs=1)), Listener()
    train(trainer, TrainingState.start(trainer), [listener])
    assert trainer.calls == [1] * 5
    assert len(listener.updates) == 5
    trainer, listener = Several(make_job(epochs=1)), Some()
    train(trainer, TrainingState.start(trainer), [listener, Callback()])
    assert listener.updates == [(1, 0.6), (1, 1.0)]


def test_a_loss_that_is_not_finite_among_several_updates(
    make_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch is named; those before it in the same call count."""

    class Some(Listener):
        every_update = False

    spoil(monkeypatch, 2 * 5 + 2)
    trainer, listener = Several(make_job(validation=None)), Some()
    state = TrainingState.start(trainer)
    with pytest.raises(TrainingError, match="loss in epoch 3, batch 2 of 5, is not finite"):
        train(trainer, state, [listener])
    assert state.best_epoch == 2
    assert_same(trainer.weights(), listener.weights[1])
