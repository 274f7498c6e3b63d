"""bench/results.md: a section for each kind of machine, and in it a part for each that measures."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Iterable
from datetime import UTC, datetime

from environments import HERE

from segue.training.setup import processor

RESULTS = HERE.parent / "results.md"
INTRODUCTION = """# segue beside its peers

What `make bench` measured last on each kind of machine (`python bench/peers/run.py`), by turns,
each peer in an environment of its own and in a script as its users write it: medians, in brackets
the least and the most, and how many times segue's it is.

**Prediction.** All but the forest of 20 trees compute the same networks with the same weights, and
their answers agree. Seconds of import and of five rows are those of the processor. One window is
128 steps through `lstm(64)` with one thread, as a user calls it; 10,000 sequences of 100 steps and
12 channels go through `bilstm(100)` by the clock, with one thread or two, whichever is faster. On
disk is all that pip installs.

**Training.** The same data, networks, batches, optimizers and losses, from the same initial
weights; a turn for each of the seeds that these are drawn with. Each peer has the settings and the
number of threads that a short trial found best. The first call of a process includes what is
compiled; the steady state is the median of the calls that follow it (where the first takes over a
minute, it is the only one; where it takes two, there is one turn). Losses are those of the last
tenth of the epochs of the first call, over the seeds; where segue's is above a peer's by more than
that peer's seeds differ, the ratio says so. Each gate has dropout masks of its own in segue; in
Keras all share one, and so do the others here.
"""


def title() -> str:
    return f"{processor()}, {os.cpu_count()} cores"


def made(versions: Iterable[str], turns: int) -> str:
    """Date and versions, and what else may matter."""
    shown = dict.fromkeys(versions)
    day, load = datetime.now(UTC).date(), os.getloadavg()[0]
    return (
        f"{day}, Python {platform.python_version()}; {', '.join(shown)}.\n"
        f"{turns} turns; the load of the machine at the end was {load:.1f}."
    )


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def cell(values: list[float], note: str = "") -> str:
    """The median; in brackets the least and the most, where there are several, and the note."""
    spread = f"{number(min(values))} to {number(max(values))}" if len(values) > 1 else ""
    inside = "; ".join(filter(None, [spread, note]))
    return number(statistics.median(values)) + (f" ({inside})" if inside else "")


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def write(part: str, lines: list[str]) -> None:
    """Put a part in place of that of the same name in the section of this kind of machine."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    sections = {head: split(body, "### ") for head, body in split(text, "## ").items()}
    sections.setdefault(title(), {})[part] = "\n".join(lines)
    written = [INTRODUCTION]
    for head, parts in sections.items():
        written.append(f"## {head}\n")
        written += [f"### {name}\n\n{body.strip()}\n" for name, body in parts.items()]
    RESULTS.write_text("\n".join(written), encoding="utf-8")


def split(text: str, mark: str) -> dict[str, str]:
    """What stands behind each heading."""
    pieces = re.split(rf"(?m)^{mark}(.+)\n", text)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))
