"""The process in which untrusted files are read: it is told what to read, and where to answer."""

from __future__ import annotations

import json
import math
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from segue.errors import FileError, SegueError
from segue.readers import read_plainly
from segue.readers.untrusted import ANSWER, DATA


def main() -> None:
    """Read what standard input asks for, and write it, or what is wrong, into a folder."""
    folder, request = Path(sys.argv[1]), json.load(sys.stdin)
    _limit(int(sys.argv[2]), float(sys.argv[3]))
    answer: dict[str, Any] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            data = read_plainly(request["source"], **request["options"])
            if len(data) == 0:
                raise FileError("holds no sequences.", path=request["source"])
            data.write(folder / DATA)
        except SegueError as error:
            where = {name: getattr(error, name, None) for name in ("path", "line")}
            path = where["path"] and str(where["path"])
            answer |= {"error": type(error).__name__, "message": str(error), **where, "path": path}
    answer["warnings"] = [str(one.message) for one in caught if one.category is UserWarning]
    (folder / ANSWER).write_text(json.dumps(answer), encoding="utf-8")


def _limit(memory: int, seconds: float) -> None:
    """Limit the memory and the time of this process, where the system can."""
    if sys.platform == "win32":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    limits = {
        resource.RLIMIT_AS: pages * resource.getpagesize() + memory,
        resource.RLIMIT_CPU: math.ceil(seconds),
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):  # macOS knows no limit of addresses
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
