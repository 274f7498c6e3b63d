"""Repeat the browser's tests of the studio: `bench/studio_repeats.py --suite 15 --flows 100`.

First the whole suite so often, then each flow alone, all of them in turn. What fails is printed
with the end of what pytest says, and all is counted at the end; the exit code is 1 if any failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = "tests/studio/browser"
_TAIL = 40  # lines of what is said of a failure


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--suite", type=int, default=15, help="times of the whole suite")
    options.add_argument("--flows", type=int, default=100, help="times of each flow alone")
    options.add_argument("--only", default="", help="flows with this word in their name")
    options.add_argument("--seconds", type=float, default=float("inf"), help="nothing begins later")
    given, began = options.parse_args(), time.monotonic()
    names = [name for name in flows() if given.only in name]
    rounds = [TESTS] * given.suite + names * given.flows
    ran, failed, longest = Counter[str](), Counter[str](), Counter[str]()
    for name in rounds:
        if time.monotonic() - began > given.seconds:
            break
        start = time.monotonic()
        done = pytest(name)
        took = round(time.monotonic() - start)
        ran[name] += 1
        longest[name] = max(longest[name], took)
        print(f"{name.rpartition(':')[2]}: {'right' if not done.returncode else 'WRONG'}, {took} s")
        if done.returncode:
            failed[name] += 1
            print("\n".join(done.stdout.splitlines()[-_TAIL:]), done.stderr)
        sys.stdout.flush()
    print()
    for name, count in ran.items():
        print(f"{name}: {failed[name]} of {count} failed, at most {longest[name]} s")
    return int(bool(failed.total()))


def flows() -> list[str]:
    """The names of the tests, as pytest takes them."""
    found = pytest(TESTS, "--collect-only").stdout.splitlines()
    return [line for line in found if "::" in line]


def pytest(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())
