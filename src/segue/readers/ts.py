"""The `.ts` files of the UEA and UCR archives of time series classification.

After a header of lines such as `@dimensions 12` and the line `@data` comes one case a line:
channels separated by `:`, values by `,`, the label last. `?` or `NaN` is a missing value.

    @problemName Waves
    @timeStamps false
    @univariate false
    @equalLength false
    @classLabel true slow fast
    @data
    0.1,0.2,0.3:1,2,3:slow
    0.4,?:4,5:fast

With `@timeStamps true` a value stands beside its time, `(0.1,2.5),(0.2,3)` or
`(2024-12-31 23:59:59,2.5)`, and the steps are sorted by it.

Source: "Data formats", www.timeseriesclassification.com.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from segue.atomic import write_text
from segue.dataset import Dataset
from segue.errors import DataError
from segue.precision import float32_loses, sample
from segue.readers.blocks import Blocks
from segue.readers.cases import Case, in_classes, read_cases
from segue.readers.tscases import read_case, sampled
from segue.readers.tsheader import Header, read_tag
from segue.readers.writing import check_plain, parts_of
from segue.sequences import Sequences


def blocks(
    path: Path, *, values: int | None = None, limit: int | None = None, encoding: str | None = None
) -> Blocks:
    """Read one `.ts` file.

    Args:
        path: the file.
        values: about so many values at a time; `None`: everything at once. Values with time stamps
            always come at once: whether they are equally far apart is told from all of them.
        limit: read only the first so many cases; the lines after them are not looked at.
        encoding: such as "cp1252"; told from the file if left out.

    Yields:
        Data sets with the classes of the header, sorted; classes that all are whole numbers
        become ints. With `@targetLabel true`, `y` is `[n]` float64.

    Raises:
        FileError: what is wrong, with the number of the line.
    """
    yield from read_cases(path, _Ts(), values=values, limit=limit, encoding=encoding)


class _Ts:
    """How the lines of one file are understood."""

    def __init__(self) -> None:
        self._header = Header()

    @property
    def at_once(self) -> bool:
        return self._header.stamped

    def read_tag(self, line: str) -> bool:
        return read_tag(line, self._header)

    def read_case(self, line: str) -> Case:
        return read_case(line, self._header)

    def data_set(self, cases: list[Case]) -> Dataset:
        header, y, classes = self._header, None, None
        if header.labels == "class":
            y, classes = in_classes(cases, header.classes)
        elif header.labels == "target":
            y = np.array([float(case.label) for case in cases])
        task: Any = None if y is None else "regress" if classes is None else "classify"
        rate, notes = sampled(cases, header) if header.stamped else (None, ())
        x = Sequences.from_list([case.values for case in cases])
        return Dataset(x, y, classes, rate_hz=rate, name=header.name, notes=notes, task=task)


# -- writing --------------------------------------------------------------------------------------


def write(folder: Path, data: Dataset) -> None:
    """Write `<name>_TRAIN.ts`, `<name>_TEST.ts`, ..., or `<name>.ts` where there are no parts."""
    name = (data.name or "data").rpartition("/")[2].replace(" ", "_")
    for part, inside in parts_of(data):
        suffix = "" if part is None else f"_{part.upper()}"
        write_ts(folder / f"{name}{suffix}.ts", inside)


def write_ts(path: str | Path, data: Dataset) -> None:
    """Write a data set as one `.ts` file; it appears whole or not at all.

    Values are written with as many digits as their type needs to come back to the same bits.

    Raises:
        DataError: what the format cannot hold: texts, labels per step, several targets, classes
            with spaces or colons, sequences without steps.
        WriteError: the disk is full or read-only.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "waves.ts")
    >>> write_ts(path, Dataset([[0.5, 1.0], [2.0]], ["slow", "fast"], name="waves"))
    >>> print(path.read_text())
    @problemName waves
    @timeStamps false
    @missing false
    @univariate true
    @dimensions 1
    @equalLength false
    @classLabel true fast slow
    @data
    0.5,1.0:slow
    2.0:fast
    <BLANKLINE>
    """
    check_plain(data, "ts")
    lines = [*_header_lines(data), "@data"]
    kind = _kind_to_write(data)
    for number, steps in enumerate(data.x):
        texts = steps.T.astype(kind).astype(str)
        channels = [",".join(values).replace("nan", "?") for values in texts]
        label = [] if data.y is None else [str(data.y[number])]
        lines.append(":".join(channels + label))
    write_text(path, "\n".join(lines) + "\n")


def _kind_to_write(data: Dataset) -> np.dtype[Any]:
    """float64 where the few digits that float32 needs would be read as float64: all digits then."""
    if data.x.dtype != np.float32 or data.x.total_steps == 0:
        return data.x.dtype
    few = sample(data.x).astype(str).astype(np.float64)
    return np.dtype(np.float64 if float32_loses(few).any() else np.float32)


def _header_lines(data: Dataset) -> list[str]:
    shortest, longest = data.x.length_range
    labels = _label_line(data)
    lines = {
        "problemName": data.name or "data",
        "timeStamps": False,
        "missing": bool(np.isnan(data.x.values).any()),
        "univariate": data.x.channels == 1,
        "dimensions": data.x.channels,
        "equalLength": shortest == longest,
    }
    return [*(f"@{tag} {_word(value)}" for tag, value in lines.items()), labels]


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _label_line(data: Dataset) -> str:
    if data.task == "none":
        return "@classLabel false"
    if data.task == "regress" and data.y.ndim == 1:
        return "@targetLabel true"
    if data.task != "classify":
        raise DataError(
            "A .ts file has one label for each sequence; this data set has "
            f"{'labels for each step' if data.task == 'label' else 'several'}. "
            "Choose another format, such as npz."
        )
    names = [str(name) for name in data.classes or ()]
    strange = [name for name in names if ":" in name or len(name.split()) != 1]
    if strange:
        raise DataError(f"A .ts file cannot hold the class {strange[0]!r}: no spaces or colons.")
    return f"@classLabel true {' '.join(names)}"
