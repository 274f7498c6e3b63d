"""What `segue view` draws in a terminal, of any width, and where there is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segue.cli import main, terminal
from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.text_table import folded

View = Callable[..., list[str]]


def waves(channels: int = 1, **more: object) -> Dataset:
    """A slow and a fast wave."""
    time = np.arange(400.0)
    rows = [np.stack([np.sin(f * time + c) for c in range(channels)], axis=1) for f in (0.05, 0.2)]
    return Dataset(rows, np.array(["slow", "fast"]), **more)  # type: ignore[arg-type]


@pytest.fixture
def view(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> View:
    """Run `segue view` on a data set in a terminal of some width."""

    def call(data: Dataset, *words: object, width: int | None = 80, code: int = 0) -> list[str]:
        data.write(tmp_path / "data.arrow")
        capsys.readouterr()
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: width is not None, raising=False)
        came = main(["view", str(tmp_path / "data.arrow"), *map(str, words)])
        out, err = capsys.readouterr()
        assert came == code, err
        return (out if code == 0 else err).splitlines()

    return call


@pytest.mark.parametrize("width", [10, 30, 80, 161, 400])
def test_lines_fill_the_width(view: View, width: int) -> None:
    """And never more than it, between 24 and 160 columns."""
    lines = view(waves(rate_hz=100.0), width=width)
    drawn = lines[lines.index("") + 1 :]
    shown = min(160, max(24, width - 1))
    assert max(map(len, drawn)) == shown
    assert sum("└" in line for line in drawn) == 2
    assert "slow  (4 seconds)" in drawn
    assert any(line.endswith("4") and line.strip().startswith("0") for line in drawn)
    assert any(line.startswith("fast  █") for line in drawn)


def test_where_there_is_no_terminal(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of text each, and likewise without the extra."""
    lines = view(waves(), width=None)
    assert [line[:4] for line in lines[-2:]] == ["fast", "slow"]
    assert not any("└" in line for line in lines)
    monkeypatch.setattr(terminal, "has_plots", lambda: False)
    assert view(waves())[-2:] == lines[-2:]


def test_many_channels_are_shades(view: View) -> None:
    """A row for each, without any extra."""
    text = "\n".join(view(waves(channels=9), width=50))
    assert "░" in text
    assert "0" + "400".rjust(48, "─") in text


def test_a_spectrogram_has_its_tone_at_its_height(view: View) -> None:
    """The fast wave lies above the slow one: in a line nearer to the top."""

    def height(name: str) -> int:
        lines = view(waves(), "--as", "spectrogram")
        first = next(i for i, line in enumerate(lines) if line.startswith(name + "  ("))
        rows = lines[first + 1 : first + 17]
        return max(range(len(rows)), key=lambda i: rows[i].count("█"))

    assert height("fast") < height("slow") <= 16


def test_labels_of_steps_stand_below(view: View) -> None:
    """Each as long as it lasts, under the axis."""
    codes = np.repeat(np.array([0, -1, 1], np.int32), [200, 100, 100])
    data = Dataset([np.sin(np.arange(400.0))], Sequences(codes, [0, 400]), classes=("sit", "walk"))
    lines = view(data, width=60)
    axis = next(line for line in lines if "└" in line)
    strip = next(line for line in lines if "|sit--" in line)
    left = axis.index("└") + 1
    inner = len(axis) - left - 1
    assert strip.index("|sit") == left
    assert strip.index("|walk") == left + round(0.75 * inner)
    assert any(line.startswith("walk") and line.endswith("100") for line in lines)


def test_the_same_channel_of_all_sequences_by_its_name(view: View) -> None:
    """Although another one varies more in the second."""
    rows = [np.zeros((50, 2)), np.zeros((50, 2))]
    rows[0][::2, 1], rows[1][::2, 0] = 9, 1
    lines = view(Dataset(rows, np.array(["a", "b"]), channels=("left", "right")))
    assert [line for line in lines if line.startswith("channel ")] == ["channel right of 2:"]


def test_a_row_is_continued_below_its_last_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where that begins too far to the right, below the one before it."""
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((40, 24)))
    row = "accuracy   0.9378   always the most frequent class"
    assert folded(row, sys.stdout, 2).splitlines() == [
        "accuracy   0.9378   always the most",
        "                    frequent class",
    ]
    assert folded("a sentence " * 5, sys.stdout, 2).splitlines()[1] == "  sentence a sentence"
    far = f"name   {'x' * 30}   the last column of it"
    assert folded(far, sys.stdout, 2).splitlines()[1] == "       the last column of it"


def test_gaps_are_gaps() -> None:
    """Nothing is drawn where nothing is known, nor of a sequence without any value."""
    steps = np.sin(np.arange(300.0) / 10)
    steps[100:200] = np.nan
    rows = terminal.plot(steps, 70, 300.0)
    inside = [line[line.index("│") + 1 : -1] if line.count("│") == 2 else "" for line in rows]
    middle = [line[27:38].strip() for line in inside if line]
    assert not any(middle)
    assert terminal.plot([np.nan] * 3, 30, 3.0)
    assert terminal.plot([1.0], 30, 1.0)


def test_lengths_are_counted() -> None:
    lines = terminal.histogram(np.array([7, 8, 9, 29]), 50)
    assert [line.split()[-1] for line in lines] == ["3", "0", "0", "0", "0", "0", "0", "1"]
    assert terminal.histogram(np.array([5, 5]), 50)[0].startswith("5 ")
    assert terminal.histogram(np.array([], np.int64), 50) == []


def test_a_way_to_draw_that_there_is_not(view: View) -> None:
    said = view(waves(), "--as", "pie", code=2)[0]
    assert "--as is pie; expected one of lines, heat-map, spectrogram, image, text" in said


def test_numbers_are_not_written(view: View, tmp_path: Path) -> None:
    """Only texts are."""
    words = ("--as", "text", "--out", tmp_path / "a.png")
    assert "only texts can be drawn as text" in view(waves(), *words, code=1)[0]


def test_texts_are_written(view: View) -> None:
    """They are no numbers to be plotted."""
    lines = view(Dataset(Sequences.from_texts(["to be", "or not"]), ["a", "b"]))
    assert not any("└" in line for line in lines)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no pseudo-terminals here")
def test_a_real_terminal(tmp_path: Path) -> None:
    """The width is that of the terminal, not what the environment says."""
    import fcntl
    import struct
    import subprocess
    import termios

    waves().write(tmp_path / "data.arrow")
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 57, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-c", "import sys; from segue.cli import main; sys.exit(main())"]
    with subprocess.Popen(
        [*command, "view", str(tmp_path / "data.arrow")], stdout=follower, env=environment
    ) as process:
        os.close(follower)
        text = b""
        while True:
            try:
                text += (piece := os.read(leader, 4096))
            except OSError:
                break
            if not piece:
                break
        assert process.wait() == 0
    os.close(leader)
    assert max(len(line) for line in text.decode().splitlines() if "┘" in line) == 56
