"""A run as it goes on: how far it is, its curves, and the members of an automatic choice."""

from __future__ import annotations

import re
from typing import NamedTuple

from segue.studio.trainings import Watched

_METRICS = ("accuracy", "rmse", "perplexity")
# What `network="auto"` writes of each network that is fitted, and of the one that it has begun.
_FITTED = re.compile(
    r"(?P<name>[^:]+): held out (?P<scores>.+); (?P<size>[^;,]+)"
    r"(?:, (?P<answer>[^;,]+) an answer)?, (?P<took>[^,]+)"
)
_BEGUN = re.compile(r"trying: (?P<name>.+?)(?:, [^,]* left)?")


class Curves(NamedTuple):
    """Curves over the epochs.

    Attributes:
        title: what they are of.
        names: of the curves.
        epochs: from 1 on.
        values: of each curve, one an epoch; `None`: there is none.
    """

    title: str
    names: tuple[str, ...]
    epochs: tuple[float, ...]
    values: tuple[tuple[float | None, ...], ...]


class Member(NamedTuple):
    """A network of an automatic choice, in words.

    Attributes:
        name: of the network.
        scores: for training sequences that were held out; "" while it is fitted.
        size: of its weights.
        answer: how long one takes.
        took: how long.
    """

    name: str
    scores: str = ""
    size: str = ""
    answer: str = ""
    took: str = ""


def curves(watched: Watched) -> tuple[Curves, Curves]:
    """The loss and the score: of one training both parts, of several seeds one curve each."""
    rows = watched.rows
    metric = next((name for name in _METRICS if rows and name in rows[0]), "accuracy")
    return _curves(watched, "loss"), _curves(watched, metric)


def _curves(watched: Watched, name: str) -> Curves:
    validation = f"validation_{name}"
    lines = [(name, name, watched.rows), ("validation", validation, watched.rows)]
    if watched.seeds:
        is_validated = any(validation in row for _, rows in watched.seeds for row in rows)
        column = validation if is_validated else name
        lines = [(seed, column, rows) for seed, rows in watched.seeds]
    known = [{row["epoch"]: row.get(column) for row in rows} for _, column, rows in lines]
    epochs = tuple(sorted(set().union(*known)))
    values = tuple(tuple(map(one.get, epochs)) for one in known)
    return Curves(lines[0][1].replace("_", " "), tuple(line[0] for line in lines), epochs, values)


def progress(watched: Watched) -> str:
    """How far it is, in one line."""
    said = []
    if watched.seeds:
        of = (watched.record or {}).get("seeds")
        said.append(f"seed {len(watched.seeds)} of {of}" if of else f"seed {len(watched.seeds)}")
    if watched.rows:
        of = f" of {watched.epochs}" if watched.epochs else ""
        said.append(f"epoch {int(watched.rows[-1]['epoch'])}{of}")
        seconds = watched.rows[-1].get("seconds", 0)
        said.append(f"{seconds:.1f} s")
        if watched.state == "training" and watched.epochs and not watched.seeds:
            left = seconds / len(watched.rows) * (watched.epochs - len(watched.rows))
            said.append(f"at most {left:.0f} s left")
    return " · ".join(said)


def members(watched: Watched) -> tuple[Member, ...]:
    """The networks of an automatic choice, in the order in which they were fitted.

    The last is the one that is being fitted, as far as that was said. Of a run that was started
    elsewhere nothing is known.

    >>> said = ("rocket: held out accuracy 0.98; 1.1 MB, 0.6 s", "trying: conv(8, 5), 2 min left")
    >>> [one[:2] for one in members(Watched("a", "training", messages=said))]
    [('rocket', 'accuracy 0.98'), ('conv(8, 5)', '')]
    """
    found: dict[str, Member] = {}
    for line in watched.messages:
        if (fitted := _FITTED.fullmatch(line)) is not None:
            found[fitted["name"]] = Member(**fitted.groupdict(""))
        elif (begun := _BEGUN.fullmatch(line)) is not None and watched.is_active:
            found.setdefault(begun["name"], Member(begun["name"]))
    return tuple(found.values())
