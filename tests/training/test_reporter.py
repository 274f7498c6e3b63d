"""What a person sees while a network is trained."""

from __future__ import annotations

import io
from typing import Any

import pytest

from segue.progress import Progress
from segue.training import TrainingOptions
from segue.training import history as module
from segue.training.history import Reporter, make_reporter

ROW = {"epoch": 1, "loss": 2.0202, "accuracy": 0.3374}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Stands still until it is told."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


class SomeMeans:
    """What an epoch has come to so far."""

    def row(self) -> dict[str, float]:
        return {"loss": 0.5, "accuracy": 0.75}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The reporter's."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def started(
    epochs: int, *, is_validated: bool = True, **options: Any
) -> tuple[Reporter, io.StringIO]:
    """A reporter of plain lines, before the first epoch."""
    stream = io.StringIO()
    reporter = make_reporter(TrainingOptions(**options), epochs, stream, is_validated=is_validated)
    reporter.on_start([])
    return reporter, stream


def test_a_narrow_terminal_shows_the_whole_time_left(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """Of 80 columns the bar gives up its own, not the time its last digits."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    reporter = make_reporter(TrainingOptions(), 20, stream)
    reporter.on_start([])
    for epoch in range(1, 20):
        clock.now += 60
        reporter.on_epoch(
            {**ROW, "epoch": epoch, "validation_loss": 1.8759, "validation_accuracy": 0.4444}, None
        )
    reporter.on_end("finished")
    last = stream.getvalue().split("epoch ")[-1]
    assert last.startswith("19/20")
    assert "validation 1.8759, 0.4444" in last
    assert "60 s left" in last


def test_a_long_text_leaves_room_for_bar_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the text of a network."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with Progress("bar", stream=stream) as progress:
        progress.show("comparing", "conv(64, 9) batchnorm relu " * 4, share=0.5, left="18 s left")
    last = stream.getvalue().split("comparing ")[-1]
    assert "━━━━━━━━" in last
    assert "bat… 18 s left" in last


def test_that_a_training_starts_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first epoch, for PyTorch takes seconds then; lines are not written for it."""
    monkeypatch.setenv("TERM", "xterm")
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        with make_reporter(TrainingOptions(), 2, stream).starting():
            pass
        assert ("starting" in stream.getvalue()) == shown


def test_a_bar_moves_within_an_epoch(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """The first of two epochs is half done after 60 s, and shows what was learnt so far."""
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    reporter = make_reporter(TrainingOptions(), 2, stream)
    reporter.on_start([])
    clock.now += 60
    reporter.on_update(1, 0.5, SomeMeans())
    reporter.on_end("interrupted")
    last = stream.getvalue().split("epoch ")[-1]
    assert last.startswith("0/2")
    assert "loss 0.5000, accuracy 0.7500" in last
    assert "3 min left" in last


def test_lines_come_within_an_epoch_that_is_long(clock: Clock) -> None:
    """One in half a minute, with the share of the epoch."""
    reporter, stream = started(10)
    for update in range(1, 5):
        clock.now += 20
        reporter.on_update(1, update / 10, SomeMeans())
    assert stream.getvalue().splitlines() == [
        "epoch 1/10, 20 % of it: loss 0.5000, accuracy 0.7500, 33 min left",
        "epoch 1/10, 40 % of it: loss 0.5000, accuracy 0.7500, 32 min left",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, ", 90 s left"),
        ({"time_limit_seconds": 50}, ", 40 s left"),
        ({"schedule": "constant"}, ", at most 90 s left"),
        ({"schedule": "constant", "patience": None}, ", 90 s left"),
        ({"schedule": "constant", "is_validated": False}, ", 90 s left"),
    ],
)
def test_the_time_left_says_when_training_may_end_before(
    options: dict[str, Any], said: str, clock: Clock
) -> None:
    """By a time limit, or by early stopping."""
    reporter, stream = started(10, **options)
    clock.now += 10
    reporter.on_epoch(ROW, None)
    assert stream.getvalue() == f"epoch 1/10: loss 2.0202, accuracy 0.3374{said}\n"


def test_a_resumed_training_counts_the_time_before(clock: Clock) -> None:
    """Its limit is that of all its parts, its speed that of this one."""
    stream = io.StringIO()
    reporter = make_reporter(TrainingOptions(time_limit_seconds=100), 10, stream)
    reporter.on_start([{**ROW, "seconds": 70.0}])
    clock.now += 5
    reporter.on_epoch({**ROW, "epoch": 2}, None)
    reporter.on_epoch({**ROW, "epoch": 10}, None)
    assert stream.getvalue().splitlines() == [
        "resumed after epoch 1",
        "epoch 2/10: loss 2.0202, accuracy 0.3374, 25 s left",
        "epoch 10/10: loss 2.0202, accuracy 0.3374",
    ]
