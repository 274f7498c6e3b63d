"""What makes an epoch the best one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from segue import SequenceClassifier, SequenceRegressor, TrainingOptions
from segue.errors import OptionError
from segue.testing import tiny_dataset
from segue.training import loop as loop_module
from segue.training.loop import TrainingState, train
from segue.training.trainer import Trainer

LOSSES = (0.9, 0.5, 0.6, 0.7, 0.65, 0.8)
ACCURACIES = (0.5, 0.7, 0.8, 0.9, 0.9, 0.9)


@pytest.mark.parametrize(("monitor", "epoch"), [("loss", 2), ("accuracy", 5), ("last", 6)])
def test_the_best_epoch_is_that_of_the_monitor(
    make_trainer: Callable[..., Trainer],
    monkeypatch: pytest.MonkeyPatch,
    monitor: Any,
    epoch: int,
) -> None:
    """The lowest loss; the highest accuracy and, of the equal ones, the lowest loss; the last."""
    pairs = iter(zip(LOSSES, ACCURACIES, strict=True))

    def validate(trainer: Trainer, state: TrainingState) -> dict[str, float]:
        return dict(zip(("validation_loss", "validation_accuracy"), next(pairs), strict=True))

    monkeypatch.setattr(loop_module, "_validate", validate)
    trainer = make_trainer(options=TrainingOptions(progress="none", monitor=monitor))
    state = TrainingState.start(trainer)
    train(trainer, state)
    assert state.best_epoch == epoch


def test_numbers_have_no_accuracy_to_be_monitored() -> None:
    regressor = SequenceRegressor(options=TrainingOptions(progress="none", monitor="accuracy"))
    with pytest.raises(OptionError, match="`monitor` is 'accuracy'.*use 'loss', which rmse"):
        regressor.fit([[1.0, 2.0]] * 4, [1.0, 2.0, 3.0, 4.0])


def test_a_rate_that_waits_for_a_better_epoch_needs_one() -> None:
    with pytest.raises(OptionError, match="for which each one is: choose another of either"):
        TrainingOptions(monitor="last", schedule="plateau")


def test_a_monitor_that_there_is_not() -> None:
    with pytest.raises(OptionError, match="`monitor` is 'acuracy'. Did you mean \"accuracy\"?"):
        SequenceClassifier(options=TrainingOptions(monitor="acuracy")).fit(tiny_dataset(12))  # type: ignore[arg-type]


def test_plateau_needs_a_validation() -> None:
    """Without one, the rate would never fall; of a refit each epoch has the rate it had before."""
    data = tiny_dataset(30)
    options = TrainingOptions(schedule="plateau", plateau_patience=1, progress="none")
    model = SequenceClassifier("gru(2)", epochs=6, validation=None, options=options)
    with pytest.raises(OptionError, match="'plateau'.*there is no validation: choose another"):
        model.fit(data)
    again = replace(options, refit=True, min_delta=10.0)
    history = model.set_params(validation=0.3, options=again).fit(data).history_
    assert history.refit is not None
    assert history.refit["learning_rate"] == history["learning_rate"][: len(history.refit)]
