"""The registry of formats: each has an entry in `data/formats.toml` and a module in this package.

A module has `blocks(path, **options)`, where `path` is one file (or one folder, where a format is a
folder of many files): it yields data sets that follow each other, each with the share of the whole
that has been read. Its options are those of the format, and two that the others of segue give:

    values      about so many values in each data set, so that the whole is never in memory; `None`:
                one data set with everything. It is not there where a format is read as a whole.
    limit       so many sequences, in those that need not read everything for the first few

It has `write(folder, data)` too, if the format can be written. What is in a folder, and which part
each file is, is inferred from names alone, by `pattern`.
"""

from __future__ import annotations

import importlib
import re
import tomllib
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from segue.data.arrays import is_infinite
from segue.data.dataset import Dataset
from segue.data.sequences import BLOCK_VALUES
from segue.errors import DataError, FileError, OptionError, did_you_mean
from segue.readers.blocks import Blocks, errors_of
from segue.readers.decoding import ends_inside

_FORMATS = Path(__file__).with_name("data").joinpath("formats.toml").read_text("utf-8")
_PARTS = {
    word: part for part, words in tomllib.loads(_FORMATS)["parts"].items() for word in words.split()
}
PART = "|".join(sorted(_PARTS, key=len, reverse=True))
# Files that are about the data.
NOTES = "read_?me|licen[cs]e|copying|copyright|notice|changes|changelog|citation|sources?"
_OF_SEGUE = ("path", "values", "limit", "like")  # arguments that are not options of a format
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
        folders: a folder of its files may be one data set, as the module's `takes_folder` decides.
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
        patterns = [self.pattern, self.beside] if self.beside else [self.pattern]
        return any(re.fullmatch(pattern, file, re.IGNORECASE) for pattern in patterns)

    def accepts(self, path: Path) -> bool:
        """Whether a file that has the right name is of this format."""
        try:
            return not self.by_content or bool(self._module.accepts(path))
        except (OSError, UnicodeError, EOFError, zlib.error, DataError):
            return True  # reading it raises the error

    def takes_folder(self, folder: Path) -> bool:
        """Whether the files of a folder, or of folders in it, are one data set of this format."""
        return self.folders and bool(self._module.takes_folder(folder))

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
        known = self._options
        if "drop_missing" not in known:
            options.pop("drop_missing", None)  # whoever reads it all does so
        of_segue: dict[str, Any] = {} if "limit" not in known else {"limit": limit}
        if like is not None and like.get("format") == self.name:
            if "like" in known:
                of_segue["like"] = like
            else:
                options = {**self._lasting(like), **options}
        with np.errstate(over="ignore"):  # what is too large for float32 is refused below
            ((data, _),) = self._blocks(path, options, of_segue)
        return data

    def blocks(self, path: Path, **options: Any) -> Blocks:
        """Read the same in data sets that follow each other, each of about four million values.

        With each comes the share of the files that has been read.

        Raises:
            OptionError: an option that this format does not have.
            FileError: a file that is not what it should be.
        """
        yield from self._blocks(path, options, {"values": BLOCK_VALUES})

    @property
    def has_blocks(self) -> bool:
        """Whether the reader can read block by block, with bounded memory."""
        return "values" in self._options

    def _blocks(self, path: Path, options: dict[str, Any], of_segue: dict[str, Any]) -> Blocks:
        options = self.checked(options)
        said = {} if "like" in self._options else self._lasting(options)
        said = {n: list(v) if isinstance(v, tuple) else v for n, v in said.items()}
        with errors_of(path), _cuts_told():
            for data, share in self._module.blocks(path, **options, **of_segue):
                _refuse_infinite(data)
                how = {"format": self.name, **said, **(data.reading or {})}
                yield replace(data, reading=how), share

    @cached_property
    def _options(self) -> dict[str, Any]:
        """The options of `blocks` with their types, also those that no user gives."""
        kinds = get_type_hints(self._module.blocks)
        return {name: kind for name, kind in kinds.items() if name not in ("path", "return")}

    def checked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options, each of the type that it should have.

        Raises:
            OptionError: one that this format does not have, or of another type.
        """
        own = {name: kind for name, kind in self._options.items() if name not in _OF_SEGUE}
        strange = sorted(options.keys() - own.keys())
        if strange:
            hint = did_you_mean(strange[0], own) if own else " It has none."
            raise OptionError(f"The format {self.name} has no option {strange[0]!r}.{hint}")
        return {name: _checked_option(name, value, own[name]) for name, value in options.items()}

    def _lasting(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options that hold for other files too; the rest is about one source."""
        rest = (*_OF_SEGUE, "labels", "x", "y")
        return {n: options[n] for n in self._options if n in options and n not in rest}

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


@contextmanager
def _cuts_told() -> Iterator[None]:
    """Of what is wrong in the last line of a text, say that this line has no end."""
    try:
        yield
    except FileError as error:
        if not (error.path and error.line and ends_inside(error.path, error.line)):
            raise
        said = "The file ends here, without an end of the line: it seems to be cut off."
        told = FileError(f"{error} {said}")
        told.path, told.line = error.path, error.line
        raise told from error


def _checked_option(name: str, value: Any, kind: Any) -> Any:
    """A value of the type that an option has; a number in place of text becomes text."""
    kinds = {one for one in get_args(kind) or (kind,) if one is not type(None)}
    words = [word for one in {kind, *kinds} if get_origin(one) is Literal for word in get_args(one)]
    if value is None or value in words:
        return value
    if words:
        listed = f"{', '.join(map(repr, words[:-1]))} or {words[-1]!r}"
        hint = did_you_mean(str(value), words) if len(words) > 3 else ""
        raise OptionError(f"{name}={value!r}; expected {listed}.{hint}")
    if kinds == {str} and isinstance(value, str | int | float):
        return str(value)
    if kinds == {bool} and not isinstance(value, bool):
        raise OptionError(f"{name}={value!r}; expected true or false.")
    if kinds == {int} and (isinstance(value, bool) or not isinstance(value, int)):
        raise OptionError(f"{name}={value!r}; expected a whole number.")
    return value


def _refuse_infinite(data: Dataset) -> None:
    """Refuse measurements that no network can take; a mapped file is left to who wrote it."""
    if data.x.kind != "numbers" or data.x.is_mapped:
        return
    before = 0
    for block in data.x.blocks(max(1, 1_000_000 // data.x.channels)):
        flat = block.values.ravel()
        with np.errstate(over="ignore", invalid="ignore"):
            is_small = flat @ flat < 1e38  # then so is each value, and none is missing
        if not is_small and (infinite := is_infinite(block.values)).any():
            step = int(infinite.any(axis=1).argmax())
            row = int(np.searchsorted(block.offsets, step, side="right")) - 1
            name = "" if data.ids is None else f" ({data.ids[before + row]})"
            channel = int(infinite[step].argmax())
            where = "" if data.channels is None else f" of channel {data.channels[channel]!r}"
            raise DataError(
                f"record {before + row + 1}{name} has a value{where} at step "
                f"{step - int(block.offsets[row])} that is infinite, or too large for float32; "
                "expected numbers, and NaN where one is missing."
            )
        before += len(block)


def _readers() -> tuple[Reader, ...]:
    """The formats that `data/formats.toml` lists, in its order."""
    text = _FORMATS
    for word, pattern in {"NAMED": _NAMED, "PART": PART, "NOTES": NOTES}.items():
        text = text.replace(f"{{{word}}}", pattern)
    return tuple(Reader(**fields) for fields in tomllib.loads(text)["format"])


READERS = _readers()


@cache
def option_names() -> frozenset[str]:
    """The options of all formats, and those that `segue.read` has for each."""
    own = {name for reader in READERS for name in reader._options} - {*_OF_SEGUE}
    return frozenset(own | {"window", "stride", "window_label"})


def reader_named(name: str) -> Reader:
    """Return the reader of a format.

    Raises:
        OptionError: no such format; a near one is suggested.

    >>> reader_named("ts").about
    '<Name>_TRAIN.ts, <Name>_TEST.ts of the UEA and UCR archives'
    """
    readers = {reader.name: reader for reader in READERS}
    if name not in readers:
        raise OptionError(f"There is no format {name!r}.{did_you_mean(name, readers)}")
    return readers[name]


def part_named(name: str | None) -> str | None:
    """Return the part that a folder or a piece of a file's name stands for, or None.

    >>> part_named("TRAIN"), part_named("val"), part_named("noise")
    ('train', 'validation', None)
    """
    return _PARTS.get((name or "").lower())
