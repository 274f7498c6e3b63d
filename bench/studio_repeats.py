"""Repeat the browser's tests of the studio: `bench/studio_repeats.py --suite 15 --flows 100`.

First the whole suite so often, then each flow alone, all of them in turn; with `--at-once 2` two go
on at a time, which is over sooner and harder for each. What fails is printed with the end of what
pytest says, and all is counted at the end; the exit code is 1 if any failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TESTS = "tests/studio/browser"
_TAIL = 40  # lines of what is said of a failure


class Done(NamedTuple):
    """A test, or all of them, that was run."""

    name: str
    seconds: int
    failure: str  # "": there was none


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--suite", type=int, default=15, help="times of the whole suite")
    options.add_argument("--flows", type=int, default=100, help="times of each flow alone")
    options.add_argument("--only", default="", help="flows with this word in their name")
    options.add_argument("--at-once", type=int, default=1, help="so many at a time")
    options.add_argument("--seconds", type=float, default=float("inf"), help="nothing begins later")
    given = options.parse_args()
    until = time.monotonic() + given.seconds
    names = [name for name in flows() if given.only in name]
    rounds = [TESTS] * given.suite + names * given.flows
    ran, failed, longest = Counter[str](), Counter[str](), Counter[str]()
    with ThreadPoolExecutor(given.at_once) as pool:
        for done in pool.map(lambda name: repeat(name, until), rounds):
            if done is None:  # there is no time left
                continue
            ran[done.name] += 1
            failed[done.name] += bool(done.failure)
            longest[done.name] = max(longest[done.name], done.seconds)
            how = "WRONG" if done.failure else "right"
            print(
                f"{done.name.rpartition(':')[2]}: {how}, {done.seconds} s\n{done.failure}", end=""
            )
            sys.stdout.flush()
    print()
    for name, count in ran.items():
        print(f"{name}: {failed[name]} of {count} failed, at most {longest[name]} s")
    return int(bool(failed.total()))


def repeat(name: str, until: float) -> Done | None:
    """Run a test, unless it is too late to begin."""
    start = time.monotonic()
    if start > until:
        return None
    done = pytest(name)
    said = [*done.stdout.splitlines()[-_TAIL:], done.stderr] if done.returncode else []
    return Done(name, round(time.monotonic() - start), "\n".join(said))


def flows() -> list[str]:
    """The names of the tests, as pytest takes them."""
    found = pytest(TESTS, "--collect-only").stdout.splitlines()
    return [line for line in found if "::" in line]


def pytest(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())
