"""Reading of untrusted files in a process of its own, with limits of time and memory.

What comes back is an Arrow file of a data set, which is checked as any other, and JSON. The process
may do what the user may: it is there to die in place of this one, and not to be locked in.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from segue import errors
from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.errors import FileError, OptionError, SegueError, warn_user
from segue.limits import VARIABLE, memory_limit
from segue.readers.streams import SMALL, passing_folder

SECONDS = 60.0  # from the beginning to the end
MEMORY = 4_000_000_000  # bytes beside what Python and its libraries take
_CHILD = "segue.readers.apart"
_LONGEST = 1_000_000  # bytes of an answer
DATA, ANSWER = "data.arrow", "answer.json"


def read_apart(source: str | Path, options: dict[str, Any]) -> Dataset:
    """Read a source in a process of its own, which may die of it.

    Args:
        source: a file, a folder or a name.
        options: of `segue.read`.

    Raises:
        OptionError: an option that is no JSON.
        FileError: the process died, or took more time or memory than it may.
        SegueError: what reading it plainly raises.
    """
    try:
        request = json.dumps({"source": str(source), "options": options})
    except TypeError as error:
        raise OptionError(f"untrusted=True takes options of text and numbers ({error}).") from error
    memory = memory_limit(MEMORY) or MEMORY
    with passing_folder() as folder:
        how = [sys.executable, "-P", "-m", _CHILD, str(folder), str(memory), str(SECONDS)]
        path = os.pathsep.join(filter(None, sys.path))
        try:
            done = subprocess.run(  # noqa: S603 (Python itself)
                how,
                input=request.encode(),
                env={**os.environ, "PYTHONPATH": path},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            said = f"could not be read within {SECONDS:.0f} s, as untrusted files must be."
            raise FileError(said, path=source) from None
        answer = _answer(folder / ANSWER)
        if answer is None:
            raise FileError(
                f"ended the process that read it ({_how_it_ended(done.returncode)}): it is damaged "
                f"or hostile, or needs more than {memory / 1e9:.1f} GB, which {VARIABLE} in the "
                "environment changes.",
                path=source,
            )
        for text in answer["warnings"]:
            warn_user(text)
        if "error" in answer:
            raise _error(answer)
        data = Dataset.open(folder / DATA)
        if data.x.total_steps * data.x.channels * data.x.dtype.itemsize <= SMALL:
            x = Sequences.from_chunks([(np.array(data.x.values), np.array(data.x.offsets))])
            data = replace(data, x=x)
    return data


def _answer(path: Path) -> dict[str, Any] | None:
    """What the process wrote at its end; `None`: it did not come so far."""
    if not path.is_file() or path.stat().st_size > _LONGEST:
        return None
    try:
        answer = json.loads(path.read_bytes())
        return {**answer, "warnings": [str(text) for text in answer["warnings"]]}
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _error(answer: dict[str, Any]) -> SegueError:
    kind: Any = getattr(errors, str(answer["error"]), None)
    is_known = isinstance(kind, type) and issubclass(kind, SegueError)
    error: SegueError = (kind if is_known else FileError)(str(answer.get("message")))
    if isinstance(error, FileError):
        error.path = Path(str(answer["path"])) if answer.get("path") else None
        error.line = answer["line"] if isinstance(answer.get("line"), int) else None
    return error


def _how_it_ended(code: int) -> str:
    return signal.strsignal(-code) or f"signal {-code}" if code < 0 else f"code {code}"
