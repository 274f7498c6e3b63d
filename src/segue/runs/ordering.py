"""Lists of runs: those with some words, and what comes first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from segue.errors import OptionError, did_you_mean
from segue.runs.summary import RunSummary

_SCORES = ("score", "validation")
SORTS = ("date", "name", "source", "network", *_SCORES, "epochs", "seconds", "state")


def with_words(found: Iterable[RunSummary], words: str) -> list[RunSummary]:
    """The runs that have all words of a text.

    Args:
        found: runs.
        words: in any case, each in the name, source, network, task, state, note or problem;
            "starred" is one of those with a star.

    >>> from pathlib import Path
    >>> runs = [RunSummary(Path("a"), "a", network="gru(8)"), RunSummary(Path("b"), "b", star=True)]
    >>> [one.name for one in with_words(runs, "GRU")], with_words(runs, "starred")[0].name
    (['a'], 'b')
    """
    return [one for one in found if _has(one, words.lower().split())]


def _has(one: RunSummary, words: Iterable[str]) -> bool:
    texts = [one.name, one.source, one.network, one.task, one.state, one.note, one.problem]
    inside = "\n".join([text for text in texts if text] + ["starred"] * one.star).lower()
    return all(word in inside for word in words)


def in_order(found: Iterable[RunSummary], sort: str) -> list[RunSummary]:
    """Runs in an order; those that lack what is sorted by come last.

    Args:
        found: runs, the newest first.
        sort: by date the newest first, by score and validation the best, by epochs and seconds the
            most, and else by the alphabet: one of `SORTS`.

    Raises:
        OptionError: another order.
    """
    from segue.metrics import METRICS

    if sort not in SORTS:
        raise OptionError(f"`sort` is {sort!r}.{did_you_mean(sort, SORTS)}")
    is_lower = {metric.name: metric.direction == "lower" for metric in METRICS}

    def key(one: RunSummary) -> Any:
        value = getattr(one, sort)
        if sort in ("name", "source", "network", "state"):
            return value or "\uffff"
        sign = 1 if sort in _SCORES and is_lower.get(one.metric or "") else -1
        metric = (one.metric or "") if sort in _SCORES else ""
        return (value is None, metric, 0 if value is None else sign * value)

    return list(found) if sort == "date" else sorted(found, key=key)
