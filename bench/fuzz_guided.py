"""Atheris looks for what the readers do with hostile bytes, guided by the branches that it reaches.

    pip install atheris
    python bench/fuzz_guided.py ts -max_total_time=600

The format is one of those of `fuzz_readers.py`, whose small files it begins with; what follows are
options of libFuzzer. It ends at the first error that is none of segue, and keeps the bytes beside.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["segue.readers", "csv", "zipfile"]):
    import segue.readers
    from segue.readers import arff, idx, npz, silso, table, ts, tsv  # noqa: F401 (imported late else)

from fuzz_readers import originals

from segue.errors import SegueError


def main() -> None:
    form = sys.argv.pop(1)
    files = originals()[form]
    warnings.simplefilter("ignore")
    corpus, place = (Path(tempfile.mkdtemp()) for _ in range(2))
    for name, content in files:
        (corpus / name).write_bytes(content)
    path = place / files[0][0]
    more = {"labels": False} if form.startswith("idx") else {}

    def attempt(content: bytes) -> None:
        path.write_bytes(content)
        with contextlib.suppress(SegueError):
            segue.readers.read(path, **more)

    atheris.Setup([*sys.argv, "-max_len=2000", "-timeout=4", str(corpus)], attempt)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
