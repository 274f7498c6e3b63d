"""Stopped is not lost: a training goes on from its checkpoint to the same bits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch

from segue import tensorfile
from segue.data.sequences import Array
from segue.errors import ModelFileError
from segue.training import Callback, TrainingOptions, checkpoint
from segue.training import loop as loop_module
from segue.training.loop import TrainingState, train
from segue.training.trainer import Trainer

MakeTrainer = Callable[..., Trainer]
FINGERPRINT = {"network": "gru(4)", "seed": 0}


class KilledError(Exception):
    """Nothing in the loop catches it, like the death of the process."""


class Kill(Callback):
    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch(self, row: dict[str, float], state: Any) -> None:
        if row["epoch"] == self.epoch:
            raise KilledError


def without_times(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def make_saver(
    trainer: Trainer, folder: Path, state: TrainingState, every: float | None = 0
) -> checkpoint.Checkpointer:
    path = folder / "state.safetensors"
    return checkpoint.Checkpointer(trainer, state, path, FINGERPRINT, every_seconds=every)


def train_until(trainer: Trainer, folder: Path, epoch: int) -> None:
    state = TrainingState.start(trainer)
    with pytest.raises(KilledError):
        train(trainer, state, [make_saver(trainer, folder, state), Kill(epoch)])


def resume(trainer: Trainer, folder: Path) -> tuple[str, TrainingState]:
    state = checkpoint.read(folder / "state.safetensors", trainer, FINGERPRINT)
    return train(trainer, state, [make_saver(trainer, folder, state)]), state


def assert_same_end(
    trainer: Trainer, state: TrainingState, other: Trainer, other_state: TrainingState
) -> None:
    for name, array in trainer.weights().items():
        np.testing.assert_array_equal(array, other.weights()[name], err_msg=name)
    assert without_times(state.rows) == without_times(other_state.rows)
    assert state.best_epoch == other_state.best_epoch


@pytest.mark.sampled(3)
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
@pytest.mark.parametrize("schedule", ["one-cycle", "plateau"])
@pytest.mark.parametrize("epoch", [1, 4])
def test_a_killed_training_goes_on_to_the_same_bits(
    make_trainer: MakeTrainer, tmp_path: Path, optimizer: str, schedule: str, epoch: int
) -> None:
    """Weights, rows and best epoch, with dropout, for every optimiser, killed early and late."""
    options = TrainingOptions(
        optimizer=optimizer,  # type: ignore[arg-type]
        schedule=schedule,  # type: ignore[arg-type]
        momentum=0.9 if schedule == "plateau" else 0.0,
        plateau_patience=1,
        progress="none",
    )
    whole = make_trainer(options=options)
    whole_state = TrainingState.start(whole)
    train(whole, whole_state)
    train_until(make_trainer(options=options), tmp_path / "checkpoint", epoch)
    trainer = make_trainer(options=options)
    ended, state = resume(trainer, tmp_path / "checkpoint")
    assert ended == "finished"
    assert_same_end(trainer, state, whole, whole_state)


def test_killed_again_and_again(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    """After every epoch."""
    whole = make_trainer()
    whole_state = TrainingState.start(whole)
    train(whole, whole_state)
    folder = tmp_path / "checkpoint"
    train_until(make_trainer(), folder, 1)
    for epoch in range(2, 6):
        trainer = make_trainer()
        state = checkpoint.read(folder / "state.safetensors", trainer, FINGERPRINT)
        with pytest.raises(KilledError):
            train(trainer, state, [make_saver(trainer, folder, state), Kill(epoch)])
    trainer = make_trainer()
    _, state = resume(trainer, folder)
    assert_same_end(trainer, state, whole, whole_state)


def test_killed_where_it_would_have_stopped_early(
    make_trainer: MakeTrainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last checkpoint and the decision to stop: no epoch may be added."""
    monkeypatch.setattr(
        loop_module,
        "_validate",
        lambda trainer, state: {
            "validation_loss": float(len(state.rows)),
            "validation_accuracy": 0.5,
        },
    )
    options = TrainingOptions(schedule="constant", patience=2, progress="none")
    whole = make_trainer(options=options)
    whole_state = TrainingState.start(whole)
    assert train(whole, whole_state) == "early"
    train_until(make_trainer(options=options), tmp_path / "c", len(whole_state.rows))
    trainer = make_trainer(options=options)
    ended, state = resume(trainer, tmp_path / "c")
    assert ended == "early"
    assert_same_end(trainer, state, whole, whole_state)


def test_a_lowered_rate_stays_lowered(
    make_trainer: MakeTrainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What plateau has done before the stop is not undone by it."""
    monkeypatch.setattr(
        loop_module,
        "_validate",
        lambda trainer, state: {
            "validation_loss": 1.0 + len(state.rows),
            "validation_accuracy": 0.5,
        },
    )
    options = TrainingOptions(schedule="plateau", plateau_patience=2, progress="none")
    whole = make_trainer(options=options)
    whole_state = TrainingState.start(whole)
    train(whole, whole_state)
    train_until(make_trainer(options=options), tmp_path / "c", 4)
    trainer = make_trainer(options=options)
    _, state = resume(trainer, tmp_path / "c")
    assert state.rows[-1]["learning_rate"] == 0.02 / 4
    assert_same_end(trainer, state, whole, whole_state)


def test_the_time_before_the_stop_counts(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    """Seconds in the rows go on; they do not begin anew."""
    train_until(make_trainer(), tmp_path / "c", 3)
    trainer = make_trainer()
    state = checkpoint.read(tmp_path / "c" / "state.safetensors", trainer, FINGERPRINT)
    before = state.seconds
    assert before > 0
    train(trainer, state)
    assert state.rows[3]["seconds"] > before


def test_the_last_state_is_kept_until_it_is_removed(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    """A process that dies before its model is written has its whole training on the disk."""
    folder, whole = tmp_path / "checkpoint", make_trainer()
    state = TrainingState.start(whole)
    train(whole, state, [make_saver(whole, folder, state, every=1000)])
    again = make_trainer()
    ended, restored = resume(again, folder)
    assert ended == "finished"
    assert_same_end(again, restored, whole, state)
    checkpoint.remove(tmp_path)
    assert not folder.exists()


def test_only_its_own_checkpoints_are_removed(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    """Those of other trainings below the folder stay, and what others keep in one of that name."""
    train_until(make_trainer(), tmp_path / "checkpoint", 1)
    others = [tmp_path / "other/checkpoint/state.safetensors", tmp_path / "checkpoint/mine.pt"]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"of somebody else")
    (tmp_path / "checkpoint/.state.safetensors.0123abcd.part.safetensors").write_bytes(b"half")
    checkpoint.remove(tmp_path)
    assert all(path.read_bytes() == b"of somebody else" for path in others)
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["mine.pt"]


def test_writes_are_some_time_apart(
    make_trainer: MakeTrainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first epoch is kept, so that whatever stops the next can be resumed; and the last."""
    kept, write = [], checkpoint.tensorfile.write

    def counted(path: Path, content: bytes) -> None:
        kept.append(len(state.rows))
        write(path, content)

    monkeypatch.setattr(checkpoint.tensorfile, "write", counted)
    trainer = make_trainer()
    state = TrainingState.start(trainer)
    train(trainer, state, [make_saver(trainer, tmp_path / "c", state, every=1000)])
    assert kept == [1, 6]


class KillWithin(Callback):
    """Within an epoch, after so many updates."""

    def __init__(self, updates: int) -> None:
        self.left = updates

    def on_update(self, epoch: int, share: float, means: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise KilledError


@pytest.mark.sampled(8)
@pytest.mark.parametrize("updates", [1, 2, 4, 5, 6, 9, 13])
@pytest.mark.parametrize("again", [None, 1, 3])
def test_killed_within_an_epoch(
    make_trainer: MakeTrainer, tmp_path: Path, updates: int, again: int | None
) -> None:
    """Rows are the same too: the loss of an epoch is over all of its updates."""
    options = TrainingOptions(checkpoint_every=0, progress="none")
    whole = make_trainer(options=options)
    whole_state = TrainingState.start(whole)
    train(whole, whole_state)
    trainer = make_trainer(options=options)
    state = TrainingState.start(trainer)
    with pytest.raises(KilledError):
        train(trainer, state, [make_saver(trainer, tmp_path, state, None), KillWithin(updates)])
    if again is not None:
        trainer = make_trainer(options=options)
        state = checkpoint.read(tmp_path / "state.safetensors", trainer, FINGERPRINT)
        with pytest.raises(KilledError):
            train(trainer, state, [make_saver(trainer, tmp_path, state, None), KillWithin(again)])
    trainer = make_trainer(options=options)
    ended, state = resume(trainer, tmp_path)
    assert ended == "finished"
    assert_same_end(trainer, state, whole, whole_state)


def test_interrupted_within_an_epoch_after_a_stop_within_it(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    """The weights that are kept are those of the last whole epoch, as without the stop."""
    options = TrainingOptions(checkpoint_every=0, progress="none")
    straight, trainer = make_trainer(options=options), make_trainer(options=options)
    straight_state, state = TrainingState.start(straight), TrainingState.start(trainer)
    assert train(straight, straight_state, [Interrupt(3)]) == "interrupted"
    with pytest.raises(KilledError):
        train(trainer, state, [make_saver(trainer, tmp_path, state, None), KillWithin(12)])
    trainer = make_trainer(options=options)
    state = checkpoint.read(tmp_path / "state.safetensors", trainer, FINGERPRINT)
    assert state.updates
    assert train(trainer, state, [Interrupt(3)]) == "interrupted"
    assert_same_end(trainer, state, straight, straight_state)


class Interrupt(Callback):
    """Ctrl-C within an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_update(self, epoch: int, share: float, means: Any) -> None:
        if epoch == self.epoch:
            raise KeyboardInterrupt


def test_an_interrupt_keeps_every_epoch_that_is_done(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    """However long ago the last checkpoint was written; the rest ends with the same bits."""
    whole, trainer = make_trainer(), make_trainer()
    whole_state = TrainingState.start(whole)
    train(whole, whole_state)
    state = TrainingState.start(trainer)
    saver = make_saver(trainer, tmp_path / "c", state, every=1000)
    assert train(trainer, state, [saver, Interrupt(4)]) == "interrupted"
    again = make_trainer()
    assert len(checkpoint.read(saver.path, again, FINGERPRINT).rows) == 3
    ended, state = resume(again, tmp_path / "c")
    assert ended == "finished"
    assert_same_end(again, state, whole, whole_state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": "none"}, "state.rows: input should be a valid"),
        (
            {"epochs_without_improvement": 1.5},
            "state.epochs_without_improvement: input should be a valid integer",
        ),
        ({"best_epoch": 99}, "the best epoch is 99 of 2"),
        ({"__class__": "x"}, "state.__class__: extra inputs are not permitted"),
        ({"plateau": float("nan")}, "state.plateau: input should be a finite number"),
        (None, "state: input should be"),
    ],
)
def test_a_checkpoint_says_nothing_else(
    make_trainer: MakeTrainer, tmp_path: Path, change: dict[str, Any] | None, message: str
) -> None:
    """Its JSON is checked field by field; nothing in it can set an attribute."""
    train_until(make_trainer(), tmp_path / "c", 2)
    path = tmp_path / "c" / "state.safetensors"
    text, tensors, _ = tensorfile.read(path)
    facts = json.loads(text)
    facts["state"] = None if change is None else {**facts["state"], **change}
    path.write_bytes(tensorfile.to_bytes(json.dumps(facts), tensors))
    with pytest.raises(ModelFileError, match=f"damaged checkpoint: {message}"):
        checkpoint.read(path, make_trainer(), FINGERPRINT)


def changed(path: Path, change: Callable[[dict[str, Any], dict[str, Array]], Any]) -> None:
    """Change a checkpoint, with a checksum that fits again."""
    text, tensors, _ = tensorfile.read(path)
    facts, tensors = json.loads(text), dict(tensors)
    change(facts, tensors)
    path.write_bytes(tensorfile.to_bytes(json.dumps(facts), tensors))


def first(tensors: dict[str, Array], prefix: str) -> Array:
    return next(one for name, one in sorted(tensors.items()) if name.startswith(prefix))


def row_of(facts: dict[str, Any], number: int) -> dict[str, Any]:
    row: dict[str, Any] = facts["state"]["rows"][number]
    return row


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, t: f["state"].update(best_epoch=1), "state.best_epoch is 1, and the rows say"),
        (lambda f, t: f["state"].update(plateau=0.1), "state.plateau is 0.1, and the rows say"),
        (
            lambda f, t: f["state"].update(epochs_without_improvement=7),
            "state.epochs_without_improvement is 7, and the rows say",
        ),
        (lambda f, t: f["state"].update(last_finite_epoch=0), "state.last_finite_epoch is 0, not"),
        (lambda f, t: f["state"].update(seconds=-1.0), "seconds, or those of state.rows, go back"),
        (lambda f, t: f["state"].update(updates=1), "state.updates|state.sums"),
        (lambda f, t: f["state"].update(sums={"loss": 1.0}), "state.sums: expected"),
        (lambda f, t: row_of(f, 0).update(strange=1.0), r"state.rows.0: the fields .*strange"),
        (lambda f, t: row_of(f, 0).pop("validation_loss"), r"state.rows.0: .*validation_loss"),
        (lambda f, t: row_of(f, 0).update(share=0.4), r"state.rows.0: the fields are not"),
        (lambda f, t: row_of(f, 1).update(share=0.41), r"state.rows.1: the fields are not"),
        (lambda f, t: row_of(f, 1).update(loss=10**400), r"state.rows.1.loss is 10+, which"),
        (lambda f, t: row_of(f, 0).update(learning_rate=1e9), "state.rows.0.learning_rate is 1"),
        (lambda f, t: row_of(f, 0).update(seconds=1e9), "seconds, or those of state.rows, go back"),
        (lambda f, t: t.update(strange=np.zeros(1, np.float32)), "strange is not of a checkpoint"),
        (
            lambda f, t: np.add(first(t, "network/"), 1, out=first(t, "network/")),
            "best/.* is not network/.*, of the same epo",
        ),
        (
            lambda f, t: np.add(
                t["optimizer/gru_1/kernel/step"], 1, out=t["optimizer/gru_1/kernel/step"]
            ),
            "optimizer/gru_1/kernel/step is 11 after 10 updates",
        ),
        (
            lambda f, t: np.negative(
                t["optimizer/gru_1/kernel/exp_avg_sq"], out=t["optimizer/gru_1/kernel/exp_avg_sq"]
            ),
            "a mean of squares, is below 0",
        ),
        (
            lambda f, t: t.update(
                {
                    "optimizer/gru_1/kernel/exp_avg": t["optimizer/gru_1/kernel/exp_avg"].astype(
                        np.float64
                    )
                }
            ),
            "the state optimizer/gru_1/kernel/exp_avg is missing, or not that",
        ),
    ],
)
def test_no_field_is_another_than_the_others_make_it(
    make_trainer: MakeTrainer, tmp_path: Path, change: Any, message: str
) -> None:
    """Of a checkpoint with a checksum that fits: no other training comes of it without a word."""
    train_until(make_trainer(), tmp_path / "c", 2)
    path = tmp_path / "c" / "state.safetensors"
    changed(path, change)
    with pytest.raises(ModelFileError, match=rf"state.safetensors: is a damaged .*({message})"):
        checkpoint.read(path, make_trainer(), FINGERPRINT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, t: f["state"].update(updates=3), r"state.sums.count is 16, and .* updates 24"),
        (lambda f, t: f["state"].update(updates=5), "state.updates: 5 are more than an epoch has"),
        (lambda f, t: f["state"]["sums"].update(count=8.0), "state.sums.count is 8, and"),
        (lambda f, t: f["state"]["sums"].update(score=-1.0), "state.sums.score is below 0"),
        (
            lambda f, t: f["state"]["sums"].update(own=1.0),
            "state.sums: expected loss, score, count",
        ),
        (
            lambda f, t: np.add(first(t, "last/"), 1, out=first(t, "last/")),
            "last/.* is not last_finite/.*, of the same epo",
        ),
    ],
)
def test_likewise_within_an_epoch(
    make_trainer: MakeTrainer, tmp_path: Path, change: Any, message: str
) -> None:
    """Plain descent keeps no count of its updates."""
    options = TrainingOptions(checkpoint_every=0, optimizer="sgd", progress="none")
    trainer = make_trainer(options=options)
    state = TrainingState.start(trainer)
    with pytest.raises(KilledError):
        train(trainer, state, [make_saver(trainer, tmp_path, state, None), KillWithin(12)])
    path = tmp_path / "state.safetensors"
    changed(path, change)
    with pytest.raises(ModelFileError, match=f"is a damaged checkpoint: .*({message})"):
        checkpoint.read(path, make_trainer(options=options), FINGERPRINT)


def test_more_epochs_than_there_are_do_not_train_for_ever(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    train_until(make_trainer(), tmp_path / "c", 4)
    with pytest.raises(ModelFileError, match="state.rows: 4 epochs are done of 3"):
        checkpoint.read(tmp_path / "c/state.safetensors", make_trainer(epochs=3), FINGERPRINT)


def test_a_checkpoint_without_its_checksum_is_refused(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    train_until(make_trainer(), tmp_path / "c", 1)
    path = tmp_path / "c" / "state.safetensors"
    text, tensors, _ = tensorfile.read(path)
    path.write_bytes(safetensors.numpy.save(tensors, {"segue": text}))
    with pytest.raises(ModelFileError, match="is a damaged checkpoint: it has no checksum"):
        checkpoint.read(path, make_trainer(), FINGERPRINT)


def test_a_pointer_of_git_lfs_is_known(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n")
    with pytest.raises(ModelFileError, match="is a pointer of Git LFS"):
        checkpoint.read(path, make_trainer(), FINGERPRINT)


def test_what_a_checkpoint_does_not_say_is_said(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    train_until(make_trainer(), tmp_path / "c", 1)
    path = tmp_path / "c" / "state.safetensors"
    changed(path, lambda facts, _: (facts["fingerprint"].pop("seed"), facts.pop("environment")))
    with (
        pytest.warns(UserWarning, match="does not say whether it is of the same seed"),
        pytest.warns(UserWarning, match=r"The training was begun with segue unknown \(now "),
    ):
        checkpoint.read(path, make_trainer(), FINGERPRINT)


def test_rows_that_are_not_those_of_the_history_are_refused(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    """A loss may decide which epoch is kept, and follows from nothing else in the file."""
    train_until(make_trainer(), tmp_path / "checkpoint", 2)
    path = tmp_path / "checkpoint/state.safetensors"
    rows = json.loads(tensorfile.read(path).text)["state"]["rows"]
    lines = [json.dumps({**row, "seconds": 7.0}) for row in rows]
    (tmp_path / "history.jsonl").write_text("\n".join(lines) + '\n{"epo')  # cut by a power loss
    folder = checkpoint.TrainingFolder(tmp_path, resume=True)
    assert len(folder.open(make_trainer(), FINGERPRINT)[1].rows) == 2
    changed(path, lambda facts, _: row_of(facts, 1).update(validation_loss=0.0))
    (tmp_path / "history.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(ModelFileError, match=r"state\.rows\.1 is not line 2 of .*history\.jsonl"):
        folder.open(make_trainer(), FINGERPRINT)


class Unused(torch.nn.Module):
    """Trains one of two layers, and that one in every other update."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
        self.calls = 0

    def forward(self, x: Any) -> torch.Tensor:
        self.calls += torch.is_grad_enabled()
        values = self.used(x.values) if self.calls % 2 else self.used(x.values).detach()
        return torch.relu(values).mean(1)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_own_layers_may_leave_weights_out(
    make_trainer: MakeTrainer, tmp_path: Path, optimizer: str
) -> None:
    """The optimizer has no state for a weight without a gradient, and an older one for others."""
    options = TrainingOptions(optimizer=optimizer, progress="none")  # type: ignore[arg-type]

    def trainer() -> Trainer:
        torch.manual_seed(0)
        return make_trainer([Unused()], options=options)

    train_until(trainer(), tmp_path / "c", 2)
    ended, state = resume(trainer(), tmp_path / "c")
    assert (ended, len(state.rows)) == ("finished", 6)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
@pytest.mark.slow
def test_a_checkpoint_with_other_tensors_is_refused(
    make_trainer: MakeTrainer, tmp_path: Path, optimizer: str
) -> None:
    """Each tensor in turn is missing, of another shape or type, or not finite; or one too many."""
    options = TrainingOptions(
        optimizer=optimizer,  # type: ignore[arg-type]
        momentum=0.9,
        progress="none",
    )
    train_until(make_trainer(options=options), tmp_path / "c", 2)
    path = tmp_path / "c" / "state.safetensors"
    text, tensors, _ = tensorfile.read(path)
    assert any(name.startswith("optimizer/") for name in tensors)
    for name in tensors:
        others: list[dict[str, Array]] = [
            {},
            {name: np.zeros((3, 5, 7), tensors[name].dtype)},
            {name: np.full_like(tensors[name], np.nan)},
        ]
        if not name.startswith("optimizer/"):
            others.append({name: tensors[name].astype(np.float64)})
        for change in others:
            rest = {key: tensor for key, tensor in tensors.items() if key != name}
            path.write_bytes(tensorfile.to_bytes(text, {**rest, **change}))
            with pytest.raises(ModelFileError, match="damaged checkpoint: .*(network|optimi|fin)"):
                checkpoint.read(path, make_trainer(options=options), FINGERPRINT)
    for strange in (
        "optimizer/99/step",
        "optimizer/x/step",
        "best/other",
        "optimizer/gru_1/kernel/other",
    ):
        more = {**tensors, strange: np.zeros(1, np.float32)}
        path.write_bytes(tensorfile.to_bytes(text, more))
        with pytest.raises(ModelFileError, match="damaged checkpoint"):
            checkpoint.read(path, make_trainer(options=options), FINGERPRINT)


def test_a_single_changed_bit_is_found(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    train_until(make_trainer(), tmp_path / "c", 1)
    path = tmp_path / "c" / "state.safetensors"
    whole = bytearray(path.read_bytes())
    for place in range(len(whole) // 3, len(whole), len(whole) // 50):
        whole[place] ^= 1
        path.write_bytes(whole)
        with pytest.raises(ModelFileError, match="checkpoint"):
            checkpoint.read(path, make_trainer(), FINGERPRINT)
        whole[place] ^= 1


def test_another_machine_or_version_is_said(
    make_trainer: MakeTrainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_until(make_trainer(), tmp_path / "c", 1)
    path, kind = tmp_path / "c" / "state.safetensors", type(make_trainer())
    here = kind.environment
    checkpoint.read(path, make_trainer(), FINGERPRINT)
    monkeypatch.setattr(
        kind,
        "environment",
        lambda trainer: {**here(trainer), "kernels": "NEON", "segue": "9.9"},
    )
    text = r"begun with segue .*\(now 9.9\), kernels .*\(now NEON\)\. It goes on"
    with pytest.warns(UserWarning, match=text):
        checkpoint.read(path, make_trainer(), FINGERPRINT)


def test_a_checkpoint_of_the_format_before_is_refused(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    """It has the weights by other names; what to do is said."""
    train_until(make_trainer(), tmp_path / "c", 2)
    path = tmp_path / "c" / "state.safetensors"
    changed(path, lambda facts, _: facts.update(format=3))
    text = "is a checkpoint of format 3; .* goes on from format 4. Resume with the version that"
    with pytest.raises(ModelFileError, match=text):
        checkpoint.read(path, make_trainer(), FINGERPRINT)


def test_a_checkpoint_of_another_training_is_refused(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    """What differs is named."""
    train_until(make_trainer(), tmp_path / "c", 1)
    path = tmp_path / "c" / "state.safetensors"
    with pytest.raises(ModelFileError, match="a training with another network, seed. Resume with"):
        checkpoint.read(path, make_trainer(), {"network": "lstm(4)", "seed": 1})


def test_a_damaged_checkpoint_is_refused(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    """Truncated anywhere, without a description, or of a newer format."""
    train_until(make_trainer(), tmp_path / "c", 1)
    path = tmp_path / "c" / "state.safetensors"
    whole = path.read_bytes()
    for size in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelFileError, match="is no checkpoint: it is"):
            checkpoint.read(path, make_trainer(), FINGERPRINT)
    path.write_bytes(safetensors.numpy.save({}))
    with pytest.raises(ModelFileError, match="is no checkpoint: it is"):
        checkpoint.read(path, make_trainer(), FINGERPRINT)
    path.write_bytes(safetensors.numpy.save({}, {"segue": '{"format": 99}'}))
    with pytest.raises(ModelFileError, match="is a checkpoint of format 99"):
        checkpoint.read(path, make_trainer(), FINGERPRINT)
