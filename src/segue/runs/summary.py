"""`RunSummary`: a run as a row of a list."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

State = Literal["complete", "running", "stopped", "failed"]


@dataclass(frozen=True)
class RunSummary:
    """A run, a study, or one trial of a study. Made by `list_runs`.

    What is not known is `None`.

    Attributes:
        folder: of the run; of a trial that of its study.
        name: the folder as text; of a trial with its settings.
        kind: "run", "study" or "trial".
        state: "complete"; "running": a process works on it; "stopped": it can be continued;
            "failed": it cannot, or a file of it is damaged, and `problem` says which.
        date: when it began, in UTC, such as "2026-11-27T18:47:02Z"; of studies and trials when the
            last result came.
        source: what was read.
        network: the text of the network.
        task: "classify", "label", "regress" and so on.
        part: what was scored: "test", or another part.
        metric: what `score` is: "accuracy", "rmse", "perplexity".
        score: on that part.
        interval: the 95 % interval of the score, where it has one.
        baseline: the score that needs no network.
        validation: the same metric on the validation part, of the best epoch; of several seeds the
            mean.
        epochs: how many were trained so far.
        seconds: how long that took.
        trials: of a study how many have ended, and of how many.
        star: whether it has a star.
        note: what somebody has noted about it.
        problem: what is wrong with it; "": nothing.
    """

    folder: Path
    name: str
    kind: Literal["run", "study", "trial"] = "run"
    state: State = "failed"
    date: str = ""
    source: str | None = None
    network: str | None = None
    task: str | None = None
    part: str | None = None
    metric: str | None = None
    score: float | None = None
    interval: tuple[float, float] | None = None
    baseline: float | None = None
    validation: float | None = None
    epochs: int | None = None
    seconds: float | None = None
    trials: tuple[int, int | None] | None = None
    star: bool = False
    note: str = ""
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {**asdict(self), "folder": str(self.folder)}
