"""What a person sees while a network is trained."""

from __future__ import annotations

import io

import pytest

from segue.training.reporter import make_reporter


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_narrow_terminal_shows_the_whole_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 80 columns the bar gives up its own, not the time its last digits."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    reporter = make_reporter("auto", 20, stream)
    reporter.on_start([])
    row = {"epoch": 1, "loss": 2.0202, "accuracy": 0.3374}
    for _ in range(20):
        reporter.on_epoch(
            {**row, "validation_loss": 1.8759, "validation_accuracy": 0.4444}, state=None
        )
    reporter.on_end("finished")
    last = stream.getvalue().split("epoch ")[-1]
    assert last.startswith("20/20")
    assert "validation 1.8759, 0.4444" in last
    assert "0:00:00" in last
