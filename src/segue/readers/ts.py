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

Source: "Data formats", www.timeseriesclassification.com. Text is read as UTF-8.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from segue.atomic import write_text
from segue.dataset import Dataset
from segue.errors import DataError, FileError
from segue.readers.blocks import Blocks, collected
from segue.readers.labels import as_labels
from segue.readers.writing import check_plain, parts_of
from segue.sequences import BLOCK_VALUES, Array, Sequences

_LARGEST = float(np.finfo(np.float32).max)


@dataclass
class Header:
    """What the lines before `@data` say.

    Attributes:
        name: of the problem.
        labels: whether a case ends with its class, with a number to be predicted, or with neither;
            `None` if the header does not say.
        classes: as the header names them, in its order.
        channels: values at each step; 0: the first case decides.
        equal_length: whether all cases must have as many steps as the first.
        steps: of the first case, once it has been read.
    """

    name: str = ""
    labels: Literal["class", "target", "none"] | None = None
    classes: tuple[str, ...] = ()
    channels: int = 0
    equal_length: bool = False
    steps: int = 0


def read(path: Path, *, limit: int | None = None) -> Dataset:
    """Read one `.ts` file.

    Args:
        path: the file.
        limit: read only the first so many cases; the lines after them are not looked at.

    Returns:
        A data set with the classes of the header, sorted; classes that all are whole numbers
        become ints. With `@targetLabel true`, `y` is `[n]` float64.

    Raises:
        FileError: what is wrong, with the number of the line.
    """
    data, _ = next(_blocks(path, None, limit=limit))
    return data


def blocks(path: Path) -> Blocks:
    """Read the same in data sets of about four million values, which follow each other.

    With each comes the share of the file that has been read.
    """
    yield from _blocks(path, BLOCK_VALUES)


def _blocks(path: Path, most: int | None, *, limit: int | None = None) -> Blocks:
    header, labels, size = Header(), list[str](), path.stat().st_size
    with path.open("rb") as raw:
        file = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace")
        for cases in collected(_cases(file, header, labels, limit, path), most):
            yield _dataset(cases, labels, header), min(1.0, raw.tell() / size)
            labels.clear()


def _cases(
    file: Iterable[str], header: Header, labels: list[str], limit: int | None, path: Path
) -> Iterator[Array]:
    """The values of each case; the header and the labels are filled in on the way."""
    number, cases, in_header = 0, 0, True
    try:
        for number, line in _lines(file):  # noqa: B007 (the message below needs it)
            if in_header:
                in_header = _read_tag(line, header)
            elif cases != limit:
                steps, label = _read_case(line, header)
                labels.append(label)
                cases += 1
                yield steps
            else:
                break
    except DataError as error:
        raise FileError(str(error), path=path, line=number) from None
    if in_header or (not cases and limit != 0):
        what = "no line @data" if in_header else "no cases after @data"
        raise FileError(f"has {what}; expected a header, @data and one case a line.", path=path)


def _lines(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The lines that are neither empty nor comments, numbered as an editor numbers them."""
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text and text[0] not in "#%":
            yield number, text


def _dataset(cases: list[Array], labels: list[str], header: Header) -> Dataset:
    x = Sequences.from_list(cases)
    if header.labels == "class":
        names = dict(zip(header.classes, as_labels(header.classes).tolist(), strict=True))
        y = np.array([names[label] for label in labels])
        return Dataset(x, y, tuple(sorted(names.values())), name=header.name)
    targets = np.array(labels, dtype=float) if header.labels == "target" else None
    return Dataset(x, targets, name=header.name)


# -- one line of the header -----------------------------------------------------------------------


def _read_tag(line: str, header: Header) -> bool:
    """Take in one line of the header; return whether more of them are expected."""
    tag, *words = line.split()
    match tag.lower():
        case "@problemname":
            header.name = " ".join(words)
        case "@timestamps" if _truth(tag, words):
            raise DataError(
                "the values have time stamps, which segue does not read. Bring them to even steps "
                "and write the values alone, with `@timeStamps false`."
            )
        case "@univariate" if _truth(tag, words):
            header.channels = 1
        case "@dimension" | "@dimensions":
            header.channels = _count(tag, words)
        case "@equallength":
            header.equal_length = _truth(tag, words)
        case "@targetlabel":
            _set_labels(header, "target" if _truth(tag, words) else "none")
        case "@classlabel":
            _set_labels(header, "class" if _truth(tag, words) else "none")
            header.classes = tuple(dict.fromkeys(words[1:]))
            if header.labels == "class" and not header.classes:
                raise _bad_tag(tag, words, "`true` and then the classes")
        case "@data":
            _check_header(header)
            return False
        case _ if not tag.startswith("@"):
            raise DataError(f"{_short(line)!r} stands before @data; expected a line with @ first.")
    return True


def _set_labels(header: Header, labels: Literal["class", "target", "none"]) -> None:
    if labels != "none" or header.labels is None:  # `@targetLabel false` after `@classLabel true`
        header.labels = labels


def _check_header(header: Header) -> None:
    if header.labels is None:
        raise DataError(
            "the header has neither @classLabel nor @targetLabel. "
            "Write `@classLabel true` with the classes, or `@classLabel false` if there are none."
        )


def _truth(tag: str, words: list[str]) -> bool:
    word = words[0].lower() if words else ""
    if word not in ("true", "false"):
        raise _bad_tag(tag, words, "`true` or `false`")
    return word == "true"


def _count(tag: str, words: list[str]) -> int:
    if len(words) != 1 or not words[0].isdecimal() or int(words[0]) < 1:
        raise _bad_tag(tag, words, "one number of channels")
    return int(words[0])


def _bad_tag(tag: str, words: list[str], expected: str) -> DataError:
    came = repr(_short(" ".join(words))) if words else "nothing"
    return DataError(f"{tag} is followed by {came}; expected {expected}.")


# -- one case -------------------------------------------------------------------------------------


def _read_case(line: str, header: Header) -> tuple[Array, str]:
    """One line as `[time, channel]` float32 values and its label ("" where there are none)."""
    channels = line.split(":")
    label = "" if header.labels == "none" else channels.pop().strip()
    header.channels = header.channels or len(channels)
    if len(channels) != header.channels:
        then = "" if header.labels == "none" else " and then the label"
        raise DataError(
            f"has {_channels(len(channels))}; expected {_channels(header.channels)}{then}, "
            "separated by colons."
        )
    _check_steps([channel.count(",") + 1 for channel in channels], header)
    _check_label(label, header)
    try:
        values = [*map(float, ",".join(channels).replace("?", "nan").split(","))]
    except ValueError:
        raise _bad_value(channels) from None
    with np.errstate(over="ignore"):
        steps = np.array(values, np.float32)
    if np.isinf(steps).any():
        raise _bad_value(channels)
    return steps.reshape(len(channels), -1).T, label


def _check_steps(steps: list[int], header: Header) -> None:
    for channel, count in enumerate(steps, start=1):
        if count != steps[0]:
            raise DataError(
                f"channel 1 has {steps[0]} values and channel {channel} has {count}; the channels "
                "of a case must have the same steps. Mark missing values with `?`."
            )
    header.steps = header.steps or steps[0]
    if header.equal_length and steps[0] != header.steps:
        raise DataError(
            f"has {steps[0]} steps and the first case has {header.steps}, but the header says "
            "`@equalLength true`. Write `@equalLength false` if the lengths may differ."
        )


def _check_label(label: str, header: Header) -> None:
    if header.labels == "class" and label not in header.classes:
        known = _short(" ".join(header.classes), 200)
        raise DataError(f"has the class {_short(label)!r}; those of @classLabel are: {known}.")
    if header.labels == "target":
        try:
            float(label)
        except ValueError:
            message = f"ends with {_short(label)!r}; expected a number (@targetLabel true)."
            raise DataError(message) from None


def _bad_value(channels: list[str]) -> DataError:
    for channel, text in enumerate(channels, start=1):
        for step, value in enumerate(text.split(","), start=1):
            came = repr(_short(value)) if value.strip() else "empty"
            where = f"value {step} of channel {channel} is {came}; expected a"
            try:
                if abs(float(value.replace("?", "nan"))) > _LARGEST:
                    return DataError(f"{where} finite number, or `?` where it is missing.")
            except ValueError:
                return DataError(f"{where} number, or `?` where it is missing.")
    return DataError("has a value that is not a number.")


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"


def _short(text: str, at_most: int = 40) -> str:
    return text if len(text) <= at_most else text[: at_most - 3] + "..."


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
    for number, steps in enumerate(data.x):
        channels = [",".join(texts).replace("nan", "?") for texts in steps.T.astype(str)]
        label = [] if data.y is None else [str(data.y[number])]
        lines.append(":".join(channels + label))
    write_text(path, "\n".join(lines) + "\n")


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
