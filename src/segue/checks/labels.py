"""Labels, groups and parts that contradict one another."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from segue.checks.suspicion import Suspicion, first_few
from segue.errors import counted

if TYPE_CHECKING:
    from segue.dataset import Dataset


def absent_classes(data: Dataset) -> Iterator[Suspicion]:
    """Classes that a part does not have."""
    if data.task != "classify" or data.parts is None:
        return
    for part in data.part_names:
        there = set(data.y[data.parts == part].tolist())
        absent = [name for name in data.classes or () if name not in there]
        if absent:
            yield Suspicion(
                "classes",
                f"{len(absent)} of {len(data.classes or ())} classes "
                f"{'does' if len(absent) == 1 else 'do'} not occur in part {part}: "
                f"{first_few([repr(name) for name in absent])}",
                {"part": part, "classes": absent},
            )


def spellings(data: Dataset) -> Iterator[Suspicion]:
    """Classes that are the same but for capital letters and blanks."""
    alike = defaultdict(list)
    for name in data.classes or ():
        if isinstance(name, str):
            alike["".join(name.split()).casefold()].append(name)
    twins = [names for names in alike.values() if len(names) > 1]
    if twins:
        shown = [" and ".join(repr(name) for name in names) for names in twins]
        yield Suspicion(
            "spelling",
            f"{sum(map(len, twins))} of {len(data.classes or ())} classes differ by capital "
            f"letters or blanks only: {first_few(shown)}",
            {"classes": twins},
        )


def times_out_of_order(data: Dataset) -> Iterator[Suspicion]:
    """What the reader of a table has noted about it."""
    for note in data.notes:
        if re.search(r"\bsorted by\b", note):
            yield Suspicion("order", f"times out of order: {note}", {"note": note})


def parted_groups(data: Dataset) -> Iterator[Suspicion]:
    """Groups that more than one part has."""
    if data.groups is None or data.parts is None:
        return
    sides = defaultdict(set)
    for group, part in zip(data.groups.tolist(), data.parts.tolist(), strict=True):
        sides[group].add(part)
    both = [group for group, parts in sides.items() if len(parts) > 1]
    if both:
        yield Suspicion(
            "groups",
            f"{len(both)} of {counted(len(sides), 'group')} {_are(both)} in more than one part: "
            f"{first_few([repr(name) for name in both])}; scores will flatter",
            {"groups": len(both), "of": len(sides)},
        )


def _are(things: list[Any]) -> str:
    return "is" if len(things) == 1 else "are"


def other_labels(data: Dataset) -> Iterator[Suspicion]:
    """The same sequence with different labels."""
    if data.task != "classify":
        return
    seen: dict[bytes, set[Any]] = defaultdict(set)
    for steps, label in zip(data.x, data.y.tolist(), strict=True):
        seen[hashlib.blake2b(steps.tobytes(), digest_size=16).digest()].add(label)
    count = sum(len(labels) > 1 for labels in seen.values())
    if count:
        yield Suspicion(
            "labels",
            f"{counted(count, 'sequence')} {'occurs' if count == 1 else 'occur'} again with "
            "another label",
            {"sequences": count},
        )
