"""Two runs beside each other: the settings that differ, their scores, and a paired test.

A run keeps no predictions: they are computed from its model and its source, which takes no room
and works for every run that there is. That the source is what it was is checked by its hash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from segue.data.dataset import Dataset
from segue.errors import DataError, FileError
from segue.evaluation import PairedTest
from segue.metrics import metrics_of
from segue.runs.folder import Run, find_model, open_run, read_parted
from segue.runs.listing import list_runs
from segue.runs.summary import RunSummary
from segue.training import TrainingOptions

Settings = dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class RunComparison:
    """Two runs on the same test sequences. Made by `compare`.

    Attributes:
        a: the first run.
        b: the second one.
        settings: what differs in how they were made, by name: that of a, that of b; `None` where
            one has no such setting.
        sequences: how many both are tested on.
        test: the scores of these, with a paired test.
        intervals: the 95 % interval of each score; `None`: the metric has none.
    """

    a: RunSummary
    b: RunSummary
    settings: Settings
    sequences: int
    test: PairedTest
    intervals: tuple[tuple[float, float] | None, tuple[float, float] | None]

    @property
    def better(self) -> str | None:
        """The name of the better run; `None` where the difference may be luck."""
        if not self.test.is_clear:
            return None
        metric = metrics_of(str(self.a.task))[self.test.metric]
        return (self.a if metric.is_better(*self.test.scores) else self.b).name

    @property
    def verdict(self) -> str:
        """Which one is better, in one sentence."""
        low, high = self.test.interval
        counts = self.test.counts
        if counts is not None and not counts["only_a"] + counts["only_b"]:
            return f"They are right and wrong on the same {self.test.units:,}."
        if not np.isfinite([low, high]).all():
            return "No clear difference: what was tested is all of one group."
        p_value = f"p = {self.test.p_value:.2g}"
        if self.better is None:
            bounds = f"the true one may lie from {low:.4g} to {high:.4g}"
            return f"No clear difference ({bounds}; {p_value})."
        least, most = (low, high) if low > 0 else (-high, -low)
        size = abs(self.test.difference)
        bounds = f"95 % interval {least:.4g} to {most:.4g}"
        return f"{self.better} is better by {size:.4g} ({bounds}; {p_value})."

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON; bounds that are not known are null."""
        test = self.test
        bounds = [float(bound) if np.isfinite(bound) else None for bound in test.interval]
        return {
            "a": self.a.to_json(),
            "b": self.b.to_json(),
            "settings": {name: list(pair) for name, pair in self.settings.items()},
            "sequences": self.sequences,
            "metric": test.metric,
            "scores": list(test.scores),
            "intervals": [None if one is None else list(one) for one in self.intervals],
            "difference": test.difference,
            "difference_interval": bounds,
            "test": test.test,
            "p_value": test.p_value,
            "units": test.units,
            "counts": test.counts,
            "better": self.better,
            "verdict": self.verdict,
        }


def compare(a: str | Path, b: str | Path) -> RunComparison:
    """Compare two runs that were tested on the same sequences.

    Their sources are read again, and their models predict the test part.

    Args:
        a: the folder of a run.
        b: that of another one.

    Returns:
        A `RunComparison`: `.settings`, `.test`, `.better`, `.verdict`, `.to_json()`.

    Raises:
        DataError: they have no test part, other test sequences, or other tasks.
        FileError: not a run, one without a model, or a source that has changed since.

    >>> import tempfile
    >>> from segue import TrainingOptions, synth, write
    >>> from segue.runs import fit_run
    >>> place = Path(tempfile.mkdtemp())
    >>> source = write(synth.waves(60, test=40, phase="random"), place / "waves", format="npz")
    >>> quiet = {"options": TrainingOptions(progress="none"), "validation": None}
    >>> for units in (1, 8):
    ...     network, out = f"gru({units})", place / f"gru-{units}"
    ...     _ = fit_run(source, network=network, epochs=4, out=out, **quiet)
    >>> found = compare(place / "gru-1", place / "gru-8")
    >>> found.settings["network"], found.sequences, found.test.test
    (('gru(1)', 'gru(8)'), 40, 'McNemar, exact')
    """
    from segue.estimators import load
    from segue.evaluation import evaluate, paired_test

    runs = [open_run(a), open_run(b)]
    models = [load(find_model(run.folder)) for run in runs]
    tested = _tested(*runs)
    first, second = (evaluate(model, tested, part="test", own=True) for model in models)
    return RunComparison(
        a=list_runs(a)[0],
        b=list_runs(b)[0],
        settings=differing(runs[0].record, runs[1].record),
        sequences=len(tested),
        test=paired_test(first, second),
        intervals=(first.interval, second.interval),
    )


def _tested(a: Run, b: Run) -> Dataset:
    """The test part of two runs.

    Raises:
        DataError: they have none, or two different ones.
        FileError: a source that has changed since.
    """
    from segue.estimators.fingerprint import example_digests

    first = _test_part(a)
    if _same_split(a, b):
        return first
    second = _test_part(b)
    mine, theirs = (Counter(map(bytes, example_digests(part))) for part in (first, second))
    if mine == theirs:
        return first
    raise DataError(
        f"{a.folder} and {b.folder} were tested on different sequences: {len(first):,} and "
        f"{len(second):,}, of which {(mine & theirs).total():,} are the same. A paired test needs "
        "the same ones: train both with the same source, limit, share for the test and seed; "
        "where the source has a test part of its own, the seed may differ."
    )


def _same_split(a: Run, b: Run) -> bool:
    """Whether it is known without reading that two runs have the same test part."""
    records, splits = (a.record, b.record), (a.split, b.split)
    sources = [(one["source"], one["reading"], one["data"].get("hash")) for one in records]
    tested = [None if split is None else split.parts.get("test") for split in splits]
    is_known = sources[0][2] is not None and tested[0] is not None
    return is_known and sources[0] == sources[1] and tested[0] == tested[1]


def _test_part(run: Run) -> Dataset:
    """The test part of a run, from its source."""
    record, split = run.record, run.split
    reading = {"task": None, "limit": None, **record["reading"]}
    parted, _ = read_parted(record["source"], **reading, seed=record["settings"]["seed"])
    known = record["data"].get("hash")
    if known is not None and parted.hash != known:
        raise FileError(
            f"cannot be compared: its source {record['source']} holds other values than when the "
            "run began.",
            path=run.folder,
        )
    data = parted.data if split is None else split.apply(parted.whole)
    if "test" not in data.part_names:
        raise DataError(f"{run.folder} has no test part: everything was trained on.")
    return replace(data.part("test"), notes=())


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> Settings:
    """The settings in which two records of runs differ, by name.

    Args:
        a: of `run.json`.
        b: likewise.

    >>> one = {"settings": {"seed": 0}, "options": {"patience": 5}}
    >>> differing(one, {"settings": {"seed": 1}, "options": {}})
    {'seed': (0, 1), 'patience': (5, 20)}
    """
    ours, theirs = map(_flat, (a, b))
    names = dict.fromkeys([*ours, *theirs])
    pairs = {name: (ours.get(name), theirs.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run in one level, with the defaults of the training."""
    defaults = dict(TrainingOptions.defaults())
    options = {**defaults, **record["options"]}
    alone = {name: record[name] for name in ("source", "seeds", "initial") if name in record}
    versions = {f"version of {name}": one for name, one in record.get("versions", {}).items()}
    reading = dict(record.get("reading", {}))
    columns = {f"column {name}": one for name, one in (reading.pop("columns", None) or {}).items()}
    flat = {**record["settings"], **options, **alone, **reading, **columns, **versions}
    return {name: list(one) if isinstance(one, tuple) else one for name, one in flat.items()}
