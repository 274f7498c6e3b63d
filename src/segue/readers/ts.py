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

import math
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from segue.data.arrays import float32_loses, sample
from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, counted
from segue.readers.blocks import Blocks, check_plain, parts_of
from segue.readers.cases import Case, CaseFormat, read_cases, short, values_of

_COLON = re.compile(r":(?![^(]*\))")  # not that of a clock in brackets
_STAMPED = re.compile(r"\(([^()]*),([^(),]*)\)")


def blocks(
    path: Path, *, values: int | None = None, limit: int | None = None, encoding: str | None = None
) -> Blocks:
    """Read one `.ts` file.

    Args:
        path: the file.
        values: about so many values at a time; `None`: everything at once. Values with time stamps
            always come at once: the sampling rate is that of all of them.
        limit: read only the first so many cases; the lines after them are not looked at.
        encoding: such as "cp1252"; inferred from the file if left out.

    Yields:
        Data sets with the classes of the header, sorted; classes that all are whole numbers
        become ints. With `@targetLabel true`, `y` is `[n]` float64.

    Raises:
        FileError: what is wrong, with the number of the line.
    """
    yield from read_cases(path, _Ts(), values=values, limit=limit, encoding=encoding)


def _truth(words: list[str]) -> bool | None:
    return {"true": True, "false": False}.get(words[0].lower() if words else "")


def _count(words: list[str]) -> int | None:
    return int(words[0]) if len(words) == 1 and words[0].isdecimal() and int(words[0]) else None


def _classes(words: list[str]) -> tuple[str, ...] | None:
    """The classes; `()` behind `false`, `None` behind anything but `true`, or where none follow."""
    is_labelled = _truth(words)
    classes = tuple(dict.fromkeys(words[1:])) if is_labelled else ()
    return classes if classes or is_labelled is False else None


# How the lines of a header are read, and what is expected in them.
_TAGS: dict[str, tuple[Callable[[list[str]], Any], str]] = {
    **dict.fromkeys(
        ("timestamps", "univariate", "equallength", "targetlabel"), (_truth, "`true` or `false`")
    ),
    "dimension": (_count, "one number of channels"),
    "classlabel": (_classes, "`true` and then the classes, or `false`"),
}


class _Ts(CaseFormat):
    """Parser of the lines of one `.ts` file."""

    def __init__(self) -> None:
        self._header: dict[str, Any] = {}  # the tags of the header
        self._steps = 0  # of the first case
        self._times: list[Array] = []  # of each case, from its first step on
        self._kinds: set[type] = set()  # of the time stamps so far
        self._unsorted = 0  # cases so far whose time stamps were out of order

    def known(self) -> dict[str, Any]:
        known = self._sampling() if self.at_once else {}
        return {**known, "task": "regress"} if self.labels is float else known

    # -- the header -------------------------------------------------------------------------------

    def read_tag(self, line: str) -> bool:
        tag, *words = line.split()
        name = tag.lower().removeprefix("@").replace("dimensions", "dimension")
        if not tag.startswith("@"):
            raise DataError(f"{short(line)!r} stands before @data; expected a line with @ first.")
        if name == "problemname":
            self.name = " ".join(words)
        elif name in _TAGS:
            read, expected = _TAGS[name]
            self._header[name] = read(words)
            if self._header[name] is None:
                came = repr(short(" ".join(words))) if words else "nothing"
                raise DataError(f"{tag} is followed by {came}; expected {expected}.")
        elif name == "data":
            self._end_header()
        return name != "data"

    def _end_header(self) -> None:
        classes, is_target = (self._header.get(n) for n in ("classlabel", "targetlabel"))
        if classes is None and is_target is None:
            raise DataError(
                "the header has neither @classLabel nor @targetLabel. Write `@classLabel true` "
                "with the classes, or `@classLabel false` if there are none."
            )
        self.at_once = self._header.get("timestamps", False)
        self.labels = classes or (float if is_target else None)
        self.channels = self._header.get("dimension") or int(self._header.get("univariate", 0))

    # -- the cases --------------------------------------------------------------------------------

    def read_case(self, line: str) -> Case:
        channels = _COLON.split(line) if self.at_once else line.split(":")
        label = "" if self.labels is None else channels.pop().strip()
        self.channels = self.channels or max(1, len(channels))
        if len(channels) != self.channels:
            then = "" if self.labels is None else " and then the label"
            raise DataError(
                f"has {counted(len(channels), 'channel')}; expected "
                f"{counted(self.channels, 'channel')}{then}, separated by colons."
            )
        times = self._take_times(channels) if self.at_once else []
        self._check_lengths([channel.count(",") + 1 for channel in channels])
        self.check_label(label, "@targetLabel" if self.labels is float else "@classLabel")
        values = values_of(channels)
        return Case(values[self._in_time(times)] if times else values, label)

    def _check_lengths(self, lengths: list[int]) -> None:
        for channel, count in enumerate(lengths, start=1):
            if count != lengths[0]:
                raise DataError(
                    f"channel 1 has {lengths[0]} values and channel {channel} has {count}; the "
                    "channels of a case must have the same steps. Mark missing values with `?`."
                )
        self._steps = self._steps or lengths[0]
        if self._header.get("equallength") and lengths[0] != self._steps:
            raise DataError(
                f"has {lengths[0]} steps and the first case has {self._steps}, but the header says "
                "`@equalLength true`. Write `@equalLength false` if the lengths may differ."
            )

    # -- time stamps ------------------------------------------------------------------------------

    def _take_times(self, channels: list[str]) -> list[str]:
        """Take the times, which are the same in all channels, out of them."""
        first: list[str] = []
        for number, channel in enumerate(channels, start=1):
            pairs = _STAMPED.findall(channel)
            rest = _STAMPED.sub("", channel).replace(" ", "")
            if rest != "," * (len(pairs) - 1) or not pairs:
                strange = short(rest.strip(",") or channel)
                raise DataError(
                    f"channel {number} has {strange!r} where `@timeStamps true` expects a time and "
                    "a value in brackets: (0.1,2.5) or (2024-12-31 23:59:59,2.5)."
                )
            channels[number - 1] = ",".join(value for _, value in pairs)
            times = [time.strip() for time, _ in pairs]
            first = first or times
            for step, (mine, other) in enumerate(zip(times, first, strict=False), start=1):
                if mine != other:
                    raise DataError(
                        f"channel 1 has the time {other!r} at its value {step} and channel "
                        f"{number} has {mine!r}; the channels of a case must have the same times."
                    )
        return first

    def _in_time(self, texts: list[str]) -> Array:
        """The order in time of the steps of a case."""
        times = [_time(text) for text in texts]
        self._kinds |= {type(time) for time in times}
        try:
            since = [time - times[0] for time in times]  # no date with and one without a zone
            if datetime in self._kinds and len(self._kinds) > 1:
                raise TypeError
        except TypeError:
            raise DataError(
                f"has the time stamps {short(texts[0])!r} to {short(texts[-1])!r}; expected all of "
                "one kind: numbers, or dates, with or without a time zone."
            ) from None
        if datetime in self._kinds:
            since = [difference.total_seconds() for difference in since]
        seconds = np.array(since, float)
        order = np.argsort(seconds, kind="stable")
        self._unsorted += bool((np.diff(seconds) < 0).any())
        self._times.append(seconds[order])
        return order

    def _sampling(self) -> dict[str, Any]:
        """Steps in a second, where times are equally far apart and in a known unit; and notes."""
        from segue.readers.table.sampling import sampling  # brings pyarrow

        rate, said = sampling(
            np.concatenate(self._times),
            np.array([len(times) for times in self._times]),
            "seconds",
            None if self._kinds == {int} else 1.0,  # whole numbers may count in any unit
            dates=self._kinds == {datetime},
        )
        note = f"{counted(self._unsorted, 'sequence')} had time stamps out of order: sorted by them"
        notes = (*([note] if self._unsorted else []), *said)
        return {"rate_hz": rate, "notes": notes}


def _time(text: str) -> Any:
    """An `int`, a `float` or a `datetime`."""
    for read in (int, float, datetime.fromisoformat):
        with suppress(ValueError):
            time = read(text)
            if not isinstance(time, float) or math.isfinite(time):
                return time
    raise DataError(
        f"has the time stamp {short(text)!r}; expected a number, or a date and time such as "
        "2024-12-31 23:59:59."
    )


# -- writing --------------------------------------------------------------------------------------


def write(folder: Path, data: Dataset) -> None:
    """Write `<name>_TRAIN.ts`, `<name>_TEST.ts`, ..., or `<name>.ts` where there are no parts.

    Values are written with as many digits as their type needs to come back to the same bits.

    Raises:
        DataError: what the format cannot hold: texts, labels per step, several targets, classes
            with spaces or colons, sequences without steps.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write(folder, Dataset([[0.5, 1.0], [2.0]], ["slow", "fast"], name="waves"))
    >>> print((folder / "waves.ts").read_text())
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
    name = (data.name or "data").rpartition("/")[2].replace(" ", "_")
    for part, inside in parts_of(data):
        lines = [*_header_lines(inside), "@data"]
        kind = _kind_to_write(inside)
        for number, steps in enumerate(inside.x):
            texts = steps.T.astype(kind).astype(str)
            channels = [",".join(values).replace("nan", "?") for values in texts]
            label = [] if inside.y is None else [str(inside.y[number])]
            lines.append(":".join(channels + label))
        suffix = "" if part is None else f"_{part.upper()}"
        (folder / f"{name}{suffix}.ts").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _kind_to_write(data: Dataset) -> np.dtype[Any]:
    """float64 where the few digits that float32 needs would be read as float64: all digits then."""
    if data.x.dtype != np.float32 or data.x.total_steps == 0:
        return data.x.dtype
    few = sample(data.x).astype(str).astype(np.float64)
    return np.dtype(np.float64 if float32_loses(few).any() else np.float32)


def _header_lines(data: Dataset) -> list[str]:
    shortest, longest = data.x.length_range
    tags = {
        "timeStamps": False,
        "missing": np.isnan(data.x.values).any(),
        "univariate": data.x.channels == 1,
        "dimensions": data.x.channels,
        "equalLength": shortest == longest,
    }
    lines = [f"@{tag} {str(value).lower()}" for tag, value in tags.items()]
    return [f"@problemName {data.name or 'data'}", *lines, _label_line(data)]


def _label_line(data: Dataset) -> str:
    if data.y is None:
        return "@classLabel false"
    if data.classes is None and data.y.ndim == 1:
        return "@targetLabel true"
    if data.labels is None:
        raise DataError(
            "A .ts file has one label for each sequence; this data set has "
            f"{'labels for each step' if isinstance(data.y, Sequences) else 'several'}. "
            "Choose another format, such as npz."
        )
    names = [str(name) for name in data.classes or ()]
    strange = [name for name in names if ":" in name or len(name.split()) != 1]
    if strange:
        raise DataError(f"A .ts file cannot hold the class {strange[0]!r}: no spaces or colons.")
    return f"@classLabel true {' '.join(names)}"
