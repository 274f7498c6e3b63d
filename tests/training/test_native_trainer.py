"""What the native trainer looks at before the library does, and what it asks of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segue import Dataset, SequenceClassifier, Sequences, TrainingOptions
from segue.errors import DataError
from segue.kernels import forward
from segue.testing import tiny_dataset
from segue.training.loop import TrainingState, train
from segue.training.native_trainer import NativeTrainer, TeamSize
from segue.training.trainers import make_trainer

pytestmark = pytest.mark.skipif(
    forward.path()[0] not in forward.NATIVE, reason="the native library is not there"
)
QUIET = TrainingOptions(progress="none")


@pytest.mark.parametrize("token", [5, -1, 900, 2**31 - 1])
def test_tokens_that_the_embedding_does_not_have_are_refused(token: int) -> None:
    """Also where they are validated with: the library reads where they point."""
    x = np.arange(40).reshape(20, 2) % 5
    strange = np.array([[0, 1], [token, 1]])
    model = SequenceClassifier("embedding(4) gru(4)", epochs=1, options=QUIET)
    with pytest.raises(DataError, match=rf"embedding_1 has the tokens 0 to 4; got {token}\."):
        model.fit(x, np.arange(20) % 2, validation_data=(strange, np.array([0, 1])))


@pytest.mark.parametrize("length", [3, 9, 5000])
def test_another_length_than_that_of_flatten_is_refused(length: int) -> None:
    x = np.zeros((20, 6, 1), np.float32) + np.arange(20)[:, None, None]
    model = SequenceClassifier("flatten dense(3)", epochs=1, options=QUIET)
    with pytest.raises(
        DataError, match=f"built for sequences of 6 steps; got {length} to {length}"
    ):
        model.fit(x, np.arange(20) % 2, validation_data=(np.ones((2, length, 1)), [0, 1]))


def test_an_epoch_is_one_call_where_it_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also behind an epoch whose last call had little left to do."""
    calls: list[int] = []
    advance = NativeTrainer.advance

    def counted(self: NativeTrainer, epoch: int, updates: Any, *more: Any) -> Any:
        calls.append(epoch)
        return advance(self, epoch, updates, *more)

    monkeypatch.setattr(NativeTrainer, "advance", counted)
    model = SequenceClassifier(
        "dense(2) pool(mean)", epochs=4, batch_size=1, validation=None, options=QUIET
    )
    trainer = make_trainer(model._training_job(tiny_dataset(65)))
    train(trainer, TrainingState.start(trainer))
    assert calls[2:] == [2, 3, 4]


def test_of_sequences_on_disk_no_more_are_read_than_are_trained_on(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for a few, as long as it is not known how long an update takes."""
    data = tiny_dataset(64)
    Dataset(data.x, data.y).write(tmp_path / "d.arrow", batch_steps=100)
    mapped = Dataset.open(tmp_path / "d.arrow")
    read, gather = [0], Sequences.gather

    def counted(self: Sequences, index: Any) -> Sequences:
        read[0] += len(index)
        return gather(self, index)

    model = SequenceClassifier("gru(4)", epochs=6, batch_size=4, validation=None, options=QUIET)
    trainer = make_trainer(model._training_job(mapped))
    monkeypatch.setattr(Sequences, "gather", counted)
    train(trainer, TrainingState.start(trainer))
    assert 6 * 64 <= read[0] <= 8 * 64


def test_the_gradients_of_many_weights_are_in_few_shards() -> None:
    """Else each would cost more to add than to compute."""
    x, y = np.zeros((64, 8, 4), np.float32), np.arange(64) % 2
    shards = {}
    for text in ("dense(8) pool(mean)", "flatten dense(3000)", "lstm(200)"):
        trainer = make_trainer(SequenceClassifier(text, options=QUIET)._training_job(x, y))
        assert isinstance(trainer, NativeTrainer)
        shards[text] = trainer.network.shards(trainer.kernels, 64, 64 * 8)
    assert shards == {"dense(8) pool(mean)": 4, "flatten dense(3000)": 1, "lstm(200)": 4}


def test_one_thread_computes_while_others_keep_the_processors_busy() -> None:
    size = TeamSize(2)
    fewer = []
    for _ in range(4):  # in vain each time, and longer alone after each
        size.saw(2, seconds=0.05, of_processor=0.06)
        fewer.append((size.fewer, size.calls))
        while size.calls:
            size.saw(1, seconds=0.05, of_processor=0.05)
    assert fewer == [(1, 3), (1, 15), (1, 63), (1, 63)]
    size.saw(2, seconds=0.05, of_processor=0.099)
    assert size == TeamSize(2, fewer=2)
    size.saw(2, seconds=0.005, of_processor=0.005)  # too short to tell anything
    size.saw(1, seconds=0.05, of_processor=0.05)  # a small network: the library took one
    assert size == TeamSize(2, fewer=2)
    many = TeamSize(16)
    many.saw(16, seconds=0.05, of_processor=0.1)  # a container with two processors
    assert many.fewer == 2


def test_numbers_below_those_of_float32_are_zeros_while_it_trains_and_no_longer() -> None:
    x = np.linspace(1, 2, 200, dtype=np.float32).reshape(20, 10, 1) * np.float32(1e-37)
    model = SequenceClassifier("lstm(3)", epochs=1, prepare="none", validation=None, options=QUIET)
    trainer = make_trainer(
        model._training_job(Dataset(Sequences.from_list(list(x)), ["a", "b"] * 10))
    )
    train(trainer, TrainingState.start(trainer))
    moments = np.abs(trainer.optimizer_state()["lstm_1/kernel/exp_avg"])
    assert not moments[moments < np.finfo(np.float32).tiny].any()
    assert np.float32(1e-37) * np.float32(0.01) > 0
