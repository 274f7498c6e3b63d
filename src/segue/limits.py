"""Limits of memory: what is free, or what a user allows in the environment."""

from __future__ import annotations

import os
from pathlib import Path

from segue.errors import OptionError

VARIABLE = "SEGUE_MEMORY_GB"


def free_memory() -> int | None:
    """Bytes that can be taken without swapping; `None` where the system does not say."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (OSError, ValueError, AttributeError):
        return None


def memory_limit(usual: int | None = None) -> int | None:
    """Bytes that may be taken: `SEGUE_MEMORY_GB` if it is set, else `usual`, else what is free.

    Raises:
        OptionError: the variable is no number above 0.
    """
    given = os.environ.get(VARIABLE)
    if given is None:
        return free_memory() if usual is None else usual
    try:
        limit = float(given)
    except ValueError:
        limit = -1.0
    if not limit > 0:
        raise OptionError(f"{VARIABLE} is {given!r}; expected gigabytes, such as 8.")
    return int(limit * 1e9)


def size_text(size: float) -> str:
    """A size in GB; in MB where that would be 0.0.

    >>> size_text(2.5e9), size_text(31.2e6), size_text(1.42e6), size_text(40_000)
    ('2.5 GB', '31 MB', '1.4 MB', '0.04 MB')
    """
    if size >= 5e7:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.2g} MB"
