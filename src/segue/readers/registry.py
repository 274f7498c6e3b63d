"""The formats that segue reads: one line each in `READERS`, one module each beside this file.

A module has `blocks(path, **options)`, where `path` is one file (or one folder, where a format is a
folder of many files): it yields data sets that follow each other, each with the share of the whole
that has been read. Its options are those of the format, and two that the others of segue give:

    values      about so many values in each data set, so that the whole is never in memory; `None`:
                one data set with everything. It is not there where a format is read as a whole.
    limit       so many sequences, in those that need not read everything for the first few

It has `write(folder, data)` too, if the format can be written. What is in a folder, and which part
each file is, is told from names alone, by `pattern`.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, FileError, OptionError, WriteError, did_you_mean
from segue.precision import is_infinite
from segue.readers.blocks import Blocks
from segue.sequences import BLOCK_VALUES, Array

_PARTS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "t10k": "test",  # the ten thousand test images of MNIST
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
}
PART = "|".join(sorted(_PARTS, key=len, reverse=True))
# Files that are about the data.
NOTES = "read_?me|licen[cs]e|copying|copyright|notice|changes|changelog|citation|sources?"
_NAMED = rf"(?P<name>.*?)(?:(?:^|[_\-. ])(?P<part>{PART}))?"


@dataclass(frozen=True)
class Reader:
    """One format: what it is called, which files are of it, and which module reads them.

    Attributes:
        name: what users call it; also the name of its module.
        about: one line for lists of formats.
        pattern: a regular expression for whole file names, whatever their case. Its groups, where
            it has them, say what the data set is called (`name`) and which part it is (`part`).
        beside: likewise for files that belong to another one, such as its labels.
        whole_folder: its files are read together, not one by one.
        single_files: one file is a sequence, and a folder of them a data set, with one folder for
            each class or with a table of labels beside them.
        last: its files count only where none of another format are: such files lie beside data
            of any kind.
        instead_of: a format whose files hold the same; where they lie side by side, those count.
        folders: a folder of its files may be one data set; the module's `takes_folder` says so.
        by_content: other formats have the same ending; the module's `accepts` looks at the file.
    """

    name: str
    about: str
    pattern: str
    beside: str = ""
    whole_folder: bool = False
    single_files: bool = False
    last: bool = False
    instead_of: str = ""
    folders: bool = False
    by_content: bool = False

    def matches(self, file: str) -> re.Match[str] | None:
        """Return the match of a file's name, with the groups `name` and `part`."""
        if self.beside and re.fullmatch(self.beside, file, re.IGNORECASE):
            return None
        return re.fullmatch(self.pattern, file, re.IGNORECASE)

    def knows(self, file: str) -> bool:
        """Whether a file of this name is of this format, or belongs to one that is."""
        pattern = f"(?:{self.pattern})" + (f"|(?:{self.beside})" if self.beside else "")
        return re.fullmatch(pattern, file, re.IGNORECASE) is not None

    def accepts(self, path: Path) -> bool:
        """Whether a file that has the right name is of this format."""
        try:
            return not self.by_content or bool(self._module.accepts(path))
        except OSError:
            return True  # reading it will say what is wrong

    def takes_folder(self, folder: Path) -> bool:
        """Whether the files of a folder, or of folders in it, are one data set of this format."""
        return self.folders and bool(self._module.takes_folder(folder))

    def options(self) -> dict[str, inspect.Parameter]:
        """What can be said about how it is read, by name."""
        known = self._parameters
        return {n: known[n] for n in known if n not in ("path", "values", "limit", "like")}

    def read(
        self,
        path: Path,
        *,
        limit: int | None = None,
        like: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Dataset:
        """Read one file, or one folder of a format that is a folder.

        Args:
            path: of it.
            limit: so many sequences, where the format can stop there.
            like: how another source was read, `Dataset.reading`; if it was of this format, its
                options hold here too, as far as none are given.
            options: of the format.

        Raises:
            OptionError: an option that this format does not have.
            FileError: a file that is not what it should be.
        """
        own = self.options()
        if "drop_missing" not in own:
            options.pop("drop_missing", None)  # whoever reads it all does so
        options = self._checked(options)
        if like is not None and like.get("format") == self.name:
            if "like" in self._parameters:
                options["like"] = like
            else:
                options = {**{n: like[n] for n in _lasting(own) if n in like}, **options}
        if "limit" in self._parameters:
            options["limit"] = limit
        with np.errstate(over="ignore"):  # what is too large for float32 is refused below
            ((data, _),) = self._blocks(path, options)
        return data

    def blocks(self, path: Path, **options: Any) -> Blocks:
        """Read the same in data sets that follow each other, each of about four million values.

        With each comes the share of the files that has been read.

        Raises:
            OptionError: an option that this format does not have.
            FileError: a file that is not what it should be.
        """
        yield from self._blocks(path, {"values": BLOCK_VALUES, **self._checked(options)})

    @property
    def has_blocks(self) -> bool:
        """Whether it need not have everything in memory at once."""
        return "values" in self._parameters

    def _blocks(self, path: Path, options: Mapping[str, Any]) -> Blocks:
        try:
            for data, share in self._module.blocks(path, **options):
                _refuse_infinite(data, path)
                yield self._remembering(data, options), share
        except (DataError, OSError) as error:
            if isinstance(error, FileError | WriteError):
                raise
            reason = str(error)
            if isinstance(error, OSError):
                reason = f"cannot be read ({error.strerror or error})."
            raise FileError(reason, path=path) from error

    @property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self._module.blocks).parameters

    def _checked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        own = self.options()
        strange = sorted(set(options) - own.keys())
        if strange:
            hint = did_you_mean(strange[0], own) if own else " It has none."
            raise OptionError(f"The format {self.name} has no option {strange[0]!r}.{hint}")
        return {name: _checked(own[name], value) for name, value in options.items()}

    def _remembering(self, data: Dataset, options: Mapping[str, Any]) -> Dataset:
        """The data set, which says how it was read."""
        said = {name: options[name] for name in _lasting(self.options()) if name in options}
        said = {n: list(v) if isinstance(v, tuple) else v for n, v in said.items()}
        if "like" in self._parameters:
            said = {}  # such a reader says all of it
        return replace(data, reading={"format": self.name, **said, **(data.reading or {})})

    def write(self, folder: Path, data: Dataset) -> None:
        """Write the files of a data set into an empty folder.

        Raises:
            OptionError: a format that segue only reads.
            DataError: a data set that this format cannot hold.
        """
        if not self.is_writable:
            known = [reader.name for reader in READERS if reader.is_writable]
            raise OptionError(
                f"segue reads {self.name} but does not write it. It writes {', '.join(known)}."
            )
        self._module.write(folder, data)

    @property
    def is_writable(self) -> bool:
        """Whether segue writes this format too."""
        return hasattr(self._module, "write")

    @property
    def _module(self) -> ModuleType:
        return importlib.import_module(f"segue.readers.{self.name}")


def _refuse_infinite(data: Dataset, path: Path) -> None:
    """Refuse measurements that no network can take; a mapped file is left to who wrote it."""
    if data.x.kind != "numbers" or data.x.is_mapped:
        return
    before = 0
    for block in data.x.blocks():
        step = _first_infinite(block.values)
        if step is not None:
            row = int(np.searchsorted(block.offsets, step, side="right")) - 1
            name = "" if data.ids is None else f" ({data.ids[before + row]})"
            raise FileError(
                f"record {before + row + 1}{name} has a value at step "
                f"{step - int(block.offsets[row])} that is infinite, or too large for float32; "
                "expected numbers, and NaN where one is missing.",
                path=path,
            )
        before += len(block)


def _first_infinite(values: Array) -> int | None:
    at_once = max(1, 100_000 // values.shape[1])
    for start in range(0, len(values), at_once):
        infinite = is_infinite(values[start : start + at_once])
        if infinite.any():
            return start + int(infinite.any(axis=1).argmax())
    return None


def _checked(option: inspect.Parameter, value: Any) -> Any:
    """A value of the type that an option has; a number that stands for text as text."""
    kind = str(option.annotation).removesuffix(" | None")
    if value is None or kind not in ("int", "bool", "str"):
        return value
    if kind == "str" and isinstance(value, str | int | float):
        return str(value)
    if kind == "bool" and not isinstance(value, bool):
        raise OptionError(f"{option.name}={value!r}; expected true or false.")
    if kind == "int" and (isinstance(value, bool) or not isinstance(value, int)):
        raise OptionError(f"{option.name}={value!r}; expected a whole number.")
    return value


def _lasting(options: Iterable[str]) -> list[str]:
    """The options that hold for other files too; the rest is about one source."""
    return [name for name in options if name not in ("labels", "x", "y")]


READERS = (
    Reader(
        "dat",
        "a folder of pairs X_<i>.dat, Y_<i>.dat: raw float64 values and the class",
        r"[XY]_\d+\.dat",
        whole_folder=True,
    ),
    Reader("ts", "<Name>_TRAIN.ts, <Name>_TEST.ts of the UEA and UCR archives", rf"{_NAMED}\.ts"),
    Reader(
        "arff",
        "<Name>_TRAIN.arff, <Name>_TEST.arff of the UEA and UCR archives, flat and relational",
        rf"{_NAMED}\.arff",
        instead_of="ts",
    ),
    Reader(
        "tsv",
        "<Name>_TRAIN.tsv, <Name>_TEST.tsv of the UCR archive 2018",
        rf"{_NAMED}\.tsv",
        by_content=True,
    ),
    Reader(
        "npz",
        "NumPy arrays: .npz, or .npy with the labels in y.npy or <name>_y.npy",
        rf"{_NAMED}\.np[yz]",
        beside=rf"(?:.*_)?(?:y|labels)(?:_(?:{PART}))?\.npy",
    ),
    Reader(
        "idx",
        "images as in MNIST's four files, a row a step: [...-]images-idx3-ubyte[.gz]",
        rf"(?:(?P<name>.+?)[-_])??(?:(?P<part>{PART})[-_])?images[-.]idx[1-4]-ubyte(?:\.gz)?",
        beside=r"(?:.+-)?labels[-.]idx1-ubyte(?:\.gz)?",
    ),
    Reader("mat", "MATLAB files with XTrain, YTrain, XTest, YTest: .mat", rf"{_NAMED}\.mat"),
    Reader("arrow", "what Dataset.write made: .arrow", rf"{_NAMED}\.arrow", by_content=True),
    Reader(
        "audio",
        "sounds: .wav, .flac, .ogg, .mp3, a folder for each class or with labels.csv beside them",
        r".+\.(?:wave?|flac|og[ga]|opus|mp3|aiff?)",
        beside=r".+\.[ct]sv",
        single_files=True,
    ),
    Reader("silso", "the daily sunspot numbers of SILSO: SN_d_tot_V2.0.csv", r"SN_d_.*\.csv"),
    Reader(
        "table",
        "tables: .csv, .tsv, .parquet, .feather, numbers in .txt; a row or file a sequence, "
        "or a row a step",
        rf"{_NAMED}(?:\.(?:(?:csv|tsv|tab|txt|dat|data|log)(?:\.gz)?|parquet|pq|feather|arrow)"
        r"|(?<=_TRAIN)|(?<=_TEST))",
        folders=True,
        by_content=True,
    ),
    Reader(
        "text",
        "texts: .txt, a folder for each class or with labels.csv beside them; also by sentence",
        rf"(?!(?:{NOTES})\b).+\.te?xt",
        beside=r"labels\.[ct]sv",
        single_files=True,
        last=True,
    ),
    Reader(
        "images",
        "images row by row: .png, .jpg, .bmp, .tif, a folder for each class or with labels.csv",
        r".+\.(?:png|jpe?g|bmp|tiff?|gif|webp)",
        beside=r"labels\.[ct]sv",
        single_files=True,
        last=True,
    ),
)


def reader_named(name: str) -> Reader:
    """Return the reader of a format.

    Raises:
        OptionError: no such format; a near one is suggested.

    >>> reader_named("ts").about
    '<Name>_TRAIN.ts, <Name>_TEST.ts of the UEA and UCR archives'
    """
    for reader in READERS:
        if reader.name == name:
            return reader
    names = [reader.name for reader in READERS]
    raise OptionError(f"There is no format {name!r}.{did_you_mean(name, names)}")


def part_named(name: str | None) -> str | None:
    """Return the part that a folder or a piece of a file's name stands for, or None.

    >>> part_named("TRAIN"), part_named("val"), part_named("noise")
    ('train', 'validation', None)
    """
    return _PARTS.get((name or "").lower())
