"""Which of some networks is the best for some data: cross-validation within a time limit."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from segue.data.dataset import Dataset
from segue.errors import DataError, TrainingError, counted
from segue.estimators.base import BaseSequenceEstimator
from segue.progress import Progress, duration
from segue.studies.running import stratified_order
from segue.studies.study import Row
from segue.studies.trials import Trial, TrialSetup, configured, run_trial
from segue.text_table import text_table

_CONVOLUTIONS = "conv(64, 9) batchnorm relu conv(64, 9) batchnorm relu"
MOST_SEQUENCES = 2000  # that networks are compared on
SECONDS = 30.0


def usual_networks(data: Dataset, *, per_step: bool) -> list[str]:
    """Networks of three kinds, as far as they suit the data.

    Args:
        data: the sequences.
        per_step: whether an output for each step is wanted.

    >>> usual_networks(Dataset([[0.0]], ["a"]), per_step=False)[:2]
    ['rocket', 'bilstm(100)']
    """
    if per_step:
        return ["bilstm(100)", _CONVOLUTIONS]
    networks = ["bilstm(100)", f"{_CONVOLUTIONS} pool(mean)"]
    return ["rocket", *networks] if data.x.kind == "numbers" else networks


@dataclass(frozen=True)
class Selection:
    """The scores of networks on the same folds, none of which a network was trained on.

    Attributes:
        rows: one a network in the order of their mean scores, the best first: its text, its mean
            score, the scores of all folds, and its seconds; or why it could not be trained.
        metric: the score: "accuracy", or "rmse" of numbers.
        folds: how many there are.
        sequences: how many were compared on.
    """

    rows: tuple[Row, ...]
    metric: str
    folds: int
    sequences: int

    @property
    def best(self) -> str:
        """The text of the network with the best mean score."""
        return str(self.rows[0]["network"])

    def table(self) -> list[tuple[str, ...]]:
        """Headings, and a row for each network: mean score, scores of the folds, time, its text."""
        table: list[tuple[str, ...]] = [(self.metric, "of the folds", "time", "network")]
        for row in self.rows:
            scores = row.get("scores", ())
            score = f"{np.mean(scores):.3f}" if scores else "-"
            network = f"{row['network']}: {row['error']}" if "error" in row else row["network"]
            each = ", ".join(f"{one:.3f}" for one in scores)
            table.append((score, each, duration(row["seconds"]), network))
        return table

    def describe(self) -> str:
        """How the networks were compared."""
        how = f"{self.folds}-fold cross-validation" if self.folds > 1 else "held-out validation"
        return f"{how} on {counted(self.sequences, 'training sequence')}"

    def lines(self) -> list[str]:
        """The table as text, a line for each network."""
        lines = text_table(self.table(), "<<><").splitlines()
        return [f"{self.describe()}:", *(f"  {line}" for line in lines)]

    def to_json(self) -> Row:
        """The fields, as in `run.json`."""
        return {**vars(self), "rows": list(self.rows)}


def select_network(
    estimator: BaseSequenceEstimator,
    data: Dataset,
    networks: Sequence[str],
    *,
    folds: int = 3,
    seconds: float = SECONDS,
    progress: str = "auto",
) -> Selection:
    """Compare networks by cross-validation; of equal scores the one that is named first is better.

    Each network is trained on all folds but one and scored on that one, for each fold. Folds keep
    the shares of classes, and never split a group; windows of a series are scored at its end.

    Args:
        estimator: the other arguments; it is not changed.
        data: without parts; more than 2,000 sequences are a stratified sample of them.
        networks: their texts.
        folds: of the cross-validation.
        seconds: all trainings together; each may take an even share of what is left.
        progress: "auto", "bar", "lines" or "none".

    Raises:
        SegueError: none could be trained; the error is that of the first.
        DataError: too few sequences to set some aside.

    >>> import segue
    >>> waves = segue.synth.waves(40, test=0, length=8)
    >>> quick = segue.SequenceClassifier(epochs=3)
    >>> found = select_network(quick, waves, ["gru(2)", "rocket(50)"], folds=2, progress="none")
    >>> len(found.rows), found.best in ("gru(2)", "rocket(50)")
    (2, True)
    """
    if len(data) > MOST_SEQUENCES:
        data = data[np.sort(stratified_order(data, estimator.seed)[:MOST_SEQUENCES])]
    pairs = list(_folds(data, folds, estimator.seed))
    if not pairs:
        raise DataError("Each class has too few sequences for some to be set aside.")
    ends, left = time.monotonic() + seconds, len(networks) * len(pairs)
    rows: list[Row] = []
    with Progress(progress, is_transient=True) as shown:
        about = f"{len(networks)} networks are compared on the training sequences"
        shown.write(f"{about}, in {seconds:.0f} s at most")
        for network in networks:
            trials: list[Row] = []
            for train, held_out in pairs:
                done = len(networks) * len(pairs) - left
                shown.show("comparing", network, share=done / (done + left))
                options = replace(
                    estimator.training_options,
                    time_limit_seconds=max(1.0, (ends - time.monotonic()) / left),
                )
                trial = Trial({}, {"network": network, "options": options})
                trials.append(run_trial(TrialSetup(estimator, train, held_out), trial))
                left -= 1
            rows.append({"network": network, **_summary(trials)})
    usable = [row for row in rows if "error" not in row]
    if not usable:
        configured(estimator, {"network": networks[0]}).fit(pairs[0][0])  # raises its error
        raise TrainingError(f"No network could be trained. {networks[0]}: {rows[0]['error']}")
    metric = "rmse" if "rmse" in usable[0] else "accuracy"
    sign = 1 if metric == "rmse" else -1
    usable.sort(key=lambda row: sign * row[metric])  # how long it took differs from run to run
    refused = [row for row in rows if "error" in row]
    found = Selection((*usable, *refused), metric, len(pairs), len(data))
    for line in found.lines():
        shown.write(line)
    return found


def _summary(trials: Sequence[Row]) -> Row:
    """Mean score, scores and seconds of the trainings of a network; the error, if one failed."""
    seconds = round(sum(row["seconds"] for row in trials), 3)
    if errors := [row["error"] for row in trials if "error" in row]:
        return {"error": errors[0].partition(": ")[2], "seconds": seconds}
    metric = "rmse" if "rmse" in trials[0] else "accuracy"
    scores = [row[metric] for row in trials]
    return {metric: float(np.mean(scores)), "scores": scores, "seconds": seconds}


def _folds(data: Dataset, count: int, seed: int) -> Iterator[tuple[Dataset, Dataset]]:
    """Pairs of what is trained on and what is scored: none of a class that is not trained on."""
    if data.splits_by == "time":
        yield data.split(1 / count, seed=seed)
        return
    positions = replace(data, ids=np.arange(len(data)))
    rest = positions
    for number in range(count, 0, -1):
        held_out = rest
        if number > 1:
            rest, held_out = rest.split(1 / number, seed=seed)
        chosen = np.asarray(held_out.ids)
        train, scored = data[np.setdiff1d(np.arange(len(data)), chosen)], data[chosen]
        if data.task == "classify":  # there may be one sequence of a class, or one group
            scored = scored[np.isin(scored.y, train.y)]
        if len(scored):
            yield train, scored
